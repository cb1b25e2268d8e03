//! The header of an object: eight bytes in front of the value.
//!
//! ```text
//!    63                         32   31    30                         0
//!   ┌─────────────────────────────┬────────┬────────────────────────────┐
//!   │ references but one          │  side  │ distance of the side cell  │
//!   └─────────────────────────────┴────────┴────────────────────────────┘
//! ```
//!
//! The strong count stands there less one, so that the header of a new object is 0. (Two words of 32 bits, the flags
//! at the lower address; drawn as a little-endian machine reads them.) The distance is signed, in steps of 16 bytes:
//! 16 GiB to either side. A cell that lies farther away is [`FAR`], and the object's slot says where.

use core::cell::Cell;

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
/// The distance of a side cell that is too far away to tell. (It may be really 0, too: then the slot tells as well.)
const FAR: i64 = 0;

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

    /// Of an object with one reference and no side cell.
    #[inline(always)]
    pub const fn new() -> Self {
        Header { flags: Cell::new(0), others: Cell::new(0) }
    }

    /// Says that the object has no side cell any more.
    pub fn part_from_side(&self) {
        self.flags.set(0);
    }

    /// References that own the value.
    #[inline(always)]
    pub fn strong(&self) -> u32 {
        self.others.get().wrapping_add(1)
    }

    /// One reference more. Aborts when there are 2^31 already.
    #[inline(always)]
    pub fn increment(&self) {
        count_one_more(&self.others);
    }

    /// One reference fewer. (Taken off first and then looked at: one instruction, as above.)
    #[inline(always)]
    pub fn decrement(&self) -> Left {
        let others = self.others.get().wrapping_sub(1);
        self.others.set(others);
        if (others as i32) < 0 { Left::Nothing } else { Left::Shared }
    }

    /// Whether the object has a side cell.
    #[inline(always)]
    pub fn has_side(&self) -> bool {
        self.flags.get() & SIDE != 0
    }

    /// How many bytes the side cell lies behind the value, both rounded down to a multiple of 16; `None` when it is
    /// far away.
    ///
    /// Of an object that has one.
    #[inline(always)]
    pub fn distance(&self) -> Option<isize> {
        // The upper bit of the 31 is the sign; times 16.
        let distance = (i64::from(self.flags.get()) << 33) >> 29;
        (distance != FAR).then_some(distance as isize)
    }

    /// Says that the object has a side cell, and where: so many bytes behind the value. False: that is too far to tell,
    /// and the slot must.
    pub fn set_distance(&self, bytes: isize) -> bool {
        // Steps of 16 that fit 31 bits, the sign counted in. A value without bytes ends its block, and its cell may
        // be the next: 0.
        let steps = bytes >> 4;
        let near = (-1 << 30..1 << 30).contains(&steps) && steps != 0 && !far_for_tests();
        let steps = if near { steps as u32 & !SIDE } else { FAR as u32 };
        self.flags.set(SIDE | steps);
        near
    }
}

/// Whether unit tests want each cell to be taken for one that is far away.
fn far_for_tests() -> bool {
    #[cfg(test)]
    return super::tests::ALL_FAR.get();
    #[cfg(not(test))]
    false
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
