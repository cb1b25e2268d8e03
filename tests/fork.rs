//! A process that forks while its other threads are anywhere in the allocator: the child can
//! allocate and free at once, start threads of its own, fork again and end.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, scaled};
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            with_threads_that_allocate_small_blocks,
            with_threads_that_allocate_large_blocks,
            with_threads_that_free_each_others_blocks,
            with_threads_that_start_and_end,
            with_threads_that_purge_and_look,
            from_another_thread,
            a_child_of_a_child,
            a_child_that_returns_from_main,
            the_parent_goes_on,
        ],
        &[],
    );
}

/// Forks: `child` runs in the new process, which then ends, with code 0 unless `child` is wrong or
/// takes longer than 20 seconds. Panics unless it ended well.
///
/// `child` must not print nor take a lock that another thread may have at this moment.
fn fork(child: impl FnOnce() -> bool) {
    // SAFETY: that this works in a process with threads is what is tested; see above for the rest.
    let process = unsafe { libc::fork() };
    assert!(process >= 0, "a process");
    if process == 0 {
        // SAFETY: ends this process if it hangs; no handler is set.
        unsafe { libc::alarm(20) };
        // A panic must not leave this function: what is behind it belongs to the parent.
        let well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        let code = if well.is_ok_and(|well| well) { 0 } else { 1 };
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(code) };
    }
    wait(process);
}

/// Waits for a child and panics unless it ended with code 0.
fn wait(process: libc::pid_t) {
    let mut status = 0;
    // SAFETY: `status` is written to.
    let waited = unsafe { libc::waitpid(process, &mut status, 0) };
    assert_eq!(waited, process);
    let late = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM;
    assert!(!late, "the child hung");
    assert!(
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        "the child ended with status {status:#x}"
    );
}

/// Blocks that the parent allocated before it forked.
fn some() -> Vec<Block> {
    let mut rng = Rng(50);
    let mut blocks: Vec<_> = (0..300).map(|_| Block::new(rng.size(5000), 8)).collect();
    blocks.extend([20 * KIB, 200 * KIB].map(|size| Block::new(size, 8)));
    // Not written to, as that would take most of the time.
    blocks.push(Block::try_new(18 * MIB, 8).expect("memory"));
    blocks
}

/// What a child does: takes memory of all layers, frees what it got and what its parent had, and
/// does the same in a thread of its own.
fn use_everything(parents: Vec<Block>) -> bool {
    extern "C" fn in_a_thread(_: *mut libc::c_void) -> *mut libc::c_void {
        for _ in 0..3 {
            drop(some());
        }
        null_mut()
    }
    parents.iter().for_each(Block::verify);
    let own = some();
    drop(parents);
    own.iter().for_each(Block::verify);
    let many: Vec<_> = (0..5000).map(|i| Block::new(8 + i % 300, 8)).collect();
    drop(own);
    let mut thread = 0;
    // SAFETY: null stands for the usual attributes, and the thread takes any argument.
    if unsafe { libc::pthread_create(&mut thread, null(), in_a_thread, null_mut()) } != 0 {
        return false;
    }
    many.iter().for_each(Block::verify);
    drop(many);
    // SAFETY: the thread was made above and is joined once.
    let joined = unsafe { libc::pthread_join(thread, null_mut()) };
    neap::heap::purge();
    joined == 0 && neap::heap::stats().live_blocks > 0
}

/// Runs three threads that do `work` again and again, and meanwhile forks `times` times.
fn fork_beside(work: impl Fn(&mut Rng, &mut Vec<Block>) + Sync, times: usize) {
    let over = AtomicBool::new(false);
    scope(|scope| {
        for seed in 0..3 {
            let (over, work) = (&over, &work);
            scope.spawn(move || {
                let (mut rng, mut held) = (Rng(seed), Vec::new());
                while !over.load(Ordering::Relaxed) {
                    work(&mut rng, &mut held);
                }
            });
        }
        for i in 0..times {
            let parents = some();
            // The child frees its own copy of them, and so does the parent.
            fork(|| use_everything(parents));
            // At another moment of the other threads' work each time.
            (0..i % 7).for_each(|_| std::thread::yield_now());
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// Holds up to `count` blocks of up to `most` bytes; allocates and frees one.
fn churn(rng: &mut Rng, held: &mut Vec<Block>, count: usize, most: usize) {
    if held.len() >= count {
        held.swap_remove(rng.below(count)).verify();
    }
    held.push(Block::new(rng.size(most), 8));
}

fn with_threads_that_allocate_small_blocks() {
    // Bursts, so that magazines are filled and flushed.
    let work = |rng: &mut Rng, held: &mut Vec<Block>| {
        (0..400).for_each(|_| held.push(Block::new(rng.size(200), 8)));
        held.clear();
    };
    fork_beside(work, scaled(200, 3000));
}

fn with_threads_that_allocate_large_blocks() {
    let work = |rng: &mut Rng, held: &mut Vec<Block>| {
        if held.len() > 4 {
            held.swap_remove(rng.below(4));
        }
        held.push(Block::try_new(rng.size(20 * MIB), 8).expect("memory"));
    };
    fork_beside(work, scaled(60, 1000));
}

fn with_threads_that_free_each_others_blocks() {
    let shared = Mutex::new(Vec::new());
    let work = |rng: &mut Rng, held: &mut Vec<Block>| {
        held.extend((0..200).map(|_| Block::new(rng.size(500), 8)));
        let mut shared = shared.lock().expect("the lock");
        std::mem::swap(&mut *shared, held);
        drop(shared);
        held.clear();
    };
    fork_beside(work, scaled(100, 2000));
}

fn with_threads_that_start_and_end() {
    let work = |_: &mut Rng, held: &mut Vec<Block>| {
        let work = || (1..50).map(|i| Block::new(i * 30, 8)).collect::<Vec<_>>();
        *held = std::thread::spawn(work).join().expect("the thread");
    };
    fork_beside(work, scaled(100, 2000));
}

fn with_threads_that_purge_and_look() {
    let work = |rng: &mut Rng, held: &mut Vec<Block>| {
        (0..100).for_each(|_| churn(rng, held, 50, 100_000));
        neap::heap::purge();
        assert!(neap::heap::stats().heaps > 0);
    };
    fork_beside(work, scaled(100, 2000));
}

fn from_another_thread() {
    // The forking thread is not the first one, and its blocks are freed by the child's only one.
    let over = AtomicBool::new(false);
    scope(|scope| {
        let busy = scope.spawn(|| {
            let (mut rng, mut held) = (Rng(51), Vec::new());
            while !over.load(Ordering::Relaxed) {
                churn(&mut rng, &mut held, 300, 3000);
            }
        });
        for _ in 0..30 {
            scope.spawn(|| fork(|| use_everything(some()))).join().expect("the thread");
        }
        over.store(true, Ordering::Relaxed);
        busy.join().expect("the thread");
    });
}

fn a_child_of_a_child() {
    let work = |rng: &mut Rng, held: &mut Vec<Block>| churn(rng, held, 300, 3000);
    let over = AtomicBool::new(false);
    scope(|scope| {
        scope.spawn(|| {
            let (mut rng, mut held) = (Rng(52), Vec::new());
            while !over.load(Ordering::Relaxed) {
                work(&mut rng, &mut held);
            }
        });
        for _ in 0..20 {
            let parents = some();
            fork(move || {
                fork(|| {
                    fork(|| use_everything(some()));
                    use_everything(parents)
                });
                use_everything(some())
            });
        }
        over.store(true, Ordering::Relaxed);
    });
}

fn a_child_that_returns_from_main() {
    // Handlers and destructors run in the child too, as `exit` is called.
    for _ in 0..50 {
        let parents = some();
        let ended = std::thread::spawn(|| drop(some()));
        // SAFETY: as in `fork`.
        let process = unsafe { libc::fork() };
        assert!(process >= 0, "a process");
        if process == 0 {
            // SAFETY: ends this process if it hangs; no handler is set.
            unsafe { libc::alarm(20) };
            let code = if use_everything(parents) { 0 } else { 1 };
            // SAFETY: this thread, the only one of the child, is in no handler of its own.
            unsafe { libc::exit(code) };
        }
        wait(process);
        ended.join().expect("the thread");
    }
}

fn the_parent_goes_on() {
    // What children do is not to be seen in the parent.
    let held = some();
    let before = neap::heap::stats();
    for _ in 0..50 {
        fork(|| use_everything(some()));
    }
    let after = neap::heap::stats();
    assert_eq!(after.live_blocks, before.live_blocks);
    assert!(after.reserved_bytes <= before.reserved_bytes + 32 * MIB);
    held.iter().for_each(Block::verify);
}
