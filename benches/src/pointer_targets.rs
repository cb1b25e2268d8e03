//! What `neap::Rc` is to reach.
//!
//! It takes its memory from neap's pools on each allocator, so its figures are the same but for chance. They are set against
//! the best of the other pointers on whichever allocator that is, and, as a second
//! reading, on an allocator that is not neap's: what a program has that does not use neap at all.

use crate::targets::{Against, Target};

/// The names of the others.
const STD: &str = "std";
const TRIOMPHE: &str = "triomphe";

/// A ratio to the best `std::rc::Rc`.
const fn to_std(title: &'static str, workload: &'static str, limit: Option<f64>) -> Target {
    Target { title, place: (workload, 0), against: Against::Twice(&[STD]), limit }
}

/// All targets, in the order of the table.
pub const TARGETS: [Target; 15] = [
    to_std("create + drop", "rc_create", Some(0.6)),
    to_std("create + drop, 1000 live", "rc_create_batch", Some(0.6)),
    to_std("clone + drop, hot", "rc_clone_hot", Some(1.0)),
    to_std("clone + drop, hot, with a Weak", "rc_clone_hot_weak", Some(1.0)),
    to_std("clone + drop, 1M shuffled", "rc_clone_shuffled", Some(1.0)),
    to_std("clone + drop, 1M shuffled, with Weaks", "rc_clone_shuffled_weak", Some(1.0)),
    to_std("downgrade + drop", "rc_downgrade", Some(1.2)),
    to_std("downgrade + drop, with another Weak", "rc_downgrade_held", Some(1.2)),
    to_std("create + first downgrade + drop", "rc_downgrade_first", None),
    to_std("upgrade + drop", "rc_upgrade", Some(1.2)),
    to_std("list of 100 000", "rc_list", Some(0.8)),
    Target {
        title: "binary trees",
        place: ("rc_trees", 0),
        against: Against::Twice(&[STD, TRIOMPHE]),
        limit: Some(0.8),
    },
    Target {
        title: "bytes of an object with a u64",
        place: ("rc_bytes_u64", 0),
        against: Against::Nothing,
        limit: Some(16.5),
    },
    Target {
        title: "bytes of an object of 24 bytes",
        place: ("rc_bytes_24", 0),
        against: Against::Nothing,
        limit: Some(33.0),
    },
    Target {
        title: "list of 10M dropped ÷ one by one",
        place: ("rc_long_list", 0),
        against: Against::Own(("rc_long_list", 1)),
        limit: Some(1.5),
    },
];
