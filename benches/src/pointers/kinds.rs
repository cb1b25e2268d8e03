//! What a workload asks of a pointer, and the three pointers that answer.
//!
//! A workload is generic over a [`Pointer`], or over a [`Weakly`] when it needs weak references. Each
//! method here is one call of the pointer's own, inlined always, so that a workload compiles to what it
//! would be if it named the type. Cloning, dereferencing and dropping are not here: they are the types'
//! own.

use std::ops::Deref;

use super::unsized_values::Shape;

/// A family of strong pointers: `P::To<T>` is the pointer to a `T`.
pub trait Pointer: 'static {
    /// The strong pointer.
    type To<T: ?Sized>: Clone + Deref<Target = T>;

    /// Does dropping a list recurse, once a node?
    const RECURSES: bool;

    /// A pointer to a value.
    fn new<T>(value: T) -> Self::To<T>;
    /// A pointer to a copy of a string.
    fn text(text: &str) -> Self::To<str>;
    /// A pointer to a copy of a slice.
    fn slice(values: &[u64]) -> Self::To<[u64]>;
    /// A pointer to what an iterator brings.
    fn collect(values: impl ExactSizeIterator<Item = u64>) -> Self::To<[u64]>;
    /// A pointer to a value whose type is forgotten.
    fn dynamic<S: Shape>(value: S) -> Self::To<dyn Shape>;
}

/// A family that has weak pointers, too.
pub trait Weakly: Pointer {
    /// The weak pointer.
    type Weak<T>;

    /// A weak pointer to nothing.
    fn dangling<T>() -> Self::Weak<T>;
    /// A weak pointer beside a strong one.
    fn downgrade<T>(strong: &Self::To<T>) -> Self::Weak<T>;
    /// A strong pointer beside a weak one, while the value lives.
    fn upgrade<T>(weak: &Self::Weak<T>) -> Option<Self::To<T>>;
}

/// `neap::Rc`.
#[derive(Debug)]
pub enum Neap {}

/// `std::rc::Rc`.
#[derive(Debug)]
pub enum Std {}

/// `triomphe::Arc`.
#[derive(Debug)]
pub enum Triomphe {}

impl Pointer for Neap {
    type To<T: ?Sized> = neap::Rc<T>;

    const RECURSES: bool = false;

    #[inline(always)]
    fn new<T>(value: T) -> Self::To<T> {
        neap::Rc::new(value)
    }

    #[inline(always)]
    fn text(text: &str) -> Self::To<str> {
        neap::Rc::from(text)
    }

    #[inline(always)]
    fn slice(values: &[u64]) -> Self::To<[u64]> {
        neap::Rc::from(values)
    }

    #[inline(always)]
    fn collect(values: impl ExactSizeIterator<Item = u64>) -> Self::To<[u64]> {
        values.collect()
    }

    #[inline(always)]
    fn dynamic<S: Shape>(value: S) -> Self::To<dyn Shape> {
        neap::coerce!(neap::Rc::new(value) => dyn Shape)
    }
}

impl Weakly for Neap {
    type Weak<T> = neap::rc::Weak<T>;

    #[inline(always)]
    fn dangling<T>() -> Self::Weak<T> {
        neap::rc::Weak::new()
    }

    #[inline(always)]
    fn downgrade<T>(strong: &Self::To<T>) -> Self::Weak<T> {
        neap::Rc::downgrade(strong)
    }

    #[inline(always)]
    fn upgrade<T>(weak: &Self::Weak<T>) -> Option<Self::To<T>> {
        weak.upgrade()
    }
}

impl Pointer for Std {
    type To<T: ?Sized> = std::rc::Rc<T>;

    const RECURSES: bool = true;

    #[inline(always)]
    fn new<T>(value: T) -> Self::To<T> {
        std::rc::Rc::new(value)
    }

    #[inline(always)]
    fn text(text: &str) -> Self::To<str> {
        std::rc::Rc::from(text)
    }

    #[inline(always)]
    fn slice(values: &[u64]) -> Self::To<[u64]> {
        std::rc::Rc::from(values)
    }

    #[inline(always)]
    fn collect(values: impl ExactSizeIterator<Item = u64>) -> Self::To<[u64]> {
        values.collect()
    }

    #[inline(always)]
    fn dynamic<S: Shape>(value: S) -> Self::To<dyn Shape> {
        std::rc::Rc::new(value)
    }
}

impl Weakly for Std {
    type Weak<T> = std::rc::Weak<T>;

    #[inline(always)]
    fn dangling<T>() -> Self::Weak<T> {
        std::rc::Weak::new()
    }

    #[inline(always)]
    fn downgrade<T>(strong: &Self::To<T>) -> Self::Weak<T> {
        std::rc::Rc::downgrade(strong)
    }

    #[inline(always)]
    fn upgrade<T>(weak: &Self::Weak<T>) -> Option<Self::To<T>> {
        weak.upgrade()
    }
}

impl Pointer for Triomphe {
    type To<T: ?Sized> = triomphe::Arc<T>;

    const RECURSES: bool = true;

    #[inline(always)]
    fn new<T>(value: T) -> Self::To<T> {
        triomphe::Arc::new(value)
    }

    #[inline(always)]
    fn text(text: &str) -> Self::To<str> {
        triomphe::Arc::from(text)
    }

    #[inline(always)]
    fn slice(values: &[u64]) -> Self::To<[u64]> {
        triomphe::Arc::from(values)
    }

    #[inline(always)]
    fn collect(values: impl ExactSizeIterator<Item = u64>) -> Self::To<[u64]> {
        values.collect()
    }

    #[inline(always)]
    fn dynamic<S: Shape>(value: S) -> Self::To<dyn Shape> {
        use unsize::{CoerceUnsize, Coercion};
        triomphe::Arc::new(value).unsize(Coercion!(to dyn Shape))
    }
}
