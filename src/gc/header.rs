//! The header of a collected object: eight bytes in front of its value.
//!
//! ```text
//!    63              32 31            11 10     5   4         3          2      1         0
//!   ┌──────────────────┬────────────────┬────────┬─────────┬──────────┬──────┬─────────┬─────────┐
//!   │ references but   │ type           │ age    │ changed │ finalize │ side │ visited │ settled │
//!   │ one              │ 21 bits        │ 6 bits │         │          │      │         │         │
//!   └──────────────────┴────────────────┴────────┴─────────┴──────────┴──────┴─────────┴─────────┘
//! ```
//!
//! The upper half counts, less one, so that the last reference that goes makes it negative; a value far below
//! says that the object is dead and its references count for nothing but its memory. The lower half says what the object is:
//!
//! - *settled*: a reference that goes need not be looked at. Set for candidates, which are noted already, and for
//!   objects that can't be in a cycle.
//! - *visited*: the collector is finding out about it. The upper half counts references that are not accounted for, *changed* says that
//!   it was found alive, and *settled* is set; what they said stands in the collector's set. No code of the program runs then but `trace`.
//! - *side*: it has a side cell, for weak references.
//! - *finalize*: it has a finalizer that has not run.
//! - *changed*: its value was lent to be changed, and may be still: until a reference has gone and left others, nobody may
//!   look into it but through its own.
//! - *age*: when it was made, in collections of generation 0, modulo 61; or one of the three values behind these.

use core::cell::Cell;
use core::ptr::NonNull;

use super::info::TypeCode;
use crate::misuse;

/// Bytes of it.
pub const BYTES: usize = size_of::<Header>();

/// What stands in front of each value.
#[repr(C, align(8))]
pub struct Header {
    low: Cell<u32>,
    others: Cell<i32>,
}

/// The lower half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Low(u32);

const SETTLED: u32 = 1;
const VISITED: u32 = 2;
const SIDE: u32 = 4;
const FINALIZE: u32 = 8;
const CHANGED: u32 = 16;
const AGE_SHIFT: u32 = 5;
const AGE_MASK: u32 = 63 << AGE_SHIFT;
const TYPE_SHIFT: u32 = 11;

/// When an object was made: a number of a collection of generation 0, modulo [`Age::CYCLE`], or one of the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Age(pub u32);

impl Age {
    /// Ages that are numbers.
    pub const CYCLE: u32 = 61;
    /// Of an object that the collector never looks at.
    pub const UNTRACKED: Age = Age(61);
    /// Of one that is known to be of the oldest generation.
    pub const OLD: Age = Age(62);
    /// Of one that was frozen.
    pub const FROZEN: Age = Age(63);
}

impl Low {
    /// Of a new object.
    #[inline(always)]
    pub const fn new(code: TypeCode, age: Age, settled: bool, finalize: bool) -> Low {
        let flags = if settled { SETTLED } else { 0 } | if finalize { FINALIZE } else { 0 };
        Low(code.raw() << TYPE_SHIFT | age.0 << AGE_SHIFT | flags)
    }

    /// No bit.
    pub const NOTHING: Low = Low(0);

    /// Bits of either.
    #[inline(always)]
    #[must_use]
    pub fn or(self, other: Low) -> Low {
        Low(self.0 | other.0)
    }

    /// Its type.
    #[inline(always)]
    pub fn code(self) -> TypeCode {
        TypeCode::from_raw(self.0 >> TYPE_SHIFT)
    }

    /// Its age.
    #[inline(always)]
    pub fn age(self) -> Age {
        Age((self.0 & AGE_MASK) >> AGE_SHIFT)
    }

    /// The same with another age.
    #[inline]
    #[must_use]
    pub const fn with_age(self, age: Age) -> Low {
        Low(self.0 & !AGE_MASK | age.0 << AGE_SHIFT)
    }

    /// Whether a reference that goes need not be looked at.
    #[inline(always)]
    pub fn is_settled(self) -> bool {
        self.0 & SETTLED != 0
    }

    /// The same, settled or not.
    #[inline]
    #[must_use]
    pub const fn settled(self, settled: bool) -> Low {
        Low(self.0 & !SETTLED | settled as u32)
    }

    /// Whether it has a side cell.
    #[inline(always)]
    pub fn has_side(self) -> bool {
        self.0 & SIDE != 0
    }

    /// The same, with a side cell or without.
    #[must_use]
    pub fn with_side(self, side: bool) -> Low {
        Low(self.0 & !SIDE | if side { SIDE } else { 0 })
    }

    /// Whether it has a finalizer that has not run.
    #[inline(always)]
    pub fn wants_finalizer(self) -> bool {
        self.0 & FINALIZE != 0
    }

    /// The same; the finalizer runs now, or never.
    #[must_use]
    pub fn finalized(self) -> Low {
        Low(self.0 & !FINALIZE)
    }

    /// Whether its value may be lent to be changed.
    pub fn may_change(self) -> bool {
        self.0 & CHANGED != 0
    }

    /// The same; whether it may.
    #[must_use]
    pub fn changing(self, changing: bool) -> Low {
        Low(self.0 & !CHANGED | if changing { CHANGED } else { 0 })
    }

    /// Whether it has neither a side cell nor a finalizer that has not run, and is not visited.
    #[inline(always)]
    pub fn is_plain(self) -> bool {
        self.0 & (SIDE | FINALIZE | VISITED) == 0
    }

    /// Whether the collector is finding out about it.
    #[inline(always)]
    pub fn is_visited(self) -> bool {
        self.0 & VISITED != 0
    }
}

/// What a header says, in one word: who reads it soon after it was written waits for no other.
#[derive(Clone, Copy)]
pub struct Said(u64);

impl Said {
    /// Of both halves.
    #[inline(always)]
    pub fn new(low: Low, others: i32) -> Said {
        Said(u64::from(others as u32) << 32 | u64::from(low.0))
    }

    /// The lower half.
    #[inline(always)]
    pub fn low(self) -> Low {
        Low(self.0 as u32)
    }

    /// References but one.
    #[inline(always)]
    pub fn others(self) -> i32 {
        (self.0 >> 32) as i32
    }
}

/// Counts below this are those of dead objects. (At it: the last reference has gone just now, or there is no value yet.)
const DEAD_BELOW: i32 = -1;
/// What the count of a dead object stands at when no reference is left.
const DEAD: i32 = i32::MIN;
/// References that an object may have when it dies.
const MOST_OF_DEAD: i32 = i32::MAX - 2;

impl Header {
    /// Writes that of an object with one reference. As one word: else the compiler takes the count's zeroes together with
    /// those that the value begins with, and what is read of either soon after has to wait for the store.
    ///
    /// # Safety
    /// There is room for it.
    #[inline(always)]
    pub unsafe fn write(place: NonNull<Header>, low: Low) {
        let halves = [low.0, 0];
        // SAFETY: two halves are a word, and that is what a header is.
        let word = unsafe { core::mem::transmute::<[u32; 2], u64>(halves) };
        // SAFETY: by the precondition; a header is aligned as a word.
        unsafe { place.cast::<u64>().write(word) };
    }

    /// The lower half.
    #[inline(always)]
    pub fn low(&self) -> Low {
        Low(self.low.get())
    }

    /// Sets it.
    #[inline(always)]
    pub fn set_low(&self, low: Low) {
        self.low.set(low.0);
    }

    /// References; of a live object.
    #[inline(always)]
    pub fn strong(&self) -> u32 {
        self.others.get().wrapping_add(1) as u32
    }

    /// One reference more. Aborts when there are 2^31 already; and before a dead object's count is one of the living again.
    #[inline(always)]
    pub fn increment(&self) {
        let after = self.others.get().wrapping_add(1);
        self.others.set(after);
        if after < 0 {
            self.incremented_below_zero();
        }
    }

    /// It overflowed, or the object is dead.
    #[cold]
    #[inline(never)]
    fn incremented_below_zero(&self) {
        let after = self.others.get();
        if after == i32::MIN || after == DEAD_BELOW {
            misuse::too_many_references()
        }
    }

    /// One fewer; whether it was the last, or the object is dead.
    #[inline(always)]
    #[must_use]
    pub fn decrement(&self) -> bool {
        let left = self.others.get().wrapping_sub(1);
        self.others.set(left);
        left < 0
    }

    /// References but one; while visited, those that are not accounted for.
    #[inline(always)]
    pub fn others(&self) -> i32 {
        self.others.get()
    }

    /// Sets them.
    #[inline(always)]
    pub fn set_others(&self, others: i32) {
        self.others.set(others);
    }

    /// The collector finds out about it from now on, of which the header says `low`; one reference is accounted for, or none.
    #[inline(always)]
    pub fn visit(&self, low: Low, counted: bool) {
        self.low.set(low.0 & !CHANGED | VISITED | SETTLED);
        // All references are others but for one.
        if !counted {
            self.others.set(self.others.get().saturating_add(1));
        }
    }

    /// While visited: whether references are left over.
    #[inline(always)]
    pub fn has_others(&self) -> bool {
        self.others.get() > 0
    }

    /// While visited: whether it is known to be alive.
    #[inline(always)]
    pub fn is_found_alive(&self) -> bool {
        self.has_others() || self.low.get() & CHANGED != 0
    }

    /// While visited: it is alive.
    #[inline(always)]
    pub fn mark(&self) {
        self.low.set(self.low.get() | CHANGED);
    }

    /// The collector has found out about it: the header says again what it said.
    #[inline(always)]
    pub fn restore(&self, said: Said) {
        self.low.set(said.low().0);
        self.others.set(said.others());
    }

    /// Sets the number of references.
    pub fn set_strong(&self, strong: u32) {
        self.others.set(strong.wrapping_sub(1) as i32);
    }

    /// Whether there are references, and they count.
    #[inline(always)]
    pub fn is_alive(&self) -> bool {
        self.others.get() >= 0
    }

    /// Whether the collector has found it dead.
    #[inline(always)]
    pub fn is_dead(&self) -> bool {
        self.others.get() < DEAD_BELOW
    }

    /// From now on it is dead, of which the header said `low` and `others`; its references go on to be counted. Aborts when it has
    /// more than 2 147 483 646.
    #[inline]
    pub fn die(&self, low: Low, others: i32) {
        self.low.set(low.0);
        if others > MOST_OF_DEAD {
            misuse::too_many_references();
        }
        self.others.set(others.wrapping_add(1).wrapping_add(DEAD));
    }

    /// While visited, of garbage that nobody can see any more: it is dead and has no references. (It stays visited, which says
    /// as well that there is no object to be looked at.)
    #[inline(always)]
    pub fn end(&self) {
        self.others.set(DEAD);
    }

    /// Of a dead object: whether it has no references any more.
    #[inline]
    pub fn is_left_alone(&self) -> bool {
        self.others.get() == DEAD
    }
}

/// The header of the object that `value` is in.
///
/// # Safety
/// It is in a collected object, whose block stays as long as the header is used.
#[inline(always)]
pub unsafe fn of<'a, T: ?Sized>(value: NonNull<T>) -> &'a Header {
    // SAFETY: G1: a header stands in front of each value.
    let header = unsafe { value.cast::<Header>().sub(1) };
    // SAFETY: as above.
    unsafe { header.as_ref() }
}
