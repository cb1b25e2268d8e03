//! Which objects nobody can reach: by counting what they hold of each other.
//!
//! 1. *Count*: from the candidates, through objects of the collected generations only, each edge accounts for one
//!    reference of its target. References that are left over come from outside.
//! 2. If none are left over, all of the set is garbage. (The common case: what was met is what died together.)
//! 3. *Mark*: what has references left over is alive, and all that it leads to. The rest is garbage.
//!
//! (Christopher, 1984; Lins, 1992; Bacon and Rajan, ECOOP 2001: with counts on the side and not in the objects.)

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::ephemeron;
use super::set::{Entry, Flaw, Set};
use super::trace::{Sink, Tracer};

/// Why there is no result.
pub enum CalledOff {
    /// Memory, or a `trace` that is wrong.
    Flaw(Flaw),
    /// A `trace` panicked.
    Panic(Box<dyn Any + Send>),
}

/// Finds garbage among those that `set` begins with, and all that they lead to. Then those in the set without
/// [`Entry::ALIVE`] are garbage. The headers stay as they are while objects are visited, also when it is called off:
/// [`Set::restore`] is next.
pub fn find(set: &mut Set) -> Result<(), CalledOff> {
    run(set, |set| count(&mut Tracer::new(Sink::Count(set)), Set::count))
}

/// The same, when the whole set is known: nobody joins.
pub fn find_again(set: &mut Set) -> Result<(), CalledOff> {
    run(set, |set| count(&mut Tracer::new(Sink::Recount(set)), Set::recount))
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

/// Traces every object of the tracer's set, which grows meanwhile. `deal` is what the set does with an edge.
#[inline(always)]
fn count(tracer: &mut Tracer<'_>, deal: impl Fn(&mut Set, NonNull<u8>) + Copy) {
    let mut next = 0;
    loop {
        while tracer.has_room()
            && let Some(entry) = tracer.set().and_then(|set| set.entry(next))
        {
            next += 1;
            trace(entry, tracer);
        }
        let last = tracer.is_empty();
        tracer.finish_with(deal);
        let Some(set) = tracer.set() else { return };
        if last {
            set.finish();
        }
        if set.flaw.is_some() || last && next == set.entries.len() {
            return;
        }
    }
}

/// What has references left over is alive, and what it leads to.
fn mark(set: &mut Set) {
    if !set.begin_marking() {
        return;
    }
    let mut tracer = Tracer::new(Sink::Mark(set));
    loop {
        while tracer.has_room()
            && let Some(entry) = tracer.set().and_then(Set::next_alive)
        {
            trace(entry, &mut tracer);
        }
        let last = tracer.is_empty();
        tracer.finish_with(Set::mark);
        let Some(set) = tracer.set() else { return };
        if set.flaw.is_some() || last || !set.is_in_doubt() {
            return;
        }
    }
}

#[inline(always)]
fn trace(entry: Entry, tracer: &mut Tracer<'_>) {
    let info = entry.low.code().info();
    // SAFETY: the entry is of an object of this type; it is alive as long as the set is at work, since it is not dropped
    // before that is done.
    unsafe { info.trace(entry.value, tracer) };
    if entry.low.has_side() {
        // SAFETY: as above.
        unsafe { ephemeron::trace_held_by(entry.value, info, tracer) };
    }
}
