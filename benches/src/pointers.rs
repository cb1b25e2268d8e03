//! The workloads of the counted pointers: what each does, how often, and what one operation of it is.
//!
//! | name | an operation is | a round is |
//! |---|---|---|
//! | `rc_create` | one pointer to a `u64` made and dropped | 4 million |
//! | `rc_create_batch` | one of 1000 live objects of 24 bytes made, and later dropped, in order | 3000 batches |
//! | `rc_clone_hot`, `…_weak` | one clone of the same object made and dropped | 20 million |
//! | `rc_clone_shuffled`, `…_weak` | the same, of one of a million objects, in random order | each object once |
//! | `rc_downgrade`, `…_held` | one `Weak` to the same object made and dropped | 10 million |
//! | `rc_downgrade_first` | one of 1000 fresh objects, made, given its first `Weak`, both dropped | 1000 batches |
//! | `rc_upgrade` | one strong pointer made of the same `Weak` and dropped | 10 million |
//! | `rc_list` | one node of a list of 100 000 made and dropped | 4 lists |
//! | `rc_long_list` | one node of a list of 10 million dropped; making it is not counted | one list |
//! | `rc_trees` | one node of a binary tree of depth 16 made, visited, dropped | 8 trees |
//! | `rc_parents` | one node of a binary tree of depth 14 with a `Weak` to its parent made and dropped | 16 trees |
//! | `rc_str` | one of 1000 live strings of 8 to 64 bytes made and dropped | 1000 batches |
//! | `rc_slice`, `rc_collect` | one of 1000 live slices of 1 to 64 `u64` made and dropped | 1000 batches |
//! | `rc_dyn` | one of 1000 live trait objects of three types made, called, dropped | 2000 batches |
//! | `rc_graph` | one edge of a graph of 100 000 objects changed, or one object replaced | a million |
//! | `rc_bytes_u64`, `rc_bytes_24` | – | memory of 4 million objects, once |
//!
//! ```text
//!  kinds      Pointer, Weakly: what a workload asks of a pointer; Neap, Std, Triomphe: the pointers
//!    ▲
//!  node       the object of 24 bytes that several workloads use
//!    ▲
//!  create · counts · lists · trees · unsized_values · graph · bytes       the workloads
//! ```
//!
//! Each workload is written once, for any pointer, and compiled for each. `neap::Rc` takes its memory from
//! neap's own pools, whatever the global allocator is; the others take it from the global allocator of the
//! binary. `triomphe::Arc` counts with atomic instructions, being made for threads, and has no `Weak`.

use crate::suite::{Subject, Suite, Workload, figure, time};

mod bytes;
mod counts;
mod create;
mod graph;
mod kinds;
mod lists;
mod node;
mod trees;
mod unsized_values;

use kinds::{Neap, Std, Triomphe};

/// The pointers' workloads and the pointers.
pub const SUITE: Suite = Suite { subject: "pointer", subjects: &POINTERS, workloads: &ALL };

/// The pointers.
const POINTERS: [Subject; 3] = [
    Subject { name: "neap", title: "neap::Rc", package: Some("neap") },
    Subject { name: "std", title: "std::rc::Rc", package: None },
    Subject { name: "triomphe", title: "triomphe::Arc", package: Some("triomphe") },
];

/// A function compiled for each of [`POINTERS`], in that order.
macro_rules! each {
    ($module:ident :: $run:ident) => {
        &[Some($module::$run::<Neap>), Some($module::$run::<Std>), Some($module::$run::<Triomphe>)]
    };
}

/// A function compiled for each pointer that has a `Weak`.
macro_rules! weakly {
    ($module:ident :: $run:ident) => {
        &[Some($module::$run::<Neap>), Some($module::$run::<Std>), None]
    };
}

/// All workloads, in the order of the tables.
const ALL: [Workload; 21] = [
    Workload::new(
        "rc_create",
        &[time("create + drop")],
        each!(create::create),
        "one pointer to a u64, made and dropped",
    ),
    Workload::new(
        "rc_create_batch",
        &[time("create + drop, 1000 live")],
        each!(create::batch),
        "1000 objects of 24 bytes made, then dropped in order",
    ),
    Workload::new(
        "rc_clone_hot",
        &[time("clone + drop, hot")],
        each!(counts::clone_hot),
        "one object cloned, the clone dropped",
    ),
    Workload::new(
        "rc_clone_hot_weak",
        &[time("clone + drop, hot, with a Weak")],
        weakly!(counts::clone_hot_weak),
        "the same while a Weak to the object is alive",
    ),
    Workload::new(
        "rc_clone_shuffled",
        &[time("clone + drop, 1M shuffled")],
        each!(counts::clone_shuffled),
        "a million objects cloned in random order, each clone dropped at once",
    )
    .memory(128),
    Workload::new(
        "rc_clone_shuffled_weak",
        &[time("clone + drop, 1M shuffled, with Weaks")],
        weakly!(counts::clone_shuffled_weak),
        "the same while a Weak to each object is alive",
    )
    .memory(192),
    Workload::new(
        "rc_downgrade",
        &[time("downgrade + drop")],
        weakly!(counts::downgrade),
        "one object downgraded, the Weak dropped",
    ),
    Workload::new(
        "rc_downgrade_held",
        &[time("downgrade + drop, with another Weak")],
        weakly!(counts::downgrade_held),
        "the same while another Weak to the object is alive",
    ),
    Workload::new(
        "rc_downgrade_first",
        &[time("create + first downgrade + drop")],
        weakly!(counts::downgrade_first),
        "1000 objects made, each downgraded, all dropped, then the Weaks",
    ),
    Workload::new(
        "rc_upgrade",
        &[time("upgrade + drop")],
        weakly!(counts::upgrade),
        "one Weak upgraded, the strong pointer dropped",
    ),
    Workload::new(
        "rc_list",
        &[time("list of 100 000")],
        each!(lists::list),
        "a list of 100 000 nodes made and dropped, on a stack of 256 MiB",
    )
    .memory(128),
    Workload::new(
        "rc_long_list",
        &[
            time("list of 10M dropped"),
            figure("10M dropped one by one from a Vec", "ns", "one_by_one"),
        ],
        each!(lists::long_list),
        "10 million nodes dropped, as a list and one by one",
    )
    .memory(1600)
    .dear(),
    Workload::new(
        "rc_trees",
        &[time("binary trees")],
        each!(trees::trees),
        "binary trees of depth 16 made, walked, dropped",
    ),
    Workload::new(
        "rc_parents",
        &[time("trees with parents")],
        weakly!(trees::parents),
        "binary trees of depth 14 whose nodes have a Weak to their parent, made and dropped",
    ),
    Workload::new(
        "rc_str",
        &[time("str of 8–64 B")],
        each!(unsized_values::text),
        "1000 strings of 8 to 64 bytes made from a &str, then dropped",
    ),
    Workload::new(
        "rc_slice",
        &[time("slice of 1–64 u64")],
        each!(unsized_values::slice),
        "1000 slices of 1 to 64 u64 made from a slice, then dropped",
    ),
    Workload::new(
        "rc_collect",
        &[time("slice of 1–64 u64, collected")],
        each!(unsized_values::collect),
        "1000 slices of 1 to 64 u64 made from an iterator of known length, then dropped",
    ),
    Workload::new(
        "rc_dyn",
        &[time("trait object")],
        each!(unsized_values::dynamic),
        "1000 trait objects of three types made, called, then dropped",
    ),
    Workload::new(
        "rc_graph",
        &[time("graph mutation")],
        each!(graph::graph),
        "a graph of 100 000 objects with two edges each, rewired at random",
    ),
    Workload::new(
        "rc_bytes_u64",
        &[figure("an object with a u64", "bytes", "bytes")],
        each!(bytes::bytes_u64),
        "memory of 4 million objects of 8 bytes",
    )
    .memory(192),
    Workload::new(
        "rc_bytes_24",
        &[figure("an object of 24 bytes", "bytes", "bytes")],
        each!(bytes::bytes_24),
        "memory of 4 million objects of 24 bytes",
    )
    .memory(256),
];
