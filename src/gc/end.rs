//! The end of an object whose last reference has gone: by counting alone, without the collector.

use core::ptr::{self, NonNull};

use super::header;
use super::object::Shape;
use super::weak;
use crate::misuse;
use crate::ptr::{End, descend};

/// Ends an object whose count has come to nothing; or it is dead already, and its references count for nothing.
///
/// # Safety
/// `value` is in such an object, and the caller gives its reference up.
#[inline(never)]
pub unsafe fn end<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: by the precondition.
    let header = unsafe { header::of(value) };
    if header.is_dead() {
        return;
    }
    let low = header.low();
    if low.place().is_some() {
        // A `trace` dropped it, while the collector looks at it.
        misuse::wrong_trace(core::any::type_name::<T>());
    }
    if low.wants_finalizer() {
        header.set_low(low.finalized());
        header.set_strong(1);
        // SAFETY: it is alive, and of this type.
        let _release = Release(value);
        // SAFETY: as above.
        unsafe { low.code().info().finalize(value.cast()) };
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { end_now(value) };
}

/// Gives up the reference that an object has while its finalizer runs, also when that panics.
struct Release<T: ?Sized>(NonNull<T>);

impl<T: ?Sized> Drop for Release<T> {
    fn drop(&mut self) {
        // SAFETY: the reference keeps it there.
        let header = unsafe { header::of(self.0) };
        if header.decrement() {
            // SAFETY: that was the last.
            unsafe { end(self.0) };
        } else if !header.low().is_settled() {
            // SAFETY: it is alive.
            unsafe { super::state::enlist(self.0.cast()) };
        }
    }
}

#[inline]
unsafe fn end_now<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: by the precondition.
    if unsafe { header::of(value) }.low().has_side() {
        // SAFETY: it has a side cell.
        unsafe { weak::bury(value.cast()) };
    }
    if core::mem::needs_drop::<T>() {
        // What a `Gc` points to is `'static`: it may wait.
        // SAFETY: the caller's promise.
        unsafe { descend::<Collected, T>(value, || true) };
    } else {
        // SAFETY: there is nothing to drop.
        drop(unsafe { Part::new(value) });
    }
}

/// The end of what a `Gc` points to.
struct Collected;

impl End for Collected {
    #[inline]
    unsafe fn end<T: ?Sized>(value: NonNull<T>) {
        // SAFETY: the caller's promise.
        let _part = unsafe { Part::new(value) };
        // SAFETY: the value is alive and given up.
        unsafe { ptr::drop_in_place(value.as_ptr()) };
    }
}

/// Gives the block back when it is dropped, unless a raw `Weak` keeps it; so also when the drop of the value panics.
pub struct Part(NonNull<u8>, Shape);

impl Part {
    /// For the object of `value`, which is asked for its size and so is still there.
    ///
    /// # Safety
    /// When this is dropped, the object has no references, its value is not there any more, and its cell, if there is
    /// one, is buried; the caller gives it up.
    #[inline]
    pub unsafe fn new<T: ?Sized>(value: NonNull<T>) -> Part {
        // SAFETY: by the precondition.
        Part(value.cast(), unsafe { shape_of(value) })
    }
}

impl Drop for Part {
    #[inline]
    fn drop(&mut self) {
        let Part(value, shape) = *self;
        // SAFETY: the block is there.
        let has_side = unsafe { header::of(value) }.low().has_side();
        // SAFETY: it has a side cell, and is given up.
        if has_side && unsafe { weak::part(value, shape, false) } {
            return;
        }
        // SAFETY: nobody has it any more.
        unsafe { shape.free(value) };
    }
}

/// The shape of the object of `value`: known to the compiler where the type's size is.
///
/// # Safety
/// The value is alive.
#[inline(always)]
unsafe fn shape_of<T: ?Sized>(value: NonNull<T>) -> Shape {
    if size_of::<*const T>() == size_of::<*const u8>() {
        // SAFETY: by the precondition; only the type is looked at.
        let layout = core::alloc::Layout::for_value(unsafe { value.as_ref() });
        // Such an object was had.
        return Shape::of_layout(layout).unwrap_or_else(|| crate::os::abort());
    }
    // SAFETY: by the precondition.
    unsafe { Shape::of(value.cast()) }
}
