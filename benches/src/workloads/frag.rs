//! Much memory, of which little is used in the end.
//!
//! ```text
//!   fill       500 MB of blocks of 16 to 200 bytes              timed   → full_mib, metadata_share
//!   thin out   95 % of them freed, in random order              timed
//!   idle       half a second                                            → sparse_mib
//!   refill     what was freed, as blocks of 64 KiB                      → refilled_mib
//!   free all, idle                                                      → end_kib of the cell
//! ```
//!
//! An allocator that keeps whole pages until their last block is free gives nothing back when 95 % is free
//! but scattered, and cannot use it for anything else either.
//!
//! The table of blocks is 40 MB more, part of every figure. To cost the clock little, it is one word a block: the
//! size, which is at most 200, stands in the uppermost byte of the address. It is shuffled between filling
//! and freeing, while the clock stands still, so that freeing reads it from one end to the other.

use std::ptr::NonNull;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::block::Block;
use crate::memory;
use crate::meter::Meter;
use crate::random::Random;

/// Bytes of small blocks.
const FILL: usize = 500_000_000;
/// Smallest and largest of these.
const SIZES: (usize, usize) = (16, 200);
/// Bytes of a block of the refill.
const REFILL: usize = 64 << 10;
/// How long the program idles when most, and when everything, is freed.
const IDLE: Duration = Duration::from_millis(500);

/// A block in one word: the size above bit 56 of the address, where user addresses have zeros.
///
/// Invariant K1: made by `Packed::new` from a live block that no one else holds.
struct Packed(NonNull<u8>);

impl Packed {
    fn new(block: Block) -> Self {
        let (address, size) = block.into_parts();
        Packed(address.map_addr(|bits| bits | size << 56))
    }
}

impl Drop for Packed {
    #[inline]
    fn drop(&mut self) {
        let size = self.0.addr().get() >> 56;
        let address = self.0.as_ptr().map_addr(|bits| bits & ((1 << 56) - 1));
        if let Some(address) = NonNull::new(address) {
            // SAFETY: K1: the parts that `new` took a block apart into; the word is gone after this.
            drop(unsafe { Block::from_parts(address, size) });
        }
    }
}

/// Fills, thins out, refills and frees.
pub fn frag(meter: &mut Meter) {
    let mut random = Random::new(11);
    let average = (SIZES.0 + SIZES.1) / 2;
    let count = FILL / average;
    let kept = count / 20;
    let freed = count - kept;

    meter.cold();
    let begin = Instant::now();
    let mut blocks: Vec<Packed> = Vec::with_capacity(count);
    for _ in 0..count {
        blocks.push(Packed::new(Block::new(random.between(SIZES.0, SIZES.1))));
    }
    let filling = begin.elapsed();
    meter.note("full_mib", memory::resident_mib());
    meter.note_metadata();

    for last in (1..count).rev() {
        blocks.swap(last, random.below(last + 1));
    }
    let begin = Instant::now();
    blocks.truncate(kept);
    meter.count((count + freed) as u64, filling + begin.elapsed());

    sleep(IDLE);
    meter.note("sparse_mib", memory::resident_mib());

    let mut refill: Vec<Block> = Vec::with_capacity(FILL / REFILL);
    for _ in 0..freed * average / REFILL {
        let mut block = Block::new(REFILL);
        block.write_pages();
        refill.push(block);
    }
    meter.note("refilled_mib", memory::resident_mib());
    drop(refill);
    drop(blocks);
    sleep(IDLE);
}
