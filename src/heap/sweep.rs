//! Memory that is free but not handed back by itself: OS pages inside used pools, empty pools.
//!
//! After many frees at random hardly a pool is empty, but many OS pages in them are: of 557 MiB in blocks of 16 to
//! some hundred bytes, 95 % freed, about a quarter. A sweep reads the free maps of the heap's used pools and
//! decommits such pages. It costs a look at each pool, so it comes seldom: when more is free in pools
//! than is live, and 8 MiB more, and live memory has fallen by a fifth since the last.

use super::{Heap, abandon, drain, flush, thread};
use crate::arena::{self, Arena};
use crate::config::SWEEP_RESERVE_BYTES;
use crate::os::{self, Range};
use crate::pool::{OwnedPool, SizeClass};
use crate::settings::Options;

/// Sweeps if enough has changed. For the end of each flush.
#[inline]
pub fn consider(heap: &Heap) {
    let free = heap.free_bytes.get();
    let live = heap.pool_bytes.get() - free;
    let swept = heap.swept_live.get();
    if live >= swept {
        heap.swept_live.set(live);
    } else if free > SWEEP_RESERVE_BYTES + live && live < swept / 5 * 4 {
        heap.swept_live.set(live);
        sweep(heap);
    }
}

/// Releases empty pools, and decommits free OS pages in the others.
#[cold]
fn sweep(heap: &Heap) {
    release_empty(heap);
    let mut holes = Holes::new();
    for class in SizeClass::all() {
        let mut next = heap.class(class).used.first();
        while let Some(pool) = next {
            next = pool.next();
            punch(pool, class, &mut holes);
        }
    }
    holes.decommit();
}

fn punch(pool: OwnedPool, class: SizeClass, holes: &mut Holes) {
    // Fewer free bytes than a page can't be a page.
    if pool.free_count() * class.block_size() < os::page_size() {
        return;
    }
    pool.free_pages(class, |range| holes.add(range));
}

/// Ranges to decommit, gathered so that one system call does many.
struct Holes {
    ranges: [Range; Holes::MAX],
    len: usize,
}

impl Holes {
    const MAX: usize = 128;

    fn new() -> Self {
        Holes { ranges: [Range { at: 0, len: 0 }; Holes::MAX], len: 0 }
    }

    fn add(&mut self, range: Range) {
        if let Some(arena) = Arena::of(range.at) {
            arena.expect_holes();
        }
        if self.len == Holes::MAX {
            self.decommit();
        }
        self.ranges[self.len] = range;
        self.len += 1;
    }

    fn decommit(&mut self) {
        let ranges = &self.ranges[..self.len];
        let bytes = ranges.iter().map(|range| range.len).sum();
        // What the kernel does not take stays, and is noted as gone all the same (P5): it is not asked twice.
        arena::note_holes(bytes as isize);
        if os::decommit_each(ranges) == ranges.len() {
            arena::note_purged(bytes);
        }
        self.len = 0;
    }
}

/// Releases every pool of `heap` without a block out; whether there was one.
pub fn release_empty(heap: &Heap) -> bool {
    let mut any = false;
    for class in SizeClass::all() {
        let mut next = heap.class(class).used.first();
        while let Some(pool) = next {
            next = pool.next();
            if pool.is_empty(class) {
                heap.release(pool, class);
                any = true;
            }
        }
    }
    any
}

/// `neap::heap::purge`.
pub fn purge() {
    thread::with_heap(Options::NONE, |heap| {
        flush::flush_all(heap);
        drain::drain_inbox(heap);
        abandon::adopt_everything(heap);
        sweep(heap);
    });
    arena::purge_all();
}
