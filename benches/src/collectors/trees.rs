//! Binary trees: made from the leaves up, visited, and dropped from the root down. Nothing in them changes, and there is no cycle.

use super::kinds::Collector;
use crate::meter::Meter;

/// Depth of the leaves; the root's is 0.
pub const DEPTH: u32 = 16;
/// Trees of a round.
pub const TREES: u64 = 8;
/// Nodes of all trees.
pub const NODES: u64 = TREES * ((2 << DEPTH) - 1);

/// A full tree.
fn grow<C: Collector>(depth: u32) -> C::Tree {
    let child = || depth.checked_sub(1).map(grow::<C>);
    C::tree([child(), child()])
}

/// Nodes of a tree, by a visit.
fn count<C: Collector>(tree: &C::Tree) -> u64 {
    let side = |child: &Option<C::Tree>| child.as_ref().map_or(0, count::<C>);
    let [left, right] = C::children(tree);
    1 + side(left) + side(right)
}

/// Trees made, walked, dropped.
pub fn trees<C: Collector>(meter: &mut Meter) {
    while meter.more() {
        let visited = meter.time(NODES, || -> u64 {
            let visited = (0..TREES)
                .map(|_| {
                    let nodes = count::<C>(&grow::<C>(DEPTH));
                    C::breathe(nodes);
                    nodes
                })
                .sum();
            if !C::COUNTS {
                C::collect();
            }
            visited
        });
        assert_eq!(visited, NODES, "a node was lost");
    }
}
