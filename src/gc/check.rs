//! `CHECK_TRACE`: whether the `trace`s of a program say what its values hold.
//!
//! The collector believes `trace`. One that visits an edge twice makes it free what is alive, so this is found out before
//! a collection and not after it; one that misses an edge only leaks.
//!
//! ```text
//!   1. trace every object    where does each edge's `Gc` lie?   ── two visits of one place ─────────► twice
//!                            how many lead to each object?      ── more than it has references ─────► too many
//!   2. look at the words of every object whose value they are
//!                            the address of an object, at a place that no trace visited, which has
//!                            more references than were visited  ────────────────────────────────────► missed
//! ```
//!
//! What is in the way of the second step is memory that is not in use: what a container or an enum has left over from before
//! looks like what it was. So in a check these say which part of them is idle ([`Tracer::idle`]); cells that are borrowed do so
//! too. And a place of a type at which an edge was visited once, in whatever value and collection, is known to its `trace`.
//!
//! Objects whose value may be lent to be changed just now are passed by, and those that `Gc::new_untracked` made: the
//! collector never comes to them. An object whose type claims that it owns
//! no `Gc` is not traced, but its words are looked at.
//!
//! All objects have a reference more meanwhile, so whatever a `trace` does to them, they stay.

mod visits;
mod words;

use core::fmt;
use core::ptr::NonNull;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

pub use visits::Visits;
use words::Place;

use super::clear::Panics;
use super::debug::{self, CHECK_TRACE};
use super::header::{self, Age};
use super::info::Info;
use super::state::{self, State};
use super::trace::{Sink, Tracer};
use super::weak::Weak;
use super::{object, pointer};

/// What is wrong with the `trace` of a type; `Display` gives a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrongTrace {
    /// The type.
    pub type_name: &'static str,
    /// What is wrong.
    pub flaw: TraceFlaw,
}

/// What [`CHECK_TRACE`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceFlaw {
    /// It visits an edge twice.
    Twice,
    /// It visits an edge that values of this type visit as well.
    Shared(&'static str),
    /// More references to objects of the type are visited than there are. (Who does it is not known.)
    TooMany,
    /// It seems not to visit a `Gc` that a value owns.
    Missed {
        /// The type of the object that the `Gc` points to.
        target: &'static str,
        /// The word of the value that is the `Gc`, or leads to it, in bytes.
        offset: usize,
    },
}

impl TraceFlaw {
    /// Whether a collection would free what is alive.
    const fn is_harmful(self) -> bool {
        !matches!(self, TraceFlaw::Missed { .. })
    }
}

impl fmt::Display for WrongTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.type_name;
        match self.flaw {
            TraceFlaw::Twice => {
                write!(f, "the trace of {name} visits an edge twice: nothing is freed")
            }
            TraceFlaw::Shared(other) => write!(
                f,
                "the traces of {name} and {other} visit the same edge, twice in all: nothing is freed"
            ),
            TraceFlaw::TooMany => write!(
                f,
                "more references to an object of {name} are visited than there are: nothing is freed"
            ),
            TraceFlaw::Missed { target, offset } => write!(
                f,
                "{name} seems to hold a Gc to {target} that its trace does not visit (byte {offset})"
            ),
        }
    }
}

/// What the last collection under [`CHECK_TRACE`] found wrong, once for each type.
///
/// ```
/// use neap::{Gc, Trace, gc};
///
/// #[derive(Trace)]
/// struct Node(#[trace(skip)] Option<Gc<Vec<Gc<u8>>>>);
///
/// gc::set_debug(gc::CHECK_TRACE);
/// let node = Gc::new(Node(Some(Gc::new(vec![]))));
/// gc::collect();
/// # gc::set_debug(gc::Debug::NONE);
/// let wrong = gc::wrong_traces();
/// # if !cfg!(miri) {
/// assert!(wrong[0].to_string().contains("Node seems to hold a Gc"));
/// # }
/// ```
#[must_use]
pub fn wrong_traces() -> Vec<WrongTrace> {
    state::get().map_or_else(Vec::new, |state| state.check.0.borrow().wrong.clone())
}

/// What is remembered from check to check.
pub struct Book(RefCell<Pages>);

#[derive(Default)]
struct Pages {
    wrong: Vec<WrongTrace>,
    /// Places in types (the `Info`'s address, the offset) at which an edge was visited once.
    known: Option<HashSet<(usize, usize)>>,
}

impl Book {
    /// Empty.
    pub const fn new() -> Book {
        Book(RefCell::new(Pages { wrong: Vec::new(), known: None }))
    }
}

/// Checks if that is asked for. Whether a collection may follow.
pub fn permits(state: &State, panics: &mut Panics) -> bool {
    if !state.debug.get().contains(CHECK_TRACE) {
        return true;
    }
    let mut check =
        Check { objects: Objects::take(state), places: HashMap::new(), wrong: Vec::new() };
    let mut known = state.check.0.take().known.unwrap_or_default();
    let mut done = false;
    panics.catch(|| {
        check.trace_all();
        // Where something is wrong with what was visited, nothing is known of what was not. And Miri knows which words
        // were never written.
        if check.wrong.is_empty() && !cfg!(miri) {
            check.look_for_missed(&mut known);
        }
        done = true;
    });
    check.objects.give_back(panics);
    let wrong = check.wrong;
    let harmful = wrong.iter().any(|wrong| wrong.flaw.is_harmful());
    state.check.0.replace(Pages { wrong, known: Some(known) });
    done && !harmful
}

/// Prints what was found, if that is asked for.
pub fn report(state: &State) {
    if state.debug.get().contains(CHECK_TRACE) {
        for wrong in &state.check.0.borrow().wrong {
            debug::print(format_args!("{wrong}"));
        }
    }
}

/// An object, and what is known of it.
struct Object {
    value: NonNull<u8>,
    info: &'static Info,
    len: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is traced.
    Traced,
    /// Its type says that it owns no `Gc`.
    Acyclic,
    /// It is passed by.
    Left,
}

/// All objects of the thread, each with a reference more; and how many references to each tracked one were visited.
struct Objects {
    all: Vec<Object>,
    visits: HashMap<NonNull<u8>, u32>,
}

impl Objects {
    fn take(state: &State) -> Objects {
        let mut objects = Objects { all: Vec::new(), visits: HashMap::new() };
        state.each_object(|value| {
            // SAFETY: there is an object.
            let header = unsafe { header::of(value) };
            let low = header.low();
            let info = low.code().info();
            let tracked = low.age() != Age::UNTRACKED;
            let kind = match tracked {
                true if !low.may_change() => Kind::Traced,
                false if !info.is_cyclic() => Kind::Acyclic,
                _ => Kind::Left,
            };
            // SAFETY: as above.
            let len = if info.is_slice() { unsafe { object::slice_length(value) } } else { 0 };
            objects.all.push(Object { value, info, len, kind });
            if tracked {
                objects.visits.insert(value, 0);
            }
            header.increment();
        });
        objects
    }

    /// References to an object that nobody visited; `None`: it is no tracked object.
    fn left_over(&self, value: NonNull<u8>) -> Option<u32> {
        let visits = self.visits.get(&value)?;
        // SAFETY: it is an object, of which we have a reference.
        let strong = unsafe { header::of(value) }.strong() - 1;
        Some(strong.saturating_sub(*visits))
    }

    fn give_back(self, panics: &mut Panics) {
        for object in self.all {
            // SAFETY: we have a reference.
            let header = unsafe { header::of(object.value) };
            if header.strong() > 1 {
                // As it was: it is no candidate by this.
                let _ = header.decrement();
            } else {
                // A `trace` gave the others up.
                // SAFETY: the reference is ours.
                panics.catch(|| unsafe { pointer::release_erased(object.value) });
            }
        }
    }
}

struct Check {
    objects: Objects,
    /// Where visited `Gc`s lie, and whose they are: the place in `objects`.
    places: HashMap<usize, usize>,
    wrong: Vec<WrongTrace>,
}

impl Check {
    fn accuse(&mut self, info: &Info, flaw: TraceFlaw) {
        let wrong = WrongTrace { type_name: (info.name)(), flaw };
        if !self.wrong.contains(&wrong) {
            self.wrong.push(wrong);
        }
    }

    /// The first step.
    fn trace_all(&mut self) {
        for i in 0..self.objects.all.len() {
            let object = &self.objects.all[i];
            let info = object.info;
            for (target, at) in visits_of(object).edges {
                if let Some(visits) = self.objects.visits.get_mut(&target) {
                    *visits += 1;
                }
                let Some(first) = at.and_then(|at| self.places.insert(at, i)) else { continue };
                if first == i {
                    self.accuse(info, TraceFlaw::Twice);
                } else {
                    let first = (self.objects.all[first].info.name)();
                    self.accuse(info, TraceFlaw::Shared(first));
                }
            }
        }
        if !self.wrong.is_empty() {
            return;
        }
        for i in 0..self.objects.all.len() {
            let Object { value, info, .. } = self.objects.all[i];
            // SAFETY: we have a reference.
            let strong = unsafe { header::of(value) }.strong() - 1;
            if self.objects.visits.get(&value).is_some_and(|visits| *visits > strong) {
                self.accuse(info, TraceFlaw::TooMany);
            }
        }
    }

    /// The second step.
    fn look_for_missed(&mut self, known: &mut HashSet<(usize, usize)>) {
        self.each_place(|check, object, place| {
            if check.places.contains_key(&place.at) {
                known.insert(key(object, place));
            }
        });
        // One is enough for each place in a type.
        let mut missed = HashSet::new();
        let mut found = Vec::new();
        self.each_place(|check, object, place| {
            let key = key(object, place);
            if check.is_missed(object, place) && !known.contains(&key) && missed.insert(key) {
                found.push((object.info, place));
            }
        });
        let mut told: HashSet<*const Info> = HashSet::new();
        for (info, place) in found {
            if told.insert(info) {
                let target = state::regain_value(place.word);
                // SAFETY: it is an object, of which we have a reference.
                let target = unsafe { header::of(target) }.low().code().info();
                let offset = place.offset % info.stride().max(1);
                self.accuse(info, TraceFlaw::Missed { target: (target.name)(), offset });
            }
        }
    }

    fn each_place(&self, mut visit: impl FnMut(&Self, &Object, Place)) {
        for object in &self.objects.all {
            if object.kind != Kind::Left {
                let bytes = object.info.layout(object.len).size();
                let value = object.value.addr().get();
                // SAFETY: the value is alive, since we have a reference; values lie behind headers.
                unsafe { words::each(value, bytes, |place| visit(self, object, place)) };
            }
        }
    }

    /// Whether the word seems to be a reference that was not visited.
    fn is_missed(&self, object: &Object, place: Place) -> bool {
        let Some(target) = core::num::NonZeroUsize::new(place.word) else { return false };
        let target = NonNull::without_provenance(target);
        if self.objects.left_over(target).is_none_or(|left| left == 0)
            || self.places.contains_key(&place.at)
        {
            return false;
        }
        if place.beside && is_cell_of(place.at, state::regain_value(place.word)) {
            return false;
        }
        let visits = visits_of(object);
        visits.is_in_use(object.value.addr().get() + place.offset)
            && visits.is_in_use(place.at)
            && !visits.edges.contains(&(target, None))
    }
}

/// What names a place in all values of a type.
fn key(object: &Object, place: Place) -> (usize, usize) {
    (core::ptr::from_ref(object.info).addr(), place.offset % object.info.stride().max(1))
}

/// What the `trace` of an object visits: nothing, if it is not asked.
fn visits_of(object: &Object) -> Visits {
    let mut visits = Visits::new();
    if object.kind == Kind::Traced {
        let mut tracer = Tracer::new(Sink::Check(&mut visits));
        // SAFETY: the value is alive, since we have a reference, and of this type.
        unsafe { object.info.trace(object.value, &mut tracer) };
    }
    visits
}

/// Whether the side cell of an object, in which its address stands, is there: a `Weak` leads to that.
fn is_cell_of(at: usize, value: NonNull<u8>) -> bool {
    // SAFETY: it is an object, of which we have a reference.
    let has_side = unsafe { header::of(value) }.low().has_side();
    // SAFETY: as above.
    has_side && unsafe { Weak::to(value) }.place() == at
}
