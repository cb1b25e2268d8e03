//! The heap of objects: the thread's second one, all of whose blocks begin with a header that who made them can read.
//!
//! So they can be walked, and an address that was an object once can be asked whether one is there now. Blocks in
//! magazines count as out; [`Objects::settle`] gives them back to their pools first. What is too big for a pool is
//! not here.

use core::cell::Cell;
use core::ptr::NonNull;

use super::thread::{self, Content};
use super::{Heap, drain, flush, large, refill};
use crate::config::{MAX_BLOCKS, UNIT_BYTES};
use crate::pool::{OwnedPool, PoolRef, SizeClass};
use crate::settings::Options;
use crate::units::regain;

/// The calling thread's heap of objects.
pub struct Objects;

/// The pool of this heap that a unit belongs to, if one does.
pub struct KnownPool {
    unit: usize,
    pool: Option<(OwnedPool, SizeClass)>,
}

impl KnownPool {
    /// Of no unit.
    pub const fn none() -> KnownPool {
        KnownPool { unit: 0, pool: None }
    }
}

impl Objects {
    /// The block of `class` that is at hand, if one is.
    #[inline(always)]
    pub fn pop(class: SizeClass) -> Option<NonNull<u8>> {
        thread::front(Content::Objects).magazine(class).pop()
    }

    /// A block of `class` when none is at hand; `None` when there is no memory.
    pub fn refill(class: SizeClass) -> Option<NonNull<u8>> {
        NonNull::new(refill::allocate_slow(Content::Objects, class, Options::NONE))
    }

    /// Frees a block of `class`.
    #[inline(always)]
    pub fn free(block: NonNull<u8>, class: SizeClass) {
        if !thread::front(Content::Objects).magazine(class).push(block.as_ptr()) {
            flush::free_slow(Content::Objects, block.as_ptr(), class);
        }
    }

    /// Frees many blocks of `class`.
    pub fn free_many(blocks: &[Cell<*mut u8>], class: SizeClass) {
        flush::free_many(blocks, class);
    }

    fn heap() -> Option<&'static Heap> {
        thread::attached(Content::Objects)
    }

    /// Gives all that is at hand back to the pools: what is out from now on until the next block is had, and only
    /// that, is in use.
    pub fn settle() {
        if let Some(heap) = Self::heap() {
            flush::flush_all(heap);
            drain::drain_inbox(heap);
        }
    }

    /// Blocks had less blocks freed since the thread has this heap.
    pub fn balance() -> i64 {
        let Some(heap) = Self::heap() else { return 0 };
        let at_hand: usize = heap.opened().map(|class| heap.magazine(class).len()).sum();
        heap.balance().wrapping_sub(heap.before.get()) as i64 - at_hand as i64
    }

    /// Bytes of blocks that are out, those at hand counted in; of the thread's other heap as well, where what objects own lies,
    /// and large ones of all threads.
    pub fn bytes() -> usize {
        let of = |content| {
            let heap = thread::attached(content);
            heap.map_or(0, |heap| heap.pool_bytes.get() - heap.free_bytes.get())
        };
        let (_, _, large) = large::accounts();
        of(Content::Objects) + of(Content::Raw) + large
    }

    /// How many pools were given back so far: as long as that is the same, what was a block is one.
    pub fn releases() -> usize {
        Self::heap().map_or(0, |heap| heap.releases.get())
    }

    /// The block in which `address` is, if one is in this heap, and out. `known` is what the last question found, if no
    /// pool was had or given back since.
    pub fn around(address: usize, known: &mut KnownPool) -> Option<NonNull<u8>> {
        if known.unit != address / UNIT_BYTES {
            let pool = Self::heap().and_then(|heap| {
                let (pool, class) = PoolRef::around(address)?;
                Some((pool.owned_by(heap.id())?, class))
            });
            *known = KnownPool { unit: address / UNIT_BYTES, pool };
        }
        let (pool, class) = known.pool?;
        let base = class.pool_at(address);
        let (index, _) = class.index_of(address - base);
        let out = index < class.blocks() && pool.is_out(class, index);
        NonNull::new(regain(base + index * class.block_size())).filter(|_| out)
    }

    /// Visits the blocks that are out, pool by pool, in each in the order of addresses. The visitor neither gets nor
    /// frees any.
    pub fn each(mut visit: impl FnMut(NonNull<u8>)) {
        let Some(heap) = Self::heap() else { return };
        heap.each_pool(|pool, class| {
            let mut out = [0u64; MAX_BLOCKS / 64];
            pool.copy_out(class, &mut out);
            let base = pool.as_ref().id().address();
            for (w, mut bits) in out.into_iter().enumerate() {
                while bits != 0 {
                    let i = w * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    if let Some(block) = NonNull::new(regain(base + i * class.block_size())) {
                        visit(block);
                    }
                }
            }
        });
    }
}
