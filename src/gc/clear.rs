//! What becomes of garbage: finalizers, weak references, drops, blocks.

use std::any::Any;
use std::cell::Cell;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};

use super::debug::{self, DEBUG_COLLECTABLE, DEBUG_SAVEALL, Debug};
use super::erased::Erased;
use super::find::{CalledOff, find_again};
use super::header::{self, Age, Low, Said};
use super::object::Shape;
use super::set::{self, Entry, Flaw, Set, Tally};
use super::state::{GENERATIONS, State};
use super::stats::Collected;
use super::weak;
use crate::config::UNIT_BYTES;
use crate::heap::{Cursor, Objects, Pieces};
use crate::misuse;
use crate::pool::SizeClass;

/// Finalizes, clears, drops and frees the objects of `garbage`, whose headers say that they are visited. `traits`: what is
/// true of one of them at least.
pub fn clear(
    state: &State,
    garbage: &mut Pieces<Entry>,
    traits: Low,
    result: &mut Collected,
    panics: &mut Panics,
) {
    let flags = state.debug.get();
    if traits.wants_finalizer() || flags != Debug::NONE {
        // All are settled, whether they were or not: what goes now need not be noted.
        for entry in garbage.iter() {
            entry.verify();
            let said = Said::new(entry.said.low().settled(true), entry.said.others());
            entry.header().restore(said);
        }
        if traits.wants_finalizer() {
            finalize(state, garbage, result, panics);
        }
    }
    if flags.contains(DEBUG_COLLECTABLE) {
        for entry in garbage.iter() {
            let name = (entry.said.low().code().info().name)();
            debug::print(format_args!("collectable {name} at {:p}", entry.value));
        }
    }
    if flags.contains(DEBUG_SAVEALL) {
        result.uncollectable = garbage.len();
        garbage.iter().for_each(|entry| keep(state, entry));
        return;
    }
    for entries in garbage.slices() {
        for (i, entry) in entries.iter().enumerate() {
            set::fetch(entries, i);
            // SAFETY: nobody but the garbage has it.
            unsafe { kill(entry) };
        }
    }
    for entries in garbage.slices() {
        drop_values(entries, panics);
    }
    state.ephemerons.drop_condemned(panics);
    let mut freeing = Freeing::new();
    for entries in garbage.slices() {
        // SAFETY: it is dead, of this shape, and its value dropped.
        free(entries, &mut freeing, |entry, shape| unsafe { is_given_up(entry, shape) });
    }
    freeing.finish();
    result.collected = garbage.len();
}

/// The same for garbage that owns nothing but references to each other, and that nobody waits for: no code of the program
/// runs, so nobody can see in which order it goes.
pub fn free_bare(garbage: &Pieces<Entry>, result: &mut Collected) {
    let mut freeing = Freeing::new();
    for entries in garbage.slices() {
        free(entries, &mut freeing, |entry, _| {
            // Such types' `trace` is neap's own or the derive's: should one be wrong, this is the last moment to see it.
            entry.verify();
            entry.header().end();
            true
        });
    }
    freeing.finish();
    result.collected = garbage.len();
}

/// Runs finalizers, and leaves in `garbage` what they did not resurrect. When that can't be found out, those to which
/// nobody has a reference: the others live on, as candidates.
fn finalize(
    state: &State,
    garbage: &mut Pieces<Entry>,
    result: &mut Collected,
    panics: &mut Panics,
) {
    // One reference more for each, so that none dies meanwhile.
    garbage.iter().for_each(|entry| entry.header().increment());
    for entry in garbage.iter().filter(|entry| entry.said.low().wants_finalizer()) {
        let header = entry.header();
        if !header.low().wants_finalizer() {
            continue;
        }
        header.set_low(header.low().finalized());
        // SAFETY: it is alive, and of this type.
        panics.catch(|| unsafe { entry.said.low().code().info().finalize(entry.value) });
    }
    // What they let die by counting has given up what weak maps held for it before it is looked who is held.
    state.ephemerons.drop_condemned(panics);
    let mut again = Set::new(0, state.ephemerons.search());
    let mut tally = Tally::NOTHING;
    for entry in garbage.iter() {
        let header = entry.header();
        // The one reference more is accounted for.
        // SAFETY: it is this object's header, and each is in the garbage once.
        unsafe { again.join(&mut tally, entry.value, header, header.low(), true) };
    }
    again.add(tally);
    let found = match again.flaw {
        None => find_again(&mut again),
        Some(flaw) => Err(CalledOff::Flaw(flaw)),
    };
    let called_off = found.is_err();
    if called_off {
        again.restore();
    }
    let next = (result.generation + 1).min(GENERATIONS - 1);
    let mut others = Cursor::new();
    garbage.retain(|entry, _| {
        let header = entry.header();
        let dies = if called_off {
            header.strong() == 1
        } else {
            let dies = !header.is_found_alive();
            // They stand in the order in which they joined.
            others.next(&again.entries).iter().for_each(Entry::restore);
            dies
        };
        // Without the one reference more; in a moment it is dead, or somebody else has it.
        let _ = header.decrement();
        if !dies {
            *(if called_off { &mut result.uncollectable } else { &mut result.resurrected }) += 1;
            // It was settled; somebody has to look at it again.
            let noted = state.note(next, entry.value.addr().get());
            header.set_low(header.low().settled(noted));
        }
        entry.said = Said::new(header.low(), header.others());
        dies
    });
    if let Err(why) = found {
        result.called_off = true;
        tell(why, panics);
    }
}

/// Says why nothing could be found out. The headers say what they should.
pub fn tell(why: CalledOff, panics: &mut Panics) {
    match why {
        CalledOff::Panic(payload) => panics.note(payload),
        CalledOff::Flaw(Flaw::Memory) => {}
        CalledOff::Flaw(Flaw::Trace(value)) => {
            // SAFETY: an object of the set.
            let info = unsafe { header::of(value) }.low().code().info();
            misuse::wrong_trace((info.name)());
        }
    }
}

/// Keeps it for whoever asks for garbage. It is no candidate until that gives it up.
fn keep(state: &State, entry: Entry) {
    let header = entry.header();
    // Not by `increment`: it may have none at this moment.
    header.set_others(header.others() + 1);
    header.set_low(header.low().settled(false));
    // SAFETY: it is alive, and counts this reference.
    state.kept.push(unsafe { Erased::from_value(entry.value) });
}

/// From now on it is dead: nobody can upgrade to it, and its references count for nothing.
///
/// # Safety
/// Nobody but the garbage has a reference to it.
#[inline]
unsafe fn kill(entry: &Entry) {
    if entry.header().low().is_visited() {
        entry.verify();
    }
    // If somebody keeps a reference to it, in what lives: the collector does not go there, for there is no value.
    let low = entry.said.low();
    entry.header().die(low.settled(true).with_age(Age::UNTRACKED), entry.said.others());
    if entry.said.low().has_side() {
        // SAFETY: it has a side cell.
        unsafe { weak::bury(entry.value) };
    }
}

fn drop_values(garbage: &[Entry], panics: &mut Panics) {
    let mut done = 0;
    while done < garbage.len() {
        panics.catch(|| {
            for entry in &garbage[done..] {
                done += 1;
                let info = entry.said.low().code().info();
                if info.needs_drop {
                    // SAFETY: the object is there, of this type, and its value is given up.
                    unsafe { info.drop(entry.value) };
                }
            }
        });
    }
}

/// Gives the blocks back of those that `is_given_up` says yes to, which is told their shape.
#[inline(always)]
fn free(garbage: &[Entry], freeing: &mut Freeing, is_given_up: impl Fn(&Entry, Shape) -> bool) {
    let mut next = 0;
    while let Some(first) = garbage.get(next) {
        let code = first.said.low().code();
        // SAFETY: its block is there.
        let shape = unsafe { Shape::of(first.value) };
        let Some(class) = shape.class().filter(|_| !code.info().is_slice()) else {
            next += 1;
            if is_given_up(first, shape) {
                // SAFETY: nobody has it any more.
                unsafe { shape.free(first.value) };
            }
            continue;
        };
        // All of this type have this shape.
        freeing.begin(class);
        while let Some(entry) = garbage.get(next)
            && entry.said.low().code() == code
        {
            set::fetch(garbage, next);
            next += 1;
            if is_given_up(entry, shape) {
                freeing.free(shape.block(entry.value));
            }
        }
    }
}

/// Blocks of one class on their way back, sorted so that those of one pool come together: cycles that were found together
/// take turns in the set.
struct Freeing {
    blocks: [[Cell<*mut u8>; Freeing::MOST]; Freeing::SORTS],
    len: [usize; Freeing::SORTS],
    class: Option<SizeClass>,
}

impl Freeing {
    const MOST: usize = 64;
    const SORTS: usize = 8;

    fn new() -> Freeing {
        let blocks = [const { [const { Cell::new(ptr::null_mut()) }; Freeing::MOST] }; _];
        Freeing { blocks, len: [0; _], class: None }
    }

    /// Those that come now are of this class.
    fn begin(&mut self, class: SizeClass) {
        if self.class != Some(class) {
            self.finish();
            self.class = Some(class);
        }
    }

    #[inline(always)]
    fn free(&mut self, block: NonNull<u8>) {
        let sort = block.addr().get() / UNIT_BYTES % Freeing::SORTS;
        let len = self.len[sort];
        self.blocks[sort][len % Freeing::MOST].set(block.as_ptr());
        self.len[sort] = len + 1;
        if len + 1 == Freeing::MOST {
            self.free_sort(sort);
        }
    }

    #[cold]
    #[inline(never)]
    fn free_sort(&mut self, sort: usize) {
        let len = std::mem::take(&mut self.len[sort]);
        if let Some(class) = self.class
            && len > 0
        {
            Objects::free_many(&self.blocks[sort][..len], class);
        }
    }

    /// All that were given go back.
    fn finish(&mut self) {
        (0..Freeing::SORTS).for_each(|sort| self.free_sort(sort));
    }
}

/// Whether the block may go back: nobody still has a reference to the dead object, and no raw `Weak` keeps it. (Who cloned
/// a reference in a drop keeps an object that says that it is dead.)
///
/// # Safety
/// The object is dead, of this shape, and its value dropped.
#[inline(always)]
unsafe fn is_given_up(entry: &Entry, shape: Shape) -> bool {
    let kept = !entry.header().is_left_alone();
    // (A dead object is given no side cell.)
    if entry.said.low().has_side() {
        // SAFETY: it has a side cell, and is given up.
        return unsafe { !weak::part(entry.value, shape, kept) };
    }
    !kept
}

/// Panics of the program's code: the first goes on when all is done.
pub struct Panics(Option<Box<dyn Any + Send>>);

impl Panics {
    /// None so far.
    pub fn none() -> Panics {
        Panics(None)
    }

    /// Does `work`, and notes its panic.
    pub fn catch(&mut self, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            self.note(payload);
        }
    }

    /// Notes what a panic carried.
    pub fn note(&mut self, payload: Box<dyn Any + Send>) {
        if self.0.is_none() {
            self.0 = Some(payload);
        } else if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            forget(another);
        }
    }

    /// The first goes on.
    pub fn go_on(self) {
        if let Some(payload) = self.0 {
            resume_unwind(payload);
        }
    }
}
