//! An array that grows, in memory of neap's own: for those who must not ask the program's allocator, which may be what is
//! calling.

#[cfg(all(test, feature = "gc"))]
pub mod refusal;

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::os;
use crate::settings::Options;

/// Values without a drop, one behind the other.
pub struct Array<T: Copy> {
    start: Cell<*mut T>,
    len: Cell<usize>,
    capacity: Cell<usize>,
}

impl<T: Copy> Array<T> {
    /// Without memory.
    pub const fn new() -> Array<T> {
        Array { start: Cell::new(ptr::null_mut()), len: Cell::new(0), capacity: Cell::new(0) }
    }

    /// How many there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Puts one behind the others; false, when there is no memory.
    #[inline(always)]
    #[must_use]
    pub fn push(&self, value: T) -> bool {
        let len = self.len.get();
        if len == self.capacity.get() && !self.grow() {
            return false;
        }
        // SAFETY: `len` is below the capacity.
        let place = unsafe { self.start.get().add(len) };
        // SAFETY: as above.
        unsafe { place.write(value) };
        self.len.set(len + 1);
        true
    }

    /// Takes the last one.
    #[inline]
    pub fn pop(&self) -> Option<T> {
        let len = self.len.get().checked_sub(1)?;
        self.len.set(len);
        // SAFETY: so many were pushed.
        let place = unsafe { self.start.get().add(len) };
        // SAFETY: as above.
        Some(unsafe { place.read() })
    }

    /// The one at `place`, which is below the length.
    #[inline(always)]
    pub fn get(&self, place: usize) -> T {
        // SAFETY: it is there.
        unsafe { self.at(place).read() }
    }

    /// The one at `place`, which is below the length, to be changed.
    #[inline(always)]
    pub fn at(&self, place: usize) -> NonNull<T> {
        if place >= self.len() {
            os::abort();
        }
        // SAFETY: so many were pushed.
        let place = unsafe { self.start.get().add(place) };
        // SAFETY: nothing lies at 0.
        unsafe { NonNull::new_unchecked(place) }
    }

    /// Puts another in the place of the one at `place`, which is below the length.
    pub fn set(&self, place: usize, value: T) {
        // SAFETY: it is there.
        unsafe { self.at(place).write(value) };
    }

    /// All of them.
    #[cfg(feature = "gc")]
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        (0..self.len()).map(|place| self.get(place))
    }

    fn layout(capacity: usize) -> Option<Layout> {
        Layout::array::<T>(capacity).ok()
    }

    /// Twice the capacity; false when there is no memory.
    #[cold]
    #[inline(never)]
    fn grow(&self) -> bool {
        #[cfg(all(test, feature = "gc"))]
        if !refusal::grants() {
            return false;
        }
        let capacity = (self.capacity.get() * 2).max(64);
        let Some(layout) = Self::layout(capacity) else { return false };
        let larger: *mut T = super::allocate(layout, Options::NONE).cast();
        if larger.is_null() {
            return false;
        }
        if self.len() > 0 {
            // SAFETY: the old memory holds so many, the new one is larger, and they are two.
            unsafe { ptr::copy_nonoverlapping(self.start.get(), larger, self.len()) };
        }
        self.free();
        self.start.set(larger);
        self.capacity.set(capacity);
        true
    }

    fn free(&self) {
        if let Some(layout) = Self::layout(self.capacity.get())
            && self.capacity.get() > 0
        {
            super::free(self.start.get().cast(), layout);
        }
    }
}

impl<T: Copy> Drop for Array<T> {
    fn drop(&mut self) {
        self.free();
    }
}
