//! Threads come and go: what they leave behind is freed by others and used again, and after any
//! number of them the footprint is that of the largest moment.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, assert_apart, join, mib, resident, scaled};
use neap::heap::stats;
use std::collections::VecDeque;
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{scope, spawn};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            threads_that_die_with_live_blocks,
            threads_that_die_with_blocks_of_others,
            blocks_freed_after_their_thread_ended,
            memory_of_dead_threads_is_adopted,
            a_dead_threads_pools_serve_one_that_lives,
            many_threads_at_a_time_again_and_again,
            from_producer_to_consumer,
            around_in_a_ring,
            two_threads_free_the_same_pools,
            the_first_call_of_a_thread_is_a_free,
            many_threads_hold_everything,
            a_thread_with_a_small_stack,
        ],
        &[],
    );
}

/// The figures that must not grow however many threads there were.
#[derive(Debug)]
struct Footprint {
    resident: usize,
    reserved: usize,
    heaps: usize,
    live_blocks: usize,
}

impl Footprint {
    fn now() -> Footprint {
        let stats = stats();
        Footprint {
            resident: resident(),
            reserved: stats.reserved_bytes,
            heaps: stats.heaps,
            live_blocks: stats.live_blocks,
        }
    }

    /// Panics if there is more now than `self`, by more than what threads at another moment of
    /// their work make of it, and by more than `kept` bytes of free memory.
    #[track_caller]
    fn assert_flat(&self, kept: usize) {
        self.assert_flat_until(&Footprint::now(), kept);
    }

    /// What [`now`](Footprint::now) says while other threads are alive: blocks that wait in their
    /// magazines count as live, so that figure says nothing.
    fn under_load() -> Footprint {
        Footprint { live_blocks: 0, ..Footprint::now() }
    }

    /// As [`assert_flat`](Footprint::assert_flat), with what there is later.
    #[track_caller]
    fn assert_flat_until(&self, now: &Footprint, kept: usize) {
        // Two arenas: threads that need one at the same time make one each.
        let flat = now.resident < self.resident + self.resident / 8 + kept
            && now.reserved <= self.reserved + 64 * MIB
            && now.heaps <= self.heaps + 1
            && now.live_blocks <= self.live_blocks + self.live_blocks / 4 + 200;
        assert!(
            flat,
            "early: {self:?}, {}; now: {now:?}, {}",
            mib(self.resident),
            mib(now.resident)
        );
    }
}

/// Runs `work` in `count` threads, two at a time, and looks at the footprint after a tenth of them
/// and at the end.
fn two_at_a_time(count: usize, work: impl Fn(usize) + Sync) {
    let mut early = None;
    for i in 0..count / 2 {
        if i == count / 20 {
            early = Some(Footprint::now());
        }
        scope(|scope| {
            let both = [2 * i, 2 * i + 1].map(|number| {
                let work = &work;
                scope.spawn(move || work(number))
            });
            join(both);
        });
    }
    early.expect("enough threads").assert_flat(4 * MIB);
}

fn threads_that_die_with_live_blocks() {
    // The last 2000 blocks are alive, whoever allocated them; a later thread frees them.
    let left = Mutex::new(VecDeque::new());
    two_at_a_time(scaled(20_000, 100_000), |i| {
        let mut rng = Rng(i as u64);
        let mut own: Vec<_> = (0..20).map(|_| Block::new(rng.size(3000), 8)).collect();
        if i % 50 == 0 {
            own.push(Block::new(100 * KIB, 8));
        }
        own.truncate(own.len() - 3);
        let mut left = left.lock().expect("the lock");
        left.extend(own);
        let more = left.len().saturating_sub(2000);
        let old: Vec<Block> = left.drain(..more).collect();
        drop(left);
        old.iter().for_each(Block::verify);
    });
}

fn threads_that_die_with_blocks_of_others() {
    // Each thread frees blocks of this one and leaves some of its own to it.
    let (to_this, from_threads) = channel::<Vec<Block>>();
    let mut early = None;
    let rounds = scaled(3000, 20_000);
    for i in 0..rounds {
        if i == rounds / 10 {
            early = Some(Footprint::now());
        }
        let blocks: Vec<_> = (0..30).map(|n| Block::new(1 + (n * 97 + i) % 2000, 8)).collect();
        let to_this = to_this.clone();
        let thread = spawn(move || {
            blocks.iter().for_each(Block::verify);
            let own = (0..30).map(|n| Block::new(1 + (n * 89 + i) % 2000, 8)).collect();
            drop(blocks);
            to_this.send(own).expect("a receiver");
        });
        from_threads.recv().expect("blocks").iter().for_each(Block::verify);
        thread.join().expect("the thread");
    }
    early.expect("enough rounds").assert_flat(4 * MIB);
}

fn blocks_freed_after_their_thread_ended() {
    let before = Footprint::now();
    let mut early = None;
    for round in 0..10_u64 {
        let work = move || {
            let mut rng = Rng(round);
            let mut blocks: Vec<_> = (0..20_000).map(|_| Block::new(rng.size(3000), 8)).collect();
            blocks.extend((0..20).map(|_| Block::new(rng.size(4 * MIB), 8)));
            blocks.push(Block::new(20 * MIB, 8));
            blocks
        };
        let mut blocks = spawn(work).join().expect("the thread");
        Rng(round).shuffle(&mut blocks);
        blocks.iter().for_each(Block::verify);
        assert_apart(&blocks);
        drop(blocks);
        if round == 2 {
            early = Some(Footprint::now());
        }
    }
    // Each round frees 80 MB or so, of which a part is kept.
    early.expect("enough rounds").assert_flat(32 * MIB);
    let now = Footprint::now();
    assert!(now.live_blocks < before.live_blocks + 50, "before: {before:?}, now: {now:?}");
}

/// What a thread of the next two cases does: 4 MiB of blocks, of which one in a hundred stays.
fn leave_one_percent() -> Vec<Block> {
    let mut blocks: Vec<_> = (0..4 * MIB / 128).map(|_| Block::new(120, 8)).collect();
    Rng(30).shuffle(&mut blocks);
    blocks.truncate(blocks.len() / 100);
    blocks
}

fn memory_of_dead_threads_is_adopted() {
    // 150 threads leave 6 MB in blocks, spread over pools of 600 MiB unless these are taken over.
    let mut left = Vec::new();
    for _ in 0..150 {
        left.extend(spawn(leave_one_percent).join().expect("the thread"));
    }
    let reserved = stats().reserved_bytes;
    assert!(reserved < 100 * MIB, "reserved: {}", mib(reserved));
    left.iter().for_each(Block::verify);
}

fn a_dead_threads_pools_serve_one_that_lives() {
    let mut left = Vec::new();
    for _ in 0..40 {
        left.extend(spawn(leave_one_percent).join().expect("the thread"));
        // This thread has none of its own, and needs as much as the other had.
        left.extend(leave_one_percent());
    }
    let reserved = stats().reserved_bytes;
    assert!(reserved < 100 * MIB, "reserved: {}", mib(reserved));
    left.iter().for_each(Block::verify);
}

fn many_threads_at_a_time_again_and_again() {
    let mut early = None;
    for round in 0..12 {
        let barrier = Arc::new(Barrier::new(101));
        let threads: Vec<_> = (0..100)
            .map(|i| {
                let barrier = Arc::clone(&barrier);
                spawn(move || {
                    let blocks: Vec<_> = (0..100).map(|n| Block::new(1 + n * i, 8)).collect();
                    barrier.wait();
                    // Here the first thread looks at the footprint: all of them hold what they have.
                    barrier.wait();
                    blocks.iter().for_each(Block::verify);
                })
            })
            .collect();
        barrier.wait();
        match round {
            2 => early = Some(Footprint::under_load()),
            11 => {
                let early = early.take().expect("an earlier round");
                early.assert_flat_until(&Footprint::under_load(), 4 * MIB);
            }
            _ => {}
        }
        barrier.wait();
        threads.into_iter().for_each(|thread| thread.join().expect("the thread"));
    }
}

fn from_producer_to_consumer() {
    // 1 GB goes through a queue of at most 16 × 500 blocks.
    let (send, receive) = sync_channel::<Vec<Block>>(16);
    let producer = spawn(move || {
        let mut rng = Rng(31);
        for _ in 0..scaled(1500, 20_000) {
            let batch = (0..500).map(|_| Block::new(rng.size(8000), 8)).collect();
            send.send(batch).expect("a receiver");
        }
    });
    let mut early = None;
    for (i, batch) in receive.iter().enumerate() {
        batch.iter().for_each(Block::verify);
        if i == 150 {
            early = Some(Footprint::now());
        }
    }
    producer.join().expect("the thread");
    // How much is in the queue when one looks is chance: at most 9 MiB; and 16 MiB may be kept at hand.
    early.expect("enough batches").assert_flat(25 * MIB);
}

fn around_in_a_ring() {
    // Four threads; each frees the blocks of the one before it and sends on its own.
    const THREADS: usize = 4;
    let rounds = scaled(600, 10_000);
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..THREADS {
        let (send, receive) = sync_channel::<Vec<Block>>(2);
        senders.push(send);
        receivers.push(receive);
    }
    senders.rotate_left(1);
    let early = Arc::new(Mutex::new(None));
    let threads: Vec<_> = senders
        .into_iter()
        .zip(receivers)
        .enumerate()
        .map(|(i, (send, receive))| {
            let early = Arc::clone(&early);
            spawn(move || {
                let mut rng = Rng(i as u64);
                for round in 0..rounds {
                    let own = (0..200).map(|_| Block::new(rng.size(4000), 8)).collect();
                    // The thread after this one may have ended, if it was the last round.
                    let _ = send.send(own);
                    for block in receive.recv().expect("a sender") {
                        block.verify();
                    }
                    if i == 0 && round == rounds / 10 {
                        *early.lock().expect("the lock") = Some(Footprint::now());
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("the thread"));
    early.lock().expect("the lock").take().expect("enough rounds").assert_flat(8 * MIB);
}

fn two_threads_free_the_same_pools() {
    for round in 0..20_u64 {
        let mut blocks: Vec<_> = (0..20_000).map(|i| Block::new(16 + i % 64, 8)).collect();
        let before = stats().live_blocks;
        Rng(round).shuffle(&mut blocks);
        let others: Vec<_> = blocks.split_off(7000);
        let mut others = others.into_iter();
        let first: Vec<_> = others.by_ref().take(6500).collect();
        let second: Vec<_> = others.collect();
        let barrier = Barrier::new(3);
        scope(|scope| {
            let threads = [first, second].map(|part| {
                scope.spawn(|| {
                    barrier.wait();
                    drop(part);
                })
            });
            barrier.wait();
            // The owner frees and allocates from them at the same time.
            for _ in 0..7000 {
                blocks.pop();
                drop(Block::new(32, 8));
            }
            join(threads);
        });
        let after = stats().live_blocks;
        assert!(after <= before - 19_000, "live blocks: {before} before, {after} after");
    }
}

fn the_first_call_of_a_thread_is_a_free() {
    // A thread of std's allocates before it runs what it was given; one of the system does not.
    extern "C" fn free(block: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: it came from `into_raw` below, and only this thread has it.
        drop(unsafe { Box::from_raw(block.cast::<u64>()) });
        std::ptr::null_mut()
    }
    let before = stats().live_blocks;
    for value in 0..500_u64 {
        let block = Box::into_raw(Box::new(value));
        let mut thread = 0;
        // SAFETY: null stands for the usual attributes; `free` may be called with `block`.
        let made = unsafe {
            libc::pthread_create(&mut thread, std::ptr::null(), free, block.cast::<libc::c_void>())
        };
        assert_eq!(made, 0);
        // SAFETY: the thread was made above and is joined once.
        let joined = unsafe { libc::pthread_join(thread, std::ptr::null_mut()) };
        assert_eq!(joined, 0);
    }
    assert_eq!(stats().live_blocks, before);
}

fn many_threads_hold_everything() {
    // 300 threads, all alive, each with some blocks of all layers; the blocks lie apart.
    let all = Mutex::new(Vec::new());
    let barrier = Barrier::new(300);
    scope(|scope| {
        for i in 0..300_u64 {
            let (all, barrier) = (&all, &barrier);
            scope.spawn(move || {
                let mut rng = Rng(i);
                let mut own: Vec<_> = (0..40).map(|_| Block::new(rng.size(30_000), 8)).collect();
                own.push(Block::new(70_000 + rng.size(100_000), 8));
                barrier.wait();
                own.iter().for_each(Block::verify);
                all.lock().expect("the lock").extend(own);
            });
        }
    });
    let all = all.into_inner().expect("the lock");
    assert_apart(&all);
    all.iter().for_each(Block::verify);
}

fn a_thread_with_a_small_stack() {
    // The allocator must not need much of it, on no path.
    let work = || {
        for size in [1, 100, 5000, 100_000, 3 * MIB, 20 * MIB] {
            let mut blocks: Vec<_> = (0..20).map(|_| Block::try_new(size, 8)).collect();
            let block = blocks[0].as_mut().expect("memory");
            block.fill();
            assert!(block.resize(size * 2));
        }
        let blocks: Vec<_> = (0..20_000).map(|i| Block::new(1 + i % 1000, 8)).collect();
        drop(blocks);
        neap::heap::purge();
    };
    let thread = std::thread::Builder::new().stack_size(64 * KIB).spawn(work);
    thread.expect("a thread").join().expect("the thread");
}
