//! Small garbage beside a large graph that lives.
//!
//! Pairs of objects that hold each other are made and dropped, while a graph of one or five million objects
//! (`live.rs`) stays. In `small` the pairs have nothing to do with the graph: whoever looks at it wastes time. In `edges` the second
//! object of each pair points at an object of the graph, so a collector that follows it may run through all of it. Collection is automatic (or
//! `breathe`'s). `std::rc::Rc` does the same with pairs that are no cycles.
//!
//! A round makes four times as many objects as live, or as many as it can in two seconds. Besides the time there is the longest pause of a
//! round, in batches of 16 pairs, the median of the rounds that count; and which part of the garbage's bytes the process grew by: near 1 means that nothing was
//! collected. It is not noted where there was less garbage than twice what lives: a collector that lets the heap double before it looks has
//! had no occasion.

use std::hint::black_box;
use std::time::Duration;

use super::kinds::Collector;
use super::live;
use super::pauses::Pauses;
use crate::median;
use crate::memory::resident;
use crate::meter::Meter;
use crate::random::Random;

/// Pairs between two readings of the clock.
pub const BATCH: u64 = 16;
/// Objects of garbage in a round for each live one, at most.
const ROUND: u64 = 4;
/// After this time a round ends.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a pair, without what a collector adds.
const PAIR: f64 = 2.0 * 24.0;

/// Rounds of batches beside so many live objects; notes the longest pause and what was kept.
#[inline(always)]
pub fn rounds(meter: &mut Meter, live: usize, mut batch: impl FnMut()) {
    let round = ROUND * live as u64 / (2 * BATCH);
    let mut longest = Vec::with_capacity(64);
    let mut kept = None;
    let mut made = 0;
    while meter.more() {
        let mut pauses = Pauses::start();
        let mut batches = 0;
        let elapsed = loop {
            batch();
            batches += 1;
            let elapsed = pauses.lap();
            if batches == round || elapsed > PATIENCE {
                break elapsed;
            }
        };
        meter.count(batches * BATCH * 2, elapsed);
        match kept {
            None => kept = Some(resident().now_kib),
            Some(_) => {
                longest.push(pauses.longest_ms());
                made += batches * BATCH;
            }
        }
    }
    meter.note("pause_ms", median(&longest));
    if made >= live as u64 {
        let before = kept.expect("there is a first round") as f64;
        let grown = (resident().now_kib as f64 - before) * 1024.0;
        meter.note("kept", grown.max(0.0) / (made as f64 * PAIR));
    }
}

/// One pair, the second of which has an edge out of it. `closed` makes it a cycle.
#[inline(always)]
fn pair<C: Collector>(closed: bool, target: Option<C::Twin>) {
    let first = C::twin([None, None]);
    let second = C::twin([Some(first.clone()), target]);
    if closed {
        C::set_edge(&first, 0, Some(second));
    } else {
        black_box(second);
    }
}

/// Pairs that have nothing to do with the graph.
fn small<C: Collector>(meter: &mut Meter, objects: usize, closed: bool) {
    let table = live::graph::<C>(objects);
    C::collect();
    rounds(meter, objects, || {
        for _ in 0..BATCH {
            pair::<C>(closed, None);
            C::breathe(2);
        }
    });
    std::mem::forget(table);
}

/// Beside a million objects.
pub fn small_1m<C: Collector>(meter: &mut Meter) {
    small::<C>(meter, 1_000_000, true);
}

/// Beside five million.
pub fn small_5m<C: Collector>(meter: &mut Meter) {
    small::<C>(meter, 5_000_000, true);
}

/// Beside a million objects, without cycles.
pub fn small_1m_acyclic<C: Collector>(meter: &mut Meter) {
    small::<C>(meter, 1_000_000, false);
}

/// Beside five million, without cycles.
pub fn small_5m_acyclic<C: Collector>(meter: &mut Meter) {
    small::<C>(meter, 5_000_000, false);
}

/// Pairs that point at the graph.
#[inline(always)]
fn pointing<C: Collector>(meter: &mut Meter, closed: bool) {
    let table = live::graph::<C>(1_000_000);
    C::collect();
    let mut random = Random::new(71);
    rounds(meter, table.len(), || {
        for _ in 0..BATCH {
            let target = table[random.below(table.len())].clone();
            pair::<C>(closed, Some(target));
            C::breathe(2);
        }
    });
    std::mem::forget(table);
}

/// Pairs that point at a graph of a million objects.
pub fn edges<C: Collector>(meter: &mut Meter) {
    pointing::<C>(meter, true);
}

/// The same without cycles.
pub fn edges_acyclic<C: Collector>(meter: &mut Meter) {
    pointing::<C>(meter, false);
}
