//! Bytes that an object carries, and the number of those that are there.

use std::cell::Cell;

thread_local! {
    static LIVE: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that an object carries. Their number on this thread is known at all times, so a workload can tell how much
/// garbage waits: those that are there, less those that it can reach.
#[derive(Debug)]
pub struct Payload {
    _bytes: Box<[u8]>,
}

impl Payload {
    /// So many bytes, all written.
    #[inline]
    pub fn new(bytes: usize) -> Self {
        LIVE.set(LIVE.get() + 1);
        Payload { _bytes: vec![1; bytes].into_boxed_slice() }
    }

    /// How many there are.
    pub fn live() -> u64 {
        LIVE.get()
    }
}

impl Drop for Payload {
    #[inline]
    fn drop(&mut self) {
        // A collector may drop what is left when the thread's own variables are gone already.
        let _ = LIVE.try_with(|live| live.set(live.get() - 1));
    }
}
