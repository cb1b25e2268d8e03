//! The header of an object: eight bytes in front of the value.
//!
//! ```text
//!    63                         32   31    30                         0
//!   ┌─────────────────────────────┬────────┬────────────────────────────┐
//!   │ references but one          │  side  │ stamp                      │
//!   └─────────────────────────────┴────────┴────────────────────────────┘
//! ```
//!
//! The strong count stands there less one, so that the header of a new object is just its stamp: one load, one store.
//! (Two words of 32 bits, the flags at the lower address; drawn as a little-endian machine reads them.) The *stamp*
//! tells when the object was made, or could last be changed by an only owner: `nest.rs` says what for.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::heap::LAST_STAMP;
use crate::misuse;

/// What stands before each value.
#[repr(C, align(8))]
pub struct Header {
    flags: Cell<u32>,
    /// References that own the value, but one. Says nothing while the value is being made or dropped (O2).
    others: Cell<u32>,
}

/// The object has a side cell.
const SIDE: u32 = 1 << 31;
const _: () = assert!(LAST_STAMP < SIDE as u64);

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

    /// Writes the header of an object with one reference and no side cell.
    ///
    /// # Safety
    /// `place` is for a header, and the caller's.
    #[inline(always)]
    pub unsafe fn write(place: NonNull<Header>, stamp: u64) {
        // Both halves at once.
        let word = stamp << if cfg!(target_endian = "little") { 0 } else { 32 };
        // SAFETY: by the precondition; a header is two integers.
        unsafe { place.cast::<u64>().write(word) };
    }

    /// The stamp.
    pub fn stamp(&self) -> u64 {
        u64::from(self.flags.get() & !SIDE)
    }

    /// Stamps the object anew.
    #[inline(always)]
    pub fn set_stamp(&self, stamp: u64) {
        self.flags.set(self.flags.get() & SIDE | stamp as u32);
    }

    /// References that own the value.
    #[inline(always)]
    pub fn strong(&self) -> u32 {
        self.others.get() + 1
    }

    /// One reference more. Aborts when there are 2^31 already.
    #[inline(always)]
    pub fn increment(&self) {
        count_one_more(&self.others);
    }

    /// One reference fewer. The last one is not taken off: who is told that it was the last ends the object, and
    /// nobody looks at the count again (O2); a store less.
    #[inline(always)]
    pub fn decrement(&self) -> Left {
        match self.others.get() {
            0 => Left::Nothing,
            others => {
                self.others.set(others - 1);
                Left::Shared
            }
        }
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
