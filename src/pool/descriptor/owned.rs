//! What a pool's owner does with it: hand out, take back, give pages back.

use core::cell::Cell;
use core::ptr;

use super::locate::prefetch;
use super::{Descriptor, List, OwnedPool, PoolRef, TAG_NOTHING, Tag};
use crate::arena;
use crate::bits::FreeMap;
use crate::config::UNIT_BYTES;
use crate::misuse::Misuse;
use crate::os::{self, Range};
use crate::pool::SizeClass;
use crate::pool::remote;
use crate::sync::Ordering;
use crate::units::{UnitId, regain, units_for};

impl OwnedPool {
    /// The shared side.
    #[inline(always)]
    pub fn as_ref(self) -> PoolRef {
        self.0
    }

    /// Its class.
    pub fn class(self) -> SizeClass {
        match self.0.tag() {
            Tag::Pool(class) => class,
            // P3: an owned pool is a pool.
            _ => os::abort(),
        }
    }

    #[inline(always)]
    pub fn free_map(self, class: SizeClass) -> FreeMap<'static> {
        let words: *const Cell<u64> = if class.is_inline() {
            self.0.get().free.0.as_ptr()
        } else {
            regain(arena::free_map_of(self.0.id()))
        };
        // SAFETY: as in `remote_map`; P2: the calling thread alone touches it.
        FreeMap::new(unsafe { core::slice::from_raw_parts(words, class.words()) })
    }

    /// Free blocks (P1).
    #[inline(always)]
    pub fn free_count(self) -> usize {
        self.0.get().free_count.load(Ordering::Relaxed) as usize
    }

    #[inline(always)]
    fn set_free_count(self, n: usize) {
        // Relaxed, as above: others read it for statistics only.
        self.0.get().free_count.store(n as u32, Ordering::Relaxed);
    }

    /// Which list it is on.
    #[inline(always)]
    pub fn list(self) -> List {
        self.0.get().listed.get()
    }

    /// Whether the block with this index is out.
    #[cfg(feature = "gc")]
    pub fn is_out(self, class: SizeClass, index: usize) -> bool {
        let word = self.free_map(class).words().get(index / 64);
        word.is_some_and(|word| word.get() & (1 << (index % 64)) == 0)
    }

    /// Sets the bits of blocks that are out, remote frees not counted; returns how many.
    pub fn copy_out(self, class: SizeClass, out: &mut [u64]) -> usize {
        let blocks = class.blocks();
        for (w, word) in self.free_map(class).words().iter().enumerate() {
            let last = blocks - w * 64;
            out[w] = !word.get() & if last >= 64 { !0 } else { (1 << last) - 1 };
        }
        self.0.remote_map(class).peek(|w, bits| out[w] &= !bits);
        out.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Takes blocks, lowest addresses first, and fills `slots` with them from the last slot down, until
    /// they are full or the pool has no more. Returns how many.
    #[inline]
    pub fn hand_out(self, class: SizeClass, slots: &[Cell<*mut u8>]) -> usize {
        let descriptor = self.0.get();
        let base = self.0.id().address();
        let size = class.block_size();
        let words = self.free_map(class).words();
        let have = self.free_count();
        let n = slots.len().min(have);
        let mut rest = slots;
        let mut w = descriptor.hint.get() as usize;
        let mut last = 0;
        // P1: `n` bits are set at or behind `hint`, so the loop ends inside the map.
        while slots.len() - rest.len() < n {
            let Some(word) = words.get(w) else { os::abort() };
            let mut bits = word.get();
            let first = base + w * 64 * size;
            if bits == !0 && rest.len() >= 64 {
                let (before, these) = rest.split_at(rest.len() - 64);
                for (i, slot) in these.iter().rev().enumerate() {
                    slot.set(regain(first + i * size));
                }
                (rest, bits, last) = (before, 0, w * 64 + 63);
            } else {
                while bits != 0
                    && let Some((slot, before)) = rest.split_last()
                {
                    let i = bits.trailing_zeros() as usize;
                    slot.set(regain(first + i * size));
                    (rest, bits, last) = (before, bits & (bits - 1), w * 64 + i);
                }
            }
            word.set(bits);
            w += usize::from(bits == 0);
        }
        descriptor.hint.set(w as u32);
        self.set_free_count(have - n);
        if n > 0 {
            descriptor.untouched.set(descriptor.untouched.get().max(last as u32 + 1));
            if self.has_holes() {
                self.forget_holes();
            }
        }
        n
    }

    /// P5, after blocks were handed out: which of them reach into holes is not worth finding out.
    #[cold]
    fn forget_holes(self) {
        arena::note_holes(-(self.hole_bytes() as isize));
        self.0.get().decommitted.iter().for_each(|word| word.set(0));
    }

    /// Bytes of OS pages without backing (P5).
    pub fn hole_bytes(self) -> usize {
        let words = &self.0.get().decommitted;
        let pages: u32 = words.iter().map(|word| word.get().count_ones()).sum();
        pages as usize * os::page_size()
    }

    /// Takes one block that reads as zero, if the pool knows of one.
    pub fn hand_out_zero(self, class: SizeClass) -> Option<usize> {
        let descriptor = self.0.get();
        let index = descriptor.untouched.get();
        if index as usize >= class.blocks() || !self.free_map(class).remove(index as usize) {
            return None;
        }
        descriptor.untouched.set(index + 1);
        self.set_free_count(self.free_count() - 1);
        if self.has_holes() {
            self.forget_holes();
        }
        Some(self.0.id().address() + index as usize * class.block_size())
    }

    /// Takes back the blocks at `addresses` up to the first that is not in this pool, and brings the count up to date.
    /// Returns how many. What is no block's start, or free already, is the error, with the address.
    #[inline]
    pub fn take_back(
        self,
        class: SizeClass,
        addresses: impl Iterator<Item = usize>,
    ) -> Result<usize, (Misuse, usize)> {
        let map = self.free_map(class);
        let base = self.0.id().address();
        let bytes = class.units() * UNIT_BYTES;
        // Neighbours are freed together more often than not: their word of the map is changed once, for
        // a load has to wait for a store to the same word.
        let (mut word, mut bits) = (usize::MAX, 0u64);
        let mut lowest = usize::MAX;
        let mut n = 0;
        let free_already = |word: usize, twice: u64| {
            let index = word * 64 + twice.trailing_zeros() as usize;
            Err((Misuse::DoubleFree, base + index * class.block_size()))
        };
        for address in addresses {
            let offset = address.wrapping_sub(base);
            if offset >= bytes {
                break;
            }
            let (index, is_start) = class.index_of(offset);
            if !is_start {
                return Err((Misuse::NotABlockStart, address));
            }
            if index / 64 != word {
                if bits != 0 {
                    let twice = map.insert_word(word, bits);
                    if twice != 0 {
                        return free_already(word, twice);
                    }
                }
                (word, bits) = (index / 64, 0);
                lowest = lowest.min(word);
            }
            let bit = 1 << (index % 64);
            if bits & bit != 0 {
                return free_already(word, bit);
            }
            bits |= bit;
            n += 1;
        }
        if bits != 0 {
            let twice = map.insert_word(word, bits);
            if twice != 0 {
                return free_already(word, twice);
            }
        }
        let hint = &self.0.get().hint;
        hint.set(hint.get().min(lowest as u32));
        self.set_free_count(self.free_count() + n);
        Ok(n)
    }

    /// Merges what others have freed into the free map. Returns how many blocks, and whether more are on their way, so that the
    /// pool must be announced again (R1). When a block was free already, its index is the error.
    pub fn drain(self, class: SizeClass) -> Result<(usize, bool), usize> {
        let Descriptor { shared, hint, .. } = self.0.get();
        let drained = remote::drain(shared, self.0.remote_map(class), self.free_map(class))?;
        hint.set(hint.get().min(drained.lowest as u32));
        self.set_free_count(self.free_count() + drained.blocks);
        Ok((drained.blocks, drained.more))
    }

    /// Whether every block is free.
    #[inline(always)]
    pub fn is_empty(self, class: SizeClass) -> bool {
        self.free_count() == class.blocks()
    }

    /// Of an empty pool: the address of a block that others have freed as well, or are about to; any of them.
    pub fn freed_twice(self, class: SizeClass) -> Option<usize> {
        let (_, pending) = self.0.get().shared.peek();
        if pending == 0 {
            return None;
        }
        let mut index = 0;
        self.0.remote_map(class).peek(|w, bits| {
            if bits != 0 {
                index = w * 64 + bits.trailing_zeros() as usize;
            }
        });
        Some(self.0.id().address() + index * class.block_size())
    }

    /// Gives the pool up (R4); false, and it stays, when frees are pending.
    #[must_use]
    pub fn abandon(self, heap: UnitId) -> bool {
        self.0.get().shared.abandon(heap, self.free_count() > 0)
    }

    /// Takes the table beside an empty pool's blocks away, which nobody uses any more (P6); 0 without.
    pub fn take_beside(self) -> usize {
        // Relaxed: who used the table has freed its block since, and that was seen.
        let table = self.0.get().beside.load(Ordering::Relaxed);
        if table != 0 {
            self.0.get().beside.store(0, Ordering::Relaxed);
        }
        table
    }

    /// Gives an empty pool's units back to its arena. Its table was taken away.
    pub fn release(self, class: SizeClass) {
        self.validate(class);
        debug_assert!(self.is_empty(class) && self.list() == List::None);
        if self.has_holes() {
            self.forget_holes();
        }
        self.0.get().tag.store(TAG_NOTHING, Ordering::Relaxed);
        let touched = self.0.get().untouched.get() as usize * class.block_size();
        arena::release(self.0.id(), class.units(), units_for(touched).min(class.units()));
    }

    fn has_holes(self) -> bool {
        self.0.get().decommitted.iter().any(|word| word.get() != 0)
    }

    /// Fetches what [`free_pages`](Self::free_pages) will read.
    pub fn fetch(self, class: SizeClass) {
        let descriptor = self.0.get();
        prefetch(ptr::from_ref(descriptor).addr());
        prefetch(ptr::from_ref(&descriptor.decommitted).addr());
        let words = self.free_map(class).words();
        words.iter().step_by(8).for_each(|word| prefetch(ptr::from_ref(word).addr()));
    }

    /// Names every run of OS pages that has backing, as far as known, and on which no block is out. They are
    /// noted as decommitted (P5): the caller decommits them before anything is handed out.
    pub fn free_pages(self, class: SizeClass, mut each: impl FnMut(Range)) {
        let page = os::page_size();
        let map = self.free_map(class);
        let base = self.0.id().address();
        let size = class.block_size();
        let descriptor = self.0.get();
        // Behind the last block that was ever handed out nothing was touched.
        let touched = (descriptor.untouched.get() as usize * size).div_ceil(page);
        let mut run: Option<Range> = None;
        for p in 0..touched.min(class.units() * UNIT_BYTES / page) {
            let (first, _) = class.index_of(p * page);
            let (last, _) = class.index_of((p + 1) * page - 1);
            let last = last.min(class.blocks() - 1);
            let gone = &descriptor.decommitted[p / 64];
            let bit = 1 << (p % 64);
            let free = first > last || map.contains_run(first, last - first + 1);
            if free && gone.get() & bit == 0 {
                gone.set(gone.get() | bit);
                let here = Range { at: base + p * page, len: page };
                match &mut run {
                    Some(run) => run.len += page,
                    None => run = Some(here),
                }
            } else if let Some(run) = run.take() {
                each(run);
            }
        }
        if let Some(run) = run {
            each(run);
        }
    }

    /// The next pool on its owner's list.
    #[inline(always)]
    pub fn next(self) -> Option<OwnedPool> {
        // Lists of a heap hold the heap's own pools only.
        self.0.get().next.get().map(OwnedPool)
    }

    /// Checks P1 in debug builds.
    pub fn validate(self, class: SizeClass) {
        debug_assert_eq!(self.free_map(class).count(), self.free_count(), "P1");
        let _ = class;
    }
}
