//! A plugin that makes objects of its own types in the collector of the program.

use far_shared::neap::Gc;
use far_shared::neap::gc::{Erased, Trace, Tracer};
use far_shared::{Node, Plugin, Weight};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// So much lies behind the constants that they are far from what the system puts above: the shared library.
static FAR: [AtomicU64; 5 << 20] = [const { AtomicU64::new(0) }; 5 << 20];

struct There;

impl Weight for There {
    const WEIGHT: usize = 100;
}

/// An element of a slice.
struct Edge(Erased);

// SAFETY: it is visited, once.
unsafe impl Trace for Edge {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

fn node() -> Erased {
    Gc::new(Node { edges: RefCell::default(), weight: There }).into()
}

fn slice(edges: Vec<Erased>) -> Erased {
    let made = FAR[edges.len()].fetch_add(1, Ordering::Relaxed);
    let slice: Gc<[Edge]> = edges.into_iter().map(Edge).collect();
    // A `Gc` of a slice takes two words, an object that holds one a word.
    Gc::new((slice, Box::new(made))).into()
}

fn hold(from: &Erased, to: Erased) -> bool {
    let node = from.downcast_ref::<Node<There>>();
    node.inspect(|node| node.edges.borrow_mut().push(to)).is_some()
}

fn place() -> usize {
    static PLACE: u8 = 1;
    (&raw const PLACE).addr()
}

#[unsafe(no_mangle)]
pub static PLUGIN: Plugin = Plugin { node, slice, hold, place };
