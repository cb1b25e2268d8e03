//! `Gc`: the counted pointer whose cycles are found.

use core::alloc::Layout;
use core::any::Any;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::Deref;
use core::ptr::NonNull;

use super::end::{self, After, Part};
use super::header::{self, Age, Header, Low};
use super::info::{Info, TypeCode};
use super::object::Shape;
use super::trace::Trace;
use super::{Weak, state, weak};
use crate::ptr::Coerce;

/// A reference to a value that it owns together with others, as [`Rc`](crate::Rc); and when only a cycle of such
/// references keeps a value alive, the collector finds it.
///
/// One word. The object has a header of 8 bytes. `clone` and `drop` count; a value whose last reference goes is dropped at
/// once. A drop that leaves other references notes the object as a *candidate*, once: cycles are looked for from there.
///
/// ```
/// use neap::{Gc, Trace, gc};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Node {
///     next: RefCell<Option<Gc<Node>>>,
/// }
///
/// let a = Gc::new(Node { next: RefCell::new(None) });
/// let b = Gc::new(Node { next: RefCell::new(Some(a.clone())) });
/// *a.next.borrow_mut() = Some(b.clone());
/// drop((a, b)); // They hold each other.
/// assert_eq!(gc::collect().collected, 2);
/// ```
#[repr(transparent)]
pub struct Gc<T: ?Sized> {
    value: NonNull<T>,
    owns: PhantomData<T>,
}

impl<T: Trace> Gc<T> {
    /// What the header of a new object of this type says.
    #[inline(always)]
    fn low(code: TypeCode, tracked: bool) -> Low {
        let age = if tracked { state::birth() } else { Age::UNTRACKED };
        Low::new(code, age, !tracked, T::finalizer().is_some())
    }

    #[inline(always)]
    fn room(tracked: bool) -> NonNull<T> {
        let low = || Self::low(TypeCode::of(Info::of::<T>()), tracked);
        match const { Shape::of_layout(Layout::new::<T>()) } {
            Some(shape) => shape.allocate(low, None).cast(),
            None => panic!("capacity overflow"),
        }
    }

    /// The same if a block is at hand.
    #[inline(always)]
    fn room_at_hand(tracked: bool) -> Option<NonNull<T>> {
        let shape = const { Shape::of_layout(Layout::new::<T>()) }?;
        let code = TypeCode::near(Info::of::<T>())?;
        shape.allocate_at_hand(|| Self::low(code, tracked)).map(NonNull::cast)
    }

    /// Bytes of a value that is likely in registers.
    const SMALL: usize = 64;

    #[inline(always)]
    fn make(value: T, tracked: bool) -> Gc<T> {
        if const { size_of::<T>() > Self::SMALL } {
            return Self::make_large(value, tracked);
        }
        let value = ManuallyDrop::new(value);
        let Some(place) = Self::room_at_hand(tracked) else {
            // A copy, so that only this has an address; the compiler must not see that it is one.
            let mut copy = MaybeUninit::<ManuallyDrop<T>>::uninit();
            core::hint::black_box(&mut copy).write(value);
            // SAFETY: it was written just now.
            return Self::make_slow(
                ManuallyDrop::into_inner(unsafe { copy.assume_init() }),
                tracked,
            );
        };
        let value = ManuallyDrop::into_inner(value);
        // SAFETY: a block for such a value, which nobody else has.
        unsafe { place.write(value) };
        // SAFETY: the value is there, and the header counts one reference.
        unsafe { Gc::from_value(place) }
    }

    /// The same when a collection may come first. The call takes the value along: where something may panic and the value would have
    /// to be dropped, it has to lie in memory, and is copied from there as soon as it was written, for which processors have
    /// to wait.
    #[cold]
    #[inline(never)]
    fn make_slow(value: T, tracked: bool) -> Gc<T> {
        Self::make_large(value, tracked)
    }

    /// The same for a value that lies in memory anyway: there is no second copy of it on the stack.
    #[inline(always)]
    fn make_large(value: T, tracked: bool) -> Gc<T> {
        let place = Self::room(tracked);
        // SAFETY: a block for such a value, which nobody else has.
        unsafe { place.write(value) };
        // SAFETY: the value is there, and the header counts one reference.
        unsafe { Gc::from_value(place) }
    }

    /// A new object with one reference.
    ///
    /// Costs what [`Rc::new`](crate::Rc::new) does. Now and then, when no block is at hand, it is time for a collection,
    /// which comes first (`neap::gc`).
    ///
    /// ```
    /// let five = neap::Gc::new(5);
    /// assert_eq!(*five, 5);
    /// ```
    #[inline]
    pub fn new(value: T) -> Gc<T> {
        Self::make(value, T::is_cyclic())
    }

    /// A new object at which the collector never looks: for one whose author knows that it is part of no cycle. If it is
    /// all the same, the cycle stays for ever.
    ///
    /// ```
    /// use neap::{Gc, gc};
    /// let leaf = Gc::new_untracked(vec![Gc::new(1), Gc::new(2)]);
    /// assert!(!gc::is_tracked(&leaf));
    /// ```
    #[inline]
    pub fn new_untracked(value: T) -> Gc<T> {
        Self::make(value, false)
    }

    /// A new object that holds a [`Weak`] to itself, which `make` is given, and which upgrades from then on when it has
    /// returned.
    ///
    /// # Panics
    /// When `make` does; then nothing is left behind.
    ///
    /// ```
    /// use neap::{Gc, Trace, gc::Weak};
    /// #[derive(Trace)]
    /// struct Node { me: Weak<Node> }
    /// let node = Gc::new_cyclic(|me| Node { me: me.clone() });
    /// assert!(Gc::ptr_eq(&node.me.upgrade().unwrap(), &node));
    /// ```
    pub fn new_cyclic(make: impl FnOnce(&Weak<T>) -> T) -> Gc<T> {
        let place = Self::room(T::is_cyclic());
        // SAFETY: an object without a value.
        let header = unsafe { header::of(place) };
        // Not alive until the value is there: no collection takes it for an object.
        header.set_strong(0);
        // SAFETY: as above.
        let me = unsafe { Weak::to_unmade(place) };
        // SAFETY: there is no value yet; when there is one, this is forgotten. Dropped before `me`.
        let unmade = unsafe { Part::new(place.cast::<MaybeUninit<T>>()) };
        let value = make(&me);
        core::mem::forget(unmade);
        // SAFETY: a block for such a value.
        unsafe { place.write(value) };
        header.set_strong(1);
        me.raise();
        drop(me);
        // SAFETY: the value is there, and the header counts one reference.
        unsafe { Gc::from_value(place) }
    }

    /// The value, if this is the only reference to it. What `Weak`s there are can't be upgraded any more.
    ///
    /// # Errors
    /// The reference itself, when there are others.
    ///
    /// ```
    /// use neap::Gc;
    /// assert_eq!(Gc::try_unwrap(Gc::new(5)), Ok(5));
    /// let two = Gc::new(5);
    /// assert_eq!(Gc::try_unwrap(two.clone()), Err(two));
    /// ```
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        if this.header().strong() != 1 {
            return Err(this);
        }
        let value = this.value;
        // SAFETY: that is the only reference, and the value moves out.
        let _part = unsafe { Gc::give_up(this) };
        // SAFETY: it is there, and the block stays until this returns.
        Ok(unsafe { value.read() })
    }

    /// The value, if this was the last reference to it; of several that are given up so, exactly one gives the value.
    ///
    /// ```
    /// assert_eq!(neap::Gc::into_inner(neap::Gc::new(5)), Some(5));
    /// ```
    pub fn into_inner(this: Self) -> Option<T> {
        Gc::try_unwrap(this).ok()
    }

    /// The value, or a clone of it when there are other references.
    ///
    /// ```
    /// assert_eq!(neap::Gc::unwrap_or_clone(neap::Gc::new(5)), 5);
    /// ```
    pub fn unwrap_or_clone(this: Self) -> T
    where
        T: Clone,
    {
        Gc::try_unwrap(this).unwrap_or_else(|this| (*this).clone())
    }

    /// The value to be changed; a clone of it in an object of its own when there are other references. `Weak`s to an
    /// object with one reference are parted from it.
    ///
    /// ```
    /// use neap::Gc;
    /// let mut one = Gc::new(5);
    /// let two = one.clone();
    /// *Gc::make_mut(&mut one) += 1;
    /// assert_eq!((*one, *two), (6, 5));
    /// ```
    pub fn make_mut(this: &mut Self) -> &mut T
    where
        T: Clone,
    {
        if this.header().strong() == 1 && Gc::weak_count(this) > 0 {
            // Only `Weak`s: the value moves to an object that they do not know.
            let tracked = this.header().low().age() != Age::UNTRACKED;
            // A collection may come first, and what is dropped then may upgrade one of them.
            let place = Self::room(tracked);
            if this.header().strong() == 1 {
                // SAFETY: both are for such a value; it moves.
                unsafe { place.copy_from_nonoverlapping(this.value, 1) };
                // It is as old, and was finalized, if it was.
                // SAFETY: there is a header.
                unsafe { header::of(place) }.set_low(this.header().low().with_side(false));
                // SAFETY: the value is there.
                let moved = unsafe { Gc::from_value(place) };
                let old = core::mem::replace(this, moved);
                // SAFETY: that was the only reference, and its value has moved out.
                drop(unsafe { Gc::give_up(old) });
            } else {
                // SAFETY: there is a header, and it counts our reference.
                unsafe { header::of(place) }.set_strong(0);
                // SAFETY: nobody else knows the object, and there is no value.
                drop(unsafe { Part::new(place.cast::<MaybeUninit<T>>()) });
            }
        }
        if this.header().strong() != 1 {
            *this = Gc::new((**this).clone());
        }
        this.unlist();
        // SAFETY: there is one reference, which is borrowed, and no `Weak`; and the collector does not look at it.
        unsafe { this.value.as_mut() }
    }

    /// Gives an object up whose value is about to move out, or has.
    ///
    /// # Safety
    /// There is no other reference, and when what this gives is dropped the value is gone.
    unsafe fn give_up(this: Gc<T>) -> (Part<MaybeUninit<T>>, After) {
        let value = Gc::into_value(this);
        // SAFETY: the reference is ours.
        let header = unsafe { header::of(value) };
        header.set_strong(0);
        // SAFETY: the last reference is given up.
        let after = unsafe { end::bury(value.cast()) };
        // SAFETY: the caller's promise; nobody can upgrade any more.
        (unsafe { Part::new(value.cast::<MaybeUninit<T>>()) }, after)
    }
}

impl<T: ?Sized> Gc<T> {
    /// # Safety
    /// `value` is alive, in a collected object, and the caller has one reference that its header counts.
    #[inline(always)]
    pub(super) unsafe fn from_value(value: NonNull<T>) -> Gc<T> {
        Gc { value, owns: PhantomData }
    }

    /// The value's place; the reference is the caller's now.
    #[inline(always)]
    pub(super) fn into_value(this: Gc<T>) -> NonNull<T> {
        ManuallyDrop::new(this).value
    }

    /// The value's place.
    #[inline(always)]
    pub(super) fn value(this: &Gc<T>) -> NonNull<T> {
        this.value
    }

    #[inline(always)]
    pub(super) fn header(&self) -> &Header {
        // SAFETY: G1.
        unsafe { header::of(self.value) }
    }

    /// A [`Weak`] to the same object. The first of an object makes its side cell, 16 bytes.
    ///
    /// ```
    /// use neap::Gc;
    /// let strong = Gc::new(5);
    /// let weak = Gc::downgrade(&strong);
    /// drop(strong);
    /// assert!(weak.upgrade().is_none());
    /// ```
    ///
    /// # Panics
    /// When the object is dead (see [`deref`](Gc::deref)).
    #[must_use = "this returns a new `Weak`, without changing the original `Gc`"]
    pub fn downgrade(this: &Self) -> Weak<T> {
        this.check();
        // SAFETY: it is alive.
        unsafe { Weak::to(this.value) }
    }

    /// How many `Gc`s to the object there are; 0 when it is dead (see [`deref`](Gc::deref)).
    ///
    /// ```
    /// use neap::Gc;
    /// let one = Gc::new(5);
    /// let _two = one.clone();
    /// assert_eq!(Gc::strong_count(&one), 2);
    /// ```
    #[inline]
    pub fn strong_count(this: &Self) -> usize {
        if this.header().is_alive() { this.header().strong() as usize } else { 0 }
    }

    /// How many [`Weak`]s to the object there are; 0 when it is dead (see [`deref`](Gc::deref)).
    ///
    /// ```
    /// use neap::Gc;
    /// let strong = Gc::new(5);
    /// let _weak = Gc::downgrade(&strong);
    /// assert_eq!(Gc::weak_count(&strong), 1);
    /// ```
    pub fn weak_count(this: &Self) -> usize {
        if !this.header().is_alive() {
            return 0;
        }
        // SAFETY: it is alive.
        unsafe { weak::count(this.value.cast()) }
    }

    /// Whether both are of the same object.
    ///
    /// ```
    /// use neap::Gc;
    /// let one = Gc::new(5);
    /// assert!(Gc::ptr_eq(&one, &one.clone()));
    /// assert!(!Gc::ptr_eq(&one, &Gc::new(5)));
    /// ```
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        core::ptr::addr_eq(this.value.as_ptr(), other.value.as_ptr())
    }

    /// The address of the value.
    #[inline]
    pub fn as_ptr(this: &Self) -> *const T {
        this.value.as_ptr()
    }

    /// The value to be changed, if this is the only reference to it, and there is no `Weak`.
    ///
    /// ```
    /// use neap::Gc;
    /// let mut one = Gc::new(5);
    /// *Gc::get_mut(&mut one).unwrap() += 1;
    /// let _two = one.clone();
    /// assert!(Gc::get_mut(&mut one).is_none());
    /// ```
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        let alone = this.header().strong() == 1 && Gc::weak_count(this) == 0;
        alone.then(|| {
            this.unlist();
            // SAFETY: there is one reference, which is borrowed, and no `Weak`; and the collector does not look at it.
            unsafe { this.value.as_mut() }
        })
    }

    /// The address of the value; the reference goes on to count until it comes back through [`from_raw`](Gc::from_raw).
    ///
    /// ```
    /// use neap::Gc;
    /// let raw = Gc::into_raw(Gc::new(5));
    /// // SAFETY: it came from `into_raw`, once.
    /// assert_eq!(*unsafe { Gc::from_raw(raw) }, 5);
    /// ```
    #[inline]
    #[must_use = "losing the pointer will leak memory"]
    pub fn into_raw(this: Self) -> *const T {
        Gc::into_value(this).as_ptr()
    }

    /// Takes a reference back that was turned raw.
    ///
    /// # Safety
    /// `ptr` came from [`Gc::into_raw`], and comes back so often as references were turned raw.
    #[inline]
    pub unsafe fn from_raw(ptr: *const T) -> Self {
        // SAFETY: no value lies at 0.
        let value = unsafe { NonNull::new_unchecked(ptr.cast_mut()) };
        // SAFETY: the caller's promise.
        unsafe { Gc::from_value(value) }
    }

    /// Counts one reference more.
    ///
    /// # Safety
    /// `ptr` came from [`Gc::into_raw`], and the value is alive.
    #[inline]
    pub unsafe fn increment_strong_count(ptr: *const T) {
        // SAFETY: the caller's promise.
        let this = ManuallyDrop::new(unsafe { Gc::from_raw(ptr) });
        this.header().increment();
    }

    /// Gives one reference up, as the drop of a `Gc` does.
    ///
    /// # Safety
    /// `ptr` came from [`Gc::into_raw`], the value is alive, and the reference is the caller's.
    #[inline]
    pub unsafe fn decrement_strong_count(ptr: *const T) {
        // SAFETY: the caller's promise.
        drop(unsafe { Gc::from_raw(ptr) });
    }

    /// Takes an object with one reference out of the candidates: the collector does not come to it while its value is
    /// being changed. (Not over an edge either: whoever owns that reference is being changed as well, and is not
    /// traced.) No cycle is lost by that: what holds the last reference has one from outside, or it could not be changed, and when
    /// that goes it is a candidate. Questions about all objects pass it by from now on, until it is one.
    fn unlist(&self) {
        let low = self.header().low();
        if low.age() != Age::UNTRACKED {
            self.header().set_low(low.settled(false).changing(true));
        }
    }

    /// Panics when the object is dead.
    #[inline(always)]
    pub(super) fn check(&self) {
        if !self.header().is_alive() {
            dead();
        }
    }
}

#[cold]
#[inline(never)]
fn dead() -> ! {
    panic!("the object that this `Gc` points to was found unreachable and is being dropped")
}

impl<T: ?Sized> Deref for Gc<T> {
    type Target = T;

    /// The value.
    ///
    /// # Panics
    /// When the object was found unreachable by the collector: seen only from the `Drop` of a value that died with it, and through
    /// clones that such a `Drop` kept. (The memory of an object of which one was kept is not used again.)
    #[inline(always)]
    fn deref(&self) -> &T {
        self.check();
        // SAFETY: it is alive.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Clone for Gc<T> {
    /// Another reference to the same object: one addition. Aborts the process when there are 2 147 483 648 already.
    #[inline(always)]
    fn clone(&self) -> Self {
        self.header().increment();
        Gc { value: self.value, owns: PhantomData }
    }
}

impl<T: ?Sized> Drop for Gc<T> {
    /// Gives the reference up. With the last one the value is dropped and its memory freed; with any other the object
    /// becomes a candidate, if it is not one already.
    #[inline(always)]
    fn drop(&mut self) {
        let header = self.header();
        if header.decrement() {
            if !header.is_dead() {
                // SAFETY: that was the last.
                unsafe { end::end(self.value) };
            }
        } else if !header.low().is_settled() {
            // SAFETY: it is alive, and not settled.
            unsafe { state::enlist(self.value.cast()) };
        }
    }
}

/// Gives a reference up, whatever the object's type is.
///
/// # Safety
/// `value` is in an object, and the reference is the caller's.
#[inline]
pub(super) unsafe fn release_erased(value: NonNull<u8>) {
    // SAFETY: by the precondition.
    let header = unsafe { header::of(value) };
    if header.decrement() {
        if !header.is_dead() {
            // SAFETY: that was the last.
            unsafe { end::end_erased(value) };
        }
    } else if !header.low().is_settled() {
        // SAFETY: it is alive, and not settled.
        unsafe { state::enlist(value) };
    }
}

// SAFETY: a `Gc` is the pointer to its value.
unsafe impl<T: ?Sized> Coerce for Gc<T> {
    type Value = T;
    type To<U: ?Sized> = Gc<U>;

    #[inline(always)]
    fn into_raw(self) -> *mut T {
        Gc::into_value(self).as_ptr()
    }

    #[inline(always)]
    unsafe fn from_raw<U: ?Sized>(raw: *mut U) -> Gc<U> {
        // SAFETY: no value lies at 0.
        let value = unsafe { NonNull::new_unchecked(raw) };
        // SAFETY: the caller's promise.
        unsafe { Gc::from_value(value) }
    }
}

// SAFETY: a `Weak` is a pointer whose metadata are the value's.
unsafe impl<T: ?Sized> Coerce for Weak<T> {
    type Value = T;
    type To<U: ?Sized> = Weak<U>;

    #[inline(always)]
    fn into_raw(self) -> *mut T {
        Weak::into_cell(self).as_ptr()
    }

    #[inline(always)]
    unsafe fn from_raw<U: ?Sized>(raw: *mut U) -> Weak<U> {
        // SAFETY: no cell lies at 0.
        let cell = unsafe { NonNull::new_unchecked(raw) };
        // SAFETY: the caller's promise.
        unsafe { Weak::from_cell(cell) }
    }
}

impl Gc<dyn Any> {
    /// The value as a `T`, if it is one.
    ///
    /// # Errors
    /// The `Gc` itself when it is not.
    pub fn downcast<T: Any>(self) -> Result<Gc<T>, Self> {
        if !(*self).is::<T>() {
            return Err(self);
        }
        // SAFETY: the value is a `T`.
        Ok(unsafe { Gc::from_value(Gc::into_value(self).cast()) })
    }
}

impl<T: Trace> From<T> for Gc<T> {
    fn from(value: T) -> Gc<T> {
        Gc::new(value)
    }
}

impl<T: Trace + Default> Default for Gc<T> {
    fn default() -> Gc<T> {
        Gc::new(T::default())
    }
}

impl<T: ?Sized> AsRef<T> for Gc<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> Borrow<T> for Gc<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Gc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Gc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> fmt::Pointer for Gc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.value, f)
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Gc<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Gc<T> {}

impl<T: ?Sized + PartialOrd> PartialOrd for Gc<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Ord> Ord for Gc<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash> Hash for Gc<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: ?Sized> Unpin for Gc<T> {}
