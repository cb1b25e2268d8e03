//! `trace` and what a program does meanwhile: cells that are borrowed, locks that are held, values that are being changed,
//! a `trace` that panics, forgets or does what it should not; and objects that are taken apart while the collector has
//! noted them. (Cases 9 to 11, 52 to 58 and 74.)
#![cfg(feature = "gc")]

mod common;

use common::graph::{Node, alone, dropped, first, link, node, ring, ring_of, set};
use neap::Gc;
use neap::gc::{self, Trace, Tracer};
use std::cell::{Cell, LazyCell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, RwLock};

thread_local! {
    static SEEN: Cell<usize> = const { Cell::new(0) };
}

fn see() {
    SEEN.set(SEEN.get() + 1);
}

fn seen() -> usize {
    SEEN.take()
}

/// An object that holds something of any type.
struct Holder<T>(T);

// SAFETY: it is visited, once.
unsafe impl<T: Trace> Trace for Holder<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }

    fn is_cyclic() -> bool {
        true
    }
}

impl<T> Drop for Holder<T> {
    fn drop(&mut self) {
        see();
    }
}

/// Something in which an edge can be put afterwards.
trait Slot: Trace + Sized + Default {
    fn put(&self, edge: Gc<Holder<Self>>);
}

/// Makes a cycle of one object through `T`, and says how many objects are collected.
fn cycle_through<T: Slot>() -> usize {
    let one = Gc::new(Holder(T::default()));
    one.0.put(one.clone());
    assert_eq!(gc::referents(&one).len(), 1, "{}", std::any::type_name::<T>());
    assert!(gc::is_tracked(&one));
    drop(one);
    assert_eq!(seen(), 0);
    let collected = gc::collect().collected;
    assert_eq!(seen(), collected);
    collected
}

/// By its address, so that it can be a key.
struct Key<T: 'static>(Gc<Holder<T>>);

impl<T> Key<T> {
    fn address(&self) -> usize {
        Gc::as_ptr(&self.0) as usize
    }
}
impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}
impl<T> Eq for Key<T> {}
impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.address().cmp(&other.address())
    }
}
impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}
// SAFETY: it is visited, once.
unsafe impl<T: Trace> Trace for Key<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

macro_rules! slots {
    ($($name:ident: $type:ty, $this:ident, $edge:ident => $put:expr;)*) => {$(
        #[derive(Default)]
        struct $name($type);
        // SAFETY: it is visited, once.
        unsafe impl Trace for $name {
            fn trace(&self, tracer: &mut Tracer<'_>) {
                self.0.trace(tracer);
            }
            fn is_cyclic() -> bool {
                <$type>::is_cyclic()
            }
        }
        impl Slot for $name {
            fn put(&self, $edge: Gc<Holder<Self>>) {
                let $this = &self.0;
                $put;
            }
        }
    )*};
}

type Edge<T> = Gc<Holder<T>>;

slots! {
    InOption: RefCell<Option<Edge<Self>>>, this, edge => *this.borrow_mut() = Some(edge);
    InCell: Cell<Option<Edge<Self>>>, this, edge => this.set(Some(edge));
    InBox: RefCell<Option<Box<Edge<Self>>>>, this, edge => *this.borrow_mut() = Some(Box::new(edge));
    InPin: RefCell<Option<Pin<Box<Edge<Self>>>>>, this, edge => *this.borrow_mut() = Some(Box::pin(edge));
    InDyn: RefCell<Option<Box<dyn Trace>>>, this, edge => *this.borrow_mut() = Some(Box::new(edge));
    InVec: RefCell<Vec<Edge<Self>>>, this, edge => this.borrow_mut().push(edge);
    InBoxedSlice: RefCell<Option<Box<[Edge<Self>]>>>, this, edge => *this.borrow_mut() = Some(Box::new([edge]));
    InDeque: RefCell<VecDeque<Edge<Self>>>, this, edge => this.borrow_mut().push_front(edge);
    InLinkedList: RefCell<LinkedList<Edge<Self>>>, this, edge => this.borrow_mut().push_front(edge);
    InHeap: RefCell<BinaryHeap<Key<Self>>>, this, edge => this.borrow_mut().push(Key(edge));
    InValue: RefCell<HashMap<u8, Edge<Self>>>, this, edge => this.borrow_mut().insert(1, edge);
    InKey: RefCell<HashMap<Key<Self>, u8>>, this, edge => this.borrow_mut().insert(Key(edge), 1);
    InSet: RefCell<HashSet<Key<Self>>>, this, edge => this.borrow_mut().insert(Key(edge));
    InTreeValue: RefCell<BTreeMap<u8, Edge<Self>>>, this, edge => this.borrow_mut().insert(1, edge);
    InTreeKey: RefCell<BTreeMap<Key<Self>, u8>>, this, edge => this.borrow_mut().insert(Key(edge), 1);
    InTreeSet: RefCell<BTreeSet<Key<Self>>>, this, edge => this.borrow_mut().insert(Key(edge));
    InTuple: (u8, RefCell<Option<Edge<Self>>>, String), this, edge => *this.1.borrow_mut() = Some(edge);
    InArray: [Cell<Option<Edge<Self>>>; 3], this, edge => this[1].set(Some(edge));
    InResult: RefCell<Option<Result<u8, Edge<Self>>>>, this, edge => *this.borrow_mut() = Some(Err(edge));
    InOnce: OnceCell<Edge<Self>>, this, edge => this.set(edge).ok();
    InOnceLock: OnceLock<Edge<Self>>, this, edge => this.set(edge).ok();
    InMutex: Mutex<Option<Edge<Self>>>, this, edge => *this.lock().unwrap() = Some(edge);
    InLock: RwLock<Option<Edge<Self>>>, this, edge => *this.write().unwrap() = Some(edge);
    InMuch: RefCell<Vec<Option<Box<HashMap<u8, (u8, Cell<Option<Edge<Self>>>)>>>>>, this, edge =>
        this.borrow_mut().push(Some(Box::new(HashMap::from([(1, (1, Cell::new(Some(edge))))]))));
}

/// Case 9.
#[test]
fn cycles_through_the_types_of_std() {
    macro_rules! all {
        ($($name:ident)*) => {$(assert_eq!(cycle_through::<$name>(), 1, stringify!($name));)*};
    }
    all! {
        InOption InCell InBox InPin InDyn InVec InBoxedSlice InDeque InLinkedList InHeap InValue InKey InSet InTreeValue
        InTreeKey InTreeSet InTuple InArray InResult InOnce InOnceLock InMutex InLock InMuch
    }
    assert_eq!(gc::tracked_count(), 0);
}

/// Cases 10 and 11: a counted pointer of another kind with a `Gc` in it has owners that nobody knows. Contract: never
/// traced, so what it holds is held from outside: a cycle through it stays, and nothing is freed too early.
#[test]
fn through_other_counted_pointers() {
    type Shared<P> = RefCell<Option<P>>;
    struct Owner<P>(Shared<P>);
    // SAFETY: what is visited is owned alone.
    unsafe impl<P: Trace> Trace for Owner<P> {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
        fn is_cyclic() -> bool {
            true
        }
    }
    impl<P> Drop for Owner<P> {
        fn drop(&mut self) {
            see();
        }
    }
    macro_rules! check {
        ($($rc:ident)::*) => {{
            struct Through($($rc)::*<RefCell<Option<Gc<Owner<Through>>>>>);
            // SAFETY: it says what the pointer says.
            unsafe impl Trace for Through {
                fn trace(&self, tracer: &mut Tracer<'_>) {
                    self.0.trace(tracer);
                }
            }
            let shared = $($rc)::*::new(RefCell::new(None));
            let owner = || Gc::new(Owner(RefCell::new(Some(Through(shared.clone())))));
            let (a, b) = (owner(), owner());
            *shared.borrow_mut() = Some(a.clone());
            drop((a, b));
            assert_eq!(seen(), 1, "nobody held b");
            assert_eq!(gc::collect().collected, 0);
            // It is there for who has the pointer.
            let a = shared.borrow_mut().take().expect("it is alive");
            assert_eq!((gc::collect().collected, Gc::strong_count(&a)), (0, 1));
            assert!(a.0.borrow().is_some());
            *shared.borrow_mut() = Some(a);
            drop(shared.borrow_mut().take());
            assert_eq!((seen(), gc::tracked_count()), (1, 0));
            // And a cycle that nobody can reach stays.
            let a = Gc::new(Owner(RefCell::new(None)));
            let through = Through($($rc)::*::new(RefCell::new(Some(a.clone()))));
            *a.0.borrow_mut() = Some(through);
            let weak = Gc::downgrade(&a);
            drop(a);
            assert_eq!((gc::collect().collected, seen()), (0, 0));
            *weak.upgrade().expect("it leaks").0.borrow_mut() = None;
            assert_eq!((gc::collect().collected, seen(), gc::tracked_count()), (0, 1, 0));
        }};
    }
    check!(std::rc::Rc);
    check!(std::sync::Arc);
    check!(neap::Rc);
}

/// Case 52, and 53 for shared borrows.
#[test]
fn borrowed_cells() {
    for generation in 0..3 {
        let all = ring(3);
        drop(all[1].clone());
        let edges = all[0].edges.borrow_mut();
        assert_eq!(gc::collect_generation(generation).collected, 0);
        assert_eq!((edges.len(), Gc::strong_count(&all[1])), (1, 2));
        drop(edges);
        let shared = all[0].edges.borrow();
        assert_eq!(gc::collect_generation(generation).collected, 0);
        drop(shared);
        // Borrowed when everything else has gone.
        let mut all = all;
        let kept = all.swap_remove(2);
        let edges = kept.edges.borrow_mut();
        drop(all);
        assert_eq!((gc::collect_generation(generation).collected, dropped()), (0, vec![]));
        drop(edges);
        drop(kept);
        assert_eq!((gc::collect().collected, dropped()), (3, vec![0, 1, 2]));
    }
}

/// Case 52: a borrow that is never given back.
#[test]
fn a_forgotten_borrow() {
    let all = ring(2);
    let tail = node(5);
    link(&all[0], &tail);
    let weak = Gc::downgrade(&all[1]);
    std::mem::forget(all[0].edges.borrow_mut());
    drop((all, tail));
    assert_eq!((gc::collect().collected, dropped()), (0, vec![]));
    let other = weak.upgrade().expect("it is held by a cell that nobody can look into");
    let borrowed = first(&other);
    assert!(borrowed.edges.try_borrow().is_err());
    assert_eq!(Gc::strong_count(&other), 2);
}

/// Case 53: locks that this thread holds, and that a panic poisoned.
#[test]
fn locks() {
    struct Locked {
        mutex: Mutex<Vec<Gc<Locked>>>,
        lock: RwLock<Vec<Gc<Locked>>>,
    }
    // SAFETY: all is visited, once.
    unsafe impl Trace for Locked {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.mutex.trace(tracer);
            self.lock.trace(tracer);
        }
    }
    let make = || {
        let one = Gc::new(Locked { mutex: Mutex::default(), lock: RwLock::default() });
        one.mutex.lock().unwrap().push(one.clone());
        one.lock.write().unwrap().push(one.clone());
        drop(one.clone());
        one
    };
    let one = make();
    let mut mutex = one.mutex.lock().unwrap();
    assert_eq!(gc::collect().collected, 0);
    mutex.push(one.clone());
    drop(mutex);
    let lock = one.lock.write().unwrap();
    assert_eq!(gc::collect().collected, 0);
    drop(lock);
    let lock = one.lock.read().unwrap();
    assert_eq!((gc::collect().collected, lock.len()), (0, 1));
    drop(lock);
    assert_eq!(Gc::strong_count(&one), 4);
    // Poisoned: looked through all the same.
    for what in 0..2 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _mutex = one.mutex.lock();
            let _lock = (what == 1).then(|| one.lock.write());
            panic!("with a lock");
        }));
        assert!(panicked.is_err());
        assert!(one.mutex.is_poisoned() && one.lock.is_poisoned() == (what == 1));
        assert_eq!(gc::referents(&one).len(), 3);
    }
    drop(one);
    assert_eq!((gc::collect().collected, gc::tracked_count()), (1, 0));
}

/// Case 54.
#[test]
fn a_collection_comes_while_a_cell_is_borrowed() {
    alone(|| {
        gc::set_threshold(10, 1, 1);
        let hub = node(0);
        link(&hub, &hub);
        drop(hub.clone());
        for id in 1..20_000 {
            hub.edges.borrow_mut().push(node(id));
            hub.edges.borrow_mut().extend((0..3).map(|_| {
                let cycle = ring(1);
                drop(cycle.clone());
                cycle[0].clone()
            }));
            if id % 10 == 0 {
                hub.edges.borrow_mut().truncate(5);
            }
        }
        assert!(gc::stats()[0].collections > 100);
        assert_eq!(hub.edges.borrow()[0].id, 0);
        drop(hub);
        gc::collect();
        assert_eq!(gc::tracked_count(), 0);
    });
}

thread_local! {
    /// How many more calls of `trace` go well.
    static FUSE: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn burn(_: usize) {
    let left = FUSE.get();
    assert!(left > 0, "a trace that was told to");
    FUSE.set(left - 1);
}

/// Case 55: a `trace` panics at each call in turn: while edges are counted, while what lives is marked, and when it is looked
/// what finalizers did. Nothing is dropped then that can be reached, and the next collection does its work.
#[test]
fn a_trace_panics_at_every_step() {
    let mut panics = 0;
    for fuse in 0..200 {
        let all = ring_of::<true>(4);
        let live = ring_of::<true>(3);
        link(&all[0], &live[0]);
        for node in all.iter().chain(&live) {
            drop(node.clone());
            node.on_trace.set(Some(burn));
        }
        drop(all);
        FUSE.set(fuse);
        let collected = catch_unwind(gc::collect);
        FUSE.set(usize::MAX);
        let now = dropped();
        match &collected {
            Ok(collected) => assert_eq!((collected.collected, now.len()), (4, 4)),
            Err(_) => {
                panics += 1;
                assert!(now.is_empty());
            }
        }
        assert_eq!(live.iter().map(|node| node.id).collect::<Vec<_>>(), [0, 1, 2]);
        for generation in 0..3 {
            gc::collect_generation(generation);
        }
        assert_eq!(now.len() + dropped().len(), 4);
        assert!(live[1..].iter().all(|node| Gc::strong_count(node) == 2));
        drop(live);
        gc::collect();
        assert_eq!((dropped(), gc::tracked_count()), (vec![0, 1, 2], 0));
        if collected.is_ok() {
            assert!(panics > 12, "{panics} calls: there are three rounds");
            return;
        }
    }
    panic!("it never ends");
}

/// Case 55: in a collection that came by itself, the panic comes out of `Gc::new`, whose value is dropped.
#[test]
fn a_trace_panics_in_gc_new() {
    alone(|| {
        gc::set_threshold(100, 10, 10);
        let all = ring(2);
        drop(all[0].clone());
        all[1].on_trace.set(Some(burn));
        FUSE.set(0);
        let mut made = Vec::new();
        let mut panics = 0;
        for id in 0..5000 {
            match catch_unwind(|| node(100 + id)) {
                Ok(node) => made.push(node),
                Err(_) => {
                    panics += 1;
                    assert_eq!(dropped(), [100 + id]);
                }
            }
        }
        assert!(panics > 0);
        assert_eq!(gc::tracked_count(), made.len() + 2);
        FUSE.set(usize::MAX);
        drop(all);
        assert_eq!(gc::collect().collected, 2);
    });
}

/// Case 56: what a `trace` leaves out is held from outside.
#[test]
fn a_trace_forgets_an_edge() {
    struct Forgetful {
        seen: RefCell<Option<Gc<Forgetful>>>,
        unseen: RefCell<Option<Gc<Forgetful>>>,
    }
    // SAFETY: what is visited is owned, once.
    unsafe impl Trace for Forgetful {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.seen.trace(tracer);
        }
    }
    impl Drop for Forgetful {
        fn drop(&mut self) {
            see();
        }
    }
    let make = || Gc::new(Forgetful { seen: RefCell::default(), unseen: RefCell::default() });
    let (a, b) = (make(), make());
    *a.seen.borrow_mut() = Some(b.clone());
    *b.unseen.borrow_mut() = Some(a.clone());
    let weak = Gc::downgrade(&a);
    drop((a, b));
    assert_eq!((gc::collect().collected, seen()), (0, 0));
    *weak.upgrade().expect("it leaks").seen.borrow_mut() = None;
    assert_eq!((gc::collect().collected, seen()), (0, 2));
    // What is reached over both kinds of edges dies with what it hangs on.
    let (a, b) = (make(), make());
    *a.seen.borrow_mut() = Some(a.clone());
    *a.unseen.borrow_mut() = Some(b.clone());
    drop((a, b));
    assert_eq!((gc::collect().collected, seen(), gc::tracked_count()), (1, 2, 0));
}

/// Case 57: a `trace` that collects. Contract: that does nothing, and says so.
#[test]
fn a_trace_collects() {
    let all = ring(3);
    all[1].on_trace.set(Some(|_| {
        assert!(gc::collect().skipped);
        assert!(gc::collect_generation(0).skipped);
        assert_eq!((gc::objects(None).len(), gc::tracked_count(), gc::freeze_count()), (0, 0, 0));
        gc::freeze();
        gc::unfreeze();
        see();
    }));
    drop(all);
    assert_eq!((gc::collect().collected, dropped()), (3, vec![0, 1, 2]));
    assert!(seen() > 0);
}

/// Case 57: a `trace` that makes objects. (Against the rules; they are not looked at, and nothing is lost.)
#[test]
fn a_trace_makes_objects() {
    alone(|| {
        gc::set_threshold(1, 1, 1);
        let all = ring(3);
        all[1].on_trace.set(Some(|_| {
            let new: Vec<_> = (0..3000).map(|id| node(100 + id)).collect();
            assert!(new.iter().enumerate().all(|(i, new)| new.id == 100 + i));
            drop(ring(1));
            see();
        }));
        drop(all);
        assert_eq!(gc::collect().collected, 3);
        let times = seen();
        assert!(times > 0);
        gc::collect();
        assert_eq!((dropped().len(), gc::tracked_count()), (3 + 3001 * times, 0));
    });
}

/// Case 58.
#[test]
fn types_that_own_none_are_not_tracked() {
    macro_rules! check {
        ($tracked:literal: $($value:expr),* $(,)?) => {$({
            let gc = Gc::new($value);
            assert_eq!(gc::is_tracked(&gc), $tracked, stringify!($value));
            drop(gc.clone());
            assert_eq!(gc::collect().visited, usize::from($tracked), stringify!($value));
        })*};
    }
    check!(false: 5u64, String::new(), vec![5u64], (), [0u8; 100], Some(5), RefCell::new(vec![1]), Cell::new(1),
        HashMap::<u8, String>::new(), (1, "a", 'c'), std::rc::Rc::new(Gc::new(1)), Box::new(7),
        Mutex::new(5), std::marker::PhantomData::<Gc<u8>>, gc::Weak::<u8>::new(), std::time::Instant::now());
    let boxed: Box<dyn Trace> = Box::new(5);
    check!(true: boxed, Gc::new(5), Some(Gc::new(5)), Vec::<Gc<u8>>::new(), RefCell::new(None::<Gc<u8>>),
        HashMap::<u8, Gc<u8>>::new(), [Gc::new(1)], (1, Gc::new(2)), LazyCell::new(|| Gc::new(1)));
    assert_eq!(gc::tracked_count(), 0);
}

/// Case 58: sizes, in front of which stand 8 bytes.
#[test]
fn sizes() {
    let size = |object: &gc::Object| object.size;
    let gc = Gc::new((Gc::new(1u64), [0u64; 2]));
    let leaf = gc::referents(&gc);
    assert_eq!(leaf.iter().map(size).collect::<Vec<_>>(), [16]);
    assert_eq!(gc::objects(None).iter().map(size).collect::<Vec<_>>(), [32]);
}

/// Case 74: objects that the collector has noted, and that are moved out or changed before it comes.
#[test]
fn taken_apart_while_noted() {
    let list = || RefCell::new(vec![node(0), node(1)]);
    for _ in 0..3 {
        // Noted, each of them.
        let noted = || {
            let gc = Gc::new(list());
            drop(gc.clone());
            gc
        };
        let a = Gc::try_unwrap(noted()).ok().expect("one reference");
        let b = Gc::into_inner(noted()).expect("one reference");
        let mut c = noted();
        Gc::get_mut(&mut c).expect("one reference").get_mut().push(node(2));
        let weak = Gc::downgrade(&c);
        let mut d = noted();
        Gc::make_mut(&mut c).get_mut().push(node(3));
        *Gc::make_mut(&mut d) = list();
        let mut e = d.clone();
        Gc::make_mut(&mut e).get_mut().clear();
        let f = Gc::unwrap_or_clone(noted());
        let raw = Gc::into_raw(noted());
        // The blocks are used by others.
        let others: Vec<_> = (0..50).map(|_| noted()).collect();
        assert_eq!(gc::collect().collected, 0);
        assert!(weak.upgrade().is_none());
        assert_eq!((a.borrow().len(), b.borrow().len(), c.borrow().len()), (2, 2, 4));
        assert_eq!((d.borrow().len(), e.borrow().len(), f.borrow().len()), (2, 0, 2));
        // SAFETY: it came from `into_raw`.
        assert_eq!(unsafe { Gc::from_raw(raw) }.borrow()[1].id, 1);
        assert!(others.iter().all(|other| other.borrow()[1].id == 1));
        drop((a, b, c, d, e, f, others));
        assert_eq!((gc::collect().collected, gc::tracked_count()), (0, 0));
    }
}

/// Case 74: a collection in the midst of a change through `get_mut`, when elements are not where they were.
#[test]
fn changed_while_a_collection_comes() {
    let mut list = Gc::new((0..100).map(node).collect::<Vec<_>>());
    // As many references as edges: one that is seen twice would be one too many.
    drop(list.clone());
    list.iter().for_each(|node| drop(node.clone()));
    let mut rng = common::Rng(5);
    for _ in 0..20 {
        let values = Gc::get_mut(&mut list).expect("one reference");
        rng.shuffle(values);
        let mut calls = 0;
        values.sort_by(|a, b| {
            calls += 1;
            if calls % 7 == 0 {
                gc::collect_generation(calls % 3);
            }
            a.id.cmp(&b.id)
        });
        assert!(values.iter().enumerate().all(|(i, node)| node.id == i));
        values.retain_mut(|node| {
            gc::collect_generation(node.id % 3);
            true
        });
        assert!(values.iter().all(|node| Gc::strong_count(node) == 1));
        let found = values.iter().try_for_each(|node| {
            gc::collect();
            if node.id == 50 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(found.is_break());
    }
    drop(list);
    // In boxes, of which some are gone while others are compared.
    let mut list = Gc::new((0..100).map(|id| Box::new(node(id / 10))).collect::<Vec<_>>());
    drop(list.clone());
    Gc::get_mut(&mut list).expect("one reference").dedup_by(|a, b| {
        gc::collect();
        a.id == b.id
    });
    assert_eq!(list.len(), 10);
    drop(list);
    gc::collect();
    assert_eq!(gc::tracked_count(), 0);
}

/// The same, with a question in place of a collection.
#[test]
fn changed_while_a_question_comes() {
    let wanted = node(1000);
    let mut list = Gc::new((0..100).map(|id| Box::new(node(id / 10))).collect::<Vec<_>>());
    Gc::get_mut(&mut list).expect("one reference").dedup_by(|a, b| {
        assert!(gc::referrers(&wanted).is_empty());
        a.id == b.id
    });
    assert_eq!(list.len(), 10);
}

/// A peer of a borrowed object lives, and is found when the borrow has ended and the last handle goes.
#[test]
fn found_after_the_borrow() {
    let all = ring(3);
    let kept = all[0].clone();
    let borrow = kept.edges.borrow_mut();
    drop(all);
    for _ in 0..3 {
        assert_eq!(gc::collect().collected, 0);
    }
    drop(borrow);
    drop(kept);
    assert_eq!((gc::collect().collected, dropped()), (3, vec![0, 1, 2]));
    let one = node(0);
    set(&one.on_drop, |_: &Node| see());
    drop(one);
    assert_eq!(seen(), 1);
}
