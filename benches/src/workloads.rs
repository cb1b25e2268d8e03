//! The workloads: what each does, how often, and what one operation of it is.
//!
//! | name | an operation is | a round is |
//! |---|---|---|
//! | `pair` | a `Box` of 48 bytes made and dropped | 4 million |
//! | `batch` | one block of a batch of 1000 (16–512 B) made, and later freed, in order | 3000 batches |
//! | `random` | one of 100 000 live blocks (8–1024 B) freed and another made | 600 000 |
//! | `large` | one of 1000 live blocks (4 KiB–1 MiB) freed, another made, each page written | 10 000 |
//! | `vecgrow` | one `push` onto a `Vec<u64>` that grows to 1 million | 12 vectors |
//! | `strings` | one of 200 000 strings put into two maps, looked up, dropped | all of them |
//! | `larson` | as `random`, 1000 blocks a thread, inherited by one thread from another | 2 million |
//! | `xmalloc` | one block of 64 B made by one thread and freed by another | 2 million |
//! | `xmalloc_mixed` | the same with 16–1024 B | 2 million |
//! | `mstress` | one object made, kept, handed around among two threads, dropped | 400 000 |
//! | `threads` | one thread that makes and frees 48 blocks | 500 threads |
//! | `frag` | one block (16–200 B) of 500 MB made, or freed (95 % are, at random) | one, on a fresh heap |
//! | `trees` | one node of a binary tree made, visited, dropped | 4.7 million |
//! | `zeroed` | one zeroed block (64 KiB–4 MiB) made, each page read and written, freed | 1000 |
//!
//! Sizes between two bounds are evenly spread; from 4 KiB up, their logarithms are. With two threads the
//! time of an operation is what it costs one of them (elapsed time × threads ÷ operations). A round takes
//! some tens of milliseconds on a usual machine: long beside a clock tick, short enough to be repeated.

use crate::meter::Meter;

mod frag;
mod large;
mod library;
mod messages;
mod small;
mod stress;
mod threads;

/// What times are printed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds per operation.
    Nanoseconds,
    /// Microseconds per operation.
    Microseconds,
}

impl Unit {
    /// Nanoseconds in one of it.
    pub const fn nanoseconds(self) -> f64 {
        match self {
            Unit::Nanoseconds => 1.0,
            Unit::Microseconds => 1000.0,
        }
    }

    /// Its sign.
    pub const fn label(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "ns",
            Unit::Microseconds => "µs",
        }
    }
}

/// One workload.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The name on the command line.
    pub name: &'static str,
    /// The name in tables.
    pub title: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// What times are printed in.
    pub unit: Unit,
    /// Part of the means over all workloads; the others have figures of their own only.
    pub counted: bool,
    /// Runs it, as long as the meter wants more rounds.
    pub run: fn(&mut Meter),
}

/// All workloads, in the order of the tables.
pub const ALL: [Workload; 15] = [
    Workload {
        name: "pair",
        title: "pair",
        summary: "one Box of 48 bytes, made and dropped",
        unit: Unit::Nanoseconds,
        counted: true,
        run: small::pair,
    },
    Workload {
        name: "batch",
        title: "batch",
        summary: "1000 blocks of 16 to 512 B made, then freed in order",
        unit: Unit::Nanoseconds,
        counted: true,
        run: small::batch,
    },
    Workload {
        name: "random",
        title: "random",
        summary: "100 000 live blocks of 8 to 1024 B, one at random replaced",
        unit: Unit::Nanoseconds,
        counted: true,
        run: small::random,
    },
    Workload {
        name: "large",
        title: "large",
        summary: "1000 live blocks of 4 KiB to 1 MiB, one at random replaced, a byte per page written",
        unit: Unit::Nanoseconds,
        counted: true,
        run: large::large,
    },
    Workload {
        name: "vecgrow",
        title: "vecgrow",
        summary: "a Vec<u64> pushed to a million",
        unit: Unit::Nanoseconds,
        counted: true,
        run: library::vecgrow,
    },
    Workload {
        name: "strings",
        title: "strings",
        summary: "a HashMap and a BTreeMap of 200 000 short strings built, searched, dropped",
        unit: Unit::Nanoseconds,
        counted: true,
        run: library::strings,
    },
    Workload {
        name: "larson",
        title: "larson, 2 threads",
        summary: "1000 live blocks a thread, replaced at random, left to fresh threads",
        unit: Unit::Nanoseconds,
        counted: true,
        run: threads::larson,
    },
    Workload {
        name: "xmalloc",
        title: "xmalloc, 64 B",
        summary: "one thread makes blocks of 64 B, another frees them",
        unit: Unit::Nanoseconds,
        counted: true,
        run: messages::xmalloc,
    },
    Workload {
        name: "xmalloc_mixed",
        title: "xmalloc, mixed",
        summary: "one thread makes blocks of 16 to 1024 B, another frees them",
        unit: Unit::Nanoseconds,
        counted: true,
        run: messages::xmalloc_mixed,
    },
    Workload {
        name: "mstress",
        title: "mstress, 2 threads",
        summary: "objects of many sizes kept, replaced and swapped between two threads",
        unit: Unit::Nanoseconds,
        counted: true,
        run: stress::mstress,
    },
    Workload {
        name: "threads",
        title: "threads",
        summary: "short threads that make and free 48 blocks each, two at a time",
        unit: Unit::Microseconds,
        counted: true,
        run: threads::threads,
    },
    Workload {
        name: "frag",
        title: "frag",
        summary: "500 MB of blocks of 16 to 200 B, of which 95 % are freed at random",
        unit: Unit::Nanoseconds,
        counted: true,
        run: frag::frag,
    },
    Workload {
        name: "trees",
        title: "binary trees",
        summary: "binary trees of Box up to depth 18",
        unit: Unit::Nanoseconds,
        counted: true,
        run: library::trees,
    },
    Workload {
        name: "zeroed",
        title: "zeroed",
        summary: "zeroed blocks of 64 KiB to 4 MiB, a byte per page read and written",
        unit: Unit::Microseconds,
        counted: true,
        run: large::zeroed,
    },
    Workload {
        name: "little",
        title: "little",
        summary: "memory of a program that makes a few hundred small blocks",
        unit: Unit::Nanoseconds,
        counted: false,
        run: small::little,
    },
];
