//! What the integration tests share: blocks that know what they hold, random numbers, and the
//! figures that the kernel has about this process. Linux only, as all of it is read from `/proc`.
//!
//! * [`Block`]: one allocation of the global allocator with a pattern in it.
//! * [`cases`]: a test harness that runs each case in a process of its own.
//! * [`counted`]: values that count their drops.
//! * `graph`: objects of the collector that hold each other.
//! * [`switch`]: a global allocator that is neap or the system's, by an environment variable.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test binary uses another part of this module"
)]

pub mod cases;
pub mod counted;
#[cfg(feature = "gc")]
pub mod graph;
pub mod switch;

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::ptr::NonNull;
use std::thread::ScopedJoinHandle;

/// Bytes of a KiB.
pub const KIB: usize = 1024;
/// Bytes of a MiB.
pub const MIB: usize = 1024 * KIB;

/// Bytes of the stretch in which a pattern is laid down.
const STRETCH: usize = 4 * KIB;

/// Random bytes that patterns are cut from: two stretches, so that any start has a whole one.
static NOISE: [u8; 2 * STRETCH] = {
    let mut noise = [0; 2 * STRETCH];
    let mut rng = Rng(0x6e65_6170);
    let mut i = 0;
    while i < noise.len() {
        noise[i] = rng.next() as u8;
        i += 1;
    }
    noise
};

/// What zeroed memory is compared with.
static ZEROES: [u8; STRETCH] = [0; STRETCH];

/// Random numbers from a seed (splitmix64): the same ones in every run.
pub struct Rng(pub u64);

impl Rng {
    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A size from 1 to `most`, small ones as likely as large ones (even by logarithm).
    pub fn size(&mut self, most: usize) -> usize {
        let bits = self.below(most.ilog2() as usize + 1);
        ((1 << bits) + self.below(1 << bits)).min(most)
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// One allocation of the global allocator. Dropping it frees it.
///
/// A block remembers how many of its first bytes hold its pattern, which is cut from noise by the
/// block's address and size at the time of filling: what another block or a lost page would put in
/// its place does not match.
pub struct Block {
    start: NonNull<u8>,
    layout: Layout,
    filled: usize,
    seed: usize,
}

// SAFETY: a block is the only owner of its memory, and the memory holds plain bytes.
unsafe impl Send for Block {}

impl Block {
    /// A block of `size` bytes (not 0) aligned to `align`, not filled; `None` if it is refused.
    pub fn try_new(size: usize, align: usize) -> Option<Block> {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        assert_ne!(size, 0);
        // SAFETY: the size is not 0.
        let start = unsafe { alloc(layout) };
        Block::check_new(start, layout)
    }

    /// As [`try_new`](Block::try_new), with memory that is asked to be zero.
    pub fn try_zeroed(size: usize, align: usize) -> Option<Block> {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        assert_ne!(size, 0);
        // SAFETY: the size is not 0.
        let start = unsafe { alloc_zeroed(layout) };
        Block::check_new(start, layout)
    }

    fn check_new(start: *mut u8, layout: Layout) -> Option<Block> {
        let start = NonNull::new(start)?;
        assert!(
            start.addr().get().is_multiple_of(layout.align()),
            "{start:p} is not aligned for {layout:?}"
        );
        Some(Block { start, layout, filled: 0, seed: 0 })
    }

    /// A block of `size` bytes (not 0) aligned to `align`, filled with its pattern.
    pub fn new(size: usize, align: usize) -> Block {
        let mut block = Block::try_new(size, align).expect("memory");
        block.fill();
        block
    }

    /// A block of `size` bytes, checked to be zero and then filled with its pattern.
    pub fn zeroed(size: usize, align: usize) -> Block {
        let mut block = Block::try_zeroed(size, align).expect("memory");
        block.assert_zero(size);
        block.fill();
        block
    }

    /// Address of the first byte.
    pub fn address(&self) -> usize {
        self.start.addr().get()
    }

    /// The first byte.
    pub fn pointer(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Bytes asked for.
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    /// What was asked for.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Bytes that neap says the block really has.
    pub fn usable(&self) -> usize {
        // SAFETY: the block is live, and this is its layout.
        unsafe { neap::heap::usable_size(self.pointer(), self.layout) }
    }

    /// Fills the block with its pattern.
    pub fn fill(&mut self) {
        self.seed = self.address().wrapping_mul(31) ^ self.size();
        self.filled = self.size();
        for (offset, pattern) in pattern(self.seed, self.filled) {
            // SAFETY: `offset` is inside the block.
            let to = unsafe { self.pointer().add(offset) };
            // SAFETY: `pattern` does not reach beyond `filled`, the size of the block, and the
            // block is nobody else's.
            unsafe { to.copy_from_nonoverlapping(pattern.as_ptr(), pattern.len()) };
        }
    }

    /// The first `length` bytes.
    ///
    /// # Safety
    ///
    /// They have been written to, or were handed out as zeroes.
    unsafe fn bytes(&self, length: usize) -> &[u8] {
        assert!(length <= self.size());
        // SAFETY: the block is that long and is nobody else's; the caller says that the bytes have
        // values.
        unsafe { std::slice::from_raw_parts(self.pointer(), length) }
    }

    /// Panics unless the filled bytes hold what was put there.
    #[track_caller]
    pub fn verify(&self) {
        // SAFETY: `fill` wrote these bytes, and `resize` keeps them.
        let bytes = unsafe { self.bytes(self.filled) };
        for (offset, pattern) in pattern(self.seed, self.filled) {
            let found = &bytes[offset..][..pattern.len()];
            if found != pattern {
                let wrong = found.iter().zip(pattern).position(|(a, b)| a != b);
                panic!(
                    "byte {} of the block of {} bytes at {:#x} has changed",
                    offset + wrong.unwrap_or(0),
                    self.size(),
                    self.address()
                );
            }
        }
    }

    /// Panics unless the first `length` bytes are zero. For a block that came zeroed.
    #[track_caller]
    pub fn assert_zero(&self, length: usize) {
        // SAFETY: only called for memory that was handed out as zeroed.
        let bytes = unsafe { self.bytes(length) };
        for (i, chunk) in bytes.chunks(STRETCH).enumerate() {
            if chunk != &ZEROES[..chunk.len()] {
                let at = i * STRETCH + chunk.iter().position(|byte| *byte != 0).unwrap_or(0);
                panic!(
                    "byte {at} of the block of {} bytes at {:#x} is not zero",
                    self.size(),
                    self.address()
                );
            }
        }
    }

    /// Writes `byte` over the whole block.
    pub fn dirty(&mut self, byte: u8) {
        self.filled = 0;
        // SAFETY: the block is that long and is nobody else's.
        unsafe { self.pointer().write_bytes(byte, self.size()) };
    }

    /// Reallocates to `size` bytes (not 0): whether that was granted. The pattern in the bytes that
    /// both sizes have is checked; the pattern is not written anew.
    #[track_caller]
    pub fn resize(&mut self, size: usize) -> bool {
        assert_ne!(size, 0);
        // SAFETY: the block is live, this is its layout, and the new size makes a layout too.
        let start = unsafe { realloc(self.pointer(), self.layout, size) };
        let granted = match NonNull::new(start) {
            Some(start) => {
                self.start = start;
                let align = self.layout.align();
                self.layout = Layout::from_size_align(size, align).expect("a layout");
                self.filled = self.filled.min(size);
                assert!(
                    self.address().is_multiple_of(align),
                    "{start:p} is not aligned for {:?}",
                    self.layout
                );
                true
            }
            None => false,
        };
        self.verify();
        granted
    }

    /// Gives the block up without freeing it.
    pub fn leak(self) -> (*mut u8, Layout) {
        let parts = (self.pointer(), self.layout);
        std::mem::forget(self);
        parts
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is live, this is its layout, and nobody else has it.
        unsafe { dealloc(self.pointer(), self.layout) };
    }
}

/// Offsets and bytes of the pattern of a block.
fn pattern(seed: usize, length: usize) -> impl Iterator<Item = (usize, &'static [u8])> {
    (0..length).step_by(STRETCH).map(move |offset| {
        let start = (seed ^ (seed >> 12)).wrapping_add(offset / STRETCH * 61) % STRETCH;
        (offset, &NOISE[start..][..STRETCH.min(length - offset)])
    })
}

/// Panics if two of `blocks` share a byte.
#[track_caller]
pub fn assert_apart(blocks: &[Block]) {
    let mut ranges: Vec<_> = blocks.iter().map(|b| (b.address(), b.size())).collect();
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        let ((first, size), (second, _)) = (pair[0], pair[1]);
        assert!(first + size <= second, "{first:#x} + {size} bytes reaches into {second:#x}");
    }
}

/// Waits until threads of a scope have wholly ended. The end of the scope alone waits for their work:
/// destructors of their thread-locals, and what neap does for a thread that ends, may come later.
pub fn join<'scope>(threads: impl IntoIterator<Item = ScopedJoinHandle<'scope, ()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("the thread"));
}

/// Whether the long form of the tests was asked for, with `NEAP_LONG=1`.
pub fn long() -> bool {
    std::env::var_os("NEAP_LONG").is_some_and(|value| value == "1")
}

/// `short`, or `long` where the long form of the tests was asked for.
pub fn scaled(short: usize, long_form: usize) -> usize {
    if long() { long_form } else { short }
}

/// The figure of `/proc/self/status` in the line that starts with `name`, in bytes.
fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the line");
    let kib = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    kib.parse::<usize>().expect("a number") * KIB
}

/// Bytes of this process that are in memory now.
pub fn resident() -> usize {
    status("VmRSS")
}

/// The most that [`resident`] ever was, since the start or since [`forget_peak`].
pub fn peak_resident() -> usize {
    status("VmHWM")
}

/// Bytes of address space that this process has.
pub fn address_space() -> usize {
    status("VmSize")
}

/// Makes the kernel count [`peak_resident`] anew.
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("/proc/self/clear_refs");
}

/// Bytes in MiB, for messages.
pub fn mib(bytes: usize) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB as f64)
}
