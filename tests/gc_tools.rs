//! What stands around the collector: slices, objects of unknown type, who is told, what is kept, what can be asked.

#![cfg(feature = "gc")]

mod common;

use common::counted::{Counted, dropped};
use neap::gc::{self, Debug, Erased, Leaf, Phase, Trace, Tracer, Weak};
use neap::{Finalize, Gc};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

struct Node {
    edges: RefCell<Vec<Erased>>,
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

fn self_cycle() -> Gc<Node> {
    let node = node();
    node.edges.borrow_mut().push(node.clone().into());
    node
}

#[test]
fn slices_and_texts() {
    let numbers: Gc<[u64]> = (0..10).collect();
    assert_eq!((numbers.len(), numbers[9], gc::is_tracked(&numbers)), (10, 9, false));
    let empty: Gc<[u64]> = Gc::from(vec![]);
    assert!(empty.is_empty());
    let text: Gc<str> = Gc::from("tide");
    let again = text.clone();
    assert_eq!((&*again, Gc::strong_count(&text)), ("tide", 2));
    let weak = Gc::downgrade(&text);
    drop((text, again));
    assert!(weak.upgrade().is_none());
    // Slices of arrays have no length in front, and are the same to all who use them.
    for len in [0, 1, 3, 20_000] {
        let slice: Gc<[Counted]> = (0..len).map(|_| Counted).collect();
        assert_eq!(slice.len(), len);
        drop(slice);
        assert_eq!(dropped(), len);
    }
    drop(Gc::<[Counted]>::from([Counted, Counted, Counted]));
    assert_eq!(dropped(), 3);
}

#[test]
fn a_cycle_through_a_slice() {
    struct Link(RefCell<Option<Gc<[Link]>>>, Counted);
    // SAFETY: the edge is visited, once.
    unsafe impl Trace for Link {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    let link = |_| Link(RefCell::new(None), Counted);
    for slice in [(0..5).map(link).collect::<Gc<[Link]>>(), Gc::from([0, 1, 2, 3, 4].map(link))] {
        *slice[3].0.borrow_mut() = Some(slice.clone());
        drop(slice);
        assert_eq!(dropped(), 0);
        assert_eq!((gc::collect().collected, dropped()), (1, 5));
    }
}

#[test]
fn objects_of_unknown_type() {
    let values: Vec<Erased> = vec![
        Gc::new(7_i64).into(),
        Gc::new(String::from("tide")).into(),
        node().into(),
        Gc::new(Leaf(Counted)).into(),
    ];
    assert_eq!(values[0].downcast_ref::<i64>(), Some(&7));
    assert_eq!(values[0].downcast_ref::<u64>(), None);
    assert!(values[2].type_name().ends_with("Node"));
    let copies = values.clone();
    assert!(Erased::ptr_eq(&values[1], &copies[1]) && !Erased::ptr_eq(&values[1], &copies[0]));
    assert_eq!(Erased::strong_count(&values[1]), 2);
    drop(values);
    assert_eq!(dropped(), 0);
    let text = copies[1].clone().downcast::<String>().expect("a text");
    assert_eq!((&**text, Gc::strong_count(&text)), ("tide", 2));
    drop(copies);
    assert_eq!(dropped(), 2);
    // A long chain of them on a small stack.
    let work = || {
        let mut last = node();
        for _ in 0..200_000 {
            let next = node();
            next.edges.borrow_mut().push(last.into());
            last = next;
        }
        drop(last);
        assert_eq!(dropped(), 200_001);
    };
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(work);
    thread.expect("a thread").join().unwrap_or_else(|payload| resume_unwind(payload));
}

/// Case 72; the rest in `gc_callbacks.rs`.
#[test]
fn who_is_told_of_collections() {
    let events = Rc::new(RefCell::new(Vec::new()));
    let log = events.clone();
    let subscription = gc::on_collect(move |event| {
        assert!(gc::collect().skipped, "inside a collection there is no other");
        drop(node());
        log.borrow_mut().push((event.phase, event.generation, event.collected));
    });
    drop((self_cycle(), self_cycle()));
    assert_eq!(gc::collect_generation(1).collected, 2);
    assert_eq!(events.take(), [(Phase::Start, 1, 0), (Phase::Stop, 1, 2)]);
    let panics = gc::on_collect(|event| {
        if event.phase == Phase::Start {
            resume_unwind(Box::new("planned"));
        }
    });
    drop(self_cycle());
    assert!(catch_unwind(AssertUnwindSafe(gc::collect)).is_err(), "the panic goes on");
    assert_eq!(events.take(), [(Phase::Start, 2, 0), (Phase::Stop, 2, 1)], "but all was done");
    drop((subscription, panics));
    assert!(!gc::collect().skipped);
    assert!(events.take().is_empty());
}

#[test]
fn who_is_told_of_a_death() {
    let told = Rc::new(Cell::new(0));
    let tell = |n| {
        let told = told.clone();
        move || {
            gc::collect();
            told.set(told.get() + n);
        }
    };
    let object = node();
    let first = Weak::on_death(&object, tell(1));
    let second = Weak::on_death(&object, tell(10));
    let never = Weak::on_death(&object, tell(100));
    drop(never);
    assert_eq!(Gc::weak_count(&object), 1, "one for all of them");
    drop(object);
    assert_eq!((told.take(), dropped()), (11, 1));
    drop((first, second));
    // Found by a collection.
    let object = self_cycle();
    Weak::on_death(&object, tell(1)).keep();
    drop(object);
    assert_eq!(told.get(), 0);
    gc::collect();
    assert_eq!(told.take(), 1);
    gc::collect();
    assert_eq!((told.take(), dropped()), (0, 1), "once");
    // Taken apart.
    let object = node();
    Weak::on_death(&object, tell(1)).keep();
    assert!(Gc::into_inner(object).is_some());
    assert_eq!(told.take(), 1);
}

#[test]
fn a_death_that_is_put_off_by_a_finalizer() {
    struct Phoenix(Rc<RefCell<Option<Gc<Phoenix>>>>, RefCell<Weak<Phoenix>>);
    // SAFETY: what it owns is not visited: a `Weak`, and a place outside.
    unsafe impl Trace for Phoenix {
        fn trace(&self, _: &mut Tracer<'_>) {}
        fn finalizer() -> Option<fn(&Self)> {
            Some(Self::finalize)
        }
    }
    impl Finalize for Phoenix {
        fn finalize(&self) {
            *self.0.borrow_mut() = self.1.borrow().upgrade();
        }
    }
    let (place, told) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(false)));
    let phoenix = Gc::new_cyclic(|me| Phoenix(place.clone(), RefCell::new(me.clone())));
    let tell = told.clone();
    Weak::on_death(&phoenix, move || tell.set(true)).keep();
    drop(phoenix);
    assert!(!told.get() && place.borrow().is_some());
    assert!(gc::is_finalized(place.borrow().as_ref().expect("resurrected")));
    drop(place.take());
    assert!(told.get());
}

/// Case 73.
#[test]
fn what_is_kept_for_a_closer_look() {
    gc::set_debug(gc::DEBUG_SAVEALL);
    let (a, b) = (node(), node());
    a.edges.borrow_mut().push(b.clone().into());
    b.edges.borrow_mut().push(a.clone().into());
    drop((a, b));
    let done = gc::collect();
    assert_eq!((done.collected, done.uncollectable, dropped()), (0, 2, 0));
    gc::set_debug(Debug::NONE);
    let kept = gc::garbage();
    assert_eq!((kept.len(), gc::garbage().len()), (2, 0));
    assert!(kept.iter().all(|object| object.downcast_ref::<Node>().is_some()));
    assert_eq!(gc::collect().collected, 0);
    drop(kept);
    assert_eq!((gc::collect().collected, dropped()), (2, 2));
}

#[test]
fn who_holds_whom() {
    let leaf = Gc::new(5);
    let holder = Gc::new(Some(leaf.clone()));
    let root = Gc::new(vec![holder.clone(), holder.clone()]);
    let addresses = |objects: Vec<gc::Object>| -> Vec<usize> {
        objects.into_iter().map(|object| object.address).collect()
    };
    let [leaf_at, holder_at, root_at] =
        [Gc::as_ptr(&leaf).addr(), Gc::as_ptr(&holder).addr(), Gc::as_ptr(&root).addr()];
    assert_eq!(addresses(gc::referents(&root)), [holder_at, holder_at]);
    assert_eq!(addresses(gc::referrers(&holder)), [root_at]);
    assert_eq!(addresses(gc::referrers(&leaf)), [holder_at]);
    drop(holder);
    let path = gc::path_to(&leaf).map(addresses);
    assert_eq!(path, Some(vec![root_at, holder_at, leaf_at]));
    assert_eq!(gc::path_to(&root).map(addresses), None);
    assert_eq!(gc::tracked_count(), 2);
    let all = gc::objects(None);
    assert!(all.iter().all(|object| object.type_name.contains("Gc<")), "{all:?}");
    gc::collect_generation(0);
    assert_eq!((gc::objects(Some(0)).len(), gc::objects(Some(1)).len()), (0, 2));
}

#[test]
fn frozen_objects_are_passed_by() {
    let kept = self_cycle();
    let garbage = self_cycle();
    drop(garbage);
    gc::freeze();
    assert_eq!(gc::freeze_count(), 2);
    assert_eq!((gc::collect().collected, dropped()), (0, 0));
    drop(self_cycle());
    assert_eq!((gc::collect().collected, dropped()), (1, 1));
    gc::unfreeze();
    assert_eq!(gc::freeze_count(), 0);
    assert_eq!((gc::collect().collected, dropped()), (1, 1));
    drop(kept);
    assert_eq!((gc::collect().collected, dropped()), (1, 1));
}

#[test]
fn thresholds_and_counts() {
    gc::set_threshold(5, 2, 2);
    gc::collect();
    let before = gc::stats();
    assert_eq!(gc::count(), [0, 0, 0]);
    let some: Vec<_> = (0..3).map(|_| node()).collect();
    assert_eq!(gc::count()[0], 3);
    drop(some);
    assert_eq!(gc::count()[0], 0);
    for i in 1..=3 {
        gc::collect_generation(0);
        assert_eq!(gc::count(), [0, i, 0]);
    }
    gc::collect_generation(1);
    assert_eq!(gc::count(), [0, 0, 1]);
    let after = gc::stats();
    assert_eq!(after[0].collections - before[0].collections, 3);
    gc::set_threshold(0, 10, 10);
    let all: Vec<_> = (0..10_000).map(|_| self_cycle()).collect();
    drop(all);
    assert_eq!(gc::stats()[0].collections, after[0].collections, "0: never by itself");
    gc::set_threshold(2000, 10, 10);
    let pause = gc::pause();
    for _ in 0..10_000 {
        self_cycle();
    }
    assert_eq!(gc::stats()[0].collections, after[0].collections);
    drop(pause);
    for _ in 0..10_000 {
        self_cycle();
    }
    assert!(gc::stats()[0].collections > after[0].collections);
    gc::collect();
    assert_eq!(dropped(), 30_003);
}

/// What a collection panics with is caught by whoever asked for it, also while another panic goes by.
#[test]
fn a_panic_out_of_a_collection_while_another_goes_by() {
    struct Bad(RefCell<Option<Gc<Bad>>>, Panics);
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new("inner"));
        }
    }
    // SAFETY: the edge is visited, once.
    unsafe impl Trace for Bad {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            let bad = Gc::new(Bad(RefCell::new(None), Panics));
            *bad.0.borrow_mut() = Some(bad.clone());
            let _ = &bad.1;
            drop(bad);
            let payload = catch_unwind(gc::collect).expect_err("it goes on");
            assert_eq!(payload.downcast_ref(), Some(&"inner"));
        }
    }
    let outer = catch_unwind(|| {
        let _guard = Guard;
        resume_unwind(Box::new("outer"));
    });
    assert_eq!(outer.expect_err("it panics").downcast_ref(), Some(&"outer"));
}

/// The object for which a collection made room is younger than that.
#[test]
fn what_is_made_after_a_collection_is_young() {
    gc::set_threshold(500, 1000, 1000);
    let before = gc::stats()[0].collections;
    let mut all = Vec::new();
    while gc::stats()[0].collections == before {
        all.push(node());
    }
    // The last one came after the collection, all others before.
    let young = gc::objects(Some(0));
    let newest = Gc::as_ptr(all.last().expect("one")).addr();
    assert_eq!(young.iter().map(|object| object.address).collect::<Vec<_>>(), [newest]);
}

/// Cases 36 and 73: garbage is kept, one of which let go of itself in its finalizer.
#[test]
fn what_lets_go_of_itself_is_kept_too() {
    struct Lets(RefCell<Option<Gc<Lets>>>, Counted);
    // SAFETY: the one edge is visited, once.
    unsafe impl Trace for Lets {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }

        fn finalizer() -> Option<fn(&Self)> {
            Some(|this: &Self| drop(this.0.take()))
        }
    }
    let lets = Gc::new(Lets(RefCell::default(), Counted));
    *lets.0.borrow_mut() = Some(lets.clone());
    gc::set_debug(gc::DEBUG_SAVEALL);
    drop(lets);
    let done = gc::collect();
    gc::set_debug(Debug::NONE);
    assert_eq!((done.collected, done.uncollectable, dropped()), (0, 1, 0));
    let kept = gc::garbage();
    assert!(kept[0].downcast_ref::<Lets>().is_some_and(|lets| lets.0.borrow().is_none()));
    drop(kept);
    assert_eq!(dropped(), 1);
}

/// Case 32: the value is the same when it moves to an object of its own.
#[test]
fn a_value_that_moves_is_not_finalized_again() {
    thread_local!(static TIMES: Cell<usize> = const { Cell::new(0) });
    #[derive(Clone)]
    struct Final(u32);
    // SAFETY: it owns no `Gc`.
    unsafe impl Trace for Final {
        fn trace(&self, _: &mut Tracer<'_>) {}

        fn finalizer() -> Option<fn(&Self)> {
            Some(|_: &Self| {
                TIMES.set(TIMES.get() + 1);
                SAVED.with_borrow_mut(|saved| saved.take().map(|saved| saved()));
            })
        }
    }
    type Save = Box<dyn FnOnce()>;
    thread_local!(static SAVED: RefCell<Option<Save>> = const { RefCell::new(None) });
    let object = Gc::new(Final(1));
    let weak = Gc::downgrade(&object);
    let back: Rc<RefCell<Option<Gc<Final>>>> = Rc::default();
    let (me, place) = (weak.clone(), back.clone());
    SAVED.set(Some(Box::new(move || {
        place.replace(me.upgrade());
    })));
    drop(object);
    let mut object = back.take().expect("it came back");
    assert!(gc::is_finalized(&object));
    Gc::make_mut(&mut object).0 = 2;
    assert!(gc::is_finalized(&object) && weak.upgrade().is_none());
    drop(object);
    assert_eq!(TIMES.get(), 1);
}

/// What a `Drop` asks about a peer that died with it.
#[test]
fn questions_about_the_dead() {
    thread_local!(static ASKED: Cell<bool> = const { Cell::new(false) });
    struct Asks(RefCell<Option<Gc<Asks>>>);
    // SAFETY: the one edge is visited, once; its drop asks, and does not read.
    unsafe impl Trace for Asks {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    impl Drop for Asks {
        fn drop(&mut self) {
            if let Some(peer) = &*self.0.borrow() {
                assert!(gc::path_to(peer).is_none() && gc::referents(peer).is_empty());
                assert_eq!((Gc::strong_count(peer), Gc::weak_count(peer)), (0, 0));
                ASKED.set(true);
            }
        }
    }
    let asks = Gc::new(Asks(RefCell::default()));
    let _weak = Gc::downgrade(&asks);
    *asks.0.borrow_mut() = Some(asks.clone());
    drop(asks);
    assert_eq!((gc::collect().collected, ASKED.get()), (1, true));
}

/// Lines that can't be written stop nobody.
#[test]
fn debug_lines_go_nowhere() {
    // SAFETY: a copy of stderr, which is put back.
    let stderr = unsafe { libc::dup(2) };
    // SAFETY: a text that ends with 0.
    let full = unsafe { libc::open(c"/dev/full".as_ptr(), libc::O_WRONLY) };
    assert!(stderr >= 0 && full >= 0);
    // SAFETY: both are open.
    unsafe { libc::dup2(full, 2) };
    gc::set_debug(gc::DEBUG_STATS | gc::DEBUG_COLLECTABLE);
    drop(self_cycle());
    let first = gc::collect();
    gc::set_debug(Debug::NONE);
    drop(self_cycle());
    let second = gc::collect();
    // SAFETY: as above.
    unsafe { libc::dup2(stderr, 2) };
    assert_eq!((first.collected, second.collected, second.skipped), (1, 1, false));
    dropped();
}
