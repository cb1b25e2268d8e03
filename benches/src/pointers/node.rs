//! What several workloads of pointers share: an object, and a stack to drop many of them on.

use std::cell::RefCell;
use std::thread;

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

/// Runs on a thread whose stack has so many bytes, or not at all, where the system does not give them.
/// They are addresses only, until they are used.
pub fn on_stack(bytes: usize, run: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(bytes).spawn_scoped(scope, run);
        if let Err(reason) = thread {
            eprintln!("left out, for want of a stack of {} MiB: {reason}", bytes >> 20);
        }
    });
}
