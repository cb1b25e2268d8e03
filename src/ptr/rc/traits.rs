//! What an `Rc` does as its value does: compare, hash, print.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::error::Error;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::pin::Pin;
use std::ffi::CStr;

use super::Rc;

impl<T: ?Sized> AsRef<T> for Rc<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> Borrow<T> for Rc<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Default> Default for Rc<T> {
    /// With the value's default.
    fn default() -> Self {
        Rc::new(T::default())
    }
}

impl<T: ?Sized> Default for Pin<Rc<T>>
where
    Rc<T>: Default,
{
    /// With the value's default.
    fn default() -> Self {
        // SAFETY: a value that was just made is known to nobody, and stays in its block from now on, as in `Rc::pin`.
        unsafe { Pin::new_unchecked(Rc::default()) }
    }
}

impl Default for Rc<str> {
    /// The empty text, in a block of its own.
    fn default() -> Self {
        Rc::from("")
    }
}

impl Default for Rc<CStr> {
    /// The empty text, in a block of its own.
    fn default() -> Self {
        Rc::from(c"")
    }
}

impl<T> Default for Rc<[T]> {
    /// No values, in a block of its own.
    fn default() -> Self {
        Rc::from([])
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Rc<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Rc<T> {}

impl<T: ?Sized + PartialOrd> PartialOrd for Rc<T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }

    #[inline]
    fn lt(&self, other: &Self) -> bool {
        **self < **other
    }

    #[inline]
    fn le(&self, other: &Self) -> bool {
        **self <= **other
    }

    #[inline]
    fn gt(&self, other: &Self) -> bool {
        **self > **other
    }

    #[inline]
    fn ge(&self, other: &Self) -> bool {
        **self >= **other
    }
}

impl<T: ?Sized + Ord> Ord for Rc<T> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash> Hash for Rc<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Rc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Rc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> fmt::Pointer for Rc<T> {
    /// The address of the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&Rc::as_ptr(self), f)
    }
}

impl<T: ?Sized + Error> Error for Rc<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (**self).source()
    }

    #[allow(deprecated, reason = "values may still implement it, as with std")]
    fn description(&self) -> &str {
        (**self).description()
    }

    #[allow(deprecated, reason = "values may still implement it, as with std")]
    fn cause(&self) -> Option<&dyn Error> {
        (**self).cause()
    }
}

#[cfg(unix)]
impl<T: ?Sized + std::os::fd::AsFd> std::os::fd::AsFd for Rc<T> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        (**self).as_fd()
    }
}

#[cfg(unix)]
impl<T: ?Sized + std::os::fd::AsRawFd> std::os::fd::AsRawFd for Rc<T> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        (**self).as_raw_fd()
    }
}
