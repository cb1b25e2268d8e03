//! What `#[derive(Trace)]` names, and nobody else: not part of the interface.
//!
//! A derived type must not implement `Drop`, which could read a `Gc` that is dead. The derive has no way to see that;
//! the compiler is asked, and made to say it in words. The derive writes
//!
//! ```text
//! DropCheck::<Self>::NEW.check()
//! ```
//!
//! There are two methods of that name. One belongs to the type, but only where `Self: Drop`; it comes first, and asks for a
//! trait that nobody implements, whose `on_unimplemented` is the message. Else the one of [`NoDrop`] is found, which asks for nothing.

use core::marker::PhantomData;

pub use core;

pub use super::seen::{Seen, is_cyclic};
use super::trace::{Trace, Tracer};

/// Whether `T` implements `Drop`.
#[derive(Debug)]
pub struct DropCheck<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> DropCheck<T> {
    /// The question.
    pub const NEW: DropCheck<T> = DropCheck(PhantomData);
}

#[expect(drop_bounds, reason = "types that implement `Drop` themselves are meant")]
impl<T: ?Sized + Drop> DropCheck<T> {
    /// It does.
    pub fn check(&self)
    where
        T: MustNotDrop,
    {
    }
}

/// It does not.
pub trait NoDrop {
    /// Nothing is wrong.
    fn check(&self) {}
}

impl<T: ?Sized> NoDrop for DropCheck<T> {}

/// Implemented by nobody.
#[diagnostic::on_unimplemented(
    message = "`{Self}` derives `Trace`, so it must not implement `Drop`",
    label = "implements `Drop`",
    note = "what is to happen before a value dies goes into `impl neap::Finalize`, with `#[trace(finalize)]` on the type",
    note = "or a field with its own type takes the `Drop`, one that owns no `Gc`",
    note = "or `#[trace(unsafe_drop)]` on the type allows it: a `Drop` that then reads a `Gc` of the value panics if that is dead"
)]
pub trait MustNotDrop {}

/// Of an enum's value only the fields that are visited are in use: what is left of another variant is nothing.
#[inline(always)]
pub fn variant<T: Trace, const N: usize>(
    tracer: &mut Tracer<'_>,
    value: &T,
    fields: impl FnOnce() -> [(usize, usize); N],
) {
    if tracer.is_checked() && T::is_cyclic() {
        tracer.idle(value);
        for field in fields() {
            tracer.in_use(field);
        }
    }
}

/// Where a field lies.
pub fn bytes_of<T: ?Sized>(field: &T) -> (usize, usize) {
    (core::ptr::from_ref(field).addr(), size_of_val(field))
}
