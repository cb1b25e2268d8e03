//! The end of an object: its last reference has gone.
//!
//! In this order: nobody can upgrade to it any more; its value is dropped; its block goes back to the pool that it came
//! from. A panic in the drop does not change that.

use core::mem::needs_drop;
use core::ptr::{self, NonNull};

use super::object::{self, Shape};
use super::{borrows, later, nest, side};

// The functions that lie on the stack while a value is dropped keep their frames small, in debug builds too: what
// they need besides is done in functions of their own, and nothing is inlined by force.

/// Ends an object whose count of references has come to 0.
///
/// # Safety
/// `value` is in such an object, is alive, and the caller gives it up.
#[inline]
pub unsafe fn end<T: ?Sized>(value: NonNull<T>) {
    if needs_drop::<T>() {
        // SAFETY: the caller's promise.
        unsafe { end_slow(value) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { end_plain(value) };
    }
}

/// For values with nothing to drop.
#[inline]
unsafe fn end_plain<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: by the precondition.
    if unsafe { object::header(value) }.has_side() {
        // SAFETY: the caller's promise.
        return unsafe { end_observed(value) };
    }
    // SAFETY: by the precondition.
    let shape = unsafe { Shape::of(value) };
    // SAFETY: nothing has to be dropped, and there is no `Weak`.
    unsafe { object::free(value.cast(), shape) };
}

/// For values with something to drop: a call, because this is where drops nest.
#[inline(never)]
unsafe fn end_slow<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: by the precondition.
    if unsafe { object::header(value) }.has_side() {
        // SAFETY: the caller's promise.
        unsafe { bury(value) };
    }
    // SAFETY: the caller's promise; nobody can upgrade any more.
    unsafe { nest::descend::<Counted, T>(value, may_wait::<T>) };
}

/// For objects with a side cell, and nothing to drop.
#[inline(never)]
unsafe fn end_observed<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: the caller's promise.
    unsafe { bury(value) };
    // SAFETY: the caller's promise; nobody can upgrade any more, and nothing has to be dropped.
    drop(unsafe { Part::new(value) });
}

#[inline]
unsafe fn bury<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: the caller's promise.
    let shape = unsafe { Shape::of(value) };
    // SAFETY: the caller says that it has a cell.
    unsafe { side::of(value.cast(), shape) }.bury();
}

/// The end of what an `Rc` points to.
struct Counted;

impl later::End for Counted {
    /// Drops the value and gives the block back. Nobody can upgrade any more.
    #[inline]
    unsafe fn end<T: ?Sized>(value: NonNull<T>) {
        // SAFETY: the caller's promise. Before the drop, because afterwards there is no value to be asked.
        let _part = unsafe { Part::new(value) };
        // SAFETY: the value is alive and given up.
        unsafe { ptr::drop_in_place(value.as_ptr()) };
    }
}

/// Whether the drop of such a value may be put off.
fn may_wait<T: ?Sized>() -> bool {
    !borrows::may_borrow::<T>()
}

/// Gives the block back when it is dropped, unless a raw `Weak` keeps it; so also when the drop of the value panics.
/// For an object whose value is dropped, has been moved out, or not been made.
pub struct Part<T: ?Sized>(NonNull<T>, Shape);

impl<T: ?Sized> Part<T> {
    /// For the object of `value`.
    ///
    /// # Safety
    /// When this is dropped, the object has no references, its value is not there any more, and its cell, if there is
    /// one, is buried; the caller gives it up.
    #[inline]
    pub unsafe fn new(value: NonNull<T>) -> Part<T> {
        // SAFETY: by the precondition.
        Part(value, unsafe { Shape::of(value) })
    }
}

impl<T: ?Sized> Drop for Part<T> {
    #[inline]
    fn drop(&mut self) {
        let Part(value, shape) = *self;
        // SAFETY: the maker's promise: the block is there.
        if unsafe { object::header(value) }.has_side() {
            // SAFETY: the maker's promise.
            unsafe { part_observed(value, shape) };
        } else {
            // SAFETY: the maker's promise, and without a cell there is no `Weak`.
            unsafe { object::free(value.cast(), shape) };
        }
    }
}

#[inline(never)]
unsafe fn part_observed<T: ?Sized>(value: NonNull<T>, shape: Shape) {
    // Where the type says it, the compiler shall know it.
    // SAFETY: a value of a type of known size is not looked at.
    let shape = if is_thin::<T>() { unsafe { Shape::of(value) } } else { shape };
    // SAFETY: the caller's promise.
    let side = unsafe { side::of(value.cast(), shape) };
    // SAFETY: the object is given up.
    let kept = unsafe { side.part() };
    if !kept {
        // SAFETY: no raw `Weak` names it.
        unsafe { object::free(value.cast(), shape) };
    }
}

/// Whether pointers to it have no metadata, because its size is known.
const fn is_thin<T: ?Sized>() -> bool {
    size_of::<*const T>() == size_of::<*const u8>()
}
