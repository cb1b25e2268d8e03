//! Garbage that owns nothing but references to each other is freed without being dropped. Nobody may notice: what it held
//! of others is given up, what else it owns is dropped, and what lives is as it was.

#[path = "common/counted.rs"]
mod counted;

use counted::{Counted, dropped, dropped_so_far};
use neap::gc::{Erased, Leaf, Tracer};
use neap::{Finalize, Gc, Trace, gc};
use std::cell::{Cell, LazyCell, OnceCell, RefCell};
use std::mem::{ManuallyDrop, forget};

/// Owns references alone.
#[derive(Trace, Default)]
struct Bare {
    number: u64,
    edges: [RefCell<Option<Gc<Bare>>>; 2],
    leaf: RefCell<Option<Gc<u64>>>,
}

fn bare(number: u64) -> Gc<Bare> {
    Gc::new(Bare { number, ..Bare::default() })
}

fn link(from: &Gc<Bare>, edge: usize, to: &Gc<Bare>) {
    *from.edges[edge].borrow_mut() = Some(to.clone());
}

/// Objects of this thread.
fn alive() -> usize {
    gc::objects(None).len()
}

fn pair() -> (Gc<Bare>, Gc<Bare>) {
    let (a, b) = (bare(1), bare(2));
    link(&a, 0, &b);
    link(&b, 0, &a);
    (a, b)
}

#[test]
fn a_pair_goes_and_its_memory_is_had_again() {
    let before = alive();
    let (a, _b) = pair();
    let place = Gc::as_ptr(&a);
    drop((a, _b));
    assert_eq!(gc::collect().collected, 2);
    assert_eq!(alive(), before);
    let again: Vec<_> = (0..10_000).map(bare).collect();
    assert!(again.iter().any(|one| Gc::as_ptr(one) == place));
}

#[test]
fn a_leaf_that_garbage_held_has_a_reference_less() {
    let leaf = Gc::new(7);
    let (a, b) = pair();
    *a.leaf.borrow_mut() = Some(leaf.clone());
    *b.leaf.borrow_mut() = Some(Gc::new(8));
    let before = alive();
    drop((a, b));
    assert_eq!(gc::collect().collected, 2);
    assert_eq!((Gc::strong_count(&leaf), *leaf), (1, 7));
    assert_eq!(before - alive(), 2, "untracked objects are not among them");
    assert!(Gc::try_unwrap(leaf).is_ok());
}

#[test]
fn what_lives_and_was_held_by_garbage_has_a_reference_less() {
    for old in [false, true] {
        let live = bare(9);
        if old {
            drop(live.clone());
            (0..3).for_each(|_| assert_eq!(gc::collect().collected, 0));
        }
        let (a, b) = pair();
        link(&a, 1, &live);
        drop((a, b));
        assert_eq!(gc::collect_generation(0).collected, 2);
        assert_eq!((Gc::strong_count(&live), live.number), (1, 9));
    }
}

#[test]
fn what_was_frozen_and_held_by_garbage_has_a_reference_less() {
    let live = bare(9);
    gc::freeze();
    let (a, b) = pair();
    link(&a, 1, &live);
    drop((a, b));
    assert_eq!(gc::collect().collected, 2);
    assert_eq!(Gc::strong_count(&live), 1);
    gc::unfreeze();
}

#[test]
fn a_hidden_reference_is_given_up_with_its_owner() {
    let before = alive();
    let (a, b) = pair();
    let hidden = bare(3);
    link(&a, 1, &hidden);
    // Nobody can look into it any more.
    forget(a.edges[1].borrow_mut());
    drop((a, b));
    assert_eq!(gc::collect().collected, 2);
    assert_eq!(Gc::strong_count(&hidden), 1);
    drop(hidden);
    assert_eq!(alive(), before);
}

#[test]
fn dead_objects_that_somebody_holds_unseen_stay() {
    // A reference that is forgotten keeps its object.
    let before = alive();
    let (a, b) = pair();
    forget(a.clone());
    drop((a, b));
    assert_eq!(gc::collect().collected, 0);
    assert_eq!(alive(), before + 2);
}

/// Owns something else.
#[derive(Trace)]
struct Owner {
    next: RefCell<Option<Gc<Owner>>>,
    _counted: Leaf<Counted>,
}

#[derive(Trace)]
struct Skips {
    next: RefCell<Option<Gc<Skips>>>,
    #[trace(skip)]
    _counted: Counted,
    #[trace(skip)]
    _hidden: RefCell<Option<Gc<Skips>>>,
}

#[derive(Trace)]
enum Either {
    Counted(Leaf<Counted>),
    Next(RefCell<Option<Gc<Either>>>),
}

#[derive(Trace)]
#[trace(unsafe_drop)]
struct Drops(RefCell<Option<Gc<Drops>>>);

impl Drop for Drops {
    fn drop(&mut self) {
        drop(Counted);
    }
}

struct ByHand(RefCell<Option<Gc<ByHand>>>, Counted);

// SAFETY: the one field that owns a `Gc` is visited, once.
unsafe impl Trace for ByHand {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

#[derive(Trace)]
struct Holds<T: Trace> {
    next: RefCell<Option<Gc<Holds<T>>>>,
    _other: T,
}

#[derive(Trace)]
struct Listed {
    next: RefCell<Vec<Gc<Listed>>>,
    _text: String,
}

/// Two objects that `link` lets hold each other, beside two that own nothing else; drops of the former.
fn drops_of_a_pair<T: Trace>(make: impl Fn() -> T, link: impl Fn(&Gc<T>, &Gc<T>)) -> usize {
    let (a, b) = (Gc::new(make()), Gc::new(make()));
    link(&a, &b);
    link(&b, &a);
    drop((a, b, pair()));
    assert_eq!(gc::collect().collected, 4);
    dropped()
}

#[test]
fn what_owns_more_is_dropped() {
    let owner = || Owner { next: RefCell::new(None), _counted: Leaf(Counted) };
    let next = |a: &Gc<Owner>, b: &Gc<Owner>| *a.next.borrow_mut() = Some(b.clone());
    assert_eq!(drops_of_a_pair(owner, next), 2);

    let skips =
        || Skips { next: RefCell::new(None), _counted: Counted, _hidden: RefCell::new(None) };
    let next = |a: &Gc<Skips>, b: &Gc<Skips>| *a.next.borrow_mut() = Some(b.clone());
    assert_eq!(drops_of_a_pair(skips, next), 2);

    let drops = || Drops(RefCell::new(None));
    let next = |a: &Gc<Drops>, b: &Gc<Drops>| *a.0.borrow_mut() = Some(b.clone());
    assert_eq!(drops_of_a_pair(drops, next), 2);

    let by_hand = || ByHand(RefCell::new(None), Counted);
    let next = |a: &Gc<ByHand>, b: &Gc<ByHand>| *a.0.borrow_mut() = Some(b.clone());
    assert_eq!(drops_of_a_pair(by_hand, next), 2);

    let holds = || Holds { next: RefCell::new(None), _other: vec![Leaf(Counted), Leaf(Counted)] };
    let next = |a: &Gc<Holds<_>>, b: &Gc<Holds<_>>| *a.next.borrow_mut() = Some(b.clone());
    assert_eq!(drops_of_a_pair(holds, next), 4);
}

#[test]
fn an_enum_owns_what_one_of_its_forms_does() {
    let live = Gc::new(Either::Counted(Leaf(Counted)));
    let one = Gc::new(Either::Next(RefCell::new(Some(live.clone()))));
    let this = one.clone();
    if let Either::Next(next) = &*one {
        assert!(next.replace(Some(this)).is_some());
    }
    drop(one);
    assert_eq!((gc::collect().collected, Gc::strong_count(&live)), (1, 1));
    drop(live);
    assert_eq!(dropped(), 1);
}

#[test]
fn a_skipped_reference_is_given_up() {
    let other =
        Gc::new(Skips { next: RefCell::default(), _counted: Counted, _hidden: RefCell::default() });
    let one = Gc::new(Skips {
        next: RefCell::default(),
        _counted: Counted,
        _hidden: RefCell::new(Some(other.clone())),
    });
    *one.next.borrow_mut() = Some(one.clone());
    drop(one);
    assert_eq!((gc::collect().collected, Gc::strong_count(&other)), (1, 1));
    drop(other);
    assert_eq!(dropped(), 2);
}

#[test]
fn what_lies_in_the_heap_is_given_back() {
    let live = || neap::heap::stats().live_bytes;
    let make = |bytes| {
        let one = Gc::new(Listed { next: RefCell::default(), _text: "x".repeat(bytes) });
        one.next.borrow_mut().push(one.clone());
    };
    make(10);
    gc::collect();
    let before = live();
    (0..100).for_each(|_| make(100_000));
    gc::collect();
    assert!(live() < before + 200_000, "{} bytes more", live() - before);
}

type Maybe = Option<Gc<Within>>;

/// All that holds values in itself.
#[derive(Trace, Default)]
struct Within {
    pair: RefCell<(Maybe, [Maybe; 2])>,
    once: OnceCell<Gc<Within>>,
    result: RefCell<Option<Result<Gc<Within>, u8>>>,
    erased: RefCell<Option<Erased>>,
    _cell: Cell<u32>,
    _not_dropped: Option<ManuallyDrop<Gc<u64>>>,
}

#[test]
fn every_way_to_hold_a_reference_is_seen() {
    let live = Gc::new(Within::default());
    let leaf = Gc::new(5);
    for way in 0..8 {
        let one = Gc::new(Within {
            _not_dropped: (way == 7).then(|| ManuallyDrop::new(leaf.clone())),
            ..Within::default()
        });
        one.pair.borrow_mut().0 = Some(one.clone());
        let live = live.clone();
        match way {
            0 => one.pair.borrow_mut().1[0] = Some(live),
            1 => one.pair.borrow_mut().1[1] = Some(live),
            2 => assert!(one.once.set(live).is_ok()),
            3 => *one.result.borrow_mut() = Some(Ok(live)),
            4 => *one.erased.borrow_mut() = Some(Erased::from(live)),
            5 => *one.erased.borrow_mut() = Some(Erased::from(leaf.clone())),
            6 => drop(live),
            _ => {}
        }
        drop(one);
        assert_eq!(gc::collect().collected, 1, "way {way}");
    }
    assert_eq!(Gc::strong_count(&live), 1);
    assert_eq!(Gc::strong_count(&leaf), 2, "what is not dropped is not given up");
}

#[test]
fn slices_and_unsized_values_are_no_exception() {
    #[derive(Trace)]
    struct Row(RefCell<Option<Gc<[Row]>>>);
    let live = Gc::new(1);
    let before = alive();
    for len in [1, 5, 5000] {
        let rows: Gc<[Row]> = (0..len).map(|_| Row(RefCell::new(None))).collect();
        rows.iter().for_each(|row| *row.0.borrow_mut() = Some(rows.clone()));
        drop(rows);
        assert_eq!(gc::collect().collected, 1);
    }
    assert_eq!((alive(), *live), (before, 1));
}

#[test]
fn dead_objects_are_dropped_when_somebody_listens() {
    let (a, b) = pair();
    let weak = Gc::downgrade(&a);
    drop((a, b));
    assert_eq!(gc::collect().collected, 2);
    assert!(weak.upgrade().is_none());
    let (a, b) = pair();
    gc::set_debug(gc::DEBUG_SAVEALL);
    drop((a, b));
    assert_eq!(gc::collect().uncollectable, 2);
    gc::set_debug(gc::Debug::NONE);
    assert_eq!(gc::garbage().len(), 2);
}

/// A splitmix of the test's own.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ z >> 31) as usize % end
    }
}

/// Random graphs of bare objects, of those that own more, and of leaves, beside a model of what can be reached.
#[test]
fn random_graphs_die_as_the_model_says() {
    let mut random = Random(7);
    for _ in 0..300 {
        let before = alive();
        let n = 1 + random.below(60);
        let mut all: Vec<Option<Gc<Bare>>> = (0..n as u64).map(|i| Some(bare(i))).collect();
        let leaf = Gc::new(1);
        let mut edges = vec![[None; 2]; n];
        let mut leaves = vec![false; n];
        for _ in 0..random.below(3 * n) {
            let (from, edge, to) = (random.below(n), random.below(2), random.below(n));
            let (Some(a), Some(b)) = (&all[from], &all[to]) else { continue };
            link(a, edge, b);
            edges[from][edge] = Some(to);
            if random.below(8) == 0 {
                *a.leaf.borrow_mut() = Some(leaf.clone());
                leaves[from] = true;
            }
        }
        let roots: Vec<bool> = (0..n).map(|_| random.below(6) == 0).collect();
        let generation = random.below(3);
        for (one, root) in all.iter_mut().zip(&roots) {
            if !root {
                *one = None;
            }
        }
        if random.below(2) == 0 {
            let owner = Gc::new(Owner { next: RefCell::default(), _counted: Leaf(Counted) });
            *owner.next.borrow_mut() = Some(owner.clone());
        }
        gc::collect_generation(generation);
        let mut reached = roots.clone();
        let mut next: Vec<usize> = (0..n).filter(|i| roots[*i]).collect();
        while let Some(i) = next.pop() {
            for to in edges[i].into_iter().flatten() {
                if !std::mem::replace(&mut reached[to], true) {
                    next.push(to);
                }
            }
        }
        let live = reached.iter().filter(|reached| **reached).count();
        assert_eq!(alive() - before, live);
        let held = (0..n).filter(|i| reached[*i] && leaves[*i]).count();
        assert_eq!(Gc::strong_count(&leaf), 1 + held);
        for (i, one) in all.iter().enumerate() {
            let Some(one) = one else { continue };
            let held = (0..n)
                .filter(|j| reached[*j])
                .map(|j| edges[j].iter().filter(|to| **to == Some(i)).count());
            assert_eq!(Gc::strong_count(one), 1 + held.sum::<usize>());
            assert_eq!(one.number, i as u64);
        }
        drop(all);
        gc::collect();
        assert_eq!((alive(), Gc::strong_count(&leaf)), (before, 1));
    }
    assert!(dropped_so_far() > 50);
}

thread_local!(static FINALIZED: Cell<usize> = const { Cell::new(0) });

#[derive(Trace, Default)]
#[trace(finalize)]
struct Waits(RefCell<Option<Gc<Waits>>>);

impl Finalize for Waits {
    fn finalize(&self) {
        FINALIZED.set(FINALIZED.get() + 1);
    }
}

#[test]
fn a_finalizer_runs() {
    let one = Gc::new(Waits::default());
    *one.0.borrow_mut() = Some(one.clone());
    drop(one);
    assert_eq!((gc::collect().collected, FINALIZED.get()), (1, 1));
}

#[derive(Trace)]
struct Beside<T: Trace> {
    me: RefCell<Option<Gc<Beside<T>>>>,
    _beside: T,
}

fn beside<T: Trace>(value: T) {
    let one = Gc::new(Beside { me: RefCell::default(), _beside: value });
    *one.me.borrow_mut() = Some(one.clone());
    drop(one);
    assert_eq!(gc::collect().collected, 1);
}

#[test]
fn what_containers_own_is_dropped() {
    fn check<T: Trace>(value: T) {
        beside(value);
        assert_eq!(dropped(), 1, "{}", std::any::type_name::<T>());
    }
    let new = || Leaf(Counted);
    check(Some(new()));
    check(Cell::new(new()));
    check(RefCell::new(new()));
    check(OnceCell::from(new()));
    check(std::sync::OnceLock::from(new()));
    check(std::sync::Mutex::new(new()));
    check(std::sync::RwLock::new(new()));
    check([new()]);
    check((new(),));
    check((1, new()));
    check((new(), 1));
    check(std::num::Wrapping(new()));
    check(std::cmp::Reverse(new()));
    check(std::ops::Bound::Included(new()));
    check(std::task::Poll::Ready(new()));
    check(..new());
    check(Ok::<_, u8>(new()));
    check(Box::new(new()));
    check(Box::pin(new()));
    check(std::rc::Rc::new(new()));
    check(neap::Rc::new(new()));
    check(vec![new()]);
    let lazy: LazyCell<_, fn() -> Leaf<Counted>> = LazyCell::new(|| Leaf(Counted));
    LazyCell::force(&lazy);
    check(lazy);
}

#[derive(Trace)]
#[trace(acyclic)]
struct Acyclic(Gc<u64>);

#[test]
fn what_acyclic_types_hold_is_given_up() {
    let held = Gc::new(7);
    let acyclic = Acyclic(held.clone());
    assert_eq!(*acyclic.0, 7);
    beside(acyclic);
    beside(Leaf(held.clone()));
    assert_eq!(Gc::strong_count(&held), 1);
}

/// What is acyclic may have a `Drop` of its own, which the derive does not see.
#[derive(Trace)]
#[trace(acyclic)]
struct Descriptor(#[expect(dead_code, reason = "what it would close")] i32);

impl Drop for Descriptor {
    fn drop(&mut self) {
        drop(Counted);
    }
}

#[test]
fn the_drop_of_an_acyclic_type_runs() {
    beside(Descriptor(7));
    assert_eq!(dropped(), 1);
}
