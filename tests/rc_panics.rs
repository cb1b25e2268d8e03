//! Panics at every step of an `Rc`'s life: in the drop of a value, in a closure, an iterator or a clone that
//! makes one, in a comparison. Each value that was made is dropped once, all memory is free again, counts are
//! right, and what was not touched works as before.
//!
//! Each case does its work a thousand times, and neap then has as many live blocks as before. The program's global
//! allocator is the system's, so that all blocks of neap are objects and what belongs to them.

mod common;

use common::cases::{child, entries, main as run_cases};
use neap::rc::{Rc, Weak};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

fn main() {
    run_cases(
        entries![
            a_drop_that_panics,
            a_drop_that_panics_however_it_is_reached,
            a_drop_that_panics_leaves_its_fields_to_be_dropped,
            a_drop_that_panics_anywhere_in_a_list,
            a_drop_that_panics_anywhere_in_a_tree,
            a_drop_that_panics_in_the_middle_of_a_slice,
            a_drop_that_panics_far_down_among_many,
            a_drop_that_panics_with_weaks_left,
            a_drop_that_panics_with_raw_weaks_left,
            drops_that_panic_where_they_were_put_off,
            a_panic_that_is_caught_while_another_goes_by,
            two_drops_that_panic_inside_each_other_abort,
            new_cyclic_with_a_closure_that_panics,
            new_cyclic_with_a_closure_that_panics_far_down,
            make_mut_with_a_clone_that_panics,
            make_mut_of_a_slice_with_a_clone_that_panics,
            unwrap_or_clone_with_a_clone_that_panics,
            an_iterator_that_panics,
            a_slice_of_clones_of_which_one_panics,
            a_default_that_panics,
            a_slice_that_is_too_large,
            comparisons_hashes_and_prints_that_panic,
            a_panic_that_passes_through_owners,
            depth_is_counted_right_after_panics,
        ],
        entries![panic_inside_a_panic, panic_far_inside_a_panic],
    );
}

/// What the panics here carry.
#[derive(Debug, PartialEq)]
struct Planned(u32);

/// Panics without printing.
fn panic_planned(number: u32) -> ! {
    resume_unwind(Box::new(Planned(number)))
}

/// Runs `work`, which panics: with which number.
#[track_caller]
fn caught<R>(work: impl FnOnce() -> R) -> u32 {
    let payload = catch_unwind(AssertUnwindSafe(work)).err().expect("a panic");
    payload.downcast::<Planned>().expect("the planned panic").0
}

/// Does it many times, and panics unless neap has as many live blocks then as before.
#[track_caller]
fn leaves_nothing_behind(work: impl Fn()) {
    let live = || {
        neap::heap::purge();
        neap::heap::stats().live_blocks
    };
    for _ in 0..10 {
        work();
    }
    let before = live();
    for _ in 0..1000 {
        work();
    }
    assert_eq!(live(), before, "live blocks");
}

/// Where values put down their ends.
#[derive(Default)]
struct Log {
    dropped: RefCell<Vec<u32>>,
    /// Numbers of values whose drop panics.
    panics: RefCell<Vec<u32>>,
    made: Cell<u32>,
}

impl Log {
    fn panicking(numbers: &[u32]) -> Log {
        Log { panics: RefCell::new(numbers.to_vec()), ..Log::default() }
    }

    fn item(&self, number: u32) -> Item<'_> {
        self.made.set(self.made.get() + 1);
        Item { number, log: self }
    }

    #[track_caller]
    fn assert_dropped(&self, expected: impl IntoIterator<Item = u32>) {
        let mut dropped = self.dropped.take();
        dropped.sort_unstable();
        assert!(dropped.iter().copied().eq(expected), "{dropped:?}");
    }
}

/// A value whose drop, and clone, may panic.
struct Item<'a> {
    number: u32,
    log: &'a Log,
}

impl Drop for Item<'_> {
    fn drop(&mut self) {
        self.log.dropped.borrow_mut().push(self.number);
        if self.log.panics.borrow().contains(&self.number) {
            panic_planned(self.number);
        }
    }
}

/// The number of the value whose clone panics is larger by 100 in `panics`.
impl Clone for Item<'_> {
    fn clone(&self) -> Self {
        if self.log.panics.borrow().contains(&(self.number + 100)) {
            panic_planned(self.number);
        }
        self.log.item(self.number)
    }
}

fn a_drop_that_panics() {
    leaves_nothing_behind(|| {
        let log = Log::panicking(&[7]);
        let (rc, bystander) = (Rc::new(log.item(7)), Rc::new(log.item(8)));
        let other = rc.clone();
        drop(rc);
        assert_eq!(caught(|| drop(other)), 7);
        log.assert_dropped([7]);
        assert_eq!((bystander.number, Rc::strong_count(&bystander)), (8, 1));
        drop(bystander);
        log.assert_dropped([8]);
    });
}

fn a_drop_that_panics_however_it_is_reached() {
    leaves_nothing_behind(|| {
        let log = Log::panicking(&[1]);
        let new = || Rc::new(log.item(1));
        let mut slot = new();
        assert_eq!(slot.number, 1);
        assert_eq!(caught(|| slot = Rc::new(log.item(2))), 1);
        assert_eq!(slot.number, 2, "the new value is there nevertheless");
        drop(slot);
        log.assert_dropped([1, 2]);

        let raw = Rc::into_raw(new());
        // SAFETY: the reference is given up, once.
        assert_eq!(caught(|| unsafe { Rc::decrement_strong_count(raw) }), 1);
        assert_eq!(caught(|| drop(Rc::into_inner(new()))), 1);
        assert_eq!(caught(|| Rc::try_unwrap(new()).is_ok()), 1);
        assert_eq!(caught(|| drop(Rc::unwrap_or_clone(new()))), 1);
        log.assert_dropped([1; 4]);

        let mut rc = new();
        assert_eq!(caught(|| *Rc::get_mut(&mut rc).expect("alone") = log.item(3)), 1);
        assert_eq!(rc.number, 3);
        drop(rc);
        log.assert_dropped([1, 3]);

        let mut many = vec![Rc::new(log.item(4)), new(), Rc::new(log.item(5))];
        assert_eq!(caught(|| many.clear()), 1);
        drop(many);
        log.assert_dropped([1, 4, 5]);

        let rc: Rc<dyn Send> = {
            struct Sent<'a>(Item<'a>);
            // SAFETY: it goes to no other thread: that is what this test is not about.
            unsafe impl Send for Sent<'_> {}
            let sent = Rc::new(Sent(log.item(1)));
            assert_eq!(sent.0.number, 1);
            // SAFETY: as long as `log` is there; the pointer is dropped below.
            let sent: Rc<Sent<'static>> = unsafe { std::mem::transmute(sent) };
            neap::coerce!(sent => dyn Send)
        };
        assert_eq!(caught(|| drop(rc)), 1);
        log.assert_dropped([1]);
    });
}

fn a_drop_that_panics_leaves_its_fields_to_be_dropped() {
    struct Fields<'a> {
        _first: Rc<Item<'a>>,
        _own: Item<'a>,
        _middle: Vec<Rc<Item<'a>>>,
        _boxed: Box<Rc<Item<'a>>>,
        _shared: Rc<Item<'a>>,
    }
    for panicking in 1..=5 {
        leaves_nothing_behind(|| {
            let log = Log::panicking(&[panicking]);
            let rc = |number| Rc::new(log.item(number));
            let shared = rc(6);
            let fields = Rc::new(Fields {
                _first: rc(1),
                _own: log.item(2),
                _middle: vec![rc(3), rc(4)],
                _boxed: Box::new(rc(5)),
                _shared: shared.clone(),
            });
            assert_eq!(caught(|| drop(fields)), panicking);
            log.assert_dropped(1..=5);
            assert_eq!(Rc::strong_count(&shared), 1);
        });
    }
}

struct Node<'a> {
    _item: Item<'a>,
    below: Vec<Rc<Node<'a>>>,
}

fn list<'a>(log: &'a Log, length: u32) -> Rc<Node<'a>> {
    let below = if length > 1 { vec![list(log, length - 1)] } else { vec![] };
    Rc::new(Node { _item: log.item(length), below })
}

fn a_drop_that_panics_anywhere_in_a_list() {
    const LENGTH: u32 = 120;
    for panicking in 1..=LENGTH {
        let work = || {
            let log = Log::panicking(&[panicking]);
            let list = list(&log, LENGTH);
            assert_eq!(caught(|| drop(list)), panicking);
            log.assert_dropped(1..=LENGTH);
        };
        if panicking % 20 == 0 { leaves_nothing_behind(work) } else { work() }
    }
}

fn a_drop_that_panics_anywhere_in_a_tree() {
    fn tree<'a>(log: &'a Log, number: u32) -> Rc<Node<'a>> {
        let below = if number < 32 { vec![2 * number, 2 * number + 1] } else { vec![] };
        let below = below.into_iter().map(|number| tree(log, number)).collect();
        Rc::new(Node { _item: log.item(number), below })
    }
    for panicking in 1..64 {
        let work = || {
            let log = Log::panicking(&[panicking]);
            let tree = tree(&log, 1);
            let weak = Rc::downgrade(&tree);
            let kept = tree.below[1].below[0].clone();
            let inside = [6, 12, 13, 24, 25, 26, 27, 48, 49, 50, 51, 52, 53, 54, 55];
            if inside.contains(&panicking) {
                drop(tree);
            } else {
                assert_eq!(caught(|| drop(tree)), panicking);
            }
            assert_eq!((weak.strong_count(), Rc::strong_count(&kept)), (0, 1));
            log.assert_dropped((1..64).filter(|number| !inside.contains(number)));
            let result = catch_unwind(AssertUnwindSafe(|| drop(kept)));
            assert_eq!(result.is_err(), inside.contains(&panicking));
            log.assert_dropped(inside);
        };
        if panicking % 9 == 0 { leaves_nothing_behind(work) } else { work() }
    }
}

fn a_drop_that_panics_in_the_middle_of_a_slice() {
    for panicking in 0..6 {
        leaves_nothing_behind(|| {
            let log = Log::panicking(&[panicking]);
            let items: Rc<[Item]> = (0..6).map(|number| log.item(number)).collect();
            let weak = Rc::downgrade(&items);
            assert_eq!(caught(|| drop(items)), panicking);
            log.assert_dropped(0..6);
            assert!(weak.upgrade().is_none());
            let rcs: Rc<[Rc<Item>]> = (0..6).map(|number| Rc::new(log.item(number))).collect();
            assert_eq!(caught(|| drop(rcs)), panicking);
            log.assert_dropped(0..6);
            let array = Rc::new([log.item(panicking), log.item(7)]);
            assert_eq!(caught(|| drop(array)), panicking);
            log.assert_dropped([panicking, 7]);
        });
    }
}

fn a_drop_that_panics_far_down_among_many() {
    leaves_nothing_behind(|| {
        // 60 levels, each with three leaves, and a hundred leaves at the end, of which one panics.
        let log = Log::panicking(&[1033]);
        let leaf = |number| Rc::new(Node { _item: log.item(number), below: vec![] });
        let mut below = (1000..1100).map(leaf).collect::<Vec<_>>();
        for level in 0..60 {
            let node = Rc::new(Node { _item: log.item(level), below });
            let leaves = (0..3).map(|i| leaf(200 + 3 * level + i));
            below = std::iter::once(node).chain(leaves).collect();
        }
        let root = Rc::new(Node { _item: log.item(100), below });
        assert_eq!(caught(|| drop(root)), 1033);
        log.assert_dropped((0..60).chain([100]).chain(200..380).chain(1000..1100));
    });
}

fn a_drop_that_panics_with_weaks_left() {
    leaves_nothing_behind(|| {
        let log = Log::panicking(&[3]);
        let rc = Rc::new(log.item(3));
        let weaks = [Rc::downgrade(&rc), Rc::downgrade(&rc)];
        assert_eq!(caught(|| drop(rc)), 3);
        assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
        assert_eq!((weaks[0].strong_count(), weaks[0].weak_count()), (0, 0));
        assert!(weaks[0].ptr_eq(&weaks[1].clone()));
        log.assert_dropped([3]);
        // A `Weak` to itself, in a value whose drop panics.
        struct Own<'a>(#[expect(dead_code, reason = "only held")] Weak<Own<'a>>, Item<'a>);
        let own = Rc::new_cyclic(|me| Own(me.clone(), log.item(3)));
        assert_eq!((own.1.number, Rc::weak_count(&own)), (3, 1));
        let outside = Rc::downgrade(&own);
        assert_eq!(caught(|| drop(own)), 3);
        assert!(outside.upgrade().is_none());
    });
}

fn a_drop_that_panics_with_raw_weaks_left() {
    leaves_nothing_behind(|| {
        let log = Log::panicking(&[3]);
        let rc = Rc::new(log.item(3));
        let raws = [Rc::downgrade(&rc).into_raw(), Rc::downgrade(&rc).into_raw()];
        assert_eq!(caught(|| drop(rc)), 3);
        for raw in raws {
            // SAFETY: each came from `into_raw` and comes back once.
            let weak = unsafe { Weak::from_raw(raw) };
            assert!(weak.upgrade().is_none());
        }
        log.assert_dropped([3]);
    });
}

thread_local! {
    /// Which links of a chain panic.
    static PANICKING: Cell<[u32; 2]> = const { Cell::new([0; 2]) };
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// A link of a chain that borrows nothing, so that what is far down is put off.
struct Link(u32, #[expect(dead_code, reason = "only held")] Option<Rc<Link>>);

impl Drop for Link {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
        if PANICKING.get().contains(&self.0) {
            panic_planned(self.0);
        }
    }
}

/// Number 1 is the first to be dropped.
fn chain(length: u32, panicking: [u32; 2]) -> Option<Rc<Link>> {
    PANICKING.set(panicking);
    DROPPED.set(0);
    (1..=length).rev().fold(None, |below, number| Some(Rc::new(Link(number, below))))
}

fn drops_that_panic_where_they_were_put_off() {
    for (first, second) in [(150, 300), (500, 900), (134, 145), (234, 336)] {
        leaves_nothing_behind(|| {
            let chain = chain(1000, [first, second]);
            assert_eq!(caught(|| drop(chain)), first, "the first panic goes on");
            assert_eq!(DROPPED.get(), 1000);
        });
    }
}

fn a_panic_that_is_caught_while_another_goes_by() {
    struct Guard(u32);
    impl Drop for Guard {
        fn drop(&mut self) {
            let chain = chain(self.0, [self.0, 0]);
            assert_eq!(caught(|| drop(chain)), self.0);
            assert_eq!(DROPPED.get(), self.0);
        }
    }
    for length in [1, 10, 31, 32, 33, 40, 99, 100, 132, 133, 134, 300, 2000] {
        leaves_nothing_behind(|| {
            let outer = caught(|| {
                let _guard = Guard(length);
                panic_planned(7)
            });
            assert_eq!(outer, 7);
        });
    }
}

/// A mode: one that panics near the beginning, and another far down in what is dropped because of that.
fn panic_far_inside_a_panic() {
    let chain = chain(1000, [5, 700]);
    let result = catch_unwind(AssertUnwindSafe(|| drop(chain)));
    println!("{}", result.is_err());
}

/// A mode: two panics that std's `Rc` could not bear either.
fn panic_inside_a_panic() {
    let log = Log::panicking(&[2, 3]);
    let list = list(&log, 3);
    let result = catch_unwind(AssertUnwindSafe(|| drop(list)));
    println!("{}", result.is_err());
}

fn two_drops_that_panic_inside_each_other_abort() {
    for mode in ["panic_inside_a_panic", "panic_far_inside_a_panic"] {
        // Rust ends a process whose drop panics because of a panic.
        let ended = child(mode).limited(libc::RLIMIT_CORE, 0).run();
        assert!(ended.aborted(), "{mode}: {}", ended.describe());
    }
}

fn new_cyclic_with_a_closure_that_panics() {
    leaves_nothing_behind(|| {
        let log = Log::default();
        let leaked = RefCell::new(Vec::new());
        let raw = Cell::new(None);
        let number = caught(|| {
            Rc::<(Item, Weak<Item>)>::new_cyclic(|me| {
                let _item = log.item(1);
                leaked.borrow_mut().extend([me.clone(), me.clone()]);
                raw.set(Some(me.clone().into_raw()));
                panic_planned(5)
            })
        });
        assert_eq!(number, 5);
        log.assert_dropped([1]);
        let leaked = leaked.take();
        let others: Vec<_> =
            (0..10).map(|number| Rc::new((log.item(number), Weak::new()))).collect();
        assert!(others.iter().all(|other| other.1.upgrade().is_none() && other.0.number < 10));
        for weak in &leaked {
            assert!(weak.upgrade().is_none() && weak.clone().upgrade().is_none());
            assert_eq!((weak.strong_count(), weak.weak_count()), (0, 0));
            assert!(others.iter().all(|other| !weak.ptr_eq(&Rc::downgrade(other))));
        }
        // SAFETY: it came from `into_raw` and comes back once.
        let back = unsafe { Weak::from_raw(raw.get().expect("a pointer")) };
        assert!(back.ptr_eq(&leaked[0]) && back.upgrade().is_none());
    });
}

fn new_cyclic_with_a_closure_that_panics_far_down() {
    struct Level<'a> {
        _above: Weak<Level<'a>>,
        _item: Item<'a>,
        _below: Option<Rc<Level<'a>>>,
    }
    fn make<'a>(log: &'a Log, above: Weak<Level<'a>>, levels: u32) -> Rc<Level<'a>> {
        Rc::new_cyclic(|me| {
            let _item = log.item(levels);
            if levels == 0 {
                panic_planned(0);
            }
            Level { _above: above, _item, _below: Some(make(log, me.clone(), levels - 1)) }
        })
    }
    leaves_nothing_behind(|| {
        let log = Log::default();
        assert_eq!(caught(|| make(&log, Weak::new(), 30)), 0);
        log.assert_dropped(0..=30);
    });
}

fn make_mut_with_a_clone_that_panics() {
    leaves_nothing_behind(|| {
        let log = Log::panicking(&[101]);
        let mut mine = Rc::new(log.item(1));
        let theirs = mine.clone();
        let weak = Rc::downgrade(&mine);
        assert_eq!(caught(|| Rc::make_mut(&mut mine).number = 9), 1);
        assert!(Rc::ptr_eq(&mine, &theirs), "nothing has changed");
        assert_eq!((mine.number, Rc::strong_count(&mine), Rc::weak_count(&mine)), (1, 2, 1));
        drop(theirs);
        Rc::make_mut(&mut mine).number = 2;
        assert!(weak.upgrade().is_none());
        drop(mine);
        log.assert_dropped([2]);
    });
}

fn make_mut_of_a_slice_with_a_clone_that_panics() {
    for panicking in 0..5 {
        leaves_nothing_behind(|| {
            let log = Log::panicking(&[100 + panicking]);
            let mut mine: Rc<[Item]> = (0..5).map(|number| log.item(number)).collect();
            let theirs = mine.clone();
            assert_eq!(caught(|| Rc::make_mut(&mut mine).reverse()), panicking);
            assert!(Rc::ptr_eq(&mine, &theirs) && Rc::strong_count(&mine) == 2);
            log.assert_dropped(0..panicking);
            drop((mine, theirs));
            log.assert_dropped(0..5);
        });
    }
}

fn unwrap_or_clone_with_a_clone_that_panics() {
    leaves_nothing_behind(|| {
        let log = Log::panicking(&[101]);
        let mine = Rc::new(log.item(1));
        let theirs = mine.clone();
        assert_eq!(caught(|| Rc::unwrap_or_clone(mine)), 1);
        assert_eq!(Rc::strong_count(&theirs), 1, "the reference was given up");
        assert_eq!(Rc::unwrap_or_clone(theirs).number, 1);
        log.assert_dropped([1]);
    });
}

fn an_iterator_that_panics() {
    const COUNT: u32 = 12;
    for panicking in 0..COUNT {
        leaves_nothing_behind(|| {
            let log = Log::default();
            let items = || {
                (0..COUNT).map(|number| {
                    if number == panicking {
                        panic_planned(number);
                    }
                    log.item(number)
                })
            };
            // One that knows its length, and one that does not.
            assert_eq!(caught(|| items().collect::<Rc<[Item]>>()), panicking);
            log.assert_dropped(0..panicking);
            assert_eq!(caught(|| items().filter(|_| true).collect::<Rc<[Item]>>()), panicking);
            log.assert_dropped(0..panicking);
            let claims_too_little = items().chain(std::iter::from_fn(|| None));
            assert_eq!(caught(|| claims_too_little.collect::<Rc<[Item]>>()), panicking);
            log.assert_dropped(0..panicking);
        });
    }
    // What was made before has drops that panic as well: that must not be hidden, nor go wrong.
    leaves_nothing_behind(|| {
        let log = Log::panicking(&[3]);
        let collected = (0..5).map(|number| log.item(number)).collect::<Rc<[Item]>>();
        assert_eq!(caught(|| drop(collected)), 3);
        log.assert_dropped(0..5);
    });
}

fn a_slice_of_clones_of_which_one_panics() {
    for panicking in 0..8 {
        leaves_nothing_behind(|| {
            let log = Log::panicking(&[100 + panicking]);
            let mut items: Vec<Item> = (0..8).map(|number| log.item(number)).collect();
            assert_eq!(caught(|| Rc::<[Item]>::from(&items[..])), panicking);
            log.assert_dropped(0..panicking);
            assert_eq!(caught(|| Rc::<[Item]>::from(&mut items[..])), panicking);
            log.assert_dropped(0..panicking);
            let cow = std::borrow::Cow::Borrowed(&items[..]);
            assert_eq!(caught(|| Rc::<[Item]>::from(cow)), panicking);
            log.assert_dropped(0..panicking);
            drop(items);
            log.assert_dropped(0..8);
        });
    }
    // Values without a drop, whose clones panic nevertheless.
    #[derive(Debug)]
    struct Plain(u32);
    impl Clone for Plain {
        fn clone(&self) -> Plain {
            if self.0 == 3 { panic_planned(self.0) } else { Plain(self.0) }
        }
    }
    leaves_nothing_behind(|| {
        let items: Vec<_> = (0..5).map(Plain).collect();
        assert_eq!(caught(|| Rc::<[Plain]>::from(&items[..])), 3);
    });
}

fn a_default_that_panics() {
    #[derive(Debug)]
    struct Failing;
    impl Default for Failing {
        fn default() -> Failing {
            panic_planned(4)
        }
    }
    leaves_nothing_behind(|| {
        assert_eq!(caught(Rc::<Failing>::default), 4);
        assert_eq!(caught(std::pin::Pin::<Rc<Failing>>::default), 4);
    });
}

fn a_slice_that_is_too_large() {
    // This one prints.
    std::panic::set_hook(Box::new(|_| {}));
    leaves_nothing_behind(|| {
        for length in
            [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8, isize::MAX as usize / 8 - 1]
        {
            let result = catch_unwind(|| drop(Rc::<[u64]>::new_uninit_slice(length)));
            assert!(result.is_err(), "{length}");
        }
        let result = catch_unwind(|| drop(Rc::<[u64]>::new_zeroed_slice(usize::MAX / 4)));
        assert!(result.is_err());
    });
}

fn comparisons_hashes_and_prints_that_panic() {
    struct Shy;
    impl PartialEq for Shy {
        fn eq(&self, _: &Shy) -> bool {
            panic_planned(1)
        }
    }
    impl Eq for Shy {}
    impl PartialOrd for Shy {
        fn partial_cmp(&self, other: &Shy) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Shy {
        fn cmp(&self, _: &Shy) -> std::cmp::Ordering {
            panic_planned(2)
        }
    }
    impl Hash for Shy {
        fn hash<H: Hasher>(&self, _: &mut H) {
            panic_planned(3)
        }
    }
    impl std::fmt::Debug for Shy {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic_planned(4)
        }
    }
    leaves_nothing_behind(|| {
        let (first, second) = (Rc::new(Shy), Rc::new(Shy));
        assert_eq!(caught(|| first == second), 1);
        assert_eq!(caught(|| first < second), 2);
        assert_eq!(caught(|| first.clone().max(second.clone())), 2);
        assert_eq!(caught(|| HashMap::from([(first.clone(), 1)])), 3);
        assert_eq!(caught(|| format!("{:?}", first.clone())), 4);
        assert_eq!((Rc::strong_count(&first), Rc::strong_count(&second)), (1, 1));
    });
}

fn a_panic_that_passes_through_owners() {
    leaves_nothing_behind(|| {
        let log = Log::default();
        let outer = Rc::new(log.item(1));
        let number = caught(|| {
            let _first = outer.clone();
            let inner = Rc::new(log.item(2));
            let _weaks = [Rc::downgrade(&inner), Rc::downgrade(&inner)];
            let _list = list(&log, 100);
            log.dropped.borrow_mut().clear();
            panic_planned(6)
        });
        assert_eq!((number, Rc::strong_count(&outer)), (6, 1));
        assert_eq!(log.dropped.take().len(), 101, "dropped while the panic went by");
    });
}

fn depth_is_counted_right_after_panics() {
    // If a panic left the count of levels wrong, a long list would overflow the stack, or an ordinary tree lose
    // its order.
    let log = Log::panicking(&[5]);
    for length in (5..100).chain([1000]) {
        assert_eq!(caught(|| drop(list(&log, length))), 5);
    }
    log.dropped.take();
    log.panics.take();
    struct Long(
        #[expect(dead_code, reason = "only held")] Option<Rc<Long>>,
        #[expect(dead_code, reason = "only held")] String,
    );
    let long = (0..1_000_000).fold(None, |next, _| Some(Rc::new(Long(next, String::new()))));
    drop(long);
    // And the innermost of thirty goes first where each holds the next one in front of its own item.
    struct Inward<'a>(
        #[expect(dead_code, reason = "only held")] Option<Rc<Inward<'a>>>,
        #[expect(dead_code, reason = "only held")] Item<'a>,
    );
    let inward = (1..=30).fold(None, |next, number| Some(Rc::new(Inward(next, log.item(number)))));
    drop(inward);
    assert!(log.dropped.take().into_iter().eq(1..=30));
}
