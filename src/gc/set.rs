//! The set of objects that a collection is about: each with its place, what its header said, and how many of its
//! references are not accounted for.
//!
//! ```text
//!   header of an object                    the set
//!   ┌────────────────────────┐            ┌──────────────┬───────┬───────┐
//!   │ references  │ place 2  │ ─────┐     │ value        │ low   │ count │  0
//!   └────────────────────────┘      │     ├──────────────┼───────┼───────┤
//!                                   │     │ …            │       │       │  1
//!                                   │     ├──────────────┼───────┼───────┤
//!                                   └───► │ …            │       │       │  2
//!                                         └──────────────┴───────┴───────┘
//! ```
//!
//! Counting is done here and not in the headers, whose counts stay true all the time: so a collection can be called off
//! at any moment (a `trace` that panics, no memory) by giving the headers their lower halves back, which
//! needs nobody's help. The set is walked from its beginning while it grows at its end: no recursion, and
//! objects are read in the order in which they were met.

use core::ptr::NonNull;

use super::header::{self, Header, Low, MAX_PLACES};
use crate::heap::Array;
use crate::pool::prefetch;

/// One object.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its value.
    pub value: NonNull<u8>,
    /// What its header said.
    pub low: Low,
    /// References that are not accounted for; [`Entry::ALIVE`] when it was found alive.
    pub count: u32,
}

const _: () = assert!(size_of::<Entry>() == 16);

impl Entry {
    /// Somebody outside has it, or somebody alive.
    pub const ALIVE: u32 = u32::MAX;
}

/// Objects, and what happened to them.
pub struct Set {
    /// In the order in which they were met.
    pub entries: Array<Entry>,
    /// Places of those that were found alive and whose targets were not looked at.
    alive: Array<u32>,
    /// Which ages belong to it: a bit for each.
    ages: u64,
    /// The number of the search, for entries of weak maps.
    pub number: u64,
    /// Something that makes the result worthless.
    pub flaw: Option<Flaw>,
    /// What is true of one of them at least, of what headers say.
    pub traits: Low,
    /// Places whose entries are on their way into the cache, as a ring: how many were put there, and dealt with.
    fetched: [u32; Set::AHEAD],
    put: usize,
    done: usize,
    /// Objects without a reference that is not accounted for, and not known to be alive. While marking.
    doubtful: usize,
}

/// Why a collection is called off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// There is no memory for the set.
    Memory,
    /// More edges lead to an object than it has references: a `trace` visits one twice, or one that it does not own.
    Trace(NonNull<u8>),
}

impl Set {
    /// Edges between the moment when an entry is asked for and when it is changed.
    const AHEAD: usize = 8;
    /// Entries that are more than 256 KiB.
    const LARGE: usize = 1 << 14;

    /// Nobody, but of these ages; for a search of this number, which no other has.
    pub fn new(ages: u64, number: u64) -> Set {
        Set {
            entries: Array::new(),
            alive: Array::new(),
            ages,
            number,
            flaw: None,
            traits: Low::NOTHING,
            fetched: [0; Set::AHEAD],
            put: 0,
            done: 0,
            doubtful: 0,
        }
    }

    /// Whether objects of this age belong to it.
    #[inline(always)]
    pub fn takes(&self, low: Low) -> bool {
        self.ages >> low.age().0 & 1 != 0
    }

    /// The one at `place`, if there is one.
    #[inline(always)]
    pub fn entry(&self, place: usize) -> Option<Entry> {
        if place >= self.entries.len() {
            return None;
        }
        // SAFETY: it is there.
        let entry = unsafe { self.entries.at_unchecked(place) };
        // SAFETY: as above.
        Some(unsafe { entry.read() })
    }

    /// Takes an object in, whose header says `low`, with `count` references not accounted for.
    ///
    /// # Safety
    /// There is an object with this value, which has this header.
    #[inline(always)]
    pub unsafe fn join(&mut self, value: NonNull<u8>, header: &Header, low: Low, count: u32) {
        let place = self.entries.len();
        let entry = Entry { value, low, count };
        if place >= MAX_PLACES || !self.entries.push(entry) {
            self.flaw = Some(Flaw::Memory);
            return;
        }
        self.traits = self.traits.or(entry.low);
        header.set_low(Low::visited(place));
    }

    /// One reference to the object is accounted for; if it is of these ages, it belongs to the set.
    #[inline(always)]
    pub fn count(&mut self, value: NonNull<u8>) {
        // SAFETY: an edge leads to an object.
        let header = unsafe { header::of(value) };
        let low = header.low();
        match low.place() {
            Some(place) => self.count_at(place),
            // SAFETY: it is this object's header.
            None if self.takes(low) => unsafe {
                self.join(value, header, low, header.strong() - 1)
            },
            None => {}
        }
    }

    /// One reference to the object at this place is accounted for.
    #[inline(always)]
    fn count_at(&mut self, place: usize) {
        // Few of them are in the cache anyway.
        if self.entries.len() < Set::LARGE { self.count_now(place) } else { self.count_soon(place) }
    }

    /// When the entry is in the cache.
    #[inline]
    fn count_soon(&mut self, place: usize) {
        let slot = self.put % Set::AHEAD;
        let oldest = core::mem::replace(&mut self.fetched[slot], place as u32);
        prefetch(self.entries.at(place).addr().get());
        self.put += 1;
        if self.put - self.done > Set::AHEAD {
            self.done += 1;
            self.count_now(oldest as usize);
        }
    }

    /// What was to come soon is done.
    pub fn finish(&mut self) {
        while self.done < self.put {
            let place = self.fetched[self.done % Set::AHEAD];
            self.done += 1;
            self.count_now(place as usize);
        }
    }

    #[inline(always)]
    fn count_now(&mut self, place: usize) {
        // SAFETY: a header that says that it is visited names a place in the set.
        let mut entry = unsafe { self.entries.at_unchecked(place) };
        // SAFETY: it is in the array, which nobody else uses meanwhile.
        let entry = unsafe { entry.as_mut() };
        if entry.count == 0 {
            self.flaw = Some(Flaw::Trace(entry.value));
            return;
        }
        entry.count -= 1;
    }

    /// One reference to the object is accounted for, if it belongs to the set.
    #[inline(always)]
    pub fn recount(&mut self, value: NonNull<u8>) {
        // SAFETY: an edge leads to an object.
        if let Some(place) = unsafe { header::of(value) }.low().place() {
            self.count_at(place);
        }
    }

    /// The object is alive, if it belongs to the set.
    #[inline(always)]
    pub fn mark(&mut self, value: NonNull<u8>) {
        // SAFETY: an edge leads to an object.
        if let Some(place) = unsafe { header::of(value) }.low().place() {
            self.mark_at(place);
        }
    }

    /// The object at this place is alive.
    #[inline(always)]
    pub fn mark_at(&mut self, place: usize) {
        // SAFETY: as in `count_now`.
        let mut entry = unsafe { self.entries.at_unchecked(place) };
        // SAFETY: as in `count_now`.
        let entry = unsafe { entry.as_mut() };
        if entry.count != Entry::ALIVE {
            self.doubtful -= usize::from(entry.count == 0);
            entry.count = Entry::ALIVE;
            if !self.alive.push(place as u32) {
                self.flaw = Some(Flaw::Memory);
            }
        }
    }

    /// All is counted: what has references left over is alive. Whether it is to be found out what that leads to.
    pub fn begin_marking(&mut self) -> bool {
        self.doubtful = self.entries.iter().filter(|entry| entry.count == 0).count();
        let all = self.entries.len();
        if self.doubtful == all {
            return false;
        }
        for place in 0..all {
            if self.entries.get(place).count > 0 {
                self.mark_at(place);
            }
        }
        true
    }

    /// Whether there is anything left that may be garbage.
    pub fn is_in_doubt(&self) -> bool {
        self.doubtful > 0
    }

    /// Whether it is alive, as far as is known: not in the set, or found alive.
    pub fn lives(&self, value: NonNull<u8>) -> bool {
        // SAFETY: whoever asks has an object.
        let place = unsafe { header::of(value) }.low().place();
        place.is_none_or(|place| self.entries.get(place).count == Entry::ALIVE)
    }

    /// One that is alive, and whose targets were not looked at.
    pub fn next_alive(&mut self) -> Option<Entry> {
        self.alive.pop().map(|place| self.entries.get(place as usize))
    }

    /// Whether nobody was found alive.
    pub fn is_all_garbage(&self) -> bool {
        self.doubtful == self.entries.len()
    }

    /// Gives all headers their lower halves back.
    pub fn restore(&self) {
        for entry in self.entries.iter() {
            // SAFETY: an object of the set is there as long as the set is at work.
            unsafe { header::of(entry.value) }.set_low(entry.low);
        }
    }
}
