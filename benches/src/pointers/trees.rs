//! Binary trees: what is made and dropped together, but not in the same order.
//!
//! The nodes of `trees` have 16 bytes, two pointers. They are made from the leaves up, visited, and
//! dropped from the root down. The nodes of `parents` have a weak reference to their parent, too, in a
//! cell as it must be: a node is there before its parent is.

use std::cell::RefCell;

use super::kinds::{Pointer, Weakly};
use crate::meter::Meter;

/// Nodes of a full tree, whose root is at depth 0.
const fn nodes(depth: u32) -> u64 {
    (2 << depth) - 1
}

/// A node that knows what is below.
struct Tree<P: Pointer> {
    left: Option<P::To<Tree<P>>>,
    right: Option<P::To<Tree<P>>>,
}

impl<P: Pointer> Tree<P> {
    /// A full tree below and with this node.
    fn grow(depth: u32) -> P::To<Tree<P>> {
        let child = || depth.checked_sub(1).map(Tree::<P>::grow);
        P::new(Tree { left: child(), right: child() })
    }

    /// Nodes of the tree, by a visit.
    fn count(&self) -> u64 {
        let side = |child: &Option<P::To<Tree<P>>>| child.as_ref().map_or(0, |child| child.count());
        1 + side(&self.left) + side(&self.right)
    }
}

/// Trees made, walked, dropped.
pub fn trees<P: Pointer>(meter: &mut Meter) {
    const DEPTH: u32 = 16;
    const TREES: u64 = 8;
    const OPERATIONS: u64 = TREES * nodes(DEPTH);
    while meter.more() {
        let visited = meter.time(OPERATIONS, || -> u64 {
            (0..TREES).map(|_| Tree::<P>::grow(DEPTH).count()).sum()
        });
        assert_eq!(visited, OPERATIONS, "a node was lost");
    }
}

/// A node that knows what is below and what is above.
struct Branch<P: Weakly> {
    parent: RefCell<P::Weak<Branch<P>>>,
    children: [Option<P::To<Branch<P>>>; 2],
}

impl<P: Weakly> Branch<P> {
    /// A full tree below and with this node.
    fn grow(depth: u32) -> P::To<Branch<P>> {
        let child = || depth.checked_sub(1).map(Branch::<P>::grow);
        let children = [child(), child()];
        let branch = P::new(Branch { parent: RefCell::new(P::dangling()), children });
        let below: &[Option<P::To<Branch<P>>>; 2] = &branch.children;
        for child in below.iter().flatten() {
            *child.parent.borrow_mut() = P::downgrade(&branch);
        }
        branch
    }

    /// Nodes from the root to a leaf, by asking each for its parent.
    fn depth(&self) -> u32 {
        let parent = P::upgrade(&self.parent.borrow());
        1 + parent.map_or(0, |parent| parent.depth())
    }

    /// The leftmost leaf's depth.
    fn leftmost(&self) -> u32 {
        self.children[0].as_ref().map_or_else(|| self.depth(), |child| child.leftmost())
    }
}

/// Trees with parents made and dropped.
pub fn parents<P: Weakly>(meter: &mut Meter) {
    const DEPTH: u32 = 14;
    const TREES: u64 = 16;
    while meter.more() {
        meter.time(TREES * nodes(DEPTH), || {
            for _ in 0..TREES {
                assert_eq!(Branch::<P>::grow(DEPTH).leftmost(), DEPTH + 1, "a parent was lost");
            }
        });
    }
}
