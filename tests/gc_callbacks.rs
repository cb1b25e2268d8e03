//! Who is told of deaths and collections: once, and whatever they do then. (Cases 45, 46 and 72.)
#![cfg(feature = "gc")]

mod common;

use common::graph::{Node, alone, dropped, first, link, node, ring, ring_of, set};
use neap::Gc;
use neap::gc::{self, Phase, Subscription, Trace, Tracer, Weak};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

thread_local! {
    static TOLD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Who was told since the last question, in order of their names.
fn told() -> Vec<usize> {
    let mut all = TOLD.take();
    all.sort_unstable();
    all
}

/// A callback of this name.
fn tell(name: usize) -> impl FnOnce() + 'static {
    move || TOLD.with_borrow_mut(|told| told.push(name))
}

fn panics(work: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(work)).expect_err("a panic");
    payload.downcast_ref::<&str>().map_or_else(String::new, |text| (*text).into())
}

/// Case 45: `test_callback_in_cycle`. Who waits and dies together with what it waits for is not told; who outlives it is,
/// when it is gone.
#[test]
fn who_waits_is_garbage_itself() {
    struct Waits {
        edges: RefCell<Vec<Gc<Waits>>>,
        subscriptions: RefCell<Vec<Subscription>>,
    }
    // SAFETY: all edges are visited, once.
    unsafe impl Trace for Waits {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.edges.trace(tracer);
        }
    }
    let make = || Gc::new(Waits { edges: RefCell::default(), subscriptions: RefCell::default() });
    for by_counting in [false, true] {
        let (a, b, outside) = (make(), make(), make());
        a.edges.borrow_mut().push(b.clone());
        if !by_counting {
            b.edges.borrow_mut().push(a.clone());
        }
        // Of a it is waited for by b, by a itself, and from outside; of b by a.
        b.subscriptions.borrow_mut().push(Weak::on_death(&a, tell(1)));
        a.subscriptions.borrow_mut().push(Weak::on_death(&a, tell(2)));
        outside.subscriptions.borrow_mut().push(Weak::on_death(&a, tell(3)));
        let weak = Gc::downgrade(&a);
        let gone = move || {
            assert!(weak.upgrade().is_none());
            assert_eq!(weak.strong_count(), 0);
            tell(4)();
        };
        outside.subscriptions.borrow_mut().push(Weak::on_death(&a, gone));
        a.subscriptions.borrow_mut().push(Weak::on_death(&b, tell(5)));
        drop(b);
        drop(a);
        assert_eq!(gc::collect().collected, if by_counting { 0 } else { 2 });
        let mut told_now = told();
        if by_counting {
            // Contract: they die one after the other, so what a waits for may be told as long as a is not gone.
            told_now.retain(|name| ![2, 5].contains(name));
        }
        assert_eq!(told_now, [3, 4]);
        gc::collect();
        // And what those outside wait for in vain is nothing.
        drop(outside);
        assert_eq!((told(), gc::tracked_count()), (vec![], 0));
    }
}

/// Case 45: `test_callback_reachable_one_way`, and what a finalizer resurrects.
#[test]
fn the_dead_are_waited_for_by_the_living() {
    thread_local!(static KEPT: RefCell<Vec<Gc<Node<true>>>> = const { RefCell::new(Vec::new()) });
    let all = ring_of::<true>(5);
    set(&all[2].on_finalize, |node: &Node<true>| {
        KEPT.with_borrow_mut(|kept| kept.push(first(node)));
    });
    for (i, gc) in all.iter().enumerate() {
        Weak::on_death(gc, tell(i)).keep();
    }
    drop(all);
    let done = gc::collect();
    assert_eq!((done.collected, done.resurrected, told()), (0, 5, vec![]), "all live");
    drop(KEPT.take());
    assert_eq!((gc::collect().collected, told(), dropped().len()), (5, vec![0, 1, 2, 3, 4], 5));
    gc::collect();
    assert_eq!(told(), [], "once");
}

/// Case 46: `test_callbacks_on_callback`, `test_multiple_selfref_callbacks`.
#[test]
fn who_is_told_does_much() {
    alone(|| {
        for by_counting in [false, true] {
            let object = if by_counting { node(0) } else { ring(1).remove(0) };
            // It waits for others, of which some die just then.
            let second = node(1);
            let kept: Rc<RefCell<Vec<Subscription>>> = Rc::default();
            let book = kept.clone();
            let does = move || {
                tell(10)();
                book.borrow_mut().push(Weak::on_death(&second, tell(11)));
                drop(second);
                let third = ring(3);
                Weak::on_death(&third[1], tell(12)).keep();
                drop(third);
                gc::collect();
                for i in 0..3000 {
                    drop(node(i));
                }
            };
            let subscription = Weak::on_death(&object, does);
            kept.borrow_mut().push(subscription);
            // Another one gives up who else waits, and itself.
            let book = kept.clone();
            let gives_up = Weak::on_death(&object, move || {
                tell(20)();
                book.borrow_mut().clear();
            });
            kept.borrow_mut().push(gives_up);
            drop(object);
            gc::collect();
            gc::collect();
            let told = told();
            // Who comes first is not promised, but nobody comes twice, and it is told who was not given up.
            assert!(told.contains(&20), "{told:?}");
            assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
            assert_eq!(told.contains(&10), told.contains(&12), "{told:?}");
            gc::collect();
            dropped();
            assert_eq!(gc::tracked_count(), 0);
        }
    });
}

/// Case 46: one that panics does not keep the others from being told.
#[test]
fn who_is_told_panics() {
    for by_counting in [true, false] {
        let object = if by_counting { node(0) } else { ring(1).remove(0) };
        Weak::on_death(&object, tell(1)).keep();
        Weak::on_death(&object, || panic!("told")).keep();
        Weak::on_death(&object, || resume_unwind(Box::new("and told"))).keep();
        Weak::on_death(&object, tell(2)).keep();
        let said = panics(|| {
            drop(object);
            gc::collect();
        });
        assert_eq!((said.as_str(), told(), dropped()), ("told", vec![1, 2], vec![0]));
        // All works on.
        let object = ring(1).remove(0);
        Weak::on_death(&object, tell(3)).keep();
        drop(object);
        assert_eq!((gc::collect().collected, told(), dropped()), (1, vec![3], vec![0]));
    }
}

/// Whoever waited and does so no more leaves nothing behind that could be taken for another object's.
#[test]
fn cells_that_are_used_again() {
    alone(|| {
        for count in 1..30 {
            let all = ring(count);
            let made: Rc<RefCell<Vec<Gc<Node>>>> = Rc::default();
            for (i, gc) in all.iter().enumerate() {
                if i % 3 == 1 {
                    let made = made.clone();
                    Weak::on_death(gc, move || {
                        // Their cells lie where those of the dead were.
                        for _ in 0..40 {
                            let new = node(1000);
                            Weak::on_death(&new, tell(7)).keep();
                            made.borrow_mut().push(new);
                        }
                    })
                    .keep();
                } else {
                    drop(Weak::on_death(gc, tell(i)));
                }
            }
            drop(all);
            gc::collect();
            assert_eq!((told(), dropped().len()), (vec![], count));
            let count = made.borrow().len();
            drop(made.take());
            assert_eq!((told().len(), dropped().len()), (count, count));
        }
    });
}

/// Case 46: a chain of which each waits for the next one and lets go of it when it is told.
#[test]
fn a_long_chain_of_those_who_are_told() {
    alone(|| {
        let mut last: Option<Gc<Node>> = None;
        let len = 20_000;
        for i in 0..len {
            let object = node(i);
            let below = Cell::new(last.take());
            Weak::on_death(&object, move || {
                tell(i)();
                drop(below.take());
            })
            .keep();
            last = Some(object);
        }
        drop(last);
        // Each is told when the one before has been.
        assert_eq!((told().len(), dropped().len()), (len, len));
    });
}

/// Case 72: those who are told of collections come and go meanwhile.
#[test]
fn who_is_told_of_collections_comes_and_goes() {
    alone(|| {
        let all: Rc<RefCell<Vec<Subscription>>> = Rc::default();
        let book = all.clone();
        let rounds = Rc::new(Cell::new(0));
        let count = rounds.clone();
        let adds = gc::on_collect(move |event| {
            assert!(gc::collect().skipped);
            count.set(count.get() + 1);
            let name = count.get();
            if event.phase == Phase::Start {
                let new = gc::on_collect(move |_| tell(name)());
                book.borrow_mut().push(new);
            } else {
                // All others go, those that were not told yet among them.
                let gone = book.take();
                assert_eq!(gone.len(), 1);
            }
            drop(ring(2));
        });
        drop(ring(3));
        assert_eq!((gc::collect().collected, dropped().len()), (3 + 2, 3 + 2));
        assert_eq!(
            (rounds.get(), told()),
            (2, vec![]),
            "who comes in the midst is told from the next event on"
        );
        // What they made is garbage of the next one.
        assert_eq!((gc::collect().collected, dropped().len()), (2 + 2, 2 + 2));
        drop(adds);
        // One that lets go of itself.
        let me: Rc<RefCell<Option<Subscription>>> = Rc::default();
        let own = me.clone();
        let other = gc::on_collect(|_| tell(2)());
        *me.borrow_mut() = Some(gc::on_collect(move |_| {
            tell(1)();
            drop(own.take());
        }));
        let last = gc::on_collect(|_| tell(3)());
        gc::collect();
        assert_eq!(told(), [1, 2, 2, 3, 3]);
        drop((other, last));
        gc::collect();
        assert_eq!((told(), me.borrow().is_none()), (vec![], true));
        dropped();
    });
}

/// Case 72: panics at the start and at the stop; and of automatic collections.
#[test]
fn who_is_told_of_collections_panics() {
    alone(|| {
        for phase in [Phase::Start, Phase::Stop] {
            let bad = gc::on_collect(move |event| {
                if event.phase == phase {
                    panic!("told");
                }
            });
            let good = gc::on_collect(|_| tell(1)());
            drop(ring(3));
            let said = panics(|| {
                gc::collect();
            });
            assert_eq!(said, "told");
            assert_eq!((told(), dropped()), (vec![1, 1], vec![0, 1, 2]), "all was done");
            // One that comes by itself: it comes out where an object is made, which is not.
            gc::set_threshold(100, 10, 10);
            let mut made = 0;
            let said = panics(|| {
                for _ in 0..100_000 {
                    drop(ring(1));
                    made += 1;
                }
            });
            assert_eq!((said.as_str(), told()), ("told", vec![1, 1]));
            drop(bad);
            gc::collect();
            // The value for which there was no object is dropped as well.
            assert_eq!((dropped().len(), gc::tracked_count()), (made + 1, 0));
            told();
            drop(good);
            link(&node(0), &node(1));
            dropped();
        }
    });
}

/// Case 72: what a callback lets die at the end of a collection is told then, and what weak maps held for it goes.
#[test]
fn deaths_in_the_last_callback() {
    let held = Rc::new(RefCell::new(Some(node(0))));
    let mut map = gc::WeakKeyMap::new();
    let first = held.borrow().clone().expect("a node");
    map.insert(&first, node(1));
    let _waits = Weak::on_death(&first, tell(7));
    drop(first);
    let lets_go = held.clone();
    let _stops = gc::on_collect(move |event| {
        if event.phase == Phase::Stop {
            lets_go.borrow_mut().take();
        }
    });
    let before = gc::stats()[2].collections;
    let counted = Rc::new(Cell::new(0));
    let count = counted.clone();
    let _counts = gc::on_collect(move |event| {
        if event.phase == Phase::Stop {
            count.set(gc::stats()[2].collections);
        }
    });
    gc::collect();
    assert_eq!((told(), map.len(), dropped()), (vec![7], 0, vec![0, 1]));
    assert_eq!(counted.get(), before + 1, "the collection that ends is counted");
}

/// Case 46: a call takes another one for the same death back.
#[test]
fn a_call_takes_another_back() {
    let object = node(0);
    let second: Rc<RefCell<Option<Subscription>>> = Rc::default();
    let gives_up = second.clone();
    let _first = Weak::on_death(&object, move || {
        TOLD.with_borrow_mut(|told| told.push(1));
        drop(gives_up.take());
    });
    second.replace(Some(Weak::on_death(&object, tell(2))));
    let _third = Weak::on_death(&object, tell(3));
    drop(object);
    assert_eq!(told(), [1, 3]);
}
