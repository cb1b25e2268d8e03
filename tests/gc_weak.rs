//! Weak references: `None` from the moment when the object is dead or found dead, never something half dropped; and the
//! making of objects that hold one to themselves. (Cases 40 to 51; 43 is in `gc_memory.rs`.)
#![cfg(feature = "gc")]

mod common;

use common::graph::{Final, Node, alone, dropped, first, link, new, node, ring, set};
use neap::gc::{self, Trace, Tracer, Weak};
use neap::{Gc, coerce};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static WEAK: RefCell<Vec<Weak<Node>>> = const { RefCell::new(Vec::new()) };
    static SEEN: Cell<usize> = const { Cell::new(0) };
}

fn see() {
    SEEN.set(SEEN.get() + 1);
}

/// Case 40.
#[test]
fn alive_until_it_is_found_dead() {
    let all = ring(3);
    let weak: Vec<_> = all.iter().map(Gc::downgrade).collect();
    drop(all);
    for weak in &weak {
        assert_eq!((weak.strong_count(), weak.weak_count()), (1, 1));
        assert!(weak.upgrade().is_some());
    }
    // While it is held so, it lives with all of the cycle.
    let held = weak[1].upgrade();
    assert_eq!(gc::collect().collected, 0);
    assert_eq!(held.map(|held| held.id), Some(1));
    assert_eq!((gc::collect().collected, dropped()), (3, vec![0, 1, 2]));
    for weak in &weak {
        assert_eq!((weak.strong_count(), weak.weak_count()), (0, 0));
        assert!(weak.upgrade().is_none() && weak.clone().upgrade().is_none());
    }
}

/// Case 41.
#[test]
fn not_to_a_peer_from_a_drop() {
    let all = ring(3);
    WEAK.set(all.iter().map(Gc::downgrade).collect());
    for node in &all {
        set(&node.on_drop, |_: &Node| {
            WEAK.with_borrow(|weak| {
                assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
                assert!(weak.iter().all(|weak| weak.strong_count() == 0));
            });
            see();
        });
    }
    drop(all);
    assert_eq!((gc::collect().collected, SEEN.take(), dropped()), (3, 3, vec![0, 1, 2]));
    // By counting: neither itself, nor what is still to be dropped with it… which is alive until then.
    let (a, b) = (node(0), node(1));
    link(&a, &b);
    WEAK.set([&a, &b].map(Gc::downgrade).to_vec());
    drop(b);
    set(&a.on_drop, |_: &Node| {
        let alive =
            WEAK.with_borrow(|all| all.iter().map(|weak| weak.upgrade().is_some()).collect());
        let alive: Vec<bool> = alive;
        assert_eq!(alive, [false, true]);
        see();
    });
    drop(a);
    assert_eq!((SEEN.take(), dropped()), (1, vec![0, 1]));
}

/// Case 44.
#[test]
fn a_weak_is_no_edge() {
    struct Tree {
        parent: RefCell<Weak<Tree>>,
        children: RefCell<Vec<Gc<Tree>>>,
    }
    // SAFETY: all are visited, once.
    unsafe impl Trace for Tree {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.parent.trace(tracer);
            self.children.trace(tracer);
        }
    }
    impl Drop for Tree {
        fn drop(&mut self) {
            assert!(self.parent.borrow().upgrade().is_none());
            see();
        }
    }
    let tree = || Gc::new(Tree { parent: RefCell::default(), children: RefCell::default() });
    let root = tree();
    for _ in 0..10 {
        let child = tree();
        *child.parent.borrow_mut() = Gc::downgrade(&root);
        root.children.borrow_mut().push(child);
    }
    assert_eq!((Gc::weak_count(&root), Gc::strong_count(&root)), (10, 1));
    assert_eq!(gc::referents(&root.children.borrow()[3]).len(), 0);
    drop(root);
    assert_eq!(SEEN.take(), 11);
    assert_eq!(gc::collect().collected, 0);
}

/// Case 47: a `Weak` to an object in the middle of a chain that dies, from a drop above it and one below.
#[test]
fn in_the_middle_of_a_dying_chain() {
    let len = common::scaled(if cfg!(debug_assertions) { 10_000 } else { 100_000 }, 1_000_000);
    let mut chain = node(len);
    for id in (0..len).rev() {
        let next = node(id);
        next.edges.borrow_mut().push(chain);
        if id == len / 2 {
            WEAK.with_borrow_mut(|weak| weak.push(Gc::downgrade(&next)));
        } else if id % 17 == 0 || id == len / 2 + 1 {
            set(&next.on_drop, move |node: &Node| {
                let middle = WEAK.with_borrow(|weak| weak[0].upgrade());
                assert_eq!(middle.is_some(), node.id < len / 2, "at {}", node.id);
                if id % 170 == 0 {
                    gc::collect();
                }
                see();
            });
        }
        chain = next;
    }
    drop(chain);
    assert!(SEEN.take() > len / 20);
    assert_eq!(dropped().len(), len + 1);
}

struct Me {
    me: Weak<Me>,
    other: RefCell<Option<Gc<Me>>>,
}

// SAFETY: all are visited, once.
unsafe impl Trace for Me {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.me.trace(tracer);
        self.other.trace(tracer);
    }
}

impl Drop for Me {
    fn drop(&mut self) {
        assert!(self.me.upgrade().is_none());
        see();
    }
}

/// Case 50.
#[test]
fn new_cyclic() {
    let me = Gc::new_cyclic(|me: &Weak<Me>| {
        assert!(me.upgrade().is_none());
        assert_eq!((me.strong_count(), me.weak_count()), (0, 0));
        // Of an object without a value nothing is to be seen.
        assert_eq!((gc::collect().visited, gc::tracked_count()), (0, 0));
        gc::freeze();
        gc::unfreeze();
        let clone = me.clone();
        assert_eq!(clone, *me);
        Me { me: clone, other: RefCell::new(None) }
    });
    assert_eq!((Gc::strong_count(&me), Gc::weak_count(&me), gc::tracked_count()), (1, 1, 1));
    *me.other.borrow_mut() = me.me.upgrade();
    let weak = Gc::downgrade(&me);
    drop(me);
    assert!(weak.upgrade().is_some());
    assert_eq!((gc::collect().collected, SEEN.take()), (1, 1));
    assert!(weak.upgrade().is_none());
}

/// Case 50: the closure panics.
#[test]
fn new_cyclic_panics() {
    thread_local!(static LEAKED: RefCell<Option<Weak<Me>>> = const { RefCell::new(None) });
    let before = gc::count();
    for leak in [false, true] {
        let panicked = catch_unwind(|| {
            Gc::new_cyclic(|me: &Weak<Me>| {
                if leak {
                    LEAKED.set(Some(me.clone()));
                }
                panic!("in the making");
            })
        });
        assert!(panicked.is_err());
        // Others may get the block.
        let others: Vec<_> = (0..100).map(node).collect();
        let leaked = LEAKED.take();
        assert_eq!(leaked.is_some(), leak);
        if let Some(leaked) = leaked {
            assert!(leaked.upgrade().is_none());
            assert!(others.iter().all(|other| Gc::downgrade(other).id() != leaked.id()));
        }
        drop(others);
    }
    assert_eq!((SEEN.take(), gc::tracked_count()), (0, 0));
    assert_eq!(gc::count(), before);
}

/// Case 51.
#[test]
fn without_an_object() {
    let (a, b) = (Weak::<Node>::new(), Weak::<Node>::default());
    assert!(a.upgrade().is_none() && a.clone().upgrade().is_none());
    assert!(a.ptr_eq(&b) && a == b.clone());
    assert_eq!((a.strong_count(), a.weak_count()), (0, 0));
    assert_ne!(a, Gc::downgrade(&node(0)));
    // SAFETY: it came from there.
    let back = unsafe { Weak::from_raw(a.into_raw()) };
    assert!(back.upgrade().is_none() && back == b);
}

/// What tells objects from each other, while blocks are used again and again.
#[test]
fn names_outlive_objects() {
    let mut all: Vec<Weak<Node>> = Vec::new();
    let mut places = HashSet::new();
    for i in 0..200 {
        let cycle = ring(1);
        let weak = Gc::downgrade(&cycle[0]);
        places.insert(Gc::as_ptr(&cycle[0]));
        assert!(all.iter().all(|other| *other != weak && other.id() != weak.id()));
        all.push(weak);
        drop(cycle);
        if i % 3 == 0 {
            gc::collect();
        }
    }
    gc::collect();
    assert!(places.len() < 100, "blocks were used again");
    assert!(all.iter().all(|weak| weak.upgrade().is_none()));
}

/// A `Weak` turned raw keeps the object's memory, through a collection as well.
#[test]
fn turned_raw() {
    for collected in [false, true] {
        let all = ring(1);
        let weak = Gc::downgrade(&all[0]);
        let place = Gc::as_ptr(&all[0]);
        let raw = weak.clone().into_raw();
        assert_eq!((raw, weak.as_ptr()), (place, place));
        if !collected {
            all[0].edges.borrow_mut().clear();
        }
        drop(all);
        assert_eq!(gc::collect().collected, usize::from(collected));
        assert_eq!(dropped(), [0]);
        let others: Vec<_> = (0..2000).map(node).collect();
        assert!(others.iter().all(|other| Gc::as_ptr(other) != place));
        drop(others);
        // SAFETY: it came from there.
        let back = unsafe { Weak::from_raw(raw) };
        assert!(back == weak && back.upgrade().is_none());
        drop((back, weak));
        let others: Vec<_> = (0..2000).map(node).collect();
        assert!(others.iter().any(|other| Gc::as_ptr(other) == place), "the block is free");
        drop(others);
        dropped();
    }
}

trait Named: Trace {
    fn name(&self) -> usize;
}

impl Named for Node {
    fn name(&self) -> usize {
        self.id
    }
}

/// Trait objects: the same object, the same `Weak`s.
#[test]
fn of_trait_objects() {
    let all = ring(2);
    let weak = Gc::downgrade(&all[1]);
    let unsized_weak: Weak<dyn Named> = coerce!(weak.clone() => dyn Named);
    let from_unsized = Gc::downgrade(&coerce!(all[1].clone() => dyn Named));
    assert_eq!(unsized_weak.id(), weak.id());
    assert!(from_unsized.ptr_eq(&unsized_weak));
    assert_eq!(
        (unsized_weak.upgrade().map(|named| named.name()), Gc::weak_count(&all[1])),
        (Some(1), 3)
    );
    drop(all);
    assert_eq!(gc::collect().collected, 2);
    assert!(unsized_weak.upgrade().is_none() && from_unsized.upgrade().is_none());
}

/// Objects of all kinds of blocks: where the side cell is named differs.
#[test]
fn of_over_aligned_and_large_objects() {
    #[repr(align(16))]
    struct A16<T>(T);
    #[repr(align(64))]
    struct A64<T>(T);
    #[repr(align(4096))]
    struct A4096<T>(T);
    #[repr(align(65536))]
    struct A65536<T>(T);
    macro_rules! leaf {
        ($($name:ident)*) => {$(
            // SAFETY: all is visited, once.
            unsafe impl<T: Trace> Trace for $name<T> {
                fn trace(&self, tracer: &mut Tracer<'_>) {
                    self.0.trace(tracer);
                }
            }
        )*};
    }
    leaf!(A16 A64 A4096 A65536);
    fn try_with<T: Trace>(make: impl Fn() -> T) {
        let all: Vec<_> = (0..20).map(|_| Gc::new(make())).collect();
        let weak: Vec<_> = all.iter().map(Gc::downgrade).collect();
        for (gc, weak) in all.iter().zip(&weak) {
            assert!(Gc::as_ptr(gc).is_aligned());
            assert!(weak.upgrade().is_some_and(|same| Gc::ptr_eq(&same, gc)));
            assert_eq!(weak.as_ptr(), Gc::as_ptr(gc));
            let object =
                gc::objects(None).into_iter().find(|o| o.address == weak.as_ptr() as usize);
            let object = object.expect("it is tracked");
            assert_eq!((object.strong, object.weak), (1, 1));
            assert!(object.size >= size_of::<T>());
        }
        assert_eq!(gc::tracked_count(), 20);
        drop(all);
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
        assert_eq!(gc::tracked_count(), 0);
    }
    let edge = || RefCell::new(None::<Gc<Node>>);
    try_with(edge);
    try_with(|| A16(edge()));
    try_with(|| A64(edge()));
    try_with(|| A4096(edge()));
    try_with(|| A65536(edge()));
    try_with(|| (edge(), [0u8; 60_000]));
    try_with(|| (edge(), [0u64; 8187]));
    try_with(|| (edge(), [0u64; 8190]));
    try_with(|| (edge(), [0u8; 70_000]));
    try_with(|| A4096((edge(), [0u8; 70_000])));
}

/// `Weak`s to an object are parted from its value by `make_mut` and `try_unwrap`.
#[test]
fn parted_by_make_mut_and_try_unwrap() {
    let mut one = Gc::new(RefCell::new(Some(Gc::new(5))));
    let weak = Gc::downgrade(&one);
    *Gc::make_mut(&mut one).get_mut() = Some(Gc::new(6));
    assert!(weak.upgrade().is_none());
    assert_eq!((Gc::weak_count(&one), one.borrow().as_deref()), (0, Some(&6)));
    let weak = Gc::downgrade(&one);
    let value = Gc::try_unwrap(one).map_err(|_| "it has one reference").expect("it has one");
    assert!(weak.upgrade().is_none());
    assert_eq!(value.into_inner().as_deref(), Some(&6));
    assert_eq!(gc::tracked_count(), 0);
}

/// `make_mut` makes an object, and so may collect; what dies then may upgrade the `Weak` because of which it does.
#[test]
fn make_mut_collects_and_a_drop_upgrades() {
    thread_local! {
        static TO: RefCell<Option<Weak<Vec<Gc<Node>>>>> = const { RefCell::new(None) };
        static GOT: RefCell<Vec<Gc<Vec<Gc<Node>>>>> = const { RefCell::new(Vec::new()) };
    }
    alone(|| {
        gc::set_threshold(1, 10, 10);
        for round in 0..3000 {
            let mut one = Gc::new(vec![node(1), node(2)]);
            TO.set(Some(Gc::downgrade(&one)));
            let cycle = ring(1);
            set(&cycle[0].on_drop, |_: &Node| {
                let got = TO.with_borrow(|weak| weak.as_ref()?.upgrade());
                if let Some(got) = got {
                    see();
                    GOT.with_borrow_mut(|all| all.push(got));
                }
            });
            drop(cycle);
            // So that now this class's blocks run out here, now there.
            let _others: Vec<_> =
                (0..round % 37).map(|_| Gc::new(Vec::<Gc<Node>>::new())).collect();
            Gc::make_mut(&mut one).push(node(3));
            assert_eq!(one.len(), 3);
            for got in GOT.take() {
                assert!(got.len() == 2 || Gc::ptr_eq(&got, &one));
                assert_eq!(got.iter().map(|node| node.id).take(2).collect::<Vec<_>>(), [1, 2]);
            }
            assert_eq!(one.iter().map(|node| node.id).collect::<Vec<_>>(), [1, 2, 3]);
            TO.take();
        }
        gc::collect();
        assert!(SEEN.take() > 0, "it happened");
        assert!(dropped().len() > 3000);
    });
}

/// A `Weak` made in a finalizer or a drop to what dies.
#[test]
fn made_while_its_object_dies() {
    thread_local!(static MADE: RefCell<Vec<Weak<Final>>> = const { RefCell::new(Vec::new()) });
    let all = common::graph::ring_of::<true>(3);
    for node in &all {
        set(&node.on_finalize, |node: &Final| {
            MADE.with_borrow_mut(|made| made.push(Gc::downgrade(&first(node))));
        });
        set(&node.on_drop, |node: &Final| {
            let peer = AssertUnwindSafe(first(node));
            assert!(catch_unwind(|| drop(Gc::downgrade(&peer))).is_err());
            assert!(MADE.with_borrow(|made| made.iter().all(|weak| weak.upgrade().is_none())));
            see();
        });
    }
    drop(all);
    assert_eq!((gc::collect().collected, SEEN.take(), dropped()), (3, 3, vec![0, 1, 2]));
    let made = MADE.take();
    let different: HashSet<_> = made.iter().map(Weak::id).collect();
    assert_eq!((made.len(), different.len()), (3, 3));
    drop(new::<true>(0));
}
