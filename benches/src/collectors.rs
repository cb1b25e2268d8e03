//! The workloads of the collectors of cycles: `neap::Gc` beside its peers.
//!
//! ```text
//!  kinds      Collector: what a workload asks of a collector
//!    ▲
//!  shapes     writes the objects' types and the implementation of Collector
//!    ▲
//!  peers      the collectors                       gc_arena    all workloads once more, in an arena
//!    ▲                                             cpython.py  all workloads once more, in Python
//!  create · counts · lists · cycles · beside · full · graph · trees · unattended · bytes · mix · tickets       the workloads
//! ```
//!
//! Each workload is written once, for any collector, and compiled for each that has pointers of its own. `neap::Gc` takes its
//! memory from neap's own pools; the others take it from the global allocator of the binary.

use crate::suite::{Measure, Subject, Suite, Workload, figure, time};

mod beside;
mod bytes;
mod counts;
mod create;
mod cycles;
mod full;
mod gc_arena;
mod graph;
mod kinds;
mod lists;
mod live;
mod mix;
mod pauses;
mod payload;
mod peers;
mod shapes;
mod tickets;
mod trees;
mod unattended;

use peers::{Bacon, Boa, Dumpster, Gcmodule, Jrsonnet, Manish, Neap, RustCc, Std};

/// The collectors' workloads and the collectors.
pub const SUITE: Suite = Suite { subject: "collector", subjects: &COLLECTORS, workloads: &ALL };

/// A collector that is a package.
const fn package(name: &'static str, title: &'static str, package: &'static str) -> Subject {
    Subject { name, title, package: Some(package) }
}

/// The collectors.
const COLLECTORS: [Subject; 10] = [
    package("neap", "neap::Gc", "neap"),
    package("dumpster", "dumpster", "dumpster"),
    package("gcmodule", "gcmodule", "gcmodule"),
    package("jrsonnet", "jrsonnet-gcmodule", "jrsonnet-gcmodule"),
    package("bacon", "bacon_rajan_cc", "bacon_rajan_cc"),
    package("rust-cc", "rust-cc", "rust-cc"),
    package("gc", "gc", "gc"),
    package("boa", "boa_gc", "boa_gc"),
    package("gc-arena", "gc-arena", "gc-arena"),
    Subject { name: "std", title: "std::rc::Rc", package: None },
];

/// A function compiled for each of [`COLLECTORS`], in that order: those of `Collector`, then what is said of gc-arena and of `std`.
macro_rules! each {
    ($module:ident :: $run:ident, $arena:expr, $std:expr) => {
        &[
            Some($module::$run::<Neap>),
            Some($module::$run::<Dumpster>),
            Some($module::$run::<Gcmodule>),
            Some($module::$run::<Jrsonnet>),
            Some($module::$run::<Bacon>),
            Some($module::$run::<RustCc>),
            Some($module::$run::<Manish>),
            Some($module::$run::<Boa>),
            $arena,
            $std,
        ]
    };
}

/// What is measured while nobody calls the collector.
const fn unattended_measures(title: &'static str) -> [Measure; 3] {
    [
        time(title),
        figure("RSS after 500 000 of them", "MiB", "rss_500k_mib"),
        figure("RSS after 5 million", "MiB", "rss_5m_mib"),
    ]
}

/// What is measured while garbage is counted.
const fn mix_measures(title: &'static str) -> [Measure; 4] {
    [
        time(title),
        figure("most that waited", "objects", "waiting"),
        figure("longest pause", "ms", "pause_ms"),
        figure("peak RSS", "MiB", "peak_mib"),
    ]
}

/// All workloads, in the order of the tables.
const ALL: [Workload; 34] = [
    Workload::new(
        "cc_create",
        &[time("create + drop, a u64")],
        each!(create::number, Some(gc_arena::number), Some(create::number::<Std>)),
        "one pointer to a u64, made and dropped",
    ),
    Workload::new(
        "cc_create_node",
        &[time("create + drop, a Node")],
        each!(create::node, Some(gc_arena::single), Some(create::node::<Std>)),
        "one object that could be in a cycle, made and dropped",
    ),
    Workload::new(
        "cc_clone_hot",
        &[time("clone + drop, hot, a u64")],
        each!(counts::hot_number, None, Some(counts::hot_number::<Std>)),
        "one number cloned, the clone dropped",
    ),
    Workload::new(
        "cc_clone_hot_node",
        &[time("clone + drop, hot, a Node")],
        each!(counts::hot_node, None, Some(counts::hot_node::<Std>)),
        "one object that could be in a cycle cloned, the clone dropped",
    ),
    Workload::new(
        "cc_clone_shuffled",
        &[time("clone + drop, 1M shuffled, u64s")],
        each!(counts::shuffled_number, None, Some(counts::shuffled_number::<Std>)),
        "a million numbers cloned in random order, each clone dropped at once",
    )
    .memory(128),
    Workload::new(
        "cc_clone_shuffled_node",
        &[time("clone + drop, 1M shuffled, Nodes")],
        each!(counts::shuffled_node, None, Some(counts::shuffled_node::<Std>)),
        "the same with objects that could be in cycles",
    )
    .memory(128),
    Workload::new(
        "cc_list",
        &[time("list of 100 000")],
        each!(lists::list, Some(gc_arena::list), Some(lists::list::<Std>)),
        "a list of 100 000 nodes made and dropped, on a stack of 256 MiB",
    )
    .memory(128),
    Workload::new(
        "cc_selves",
        &[
            time("self-cycles, made to reclaimed"),
            figure("of which the last collection", "ns", "last_collection"),
        ],
        each!(cycles::selves, Some(gc_arena::selves), None),
        "objects that hold themselves, made, dropped, collected",
    ),
    Workload::new(
        "cc_pairs",
        &[
            time("pairs, made to reclaimed"),
            figure("of which the last collection", "ns", "last_collection"),
        ],
        each!(cycles::pairs, Some(gc_arena::pairs), None),
        "pairs of objects that hold each other, made, dropped, collected",
    ),
    Workload::new(
        "cc_rings",
        &[
            time("rings of 1000, made to reclaimed"),
            figure("of which the last collection", "ns", "last_collection"),
        ],
        each!(cycles::rings, Some(gc_arena::rings), None),
        "rings of 1000 objects made, dropped, collected",
    ),
    Workload::new(
        "cc_small_1m",
        &[
            time("small garbage beside 1M live"),
            figure("its longest pause", "ms", "pause_ms"),
            figure("kept of the garbage's bytes", "×", "kept"),
        ],
        each!(beside::small_1m, Some(gc_arena::small_1m), Some(beside::small_1m_acyclic::<Std>)),
        "pairs of objects that hold each other, made and dropped beside a live graph of a million",
    )
    .memory(256)
    .dear(),
    Workload::new(
        "cc_small_5m",
        &[
            time("small garbage beside 5M live"),
            figure("its longest pause", "ms", "pause_ms"),
            figure("kept of the garbage's bytes", "×", "kept"),
        ],
        each!(beside::small_5m, Some(gc_arena::small_5m), Some(beside::small_5m_acyclic::<Std>)),
        "the same beside five million",
    )
    .memory(1024)
    .dear(),
    Workload::new(
        "cc_liveedge",
        &[
            time("garbage that points at 1M live"),
            figure("its longest pause", "ms", "pause_ms"),
            figure("kept of the garbage's bytes", "×", "kept"),
        ],
        each!(beside::edges, Some(gc_arena::edges), Some(beside::edges_acyclic::<Std>)),
        "pairs that hold each other, one of which points into a live graph of a million",
    )
    .memory(256)
    .dear(),
    Workload::new(
        "cc_full",
        &[time("full collection of 1M live, each suspect")],
        each!(full::graph, Some(gc_arena::full), None),
        "a full collection of a random live graph of a million objects that all lost a reference",
    )
    .memory(256)
    .dear(),
    Workload::new(
        "cc_full_shuffled",
        &[time("the same, suspect in random order")],
        each!(full::graph_shuffled, None, None),
        "the same, the references lost in random order",
    )
    .memory(256)
    .dear(),
    Workload::new(
        "cc_idle",
        &[figure("collection with 10M live, nothing lost", "µs", "collection_us")],
        each!(full::idle, Some(gc_arena::idle), None),
        "a full collection beside 10 million objects of which none lost a reference",
    )
    .memory(1024)
    .dear(),
    Workload::new(
        "cc_graph",
        &[time("graph mutation")],
        each!(graph::graph, Some(gc_arena::graph), Some(graph::graph::<Std>)),
        "a graph of 100 000 objects with two edges each, rewired at random",
    ),
    Workload::new(
        "cc_trees",
        &[time("binary trees")],
        each!(trees::trees, Some(gc_arena::trees), Some(trees::trees::<Std>)),
        "binary trees of depth 16 made, walked, dropped",
    ),
    Workload::new(
        "cc_surprise",
        &unattended_measures("lists of 5000 that point at a live one"),
        each!(unattended::surprise, Some(gc_arena::surprise), None),
        "5M objects in doubly linked lists of 5000, each pointing at a live list of 10 000",
    )
    .memory(512)
    .dear(),
    Workload::new(
        "cc_5m_selves",
        &unattended_measures("5M self-cycles"),
        each!(unattended::selves, Some(gc_arena::unattended_selves), None),
        "5M objects that hold themselves; collection is automatic",
    )
    .memory(256)
    .dear(),
    Workload::new(
        "cc_5m_pairs",
        &unattended_measures("5M in pairs"),
        each!(unattended::pairs, Some(gc_arena::unattended_pairs), None),
        "5M objects that hold each other; collection is automatic",
    )
    .memory(256)
    .dear(),
    Workload::new(
        "cc_hub",
        &unattended_measures("5M in pairs that point at a hub"),
        each!(unattended::hub, Some(gc_arena::hub), None),
        "5M objects that hold each other and one that lives; collection is automatic",
    )
    .memory(512)
    .dear(),
    Workload::new(
        "cc_bytes_u64",
        &[figure("an object with a u64", "bytes", "bytes")],
        each!(bytes::number, Some(gc_arena::bytes_number), Some(bytes::number::<Std>)),
        "memory of 4 million objects of 8 bytes",
    )
    .memory(320)
    .dear(),
    Workload::new(
        "cc_bytes_node",
        &[figure("an object that is a Node", "bytes", "bytes")],
        each!(bytes::node, Some(gc_arena::bytes_node), Some(bytes::node::<Std>)),
        "memory of 4 million objects of 24 bytes",
    )
    .memory(480)
    .dear(),
    Workload::new(
        "cc_dll",
        &[time("doubly linked list of 5M, dropped and collected")],
        each!(lists::linked, Some(gc_arena::long_linked), None),
        "a doubly linked list of 5 million nodes let go of and collected",
    )
    .memory(512)
    .dear(),
    Workload::new(
        "cc_mix_small",
        &mix_measures("cycles of 10, 100 live"),
        each!(mix::small, Some(gc_arena::mix_small), None),
        "rings of 10 beside 100 live objects that are replaced",
    )
    .dear(),
    Workload::new(
        "cc_mix_middle",
        &mix_measures("cycles of 10, 30 000 live"),
        each!(mix::middle, Some(gc_arena::mix_middle), None),
        "rings of 10 beside 30 000 live objects that are replaced",
    )
    .dear(),
    Workload::new(
        "cc_mix_heavy",
        &mix_measures("cycles of 10 with 10 kB, 10 000 live"),
        each!(mix::heavy, Some(gc_arena::mix_heavy), None),
        "rings of 10 with 10 kB each beside 10 000 live objects that are replaced",
    )
    .memory(512)
    .dear(),
    Workload::new(
        "cc_mix_heavier",
        &mix_measures("cycles of 100 with 100 kB, 30 000 live"),
        each!(mix::heavier, Some(gc_arena::mix_heavier), None),
        "rings of 100 with 100 kB each beside 30 000 live objects that are replaced",
    )
    .memory(512)
    .dear(),
    Workload::new(
        "cc_mix_growing",
        &mix_measures("cycles of 10 with 1 kB, a heap that grows to 200 000"),
        each!(mix::growing, Some(gc_arena::mix_growing), None),
        "rings of 10 with 1 kB each beside a heap that grows to 200 000 objects",
    )
    .memory(256)
    .dear(),
    Workload::new(
        "cc_keys",
        &[time("a map that grows to 2M tuples"), figure("peak RSS", "MiB", "peak_mib")],
        each!(tickets::keys, Some(gc_arena::keys), Some(tickets::keys::<Std>)),
        "2 million pairs of pointers put into a map; nothing dies",
    )
    .memory(512)
    .dear(),
    Workload::new(
        "cc_tuples",
        &[time("a list that grows to 15M tuples"), figure("peak RSS", "MiB", "peak_mib")],
        each!(tickets::tuples, Some(gc_arena::tuples), Some(tickets::tuples::<Std>)),
        "15 million pairs of pointers put into a list; nothing dies",
    )
    .memory(1024)
    .dear(),
    Workload::new(
        "cc_waiting",
        &mix_measures("cycles of 10, 1000 live"),
        each!(tickets::waiting, Some(gc_arena::waiting), None),
        "rings of 10 one after another: how many objects wait at most",
    )
    .dear(),
    Workload::new(
        "cc_requests",
        &mix_measures("requests of 20 objects with 64 KiB"),
        each!(tickets::requests, Some(gc_arena::requests), None),
        "20 000 requests, each a cycle of 20 objects with 64 KiB; the last 100 are kept",
    )
    .memory(512)
    .dear(),
];
