//! When to collect, and which generation.
//!
//! CPython's rule. Generation 0 when, since its last collection, more objects were made than freed by `threshold0`;
//! generation 1 after `threshold1` collections of generation 0, generation 2 after `threshold2` of generation 1, and then
//! only when what grew old since the last full collection is more than a quarter of what survived that.
//!
//! **Generations are ages.** Nobody is moved: an object's header says how many collections of generation 0 there had
//! been when it was made, modulo 61. Younger than the last of these: generation 0; than the last of
//! generation 1: generation 1; else 2. When the number comes round, a few old objects look young for one collection:
//! that takes time, and is never wrong.
//!
//! The test stands where no block is at hand, not on the fast path. **Growth** counts, too: what grows old before it is garbage
//! waits for the older generations, and objects are few and garbage much where large values hang on them. So growth by as much as
//! was left by the last full collection (ten times `threshold0` in objects, 16 MiB in bytes, at least) is as good a reason. Bytes
//! are all that neap knows of, also what objects own in the program's allocator, if that is neap. When a collection leaves most of
//! the growth where it is, the next one, which comes at once, takes an older generation. **Yield**:
//! when collections of generation 0 free next to nothing of what they visit, they come at longer intervals, up to
//! eight times, until one pays again.

use core::cell::Cell;

use super::collect;
use super::header::Age;
use super::state::{self, GENERATIONS, State};
use crate::heap::Objects;

/// Bytes, and objects in `threshold0`s, that may come between two full collections, whatever is live.
const FREE_BYTES: usize = 16 << 20;
const FREE_THRESHOLDS: usize = 10;
/// Thresholds to begin with.
const THRESHOLDS: [usize; GENERATIONS] = [2000, 10, 10];
/// How much longer intervals may get.
const MOST_PATIENCE: u32 = 3;

/// How much there is.
#[derive(Clone, Copy)]
struct Size {
    objects: usize,
    bytes: usize,
}

impl Size {
    /// Now, and so many bytes more.
    fn now(state: &State, more: usize) -> Size {
        let objects = usize::try_from(state.balance()).unwrap_or(0);
        Size { objects, bytes: Objects::bytes() + more }
    }

    /// The lesser of both.
    fn less(self, other: Size) -> Size {
        Size { objects: self.objects.min(other.objects), bytes: self.bytes.min(other.bytes) }
    }
}

/// One thread's.
pub struct Policy {
    /// Automatic collection.
    pub enabled: Cell<bool>,
    /// Guards of `pause`.
    pub pauses: Cell<usize>,
    /// What the program set.
    pub thresholds: Cell<[usize; GENERATIONS]>,
    /// Collections of the generation below since the last of this one. (Of 0: see `count`.)
    counts: Cell<[usize; GENERATIONS]>,
    /// Objects after the last collection.
    balance: Cell<i64>,
    /// Objects and bytes after the last full collection, or what was less since.
    left: Cell<Size>,
    /// The generation that growth asks for.
    pressed: Cell<usize>,
    /// log2 of how many times `threshold0` it may take.
    patience: Cell<u32>,
    /// Objects beyond those that survived the last full collection, after the last of generation 1; and those.
    pending: Cell<usize>,
    survivors: Cell<usize>,
    /// Collections so far, and how many there had been after the last of generation 1.
    now: Cell<u64>,
    since: Cell<u64>,
}

impl Policy {
    /// Of a new thread.
    pub const fn new() -> Policy {
        Policy {
            enabled: Cell::new(true),
            pauses: Cell::new(0),
            thresholds: Cell::new(THRESHOLDS),
            counts: Cell::new([0; GENERATIONS]),
            balance: Cell::new(0),
            left: Cell::new(Size { objects: 0, bytes: 0 }),
            pressed: Cell::new(0),
            patience: Cell::new(0),
            pending: Cell::new(0),
            survivors: Cell::new(0),
            now: Cell::new(0),
            since: Cell::new(0),
        }
    }

    /// The generation of an object of this age.
    pub fn generation_of(&self, age: Age) -> usize {
        let mask = 1 << age.0;
        (0..GENERATIONS)
            .find(|generation| self.ages(*generation) & mask != 0)
            .unwrap_or(GENERATIONS)
    }

    /// The ages of a generation and those below, a bit for each.
    pub fn ages(&self, generation: usize) -> u64 {
        let all = (1 << Age::CYCLE) - 1;
        let (now, since) = (self.now.get(), self.since.get());
        let number = |n: u64| 1 << (n % u64::from(Age::CYCLE));
        match generation {
            0 => number(now),
            1 if now - since < u64::from(Age::CYCLE) => (since..=now).map(number).sum(),
            1 => all,
            _ => all | 1 << Age::OLD.0,
        }
    }

    /// Objects made less objects freed since the last collection, and collections of 0 and 1 since the last of 1 and 2.
    pub fn count(&self, state: &State) -> [usize; GENERATIONS] {
        let mut counts = self.counts.get();
        counts[0] = usize::try_from(state.balance() - self.balance.get()).unwrap_or(0);
        counts
    }

    /// The generation that is due.
    fn due(&self, state: &State, more: usize) -> Option<usize> {
        let thresholds = self.thresholds.get();
        if !self.enabled.get() || self.pauses.get() > 0 || thresholds[0] == 0 {
            return None;
        }
        let counts = self.count(state);
        let presses = self.has_grown(Size::now(state, more), 1);
        if counts[0] <= thresholds[0].saturating_mul(1 << self.patience.get()) && !presses {
            return None;
        }
        let pressed = if presses { self.pressed.get() } else { 0 };
        if counts[2] > thresholds[2] && self.pending.get() > self.survivors.get() / 4 {
            Some(2)
        } else {
            Some(pressed.max(usize::from(counts[1] > thresholds[1])))
        }
    }

    /// Whether it is that much more `now` than after the last full collection: all that may come, or a part of it.
    fn has_grown(&self, now: Size, part: usize) -> bool {
        let left = self.left.get();
        let objects = left.objects.max(self.thresholds.get()[0].saturating_mul(FREE_THRESHOLDS));
        let bytes = left.bytes.max(FREE_BYTES);
        now.objects.saturating_sub(left.objects) > objects / part
            || now.bytes.saturating_sub(left.bytes) > bytes / part
    }

    /// Notes a collection of `generation` that freed `freed` of the `visited` objects.
    pub fn collected(&self, state: &State, generation: usize, visited: usize, freed: usize) {
        let mut counts = self.counts.get();
        counts[..=generation].fill(0);
        if let Some(above) = counts.get_mut(generation + 1) {
            *above += 1;
        }
        self.counts.set(counts);
        let balance = state.balance();
        let there = usize::try_from(balance).unwrap_or(0);
        match generation {
            0 => {}
            // All that is there beyond what survived, whenever it was made: what waits in the oldest generation as well.
            1 => self.pending.set(there.saturating_sub(self.survivors.get())),
            _ => {
                self.pending.set(0);
                self.survivors.set(there);
            }
        }
        self.balance.set(balance);
        let now = Size::now(state, 0);
        self.left.set(match generation {
            2 => now,
            _ => self.left.get().less(now),
        });
        let stays = self.has_grown(now, 2);
        self.pressed.set(if stays { (generation + 1).min(GENERATIONS - 1) } else { 0 });
        let patience = self.patience.get();
        self.patience.set(match visited {
            _ if freed * 4 >= visited.max(1) => 0,
            _ if generation == 0 && freed * 16 < visited => (patience + 1).min(MOST_PATIENCE),
            _ => patience,
        });
        self.now.set(self.now.get() + 1);
        if generation > 0 {
            self.since.set(self.now.get());
        }
        state::set_birth(Age((self.now.get() % u64::from(Age::CYCLE)) as u32));
    }
}

/// Collects if it is time.
pub fn consider(state: &State, more: usize) {
    if !state.collecting.get()
        && let Some(generation) = state.policy.due(state, more)
    {
        collect::collect(generation);
    }
}
