//! Newtypes for what would otherwise all be `usize`: addresses, units, identities.
//!
//! ```text
//!   address   47          25 24            16 15             0
//!             ┌─────────────┬────────────────┬───────────────┐
//!             │   arena     │ unit in arena  │ byte in unit  │
//!             └─────────────┴────────────────┴───────────────┘
//!             └──────── UnitId (32 bits) ────┘
//! ```
//!
//! A [`UnitId`] names a pool by its first unit, and a heap by the first unit of its descriptor: half
//! a pointer, so an owner and a count, or a list head and a tag, fit one atomic word.

use core::num::NonZeroU32;
use core::ptr;

use crate::config::{ADDRESS_BITS, ARENA_BYTES, UNIT_BYTES, UNIT_SHIFT, UNITS};

/// The number of a unit of address space: its address by 64 KiB. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnitId(NonZeroU32);

impl UnitId {
    /// From the raw number; `None` for 0.
    #[inline(always)]
    pub const fn new(raw: u32) -> Option<Self> {
        match NonZeroU32::new(raw) {
            Some(id) => Some(UnitId(id)),
            None => None,
        }
    }

    /// The raw number.
    #[inline(always)]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The unit that holds `address`; `None` when the address is below the first unit or wider
    /// than [`ADDRESS_BITS`].
    #[inline(always)]
    pub const fn of(address: usize) -> Option<Self> {
        if (address as u64) >> ADDRESS_BITS != 0 {
            return None;
        }
        Self::new((address >> UNIT_SHIFT) as u32)
    }

    /// The unit's first address.
    #[inline(always)]
    pub const fn address(self) -> usize {
        (self.get() as usize) << UNIT_SHIFT
    }

    /// The unit's place in its arena.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.get() as usize % UNITS
    }
}

/// The base of the arena that an address lies in, if it lies in one.
#[inline(always)]
pub const fn arena_base(address: usize) -> usize {
    address & !(ARENA_BYTES - 1)
}

/// A pointer to memory that neap mapped earlier, from its address alone.
///
/// Every mapping's provenance is exposed where it is made (`os.rs`); this is where it is picked up.
#[inline(always)]
pub fn regain<T>(address: usize) -> *mut T {
    ptr::with_exposed_provenance_mut(address)
}

/// `n` rounded up to a multiple of `align`, a power of two; wraps when the result does not fit.
#[inline(always)]
pub const fn align_up(n: usize, align: usize) -> usize {
    n.wrapping_add(align - 1) & !(align - 1)
}

/// `n` rounded down to a multiple of `align`, a power of two.
#[inline(always)]
pub const fn align_down(n: usize, align: usize) -> usize {
    n & !(align - 1)
}

/// Units that `bytes` take.
#[inline(always)]
pub const fn units_for(bytes: usize) -> usize {
    bytes.div_ceil(UNIT_BYTES)
}
