//! A block of memory whose size is known at run time only: a `Box<[u8]>` that leaves its bytes alone.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Alignment of every block: that of most Rust types.
const ALIGN: usize = 8;
/// What is written to between two blocks' ends for "each page": the smallest page that Linux has.
const PAGE: usize = 4096;

/// A live block, freed on drop.
///
/// Invariant B1: `address` came from the global allocator for `layout(size)`, is not freed yet, and no other
/// `Block` has it. Invariant B2: `ALIGN ≤ size ≤ isize::MAX − ALIGN`.
#[derive(Debug)]
pub struct Block {
    address: NonNull<u8>,
    size: usize,
}

// SAFETY: a block is plain memory with one holder (B1); nothing in it is tied to a thread.
unsafe impl Send for Block {}

/// The layout of a block, without a check on the measured path.
///
/// # Safety
/// `size` is at most `isize::MAX − ALIGN`.
#[inline]
unsafe fn layout(size: usize) -> Layout {
    // SAFETY: ALIGN is a power of two, and the caller promises the rest.
    unsafe { Layout::from_size_align_unchecked(size, ALIGN) }
}

/// Brings a size into the range of B2.
#[inline]
fn allowed(size: usize) -> usize {
    size.clamp(ALIGN, 1 << 32)
}

impl Block {
    /// A block of `size` bytes (at least 8) whose first eight bytes are written.
    #[inline]
    pub fn new(size: usize) -> Self {
        let size = allowed(size);
        // SAFETY: `allowed` has made B2 true.
        let layout = unsafe { layout(size) };
        // SAFETY: the size is not zero (B2).
        let address = unsafe { alloc(layout) };
        Self::from_allocator(address, layout)
    }

    /// A block of `size` bytes (at least 8), all zero, not written to.
    #[inline]
    pub fn zeroed(size: usize) -> Self {
        let size = allowed(size);
        // SAFETY: `allowed` has made B2 true.
        let layout = unsafe { layout(size) };
        // SAFETY: the size is not zero (B2).
        let address = unsafe { alloc_zeroed(layout) };
        match NonNull::new(address) {
            Some(address) => Block { address, size },
            None => handle_alloc_error(layout),
        }
    }

    #[inline]
    fn from_allocator(address: *mut u8, layout: Layout) -> Self {
        let Some(address) = NonNull::new(address) else { handle_alloc_error(layout) };
        let mut block = Block { address, size: layout.size() };
        block.write(layout.size() as u64);
        block
    }

    /// Writes the first eight bytes.
    #[inline]
    pub fn write(&mut self, value: u64) {
        // SAFETY: at least eight bytes, aligned to eight, are ours (B1, B2). Volatile: a plain write before
        // a free is one that the compiler may leave out, and the block with it.
        unsafe { self.address.cast::<u64>().write_volatile(value) }
    }

    /// Writes one byte in every OS page.
    #[inline]
    pub fn write_pages(&mut self) {
        for offset in (0..self.size).step_by(PAGE) {
            // SAFETY: `offset` is below the size (B1).
            let place = unsafe { self.address.add(offset) };
            // SAFETY: inside the block, of which we are the only holder (B1).
            unsafe { place.write_volatile(offset as u8) }
        }
    }

    /// Reads, then writes, one byte in every OS page; true when all that were read are zero. For blocks
    /// made with [`Block::zeroed`]: the others hold bytes that nobody has written.
    #[inline]
    pub fn pages_were_zero(&mut self) -> bool {
        let mut seen = 0;
        for offset in (0..self.size).step_by(PAGE) {
            // SAFETY: `offset` is below the size (B1).
            let place = unsafe { self.address.add(offset) };
            // SAFETY: inside the block, and initialised by `alloc_zeroed`.
            seen |= unsafe { place.read_volatile() };
            // SAFETY: inside the block, of which we are the only holder (B1).
            unsafe { place.write_volatile(1) }
        }
        seen == 0
    }

    /// Frees the block and takes one of `size` bytes in its place, in this order.
    #[inline]
    pub fn replace(&mut self, size: usize) {
        // SAFETY: B1; the old value is overwritten without a drop below, and `new` ends the process when
        // there is no memory: it cannot unwind and leave the old value to be dropped again.
        unsafe { self.free() };
        // SAFETY: a write to a place that we hold.
        unsafe { std::ptr::write(self, Block::new(size)) }
    }

    /// The address and the size; the block is the caller's to free.
    #[inline]
    pub fn into_parts(self) -> (NonNull<u8>, usize) {
        let parts = (self.address, self.size);
        std::mem::forget(self);
        parts
    }

    /// The block again.
    ///
    /// # Safety
    /// The parts come from [`Block::into_parts`], and are used once.
    #[inline]
    pub unsafe fn from_parts(address: NonNull<u8>, size: usize) -> Self {
        Block { address, size }
    }

    /// Gives the memory back.
    ///
    /// # Safety
    /// The value is neither used nor dropped afterwards.
    #[inline]
    unsafe fn free(&mut self) {
        // SAFETY: B2.
        let layout = unsafe { layout(self.size) };
        // SAFETY: B1: from the global allocator, with this layout, and freed once by the caller's promise.
        unsafe { dealloc(self.address.as_ptr(), layout) }
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the drop, nothing uses the value after it.
        unsafe { self.free() }
    }
}
