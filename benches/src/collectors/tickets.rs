//! Workloads that an incremental collector was withdrawn for: each was reported to python/cpython, and is done here from the idea.
//!
//! - `keys` (#139951): a large map whose keys are tuples; nothing dies, and a collector that looks at the growing heap again and again
//!   takes more time than the program.
//! - `tuples` (#142531): fifteen million tuples in one list, likewise.
//! - `waiting` (#142001): cycles are made one after another beside a small heap; how many wait at most?
//! - `requests` (#142516): a loop of requests, each of which makes a few objects that hold each other, one of them with 64 KiB; the last
//!   hundred are kept. Memory ought to be that of the hundred, and of a little garbage.
//!
//! The lists of #108038 and #116206 are in `unattended.rs`.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::kinds::Collector;
use super::mix::{self, Watch};
use crate::memory::resident;
use crate::meter::Meter;

/// Entries of the map.
pub const KEYS: u64 = 2_000_000;
/// Tuples of the list.
pub const TUPLES: u64 = 15_000_000;
/// Objects of garbage of `waiting`.
pub const GARBAGE: u64 = 2_000_000;
/// Objects of a cycle of `waiting`.
pub const CYCLE: u64 = 10;
/// Live objects beside it.
pub const LIVE: u64 = 1000;
/// Requests.
pub const REQUESTS: u64 = 20_000;
/// Objects of a request.
pub const OBJECTS: u64 = 20;
/// Bytes that one of them carries.
pub const BODY: usize = 64 << 10;
/// Requests that are kept.
pub const KEPT: usize = 100;

/// Times something that is done once, and notes the peak of memory.
pub fn once(meter: &mut Meter, operations: u64, work: impl FnOnce()) {
    let begin = Instant::now();
    work();
    meter.cold();
    meter.count(operations, begin.elapsed());
    meter.note("peak_mib", resident().peak_kib as f64 / 1024.0);
}

/// A map that grows: each entry is a pair of objects that were there before.
pub fn keys<C: Collector>(meter: &mut Meter) {
    once(meter, KEYS, || {
        let ends: Vec<C::Tree> = (0..1000).map(|_| C::tree([None, None])).collect();
        let mut map = HashMap::new();
        for i in 0..KEYS {
            let pair = [i % 1000, i / 1000 % 1000].map(|end| Some(ends[end as usize].clone()));
            map.insert(i, C::tree(pair));
            C::breathe(1);
        }
        std::mem::forget((map, ends));
    });
}

/// A list that grows: each entry points at one object.
pub fn tuples<C: Collector>(meter: &mut Meter) {
    once(meter, TUPLES, || {
        let end = C::tree([None, None]);
        let mut list = Vec::new();
        for _ in 0..TUPLES {
            list.push(C::tree([Some(end.clone()), None]));
            C::breathe(1);
        }
        std::mem::forget((list, end));
    });
}

/// Cycles beside a small heap.
pub fn waiting<C: Collector>(meter: &mut Meter) {
    let table: Vec<C::Many> = (0..LIVE).map(|_| C::many(Vec::new(), 0)).collect();
    let mut watch = Watch::start();
    for _ in 0..GARBAGE / CYCLE {
        mix::ring::<C>(CYCLE, 0);
        watch.step(LIVE);
    }
    watch.note(meter, GARBAGE);
    std::mem::forget(table);
}

/// One request: objects that all know the first, which knows them.
fn request<C: Collector>() -> C::Many {
    let first = C::many(Vec::new(), BODY);
    for _ in 1..OBJECTS {
        let part = C::many(vec![first.clone()], 0);
        C::push(&first, part);
    }
    C::breathe(OBJECTS);
    first
}

/// Requests, the last of which are kept.
pub fn requests<C: Collector>(meter: &mut Meter) {
    let mut kept = VecDeque::new();
    let mut watch = Watch::start();
    for _ in 0..REQUESTS {
        kept.push_back(request::<C>());
        if kept.len() > KEPT {
            kept.pop_front();
        }
        watch.step(kept.len() as u64 * OBJECTS);
    }
    watch.note(meter, REQUESTS * OBJECTS);
    std::mem::forget(kept);
}
