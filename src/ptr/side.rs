//! Side cells: what weak references need, beside the object and not in it.
//!
//! ```text
//!   object                              side cell, 16 bytes
//!   ┌────────┬─────────┐   distance     ┌─────────────────┬───────┬───────┐
//!   │ header ┼ value   │ - - - - - - -► │ object · state  │ weak  │  raw  │
//!   └────────┴─────────┘                └──────●──────────┴───────┴───────┘
//!        ▲                                     │                ▲
//!        └─────────────────────────────────────┘        Weak ───┘
//! ```
//!
//! The first `downgrade` makes the cell and sets the header's `side` bit; an object without weak references has none
//! and pays nothing, and clones and drops of one that has some never look there. A `Weak` knows the cell alone: when
//! the object dies, its block goes back at once, and the cell stays until the last `Weak` is gone.
//!
//! ```text
//!                 upgrade          last reference gone          value dropped
//!   (new_cyclic)  answers        ┌──────────────────────►      ┌─────────────► gone: block given back
//!      dead ────► live ──────────┘                       dead ─┤
//!                                                              └─────────────► held: a raw Weak keeps the block
//!                                                                              until it comes back; then gone
//! ```
//!
//! **Where the cell is** the header says, by its distance. A cell that is more than 16 GiB away from its object
//! stands in the object's slot: in its block, where there is room, else in the table beside its pool (`object.rs`).
//! With a table for all, as was tried first, `downgrade` took 1.5 times as long (two loads more), and each object 8 bytes more.
//!
//! - **W1**: the header's `side` bit is set exactly while the object has a cell, which names the object and which the
//!   header's distance names, or its slot.
//! - **W2**: `weak` = `Weak`s that exist, those turned raw counted in, and one more (the *implicit weak*) until the
//!   object is gone; `raw` = those turned raw while the object's block was there.
//! - **W3**: a cell is freed by who brings `weak` to 0.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;
use std::alloc::handle_alloc_error;

use super::header::{Header, count_one_more};
use super::object::{self, Shape, Slot};
use crate::heap;
use crate::misuse;
use crate::settings::Options;
use crate::units::regain;

/// A side cell.
#[repr(C, align(16))]
pub struct Side {
    /// The address of the object's value, and what became of it: the constants below.
    object: Cell<usize>,
    weak: Cell<u32>,
    raw: Cell<u32>,
}

const LAYOUT: Layout = Layout::new::<Side>();
const _: () = assert!(size_of::<Side>() == 16);

/// Nobody can get at the value any more, or not yet.
const DEAD: usize = 1;
/// The block was given back.
const GONE: usize = 2;
/// The value was dropped, and the block is kept for raw `Weak`s.
const HELD: usize = 4;
/// In `raw`: somebody wants to know when the object dies. (Only the collector's objects have it.)
#[cfg(feature = "gc")]
const WATCHED: u32 = 1 << 31;
/// In `raw`: entries of weak maps are the object's. (As above.)
const KEYED: u32 = 1 << 30;
/// The bits of `raw` that count.
const MOST_RAW: u32 = KEYED - 1;
/// Values lie at multiples of 8 (`object.rs`).
const STATE: usize = 7;

/// The side cell of an object that has one (W1).
///
/// # Safety
/// `value` is in an object of this shape with the `side` bit set.
#[inline(always)]
pub unsafe fn of<'a>(value: NonNull<u8>, shape: Shape) -> &'a Side {
    // SAFETY: by the precondition.
    let header: &Header = unsafe { object::header(value) };
    match header.distance() {
        // SAFETY: W1, W3: there is a cell, which stays as long as the object.
        Some(distance) => unsafe { at(floor(value).wrapping_add_signed(distance)) },
        // SAFETY: by the precondition, and it is far away.
        None => unsafe { of_far(value, shape) },
    }
}

/// The address of the value, rounded down as distances are.
#[inline(always)]
fn floor(value: NonNull<u8>) -> usize {
    value.addr().get() & !15
}

/// # Safety
/// As for [`of`]; and the cell is far away.
#[cold]
#[inline(never)]
unsafe fn of_far<'a>(value: NonNull<u8>, shape: Shape) -> &'a Side {
    let slot = match shape.slot(value) {
        Slot::Inside(slot) => slot,
        // SAFETY: the word was made with the cell, and the object is there.
        Slot::Beside(block, class) => unsafe { heap::word(block, class) },
    };
    // SAFETY: W1: the slot was set, and nobody else changes it meanwhile.
    let cell = unsafe { slot.as_ref() }.get();
    // SAFETY: W1, W3: that is a cell, which stays as long as the object.
    unsafe { at(cell) }
}

/// Writes into the slot of an object where its cell is. False: there is no memory for the slot.
///
/// # Safety
/// `value` is in an object of this shape.
#[cold]
#[inline(never)]
unsafe fn set_slot(value: NonNull<u8>, shape: Shape, cell: NonNull<Side>) -> bool {
    let slot = match shape.slot(value) {
        Slot::Inside(slot) => Some(slot),
        // SAFETY: the object's block is out.
        Slot::Beside(block, class) => unsafe { heap::make_word(block, class) },
    };
    let Some(slot) = slot else { return false };
    // SAFETY: the slot is the object's own; it is set through a pointer because it may hold anything.
    unsafe { slot.write(Cell::new(cell.addr().get())) };
    true
}

/// The side cell at an address.
///
/// # Safety
/// There is one, for as long as it is used.
#[inline(always)]
pub unsafe fn at<'a>(address: usize) -> &'a Side {
    let side: *const Side = regain(address);
    // SAFETY: by the precondition.
    unsafe { &*side }
}

/// Gives an object without a side cell one: live, and without a `Weak`. Aborts as [`handle_alloc_error`] does when
/// there is no memory.
///
/// # Safety
/// `value` is in an object of this shape with the `side` bit clear.
#[inline(always)]
pub unsafe fn make<'a>(value: NonNull<u8>, shape: Shape) -> &'a Side {
    let cell = new(value);
    // SAFETY: O1.
    let header: &Header = unsafe { object::header(value) };
    let distance = cell.addr().get().wrapping_sub(floor(value)).cast_signed();
    // SAFETY: by the precondition.
    if !header.set_distance(distance) && !unsafe { set_slot(value, shape, cell) } {
        handle_alloc_error(LAYOUT);
    }
    // SAFETY: it was written just now.
    unsafe { cell.as_ref() }
}

/// A cell for the object with this value: live, and without a `Weak`. Aborts as [`handle_alloc_error`] does when there is
/// no memory.
#[inline(always)]
pub fn new(value: NonNull<u8>) -> NonNull<Side> {
    let cell = NonNull::new(heap::allocate(LAYOUT, Options::NONE)).map(NonNull::cast::<Side>);
    let Some(cell) = cell else { handle_alloc_error(LAYOUT) };
    let object = Cell::new(value.addr().get());
    let side = Side { object, weak: Cell::new(1), raw: Cell::new(0) };
    // SAFETY: the block is large enough, aligned (its class is of multiples of 16), and ours.
    unsafe { cell.write(side) };
    cell
}

/// What [`Side::turn_raw`] gives.
pub enum Raw {
    /// The address of the value, whose block is kept.
    Value(usize),
    /// The block is not there any more: the address of the cell, one byte in. No value lies at an odd address.
    Cell(usize),
}

impl Side {
    /// The address of the cell.
    #[inline(always)]
    pub fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Where the value is, or was.
    pub fn value(&self) -> usize {
        self.object.get() & !STATE
    }

    /// Where the value is, if it is alive.
    #[inline(always)]
    pub fn alive(&self) -> Option<usize> {
        let object = self.object.get();
        (object & DEAD == 0).then_some(object & !STATE)
    }

    fn is(&self, state: usize) -> bool {
        self.object.get() & state != 0
    }

    fn set(&self, state: usize) {
        self.object.set(self.object.get() | state);
    }

    /// `Weak`s that exist, of an object that is not gone (W2).
    pub fn weak(&self) -> u32 {
        self.weak.get() - 1
    }

    /// One `Weak` more; aborts when there are 2^31 - 2 already.
    #[inline(always)]
    pub fn increment(&self) {
        count_one_more(&self.weak);
    }

    /// One `Weak` fewer.
    ///
    /// # Safety
    /// The caller's own `Weak` is the one, or it is the implicit one of the caller's object; the caller does not use
    /// the cell again.
    #[inline(always)]
    pub unsafe fn decrement(&self) {
        let weak = self.weak.get().wrapping_sub(1);
        self.weak.set(weak);
        if weak == 0 {
            // SAFETY: W3: nobody has it any more.
            unsafe { self.free() };
        }
    }

    /// # Safety
    /// W3 says that it is time.
    #[inline]
    unsafe fn free(&self) {
        heap::free(core::ptr::from_ref(self).cast_mut().cast(), LAYOUT);
    }

    /// From now on nobody can get at the value.
    pub fn bury(&self) {
        self.set(DEAD);
    }

    /// The value was made: from now on it can be had.
    pub fn raise(&self) {
        self.object.set(self.object.get() & !DEAD);
    }

    /// The value of a dead object was dropped, or moved out. Whether its block is to be kept.
    ///
    /// # Safety
    /// The caller, who has the object, does not use the cell again.
    #[must_use]
    #[inline]
    pub unsafe fn part(&self) -> bool {
        if self.has_raw() {
            self.set(HELD);
            return true;
        }
        self.set(GONE);
        // SAFETY: the object is gone, and the caller's promise.
        unsafe { self.decrement() };
        false
    }

    /// Turns a `Weak` raw (W2). Aborts when 2^30 - 1 are already.
    pub fn turn_raw(&self) -> Raw {
        if self.is(GONE) {
            return Raw::Cell(self.address() + 1);
        }
        let raw = self.raw.get() + 1;
        if raw & MOST_RAW == 0 {
            misuse::too_many_references();
        }
        self.raw.set(raw);
        Raw::Value(self.value())
    }

    /// Turns a raw `Weak` that names the value back. Whether the block was kept for it alone and has to be given back
    /// now.
    #[must_use]
    pub fn turn_back(&self) -> bool {
        self.raw.set(self.raw.get() - 1);
        let last = !self.has_raw() && self.is(HELD);
        if last {
            self.set(GONE);
            // The implicit one; the one that comes back is left.
            self.weak.set(self.weak.get() - 1);
        }
        last
    }

    /// Whether `Weak`s were turned raw, so that the object can't be parted from its cell.
    pub fn has_raw(&self) -> bool {
        self.raw.get() & MOST_RAW > 0
    }

    /// Somebody wants to know when the object dies.
    #[cfg(feature = "gc")]
    pub fn watch(&self) {
        self.raw.set(self.raw.get() | WATCHED);
    }

    /// Whether entries of weak maps are the object's.
    #[cfg(feature = "gc")]
    pub fn key(&self, keyed: bool) {
        self.raw.set(self.raw.get() & !KEYED | if keyed { KEYED } else { 0 });
    }

    /// Whether there are any.
    #[cfg(feature = "gc")]
    #[inline]
    pub fn is_keyed(&self) -> bool {
        self.raw.get() & KEYED != 0
    }

    /// Whether somebody does.
    #[cfg(feature = "gc")]
    pub fn is_watched(&self) -> bool {
        self.raw.get() & WATCHED != 0
    }
}
