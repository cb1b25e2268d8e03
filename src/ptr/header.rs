//! The header of an object: eight bytes in front of the value.
//!
//! ```text
//!    63                       32 31                                  1        0
//!   ┌───────────────────────────┬─────────────────────────────────────┬────────┐
//!   │ strong count              │ kept for the collector              │  side  │
//!   └───────────────────────────┴─────────────────────────────────────┴────────┘
//! ```
//!
//! (Two words of 32 bits, the flags at the lower address; drawn as a little-endian machine reads them.)

use core::cell::Cell;

use crate::misuse;

/// What stands before each value.
#[repr(C, align(8))]
pub struct Header {
    flags: Cell<u32>,
    /// References that own the value. While it is 0, the value is being made or dropped, or is gone.
    strong: Cell<u32>,
}

/// The object has a side cell.
const SIDE: u32 = 1;

/// What is left after a reference was given up.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// Other references.
    Shared,
    /// None: that was the last.
    Nothing,
}

impl Header {
    /// Bytes of it.
    pub const BYTES: usize = size_of::<Header>();

    /// Of an object with `strong` references and no side cell.
    #[inline(always)]
    pub const fn new(strong: u32) -> Self {
        Header { flags: Cell::new(0), strong: Cell::new(strong) }
    }

    /// References that own the value.
    #[inline(always)]
    pub fn strong(&self) -> u32 {
        self.strong.get()
    }

    /// One reference more. Aborts before the count would take the sign bit: after 2 147 483 647 references.
    #[inline(always)]
    pub fn increment(&self) {
        count_one_more(&self.strong);
    }

    /// One reference fewer.
    #[inline(always)]
    pub fn decrement(&self) -> Left {
        let strong = self.strong.get().wrapping_sub(1);
        self.strong.set(strong);
        if strong == 0 { Left::Nothing } else { Left::Shared }
    }

    /// Says how many references there are, of an object that is being made or unmade.
    #[inline(always)]
    pub fn set_strong(&self, strong: u32) {
        self.strong.set(strong);
    }

    /// Whether the object has a side cell.
    #[inline(always)]
    pub fn has_side(&self) -> bool {
        self.flags.get() & SIDE != 0
    }

    /// Says whether it has.
    pub fn set_side(&self, has: bool) {
        self.flags.set(if has { self.flags.get() | SIDE } else { self.flags.get() & !SIDE });
    }
}

/// Adds one to `count`; aborts when that takes the sign bit. (Written first and then looked at: one instruction.)
#[inline(always)]
pub fn count_one_more(count: &Cell<u32>) {
    let more = count.get().wrapping_add(1);
    count.set(more);
    if (more as i32) < 0 {
        misuse::too_many_references()
    }
}
