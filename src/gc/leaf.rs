//! Foreign types in traced values.

use core::ops::{Deref, DerefMut};

use super::trace::{Trace, Tracer};

/// A value of a foreign type that owns no `Gc`, so that it may stand in a traced struct.
///
/// Should it own one all the same, what that leads to is never collected.
///
/// ```
/// use neap::gc::Leaf;
/// use neap::{Gc, gc};
///
/// struct Foreign(u32); // Of another crate, without `Trace`.
///
/// let object = Gc::new(Leaf(Foreign(7)));
/// assert_eq!(object.0.0, 7);
/// assert!(!gc::is_tracked(&object));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Leaf<T>(pub T);

// SAFETY: nothing is visited, and what the value owns counts as held from outside.
unsafe impl<T: 'static> Trace for Leaf<T> {
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}

    #[inline(always)]
    fn is_cyclic() -> bool {
        false
    }

    #[inline(always)]
    fn owns_only_gcs() -> bool {
        !core::mem::needs_drop::<T>()
    }
}

impl<T> Deref for Leaf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Leaf<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// Says that types of one's own own no `Gc`, so that they may stand in traced structs: `leaf!(Type, Other)`.
///
/// ```
/// struct Colour(u8, u8, u8);
/// neap::leaf!(Colour);
/// let object = neap::Gc::new(Colour(1, 2, 3));
/// assert!(!neap::gc::is_tracked(&object));
/// ```
#[macro_export]
macro_rules! leaf {
    ($($type:ty),+ $(,)?) => {$(
        // SAFETY: nothing is visited; what such a value owned would count as held from outside.
        unsafe impl $crate::gc::Trace for $type {
            #[inline(always)]
            fn trace(&self, _: &mut $crate::gc::Tracer<'_>) {}

            #[inline(always)]
            fn is_cyclic() -> bool {
                false
            }

            #[inline(always)]
            fn owns_only_gcs() -> bool {
                !$crate::gc::derived::core::mem::needs_drop::<Self>()
            }
        }
    )+};
}
