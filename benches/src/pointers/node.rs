//! What several workloads of pointers share: an object.

use std::cell::RefCell;

use super::kinds::Pointer;

/// A node of a list: 24 bytes, of which the last eight may be a pointer to another.
pub struct Node<P: Pointer> {
    /// Something to carry, which no one reads.
    _value: u64,
    /// The node behind this one.
    pub next: RefCell<Option<P::To<Node<P>>>>,
}

impl<P: Pointer> Node<P> {
    /// A node with another behind it, or none.
    #[inline(always)]
    pub fn new(value: u64, next: Option<P::To<Node<P>>>) -> P::To<Node<P>> {
        P::new(Node { _value: value, next: RefCell::new(next) })
    }
}
