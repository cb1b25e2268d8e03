//! What objects cost, when their memory comes back, and that nothing stays behind: small objects and large ones,
//! with `Weak`s and raw pointers to them, freed by their own thread and by others.
//!
//! Each case runs twice: with neap as the program's global allocator and with the system's. Objects lie in neap's
//! memory both times.

mod common;

use common::cases::{Entry, child, main as run_cases};
use common::switch::{SYSTEM, Switch};
use common::{KIB, MIB, Rng, mib, resident, scaled};
use neap::heap::{ClassStats, HeapStats, purge, stats};
use neap::rc::{Rc, Weak};
use std::cell::RefCell;
use std::thread::{scope, spawn};

#[global_allocator]
static GLOBAL: Switch = Switch::new();

/// Makes of each function a mode, and a case that runs the mode with either global allocator.
macro_rules! with_either_allocator {
    ($($name:ident)*) => {
        const CASES: &[Entry] = &[$((stringify!($name), || run_both(concat!("one_", stringify!($name))))),*];
        const MODES: &[Entry] = &[$((concat!("one_", stringify!($name)), $name)),*];
    };
}

with_either_allocator! {
    an_object_takes_the_block_that_it_needs
    small_objects_take_what_they_are
    objects_with_weaks_take_little_more
    dead_objects_take_nothing_but_the_cell_of_their_weaks
    memory_is_used_again_at_once_though_weaks_are_left
    a_raw_weak_keeps_the_memory_until_it_comes_back
    a_raw_weak_that_never_comes_back_keeps_one_block
    everything_comes_back
    objects_dropped_by_another_thread
    objects_dropped_by_another_thread_after_theirs_has_ended
    objects_that_wander_from_thread_to_thread
    many_threads_with_trees
    large_values
    large_values_with_raw_pointers
    a_long_list_is_dropped_with_little_more_memory
    objects_lie_in_neap
}

fn main() {
    run_cases(CASES, MODES);
}

fn run_both(mode: &str) {
    // Huge pages would round what is in memory up.
    let new = || child(mode).unconfigured().env("NEAP_THP", "never");
    let limit = std::time::Duration::from_secs(scaled(100, 1000) as u64);
    new().within(limit).succeed();
    new().env(SYSTEM, "1").within(limit).succeed();
}

/// After a purge: live blocks and their bytes.
fn live() -> (usize, usize) {
    purge();
    let stats = stats();
    (stats.live_blocks, stats.live_bytes)
}

/// The row of the class with blocks of `size` bytes.
fn class(stats: &HeapStats, size: usize) -> ClassStats {
    *stats.classes().iter().find(|class| class.block_size == size).expect("a class of this size")
}

/// A closed set of pointers: nobody else has one to the same objects, so that it may go to another thread.
struct Closed<T>(T);

// SAFETY: whoever makes one has no other pointers to these objects.
unsafe impl<T> Send for Closed<T> {}

impl<T> Closed<T> {
    fn open(self) -> T {
        self.0
    }
}

/// A tree whose nodes know their parents.
struct Node {
    parent: RefCell<Weak<Node>>,
    children: RefCell<Vec<Rc<Node>>>,
    number: u64,
}

fn tree(number: u64, depth: u32) -> Rc<Node> {
    let node = Rc::new(Node { parent: RefCell::default(), children: RefCell::default(), number });
    for i in 0..if depth > 0 { 3 } else { 0 } {
        let child = tree(number * 3 + i, depth - 1);
        *child.parent.borrow_mut() = Rc::downgrade(&node);
        node.children.borrow_mut().push(child);
    }
    node
}

/// Panics unless all of a tree is there; returns its nodes.
fn check(node: &Rc<Node>) -> usize {
    let children = node.children.borrow();
    for child in children.iter() {
        assert!(child.parent.borrow().upgrade().is_some_and(|parent| Rc::ptr_eq(&parent, node)));
        assert_eq!(child.number / 3, node.number);
        assert_eq!(
            (Rc::strong_count(child), Rc::weak_count(child)),
            (1, child.children.borrow().len())
        );
    }
    1 + children.iter().map(check).sum::<usize>()
}

fn an_object_takes_the_block_that_it_needs() {
    fn assert_block<T: Copy>(value: T, size: usize) {
        const COUNT: usize = 10_000;
        let mut objects = Vec::with_capacity(COUNT);
        let before = class(&stats(), size).blocks_used;
        objects.extend((0..COUNT).map(|_| Rc::new(value)));
        let after = class(&stats(), size).blocks_used;
        assert_eq!(after - before, COUNT, "values of {} bytes in blocks of {size}", size_of::<T>());
        drop(objects);
        assert_eq!(class(&stats(), size).blocks_used, before);
    }
    assert_block((), 8);
    assert_block(1_u8, 16);
    assert_block(1_u64, 16);
    assert_block([1_u8; 9], 32);
    assert_block([1_u64; 3], 32);
    assert_block([1_u64; 5], 48);
    assert_block([1_u64; 7], 64);
    assert_block([1_u64; 15], 128);
    // Slices and texts take what they are too.
    let before = class(&stats(), 16).blocks_used;
    let text: Rc<str> = Rc::from("8 bytes.");
    let numbers: Rc<[u32]> = Rc::from([1, 2]);
    assert_eq!(class(&stats(), 16).blocks_used - before, 2);
    drop((text, numbers));
}

/// What a million of objects takes, each, by neap's own figures and by the kernel's.
fn bytes_of_each<T>(make: impl Fn() -> T) -> (f64, f64) {
    const COUNT: usize = 1_000_000;
    let mut objects = Vec::with_capacity(COUNT);
    // Touched, so that it is in memory before.
    objects.extend((0..COUNT).map(|_| None));
    let size = || stats().committed_bytes;
    purge();
    let (before, resident_before) = (size(), resident());
    objects.iter_mut().for_each(|object| *object = Some(make()));
    let (after, resident_after) = (size(), resident());
    drop(objects);
    let each = |before, after| (after - before) as f64 / COUNT as f64;
    (each(before, after), each(resident_before, resident_after))
}

/// What is committed is so in steps that are larger than what is needed now.
#[track_caller]
fn assert_at_most((committed, resident): (f64, f64), most: f64) {
    assert!(
        resident <= most && committed <= most + 0.5,
        "{committed:.2} bytes committed, {resident:.2} in memory"
    );
}

fn small_objects_take_what_they_are() {
    assert_at_most(bytes_of_each(|| Rc::new(1_u64)), 16.5);
    assert_at_most(bytes_of_each(|| Rc::new([1_u64; 3])), 33.0);
    assert_at_most(bytes_of_each(|| Rc::<str>::from("8 bytes.")), 16.5);
}

fn objects_with_weaks_take_little_more() {
    // 32 bytes of object, 16 of cell.
    let object_and_weak = || {
        let rc = Rc::new([1_u64; 3]);
        let weak = Rc::downgrade(&rc);
        (rc, weak)
    };
    assert_at_most(bytes_of_each(object_and_weak), 49.5);
    // More `Weak`s to the same objects take nothing.
    let object_and_weaks = || {
        let rc = Rc::new([1_u64; 3]);
        let weak = Rc::downgrade(&rc);
        (weak.clone(), weak, rc)
    };
    assert_at_most(bytes_of_each(object_and_weaks), 49.5);
    // Where objects and cells are of one size they share pools.
    let small_and_weak = || {
        let rc = Rc::new(1_u64);
        let weak = Rc::downgrade(&rc);
        (rc, weak)
    };
    assert_at_most(bytes_of_each(small_and_weak), 33.0);
}

fn dead_objects_take_nothing_but_the_cell_of_their_weaks() {
    assert_at_most(bytes_of_each(|| Rc::downgrade(&Rc::new([1_u64; 3]))), 16.6);
    assert_at_most(bytes_of_each(|| Rc::downgrade(&Rc::new([1_u64; 300]))), 16.6);
    let slice = || -> Weak<[u8]> { Rc::downgrade(&Rc::from([0; 5000])) };
    assert_at_most(bytes_of_each(slice), 16.6);
}

fn memory_is_used_again_at_once_though_weaks_are_left() {
    fn assert_reused<T: Copy + PartialEq>(value: T) {
        let mut weaks = Vec::with_capacity(1000);
        let first = Rc::new(value);
        let address = Rc::as_ptr(&first);
        weaks.push(Rc::downgrade(&first));
        drop(first);
        for _ in 1..1000 {
            let next = Rc::new(value);
            assert_eq!(Rc::as_ptr(&next), address, "{} bytes", size_of::<T>());
            assert!(weaks.iter().all(|weak| weak.upgrade().is_none()), "none has risen again");
            weaks.push(Rc::downgrade(&next));
            assert!(*next == value);
        }
        assert!(weaks.windows(2).all(|pair| !pair[0].ptr_eq(&pair[1])));
    }
    assert_reused(1_u64);
    assert_reused([1_u64; 3]);
    assert_reused([1_u64; 16]);
    assert_reused([1_u64; 250]);
}

fn a_raw_weak_keeps_the_memory_until_it_comes_back() {
    fn assert_kept<T: Copy>(value: T) {
        let kept = Rc::new(value);
        let address = Rc::as_ptr(&kept);
        let raws = [Rc::downgrade(&kept).into_raw(), Rc::downgrade(&kept).into_raw()];
        assert!(raws.iter().all(|raw| *raw == address));
        drop(kept);
        let nobody_there = || {
            let others: Vec<_> = (0..1000).map(|_| Rc::new(value)).collect();
            assert!(others.iter().all(|other| Rc::as_ptr(other) != address));
        };
        nobody_there();
        // SAFETY: each came from `into_raw` and comes back once.
        let first = unsafe { Weak::from_raw(raws[0]) };
        assert!(first.upgrade().is_none());
        nobody_there();
        // SAFETY: as above.
        let second = unsafe { Weak::from_raw(raws[1]) };
        let next = Rc::new(value);
        assert_eq!(Rc::as_ptr(&next), address, "{} bytes: the memory is back", size_of::<T>());
        assert!(first.ptr_eq(&second) && second.upgrade().is_none());
        // Turned raw again, they name an object that is gone, and the one that is there now is not touched.
        let raws = [first.into_raw(), second.into_raw()];
        drop(next);
        assert_eq!(Rc::as_ptr(&Rc::new(value)), address);
        for raw in raws {
            // SAFETY: as above.
            assert!(unsafe { Weak::from_raw(raw) }.upgrade().is_none());
        }
    }
    let before = live();
    for _ in 0..100 {
        assert_kept(1_u64);
        assert_kept([1_u64; 3]);
        assert_kept([1_u64; 250]);
    }
    assert_eq!(live(), before);
}

fn a_raw_weak_that_never_comes_back_keeps_one_block() {
    const COUNT: usize = 1000;
    let before = class(&stats(), 64).blocks_used;
    for i in 0..COUNT {
        let rc = Rc::new([i; 7]);
        std::mem::forget(Rc::downgrade(&rc));
        drop(rc);
    }
    assert_eq!(
        class(&stats(), 64).blocks_used,
        before,
        "forgotten, but not raw: only the cell is lost"
    );
    let dead: Vec<_> = (0..COUNT).map(|i| Rc::downgrade(&Rc::new([i; 7]))).collect();
    let lost: Vec<_> = dead.into_iter().map(Weak::into_raw).collect();
    assert_eq!(class(&stats(), 64).blocks_used, before, "turned raw when their objects were gone");
    let kept: Vec<_> = (0..COUNT)
        .map(|i| {
            let rc = Rc::new([i; 7]);
            Rc::downgrade(&rc).into_raw()
        })
        .collect();
    assert_eq!(class(&stats(), 64).blocks_used, before + COUNT);
    for raw in lost.into_iter().chain(kept) {
        // SAFETY: each came from `into_raw` and comes back once.
        drop(unsafe { Weak::from_raw(raw) });
    }
    assert_eq!(class(&stats(), 64).blocks_used, before);
}

fn everything_comes_back() {
    let work = |count: usize| {
        let mut rng = Rng(7);
        let tree = tree(1, 7);
        assert_eq!(check(&tree), 3280);
        let mut pool: Vec<Option<Rc<[u64]>>> = vec![None; 500];
        let mut weaks: Vec<Weak<[u64]>> = Vec::new();
        let mut raws = Vec::new();
        for i in 0..count {
            let at = rng.below(pool.len());
            match rng.below(6) {
                0 | 1 => pool[at] = Some(vec![i as u64; rng.size(3000)].into()),
                2 => weaks.extend(pool[at].as_ref().map(Rc::downgrade)),
                3 => raws.extend(pool[at].as_ref().map(|rc| Rc::downgrade(rc).into_raw())),
                4 => pool[at] = None,
                _ => {
                    if let Some(rc) = &mut pool[at] {
                        Rc::make_mut(rc)[0] += 1;
                    }
                }
            }
            if weaks.len() > 1000 {
                let from = rng.below(900);
                weaks.drain(from..from + 100);
            }
            if raws.len() > 300 {
                let raw = raws.swap_remove(rng.below(300));
                // SAFETY: it came from `into_raw` and comes back once.
                drop(unsafe { Weak::from_raw(raw) });
            }
        }
        drop((tree, pool));
        assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
        for raw in raws {
            // SAFETY: as above.
            drop(unsafe { Weak::from_raw(raw) });
        }
    };
    work(20_000);
    let before = live();
    for _ in 0..scaled(5, 100) {
        work(50_000);
        assert_eq!(live(), before, "live blocks and bytes");
    }
}

fn objects_dropped_by_another_thread() {
    let run = || {
        let tree = Closed(tree(1, 8));
        let lone = Closed((0..10_000).map(|i| Rc::downgrade(&Rc::new(i))).collect::<Vec<_>>());
        let (sender, receiver) = std::sync::mpsc::channel();
        let other = spawn(move || {
            let tree = tree.open();
            assert_eq!(check(&tree), 9841);
            drop(tree);
            assert!(lone.open().iter().all(|weak| weak.upgrade().is_none()));
            // And the other way.
            sender.send(Closed(self::tree(1, 7))).expect("a receiver");
        });
        let from_other = receiver.recv().expect("a tree").open();
        other.join().expect("the thread");
        assert_eq!(check(&from_other), 3280);
    };
    run();
    let before = live();
    for _ in 0..20 {
        run();
    }
    assert_eq!(live(), before, "live blocks and bytes");
}

fn objects_dropped_by_another_thread_after_theirs_has_ended() {
    let run = || {
        let make = || {
            let tree = tree(1, 7);
            let weak = Rc::downgrade(&tree.children.borrow()[1]);
            let raw = weak.clone().into_raw();
            Closed((tree, weak, raw))
        };
        let sets: Vec<_> = (0..4).map(|_| spawn(make).join().expect("a set")).collect();
        // The first adopts pools of ended threads and works on in them.
        let mut sets = sets.into_iter().map(Closed::open);
        let first = sets.next().expect("a set");
        let more: Vec<_> = (0..2000_u64).map(Rc::new).collect();
        let weaks: Vec<_> = more.iter().map(Rc::downgrade).collect();
        let new = tree(1, 6);
        assert_eq!((check_with_extra(&first.0), check(&new)), (3280, 1093));
        let drop_set = |(tree, weak, raw): (Rc<Node>, Weak<Node>, *const Node)| {
            assert_eq!(check_with_extra(&tree), 3280);
            drop(tree);
            assert!(weak.upgrade().is_none());
            // SAFETY: it came from `into_raw` and comes back once.
            assert!(unsafe { Weak::from_raw(raw) }.ptr_eq(&weak));
        };
        // SAFETY: it came from `into_raw` and comes back once.
        drop(unsafe { Weak::from_raw(first.2) });
        drop((first.0, first.1));
        for set in sets {
            let set = Closed(set);
            spawn(move || drop_set(set.open())).join().expect("the thread");
        }
        assert!(weaks.iter().zip(0..).all(|(weak, i)| weak.upgrade().as_deref() == Some(&i)));
        drop((more, new));
        assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
    };
    /// As [`check`], where one node has two more `Weak`s.
    fn check_with_extra(node: &Rc<Node>) -> usize {
        1 + node.children.borrow().iter().map(check_with_extra).sum::<usize>()
    }
    run();
    let before = live();
    for _ in 0..20 {
        run();
    }
    assert_eq!(live(), before, "live blocks and bytes");
}

fn objects_that_wander_from_thread_to_thread() {
    // Each thread drops a part, makes new ones, and passes all on.
    let before = {
        spawn(|| drop(tree(1, 7))).join().expect("the thread");
        live()
    };
    let mut all: Vec<(Rc<Node>, Weak<Node>)> = Vec::new();
    for round in 0..scaled(100, 1000) {
        let moved = Closed(all);
        let work = move || {
            let mut all = moved.open();
            let mut rng = Rng(round as u64);
            rng.shuffle(&mut all);
            all.truncate(60);
            for (tree, weak) in &all {
                assert_eq!(check(&weak.upgrade().expect("alive")), 364);
                assert_eq!((Rc::strong_count(tree), Rc::weak_count(tree)), (1, 4));
            }
            for _ in 0..30 {
                let tree = tree(1, 5);
                let weak = Rc::downgrade(&tree);
                all.push((tree, weak));
            }
            Closed(all)
        };
        all = spawn(work).join().expect("the thread").open();
    }
    let weaks: Vec<_> = all.into_iter().map(|(_, weak)| weak).collect();
    assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
    drop(weaks);
    assert_eq!(live(), before, "live blocks and bytes");
}

fn many_threads_with_trees() {
    const AT_ONCE: usize = 8;
    let round = || {
        scope(|scope| {
            let work = || {
                let tree = tree(1, 7);
                let weak = Rc::downgrade(&tree);
                assert_eq!(check(&tree), 3280);
                drop(tree);
                assert!(weak.upgrade().is_none());
            };
            common::join((0..AT_ONCE).map(|_| scope.spawn(work)).collect::<Vec<_>>());
        });
    };
    for _ in 0..10 {
        round();
    }
    let (blocks, committed, in_memory) = (live(), stats().committed_bytes, resident());
    for _ in 0..2000 / AT_ONCE {
        round();
    }
    let peak = stats().committed_bytes;
    assert!(peak < committed + 8 * MIB, "committed: {} then {}", mib(committed), mib(peak));
    assert_eq!(live(), blocks, "live blocks and bytes");
    assert!(
        resident() < in_memory + 8 * MIB,
        "in memory: {} then {}",
        mib(in_memory),
        mib(resident())
    );
}

fn large_values() {
    let before = live();
    for _ in 0..20 {
        let array = Rc::new([7_u8; 100_000]);
        let slices = [MIB, 40 * MIB].map(|size| -> Rc<[u8]> {
            let mut slice = Rc::<[u8]>::new_zeroed_slice(size);
            let room = Rc::get_mut(&mut slice).expect("alone");
            room[size - 1].write(9);
            // SAFETY: zeroes, and what was written, are bytes.
            unsafe { slice.assume_init() }
        });
        let (array_weak, slice_weaks) =
            (Rc::downgrade(&array), slices.each_ref().map(Rc::downgrade));
        assert!(stats().live_bytes >= before.1 + 41 * MIB + 100_000);
        assert!(array.iter().all(|byte| *byte == 7));
        for (slice, weak) in slices.iter().zip(&slice_weaks) {
            assert!(slice.iter().step_by(4 * KIB).all(|byte| *byte == 0));
            assert_eq!((slice.last(), Rc::weak_count(slice)), (Some(&9), 1));
            assert!(weak.upgrade().is_some_and(|upgraded| Rc::ptr_eq(&upgraded, slice)));
        }
        drop((array, slices));
        assert!(array_weak.upgrade().is_none());
        assert!(slice_weaks.iter().all(|weak| weak.upgrade().is_none()));
        assert!(stats().live_bytes < before.1 + 100_000, "the weaks keep no values");
    }
    assert_eq!(live(), before, "live blocks and bytes");
}

fn large_values_with_raw_pointers() {
    let before = live();
    for size in [100_000, MIB, 40 * MIB] {
        let slice: Rc<[u8]> = vec![5; size].into();
        let raw = Rc::into_raw(slice);
        // SAFETY: the raw pointer owns a reference.
        unsafe { Rc::increment_strong_count(raw) };
        // SAFETY: one of the two references.
        let slice = unsafe { Rc::from_raw(raw) };
        let weak_raw = Rc::downgrade(&slice).into_raw();
        assert_eq!((weak_raw, Rc::strong_count(&slice), Rc::weak_count(&slice)), (raw, 2, 1));
        drop(slice);
        // SAFETY: the other one.
        unsafe { Rc::decrement_strong_count(raw) };
        // Nobody gets this memory while the weak is raw.
        let other: Rc<[u8]> = vec![6; size].into();
        assert_ne!(Rc::as_ptr(&other).addr(), raw.addr());
        // SAFETY: it came from `into_raw` and comes back once.
        let weak = unsafe { Weak::from_raw(weak_raw) };
        assert!(weak.upgrade().is_none() && other.iter().all(|byte| *byte == 6));
    }
    assert_eq!(live(), before, "live blocks and bytes");
}

fn a_long_list_is_dropped_with_little_more_memory() {
    struct Link(
        #[expect(dead_code, reason = "only held")] Option<Rc<Link>>,
        #[expect(dead_code, reason = "only held")] Option<Rc<Link>>,
    );
    let drop_it = |list: Option<Rc<Link>>, most: usize| {
        let before = stats().peak_bytes;
        drop(list);
        let more = stats().peak_bytes - before;
        assert!(more < most, "{} more at the peak", mib(more));
    };
    drop_it((0..1_000_000).fold(None, |next, _| Some(Rc::new(Link(next, None)))), MIB);
    drop_it((0..1_000_000).fold(None, |next, _| Some(Rc::new(Link(None, next)))), MIB);
    // Spines, with a leaf on one side or on the other: some leaves wait till the end of the spine has been reached.
    let leaf = || Some(Rc::new(Link(None, None)));
    drop_it((0..500_000).fold(None, |next, _| Some(Rc::new(Link(next, leaf())))), 8 * MIB);
    drop_it((0..500_000).fold(None, |next, _| Some(Rc::new(Link(leaf(), next)))), 8 * MIB);
}

fn objects_lie_in_neap() {
    fn inside<T: ?Sized>(rc: &Rc<T>) -> bool {
        neap::heap::owns(Rc::as_ptr(rc).cast())
    }
    let text: Rc<str> = Rc::from("tide");
    let large: Rc<[u8]> = vec![0; 40 * MIB].into();
    assert!(inside(&Rc::new(5)) && inside(&text) && inside(&large));
    assert!(inside(&Rc::<[u64]>::from([1, 2, 3])) && inside(&(0..100).collect::<Rc<[u8]>>()));
    let boxed: Box<[u64; 10]> = Box::new([0; 10]);
    let system = std::env::var_os(SYSTEM).is_some();
    assert_eq!(
        neap::heap::owns((&raw const *boxed).cast()),
        !system,
        "the program's own allocator"
    );
    assert!(inside::<[u64; 10]>(&Rc::from(boxed)), "moved into neap");
}
