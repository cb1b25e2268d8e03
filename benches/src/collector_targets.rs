//! What `neap::Gc` is to reach.
//!
//! It is set against the best of its peers, each of which is taken in the program with the best allocator for it: once among all, neap's
//! included, and once on another allocator than neap's, which is what a program has that does not use neap at all. CPython has no part
//! in ratios of time: its times are those of an interpreter.

use crate::targets::{Against, Place, Target};

/// Those that free by counting and collect cycles.
const COUNTING: &[&str] = &["dumpster", "gcmodule", "jrsonnet", "bacon", "rust-cc"];
/// Those whose pointers can be kept anywhere.
const ANYWHERE: &[&str] = &["dumpster", "gcmodule", "jrsonnet", "bacon", "rust-cc", "gc", "boa"];
/// All collectors but ours.
const PEERS: &[&str] =
    &["dumpster", "gcmodule", "jrsonnet", "bacon", "rust-cc", "gc", "boa", "gc-arena"];
/// The one whose pointers stay in an arena.
const ARENA: &[&str] = &["gc-arena"];
/// What counts and does not collect.
const STD: &[&str] = &["std"];

/// A target.
const fn target(title: &'static str, place: Place, against: Against, limit: f64) -> Target {
    Target { title, place, against, limit: Some(limit) }
}

/// A ratio to the best of these.
const fn ratio(
    title: &'static str,
    workload: &'static str,
    others: &'static [&'static str],
    limit: f64,
) -> Target {
    target(title, (workload, 0), Against::Twice(others), limit)
}

/// The same for information.
const fn aside(
    title: &'static str,
    workload: &'static str,
    others: &'static [&'static str],
) -> Target {
    Target { title, place: (workload, 0), against: Against::Twice(others), limit: None }
}

/// A longest pause in ms, less what `std::rc::Rc` shows. It is the second measure of its workload.
const fn pause(title: &'static str, workload: &'static str) -> Target {
    target(title, (workload, 1), Against::Excess("std"), 1.0)
}

/// Memory after five million objects by that after 500 000: the third measure and the second.
const fn growth(title: &'static str, workload: &'static str) -> Target {
    target(title, (workload, 2), Against::Own((workload, 1)), 1.2)
}

/// Memory after five million objects, by the best peer's.
const fn memory(title: &'static str, workload: &'static str) -> Target {
    target(title, (workload, 2), Against::Twice(PEERS), 1.1)
}

/// A figure.
const fn figure(title: &'static str, workload: &'static str, limit: f64) -> Target {
    target(title, (workload, 0), Against::Nothing, limit)
}

/// All targets, in the order of the table.
pub const TARGETS: [Target; 35] = [
    ratio("create + drop, a u64", "cc_create", PEERS, 0.6),
    ratio("create + drop, a Node", "cc_create_node", PEERS, 0.6),
    ratio("clone + drop, hot, a u64, to Rc", "cc_clone_hot", STD, 1.0),
    ratio("clone + drop, hot, a Node, to Rc", "cc_clone_hot_node", STD, 1.0),
    ratio("clone + drop, shuffled, u64s, to Rc", "cc_clone_shuffled", STD, 1.2),
    ratio("clone + drop, shuffled, Nodes, to Rc", "cc_clone_shuffled_node", STD, 1.2),
    aside("list of 100 000", "cc_list", PEERS),
    aside("self-cycles, to the best that counts", "cc_selves", COUNTING),
    ratio("pairs, to the best that counts", "cc_pairs", COUNTING, 0.5),
    ratio("pairs, to gc-arena", "cc_pairs", ARENA, 1.3),
    ratio("rings, to the best that counts", "cc_rings", COUNTING, 0.5),
    ratio("rings, to gc-arena", "cc_rings", ARENA, 1.3),
    ratio("small garbage beside 1M", "cc_small_1m", PEERS, 0.6),
    pause("its longest pause, ms more than Rc", "cc_small_1m"),
    ratio("small garbage beside 5M", "cc_small_5m", PEERS, 0.6),
    pause("its longest pause, ms more than Rc", "cc_small_5m"),
    ratio("garbage that points at 1M live", "cc_liveedge", ANYWHERE, 0.2),
    aside("the same, to gc-arena", "cc_liveedge", ARENA),
    pause("its longest pause, ms more than Rc", "cc_liveedge"),
    ratio("full collection of 1M live", "cc_full", PEERS, 0.5),
    aside("the same, suspect in random order", "cc_full_shuffled", PEERS),
    figure("nothing lost a reference, 10M live, µs", "cc_idle", 50.0),
    ratio("graph mutation", "cc_graph", PEERS, 0.8),
    ratio("binary trees", "cc_trees", PEERS, 0.8),
    growth("lists that point at a live one: growth", "cc_surprise"),
    memory("their RSS after 5M", "cc_surprise"),
    growth("self-cycles: growth", "cc_5m_selves"),
    memory("their RSS after 5M", "cc_5m_selves"),
    growth("pairs: growth", "cc_5m_pairs"),
    memory("their RSS after 5M", "cc_5m_pairs"),
    growth("pairs that point at a hub: growth", "cc_hub"),
    memory("their RSS after 5M", "cc_hub"),
    figure("bytes of an object with a u64", "cc_bytes_u64", 16.5),
    figure("bytes of a Node", "cc_bytes_node", 33.0),
    ratio("doubly linked list of 5M, dropped", "cc_dll", COUNTING, 0.5),
];
