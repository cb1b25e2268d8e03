//! Further stacks: memory that deep drops nest on (`nest.rs`).
//!
//! ```text
//!   ┌───────┬────────────────────────────┬───────────────────────────────┐
//!   │ guard │ RESERVE: what the program's│ where drops nest              │ ◄── begins here, and grows to the left
//!   │       │ own `Drop`s may need       │                               │
//!   └───────┴────────────────────────────┴───────────────────────────────┘
//! ```
//!
//! Of a stack that a program came with nobody can say how much is left (threads have any size, programs switch
//! stacks). Of these it is known, so that no drop need stop for want of stack, and which stack a drop is on can be told by its
//! address. They are large, because addresses are free: memory is backed as it is touched. One is kept in the process
//! for the next time, unless much of it was in use; what a program's own `Drop` touched of it is given back now and then.

use crate::config::UNIT_BYTES;
use crate::os::{self, Range};
use crate::sync::{AtomicUsize, Ordering};

/// Bytes of one, its guard page counted in: 256 MiB, or as many as are to be had where addresses are scarce.
const BYTES: usize = 256 << 20;
const FEW_BYTES: usize = 4 << 20;
/// Bytes that may have been in use of one that is kept.
const KEPT: usize = 64 << 10;
/// How often one is kept until it gives back what was touched further down.
const USES: usize = 64;

/// The one that is kept: its first address, or 0.
static SPARE: AtomicUsize = AtomicUsize::new(0);
/// How often one was kept.
static KEEPS: AtomicUsize = AtomicUsize::new(0);

/// The memory of a further stack.
#[derive(Clone, Copy)]
pub struct Further(Range);

impl Further {
    /// The one that is kept, or a new one. `None`: there is no memory, or this processor's stacks can't be switched.
    pub fn get() -> Option<Further> {
        if !os::CAN_SWITCH {
            return None;
        }
        // Acquire: what its last user wrote there was before (`keep`).
        match SPARE.swap(0, Ordering::Acquire) {
            0 => Further::make(BYTES).or_else(|| Further::make(FEW_BYTES)),
            at => Some(Further(Range { at, len: BYTES })),
        }
    }

    #[cold]
    fn make(bytes: usize) -> Option<Further> {
        let range = os::reserve(bytes, UNIT_BYTES, 0)?;
        let guard = Range { at: range.at, len: os::page_size() };
        if !os::protect(guard) {
            os::release(range);
            return None;
        }
        Some(Further(range))
    }

    /// All of it.
    pub fn range(self) -> Range {
        self.0
    }

    /// Where drops may nest.
    pub fn room(self) -> Range {
        let Range { at, len } = self.0;
        Range { at: at + len / 2, len: len / 2 }
    }

    /// Does `work` on it.
    pub fn call(self, work: &mut dyn FnMut()) {
        let mut work = work;
        // SAFETY: the range is ours and guarded, and whole OS pages. `enter` gets what it asks for; who gave the work
        // sees to it that it does not unwind.
        unsafe { os::call_on_stack(self.0, enter, (&raw mut work).cast()) };
    }

    /// Nobody is on it any more: kept for the next, if there is none, and not much of it was in use. `deepest` is the
    /// lowest address at which it was seen.
    pub fn keep(self, deepest: usize) {
        let Range { at, len } = self.0;
        let end = self.0.end();
        if len != BYTES || end - deepest > KEPT || SPARE.load(Ordering::Relaxed) != 0 {
            return self.give_back();
        }
        // Relaxed: about so often is often enough.
        if KEEPS.fetch_add(1, Ordering::Relaxed) % USES == USES - 1 {
            let guard = os::page_size();
            os::decommit(Range { at: at + guard, len: len - guard - KEPT });
        }
        // Release: its next user writes there after us (`get`). Relaxed otherwise: nothing is read.
        if SPARE.compare_exchange(0, at, Ordering::Release, Ordering::Relaxed).is_err() {
            self.give_back();
        }
    }

    /// Gives the memory back.
    #[cold]
    pub fn give_back(self) {
        // What the kernel does not take back stays reserved: addresses, and the pages that were touched.
        os::release(self.0);
    }
}

/// # Safety
/// `work` is a `&mut dyn FnMut()` that nobody else uses meanwhile.
unsafe fn enter(work: *mut ()) {
    // SAFETY: by the precondition.
    let work = unsafe { &mut *work.cast::<&mut dyn FnMut()>() };
    work();
}
