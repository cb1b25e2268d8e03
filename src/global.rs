//! `Neap`, the global allocator: a `Layout` in, a raw pointer out. Holds no state.
//!
//! Each method has its own path. What serves a request is decided by its layout alone: a size class (up to 64 KiB) or
//! large. Up to 1 KiB the paths are inlined, and with a constant layout, as in `Box::new`, the compiler makes that decision: what is left of
//! `alloc` is the pop of a magazine, seven instructions, and of `dealloc` the push, six. (One fewer each would do with the magazines
//! in the thread-local block, and take twice the time: see `heap/magazine.rs`.)

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use crate::heap;
use crate::pool::SizeClass;
use crate::settings::{Options, Thp};

/// The allocator. Zero-sized: all its memory is the process's.
///
/// ```
/// #[global_allocator]
/// static GLOBAL: neap::Neap = neap::Neap::new();
///
/// let squares: Vec<u64> = (0..1000).map(|n| n * n).collect();
/// assert!(neap::heap::owns(squares.as_ptr().cast()));
/// ```
///
/// What the environment may set can be fixed in the program; the builder methods then give a [`Configured`]:
///
/// ```
/// use neap::{Configured, Neap, Thp};
///
/// #[global_allocator]
/// static GLOBAL: Configured = Neap::new().purge_delay_ms(100).thp(Thp::Never);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Neap;

/// A [`Neap`] with options fixed in the program.
///
/// All allocators of a process share one heap: the options of the one that allocates first hold.
#[derive(Clone, Copy, Debug)]
pub struct Configured(Options);

impl Neap {
    /// The allocator. Costs nothing.
    pub const fn new() -> Self {
        Neap
    }
}

macro_rules! builder {
    ($type:ty, $options:expr) => {
        impl $type {
            /// Fixes how long free memory is kept before it is offered back, in milliseconds
            /// (`NEAP_PURGE_DELAY_MS`, 1000 if nobody says). With 0 nothing is kept.
            ///
            /// ```
            /// static GLOBAL: neap::Configured = neap::Neap::new().purge_delay_ms(0);
            /// ```
            pub const fn purge_delay_ms(self, ms: u32) -> Configured {
                Configured($options(self).purge_delay_ms(ms))
            }

            /// Fixes when huge pages are asked for (`NEAP_THP`).
            ///
            /// ```
            /// static GLOBAL: neap::Configured = neap::Neap::new().thp(neap::Thp::Always);
            /// ```
            pub const fn thp(self, thp: Thp) -> Configured {
                Configured($options(self).thp(thp))
            }

            /// Fixes the size of an arena in MiB: 4, 8, 16 or 32 (`NEAP_ARENA_MIB`, 32 if nobody says).
            ///
            /// # Panics
            /// For any other size; at compile time, where this stands in a `static`.
            ///
            /// ```
            /// static GLOBAL: neap::Configured = neap::Neap::new().arena_mib(8);
            /// ```
            pub const fn arena_mib(self, mib: u32) -> Configured {
                Configured($options(self).arena_mib(mib))
            }

            /// Fixes whether [`heap::stats`](crate::heap::stats) is printed to stderr at exit (`NEAP_STATS`).
            ///
            /// ```
            /// static GLOBAL: neap::Configured = neap::Neap::new().stats_at_exit(true);
            /// ```
            pub const fn stats_at_exit(self, print: bool) -> Configured {
                Configured($options(self).stats_at_exit(print))
            }
        }
    };
}

const fn none(_: Neap) -> Options {
    Options::NONE
}

const fn of(configured: Configured) -> Options {
    configured.0
}

builder!(Neap, none);
builder!(Configured, of);

#[inline(always)]
fn dealloc(block: *mut u8, layout: Layout) {
    // Not allowed, and harmless. Where the pointer comes out of a `Box` or a `Vec`, the compiler knows that it is not null.
    if !block.is_null() {
        heap::free(block, layout);
    }
}

/// Grows or shrinks in place where the block's class, the units behind a run or the kernel allow it; else
/// moves, and copies the smaller of the two requests, not the blocks.
///
/// # Safety
/// As for [`GlobalAlloc::realloc`].
#[inline(never)]
unsafe fn realloc(block: *mut u8, old: Layout, size: usize, options: Options) -> *mut u8 {
    let Ok(new) = Layout::from_size_align(size, old.align()) else { return ptr::null_mut() };
    match (SizeClass::for_layout(old), SizeClass::for_layout(new)) {
        (Some(before), Some(after)) if before == after => return block,
        (None, None) => {
            if let Some(resized) = heap::resize_large(block, old, new) {
                return resized;
            }
        }
        _ => {}
    }
    let moved = heap::allocate(new, options);
    if !moved.is_null() {
        // SAFETY: by the precondition `block` has `old.size()` bytes; `moved` has `size`, and is another block.
        unsafe { ptr::copy_nonoverlapping(block, moved, old.size().min(size)) };
        dealloc(block, old);
    }
    moved
}

macro_rules! global_alloc {
    ($type:ty, $options:expr) => {
        // SAFETY: `alloc` gives null or a block of at least the layout's size, aligned (C2 and, for large
        // ones, the alignment of runs and mappings), which is nobody else's until it is freed (M2, P1, A1); no
        // method unwinds.
        unsafe impl GlobalAlloc for $type {
            #[inline]
            unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                heap::allocate(layout, $options(*self))
            }

            #[inline]
            unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
                dealloc(block, layout);
            }

            #[inline]
            unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
                heap::allocate_zeroed(layout, $options(*self))
            }

            #[inline]
            unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
                // SAFETY: the caller's promise is the same.
                unsafe { realloc(block, layout, size, $options(*self)) }
            }
        }
    };
}

global_alloc!(Neap, none);
global_alloc!(Configured, of);

#[cfg(feature = "allocator-api2")]
mod allocator_api2;
