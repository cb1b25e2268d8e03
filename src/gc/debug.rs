//! Looking closer: what collections find is printed, or kept.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::ops::BitOr;

use super::erased::Erased;
use super::state::{self, State};
use super::stats::Collected;

/// What [`set_debug`] switches on; put together with `|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debug(u32);

/// Prints a line for each collection to standard error.
pub const DEBUG_STATS: Debug = Debug(1);
/// Prints a line for each object that a collection finds unreachable.
pub const DEBUG_COLLECTABLE: Debug = Debug(2);
/// Keeps what a collection finds unreachable, for [`garbage`], in place of dropping it.
pub const DEBUG_SAVEALL: Debug = Debug(4);
/// Prints it and keeps it.
pub const DEBUG_LEAK: Debug = Debug(DEBUG_COLLECTABLE.0 | DEBUG_SAVEALL.0);

/// Looks, before each collection, whether the `trace`s of the thread's objects keep what [`Trace`](super::Trace) asks for, and
/// names each type whose `trace` visits an edge twice, or seems to miss one: a line for each on standard error, and
/// [`wrong_traces`](super::wrong_traces).
///
/// As long as one visits an edge twice nothing is freed: such a collection is [called off](Collected::called_off). One that
/// misses edges is safe, and what these lead to is never collected.
///
/// It looks at all objects of the thread, and in doing so takes memory of the program's allocator: some 100 bytes for each
/// object and edge. A missed edge is one that lies in the value itself (or, when neap is the
/// program's allocator, in the first place of a `Box`, a `Vec` or an `Rc` in it), to a tracked object with more references than are
/// visited. So a plain pointer to an object that somebody else holds looks like one, too; and a field that was seen
/// to be visited once, in any value of the type, is never named.
pub const CHECK_TRACE: Debug = Debug(8);

impl BitOr for Debug {
    type Output = Debug;

    fn bitor(self, other: Debug) -> Debug {
        Debug(self.0 | other.0)
    }
}

impl Debug {
    /// None of them.
    pub const NONE: Debug = Debug(0);

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn contains(self, other: Debug) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What is kept for [`garbage`].
pub struct Kept(RefCell<Vec<Erased>>);

impl Kept {
    /// Nothing.
    pub const fn new() -> Kept {
        Kept(RefCell::new(Vec::new()))
    }

    /// Keeps an object.
    pub fn push(&self, object: Erased) {
        self.0.borrow_mut().push(object);
    }
}

/// Sets what collections of this thread print and keep. [`Debug::NONE`]: nothing.
///
/// ```
/// use neap::gc;
/// gc::set_debug(gc::DEBUG_SAVEALL);
/// assert_eq!(gc::debug(), gc::DEBUG_SAVEALL);
/// # gc::set_debug(gc::Debug::NONE);
/// ```
pub fn set_debug(flags: Debug) {
    if let Some(state) = state::make() {
        state.debug.set(flags);
    }
}

/// What was set.
pub fn debug() -> Debug {
    state::get().map_or(Debug::NONE, |state| state.debug.get())
}

/// Takes what was kept under [`DEBUG_SAVEALL`]: alive and readable. When it is dropped, it is garbage again, for the next
/// collection.
///
/// ```
/// use neap::{Gc, Trace, gc};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Me(RefCell<Option<Gc<Me>>>);
///
/// gc::set_debug(gc::DEBUG_SAVEALL);
/// let me = Gc::new(Me(RefCell::default()));
/// *me.0.borrow_mut() = Some(me.clone());
/// drop(me);
/// assert_eq!(gc::collect().uncollectable, 1);
/// gc::set_debug(gc::Debug::NONE);
///
/// let kept = gc::garbage();
/// assert!(kept[0].downcast_ref::<Me>().is_some());
/// drop(kept);
/// assert_eq!(gc::collect().collected, 1);
/// ```
#[must_use]
pub fn garbage() -> Vec<Erased> {
    state::get().map_or_else(Vec::new, |state| state.kept.0.take())
}

/// Prints what a collection did, if that is asked for.
pub fn report(state: &State, done: &Collected) {
    if state.debug.get().contains(DEBUG_STATS) {
        print(format_args!(
            "generation {}: {} candidates, {} visited, {} collected, {} uncollectable, {:?}",
            done.generation,
            done.candidates,
            done.visited,
            done.collected,
            done.uncollectable,
            done.duration
        ));
    }
}

/// Prints a line to stderr. One that can't be written is left out: nobody is to be stopped by that.
pub fn print(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "gc: {line}");
}
