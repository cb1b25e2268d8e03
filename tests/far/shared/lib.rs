//! neap, as a library that a program and its plugins share.

pub use neap;

use neap::gc::{Erased, Trace, Tracer};
use std::cell::{Cell, RefCell};

thread_local! {
    /// What was dropped, and finalized.
    static SEEN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// What was dropped and finalized on this thread since the last question, counted by weight.
pub fn seen() -> (usize, usize) {
    SEEN.take()
}

/// A node of a graph: each `W` is a type of the library that names it.
pub struct Node<W: Weight> {
    pub edges: RefCell<Vec<Erased>>,
    pub weight: W,
}

/// What a node counts for when it ends.
pub trait Weight: 'static {
    const WEIGHT: usize;
}

// SAFETY: all edges are visited, once.
unsafe impl<W: Weight> Trace for Node<W> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
    }

    fn finalizer() -> Option<fn(&Self)> {
        Some(|_| SEEN.set((SEEN.get().0, SEEN.get().1 + W::WEIGHT)))
    }
}

impl<W: Weight> Drop for Node<W> {
    fn drop(&mut self) {
        SEEN.set((SEEN.get().0 + W::WEIGHT, SEEN.get().1));
    }
}

/// A node of one of this library's types.
pub struct Here;

impl Weight for Here {
    const WEIGHT: usize = 1;
}

/// A node, and a slice, of types of this library.
#[inline(never)]
pub fn here() -> [neap::Gc<Node<Here>>; 1] {
    [neap::Gc::new(Node { edges: RefCell::default(), weight: Here })]
}

/// Where this library's constants lie, about.
#[inline(never)]
pub fn place() -> usize {
    static PLACE: u8 = 1;
    (&raw const PLACE).addr()
}

/// What a plugin gives the program.
pub struct Plugin {
    pub node: fn() -> Erased,
    pub slice: fn(Vec<Erased>) -> Erased,
    pub hold: fn(&Erased, Erased) -> bool,
    pub place: fn() -> usize,
}
