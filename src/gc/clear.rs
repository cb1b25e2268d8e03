//! What becomes of garbage: finalizers, weak references, drops, blocks.

use std::any::Any;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::debug::{DEBUG_COLLECTABLE, DEBUG_SAVEALL};
use super::erased::Erased;
use super::find::{CalledOff, find_again};
use super::header::{self, Age, Header};
use super::info::TypeCode;
use super::object::{self, Shape};
use super::set::{Entry, Flaw, Set};
use super::state::{GENERATIONS, State};
use super::stats::Collected;
use super::weak;
use crate::heap::Array;
use crate::misuse;

/// Finalizes, clears, drops and frees the objects of `garbage`, of which each entry tells what the header says and how many
/// references there are.
pub fn clear(state: &State, garbage: &Array<Entry>, result: &mut Collected, panics: &mut Panics) {
    if garbage.iter().any(|entry| entry.low.wants_finalizer()) {
        finalize(state, garbage, result, panics);
    }
    if state.debug.get().contains(DEBUG_COLLECTABLE) {
        for entry in garbage.iter() {
            eprintln!("gc: collectable {} at {:p}", (entry.low.code().info().name)(), entry.value);
        }
    }
    if state.debug.get().contains(DEBUG_SAVEALL) {
        result.uncollectable = garbage.len();
        for entry in garbage.iter() {
            // SAFETY: the garbage is alive still.
            keep(state, unsafe { header::of(entry.value) }, entry);
        }
        return;
    }
    for entry in garbage.iter() {
        // SAFETY: nobody but the garbage has it.
        unsafe { kill(entry) };
    }
    drop_values(garbage, panics);
    let mut shapes = Shapes(None);
    for entry in garbage.iter() {
        // SAFETY: its value was dropped.
        unsafe { free(entry, &mut shapes) };
    }
    result.collected = garbage.len();
}

/// Runs finalizers, and leaves in `garbage` what they did not resurrect. When that can't be found out, those to which
/// nobody has a reference: the others live on, as candidates.
fn finalize(state: &State, garbage: &Array<Entry>, result: &mut Collected, panics: &mut Panics) {
    // One reference more for each, so that none dies meanwhile.
    for entry in garbage.iter() {
        // SAFETY: the garbage is alive still.
        unsafe { header::of(entry.value) }.increment();
    }
    for entry in garbage.iter().filter(|entry| entry.low.wants_finalizer()) {
        // SAFETY: as above.
        let header = unsafe { header::of(entry.value) };
        if !header.low().wants_finalizer() {
            continue;
        }
        header.set_low(header.low().finalized());
        // SAFETY: it is alive, and of this type.
        panics.catch(|| unsafe { entry.low.code().info().finalize(entry.value) });
    }
    let mut again = Set::new(0);
    for entry in garbage.iter() {
        // SAFETY: as above.
        let strong = unsafe { header::of(entry.value) }.strong();
        again.join(entry.value, strong - 1);
    }
    let found = match again.flaw {
        None => find_again(&mut again),
        Some(flaw) => Err(CalledOff::Flaw(flaw)),
    };
    again.restore();
    let next = (result.generation + 1).min(GENERATIONS - 1);
    let live_on = |entry: Entry| {
        // SAFETY: as above.
        let header = unsafe { header::of(entry.value) };
        // Not the last: somebody has it.
        let _ = header.decrement();
        // It was settled; somebody has to look at it again.
        let noted = state.note(next, entry.value.addr().get());
        header.set_low(header.low().settled(noted));
    };
    let mut dead = 0;
    let mut dies = |entry: Entry, others: u32| {
        // SAFETY: as above.
        let low = unsafe { header::of(entry.value) }.low();
        garbage.set(dead, Entry { low, count: others, ..entry });
        dead += 1;
    };
    if let Err(why) = found {
        result.called_off = true;
        tell(why, panics);
        for entry in garbage.iter() {
            // SAFETY: as above.
            if unsafe { header::of(entry.value) }.strong() == 1 {
                dies(entry, 0);
            } else {
                result.uncollectable += 1;
                live_on(entry);
            }
        }
    } else {
        for entry in again.entries.iter() {
            if entry.count == Entry::ALIVE {
                result.resurrected += 1;
                live_on(entry);
            } else {
                // SAFETY: as above.
                dies(entry, unsafe { header::of(entry.value) }.strong() - 1);
            }
        }
    }
    garbage.truncate(dead);
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
fn keep(state: &State, header: &Header, entry: Entry) {
    header.increment();
    header.set_low(header.low().settled(false));
    // SAFETY: it is alive, and counts this reference.
    state.kept.push(unsafe { Erased::from_value(entry.value) });
}

/// From now on it is dead: nobody can upgrade to it, and its references count for nothing.
///
/// # Safety
/// Nobody but the garbage has a reference to it.
unsafe fn kill(entry: Entry) {
    // SAFETY: the object is there.
    let header = unsafe { header::of(entry.value) };
    if entry.low.has_side() {
        // SAFETY: it has a side cell.
        unsafe { weak::bury(entry.value) };
    }
    // If somebody keeps a reference to it, in what lives: the collector does not go there, for there is no value.
    header.set_low(header.low().with_age(Age::UNTRACKED));
    header.die();
}

fn drop_values(garbage: &Array<Entry>, panics: &mut Panics) {
    let mut next = 0;
    while next < garbage.len() {
        panics.catch(|| {
            while next < garbage.len() {
                let entry = garbage.get(next);
                next += 1;
                let info = entry.low.code().info();
                if info.needs_drop {
                    // SAFETY: the object is there, of this type.
                    let len = unsafe { object::length(entry.value, info) };
                    // SAFETY: the value is given up.
                    unsafe { info.drop(entry.value, len) };
                }
            }
        });
    }
}

/// Gives the block back, unless somebody still has a reference to the dead object, or a raw `Weak` keeps it.
///
/// # Safety
/// The object is dead, and its value dropped.
unsafe fn free(entry: Entry, shapes: &mut Shapes) {
    // SAFETY: its block is there.
    let header = unsafe { header::of(entry.value) };
    // SAFETY: as above.
    let shape = unsafe { shapes.of(entry) };
    // Who cloned a reference in a drop keeps an object that says that it is dead.
    let mut kept = !header.is_left_alone(entry.count);
    if header.low().has_side() {
        // SAFETY: it has a side cell, and is given up.
        kept |= unsafe { weak::part(entry.value, shape, kept) };
    }
    if !kept {
        // SAFETY: nobody has it any more.
        unsafe { shape.free(entry.value) };
    }
}

/// The shape that was asked for last: what dies together is often of one type.
struct Shapes(Option<(TypeCode, Shape)>);

impl Shapes {
    /// The shape of an object.
    ///
    /// # Safety
    /// Its block is there.
    #[inline(always)]
    unsafe fn of(&mut self, entry: Entry) -> Shape {
        let code = entry.low.code();
        match self.0 {
            Some((last, shape)) if last == code => shape,
            _ => {
                // SAFETY: by the precondition.
                let shape = unsafe { Shape::of(entry.value) };
                self.0 = (!code.info().is_slice()).then_some((code, shape));
                shape
            }
        }
    }
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
