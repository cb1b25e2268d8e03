//! What is particular to the comparison of a suite: which programs, which tables, which targets.

use neap_bench::suite::Suite;

use crate::options::Mode;
use crate::targets::Target;

/// How the figures of a suite are shown.
#[cfg_attr(
    not(all(feature = "pointers", feature = "collectors")),
    allow(dead_code, reason = "each suite is shown in one way")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// A column for each subject in each program.
    EachProgram,
    /// A column for each subject: in the program in which it is at its best, figure by figure.
    BestProgram,
}

/// The comparison of a suite.
#[derive(Clone, Copy)]
pub struct Comparison {
    /// What is compared.
    pub suite: &'static Suite,
    /// The script that builds what it takes.
    pub script: &'static str,
    /// The allocators that are used when none is named; the script builds them.
    pub usual: &'static str,
    /// What the table of figures looks like.
    pub columns: Columns,
    /// What ours is to reach.
    pub targets: &'static [Target],
    /// A script that does the same workloads in Python, as one subject more.
    pub python: Option<&'static str>,
    /// Is a subject other than ours allowed to fail? Then it is said below the tables, and tried on a large stack before.
    pub peers_may_fail: bool,
}

impl Comparison {
    /// The comparison that a mode asks for, if this was built with it.
    pub fn of(mode: Mode) -> Option<Comparison> {
        match mode {
            #[cfg(feature = "pointers")]
            Mode::Pointers => Some(Comparison {
                suite: &neap_bench::pointers::SUITE,
                script: "benches/pointers.sh",
                usual: "neap,mimalloc3,system",
                columns: Columns::EachProgram,
                targets: &crate::pointer_targets::TARGETS,
                python: None,
                peers_may_fail: false,
            }),
            #[cfg(feature = "collectors")]
            Mode::Collectors => Some(Comparison {
                suite: &neap_bench::collectors::SUITE,
                script: "benches/collectors.sh",
                usual: "neap,mimalloc3,system",
                columns: Columns::BestProgram,
                targets: &crate::collector_targets::TARGETS,
                python: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/src/collectors/cpython.py")),
                peers_may_fail: true,
            }),
            _ => None,
        }
    }
}
