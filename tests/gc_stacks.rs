//! Programs that switch stacks: what the collector and counting do on a stack that was put beneath, is left again, or is
//! left for good in the midst of it.
#![cfg(feature = "gc")]

mod common;

use common::KIB;
use common::counted::{Counted, dropped};
use common::graph::{self, Final, Node, alone, link, node, ring, ring_of, set};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use neap::gc::{self, Trace, Tracer};
use neap::{Gc, Rc};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does `work` on a stack of this many bytes put beneath.
fn on_another<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    stacker::grow(bytes, work)
}

const SMALL: usize = 64 * KIB;

/// Nodes of a long list; a debug build takes a fifth.
fn long() -> usize {
    if cfg!(debug_assertions) { 200_000 } else { 1_000_000 }
}

/// A link of a list, which may be closed.
struct Link {
    next: RefCell<Option<Gc<Link>>>,
    _counted: Counted,
}

// SAFETY: the edge is visited, once.
unsafe impl Trace for Link {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.next.trace(tracer);
    }
}

/// The first and the last link of a list.
fn list(len: usize) -> (Gc<Link>, Gc<Link>) {
    let new = |next| Gc::new(Link { next: RefCell::new(next), _counted: Counted });
    let last = new(None);
    let first = (1..len).fold(last.clone(), |next, _| new(Some(next)));
    (first, last)
}

#[test]
fn a_million_links_on_a_small_stack() {
    alone(|| {
        let len = long();
        for closed in [false, true] {
            let (first, last) = list(len);
            if closed {
                *last.next.borrow_mut() = Some(first.clone());
            }
            drop(last);
            on_another(SMALL, || {
                drop(first);
                // What a drop led to is done when it returns, on whichever stack.
                assert_eq!(dropped(), if closed { 0 } else { len });
                assert_eq!(gc::collect().collected, if closed { len } else { 0 });
            });
            assert_eq!((dropped(), gc::tracked_count()), (if closed { len } else { 0 }, 0));
        }
    });
}

#[test]
fn made_on_one_stack_and_dropped_on_another() {
    alone(|| {
        let len = long() / 4;
        for _ in 0..4 {
            let (first, last) = on_another(SMALL, || list(len));
            *last.next.borrow_mut() = Some(first.clone());
            on_another(SMALL, || drop((first, last)));
            assert_eq!((gc::collect().collected, dropped()), (len, len));
            let (first, last) = on_another(SMALL, || on_another(SMALL, || list(len)));
            drop(last);
            on_another(SMALL, || on_another(SMALL, || drop(first)));
            assert_eq!(dropped(), len);
        }
    });
}

/// Puts a stack beneath in each of its drops, in which the next object dies.
struct Deeper {
    next: Cell<Option<Rc<Deeper>>>,
    also: Cell<Option<Gc<Link>>>,
    _counted: Counted,
}

impl Drop for Deeper {
    fn drop(&mut self) {
        on_another(SMALL, || {
            drop(self.next.take());
            drop(self.also.take());
        });
    }
}

#[test]
fn each_drop_puts_a_stack_beneath() {
    alone(|| {
        let (len, of_each) = (400, 1000);
        let chain = (0..len).fold(None, |next, i| {
            let also = (i % 10 == 0).then(|| list(of_each).0);
            let also = Cell::new(also);
            Some(Rc::new(Deeper { next: Cell::new(next), also, _counted: Counted }))
        });
        drop(chain);
        assert_eq!(dropped(), len + len / 10 * of_each);
        // The same, and none of it is the program's first stack.
        let chain = (0..len).fold(None, |next, _| {
            let also = Cell::new(None);
            Some(Rc::new(Deeper { next: Cell::new(next), also, _counted: Counted }))
        });
        on_another(SMALL, || drop(chain));
        assert_eq!(dropped(), len);
    });
}

#[test]
fn finalizers_and_drops_put_stacks_beneath() {
    alone(|| {
        for _ in 0..3 {
            let all = ring_of::<true>(20);
            for node in &all {
                set(&node.on_finalize, |node: &Final| {
                    on_another(SMALL, || {
                        // Alive and readable, from there as well; and what is made there is as any other.
                        assert_eq!(Gc::strong_count(&graph::first(node)), 3);
                        assert!(gc::collect().skipped);
                        let (first, _) = list(5000);
                        on_another(SMALL, || drop(first));
                        assert_eq!(dropped(), 5000);
                        drop(ring(3));
                    });
                });
                set(&node.on_drop, |_: &Final| {
                    on_another(SMALL, || {
                        assert!(gc::collect().skipped);
                        drop(list(3000).0);
                        assert_eq!(dropped(), 3000);
                    });
                });
            }
            drop(all);
            let done = on_another(SMALL, gc::collect);
            assert_eq!((done.collected, done.resurrected), (20, 0));
            assert_eq!(graph::finalized(), (0..20).collect::<Vec<_>>());
            assert_eq!(graph::dropped(), (0..20).collect::<Vec<_>>());
            // The rings that finalizers left.
            assert_eq!((gc::collect().collected, graph::dropped().len()), (60, 60));
        }
    });
}

#[test]
fn finalizers_by_counting_on_small_stacks() {
    alone(|| {
        // A chain of objects with finalizers, of which each puts a stack beneath.
        let len = 2000;
        let chain = (0..len).fold(None, |next: Option<Gc<Final>>, id| {
            let node = graph::new::<true>(id);
            node.edges.borrow_mut().extend(next);
            set(&node.on_finalize, |node: &Final| {
                on_another(SMALL, || assert!(node.edges.borrow().len() < 2));
            });
            Some(node)
        });
        on_another(SMALL, || drop(chain));
        assert_eq!((graph::finalized().len(), graph::dropped().len()), (len, len));
    });
}

#[test]
fn a_trace_puts_stacks_beneath() {
    alone(|| {
        // Each visits its edges from another stack, and on it looks for room, as recursive programs do.
        struct Far(RefCell<Vec<Gc<Far>>>, Counted);
        // SAFETY: all edges are visited, once.
        unsafe impl Trace for Far {
            fn trace(&self, tracer: &mut Tracer<'_>) {
                on_another(SMALL, || stacker::maybe_grow(16 * KIB, SMALL, || self.0.trace(tracer)));
            }
        }
        let all: Vec<_> = (0..300).map(|_| Gc::new(Far(RefCell::default(), Counted))).collect();
        for (i, from) in all.iter().enumerate() {
            for k in 1..4 {
                from.0.borrow_mut().push(all[(i * k + 1) % all.len()].clone());
            }
        }
        assert_eq!(gc::collect().collected, 0);
        let kept = all[7].clone();
        drop(all);
        on_another(SMALL, gc::collect);
        let alive = 300 - dropped();
        assert!(alive > 0 && gc::tracked_count() == alive);
        drop(kept);
        assert_eq!((gc::collect().collected, dropped()), (alive, alive));
    });
}

#[test]
fn recursion_that_grows_as_it_goes() {
    alone(|| {
        /// Makes a tree, and drops and collects on the way back.
        fn tree(depth: usize, garbage: &mut usize) -> Gc<Node> {
            stacker::maybe_grow(32 * KIB, SMALL, || {
                let here = node(depth);
                if depth > 0 {
                    link(&here, &tree(depth - 1, garbage));
                    let lost = ring(2);
                    link(&lost[0], &here);
                    *garbage += 2;
                    if depth.is_multiple_of(100) {
                        drop(lost);
                        let pad = std::hint::black_box([0_u8; 4 * KIB]);
                        gc::collect();
                        std::hint::black_box(pad);
                    }
                }
                here
            })
        }
        let (depth, mut garbage) = (3000, 0);
        let root = tree(depth, &mut garbage);
        gc::collect();
        assert_eq!(graph::dropped().len(), garbage);
        on_another(SMALL, || drop(root));
        assert_eq!((graph::dropped().len(), gc::tracked_count()), (depth + 1, 0));
    });
}

#[test]
fn panics_leave_a_stack() {
    alone(|| {
        // stacker carries a panic back to the stack that it came from.
        let all = ring(5);
        set(&all[2].on_drop, |_: &Node| {
            on_another(SMALL, || {
                let _also = list(10_000);
                panic!("on another stack")
            })
        });
        drop(all);
        let payload = catch_unwind(AssertUnwindSafe(|| on_another(SMALL, gc::collect)));
        let payload = payload.expect_err("a panic");
        assert_eq!(payload.downcast_ref(), Some(&"on another stack"));
        assert_eq!((graph::dropped().len(), dropped()), (5, 10_000));
        drop(ring(3));
        assert_eq!((gc::collect().collected, graph::dropped()), (3, vec![0, 1, 2]));
    });
}

/// A coroutine that is left in the midst of a drop that a collection does, and another in the midst of one of its own.
#[test]
fn a_collection_waits_on_another_stack() {
    alone(|| {
        let stack = || DefaultStack::new(SMALL).expect("a stack");
        let mut collects = Coroutine::with_stack(stack(), |yielder, ()| {
            let yielder: *const corosensei::Yielder<(), ()> = yielder;
            let all = ring(3);
            set(&all[1].on_drop, move |_: &Node| {
                // SAFETY: the drop comes below, in the coroutine whose that is.
                unsafe { &*yielder }.suspend(());
            });
            drop(all);
            gc::collect().collected
        });
        assert!(matches!(collects.resume(()), CoroutineResult::Yield(())));
        // It is under way. All else goes on, and nothing is collected twice.
        assert!(gc::collect().skipped);
        drop(ring(4));
        let (first, last) = list(10_000);
        drop(last);
        let mut drops = Coroutine::with_stack(stack(), move |yielder, ()| {
            drop(first);
            yielder.suspend(());
            drop(list(10).0);
        });
        assert!(matches!(drops.resume(()), CoroutineResult::Yield(())));
        assert_eq!(dropped(), 10_000);
        assert!(gc::collect().skipped);
        assert!(matches!(collects.resume(()), CoroutineResult::Return(3)));
        assert!(matches!(drops.resume(()), CoroutineResult::Return(())));
        assert_eq!((dropped(), graph::dropped()), (10, vec![0, 1, 2]));
        assert_eq!((gc::collect().collected, graph::dropped().len()), (4, 4));
    });
}
