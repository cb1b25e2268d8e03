//! A pool's descriptor, and the work that its owner does on it: hand out, take back, give pages back.

use core::cell::Cell;
use core::ptr::NonNull;

use super::class::SizeClass;
use super::remote::{Announce, Owner, Shared};
use crate::arena::{self, Arena, Claim, Kind};
use crate::bits::{FreeMap, RemoteMap};
use crate::config::{
    DESCRIPTOR_BYTES, DESCRIPTORS_AT, FIRST_UNIT, INLINE_BLOCKS, MEDIUM_UNITS, UNIT_BYTES, UNITS,
};
use crate::misuse::Misuse;
use crate::os::{self, Range};
use crate::stack::Links;
use crate::sync::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use crate::units::{UnitId, arena_base, regain, units_for};

/// What stands in an arena's metadata for each of its units.
#[repr(C, align(64))]
pub struct Descriptor {
    /// Owner and pending count. Everybody.
    shared: Shared,
    /// The next pool on an inbox or on the abandoned stack. Who holds the list (S1).
    link: AtomicU32,
    /// What the unit is the first of (P3). Written by who claimed it.
    tag: AtomicU16,
    /// Bits of `Mark`s. Owner.
    listed: Cell<List>,
    /// Free blocks (P1). Written by the owner; others read it for statistics.
    free_count: AtomicU32,
    /// No free block lies in a word of the map before this one. Owner.
    hint: Cell<u32>,
    /// Blocks from here on were never handed out (P4). Owner.
    untouched: Cell<u32>,
    /// Units of a large run. Written by who claimed it.
    run: AtomicU32,
    /// Neighbours on the owner's list. Owner.
    next: Cell<Option<PoolRef>>,
    previous: Cell<Option<PoolRef>>,
    /// Line 1.
    free: Words<Cell<u64>>,
    /// Line 2.
    remote: Words<AtomicU64>,
    /// Line 3: one bit for each OS page of the pool (P5). Owner.
    decommitted: [Cell<u64>; 2],
}

#[repr(C, align(64))]
struct Words<T>([T; INLINE_BLOCKS / 64]);

const _: () = assert!(size_of::<Descriptor>() == DESCRIPTOR_BYTES);
const _: () = assert!(core::mem::offset_of!(Descriptor, free) == 64);
// One bit for each 4 KiB page of the largest pool.
const _: () = assert!(MEDIUM_UNITS * UNIT_BYTES / 4096 <= 128);

/// Which of its owner's lists a pool is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum List {
    /// None.
    None = 0,
    /// It has free blocks.
    Used = 1,
    /// It has none.
    Full = 2,
}

/// What begins at a unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    /// Nothing: free, or inside something that began before.
    Nothing,
    /// A large run.
    Large,
    /// A pool of this class.
    Pool(SizeClass),
}

const TAG_NOTHING: u16 = 0;
const TAG_LARGE: u16 = 1;
const TAG_POOL: u16 = 0x100;

impl Tag {
    #[inline(always)]
    const fn raw(self) -> u16 {
        match self {
            Tag::Nothing => TAG_NOTHING,
            Tag::Large => TAG_LARGE,
            Tag::Pool(class) => TAG_POOL | class.index() as u16,
        }
    }

    fn from_raw(raw: u16) -> Tag {
        match raw {
            TAG_LARGE => Tag::Large,
            _ if raw >= TAG_POOL => {
                SizeClass::from_index(usize::from(raw - TAG_POOL)).map_or(Tag::Nothing, Tag::Pool)
            }
            _ => Tag::Nothing,
        }
    }
}

/// A unit's descriptor: a pool's or a large run's, when it is the first unit of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PoolRef(NonNull<Descriptor>);

/// A pool whose blocks may be touched: proof that the calling thread owns it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OwnedPool(PoolRef);

/// A block that a pool's owner must be told about, found by [`PoolRef::locate`].
#[derive(Clone, Copy)]
pub struct Located {
    /// The pool.
    pub pool: PoolRef,
    /// The block's index in it.
    pub index: usize,
}

impl PoolRef {
    /// For [`locate`](Self::locate): no arena is known yet. Not the base of any.
    pub const NO_ARENA: usize = usize::MAX;

    /// The descriptor of the unit `id` of an arena.
    ///
    /// # Safety
    /// `id` lies in an arena that was registered at some time, behind its metadata.
    #[inline(always)]
    pub unsafe fn from_id(id: UnitId) -> PoolRef {
        let descriptor: *mut Descriptor = regain(arena::descriptor_of(id));
        // SAFETY: by the precondition the address is that of a descriptor, and no arena lies at 0.
        PoolRef(unsafe { NonNull::new_unchecked(descriptor) })
    }

    #[inline(always)]
    fn get(self) -> &'static Descriptor {
        // SAFETY: `PoolRef`s are made of descriptors only (`from_id`); those stay mapped (A3), all
        // fields are atomics or cells and valid when zero, and no `&mut` to one is ever made.
        unsafe { self.0.as_ref() }
    }

    /// The first unit.
    #[inline(always)]
    pub fn id(self) -> UnitId {
        let address = self.0.addr().get();
        let base = arena_base(address);
        let index = (address - base - DESCRIPTORS_AT) / DESCRIPTOR_BYTES;
        match UnitId::new((base / UNIT_BYTES + index) as u32) {
            Some(id) => id,
            // An arena's base is not 0.
            None => os::abort(),
        }
    }

    /// What begins here.
    pub fn tag(self) -> Tag {
        // ORDERING: Acquire pairs with the Release in `make_pool` and `make_large`.
        Tag::from_raw(self.get().tag.load(Ordering::Acquire))
    }

    /// The shared word.
    #[inline(always)]
    pub fn shared(self) -> &'static Shared {
        &self.get().shared
    }

    /// The descriptor that `address`, given back as a block of `class`, belongs to if all is well. Pure
    /// arithmetic: nothing is read. For prefetching, and the first half of `locate`.
    #[inline(always)]
    fn guess(address: usize, class: SizeClass) -> usize {
        let index = (address / UNIT_BYTES % UNITS) & !(class.units() - 1);
        arena_base(address) + DESCRIPTORS_AT + index * DESCRIPTOR_BYTES
    }

    /// Finds pool and index of a block of `class` that a client gave back: the one way in.
    ///
    /// `known` is an arena that an earlier call was right about; it saves the look-up.
    #[inline(always)]
    pub fn locate(address: usize, class: SizeClass, known: &mut usize) -> Result<Located, Misuse> {
        let base = arena_base(address);
        if base != *known {
            if Arena::of(address).is_none() {
                return Err(match arena::kind_of(address) {
                    Kind::MappingHead | Kind::MappingTail => Misuse::WrongLayout,
                    _ => Misuse::NotOurs,
                });
            }
            *known = base;
        }
        let pool_at = class.pool_at(address);
        let Some(descriptor) = NonNull::new(regain(Self::guess(address, class))) else {
            return Err(Misuse::NotOurs);
        };
        let pool = PoolRef(descriptor);
        // P3. Relaxed: the tag was written before the block was handed out, and the block came here with
        // whatever synchronisation its user has. Descriptors of the metadata's own units are zero.
        if pool.get().tag.load(Ordering::Relaxed) != Tag::Pool(class).raw() {
            return Err(pool.why_not(address));
        }
        match class.index_of(address - pool_at) {
            (index, true) => Ok(Located { pool, index }),
            _ => Err(Misuse::NotABlockStart),
        }
    }

    /// Fetches what flushing `address` will read.
    #[inline(always)]
    pub fn prefetch(address: usize, class: SizeClass) {
        let descriptor = Self::guess(address, class);
        let map = if class.is_inline() {
            descriptor + core::mem::offset_of!(Descriptor, free)
        } else {
            let (index, _) = class.index_of(address % UNIT_BYTES);
            let base = arena_base(address);
            base + crate::config::FREE_MAPS_AT
                + (address / UNIT_BYTES % UNITS) * crate::config::OUTER_MAP_BYTES
                + index / 64 * 8
        };
        prefetch(descriptor);
        prefetch(map);
    }

    /// Says what is wrong with a block that is not of the class that its layout says.
    #[cold]
    fn why_not(self, address: usize) -> Misuse {
        match self.tag() {
            Tag::Nothing => {
                // Inside a medium pool or a large run?
                match Self::holding(address) {
                    Some(_) => Misuse::WrongLayout,
                    None => Misuse::NotLive,
                }
            }
            Tag::Large | Tag::Pool(_) => Misuse::WrongLayout,
        }
    }

    /// What begins at `address`, if that is the start of a unit of an arena behind its metadata.
    pub fn beginning_at(address: usize) -> Option<PoolRef> {
        Arena::of(address)?;
        let unit = UnitId::of(address).filter(|unit| unit.address() == address)?;
        // SAFETY: the unit lies in a registered arena, behind its metadata.
        (unit.index() >= FIRST_UNIT).then(|| unsafe { PoolRef::from_id(unit) })
    }

    /// The pool or large run that `address`, in an arena, lies in.
    pub fn holding(address: usize) -> Option<PoolRef> {
        let arena = Arena::of(address)?;
        let at = address / UNIT_BYTES % UNITS;
        if !arena.is_claimed(at) {
            return None;
        }
        (FIRST_UNIT..=at)
            .rev()
            .find_map(|i| {
                // SAFETY: a unit of a registered arena, behind its metadata.
                let pool = unsafe { PoolRef::from_id(arena.unit(i)) };
                match pool.tag() {
                    Tag::Nothing => None,
                    _ => Some(pool),
                }
            })
            .filter(|pool| address < pool.id().address() + pool.bytes())
    }

    /// Bytes of the pool or run that begins here.
    pub fn bytes(self) -> usize {
        match self.tag() {
            Tag::Nothing => 0,
            Tag::Large => self.run() * UNIT_BYTES,
            Tag::Pool(class) => class.units() * UNIT_BYTES,
        }
    }

    /// Units of the large run that begins here.
    pub fn run(self) -> usize {
        self.get().run.load(Ordering::Relaxed) as usize
    }

    /// Sets the length of a large run that the caller holds.
    pub fn set_run(self, units: usize) {
        self.get().run.store(units as u32, Ordering::Relaxed);
    }

    /// Makes the claimed units a large run.
    pub fn make_large(self, units: usize) {
        self.set_run(units);
        // ORDERING: Release pairs with the Acquire in `end_large`: the run's length.
        self.get().tag.store(TAG_LARGE, Ordering::Release);
    }

    /// Ends a large run; false when there is none, so of two that free it one is told.
    pub fn end_large(self) -> bool {
        let tag = &self.get().tag;
        // ORDERING: Acquire pairs with the Release in `make_large`.
        tag.compare_exchange(TAG_LARGE, TAG_NOTHING, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Free blocks as statistics see them: exact for the owner, a recent value for others; remote frees
    /// that were not drained counted in.
    pub fn free_blocks(self, class: SizeClass) -> usize {
        let free = self.get().free_count.load(Ordering::Relaxed) as usize;
        match self.get().shared.peek() {
            // A map that nobody has marked is not even looked at: that would be its first touch.
            (_, 0) => free,
            _ => free + self.remote_map(class).peek(|_, _| ()),
        }
    }

    fn remote_map(self, class: SizeClass) -> RemoteMap<'static> {
        let words: *const AtomicU64 = if class.is_inline() {
            self.get().remote.0.as_ptr()
        } else {
            regain(arena::remote_map_of(self.id()))
        };
        // SAFETY: a class that is inline has at most INLINE_BLOCKS blocks; an outer map has MAX_BLOCKS bits, as
        // many as any class's blocks. Both stay mapped (A3) and only atomics are ever made of them.
        RemoteMap::new(unsafe { core::slice::from_raw_parts(words, class.words()) })
    }

    /// Frees blocks of a pool of `class` that another heap owns, or nobody: `indices` are theirs,
    /// `announce` puts the pool on a list. When a block was free already, its index is the error.
    pub fn free_remotely(
        self,
        class: SizeClass,
        indices: impl ExactSizeIterator<Item = usize>,
        announce: impl FnOnce(Announce),
    ) -> Result<(), usize> {
        // R3: count, announce, and only then mark.
        announce(self.get().shared.raise(indices.len() as u32));
        let map = self.remote_map(class);
        let mut result = Ok(());
        by_word(indices, |w, bits, twice| result = result.and(once(w, map.mark(w, bits) | twice)));
        result
    }

    /// Turns a claimed run of units into a pool of `class` that `heap` owns.
    pub fn make_pool(claim: &Claim, class: SizeClass, heap: UnitId) -> OwnedPool {
        // SAFETY: a claim lies behind the metadata of a registered arena.
        let pool = unsafe { PoolRef::from_id(claim.unit) };
        let descriptor = pool.get();
        descriptor.shared.reset(Owner::Heap(heap));
        let owned = OwnedPool(pool);
        owned.free_map(class).fill(class.blocks());
        descriptor.free_count.store(class.blocks() as u32, Ordering::Relaxed);
        descriptor.hint.set(0);
        // P4: blocks that reach into a unit which may have contents count as handed out.
        let dirty = claim.dirty.last_set().map_or(0, |last| last + 1 - claim.unit.index());
        let untouched = (dirty * UNIT_BYTES).div_ceil(class.block_size()).min(class.blocks());
        descriptor.untouched.set(untouched as u32);
        descriptor.decommitted.iter().for_each(|word| word.set(0));
        descriptor.listed.set(List::None);
        // ORDERING: Release pairs with the Acquire in `tag`: who meets the pool on a walk sees its owner.
        descriptor.tag.store(Tag::Pool(class).raw(), Ordering::Release);
        owned
    }

    /// The pool as its owner's, if `heap`, the calling thread's, is its owner.
    #[inline(always)]
    pub fn owned_by(self, heap: UnitId) -> Option<OwnedPool> {
        self.get().shared.is_owned_by(heap).then_some(OwnedPool(self))
    }

    /// Takes over a pool that was just popped from the abandoned stack. True with it: it has pending frees.
    pub fn adopt(self, heap: UnitId) -> (OwnedPool, bool) {
        let pending = self.get().shared.adopt(heap);
        (OwnedPool(self), pending)
    }

    /// Takes over a pool that was full when its owner ended and that nobody has freed into since.
    pub fn adopt_unlisted(self, heap: UnitId) -> Option<OwnedPool> {
        self.get().shared.adopt_unlisted(heap).then_some(OwnedPool(self))
    }
}

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
    fn free_map(self, class: SizeClass) -> FreeMap<'static> {
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
        let words = &self.0.get().decommitted;
        let pages: u32 = words.iter().map(|word| word.take().count_ones()).sum();
        arena::note_holes(-(pages as isize * os::page_size() as isize));
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

    /// Takes blocks back, by index, and brings the count up to date. When one was free already, its index is
    /// the error.
    #[inline]
    pub fn take_back(
        self,
        class: SizeClass,
        indices: impl ExactSizeIterator<Item = usize>,
    ) -> Result<(), usize> {
        let map = self.free_map(class);
        let n = indices.len();
        let mut lowest = usize::MAX;
        // Neighbours are freed together more often than not: their word of the map is changed once, for
        // a load has to wait for a store to the same word.
        let mut result = Ok(());
        by_word(indices, |w, bits, twice| {
            lowest = lowest.min(w);
            result = result.and(once(w, map.insert_word(w, bits) | twice));
        });
        let hint = &self.0.get().hint;
        hint.set(hint.get().min(lowest as u32));
        self.set_free_count(self.free_count() + n);
        result
    }

    /// Merges what others have freed into the free map. Returns how many blocks, and whether more are on their way, so that the
    /// pool must be announced again (R1). When a block was free already, its index is the error.
    pub fn drain(self, class: SizeClass) -> Result<(usize, bool), usize> {
        let free = self.free_map(class);
        let mut result = Ok(());
        let mut lowest = usize::MAX;
        let n = self.0.remote_map(class).take(|w, bits| {
            lowest = lowest.min(w);
            result = result.and(once(w, free.insert_word(w, bits)));
        });
        if n > 0 {
            let hint = &self.0.get().hint;
            hint.set(hint.get().min(lowest as u32));
            self.set_free_count(self.free_count() + n as usize);
        }
        result?;
        Ok((n as usize, self.0.get().shared.lower(n)))
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

    /// Gives an empty pool's units back to its arena.
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
            let first = p * page / size;
            let last = ((p + 1) * page - 1) / size;
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

/// A doubly linked list of a heap's pools.
#[derive(Default)]
pub struct PoolList {
    first: Cell<Option<PoolRef>>,
}

impl PoolList {
    /// The first pool.
    #[inline(always)]
    pub fn first(&self) -> Option<OwnedPool> {
        self.first.get().map(OwnedPool)
    }

    /// Puts `pool`, which is on no list, in front of this one, which is of kind `kind`.
    pub fn push(&self, pool: OwnedPool, kind: List) {
        debug_assert_eq!(pool.list(), List::None);
        let descriptor = pool.0.get();
        let next = self.first.get();
        descriptor.listed.set(kind);
        descriptor.previous.set(None);
        descriptor.next.set(next);
        if let Some(next) = next {
            next.get().previous.set(Some(pool.0));
        }
        self.first.set(Some(pool.0));
    }

    /// Takes `pool`, which is on this list, off it.
    pub fn remove(&self, pool: OwnedPool) {
        debug_assert_ne!(pool.list(), List::None);
        let descriptor = pool.0.get();
        let (previous, next) = (descriptor.previous.take(), descriptor.next.take());
        match previous {
            Some(previous) => previous.get().next.set(next),
            None => self.first.set(next),
        }
        if let Some(next) = next {
            next.get().previous.set(previous);
        }
        descriptor.listed.set(List::None);
    }
}

/// Where the links of pools are.
pub struct PoolLinks;

impl Links for PoolLinks {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        // SAFETY: only pools of arenas are put on lists with these links, and their descriptors stay (A3).
        let pool = unsafe { PoolRef::from_id(node) };
        &pool.get().link
    }
}

/// The index of the first of `twice`, the bits of word `w` that were set already, as an error.
#[inline(always)]
fn once(w: usize, twice: u64) -> Result<(), usize> {
    if twice == 0 { Ok(()) } else { Err(w * 64 + twice.trailing_zeros() as usize) }
}

/// Gathers indices that follow each other and lie in one word of a map: `each` gets the word, the bits, and those of
/// them that were named more than once.
#[inline(always)]
fn by_word(indices: impl Iterator<Item = usize>, mut each: impl FnMut(usize, u64, u64)) {
    let (mut word, mut bits, mut twice) = (0, 0u64, 0u64);
    for index in indices {
        let (w, bit) = (index / 64, 1 << (index % 64));
        if w != word && bits != 0 {
            each(word, bits, twice);
            (bits, twice) = (0, 0);
        }
        word = w;
        twice |= bits & bit;
        bits |= bit;
    }
    if bits != 0 {
        each(word, bits, twice);
    }
}

#[inline(always)]
fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is harmless.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::without_provenance(address)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests;
