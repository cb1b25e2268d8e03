//! What a Rust program does most: vectors that grow, maps of strings, boxes that own boxes.
//!
//! `vecgrow` is `realloc`: doubling from 32 bytes to 8 MiB, in place, by moving pages or by copying.
//! `strings` makes 200 000 keys of 6 to 24 bytes and puts them into a `HashMap`, and copies of them into a
//! `BTreeMap`; finds each in both; drops both. Hashing and comparing are part of its time, the same for all.
//! `trees` builds one tree of depth 18 that stays, and beside it trees of depth 4, 6, … 18, as many of each
//! depth as make 2¹⁹ nodes, each visited and dropped before the next.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;

use crate::meter::Meter;
use crate::random::Random;

/// Twelve vectors, one after another, pushed to a million elements.
pub fn vecgrow(meter: &mut Meter) {
    const VECTORS: u64 = 12;
    const PUSHES: u64 = 1_000_000;
    while meter.more() {
        meter.time(VECTORS * PUSHES, || {
            for _ in 0..VECTORS {
                let mut vector: Vec<u64> = Vec::new();
                for i in 0..PUSHES {
                    vector.push(i);
                }
                black_box(vector.as_slice());
            }
        });
    }
}

/// Two maps of 200 000 strings built, searched and dropped.
pub fn strings(meter: &mut Meter) {
    const STRINGS: u64 = 200_000;
    while meter.more() {
        meter.time(STRINGS, || {
            // Not the map's own random keys: every run is to meet the same collisions.
            let mut hashed: HashMap<String, u64, BuildHasherDefault<DefaultHasher>> =
                HashMap::default();
            let mut sorted: BTreeMap<String, u64> = BTreeMap::new();
            let mut random = Random::new(8);
            for i in 0..STRINGS {
                let key = key(&mut random);
                sorted.insert(key.clone(), i);
                hashed.insert(key, i);
            }
            let found: u64 = hashed.keys().filter_map(|key| sorted.get(key.as_str())).sum();
            let found_too: u64 = sorted.keys().filter_map(|key| hashed.get(key.as_str())).sum();
            assert_eq!(found, found_too, "the maps differ");
        });
    }
}

/// A string of 6 to 24 letters, pushed one by one as a tokeniser would.
fn key(random: &mut Random) -> String {
    let mut key = String::new();
    let mut bits = random.bits();
    for _ in 0..random.between(6, 24) {
        key.push(char::from(b'a' + (bits % 26) as u8));
        bits = bits.rotate_right(7);
    }
    key
}

/// A node of a binary tree.
struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

impl Node {
    /// A full tree below and with this node.
    fn grow(depth: u32) -> Box<Node> {
        let child = || depth.checked_sub(1).map(Node::grow);
        Box::new(Node { left: child(), right: child() })
    }

    /// Nodes of the tree, by a visit.
    fn count(&self) -> u64 {
        let side = |child: &Option<Box<Node>>| child.as_ref().map_or(0, |child| child.count());
        1 + side(&self.left) + side(&self.right)
    }
}

/// A tree of depth 18 that stays, and many that do not.
pub fn trees(meter: &mut Meter) {
    const DEPTH: u32 = 18;
    /// Nodes of a full tree, whose root is at depth 0.
    const fn nodes(depth: u32) -> u64 {
        (2 << depth) - 1
    }
    let depths = || (4..=DEPTH).step_by(2);
    let trees = |depth: u32| 1u64 << (DEPTH - depth);
    let operations = nodes(DEPTH) + depths().map(|depth| trees(depth) * nodes(depth)).sum::<u64>();
    while meter.more() {
        let visited = meter.time(operations, || {
            let stays = Node::grow(DEPTH);
            let mut visited = 0;
            for depth in depths() {
                for _ in 0..trees(depth) {
                    visited += Node::grow(depth).count();
                }
            }
            visited + stays.count()
        });
        assert_eq!(visited, operations, "a node was lost");
    }
}
