//! How long the program stood still.
//!
//! Work is done in batches of a few objects, so short that the clock can be read after each: the longest batch is the longest
//! pause. The machine itself stands still now and then, so a pause is worth comparing only with what
//! `std::rc::Rc`, which never collects, shows for the same work.

use std::time::{Duration, Instant};

/// A clock that is read after each batch.
#[derive(Debug)]
pub struct Pauses {
    begin: Instant,
    last: Instant,
    longest: Duration,
}

impl Pauses {
    /// The first batch begins now.
    pub fn start() -> Self {
        let now = Instant::now();
        Pauses { begin: now, last: now, longest: Duration::ZERO }
    }

    /// A batch has ended, the next one begins. So much time has passed since the first.
    #[inline]
    pub fn lap(&mut self) -> Duration {
        let now = Instant::now();
        self.longest = self.longest.max(now - self.last);
        self.last = now;
        now - self.begin
    }

    /// The longest batch, in milliseconds.
    pub fn longest_ms(&self) -> f64 {
        self.longest.as_secs_f64() * 1e3
    }
}
