//! What the collector knows of a thread: candidates, ages, thresholds, figures. One for each thread that makes
//! objects, in memory of neap's own; it goes after the thread's last collection, and has no destructor, so that
//! a `Gc` in any thread-local may be dropped at any time.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::callbacks::Callbacks;
use super::check::Book;
use super::deaths::Deaths;
use super::debug::{Debug, Kept};
use super::ephemeron::Ephemerons;
use super::header::{self, Age, Header};
use super::policy::{self, Policy};
use super::set::Entry;
use super::stats::GenerationStats;
use super::{collect, object};
use crate::heap::{self, Array, KnownPool, Objects, Pieces};
use crate::settings::Options;

/// How many generations there are.
pub const GENERATIONS: usize = 3;

/// One thread's.
pub struct State {
    /// Values of objects that lost a reference and kept others, by generation. Some have died since.
    pub candidates: [Pieces<usize>; GENERATIONS],
    /// The memory of the last set, for the next.
    pub entries: Pieces<Entry>,
    /// One could not be noted, for want of memory: the next full collection begins with all objects.
    pub lost: Cell<bool>,
    /// Pools that had been given back when the candidates of generation 0 were taken last; `None` when a large object was
    /// freed since.
    releases: Cell<Option<usize>>,
    /// When to collect.
    pub policy: Policy,
    /// A collection is under way.
    pub collecting: Cell<bool>,
    /// Values of objects that are too big for pools.
    large: Array<usize>,
    /// Who is told of collections, and of deaths.
    pub callbacks: Callbacks,
    pub deaths: Deaths,
    /// Entries of weak maps.
    pub ephemerons: Ephemerons,
    /// What comes after deaths by counting is being done.
    pub settling: Cell<bool>,
    /// What is printed and kept.
    pub debug: Cell<Debug>,
    pub kept: Kept,
    /// What is known of `trace`s.
    pub check: Book,
    /// What was collected so far.
    pub stats: [Cell<GenerationStats>; GENERATIONS],
}

/// What is at hand without a look-up.
struct Local {
    state: Cell<*const State>,
    /// The age of what is made now.
    birth: Cell<Age>,
}

thread_local! {
    static LOCAL: Local =
        const { Local { state: Cell::new(ptr::null()), birth: Cell::new(Age(0)) } };
}

/// The age of what is made now.
#[inline(always)]
pub fn birth() -> Age {
    LOCAL.with(|local| local.birth.get())
}

/// Sets the age of what is made from now on.
pub fn set_birth(age: Age) {
    LOCAL.with(|local| local.birth.set(age));
}

/// The calling thread's, if it has one.
#[inline(always)]
pub fn get() -> Option<&'static State> {
    // SAFETY: it is there until the thread ends, after which it is not named here any more.
    unsafe { LOCAL.with(|local| local.state.get()).as_ref() }
}

/// The calling thread's; made if need be. `None`: there is no memory, or the thread is as good as over.
#[cold]
#[inline(never)]
pub fn make() -> Option<&'static State> {
    if let Some(state) = get() {
        return Some(state);
    }
    if birth() == Age::OLD {
        return None;
    }
    let place: *mut State = heap::allocate(Layout::new::<State>(), Options::NONE).cast();
    if place.is_null() {
        return None;
    }
    let state = State {
        candidates: [const { Pieces::new() }; GENERATIONS],
        entries: Pieces::new(),
        lost: Cell::new(false),
        releases: Cell::new(Some(Objects::releases())),
        policy: Policy::new(),
        collecting: Cell::new(false),
        large: Array::new(),
        callbacks: Callbacks::new(),
        deaths: Deaths::new(),
        ephemerons: Ephemerons::new(),
        settling: Cell::new(false),
        debug: Cell::new(Debug::NONE),
        kept: Kept::new(),
        check: Book::new(),
        stats: [const { Cell::new(GenerationStats::NONE) }; GENERATIONS],
    };
    // SAFETY: the block is ours, and large enough.
    unsafe { place.write(state) };
    LOCAL.with(|local| local.state.set(place));
    heap::at_end(end);
    get()
}

/// The thread ends: the last collection, and then its state goes.
fn end() {
    if let Some(state) = get() {
        // What is kept is dropped, and not kept again.
        state.debug.set(Debug::NONE);
        drop(super::debug::garbage());
    }
    // What is dropped makes garbage in turn; but a program may do so for ever.
    for _ in 0..10 {
        if collect::collect(GENERATIONS - 1).collected == 0 {
            break;
        }
    }
    let state = LOCAL.with(|local| local.state.replace(ptr::null()));
    // From now on objects are only counted.
    set_birth(Age::OLD);
    if !state.is_null() {
        // SAFETY: `make` wrote it, and nobody has it any more.
        unsafe { ptr::read(state) };
        heap::free(state.cast_mut().cast(), Layout::new::<State>());
    }
}

/// Notes an object that lost a reference and kept others.
///
/// # Safety
/// `value` is in an object that is alive, and is not settled.
#[cold]
#[inline(never)]
pub unsafe fn enlist(value: NonNull<u8>) {
    // Asked for first: it may take a call.
    let (state, birth) = LOCAL.with(|local| (local.state.get(), local.birth.get()));
    // SAFETY: by the precondition.
    let header = unsafe { header::of(value) };
    let low = header.low();
    // Most are young, and there is room.
    // SAFETY: as in `get`.
    if let Some(state) = unsafe { state.as_ref() }
        && low.age() == birth
        && state.candidates[0].push_within(value.addr().get())
    {
        // There was another reference: nobody changes it any more.
        header.set_low(low.settled(true).changing(false));
    } else {
        enlist_slow(value, header);
    }
}

#[inline(never)]
fn enlist_slow(value: NonNull<u8>, header: &Header) {
    let Some(state) = get().or_else(make) else { return };
    let generation = state.policy.generation_of(header.low().age()).min(GENERATIONS - 1);
    // Without memory it stays unsettled: the next reference that goes tries again.
    if state.note(generation, value.addr().get()) {
        header.set_low(header.low().settled(true).changing(false));
    }
}

/// Notes an object as a candidate of the oldest generation; false when there is no memory to.
pub fn note_old(value: NonNull<u8>) -> bool {
    get().is_some_and(|state| state.note(GENERATIONS - 1, value.addr().get()))
}

/// A block of so many bytes is wanted and none is at hand: time to look whether to collect.
pub fn before_more(bytes: usize) {
    if let Some(state) = get().or_else(make) {
        policy::consider(state, bytes);
    }
}

/// Notes an object that is too big for a pool; false when there is no memory to.
pub fn note_large(value: NonNull<u8>) -> bool {
    get().is_none_or(|state| state.large.push(value.addr().get()))
}

/// Forgets it: its block goes back.
pub fn forget_large(value: NonNull<u8>) {
    let Some(state) = get() else { return };
    // Its memory may be anything from now on.
    state.releases.set(None);
    let place = state.large.iter().position(|address| address == value.addr().get());
    if let Some(place) = place
        && let Some(last) = state.large.pop()
        && place < state.large.len()
    {
        state.large.set(place, last);
    }
}

impl State {
    /// Objects made less objects freed: to be compared with what it was earlier.
    pub fn balance(&self) -> i64 {
        Objects::balance() + self.large.len() as i64
    }

    /// Notes a value as that of a candidate. False when there is no memory: then all objects are, for the next full
    /// collection.
    #[inline]
    pub fn note(&self, generation: usize, value: usize) -> bool {
        let noted = self.candidates[generation].push(value);
        if !noted {
            self.lost.set(true);
        }
        noted
    }

    /// Whether there is an object with this value now, alive. Exact after [`Objects::settle`]. `known`: see
    /// [`Objects::around`].
    #[inline]
    pub fn is_object(&self, value: usize, known: &mut KnownPool) -> bool {
        let found = match Objects::around(value - header::BYTES, known) {
            // SAFETY: what is out in the heap of objects is one, or was.
            Some(block) => unsafe { object::value_in(block) }.addr().get() == value,
            None => self.large.iter().any(|address| address == value),
        };
        found && {
            // SAFETY: there is an object, or was: the header is there.
            let header = unsafe { header::of(regain_value(value)) };
            header.is_alive()
        }
    }

    /// Whether all memory in which candidates of generation 0 were noted is still that of objects.
    pub fn candidates_are_in_place(&self) -> bool {
        self.releases.get() == Some(Objects::releases())
    }

    /// There are no candidates of generation 0 now.
    pub fn begin_candidates(&self) {
        self.releases.set(Some(Objects::releases()));
    }

    /// Whether it is plain where the header is that belonged to an object with this value, when its pool is still there
    /// ([`candidates_are_in_place`](State::candidates_are_in_place)), whatever became of it. Values at odd multiples of 8
    /// stand right behind their block's first word (`object.rs`), and that is the header of a live object, or one that is not
    /// alive, or not settled.
    #[inline]
    pub fn is_plainly_placed(value: usize) -> bool {
        !value.is_multiple_of(2 * header::BYTES)
    }

    /// Visits the values of all objects that are alive, those that are not tracked as well. The visitor makes and
    /// frees none.
    pub fn each_object(&self, mut visit: impl FnMut(NonNull<u8>)) {
        Objects::settle();
        let mut visit = |value: NonNull<u8>| {
            // SAFETY: there is an object.
            if unsafe { header::of(value) }.is_alive() {
                visit(value);
            }
        };
        // SAFETY: after `settle`, what is out is an object.
        Objects::each(|block| visit(unsafe { object::value_in(block) }));
        self.large.iter().for_each(|value| visit(regain_value(value)));
    }
}

/// The value at this address, which is not 0.
pub fn regain_value(address: usize) -> NonNull<u8> {
    // SAFETY: values lie behind headers.
    unsafe { NonNull::new_unchecked(crate::units::regain(address)) }
}
