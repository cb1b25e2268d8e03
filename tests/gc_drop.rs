//! `Drop` of what the collector found dead: it runs once for each, may do what it likes, and never gets hold of a value
//! that was dropped. (Cases 19 to 29.)
#![cfg(feature = "gc")]

mod common;

use common::graph::{Node, alone, dropped, first, link, node, ring, set};
use neap::Gc;
use neap::gc::{self, Trace, Tracer};
use std::cell::{Cell, RefCell};
use std::mem::{ManuallyDrop, forget, take};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static KEPT: RefCell<Vec<Gc<Node>>> = const { RefCell::new(Vec::new()) };
    static SEEN: Cell<usize> = const { Cell::new(0) };
}

fn seen() -> usize {
    SEEN.take()
}

fn see() {
    SEEN.set(SEEN.get() + 1);
}

fn panics(work: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_err()
}

/// Case 19. Contract: every peer in the dead cycle is dead to a `Drop`, dropped or not: reading it panics.
#[test]
fn a_peer_can_not_be_read() {
    let all = ring(3);
    for node in &all {
        set(&node.on_drop, |node: &Node| {
            let peer = first(node);
            assert!(panics(|| assert_eq!(peer.id, 99)));
            assert!(panics(|| drop(peer.edges.borrow())));
            see();
        });
    }
    drop(all);
    assert_eq!(gc::collect().collected, 3);
    assert_eq!((dropped(), seen()), (vec![0, 1, 2], 3));
}

/// Case 19: but what lives can be read, and what dies by counting alone was not dropped before.
#[test]
fn what_is_not_of_the_cycle_can_be_read() {
    let live = node(7);
    let a = node(0);
    link(&a, &live);
    link(&a, &a);
    set(&a.on_drop, |node: &Node| {
        assert_eq!(first(node).id, 7);
        see();
    });
    drop(a);
    gc::collect();
    assert_eq!((dropped(), seen(), Gc::strong_count(&live)), (vec![0], 1, 1));

    // A chain without the collector: each can read the next.
    let (a, b) = (node(0), node(1));
    link(&a, &b);
    drop(b);
    set(&a.on_drop, |node: &Node| {
        assert_eq!(first(node).id, 1);
        see();
    });
    drop(a);
    assert_eq!((dropped(), seen()), (vec![0, 1], 1));
}

/// Case 20. Contract: a clone of a dead peer is a `Gc` whose object says for ever that it is dead.
#[test]
fn a_clone_of_a_dead_peer() {
    let all = ring(2);
    let weak = Gc::downgrade(&all[1]);
    set(&all[0].on_drop, |node: &Node| KEPT.with_borrow_mut(|kept| kept.push(first(node))));
    drop(all);
    assert_eq!(gc::collect().collected, 2);
    assert_eq!(dropped(), [0, 1]);
    let mut kept = KEPT.take();
    // Others use memory of this size meanwhile.
    let others: Vec<_> = (0..1000).map(|i| node(100 + i)).collect();
    gc::collect();
    let dead = kept.pop().expect("the clone");
    assert!(weak.upgrade().is_none());
    assert!(panics(|| assert_eq!(dead.id, 1)));
    assert!(panics(|| drop(Gc::downgrade(&dead))));
    assert!(panics(|| assert_eq!(Gc::weak_count(&weak.upgrade().expect("it is dead")), 0)));
    let second = dead.clone();
    assert!(Gc::ptr_eq(&dead, &second));
    assert!(Gc::try_unwrap(second).is_err());
    let mut dead = dead;
    assert!(Gc::get_mut(&mut dead).is_none());
    drop(dead);
    assert!(others.iter().enumerate().all(|(i, other)| other.id == 100 + i));
    drop(others);
    assert_eq!(dropped().len(), 1000);
}

/// Case 20: a dead `Gc` in what lives. The collector does not go there.
#[test]
fn a_dead_peer_in_a_live_object() {
    alone(|| {
        let live = node(9);
        KEPT.with_borrow_mut(|kept| kept.push(live.clone()));
        let all = ring(2);
        for node in &all {
            set(&node.on_drop, |node: &Node| {
                let live = KEPT.with_borrow(|kept| kept[0].clone());
                live.edges.borrow_mut().push(first(node));
                // Moved, not cloned.
                live.edges.borrow_mut().append(&mut node.edges.borrow_mut());
            });
        }
        drop(all);
        assert_eq!(gc::collect().collected, 2);
        assert_eq!((dropped(), live.edges.borrow().len()), (vec![0, 1], 4));
        link(&live, &live);
        for generation in [0, 1, 2, 2] {
            drop(live.clone());
            assert_eq!(gc::collect_generation(generation).collected, 0);
            assert_eq!(gc::tracked_count(), 1);
        }
        assert!(live.edges.borrow()[..4].iter().all(|dead| panics(|| assert_eq!(dead.id, 0))));
        assert_eq!(Gc::strong_count(&live), 3);
        drop(live);
        KEPT.take();
        assert_eq!((gc::collect().collected, dropped()), (1, vec![9]));
    });
}

/// Case 20: questions about a dead peer.
#[test]
fn questions_about_a_dead_peer() {
    let all = ring(2);
    for node in &all {
        set(&node.on_drop, |node: &Node| {
            let peer = first(node);
            assert!(gc::referrers(&peer).is_empty());
            assert!(gc::objects(None).is_empty());
            assert_eq!(gc::tracked_count(), 0);
            // Its value may be dropped already: nothing can be said about what it held.
            assert!(panics(|| drop(gc::referents(&peer))) || gc::referents(&peer).is_empty());
            let _ = (gc::is_finalized(&peer), gc::is_tracked(&peer), Gc::weak_count(&peer));
            let _ = (Gc::strong_count(&peer), format!("{peer:p}"));
            see();
        });
    }
    drop(all);
    assert_eq!(gc::collect().collected, 2);
    assert_eq!((seen(), dropped()), (2, vec![0, 1]));
}

/// Case 20: a `Gc` that was turned raw before its object died, and comes back in a `Drop`.
#[test]
fn raw_and_back_in_a_drop() {
    let all = ring(2);
    set(&all[0].on_drop, |node: &Node| {
        let raw = Gc::into_raw(first(node));
        // SAFETY: it came from there, just now.
        drop(unsafe { Gc::from_raw(raw) });
        see();
    });
    drop(all);
    assert_eq!((gc::collect().collected, seen(), dropped()), (2, 1, vec![0, 1]));
}

/// Cases 21 and 22.
#[test]
fn a_drop_makes_objects_and_cycles() {
    let all = ring(50);
    for a in &all {
        set(&a.on_drop, |dying: &Node| {
            let new: Vec<_> = (0..100).map(|i| node(1000 + i)).collect();
            assert!(new.iter().enumerate().all(|(i, new)| new.id == 1000 + i));
            let id = dying.id;
            let cycle = ring(2);
            assert_eq!(cycle[1].id, 1, "no memory of a dying node is used again: {id}");
        });
    }
    drop(all);
    assert_eq!(gc::collect().collected, 50);
    let after = dropped();
    assert_eq!(after.iter().filter(|id| **id >= 1000).count(), 5000);
    assert_eq!(after.len(), 5050);
    // The cycles that were made meanwhile.
    assert_eq!(gc::collect().collected, 100);
    assert_eq!(dropped().len(), 100);
    assert_eq!(gc::collect().collected, 0);
}

/// Case 23.
#[test]
fn a_drop_collects() {
    let all = ring(5);
    for node in &all {
        set(&node.on_drop, |_: &Node| {
            let other = common::graph::node(77);
            link(&other, &other);
            drop(other);
            for generation in 0..3 {
                let inner = gc::collect_generation(generation);
                assert!(inner.skipped);
                assert_eq!((inner.collected, inner.generation), (0, generation));
            }
            see();
        });
    }
    drop(all);
    let outer = gc::collect();
    assert_eq!((outer.collected, outer.skipped, seen()), (5, false, 5));
    assert_eq!(dropped(), [0, 1, 2, 3, 4]);
    assert_eq!((gc::collect().collected, dropped()), (5, vec![77; 5]));
}

/// Case 23: a `Drop` by counting alone, in which a collection is one like any other.
#[test]
fn a_drop_by_counting_collects() {
    let (a, b) = (node(0), node(1));
    link(&a, &b);
    link(&b, &b);
    // The last but one reference to `b` is that of `a`, which is being dropped.
    drop(b);
    set(&a.on_drop, |node: &Node| {
        assert_eq!(gc::collect().collected, 0);
        assert_eq!(first(node).id, 1);
        see();
    });
    drop(a);
    assert_eq!((dropped(), seen()), (vec![0], 1));
    assert_eq!((gc::collect().collected, dropped()), (1, vec![1]));
}

/// Cases 24 and 25. Contract: the first panic goes on in `collect` when all is done, the others are swallowed.
#[test]
fn drops_panic() {
    for panicking in [vec![0], vec![4], vec![1, 3], vec![0, 1, 2, 3, 4]] {
        let all = ring(5);
        let weak = Gc::downgrade(&all[2]);
        for i in &panicking {
            set(&all[*i].on_drop, |node: &Node| panic!("drop of {}", node.id));
        }
        drop(all);
        let panic = catch_unwind(gc::collect).expect_err("a drop panicked");
        let text = panic.downcast_ref::<String>().expect("a message");
        assert!(panicking.iter().any(|i| *text == format!("drop of {i}")), "{text}");
        assert_eq!(dropped(), [0, 1, 2, 3, 4]);
        assert!(weak.upgrade().is_none());
        // All goes on as before.
        drop(ring(3));
        assert_eq!((gc::collect().collected, dropped()), (3, vec![0, 1, 2]));
        assert_eq!((gc::collect().collected, gc::tracked_count()), (0, 0));
    }
}

/// Case 24: a panic of which the collection that came by itself is told, in `Gc::new`.
#[test]
fn a_drop_panics_in_a_collection_that_came_by_itself() {
    alone(|| {
        gc::set_threshold(100, 10, 10);
        let all = ring(3);
        set(&all[1].on_drop, |_: &Node| panic!("on drop"));
        drop(all);
        let mut made = Vec::new();
        let panicked = panics(|| {
            for i in 0..100_000 {
                made.push(node(1000 + i));
            }
        });
        assert!(panicked);
        // With the value that `Gc::new` was given.
        assert_eq!(dropped(), [0, 1, 2, 1000 + made.len()]);
        assert!(made.iter().enumerate().all(|(i, made)| made.id == 1000 + i));
        let count = made.len();
        assert_eq!(gc::tracked_count(), count);
        drop(made);
        assert_eq!((dropped().len(), gc::tracked_count()), (count, 0));
        drop(ring(3));
        assert_eq!(gc::collect().collected, 3);
    });
}

/// Case 24: what a panic carries panics when it is dropped.
#[test]
fn the_payload_of_a_panic_panics() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            see();
            if !std::thread::panicking() {
                panic!("a payload");
            }
        }
    }
    let all = ring(3);
    for node in &all {
        set(&node.on_drop, |_: &Node| std::panic::panic_any(Bomb));
    }
    drop(all);
    let payload = catch_unwind(gc::collect).expect_err("a drop panicked");
    forget(payload);
    assert_eq!((dropped(), seen()), (vec![0, 1, 2], 2));
    drop(ring(3));
    assert_eq!(gc::collect().collected, 3);
}

/// Case 25: a collection in a `Drop` that runs because of a panic.
#[test]
fn a_collection_while_a_panic_is_under_way() {
    struct Collects;
    impl Drop for Collects {
        fn drop(&mut self) {
            let all = ring(3);
            set(&all[1].on_drop, |_: &Node| panic!("second"));
            drop(all);
            assert!(catch_unwind(gc::collect).is_err(), "its own panic goes on");
        }
    }
    let payload = catch_unwind(|| {
        let _collects = Collects;
        panic!("first");
    });
    let payload = payload.expect_err("it panicked");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"first"));
    assert_eq!(dropped(), [0, 1, 2]);
}

/// Case 26.
#[test]
fn a_drop_lets_go_of_its_peers_itself() {
    for forgotten in [false, true] {
        let all = ring(4);
        for a in &all {
            link(a, a);
            set(&a.on_drop, move |node: &Node| {
                let mut edges = take(&mut *node.edges.borrow_mut());
                assert_eq!(edges.len(), 2);
                if forgotten {
                    forget(edges.pop());
                }
            });
        }
        let live = node(9);
        link(&all[0], &live);
        all[0].edges.borrow_mut().swap(0, 2);
        set(&all[0].on_drop, |node: &Node| node.edges.borrow_mut().clear());
        drop(all);
        assert_eq!(gc::collect().collected, 4);
        assert_eq!((dropped(), Gc::strong_count(&live)), (vec![0, 1, 2, 3], 1));
        drop(live);
        assert_eq!(dropped(), [9]);
        assert_eq!((gc::collect().collected, gc::tracked_count()), (0, 0));
    }
}

/// Case 27. Contract: in no order that is promised; each once; no memory of the garbage is used again before all are
/// dropped.
#[test]
fn memory_waits_for_all_drops() {
    thread_local! {
        static PLACES: RefCell<Vec<*const Node>> = const { RefCell::new(Vec::new()) };
    }
    let all = ring(300);
    PLACES.set(all.iter().map(Gc::as_ptr).collect());
    for a in &all {
        set(&a.on_drop, |_: &Node| {
            let new = node(1000);
            let place = Gc::as_ptr(&new);
            PLACES.with_borrow(|places| assert!(!places.contains(&place)));
            see();
        });
    }
    drop(all);
    assert_eq!((gc::collect().collected, seen()), (300, 300));
    assert_eq!(dropped().len(), 600);
}

/// Case 28.
#[test]
fn a_handle_is_forgotten() {
    let all = ring(3);
    let weak = Gc::downgrade(&all[1]);
    forget(all[0].clone());
    drop(all);
    for _ in 0..3 {
        assert_eq!(gc::collect().collected, 0);
    }
    assert_eq!(weak.upgrade().map(|node| node.id), Some(1));
    assert_eq!(dropped(), []);
    weak.upgrade().expect("it lives").edges.borrow_mut().clear();
    assert_eq!(
        dropped(),
        [2],
        "nobody else held it; 0 is held by the forgotten handle, and holds 1"
    );
    assert_eq!((gc::collect().collected, weak.strong_count()), (0, 1));
}

/// Case 29. Contract: std's `ManuallyDrop` is not traced, so its `Gc` counts as held from outside: never dropped, never
/// dangling. A type that visits it by hand is collected, and its target's block is kept for the reference that nobody gives up.
#[test]
fn manually_dropped_edges() {
    struct Holder<const BY_HAND: bool> {
        edge: RefCell<Option<ManuallyDrop<Gc<Holder<BY_HAND>>>>>,
    }
    // SAFETY: the edge is visited once at most, and owned.
    unsafe impl<const BY_HAND: bool> Trace for Holder<BY_HAND> {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            if BY_HAND {
                if let Some(edge) = &*self.edge.borrow() {
                    (**edge).trace(tracer);
                }
            } else {
                self.edge.trace(tracer);
            }
        }
    }
    impl<const BY_HAND: bool> Drop for Holder<BY_HAND> {
        fn drop(&mut self) {
            see();
        }
    }
    fn cycle<const BY_HAND: bool>() -> gc::Weak<Holder<BY_HAND>> {
        let a = Gc::new(Holder::<BY_HAND> { edge: RefCell::new(None) });
        *a.edge.borrow_mut() = Some(ManuallyDrop::new(a.clone()));
        Gc::downgrade(&a)
    }
    let weak = cycle::<false>();
    assert_eq!((gc::collect().collected, seen()), (0, 0));
    assert!(weak.upgrade().is_some());
    let weak = cycle::<true>();
    assert_eq!((gc::collect().collected, seen()), (1, 1));
    assert!(weak.upgrade().is_none());
}
