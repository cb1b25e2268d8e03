//! Thread ↔ heap: who is attached, and how a thread ends.
//!
//! ```text
//!              first slow path                        thread ends
//!   Fresh ─────────────────────► Attached ─────────────────────────────► Ended
//!   (no heap)                    (heap, key armed)                       (no heap)
//!                                                    each allocation: attach, serve, detach
//! ```
//!
//! The end is learnt from a `pthread` key, whose destructor runs after those of `thread_local!`s. What is
//! allocated later still, in destructors of other keys, is served by a heap that is attached for just that call, so
//! nothing is ever left behind, in any order. The same holds when there is no key to be had.
//! The main thread ends with the process; `.fini_array` flushes its magazines then (what was freed twice comes to
//! light), prints statistics if asked, and deletes the key, because code that is unloaded must not be called.
//!
//! A thread may have a second heap, for *objects* ([`Content`]): blocks that all begin with a header, so that who made
//! them can walk them. It is a heap as any other, but that it takes no pool over that others left, and begins without any.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

use super::magazine::{Front, UNATTACHED};
use super::{Heap, HeapLinks, abandon, beside, chunk, drain, flush, report, sweep};
use crate::arena;
use crate::os::{self, ThreadEndKey};
use crate::settings::{self, Options};
use crate::stack::Stack;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Heaps without a thread.
static PARKED: Stack = Stack::new();
/// Whether a heap was parked with pools, since [`settle_parked`] looked last.
static KEPT: AtomicBool = AtomicBool::new(false);
/// The key that tells of a thread's end: 0 not made, [`NO_KEY`] not to be had, else the key + 1.
static KEY: AtomicU64 = AtomicU64::new(0);

const NO_KEY: u64 = u64::MAX;

/// Threads that are in [`thread_ends`] just now.
static ENDING: AtomicU32 = AtomicU32::new(0);
/// The process in which they are counted. In the child of a `fork`, threads that were ending never come to their end, so
/// there nobody waits.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// How long [`image_ends`] waits for them at most, in milliseconds. A thread's end takes some microseconds, and about a
/// millisecond when it has gigabytes to give back.
const ENDING_MS: u64 = 1000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Phase {
    /// Nothing was allocated yet.
    Fresh = 0,
    /// It has a heap, and its end will be told.
    Attached = 1,
    /// Its end was told, or will not be.
    Ended = 2,
}

/// What a heap's blocks are. Zero, as in a new heap: anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Content {
    /// Anything.
    Raw = 0,
    /// Objects, which begin with a header and can be walked.
    Objects = 1,
}

impl Content {
    /// Both.
    pub const ALL: [Content; 2] = [Content::Raw, Content::Objects];
}

thread_local! {
    /// The front of the attached heap, or [`UNATTACHED`]. A pointer, so static TLS stays small; no destructor.
    static FRONT: Cell<*const Front> = const { Cell::new(&raw const UNATTACHED) };
    /// The same of the heap of objects.
    static OBJECTS: Cell<*const Front> = const { Cell::new(&raw const UNATTACHED) };
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Fresh) };
    /// What is to be done when the thread ends, while it still has its heaps.
    static AT_END: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Where the front of the heap of this content stands.
#[inline(always)]
fn slot<R>(content: Content, f: impl FnOnce(&Cell<*const Front>) -> R) -> R {
    match content {
        Content::Raw => FRONT.with(f),
        Content::Objects => OBJECTS.with(f),
    }
}

/// The calling thread's magazines.
#[inline(always)]
pub fn front(content: Content) -> &'static Front {
    // SAFETY: it points at `UNATTACHED` or into a heap; heaps are never unmapped.
    unsafe { &*slot(content, Cell::get) }
}

/// The heap of this content that is attached to the calling thread.
pub fn attached(content: Content) -> Option<&'static Heap> {
    let front = slot(content, Cell::get);
    // SAFETY: what is not `UNATTACHED` was put there by `attach`, from a pointer to a whole heap, of which the
    // front is the first field.
    (!ptr::eq(front, &UNATTACHED)).then(|| unsafe { &*front.cast::<Heap>() })
}

/// Calls `f` with the calling thread's heap, which is attached for the call if there is none; `None` when
/// there is no memory for a heap.
pub fn with_heap<R>(
    content: Content,
    options: Options,
    f: impl FnOnce(&'static Heap) -> R,
) -> Option<R> {
    if let Some(heap) = attached(content) {
        return Some(f(heap));
    }
    let heap = attach(content, options)?;
    let result = f(heap);
    if PHASE.get() == Phase::Ended {
        detach(content);
    }
    Some(result)
}

/// Whether the calling thread keeps its heap, or would if it allocated.
pub fn keeps_heap(content: Content) -> bool {
    PHASE.get() != Phase::Ended || attached(content).is_some()
}

/// Has `f` called when the calling thread ends, while it still has its heaps: after its thread-locals are gone. False:
/// nobody will tell when it does. The last `f` counts.
#[cfg(feature = "gc")]
pub fn at_end(f: fn()) -> bool {
    AT_END.set(Some(f));
    // An attached heap arms the key.
    with_heap(Content::Raw, Options::NONE, |_| ()).is_some() && PHASE.get() == Phase::Attached
}

fn attach(content: Content, options: Options) -> Option<&'static Heap> {
    settings::decide(options);
    let heap = match unpark(content) {
        Some(heap) => heap,
        None => chunk::make_heap()?,
    };
    heap.content.set(content);
    heap.before.set(heap.balance());
    slot(content, |slot| slot.set(ptr::from_ref(heap).cast()));
    if PHASE.get() == Phase::Fresh {
        // The heap is in place already, should this allocate through us.
        let told = end_key().is_some_and(|key| key.arm(ptr::from_ref(heap).cast_mut().cast()));
        PHASE.set(if told { Phase::Attached } else { Phase::Ended });
    }
    Some(heap)
}

/// A parked heap that will do: for objects, one without pools. What lies in pools that it still has may be anything, or
/// objects of a thread that is gone.
fn unpark(content: Content) -> Option<&'static Heap> {
    let unfit = Stack::new();
    let mut found = None;
    // No more than there are, as below.
    for _ in 0..chunk::heaps() {
        let Some(id) = PARKED.pop(&HeapLinks) else { break };
        // SAFETY: only heaps are parked. This one is the caller's until it is parked again (H1).
        let heap = unsafe { Heap::from_id(id) };
        if content == Content::Raw || heap.pool_bytes.get() == 0 {
            found = Some(heap);
            break;
        }
        unfit.push(&HeapLinks, id);
    }
    while let Some(id) = unfit.pop(&HeapLinks) {
        PARKED.push(&HeapLinks, id);
    }
    found
}

/// Flushes every magazine, abandons the pools and parks the heap.
fn detach(content: Content) {
    let Some(heap) = attached(content) else { return };
    flush::flush_all(heap);
    slot(content, |slot| slot.set(&raw const UNATTACHED));
    abandon::abandon_all(heap);
    beside::settle_directly(heap);
    let kept = heap.pool_bytes.get() > 0;
    PARKED.push(&HeapLinks, heap.id());
    if kept {
        // ORDERING: Release pairs with the Acquire in `settle_parked`: who sees it finds the heap.
        KEPT.store(true, Ordering::Release);
    }
}

/// Abandons what parked heaps still have: pools into which somebody was freeing when their thread ended. That is rare, and
/// only then heaps are taken off the stack: a thread that begins meanwhile has to make one.
pub fn settle_parked() {
    // ORDERING: Acquire pairs with the Release in `detach`.
    if !KEPT.swap(false, Ordering::Acquire) {
        return;
    }
    let settled = Stack::new();
    let mut kept = false;
    // No more than there are: others may park as fast as they are popped here.
    for _ in 0..chunk::heaps() {
        let Some(id) = PARKED.pop(&HeapLinks) else { break };
        // SAFETY: only heaps are parked. This one is the caller's until it is parked again (H1).
        let heap = unsafe { Heap::from_id(id) };
        abandon::abandon_all(heap);
        beside::settle_directly(heap);
        kept |= heap.pool_bytes.get() > 0;
        settled.push(&HeapLinks, id);
    }
    while let Some(id) = settled.pop(&HeapLinks) {
        PARKED.push(&HeapLinks, id);
    }
    if kept {
        // ORDERING: Release, as in `detach`.
        KEPT.store(true, Ordering::Release);
    }
}

/// The key, made by the first caller.
fn end_key() -> Option<ThreadEndKey> {
    let decode = |word| (word != NO_KEY).then(|| ThreadEndKey::from_raw(word - 1));
    match KEY.load(Ordering::Relaxed) {
        0 => {}
        word => return decode(word),
    }
    PROCESS.store(os::process(), Ordering::Relaxed);
    let made = os::thread_end_key(thread_ends);
    let word = made.map_or(NO_KEY, |key| key.raw() + 1);
    // Relaxed: a key is a number that the C library knows; nothing else is published.
    match KEY.compare_exchange(0, word, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => made,
        Err(winner) => {
            if let Some(key) = made {
                key.delete();
            }
            decode(winner)
        }
    }
}

/// Called by the C library when a thread that has a heap ends.
unsafe extern "C" fn thread_ends(_: *mut c_void) {
    // Relaxed: whoever has deleted the key by now may miss this; nothing can be done about it here.
    ENDING.fetch_add(1, Ordering::Relaxed);
    if let Some(work) = AT_END.take() {
        work();
    }
    PHASE.set(Phase::Ended);
    // The raw heap last: what the other puts aside lies there.
    detach(Content::Objects);
    detach(Content::Raw);
    // ORDERING: Release pairs with the Acquire in `await_ending`: all that this thread did is done.
    ENDING.fetch_sub(1, Ordering::Release);
}

/// Waits until nobody is in [`thread_ends`] any more.
fn await_ending() {
    if os::process() != PROCESS.load(Ordering::Relaxed) {
        return;
    }
    let start = os::milliseconds();
    // ORDERING: Acquire pairs with the Release in `thread_ends`.
    while ENDING.load(Ordering::Acquire) != 0 && os::milliseconds() - start < ENDING_MS {
        os::yield_now();
    }
}

/// Called when the process ends, or when the library that neap is part of is unloaded.
///
/// The calling thread's heap stays attached: handlers that run later may allocate as before.
extern "C" fn image_ends() {
    // Unloading takes the code away: no ending thread may call it then.
    let key = KEY.swap(NO_KEY, Ordering::Relaxed);
    if key != 0 && key != NO_KEY {
        ThreadEndKey::from_raw(key - 1).delete();
    }
    // And none that has just begun may still be in it.
    await_ending();
    for heap in Content::ALL.into_iter().filter_map(attached) {
        flush::flush_all(heap);
        // A block that another thread has freed as well comes to light here.
        drain::drain_inbox(heap);
        sweep::release_empty(heap);
    }
    arena::retire_all_empty();
    if settings::stats_at_exit() {
        report::print();
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
#[used]
// SAFETY: the section holds pointers to functions without arguments, called once each at the end.
#[unsafe(link_section = ".fini_array")]
static IMAGE_ENDS: extern "C" fn() = image_ends;

#[cfg(target_vendor = "apple")]
#[used]
// SAFETY: as above.
#[unsafe(link_section = "__DATA,__mod_term_func")]
static IMAGE_ENDS: extern "C" fn() = image_ends;
