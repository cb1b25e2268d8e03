//! Full collections of what lives.
//!
//! `graph`: a million objects (`live.rs`), held by one of them only. Before each collection all are looked up by a walk, and let go
//! again, in the order in which they were made: every object lost a reference since the last time, so every one may be garbage, and none
//! is. The walk is not measured. In `graph_shuffled` they are let go in random order: what a collector notes then has no order
//! in memory.
//!
//! `idle`: ten million objects in a list, of which none lost a reference since the last collection. Time of a
//! collection, not per object.

use std::time::{Duration, Instant};

use super::kinds::Collector;
use super::live;
use crate::median;
use crate::meter::Meter;

/// Objects of the graph.
pub const OBJECTS: usize = 1_000_000;
/// Objects of the list.
pub const IDLE: u64 = 10_000_000;
/// After this time no further collection is begun.
const PATIENCE: Duration = Duration::from_secs(2);

/// A graph that is all suspect, in the order of its making.
pub fn graph<C: Collector>(meter: &mut Meter) {
    let (order, _) = live::plan(OBJECTS);
    suspect_all::<C>(meter, |walked| {
        // The walk began at the object that was made first.
        let begin = order.iter().position(|&number| number == 0).expect("each is in the ring");
        let mut handles: Vec<Option<C::Twin>> = walked.iter().map(|_| None).collect();
        for (step, handle) in walked.drain(..).enumerate() {
            handles[order[(begin + step) % OBJECTS] as usize] = Some(handle);
        }
        drop(handles);
    });
}

/// A graph that is all suspect, in random order.
pub fn graph_shuffled<C: Collector>(meter: &mut Meter) {
    suspect_all::<C>(meter, Vec::clear);
}

/// Collections of a graph, all of whose objects `lose` lets go of before each.
fn suspect_all<C: Collector>(meter: &mut Meter, lose: impl Fn(&mut Vec<C::Twin>)) {
    let mut table = live::graph::<C>(OBJECTS);
    let root = table[0].clone();
    while meter.more() {
        table.clear();
        live::walk::<C>(&root, OBJECTS, &mut table);
        lose(&mut table);
        meter.time(OBJECTS as u64, C::collect);
    }
    std::mem::forget(root);
}

/// A large heap in which nothing happened.
pub fn idle<C: Collector>(meter: &mut Meter) {
    let mut head = None;
    for i in 0..IDLE {
        head = Some(C::node(i, head));
        C::breathe(1);
    }
    note_idle(meter, C::collect);
    std::mem::forget(head);
}

/// Collects until nothing is left to do, then measures collections.
pub fn note_idle(meter: &mut Meter, mut collect: impl FnMut()) {
    for _ in 0..2 {
        collect();
    }
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || (times.len() < 9 && begin.elapsed() < PATIENCE) {
        let begin = Instant::now();
        collect();
        times.push(begin.elapsed().as_nanos() as f64 / 1e3);
    }
    meter.note("collection_us", median(&times));
}
