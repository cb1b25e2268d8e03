//! Five million objects of garbage, and nobody calls the collector: does memory stay where it is?
//!
//! Cycles are made and dropped, one after another. What the process has resident is read after 500 000 objects and after
//! five million. Where a collector keeps up, the second is what the first is. Each workload has a way of its own to
//! make that hard:
//!
//! - `surprise`: doubly linked lists of 5000, too large for a young generation, each pointing at a long-lived list of 10 000. CPython's
//!   first incremental collector took the live list for garbage's, and its debt grew without end (python/cpython #108038, #116206).
//! - `selves`, `pairs`: garbage that is as small as can be, so nothing but the collector's own pace bounds it.
//! - `hub`: pairs that all point at one long-lived object, which loses a reference for each that dies.

use std::time::Instant;

use super::cycles;
use super::kinds::Collector;
use crate::memory::resident_mib;
use crate::meter::Meter;

/// Objects after which memory is read.
pub const MARKS: [(u64, &str); 2] = [(500_000, "rss_500k_mib"), (5_000_000, "rss_5m_mib")];
/// Bytes of an object, without what a collector adds.
const OBJECT: f64 = 24.0;
/// Nodes of the long-lived list.
pub const LIVE: u64 = 10_000;
/// Nodes of a list that dies.
pub const DYING: u64 = 5000;

/// Makes `size` objects at a time, until there were five million; notes memory at the marks.
#[inline(always)]
pub fn run(meter: &mut Meter, size: u64, mut make: impl FnMut()) {
    let begin = Instant::now();
    let mut made = 0;
    let mut memory = [0.0; MARKS.len()];
    for ((mark, _), memory) in MARKS.iter().zip(&mut memory) {
        while made < *mark {
            make();
            made += size;
        }
        *memory = resident_mib();
    }
    meter.cold();
    meter.count(made, begin.elapsed());
    for ((_, name), memory) in MARKS.iter().zip(memory) {
        meter.note(name, memory);
    }
    let grown = (memory[1] - memory[0]).max(0.0) * f64::from(1 << 20);
    meter.note("kept", grown / ((MARKS[1].0 - MARKS[0].0) as f64 * OBJECT));
}

/// A doubly linked list of so many nodes, the first of which has this before it.
#[inline(always)]
pub fn linked<C: Collector>(nodes: u64, before: Option<C::Twin>) -> C::Twin {
    let mut head = C::twin([None, None]);
    for _ in 1..nodes {
        let front = C::twin([Some(head.clone()), None]);
        C::set_edge(&head, 1, Some(front.clone()));
        head = front;
    }
    if before.is_some() {
        C::set_edge(&head, 1, before);
    }
    head
}

/// Lists that point at a live one.
pub fn surprise<C: Collector>(meter: &mut Meter) {
    let live = linked::<C>(LIVE, None);
    run(meter, DYING, || {
        drop(linked::<C>(DYING, Some(live.clone())));
        C::breathe(DYING);
    });
    std::mem::forget(live);
}

/// Objects that hold themselves.
pub fn selves<C: Collector>(meter: &mut Meter) {
    run(meter, 1, || {
        cycles::close_self::<C>();
        C::breathe(1);
    });
}

/// Objects that hold each other.
pub fn pairs<C: Collector>(meter: &mut Meter) {
    run(meter, 2, || {
        cycles::close_pair::<C>();
        C::breathe(2);
    });
}

/// Pairs that point at one object.
pub fn hub<C: Collector>(meter: &mut Meter) {
    let hub = C::twin([None, None]);
    run(meter, 2, || {
        let first = C::twin([None, Some(hub.clone())]);
        let second = C::twin([Some(first.clone()), Some(hub.clone())]);
        C::set_edge(&first, 0, Some(second));
        C::breathe(2);
    });
    std::mem::forget(hub);
}
