//! Two lock-free lists of things that have a number: pools and heaps.
//!
//! Neither owns memory. A node is named by a [`UnitId`], and its one link field lies in the node's
//! own descriptor, found through [`Links`]. Descriptors never go away while the process lives, so a
//! link may be read even when its node was taken by somebody else meanwhile; what was read
//! is then thrown away (S2).
//!
//! ```text
//!   Inbox   head ──► node ──► node ──► 0        push one, take all (no ABA: nobody pops one)
//!   Stack   tag·head ──► node ──► node ──► 0    push one, pop one (the tag changes with each pop)
//! ```
//!
//! - **S1**: a node is on at most one list at a time, and its link field belongs to that list.
//! - **S2**: `Stack::pop` may read the link of a node that is no longer first; the tag then differs
//!   and its exchange fails: a node is first again only after a pop. The tag has 32 bits: it would have to wrap
//!   within one `pop`.
//!
//! Which test of `tests/loom.rs` fails when an ordering or a step is missing (each was tried):
//!
//! | without | fails |
//! |---|---|
//! | Release in [`Inbox::push`]; Acquire in `take_all` | `inbox_hands_over_every_node_whole` |
//! | the link read before its node is visited | `inbox_nodes_may_come_back_while_it_is_read` |
//! | Release in [`Stack::push`]; either Acquire in `pop` | `stack_hands_each_node_to_one` |
//! | S2: the tag | `stack_notices_a_top_that_came_back` |
//!
//! Source: R. K. Treiber, *Systems Programming: Coping with Parallelism*, IBM RJ 5118, 1986.

use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::units::UnitId;

/// Finds the link field of a node.
pub trait Links {
    /// The link field of `node`: the raw [`UnitId`] of the next node, or 0.
    fn link(&self, node: UnitId) -> &AtomicU32;
}

/// Push one, take all.
#[derive(Debug)]
pub struct Inbox {
    head: AtomicU32,
}

impl Inbox {
    /// An empty inbox. (A heap's own begins as zeroes, which is the same.)
    #[cfg(any(test, neap_loom))]
    pub fn new() -> Self {
        Inbox { head: AtomicU32::new(0) }
    }

    /// Whether there is nothing to take, as far as can be told without synchronisation.
    pub fn looks_empty(&self) -> bool {
        // Relaxed: a hint; a node that is missed is found the next time.
        self.head.load(Ordering::Relaxed) == 0
    }

    /// Puts `node`, which is on no list (S1), in front.
    pub fn push(&self, links: &impl Links, node: UnitId) {
        let link = links.link(node);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link.store(head, Ordering::Relaxed);
            // ORDERING: Release publishes the link, and what the pusher wrote about the node
            // before; pairs with the Acquire in `take_all`.
            match self.head.compare_exchange_weak(
                head,
                node.get(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes every node; `visit` is called with each, after its link was read, so that it may put
    /// the node on a list again.
    pub fn take_all(&self, links: &impl Links, mut visit: impl FnMut(UnitId)) {
        // ORDERING: Acquire pairs with the Release in `push`: links and nodes are seen whole.
        // (Pushes in between are read-modify-writes, so they carry the release sequence on.)
        let mut next = self.head.swap(0, Ordering::Acquire);
        while let Some(node) = UnitId::new(next) {
            next = links.link(node).load(Ordering::Relaxed);
            visit(node);
        }
    }
}

/// Push one, pop one.
#[derive(Debug)]
pub struct Stack {
    /// Low half: the first node or 0. High half: the tag, one more with each pop.
    head: AtomicU64,
}

const TAG_STEP: u64 = 1 << 32;
const NODE_MASK: u64 = TAG_STEP - 1;

impl Stack {
    /// An empty stack.
    #[cfg(not(neap_loom))]
    pub const fn new() -> Self {
        Stack { head: AtomicU64::new(0) }
    }

    /// An empty stack.
    #[cfg(neap_loom)]
    pub fn new() -> Self {
        Stack { head: AtomicU64::new(0) }
    }

    /// Whether there is nothing to pop, as far as can be told without synchronisation.
    pub fn looks_empty(&self) -> bool {
        // Relaxed: a hint, as in `Inbox::looks_empty`.
        self.head.load(Ordering::Relaxed) & NODE_MASK == 0
    }

    /// Puts `node`, which is on no list (S1), on top.
    pub fn push(&self, links: &impl Links, node: UnitId) {
        let link = links.link(node);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link.store((head & NODE_MASK) as u32, Ordering::Relaxed);
            let new = head & !NODE_MASK | u64::from(node.get());
            // ORDERING: Release publishes the link and the node; pairs with the Acquire in `pop`.
            match self.head.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes the top node.
    pub fn pop(&self, links: &impl Links) -> Option<UnitId> {
        // ORDERING: Acquire here and on failure pairs with the Release in `push`: the link read next, and
        // the node with all that its pusher wrote, if it will be ours.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let node = UnitId::new((head & NODE_MASK) as u32)?;
            let next = links.link(node).load(Ordering::Relaxed);
            let new = (head & !NODE_MASK).wrapping_add(TAG_STEP) | u64::from(next);
            // Relaxed when it succeeds: what is there is what was acquired above, by the tag. (S2: were
            // `next` stale, the tag would have moved and this fails.)
            match self.head.compare_exchange_weak(head, new, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return Some(node),
                Err(seen) => head = seen,
            }
        }
    }
}

#[cfg(neap_loom)]
impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(neap_loom)]
impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(neap_loom)))]
mod tests;
