//! A collection, from beginning to end.
//!
//! ```text
//!   candidates ──► find ──► alive ──► candidates of the next generation
//!                    │
//!                    └────► garbage ──► finalized, and found again without what was resurrected
//!                                        └──► weak references cleared ──► dead ──► values dropped ──► blocks freed
//! ```
//!
//! Code of the program runs in three places: `trace`, while headers are visited; finalizers, when all is as ever, and each
//! object is held by one reference more; and drops, when all of the garbage is dead, so that what one drops
//! of another counts for nothing, and what one reads of another panics. A panic in any of them is caught, and goes on when
//! all is done. A collection that begins inside another does nothing and says so.

use std::time::{Duration, Instant};

use super::callbacks::{Event, Phase};
use super::check;
use super::clear::{self, Panics};
use super::debug;
use super::find::find;
use super::header::{self, Age};
use super::set::{Entry, Set};
use super::state::{self, GENERATIONS, State};
use super::stats::Collected;
use crate::heap::{Array, Objects};

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
        candidates: state.candidates[..=generation].iter().map(Array::len).sum(),
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
    state.deaths.tell(&mut panics);
    state.callbacks.tell(&event, &mut panics);
    state.collecting.set(false);
    let stats = &state.stats[generation];
    stats.set(stats.get().and(&result));
    panics.go_on();
    result
}

fn run(state: &State, result: &mut Collected, panics: &mut Panics) {
    let generation = result.generation;
    Objects::settle();
    let mut set = Set::new(state.policy.ages(generation));
    let begun = Candidates::take(state, generation);
    begun.join(state, &mut set);
    let all = generation == GENERATIONS - 1 && state.lost.get();
    if all {
        join_all(state, &mut set);
    }
    result.candidates = set.entries.len();
    let found = find(&mut set);
    result.visited = set.entries.len();
    if let Err(why) = found {
        set.restore();
        begun.give_back(state);
        result.called_off = true;
        clear::tell(why, panics);
        return;
    }
    drop(begun);
    if all {
        state.lost.set(false);
    }
    part(state, &set, generation);
    clear::clear(state, &set.entries, result, panics);
    if state.candidates[0].len() == 0 {
        state.begin_candidates();
    }
    state.policy.collected(state, generation, result.visited, result.collected);
}

/// Gives headers back what they said. What is alive stays a candidate, of the next generation; garbage alone is left
/// in the set, with the number of its references.
fn part(state: &State, set: &Set, generation: usize) {
    let next = (generation + 1).min(GENERATIONS - 1);
    let full = generation == GENERATIONS - 1;
    let mut garbage = 0;
    for entry in set.entries.iter() {
        // SAFETY: an object of the set.
        let header = unsafe { header::of(entry.value) };
        if entry.count != Entry::ALIVE {
            let low = entry.low.settled(true);
            header.set_low(low);
            let entry = Entry { low, count: header.strong(), ..entry };
            set.entries.set(garbage, entry);
            garbage += 1;
            continue;
        }
        let low = if generation > 0 { entry.low.with_age(Age::OLD) } else { entry.low };
        let stays = low.is_settled() && !full && state.note(next, entry.value.addr().get());
        header.set_low(low.settled(stays));
    }
    set.entries.truncate(garbage);
}

/// All objects that may be looked at join the set, since a candidate among them was lost.
#[cold]
fn join_all(state: &State, set: &mut Set) {
    state.each_object(|value| {
        // SAFETY: there is an object.
        let header = unsafe { header::of(value) };
        let low = header.low();
        if low.place().is_none() && !low.may_change() && set.takes(low) {
            set.join(value, header.strong());
        }
    });
}

/// The candidates of a generation and those below, taken out.
struct Candidates {
    generation: usize,
    taken: [Array<usize>; GENERATIONS],
}

impl Candidates {
    fn take(state: &State, generation: usize) -> Candidates {
        let mut taken = [const { Array::new() }; GENERATIONS];
        for (taken, candidates) in taken.iter_mut().zip(&state.candidates[..=generation]) {
            *taken = candidates.take();
        }
        Candidates { generation, taken }
    }

    /// Each, with the generation that it was noted for.
    fn each(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.taken
            .iter()
            .enumerate()
            .flat_map(|(generation, taken)| taken.iter().map(move |value| (generation, value)))
    }

    /// Those that are still there join the set.
    fn join(&self, state: &State, set: &mut Set) {
        let in_place = state.candidates_are_in_place();
        for (generation, value) in self.each() {
            let there = if in_place && generation == 0 {
                // SAFETY: it was noted since, and so was one.
                unsafe { state.is_candidate_in_place(value) }
            } else {
                state.is_object(value)
            };
            if !there {
                continue;
            }
            let value = state::regain_value(value);
            // SAFETY: there is one.
            let header = unsafe { header::of(value) };
            let low = header.low();
            if low.place().is_some() || !low.is_settled() {
                // Noted twice, or another object by now.
                continue;
            }
            if set.takes(low) {
                set.join(value, header.strong());
            } else if low.age() != Age::UNTRACKED {
                // It grew older since it was noted (in a collection, or frozen in between), or is frozen.
                let generation = state.policy.generation_of(low.age()).min(GENERATIONS - 1);
                let noted = state.note(generation, value.addr().get());
                header.set_low(low.settled(noted));
            }
        }
    }

    /// Nothing came of it: they are candidates as before.
    fn give_back(self, state: &State) {
        for (generation, taken) in self.taken.into_iter().enumerate().take(self.generation + 1) {
            if state.candidates[generation].len() == 0 {
                // That takes no memory, which may be why it was called off.
                state.candidates[generation].put_back(taken);
                continue;
            }
            for value in taken.iter() {
                let noted = state.note(generation, value);
                if !noted && state.is_object(value) {
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
