//! Thread-local destructors use memory, in whatever order they run: those of `thread_local!` and
//! those of `pthread_key_create`, registered before and after the thread first used neap. Nothing
//! that such a thread had is lost.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, KIB, MIB, mib, resident, scaled};
use neap::heap::stats;
use std::cell::{Cell, OnceCell, RefCell};
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::spawn;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            destructors_of_thread_locals,
            a_destructor_frees_what_another_made,
            a_destructor_makes_a_thread_local_anew,
            a_destructor_leaves_blocks_to_others,
            a_destructor_starts_a_thread,
            keys_made_before_neap_was_used,
            keys_made_after_neap_was_used,
            the_first_use_of_a_thread_is_in_a_destructor,
            every_round_of_destructors,
        ],
        &[],
    );
}

/// How many destructors have run, so that a test knows that they did.
static RUN: AtomicUsize = AtomicUsize::new(0);

/// Starts `count` threads one after the other with `start` and panics if the footprint has grown
/// between the first tenth of them and the last, or if fewer than `expected` destructors ran.
fn many(count: usize, expected: usize, start: impl Fn()) {
    let figures = || (resident(), stats());
    let mut early = None;
    for i in 0..count {
        if i == count / 10 {
            early = Some(figures());
        }
        start();
    }
    let ((early, before), (late, after)) = (early.expect("enough threads"), figures());
    assert!(RUN.load(Ordering::Relaxed) >= expected, "the destructors have run");
    assert!(late < early + 2 * MIB, "in memory: {} early, {} late", mib(early), mib(late));
    assert!(after.heaps <= before.heaps, "heaps: {} early, {} late", before.heaps, after.heaps);
    assert!(
        after.live_blocks <= before.live_blocks + 10,
        "live blocks: {} early, {} late",
        before.live_blocks,
        after.live_blocks
    );
    // Small arenas come and go with the load of a moment.
    assert!(after.reserved_bytes <= before.reserved_bytes + 16 * MIB);
}

/// Uses memory of all layers, and checks it.
fn use_memory(salt: usize) {
    let blocks: Vec<_> = (1..40).map(|i| Block::new(i * 53 + salt % 16, 8)).collect();
    let mut large = Block::zeroed(80 * KIB + salt % 1000, 8);
    assert!(large.resize(200 * KIB));
    blocks.iter().for_each(Block::verify);
    drop(blocks);
    // Now and then many of one class, so that a magazine is filled and flushed.
    if RUN.load(Ordering::Relaxed).is_multiple_of(16) {
        drop((0..600).map(|_| Block::try_new(64, 8)).collect::<Vec<_>>());
    }
}

/// A thread-local that holds a block, and uses memory when it is dropped.
struct Greedy {
    kept: Block,
}

impl Greedy {
    fn new(size: usize) -> Greedy {
        Greedy { kept: Block::new(size, 8) }
    }
}

impl Drop for Greedy {
    fn drop(&mut self) {
        self.kept.verify();
        use_memory(self.kept.address() >> 4);
        self.kept.verify();
        RUN.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    /// Registered before the thread uses neap: what it holds is put in later.
    static EARLY: OnLast = const { OnLast(RefCell::new(None)) };
    static MIDDLE: OnceCell<Greedy> = const { OnceCell::new() };
    static LATE: RefCell<Vec<Greedy>> = const { RefCell::new(Vec::new()) };
}

/// Takes its block only when it is dropped, if nobody gave it one before.
struct OnLast(RefCell<Option<Block>>);

impl Drop for OnLast {
    fn drop(&mut self) {
        use_memory(3);
        self.0.get_mut().get_or_insert_with(|| Block::new(777, 8)).verify();
        RUN.fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread of the system's, which allocates nothing by itself; it runs `work` and is joined.
fn raw_thread(work: extern "C" fn(*mut libc::c_void) -> *mut libc::c_void) {
    let mut thread = 0;
    // SAFETY: null stands for the usual attributes, and `work` takes any argument.
    let made = unsafe { libc::pthread_create(&mut thread, null(), work, null_mut()) };
    assert_eq!(made, 0);
    // SAFETY: the thread was made above and is joined once.
    let joined = unsafe { libc::pthread_join(thread, null_mut()) };
    assert_eq!(joined, 0);
}

fn destructors_of_thread_locals() {
    extern "C" fn work(_: *mut libc::c_void) -> *mut libc::c_void {
        EARLY.with(|early| assert!(early.0.borrow().is_none()));
        use_memory(1);
        MIDDLE.with(|middle| assert!(middle.set(Greedy::new(100)).is_ok()));
        LATE.with_borrow_mut(|late| late.extend((1..5).map(|i| Greedy::new(i * 1000))));
        null_mut()
    }
    let count = scaled(3000, 50_000);
    many(count, count * 6, || raw_thread(work));
}

fn a_destructor_frees_what_another_made() {
    thread_local! {
        static FIRST: Cell<Option<Greedy>> = const { Cell::new(None) };
        static SECOND: Swap = const { Swap };
    }
    /// When it is dropped it drops what `FIRST` holds, and puts something new there.
    struct Swap;
    impl Drop for Swap {
        fn drop(&mut self) {
            drop(FIRST.try_with(|first| first.replace(Some(Greedy::new(500)))));
            use_memory(2);
            RUN.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = scaled(3000, 50_000);
    many(count, count * 2, || {
        let work = || {
            FIRST.with(|first| first.set(Some(Greedy::new(50))));
            SECOND.with(|_| use_memory(5));
        };
        spawn(work).join().expect("the thread");
    });
}

fn a_destructor_makes_a_thread_local_anew() {
    thread_local! {
        static OUTER: Cell<Option<MakesInner>> = const { Cell::new(None) };
        static INNER: Greedy = Greedy::new(300);
    }
    /// Uses `INNER` for the first time when it is dropped: its destructor is registered then.
    struct MakesInner;
    impl Drop for MakesInner {
        fn drop(&mut self) {
            INNER.with(|inner| inner.kept.verify());
            RUN.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = scaled(3000, 50_000);
    many(count, count * 2, || {
        spawn(|| OUTER.set(Some(MakesInner))).join().expect("the thread");
    });
}

fn a_destructor_leaves_blocks_to_others() {
    static LEFT: Mutex<Vec<Block>> = Mutex::new(Vec::new());
    thread_local!(static LEAVES: Cell<Option<Leaves>> = const { Cell::new(None) });
    struct Leaves;
    impl Drop for Leaves {
        fn drop(&mut self) {
            let old = std::mem::take(&mut *LEFT.lock().expect("the lock"));
            old.iter().for_each(Block::verify);
            let new = (1..30).map(|i| Block::new(i * 71, 8));
            LEFT.lock().expect("the lock").extend(new);
            drop(old);
            RUN.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = scaled(3000, 50_000);
    many(count, count, || spawn(|| LEAVES.set(Some(Leaves))).join().expect("the thread"));
}

fn a_destructor_starts_a_thread() {
    thread_local!(static STARTS: Cell<Option<Starts>> = const { Cell::new(None) });
    struct Starts;
    impl Drop for Starts {
        fn drop(&mut self) {
            let block = Block::new(5000, 8);
            let work = move || {
                use_memory(7);
                block
            };
            spawn(work).join().expect("the thread").verify();
            RUN.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = scaled(1000, 20_000);
    many(count, count, || spawn(|| STARTS.set(Some(Starts))).join().expect("the thread"));
}

/// A key of the system's for thread-local values, with a destructor that uses memory.
struct Key(AtomicU32);

impl Key {
    const fn none() -> Key {
        Key(AtomicU32::new(u32::MAX))
    }

    fn make(&self, destructor: extern "C" fn(*mut libc::c_void)) {
        let mut key = 0;
        // SAFETY: `key` is written to, and the destructor takes what `set` stores.
        let made = unsafe { libc::pthread_key_create(&mut key, Some(as_unsafe(destructor))) };
        assert_eq!(made, 0);
        self.0.store(key, Ordering::Relaxed);
    }

    /// Stores a number, which is not 0, for this thread.
    fn set(&self, value: usize) {
        let value = std::ptr::without_provenance(value);
        // SAFETY: the key was made before any thread was started that uses it.
        let set = unsafe { libc::pthread_setspecific(self.0.load(Ordering::Relaxed), value) };
        assert_eq!(set, 0);
    }
}

fn as_unsafe(
    destructor: extern "C" fn(*mut libc::c_void),
) -> unsafe extern "C" fn(*mut libc::c_void) {
    destructor
}

/// Made by a constructor of the program, long before neap is called for the first time.
static FIRST_KEY: Key = Key::none();
static LAST_KEY: Key = Key::none();

// SAFETY: the function has the signature that the section asks for; it only makes a key.
#[used]
#[unsafe(link_section = ".init_array.00001")]
static MAKE_FIRST_KEY: extern "C" fn() = {
    extern "C" fn make() {
        FIRST_KEY.make(destroy_first);
    }
    make
};

/// How many rounds of destructors the system grants (`PTHREAD_DESTRUCTOR_ITERATIONS`).
const ROUNDS: usize = 4;

extern "C" fn destroy_first(round: *mut libc::c_void) {
    destroy(round.addr(), &FIRST_KEY);
}

extern "C" fn destroy_last(round: *mut libc::c_void) {
    destroy(round.addr(), &LAST_KEY);
}

/// The destructor of both keys: uses memory, and asks for a further round, in which it is called
/// with the next number. In the last round it comes after or before neap's own, as it may be.
fn destroy(round: usize, key: &Key) {
    use_memory(round);
    RUN.fetch_add(1, Ordering::Relaxed);
    if round < ROUNDS {
        key.set(round + 1);
    }
}

fn keys_made_before_neap_was_used() {
    extern "C" fn work(_: *mut libc::c_void) -> *mut libc::c_void {
        use_memory(1);
        FIRST_KEY.set(1);
        null_mut()
    }
    let count = scaled(400, 10_000);
    many(count, count * ROUNDS, || raw_thread(work));
}

fn keys_made_after_neap_was_used() {
    extern "C" fn work(_: *mut libc::c_void) -> *mut libc::c_void {
        use_memory(1);
        LAST_KEY.set(1);
        null_mut()
    }
    LAST_KEY.make(destroy_last);
    let count = scaled(400, 10_000);
    many(count, count * ROUNDS, || raw_thread(work));
}

fn the_first_use_of_a_thread_is_in_a_destructor() {
    extern "C" fn only_key(_: *mut libc::c_void) -> *mut libc::c_void {
        // Only in the last round there is.
        FIRST_KEY.set(ROUNDS);
        null_mut()
    }
    extern "C" fn only_local(_: *mut libc::c_void) -> *mut libc::c_void {
        EARLY.with(|early| assert!(early.0.borrow().is_none()));
        null_mut()
    }
    let count = scaled(400, 10_000);
    many(count, count * 2, || {
        raw_thread(only_key);
        raw_thread(only_local);
    });
}

fn every_round_of_destructors() {
    extern "C" fn work(_: *mut libc::c_void) -> *mut libc::c_void {
        FIRST_KEY.set(1);
        EARLY.with(|early| assert!(early.0.borrow().is_none()));
        LAST_KEY.set(1);
        MIDDLE.with(|middle| assert!(middle.set(Greedy::new(100)).is_ok()));
        null_mut()
    }
    LAST_KEY.make(destroy_last);
    let count = scaled(400, 10_000);
    many(count, count * (2 * ROUNDS + 2), || raw_thread(work));
}
