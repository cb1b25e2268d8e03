//! Whether a type can own a `Gc`: the question that goes from type to type.
//!
//! A derived type asks it of its fields' types, and types lead back to themselves: `enum Json { …, List(Vec<Json>) }`. So
//! what is passed on knows when to stop. The answer is wanted at compile time, and the optimiser gives it only for
//! functions that do not call themselves. Hence three rounds:
//!
//! 1. down to [six levels](Levels) of derived types, below which all is taken for cyclic: the one who answers no is right;
//! 2. the same, with all below taken for acyclic: the one who answers yes is right;
//! 3. what is left leads back to itself, or is nested deeper: asked when the program runs, of [each type
//!    once](Once). Beyond 32 types the answer is yes, which is never wrong, only slower.
//!
//! A level is a type, so each function of the first two rounds calls only others, and is a constant in the end.

use core::any::TypeId;
use core::cell::Cell;
use core::mem::MaybeUninit;

use super::trace::Trace;

/// What a question carries from a type to those of its fields.
pub trait Seen: Copy {
    /// What the fields are given.
    type Within: Seen;

    /// The answer for `T`, which is that of its `fields`, if they are to be asked.
    fn ask<T: 'static>(self, fields: impl FnOnce(Self::Within) -> bool) -> bool;
}

/// Whether `T` can own a `Gc`, by asking it and what is inside.
#[inline(always)]
pub fn is_cyclic<T: Trace>() -> bool {
    if cfg!(debug_assertions) {
        // Nothing would be folded.
        return once::<T>();
    }
    T::is_cyclic_among(levels::<true>()) && (T::is_cyclic_among(levels::<false>()) || once::<T>())
}

/// So many levels are left.
#[derive(Clone, Copy)]
struct Levels<Rest>(Rest);

/// None is left: the answer is this.
#[derive(Clone, Copy)]
struct Bottom<const ANSWER: bool>;

type Six<T> = Levels<Levels<Levels<Levels<Levels<Levels<T>>>>>>;

#[inline(always)]
fn levels<const BOTTOM: bool>() -> Six<Bottom<BOTTOM>> {
    Levels(Levels(Levels(Levels(Levels(Levels(Bottom))))))
}

impl<Rest: Seen> Seen for Levels<Rest> {
    type Within = Rest;

    #[inline(always)]
    fn ask<T: 'static>(self, fields: impl FnOnce(Rest) -> bool) -> bool {
        fields(self.0)
    }
}

impl<const ANSWER: bool> Seen for Bottom<ANSWER> {
    type Within = Self;

    #[inline(always)]
    fn ask<T: 'static>(self, _: impl FnOnce(Self) -> bool) -> bool {
        ANSWER
    }
}

/// The types that were asked. One that is met again adds nothing: its fields were asked, or are being asked.
struct Once {
    /// Written up to `count`.
    types: [Cell<MaybeUninit<TypeId>>; Once::MOST],
    count: Cell<usize>,
}

impl Once {
    const MOST: usize = 32;
}

impl Seen for &Once {
    type Within = Self;

    #[inline]
    fn ask<T: 'static>(self, fields: impl FnOnce(Self) -> bool) -> bool {
        let id = TypeId::of::<T>();
        let count = self.count.get();
        for seen in &self.types[..count] {
            // SAFETY: those up to `count` were written.
            if unsafe { seen.get().assume_init() } == id {
                return false;
            }
        }
        let Some(free) = self.types.get(count) else { return true };
        free.set(MaybeUninit::new(id));
        self.count.set(count + 1);
        fields(self)
    }
}

#[inline(never)]
fn once<T: Trace>() -> bool {
    let types = [const { Cell::new(MaybeUninit::uninit()) }; Once::MOST];
    T::is_cyclic_among(&Once { types, count: Cell::new(0) })
}
