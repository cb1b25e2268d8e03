//! Objects whose end was put off: a stack of them.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::heap::Array;

/// A pointer, thin or wide, in two words.
type Pointer = MaybeUninit<[usize; 2]>;

/// An object whose end has to come, of any type.
#[derive(Clone, Copy)]
pub struct Dying {
    value: Pointer,
    /// What ends one of its type.
    end: unsafe fn(Pointer),
}

/// How an object ends.
pub trait End {
    /// Ends the object of `value`.
    ///
    /// # Safety
    /// It has no references, and the caller gives it up.
    unsafe fn end<T: ?Sized>(value: NonNull<T>);
}

impl Dying {
    /// The object of `value`, which ends as `E` says.
    pub fn new<E: End, T: ?Sized>(value: NonNull<T>) -> Self {
        const { assert!(size_of::<NonNull<T>>() <= size_of::<Pointer>()) };
        let mut pointer = Pointer::uninit();
        // SAFETY: there is room for it, and `Pointer` is aligned as a pointer is.
        unsafe { pointer.as_mut_ptr().cast::<NonNull<T>>().write(value) };
        Dying { value: pointer, end: end::<E, T> }
    }

    /// Ends it.
    ///
    /// # Safety
    /// As for [`End::end`].
    pub unsafe fn end(self) {
        // SAFETY: the caller's promise.
        unsafe { (self.end)(self.value) };
    }
}

/// # Safety
/// `pointer` is a `NonNull<T>`; and as for [`End::end`].
unsafe fn end<E: End, T: ?Sized>(pointer: Pointer) {
    // SAFETY: by the precondition.
    let value = unsafe { pointer.as_ptr().cast::<NonNull<T>>().read() };
    // SAFETY: the caller's promise.
    unsafe { E::end(value) };
}

/// Objects that have still to be ended. A few have a place of their own: a list leaves one at a time, and dies also when there is no
/// memory.
pub struct Later {
    few: [Cell<Option<Dying>>; Later::FEW],
    /// How many of them there are.
    count: Cell<usize>,
    /// Those beyond.
    more: Array<Dying>,
}

impl Later {
    const FEW: usize = 8;

    /// None.
    pub const fn new() -> Self {
        let few = [const { Cell::new(None) }; Later::FEW];
        Later { few, count: Cell::new(0), more: Array::new() }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count.get() + self.more.len()
    }

    /// Puts an object on top; false when there is no memory.
    #[must_use]
    pub fn push(&self, dying: Dying) -> bool {
        let count = self.count.get();
        let Some(free) = self.few.get(count) else { return self.more.push(dying) };
        free.set(Some(dying));
        self.count.set(count + 1);
        true
    }

    /// Takes the one on top.
    pub fn pop(&self) -> Option<Dying> {
        if let Some(dying) = self.more.pop() {
            return Some(dying);
        }
        let count = self.count.get().checked_sub(1)?;
        self.count.set(count);
        self.few[count].take()
    }

    /// Turns the order of those from `from` on about.
    pub fn turn(&self, from: usize) {
        let (mut low, mut high) = (from, self.len());
        while low + 1 < high {
            high -= 1;
            let (first, last) = (self.get(low), self.get(high));
            self.set(low, last);
            self.set(high, first);
            low += 1;
        }
    }

    fn get(&self, place: usize) -> Option<Dying> {
        match self.few.get(place) {
            Some(few) => few.get(),
            None => Some(self.more.get(place - Later::FEW)),
        }
    }

    fn set(&self, place: usize, dying: Option<Dying>) {
        match (self.few.get(place), dying) {
            (Some(few), dying) => few.set(dying),
            (None, Some(dying)) => self.more.set(place - Later::FEW, dying),
            (None, None) => {}
        }
    }
}
