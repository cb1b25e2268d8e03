//! What needs a nightly compiler: unsizing as std's pointers have it, and methods on `self: Gc<Self>` behind `dyn`.

use core::marker::Unsize;
use core::ops::{CoerceUnsized, DispatchFromDyn};

use super::{Gc, Weak};

impl<T: ?Sized + Unsize<U>, U: ?Sized> CoerceUnsized<Gc<U>> for Gc<T> {}
impl<T: ?Sized + Unsize<U>, U: ?Sized> CoerceUnsized<Weak<U>> for Weak<T> {}
impl<T: ?Sized + Unsize<U>, U: ?Sized> DispatchFromDyn<Gc<U>> for Gc<T> {}
impl<T: ?Sized + Unsize<U>, U: ?Sized> DispatchFromDyn<Weak<U>> for Weak<T> {}
