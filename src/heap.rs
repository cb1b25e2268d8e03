//! A heap: one thread's magazines and pools; the fast path; everything that `neap::heap` shows.
//!
//! ```text
//!   thread-local        heap (128 KiB of addresses, touched as needed)
//!   ┌─────────┐         ┌─────────────────────────────────────────────────────┐
//!   │ pointer │ ──────► │ front: for each class top, base, end of a magazine  │ ◄── its thread
//!   └─────────┘         ├─────────────────────────────────────────────────────┤
//!                       │ inbox: pools into which others have freed           │ ◄── everybody
//!                       ├─────────────────────────────────────────────────────┤
//!                       │ for each class: used pools, full pools              │ ◄── its thread
//!                       │ slots of all magazines                              │
//!                       └─────────────────────────────────────────────────────┘
//! ```
//!
//! **A request** pops the class's magazine: that is all, with no counter, no descriptor and no touch of the block. An
//! empty magazine is *refilled* (`refill.rs`): pools with remote frees are drained (`drain.rs`), then the used pools'
//! free maps are read in address order, then an abandoned pool is adopted, then one is claimed. How many blocks a
//! magazine holds is decided there, too (`capacity.rs`).
//!
//! **A free** pushes. A full magazine is *flushed* by half, the oldest blocks first (`flush.rs`): each block's pool
//! is found and checked, the bit set in its free map, or in its remote map when another heap owns it. The heap's
//! lists and accounts of its pools are kept by `pools.rs`; pages in half-used ones are given back by `sweep.rs`.
//!
//! **A thread's end** flushes all magazines and abandons pools that still have blocks out (`abandon.rs`); the heap
//! itself is parked, and the next new thread uses it (`thread.rs`; new ones come from `chunk.rs`). No lock exists
//! anywhere, so a child after `fork` finds nothing locked, whatever other threads were doing: no `pthread_atfork` is
//! needed. What those threads held at that moment, magazines and pools, stays out of use in the child.
//!
//! - **H1**: a heap is attached to one thread, or parked. Only the attached thread touches its plain fields,
//!   or who took the heap off the stack of parked ones.
//! - **H2**: `pool_bytes` = Σ bytes of its pools, `free_bytes` = Σ bytes of free blocks in them.
//! - **H3**: each of its pools is on the used list of its class when it has free blocks, else on the full list.
//!
//! Not for signal handlers: one that interrupts the allocator and allocates finds a magazine half changed.

mod abandon;
mod array;
mod beside;
mod capacity;
mod chunk;
mod drain;
#[cfg(feature = "gc")]
mod find;
mod flush;
mod large;
mod magazine;
mod mapping;
#[cfg(feature = "gc")]
mod objects;
#[cfg(feature = "gc")]
mod pieces;
mod pools;
mod refill;
mod report;
mod sweep;
mod thread;
mod walk;

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr;

use crossbeam_utils::CachePadded;

use crate::config::HEAP_BYTES;
use crate::pool::{CLASSES, PoolLinks, SLOTS, SizeClass};
use crate::settings::Options;
use crate::stack::{Inbox, Links};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::units::{UnitId, regain};
use magazine::{Front, Magazine};
use pools::ClassPools;
use thread::Content;

pub(crate) use array::Array;
#[cfg(all(test, feature = "gc"))]
pub(crate) use array::refusal::refusing;
pub(crate) use beside::{Word, make_word, word};
#[cfg(feature = "gc")]
pub(crate) use find::block_at;
#[cfg(feature = "gc")]
pub(crate) use objects::{KnownPool, Objects};
#[cfg(feature = "gc")]
pub(crate) use pieces::{Cursor, Pieces};
pub use report::{ClassStats, HeapStats, stats};
#[cfg(feature = "gc")]
pub(crate) use thread::at_end;
pub use walk::{Item, walk};

/// One heap.
#[repr(C, align(64))]
struct Heap {
    /// The magazines. First: fast paths have a pointer to it.
    front: Front,
    shared: CachePadded<SharedPart>,
    /// H2.
    pool_bytes: Cell<usize>,
    free_bytes: Cell<usize>,
    /// What decides when to look for free OS pages.
    pace: sweep::Pace,
    /// Where runs were freed.
    gaps: large::Gaps,
    /// Classes whose magazine has slots, a bit for each.
    opened: Cell<u128>,
    /// Slow paths until magazines are looked at for idleness.
    until_idle: Cell<u32>,
    /// Tables beside pools that were released.
    aside: beside::List,
    /// Pools that it has given back so far.
    releases: Cell<usize>,
    /// What its blocks are, while it is attached.
    content: Cell<Content>,
    /// Blocks handed out less blocks taken back when it was attached: by those who had it before.
    before: Cell<u64>,
    classes: [ClassPools; CLASSES],
    slots: [Cell<*mut u8>; SLOTS],
}

/// What other threads touch, on cache lines of its own.
struct SharedPart {
    /// Pools of this heap into which others have freed. Everybody pushes; the owner takes.
    inbox: Inbox,
    /// The next parked heap. Who holds that stack (S1).
    link: AtomicU32,
    /// The heap made before this one. Written once.
    older: AtomicU32,
    /// Blocks that went from pools into magazines, and back. Written by the owner, read for statistics.
    handed_out: AtomicU64,
    taken_back: AtomicU64,
}

const _: () = assert!(size_of::<Heap>() <= HEAP_BYTES);

impl Heap {
    /// The heap with this identity.
    ///
    /// # Safety
    /// `id` was given to a heap by `thread.rs`.
    unsafe fn from_id(id: UnitId) -> &'static Heap {
        let heap: *const Heap = regain(id.address());
        // SAFETY: by the precondition; heaps are never unmapped, are valid when zero, and all fields are
        // atomics or cells.
        unsafe { &*heap }
    }

    fn id(&self) -> UnitId {
        // A heap lies at a unit's start; nothing lies at 0.
        UnitId::of(ptr::from_ref(self).addr()).unwrap_or_else(|| crate::os::abort())
    }

    #[inline(always)]
    fn class(&self, class: SizeClass) -> &ClassPools {
        &self.classes[class.index()]
    }

    /// The magazine of `class`.
    #[inline(always)]
    fn magazine(&self, class: SizeClass) -> &Magazine {
        self.front.magazine(class)
    }

    /// Classes whose magazine may have blocks at hand.
    fn opened(&self) -> impl Iterator<Item = SizeClass> {
        const { assert!(CLASSES <= u128::BITS as usize) };
        let mut bits = self.opened.get();
        core::iter::from_fn(move || {
            let class = SizeClass::from_index(bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(class)
        })
    }

    /// Blocks handed out less blocks taken back, modulo 2^64: threads also take back what others handed out.
    fn balance(&self) -> u64 {
        // Relaxed: the owner wrote them.
        let handed_out = self.shared.handed_out.load(Ordering::Relaxed);
        handed_out.wrapping_sub(self.shared.taken_back.load(Ordering::Relaxed))
    }

    /// Adds to a statistic that only this thread writes.
    fn count(counter: &AtomicU64, n: usize) {
        // Relaxed, and no read-modify-write: there is one writer.
        counter.store(counter.load(Ordering::Relaxed) + n as u64, Ordering::Relaxed);
    }

    /// Announces to `owner` that others have freed into one of its pools.
    fn announce(owner: UnitId, pool: UnitId) {
        // SAFETY: owners of pools are heaps (`make_pool`, `adopt` get `Heap::id`).
        let heap = unsafe { Heap::from_id(owner) };
        heap.shared.inbox.push(&PoolLinks, pool);
    }
}

/// Where the links of parked heaps are.
struct HeapLinks;

impl Links for HeapLinks {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        // SAFETY: only heaps are put on stacks with these links.
        &unsafe { Heap::from_id(node) }.shared.link
    }
}

/// Allocates for `layout`; null when there is no memory. Up to 1 KiB inlined everywhere, and with a constant layout
/// the pop of a magazine is all that is left.
#[inline(always)]
pub(crate) fn allocate(layout: Layout, options: Options) -> *mut u8 {
    match SizeClass::looked_up(layout) {
        Some(class) => allocate_class(class, options),
        None => allocate_big(layout, options),
    }
}

/// Frees what [`allocate`] or [`allocate_zeroed`] gave for `layout`.
#[inline(always)]
pub(crate) fn free(block: *mut u8, layout: Layout) {
    match SizeClass::looked_up(layout) {
        Some(class) => free_class(block, class),
        None => free_big(block, layout),
    }
}

#[inline(always)]
fn allocate_class(class: SizeClass, options: Options) -> *mut u8 {
    match thread::front(Content::Raw).magazine(class).pop() {
        Some(block) => block.as_ptr(),
        None => refill::allocate_slow(Content::Raw, class, options),
    }
}

#[inline(always)]
fn free_class(block: *mut u8, class: SizeClass) {
    if !thread::front(Content::Raw).magazine(class).push(block) {
        flush::free_slow(Content::Raw, block, class);
    }
}

/// Allocates for a layout that is not looked up: above 1 KiB. A call, because its parts in every place that allocates
/// some number of bytes would make programs a fifth larger.
#[inline(never)]
fn allocate_big(layout: Layout, options: Options) -> *mut u8 {
    match SizeClass::for_layout(layout) {
        Some(class) => allocate_class(class, options),
        None => large::allocate(layout, options, false),
    }
}

/// Frees what [`allocate_big`] gave for `layout`.
#[inline(never)]
fn free_big(block: *mut u8, layout: Layout) {
    match SizeClass::for_layout(layout) {
        Some(class) => free_class(block, class),
        None => large::free(block, layout),
    }
}

/// Allocates memory that reads as zero, of any layout; only what is not known to be zero is written.
#[inline(never)]
pub(crate) fn allocate_zeroed(layout: Layout, options: Options) -> *mut u8 {
    let Some(class) = SizeClass::for_layout(layout) else {
        return large::allocate(layout, options, true);
    };
    if !class.is_small()
        && let Some(block) = refill::allocate_zero(class, options)
    {
        return block;
    }
    let block = allocate_class(class, options);
    if !block.is_null() {
        // SAFETY: the block has at least as many bytes as the layout, and is the caller's alone.
        unsafe { ptr::write_bytes(block, 0, layout.size()) };
    }
    block
}

/// Changes the size of a large block without moving it, if that can be done. Both layouts are large.
pub(crate) fn resize_large(block: *mut u8, old: Layout, new: Layout) -> Option<*mut u8> {
    large::resize(block, old, new)
}

/// Gives every free page back to the operating system now.
///
/// What the calling thread keeps at hand goes back to its pools first; then every empty pool, every free OS page in
/// used pools, of this thread's and of threads that have ended, and all free memory of the arenas. Other running
/// threads keep their magazines and pools. Costs some milliseconds per 100 MiB, and the page faults of what is used
/// again.
///
/// ```
/// drop(vec![0u8; 1 << 20]);
/// neap::heap::purge();
/// ```
pub fn purge() {
    sweep::purge();
}

/// Bytes that the block at `ptr` really has: the request rounded up to its size class, or to whole 64 KiB.
///
/// They all may be used. Costs a table look-up for up to 64 KiB; above, a look at the block's descriptor.
///
/// # Safety
/// `ptr` was allocated by neap with `layout` and is not freed.
///
/// ```
/// use std::alloc::{GlobalAlloc, Layout};
/// let neap = neap::Neap::new();
/// let layout = Layout::from_size_align(100, 1).unwrap();
/// // SAFETY: the layout is not empty; the block is freed with the same.
/// unsafe {
///     let block = neap.alloc(layout);
///     assert_eq!(neap::heap::usable_size(block, layout), 112);
///     neap.dealloc(block, layout);
/// }
/// ```
pub unsafe fn usable_size(ptr: *const u8, layout: Layout) -> usize {
    match SizeClass::for_layout(layout) {
        Some(class) => class.block_size(),
        None => large::usable_size(ptr.addr(), layout),
    }
}

/// Whether `ptr` points into memory that neap handed out: into a pool, a large run or a mapping that is in use now.
///
/// It does not say whether the very block is live. Costs some hundred nanoseconds at most.
///
/// ```
/// let on_stack = 0u8;
/// assert!(!neap::heap::owns(&on_stack));
/// ```
pub fn owns(ptr: *const u8) -> bool {
    large::owns(ptr.addr())
}

#[cfg(test)]
mod tests;
