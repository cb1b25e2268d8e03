//! Which objects nobody can reach: by counting what they hold of each other.
//!
//! 1. *Count*: from the candidates, through objects of the collected generations only, each edge accounts for one
//!    reference of its target. References that are left over come from outside. If all have some, all are alive.
//! 2. If none are left over, all of the set is garbage. (The common case: what was met is what died together.)
//! 3. *Mark*: what has references left over is alive, and all that it leads to. The rest is garbage.
//!
//! (Christopher, 1984; Lins, 1992; Bacon and Rajan, ECOOP 2001.)

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::ephemeron;
use super::header::{self, Low};
use super::set::{self, Flaw, Set};
use super::trace::{Sink, Tracer};
use crate::heap::Cursor;

/// Why there is no result.
pub enum CalledOff {
    /// Memory, or a `trace` that is wrong.
    Flaw(Flaw),
    /// A `trace` panicked.
    Panic(Box<dyn Any + Send>),
}

/// Finds garbage among those that `set` begins with, and all that they lead to. Then the headers
/// say who was [found alive](header::Header::is_found_alive); the others are garbage. They are still visited, also when it is called
/// off: [`Set::restore`] is next.
pub fn find(set: &mut Set) -> Result<(), CalledOff> {
    run(set, |set| count(&mut Tracer::new(Sink::Count(set))))
}

/// The same, when the whole set is known: nobody joins.
pub fn find_again(set: &mut Set) -> Result<(), CalledOff> {
    run(set, |set| count(&mut Tracer::new(Sink::Recount(set))))
}

fn run(set: &mut Set, count: impl FnOnce(&mut Set)) -> Result<(), CalledOff> {
    let traced = catch_unwind(AssertUnwindSafe(|| {
        count(set);
        if set.flaw.is_none() {
            mark(set);
        }
    }));
    match (traced, set.flaw) {
        (Err(payload), _) => Err(CalledOff::Panic(payload)),
        (Ok(()), Some(flaw)) => Err(CalledOff::Flaw(flaw)),
        (Ok(()), None) => Ok(()),
    }
}

/// Traces every object of the tracer's set, which grows meanwhile.
fn count(tracer: &mut Tracer<'_>) {
    let mut cursor = Cursor::new();
    loop {
        while tracer.has_room()
            && let Some(entry) = tracer.set().and_then(|set| set::next(&set.entries, &mut cursor))
        {
            trace(entry.value, entry.said.low(), tracer);
        }
        let last = tracer.is_empty();
        tracer.finish();
        let more = tracer.more;
        let Some(set) = tracer.set() else { return };
        if set.flaw.is_some() || last {
            if more {
                set.note_more();
            }
            return;
        }
    }
}

/// What has references left over is alive, and what it leads to.
fn mark(set: &mut Set) {
    if !set.is_in_doubt() || set.is_all_garbage() {
        return;
    }
    let mut tracer = Tracer::new(Sink::Mark(set));
    loop {
        while tracer.has_room()
            && let Some(value) = tracer.set().and_then(Set::next_alive)
        {
            // SAFETY: an object of the set.
            trace(value, unsafe { header::of(value) }.low(), &mut tracer);
        }
        let last = tracer.is_empty();
        tracer.finish();
        let Some(set) = tracer.set() else { return };
        if set.flaw.is_some() || last || !set.is_in_doubt() {
            return;
        }
    }
}

/// Traces an object of the set, of which the header says, or said, `low`.
#[inline(always)]
fn trace(value: NonNull<u8>, low: Low, tracer: &mut Tracer<'_>) {
    let info = low.code().info();
    // SAFETY: the object is of this type; it is alive as long as the set is at work, since it is not dropped before that is
    // done.
    unsafe { info.trace(value, tracer) };
    if low.has_side() {
        // SAFETY: as above.
        unsafe { ephemeron::trace_held_by(value, info, tracer) };
    }
}
