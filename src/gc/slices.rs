//! Objects with a slice or a text for their value, which have their length in front.

use core::ptr::NonNull;

use super::Gc;
use super::header::{Age, Low};
use super::info::{Info, TypeCode};
use super::object::Shape;
use super::state;
use super::trace::Trace;

/// Room for so many values of an object that is being made.
///
/// # Panics
/// When there can be no such block.
fn room<T>(info: &'static Info, len: usize, tracked: bool) -> NonNull<T> {
    let low = || {
        let age = if tracked { state::birth() } else { Age::UNTRACKED };
        Low::new(TypeCode::of(info), age, !tracked, false)
    };
    let shape = Shape::of_slice::<T>(len).unwrap_or_else(|| panic!("capacity overflow"));
    shape.allocate(low, Some(len)).cast()
}

impl<T: Trace> From<Vec<T>> for Gc<[T]> {
    /// Moves the values, which are copied, since there is no room for a header in a `Vec`.
    ///
    /// ```
    /// let three: neap::Gc<[u32]> = neap::Gc::from(vec![1, 2, 3]);
    /// assert_eq!(three.len(), 3);
    /// ```
    fn from(mut values: Vec<T>) -> Gc<[T]> {
        let len = values.len();
        let start = room::<T>(Info::of_slice::<T>(), len, T::is_cyclic());
        // SAFETY: both have so many values, and are two blocks.
        unsafe { start.as_ptr().copy_from_nonoverlapping(values.as_ptr(), len) };
        // SAFETY: they have moved out.
        unsafe { values.set_len(0) };
        // SAFETY: the values are there, and the header counts one reference.
        unsafe { Gc::from_value(NonNull::slice_from_raw_parts(start, len)) }
    }
}

impl<T: Trace, const N: usize> From<[T; N]> for Gc<[T]> {
    /// Moves the values.
    fn from(values: [T; N]) -> Gc<[T]> {
        let start = Gc::into_value(Gc::new(values)).cast();
        // SAFETY: an array of N values is N values, and the reference is the same.
        unsafe { Gc::from_value(NonNull::slice_from_raw_parts(start, N)) }
    }
}

impl<T: Trace + Clone> From<&[T]> for Gc<[T]> {
    /// Clones the values.
    fn from(values: &[T]) -> Gc<[T]> {
        Gc::from(values.to_vec())
    }
}

impl<T: Trace> FromIterator<T> for Gc<[T]> {
    /// Collects into a slice, by way of a `Vec`.
    ///
    /// ```
    /// let squares: neap::Gc<[u64]> = (1..4).map(|n| n * n).collect();
    /// assert_eq!(*squares, [1, 4, 9]);
    /// ```
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Gc::from(values.into_iter().collect::<Vec<T>>())
    }
}

impl From<&str> for Gc<str> {
    /// Copies the text.
    ///
    /// ```
    /// let word: neap::Gc<str> = neap::Gc::from("tide");
    /// assert_eq!(&*word, "tide");
    /// ```
    fn from(text: &str) -> Gc<str> {
        let start = room::<u8>(Info::of_str(), text.len(), false);
        // SAFETY: both have so many bytes, and are two blocks.
        unsafe { start.as_ptr().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        let bytes = NonNull::slice_from_raw_parts(start, text.len());
        // SAFETY: no value lies at 0.
        let value = unsafe { NonNull::new_unchecked(bytes.as_ptr() as *mut str) };
        // SAFETY: the text is there, and the header counts one reference.
        unsafe { Gc::from_value(value) }
    }
}

impl From<String> for Gc<str> {
    /// Copies the text.
    fn from(text: String) -> Gc<str> {
        Gc::from(text.as_str())
    }
}
