//! A wrong `trace` among garbage that owns nothing but references, as the derive knows it: what holds when all is dropped holds
//! there as well. Each case in a process of its own. (Cases 56, 57.)

mod common;

use common::Block;
use common::cases::{child, entries, main as run_cases};
use neap::Gc;
use neap::gc::{self, Trace, Tracer};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![visits_that_hide_a_reference_from_outside, references_are_made],
        entries![keeps_garbage],
    );
}

#[derive(Trace, Default)]
struct Plain {
    number: u64,
    next: RefCell<Option<Gc<Plain>>>,
}

/// Owns nothing, and visits what others own.
struct Wrong(&'static Gc<Plain>);

// SAFETY: none; that is what is tested.
unsafe impl Trace for Wrong {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

/// Owns nothing; its `trace` makes a reference to who holds it, all of whose references are accounted for by then.
struct Late(Cell<*const Holds<Late>>);

// SAFETY: none; that is what is tested.
unsafe impl Trace for Late {
    fn trace(&self, _: &mut Tracer<'_>) {
        // SAFETY: it is alive.
        unsafe { Gc::increment_strong_count(self.0.get()) };
    }
}

#[derive(Trace)]
struct Holds<T: Trace> {
    other: Gc<T>,
    me: RefCell<Option<Gc<Holds<T>>>>,
}

fn holds<T: Trace>(other: T) -> Gc<Holds<T>> {
    let holds = Gc::new(Holds { other: Gc::new(other), me: RefCell::default() });
    *holds.me.borrow_mut() = Some(holds.clone());
    holds
}

fn visits_that_hide_a_reference_from_outside() {
    let held: &'static Gc<Plain> = Box::leak(Box::new(Gc::new(Plain::default())));
    drop(holds(Wrong(held)));
    assert_eq!(gc::collect().collected, 3);
    // Contract: who has it is told.
    assert_eq!(Gc::strong_count(held), 0);
    assert!(catch_unwind(AssertUnwindSafe(|| held.number)).is_err());
    // Its memory is nobody else's as long as there is a reference.
    let others: Vec<_> = (0..20_000).map(|i| Gc::new((i, i, i))).collect();
    let blocks: Vec<_> = (1..2000).map(|i| Block::new(i % 200 + 1, 8)).collect();
    let place = Gc::as_ptr(held).addr();
    assert!(others.iter().all(|gc| Gc::as_ptr(gc).addr() != place), "it is another object");
    assert!(catch_unwind(AssertUnwindSafe(|| held.number)).is_err());
    blocks.iter().for_each(Block::verify);
}

/// A mode.
fn keeps_garbage() {
    let holds = holds(Late(Cell::new(std::ptr::null())));
    holds.other.0.set(Gc::as_ptr(&holds));
    drop(holds);
    gc::collect();
    println!("went on");
}

fn references_are_made() {
    let ended = child("keeps_garbage").run();
    assert!(ended.aborted(), "{}", ended.describe());
    assert!(ended.stderr.contains("a `Trace` cloned or dropped a `Gc`"), "{}", ended.describe());
}
