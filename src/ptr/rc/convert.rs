//! What an `Rc` can be made of, and turned into.

use core::alloc::Layout;
use core::any::Any;
use core::ptr::NonNull;
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Rc;
use crate::ptr::object;

impl<T> From<T> for Rc<T> {
    /// As [`Rc::new`].
    fn from(value: T) -> Self {
        Rc::new(value)
    }
}

impl<T, const N: usize> From<[T; N]> for Rc<[T]> {
    /// Moves the values.
    ///
    /// ```
    /// let three: neap::Rc<[u32]> = neap::Rc::from([1, 2, 3]);
    /// assert_eq!(three.len(), 3);
    /// ```
    #[inline]
    fn from(values: [T; N]) -> Rc<[T]> {
        let start = Rc::into_value(Rc::new(values)).cast();
        // SAFETY: an array of N values is N values, in a block of the same layout.
        unsafe { Rc::from_value(NonNull::slice_from_raw_parts(start, N)) }
    }
}

impl<T: Clone> From<&[T]> for Rc<[T]> {
    /// Clones the values.
    fn from(values: &[T]) -> Rc<[T]> {
        Rc::cloned(values)
    }
}

impl<T: Clone> From<&mut [T]> for Rc<[T]> {
    /// Clones the values.
    fn from(values: &mut [T]) -> Rc<[T]> {
        Rc::cloned(values)
    }
}

impl<T> From<Vec<T>> for Rc<[T]> {
    /// Moves the values, which are copied, since there is no room for a header in a `Vec`.
    fn from(mut values: Vec<T>) -> Rc<[T]> {
        // SAFETY: they are moved out: the `Vec` forgets them below, and nothing can panic between.
        let copied = unsafe { Rc::copied(values.as_slice()) };
        // SAFETY: as above.
        unsafe { values.set_len(0) };
        copied
    }
}

impl<T: ?Sized> From<Box<T>> for Rc<T> {
    /// Moves the value out of its box.
    fn from(value: Box<T>) -> Rc<T> {
        let layout = Layout::for_value::<T>(&value);
        let place = object::allocate(layout);
        let raw = Box::into_raw(value);
        // SAFETY: both have so many bytes, and are two blocks.
        unsafe { place.as_ptr().copy_from_nonoverlapping(raw.cast(), layout.size()) };
        // SAFETY: a box is not at 0.
        let from = unsafe { NonNull::new_unchecked(raw) };
        // SAFETY: the same value with the same metadata.
        let value = unsafe { object::at(from, place) };
        if layout.size() != 0 {
            // SAFETY: a box of a value with bytes is a block of this layout; the value has been moved out.
            unsafe { std::alloc::dealloc(raw.cast(), layout) };
        }
        // SAFETY: the value is there.
        unsafe { Rc::from_value(value) }
    }
}

/// Turns an `Rc` of bytes into one of a type that wraps them.
macro_rules! of_bytes {
    ($bytes:expr, $type:ty) => {{
        // SAFETY: a `[u8]` may be copied.
        let bytes: Rc<[u8]> = unsafe { Rc::copied($bytes) };
        // SAFETY: the type is its bytes; they came out of one, and the metadata is their number.
        unsafe { Rc::<$type>::from_raw(Rc::into_raw(bytes) as *const $type) }
    }};
}

impl From<&str> for Rc<str> {
    /// Copies the text.
    ///
    /// ```
    /// let word: neap::Rc<str> = neap::Rc::from("tide");
    /// assert_eq!(&*word, "tide");
    /// ```
    #[inline]
    fn from(text: &str) -> Rc<str> {
        of_bytes!(text.as_bytes(), str)
    }
}

impl From<&CStr> for Rc<CStr> {
    /// Copies the text.
    fn from(text: &CStr) -> Rc<CStr> {
        of_bytes!(text.to_bytes_with_nul(), CStr)
    }
}

impl From<&OsStr> for Rc<OsStr> {
    /// Copies the text.
    fn from(text: &OsStr) -> Rc<OsStr> {
        of_bytes!(text.as_encoded_bytes(), OsStr)
    }
}

impl From<&Path> for Rc<Path> {
    /// Copies the path.
    fn from(path: &Path) -> Rc<Path> {
        of_bytes!(path.as_os_str().as_encoded_bytes(), Path)
    }
}

macro_rules! from_owned {
    ($($owned:ty, $type:ty;)*) => {$(
        impl From<$owned> for Rc<$type> {
            /// Copies the text.
            fn from(text: $owned) -> Rc<$type> {
                Rc::from(&*text)
            }
        }

        impl From<&mut $type> for Rc<$type> {
            /// Copies the text.
            fn from(text: &mut $type) -> Rc<$type> {
                Rc::from(&*text)
            }
        }
    )*};
}

from_owned! {
    String, str;
    CString, CStr;
    OsString, OsStr;
    PathBuf, Path;
}

impl From<Rc<str>> for Rc<[u8]> {
    /// The bytes of the text; nothing is copied.
    #[inline]
    fn from(text: Rc<str>) -> Rc<[u8]> {
        // SAFETY: a `str` is its bytes.
        unsafe { Rc::from_raw(Rc::into_raw(text) as *const [u8]) }
    }
}

impl<'a, B> From<Cow<'a, B>> for Rc<B>
where
    B: ToOwned + ?Sized,
    Rc<B>: From<&'a B> + From<B::Owned>,
{
    /// Copies what is borrowed, moves what is owned.
    fn from(value: Cow<'a, B>) -> Rc<B> {
        match value {
            Cow::Borrowed(value) => Rc::from(value),
            Cow::Owned(value) => Rc::from(value),
        }
    }
}

impl<T, const N: usize> TryFrom<Rc<[T]>> for Rc<[T; N]> {
    type Error = Rc<[T]>;

    /// The same values as an array, when there are `N` of them.
    ///
    /// # Errors
    /// The slice itself when there are more or fewer.
    fn try_from(slice: Rc<[T]>) -> Result<Self, Self::Error> {
        if slice.len() != N {
            return Err(slice);
        }
        // SAFETY: N values are an array of N values, in a block of the same layout.
        Ok(unsafe { Rc::from_raw(Rc::into_raw(slice).cast()) })
    }
}

impl<T> FromIterator<T> for Rc<[T]> {
    /// Collects into a slice: straight into its block when the iterator knows how many there are, else by way of a
    /// `Vec`.
    ///
    /// # Panics
    /// When the iterator panics; what it gave before is dropped.
    ///
    /// ```
    /// let squares: neap::Rc<[u64]> = (1..4).map(|n| n * n).collect();
    /// assert_eq!(*squares, [1, 4, 9]);
    /// ```
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Rc::collected(values.into_iter())
    }
}

impl Rc<dyn Any> {
    /// The value as a `T`, if it is one.
    ///
    /// # Errors
    /// The `Rc` itself when it is not.
    ///
    /// ```
    /// use neap::Rc;
    /// use std::any::Any;
    /// let any = neap::coerce!(Rc::new(5u32) => dyn Any);
    /// assert_eq!(any.downcast::<u32>().map(|n| *n).ok(), Some(5));
    /// ```
    #[inline]
    pub fn downcast<T: Any>(self) -> Result<Rc<T>, Self> {
        if !(*self).is::<T>() {
            return Err(self);
        }
        // SAFETY: the value is a `T`.
        Ok(unsafe { Rc::from_value(Rc::into_value(self).cast()) })
    }
}
