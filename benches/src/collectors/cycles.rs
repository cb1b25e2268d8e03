//! Garbage that counting does not free, from its making to its end.
//!
//! Two hundred thousand objects are made, in cycles of one, two or a thousand; each cycle is dropped as soon as
//! it is closed. Then comes a full collection. Before it the collector may run by itself as often as it likes: what is measured is all of it, per
//! object. Which part of the time is that last collection is a figure of its own.

use std::time::Instant;

use super::kinds::Collector;
use crate::median;
use crate::meter::Meter;

/// Objects of a round.
pub const OBJECTS: u64 = 200_000;
/// Objects of a ring.
pub const RING: u64 = 1000;

/// Rounds of cycles, each of `size` objects.
#[inline(always)]
fn rounds<C: Collector>(meter: &mut Meter, size: u64, cycle: impl Fn()) {
    let mut shares = Vec::with_capacity(64);
    while meter.more() {
        let begin = Instant::now();
        for _ in 0..OBJECTS / size {
            cycle();
            C::breathe(size);
        }
        let collection = Instant::now();
        C::collect();
        let end = Instant::now();
        meter.count(OBJECTS, end - begin);
        shares.push((end - collection).as_nanos() as f64 / OBJECTS as f64);
    }
    // The first is the round that warms up.
    meter.note("last_collection", median(&shares[1..]));
}

/// An object that holds itself.
#[inline(always)]
pub fn close_self<C: Collector>() {
    let node = C::node(0, None);
    C::set_next(&node, Some(node.clone()));
}

/// Two objects that hold each other.
#[inline(always)]
pub fn close_pair<C: Collector>() {
    let first = C::node(0, None);
    let second = C::node(1, Some(first.clone()));
    C::set_next(&first, Some(second));
}

/// So many objects, each of which holds the one that was made before it, and the first the last.
#[inline(always)]
pub fn close_ring<C: Collector>(size: u64) {
    let first = C::node(0, None);
    let mut last = first.clone();
    for i in 1..size {
        last = C::node(i, Some(last));
    }
    C::set_next(&first, Some(last));
}

/// Cycles of one.
pub fn selves<C: Collector>(meter: &mut Meter) {
    rounds::<C>(meter, 1, close_self::<C>);
}

/// Cycles of two.
pub fn pairs<C: Collector>(meter: &mut Meter) {
    rounds::<C>(meter, 2, close_pair::<C>);
}

/// Cycles of a thousand.
pub fn rings<C: Collector>(meter: &mut Meter) {
    rounds::<C>(meter, RING, || close_ring::<C>(RING));
}
