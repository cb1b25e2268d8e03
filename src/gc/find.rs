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

use super::ephemeron;
use super::object;
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
    run(set, |set| Sink::Count(set))
}

/// The same, when the whole set is known: nobody joins.
pub fn find_again(set: &mut Set) -> Result<(), CalledOff> {
    run(set, |set| Sink::Recount(set))
}

fn run(set: &mut Set, sink: for<'a> fn(&'a mut Set) -> Sink<'a>) -> Result<(), CalledOff> {
    let traced = catch_unwind(AssertUnwindSafe(|| {
        count(set, sink);
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

/// Traces every object of the set, which grows meanwhile.
fn count(set: &mut Set, sink: for<'a> fn(&'a mut Set) -> Sink<'a>) {
    let mut tracer = Tracer::new(sink(set));
    let mut next = 0;
    loop {
        let Some(set) = tracer.set() else { return };
        if set.flaw.is_some() {
            return;
        }
        if next == set.entries.len() {
            tracer.finish();
            let Some(set) = tracer.set() else { return };
            if next == set.entries.len() {
                set.finish();
                return;
            }
            continue;
        }
        let entry = set.entries.get(next);
        next += 1;
        trace(entry, &mut tracer);
    }
}

/// What has references left over is alive, and what it leads to.
fn mark(set: &mut Set) {
    if !set.begin_marking() {
        return;
    }
    let mut tracer = Tracer::new(Sink::Mark(set));
    loop {
        let Some(set) = tracer.set() else { return };
        if set.flaw.is_some() || !set.is_in_doubt() {
            return;
        }
        match set.next_alive() {
            Some(entry) => trace(entry, &mut tracer),
            None => {
                tracer.finish();
                let Some(entry) = tracer.set().and_then(Set::next_alive) else { return };
                trace(entry, &mut tracer);
            }
        }
    }
}

#[inline(always)]
fn trace(entry: Entry, tracer: &mut Tracer<'_>) {
    let info = entry.low.code().info();
    // SAFETY: the entry is of an object of this type.
    let len = unsafe { object::length(entry.value, info) };
    // SAFETY: as above; it is alive as long as the set is at work, since it is not dropped before that is done.
    unsafe { info.trace(entry.value, len, tracer) };
    if entry.low.has_side() {
        // SAFETY: as above.
        unsafe { ephemeron::trace_held_by(entry.value, info, tracer) };
    }
}
