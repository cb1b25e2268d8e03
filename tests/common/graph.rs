//! Objects of the collector for tests: nodes that hold each other, say when they are finalized and dropped, and do what
//! a test wants at that moment.

use neap::Gc;
use neap::gc::{Trace, Tracer};
use std::cell::{Cell, RefCell};

/// What a node does at some moment.
pub type Hook<T> = RefCell<Option<Box<dyn Fn(&T)>>>;

/// A node of a graph; with a finalizer if `FINAL`. What its hooks capture is not traced.
pub struct Node<const FINAL: bool = false> {
    /// Its name.
    pub id: usize,
    /// What it holds.
    pub edges: RefCell<Vec<Gc<Node<FINAL>>>>,
    /// Called by `trace`, before edges are visited.
    pub on_trace: Cell<Option<fn(usize)>>,
    /// Called by the finalizer.
    pub on_finalize: Hook<Node<FINAL>>,
    /// Called by `Drop`.
    pub on_drop: Hook<Node<FINAL>>,
}

/// A node with a finalizer.
pub type Final = Node<true>;

// SAFETY: all edges are visited, once. (What the tests' hooks do is theirs to answer for.)
unsafe impl<const FINAL: bool> Trace for Node<FINAL> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Some(hook) = self.on_trace.get() {
            hook(self.id);
        }
        self.edges.trace(tracer);
    }

    fn finalizer() -> Option<fn(&Self)> {
        FINAL.then_some(|node: &Self| {
            let _ = FINALIZED.try_with(|all| all.borrow_mut().push(node.id));
            let hook = node.on_finalize.borrow();
            if let Some(hook) = &*hook {
                hook(node);
            }
        })
    }
}

impl<const FINAL: bool> Drop for Node<FINAL> {
    fn drop(&mut self) {
        // Late destructors of a thread have no list any more.
        let _ = DROPPED.try_with(|all| all.borrow_mut().push(self.id));
        if let Some(hook) = self.on_drop.take() {
            hook(self);
        }
    }
}

thread_local! {
    static DROPPED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    static FINALIZED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Who was dropped on this thread since the last question, in order of their names.
pub fn dropped() -> Vec<usize> {
    let mut all = DROPPED.take();
    all.sort_unstable();
    all
}

/// Who was finalized on this thread since the last question, in order of their names.
pub fn finalized() -> Vec<usize> {
    let mut all = FINALIZED.take();
    all.sort_unstable();
    all
}

/// A node without edges.
pub fn new<const FINAL: bool>(id: usize) -> Gc<Node<FINAL>> {
    Gc::new(Node {
        id,
        edges: RefCell::default(),
        on_trace: Cell::default(),
        on_finalize: RefCell::default(),
        on_drop: RefCell::default(),
    })
}

/// A node without a finalizer.
pub fn node(id: usize) -> Gc<Node> {
    new(id)
}

/// Lets one hold the other.
pub fn link<const FINAL: bool>(from: &Gc<Node<FINAL>>, to: &Gc<Node<FINAL>>) {
    from.edges.borrow_mut().push(to.clone());
}

/// Nodes named from 0 on, each of which holds the next, and the last the first.
pub fn ring_of<const FINAL: bool>(len: usize) -> Vec<Gc<Node<FINAL>>> {
    let all: Vec<_> = (0..len).map(new).collect();
    for i in 0..len {
        link(&all[i], &all[(i + 1) % len]);
    }
    all
}

/// The same of nodes without a finalizer.
pub fn ring(len: usize) -> Vec<Gc<Node>> {
    ring_of(len)
}

/// Sets a hook.
pub fn set<T>(hook: &Hook<T>, work: impl Fn(&T) + 'static) {
    *hook.borrow_mut() = Some(Box::new(work));
}

/// The target of the first edge.
pub fn first<const FINAL: bool>(node: &Node<FINAL>) -> Gc<Node<FINAL>> {
    node.edges.borrow()[0].clone()
}

/// Does `work` on a thread of its own, whose collector nobody used before.
pub fn alone<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(work).join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}
