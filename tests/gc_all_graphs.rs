//! Every directed graph of up to four nodes, each node with a handle, the handles dropped in every order, with a collection
//! at every place between: then exactly what the handles that are left lead to is alive, with right counts, and in the end
//! nothing is.
//!
//! Of graphs that differ only in the names of their nodes one is taken: the orders make up for that. (In the long form all are,
//! so that nodes are made and edges are visited in other orders too.)
#![cfg(feature = "gc")]

mod common;

use common::{long, scaled};
use neap::Gc;
use neap::gc::{self, Trace, Tracer, Weak};
use std::cell::{Cell, RefCell};

struct Node<const FINAL: bool> {
    id: usize,
    edges: RefCell<Vec<Gc<Node<FINAL>>>>,
}

thread_local! {
    /// A bit for each node that was dropped, or finalized.
    static DROPPED: Cell<u8> = const { Cell::new(0) };
    static FINALIZED: Cell<u8> = const { Cell::new(0) };
}

fn once(bits: &Cell<u8>, id: usize) {
    assert_eq!(bits.get() & 1 << id, 0, "{id} for a second time");
    bits.set(bits.get() | 1 << id);
}

// SAFETY: all edges are visited, once.
unsafe impl<const FINAL: bool> Trace for Node<FINAL> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
    }

    fn finalizer() -> Option<fn(&Self)> {
        FINAL.then_some(|node: &Self| FINALIZED.with(|bits| once(bits, node.id)))
    }
}

impl<const FINAL: bool> Drop for Node<FINAL> {
    fn drop(&mut self) {
        DROPPED.with(|bits| once(bits, self.id));
    }
}

/// A graph: bit `i * n + j` says that node `i` holds node `j`.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Graph {
    n: usize,
    edges: u32,
}

impl Graph {
    fn has(self, i: usize, j: usize) -> bool {
        self.edges >> (i * self.n + j) & 1 != 0
    }

    /// The same with other names.
    fn renamed(self, names: &[usize]) -> Graph {
        let mut edges = 0;
        for i in 0..self.n {
            for j in 0..self.n {
                if self.has(i, j) {
                    edges |= 1 << (names[i] * self.n + names[j]);
                }
            }
        }
        Graph { edges, ..self }
    }

    /// Who can be reached from these nodes, a bit for each.
    fn reach(self, roots: &[usize]) -> u8 {
        let mut reached = roots.iter().fold(0, |bits, root| bits | 1u8 << root);
        for _ in 0..self.n {
            for i in 0..self.n {
                for j in 0..self.n {
                    if reached >> i & 1 != 0 && self.has(i, j) {
                        reached |= 1 << j;
                    }
                }
            }
        }
        reached
    }

    /// References that a node has when these nodes live and these have handles.
    fn count(self, node: usize, alive: u8, handles: &[usize]) -> usize {
        (0..self.n).filter(|i| alive >> i & 1 != 0 && self.has(*i, node)).count()
            + usize::from(handles.contains(&node))
    }
}

fn orders(n: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for _ in 0..n {
        all = all
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                let rest: Vec<_> = (0..n).filter(|i| !order.contains(i)).collect();
                rest.into_iter().map(move |i| [&order[..], &[i]].concat())
            })
            .collect();
    }
    all
}

/// Makes the graph, drops handles in this order, collects after the first `cut`, and once more after all.
fn check<const FINAL: bool>(graph: Graph, order: &[usize], cut: usize, generation: usize) {
    let n = graph.n;
    DROPPED.set(0);
    FINALIZED.set(0);
    let mut nodes: Vec<_> =
        (0..n).map(|id| Some(Gc::new(Node::<FINAL> { id, edges: RefCell::default() }))).collect();
    let handle = |nodes: &[Option<Gc<Node<FINAL>>>], i: usize| nodes[i].clone().expect("a handle");
    for i in 0..n {
        let held = (0..n).filter(|j| graph.has(i, *j)).map(|j| handle(&nodes, j)).collect();
        *handle(&nodes, i).edges.borrow_mut() = held;
    }
    let weak: Vec<Weak<_>> = nodes.iter().flatten().map(Gc::downgrade).collect();
    let all = (1u8 << n) - 1;
    let say =
        || format!("{graph:?}, dropped in order {order:?}, generation {generation} after {cut}");
    for (step, dropped) in order.iter().enumerate() {
        if step == cut {
            let collected = gc::collect_generation(generation);
            let kept = &order[cut..];
            let alive = graph.reach(kept);
            assert_eq!(DROPPED.get(), all & !alive, "{}", say());
            assert_eq!(collected.resurrected + collected.uncollectable, 0);
            for (i, weak) in weak.iter().enumerate() {
                let lives = alive >> i & 1 != 0;
                let count = if lives { graph.count(i, alive, kept) } else { 0 };
                assert_eq!(weak.strong_count(), count, "{i} in {}", say());
                assert_eq!(weak.upgrade().map(|node| node.id), lives.then_some(i), "{}", say());
            }
            for i in kept {
                let node = nodes[*i].as_ref().expect("it is kept");
                let held: Vec<_> = node.edges.borrow().iter().map(|node| node.id).collect();
                let expected: Vec<_> = (0..n).filter(|j| graph.has(*i, *j)).collect();
                assert_eq!(held, expected, "{}", say());
            }
            assert_eq!(gc::collect_generation(generation).collected, 0, "{}", say());
        }
        nodes[*dropped] = None;
        // What counting alone can free is free: all that no handle and no cycle leads to.
        assert_eq!(DROPPED.get() & graph.reach(&order[step + 1..]), 0, "{}", say());
    }
    gc::collect();
    assert_eq!(DROPPED.get(), all, "{}", say());
    assert_eq!(FINALIZED.get(), if FINAL { all } else { 0 }, "{}", say());
    assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
}

/// `every`: how many are passed over for one that is checked; with no divisor of the number of orders and places, so that it is
/// another for each graph.
fn check_all<const FINAL: bool>(n: usize, every: usize) {
    let orders = orders(n);
    let mut round = 0;
    for edges in 0..1u32 << (n * n) {
        let graph = Graph { n, edges };
        let first = || orders.iter().all(|names| graph.renamed(names).edges >= edges);
        if !long() && !first() {
            continue;
        }
        for order in &orders {
            for cut in 0..n {
                round += 1;
                if round % every == 0 {
                    check::<FINAL>(graph, order, cut, round / every % 3);
                }
            }
        }
        assert_eq!(gc::tracked_count(), 0, "{graph:?}");
    }
    assert!(round / every > 0);
    assert_eq!(gc::count()[0], 0);
}

#[test]
fn up_to_three_nodes() {
    for n in 1..=3 {
        check_all::<false>(n, 1);
        check_all::<true>(n, 1);
    }
}

#[test]
fn four_nodes() {
    check_all::<false>(4, scaled(if cfg!(debug_assertions) { 5 } else { 1 }, 1));
}

#[test]
fn four_nodes_with_finalizers() {
    check_all::<true>(4, scaled(if cfg!(debug_assertions) { 7 } else { 1 }, 1));
}
