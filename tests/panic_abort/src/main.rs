//! Finalizers, drops, weak references and threads where a panic ends the process: nothing relies on one being caught.

use neap::gc::{self, Weak};
use neap::{Finalize, Gc, Rc, Trace};
use std::cell::{Cell, RefCell};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

thread_local! {
    static SEEN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    static KEPT: RefCell<Vec<Gc<Node>>> = const { RefCell::new(Vec::new()) };
}

/// What was finalized and dropped since the last question.
fn seen() -> (usize, usize) {
    SEEN.take()
}

/// A field that counts its drop, and panics in it if it is told to.
#[derive(Default)]
struct Counted(Cell<bool>);

impl Drop for Counted {
    fn drop(&mut self) {
        SEEN.set((SEEN.get().0, SEEN.get().1 + 1));
        assert!(!self.0.get(), "a drop panics");
    }
}

neap::leaf!(Counted);

#[derive(Trace, Default)]
#[trace(finalize)]
struct Node {
    edges: RefCell<Vec<Gc<Node>>>,
    keeps: Cell<bool>,
    panics: Cell<bool>,
    counted: Counted,
}

impl Finalize for Node {
    fn finalize(&self) {
        SEEN.set((SEEN.get().0 + 1, SEEN.get().1));
        assert!(!self.panics.get(), "a finalizer panics");
        if self.keeps.get() {
            KEPT.with_borrow_mut(|kept| kept.extend(self.edges.borrow().iter().cloned()));
        }
    }
}

fn ring(len: usize) -> Vec<Gc<Node>> {
    let all: Vec<Gc<Node>> = (0..len).map(|_| Gc::default()).collect();
    for i in 0..len {
        all[i].edges.borrow_mut().push(all[(i + 1) % len].clone());
    }
    all
}

fn works() {
    let weak: Vec<Weak<Node>> = ring(10).iter().map(Gc::downgrade).collect();
    assert_eq!((gc::collect().collected, seen()), (10, (10, 10)));
    assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
    // Resurrected, once.
    ring(10)[3].keeps.set(true);
    assert_eq!((gc::collect().resurrected, seen()), (10, (10, 0)));
    drop(KEPT.take());
    assert_eq!((gc::collect().collected, seen()), (10, (0, 10)));
    // Told of deaths; with collections that come by themselves.
    let told = Rc::new(Cell::new(0));
    for _ in 0..5000 {
        let all = ring(2);
        let tell = told.clone();
        Weak::on_death(&all[0], move || tell.set(tell.get() + 1)).keep();
    }
    gc::collect();
    assert_eq!((told.get(), seen()), (5000, (10_000, 10_000)));
    // A long list, by counting.
    let mut list = None;
    for _ in 0..200_000 {
        list = Some(Gc::new(Node { edges: RefCell::new(Vec::from_iter(list)), ..Node::default() }));
    }
    drop(list);
    assert_eq!((seen(), gc::tracked_count()), ((200_000, 200_000), 0));
    // What a thread leaves is dropped when it ends.
    let thread = std::thread::spawn(|| drop(ring(1000)));
    thread.join().expect("the thread");
    println!("done");
}

fn main() {
    let mode = std::env::args().nth(1).expect("a mode");
    match mode.as_str() {
        "works" => works(),
        "drop" => {
            ring(3)[1].counted.0.set(true);
            gc::collect();
            println!("goes on");
        }
        "finalizer" => {
            ring(3)[1].panics.set(true);
            gc::collect();
            println!("goes on");
        }
        _ => panic!("no mode is called {mode}"),
    }
}
