//! One thread makes blocks, another frees them: the pattern of pipelines and of message passing.
//!
//! The blocks travel in batches of 128 through a ring of 32 buffers whose memory is there from the start.
//! A buffer is locked once for a batch, so handing a block over costs well under a nanosecond. The producer
//! is never more than 4096 blocks ahead.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::block::Block;
use crate::meter::Meter;
use crate::random::Random;

/// Blocks in a batch.
const BATCH: usize = 128;
/// Buffers in the ring.
const RING: usize = 32;
/// Batches in a round.
const BATCHES: usize = 16_000;

/// A ring of buffers with one producer and one consumer.
struct Ring {
    /// Batch `n` travels in buffer `n % RING`. Only the thread that the counters allow to locks it, so no
    /// one waits for a lock.
    buffers: Vec<Mutex<Vec<Block>>>,
    /// Batches that are filled. Written by the producer.
    filled: Line,
    /// Batches that are emptied again. Written by the consumer. `emptied ≤ filled ≤ emptied + RING`.
    emptied: Line,
}

/// A counter that shares no cache line with another.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicUsize);

impl Ring {
    fn new() -> Self {
        let buffers = (0..RING).map(|_| Mutex::new(Vec::with_capacity(BATCH))).collect();
        Ring { buffers, filled: Line::default(), emptied: Line::default() }
    }

    /// Lets `work` at the buffer of batch `number`.
    fn with(&self, number: usize, work: impl FnOnce(&mut Vec<Block>)) {
        if let Ok(mut buffer) = self.buffers[number % RING].lock() {
            work(&mut buffer);
        }
    }
}

/// Waits until the counter has reached `least`.
fn wait(counter: &AtomicUsize, least: usize) {
    let mut turns = 0_u32;
    // ORDERING: Acquire, the partner of the Release stores of `exchange`; with the lock it would do without.
    while counter.load(Ordering::Acquire) < least {
        turns += 1;
        if turns < 200 { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
}

/// One round: all batches made by a fresh thread and freed by this one.
fn exchange(ring: &Ring, sizes: &[usize]) {
    ring.filled.0.store(0, Ordering::Relaxed);
    ring.emptied.0.store(0, Ordering::Relaxed);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..BATCHES {
                wait(&ring.emptied.0, (number + 1).saturating_sub(RING));
                let start = number * BATCH % sizes.len();
                let sizes = &sizes[start..start + BATCH];
                ring.with(number, |buffer| {
                    buffer.extend(sizes.iter().map(|&size| Block::new(size)))
                });
                // ORDERING: Release: the consumer's `wait` sees the batch complete.
                ring.filled.0.store(number + 1, Ordering::Release);
            }
        });
        for number in 0..BATCHES {
            wait(&ring.filled.0, number + 1);
            ring.with(number, Vec::clear);
            // ORDERING: Release: the producer's `wait` sees the buffer empty.
            ring.emptied.0.store(number + 1, Ordering::Release);
        }
    });
}

fn rounds(meter: &mut Meter, sizes: &[usize]) {
    let ring = Ring::new();
    while meter.more() {
        let begin = Instant::now();
        exchange(&ring, sizes);
        meter.count((BATCHES * BATCH) as u64, begin.elapsed());
    }
}

/// Blocks of 64 bytes.
pub fn xmalloc(meter: &mut Meter) {
    rounds(meter, &[64; BATCH]);
}

/// Blocks of 16 to 1024 bytes.
pub fn xmalloc_mixed(meter: &mut Meter) {
    let mut random = Random::new(9);
    let sizes: Vec<usize> = (0..BATCH * 16).map(|_| random.between(16, 1024)).collect();
    rounds(meter, &sizes);
}
