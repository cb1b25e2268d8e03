//! Objects that hold each other, in every shape: each is dropped once, at the moment when it should be.
//! (Cases 1 to 8, but for 6.)

#![cfg(feature = "gc")]

mod common;

use common::counted::{Counted, dropped};
use neap::gc::{self, Trace, Tracer, Weak};
use neap::{Finalize, Gc};
use std::cell::{Cell, RefCell};

/// A node of a graph.
struct Node {
    edges: RefCell<Vec<Gc<Node>>>,
    _counted: Counted,
}

// SAFETY: all edges are visited, once.
unsafe impl Trace for Node {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
    }
}

fn node() -> Gc<Node> {
    Gc::new(Node { edges: RefCell::default(), _counted: Counted })
}

fn link(from: &Gc<Node>, to: &Gc<Node>) {
    from.edges.borrow_mut().push(to.clone());
}

/// Case 1.
#[test]
fn a_self_cycle() {
    let a = node();
    link(&a, &a);
    drop(a);
    assert_eq!(dropped(), 0);
    let collected = gc::collect();
    assert_eq!((collected.collected, dropped()), (1, 1));
    assert_eq!(gc::collect().collected, 0);
}

/// Cases 2 and 3.
#[test]
fn a_pair_of_which_one_handle_is_kept() {
    let (a, b) = (node(), node());
    link(&a, &b);
    link(&b, &a);
    drop(b);
    assert_eq!((gc::collect().collected, dropped()), (0, 0));
    assert_eq!(Gc::strong_count(&a), 2);
    drop(a);
    assert_eq!(dropped(), 0);
    assert_eq!((gc::collect().collected, dropped()), (2, 2));
}

/// Case 4.
#[test]
fn a_ring_with_a_tail() {
    let ring: Vec<_> = (0..1000).map(|_| node()).collect();
    for i in 0..1000 {
        link(&ring[i], &ring[(i + 1) % 1000]);
    }
    let tail: Vec<_> = (0..1000).map(|_| node()).collect();
    for i in 1..1000 {
        link(&tail[i - 1], &tail[i]);
    }
    link(&ring[500], &tail[0]);
    drop((ring, tail));
    assert_eq!(dropped(), 0);
    assert_eq!((gc::collect().collected, dropped()), (2000, 2000));
}

/// Case 5.
#[test]
fn garbage_that_holds_what_lives() {
    let live = node();
    let (a, b) = (node(), node());
    link(&a, &b);
    link(&b, &a);
    for _ in 0..3 {
        link(&a, &live);
    }
    drop((a, b));
    assert_eq!(Gc::strong_count(&live), 4);
    assert_eq!((gc::collect().collected, dropped()), (2, 2));
    assert_eq!(Gc::strong_count(&live), 1);
    drop(live);
    assert_eq!(dropped(), 1);
}

/// Case 7.
#[test]
fn many_edges() {
    let (a, b) = (node(), node());
    for _ in 0..1000 {
        link(&a, &b);
        link(&b, &a);
        link(&a, &a);
    }
    drop((a, b));
    assert_eq!((gc::collect().collected, dropped()), (2, 2));
}

/// Case 8.
#[test]
fn a_complete_graph() {
    for n in [1, 2, 4, 50] {
        let all: Vec<_> = (0..n).map(|_| node()).collect();
        for a in &all {
            for b in &all {
                link(a, b);
            }
        }
        let kept = all[n / 2].clone();
        drop(all);
        assert_eq!((gc::collect().collected, dropped()), (0, 0));
        drop(kept);
        assert_eq!((gc::collect().collected, dropped()), (n, n));
    }
}

#[test]
fn weak_references_to_garbage() {
    let (a, b) = (node(), node());
    link(&a, &b);
    link(&b, &a);
    let weak = Gc::downgrade(&a);
    drop((a, b));
    assert!(weak.upgrade().is_some(), "it is alive until it is found dead");
    assert_eq!(gc::collect().collected, 2);
    assert!(weak.upgrade().is_none());
    let other = node();
    assert_ne!(weak, Gc::downgrade(&other));
    assert_eq!(dropped(), 2);
}

#[test]
fn collections_come_by_themselves() {
    for _ in 0..100_000 {
        let a = node();
        link(&a, &a);
    }
    let before = dropped();
    assert!(before > 90_000, "{before} of 100 000 were dropped on the way");
    gc::collect();
    assert_eq!(before + dropped(), 100_000);
}

struct Phoenix {
    me: RefCell<Option<Gc<Phoenix>>>,
    other: RefCell<Option<Gc<Phoenix>>>,
    _counted: Counted,
}

thread_local! {
    static ASHES: RefCell<Vec<Gc<Phoenix>>> = const { RefCell::new(Vec::new()) };
    static FINALIZED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: both are visited, once.
unsafe impl Trace for Phoenix {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.me.trace(tracer);
        self.other.trace(tracer);
    }

    fn finalizer() -> Option<fn(&Self)> {
        Some(Self::finalize)
    }
}

impl Finalize for Phoenix {
    fn finalize(&self) {
        FINALIZED.set(FINALIZED.get() + 1);
        if let Some(me) = &*self.me.borrow() {
            ASHES.with_borrow_mut(|ashes| ashes.push(me.clone()));
        }
    }
}

#[test]
fn what_a_finalizer_hands_out_lives_on() {
    let phoenix = |other| {
        Gc::new(Phoenix { me: RefCell::new(None), other: RefCell::new(other), _counted: Counted })
    };
    let below = phoenix(None);
    *below.other.borrow_mut() = Some(below.clone());
    let a = phoenix(Some(below));
    *a.me.borrow_mut() = Some(a.clone());
    let plain = node();
    link(&plain, &plain);
    drop((a, plain));
    let collected = gc::collect();
    assert_eq!((collected.collected, collected.resurrected, dropped()), (1, 2, 1));
    assert_eq!(FINALIZED.get(), 2);
    let kept = ASHES.take();
    assert!(gc::is_finalized(&kept[0]));
    assert_eq!(Gc::strong_count(&kept[0]), 2);
    drop(kept);
    assert_eq!((gc::collect().collected, dropped(), FINALIZED.get()), (2, 2, 2));
}

#[test]
fn new_cyclic_and_its_weak() {
    struct Me(Weak<Me>);
    // SAFETY: it owns none.
    unsafe impl Trace for Me {
        fn trace(&self, _: &mut Tracer<'_>) {}
    }
    let me = Gc::new_cyclic(|me| {
        assert!(me.upgrade().is_none());
        gc::collect();
        Me(me.clone())
    });
    assert!(me.0.upgrade().is_some_and(|same| Gc::ptr_eq(&same, &me)));
    let weak = me.0.clone();
    drop(me);
    assert!(weak.upgrade().is_none());
}
