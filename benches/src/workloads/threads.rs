//! Threads that come and go.
//!
//! `larson` is the server of Larson and Krishnan ("Memory allocation for long-running server applications",
//! 1998): two lines of threads, each of which holds 1000 blocks of 8 to 1000 bytes and replaces one at random,
//! over and over; after 100 000 replacements a thread starts its successor, leaves the blocks to it and
//! ends. So most blocks are freed by another thread than the one that made them, and the owner is gone.
//!
//! `threads` is what starting and ending a thread costs, with a first use of the allocator in between.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use crate::block::Block;
use crate::meter::Meter;
use crate::random::Random;

/// What a thread of `larson` leaves to the next.
struct Estate {
    blocks: Vec<Block>,
    random: Random,
}

/// Lines of threads in `larson`.
const LINES: u64 = 2;
/// Threads in a line, one after another, in one round.
const GENERATIONS: u64 = 10;
/// Replacements by one thread.
const REPLACEMENTS: u64 = 100_000;
/// Blocks that a line holds.
const LIVE: usize = 1000;

/// Two lines of threads that inherit blocks.
pub fn larson(meter: &mut Meter) {
    let mut estates: Vec<Estate> = (0..LINES)
        .map(|line| {
            let mut random = Random::new(10 + line);
            let blocks = (0..LIVE).map(|_| Block::new(random.between(8, 1000))).collect();
            Estate { blocks, random }
        })
        .collect();
    while meter.more() {
        // What one replacement costs the thread that does it: the lines run side by side.
        meter.time(GENERATIONS * REPLACEMENTS, || {
            let (done, ends) = channel();
            for estate in estates.drain(..) {
                let done = done.clone();
                thread::spawn(move || live(estate, GENERATIONS - 1, done));
            }
            estates.extend(ends.iter().take(LINES as usize));
        });
    }
}

/// One thread of `larson`.
fn live(mut estate: Estate, successors: u64, done: Sender<Estate>) {
    let Estate { blocks, random } = &mut estate;
    for _ in 0..REPLACEMENTS {
        let place = random.below(LIVE);
        blocks[place].replace(random.between(8, 1000));
    }
    match successors.checked_sub(1) {
        Some(successors) => {
            thread::spawn(move || live(estate, successors, done));
        }
        // The receiver waits for as many as there are lines.
        None => done.send(estate).unwrap_or_default(),
    }
}

/// Short threads, two at a time.
pub fn threads(meter: &mut Meter) {
    const THREADS: u64 = 500;
    while meter.more() {
        meter.time(THREADS, || {
            for number in (0..THREADS).step_by(2) {
                thread::scope(|scope| {
                    scope.spawn(move || short(number));
                    scope.spawn(move || short(number + 1));
                });
            }
        });
    }
}

/// One short thread: 48 blocks of 16 to 1024 bytes made, then freed.
fn short(number: u64) {
    let mut random = Random::new(100 + number);
    let blocks: [Block; 48] = std::array::from_fn(|_| Block::new(random.between(16, 1024)));
    drop(blocks);
}
