//! Finalizers: each runs once, before anything that dies with its object is dropped, and what it makes reachable again
//! lives. (Cases 30 to 39.)
#![cfg(feature = "gc")]

mod common;

use common::graph::{
    self, Final, alone, dropped, finalized, first, link, new, node, ring, ring_of, set,
};
use neap::Gc;
use neap::gc::{self, Trace, Tracer, Weak};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static KEPT: RefCell<Vec<Gc<Final>>> = const { RefCell::new(Vec::new()) };
    static WEAK: RefCell<Option<Weak<Final>>> = const { RefCell::new(None) };
    static SEEN: Cell<usize> = const { Cell::new(0) };
}

fn keep(node: Gc<Final>) {
    KEPT.with_borrow_mut(|kept| kept.push(node));
}

fn see() {
    SEEN.set(SEEN.get() + 1);
}

/// A finalizer has only a reference to the value: this is how it gets a handle.
fn myself(node: &Final) -> Gc<Final> {
    let edges = node.edges.borrow();
    let me = edges.iter().find(|edge| std::ptr::eq(Gc::as_ptr(edge), node));
    me.expect("an edge to itself").clone()
}

/// A node that holds itself.
fn selfish(id: usize) -> Gc<Final> {
    let node = new(id);
    link(&node, &node);
    node
}

/// Case 30.
#[test]
fn all_finalizers_run_before_any_drop() {
    let all = ring_of::<true>(10);
    for node in &all {
        set(&node.on_finalize, |node: &Final| {
            let mut id = node.id;
            let mut next = first(node);
            for _ in 0..25 {
                assert_eq!(next.id, (id + 1) % 10);
                id = next.id;
                let further = first(&next);
                next = further;
            }
            assert!(dropped().is_empty());
            see();
        });
    }
    drop(all);
    assert!(finalized().is_empty());
    let collected = gc::collect();
    assert_eq!((collected.collected, collected.resurrected), (10, 0));
    let names: Vec<_> = (0..10).collect();
    assert_eq!((finalized(), dropped(), SEEN.take()), (names.clone(), names, 10));
}

/// Cases 31 and 32.
#[test]
fn resurrected_once() {
    let node = selfish(3);
    let other = new(4);
    link(&node, &other);
    drop(other);
    set(&node.on_finalize, |node: &Final| keep(myself(node)));
    drop(node);
    let collected = gc::collect();
    assert_eq!((collected.collected, collected.resurrected), (0, 2));
    assert_eq!((finalized(), dropped()), (vec![3, 4], vec![]));
    let kept = KEPT.take();
    assert_eq!((kept.len(), Gc::strong_count(&kept[0])), (1, 2));
    assert!(gc::is_finalized(&kept[0]) && gc::is_finalized(&kept[0].edges.borrow()[1]));
    assert_eq!(Gc::strong_count(&kept[0].edges.borrow()[1]), 1);
    // It stays as long as somebody holds it.
    assert_eq!((gc::collect().collected, kept[0].id), (0, 3));
    drop(kept);
    assert_eq!((gc::collect().collected, gc::collect().collected), (2, 0));
    assert_eq!((finalized(), dropped()), (vec![], vec![3, 4]));
    assert!(KEPT.take().is_empty());
}

/// Case 31: the peer is handed out, and not the object itself.
#[test]
fn a_peer_is_resurrected() {
    let all = ring_of::<true>(4);
    let tail = new::<true>(9);
    link(&all[2], &tail);
    drop(tail);
    set(&all[1].on_finalize, |node: &Final| keep(first(node)));
    drop(all);
    assert_eq!((gc::collect().collected, dropped()), (0, vec![]), "all lead to each other");
    let kept = KEPT.take();
    assert_eq!(kept[0].id, 2);
    // The ring is broken: now counting is enough.
    kept[0].edges.borrow_mut().clear();
    assert_eq!(dropped(), [0, 1, 3, 9]);
    drop(kept);
    assert_eq!((dropped(), finalized()), (vec![2], vec![0, 1, 2, 3, 9]));
    assert_eq!(gc::collect().collected, 0);
}

/// Case 33.
#[test]
fn what_a_resurrected_object_holds_lives_and_the_rest_dies() {
    // 0 ⇄ 1 → 2 → 3, and 10 ⇄ 11 → 1.
    let (a, b) = (new::<true>(0), new(1));
    link(&a, &b);
    link(&b, &a);
    let (c, d) = (new(2), new(3));
    link(&b, &c);
    link(&c, &d);
    let (x, y) = (new(10), new(11));
    link(&x, &y);
    link(&y, &x);
    link(&y, &b);
    set(&a.on_finalize, |node: &Final| keep(first(node)));
    drop((a, b, c, d, x, y));
    let collected = gc::collect();
    assert_eq!((collected.collected, collected.resurrected, dropped()), (2, 4, vec![10, 11]));
    let kept = KEPT.take();
    assert_eq!(Gc::strong_count(&kept[0]), 2);
    assert_eq!(kept[0].edges.borrow()[1].edges.borrow()[0].id, 3);
    drop(kept);
    assert_eq!((gc::collect().collected, dropped()), (4, vec![0, 1, 2, 3]));
}

/// Case 34.
#[test]
fn one_of_many_is_resurrected() {
    alone(|| {
        for id in 0..100 {
            let node = selfish(id);
            if id == 50 {
                set(&node.on_finalize, |node: &Final| keep(myself(node)));
            }
        }
        drop(selfish(100));
        let before = gc::stats()[2];
        let collected = gc::collect();
        assert_eq!((collected.collected, collected.resurrected), (100, 1));
        let after = gc::stats()[2];
        assert_eq!(after.collected - before.collected, 100);
        assert_eq!(after.collections - before.collections, 1);
        assert_eq!((dropped().len(), finalized().len()), (100, 101));
        KEPT.take();
        assert_eq!((gc::collect().collected, dropped(), finalized()), (1, vec![50], vec![]));
    });
}

/// Case 35: a finalizer makes cycles, collects, drops handles, links what lives with garbage.
#[test]
fn a_finalizer_does_much() {
    let live = new::<true>(50);
    keep(live.clone());
    let all = ring_of::<true>(3);
    let handle = selfish(60);
    keep(handle);
    set(&all[0].on_finalize, |node: &Final| {
        drop(selfish(70));
        let inner = gc::collect();
        assert!(inner.skipped && inner.collected == 0);
        // From what lives into the garbage.
        let live = KEPT.with_borrow(|kept| kept[0].clone());
        link(&live, &first(node));
        // The last handle to another cycle.
        drop(KEPT.with_borrow_mut(|kept| kept.pop()));
        see();
    });
    drop(all);
    let collected = gc::collect();
    assert_eq!((collected.collected, collected.resurrected, SEEN.take()), (0, 3, 1));
    assert_eq!((finalized(), dropped()), (vec![0, 1, 2], vec![]));
    assert_eq!(live.edges.borrow()[0].id, 1);
    assert_eq!(first(&first(&live)).id, 2);
    // What it left as garbage.
    assert_eq!((gc::collect().collected, dropped()), (2, vec![60, 70]));
    live.edges.borrow_mut().clear();
    assert_eq!((gc::collect().collected, dropped()), (3, vec![0, 1, 2]));
    KEPT.take();
    drop(live);
    assert_eq!((dropped(), finalized()), (vec![50], vec![50, 60, 70]));
}

/// Cases 35 and 42. Contract: a `Weak` upgrades inside a finalizer, for nothing is decided yet; who keeps what it gives has
/// resurrected it.
#[test]
fn a_finalizer_upgrades_a_weak() {
    for kept in [false, true] {
        let all = ring_of::<true>(3);
        WEAK.set(Some(Gc::downgrade(&all[2])));
        set(&all[0].on_finalize, move |_: &Final| {
            let peer = WEAK.with_borrow(|weak| weak.as_ref()?.upgrade()).expect("it is alive");
            assert_eq!(peer.id, 2);
            if kept {
                keep(peer);
            }
        });
        drop(all);
        let collected = gc::collect();
        let weak = WEAK.take().expect("it was set");
        if kept {
            assert_eq!((collected.collected, collected.resurrected), (0, 3));
            assert_eq!((weak.strong_count(), dropped()), (2, vec![]));
            KEPT.take();
            assert!(weak.upgrade().is_some());
            assert_eq!(gc::collect().collected, 3);
        } else {
            assert_eq!((collected.collected, collected.resurrected), (3, 0));
        }
        assert!(weak.upgrade().is_none());
        assert_eq!((finalized(), dropped()), (vec![0, 1, 2], vec![0, 1, 2]));
    }
}

/// Case 36.
#[test]
fn a_finalizer_breaks_the_cycle() {
    for who in [vec![0], vec![3], vec![1, 2], vec![0, 1, 2, 3]] {
        let all = ring_of::<true>(4);
        link(&all[1], &all[1]);
        let live = new::<true>(9);
        link(&all[2], &live);
        for id in &who {
            set(&all[*id].on_finalize, |node: &Final| {
                node.edges.borrow_mut().clear();
                assert!(dropped().is_empty(), "all are held while finalizers run");
            });
        }
        drop(all);
        let collected = gc::collect();
        assert_eq!((collected.collected, collected.resurrected), (4, 0));
        assert_eq!((finalized(), dropped()), (vec![0, 1, 2, 3], vec![0, 1, 2, 3]));
        assert_eq!(Gc::strong_count(&live), 1);
        drop(live);
        assert_eq!((finalized(), dropped()), (vec![9], vec![9]));
        assert_eq!(gc::tracked_count(), 0);
    }
}

/// Case 36: edges are turned round and doubled while finalizers run.
#[test]
fn a_finalizer_changes_edges() {
    let all = ring_of::<true>(6);
    for node in &all {
        set(&node.on_finalize, |node: &Final| {
            let next = first(node);
            let after = first(&next);
            link(&after, &next);
            link(&next, &next);
            let new = ring_of::<true>(2);
            link(&next, &new[0]);
        });
    }
    drop(all);
    assert_eq!(gc::collect().collected, 6);
    assert_eq!((finalized(), dropped()), ((0..6).collect(), (0..6).collect()));
    // What was made meanwhile lost the one that held it.
    assert_eq!(gc::collect().collected, 12);
    assert_eq!((finalized().len(), dropped().len(), gc::tracked_count()), (12, 12, 0));
}

/// Case 37.
#[test]
fn counting_finalizes_and_a_finalizer_resurrects() {
    // A handle to itself that is no edge, so that there is no cycle.
    let node = new::<true>(1);
    WEAK.set(Some(Gc::downgrade(&node)));
    set(&node.on_finalize, |node: &Final| {
        let me = WEAK.with_borrow(|weak| weak.as_ref()?.upgrade()).expect("it is alive");
        assert!(std::ptr::eq(Gc::as_ptr(&me), node));
        assert!(gc::is_finalized(&me));
        keep(me);
    });
    assert!(!gc::is_finalized(&node));
    drop(node);
    assert_eq!((finalized(), dropped()), (vec![1], vec![]));
    let kept = KEPT.take();
    assert_eq!((Gc::strong_count(&kept[0]), Gc::weak_count(&kept[0]), kept[0].id), (1, 1, 1));
    drop(kept);
    assert_eq!((finalized(), dropped()), (vec![], vec![1]));
    assert!(WEAK.take().is_some_and(|weak| weak.upgrade().is_none()));
}

/// Case 37: it resurrects itself as part of a cycle, and is found later.
#[test]
fn counting_finalizes_and_a_finalizer_closes_a_cycle() {
    let node = new::<true>(1);
    WEAK.set(Some(Gc::downgrade(&node)));
    set(&node.on_finalize, |node: &Final| {
        let me = WEAK.take().and_then(|weak| weak.upgrade()).expect("it is alive");
        node.edges.borrow_mut().push(me);
    });
    drop(node);
    assert_eq!((finalized(), dropped()), (vec![1], vec![]));
    assert_eq!((gc::collect().collected, finalized(), dropped()), (1, vec![], vec![1]));
}

/// Case 37: what holds nothing that could be in a cycle has a finalizer all the same.
#[test]
fn an_acyclic_object_is_finalized() {
    struct Leaf(u32);
    // SAFETY: it owns no `Gc`.
    unsafe impl Trace for Leaf {
        fn trace(&self, _: &mut Tracer<'_>) {}
        fn is_cyclic() -> bool {
            false
        }
        fn finalizer() -> Option<fn(&Self)> {
            Some(|leaf| SEEN.set(SEEN.get() + leaf.0 as usize))
        }
    }
    let leaf = Gc::new(Leaf(5));
    assert!(!gc::is_tracked(&leaf));
    drop(leaf.clone());
    drop(leaf);
    assert_eq!(SEEN.take(), 5);
    // Held by garbage.
    struct Owner(Gc<Leaf>, RefCell<Option<Gc<Owner>>>);
    // SAFETY: both are visited, once.
    unsafe impl Trace for Owner {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
            self.1.trace(tracer);
        }
    }
    let owner = Gc::new(Owner(Gc::new(Leaf(7)), RefCell::new(None)));
    *owner.1.borrow_mut() = Some(owner.clone());
    drop(owner);
    assert_eq!((gc::collect().collected, SEEN.take()), (1, 7));
}

/// Case 38. Contract: what finalizers make is not looked at in the same collection.
#[test]
fn finalizers_make_objects_with_finalizers() {
    fn breed(node: &Final) {
        let child = selfish(node.id + 1);
        if child.id < 20 {
            set(&child.on_finalize, breed);
        }
    }
    let first = selfish(0);
    set(&first.on_finalize, breed);
    drop(first);
    for round in 0..=20 {
        assert_eq!(gc::collect().collected, 1);
        assert_eq!((finalized(), dropped()), (vec![round], vec![round]));
    }
    assert_eq!((gc::collect().collected, gc::tracked_count()), (0, 0));
}

/// Case 38: without an end; the thread ends all the same.
#[test]
fn finalizers_make_objects_for_ever() {
    fn breed(_: &Final) {
        set(&selfish(1).on_finalize, breed);
    }
    alone(|| {
        set(&selfish(0).on_finalize, breed);
        assert_eq!(gc::collect().collected, 1);
    });
}

/// Case 39: in size. (In time, a benchmark says it.)
#[test]
fn without_a_finalizer_nothing_is_larger() {
    let (with, without) = (new::<true>(0), node(0));
    let size = |address: usize| {
        gc::objects(None).iter().find(|object| object.address == address).map(|object| object.size)
    };
    assert_eq!(size(Gc::as_ptr(&with) as usize), size(Gc::as_ptr(&without) as usize));
    assert!(!gc::is_finalized(&without));
}

/// A finalizer that panics: the others run, all is dropped, and the panic goes on.
#[test]
fn finalizers_panic() {
    for who in [vec![0], vec![2], vec![0, 1, 2]] {
        let all = ring_of::<true>(3);
        for id in &who {
            set(&all[*id].on_finalize, |node: &Final| panic!("finalizer of {}", node.id));
        }
        drop(all);
        let panic = catch_unwind(gc::collect).expect_err("a finalizer panicked");
        let text = panic.downcast_ref::<String>().expect("a message");
        assert!(who.iter().any(|id| *text == format!("finalizer of {id}")), "{text}");
        assert_eq!((finalized(), dropped()), (vec![0, 1, 2], vec![0, 1, 2]));
        drop(ring(2));
        assert_eq!((gc::collect().collected, dropped()), (2, vec![0, 1]));
    }
    // By counting: the value is dropped all the same.
    let node = new::<true>(5);
    set(&node.on_finalize, |_: &Final| panic!("alone"));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(node))).is_err());
    assert_eq!((finalized(), dropped()), (vec![5], vec![5]));
    // One that resurrects and then panics.
    let node = selfish(6);
    set(&node.on_finalize, |node: &Final| {
        keep(myself(node));
        panic!("after all");
    });
    drop(node);
    assert!(catch_unwind(gc::collect).is_err());
    assert_eq!((finalized(), dropped()), (vec![6], vec![]));
    assert_eq!(KEPT.with_borrow(|kept| Gc::strong_count(&kept[0])), 2);
    KEPT.take();
    assert_eq!((gc::collect().collected, finalized(), dropped()), (1, vec![], vec![6]));
}

/// A finalizer panics and a drop does, too: the first goes on.
#[test]
fn a_finalizer_and_a_drop_panic() {
    let all = ring_of::<true>(3);
    set(&all[1].on_finalize, |_: &Final| panic!("first"));
    set(&all[2].on_drop, |_: &Final| panic!("second"));
    drop(all);
    let panic = catch_unwind(gc::collect).expect_err("both panicked");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"first"));
    assert_eq!((finalized(), dropped()), (vec![0, 1, 2], vec![0, 1, 2]));
}

thread_local! {
    static DO_PANIC: Cell<bool> = const { Cell::new(false) };
}

fn panic_when_told(_: usize) {
    assert!(!DO_PANIC.get(), "a trace that was told to");
}

/// A `trace` panics when it is looked whether finalizers resurrected anything. Contract: nothing of the garbage is dropped
/// then, all counts are as before, the panic goes on, and the next collection does the rest.
#[test]
fn a_trace_panics_after_finalizers() {
    let all = ring_of::<true>(4);
    let tail = new::<true>(9);
    link(&all[2], &tail);
    all[3].on_trace.set(Some(panic_when_told));
    set(&all[0].on_finalize, |node: &Final| {
        keep(first(node));
        DO_PANIC.set(true);
    });
    drop((all, tail));
    assert!(catch_unwind(gc::collect).is_err(), "the panic goes on");
    assert_eq!((finalized(), dropped()), (vec![0, 1, 2, 3, 9], vec![]));
    // And while it panics, nothing comes of a collection.
    assert!(catch_unwind(gc::collect).is_err());
    DO_PANIC.set(false);
    let kept = KEPT.take();
    assert_eq!(gc::collect().collected, 0);
    let mut next = kept[0].clone();
    assert_eq!(Gc::strong_count(&next), 3);
    for id in [2, 3, 0] {
        next = first(&next);
        assert_eq!((next.id, Gc::strong_count(&next)), (id, 2));
    }
    assert_eq!(Gc::strong_count(&kept[0].edges.borrow()[0].edges.borrow()[1]), 1);
    drop((kept, next));
    assert_eq!((gc::collect().collected, dropped()), (5, vec![0, 1, 2, 3, 9]));
    assert_eq!((finalized(), gc::tracked_count()), (vec![], 0));
}

/// The same, with an object to which only the collection's own reference is left: it dies when that goes.
#[test]
fn a_trace_panics_after_finalizers_that_broke_the_cycle() {
    let all = ring_of::<true>(4);
    all[3].on_trace.set(Some(panic_when_told));
    for node in &all {
        set(&node.on_finalize, |node: &Final| {
            DO_PANIC.set(true);
            if node.id == 1 {
                node.edges.borrow_mut().clear();
            }
        });
    }
    drop(all);
    assert!(catch_unwind(gc::collect).is_err());
    assert_eq!(finalized(), [0, 1, 2, 3]);
    DO_PANIC.set(false);
    gc::collect();
    assert_eq!((dropped(), finalized(), gc::tracked_count()), (vec![0, 1, 2, 3], vec![], 0));
}

/// Finalizers that run inside of each other, when each lets go of the next: any number of them, on a small stack.
#[test]
fn finalizers_nest() {
    let len = common::scaled(if cfg!(debug_assertions) { 20_000 } else { 200_000 }, 2_000_000);
    let work = move || {
        let mut list = new::<true>(0);
        for id in 1..len {
            let next = new::<true>(id);
            next.edges.borrow_mut().push(list);
            set(&next.on_finalize, |node: &Final| {
                drop(node.edges.take());
                see();
            });
            list = next;
        }
        drop(list);
        assert_eq!((SEEN.take(), finalized().len(), dropped().len()), (len - 1, len, len));
    };
    let thread = std::thread::Builder::new().stack_size(128 * common::KIB).spawn(work);
    thread.expect("a thread").join().expect("it ends well");
}

/// The reference that a finalizer's object has meanwhile is no reason to move its value out.
#[test]
fn a_finalizer_tries_to_take_its_peer_apart() {
    let all = ring_of::<true>(2);
    for node in &all {
        set(&node.on_finalize, |node: &Final| {
            let mut peer = node.edges.borrow_mut().pop().expect("an edge");
            assert!(Gc::get_mut(&mut peer).is_none());
            let peer = Gc::try_unwrap(peer).err().expect("others hold it");
            node.edges.borrow_mut().push(peer);
            see();
        });
    }
    drop(all);
    assert_eq!((gc::collect().collected, SEEN.take(), dropped()), (2, 2, vec![0, 1]));
    let _ = graph::node(0);
}
