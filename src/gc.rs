//! The collector: what counting cannot free, a generational sweep finds.
//!
//! [`Gc`] counts references, as [`Rc`](crate::Rc) does, and frees nearly everything the moment its last
//! reference goes. What is left are *cycles*: values that hold each other and that nobody else holds. They are looked for
//! now and then, when a block is wanted and none is at hand, or when [`collect()`] says so.
//!
//! ```
//! use neap::{Gc, Trace, gc};
//! use std::cell::RefCell;
//!
//! #[derive(Trace)]
//! struct Node {
//!     next: RefCell<Option<Gc<Node>>>,
//! }
//!
//! let node = Gc::new(Node { next: RefCell::new(None) });
//! *node.next.borrow_mut() = Some(node.clone());
//! drop(node);
//! assert_eq!(gc::collect().collected, 1);
//! ```
//!
//! # How it is found
//!
//! A cycle can become garbage only when one of its members loses a reference and keeps others. That drop notes the object
//! as a *candidate*, once. A collection starts from the candidates: it counts, through what they hold,
//! how many references each object has from objects that it met; what has more than that is held from outside and lives,
//! with all that it leads to; the rest is garbage. So a heap in which nothing lost a reference costs nothing to
//! collect, however large, and a value that owns no `Gc` is never looked at.
//!
//! Garbage is *finalized* ([`Finalize`]) with all its objects readable, looked at again in case a finalizer made some of it
//! reachable, then its [`Weak`]s are cleared, its values are dropped, and its blocks go back. (Values that own nothing but `Gc`s, as the
//! derive knows, are not dropped where all of these lead to other garbage: nobody could tell.)
//!
//! # Generations
//!
//! Most garbage is young. Objects are of generation 0 until a collection, then of 1, then of 2; a collection of a generation visits
//! it and those below, and takes what is older for alive. Thresholds are CPython's: see [`set_threshold`].
//!
//! # Weak references
//!
//! A [`Weak`] upgrades until the object is dead, [`Weak::on_death`] tells when that is, and [`WeakKeyMap`], [`WeakValueMap`] and [`WeakSet`]
//! forget what is dead. Values that hold their own keys keep nothing alive.
//!
//! # Threads
//!
//! A `Gc` stays on its thread, and each thread collects its own. A last collection runs when a thread ends, after its
//! thread-locals are gone. When the process ends, what is left is left.
//!
//! # Rules of the room
//!
//! - **G1**: a `Gc` points to a value with a header (`header.rs`) in front, in a block of the thread's heap of objects, or of
//!   its own when it is large.
//! - **G2**: counts in headers are true, but while an object is visited; then what the header said stands beside (`set.rs`), so that a
//!   collection can be called off at any moment.
//! - **G3**: no code of the program runs while headers are visited, but `trace`.

mod callbacks;
mod check;
mod clear;
mod collect;
mod deaths;
mod debug;
#[doc(hidden)]
pub mod derived;
mod end;
mod ephemeron;
mod erased;
mod find;
mod header;
mod info;
mod inspect;
mod leaf;
#[cfg(feature = "nightly")]
mod nightly;
mod object;
mod pointer;
mod policy;
mod seen;
#[cfg(feature = "serde")]
mod serde;
mod set;
mod slices;
mod state;
mod stats;
mod trace;
mod trace_impls;
mod weak;
mod weak_map;

use core::marker::PhantomData;
use core::ptr::NonNull;

pub use callbacks::{Event, Phase, Subscription, on_collect};
pub use check::{TraceFlaw, WrongTrace, wrong_traces};
pub use debug::{
    CHECK_TRACE, DEBUG_COLLECTABLE, DEBUG_LEAK, DEBUG_SAVEALL, DEBUG_STATS, Debug, debug, garbage,
    set_debug,
};
pub use erased::Erased;
pub use inspect::{
    Object, is_finalized, is_tracked, objects, path_to, referents, referrers, tracked_count,
};
pub use leaf::Leaf;
#[cfg(feature = "derive")]
pub use neap_derive::Trace;
pub use pointer::Gc;
pub use stats::{Collected, GenerationStats};
pub use trace::{Finalize, Trace, Tracer};
pub use weak::{Weak, WeakId};
pub use weak_map::{KeyRef, ValueMut, ValueRef, WeakKeyMap, WeakSet, WeakValueMap};

use header::Age;
use state::GENERATIONS;

/// Collects all generations now, and says what was done.
///
/// Costs nothing to speak of when nothing lost a reference since the last time, else some tens of nanoseconds for each object
/// that the candidates lead to. Inside a collection (in a `Drop`, a finalizer, a `trace`) it does nothing, and says so
/// in [`Collected::skipped`].
///
/// # Panics
/// When a finalizer or a drop did: after all is done.
///
/// ```
/// assert_eq!(neap::gc::collect().collected, 0);
/// ```
pub fn collect() -> Collected {
    collect::collect(GENERATIONS - 1)
}

/// Collects generation `g` and those below.
///
/// # Panics
/// When `g` is more than 2; and as [`collect()`].
///
/// ```
/// assert_eq!(neap::gc::collect_generation(0).generation, 0);
/// ```
pub fn collect_generation(g: usize) -> Collected {
    assert!(g < GENERATIONS, "there are generations 0, 1 and 2, and no generation {g}");
    collect::collect(g)
}

/// Lets collections come by themselves on this thread, as they do from the beginning.
pub fn enable() {
    if let Some(state) = state::make() {
        state.policy.enabled.set(true);
    }
}

/// Lets collections come on this thread only when [`collect()`] is called.
///
/// ```
/// neap::gc::disable();
/// assert!(!neap::gc::is_enabled());
/// neap::gc::enable();
/// ```
pub fn disable() {
    if let Some(state) = state::make() {
        state.policy.enabled.set(false);
    }
}

/// Whether collections come by themselves on this thread.
pub fn is_enabled() -> bool {
    state::get().is_none_or(|state| state.policy.enabled.get() && state.policy.pauses.get() == 0)
}

/// No collection comes by itself on this thread until the guard is dropped. Guards nest.
///
/// ```
/// let pause = neap::gc::pause();
/// assert!(!neap::gc::is_enabled());
/// drop(pause);
/// assert!(neap::gc::is_enabled());
/// ```
pub fn pause() -> Pause {
    if let Some(state) = state::make() {
        state.policy.pauses.set(state.policy.pauses.get() + 1);
    }
    Pause(PhantomData)
}

/// Given by [`pause`].
#[must_use = "the pause ends when this is dropped"]
#[derive(Debug)]
pub struct Pause(PhantomData<*const ()>);

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(state) = state::get() {
            state.policy.pauses.set(state.policy.pauses.get().saturating_sub(1));
        }
    }
}

/// The thresholds of this thread.
///
/// ```
/// assert_eq!(neap::gc::threshold(), (2000, 10, 10));
/// ```
pub fn threshold() -> (usize, usize, usize) {
    let [t0, t1, t2] =
        state::make().map_or([0; GENERATIONS], |state| state.policy.thresholds.get());
    (t0, t1, t2)
}

/// Sets the thresholds of this thread, which mean what CPython's do: generation 0 is collected when more than `t0` objects (of
/// all types) more were made than freed since the last time; generation 1 after more than `t1` collections of generation 0;
/// generation 2 after more than `t2` of generation 1, if what became old meanwhile is more than a quarter of what is older. And when
/// there is twice as much as after the last full collection, and ten times `t0` objects or 16 MiB more: older ones until it is less.
/// `t0 == 0`: never by itself.
///
/// ```
/// let (t0, t1, t2) = neap::gc::threshold();
/// neap::gc::set_threshold(500, t1, t2);
/// # neap::gc::set_threshold(t0, t1, t2);
/// ```
pub fn set_threshold(t0: usize, t1: usize, t2: usize) {
    if let Some(state) = state::make() {
        state.policy.thresholds.set([t0, t1, t2]);
    }
}

/// Objects made less objects freed on this thread since the last collection; collections of generation 0 since the last
/// of generation 1; and of 1 since the last of 2.
pub fn count() -> [usize; 3] {
    state::get().map_or([0; GENERATIONS], |state| state.policy.count(state))
}

/// What the collections of this thread did so far, by generation.
pub fn stats() -> [GenerationStats; 3] {
    state::get().map_or([GenerationStats::NONE; GENERATIONS], |state| {
        [0, 1, 2].map(|generation| state.stats[generation].get())
    })
}

/// Takes all objects that there are now out of all generations: collections pass by them, and take what they hold for
/// alive. For what is made at the beginning and stays. Costs a look at each object.
///
/// ```
/// let _config = neap::Gc::new(vec![neap::Gc::new(1)]);
/// neap::gc::freeze();
/// assert!(neap::gc::freeze_count() > 0);
/// neap::gc::unfreeze();
/// ```
pub fn freeze() {
    each_header(|header, _| {
        if header.low().age() != Age::UNTRACKED {
            header.set_low(header.low().with_age(Age::FROZEN));
        }
    });
}

/// Puts what was frozen into the oldest generation. The next full collection looks at all of it: what it held may have
/// become garbage with it.
pub fn unfreeze() {
    each_header(|header, value| {
        let low = header.low();
        if low.age() == Age::FROZEN {
            // What may be in the midst of a change is not looked at.
            let noted = low.is_settled() || !low.may_change() && state::note_old(value);
            header.set_low(low.with_age(Age::OLD).settled(noted));
        }
    });
}

/// How many objects are frozen. Costs a look at each object.
pub fn freeze_count() -> usize {
    let mut count = 0;
    each_header(|header, _| count += usize::from(header.low().age() == Age::FROZEN));
    count
}

/// Visits the headers of all objects, with their values. Not in a collection.
fn each_header(mut visit: impl FnMut(&header::Header, NonNull<u8>)) {
    let Some(state) = state::get().filter(|state| !state.collecting.get()) else { return };
    // SAFETY: there is an object.
    state.each_object(|value| visit(unsafe { header::of(value) }, value));
}

#[cfg(test)]
mod tests;
