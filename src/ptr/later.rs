//! Objects whose end was put off: a stack in one piece of memory, its own at first.

use core::alloc::Layout;
use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use crate::heap;
use crate::settings::Options;

/// A pointer, thin or wide, in two words.
type Pointer = MaybeUninit<[usize; 2]>;

/// An object whose end has to come, of any type.
#[derive(Clone, Copy)]
pub struct Dying {
    value: Pointer,
    /// What ends one of its type.
    end: unsafe fn(Pointer),
}

/// How an object ends.
pub trait End {
    /// Ends the object of `value`.
    ///
    /// # Safety
    /// It has no references, and the caller gives it up.
    unsafe fn end<T: ?Sized>(value: NonNull<T>);
}

impl Dying {
    /// The object of `value`, which ends as `E` says.
    pub fn new<E: End, T: ?Sized>(value: NonNull<T>) -> Self {
        const { assert!(size_of::<NonNull<T>>() <= size_of::<Pointer>()) };
        let mut pointer = Pointer::uninit();
        // SAFETY: there is room for it, and `Pointer` is aligned as a pointer is.
        unsafe { pointer.as_mut_ptr().cast::<NonNull<T>>().write(value) };
        Dying { value: pointer, end: end::<E, T> }
    }

    /// Ends it.
    ///
    /// # Safety
    /// As for [`End::end`].
    pub unsafe fn end(self) {
        // SAFETY: the caller's promise.
        unsafe { (self.end)(self.value) };
    }
}

/// # Safety
/// `pointer` is a `NonNull<T>`; and as for [`End::end`].
unsafe fn end<E: End, T: ?Sized>(pointer: Pointer) {
    // SAFETY: by the precondition.
    let value = unsafe { pointer.as_ptr().cast::<NonNull<T>>().read() };
    // SAFETY: the caller's promise.
    unsafe { E::end(value) };
}

/// Objects that have still to be ended.
pub struct Later {
    own: [Cell<MaybeUninit<Dying>>; Later::OWN],
    /// Memory from the heap, once there are more; null before.
    more: Cell<*mut Dying>,
    capacity: Cell<usize>,
    len: Cell<usize>,
}

impl Later {
    const OWN: usize = 8;

    /// None.
    pub const fn new() -> Self {
        Later {
            own: [const { Cell::new(MaybeUninit::uninit()) }; Later::OWN],
            more: Cell::new(ptr::null_mut()),
            capacity: Cell::new(Later::OWN),
            len: Cell::new(0),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.len.get()
    }

    fn start(&self) -> *mut Dying {
        match self.more.get() {
            more if more.is_null() => self.own.as_ptr().cast_mut().cast(),
            more => more,
        }
    }

    /// Puts an object on top; false when there is no memory.
    #[must_use]
    pub fn push(&self, dying: Dying) -> bool {
        let len = self.len.get();
        if len == self.capacity.get() && !self.grow() {
            return false;
        }
        // SAFETY: `len` is below the capacity.
        let place = unsafe { self.start().add(len) };
        // SAFETY: as above; nobody looks there meanwhile.
        unsafe { place.write(dying) };
        self.len.set(len + 1);
        true
    }

    /// Takes the one on top.
    pub fn pop(&self) -> Option<Dying> {
        let len = self.len.get().checked_sub(1)?;
        self.len.set(len);
        // SAFETY: so many were pushed.
        let place = unsafe { self.start().add(len) };
        // SAFETY: as above.
        Some(unsafe { place.read() })
    }

    /// Turns the order of those from `from` on about.
    pub fn turn(&self, from: usize) {
        let n = self.len.get() - from;
        if n > 1 {
            // SAFETY: so many were pushed.
            let start = unsafe { self.start().add(from) };
            // SAFETY: as above; nobody pushes meanwhile.
            unsafe { core::slice::from_raw_parts_mut(start, n) }.reverse();
        }
    }

    fn layout(capacity: usize) -> Option<Layout> {
        Layout::array::<Dying>(capacity).ok()
    }

    /// Twice the capacity; false when there is no memory.
    #[cold]
    fn grow(&self) -> bool {
        let capacity = self.capacity.get() * 2;
        let Some(layout) = Self::layout(capacity) else { return false };
        let larger: *mut Dying = heap::allocate(layout, Options::NONE).cast();
        if larger.is_null() {
            return false;
        }
        // SAFETY: the old memory holds `len` objects, the new one is larger, and they are two.
        unsafe { ptr::copy_nonoverlapping(self.start(), larger, self.len.get()) };
        self.free();
        self.more.set(larger);
        self.capacity.set(capacity);
        true
    }

    fn free(&self) {
        let more = self.more.get();
        if !more.is_null()
            && let Some(layout) = Self::layout(self.capacity.get())
        {
            heap::free(more.cast(), layout);
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        self.free();
    }
}
