//! What needs a nightly compiler: unsizing as std's pointers have it, and methods on `self: Rc<Self>` behind `dyn`.

use core::marker::Unsize;
use core::ops::{CoerceUnsized, DispatchFromDyn};
use core::pin::PinCoerceUnsized;

use super::{Rc, Weak};

impl<T: ?Sized + Unsize<U>, U: ?Sized> CoerceUnsized<Rc<U>> for Rc<T> {}
impl<T: ?Sized + Unsize<U>, U: ?Sized> CoerceUnsized<Weak<U>> for Weak<T> {}
impl<T: ?Sized + Unsize<U>, U: ?Sized> DispatchFromDyn<Rc<U>> for Rc<T> {}
impl<T: ?Sized + Unsize<U>, U: ?Sized> DispatchFromDyn<Weak<U>> for Weak<T> {}

// SAFETY: unsizing changes the metadata of the pointer and nothing else, so it goes on to name the value that was
// pinned.
unsafe impl<T: ?Sized> PinCoerceUnsized for Rc<T> {}
