//! What people are told about collections.

use core::time::Duration;

/// What a collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Objects that were found unreachable and dropped.
    pub collected: usize,
    /// Objects that were found unreachable and could not be dropped.
    pub uncollectable: usize,
    /// The generation that was collected, with those below.
    pub generation: usize,
    /// Candidates that it began with.
    pub candidates: usize,
    /// Objects that were visited.
    pub visited: usize,
    /// Objects that finalizers made reachable again.
    pub resurrected: usize,
    /// Nothing was done: a collection was under way already.
    pub skipped: bool,
    /// It was called off, and nothing was dropped: a `trace` panicked, or is wrong ([`CHECK_TRACE`](super::CHECK_TRACE)), or there was no
    /// memory. The next one finds what this would have. (When finalizers have run before, what nobody has any more is dropped;
    /// the rest is [`uncollectable`](Collected::uncollectable) for now.)
    pub called_off: bool,
    /// How long it took.
    pub duration: Duration,
}

/// All collections of a generation so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenerationStats {
    /// How many collections there were.
    pub collections: u64,
    /// Objects that they dropped.
    pub collected: u64,
    /// Objects that could not be dropped.
    pub uncollectable: u64,
    /// Candidates that they began with.
    pub candidates: u64,
    /// Objects that they visited.
    pub visited: u64,
    /// The longest that one took.
    pub longest: Duration,
    /// What all took.
    pub total: Duration,
}

impl GenerationStats {
    /// Of a new thread.
    pub(super) const NONE: GenerationStats = GenerationStats {
        collections: 0,
        collected: 0,
        uncollectable: 0,
        candidates: 0,
        visited: 0,
        longest: Duration::ZERO,
        total: Duration::ZERO,
    };

    /// With one more.
    pub(super) fn and(mut self, collected: &Collected) -> GenerationStats {
        self.collections += 1;
        self.collected += collected.collected as u64;
        self.uncollectable += collected.uncollectable as u64;
        self.candidates += collected.candidates as u64;
        self.visited += collected.visited as u64;
        self.longest = self.longest.max(collected.duration);
        self.total += collected.duration;
        self
    }
}
