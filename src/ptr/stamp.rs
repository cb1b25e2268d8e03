//! Stamps: when an object was made, as far as deep drops have to know it (`nest.rs`).
//!
//! ```text
//!    15          6 5      0
//!   ┌─────────────┬────────┐
//!   │   session   │ number │
//!   └─────────────┴────────┘
//! ```
//!
//! A *session* lasts as long as an outermost worker; sessions count from 1 to 1022 and again. The *number* counts the
//! workers inside each other. What is made outside any session bears 0.

use crate::heap::{self, LAST_STAMP};

/// A stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp(u16);

const NUMBER_BITS: u32 = 6;
const NUMBER: u16 = (1 << NUMBER_BITS) - 1;
const SESSIONS: u16 = (u16::MAX >> NUMBER_BITS) - 1;
const _: () = assert!(LAST_STAMP == u16::MAX as u64);

impl Stamp {
    /// From its bits.
    #[inline(always)]
    pub const fn from_bits(bits: u16) -> Stamp {
        Stamp(bits)
    }

    /// Its bits.
    #[inline(always)]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// What is made now bears this.
    #[inline(always)]
    pub fn now() -> Stamp {
        // No larger one was ever set.
        Stamp(heap::stamp() as u16)
    }

    /// From now on, what is made bears this. False: it can't be seen to, because there is no memory for a heap.
    #[must_use]
    pub fn set(self) -> bool {
        heap::set_stamp(u64::from(self.0))
    }

    /// Outside any session.
    pub const NONE: Stamp = Stamp(0);

    /// Of an outermost worker, after the session of `last`.
    pub const fn next_session(last: Stamp) -> Stamp {
        let session = last.session() % SESSIONS + 1;
        Stamp(session << NUMBER_BITS | 1)
    }

    /// Of a worker inside this one, for an object with the stamp `object`: above both. `None` when the numbers are used
    /// up.
    pub fn inside(self, object: Stamp) -> Option<Stamp> {
        let other = if object.session() == self.session() { object.number() } else { 0 };
        let number = self.number().max(other) + 1;
        (number <= NUMBER).then_some(Stamp(self.0 & !NUMBER | number))
    }

    /// Whether what bears this was made before the worker with the stamp `worker`, which is at work, began. An object
    /// of an earlier session by the same name may be taken for one of this; one without a known time is before
    /// nothing.
    pub fn is_before(self, worker: Stamp) -> bool {
        let same = self.session() == worker.session();
        u64::from(self.0) != LAST_STAMP && !(same && self.number() >= worker.number())
    }

    const fn session(self) -> u16 {
        self.0 >> NUMBER_BITS
    }

    const fn number(self) -> u16 {
        self.0 & NUMBER
    }
}
