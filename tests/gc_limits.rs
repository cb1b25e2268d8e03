//! Collections when memory is out: they are called off and say so, nothing is lost, and the next one does all. Each case in a
//! process of its own, with neap as its allocator. (Cases 48 and 66; what happens at each single refusal stands in
//! `src/gc/tests.rs`.)

mod common;

use common::cases::{entries, main as run_cases};
use common::counted::{Counted, dropped};
use common::{Block, KIB, MIB, address_space};
use neap::Gc;
use neap::gc::{self, Trace, Tracer, Weak};
use std::cell::{Cell, RefCell};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            a_collection_without_memory,
            weak_references_are_cleared_without_memory,
            finalizers_without_memory,
            a_long_list_dies_without_memory,
            candidates_are_noted_without_memory,
        ],
        &[],
    );
}

/// An object that holds others, and does something when it is finalized if `FINAL`.
struct Node<const FINAL: bool = false> {
    edges: RefCell<Vec<Gc<Node<FINAL>>>>,
    /// Whether the finalizer resurrects.
    keeps: Cell<bool>,
    _counted: Counted,
}

thread_local! {
    static KEPT: RefCell<Vec<Gc<Node<true>>>> = const { RefCell::new(Vec::new()) };
}

// SAFETY: all edges are visited, once.
unsafe impl<const FINAL: bool> Trace for Node<FINAL> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
    }

    fn finalizer() -> Option<fn(&Self)> {
        FINAL.then_some(|this: &Self| {
            if this.keeps.get() {
                let next: &dyn std::any::Any = &this.edges.borrow()[0].clone();
                if let Some(next) = next.downcast_ref::<Gc<Node<true>>>() {
                    KEPT.with_borrow_mut(|kept| kept.push(next.clone()));
                }
            }
        })
    }
}

/// Objects each of which holds the next, and the last the first.
fn ring<const FINAL: bool>(len: usize) -> Vec<Gc<Node<FINAL>>> {
    let new =
        |_| Gc::new(Node { edges: RefCell::default(), keeps: Cell::new(false), _counted: Counted });
    let all: Vec<_> = (0..len).map(new).collect();
    for i in 0..len {
        all[i].edges.borrow_mut().push(all[(i + 1) % len].clone());
    }
    all
}

fn limit(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` lives through the call, which reads it.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
    assert_eq!(set, 0, "a process that may raise its limits");
}

/// Does `work` when there is no memory to be had, not for the smallest block.
fn without_memory<R>(work: impl FnOnce() -> R) -> R {
    let mut shelf: Vec<Block> = Vec::with_capacity(8 << 20);
    limit(address_space() as u64);
    for size in [3 * MIB, 100 * KIB, 20_000, 3000, 500, 64, 16, 8] {
        while let Some(block) = Block::try_new(size, 8) {
            assert!(shelf.len() < shelf.capacity(), "there is no end to it");
            shelf.push(block);
        }
    }
    let result = work();
    limit(libc::RLIM_INFINITY);
    drop(shelf);
    result
}

const MANY: usize = 300_000;

fn a_collection_without_memory() {
    let (garbage, alive) = (ring::<false>(MANY), ring::<false>(1000));
    gc::disable();
    drop((garbage, alive.clone()));
    for _ in 0..3 {
        let done = without_memory(gc::collect);
        assert!(done.called_off && done.collected == 0, "{done:?}");
        assert_eq!(dropped(), 0);
    }
    let done = gc::collect();
    assert_eq!((done.collected, dropped(), gc::tracked_count()), (MANY, MANY, 1000));
    assert!(alive.iter().all(|gc| Gc::strong_count(gc) == 2));
}

fn weak_references_are_cleared_without_memory() {
    thread_local!(static TOLD: Cell<(usize, usize)> = const { Cell::new((0, 0)) });
    // Few enough that what is at hand is enough for the collection itself.
    for (count, by_counting) in [(50, false), (50, true), (2000, false)] {
        TOLD.set((0, 0));
        let told = gc::on_collect(|_| TOLD.set((TOLD.get().0, TOLD.get().1 + 1)));
        let all = ring::<false>(count);
        let weak: Vec<_> = all.iter().map(Gc::downgrade).collect();
        let tell = || TOLD.set((TOLD.get().0 + 1, TOLD.get().1));
        let waits: Vec<_> = all.iter().map(|gc| Weak::on_death(gc, tell)).collect();
        let done = without_memory(|| {
            if by_counting {
                all.iter().for_each(|gc| gc.edges.borrow_mut().clear());
            }
            drop(all);
            gc::collect()
        });
        let left = if done.called_off { gc::collect().collected } else { 0 };
        assert_eq!(done.collected + left, if by_counting { 0 } else { count });
        assert_eq!(dropped(), count);
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
        assert_eq!(TOLD.get(), (count, if done.called_off { 4 } else { 2 }));
        drop((waits, told));
    }
}

fn finalizers_without_memory() {
    gc::disable();
    KEPT.with_borrow_mut(|kept| kept.reserve(100));
    let all = ring::<true>(MANY);
    all.iter().step_by(MANY / 10).for_each(|gc| gc.keeps.set(true));
    drop(all);
    let done = without_memory(gc::collect);
    assert!(done.called_off, "{done:?}");
    assert_eq!(dropped(), done.collected);
    // Whether finalizers came to run or not, all that is left is right.
    gc::collect();
    assert_eq!((KEPT.with_borrow(Vec::len), dropped()), (10, 0), "all lead to each other");
    drop(KEPT.take());
    gc::collect();
    assert_eq!((dropped(), gc::tracked_count()), (MANY, 0));
}

fn a_long_list_dies_without_memory() {
    for _ in 0..2 {
        let all = ring::<false>(MANY);
        all[MANY - 1].edges.borrow_mut().clear();
        let first = all[0].clone();
        drop(all);
        gc::collect();
        without_memory(|| drop(first));
        assert_eq!((dropped(), gc::tracked_count()), (MANY, 0));
    }
}

fn candidates_are_noted_without_memory() {
    gc::disable();
    let all = ring::<false>(MANY);
    gc::collect();
    without_memory(|| drop(all));
    // What could not be noted is found by a full collection all the same.
    assert_eq!((gc::collect().collected, dropped(), gc::tracked_count()), (MANY, MANY, 0));
}
