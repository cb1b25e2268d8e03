//! `Weak`: a reference that does not keep its object alive.

use core::fmt;
use core::mem::ManuallyDrop;
use core::num::NonZeroUsize;
use core::ptr::NonNull;

use super::object::{self, Shape};
use super::rc::Rc;
use super::side::{self, Raw, Side};

/// A reference that does not own the value: [`upgrade`](Weak::upgrade) gives an [`Rc`] as long as there is another.
///
/// Drop-in for [`std::rc::Weak`], but that the object's memory goes back when its last `Rc` does, however many
/// `Weak`s are left: these share a cell of 16 bytes, which stays until the last is gone.
///
/// ```
/// use neap::rc::{Rc, Weak};
///
/// let strong = Rc::new(5);
/// let weak: Weak<i32> = Rc::downgrade(&strong);
/// assert_eq!(weak.upgrade(), Some(strong.clone()));
/// drop(strong);
/// assert_eq!(weak.upgrade(), None);
/// ```
#[repr(transparent)]
pub struct Weak<T: ?Sized> {
    /// The address of the side cell (W2) with the metadata of the value, or [`NOTHING`]. The provenance is the
    /// value's, so that what comes of [`upgrade`](Weak::upgrade) has it.
    cell: NonNull<T>,
}

/// The address of a `Weak` that never had an object.
const NOTHING: NonZeroUsize = NonZeroUsize::MAX;

impl<T> Weak<T> {
    /// Without an object. Costs nothing.
    ///
    /// ```
    /// let nobody: neap::rc::Weak<i64> = neap::rc::Weak::new();
    /// assert!(nobody.upgrade().is_none());
    /// ```
    #[must_use]
    pub const fn new() -> Weak<T> {
        Weak { cell: NonNull::without_provenance(NOTHING) }
    }
}

impl<T: ?Sized> Weak<T> {
    /// # Safety
    /// `side` is the cell of the object with `value`, and counts this `Weak`.
    #[inline(always)]
    pub(super) unsafe fn from_side(value: NonNull<T>, side: &Side) -> Weak<T> {
        Weak { cell: move_to(value, side.address()) }
    }

    /// Where the side cell is.
    #[cfg(test)]
    pub(super) fn cell_address(&self) -> usize {
        self.cell.addr().get()
    }

    /// The pointer in it.
    pub(super) fn into_cell(this: Weak<T>) -> NonNull<T> {
        ManuallyDrop::new(this).cell
    }

    /// # Safety
    /// `cell` came from [`into_cell`](Weak::into_cell), perhaps with other metadata that fit the value.
    pub(super) unsafe fn from_cell(cell: NonNull<T>) -> Weak<T> {
        Weak { cell }
    }

    /// The side cell; `None` for a `Weak` that never had an object.
    #[inline(always)]
    fn side(&self) -> Option<&Side> {
        let address = self.cell.addr();
        // SAFETY: W3: the cell is there as long as this.
        (address != NOTHING).then(|| unsafe { side::at(address.get()) })
    }

    /// An [`Rc`] to the value, if it is alive: not when its last `Rc` is gone, not while it is being dropped, and not
    /// before [`Rc::new_cyclic`] has made it.
    ///
    /// ```
    /// let five = neap::Rc::new(5);
    /// let weak = neap::Rc::downgrade(&five);
    /// assert!(weak.upgrade().is_some());
    /// drop(five);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[inline]
    #[must_use = "this returns a new `Rc`, without changing the original `Weak`"]
    pub fn upgrade(&self) -> Option<Rc<T>> {
        let value = move_to(self.cell, self.side()?.alive()?);
        // SAFETY: the cell says that the value is alive.
        unsafe { object::header(value) }.increment();
        // SAFETY: as above, and the header counts this reference.
        Some(unsafe { Rc::from_value(value) })
    }

    /// How many [`Rc`]s to the value there are; 0 when it is not alive.
    ///
    /// ```
    /// let five = neap::Rc::new(5);
    /// let weak = neap::Rc::downgrade(&five);
    /// assert_eq!(weak.strong_count(), 1);
    /// drop(five);
    /// assert_eq!(weak.strong_count(), 0);
    /// ```
    #[must_use]
    pub fn strong_count(&self) -> usize {
        let Some(value) = self.side().and_then(Side::alive) else { return 0 };
        // SAFETY: the cell says that the value is alive.
        unsafe { object::header(move_to(self.cell, value)) }.strong() as usize
    }

    /// How many `Weak`s to the value there are; 0 when it is not alive.
    ///
    /// ```
    /// let five = neap::Rc::new(5);
    /// let weak = neap::Rc::downgrade(&five);
    /// assert_eq!(weak.weak_count(), 1);
    /// ```
    #[must_use]
    pub fn weak_count(&self) -> usize {
        self.side().filter(|side| side.alive().is_some()).map_or(0, |side| side.weak() as usize)
    }

    /// Whether both are of the same object, or both of none. An object that is gone goes on to differ from all
    /// others, also from one that lies at the same address now.
    ///
    /// ```
    /// use neap::rc::{Rc, Weak};
    /// let five = Rc::new(5);
    /// assert!(Rc::downgrade(&five).ptr_eq(&Rc::downgrade(&five)));
    /// assert!(!Rc::downgrade(&five).ptr_eq(&Weak::new()));
    /// ```
    #[inline]
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        core::ptr::addr_eq(self.cell.as_ptr(), other.cell.as_ptr())
    }

    /// The address of the value, or where it was. Once it is not alive, another object may lie there: to tell objects
    /// apart, use [`ptr_eq`](Weak::ptr_eq).
    ///
    /// ```
    /// let five = neap::Rc::new(5);
    /// let weak = neap::Rc::downgrade(&five);
    /// assert_eq!(weak.as_ptr(), neap::Rc::as_ptr(&five));
    /// ```
    #[must_use]
    pub fn as_ptr(&self) -> *const T {
        match self.side() {
            Some(side) => move_to(self.cell, side.value()).as_ptr(),
            None => self.cell.as_ptr(),
        }
    }

    /// The address of the value; this `Weak` goes on to count until it comes back through
    /// [`from_raw`](Weak::from_raw), and until then the object's memory is not used for another one. (When it has been
    /// already, the address is one that no value has.)
    ///
    /// ```
    /// use neap::rc::{Rc, Weak};
    /// let five = Rc::new(5);
    /// let raw = Rc::downgrade(&five).into_raw();
    /// assert_eq!(raw, Rc::as_ptr(&five));
    /// // SAFETY: it came from `into_raw`, once.
    /// drop(unsafe { Weak::from_raw(raw) });
    /// ```
    #[must_use = "losing the pointer will leak memory"]
    pub fn into_raw(self) -> *const T {
        let raw = match self.side().map(Side::turn_raw) {
            None => self.cell,
            Some(Raw::Value(address) | Raw::Cell(address)) => move_to(self.cell, address),
        };
        core::mem::forget(self);
        raw.as_ptr()
    }

    /// Takes a `Weak` back that was turned raw.
    ///
    /// # Safety
    /// `ptr` came from [`Weak::into_raw`] of a `Weak<T>`, or of a `Weak<U>` where `U` has the size and alignment of
    /// `T`; once. Not a pointer of `std::rc::Weak`.
    ///
    /// ```
    /// use neap::rc::{Rc, Weak};
    /// let five = Rc::new(5);
    /// let raw = Rc::downgrade(&five).into_raw();
    /// drop(five);
    /// // SAFETY: it came from `into_raw`, once.
    /// assert!(unsafe { Weak::from_raw(raw) }.upgrade().is_none());
    /// ```
    pub unsafe fn from_raw(ptr: *const T) -> Self {
        // SAFETY: neither a value nor a cell lies at 0.
        let raw = unsafe { NonNull::new_unchecked(ptr.cast_mut()) };
        if raw.addr() == NOTHING {
            return Weak { cell: raw };
        }
        if raw.addr().get() % align_of::<usize>() != 0 {
            return Weak { cell: move_to(raw, raw.addr().get() - 1) };
        }
        // SAFETY: W2: the block of the value is kept.
        let shape = unsafe { Shape::of(raw) };
        // SAFETY: as above, and there is a cell, because this `Weak` is counted in it.
        let side = unsafe { side::of(raw.cast(), shape) };
        if side.turn_back() {
            // SAFETY: it was kept for this one alone.
            unsafe { object::free(raw.cast(), shape) };
        }
        // SAFETY: the caller's promise.
        unsafe { Weak::from_side(raw, side) }
    }
}

/// The same pointer with another address.
#[inline(always)]
fn move_to<T: ?Sized>(pointer: NonNull<T>, address: usize) -> NonNull<T> {
    // SAFETY: neither values nor cells lie at 0.
    pointer.with_addr(unsafe { NonZeroUsize::new_unchecked(address) })
}

impl<T: ?Sized> Clone for Weak<T> {
    /// Another `Weak` to the same object: one addition. Aborts the process when there are 2 147 483 646 already.
    #[inline]
    fn clone(&self) -> Self {
        if let Some(side) = self.side() {
            side.increment();
        }
        Weak { cell: self.cell }
    }
}

macro_rules! drop_body {
    () => {
        #[inline]
        fn drop(&mut self) {
            if let Some(side) = self.side() {
                // SAFETY: this is the one.
                unsafe { side.decrement() };
            }
        }
    };
}

#[cfg(not(feature = "nightly"))]
impl<T: ?Sized> Drop for Weak<T> {
    drop_body!();
}

// SAFETY: a drop does nothing with the value.
#[cfg(feature = "nightly")]
unsafe impl<#[may_dangle] T: ?Sized> Drop for Weak<T> {
    drop_body!();
}

impl<T> Default for Weak<T> {
    /// As [`Weak::new`].
    fn default() -> Self {
        Weak::new()
    }
}

impl<T: ?Sized> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}
