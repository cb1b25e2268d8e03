//! Structures of any depth are dropped on a small stack: lists of ten million nodes, trees of every form, chains with
//! boxes and vectors between the `Rc`s, trait objects, closures, what borrows. std's `Rc` overflows the stack on nearly
//! all of these.
//!
//! Every value that dies is counted, and is dropped once, whatever it sees and does in its `Drop`. Down to a
//! depth of [`ORDINARY_DEPTH`] the order is exactly that of std; deeper down it may differ, but a drop that
//! returns has dropped all that it led to.
//!
//! Each test runs on a thread with a stack of 64 KiB. Unoptimised builds take a tenth of the nodes, but for
//! `NEAP_LONG=1`.

mod common;

use common::counted::{Counted, dropped, dropped_so_far};
use common::{Rng, long};
use neap::rc::{Rc, Weak};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The depth down to which values are dropped in std's order; documented at `neap::rc`.
const ORDINARY_DEPTH: usize = 100;

/// Nodes of a large structure.
fn nodes() -> usize {
    if cfg!(debug_assertions) && !long() { 1_000_000 } else { 10_000_000 }
}

/// Of one whose drops may not be put off: each level takes stack, about 100 bytes, or 1 KiB without optimisation.
fn nodes_that_may_borrow() -> usize {
    if long() { nodes() } else { nodes() / 10 }
}

/// Runs `work` on a thread with a stack of 64 KiB.
fn on_a_small_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn_scoped(scope, work);
        let ended = thread.expect("a thread").join();
        ended.unwrap_or_else(|payload| resume_unwind(payload));
    });
}

/// A list's node.
struct Node {
    next: Option<Rc<Node>>,
    _counted: Counted,
}

fn list(length: usize) -> Option<Rc<Node>> {
    (0..length).fold(None, |next, _| Some(Rc::new(Node { next, _counted: Counted })))
}

#[test]
fn a_list() {
    on_a_small_stack(|| {
        let list = list(nodes());
        assert_eq!(dropped(), 0);
        drop(list);
        assert_eq!(dropped(), nodes());
    });
}

#[test]
fn a_list_without_drops_of_its_own() {
    struct Plain(u64, Option<Rc<Plain>>);
    on_a_small_stack(|| {
        let mut list = None;
        for i in 0..nodes() as u64 {
            list = Some(Rc::new(Plain(i, list)));
        }
        let first = list.expect("a node");
        assert_eq!((first.0, first.1.is_some()), (nodes() as u64 - 1, true));
        let weak = Rc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_none());
    });
}

#[test]
fn lists_of_all_lengths_around_the_ordinary_depth() {
    on_a_small_stack(|| {
        for length in (0..200).chain([255, 256, 1000, 1023, 1024, 1025, 10_000]) {
            drop(list(length));
            assert_eq!(dropped(), length);
        }
    });
}

#[test]
fn a_list_of_which_others_hold_parts() {
    on_a_small_stack(|| {
        let list = list(nodes() / 10);
        let mut kept = Vec::new();
        let mut node = list.clone();
        let mut index = 0_usize;
        while let Some(here) = node {
            if index.is_multiple_of(1000) {
                kept.push(here.clone());
            }
            index += 1;
            node = here.next.clone();
        }
        drop(list);
        assert_eq!(dropped(), 0, "the first is kept");
        for (i, part) in kept.into_iter().enumerate() {
            assert_eq!(Rc::strong_count(&part), 1, "part {i}: what was before it is gone");
            drop(part);
            assert_eq!(dropped(), 1000, "up to the next one that is kept");
        }
    });
}

#[test]
fn however_the_last_reference_goes() {
    on_a_small_stack(|| {
        let length = 20_000;
        let new = || list(length).expect("a node");
        let mut slot = new();
        assert!(slot.next.is_some());
        slot = Rc::new(Node { next: None, _counted: Counted });
        assert_eq!((dropped(), slot.next.is_none()), (length, true));
        drop(slot);
        assert_eq!(dropped(), 1);
        // SAFETY: the reference was turned raw for this.
        unsafe { Rc::decrement_strong_count(Rc::into_raw(new())) };
        assert_eq!(dropped(), length);
        drop(Rc::into_inner(new()));
        assert_eq!(dropped(), length);
        drop(Rc::try_unwrap(new()));
        assert_eq!(dropped(), length);
        let mut taken = Rc::into_inner(new()).expect("alone");
        taken.next = None;
        assert_eq!(dropped(), length - 1);
        drop(taken);
        assert_eq!(dropped(), 1);
        let mut many: Vec<_> = (0..5).map(|_| new()).collect();
        many.truncate(3);
        assert_eq!(dropped(), 2 * length);
        many.clear();
        assert_eq!(dropped(), 3 * length);
        let map: std::collections::BTreeMap<_, _> = (0..5).map(|i| (i, new())).collect();
        drop(map);
        assert_eq!(dropped(), 5 * length);
        let cell = RefCell::new(Some(new()));
        cell.replace(None);
        assert_eq!(dropped(), length);
        drop(Rc::<[_]>::from([new(), new()]));
        assert_eq!(dropped(), 2 * length);
        drop(Box::new(Rc::new(Some(vec![new()]))));
        assert_eq!(dropped(), length);
    });
}

#[test]
fn at_the_end_of_a_thread() {
    thread_local! {
        static KEPT: RefCell<Option<Rc<Node>>> = const { RefCell::new(None) };
        static REPORT: RefCell<Option<Report>> = const { RefCell::new(None) };
    }
    struct Report(std::sync::mpsc::Sender<usize>);
    impl Drop for Report {
        fn drop(&mut self) {
            // In this destructor, as the other thread-local may be gone already.
            let _ = KEPT.try_with(|kept| kept.take());
            let _ = self.0.send(dropped());
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    on_a_small_stack(|| {
        REPORT.with_borrow_mut(|report| *report = Some(Report(sender)));
        KEPT.with_borrow_mut(|kept| *kept = list(100_000));
    });
    assert_eq!(receiver.recv(), Ok(100_000));
}

#[test]
fn a_list_linked_both_ways() {
    struct Link {
        next: RefCell<Option<Rc<Link>>>,
        previous: Weak<Link>,
        _counted: Counted,
    }
    on_a_small_stack(|| {
        let first =
            Rc::new(Link { next: RefCell::default(), previous: Weak::new(), _counted: Counted });
        let mut last = first.clone();
        for _ in 1..nodes() {
            let previous = Rc::downgrade(&last);
            let new = Rc::new(Link { next: RefCell::default(), previous, _counted: Counted });
            *last.next.borrow_mut() = Some(new.clone());
            last = new;
        }
        assert!(last.previous.upgrade().is_some_and(|before| before.next.borrow().is_some()));
        assert_eq!(dropped(), 0);
        let kept = last.previous.clone();
        drop(first);
        assert_eq!(dropped(), nodes() - 1, "a weak keeps none");
        assert!(kept.upgrade().is_none());
        drop(last);
        assert_eq!(dropped(), 1);
    });
}

/// A binary tree's node.
struct Branch {
    left: Option<Rc<Branch>>,
    right: Option<Rc<Branch>>,
    _counted: Counted,
}

impl Branch {
    fn leaf() -> Option<Rc<Branch>> {
        Branch::of(None, None)
    }

    fn of(left: Option<Rc<Branch>>, right: Option<Rc<Branch>>) -> Option<Rc<Branch>> {
        Some(Rc::new(Branch { left, right, _counted: Counted }))
    }
}

/// A spine of `nodes() / 2` branches, each with a leaf: `turns` says on which side the spine goes on.
fn drop_a_spine(turns: fn(usize) -> bool) {
    on_a_small_stack(|| {
        let half = nodes() / 2;
        let spine = (0..half).fold(None, |spine, i| {
            if turns(i) {
                Branch::of(spine, Branch::leaf())
            } else {
                Branch::of(Branch::leaf(), spine)
            }
        });
        let first = spine.as_ref().expect("a branch");
        assert!(first.left.is_some() && first.right.is_some());
        drop(spine);
        assert_eq!(dropped(), 2 * half);
    });
}

#[test]
fn a_tree_that_is_deep_on_the_left() {
    drop_a_spine(|_| true);
}

#[test]
fn a_tree_that_is_deep_on_the_right() {
    drop_a_spine(|_| false);
}

#[test]
fn a_tree_that_goes_left_and_right_in_turn() {
    drop_a_spine(|i| i % 2 == 0);
    drop_a_spine(|i| (i / 7) % 2 == 0);
}

#[test]
fn a_tree_of_spines_on_spines() {
    on_a_small_stack(|| {
        let each = if nodes() > 1_000_000 { 2000 } else { 700 };
        let mut tree = None;
        for _ in 0..each {
            let spine = (0..each).fold(None, |spine, _| Branch::of(spine, None));
            tree = Branch::of(tree, spine);
        }
        drop(tree);
        assert_eq!(dropped(), each * each + each);
    });
}

#[test]
fn random_trees() {
    struct Tree {
        children: RefCell<Vec<Rc<Tree>>>,
        parent: Weak<Tree>,
        _counted: Counted,
    }
    on_a_small_stack(|| {
        // A new node's parent is one of the last `window`: from nearly a list to flat trees.
        for (seed, window) in [(1, 2), (2, 5), (3, 100), (4, 100_000), (5, usize::MAX)] {
            let count = if seed > 3 || nodes() > 1_000_000 { 1_000_000 } else { 200_000_usize };
            let mut rng = Rng(seed);
            let new = |parent| Tree { children: RefCell::default(), parent, _counted: Counted };
            let mut all = vec![Rc::new(new(Weak::new()))];
            for i in 1..count {
                let parent = &all[i - 1 - rng.below(i.min(window))];
                let child = Rc::new(new(Rc::downgrade(parent)));
                parent.children.borrow_mut().push(child.clone());
                all.push(child);
            }
            let root = all[0].clone();
            let some = Rc::downgrade(&all[count / 4 * 3]);
            assert!(some.upgrade().is_some_and(|node| node.parent.upgrade().is_some()));
            drop(all);
            assert_eq!(dropped(), 0);
            drop(root);
            assert_eq!(dropped(), count, "window {window}");
            assert!(some.upgrade().is_none());
        }
    });
}

#[test]
fn what_random_graphs_share_is_dropped_with_its_last_owner() {
    struct Shared {
        _below: Vec<Rc<Shared>>,
        _counted: Counted,
    }
    on_a_small_stack(|| {
        let count = 300_000_usize;
        let mut rng = Rng(11);
        let mut all: Vec<Rc<Shared>> = Vec::new();
        for i in 0..count {
            // Each holds a few that were made shortly before it.
            let below = (0..rng.below(4)).filter(|_| i > 0);
            let below = below.map(|_| all[i - 1 - rng.below(i.min(10))].clone()).collect();
            all.push(Rc::new(Shared { _below: below, _counted: Counted }));
        }
        rng.shuffle(&mut all);
        let mut seen = 0;
        while let Some(one) = all.pop() {
            drop(one);
            seen += dropped();
        }
        assert_eq!(seen, count);
    });
}

#[test]
fn boxes_vectors_and_options_between() {
    enum Link {
        End,
        R(#[expect(dead_code, reason = "only held")] Rc<(Counted, Link)>),
        B(#[expect(dead_code, reason = "only held")] Box<Link>),
        V(#[expect(dead_code, reason = "only held")] Vec<Link>),
        O(#[expect(dead_code, reason = "only held")] Option<Rc<(Counted, Link)>>),
    }
    on_a_small_stack(|| {
        let mut rng = Rng(21);
        let count = nodes() / 4;
        let mut chain = Link::End;
        for _ in 0..count {
            for _ in 0..rng.below(4) {
                chain = match rng.below(3) {
                    0 => Link::B(Box::new(chain)),
                    1 => Link::V(vec![chain]),
                    _ => Link::V(vec![Link::End, chain, Link::End]),
                };
            }
            let rc = Rc::new((Counted, chain));
            chain = if rng.below(2) == 0 { Link::R(rc) } else { Link::O(Some(rc)) };
        }
        drop(chain);
        assert_eq!(dropped(), count);
    });
}

#[test]
fn cells_and_maps_between() {
    #[derive(Default)]
    struct Env {
        names: std::collections::HashMap<u8, Rc<RefCell<Env>>>,
        outer: Option<Rc<RefCell<Env>>>,
        counted: Option<Counted>,
    }
    on_a_small_stack(|| {
        let count = nodes() / 20;
        let mut env: Rc<RefCell<Env>> = Rc::default();
        for i in 0..count {
            let new: Rc<RefCell<Env>> = Rc::default();
            new.borrow_mut().counted = Some(Counted);
            if i % 2 == 0 {
                new.borrow_mut().names.insert(b'o', env);
            } else {
                new.borrow_mut().outer = Some(env);
            }
            env = new;
        }
        drop(env);
        assert_eq!(dropped(), count);
    });
}

#[test]
fn trait_objects() {
    trait Shape {
        fn sides(&self) -> u32;
    }
    struct Small(#[expect(dead_code, reason = "only held")] Option<Rc<dyn Shape>>, Counted);
    struct Large {
        _numbers: [u64; 9],
        _counted: Counted,
        _next: Option<Rc<dyn Shape>>,
    }
    impl Shape for Small {
        fn sides(&self) -> u32 {
            3
        }
    }
    impl Shape for Large {
        fn sides(&self) -> u32 {
            4
        }
    }
    on_a_small_stack(|| {
        let count = nodes_that_may_borrow();
        let mut chain: Option<Rc<dyn Shape>> = None;
        for i in 0..count {
            chain = Some(if i % 3 == 0 {
                neap::coerce!(Rc::new(Small(chain, Counted)) => dyn Shape)
            } else {
                let large = Large { _numbers: [0; 9], _counted: Counted, _next: chain };
                neap::coerce!(Rc::new(large) => dyn Shape)
            });
        }
        assert!(chain.as_ref().is_some_and(|first| first.sides() >= 3));
        drop(chain);
        assert_eq!(dropped(), count);
    });
}

#[test]
fn closures() {
    on_a_small_stack(|| {
        let count = nodes_that_may_borrow();
        let mut chain: Rc<dyn Fn(u32) -> u32> = neap::coerce!(Rc::new(|x| x) => dyn Fn(u32) -> u32);
        for i in 0..count {
            let counted = Counted;
            let next = move |x| {
                let _held = &counted;
                // Only the first few call on: this is about drops.
                if i > count - 5 { chain(x + 1) } else { x }
            };
            chain = neap::coerce!(Rc::new(next) => dyn Fn(u32) -> u32);
        }
        assert_eq!(chain(1), 5);
        drop(chain);
        assert_eq!(dropped(), count);
    });
}

/// A list's node that borrows.
struct Borrowing<'a> {
    count: &'a Cell<usize>,
    _next: Option<Rc<Borrowing<'a>>>,
}

impl Drop for Borrowing<'_> {
    fn drop(&mut self) {
        self.count.set(self.count.get() + 1);
    }
}

fn borrowing_list(length: usize, count: &Cell<usize>) -> Option<Rc<Borrowing<'_>>> {
    (0..length).fold(None, |next, _| Some(Rc::new(Borrowing { count, _next: next })))
}

#[test]
fn a_list_that_borrows() {
    on_a_small_stack(|| {
        let length = nodes_that_may_borrow();
        let count = Cell::new(0);
        drop(borrowing_list(length, &count));
        assert_eq!(count.take(), length);
        for length in (0..200).chain([1000, 10_000, 1000, 200]) {
            drop(borrowing_list(length, &count));
            assert_eq!(count.take(), length);
        }
    });
}

#[test]
fn trees_that_borrow() {
    struct Tree<'a> {
        _left: Vec<Rc<Tree<'a>>>,
        count: &'a Cell<usize>,
        _right: Box<Option<Rc<Tree<'a>>>>,
    }
    impl Drop for Tree<'_> {
        fn drop(&mut self) {
            self.count.set(self.count.get() + 1);
        }
    }
    on_a_small_stack(|| {
        let half = nodes_that_may_borrow() / 2;
        let count = Cell::new(0);
        let leaf = || Rc::new(Tree { _left: Vec::new(), count: &count, _right: Box::new(None) });
        let mut spine = leaf();
        for i in 1..half {
            let (left, right) = if i % 3 == 0 { (spine, leaf()) } else { (leaf(), spine) };
            spine =
                Rc::new(Tree { _left: vec![left], count: &count, _right: Box::new(Some(right)) });
        }
        drop(spine);
        assert_eq!(count.get(), 2 * half - 1);
    });
}

/// What borrows nests, and what doesn't is put off: of a chain in which they take turns, little is on the stack.
#[test]
fn what_borrows_and_what_does_not_in_turn() {
    thread_local! {
        /// The pieces of 1 MiB in which drops had their frames.
        static FRAMES: RefCell<std::collections::BTreeSet<usize>> = const { RefCell::new(std::collections::BTreeSet::new()) };
    }
    #[expect(dead_code, reason = "only held")]
    struct Plain(Option<Rc<dyn Any>>, Counted);
    #[expect(dead_code, reason = "only held")]
    struct Text(&'static str, Option<Rc<Plain>>, Frame);
    struct Frame;
    impl Drop for Frame {
        fn drop(&mut self) {
            let local = 0_u8;
            FRAMES.with_borrow_mut(|frames| frames.insert((&raw const local).addr() >> 20));
        }
    }
    on_a_small_stack(|| {
        let length = nodes() / 10;
        for texts in [1, 2, 3, 5, 9] {
            let mut chain = None;
            for i in 0..length {
                let mut below: Option<Rc<dyn Any>> = None;
                for _ in 0..texts {
                    let plain = below.is_none().then(|| chain.take()).flatten();
                    below = Some(
                        neap::coerce!(Rc::new((below, Text("tide", plain, Frame))) => dyn Any),
                    );
                }
                chain = Some(Rc::new(Plain(below, Counted)));
                assert_eq!(Rc::strong_count(chain.as_ref().expect("made")), 1, "number {i}");
            }
            drop(chain);
            assert_eq!(dropped(), length);
            let pieces = FRAMES.take().len();
            assert!(pieces <= 6, "{texts} texts in turn: frames in {pieces} MiB");
        }
    });
}

#[test]
fn many_threads_at_once() {
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let thread = std::thread::Builder::new().stack_size(64 * 1024);
            let work = move || {
                let count = Cell::new(0);
                for round in 0..50 {
                    let length = if round % 10 == i { 100_000 } else { 100 };
                    drop(borrowing_list(length, &count));
                    assert_eq!(count.take(), length);
                }
            };
            thread.spawn(work).expect("a thread")
        })
        .collect();
    for thread in threads {
        thread.join().unwrap_or_else(|payload| resume_unwind(payload));
    }
}

/// Many kinds of owners between two `Rc`s: their frames lie on the stack, too.
#[test]
fn many_owners_between() {
    use std::collections::{BTreeMap, HashMap};

    /// Each adds two frames.
    type Owned<T> = Option<Box<Vec<T>>>;

    #[expect(dead_code, reason = "only held")]
    enum Link<T> {
        Owners(Owned<Owned<Option<Rc<Link<T>>>>>, T, Counted),
        Hashed(HashMap<u32, Rc<Link<T>>>, T, Counted),
        Sorted(BTreeMap<u32, Rc<Link<T>>>, T, Counted),
        End,
    }
    fn chain<T: Copy>(extra: T, kind: usize, length: usize) -> Link<T> {
        (0..length).fold(Link::End, |below, _| {
            let below = Rc::new(below);
            match kind {
                0 => Link::Owners(
                    Some(Box::new(vec![Some(Box::new(vec![Some(below)]))])),
                    extra,
                    Counted,
                ),
                1 => Link::Hashed(HashMap::from([(1, below)]), extra, Counted),
                _ => Link::Sorted(BTreeMap::from([(1, below)]), extra, Counted),
            }
        })
    }
    on_a_small_stack(|| {
        let text = String::from("tide");
        for length in [30, 60, 200, 20_000] {
            for kind in 0..3 {
                drop(chain(1, kind, length));
                assert_eq!(dropped(), length);
                drop(chain(text.as_str(), kind, length));
                assert_eq!(dropped(), length);
            }
        }
    });
}

/// A program's own drops may take as much of the stack as they like, one inside the other.
#[test]
fn large_frames() {
    struct Large<'a>(&'a Cell<usize>, Option<Rc<Large<'a>>>);
    impl Drop for Large<'_> {
        fn drop(&mut self) {
            let room = std::hint::black_box([1_u8; 100_000]);
            drop(self.1.take());
            self.0.set(self.0.get() + usize::from(std::hint::black_box(room)[7]));
        }
    }
    let work = || {
        for length in [10, 40, 200, 3000] {
            let count = Cell::new(0);
            let chain = (0..length).fold(None, |below, _| Some(Rc::new(Large(&count, below))));
            drop(chain);
            assert_eq!(count.get(), length);
        }
    };
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(work);
    thread.expect("a thread").join().unwrap_or_else(|payload| resume_unwind(payload));
}

#[test]
fn slices() {
    enum Item {
        Below(#[expect(dead_code, reason = "only held")] Rc<[Item]>),
        Value(Counted),
    }
    on_a_small_stack(|| {
        let count = nodes() / 10;
        let mut chain: Rc<[Item]> = Rc::from([]);
        for i in 0..count {
            let (value, below) = (Item::Value(Counted), Item::Below(chain));
            chain = match i % 3 {
                0 => Rc::from([value, below]),
                1 => Rc::from([below, value]),
                _ => Rc::from(vec![value, below, Item::Value(Counted)]),
            };
        }
        drop(chain);
        assert_eq!(dropped(), count + count / 3);
    });
}

#[test]
fn wide_nodes() {
    struct Wide {
        _children: Vec<Rc<Node>>,
        _below: Option<Rc<Wide>>,
    }
    on_a_small_stack(|| {
        let count = 1_000_000;
        let leaves = || (0..count).filter_map(|_| list(1)).collect();
        drop(Rc::new(Wide { _children: leaves(), _below: None }));
        assert_eq!(dropped(), count);
        // The same below a deep chain, where objects wait in a list.
        let deep = (0..1000).fold(None, |below, i| {
            let children = match i {
                0 => leaves(),
                500 => (0..1000).filter_map(|_| list(1000)).collect(),
                _ => Vec::new(),
            };
            Some(Rc::new(Wide { _children: children, _below: below }))
        });
        drop(deep);
        assert_eq!(dropped(), 2 * count);
    });
}

#[test]
fn drops_that_make_and_drop_others() {
    thread_local! {
        static KEPT: RefCell<Vec<Rc<Node>>> = const { RefCell::new(Vec::new()) };
    }
    struct Busy {
        number: usize,
        _next: Option<Rc<Busy>>,
        _after: Option<Rc<Node>>,
    }
    impl Drop for Busy {
        fn drop(&mut self) {
            let mut short = list(self.number % 5);
            if self.number.is_multiple_of(1000) {
                KEPT.with_borrow_mut(|kept| kept.extend(list(3)));
            }
            if self.number.is_multiple_of(10_000) {
                drop(list(500));
            }
            let weak = short.as_ref().map(Rc::downgrade);
            short = None;
            assert!(short.is_none() && weak.is_none_or(|weak| weak.upgrade().is_none()));
        }
    }
    on_a_small_stack(|| {
        let count = nodes() / 10;
        let chain = (0..count).fold(None, |next, number| {
            Some(Rc::new(Busy { number, _next: next, _after: list(1) }))
        });
        drop(chain);
        let expected = 2 * count + 500 * count / 10_000 + count;
        assert_eq!(dropped(), expected);
        assert_eq!(KEPT.with_borrow(Vec::len), count / 1000);
        KEPT.take();
        assert_eq!(dropped(), 3 * count / 1000);
    });
}

/// What borrows from a drop and is dropped there has been dropped when it goes on, however far down it is itself.
#[test]
fn a_drop_far_down_that_drops_others_goes_on_when_they_are_gone() {
    struct Far {
        depth: usize,
        wrong: std::rc::Rc<RefCell<Vec<(usize, usize, usize)>>>,
        _next: Option<Rc<Far>>,
    }
    impl Drop for Far {
        fn drop(&mut self) {
            for length in [1, 2, 5, 9] {
                let count = Cell::new(0);
                drop(borrowing_list(length, &count));
                if count.get() != length {
                    self.wrong.borrow_mut().push((self.depth, length, count.get()));
                }
            }
        }
    }
    on_a_small_stack(|| {
        for length in [1, 10, 39, 40, 41, 48, 49, 200] {
            let wrong = std::rc::Rc::<RefCell<Vec<_>>>::default();
            let chain = (0..length).rev().fold(None, |next, depth| {
                Some(Rc::new(Far { depth, wrong: wrong.clone(), _next: next }))
            });
            drop(chain);
            let wrong = wrong.take();
            assert!(
                wrong.is_empty(),
                "(depth, length of the chain made there, links dropped when `drop` returned): {:?} and more",
                wrong.first()
            );
        }
    });
}

/// Drops inside drops make others again.
#[test]
fn drops_within_drops_within_drops() {
    thread_local! {
        static ALIVE: Cell<usize> = const { Cell::new(0) };
    }
    struct Level {
        level: usize,
        _next: Option<Rc<Level>>,
    }
    fn chain(length: usize, level: usize) -> Option<Rc<Level>> {
        (0..length).fold(None, |next, _| {
            ALIVE.set(ALIVE.get() + 1);
            Some(Rc::new(Level { level, _next: next }))
        })
    }
    impl Drop for Level {
        fn drop(&mut self) {
            ALIVE.set(ALIVE.get() - 1);
            if self.level > 0 {
                drop(chain(40, self.level - 1));
            }
        }
    }
    on_a_small_stack(|| {
        drop(chain(60, 2));
        assert_eq!(ALIVE.get(), 0);
    });
}

#[test]
fn weaks_that_are_upgraded_on_the_way_down() {
    thread_local! {
        static REACHED: Cell<usize> = const { Cell::new(0) };
        static DEAD: Cell<usize> = const { Cell::new(0) };
    }
    struct Asking {
        next: RefCell<Option<Rc<Asking>>>,
        above: Weak<Asking>,
        far_above: Weak<Asking>,
        below: RefCell<Weak<Asking>>,
        _counted: Counted,
    }
    impl Drop for Asking {
        fn drop(&mut self) {
            for weak in [&self.above, &self.far_above] {
                assert!(weak.upgrade().is_none());
                DEAD.set(DEAD.get() + 1);
            }
            if let Some(below) = self.below.get_mut().upgrade() {
                REACHED.set(REACHED.get() + 1);
                assert_eq!(Rc::strong_count(&below), 2, "`next` and this one");
            }
        }
    }
    on_a_small_stack(|| {
        let count = nodes() / 20;
        let new = |above: Weak<Asking>, far_above: Weak<Asking>| {
            let (next, below) = Default::default();
            Rc::new(Asking { next, above, far_above, below, _counted: Counted })
        };
        let first = new(Weak::new(), Weak::new());
        let middle = RefCell::new(Weak::new());
        let mut last = first.clone();
        for i in 1..count {
            let node = new(Rc::downgrade(&last), middle.borrow().clone());
            *last.below.borrow_mut() = Rc::downgrade(&node);
            *last.next.borrow_mut() = Some(node.clone());
            if i == count / 2 {
                middle.replace(Rc::downgrade(&node));
            }
            last = node;
        }
        drop(last);
        drop(first);
        assert_eq!(dropped(), count);
        assert_eq!((REACHED.get(), DEAD.get()), (count - 1, 2 * count));
        assert!(middle.borrow().upgrade().is_none());
    });
}

#[test]
fn a_drop_may_save_the_rest_of_the_list() {
    thread_local! {
        static SAVED: RefCell<Option<Rc<Saving>>> = const { RefCell::new(None) };
    }
    struct Saving {
        number: usize,
        next: RefCell<Option<Rc<Saving>>>,
    }
    impl Drop for Saving {
        fn drop(&mut self) {
            drop(Counted);
            if self.number.is_multiple_of(1000) {
                SAVED.set(self.next.take());
            }
        }
    }
    on_a_small_stack(|| {
        let mut list = None;
        for number in 1..=100_000 {
            list = Some(Rc::new(Saving { number, next: RefCell::new(list) }));
        }
        drop(list);
        assert_eq!(dropped(), 1, "the first one saves the others");
        for left in (0..100).rev() {
            let saved = SAVED.take();
            assert_eq!(saved.as_ref().map(|node| node.number), Some(left * 1000 + 999));
            drop(saved);
            assert_eq!(dropped(), if left == 0 { 999 } else { 1000 });
        }
    });
}

/// Panics without the panic hook, which would print and take more stack than there is.
struct Panicking {
    number: usize,
    /// Whether it does, by its number and another one.
    panics: (usize, fn(usize, usize) -> bool),
    _next: Option<Rc<Panicking>>,
    _other: Option<Rc<Node>>,
}

impl Drop for Panicking {
    fn drop(&mut self) {
        drop(Counted);
        if self.panics.1(self.number, self.panics.0) {
            resume_unwind(Box::new(self.number));
        }
    }
}

/// Drops a list in which some panic: who panicked first. Number 1 is the first node.
fn drop_panicking(length: usize, which: usize, panics: fn(usize, usize) -> bool) -> Option<usize> {
    let list = (1..=length).rev().fold(None, |next, number| {
        Some(Rc::new(Panicking { number, panics: (which, panics), _next: next, _other: list(2) }))
    });
    let weak = Rc::downgrade(list.as_ref().expect("a node"));
    let result = catch_unwind(AssertUnwindSafe(|| drop(list)));
    assert!(weak.upgrade().is_none());
    assert_eq!(dropped(), 3 * length, "all were dropped, once");
    result.err().map(|payload| *payload.downcast().expect("a number"))
}

#[test]
fn one_that_panics_anywhere_in_a_list() {
    on_a_small_stack(|| {
        assert_eq!(drop_panicking(1000, 0, |_, _| false), None);
        for only in (1..60).chain([100, 500, 999, 1000]) {
            assert_eq!(drop_panicking(1000, only, |number, only| number == only), Some(only));
        }
        // After a panic drops nest as before.
        assert_eq!(drop_panicking(100_000, 0, |_, _| false), None);
    });
}

#[test]
fn many_that_panic_far_down_in_a_list() {
    on_a_small_stack(|| {
        assert_eq!(
            drop_panicking(100_000, 1000, |number, each| number.is_multiple_of(each)),
            Some(1000)
        );
        assert_eq!(
            drop_panicking(100_000, 150, |number, each| number.is_multiple_of(each)),
            Some(150)
        );
        drop(list(100_000));
        assert_eq!(dropped(), 100_000);
    });
}

/// When a drop returns, all that it led to is gone: also what was far below, when something else of the same value
/// is dropped after it.
#[test]
fn what_comes_after_a_deep_field_finds_all_of_it_gone() {
    struct After(usize);
    impl Drop for After {
        fn drop(&mut self) {
            assert_eq!(dropped_so_far(), self.0, "the field before this one is gone");
        }
    }
    struct Level {
        _own: Option<Rc<Node>>,
        _below: Option<Rc<Level>>,
        _after: After,
    }
    on_a_small_stack(|| {
        // The innermost level ends first: at its end its own list is gone, and those of all levels outside of it, whose
        // lists come first among their fields.
        let levels = ORDINARY_DEPTH - 1;
        let below = (0..levels).fold(None, |below, _| {
            let after = After(levels * 1000);
            Some(Rc::new(Level { _own: list(1000), _below: below, _after: after }))
        });
        drop(below);
        assert_eq!(dropped(), levels * 1000);
    });
}

/// The same random graphs on std and on neap, and the order in which their nodes are dropped.
macro_rules! orders {
    ($name:ident, $($rc:ident)::+) => {
        mod $name {
            use super::{ORDINARY_DEPTH, Rng};
            use $($rc)::+::{Rc, Weak};
            use std::cell::RefCell;

            type Log = std::rc::Rc<RefCell<Vec<(usize, bool)>>>;

            pub struct Node {
                number: usize,
                one: Option<Rc<Node>>,
                many: Vec<Rc<Node>>,
                boxed: Option<Box<(Rc<Node>, Ending)>>,
                slice: Rc<[Option<Rc<Node>>]>,
                other: Weak<Node>,
                ending: Ending,
            }

            /// Put down at the end of a node's fields.
            struct Ending(usize, Log);

            impl Drop for Ending {
                fn drop(&mut self) {
                    self.1.borrow_mut().push((self.0, false));
                }
            }

            impl Drop for Node {
                fn drop(&mut self) {
                    let alive = self.other.upgrade().is_some();
                    self.ending.1.borrow_mut().push((self.number, alive));
                }
            }

            /// Makes nodes and drops them in random order.
            pub fn run(seed: u64, count: usize) -> Vec<(usize, bool)> {
                let mut rng = Rng(seed);
                let log = Log::default();
                let mut all: Vec<Option<Rc<Node>>> = Vec::new();
                // A slice is an object of its own: it counts as a level.
                let mut heights = Vec::<usize>::new();
                for number in 0..count {
                    let mut height = 1;
                    let mut any = |levels: usize, rng: &mut Rng| {
                        if number == 0 || rng.below(3) == 0 {
                            return None;
                        }
                        let at = number - 1 - rng.below(number.min(8));
                        if heights[at] + levels > ORDINARY_DEPTH {
                            return None;
                        }
                        height = height.max(heights[at] + levels);
                        all[at].clone()
                    };
                    let one = any(1, &mut rng);
                    let many = (0..rng.below(3)).filter_map(|_| any(1, &mut rng)).collect();
                    let boxed = any(1, &mut rng);
                    let slice = (0..rng.below(3)).map(|_| any(2, &mut rng)).collect();
                    let other = any(0, &mut rng);
                    let node = Rc::new(Node {
                        number,
                        one,
                        many,
                        boxed: boxed.map(|rc| Box::new((rc, Ending(number + 2 * count, log.clone())))),
                        slice,
                        other: other.as_ref().map(Rc::downgrade).unwrap_or_default(),
                        ending: Ending(number + count, log.clone()),
                    });
                    assert!(node.one.is_none() || node.many.len() + node.slice.len() < 5);
                    assert!(node.boxed.is_none() || height > 1);
                    heights.push(height.max(2));
                    all.push(Some(node));
                }
                assert_eq!(heights.iter().max(), Some(&ORDINARY_DEPTH));
                let mut order: Vec<usize> = (0..count).collect();
                rng.shuffle(&mut order);
                for at in order {
                    all[at] = None;
                    // Marks what came of one drop.
                    log.borrow_mut().push((usize::MAX, false));
                }
                log.take()
            }

            /// A chain of as many levels as drop in std's order.
            pub fn chain() -> Vec<(usize, bool)> {
                struct Link(usize, #[expect(dead_code, reason = "only held")] Option<Rc<Link>>, Ending);
                impl Drop for Link {
                    fn drop(&mut self) {
                        self.2.1.borrow_mut().push((self.0, true));
                    }
                }
                let log = Log::default();
                let chain = (0..ORDINARY_DEPTH).fold(None, |next, number| {
                    Some(Rc::new(Link(number, next, Ending(number, log.clone()))))
                });
                drop(chain);
                log.take()
            }
        }
    };
}

orders!(with_std, std::rc);
orders!(with_neap, neap::rc);

#[test]
fn in_the_order_of_std_down_to_the_ordinary_depth() {
    // On a large stack, for std's sake.
    assert_eq!(with_neap::chain(), with_std::chain());
    for seed in 0..if long() { 1000 } else { 50 } {
        assert!(with_neap::run(seed, 500) == with_std::run(seed, 500), "seed {seed}");
    }
}
