//! `coerce!`: from a pointer to a value of known type to one of `dyn Trait` or `[T]`, on stable Rust.
//!
//! The compiler unsizes raw pointers for everybody, and the pointers of std for std alone. So the macro takes the raw
//! pointer out, lets the compiler unsize that, and puts it back.

use core::pin::Pin;
use core::ptr::NonNull;

use super::{Rc, Weak};

/// Turns a pointer to a value into one to `dyn Trait`, or one to an array into one to a slice: `coerce!(pointer =>
/// Type)`.
///
/// Takes [`Rc`], [`rc::Weak`](crate::rc::Weak) and a [`Pin`] of `Rc`; with the feature `gc` `Gc` and its `Weak`, too. Costs nothing: it is the same
/// pointer with a length or a table of methods. With the feature `nightly` the compiler does it by itself.
///
/// ```
/// use neap::Rc;
/// use std::fmt::Display;
///
/// let word = neap::coerce!(Rc::new("tide") => dyn Display);
/// assert_eq!(word.to_string(), "tide");
///
/// let numbers: Rc<[i32]> = neap::coerce!(Rc::new([1, 2, 3]) => [i32]);
/// assert_eq!(numbers.len(), 3);
/// ```
///
/// A value that borrows needs its lifetime said:
///
/// ```
/// use neap::Rc;
/// use std::fmt::Display;
///
/// fn shown<'a>(text: &'a str) -> Rc<dyn Display + 'a> {
///     neap::coerce!(Rc::new(text) => dyn Display + 'a)
/// }
/// assert_eq!(shown("ebb").to_string(), "ebb");
/// ```
///
/// What the compiler would not unsize it does not compile:
///
/// ```compile_fail
/// let number = neap::coerce!(neap::Rc::new(1u8) => dyn std::error::Error);
/// ```
#[macro_export]
macro_rules! coerce {
    ($pointer:expr => $type:ty) => {{
        let pointer = $pointer;
        // SAFETY: the closure is a coercion of raw pointers: the same address, with metadata that the compiler made.
        unsafe {
            $crate::rc::__coerce(pointer, |value: *mut _| -> *mut $type { value })
        }
    }};
}

/// Pointers that [`coerce!`](crate::coerce) takes.
///
/// # Safety
/// `into_raw` and `from_raw` are inverse, and another type of the same value may stand between them.
#[doc(hidden)]
pub unsafe trait Coerce: Sized {
    /// What it points to.
    type Value: ?Sized;
    /// The same pointer to another type.
    type To<U: ?Sized>;

    /// The pointer in it.
    fn into_raw(self) -> *mut Self::Value;

    /// # Safety
    /// `raw` came from `into_raw`, and was unsized perhaps.
    unsafe fn from_raw<U: ?Sized>(raw: *mut U) -> Self::To<U>;
}

/// For [`coerce!`](crate::coerce).
///
/// # Safety
/// `unsize` does nothing but coerce its argument.
#[doc(hidden)]
#[inline(always)]
pub unsafe fn __coerce<P: Coerce, U: ?Sized>(
    pointer: P,
    unsize: impl FnOnce(*mut P::Value) -> *mut U,
) -> P::To<U> {
    // SAFETY: the caller's promise.
    unsafe { P::from_raw(unsize(pointer.into_raw())) }
}

// SAFETY: an `Rc` is the pointer to its value.
unsafe impl<T: ?Sized> Coerce for Rc<T> {
    type Value = T;
    type To<U: ?Sized> = Rc<U>;

    #[inline(always)]
    fn into_raw(self) -> *mut T {
        Rc::into_value(self).as_ptr()
    }

    #[inline(always)]
    unsafe fn from_raw<U: ?Sized>(raw: *mut U) -> Rc<U> {
        // SAFETY: no value lies at 0.
        let value = unsafe { NonNull::new_unchecked(raw) };
        // SAFETY: the caller's promise.
        unsafe { Rc::from_value(value) }
    }
}

// SAFETY: a `Weak` is a pointer whose metadata are the value's.
unsafe impl<T: ?Sized> Coerce for Weak<T> {
    type Value = T;
    type To<U: ?Sized> = Weak<U>;

    #[inline(always)]
    fn into_raw(self) -> *mut T {
        Weak::into_cell(self).as_ptr()
    }

    #[inline(always)]
    unsafe fn from_raw<U: ?Sized>(raw: *mut U) -> Weak<U> {
        // SAFETY: no cell lies at 0.
        let cell = unsafe { NonNull::new_unchecked(raw) };
        // SAFETY: the caller's promise.
        unsafe { Weak::from_cell(cell) }
    }
}

// SAFETY: as for the pointer in it.
unsafe impl<T: ?Sized> Coerce for Pin<Rc<T>> {
    type Value = T;
    type To<U: ?Sized> = Pin<Rc<U>>;

    #[inline(always)]
    fn into_raw(self) -> *mut T {
        // SAFETY: the value is not moved: the pointer goes back into a `Pin`.
        Coerce::into_raw(unsafe { Pin::into_inner_unchecked(self) })
    }

    #[inline(always)]
    unsafe fn from_raw<U: ?Sized>(raw: *mut U) -> Pin<Rc<U>> {
        // SAFETY: the caller's promise.
        let pointer = unsafe { <Rc<T> as Coerce>::from_raw(raw) };
        // SAFETY: the value was pinned before, and is the same.
        unsafe { Pin::new_unchecked(pointer) }
    }
}
