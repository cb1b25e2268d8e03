//! How long the program stood still.
//!
//! Work is done in batches of a few objects, so short that the clock can be read after each: the longest batch is the longest
//! pause. The machine itself stands still now and then. Time in which the thread was ready to run and other programs had the
//! core is known to the kernel, and taken off; what a virtual machine's host does is not, so a pause is worth comparing only with what
//! `std::rc::Rc`, which never collects, shows for the same work.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

/// A batch that took longer is looked at: was the thread made to wait?
const LONG: Duration = Duration::from_micros(50);

/// A clock that is read after each batch.
#[derive(Debug)]
pub struct Pauses {
    begin: Instant,
    last: Instant,
    /// How long this thread had waited for a core, when that was last asked.
    waited: Duration,
    longest: Duration,
}

impl Pauses {
    /// The first batch begins now.
    pub fn start() -> Self {
        let waited = waited();
        let now = Instant::now();
        Pauses { begin: now, last: now, waited, longest: Duration::ZERO }
    }

    /// A batch has ended, the next one begins. So much time has passed since the first.
    #[inline]
    pub fn lap(&mut self) -> Duration {
        let mut now = Instant::now();
        let batch = now - self.last;
        if batch > LONG {
            now = self.look(batch);
        } else {
            self.longest = self.longest.max(batch);
        }
        self.last = now;
        now - self.begin
    }

    /// Counts a long batch, and reads the clock once more, because this takes time.
    #[cold]
    fn look(&mut self, batch: Duration) -> Instant {
        let waited = waited();
        let batch = batch.saturating_sub(waited - self.waited);
        self.waited = waited;
        self.longest = self.longest.max(batch);
        Instant::now()
    }

    /// The longest batch, in milliseconds.
    pub fn longest_ms(&self) -> f64 {
        self.longest.as_secs_f64() * 1e3
    }
}

/// How long this thread was ready to run and had no core, since it began; nothing where the kernel does not tell. Asked without
/// allocating.
fn waited() -> Duration {
    let mut buffer = [0; 128];
    let Ok(mut file) = File::open("/proc/thread-self/schedstat") else { return Duration::ZERO };
    let length = file.read(&mut buffer).unwrap_or(0);
    // Nanoseconds on a core, nanoseconds of waiting for one, turns.
    let mut numbers = buffer[..length].split(|byte| !byte.is_ascii_digit());
    let digits = numbers.nth(1).unwrap_or_default();
    let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    Duration::from_nanos(number)
}
