//! The collector's life on threads: what is left when one ends, thread-locals in any order, the end of the process, many
//! threads; memory that stays bounded; and limits. Each case is a process. (Cases 43, 60 to 65 and 67.)
mod common;

use common::cases::{child, entries, main as run_cases};
use common::graph::{Final, Node, dropped, link, new, node, ring, set};
use common::{KIB, MIB, mib, resident, scaled};
use neap::Gc;
use neap::gc::{self, Trace, Tracer, Weak};
use neap::heap::stats;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::spawn;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            garbage_at_the_end_of_a_thread,
            finalizers_at_the_end_of_a_thread,
            thread_locals_in_every_order,
            a_thread_local_that_is_used_again_at_the_end,
            objects_that_outlive_their_thread,
            a_drop_panics_at_the_end_of_a_thread,
            the_end_of_the_process,
            exit_with_garbage,
            many_threads,
            many_threads_at_a_time,
            a_heap_that_another_thread_had,
            a_heap_with_blocks_of_others,
            a_million_weak_that_dangle,
            self_cycles_without_end,
            pairs_without_end,
            lists_that_hold_what_lives,
            pairs_that_point_into_a_live_graph,
            a_hub_of_all_garbage,
            large_garbage,
            references_without_end,
            references_to_the_dead_without_end,
        ],
        entries![
            leaves_garbage,
            leaves_garbage_and_exits,
            panics_at_the_end,
            overflows,
            overflows_the_dead
        ],
    );
}

// Case 64.
static_assertions::assert_not_impl_any!(Gc<u8>: Send, Sync);
static_assertions::assert_not_impl_any!(Weak<u8>: Send, Sync);

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// An object of which drops are counted for the process.
struct Counted(RefCell<Vec<Gc<Counted>>>, Cell<usize>);

// SAFETY: all are visited, once.
unsafe impl Trace for Counted {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert_eq!(self.1.replace(0), 7, "it is dropped once");
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

fn counted() -> Gc<Counted> {
    Gc::new(Counted(RefCell::default(), Cell::new(7)))
}

fn hold(a: &Gc<Counted>, b: &Gc<Counted>) {
    a.0.borrow_mut().push(b.clone());
}

fn pair() -> Gc<Counted> {
    let (a, b) = (counted(), counted());
    hold(&a, &b);
    hold(&b, &a);
    a
}

fn gone() -> usize {
    DROPPED.load(Ordering::Relaxed)
}

/// Case 60.
fn garbage_at_the_end_of_a_thread() {
    spawn(|| drop(pair())).join().unwrap();
    assert_eq!(gone(), 2);
    // What is held by a thread-local, and what its drop makes.
    struct Maker;
    impl Drop for Maker {
        fn drop(&mut self) {
            drop(pair());
            drop(pair());
        }
    }
    thread_local! {
        static HELD: RefCell<Option<Gc<Counted>>> = const { RefCell::new(None) };
        static MAKER: OnceCell<Maker> = const { OnceCell::new() };
    }
    spawn(|| {
        HELD.set(Some(pair()));
        MAKER.with(|maker| drop(maker.set(Maker)));
    })
    .join()
    .unwrap();
    assert_eq!(gone(), 8);
    // Without any automatic collection, or frozen: the last one comes all the same.
    spawn(|| {
        gc::disable();
        drop(pair());
    })
    .join()
    .unwrap();
    assert_eq!(gone(), 10);
}

fn finalizers_at_the_end_of_a_thread() {
    static FINALIZED: AtomicUsize = AtomicUsize::new(0);
    spawn(|| {
        let all = common::graph::ring_of::<true>(3);
        for node in &all {
            set(&node.on_finalize, |_: &Final| {
                FINALIZED.fetch_add(1, Ordering::Relaxed);
                // Another that has to be found.
                let more = new::<true>(0);
                link(&more, &more);
                drop(pair());
            });
        }
    })
    .join()
    .unwrap();
    assert_eq!((FINALIZED.load(Ordering::Relaxed), gone()), (3, 6));
}

/// Case 61: thread-locals that hold objects which hold each other, initialized (and so destroyed) in every order, among
/// them one whose type is used by the collector for the first time in its destructor.
fn thread_locals_in_every_order() {
    struct Late(RefCell<Vec<Gc<Counted>>>);
    impl Drop for Late {
        fn drop(&mut self) {
            let held = self.0.take();
            assert!(held.iter().all(|gc| gc.1.get() == 7));
            for gc in &held {
                hold(gc, &pair());
            }
            gc::collect();
            drop(held);
            let weak = Gc::downgrade(&pair());
            gc::collect_generation(0);
            drop(weak.upgrade());
            let _ = (gc::count(), gc::stats(), gc::threshold(), gc::tracked_count());
        }
    }
    thread_local! {
        static A: Late = const { Late(RefCell::new(Vec::new())) };
        static B: Late = const { Late(RefCell::new(Vec::new())) };
        static C: Late = const { Late(RefCell::new(Vec::new())) };
    }
    let put = |which: usize, gc: Gc<Counted>| {
        [&A, &B, &C][which].with(|late| late.0.borrow_mut().push(gc));
    };
    let mut made = 0;
    for first_use in 0..4 {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            spawn(move || {
                let touch = |step: usize| {
                    if step == first_use {
                        drop(pair());
                    }
                };
                // Initialized before, between, or after the collector.
                for (step, which) in order.into_iter().enumerate() {
                    touch(step);
                    [&A, &B, &C][which].with(|_| ());
                }
                touch(3);
                let all = pair();
                for which in order {
                    let new = counted();
                    hold(&new, &all);
                    hold(&all, &new);
                    put(which, new);
                    put(which, all.clone());
                }
            })
            .join()
            .unwrap();
            // A pair, another, three, and in each destructor two pairs and one more.
            made += 2 + 2 + 3 + 3 * 6;
            assert_eq!(gone(), made, "first use {first_use}, {order:?}");
        }
    }
}

/// Case 61: keys of the C library, whose destructors run before and after neap's.
fn a_thread_local_that_is_used_again_at_the_end() {
    static ROUNDS: AtomicUsize = AtomicUsize::new(0);
    static KEY: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn again(_: *mut libc::c_void) {
        // The heap and the collector of this thread may be gone: objects are only counted then.
        let round = ROUNDS.fetch_add(1, Ordering::Relaxed);
        let one = counted();
        hold(&one, &counted());
        drop(one);
        let list: Vec<_> = (0..5000).map(|_| counted()).collect();
        drop(list.clone());
        drop(list);
        let weak = Gc::downgrade(&Gc::new([0u64; 20_000]));
        assert!(weak.upgrade().is_none());
        let collected = gc::collect();
        assert_eq!(collected.collected, 0);
        if round % 4 != 3 {
            let key = KEY.load(Ordering::Relaxed) as libc::pthread_key_t;
            // SAFETY: the key was made, and the value is not used as a pointer.
            unsafe { libc::pthread_setspecific(key, std::ptr::without_provenance(1)) };
        }
    }
    let mut key = 0;
    // SAFETY: the key is written.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(again)) }, 0);
    KEY.store(key as usize, Ordering::Relaxed);
    for before in [true, false] {
        spawn(move || {
            let work = || drop(pair());
            if before {
                work();
            }
            // SAFETY: as above.
            unsafe { libc::pthread_setspecific(key, std::ptr::without_provenance(1)) };
            if !before {
                work();
            }
        })
        .join()
        .unwrap();
    }
    let rounds = ROUNDS.load(Ordering::Relaxed);
    assert!(rounds >= 2);
    assert_eq!(gone(), 4 + rounds * 5002);
}

/// What is forgotten stays when its thread ends, and others do not come across it.
fn objects_that_outlive_their_thread() {
    for _ in 0..50 {
        let address = spawn(|| {
            let kept = pair();
            let address = Gc::as_ptr(&kept) as usize;
            std::mem::forget(kept);
            (0..300).for_each(|_| drop(counted()));
            address
        })
        .join()
        .unwrap();
        let before = gone();
        let others: Vec<_> = (0..2000).map(|_| counted()).collect();
        assert!(others.iter().all(|other| Gc::as_ptr(other) as usize != address));
        assert_eq!(gc::tracked_count(), 2000);
        assert!(gc::objects(None).iter().all(|object| object.address != address));
        gc::freeze();
        gc::unfreeze();
        gc::collect();
        drop(others);
        assert_eq!(gone(), before + 2000);
    }
}

/// A drop that panics in the last collection of a thread ends the process, as in the destructor of a thread-local.
fn a_drop_panics_at_the_end_of_a_thread() {
    let ended = child("panics_at_the_end").run();
    assert!(ended.aborted(), "{}", ended.describe());
    assert!(ended.stderr.contains("at the end of a thread"), "{}", ended.describe());
}

fn panics_at_the_end() {
    let _ = spawn(|| {
        let all = ring(2);
        set(&all[0].on_drop, |_: &Node| panic!("at the end of a thread"));
    })
    .join();
    println!("the thread was joined");
}

/// Case 62. Contract: what is left on the main thread when the process ends is not dropped.
fn the_end_of_the_process() {
    for mode in ["leaves_garbage", "leaves_garbage_and_exits"] {
        let ended = child(mode).succeed();
        assert_eq!(ended.stdout, "made\n");
    }
}

struct Loud(RefCell<Option<Gc<Loud>>>);

// SAFETY: it is visited, once.
unsafe impl Trace for Loud {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        println!("dropped");
    }
}

fn leaves_garbage() {
    thread_local!(static KEPT: OnceCell<Gc<Counted>> = const { OnceCell::new() });
    let loud = Gc::new(Loud(RefCell::new(None)));
    *loud.0.borrow_mut() = Some(loud.clone());
    KEPT.with(|kept| drop(kept.set(pair())));
    println!("made");
}

fn leaves_garbage_and_exits() {
    leaves_garbage();
    std::process::exit(0);
}

/// Case 62: while other threads have garbage and live objects.
fn exit_with_garbage() {
    for _ in 0..4 {
        spawn(|| {
            let _kept = pair();
            loop {
                drop(pair());
            }
        });
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::process::exit(0);
}

/// Panics if memory grew between the first tenth of the rounds and the last.
fn bounded(rounds: usize, round: impl FnMut(usize)) {
    bounded_with(1, rounds, round);
}

/// The same when so many threads run at a time, or fewer: each has two heaps.
fn bounded_with(threads: usize, rounds: usize, mut round: impl FnMut(usize)) {
    let mut early = None;
    for i in 0..rounds {
        if i == rounds / 10 {
            early = Some((resident(), stats()));
        }
        round(i);
    }
    let ((early, before), (late, after)) = (early.expect("enough rounds"), (resident(), stats()));
    assert!(late < early * 6 / 5 + 4 * MIB, "in memory: {} early, {} late", mib(early), mib(late));
    let heaps = (before.heaps + 1).max(2 * threads + 2);
    assert!(after.heaps <= heaps, "heaps: {} early, {} late", before.heaps, after.heaps);
}

/// Case 63.
fn many_threads() {
    let count = scaled(if cfg!(debug_assertions) { 2000 } else { 10_000 }, 100_000);
    bounded(count, |_| spawn(|| drop(pair())).join().unwrap());
    assert_eq!(gone(), 2 * count);
    let after = stats();
    assert!(after.live_bytes < MIB, "{} bytes", after.live_bytes);
}

/// Case 63: several at a time, with more in each.
fn many_threads_at_a_time() {
    let rounds = scaled(if cfg!(debug_assertions) { 60 } else { 300 }, 3000);
    bounded_with(8, rounds, |_| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                spawn(|| {
                    for _ in 0..3000 {
                        drop(pair());
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(gone(), rounds * 8 * 6000);
}

/// A thread gets a heap that another had: its collections come when it has made objects, not when the other did.
fn a_heap_that_another_thread_had() {
    for round in 0..40 {
        // Blocks of one thread, freed by another: the figures of their heaps drift apart.
        let boxes: Vec<_> = (0..100_000u64).map(Box::new).collect();
        // Another ends after that one, so that the next gets its heap for what is no object.
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let later = spawn(move || {
            let _ = wait.recv();
        });
        spawn(move || drop(boxes)).join().unwrap();
        drop(end);
        later.join().unwrap();
        spawn(move || {
            let few: Vec<_> = (0..100).map(|_| counted()).collect();
            assert_eq!(gc::count(), [100, 0, 0], "in round {round}");
            assert_eq!(gc::stats()[0].collections, 0);
            drop(few);
            let before = gone();
            (0..10_000).for_each(|_| drop(pair()));
            assert!(gone() - before > 10_000, "in round {round}");
        })
        .join()
        .unwrap();
    }
}

/// Case 43: an object's memory goes back, however many `Weak`s there are.
fn a_million_weak_that_dangle() {
    let count = scaled(if cfg!(debug_assertions) { 100_000 } else { 1_000_000 }, 1_000_000);
    let before = stats().live_bytes;
    let mut all = Vec::with_capacity(count);
    for i in 0..count {
        let large = Gc::new([i; 64]);
        all.push(Gc::downgrade(&large));
    }
    let after = stats().live_bytes;
    assert!(all.iter().all(|weak| weak.upgrade().is_none()));
    // 16 bytes each, and 8 in the vector.
    assert!(after < before + count * 24 + MIB, "{} bytes for {count}", after - before);
    let different: HashSet<_> = all.iter().map(Weak::id).collect();
    assert_eq!(different.len(), count);
    drop((all, different));
    let end = stats().live_bytes;
    assert!(end < before + MIB, "{} bytes are left", end - before);
}

/// Rounds of the cases of number 67: objects up to the first look, a tenth of all.
fn rounds() -> usize {
    scaled(if cfg!(debug_assertions) { 300_000 } else { 3_000_000 }, 10_000_000)
}

/// Case 67 (a).
fn self_cycles_without_end() {
    bounded(rounds(), |_| {
        let one = counted();
        hold(&one, &one);
    });
    assert!(gone() > rounds() * 9 / 10);
}

/// Case 67 (b).
fn pairs_without_end() {
    bounded(rounds() / 2, |_| drop(pair()));
    assert!(gone() > rounds() * 8 / 10);
}

/// Case 67 (c).
fn lists_that_hold_what_lives() {
    let ring_of = |len: usize| {
        let all: Vec<_> = (0..len).map(|_| counted()).collect();
        for i in 0..len {
            hold(&all[i], &all[(i + 1) % len]);
            hold(&all[(i + 1) % len], &all[i]);
        }
        all.into_iter().next().expect("one")
    };
    let live = ring_of(10_000);
    // So many that full collections come in each half: what waits for one goes up and down.
    let rounds = (rounds() / 5000).max(800);
    let mut most = [0; 2];
    for i in 0..rounds {
        let list = ring_of(5000);
        hold(&list, &live);
        drop(list);
        let waiting = 5000 * (i + 1) - gone();
        most[i * 2 / rounds] = waiting.max(most[i * 2 / rounds]);
    }
    let [early, late] = most;
    assert!(late < early * 6 / 5 + 10_000, "waiting: {early} early, {late} late");
    assert!(gc::stats()[2].collections > 2, "{:?}", gc::stats());
    gc::collect();
    assert_eq!((gone(), Gc::strong_count(&live)), (rounds * 5000, 3));
}

/// Case 67 (d), without a clock.
fn pairs_that_point_into_a_live_graph() {
    let mut rng = common::Rng(3);
    let count = if cfg!(debug_assertions) { 20_000 } else { 200_000 };
    let live: Vec<_> = (0..count).map(|_| counted()).collect();
    for one in &live {
        (0..2).for_each(|_| hold(one, &live[rng.below(count)]));
    }
    let counts: Vec<_> = live.iter().map(Gc::strong_count).collect();
    bounded(rounds() / 4, |_| {
        let garbage = pair();
        hold(&garbage, &live[rng.below(count)]);
    });
    gc::collect();
    assert_eq!(gone(), rounds() / 4 * 2);
    assert!(live.iter().map(Gc::strong_count).eq(counts));
}

/// Case 67 (e).
fn a_hub_of_all_garbage() {
    let hub = counted();
    let waiting = AtomicUsize::new(0);
    bounded(rounds() / 2, |_| {
        let garbage = pair();
        hold(&garbage, &hub);
        waiting.fetch_max(Gc::strong_count(&hub), Ordering::Relaxed);
    });
    let most = waiting.into_inner();
    assert!(most < rounds() / 4, "{most} waited");
    gc::collect();
    assert_eq!((gone(), Gc::strong_count(&hub)), (rounds() / 2 * 2, 1));
}

/// Few objects, with much in each: also bytes make a collection come.
fn large_garbage() {
    struct Large(RefCell<Option<Gc<Large>>>, [u8; 200 * KIB]);
    // SAFETY: it is visited, once.
    unsafe impl Trace for Large {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    let rounds = 2000;
    let before = resident();
    for i in 0..rounds {
        let one = Gc::new(Large(RefCell::new(None), [i as u8; _]));
        *one.0.borrow_mut() = Some(one.clone());
        assert_eq!(one.1[77], i as u8);
        let now = resident();
        assert!(now < before + 100 * MIB, "{} after {i} objects", mib(now));
    }
    gc::collect();
    assert_eq!(gc::tracked_count(), 0);
}

/// Case 65: as with std's `Rc`, one reference too many ends the process. Many are no difficulty.
fn references_without_end() {
    let one = node(5);
    let count = if cfg!(debug_assertions) { 100_000 } else { 70_000_000 };
    let all: Vec<_> = (0..count).map(|_| one.clone()).collect();
    assert_eq!(Gc::strong_count(&one), count + 1);
    link(&one, &one);
    drop(all);
    assert_eq!(Gc::strong_count(&one), 2);
    drop(one);
    assert_eq!((gc::collect().collected, dropped()), (1, vec![5]));
    if !cfg!(debug_assertions) || common::long() {
        let ended = child("overflows").run();
        assert!(ended.aborted(), "{}", ended.describe());
        assert!(ended.stderr.contains("more references"), "{}", ended.describe());
    }
}

fn overflows() {
    let one = Gc::new(5);
    loop {
        std::mem::forget(one.clone());
        assert_eq!(*one, 5);
    }
}

/// Case 65, to an object that was found dead: it never comes to life by being counted up.
fn references_to_the_dead_without_end() {
    if !cfg!(debug_assertions) || common::long() {
        let ended = child("overflows_the_dead").run();
        assert!(ended.aborted(), "{}", ended.describe());
        assert!(ended.stderr.contains("more references"), "{}", ended.describe());
    }
}

fn overflows_the_dead() {
    thread_local!(static DEAD: RefCell<Option<Gc<Node>>> = const { RefCell::new(None) });
    let all = ring(2);
    set(&all[0].on_drop, |node: &Node| DEAD.set(node.edges.borrow_mut().pop()));
    drop(all);
    assert_eq!(gc::collect().collected, 2);
    let dead = DEAD.take().expect("it was put there");
    for i in 0u64.. {
        std::mem::forget(dead.clone());
        if i.is_multiple_of(1 << 20) {
            let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dead.id));
            if read.is_ok() {
                println!("it can be read again");
                std::process::exit(1);
            }
        }
    }
}

/// Threads end while others free what they made, so that their heaps keep pools: a thread that makes objects must not take such
/// a heap for one of objects.
fn a_heap_with_blocks_of_others() {
    type Blocks = Vec<Box<[u64; 4]>>;
    for _ in 0..scaled(60, 2000) {
        let (makers, keepers): (Vec<_>, Vec<_>) = (0..2)
            .map(|_| {
                let (sender, receiver) = std::sync::mpsc::channel::<Blocks>();
                let maker = spawn(move || {
                    for _ in 0..20 {
                        let blocks = (0..500).map(|_| Box::new([1; 4])).collect();
                        sender.send(blocks).expect("the other thread");
                    }
                });
                let keeper = spawn(move || {
                    let all = receiver.into_iter().flatten().enumerate();
                    all.filter_map(|(i, block)| (i % 16 == 0).then_some(block)).collect::<Blocks>()
                });
                (maker, keeper)
            })
            .unzip();
        makers.into_iter().for_each(|maker| maker.join().expect("no panic"));
        let kept: Vec<Blocks> =
            keepers.into_iter().map(|keeper| keeper.join().expect("no panic")).collect();
        for _ in 0..3 {
            let looks = spawn(|| {
                let _object = Gc::new(Some(Gc::new(1)));
                gc::freeze();
                assert_eq!(gc::objects(None).len(), 1);
            });
            looks.join().expect("no panic");
        }
        assert!(kept.iter().flatten().all(|block| **block == [1; 4]));
    }
}
