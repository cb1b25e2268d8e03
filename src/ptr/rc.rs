//! `Rc`: the counted pointer itself.

mod convert;
mod make;
mod traits;
mod unique;

pub use unique::Duplicate;

use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::Pin;
use core::ptr::NonNull;

use super::header::{Header, Left};
use super::object::{self, Shape};
use super::weak::Weak;
use super::{end, side};

/// A counted pointer: several owners of one value, on one thread. Drop-in for [`std::rc::Rc`].
///
/// The value lies in a block of neap's pools, behind a header of 8 bytes (std's takes 16), whatever the program's
/// global allocator is. Making one costs the pop of a magazine and two stores; [`clone`](Clone::clone) adds one to a
/// count in the header; a drop takes one away, and with the last the value is dropped and its block is free at once.
///
/// ```
/// use neap::Rc;
///
/// let word = Rc::new(String::from("tide"));
/// let same = Rc::clone(&word);
/// assert_eq!(*same, "tide");
/// assert_eq!(Rc::strong_count(&word), 2);
/// drop(word);
/// assert_eq!(Rc::strong_count(&same), 1);
/// ```
///
/// What is different from `std::rc::Rc`: see the [module](crate::rc).
#[repr(transparent)]
pub struct Rc<T: ?Sized> {
    /// Of the value (O1).
    value: NonNull<T>,
    owns: PhantomData<T>,
}

impl<T: RefUnwindSafe + ?Sized> UnwindSafe for Rc<T> {}
impl<T: RefUnwindSafe + ?Sized> RefUnwindSafe for Rc<T> {}
// `Unpin` without a condition, as std's: a move of the pointer does not move the value.
impl<T: ?Sized> Unpin for Rc<T> {}

impl<T: ?Sized> Deref for Rc<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: O1: the value is alive as long as this, and nobody changes it but through what allows for that.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Clone for Rc<T> {
    /// Another pointer to the same value: one addition, no allocation. Aborts the process when there are 2 147 483 648
    /// references already.
    ///
    /// ```
    /// let one = neap::Rc::new(1);
    /// let two = one.clone();
    /// assert!(neap::Rc::ptr_eq(&one, &two));
    /// ```
    #[inline]
    fn clone(&self) -> Self {
        self.header().increment();
        Rc { value: self.value, owns: PhantomData }
    }
}

macro_rules! drop_body {
    () => {
        /// Gives one reference up. With the last, the value is dropped and its block is free; so are others that it
        /// alone owned, at any depth, on any stack (the [module](crate::rc) says in which order).
        ///
        /// # Panics
        /// When the drop of a value panics. All that was to be dropped is dropped and freed nevertheless.
        #[inline]
        fn drop(&mut self) {
            if self.header().decrement() == Left::Nothing {
                // SAFETY: O1: that was the last reference to a live value.
                unsafe { end::end(self.value) };
            }
        }
    };
}

#[cfg(not(feature = "nightly"))]
impl<T: ?Sized> Drop for Rc<T> {
    drop_body!();
}

// SAFETY: a drop does nothing with the value but drop it, which `PhantomData<T>` tells the compiler.
#[cfg(feature = "nightly")]
unsafe impl<#[may_dangle] T: ?Sized> Drop for Rc<T> {
    drop_body!();
}

impl<T> Rc<T> {
    /// Moves `value` into a block of its own.
    ///
    /// Aborts as [`handle_alloc_error`](std::alloc::handle_alloc_error) does when there is no memory, as everything
    /// here that allocates.
    ///
    /// ```
    /// let five = neap::Rc::new(5);
    /// assert_eq!(*five, 5);
    /// ```
    #[inline]
    pub fn new(value: T) -> Rc<T> {
        let place = object::allocate(Layout::new::<T>()).cast::<T>();
        // SAFETY: a block for such a value.
        unsafe { place.write(value) };
        // SAFETY: the value is there, and the header counts one reference.
        unsafe { Rc::from_value(place) }
    }

    /// Makes a value that holds a [`Weak`] to itself: `make` is called with it, before there is a value to upgrade to.
    ///
    /// # Panics
    /// When `make` panics; the block is freed, and clones of the `Weak` stay without a value for ever.
    ///
    /// ```
    /// use neap::rc::{Rc, Weak};
    ///
    /// struct Node { me: Weak<Node>, depth: u32 }
    ///
    /// let node = Rc::new_cyclic(|me| {
    ///     assert!(me.upgrade().is_none());
    ///     Node { me: me.clone(), depth: 3 }
    /// });
    /// assert_eq!(node.me.upgrade().unwrap().depth, 3);
    /// ```
    pub fn new_cyclic<F>(make: F) -> Rc<T>
    where
        F: FnOnce(&Weak<T>) -> T,
    {
        let place = object::allocate(Layout::new::<T>()).cast::<T>();
        // SAFETY: the block was had for such a value.
        let shape = unsafe { Shape::of(place) };
        // SAFETY: the object has no cell yet.
        let cell = unsafe { side::make(place.cast(), shape) };
        cell.bury();
        cell.increment();
        // SAFETY: the cell is the object's, and counts this one.
        let me = unsafe { Weak::from_side(place, cell) };
        // SAFETY: there is no value yet; when there is one, this is forgotten. Dropped before `me`.
        let unmade = unsafe { end::Part::new(place) };
        let value = make(&me);
        core::mem::forget(unmade);
        // SAFETY: a block for such a value.
        unsafe { place.write(value) };
        cell.raise();
        drop(me);
        // SAFETY: the value is there, and the header counts one reference.
        unsafe { Rc::from_value(place) }
    }

    /// A pinned value.
    ///
    /// ```
    /// let pinned = neap::Rc::pin(7);
    /// assert_eq!(*pinned, 7);
    /// ```
    #[must_use]
    pub fn pin(value: T) -> Pin<Rc<T>> {
        // SAFETY: the value stays in its block until it is dropped; `get_mut` and the like ask for an `Rc`, which a
        // `Pin` does not give without `unsafe` or `Unpin`.
        unsafe { Pin::new_unchecked(Rc::new(value)) }
    }

    /// Room for a value that is made later.
    ///
    /// ```
    /// let mut five = neap::Rc::<u32>::new_uninit();
    /// neap::Rc::get_mut(&mut five).unwrap().write(5);
    /// // SAFETY: it was written.
    /// assert_eq!(*unsafe { five.assume_init() }, 5);
    /// ```
    #[must_use]
    pub fn new_uninit() -> Rc<MaybeUninit<T>> {
        let place = object::allocate(Layout::new::<T>()).cast::<MaybeUninit<T>>();
        // SAFETY: no bytes have to be there for a `MaybeUninit`.
        unsafe { Rc::from_value(place) }
    }

    /// Room for a value, all bytes 0. Memory that is known to be 0 is not written again.
    ///
    /// ```
    /// let zero = neap::Rc::<u32>::new_zeroed();
    /// // SAFETY: 0 is a number.
    /// assert_eq!(*unsafe { zero.assume_init() }, 0);
    /// ```
    #[must_use]
    pub fn new_zeroed() -> Rc<MaybeUninit<T>> {
        let place = object::allocate_zeroed(Layout::new::<T>()).cast::<MaybeUninit<T>>();
        // SAFETY: as in `new_uninit`.
        unsafe { Rc::from_value(place) }
    }
}

impl<T: ?Sized> Rc<T> {
    /// # Safety
    /// `value` is alive, in an object, and the caller has one reference that its header counts.
    #[inline(always)]
    pub(super) unsafe fn from_value(value: NonNull<T>) -> Rc<T> {
        Rc { value, owns: PhantomData }
    }

    /// The value's place; the reference is the caller's now.
    #[inline(always)]
    pub(super) fn into_value(this: Rc<T>) -> NonNull<T> {
        ManuallyDrop::new(this).value
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: O1.
        unsafe { object::header(self.value) }
    }

    /// The side cell, if the object has one.
    #[inline(always)]
    fn side(&self) -> Option<&side::Side> {
        // SAFETY: the bit is set.
        self.header().has_side().then(|| unsafe { self.side_unchecked() })
    }

    /// The side cell.
    ///
    /// # Safety
    /// The object has one.
    #[inline(always)]
    unsafe fn side_unchecked(&self) -> &side::Side {
        // SAFETY: O1.
        let shape = unsafe { Shape::of(self.value) };
        // SAFETY: by the precondition.
        unsafe { side::of(self.value.cast(), shape) }
    }

    /// Gives the object its side cell. Once for each object.
    #[cold]
    #[inline(never)]
    fn make_side(&self) {
        // SAFETY: O1.
        let shape = unsafe { Shape::of(self.value) };
        // SAFETY: asked for where the bit is clear.
        unsafe { side::make(self.value.cast(), shape) };
    }

    /// A [`Weak`] to the same value. The first of an object makes its side cell, 16 bytes; later ones cost an addition.
    ///
    /// ```
    /// let strong = neap::Rc::new(5);
    /// let weak = neap::Rc::downgrade(&strong);
    /// assert_eq!(weak.upgrade().as_deref(), Some(&5));
    /// drop(strong);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[inline]
    #[must_use = "this returns a new `Weak`, without changing the original `Rc`"]
    pub fn downgrade(this: &Self) -> Weak<T> {
        if !this.header().has_side() {
            this.make_side();
        }
        // SAFETY: now it has one.
        let side = unsafe { this.side_unchecked() };
        side.increment();
        // SAFETY: the cell is the object's, and counts this one.
        unsafe { Weak::from_side(this.value, side) }
    }

    /// How many [`Weak`]s to the value there are.
    ///
    /// ```
    /// let strong = neap::Rc::new(5);
    /// let _weak = neap::Rc::downgrade(&strong);
    /// assert_eq!(neap::Rc::weak_count(&strong), 1);
    /// ```
    #[inline]
    pub fn weak_count(this: &Self) -> usize {
        this.side().map_or(0, |side| side.weak() as usize)
    }

    /// How many `Rc`s to the value there are.
    ///
    /// ```
    /// let one = neap::Rc::new(5);
    /// let _two = one.clone();
    /// assert_eq!(neap::Rc::strong_count(&one), 2);
    /// ```
    #[inline]
    pub fn strong_count(this: &Self) -> usize {
        this.header().strong() as usize
    }

    /// Whether both point to the same value.
    ///
    /// ```
    /// let one = neap::Rc::new(5);
    /// assert!(neap::Rc::ptr_eq(&one, &one.clone()));
    /// assert!(!neap::Rc::ptr_eq(&one, &neap::Rc::new(5)));
    /// ```
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        core::ptr::addr_eq(this.value.as_ptr(), other.value.as_ptr())
    }

    /// The address of the value, which is alive as long as there is an `Rc`.
    ///
    /// ```
    /// let five = neap::Rc::new(5);
    /// assert_eq!(neap::Rc::as_ptr(&five), &*five as *const i32);
    /// ```
    #[inline]
    pub fn as_ptr(this: &Self) -> *const T {
        this.value.as_ptr()
    }

    /// The address of the value; the reference goes on to count until it comes back through [`from_raw`](Rc::from_raw).
    ///
    /// ```
    /// let raw = neap::Rc::into_raw(neap::Rc::new(5));
    /// // SAFETY: it came from `into_raw`, once.
    /// assert_eq!(*unsafe { neap::Rc::from_raw(raw) }, 5);
    /// ```
    #[inline]
    #[must_use = "losing the pointer will leak memory"]
    pub fn into_raw(this: Self) -> *const T {
        Rc::into_value(this).as_ptr()
    }

    /// Takes a reference back that was turned raw.
    ///
    /// # Safety
    /// `ptr` came from [`Rc::into_raw`] of an `Rc<T>`, or of an `Rc<U>` where `U` has the size and alignment of `T`
    /// and its bytes are a valid `T`; and so often only as references were turned raw (or counted by
    /// [`increment_strong_count`](Rc::increment_strong_count)). Not a pointer of `std::rc::Rc`.
    ///
    /// ```
    /// let raw = neap::Rc::into_raw(neap::Rc::new(5));
    /// // SAFETY: it came from `into_raw`, once.
    /// assert_eq!(*unsafe { neap::Rc::from_raw(raw) }, 5);
    /// ```
    #[inline]
    pub unsafe fn from_raw(ptr: *const T) -> Self {
        // SAFETY: no value lies at 0.
        let value = unsafe { NonNull::new_unchecked(ptr.cast_mut()) };
        // SAFETY: the caller's promise.
        unsafe { Rc::from_value(value) }
    }

    /// Counts one reference more.
    ///
    /// # Safety
    /// `ptr` came from [`Rc::into_raw`], and the value is alive.
    ///
    /// ```
    /// use neap::Rc;
    /// let five = Rc::new(5);
    /// let raw = Rc::into_raw(five);
    /// // SAFETY: the value is alive, and both references are taken back.
    /// let (one, two) = unsafe {
    ///     Rc::increment_strong_count(raw);
    ///     (Rc::from_raw(raw), Rc::from_raw(raw))
    /// };
    /// assert_eq!(Rc::strong_count(&one), 2);
    /// # drop(two);
    /// ```
    #[inline]
    pub unsafe fn increment_strong_count(ptr: *const T) {
        // SAFETY: no value lies at 0.
        let value = unsafe { NonNull::new_unchecked(ptr.cast_mut()) };
        // SAFETY: the caller's promise.
        unsafe { object::header(value) }.increment();
    }

    /// Gives one reference up, as the drop of an `Rc` does.
    ///
    /// # Safety
    /// `ptr` came from [`Rc::into_raw`], the value is alive, and the reference is the caller's.
    ///
    /// ```
    /// use neap::Rc;
    /// let five = Rc::new(5);
    /// let raw = Rc::into_raw(five.clone());
    /// // SAFETY: that reference is given up, once.
    /// unsafe { Rc::decrement_strong_count(raw) };
    /// assert_eq!(Rc::strong_count(&five), 1);
    /// ```
    #[inline]
    pub unsafe fn decrement_strong_count(ptr: *const T) {
        // SAFETY: the caller's promise.
        drop(unsafe { Rc::from_raw(ptr) });
    }
}
