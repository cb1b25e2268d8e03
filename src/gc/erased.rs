//! `Erased`: a `Gc` of unknown type in one word.

use core::any::TypeId;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::Gc;
use super::header;
use super::trace::{Trace, Tracer};

/// A [`Gc`] whose type is known to its object alone: one word, for the dynamic values of interpreters.
///
/// It counts, is traced and is dropped as the `Gc` that it was made of.
///
/// ```
/// use neap::{Gc, gc::Erased};
///
/// let values: Vec<Erased> = vec![Gc::new(7_i64).into(), Gc::new(String::from("tide")).into()];
/// assert_eq!(values[0].downcast_ref::<i64>(), Some(&7));
/// assert_eq!(values[1].type_name(), "alloc::string::String");
/// assert!(values[0].clone().downcast::<String>().is_err());
/// ```
#[repr(transparent)]
pub struct Erased {
    /// Drops as the object's own type.
    object: ManuallyDrop<Gc<()>>,
}

impl Erased {
    /// # Safety
    /// `value` is alive, in a collected object, and the caller has one reference that its header counts.
    pub(super) unsafe fn from_value(value: NonNull<u8>) -> Erased {
        // SAFETY: the caller's promise; it is dropped as what it is (below).
        Erased { object: ManuallyDrop::new(unsafe { Gc::from_value(value.cast()) }) }
    }

    fn value(&self) -> NonNull<u8> {
        Gc::value(&self.object).cast()
    }

    /// Whether the value is a `T`.
    #[inline]
    pub fn is<T: Trace>(&self) -> bool {
        (self.object.header().low().code().info().id)() == TypeId::of::<T>()
    }

    /// The value, if it is a `T`.
    ///
    /// # Panics
    /// When the object is dead, as [`Gc`]'s `deref`.
    #[inline]
    pub fn downcast_ref<T: Trace>(&self) -> Option<&T> {
        if !self.is::<T>() {
            return None;
        }
        self.object.check();
        // SAFETY: it is alive, and a `T`.
        Some(unsafe { self.value().cast::<T>().as_ref() })
    }

    /// The pointer, if its value is a `T`.
    ///
    /// # Errors
    /// The `Erased` itself when it is not.
    #[inline]
    pub fn downcast<T: Trace>(self) -> Result<Gc<T>, Erased> {
        if !self.is::<T>() {
            return Err(self);
        }
        let value = ManuallyDrop::new(self).value();
        // SAFETY: the reference is ours, to a `T`.
        Ok(unsafe { Gc::from_value(value.cast()) })
    }

    /// The name of the value's type, for people.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.object.header().low().code().info().name)()
    }

    /// The address of the value, which no other object has as long as there is a reference to this one.
    #[must_use]
    pub fn address(&self) -> usize {
        self.value().addr().get()
    }

    /// Whether both are of the same object.
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.value() == other.value()
    }

    /// How many references to the object there are.
    #[must_use]
    pub fn strong_count(this: &Self) -> usize {
        Gc::strong_count(&this.object)
    }

    /// How many [`Weak`](super::Weak)s to the object there are.
    #[must_use]
    pub fn weak_count(this: &Self) -> usize {
        Gc::weak_count(&this.object)
    }
}

impl<T: Trace> From<Gc<T>> for Erased {
    /// The same reference; costs nothing.
    #[inline]
    fn from(gc: Gc<T>) -> Erased {
        let value = Gc::into_value(gc).cast::<()>();
        // SAFETY: the reference is ours; it is dropped as what it was (below).
        Erased { object: ManuallyDrop::new(unsafe { Gc::from_value(value) }) }
    }
}

impl Clone for Erased {
    #[inline]
    fn clone(&self) -> Erased {
        Erased { object: self.object.clone() }
    }
}

impl Drop for Erased {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is given up, as one to whatever it is.
        unsafe { super::pointer::release_erased(self.value()) };
    }
}

// SAFETY: the one `Gc` is visited, once.
unsafe impl Trace for Erased {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.edge(self.value(), core::ptr::from_ref(self).cast());
    }

    #[inline(always)]
    fn owns_only_gcs() -> bool {
        true
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Erased({} at {:#x})", self.type_name(), self.address())
    }
}

const _: () = assert!(size_of::<Erased>() == size_of::<usize>());
const _: () = assert!(header::BYTES == 8);
