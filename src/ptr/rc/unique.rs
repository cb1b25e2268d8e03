//! The value of an `Rc`, for whoever is its only owner: to change it, or to take it out.

use core::mem::ManuallyDrop;
use std::ffi::{CStr, OsStr};
use std::path::Path;

use super::Rc;
use crate::ptr::end;
use crate::ptr::header::Left;
use crate::ptr::object;

impl<T> Rc<T> {
    /// The value, when this is its only owner; else the `Rc` again. `Weak`s are left without a value.
    ///
    /// # Errors
    /// The `Rc` itself when there are others.
    ///
    /// ```
    /// use neap::Rc;
    /// let one = Rc::new(3);
    /// assert_eq!(Rc::try_unwrap(one), Ok(3));
    ///
    /// let one = Rc::new(4);
    /// let _two = one.clone();
    /// assert_eq!(*Rc::try_unwrap(one).unwrap_err(), 4);
    /// ```
    #[inline]
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        if Rc::strong_count(&this) != 1 {
            return Err(this);
        }
        Rc::into_inner(this).ok_or_else(|| unreachable!("it was the only owner"))
    }

    /// The value, when this is its last owner; else this reference is given up.
    ///
    /// ```
    /// use neap::Rc;
    /// let one = Rc::new(3);
    /// let two = one.clone();
    /// assert_eq!(Rc::into_inner(one), None);
    /// assert_eq!(Rc::into_inner(two), Some(3));
    /// ```
    #[inline]
    pub fn into_inner(this: Self) -> Option<T> {
        let this = ManuallyDrop::new(this);
        if this.header().decrement() == Left::Shared {
            return None;
        }
        if let Some(side) = this.side() {
            side.bury();
        }
        // SAFETY: O1: that was the last reference, so the value can be moved out.
        let value = unsafe { this.value.read() };
        // SAFETY: the value is not there any more, and nobody can upgrade.
        drop(unsafe { end::Part::new(this.value) });
        Some(value)
    }

    /// The value if this is its only owner, else a clone of it.
    ///
    /// ```
    /// use neap::Rc;
    /// let one = Rc::new(String::from("ebb"));
    /// let two = one.clone();
    /// assert_eq!(Rc::unwrap_or_clone(one), "ebb");
    /// assert_eq!(Rc::unwrap_or_clone(two), "ebb");
    /// ```
    #[inline]
    pub fn unwrap_or_clone(this: Self) -> T
    where
        T: Clone,
    {
        Rc::try_unwrap(this).unwrap_or_else(|shared| (*shared).clone())
    }
}

impl<T: ?Sized> Rc<T> {
    /// The value for changing it, when there is no other `Rc` and no `Weak` to it.
    ///
    /// ```
    /// use neap::Rc;
    /// let mut one = Rc::new(3);
    /// *Rc::get_mut(&mut one).unwrap() = 4;
    /// assert_eq!(*one, 4);
    ///
    /// let _two = one.clone();
    /// assert!(Rc::get_mut(&mut one).is_none());
    /// ```
    #[inline]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        if Rc::strong_count(this) != 1 || Rc::weak_count(this) != 0 {
            return None;
        }
        Some(this.open())
    }
}

impl<T: ?Sized + Duplicate> Rc<T> {
    /// The value for changing it: its own if this is the only owner, else this `Rc` gets a clone.
    ///
    /// `Weak`s to the value of an only owner are left without a value, as with std; the value stays where it is.
    ///
    /// # Panics
    /// When the clone panics; nothing is changed then.
    ///
    /// ```
    /// use neap::Rc;
    /// let mut one = Rc::new(5);
    /// let two = one.clone();
    /// *Rc::make_mut(&mut one) += 1;
    /// assert_eq!((*one, *two), (6, 5));
    /// ```
    #[inline]
    pub fn make_mut(this: &mut Self) -> &mut T {
        if Rc::strong_count(this) != 1 {
            *this = (**this).duplicate();
        } else if Rc::weak_count(this) != 0 {
            this.shake_off();
        }
        this.open()
    }
}

impl<T: ?Sized> Rc<T> {
    /// The value of an only owner, for changing it.
    #[inline]
    fn open(&mut self) -> &mut T {
        // SAFETY: O1: this is the only reference, and it is borrowed as long as the value is.
        unsafe { self.value.as_mut() }
    }

    /// Parts the value of an only owner from its `Weak`s.
    #[cold]
    fn shake_off(&mut self) {
        let Some(side) = self.side() else { return };
        side.bury();
        if side.has_raw() {
            // They name this block: it is theirs now, and the value moves.
            return self.move_out();
        }
        // SAFETY: O1: this is the only reference; without raw ones the block is not kept, and the cell does not name
        // the object any more: the bit goes with it (W1).
        let _ = unsafe { side.part() };
        self.header().part_from_side();
    }

    /// Moves the value of an only owner to another block.
    fn move_out(&mut self) {
        let layout = core::alloc::Layout::for_value::<T>(self);
        let place = object::allocate(layout);
        let from = self.value;
        // SAFETY: both have so many bytes, and are two blocks.
        unsafe { place.copy_from_nonoverlapping(from.cast(), layout.size()) };
        // SAFETY: the same value with the same metadata.
        self.value = unsafe { object::at(from, place) };
        // SAFETY: O1: that was the only reference. The value has moved, and the cell was buried.
        drop(unsafe { end::Part::new(from) });
    }
}

mod sealed {
    pub trait Sealed {}
    impl<T: Clone> Sealed for T {}
    impl<T: Clone> Sealed for [T] {}
    impl Sealed for str {}
    impl Sealed for core::ffi::CStr {}
    impl Sealed for std::ffi::OsStr {}
    impl Sealed for std::path::Path {}
}

/// Values that [`Rc::make_mut`] can copy: what is [`Clone`], slices of it, `str`, `CStr`, `OsStr` and `Path`.
///
/// Stands for std's `CloneToUninit`, which is not stable. It can't be implemented elsewhere.
pub trait Duplicate: sealed::Sealed {
    /// A clone in a block of its own.
    #[doc(hidden)]
    fn duplicate(&self) -> Rc<Self>;
}

impl<T: Clone> Duplicate for T {
    #[inline]
    fn duplicate(&self) -> Rc<T> {
        Rc::new(self.clone())
    }
}

impl<T: Clone> Duplicate for [T] {
    fn duplicate(&self) -> Rc<[T]> {
        self.into()
    }
}

macro_rules! duplicate {
    ($($type:ty),*) => {$(
        impl Duplicate for $type {
            fn duplicate(&self) -> Rc<$type> {
                self.into()
            }
        }
    )*};
}

duplicate!(str, CStr, OsStr, Path);
