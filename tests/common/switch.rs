//! A global allocator that is neap, or the system's where `NEAP_TEST_SYSTEM=1`.
//!
//! One binary can so run the same work on both, in two processes, and compare.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU8, Ordering};

/// The variable that chooses the system's allocator.
pub const SYSTEM: &str = "NEAP_TEST_SYSTEM";

const UNDECIDED: u8 = 0;
const NEAP: u8 = 1;
const THE_SYSTEM: u8 = 2;

/// neap or the system's allocator: the first call decides for the whole process.
pub struct Switch {
    choice: AtomicU8,
    neap: neap::Neap,
}

impl Switch {
    /// Not decided yet.
    pub const fn new() -> Switch {
        Switch { choice: AtomicU8::new(UNDECIDED), neap: neap::Neap::new() }
    }

    fn is_system(&self) -> bool {
        // Relaxed: threads that decide at the same time decide the same.
        match self.choice.load(Ordering::Relaxed) {
            UNDECIDED => self.decide(),
            choice => choice == THE_SYSTEM,
        }
    }

    #[cold]
    fn decide(&self) -> bool {
        // SAFETY: the name ends with a zero byte, and nobody changes the environment of these tests.
        let value = unsafe { libc::getenv(c"NEAP_TEST_SYSTEM".as_ptr()) };
        let system = !value.is_null();
        self.choice.store(if system { THE_SYSTEM } else { NEAP }, Ordering::Relaxed);
        system
    }
}

// SAFETY: every call goes to one and the same allocator for the whole life of the process.
unsafe impl GlobalAlloc for Switch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.is_system() {
            // SAFETY: the caller's promise is passed on.
            unsafe { System.alloc(layout) }
        } else {
            // SAFETY: the caller's promise is passed on.
            unsafe { self.neap.alloc(layout) }
        }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if self.is_system() {
            // SAFETY: the caller's promise is passed on.
            unsafe { System.dealloc(start, layout) }
        } else {
            // SAFETY: the caller's promise is passed on.
            unsafe { self.neap.dealloc(start, layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if self.is_system() {
            // SAFETY: the caller's promise is passed on.
            unsafe { System.alloc_zeroed(layout) }
        } else {
            // SAFETY: the caller's promise is passed on.
            unsafe { self.neap.alloc_zeroed(layout) }
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.is_system() {
            // SAFETY: the caller's promise is passed on.
            unsafe { System.realloc(start, layout, size) }
        } else {
            // SAFETY: the caller's promise is passed on.
            unsafe { self.neap.realloc(start, layout, size) }
        }
    }
}
