//! The clock of one cell.

use std::time::{Duration, Instant};

use crate::Hooks;

/// Counts the rounds of a workload and keeps what was measured.
#[derive(Debug)]
pub struct Meter {
    /// Rounds that count.
    wanted: usize,
    /// No further round is begun so long after the first, once one has been counted.
    budget: Duration,
    /// When the first round began; until then, when the workload did.
    started: Instant,
    begun: bool,
    /// One round has been done that does not count.
    warm: bool,
    /// Nanoseconds per operation of each round that counts.
    rounds: Vec<f64>,
    figures: Vec<(&'static str, f64)>,
    hooks: Hooks,
}

impl Meter {
    /// A meter for so many rounds, or as many as fit into the budget.
    pub fn new(wanted: usize, budget: Duration, hooks: Hooks) -> Self {
        Meter {
            wanted: wanted.max(1),
            budget,
            started: Instant::now(),
            begun: false,
            warm: false,
            rounds: Vec::with_capacity(wanted.max(1)),
            figures: Vec::with_capacity(8),
            hooks,
        }
    }

    /// Is another round to be done? True at least twice: for the round that warms up and for one that
    /// counts.
    pub fn more(&mut self) -> bool {
        if !self.begun {
            self.begun = true;
            self.started = Instant::now();
        }
        match self.rounds.len() {
            0 => true,
            done => done < self.wanted && self.started.elapsed() < self.budget,
        }
    }

    /// Does one round and counts it, unless it is the first.
    pub fn time<R>(&mut self, operations: u64, round: impl FnOnce() -> R) -> R {
        let begin = Instant::now();
        let result = round();
        let elapsed = begin.elapsed();
        self.count(operations, elapsed);
        result
    }

    /// The same for a workload that holds the watch itself.
    pub fn count(&mut self, operations: u64, elapsed: Duration) {
        if self.warm {
            self.rounds.push(elapsed.as_nanos() as f64 / operations as f64);
        }
        self.warm = true;
    }

    /// The next round counts even though none has warmed up: the workload is about a fresh heap.
    pub fn cold(&mut self) {
        self.warm = true;
    }

    /// Notes a figure besides the time.
    pub fn note(&mut self, name: &'static str, value: f64) {
        self.figures.push((name, value));
    }

    /// Notes the share of metadata, for an allocator that knows it.
    pub fn note_metadata(&mut self) {
        if let Some(share) = self.hooks.metadata_share {
            self.note("metadata_share", share());
        }
    }

    /// Nanoseconds per operation of each round that counted, and the figures.
    pub fn into_results(self) -> (Vec<f64>, Vec<(&'static str, f64)>) {
        (self.rounds, self.figures)
    }
}
