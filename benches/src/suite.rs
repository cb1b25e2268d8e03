//! A suite: workloads that are written once and compiled for each of several *subjects*, which are kinds of
//! pointers or collectors.
//!
//! ```text
//!  Suite ── subjects ──► "neap", "std", …        columns; each once for every allocator
//!    └───── workloads ─► Workload ── measures    rows; a workload may have several
//!                            └────── runs        one function for each subject that can do it
//! ```
//!
//! `pointers` and `collectors` are the suites. A cell is named by a workload, a subject and, being a binary,
//! an allocator.

use crate::meter::Meter;

/// A workload for one subject.
pub type Run = fn(&mut Meter);

/// What the workloads are run on.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The name on the command line.
    pub name: &'static str,
    /// The name in tables.
    pub title: &'static str,
    /// The package whose version matters.
    pub package: Option<&'static str>,
}

/// What a workload measures.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The name in tables.
    pub title: &'static str,
    /// What it is counted in.
    pub unit: &'static str,
    /// The name of a further figure; the time of an operation when there is none.
    pub figure: Option<&'static str>,
}

/// Nanoseconds per operation.
pub const fn time(title: &'static str) -> Measure {
    Measure { title, unit: "ns", figure: None }
}

/// A further figure of a workload.
pub const fn figure(title: &'static str, unit: &'static str, name: &'static str) -> Measure {
    Measure { title, unit, figure: Some(name) }
}

/// One workload.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// Rows of the tables.
    pub measures: &'static [Measure],
    /// For each subject, what runs it, if the subject can.
    pub runs: &'static [Option<Run>],
    /// The most memory that it needs, in MiB.
    pub memory_mib: usize,
    /// Takes seconds.
    pub dear: bool,
}

impl Workload {
    /// A workload that needs little memory and little time.
    pub const fn new(
        name: &'static str,
        measures: &'static [Measure],
        runs: &'static [Option<Run>],
        summary: &'static str,
    ) -> Self {
        Workload { name, summary, measures, runs, memory_mib: 64, dear: false }
    }

    /// The same with so much memory.
    pub const fn memory(mut self, mib: usize) -> Self {
        self.memory_mib = mib;
        self
    }

    /// The same, to be run less often.
    pub const fn dear(mut self) -> Self {
        self.dear = true;
        self
    }
}

/// Workloads and what they are run on.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// What a subject is: also the option that names one.
    pub subject: &'static str,
    /// Columns. Ours is the first.
    pub subjects: &'static [Subject],
    /// Rows.
    pub workloads: &'static [Workload],
}

impl Suite {
    /// What runs a workload with a subject.
    ///
    /// # Errors
    /// When there is no such workload or subject, or the one is not for the other.
    pub fn find(&self, name: &str, subject: &str) -> Result<Run, String> {
        let workload = self.workloads.iter().find(|workload| workload.name == name);
        let workload = workload.ok_or_else(|| format!("no workload `{name}`"))?;
        let place = self.subjects.iter().position(|candidate| candidate.name == subject);
        let place = place.ok_or_else(|| format!("no {} `{subject}`", self.subject))?;
        workload.runs[place].ok_or_else(|| format!("`{name}` is not for `{subject}`"))
    }
}
