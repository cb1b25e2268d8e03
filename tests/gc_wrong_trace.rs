//! What a `trace` that breaks its contract comes to without `CHECK_TRACE`: where it is noticed, the process ends and says why; where it
//! is not, a reference that somebody has says that its object is dead, and no memory is used again. Each case in
//! a process of its own. (Cases 56 and 57.)

mod common;

use common::Block;
use common::cases::{child, entries, main as run_cases};
use common::counted::{Counted, dropped};
use neap::Gc;
use neap::gc::{self, Trace, Tracer};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            more_visits_than_references,
            more_visits_than_references_after_finalizers,
            visits_that_hide_a_reference_from_outside,
            references_are_given_up,
            references_are_made,
            references_are_made_and_given_up,
        ],
        entries![
            too_many,
            too_many_after_finalizers,
            gives_up_the_last,
            gives_up_another,
            keeps_garbage,
            keeps_the_living,
            keeps_and_panics,
        ],
    );
}

/// What a node's `trace` does besides.
type Also = fn(&Node, &mut Tracer<'_>);

struct Node {
    edges: RefCell<Vec<Gc<Node>>>,
    also: Cell<Option<Also>>,
    on_finalize: Cell<Option<fn(&Node)>>,
    _counted: Counted,
}

// SAFETY: all edges are visited, once; what `also` breaks is what is tested.
unsafe impl Trace for Node {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
        if let Some(also) = self.also.get() {
            also(self, tracer);
        }
    }

    fn finalizer() -> Option<fn(&Self)> {
        Some(|this: &Self| {
            if let Some(finalize) = this.on_finalize.get() {
                finalize(this);
            }
        })
    }
}

/// Objects each of which holds the next, and the last the first.
fn ring(len: usize) -> Vec<Gc<Node>> {
    let new = |_| {
        Gc::new(Node {
            edges: RefCell::default(),
            also: Cell::default(),
            on_finalize: Cell::default(),
            _counted: Counted,
        })
    };
    let all: Vec<_> = (0..len).map(new).collect();
    for i in 0..len {
        all[i].edges.borrow_mut().push(all[(i + 1) % len].clone());
    }
    all
}

/// Visits all once more.
fn twice(node: &Node, tracer: &mut Tracer<'_>) {
    node.edges.trace(tracer);
}

#[track_caller]
fn assert_aborts(mode: &str, words: &[&str]) {
    let ended = child(mode).run();
    assert!(ended.aborted(), "{}", ended.describe());
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not said: {}", ended.describe());
    }
    assert!(!ended.stdout.contains("dropped"), "{}", ended.describe());
}

/// A mode.
fn too_many() {
    let all = ring(3);
    all[1].also.set(Some(twice));
    drop(all);
    gc::collect();
    println!("dropped {}", dropped());
}

fn more_visits_than_references() {
    assert_aborts(
        "too_many",
        &["more references were traced to an object of type", "::Node", "twice"],
    );
}

/// A mode.
fn too_many_after_finalizers() {
    let all = ring(3);
    all[0].on_finalize.set(Some(|node| node.also.set(Some(twice))));
    drop(all);
    gc::collect();
    println!("dropped {}", dropped());
}

fn more_visits_than_references_after_finalizers() {
    assert_aborts("too_many_after_finalizers", &["more references were traced", "::Node"]);
}

/// One visit too many, and one reference from outside: the sum is right, and that the object is taken for garbage is wrong.
fn visits_that_hide_a_reference_from_outside() {
    let mut all = ring(3);
    all[1].also.set(Some(twice));
    let held = all.swap_remove(2);
    let also_held = held.clone();
    drop(also_held);
    let weak = Gc::downgrade(&held);
    drop(all);
    assert_eq!((gc::collect().collected, dropped()), (3, 3));
    // Contract: who has it is told.
    assert_eq!((Gc::strong_count(&held), weak.upgrade().is_none()), (0, true));
    let read = catch_unwind(AssertUnwindSafe(|| held.edges.borrow().len()));
    let told = read.expect_err("a panic");
    let told = told.downcast_ref::<&str>().expect("words");
    assert!(told.contains("was found unreachable"), "{told}");
    // Its memory is nobody else's as long as there is a reference, and after that.
    let place = Gc::as_ptr(&held).addr();
    let others: Vec<_> = (0..5).flat_map(|_| ring(1000)).collect();
    let blocks: Vec<_> = (1..2000).map(|i| Block::new(i % 200 + 1, 8)).collect();
    assert!(others.iter().all(|gc| Gc::as_ptr(gc).addr() != place));
    drop(held.clone());
    drop(held);
    drop(others);
    assert_eq!(gc::collect().collected, 5000);
    blocks.iter().for_each(Block::verify);
    assert_eq!(gc::tracked_count(), 0);
}

thread_local!(static KEPT: RefCell<Vec<Gc<Node>>> = const { RefCell::new(Vec::new()) });

/// A mode: a `trace` gives up the last reference to an object.
fn gives_up_the_last() {
    let all = ring(2);
    let other = ring(1).remove(0);
    other.edges.borrow_mut().clear();
    all[0].edges.borrow_mut().push(other);
    all[0].also.set(Some(|node, _| drop(node.edges.borrow_mut().pop())));
    drop(all);
    gc::collect();
    println!("dropped {}", dropped());
}

/// A mode: one that somebody else has.
fn gives_up_another() {
    let all = ring(3);
    KEPT.with_borrow_mut(|kept| kept.extend([all[1].clone(), all[2].clone()]));
    all[0].also.set(Some(|_, _| drop(KEPT.with_borrow_mut(Vec::pop))));
    drop(all);
    gc::collect();
    println!("dropped {}", dropped());
}

fn references_are_given_up() {
    assert_aborts("gives_up_the_last", &["neap: "]);
    assert_aborts("gives_up_another", &["neap: "]);
}

/// What keeps a clone of what it visits.
fn keep(node: &Node, _: &mut Tracer<'_>) {
    KEPT.with_borrow_mut(|kept| kept.push(node.edges.borrow()[0].clone()));
}

/// A mode: of garbage.
fn keeps_garbage() {
    let all = ring(4);
    all[1].also.set(Some(keep));
    drop(all);
    gc::collect();
    println!("dropped {}", dropped());
}

/// A mode: of what lives, and something else dies.
fn keeps_the_living() {
    let (all, other) = (ring(4), ring(3));
    all[1].also.set(Some(keep));
    let _held = all[2].clone();
    drop((all, other));
    gc::collect();
    println!("dropped {}", dropped());
}

/// A mode: the collection is called off before it is done.
fn keeps_and_panics() {
    let all = ring(4);
    all[1].also.set(Some(|node, tracer| {
        keep(node, tracer);
        panic!("a trace");
    }));
    drop(all);
    let _ = catch_unwind(gc::collect);
    println!("dropped {}", dropped());
}

/// A `trace` clones what it visits, and keeps it: nothing is freed, and nobody goes on.
fn references_are_made() {
    for mode in ["keeps_garbage", "keeps_the_living", "keeps_and_panics"] {
        assert_aborts(mode, &["a `Trace` cloned or dropped a `Gc`"]);
    }
}

/// One that gives back what it takes changes nothing.
fn references_are_made_and_given_up() {
    for which in 0..4 {
        for held in [false, true] {
            let all = ring(4);
            all[which].also.set(Some(|node, _| drop(node.edges.borrow()[0].clone())));
            let held = held.then(|| all[2].clone());
            drop(all);
            assert_eq!(
                (gc::collect().collected, dropped()),
                if held.is_some() { (0, 0) } else { (4, 4) }
            );
            if held.is_some() {
                drop(held);
                assert_eq!((gc::collect().collected, dropped()), (4, 4));
            }
        }
    }
}
