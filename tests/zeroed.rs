//! Memory that is asked to be zero is zero, also where it was in use before, was given back to the
//! system in between, or was freed by another thread; and fresh memory of the system is not
//! written again for it.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, mib, resident};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            small_blocks,
            medium_blocks,
            large_blocks,
            mappings_of_their_own,
            aligned_blocks,
            mixed_sizes,
            after_a_purge,
            partly_dirty_after_a_purge,
            freed_by_another_thread,
            of_a_thread_that_ended,
            shrunk_and_grown_in_between,
            fresh_memory_is_not_touched,
        ],
        &[],
    );
}

/// Takes `count` blocks of `size` bytes, dirties and frees them, and takes them zeroed: twice, so
/// that zeroed blocks are used again as well.
fn reuse(size: usize, align: usize, count: usize, between: fn()) {
    for _ in 0..2 {
        let mut blocks: Vec<_> =
            (0..count).map(|_| Block::try_new(size, align).expect("memory")).collect();
        blocks.iter_mut().for_each(|block| block.dirty(0xff));
        drop(blocks);
        between();
        let zeroed: Vec<_> = (0..count).map(|_| Block::zeroed(size, align)).collect();
        // They are zero at a time, so each was handed out once.
        zeroed.iter().for_each(Block::verify);
    }
}

const SMALL: [usize; 14] = [1, 8, 9, 16, 24, 48, 100, 128, 160, 250, 512, 1000, 2048, 4000];
const MEDIUM: [usize; 7] = [4096, 4097, 7000, 8192, 20_000, 50_000, 64 * KIB];
const LARGE: [usize; 6] = [64 * KIB + 1, 100_000, 128 * KIB, MIB, 5 * MIB + 1, 16 * MIB];
const MAPPED: [usize; 3] = [16 * MIB + 1, 33 * MIB, 70 * MIB + 4097];

fn small_blocks() {
    for size in SMALL {
        reuse(size, 1, 3000, || {});
    }
}

fn medium_blocks() {
    for size in MEDIUM {
        reuse(size, 1, 100, || {});
    }
}

fn large_blocks() {
    for size in LARGE {
        reuse(size, 1, 3, || {});
    }
}

fn mappings_of_their_own() {
    for size in MAPPED {
        reuse(size, 1, 2, || {});
    }
}

fn aligned_blocks() {
    for shift in (4..=22).step_by(3) {
        for size in [100, 5000, 100_000, 3 * MIB] {
            reuse(size, 1 << shift, 5, || {});
        }
    }
}

fn mixed_sizes() {
    let mut rng = Rng(3);
    let mut blocks: Vec<Block> = Vec::new();
    for _ in 0..20_000 {
        if blocks.len() == 400 {
            let mut block = blocks.swap_remove(rng.below(400));
            block.verify();
            block.dirty(0xee);
        }
        // One in sixteen may be large.
        let most = if rng.below(16) == 0 { 300_000 } else { 3000 };
        blocks.push(Block::zeroed(rng.size(most), 1 << rng.below(7)));
    }
}

fn after_a_purge() {
    for size in SMALL {
        reuse(size, 1, 3000, neap::heap::purge);
    }
    for size in MEDIUM.into_iter().chain(LARGE).chain(MAPPED) {
        reuse(size, 1, 3, neap::heap::purge);
    }
}

fn partly_dirty_after_a_purge() {
    // Half of the blocks stay and hold the pools, so that single OS pages of pools are given back.
    for size in [48, 700, 4096, 20_000] {
        let count = 4 * MIB / size;
        let mut blocks: Vec<_> = (0..count).map(|_| Block::new(size, 1)).collect();
        Rng(4).shuffle(&mut blocks);
        for mut block in blocks.split_off(count / 2) {
            block.dirty(0xff);
        }
        neap::heap::purge();
        let zeroed: Vec<_> = (0..count / 2).map(|_| Block::zeroed(size, 1)).collect();
        for block in blocks.iter().chain(&zeroed) {
            block.verify();
        }
    }
}

fn freed_by_another_thread() {
    for size in [32, 600, 9000, 200_000] {
        let count = 2 * MIB / size;
        for _ in 0..3 {
            let mut blocks: Vec<_> = (0..count).map(|_| Block::zeroed(size, 1)).collect();
            blocks.iter_mut().for_each(|block| block.dirty(0xff));
            std::thread::spawn(move || drop(blocks)).join().expect("the thread");
        }
    }
}

fn of_a_thread_that_ended() {
    for size in [32, 600, 9000, 200_000] {
        let count = 2 * MIB / size;
        for _ in 0..3 {
            let work = move || {
                let mut blocks: Vec<_> = (0..count).map(|_| Block::zeroed(size, 1)).collect();
                blocks.iter_mut().for_each(|block| block.dirty(0xff));
            };
            std::thread::spawn(work).join().expect("the thread");
        }
        (0..count).for_each(|_| drop(Block::zeroed(size, 1)));
    }
}

fn shrunk_and_grown_in_between() {
    // What a large block gave up by shrinking is dirty and comes back in other blocks.
    for (size, rest) in [(MIB, 70_000), (8 * MIB, 100), (40 * MIB, 3 * MIB), (200_000, 150_000)] {
        let mut blocks: Vec<_> = (0..3).map(|_| Block::new(size, 1)).collect();
        for block in &mut blocks {
            assert!(block.resize(rest));
        }
        for size in [size - rest, 4096, 300_000] {
            drop(Block::zeroed(size, 1));
        }
        blocks.iter().for_each(Block::verify);
    }
}

fn fresh_memory_is_not_touched() {
    let before = resident();
    let blocks: Vec<_> = [300 * MIB, 100 * MIB, 33 * MIB]
        .into_iter()
        .map(|size| Block::try_zeroed(size, 1).expect("memory"))
        .collect();
    let after = resident();
    assert!(
        after < before + 8 * MIB,
        "{} were zeroed; in memory: {} before, {} after",
        mib(blocks.iter().map(Block::size).sum()),
        mib(before),
        mib(after)
    );
}
