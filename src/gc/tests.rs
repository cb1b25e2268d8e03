//! What can't be reached from outside: types of other libraries, memory that is refused in the midst of a collection.

use core::cell::{Cell, RefCell};

use super::{Erased, Gc, Trace, Tracer, collect, collect_generation, tracked_count};
use crate::heap::refusing;

thread_local! {
    /// Every type that an object is made of now counts as one of another library.
    pub static ALL_FAR: Cell<bool> = const { Cell::new(false) };
}

struct Node<const N: usize> {
    edges: RefCell<Vec<Erased>>,
    told: std::rc::Rc<Cell<usize>>,
}

// SAFETY: all edges are visited, once.
unsafe impl<const N: usize> Trace for Node<N> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
    }
}

impl<const N: usize> Drop for Node<N> {
    fn drop(&mut self) {
        self.told.set(self.told.get() + N);
    }
}

#[test]
fn types_of_other_libraries_stand_in_a_table() {
    let told = std::rc::Rc::new(Cell::new(0));
    fn node<const N: usize>(told: &std::rc::Rc<Cell<usize>>, far: bool) -> Gc<Node<N>> {
        ALL_FAR.set(far);
        let node = Gc::new(Node { edges: RefCell::default(), told: told.clone() });
        ALL_FAR.set(false);
        node
    }
    for _ in 0..3 {
        let near = node::<1>(&told, false);
        let far = node::<10>(&told, true);
        let other = node::<100>(&told, true);
        let same = node::<10>(&told, true);
        assert_eq!(far.header().low().code(), same.header().low().code());
        assert_ne!(far.header().low().code(), other.header().low().code());
        near.edges.borrow_mut().push(far.clone().into());
        far.edges.borrow_mut().push(other.clone().into());
        other.edges.borrow_mut().push(near.clone().into());
        let erased: Erased = far.clone().into();
        assert!(erased.type_name().contains("Node<10>"), "{}", erased.type_name());
        assert!(
            erased.downcast_ref::<Node<10>>().is_some_and(|node| node.edges.borrow().len() == 1)
        );
        drop((near, far, other, erased));
        assert_eq!(told.get(), 0);
        assert_eq!((collect().collected, told.take()), (3, 111));
        drop(same);
        assert_eq!(told.take(), 10);
    }
}

/// Edges that are visited, and a finalizer if `FINAL`, which does what it is told.
struct Final<const FINAL: bool> {
    edges: RefCell<Vec<Gc<Final<FINAL>>>>,
    told: std::rc::Rc<Cell<usize>>,
    finalized: std::rc::Rc<Cell<usize>>,
    /// Where the finalizer puts a reference to the first edge's target.
    kept: std::rc::Rc<RefCell<Vec<Gc<Final<FINAL>>>>>,
    keeps: Cell<bool>,
}

// SAFETY: all edges are visited, once.
unsafe impl<const FINAL: bool> Trace for Final<FINAL> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
    }

    fn finalizer() -> Option<fn(&Self)> {
        FINAL.then_some(|this: &Self| {
            this.finalized.set(this.finalized.get() + 1);
            if this.keeps.get() {
                let first = this.edges.borrow()[0].clone();
                this.kept.borrow_mut().push(first);
            }
        })
    }
}

impl<const FINAL: bool> Drop for Final<FINAL> {
    fn drop(&mut self) {
        self.told.set(self.told.get() + 1);
    }
}

/// What a graph's objects tell.
#[derive(Default)]
struct Told<const FINAL: bool> {
    dropped: std::rc::Rc<Cell<usize>>,
    finalized: std::rc::Rc<Cell<usize>>,
    kept: std::rc::Rc<RefCell<Vec<Gc<Final<FINAL>>>>>,
}

impl<const FINAL: bool> Told<FINAL> {
    /// Pairs of objects that hold each other, each noted as a candidate, since a third reference to it went.
    fn pairs(&self, count: usize) -> Vec<Gc<Final<FINAL>>> {
        let new = || {
            Gc::new(Final {
                edges: RefCell::default(),
                told: self.dropped.clone(),
                finalized: self.finalized.clone(),
                kept: self.kept.clone(),
                keeps: Cell::new(false),
            })
        };
        let all: Vec<_> = (0..2 * count).map(|_| new()).collect();
        for i in 0..all.len() {
            all[i].edges.borrow_mut().push(all[i ^ 1].clone());
            drop(all[i].clone());
        }
        all
    }
}

/// Does `case` with the k-th growth refused, alone and with all after it, for each k that there is.
fn at_each_refusal(mut case: impl FnMut(&mut dyn FnMut(&mut dyn FnMut()) -> bool)) {
    for all in [false, true] {
        for k in 0.. {
            let mut came = false;
            case(&mut |work| {
                let ((), now) = refusing(k, all, work);
                came |= now;
                now
            });
            if !came {
                assert!(k > 0, "so it was never tried");
                break;
            }
        }
    }
}

/// On a thread of its own: whoever was here before has memory at hand.
fn alone(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work).join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
}

/// Cases 48 and 66: a collection to which memory is refused is called off and says so; nothing is lost by it.
#[test]
fn memory_is_refused_in_a_collection() {
    alone(|| {
        at_each_refusal(|refusing| {
            let told = Told::<false>::default();
            let (garbage, alive) = (told.pairs(300), told.pairs(300));
            let old = told.pairs(1);
            old[0].edges.borrow_mut().push(alive[0].clone());
            let weak: Vec<_> = garbage.iter().map(Gc::downgrade).collect();
            drop(garbage);
            let mut done = super::Collected::default();
            let refused = refusing(&mut || done = collect());
            if done.called_off {
                assert!(refused);
                assert_eq!((done.collected, told.dropped.get()), (0, 0));
                assert!(weak.iter().all(|weak| weak.strong_count() == 1));
                assert!(alive.iter().skip(1).all(|gc| Gc::strong_count(gc) == 2));
                assert_eq!((collect().collected, told.dropped.get()), (600, 600));
            }
            assert_eq!((done.uncollectable, told.dropped.take(), tracked_count()), (0, 600, 602));
            assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
            drop((alive, old));
            assert_eq!((collect().collected, told.dropped.take(), tracked_count()), (602, 602, 0));
        });
    });
}

/// Garbage that a young collection takes for alive, since what is older holds it and is garbage, too: it has to stay a candidate,
/// for nothing else leads there.
#[test]
fn candidates_that_are_put_off_are_not_lost() {
    alone(|| {
        for generation in [0, 1] {
            at_each_refusal(|refusing| {
                let told = Told::<false>::default();
                let old = told.pairs(300);
                assert_eq!(collect().collected, 0, "and they are no candidates any more");
                for younger in 0..generation {
                    collect_generation(younger);
                }
                let young = told.pairs(300);
                // The references to the old ones move, so that none goes.
                for (old, young) in old.into_iter().zip(&young) {
                    old.edges.borrow_mut().push(young.clone());
                    young.edges.borrow_mut().push(old);
                }
                drop(young);
                refusing(&mut || {
                    collect_generation(generation);
                });
                collect();
                assert_eq!((told.dropped.get(), tracked_count()), (1200, 0));
            });
        }
    });
}

/// The last references go, and nobody can note that.
#[test]
fn candidates_that_could_not_be_noted_are_found() {
    alone(|| {
        at_each_refusal(|refusing| {
            let told = Told::<false>::default();
            let all = told.pairs(200);
            collect();
            refusing(&mut || all.iter().for_each(|gc| drop(gc.clone())));
            refusing(&mut || drop(all.clone()));
            drop(all);
            collect();
            assert_eq!((told.dropped.get(), tracked_count()), (400, 0));
            let all = told.pairs(200);
            collect();
            let mut all = Some(all);
            refusing(&mut || drop(all.take()));
            // A collection of the young ones alone does not know.
            collect_generation(0);
            collect();
            assert_eq!((told.dropped.get(), tracked_count()), (800, 0));
        });
    });
}

#[test]
fn memory_is_refused_after_finalizers() {
    alone(|| {
        at_each_refusal(|refusing| {
            let told = Told::<true>::default();
            let garbage = told.pairs(200);
            for gc in garbage.iter().step_by(10) {
                gc.keeps.set(true);
            }
            drop(garbage);
            let mut done = super::Collected::default();
            refusing(&mut || done = collect());
            // What finalizers kept is there, and so is what could not be found out about.
            let alive = told.kept.take();
            assert!(alive.iter().all(|gc| gc.edges.borrow()[0].edges.borrow().len() == 1));
            assert!(alive.is_empty() || alive.len() == 40);
            assert_eq!(told.dropped.get(), done.collected);
            assert_eq!(
                done.collected + done.uncollectable + done.resurrected,
                if alive.is_empty() { 0 } else { 400 }
            );
            drop(alive);
            // If nothing was finalized before, it is now.
            collect();
            drop(told.kept.take());
            collect();
            assert_eq!((told.dropped.get(), told.finalized.get(), tracked_count()), (400, 400, 0));
        });
    });
}
