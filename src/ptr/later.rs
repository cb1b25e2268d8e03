//! Objects whose end was put off: a stack of them.

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

/// Objects that have still to be ended.
pub struct Later(Array<Dying>);

impl Later {
    /// None.
    pub const fn new() -> Self {
        Later(Array::new())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts an object on top; false when there is no memory.
    #[must_use]
    pub fn push(&self, dying: Dying) -> bool {
        self.0.push(dying)
    }

    /// Takes the one on top.
    pub fn pop(&self) -> Option<Dying> {
        self.0.pop()
    }

    /// Turns the order of those from `from` on about.
    pub fn turn(&self, from: usize) {
        let (mut low, mut high) = (from, self.0.len());
        while low + 1 < high {
            high -= 1;
            let (first, last) = (self.0.get(low), self.0.get(high));
            self.0.set(low, last);
            self.0.set(high, first);
            low += 1;
        }
    }
}
