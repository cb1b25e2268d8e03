//! The workloads that neap is measured with, once for every allocator.
//!
//! ```text
//!  compare.sh ──builds──►  neap-bench            the driver: starts cells in turn, makes the tables
//!                             │ starts, once for each allocator, workload and round
//!                             ▼
//!                          neap-bench-<name>     one binary for each allocator: a `#[global_allocator]`
//!                             │                  and a call of `cell::main`
//!                             ▼
//!  workloads ◄── cell ──► meter, memory          runs one workload, prints time and memory
//!      │
//!      └── block, random                         what a workload allocates with
//!
//!  suite ◄── pointers                            the workloads of the counted pointers (feature `pointers`)
//!    ▲────── collectors                          the workloads of collectors (feature `collectors`)
//! ```
//!
//! A *cell* is one workload on one allocator. It runs in a process of its own, so that its memory is its
//! own and no workload meets a heap that another one has left behind. The code between the allocator and
//! the clock is the same for all: this library, compiled into each binary with the same profile.
//!
//! What keeps the measurement honest:
//!
//! - The driver starts the allocators in turn (A B C, then B C A, …), so that a busy moment of the machine
//!   falls on all of them, and takes the median.
//! - A cell does one round for warming up, which is not counted, then several that are.
//! - Every block is written to, through a volatile write or [`std::hint::black_box`], so that neither the
//!   block nor the write can be removed by the compiler.
//! - What the harness itself needs (tables of blocks and of sizes) comes from the allocator under test, is
//!   the same for all, and is small beside what is measured.
//! - Every allocator runs with the default features of its package and the default settings.

pub mod block;
pub mod cell;
#[cfg(feature = "collectors")]
pub mod collectors;
pub mod memory;
pub mod meter;
#[cfg(feature = "pointers")]
pub mod pointers;
pub mod random;
pub mod suite;
pub mod workloads;

/// The suites that this was built with.
pub const SUITES: &[&suite::Suite] = &[
    #[cfg(feature = "pointers")]
    &pointers::SUITE,
    #[cfg(feature = "collectors")]
    &collectors::SUITE,
];

/// What a binary knows about its allocator that the others have no counterpart for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks {
    /// Bytes of metadata for each byte that the allocator has committed.
    pub metadata_share: Option<fn() -> f64>,
}

/// The allocators that there is a binary for: the name, which is also the feature, and the packages whose
/// versions matter.
pub const ALLOCATORS: [(&str, &[&str]); 10] = [
    ("neap", &["neap"]),
    ("system", &[]),
    ("mimalloc2", &["mimalloc", "libmimalloc-sys"]),
    ("mimalloc3", &["mimalloc", "libmimalloc-sys"]),
    ("jemalloc", &["tikv-jemallocator", "tikv-jemalloc-sys"]),
    ("snmalloc", &["snmalloc-rs"]),
    ("rpmalloc", &["rpmalloc", "rpmalloc-sys"]),
    ("rusty_alloc", &["rusty_alloc"]),
    ("scudo", &["scudo", "scudo-sys"]),
    ("tcmalloc", &["tcmalloc-better", "libtcmalloc-sys"]),
];

/// The middle value; the mean of the two middle ones when their number is even. NaN for no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}
