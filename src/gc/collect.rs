//! A collection, from beginning to end.
//!
//! ```text
//!   candidates ──► find ──► alive ──► candidates of the next generation
//!                    │
//!                    └────► garbage ──► finalized, and found again without what was resurrected
//!                                        └──► weak references cleared ──► dead ──► values dropped ──► blocks freed
//! ```
//!
//! Garbage that owns nothing but references to each other, in which nobody waits for a death, takes the short way from *found* to *freed*:
//! it dies unseen, so in which order does not matter (a fifth less time for small cycles).
//!
//! Code of the program runs in three places: `trace`, while headers are visited; finalizers, when all is as ever, and each
//! object is held by one reference more; and drops, when all of the garbage is dead, so that what one drops
//! of another counts for nothing, and what one reads of another panics. A panic in any of them is caught, and goes on when
//! all is done. A collection that begins inside another does nothing and says so.

use std::time::{Duration, Instant};

use super::callbacks::{Event, Phase};
use super::check;
use super::clear::{self, Panics};
use super::debug::{self, Debug};
use super::ephemeron;
use super::find::find;
use super::header::{self, Age, Said};
use super::set::{self, Set, Tally};
use super::state::{self, GENERATIONS, State};
use super::stats::Collected;
use crate::heap::{Cursor, KnownPool, Objects, Pieces};
use crate::pool::prefetch;

/// Collects `generation` and those below.
pub fn collect(generation: usize) -> Collected {
    let mut result = Collected { generation, ..Collected::default() };
    let Some(state) = state::get().or_else(state::make) else {
        result.called_off = true;
        return result;
    };
    if state.collecting.replace(true) {
        result.skipped = true;
        return result;
    }
    let start = Instant::now();
    let mut panics = Panics::none();
    let mut event = Event {
        phase: Phase::Start,
        generation,
        candidates: state.candidates[..=generation].iter().map(Pieces::len).sum(),
        collected: 0,
        duration: Duration::ZERO,
    };
    state.callbacks.tell(&event, &mut panics);
    if check::permits(state, &mut panics) {
        run(state, &mut result, &mut panics);
    } else {
        result.called_off = true;
    }
    result.duration = start.elapsed();
    event.phase = Phase::Stop;
    event.candidates = result.candidates;
    event.collected = result.collected;
    event.duration = result.duration;
    debug::report(state, &result);
    check::report(state);
    let stats = &state.stats[generation];
    stats.set(stats.get().and(&result));
    ephemeron::settle(state, &mut panics);
    state.callbacks.tell(&event, &mut panics);
    // What they let die.
    ephemeron::settle(state, &mut panics);
    state.collecting.set(false);
    panics.go_on();
    result
}

fn run(state: &State, result: &mut Collected, panics: &mut Panics) {
    let generation = result.generation;
    Objects::settle();
    let mut set = Set::new(state.policy.ages(generation), state.ephemerons.search());
    set.entries.reuse(state.entries.take());
    let begun = Candidates::take(state, generation);
    begun.join(&mut set);
    let all = generation == GENERATIONS - 1 && state.lost.get();
    if all {
        join_all(state, &mut set);
    }
    result.candidates = set.entries.len();
    let found = find(&mut set);
    result.visited = set.entries.len();
    if let Err(why) = found {
        set.restore();
        begun.give_back();
        result.called_off = true;
        clear::tell(why, panics);
        return;
    }
    drop(begun);
    if all {
        state.lost.set(false);
    }
    let bare = set.is_bare();
    part(state, &mut set, generation);
    if bare && state.debug.get() == Debug::NONE {
        clear::free_bare(&set.entries, result);
    } else {
        clear::clear(state, &mut set.entries, set.traits, result, panics);
    }
    state.entries.reuse(set.entries);
    if state.candidates[0].is_empty() {
        state.begin_candidates();
    }
    state.policy.collected(state, generation, result.visited, result.collected);
}

/// Parts the living from the garbage: gives the headers of what is alive back what they said, and notes those as candidates, of the
/// next generation. Garbage alone is left in the set; its headers still say that they are visited.
fn part(state: &State, set: &mut Set, generation: usize) {
    if set.is_all_garbage() {
        return;
    }
    let next = (generation + 1).min(GENERATIONS - 1);
    let full = generation == GENERATIONS - 1;
    let mut left = 0;
    set.entries.retain(|entry, ahead| {
        if let Some(ahead) = ahead {
            prefetch(ahead.value.addr().get() - header::BYTES);
        }
        let header = entry.header();
        left += i64::from(header.others());
        if !header.is_found_alive() {
            return true;
        }
        let mut low = entry.said.low();
        if generation > 0 {
            low = low.with_age(Age::OLD);
        }
        let stays = low.is_settled() && !full && state.note(next, entry.value.addr().get());
        header.restore(Said::new(low.settled(stays), entry.said.others()));
        false
    });
    set.verify(left);
}

/// All objects that may be looked at join the set, since a candidate among them was lost.
#[cold]
fn join_all(state: &State, set: &mut Set) {
    let mut tally = Tally::NOTHING;
    state.each_object(|value| {
        // SAFETY: there is an object.
        let header = unsafe { header::of(value) };
        let low = header.low();
        if !low.is_visited() && !low.may_change() && set.takes(low) {
            // SAFETY: it is this object's header.
            unsafe { set.join(&mut tally, value, header, low, false) };
        }
    });
    set.add(tally);
}

/// The candidates of a generation and those below, taken out.
struct Candidates<'a> {
    state: &'a State,
    generation: usize,
    taken: [Pieces<usize>; GENERATIONS],
}

impl<'a> Candidates<'a> {
    fn take(state: &'a State, generation: usize) -> Candidates<'a> {
        let mut taken = [const { Pieces::new() }; GENERATIONS];
        for (taken, candidates) in taken.iter_mut().zip(&state.candidates[..=generation]) {
            *taken = candidates.take();
        }
        Candidates { state, generation, taken }
    }

    /// Those that are still there join the set.
    fn join(&self, set: &mut Set) {
        let in_place = self.state.candidates_are_in_place();
        for (generation, taken) in self.taken.iter().enumerate() {
            // Of generation 0 they were noted since, and so were objects.
            join(self.state, set, taken, in_place && generation == 0);
        }
    }

    /// Nothing came of it: they are candidates as before.
    fn give_back(&self) {
        let state = self.state;
        for (generation, taken) in self.taken.iter().enumerate().take(self.generation + 1) {
            if state.candidates[generation].is_empty() {
                // That takes no memory, which may be why it was called off.
                state.candidates[generation].swap(taken);
                continue;
            }
            for value in taken.iter() {
                let noted = state.note(generation, value);
                if !noted && state.is_object(value, &mut KnownPool::none()) {
                    // SAFETY: there is one.
                    let header = unsafe { header::of(state::regain_value(value)) };
                    if header.low().age() != Age::UNTRACKED {
                        header.set_low(header.low().settled(false));
                    }
                }
            }
        }
    }
}

impl Drop for Candidates<'_> {
    /// Leaves the memory to those that come.
    fn drop(&mut self) {
        for (taken, candidates) in self.taken.iter().zip(&self.state.candidates) {
            candidates.reuse(taken.take());
        }
    }
}

/// Those of the candidates that are still there join the set. `placed`: what was an object's memory is one's.
fn join(state: &State, set: &mut Set, candidates: &Pieces<usize>, placed: bool) {
    let mut known = KnownPool::none();
    let mut tally = Tally::NOTHING;
    let mut cursor = Cursor::new();
    while let Some(value) = cursor.next(candidates) {
        if let Some(ahead) = cursor.ahead(set::AHEAD) {
            prefetch(ahead - header::BYTES);
        }
        let there = placed && State::is_plainly_placed(value) || state.is_object(value, &mut known);
        if !there {
            continue;
        }
        let value = state::regain_value(value);
        // SAFETY: there is one, or was one whose header's place it is.
        let header = unsafe { header::of(value) };
        let low = header.low();
        if low.is_visited() || !low.is_settled() || !header.is_alive() {
            // Noted twice, or another object by now, or none.
            continue;
        }
        if set.takes(low) {
            // SAFETY: it is this object's header.
            unsafe { set.join(&mut tally, value, header, low, false) };
        } else if low.age() != Age::UNTRACKED {
            // It grew older since it was noted (in a collection, or frozen in between), or is frozen.
            let generation = state.policy.generation_of(low.age()).min(GENERATIONS - 1);
            let noted = state.note(generation, value.addr().get());
            header.set_low(low.settled(noted));
        }
    }
    set.add(tally);
}
