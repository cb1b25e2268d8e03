//! What stands in the metadata for a unit: the descriptor of a pool or of a large run.
//!
//! A [`PoolRef`] is anybody's way to it, an [`OwnedPool`] (`owned.rs`) its owner's; `locate.rs` finds it for an
//! address, `list.rs` holds a heap's together.

mod list;
mod locate;
mod owned;

use core::cell::Cell;
use core::ptr::NonNull;

use super::class::SizeClass;
use super::remote::{self, Announce, Owner, Shared};
use crate::arena::{self, Claim};
use crate::bits::RemoteMap;
use crate::config::{DESCRIPTOR_BYTES, DESCRIPTORS_AT, INLINE_BLOCKS, MEDIUM_UNITS, UNIT_BYTES};
use crate::os;
use crate::stack::Links;
use crate::sync::{AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::units::{UnitId, arena_base, regain};

pub use list::{List, PoolList};
#[cfg(feature = "gc")]
pub use locate::prefetch;

/// What stands in an arena's metadata for each of its units.
#[repr(C, align(64))]
pub struct Descriptor {
    /// Owner and pending count. Everybody.
    shared: Shared,
    /// The next pool on an inbox or on the abandoned stack. Who holds the list (S1).
    link: AtomicU32,
    /// What the unit is the first of (P3). Written by who claimed it.
    tag: AtomicU16,
    /// Which of its owner's lists it is on. Owner.
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
    /// Address of a table with a word for each block, 0 without (P6). Everybody who holds a block.
    beside: AtomicUsize,
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

impl PoolRef {
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

    /// The address of the table beside its blocks, 0 without (P6).
    #[inline(always)]
    pub fn beside(self) -> usize {
        // ORDERING: Acquire pairs with the Release in `put_beside`: what the table's memory was used for before, by
        // whoever put it there, is over.
        self.get().beside.load(Ordering::Acquire)
    }

    /// Puts a table beside its blocks. When there is one already, that is the error.
    pub fn put_beside(self, table: usize) -> Result<(), usize> {
        let beside = &self.get().beside;
        // ORDERING: Release pairs with the Acquire in `beside`, and Acquire with the Release of who was faster.
        match beside.compare_exchange(0, table, Ordering::Release, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(other) => Err(other),
        }
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
        remote::free(&self.get().shared, self.remote_map(class), indices, announce)
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
        debug_assert_eq!(descriptor.beside.load(Ordering::Relaxed), 0, "P6");
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

/// Where the links of pools are.
pub struct PoolLinks;

impl Links for PoolLinks {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        // SAFETY: only pools of arenas are put on lists with these links, and their descriptors stay (A3).
        let pool = unsafe { PoolRef::from_id(node) };
        &pool.get().link
    }
}

#[cfg(test)]
mod tests;
