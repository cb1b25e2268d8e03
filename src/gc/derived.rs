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

/// How a field is visited whose type may be another name of a function pointer: `type Compare = for<'a> fn(&'a str, &'a str)
/// -> bool`. No trait can be implemented for all of these; but what is `Copy`, goes to other threads and is printed as a pointer
/// owns nothing, and this they are. As above there are two methods, of which that of the type comes first.
#[derive(Debug)]
pub struct Field<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Field<T> {
    /// The question.
    pub const NEW: Field<T> = Field(PhantomData);
}

impl<T: Copy + Send + Sync + core::fmt::Pointer> Field<T> {
    /// Nothing is visited.
    #[inline(always)]
    pub fn visit(&self) -> fn(&T, &mut Tracer<'_>) {
        |_, _| {}
    }

    /// It owns none.
    #[inline(always)]
    pub fn is_cyclic_among(&self, _: impl Seen) -> bool {
        false
    }

    /// Nor anything else.
    #[inline(always)]
    pub fn owns_only_gcs(&self) -> bool {
        true
    }
}

/// Any other type.
pub trait OfTrace<T: ?Sized> {
    /// What its `trace` visits. (A function, so that the value has no part in it: what is wrong is said of the type.)
    #[inline(always)]
    fn visit(&self) -> fn(&T, &mut Tracer<'_>)
    where
        T: Trace,
    {
        T::trace
    }
}

impl<T: ?Sized> OfTrace<T> for Field<T> {}

/// Any other type that is `Trace`.
pub trait OfCyclic<T> {
    /// What it says.
    fn is_cyclic_among(&self, seen: impl Seen) -> bool;
    /// The same.
    fn owns_only_gcs(&self) -> bool;
}

impl<T: Trace> OfCyclic<T> for Field<T> {
    #[inline(always)]
    fn is_cyclic_among(&self, seen: impl Seen) -> bool {
        T::is_cyclic_among(seen)
    }

    #[inline(always)]
    fn owns_only_gcs(&self) -> bool {
        T::owns_only_gcs()
    }
}

/// One that is not `Trace`, which is said where it is visited; once is enough.
pub trait OfNone {
    /// Never asked.
    fn is_cyclic_among(&self, _: impl Seen) -> bool {
        true
    }
    /// Never asked.
    fn owns_only_gcs(&self) -> bool {
        false
    }
}

impl<T: ?Sized> OfNone for &Field<T> {}

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
