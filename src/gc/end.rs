//! The end of an object whose last reference has gone: by counting alone, without the collector.

use core::ptr::{self, NonNull};

use super::ephemeron;
use super::header;
use super::object::Shape;
use super::state;
use super::weak;
use crate::misuse;
use crate::ptr::{End, descend};

// The functions that lie on the stack while a value is dropped keep their frames small, in debug builds too: nothing is
// inlined by force into them.

/// Ends an object whose count has come to nothing.
///
/// # Safety
/// `value` is in such an object, and the caller gives its reference up.
#[inline(never)]
pub unsafe fn end<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: by the precondition.
    if !unsafe { header::of(value) }.low().is_plain() {
        // SAFETY: the caller's promise.
        unsafe { end_told(value) };
    } else if core::mem::needs_drop::<T>() {
        // What a `Gc` points to is `'static`: it may wait.
        // SAFETY: the caller's promise, and there are no `Weak`s.
        unsafe { descend::<Plain, T>(value, || true) };
    } else {
        // SAFETY: as above, and there is nothing to drop.
        unsafe { free_plain(value) };
    }
}

/// The same for one that has a finalizer or a side cell; or that is visited.
///
/// # Safety
/// As for [`end`].
#[cold]
#[inline(never)]
unsafe fn end_told<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: the caller's promise.
    let Some(_after) = (unsafe { ends_now_slow(value.cast()) }) else { return };
    // SAFETY: the caller's promise, and nobody can upgrade any more.
    unsafe { descend::<Known, T>(value, || true) };
}

/// Frees an object without a side cell, whose value has nothing to drop.
///
/// # Safety
/// As for [`end`].
#[inline]
unsafe fn free_plain<T: ?Sized>(value: NonNull<T>) {
    // SAFETY: the value is alive.
    let shape = unsafe { shape_of(value) };
    // SAFETY: by the precondition.
    unsafe { shape.free(value.cast()) };
}

/// The same for a value of a type that only the header knows.
///
/// # Safety
/// As for [`end`].
#[inline(never)]
pub unsafe fn end_erased(value: NonNull<u8>) {
    // SAFETY: the caller's promise.
    let Some(_after) = (unsafe { ends_now(value) }) else { return };
    // SAFETY: the caller's promise, and nobody can upgrade any more.
    unsafe { descend::<Unknown, u8>(value, || true) };
}

/// What comes after the drop of an object's value: whoever waited for its death is told, and what weak maps held for it
/// is dropped.
pub struct After {
    told: bool,
}

impl Drop for After {
    #[inline(always)]
    fn drop(&mut self) {
        if self.told {
            tell();
        }
    }
}

#[cold]
#[inline(never)]
fn tell() {
    if let Some(state) = state::get() {
        ephemeron::settle_now(state);
    }
}

/// Whether the object is to be dropped now: not if it has a finalizer, which runs here. From
/// now on nobody can upgrade to it.
///
/// # Safety
/// As for [`end`].
#[inline]
unsafe fn ends_now(value: NonNull<u8>) -> Option<After> {
    // SAFETY: by the precondition.
    let header = unsafe { header::of(value) };
    let low = header.low();
    if !low.is_plain() {
        // SAFETY: the caller's promise.
        return unsafe { ends_now_slow(value) };
    }
    Some(After { told: false })
}

#[inline(never)]
unsafe fn ends_now_slow(value: NonNull<u8>) -> Option<After> {
    // SAFETY: by the precondition.
    let header = unsafe { header::of(value) };
    let low = header.low();
    if low.is_visited() {
        // A `trace` dropped it, while the collector looks at it.
        misuse::dropped_in_trace();
    }
    if low.wants_finalizer() {
        header.set_low(low.finalized());
        header.set_strong(1);
        // One finalizer may let go of the next object, as one drop does. It may wait: the reference keeps the value.
        // SAFETY: the reference is given up with the call.
        unsafe { descend::<Finalized, u8>(value, || true) };
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { bury(value) })
}

/// From now on nobody can upgrade to the object. What this gives tells whoever waited for its death.
///
/// # Safety
/// There is an object, and its last reference is given up.
pub unsafe fn bury(value: NonNull<u8>) -> After {
    // SAFETY: by the precondition.
    let told = unsafe { header::of(value) }.low().has_side();
    if told {
        // SAFETY: it has a side cell.
        unsafe { weak::bury(value) };
    }
    After { told }
}

/// The finalizer of an object that has one reference for that; then perhaps its end.
struct Finalized;

impl End for Finalized {
    unsafe fn end<T: ?Sized>(value: NonNull<T>) {
        let value: NonNull<u8> = value.cast();
        let _release = Release(value);
        // SAFETY: the reference keeps it there.
        let info = unsafe { header::of(value) }.low().code().info();
        // SAFETY: it is alive, and of this type.
        unsafe { info.finalize(value) };
    }
}

/// Gives up the reference that an object has while its finalizer runs, also when that panics.
struct Release(NonNull<u8>);

impl Drop for Release {
    fn drop(&mut self) {
        // SAFETY: the reference keeps it there, and is the one that is given up.
        unsafe { super::pointer::release_erased(self.0) };
    }
}

/// The end of an object whose type the compiler knows, without a side cell.
struct Plain;

impl End for Plain {
    #[inline]
    unsafe fn end<T: ?Sized>(value: NonNull<T>) {
        // SAFETY: the value is alive, and asked for its size.
        let _block = Block(value, unsafe { shape_of(value) });
        // SAFETY: the value is alive and given up.
        unsafe { ptr::drop_in_place(value.as_ptr()) };
    }
}

/// Gives the block of such an object back when it is dropped; so also when the drop of the value panics.
struct Block<T: ?Sized>(NonNull<T>, Shape);

impl<T: ?Sized> Drop for Block<T> {
    #[inline]
    fn drop(&mut self) {
        let Block(value, shape) = *self;
        // As in `Part`.
        // SAFETY: a value of a type of known size is not looked at.
        let shape = if is_thin::<T>() { unsafe { shape_of(value) } } else { shape };
        // SAFETY: nobody has it any more.
        unsafe { shape.free(value.cast()) };
    }
}

/// The end of an object whose type the compiler knows.
struct Known;

impl End for Known {
    #[inline]
    unsafe fn end<T: ?Sized>(value: NonNull<T>) {
        // SAFETY: the caller's promise.
        let _part = unsafe { Part::new(value) };
        // SAFETY: the value is alive and given up.
        unsafe { ptr::drop_in_place(value.as_ptr()) };
    }
}

/// The end of one whose type the header knows.
struct Unknown;

impl End for Unknown {
    unsafe fn end<T: ?Sized>(value: NonNull<T>) {
        let value: NonNull<u8> = value.cast();
        // SAFETY: by the precondition there is an object.
        let info = unsafe { header::of(value) }.low().code().info();
        // SAFETY: as above.
        let shape = unsafe { Shape::of(value) };
        // (A slice: of these the shape is remembered.)
        let _part = Part(NonNull::slice_from_raw_parts(value, 0), shape);
        // SAFETY: the value is alive and given up.
        unsafe { info.drop(value) };
    }
}

/// Gives the block back when it is dropped, unless a raw `Weak` keeps it; so also when the drop of the value panics.
pub struct Part<T: ?Sized>(NonNull<T>, Shape);

impl<T: ?Sized> Part<T> {
    /// For the object of `value`, which is asked for its size and so is still there.
    ///
    /// # Safety
    /// When this is dropped, the object has no references, its value is not there any more, and its cell, if there is
    /// one, is buried; the caller gives it up.
    #[inline]
    pub unsafe fn new(value: NonNull<T>) -> Part<T> {
        // SAFETY: by the precondition.
        Part(value, unsafe { shape_of(value) })
    }
}

impl<T: ?Sized> Drop for Part<T> {
    #[inline]
    fn drop(&mut self) {
        let Part(value, shape) = *self;
        // Where the type says it, the compiler shall know it, and keep nothing.
        // SAFETY: a value of a type of known size is not looked at.
        let shape = if is_thin::<T>() { unsafe { shape_of(value) } } else { shape };
        let value: NonNull<u8> = value.cast();
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

/// Whether pointers to it have no metadata, because its size is known.
const fn is_thin<T: ?Sized>() -> bool {
    size_of::<*const T>() == size_of::<*const u8>()
}

/// The shape of the object of `value`: known to the compiler where the type's size is.
///
/// # Safety
/// The value is alive.
#[inline]
unsafe fn shape_of<T: ?Sized>(value: NonNull<T>) -> Shape {
    if is_thin::<T>() {
        // SAFETY: by the precondition; only the type is looked at.
        let layout = core::alloc::Layout::for_value(unsafe { value.as_ref() });
        // Such an object was had.
        return Shape::of_layout(layout).unwrap_or_else(|| crate::os::abort());
    }
    // SAFETY: by the precondition.
    unsafe { Shape::of(value.cast()) }
}
