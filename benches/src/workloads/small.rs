//! Small blocks on one thread.
//!
//! `pair` is the fast path and nothing else: the block freed last is the one asked for next, and the layout
//! is known when the program is compiled. `batch` asks for a thousand blocks before it frees the first, in
//! sizes that are known at run time only, so that whatever an allocator keeps at hand runs dry and over.
//! `random` keeps 50 MB alive and frees without any order, so that neither the block nor what the allocator
//! knows about it is in the nearest cache.

use std::hint::black_box;

use crate::block::Block;
use crate::memory;
use crate::meter::Meter;
use crate::random::Random;

/// One `Box` of 48 bytes at a time.
pub fn pair(meter: &mut Meter) {
    const OPERATIONS: u64 = 4_000_000;
    while meter.more() {
        meter.time(OPERATIONS, || {
            for i in 0..OPERATIONS {
                let block = Box::new([i; 6]);
                black_box(&*block);
            }
        });
    }
}

/// A thousand blocks of mixed sizes made, then freed in the same order.
pub fn batch(meter: &mut Meter) {
    const BLOCKS: usize = 1000;
    const BATCHES: u64 = 3000;
    let mut random = Random::new(2);
    let sizes: Vec<usize> = (0..BLOCKS).map(|_| random.between(16, 512)).collect();
    let mut blocks: Vec<Block> = Vec::with_capacity(BLOCKS);
    while meter.more() {
        meter.time(BATCHES * BLOCKS as u64, || {
            for _ in 0..BATCHES {
                blocks.extend(sizes.iter().map(|&size| Block::new(size)));
                blocks.clear();
            }
        });
    }
}

/// A hundred thousand live blocks, one at random freed and replaced by one of another size.
pub fn random(meter: &mut Meter) {
    const LIVE: usize = 100_000;
    const OPERATIONS: u64 = 600_000;
    let mut random = Random::new(3);
    let mut blocks: Vec<Block> = (0..LIVE).map(|_| Block::new(random.between(8, 1024))).collect();
    while meter.more() {
        meter.time(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                let place = random.below(LIVE);
                blocks[place].replace(random.between(8, 1024));
            }
        });
    }
}

/// A program that does little: a few hundred blocks, all alive when its memory is looked at.
pub fn little(meter: &mut Meter) {
    let mut random = Random::new(4);
    let blocks: Vec<Block> = (0..300).map(|_| Block::new(random.between(16, 512))).collect();
    meter.note("little_mib", memory::resident_mib());
    drop(blocks);
}
