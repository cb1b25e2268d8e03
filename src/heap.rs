//! The heap (skeleton).
mod report;
pub use report::*;
use std::alloc::Layout;
/// Statistics of the whole process.
pub fn stats() -> HeapStats { HeapStats::empty() }
/// Gives every free OS page back now.
pub fn purge() {}
/// Bytes the block really has.
/// # Safety
/// `ptr` is a live allocation of neap with `layout`.
pub unsafe fn usable_size(_ptr: *const u8, layout: Layout) -> usize { layout.size() }
/// Whether neap handed this address out.
pub fn owns(_ptr: *const u8) -> bool { false }
/// Visits arenas, pools and blocks.
pub fn walk(_visitor: impl FnMut(Item)) {}
