//! A magazine: the blocks of one class that a thread has at hand.
//!
//! ```text
//!   base                    top                     end
//!   ▼                       ▼                       ▼
//!   ┌───────┬───────┬───────┬───────┬───────┬───────┐
//!   │ block │ block │ block │       │       │       │     slots
//!   └───────┴───────┴───────┴───────┴───────┴───────┘
//!     oldest          newest
//! ```
//!
//! All magazines of a heap stand side by side at its front, their slots behind. A thread finds its heap's front by
//! one thread-local pointer; before its first allocation and after its last that points at [`UNATTACHED`], whose
//! magazines have no slots and so are empty and full at once: every operation takes the slow path, and the fast paths
//! need no other test.
//!
//! **Why behind a pointer.** With the three words in the thread-local block itself both paths are one instruction
//! shorter, and allocating and freeing one block in turns took 5.6 ns on an AMD Zen 4; so it takes 1.7. There the
//! next load of `top` gets its value from the last store without going through memory, but only when the address has
//! an ordinary base register, not `fs:`.
//!
//! - **M1**: `base ≤ top ≤ end`, all into the same slots or all null.
//! - **M2**: the slots `base..top` hold blocks that are out (P1) and that no client holds.
//! - **M3**: only the thread to which the heap is attached touches it.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::pool::{CLASSES, SizeClass};

/// One class's blocks at hand.
pub struct Magazine {
    top: Cell<*mut *mut u8>,
    base: Cell<*mut *mut u8>,
    end: Cell<*mut *mut u8>,
}

impl Magazine {
    /// Empty and full: no slots.
    pub const fn new() -> Self {
        Magazine {
            top: Cell::new(ptr::null_mut()),
            base: Cell::new(ptr::null_mut()),
            end: Cell::new(ptr::null_mut()),
        }
    }

    /// The newest block.
    #[inline(always)]
    pub fn pop(&self) -> Option<NonNull<u8>> {
        let top = self.top.get();
        if top == self.base.get() {
            return None;
        }
        // SAFETY: M1: `top` is above `base`, so the slot below it is in bounds.
        let slot = unsafe { top.sub(1) };
        self.top.set(slot);
        // Read as what it is, never null: the caller's own test for null then folds away.
        // SAFETY: M2: the slot holds a block; M3: nobody else writes it.
        Some(unsafe { slot.cast::<NonNull<u8>>().read() })
    }

    /// Puts `block` on top; false, and nothing is changed, when the magazine is full.
    #[inline(always)]
    #[must_use]
    pub fn push(&self, block: *mut u8) -> bool {
        let top = self.top.get();
        if top == self.end.get() {
            return false;
        }
        // SAFETY: M1: `top` is below `end`, so it is a slot; M3.
        unsafe { top.write(block) };
        // Read again on purpose: the store above may, for all the compiler knows, have changed `top`, so
        // this becomes one addition in memory, and the path is an instruction shorter.
        // SAFETY: as above, in bounds or one past the end.
        self.top.set(unsafe { self.top.get().add(1) });
        true
    }

    /// Blocks at hand.
    pub fn len(&self) -> usize {
        (self.top.get().addr() - self.base.get().addr()) / size_of::<*mut u8>()
    }

    /// Slots in use and free.
    pub fn capacity(&self) -> usize {
        (self.end.get().addr() - self.base.get().addr()) / size_of::<*mut u8>()
    }

    /// Gives an empty magazine the first `capacity` slots from `slots` on.
    ///
    /// # Safety
    /// So many slots lie there, they are no other magazine's, and stay as long as this.
    pub unsafe fn open(&self, slots: *mut *mut u8, capacity: usize) {
        debug_assert_eq!(self.len(), 0);
        self.base.set(slots);
        self.top.set(slots);
        // SAFETY: by the precondition the slots are one piece of memory.
        self.end.set(unsafe { slots.add(capacity) });
    }

    /// Changes the capacity, which stays at least as large as what is at hand.
    ///
    /// # Safety
    /// As for [`open`](Self::open), for the slots from the same start on.
    pub unsafe fn set_capacity(&self, capacity: usize) {
        debug_assert!(capacity >= self.len());
        // SAFETY: by the precondition.
        self.end.set(unsafe { self.base.get().add(capacity) });
    }

    /// The blocks at hand, oldest first.
    pub fn blocks(&self) -> &[Cell<*mut u8>] {
        if self.base.get().is_null() {
            return &[];
        }
        // SAFETY: M1, M2: so many initialised slots lie there; `Cell` allows for what is written to
        // them while this is held.
        unsafe { core::slice::from_raw_parts(self.base.get().cast(), self.len()) }
    }

    /// Forgets the oldest `n` blocks, which the caller has given back.
    pub fn drop_oldest(&self, n: usize) {
        let blocks = self.blocks();
        debug_assert!(n <= blocks.len());
        let rest = blocks.len() - n;
        let base = self.base.get();
        // SAFETY: M1: `n` blocks lie below `top`.
        let kept = unsafe { base.add(n) };
        // SAFETY: M1: source and target lie within the slots; they may overlap.
        unsafe { ptr::copy(kept, base, rest) };
        // SAFETY: `rest` is at most what was there.
        self.top.set(unsafe { base.add(rest) });
    }

    /// The first `n` slots of an empty magazine, to be filled; `n` is at most the capacity.
    pub fn slots(&self, n: usize) -> &[Cell<*mut u8>] {
        debug_assert!(self.len() == 0 && n <= self.capacity());
        // SAFETY: M1: so many slots lie there. They are zero or hold old addresses: valid either way.
        unsafe { core::slice::from_raw_parts(self.base.get().cast(), n) }
    }

    /// The first `n` slots were filled with blocks (M2).
    pub fn filled(&self, n: usize) {
        debug_assert!(n <= self.capacity());
        // SAFETY: M1: within the slots, or one past the end.
        self.top.set(unsafe { self.base.get().add(n) });
    }
}

/// The magazines of a heap, by class: what a fast path touches.
pub struct Front([Magazine; CLASSES]);

/// No thread's: magazines without slots.
pub static UNATTACHED: Front = Front::new();

// SAFETY: fronts are shared for reading `UNATTACHED` only, which nobody writes: its magazines are empty and full, and
// the slow paths attach a heap first. Every other front lies in a heap, of which one thread at a time has the address
// (H1).
unsafe impl Sync for Front {}

impl Front {
    const fn new() -> Self {
        Front([const { Magazine::new() }; CLASSES])
    }

    /// The magazine of `class`.
    #[inline(always)]
    pub fn magazine(&self, class: SizeClass) -> &Magazine {
        // SAFETY: a `SizeClass` is made with an index below CLASSES only.
        unsafe { self.0.get_unchecked(class.index()) }
    }
}
