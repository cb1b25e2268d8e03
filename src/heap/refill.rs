//! An empty magazine: where its next blocks come from.
//!
//! In this order, until half the magazine is full: what others have freed into this heap's pools (drained first, so
//! that their pools count as used); used pools, the one that got a block back last in front, which is most often a
//! nearly full one, so that the emptier ones can drain; an abandoned pool of the class; a pool claimed from the arenas.
//! Blocks are read off the free map in address order and handed out in it.

use core::ptr::{self, NonNull};

use super::{Heap, Slow, abandon, sweep, thread};
use crate::arena;
use crate::config::{DENSE_BYTES, UNIT_BYTES};
use crate::misuse::{self, Misuse};
use crate::os;
use crate::pool::{List, OwnedPool, PoolLinks, PoolRef, SizeClass};
use crate::settings::Options;
use crate::units::regain;

/// Used pools that one refill may empty before it is content with less than it wanted. Each costs some
/// cache misses; four blocks from each are worth the visit.
const POOLS_PER_REFILL: usize = 8;

/// The slow path of an allocation.
#[cold]
#[inline(never)]
pub fn allocate_slow(class: SizeClass, options: Options) -> *mut u8 {
    let block = thread::with_heap(options, |heap| {
        heap.tick();
        refill(heap, class);
        heap.magazine(class).pop()
    });
    block.flatten().map_or(ptr::null_mut(), NonNull::as_ptr)
}

/// Allocates a block that reads as zero without writing it, if one is at hand: straight from a pool that has
/// blocks nobody had before, and only when the magazine has none, because used memory is cheaper to clear
/// than new memory is to get.
pub fn allocate_zero(class: SizeClass, options: Options) -> Option<*mut u8> {
    if thread::front().magazine(class).len() > 0 {
        return None;
    }
    thread::with_heap(options, |heap| {
        heap.tick();
        drain_inbox(heap);
        let lists = heap.class(class);
        if lists.used.first().is_none() && !abandon::adopt(heap, class) {
            claim(heap, class);
        }
        let pool = lists.used.first()?;
        let address = pool.hand_out_zero(class)?;
        heap.free_bytes.set(heap.free_bytes.get() - class.block_size());
        Heap::count(&heap.shared.handed_out, 1);
        settle(heap, pool, class);
        Some(regain(address))
    })
    .flatten()
}

fn refill(heap: &Heap, class: SizeClass) {
    let magazine = heap.exercise(class, Slow::Refill);
    drain_inbox(heap);
    let want = (magazine.capacity() / 2).max(1);
    let slots = magazine.slots(want);
    let mut left = want;
    let mut visited = 0;
    while left > 0 && (visited < POOLS_PER_REFILL || left == want) {
        let Some(pool) = heap.class(class).used.first() else {
            if left < want {
                break;
            }
            if abandon::adopt(heap, class) || claim(heap, class) || last_resort(heap, class) {
                continue;
            }
            return;
        };
        // From the top down, so that the lowest address is popped first.
        left -= pool.hand_out(class, &slots[..left]);
        settle(heap, pool, class);
        visited += 1;
    }
    let got = want - left;
    if left > 0 {
        for i in 0..got {
            slots[i].set(slots[left + i].get());
        }
    }
    heap.free_bytes.set(heap.free_bytes.get() - got * class.block_size());
    Heap::count(&heap.shared.handed_out, got);
    magazine.filled(got);
}

/// Moves a pool without free blocks to the full list (H3).
fn settle(heap: &Heap, pool: OwnedPool, class: SizeClass) {
    if pool.free_count() == 0 {
        let lists = heap.class(class);
        lists.used.remove(pool);
        lists.full.push(pool, List::Full);
    }
}

/// Takes in what others have freed into this heap's pools.
#[inline]
pub fn drain_inbox(heap: &Heap) {
    if !heap.shared.inbox.looks_empty() {
        drain_inbox_slow(heap);
    }
}

#[inline(never)]
fn drain_inbox_slow(heap: &Heap) {
    heap.shared.inbox.take_all(&PoolLinks, |id| {
        // SAFETY: only pools are put on inboxes.
        let pool = unsafe { PoolRef::from_id(id) };
        // R4: a pool on this heap's inbox is this heap's.
        let Some(pool) = pool.owned_by(heap.id()) else { os::abort() };
        let class = pool.class();
        if drain(heap, pool, class) {
            heap.shared.inbox.push(&PoolLinks, id);
        }
        returned(heap, pool, class);
    });
}

/// Merges a pool's remote frees; true when it must be announced again. Its list is the caller's to mend.
pub fn drain(heap: &Heap, pool: OwnedPool, class: SizeClass) -> bool {
    let (n, more) = pool.drain(class).unwrap_or_else(|index| {
        let address = pool.as_ref().id().address() + index * class.block_size();
        misuse::abort(Misuse::DoubleFree, address, class.block_size())
    });
    heap.free_bytes.set(heap.free_bytes.get() + n * class.block_size());
    more
}

/// Mends the lists after blocks came back to `pool` (H3), and releases it when it is empty. A magazine holds more than
/// most programs go up and down by, so an empty pool is seldom needed at once, and other classes can use its memory.
#[inline]
pub fn returned(heap: &Heap, pool: OwnedPool, class: SizeClass) {
    let lists = heap.class(class);
    if pool.list() == List::Full && pool.free_count() > 0 {
        lists.full.remove(pool);
        lists.used.push(pool, List::Used);
    }
    if pool.is_empty(class) {
        heap.release(pool, class);
    }
}

/// Claims a pool of `class`.
fn claim(heap: &Heap, class: SizeClass) -> bool {
    let have = heap.class(class).pools.get() * class.units() * UNIT_BYTES;
    let dense = have >= DENSE_BYTES && class.fills_units();
    let Some(claim) = arena::claim(class.units(), class.units(), dense) else { return false };
    heap.take_in(PoolRef::make_pool(&claim, class, heap.id()), class);
    true
}

/// There is no memory: gives up the empty pools that other classes keep, and tries once more.
#[cold]
fn last_resort(heap: &Heap, class: SizeClass) -> bool {
    sweep::release_empty(heap) && claim(heap, class)
}
