//! Memory that is free but not handed back by itself: OS pages inside used pools, empty pools.
//!
//! After many frees at random hardly a pool is empty, but many OS pages in them are: of 557 MiB in blocks of 16 to
//! some hundred bytes, 95 % freed, about a quarter. A sweep reads the free maps of the heap's used pools and
//! decommits such pages. It costs a look at each pool, some 200 ns, so it comes seldom: when more is free in pools
//! than is live, and 8 MiB more, and when so much less is live than at the last that a yield is likely.
//!
//! **The promise.** With `λ` live blocks on a page on average, strewn at random, a share of `e^-λ` of the pages is free.
//! So a sweep that finds a share `y` free will find `y^c` when live memory has fallen to `c` of what it is:
//! nothing for long, then more and more, little again at the end. The next sweep comes where about a thirty-second more
//! is to be had, or, when the promise was not kept (hardly more was found than before), when half as much is live.

use core::cell::Cell;

use super::thread::Content;
use super::{Heap, abandon, beside, drain, flush, thread};
use crate::arena::{self, Arena};
use crate::config::SWEEP_RESERVE_BYTES;
use crate::os::{self, Range};
use crate::pool::{OwnedPool, SizeClass};
use crate::settings::Options;

/// What decides when to sweep. Zero, as in a new heap, is a good start.
pub struct Pace {
    /// Live bytes below which the next sweep comes.
    below: Cell<usize>,
    /// The next sweep comes at (7 - this) eighths of what is live now.
    more: Cell<u8>,
    /// Bytes without backing that the last one left.
    found: Cell<usize>,
}

impl Pace {
    /// Whether so little is `live` now that it is time.
    #[inline]
    fn is_time(&self, live: usize) -> bool {
        // Of the most that was live since the last sweep.
        let below = live / 8 * (7 - usize::from(self.more.get()));
        self.below.set(self.below.get().max(below));
        live < self.below.get()
    }

    /// Notes that a sweep with `live` bytes found `free` of `bytes` in OS pages without a block.
    fn swept(&self, live: usize, free: usize, bytes: usize) {
        let share = |free: usize| free / (bytes / 256).max(1);
        // Hardly more than the last: what was freed lies somewhere else, or too thinly.
        let barren = share(free.saturating_sub(self.found.replace(free))) < 2;
        // A thirty-second more is to be had at c = ln(y + 1/32) / ln y.
        self.more.set(match share(free) {
            _ if barren => 3,
            0..8 | 192..224 => 1,
            8..192 => 0,
            224.. => 3,
        });
        self.below.set(0);
        self.is_time(live);
    }
}

/// Sweeps if enough has changed. For the end of each flush.
#[inline]
pub fn consider(heap: &Heap) {
    let free = heap.free_bytes.get();
    let live = heap.pool_bytes.get() - free;
    if heap.pace.is_time(live) && free > SWEEP_RESERVE_BYTES + live {
        let found = sweep(heap);
        heap.pace.swept(live, found, heap.pool_bytes.get());
    }
}

/// Releases empty pools, and decommits free OS pages in the others. Returns how many bytes in used pools are
/// without backing now.
#[cold]
fn sweep(heap: &Heap) -> usize {
    release_empty(heap);
    let mut holes = Holes::new();
    for class in SizeClass::all() {
        let mut next = heap.class(class).used.first();
        while let Some(pool) = next {
            next = pool.next();
            if let Some(next) = next {
                next.fetch(class);
            }
            punch(pool, class, &mut holes);
        }
    }
    holes.decommit();
    holes.found
}

fn punch(pool: OwnedPool, class: SizeClass, holes: &mut Holes) {
    // Fewer free bytes than a page can't be a page.
    if pool.free_count() * class.block_size() >= os::page_size() {
        pool.free_pages(class, |range| holes.add(range));
        holes.found += pool.hole_bytes();
    }
}

/// Ranges to decommit, gathered so that one system call does many.
struct Holes {
    ranges: [Range; Holes::MAX],
    len: usize,
    /// Bytes without backing in the pools that were looked at.
    found: usize,
}

impl Holes {
    const MAX: usize = 128;

    fn new() -> Self {
        Holes { ranges: [Range { at: 0, len: 0 }; Holes::MAX], len: 0, found: 0 }
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
    if let Some(objects) = thread::attached(Content::Objects) {
        flush::flush_all(objects);
        drain::drain_inbox(objects);
        let _ = sweep(objects);
        beside::settle(objects);
    }
    thread::with_heap(Content::Raw, Options::NONE, |heap| {
        flush::flush_all(heap);
        drain::drain_inbox(heap);
        thread::settle_parked();
        abandon::adopt_everything(heap);
        let _ = sweep(heap);
        if !heap.aside.is_empty() {
            flush::flush_all(heap);
            release_empty(heap);
        }
    });
    arena::purge_all();
}
