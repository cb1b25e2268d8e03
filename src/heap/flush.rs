//! A full magazine: its oldest blocks go back, each to the pool that it came from.
//!
//! Here is where neap learns what a free was about, and checks it: does an arena own the address, is a pool of
//! this class there, is it the start of a block, is the block out? A bit that is set already is a
//! double free. Blocks that lie in the same pool next to each other in the magazine are handled together, and what
//! will be read is fetched ahead: after many random frees hardly any of it is in a cache.

use core::cell::Cell;

use super::capacity::Slow;
use super::drain::drain_inbox;
use super::thread::Content;
use super::{Heap, abandon, beside, sweep, thread};
use crate::misuse::{self, Misuse};
use crate::pool::{List, OwnedPool, PoolRef, SizeClass};
use crate::settings::Options;

/// The slow path of a free.
#[cold]
#[inline(never)]
pub fn free_slow(content: Content, block: *mut u8, class: SizeClass) {
    let done = thread::keeps_heap(content)
        && thread::with_heap(content, Options::NONE, |heap| {
            heap.tick();
            take(heap, block, class)
        })
        .unwrap_or(false);
    if !done {
        free_directly(block.addr(), class);
    }
}

/// Takes `block` into its magazine, and makes room there if need be. False, when there can be none.
pub fn take(heap: &Heap, block: *mut u8, class: SizeClass) -> bool {
    let magazine = heap.exercise(class, Slow::Flush);
    // It may be just larger now.
    if magazine.len() == magazine.capacity() {
        drain_inbox(heap);
        flush_oldest(heap, class, magazine.capacity().div_ceil(2));
        sweep::consider(heap);
    }
    magazine.push(block)
}

/// Frees without a heap, as other threads do. For threads that have none any more, or can't get one.
pub fn free_directly(address: usize, class: SizeClass) {
    let mut known = PoolRef::NO_ARENA;
    let found = PoolRef::locate(address, class, &mut known);
    let located = found.unwrap_or_else(|misuse| die(misuse, address, class));
    let announce = |announce| abandon::announce(announce, located.pool, class);
    if located.pool.free_remotely(class, core::iter::once(located.index), announce).is_err() {
        die(Misuse::DoubleFree, address, class);
    }
}

/// Gives all that is at hand back to the pools, and the tables of those that are released by that.
pub fn flush_all(heap: &Heap) {
    loop {
        for class in heap.opened() {
            flush_oldest(heap, class, heap.magazine(class).len());
        }
        if heap.aside.is_empty() {
            return;
        }
        beside::settle(heap);
    }
}

/// Gives the oldest `n` blocks of the magazine of `class` back.
pub fn flush_oldest(heap: &Heap, class: SizeClass, n: usize) {
    if n == 0 {
        return;
    }
    let magazine = heap.magazine(class);
    let blocks = &magazine.blocks()[..n];
    let mut before = 0;
    for block in blocks {
        let address = block.get().addr();
        if class.pool_at(address) != before {
            before = class.pool_at(address);
            PoolRef::prefetch(address, class);
        }
    }
    give_back(heap, class, blocks, Heap::returned);
    magazine.drop_oldest(n);
}

/// Frees blocks of the calling thread's heap of objects, of which there are many at once: past the magazine, which would
/// hand most of them on.
#[cfg(feature = "gc")]
pub fn free_many(blocks: &[Cell<*mut u8>], class: SizeClass) {
    let done = thread::keeps_heap(Content::Objects)
        && thread::with_heap(Content::Objects, Options::NONE, |heap| {
            heap.tick();
            give_back(heap, class, blocks, Heap::returned_with_more);
            sweep::consider(heap);
        })
        .is_some();
    if !done {
        blocks.iter().for_each(|block| free_directly(block.get().addr(), class));
    }
}

/// Gives blocks back to the pools that they came from. `returned` mends the lists after that, for each pool of the heap's own.
fn give_back(
    heap: &Heap,
    class: SizeClass,
    blocks: &[Cell<*mut u8>],
    returned: impl Fn(&Heap, OwnedPool, SizeClass),
) {
    let mut known = PoolRef::NO_ARENA;
    let mut rest = blocks;
    while let Some(first) = rest.first() {
        let address = first.get().addr();
        let located = PoolRef::locate(address, class, &mut known)
            .unwrap_or_else(|misuse| die(misuse, address, class));
        let done = match abandon::as_own(heap, located.pool) {
            Some(pool) => {
                let done = take_back(heap, pool, class, rest);
                returned(heap, pool, class);
                done
            }
            None => free_remotely(located.pool, class, rest),
        };
        rest = &rest[done..];
    }
    Heap::count(&heap.shared.taken_back, blocks.len());
}

/// The index of a block in its pool, which was found.
#[inline(always)]
fn index_of(block: &Cell<*mut u8>, class: SizeClass) -> usize {
    let address = block.get().addr();
    match class.index_of(address - class.pool_at(address)) {
        (index, true) => index,
        _ => die(Misuse::NotABlockStart, address, class),
    }
}

/// Takes those of the first of `blocks` back that are this pool's; returns how many.
#[inline(always)]
fn take_back(heap: &Heap, pool: OwnedPool, class: SizeClass, blocks: &[Cell<*mut u8>]) -> usize {
    let n = pool
        .take_back(class, blocks.iter().map(|block| block.get().addr()))
        .unwrap_or_else(|(misuse, address)| die(misuse, address, class));
    heap.free_bytes.set(heap.free_bytes.get() + n * class.block_size());
    debug_assert!(pool.list() != List::None);
    n
}

/// Frees those of the first of `blocks` that are this foreign pool's; returns how many.
fn free_remotely(pool: PoolRef, class: SizeClass, blocks: &[Cell<*mut u8>]) -> usize {
    let pool_at = |block: &Cell<*mut u8>| class.pool_at(block.get().addr());
    let base = pool_at(&blocks[0]);
    let n = blocks.iter().take_while(|block| pool_at(block) == base).count();
    let indices = blocks[..n].iter().map(|block| index_of(block, class));
    let announce = |announce| abandon::announce(announce, pool, class);
    if let Err(index) = pool.free_remotely(class, indices, announce) {
        // By arithmetic: the pool is not ours to look at any more (R3).
        die(Misuse::DoubleFree, base + index * class.block_size(), class);
    }
    n
}

#[cold]
#[inline(never)]
fn die(misuse: Misuse, address: usize, class: SizeClass) -> ! {
    misuse::abort(misuse, address, class.block_size())
}
