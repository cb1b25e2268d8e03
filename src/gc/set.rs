//! The set of objects that a collection is about: each with what its header said.
//!
//! ```text
//!   the set                              header of an object in it
//!   ┌────────────┬───────────────┐      ┌───────────────────────────┬──────┬─────────┬─────────┐
//!   │ value      │ what it said  │      │ references that are not   │ type │ found   │ visited │
//!   ├────────────┼───────────────┤ ···► │ accounted for             │      │ alive   │         │
//!   │ …          │               │      └───────────────────────────┴──────┴─────────┴─────────┘
//! ```
//!
//! Counting is done in the headers, where every edge leads anyway; what they said stands here. So a collection can be called
//! off at any moment (a `trace` that panics, no memory) by giving it back, which
//! needs nobody's help. The set is walked from its beginning while it grows at its end: no recursion, and
//! objects are read in the order in which they were met. What will be read is fetched ahead: after few objects
//! hardly any is in a cache.
//!
//! An object of the set is *alive* when references are left that nobody accounted for, or when it was marked, since
//! one that is alive leads there.

use core::ptr::NonNull;

use super::header::{self, Header, Low, Said};
use super::state::regain_value;
use crate::heap::{Cursor, Pieces};
use crate::misuse;
use crate::pool::prefetch;

/// One object.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its value.
    pub value: NonNull<u8>,
    /// What its header said.
    pub said: Said,
}

const _: () = assert!(size_of::<Entry>() == 16);

impl Entry {
    /// Its header.
    #[inline(always)]
    pub fn header<'a>(&self) -> &'a Header {
        // SAFETY: an object of a set is there as long as the set is at work.
        unsafe { header::of(self.value) }
    }

    /// Of garbage, while it is visited: ends the process if a `trace` has made or given up references to it.
    #[inline(always)]
    pub fn verify(&self) {
        if self.header().others() != 0 {
            misuse::changed_in_trace();
        }
    }

    /// Gives the header back what it said.
    #[inline]
    pub fn restore(&self) {
        self.header().restore(self.said);
    }
}

/// Entries between the one that is looked at and the one whose object is fetched.
pub const AHEAD: usize = 12;

/// Fetches what will be looked at soon after the entry at `place`.
#[inline(always)]
pub fn fetch(entries: &[Entry], place: usize) {
    if let Some(entry) = entries.get(place + AHEAD) {
        prefetch(entry.value.addr().get() - header::BYTES);
    }
}

/// The next of the entries, while the object of one farther behind is fetched.
#[inline(always)]
pub fn next(entries: &Pieces<Entry>, cursor: &mut Cursor<Entry>) -> Option<Entry> {
    if let Some(entry) = cursor.ahead(AHEAD) {
        prefetch(entry.value.addr().get() - header::BYTES);
    }
    cursor.next(entries)
}

/// Objects, and what happened to them.
pub struct Set {
    /// In the order in which they were met.
    pub entries: Pieces<Entry>,
    /// Values of those that were marked and whose targets were not looked at.
    marked: Pieces<usize>,
    /// From where on those that have references left over were not looked at.
    seeds: Cursor<Entry>,
    /// Which ages belong to it: a bit for each.
    ages: u64,
    /// The number of the search, for entries of weak maps.
    pub number: u64,
    /// Something that makes the result worthless.
    pub flaw: Option<Flaw>,
    /// What is true of one of them at least, of what headers say.
    pub traits: Low,
    /// Whether somebody owns more than references to others of the set.
    owns_more: bool,
    /// Objects all of whose references are accounted for and that were not marked.
    doubtful: usize,
    /// References that are not accounted for, of all together: what the headers must add up to.
    left: i64,
}

/// What is added up while objects join: apart from the set, so that it stays in registers.
pub struct Tally {
    traits: Low,
    owns_more: bool,
    doubtful: usize,
    left: i64,
}

impl Tally {
    /// Nothing so far.
    pub const NOTHING: Tally =
        Tally { traits: Low::NOTHING, owns_more: false, doubtful: 0, left: 0 };
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
    /// Nobody, but of these ages; for a search of this number, which no other has.
    pub fn new(ages: u64, number: u64) -> Set {
        Set {
            entries: Pieces::new(),
            marked: Pieces::new(),
            seeds: Cursor::new(),
            ages,
            number,
            flaw: None,
            traits: Low::NOTHING,
            owns_more: false,
            doubtful: 0,
            left: 0,
        }
    }

    /// Whether objects of this age belong to it.
    #[inline(always)]
    pub fn takes(&self, low: Low) -> bool {
        self.ages >> low.age().0 & 1 != 0
    }

    /// Takes an object in, whose header says `low`, and of whose references one is accounted for, or none.
    ///
    /// # Safety
    /// There is an object with this value, which has this header and is not in the set.
    #[inline(always)]
    pub unsafe fn join(
        &mut self,
        tally: &mut Tally,
        value: NonNull<u8>,
        header: &Header,
        low: Low,
        counted: bool,
    ) {
        let entry = Entry { value, said: Said::new(low, header.others()) };
        if !self.entries.push(entry) {
            self.flaw = Some(Flaw::Memory);
            return;
        }
        header.visit(low, counted);
        tally.traits = tally.traits.or(low);
        tally.left += i64::from(header.others());
        // What has no others has none left.
        tally.doubtful += usize::from(counted && entry.said.others() == 0);
    }

    /// What was tallied while some joined.
    #[inline(always)]
    pub fn add(&mut self, tally: Tally) {
        self.traits = self.traits.or(tally.traits);
        self.owns_more |= tally.owns_more;
        self.doubtful += tally.doubtful;
        self.left += tally.left;
    }

    /// One reference to each of these values is accounted for; if it is of these ages, the object belongs to the set.
    #[inline(always)]
    pub fn count(&mut self, values: &[usize]) {
        let mut tally = Tally::NOTHING;
        for value in values.iter().copied().map(regain_value) {
            // SAFETY: an edge leads to an object.
            let header = unsafe { header::of(value) };
            let low = header.low();
            if low.is_visited() {
                self.account(&mut tally, value, header);
            } else if self.takes(low) {
                // SAFETY: it is this object's header.
                unsafe { self.join(&mut tally, value, header, low, true) };
            } else {
                tally.owns_more = true;
            }
        }
        self.add(tally);
    }

    /// One reference to each of these is accounted for, if it belongs to the set.
    pub fn recount(&mut self, values: &[usize]) {
        let mut tally = Tally::NOTHING;
        for value in values.iter().copied().map(regain_value) {
            // SAFETY: an edge leads to an object.
            let header = unsafe { header::of(value) };
            if header.low().is_visited() {
                self.account(&mut tally, value, header);
            }
        }
        self.add(tally);
    }

    #[inline(always)]
    fn account(&mut self, tally: &mut Tally, value: NonNull<u8>, header: &Header) {
        let left = header.others() - 1;
        if left < 0 {
            self.flaw = Some(Flaw::Trace(value));
            return;
        }
        header.set_others(left);
        tally.left -= 1;
        tally.doubtful += usize::from(left == 0);
    }

    /// Each of these is alive, if it belongs to the set.
    pub fn mark(&mut self, values: &[usize]) {
        for value in values.iter().copied() {
            // SAFETY: an edge leads to an object.
            let header = unsafe { header::of(regain_value(value)) };
            // One that has references left over is found by itself.
            if header.low().is_visited() && !header.is_found_alive() {
                self.doubtful -= 1;
                header.mark();
                if !self.marked.push(value) {
                    self.flaw = Some(Flaw::Memory);
                }
            }
        }
    }

    /// Whether it is alive, as far as is known: not in the set, or found alive.
    pub fn lives(&self, value: NonNull<u8>) -> bool {
        // SAFETY: whoever asks has an object.
        let header = unsafe { header::of(value) };
        !header.low().is_visited() || header.is_found_alive()
    }

    /// Ends the process if a `trace` has made or given up references: `left` are those that headers of all objects say are not
    /// accounted for. (Those of garbage say none.)
    pub fn verify(&self, left: i64) {
        if left != self.left {
            misuse::changed_in_trace();
        }
    }

    /// Somebody owns more than references to others of the set.
    pub fn note_more(&mut self) {
        self.owns_more = true;
    }

    /// Whether all that is owned is references to others of the set, which is all garbage, and nobody waits for a death:
    /// then there is nothing to do but to give the blocks back.
    pub fn is_bare(&self) -> bool {
        self.is_all_garbage()
            && !self.owns_more
            && !self.traits.wants_finalizer()
            && !self.traits.has_side()
    }

    /// Whether nobody was found alive.
    pub fn is_all_garbage(&self) -> bool {
        self.doubtful == self.entries.len()
    }

    /// Whether there is anything left that may be garbage.
    pub fn is_in_doubt(&self) -> bool {
        self.doubtful > 0
    }

    /// One that is alive, and whose targets were not looked at.
    #[inline]
    pub fn next_alive(&mut self) -> Option<NonNull<u8>> {
        if let Some(value) = self.marked.pop() {
            return Some(regain_value(value));
        }
        let mut seeds = core::mem::replace(&mut self.seeds, Cursor::new());
        let seed = loop {
            let Some(entry) = next(&self.entries, &mut seeds) else { break None };
            if entry.header().has_others() {
                break Some(entry.value);
            }
        };
        self.seeds = seeds;
        seed
    }

    /// Gives all headers back what they said: nothing came of it.
    pub fn restore(&self) {
        let mut cursor = Cursor::new();
        let mut left = 0;
        while let Some(entry) = next(&self.entries, &mut cursor) {
            left += i64::from(entry.header().others());
            entry.restore();
        }
        self.verify(left);
    }
}
