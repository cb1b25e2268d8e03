//! What `neap::Gc` is to reach.
//!
//! It is set against the best of its peers, each of which is taken in the program with the best allocator for it. CPython has
//! no part in ratios: its times are those of an interpreter.

use crate::targets::{Against, Target};

/// Those that free by counting and collect cycles.
const COUNTING: &[&str] = &["dumpster", "gcmodule", "jrsonnet", "bacon", "rust-cc"];
/// All collectors but ours.
const PEERS: &[&str] =
    &["dumpster", "gcmodule", "jrsonnet", "bacon", "rust-cc", "gc", "boa", "gc-arena"];
const ARENA: &[&str] = &["gc-arena"];
const STD: &[&str] = &["std"];

/// A ratio to the best of these.
const fn ratio(
    title: &'static str,
    workload: &'static str,
    others: &'static [&'static str],
    limit: f64,
) -> Target {
    Target { title, place: (workload, 0), against: Against::Best(others), limit: Some(limit) }
}

/// A longest pause in ms, less what `std::rc::Rc` shows. It is the second measure of its workload.
const fn pause(title: &'static str, workload: &'static str) -> Target {
    Target { title, place: (workload, 1), against: Against::Excess("std"), limit: Some(1.0) }
}

/// All targets, in the order of the table.
pub const TARGETS: [Target; 21] = [
    ratio("create + drop, a u64", "cc_create", PEERS, 0.6),
    ratio("create + drop, a Node", "cc_create_node", PEERS, 0.6),
    ratio("clone + drop, hot, a u64, to Rc", "cc_clone_hot", STD, 1.0),
    ratio("clone + drop, hot, a Node, to Rc", "cc_clone_hot_node", STD, 1.0),
    ratio("clone + drop, shuffled, u64s, to Rc", "cc_clone_shuffled", STD, 1.2),
    ratio("clone + drop, shuffled, Nodes, to Rc", "cc_clone_shuffled_node", STD, 1.2),
    ratio("self-cycles, to the best that counts", "cc_selves", COUNTING, 0.5),
    ratio("pairs, to the best that counts", "cc_pairs", COUNTING, 0.5),
    ratio("pairs, to gc-arena", "cc_pairs", ARENA, 1.3),
    ratio("rings, to the best that counts", "cc_rings", COUNTING, 0.5),
    ratio("rings, to gc-arena", "cc_rings", ARENA, 1.3),
    ratio("small garbage beside 1M", "cc_small_1m", PEERS, 0.6),
    pause("its longest pause, ms more than Rc", "cc_small_1m"),
    ratio("small garbage beside 5M", "cc_small_5m", PEERS, 0.6),
    pause("its longest pause, ms more than Rc", "cc_small_5m"),
    ratio("garbage that points at 1M live", "cc_liveedge", PEERS, 0.2),
    pause("its longest pause, ms more than Rc", "cc_liveedge"),
    ratio("full collection of 1M live", "cc_full", PEERS, 0.5),
    Target {
        title: "nothing lost a reference, 10M live, µs",
        place: ("cc_idle", 0),
        against: Against::Nothing,
        limit: Some(50.0),
    },
    ratio("graph mutation", "cc_graph", PEERS, 0.8),
    ratio("binary trees", "cc_trees", PEERS, 0.8),
];
