//! `Trace`: how the collector learns what a value holds.

use core::ptr::NonNull;

use super::Gc;
use super::check::Visits;
use super::header;
use super::seen::Seen;
use super::set::Set;
use super::state::regain_value;
use crate::pool::prefetch;

/// A value that can say which [`Gc`]s it owns.
///
/// `#[derive(Trace)]` writes it. By hand it is `unsafe`, because the collector believes it:
///
/// # Safety
/// ([`CHECK_TRACE`](super::CHECK_TRACE) looks whether that is so.)
///
/// - [`trace`](Trace::trace) visits no `Gc` twice, and none that the value does not own alone: not through a
///   `std::rc::Rc`, an `Arc` or a reference, whose other owners would visit it as well. One left out is safe: what it
///   leads to is not collected.
/// - Between two changes of the value it visits the same ones.
/// - It does nothing else: it makes, clones and drops no `Gc`, and changes nothing. (One that panics is safe: the
///   collection is called off.)
/// - [`is_cyclic`](Trace::is_cyclic) is `true` if a value of the type can ever own a `Gc`. (A wrong `false` is safe but
///   leaks; it must always be the same.)
/// - The type's `Drop`, if it has one, does not read a `Gc` that the value owns. (What reads one all the same panics if
///   that is dead.)
///
/// What becomes of a `trace` that breaks the first three: where more references to an object are visited than there are, the process ends
/// with a line that names the object's type. Where references from outside make up for that, the object dies while
/// somebody has it: reading through that reference panics, and a `&T` that was lent before leads nowhere. References that are made
/// or given up meanwhile, and not given back, end the process before anything is freed; but as many made here as are given up there
/// go unnoticed, and lead to memory that was freed.
///
/// ```
/// use neap::gc::{Trace, Tracer};
/// use neap::Gc;
///
/// struct Pair(Gc<u32>, Option<Gc<Pair>>);
///
/// // SAFETY: both fields are visited, once.
/// unsafe impl Trace for Pair {
///     fn trace(&self, tracer: &mut Tracer<'_>) {
///         self.0.trace(tracer);
///         self.1.trace(tracer);
///     }
/// }
/// assert_eq!(*Gc::new(Pair(Gc::new(7), None)).0, 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Trace`: the collector does not know which `Gc`s it owns",
    label = "not `Trace`",
    note = "for a type of your own: `#[derive(Trace)]`",
    note = "for a field of another's type that owns no `Gc`: `#[trace(skip)]` on the field, or `neap::gc::Leaf<{Self}>` as its type"
)]
pub unsafe trait Trace: 'static {
    /// Visits each `Gc` that the value owns: calls `trace` for each field.
    fn trace(&self, tracer: &mut Tracer<'_>);

    /// Whether a value of this type can own a `Gc`. Where not, its objects can't be part of a cycle, and the collector
    /// never looks at them. Folded at compile time.
    ///
    /// By hand: leave it out, or say `false`. A container whose answer is that of its elements' type never comes to an end
    /// with a type that holds itself in such a container.
    fn is_cyclic() -> bool
    where
        Self: Sized,
    {
        true
    }

    /// [`is_cyclic`](Trace::is_cyclic), asked in the midst of that question for a type that holds this one. What holds
    /// others passes it on, so that types which lead back to themselves end it.
    #[doc(hidden)]
    fn is_cyclic_among(_: impl Seen) -> bool
    where
        Self: Sized,
    {
        Self::is_cyclic()
    }

    /// Whether the drop of such a value does nothing but give up the `Gc`s that [`trace`](Trace::trace) visits. Garbage that
    /// owns nothing but references to each other need not be dropped. Said by neap's own implementations and the derive,
    /// which visit what they should: where a `trace` is wrong, drops are what shows that somebody still has a reference.
    #[doc(hidden)]
    #[inline(always)]
    fn owns_only_gcs() -> bool
    where
        Self: Sized,
    {
        false
    }

    /// What runs before such a value is dropped, if it has a finalizer.
    #[doc(hidden)]
    fn finalizer() -> Option<fn(&Self)>
    where
        Self: Sized,
    {
        None
    }
}

/// What an object does before it dies, `__del__` in Python.
///
/// Called once, when the last reference goes or the collector has found the object dead: before anything that dies
/// with it is dropped, so all that the object holds can be read. It may *resurrect*: hand out a `Gc` to itself or to
/// anything that it holds, and what can be reached again stays alive; it is not called a second time.
///
/// For a type that derives `Trace` with `#[trace(finalize)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says `#[trace(finalize)]`, but does not implement `Finalize`",
    label = "`impl neap::Finalize for {Self}` is missing"
)]
pub trait Finalize {
    /// Called before the value dies.
    fn finalize(&self);
}

/// What goes from object to object: handed to [`Trace::trace`], and on to each field.
pub struct Tracer<'a> {
    /// Values of targets, whose headers are on their way into the cache, and how many.
    targets: [usize; Tracer::MOST],
    len: usize,
    /// Whether some value owns more than the `Gc`s that were visited.
    pub(super) more: bool,
    sink: Sink<'a>,
}

/// What becomes of an edge.
pub(super) enum Sink<'a> {
    /// One reference to the target is accounted for, and the target joins the set.
    Count(&'a mut Set),
    /// The same, but nobody joins.
    Recount(&'a mut Set),
    /// The target is alive if it is in the set.
    Mark(&'a mut Set),
    /// Somebody wants to know.
    Each(&'a mut dyn FnMut(NonNull<u8>)),
    /// Somebody wants to know where each edge lies, and which memory is not in use.
    Check(&'a mut Visits),
}

/// What the edges are wanted for.
#[derive(Clone, Copy)]
pub(super) enum Pass {
    /// To be accounted for, in the search of this number.
    Count(u64),
    /// To be followed from what is alive, in the search of this number.
    Mark(u64),
    /// To be told.
    Tell,
}

impl<'a> Tracer<'a> {
    /// Targets that are noted before somebody looks at them.
    const MOST: usize = 64;
    /// So many fields of small objects still fit.
    const NEARLY: usize = 48;

    pub(super) fn new(sink: Sink<'a>) -> Tracer<'a> {
        // Who checks is told of each edge at once: the buffer is always as good as full, so that nobody else has to ask.
        let len = if matches!(sink, Sink::Check(_)) { Tracer::MOST - 1 } else { 0 };
        Tracer { targets: [0; Tracer::MOST], len, more: false, sink }
    }

    /// Notes an edge to the object with this value; the pointer lies at `at`.
    #[inline(always)]
    pub(super) fn edge(&mut self, value: NonNull<u8>, at: *const ()) {
        prefetch(value.addr().get() - header::BYTES);
        self.targets[self.len % Tracer::MOST] = value.addr().get();
        self.len += 1;
        if self.len == Tracer::MOST {
            self.make_room(value, at);
        }
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, value: NonNull<u8>, at: *const ()) {
        if let Sink::Check(visits) = &mut self.sink {
            visits.note(value, at.addr());
            self.len = Tracer::MOST - 1;
        } else {
            self.finish();
        }
    }

    /// Whether a few more edges can be noted.
    #[inline(always)]
    pub(super) fn has_room(&self) -> bool {
        self.len < Tracer::NEARLY
    }

    /// Deals with all edges that are noted.
    #[inline(always)]
    pub(super) fn finish(&mut self) {
        let len = core::mem::take(&mut self.len).min(Tracer::MOST);
        let targets = &self.targets[..len];
        match &mut self.sink {
            Sink::Count(set) => set.count(targets),
            Sink::Recount(set) => set.recount(targets),
            Sink::Mark(set) => set.mark(targets),
            Sink::Each(each) => targets.iter().for_each(|value| each(regain_value(*value))),
            Sink::Check(_) => {}
        }
    }

    /// Whether no edge is noted.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The set that edges go to.
    #[inline(always)]
    pub(super) fn set(&mut self) -> Option<&mut Set> {
        match &mut self.sink {
            Sink::Count(set) | Sink::Recount(set) | Sink::Mark(set) => Some(set),
            Sink::Each(_) | Sink::Check(_) => None,
        }
    }

    /// What the edges are wanted for.
    pub(super) fn pass(&self) -> Pass {
        match &self.sink {
            Sink::Count(set) | Sink::Recount(set) => Pass::Count(set.number),
            Sink::Mark(set) => Pass::Mark(set.number),
            Sink::Each(_) | Sink::Check(_) => Pass::Tell,
        }
    }

    /// Whether the object is alive, as far as is known.
    pub(super) fn lives(&self, value: NonNull<u8>) -> bool {
        match &self.sink {
            Sink::Count(set) | Sink::Recount(set) | Sink::Mark(set) => set.lives(value),
            Sink::Each(_) | Sink::Check(_) => true,
        }
    }

    /// Says that of the memory of `whole` nothing is in use just now, or not to be looked at, whatever words are left there.
    /// Asked for only where a container has nothing to visit, and by `derived`.
    #[inline(always)]
    pub(super) fn idle<T: ?Sized>(&mut self, whole: &T) {
        if let Sink::Check(visits) = &mut self.sink {
            visits.idle(core::ptr::from_ref(whole).addr(), size_of_val(whole));
        }
    }

    /// Says that in the midst of what is idle this is in use.
    #[inline(always)]
    pub(super) fn in_use(&mut self, (at, bytes): (usize, usize)) {
        if let Sink::Check(visits) = &mut self.sink {
            visits.in_use(at, bytes);
        }
    }

    /// Notes that the value owns more than the `Gc`s that are visited now.
    #[inline(always)]
    pub(super) fn note_more(&mut self) {
        self.more = true;
    }

    /// Whether anybody listens to that.
    #[inline(always)]
    pub(super) fn is_checked(&self) -> bool {
        matches!(self.sink, Sink::Check(_))
    }
}

// SAFETY: the one `Gc` is visited, once. (That its value is `Trace` was asked when it was made. Not asked again here, so a
// type may hold a `Gc` of itself without a bound that leads in a circle.)
unsafe impl<T: ?Sized + 'static> Trace for Gc<T> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.edge(Gc::value(self).cast(), core::ptr::from_ref(self).cast());
    }

    #[inline(always)]
    fn owns_only_gcs() -> bool {
        true
    }
}
