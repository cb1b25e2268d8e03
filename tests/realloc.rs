//! A block grows and shrinks through all layers with its contents and its alignment: in place
//! within its class, in place where the memory behind it is free, and without copying where it is
//! a mapping of its own.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, assert_apart, forget_peak, mib, peak_resident, resident};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            step_by_step_through_all_layers,
            byte_by_byte,
            from_any_size_to_any_other,
            with_neighbours_of_the_same_size,
            in_place_within_the_usable_size,
            large_blocks_shrink_and_grow_again_in_place,
            a_mapping_grows_without_a_copy,
            a_shrunk_mapping_gives_memory_back,
            what_a_shrunk_large_block_gives_up_is_used_again,
            on_another_thread,
            vectors_and_strings,
        ],
        &[],
    );
}

/// Sizes of all layers, smallest first: of pools, of runs in an arena, of mappings of their own.
const STEPS: [usize; 19] = [
    1,
    8,
    24,
    100,
    500,
    1000,
    4000,
    8000,
    20_000,
    40_000,
    70_000,
    200_000,
    MIB,
    5 * MIB,
    15 * MIB,
    17 * MIB,
    33 * MIB,
    40 * MIB,
    100 * MIB,
];

const ALIGNMENTS: [usize; 7] = [1, 8, 64, 4 * KIB, 64 * KIB, 2 * MIB, 4 * MIB];

fn step_by_step_through_all_layers() {
    for align in ALIGNMENTS {
        let mut block = Block::new(STEPS[0], align);
        for size in STEPS {
            // `resize` checks the contents and the alignment.
            assert!(block.resize(size), "to {size} bytes aligned to {align}");
            block.fill();
        }
        for size in STEPS.into_iter().rev() {
            assert!(block.resize(size), "to {size} bytes aligned to {align}");
        }
    }
}

fn byte_by_byte() {
    let mut block = Block::new(1, 1);
    for size in 2..=20_000 {
        assert!(block.resize(size));
        if size % 64 == 0 {
            block.fill();
        }
    }
    block.fill();
    for size in (1..20_000).rev() {
        assert!(block.resize(size));
    }
}

fn from_any_size_to_any_other() {
    for align in [8, 4 * KIB] {
        for from in STEPS {
            for to in STEPS {
                // The largest ones take long, and the other case has them.
                if from.max(to) <= 17 * MIB {
                    assert!(Block::new(from, align).resize(to), "{from} to {to} bytes");
                }
            }
        }
    }
}

fn with_neighbours_of_the_same_size() {
    let mut rng = Rng(5);
    let mut blocks: Vec<_> = (0..300).map(|_| Block::new(rng.size(200_000), 8)).collect();
    for _ in 0..15_000 {
        let at = rng.below(blocks.len());
        let most = if rng.below(8) == 0 { 2 * MIB } else { 20_000 };
        let size = rng.size(most);
        assert!(blocks[at].resize(size));
        blocks[at].fill();
    }
    assert_apart(&blocks);
    blocks.iter().for_each(Block::verify);
}

fn in_place_within_the_usable_size() {
    let mut rng = Rng(6);
    for align in [1, 16, 64, 4 * KIB] {
        for _ in 0..2000 {
            let size = rng.size(3 * MIB);
            let mut block = Block::new(size, align);
            let (address, usable) = (block.address(), block.usable());
            for to in [usable, size + (usable - size) / 2, size, usable] {
                assert!(block.resize(to));
                assert_eq!(block.address(), address, "{size} to {to} bytes of {usable} usable");
            }
            block.fill();
        }
    }
}

fn large_blocks_shrink_and_grow_again_in_place() {
    for (large, small) in [(8 * MIB, MIB), (MIB, 100_000), (300_000, 80_000), (15 * MIB, 200_000)] {
        let mut block = Block::new(large, 8);
        let address = block.address();
        assert!(block.resize(small));
        assert_eq!(block.address(), address, "{large} to {small} bytes");
        // Nobody has taken the memory behind it.
        assert!(block.resize(large));
        assert_eq!(block.address(), address, "{small} to {large} bytes");
        block.fill();
        block.verify();
    }
}

fn a_mapping_grows_without_a_copy() {
    let mut block = Block::new(100 * MIB, 8);
    forget_peak();
    let before = resident();
    for size in [150 * MIB, 300 * MIB, 120 * MIB, 500 * MIB] {
        assert!(block.resize(size), "to {}", mib(size));
    }
    let peak = peak_resident();
    assert!(
        peak < before + 16 * MIB,
        "in memory: {} before, {} at most while growing",
        mib(before),
        mib(peak)
    );
}

fn a_shrunk_mapping_gives_memory_back() {
    let mut block = Block::new(200 * MIB, 8);
    let before = resident();
    assert!(block.resize(20 * MIB));
    let after = resident();
    assert!(after < before - 150 * MIB, "in memory: {} before, {} after", mib(before), mib(after));
}

fn what_a_shrunk_large_block_gives_up_is_used_again() {
    // 200 blocks of 8 MiB, each shrunk to 100 KiB: as many at a time would be 1.6 GB.
    let mut blocks = Vec::new();
    let before = neap::heap::stats().reserved_bytes;
    for _ in 0..200 {
        let mut block = Block::try_new(8 * MIB, 8).expect("memory");
        assert!(block.resize(100 * KIB));
        block.fill();
        blocks.push(block);
    }
    assert_apart(&blocks);
    blocks.iter().for_each(Block::verify);
    let after = neap::heap::stats().reserved_bytes;
    assert!(after < before + 200 * MIB, "reserved: {} before, {} after", mib(before), mib(after));
}

fn on_another_thread() {
    let blocks: Vec<_> = STEPS[..14].iter().map(|size| Block::new(*size, 8)).collect();
    let grow = |mut blocks: Vec<Block>| {
        for block in &mut blocks {
            assert!(block.resize(block.size() * 2));
            block.fill();
        }
        blocks
    };
    let blocks = std::thread::spawn(move || grow(blocks)).join().expect("the thread");
    // Now the owner of these has ended.
    let mut blocks = grow(blocks);
    for block in &mut blocks {
        assert!(block.resize(block.size() / 4 + 1));
    }
}

fn vectors_and_strings() {
    let mut numbers = Vec::new();
    let mut text = String::new();
    for i in 0..300_000_u32 {
        numbers.push(i);
        if i % 3 == 0 {
            text.push_str("ebb and flow ");
        }
        if i % 50_000 == 0 {
            numbers.shrink_to_fit();
            text.shrink_to_fit();
        }
    }
    assert!(numbers.iter().copied().eq(0..300_000));
    assert_eq!(text, "ebb and flow ".repeat(100_000));
}
