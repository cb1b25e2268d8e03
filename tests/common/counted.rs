//! Values that count their drops.

use std::cell::Cell;

thread_local! {
    static DROPPED: Cell<usize> = const { Cell::new(0) };
}

/// Values that were dropped on this thread since the last call.
pub fn dropped() -> usize {
    DROPPED.take()
}

/// The same, and they go on to count.
pub fn dropped_so_far() -> usize {
    DROPPED.get()
}

/// Counts its drop.
pub struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

#[cfg(feature = "gc")]
neap::leaf!(Counted);
