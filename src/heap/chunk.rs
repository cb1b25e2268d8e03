//! Where heaps come from: chunks of zeroed memory, with a guard before and behind. A heap that was made stays.

use super::Heap;
use crate::arena;
use crate::config::{HEAP_BYTES, HEAPS_PER_CHUNK, UNIT_BYTES};
use crate::os::{self, Range};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::units::UnitId;

/// The heap made last; each names the one before.
static NEWEST: AtomicU32 = AtomicU32::new(0);
/// How many heaps there are.
static HEAPS: AtomicU32 = AtomicU32::new(0);
/// Where the next heap is made: the chunk's first heap as a [`UnitId`] in the high half, heaps used in the low.
static CHUNK: AtomicU64 = AtomicU64::new(0);

/// Makes a heap in zeroed memory.
pub fn make_heap() -> Option<&'static Heap> {
    loop {
        let chunk = CHUNK.load(Ordering::Relaxed);
        let (first, used) = ((chunk >> 32) as u32, chunk as u32 as usize);
        let Some(first_id) = UnitId::new(first).filter(|_| used < HEAPS_PER_CHUNK) else {
            new_chunk(chunk)?;
            continue;
        };
        // Relaxed: the place is told by the word itself; its memory is the kernel's zeroes.
        if CHUNK.compare_exchange(chunk, chunk + 1, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            continue;
        }
        let id = UnitId::of(first_id.address() + used * HEAP_BYTES)?;
        // SAFETY: the place is ours alone, zeroed, aligned and large enough; zero is a valid heap.
        let heap = unsafe { Heap::from_id(id) };
        HEAPS.fetch_add(1, Ordering::Relaxed);
        let mut newest = NEWEST.load(Ordering::Relaxed);
        loop {
            heap.shared.older.store(newest, Ordering::Relaxed);
            // ORDERING: Release pairs with the Acquire in `each_heap`.
            match NEWEST.compare_exchange(newest, id.get(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Some(heap),
                Err(seen) => newest = seen,
            }
        }
    }
}

/// Replaces the used-up chunk `old` by a fresh one, with guards before and behind it.
fn new_chunk(old: u64) -> Option<()> {
    let heaps = HEAPS_PER_CHUNK * HEAP_BYTES;
    let range = os::reserve(heaps + 2 * UNIT_BYTES, UNIT_BYTES, 0)?;
    let guards = [
        Range { at: range.at, len: UNIT_BYTES },
        Range { at: range.end() - UNIT_BYTES, len: UNIT_BYTES },
    ];
    let first = UnitId::of(range.at + UNIT_BYTES).filter(|_| guards.into_iter().all(os::protect));
    let entered = first.is_some_and(|first| {
        let new = u64::from(first.get()) << 32;
        CHUNK.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    });
    if entered {
        arena::account_reserved(range.len);
        return Some(());
    }
    // No guards to be had, or another thread was faster; then its chunk is there to be used.
    os::release(range);
    (CHUNK.load(Ordering::Relaxed) != old).then_some(())
}

/// Visits every heap that was ever made.
pub fn each_heap(mut visit: impl FnMut(&'static Heap)) {
    // ORDERING: Acquire pairs with the Release in `make_heap`.
    let mut next = NEWEST.load(Ordering::Acquire);
    while let Some(id) = UnitId::new(next) {
        // SAFETY: only heaps are entered.
        let heap = unsafe { Heap::from_id(id) };
        visit(heap);
        next = heap.shared.older.load(Ordering::Relaxed);
    }
}

/// How many heaps were made: the most threads that allocated at the same time.
pub fn heaps() -> usize {
    HEAPS.load(Ordering::Relaxed) as usize
}
