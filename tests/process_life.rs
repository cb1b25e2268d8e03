//! Memory can be used through the whole life of a process: by constructors before `main`, in
//! `main`, by `atexit` handlers, after `main` by destructors of the program; and a process can end
//! at any moment, whatever its other threads do in the allocator.

mod common;

use common::cases::{Ended, child, entries, main as run_cases};
use common::{Block, KIB, MIB};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            before_main,
            after_main,
            after_exit,
            exit_while_threads_allocate,
            return_while_threads_allocate,
            exit_from_a_thread,
            exit_in_the_middle_of_everything,
            threads_end_while_the_process_does,
            programs_are_started_while_threads_allocate,
            running_out_of_memory_says_so,
        ],
        entries![
            nothing,
            return_from_main,
            call_exit,
            exit_with_busy_threads,
            return_with_busy_threads,
            thread_calls_exit,
            exit_with_large_blocks,
            exit_with_ending_threads,
            ask_for_too_much,
        ],
    );
}

/// What was allocated before `main`.
static BEFORE_MAIN: Mutex<Vec<Block>> = Mutex::new(Vec::new());
/// What `main` leaves to the handlers.
static FROM_MAIN: Mutex<Vec<Block>> = Mutex::new(Vec::new());
/// What an `atexit` handler leaves to what comes after it.
static FROM_HANDLER: Mutex<Vec<Block>> = Mutex::new(Vec::new());

// SAFETY: the function has the signature that the section asks for, and needs nothing of std that
// is only there in `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = {
    extern "C" fn construct() {
        put_some(&BEFORE_MAIN);
        // Registered first, so it runs last of all handlers.
        at_exit(handler_of_constructor);
    }
    construct
};

// SAFETY: as for the constructor; it runs after the handlers.
#[used]
#[unsafe(link_section = ".fini_array")]
static DESTRUCTOR: extern "C" fn() = {
    extern "C" fn destruct() {
        take_all(&FROM_HANDLER);
        put_some(&FROM_HANDLER);
        take_all(&FROM_HANDLER);
        // A program that prints nothing else is not to be told of this.
        if SPEAKS.load(Ordering::Relaxed) == 1 {
            say("destructor\n");
        }
    }
    destruct
};

/// 1 if handlers and destructors shall say that they ran.
static SPEAKS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler_of_constructor() {
    take_all(&BEFORE_MAIN);
    put_some(&FROM_HANDLER);
    if SPEAKS.load(Ordering::Relaxed) == 1 {
        say("last handler\n");
    }
}

extern "C" fn handler_of_main() {
    take_all(&FROM_MAIN);
    // A whole thread, which ends while the process does.
    let block = Block::new(3000, 8);
    let work = move || {
        block.verify();
        Block::new(300, 8)
    };
    std::thread::spawn(work).join().expect("the thread").verify();
    neap::heap::purge();
    say("first handler\n");
}

fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler may be called at any time.
    let registered = unsafe { libc::atexit(handler) };
    assert_eq!(registered, 0);
}

/// Prints without std, which may have put its own away.
fn say(text: &str) {
    // SAFETY: the text is that long.
    let written = unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
    assert_eq!(written, text.len() as isize);
}

/// Puts blocks of all layers into `place`.
fn put_some(place: &Mutex<Vec<Block>>) {
    let mut place = place.lock().expect("the lock");
    place.extend((1..300).map(|i| Block::new(i * 13, 8)));
    place.extend([10 * KIB, 100 * KIB, MIB].map(|size| Block::zeroed(size, 8)));
    // Not written to, as each process would spend most of its time on it.
    place.push(Block::try_new(20 * MIB, 8).expect("memory"));
}

/// Checks and frees the blocks in `place`.
fn take_all(place: &Mutex<Vec<Block>>) {
    let mut blocks = std::mem::take(&mut *place.lock().expect("the lock"));
    assert_eq!(blocks.len(), 303);
    for block in &mut blocks {
        assert!(block.resize(block.size() + 100));
    }
}

/// A mode: does nothing.
fn nothing() {}

/// A mode: leaves blocks to handlers and returns from `main`.
fn return_from_main() {
    SPEAKS.store(1, Ordering::Relaxed);
    BEFORE_MAIN.lock().expect("the lock").iter().for_each(Block::verify);
    put_some(&FROM_MAIN);
    at_exit(handler_of_main);
    say("main\n");
}

/// A mode: as [`return_from_main`], but calls `exit`.
fn call_exit() {
    return_from_main();
    std::process::exit(0);
}

const ORDER: &str = "main\nfirst handler\nlast handler\ndestructor\n";

fn before_main() {
    let blocks = BEFORE_MAIN.lock().expect("the lock");
    assert_eq!(blocks.len(), 303);
    common::assert_apart(&blocks);
    blocks.iter().for_each(Block::verify);
    assert!(blocks.iter().all(|block| neap::heap::owns(block.pointer())));
}

fn after_main() {
    assert_eq!(child("return_from_main").succeed().stdout, ORDER);
}

fn after_exit() {
    assert_eq!(child("call_exit").succeed().stdout, ORDER);
}

/// Starts threads that allocate and free in a tight loop, and returns when all are at it.
fn start_busy_threads(most: usize) {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    for seed in 0..3 {
        std::thread::spawn(move || {
            let mut rng = common::Rng(seed);
            let mut held: Vec<Block> = Vec::new();
            for round in 0_usize.. {
                if round == 200 {
                    STARTED.fetch_add(1, Ordering::Relaxed);
                }
                if held.len() > 100 {
                    held.swap_remove(rng.below(100)).verify();
                    held.swap_remove(rng.below(100)).verify();
                }
                held.push(Block::new(rng.size(most), 8));
            }
        });
    }
    while STARTED.load(Ordering::Relaxed) < 3 {
        std::thread::yield_now();
    }
}

fn exit_with_busy_threads() {
    start_busy_threads(1000);
    std::process::exit(0);
}

fn return_with_busy_threads() {
    start_busy_threads(1000);
}

/// A mode: the slow paths are where the threads mostly are.
fn exit_with_large_blocks() {
    start_busy_threads(3 * MIB);
    std::process::exit(0);
}

fn thread_calls_exit() {
    start_busy_threads(1000);
    let exit = || {
        let _held = Block::new(100, 8);
        std::process::exit(0);
    };
    // It never returns, as the process ends.
    let _ = std::thread::spawn(exit).join();
}

/// A mode: threads that end, and so give back what they had, while the process ends.
fn exit_with_ending_threads() {
    let threads: Vec<_> = (0..40)
        .map(|i| {
            std::thread::spawn(move || {
                let blocks: Vec<_> = (1..2000).map(|n| Block::new(1 + n * i % 900, 8)).collect();
                std::thread::spawn(move || drop(blocks));
            })
        })
        .collect();
    for thread in threads.into_iter().take(5) {
        thread.join().expect("the thread");
    }
}

/// Runs a mode again and again; each time the process ends well and soon.
fn repeat(mode: &str, times: usize) {
    for _ in 0..times {
        let ended: Ended = child(mode).within(Duration::from_secs(20)).succeed();
        assert_eq!(ended.stdout, "");
    }
}

fn exit_while_threads_allocate() {
    repeat("exit_with_busy_threads", 50);
}

fn return_while_threads_allocate() {
    repeat("return_with_busy_threads", 50);
}

fn exit_from_a_thread() {
    repeat("thread_calls_exit", 50);
}

fn exit_in_the_middle_of_everything() {
    repeat("exit_with_large_blocks", 30);
}

fn threads_end_while_the_process_does() {
    repeat("exit_with_ending_threads", 50);
}

fn programs_are_started_while_threads_allocate() {
    start_busy_threads(10_000);
    for i in 0..30 {
        if i % 2 == 0 {
            child("nothing").succeed();
        } else {
            // With a limit to set, the child is a fork of this process first.
            child("nothing").limited(libc::RLIMIT_CORE, 0).succeed();
        }
    }
}

/// A mode: an allocation that std cannot do without is refused.
fn ask_for_too_much() {
    let vector: Vec<u8> = Vec::with_capacity(1 << 50);
    println!("{}", vector.capacity());
}

fn running_out_of_memory_says_so() {
    let ended = child("ask_for_too_much").limited(libc::RLIMIT_CORE, 0).run();
    assert!(ended.aborted(), "{}", ended.describe());
    assert!(
        ended.stderr.contains("memory allocation of 1125899906842624 bytes failed"),
        "{}",
        ended.describe()
    );
}
