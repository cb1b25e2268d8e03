//! What borrows is dropped before what it borrows is gone, at any depth.
//!
//! Deep structures are dropped by a loop (`neap::rc`, "The order of drops"), so some drops come later than they would
//! by recursion. A `Drop` of the program that makes a value which borrows from its own frame, and drops it there,
//! must not notice: the borrow would dangle. These programs are safe Rust, so what they check is soundness. And
//! what borrows is dropped in exactly std's order, panics and all, though on another stack.

mod common;

use std::cell::{Cell, RefCell};

use common::Rng;
use neap::rc::{Rc, Weak};

/// Deeper than drops nest by recursion.
const DEPTH: usize = 500;

thread_local! {
    /// What each node's `Drop` does; it is called with the number of nodes dropped before.
    static ACT: Cell<fn(usize)> = const { Cell::new(|_| ()) };
    static DROPPED: Cell<usize> = const { Cell::new(0) };
    static KEPT: RefCell<Vec<Rc<dyn Held>>> = const { RefCell::new(Vec::new()) };
}

/// Values of any type that are kept for later.
trait Held {}
impl<T> Held for T {}

struct Node(#[expect(dead_code, reason = "held to be dropped")] Option<Rc<Node>>);

impl Drop for Node {
    fn drop(&mut self) {
        let before = DROPPED.get();
        DROPPED.set(before + 1);
        ACT.get()(before);
    }
}

fn list(len: usize) -> Option<Rc<Node>> {
    (0..len).fold(None, |next, _| Some(Rc::new(Node(next))))
}

/// Drops a list whose nodes do `act` when they are dropped.
fn drop_list(len: usize, act: fn(usize)) {
    let nodes = list(len);
    DROPPED.set(0);
    ACT.set(act);
    drop(nodes);
    ACT.set(|_| ());
    assert_eq!(DROPPED.get(), len, "every node is dropped when the drop of the list returns");
}

/// Says in its maker's frame that it was dropped.
struct Telling<'a>(
    &'a Cell<u32>,
    #[expect(dead_code, reason = "held to be dropped")] Option<Rc<Telling<'a>>>,
);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn what_borrows_from_a_drop_is_dropped_inside_it() {
    drop_list(DEPTH, |_| {
        let told = Cell::new(0);
        drop(Rc::new(Telling(&told, None)));
        assert_eq!(told.get(), 1);
    });
}

#[test]
fn so_is_what_lies_in_a_box_or_a_vector() {
    drop_list(DEPTH, |_| {
        let told = Cell::new(0);
        drop(Box::new(Rc::new(Telling(&told, None))));
        drop(vec![Rc::new(Telling(&told, None)), Rc::new(Telling(&told, None))]);
        assert_eq!(told.get(), 3);
    });
}

#[test]
fn and_a_whole_list_of_such() {
    drop_list(200, |_| {
        let told = Cell::new(0);
        let list = (0..300).fold(None, |next, _| Some(Rc::new(Telling(&told, next))));
        drop(list);
        assert_eq!(told.get(), 300);
    });
}

/// May borrow for a shorter time than it was made for.
struct Open<'a> {
    told: Option<&'a Cell<u32>>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(told) = self.told {
            told.set(told.get() + 1);
        }
    }
}

thread_local! {
    /// Made before any drop began.
    static OLD: RefCell<Vec<Rc<Open<'static>>>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn an_object_may_come_to_borrow_from_a_drop_that_is_younger() {
    let old = (0..DEPTH).map(|_| Rc::new(Open { told: None }));
    OLD.set(old.collect());
    drop_list(DEPTH, |_| {
        let told = Cell::new(0);
        let old = OLD.with_borrow_mut(Vec::pop).expect("one for each node");
        // The same object, which may hold what lives shorter from now on.
        let mut old: Rc<Open<'_>> = old;
        Rc::get_mut(&mut old).expect("it has one owner").told = Some(&told);
        drop(old);
        assert_eq!(told.get(), 1);
    });
    let old = (0..DEPTH).map(|_| Rc::new(Open { told: None }));
    OLD.set(old.collect());
    drop_list(DEPTH, |_| {
        let told = Cell::new(0);
        let old = OLD.with_borrow_mut(Vec::pop).expect("one for each node");
        let raw: *const Open<'_> = Rc::into_raw(old);
        // SAFETY: it has one owner.
        unsafe { (*raw.cast_mut()).told = Some(&told) };
        // SAFETY: it came from `into_raw`, once.
        let old: Rc<Open<'_>> = unsafe { Rc::from_raw(raw) };
        drop(old);
        assert_eq!(told.get(), 1);
    });
}

#[test]
fn an_inner_drop_may_make_what_borrows_from_the_outer_one() {
    /// Puts what borrows from the frame of another drop there.
    struct Putting<'a, 'b> {
        told: &'a Cell<u32>,
        place: &'b RefCell<Vec<Rc<Telling<'a>>>>,
        next: Option<Rc<Putting<'a, 'b>>>,
    }
    impl Drop for Putting<'_, '_> {
        fn drop(&mut self) {
            self.place.borrow_mut().push(Rc::new(Telling(self.told, None)));
            let _ = &self.next;
        }
    }
    drop_list(200, |_| {
        let told = Cell::new(0);
        let place = RefCell::new(Vec::new());
        let puttings = (0..200)
            .fold(None, |next, _| Some(Rc::new(Putting { told: &told, place: &place, next })));
        drop(puttings);
        assert_eq!((place.borrow().len(), told.get()), (200, 0));
        place.borrow_mut().pop();
        assert_eq!(told.get(), 1);
        place.borrow_mut().clear();
        assert_eq!(told.get(), 200);
    });
}

#[test]
fn structures_that_were_made_in_deep_drops_may_be_deep_themselves() {
    drop_list(DEPTH, |n| {
        if n == DEPTH - 1 {
            // Made here and kept.
            let kept = list(100_000).expect("not empty");
            KEPT.with_borrow_mut(|all| all.push(neap::coerce!(kept => dyn Held)));
        }
    });
    assert_eq!(KEPT.with_borrow(Vec::len), 1);
    DROPPED.set(0);
    KEPT.with_borrow_mut(Vec::clear);
    assert_eq!(DROPPED.get(), 100_000);

    // The same, and dropped by another deep drop.
    drop_list(DEPTH, |n| {
        if n == DEPTH - 1 {
            let kept = list(100_000).expect("not empty");
            KEPT.with_borrow_mut(|all| all.push(neap::coerce!(kept => dyn Held)));
        }
    });
    let nodes = list(DEPTH);
    DROPPED.set(0);
    ACT.set(|n| {
        if n == DEPTH / 2 {
            let kept = KEPT.take();
            drop(kept);
        }
    });
    drop(nodes);
    ACT.set(|_| ());
    assert_eq!(DROPPED.get(), 100_000 + DEPTH);
}

#[test]
fn a_drop_in_the_deep_may_hold_on_to_a_weak_and_use_it() {
    thread_local! {
        static SEEN: RefCell<Vec<Weak<Node>>> = const { RefCell::new(Vec::new()) };
    }
    let mut nodes: Vec<Rc<Node>> = Vec::new();
    for _ in 0..DEPTH {
        let next = nodes.last().cloned();
        nodes.push(Rc::new(Node(next)));
    }
    SEEN.set(nodes.iter().map(Rc::downgrade).collect());
    let first = nodes.pop();
    nodes.clear();
    DROPPED.set(0);
    ACT.set(|n| {
        // The first `n` are gone, and this one is going; the others are alive.
        let alive =
            SEEN.with_borrow(|seen| seen.iter().filter(|weak| weak.upgrade().is_some()).count());
        assert_eq!(alive, DEPTH - 1 - n);
    });
    drop(first);
    ACT.set(|_| ());
    assert_eq!(DROPPED.get(), DEPTH);
}

#[test]
fn fields_are_dropped_in_their_order_in_the_deep() {
    thread_local! {
        static ORDER: RefCell<Vec<(usize, char)>> = const { RefCell::new(Vec::new()) };
    }
    struct Leaf(usize, char);
    impl Drop for Leaf {
        fn drop(&mut self) {
            ORDER.with_borrow_mut(|order| order.push((self.0, self.1)));
        }
    }
    #[expect(dead_code, reason = "held to be dropped")]
    struct Branch {
        left: Rc<Leaf>,
        middle: Option<Rc<Branch>>,
        right: Rc<Leaf>,
    }
    let spine = (0..DEPTH).fold(None, |middle, n| {
        Some(Rc::new(Branch { left: Rc::new(Leaf(n, 'l')), middle, right: Rc::new(Leaf(n, 'r')) }))
    });
    drop(spine);
    let order = ORDER.take();
    assert_eq!(order.len(), 2 * DEPTH);
    let place = |leaf| order.iter().position(|dropped| *dropped == leaf).expect("each is dropped");
    for n in 0..DEPTH {
        assert!(place((n, 'l')) < place((n, 'r')), "of branch {n}");
        if n > 0 {
            assert!(
                place((n, 'l')) < place((n - 1, 'l')),
                "branch {n} is dropped before what is in it"
            );
        }
    }
}

#[test]
fn a_stack_that_is_left_inside_a_deep_drop_does_not_hold_others_up() {
    use corosensei::{Coroutine, CoroutineResult, Yielder};

    thread_local! {
        static YIELDER: Cell<Option<*const Yielder<(), ()>>> = const { Cell::new(None) };
    }
    // Older than the drop that is left half way.
    let told = Cell::new(0);
    let borrowing = (0..1000).fold(None, |next, _| Some(Rc::new(Telling(&told, next))));

    let mut left = Coroutine::new(|yielder: &Yielder<(), ()>, ()| {
        YIELDER.set(Some(yielder));
        drop_list(DEPTH, |n| {
            if n == DEPTH / 2 {
                let yielder = YIELDER.get().expect("set above");
                // SAFETY: it is the coroutine's that this runs in.
                unsafe { (*yielder).suspend(()) };
            }
        });
    });
    assert!(matches!(left.resume(()), CoroutineResult::Yield(())));
    drop(borrowing);
    assert_eq!(told.get(), 1000, "all of them before the drop returns");
    ACT.set(|_| ());
    assert!(matches!(left.resume(()), CoroutineResult::Return(())));
}

#[test]
fn what_borrows_inside_the_state_of_an_async_function_is_dropped_in_time() {
    use std::future::{Future, pending};
    use std::pin::Pin;
    use std::task::{Context, Waker};

    thread_local! {
        static READ: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }
    struct Reading<'a>(&'a String);
    impl Drop for Reading<'_> {
        fn drop(&mut self) {
            READ.with_borrow_mut(|read| read.push(self.0.clone()));
        }
    }
    struct Waiting {
        state: Pin<Box<dyn Future<Output = ()>>>,
        _next: Option<Rc<Waiting>>,
    }
    async fn wait(n: usize) {
        let text = format!("the text of number {n}, which is dropped right after what reads it");
        let _reading = Rc::new(Reading(&text));
        pending::<()>().await;
    }
    let waiting = (0..DEPTH).fold(None, |next, n| {
        let mut waiting = Waiting { state: Box::pin(wait(n)), _next: next };
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.state.as_mut().poll(&mut context).is_pending());
        Some(Rc::new(waiting))
    });
    drop(waiting);
    let read = READ.take();
    assert_eq!(read.len(), DEPTH);
    assert!(read.iter().all(|text| text.starts_with("the text of number ")), "{read:?}");
}

/// Builds a tree that borrows with each kind of pointer, drops it, and compares what was dropped, and what it panicked
/// with. `shape`: of each node how many were made before it that it takes for its children, the last first; and
/// whether its drop panics.
mod beside_std {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    pub type Log = RefCell<Vec<usize>>;
    pub type Outcome = (Vec<usize>, Option<usize>);

    macro_rules! drop_tree {
        ($name:ident, $Rc:ident) => {
            pub fn $name(shape: &[(usize, bool)]) -> Outcome {
                struct Node<'a> {
                    _first: Option<$Rc<Node<'a>>>,
                    number: usize,
                    panics: bool,
                    log: &'a Log,
                    _others: Vec<$Rc<Node<'a>>>,
                }
                impl Drop for Node<'_> {
                    fn drop(&mut self) {
                        self.log.borrow_mut().push(self.number);
                        if self.panics {
                            // Without the panic hook.
                            resume_unwind(Box::new(self.number));
                        }
                    }
                }
                let log = Log::default();
                let mut made: Vec<$Rc<Node<'_>>> = Vec::new();
                for (number, (children, panics)) in shape.iter().enumerate() {
                    let first = if *children > 0 { made.pop() } else { None };
                    let others =
                        made.split_off(made.len() - children.saturating_sub(1).min(made.len()));
                    let panics = *panics;
                    made.push($Rc::new(Node {
                        _first: first,
                        number,
                        panics,
                        log: &log,
                        _others: others,
                    }));
                }
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(made)));
                let panic = dropped.err().map(|payload| *payload.downcast().expect("a number"));
                (log.take(), panic)
            }
        };
    }
    use std::rc::Rc as StdRc;
    drop_tree!(with_neap, Rc);
    drop_tree!(with_std, StdRc);

    /// Each on its own thread: neap's stack is small.
    pub fn same(shape: &[(usize, bool)]) {
        let on = |bytes: usize, work: fn(&[(usize, bool)]) -> Outcome| {
            std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().stack_size(bytes);
                let thread = thread.spawn_scoped(scope, || work(shape)).expect("a thread");
                thread.join().unwrap_or_else(|payload| resume_unwind(payload))
            })
        };
        let (neap, std) = (on(128 << 10, with_neap), on(64 << 20, with_std));
        assert_eq!(neap.0.len(), shape.len(), "each is dropped once");
        assert!(neap == std, "with std {:?} …, with neap {:?} …", &std.0[..9], &neap.0[..9]);
    }
}

#[test]
fn what_borrows_is_dropped_in_the_order_of_std_at_any_depth() {
    let mut rng = Rng(3);
    for length in [10, 60, 500, 5000] {
        beside_std::same(&vec![(1, false); length]);
        beside_std::same(&vec![(2, false); length]);
        for _ in 0..20 {
            let mut child = || match rng.below(20) {
                0 => 0,
                1 => 2 + rng.below(3),
                _ => 1,
            };
            beside_std::same(&(0..length).map(|_| (child(), false)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn one_of_those_may_panic() {
    let mut rng = Rng(4);
    for length in [60, 100, 5000] {
        for _ in 0..40 {
            let mut shape = vec![(1, false); length];
            for node in &mut shape {
                node.0 = if rng.below(10) == 0 { rng.below(4) } else { 1 };
            }
            shape[rng.below(length)].1 = true;
            beside_std::same(&shape);
        }
    }
}

#[test]
fn a_further_stack_that_is_left_and_come_back_to() {
    use corosensei::{Coroutine, CoroutineResult, Yielder};

    struct Leaving<'a, 'b> {
        yielder: Option<&'a Yielder<(), ()>>,
        count: &'b Cell<u32>,
        _next: Option<Rc<Leaving<'a, 'b>>>,
    }
    impl Drop for Leaving<'_, '_> {
        fn drop(&mut self) {
            self.count.set(self.count.get() + 1);
            if let Some(yielder) = self.yielder {
                yielder.suspend(());
            }
        }
    }
    let told = Cell::new(0);
    let count = std::rc::Rc::new(Cell::new(0));
    let counting = count.clone();
    let mut left = Coroutine::new(move |yielder: &Yielder<(), ()>, ()| {
        let list = (0..5000).fold(None, |next, n| {
            let yielder = (n % 1000 == 0).then_some(yielder);
            Some(Rc::new(Leaving { yielder, count: &counting, _next: next }))
        });
        drop(list);
    });
    for times in 1..=5 {
        assert!(matches!(left.resume(()), CoroutineResult::Yield(())));
        assert_eq!(count.get(), 1000 * (times - 1) + 1000);
        // Another deep drop meanwhile, on further stacks of its own.
        drop((0..3000).fold(None, |next, _| Some(Rc::new(Telling(&told, next)))));
        assert_eq!(told.take(), 3000);
    }
    assert!(matches!(left.resume(()), CoroutineResult::Return(())));
    assert_eq!(count.get(), 5000);
}

#[test]
fn coroutines_that_are_left_in_drops_may_end_in_any_order() {
    use corosensei::{Coroutine, Yielder};

    struct Node<'a>(
        Option<&'a Yielder<(), ()>>,
        #[expect(dead_code, reason = "held")] Option<Rc<Node<'a>>>,
    );
    impl Drop for Node<'_> {
        fn drop(&mut self) {
            if let Some(yielder) = self.0 {
                yielder.suspend(());
            }
        }
    }
    let order = || {
        let tree = (0..90).fold(None, |below, n| Some(Rc::new(Ordered(n, below, list(1)))));
        drop(tree);
        ORDER.take()
    };
    let usual = order();
    for (depth, count) in [(2, 30), (20, 4), (40, 3), (133, 10), (200, 5), (2, 200)] {
        let left = |_| {
            Coroutine::new(move |yielder: &Yielder<(), ()>, ()| {
                let mut list = Some(Rc::new(Node(Some(yielder), None)));
                for _ in 1..depth {
                    list = Some(Rc::new(Node(None, list)));
                }
                drop(list);
            })
        };
        let mut all: Vec<_> = (0..count).map(left).collect();
        for coroutine in &mut all {
            coroutine.resume(());
        }
        assert_eq!(order(), usual, "while they are left {depth} deep");
        for coroutine in &mut all {
            coroutine.resume(());
            assert!(coroutine.done());
        }
        assert_eq!(order(), usual, "when they have ended");
    }
}

thread_local! {
    static ORDER: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Says when it was dropped.
struct Ordered(
    usize,
    #[expect(dead_code, reason = "held to be dropped")] Option<Rc<Ordered>>,
    #[expect(dead_code, reason = "held to be dropped")] Option<Rc<Node>>,
);

impl Drop for Ordered {
    fn drop(&mut self) {
        ORDER.with_borrow_mut(|order| order.push(self.0));
    }
}

#[test]
fn a_neighbouring_stack_is_another() {
    use corosensei::{Coroutine, CoroutineResult, Yielder, stack::DefaultStack};

    thread_local! {
        static YIELDER: Cell<Option<*const Yielder<(), ()>>> = const { Cell::new(None) };
    }
    for kib in [64, 256, 1024] {
        for depth in [45, 135, 150] {
            // Mapped one after the other, and so side by side most often.
            let stacks = [DefaultStack::new(kib << 10), DefaultStack::new(kib << 10)];
            let [first, second] = stacks.map(|stack| stack.expect("a stack"));
            let mut left = Coroutine::with_stack(first, move |yielder: &Yielder<(), ()>, ()| {
                YIELDER.set(Some(yielder));
                drop_list(depth, |n| {
                    if n == 30 {
                        let yielder = YIELDER.get().expect("set above");
                        // SAFETY: it is the coroutine's that this runs in.
                        unsafe { (*yielder).suspend(()) };
                    }
                });
            });
            assert!(matches!(left.resume(()), CoroutineResult::Yield(())));
            ACT.set(|_| ());
            let before = DROPPED.get();
            let mut other = Coroutine::with_stack(second, |_: &Yielder<(), ()>, ()| drop(list(30)));
            assert!(matches!(other.resume(()), CoroutineResult::Return(())));
            assert_eq!(DROPPED.replace(before) - before, 30, "when the drop returned");
            assert!(matches!(left.resume(()), CoroutineResult::Return(())));
        }
    }
}
