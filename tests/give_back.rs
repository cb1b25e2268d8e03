//! Memory that a program frees goes back to the system by itself: no call of `purge` (but for what ended threads left),
//! no further allocation and no waiting is needed, also where a few live blocks hold every pool.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, address_space, mib, resident, scaled};
use neap::heap::stats;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            freeing_95_percent_at_random,
            freeing_95_percent_at_random_from_another_thread,
            freeing_everything,
            freeing_everything_from_another_thread,
            large_blocks,
            mappings_of_their_own,
            a_thread_that_ends,
            what_a_thread_left_behind,
            sizes_that_change,
            filling_and_freeing_again_and_again,
            address_space_goes_back_too,
        ],
        &[],
    );
}

/// Bytes that are held when memory is full.
fn full_bytes() -> usize {
    scaled(200 * MIB, 600 * MIB)
}

/// Small blocks of `bytes` bytes in all, in the order of allocation.
fn fill(bytes: usize) -> Vec<Block> {
    let mut rng = Rng(20);
    let mut blocks = Vec::with_capacity(bytes / 256);
    let mut total = 0;
    while total < bytes {
        let block = Block::new(16 + rng.below(1000), 1);
        total += block.usable();
        blocks.push(block);
    }
    blocks
}

/// What `work` does to the memory of this process: before, full, and when it is done.
struct Course {
    base: usize,
    full: usize,
    end: usize,
}

impl Course {
    #[track_caller]
    fn assert_end_below(&self, share: f64) {
        let most = self.base as f64 + (self.full - self.base) as f64 * share;
        assert!(
            (self.end as f64) < most,
            "in memory: {} before, {} full, {} in the end; at most {} would be fine",
            mib(self.base),
            mib(self.full),
            mib(self.end),
            mib(most as usize)
        );
    }
}

fn course<T>(fill: impl FnOnce() -> T, free: impl FnOnce(T)) -> Course {
    let base = resident();
    let held = fill();
    let full = resident();
    free(held);
    Course { base, full, end: resident() }
}

/// Keeps one block in twenty, at random, and checks that they are whole.
fn free_95_percent(mut blocks: Vec<Block>) -> Vec<Block> {
    Rng(21).shuffle(&mut blocks);
    blocks.truncate(blocks.len() / 20);
    blocks
}

fn freeing_95_percent_at_random() {
    let mut rest = Vec::new();
    course(|| fill(full_bytes()), |blocks| rest = free_95_percent(blocks)).assert_end_below(0.85);
    rest.iter().for_each(Block::verify);
}

fn freeing_95_percent_at_random_from_another_thread() {
    let mut rest = Vec::new();
    let free = |blocks| {
        let work = move || free_95_percent(blocks);
        rest = std::thread::spawn(work).join().expect("the thread");
        // The owner gets to know of it when it next takes memory of these sizes.
        drop(fill(8 * MIB));
    };
    course(|| fill(full_bytes()), free).assert_end_below(0.85);
    rest.iter().for_each(Block::verify);
}

fn freeing_everything() {
    course(|| fill(full_bytes()), drop).assert_end_below(0.3);
}

fn freeing_everything_from_another_thread() {
    let free = |blocks: Vec<Block>| {
        std::thread::spawn(move || drop(blocks)).join().expect("the thread");
        drop(fill(8 * MIB));
    };
    course(|| fill(full_bytes()), free).assert_end_below(0.3);
}

fn large_blocks() {
    let mut rng = Rng(22);
    let fill = || (0..100).map(|_| Block::new(rng.size(8 * MIB) + 70_000, 1)).collect::<Vec<_>>();
    course(fill, drop).assert_end_below(0.4);
}

fn mappings_of_their_own() {
    let fill = || (1..5).map(|i| Block::new(i * 20 * MIB, 1)).collect::<Vec<_>>();
    course(fill, drop).assert_end_below(0.2);
}

fn a_thread_that_ends() {
    // Everything is allocated, freed in part and left by a thread; the rest is freed by this one.
    let mut rest = Vec::new();
    let free = |blocks| {
        let work = move || free_95_percent(blocks);
        rest = std::thread::spawn(work).join().expect("the thread");
    };
    let fill_there = || std::thread::spawn(|| fill(full_bytes())).join().expect("the thread");
    course(fill_there, free).assert_end_below(0.85);
    rest.iter().for_each(Block::verify);
    let full = resident();
    drop(rest);
    assert!(resident() <= full);
}

fn what_a_thread_left_behind() {
    // A thread frees half of its blocks, so that all its pools have room, and ends. What it left is freed by others, each
    // pool's blocks by many. Such pools wait for who needs blocks of their sizes, or for a purge.
    let fill_there = || {
        let work = || {
            let mut blocks = fill(full_bytes());
            Rng(22).shuffle(&mut blocks);
            blocks.truncate(blocks.len() / 2);
            blocks
        };
        std::thread::spawn(work).join().expect("the thread")
    };
    let free = |mut blocks: Vec<Block>| {
        let other = blocks.split_off(blocks.len() / 2);
        std::thread::spawn(move || drop(other)).join().expect("the thread");
        drop(blocks);
        neap::heap::purge();
    };
    course(fill_there, free).assert_end_below(0.05);
}

fn sizes_that_change() {
    // Each phase holds 60 MiB of another size; what one freed serves the next.
    let mut most = 0;
    for size in [32, 64, 200, 48, 1000, 4000, 128, 20_000, 100_000, 500, 2 * MIB, 80] {
        let mut blocks: Vec<_> = (0..60 * MIB / size).map(|_| Block::new(size, 1)).collect();
        Rng(23).shuffle(&mut blocks);
        most = most.max(resident());
    }
    // 60 MiB of blocks, 60 MiB for what the test knows of 2 million blocks, and what is kept.
    assert!(most < 220 * MIB, "in memory: {} at most", mib(most));
}

fn filling_and_freeing_again_and_again() {
    let mut ends = Vec::new();
    let mut fulls = Vec::new();
    for _ in 0..scaled(8, 60) {
        let course = course(|| free_95_percent(fill(40 * MIB)), drop);
        fulls.push(course.full);
        ends.push(course.end);
    }
    let text = |figures: &[usize]| figures.iter().map(|f| mib(*f)).collect::<Vec<_>>().join(", ");
    for (figures, name) in [(&fulls, "full"), (&ends, "in the end")] {
        let (early, late) = (figures[1], *figures.last().expect("rounds"));
        assert!(late < early + early / 4 + 4 * MIB, "{name}: {}", text(figures));
    }
}

fn address_space_goes_back_too() {
    let space = address_space();
    let blocks = fill(full_bytes());
    let full = (address_space(), stats());
    drop(blocks);
    let end = (address_space(), stats());
    assert!(full.0 > space + full_bytes() / 2);
    assert!(
        end.0 < space + (full.0 - space) / 10 * 7,
        "address space: {} before, {} full, {} in the end",
        mib(space),
        mib(full.0),
        mib(end.0)
    );
    assert!(end.1.arenas < full.1.arenas && end.1.reserved_bytes < full.1.reserved_bytes);
    // And it can be had again.
    let again = fill(16 * MIB + 100 * KIB);
    again.iter().for_each(Block::verify);
}
