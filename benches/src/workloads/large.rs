//! Blocks of many pages on one thread.
//!
//! `large` holds about 190 MB in a thousand blocks and replaces one at a time: pages that an allocator
//! gives back and asks for again cost more than anything it computes. `zeroed` has one block at a time:
//! an allocator either knows that fresh pages are zero, or clears used ones.

use crate::block::Block;
use crate::meter::Meter;
use crate::random::Random;

/// A table of sizes, so that no logarithm is taken while the clock runs.
fn sizes(seed: u64, low: usize, high: usize) -> Vec<usize> {
    let mut random = Random::new(seed);
    (0..4096).map(|_| random.log_between(low, high)).collect()
}

/// A thousand live blocks from 4 KiB to 1 MiB, one at random replaced and each of its pages written.
pub fn large(meter: &mut Meter) {
    const LIVE: usize = 1000;
    const OPERATIONS: u64 = 10_000;
    let sizes = sizes(5, 4 << 10, 1 << 20);
    let mut sizes = sizes.iter().copied().cycle();
    let mut random = Random::new(6);
    let mut next_size = || sizes.next().unwrap_or_default();
    let mut blocks: Vec<Block> = Vec::with_capacity(LIVE);
    for _ in 0..LIVE {
        let mut block = Block::new(next_size());
        block.write_pages();
        blocks.push(block);
    }
    while meter.more() {
        meter.time(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                let block = &mut blocks[random.below(LIVE)];
                block.replace(next_size());
                block.write_pages();
            }
        });
    }
}

/// One zeroed block from 64 KiB to 4 MiB at a time, a byte of each page read and written.
pub fn zeroed(meter: &mut Meter) {
    const OPERATIONS: u64 = 1000;
    let sizes = sizes(7, 64 << 10, 4 << 20);
    let mut sizes = sizes.iter().copied().cycle();
    while meter.more() {
        meter.time(OPERATIONS, || {
            for size in sizes.by_ref().take(OPERATIONS as usize) {
                assert!(Block::zeroed(size).pages_were_zero(), "a zeroed block was not zero");
            }
        });
    }
}
