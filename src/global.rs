//! The global allocator (skeleton).
use std::alloc::{GlobalAlloc, Layout, System};
/// When to ask for huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thp { /// from the first arena on
 Always, /// once the heap has grown (default)
 Madvise, /// never
 Never }
/// The allocator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neap;
impl Neap {
    /// A new one.
    pub const fn new() -> Self { Neap }
    /// How long free memory is kept before it goes back, in ms.
    pub const fn purge_delay_ms(self, _ms: u32) -> Configured { Configured(0) }
    /// Huge pages.
    pub const fn thp(self, _: Thp) -> Configured { Configured(0) }
    /// Arena size in MiB: 4, 8, 16, 32.
    pub const fn arena_mib(self, _: u32) -> Configured { Configured(0) }
    /// Print statistics at exit.
    pub const fn stats_at_exit(self, _: bool) -> Configured { Configured(0) }
}
/// A `Neap` with options fixed at compile time (same builder methods as `Neap`).
#[derive(Clone, Copy, Debug)]
pub struct Configured(#[allow(dead_code)] u64);
impl Configured {
    /// See `Neap`.
    pub const fn purge_delay_ms(self, _ms: u32) -> Configured { self }
    /// See `Neap`.
    pub const fn thp(self, _: Thp) -> Configured { self }
    /// See `Neap`.
    pub const fn arena_mib(self, _: u32) -> Configured { self }
    /// See `Neap`.
    pub const fn stats_at_exit(self, _: bool) -> Configured { self }
}
// SAFETY: forwards to the system's.
unsafe impl GlobalAlloc for Neap {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 { unsafe { System.alloc(l) } }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) { unsafe { System.dealloc(p, l) } }
    unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 { unsafe { System.alloc_zeroed(l) } }
    unsafe fn realloc(&self, p: *mut u8, l: Layout, n: usize) -> *mut u8 { unsafe { System.realloc(p, l, n) } }
}
// SAFETY: as above.
unsafe impl GlobalAlloc for Configured {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 { unsafe { System.alloc(l) } }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) { unsafe { System.dealloc(p, l) } }
}
