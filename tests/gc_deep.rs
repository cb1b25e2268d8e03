//! Long and wide structures: dropped and collected on a stack of 64 KiB. (Cases 6, 14 to 17.)
#![cfg(feature = "gc")]

mod common;

use common::{KIB, scaled};
use neap::Gc;
use neap::gc::{self, Trace, Tracer};
use std::cell::{Cell, RefCell};

/// In a debug build a tenth, if the long form was not asked for.
fn size(whole: usize) -> usize {
    scaled(if cfg!(debug_assertions) { whole / 10 } else { whole }, whole)
}

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 * KIB).spawn(work).expect("a thread");
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
}

thread_local! {
    static DROPPED: Cell<usize> = const { Cell::new(0) };
}

fn see() {
    DROPPED.set(DROPPED.get() + 1);
}

struct Link {
    next: RefCell<Option<Gc<Link>>>,
    previous: RefCell<Option<Gc<Link>>>,
}

// SAFETY: both are visited, once.
unsafe impl Trace for Link {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.next.trace(tracer);
        self.previous.trace(tracer);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        see();
    }
}

fn link(next: Option<Gc<Link>>) -> Gc<Link> {
    Gc::new(Link { next: RefCell::new(next), previous: RefCell::new(None) })
}

fn doubly_linked(len: usize) -> Gc<Link> {
    let mut first = link(None);
    for _ in 1..len {
        let new = link(Some(first.clone()));
        *first.previous.borrow_mut() = Some(new.clone());
        first = new;
    }
    first
}

/// Case 14.
#[test]
fn a_doubly_linked_list() {
    on_a_small_stack(|| {
        let len = size(5_000_000);
        let pause = gc::pause();
        let list = doubly_linked(len);
        drop(pause);
        assert_eq!(gc::collect().collected, 0);
        let middle = list.next.borrow().clone();
        drop(list);
        assert_eq!((gc::collect().collected, DROPPED.get()), (0, 0));
        drop(middle);
        assert_eq!((gc::collect().collected, DROPPED.get()), (len, len));
        assert_eq!(gc::tracked_count(), 0);
    });
}

/// Case 14, with collections that come by themselves meanwhile.
#[test]
fn a_doubly_linked_list_and_collections_on_the_way() {
    on_a_small_stack(|| {
        let len = size(1_000_000);
        let list = doubly_linked(len);
        drop(list);
        gc::collect();
        assert_eq!((DROPPED.get(), gc::tracked_count()), (len, 0));
    });
}

/// Case 14: the list is left to the end of its thread.
#[test]
fn a_doubly_linked_list_at_the_end_of_a_thread() {
    on_a_small_stack(|| drop(doubly_linked(size(1_000_000))));
}

/// Case 15.
#[test]
fn a_singly_linked_list() {
    on_a_small_stack(|| {
        let len = size(10_000_000);
        let _pause = gc::pause();
        let mut list = None;
        for _ in 0..len {
            list = Some(link(list));
        }
        drop(list);
        assert_eq!((DROPPED.get(), gc::tracked_count()), (len, 0));
        assert_eq!(gc::collect().visited, 0);
    });
}

/// Case 15: a list of objects that the collector does not know, which dies with a cycle.
#[test]
fn an_untracked_list_that_garbage_holds() {
    on_a_small_stack(|| {
        let len = size(1_000_000);
        let mut list = None;
        for _ in 0..len {
            list = Some(Gc::new_untracked(Link {
                next: RefCell::new(list),
                previous: RefCell::new(None),
            }));
        }
        let owner = link(list);
        *owner.previous.borrow_mut() = Some(owner.clone());
        drop(owner);
        assert_eq!((gc::collect().collected, DROPPED.get()), (1, len + 1));
    });
}

/// Case 6: a long chain from a handle to something that looks like garbage.
#[test]
fn a_long_chain_to_a_cycle() {
    on_a_small_stack(|| {
        let len = size(1_000_000);
        let cycle = doubly_linked(2);
        let mut chain = cycle.clone();
        for _ in 0..len {
            chain = link(Some(chain));
        }
        drop(cycle);
        for generation in [0, 1, 2, 2] {
            assert_eq!(gc::collect_generation(generation).collected, 0);
        }
        assert_eq!(DROPPED.get(), 0);
        drop(chain);
        assert_eq!((DROPPED.get(), gc::collect().collected, DROPPED.get()), (len, 2, len + 2));
    });
}

/// Case 16.
#[test]
fn a_wide_object() {
    struct Wide(RefCell<Vec<Gc<Wide>>>);
    // SAFETY: all are visited, once.
    unsafe impl Trace for Wide {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    impl Drop for Wide {
        fn drop(&mut self) {
            see();
        }
    }
    on_a_small_stack(|| {
        let len = size(5_000_000);
        let wide = |edges| Gc::new(Wide(RefCell::new(edges)));
        let _pause = gc::pause();
        // Without a cycle.
        let hub = wide((0..len).map(|_| wide(Vec::new())).collect());
        drop(hub);
        assert_eq!(DROPPED.take(), len + 1);
        // Each holds the hub, too.
        let hub = wide(Vec::new());
        let edges: Vec<_> = (0..len).map(|_| wide(vec![hub.clone()])).collect();
        *hub.0.borrow_mut() = edges;
        assert_eq!(Gc::strong_count(&hub), len + 1);
        drop(hub);
        assert_eq!((gc::collect().collected, DROPPED.take()), (len + 1, len + 1));
        // One and the same.
        let (hub, one) = (wide(Vec::new()), wide(Vec::new()));
        *hub.0.borrow_mut() = vec![one.clone(); len];
        one.0.borrow_mut().push(hub.clone());
        drop((hub, one));
        assert_eq!((gc::collect().collected, DROPPED.take()), (2, 2));
    });
}

/// Case 17: `test_trashcan`.
#[test]
fn levels_of_many_kinds() {
    struct Level(Option<Box<[Gc<Level>]>>, usize);
    // SAFETY: all are visited, once.
    unsafe impl Trace for Level {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
        // Without this the question would go round.
        fn is_cyclic() -> bool {
            true
        }
    }
    impl Drop for Level {
        fn drop(&mut self) {
            see();
            if self.1.is_multiple_of(17) {
                gc::collect();
            }
        }
    }
    on_a_small_stack(|| {
        let len = size(1_000_000);
        let mut all = Gc::new(Level(None, 0));
        for i in 1..len {
            let other = Gc::new(Level(None, i));
            all = Gc::new(Level(Some(Box::new([all, other])), i));
        }
        drop(all);
        assert_eq!((DROPPED.get(), gc::tracked_count()), (2 * len - 1, 0));
    });
}

/// A tree, each node of which holds its parent, is dropped and collected; and a complete one by counting.
#[test]
fn trees() {
    fn tree(depth: usize) -> Gc<Link> {
        let node = link((depth > 0).then(|| tree(depth - 1)));
        *node.previous.borrow_mut() = (depth > 0).then(|| tree(depth - 1));
        node
    }
    let depth = if cfg!(debug_assertions) { 15 } else { 20 };
    on_a_small_stack(move || {
        drop(tree(depth));
        assert_eq!(DROPPED.take(), (2 << depth) - 1);
        let root = tree(depth);
        let mut leaf = root.clone();
        while let Some(next) = { leaf.next.borrow().clone() } {
            leaf = next;
        }
        *leaf.next.borrow_mut() = Some(root.clone());
        drop((leaf, root));
        assert_eq!(gc::collect().collected, (2 << depth) - 1);
    });
}

/// A large value is on the stack once in the caller's hands and once on its way. (Debug builds copy at each call.)
#[test]
fn a_large_value_is_not_on_the_stack_more_often_than_must_be() {
    const MIB: usize = 1 << 20;
    let copies = if cfg!(debug_assertions) { 5 } else { 2 };
    let thread = std::thread::Builder::new().stack_size(copies * MIB + MIB / 4);
    let last = thread.spawn(|| Gc::new([std::hint::black_box(1u8); MIB])[MIB - 1]);
    assert_eq!(last.expect("a thread").join().expect("no panic"), 1);
}
