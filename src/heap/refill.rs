//! An empty magazine: where its next blocks come from.
//!
//! In this order, until half the magazine is full: what others have freed into this heap's pools (drained first, so
//! that their pools count as used); used pools, the one that got a block back last in front, which is most often a
//! nearly full one, so that the emptier ones can drain; an abandoned pool of the class; a pool claimed from the arenas.
//! Blocks are read off the free map in address order and handed out in it.

use core::ptr::{self, NonNull};

use super::capacity::Slow;
use super::drain::drain_inbox;
use super::thread::Content;
use super::{Heap, abandon, sweep, thread};
use crate::arena;
use crate::config::{DENSE_BYTES, UNIT_BYTES};
use crate::pool::{PoolRef, SizeClass};
use crate::settings::Options;
use crate::units::regain;

/// Used pools that one refill may empty before it is content with less than it wanted. Each costs some
/// cache misses; four blocks from each are worth the visit.
const POOLS_PER_REFILL: usize = 8;

/// The slow path of an allocation.
#[cold]
#[inline(never)]
pub fn allocate_slow(content: Content, class: SizeClass, options: Options) -> *mut u8 {
    let block = thread::with_heap(content, options, |heap| {
        heap.tick();
        heap.magazine(class).pop().or_else(|| {
            refill(heap, class);
            heap.magazine(class).pop()
        })
    });
    block.flatten().map_or(ptr::null_mut(), NonNull::as_ptr)
}

/// Allocates a block that reads as zero without writing it, if one is at hand: straight from a pool that has
/// blocks nobody had before, and only when the magazine has none, because used memory is cheaper to clear
/// than new memory is to get.
pub fn allocate_zero(class: SizeClass, options: Options) -> Option<*mut u8> {
    if thread::front(Content::Raw).magazine(class).len() > 0 {
        return None;
    }
    thread::with_heap(Content::Raw, options, |heap| {
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
        heap.handed_out(pool, class);
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
        heap.handed_out(pool, class);
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
