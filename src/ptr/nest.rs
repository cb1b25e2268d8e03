//! Drops inside drops: any depth, on a small stack.
//!
//! A value that is dropped drops the references that it owns, and their objects may die in turn. Down to a depth of
//! [`ORDINARY`] that is plain recursion, in exactly the order that `std::rc::Rc` has. What dies deeper down is worked off by
//! one loop, which lies at that depth:
//!
//! ```text
//!   depth  1    2         ORDINARY   ORDINARY + 1  …  + FURTHER
//!          ● ─► ● ─► … ─► ● worker ┬─► ● ─► … ─► ● ─► put on the list
//!                                  ├─► ● ─► … ─► ●            │
//!                                  └─► …   ◄──────────────────┘ the next object, at depth ORDINARY + 1 again
//! ```
//!
//! So the stack holds `ORDINARY + FURTHER` levels at most, whatever the depth, and when a drop at an ordinary depth
//! returns, all that it led to has been dropped, as with std. Only deeper down the order differs:
//! an object on the list is dropped after the rest of its parent's fields, and before what was put there earlier.
//! Most structures leave one object on the list at a time (a list of any length) or a few; each takes three words.
//! The list is an array in the worker's frame, then memory of neap's own. Where that is refused, recursion goes on.
//!
//! The depth is counted and not read off the stack's address, because programs switch stacks. An object whose
//! type has nothing to drop is freed where it dies and counts as no level. A panic in a drop does not keep the other objects on the
//! list from being dropped: the first panic goes on when all is done.

use core::alloc::Layout;
use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::end;
use crate::heap;
use crate::settings::Options;

/// Levels down to which drops nest as in any Rust program.
pub const ORDINARY: u32 = 40;
/// Levels that the worker lets nest before it puts objects on its list.
const FURTHER: u32 = 8;

thread_local! {
    /// Levels that may still nest. No destructor, so it is there in those of other thread-locals.
    static LEFT: Cell<u32> = const { Cell::new(ORDINARY) };
    /// The list of the worker that is at work.
    static LIST: Cell<*const List> = const { Cell::new(ptr::null()) };
}

/// Calls [`end::perform`] for `value`, one level deeper, or later when that is too deep.
///
/// # Safety
/// As for `perform`, which may come later, from an outer drop that leads here.
#[inline]
pub unsafe fn descend<T: ?Sized>(value: NonNull<T>) {
    let left = LEFT.get();
    if left == 0 {
        // SAFETY: the caller's promise.
        return unsafe { postpone(value) };
    }
    LEFT.set(left - 1);
    let _back = Back(left);
    // SAFETY: the caller's promise.
    unsafe { end::perform(value) };
}

/// Sets the level again, also when a drop panics.
struct Back(u32);

impl Drop for Back {
    #[inline(always)]
    fn drop(&mut self) {
        LEFT.set(self.0);
    }
}

/// A pointer, thin or wide, in two words.
type Pointer = MaybeUninit<[usize; 2]>;

/// An object whose end has to come, of any type.
#[derive(Clone, Copy)]
struct Dying {
    value: Pointer,
    /// [`end::perform`] for its type.
    perform: unsafe fn(Pointer),
}

impl Dying {
    fn new<T: ?Sized>(value: NonNull<T>) -> Self {
        const { assert!(size_of::<NonNull<T>>() <= size_of::<Pointer>()) };
        let mut pointer = Pointer::uninit();
        // SAFETY: there is room for it, and `Pointer` is aligned as a pointer is.
        unsafe { pointer.as_mut_ptr().cast::<NonNull<T>>().write(value) };
        Dying { value: pointer, perform: perform::<T> }
    }
}

/// # Safety
/// `pointer` is a `NonNull<T>`; and as for [`end::perform`].
unsafe fn perform<T: ?Sized>(pointer: Pointer) {
    // SAFETY: by the precondition.
    let value = unsafe { pointer.as_ptr().cast::<NonNull<T>>().read() };
    // SAFETY: the caller's promise.
    unsafe { end::perform(value) };
}

/// Becomes the worker, or leaves the object to the one that is at work.
///
/// # Safety
/// As for [`descend`].
#[cold]
#[inline(never)]
unsafe fn postpone<T: ?Sized>(value: NonNull<T>) {
    let list = LIST.get();
    if list.is_null() {
        return work_off(Dying::new(value));
    }
    // SAFETY: the worker is in a frame below on this thread, and sets `LIST` to null before it returns.
    if unsafe { (*list).push(Dying::new(value)) } {
        return;
    }
    // No memory for the list: all that is left is to nest on, while the stack lasts.
    LEFT.set(FURTHER);
    let _back = Back(0);
    // SAFETY: the caller's promise.
    unsafe { end::perform(value) };
}

/// Ends `first`, and all that dies with it, from a loop.
#[inline(never)]
fn work_off(first: Dying) {
    let list = List::new();
    LIST.set(&raw const list);
    let mut next = Some(first);
    let mut panic: Option<Box<dyn Any + Send>> = None;
    while let Some(dying) = next {
        let before = list.len();
        LEFT.set(FURTHER);
        // SAFETY: whoever put it on the list, or called us, promised what `perform` asks for.
        let ended = catch_unwind(AssertUnwindSafe(|| unsafe { (dying.perform)(dying.value) }));
        if let Err(payload) = ended {
            match panic {
                None => panic = Some(payload),
                Some(_) => forget_panic(payload),
            }
        }
        // What was put there first comes first.
        list.turn(before);
        next = list.pop();
    }
    LIST.set(ptr::null());
    LEFT.set(0);
    drop(list);
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}

/// Drops what a panic carried, which may panic in turn.
#[cold]
fn forget_panic(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        core::mem::forget(another);
    }
}

/// Objects that the worker has still to end: a stack in one piece of memory, its own at first.
struct List {
    own: [Cell<MaybeUninit<Dying>>; List::OWN],
    /// Memory from the heap, once there are more; null before.
    more: Cell<*mut Dying>,
    capacity: Cell<usize>,
    len: Cell<usize>,
}

impl List {
    const OWN: usize = 8;

    const fn new() -> Self {
        List {
            own: [const { Cell::new(MaybeUninit::uninit()) }; List::OWN],
            more: Cell::new(ptr::null_mut()),
            capacity: Cell::new(List::OWN),
            len: Cell::new(0),
        }
    }

    fn len(&self) -> usize {
        self.len.get()
    }

    fn start(&self) -> *mut Dying {
        match self.more.get() {
            more if more.is_null() => self.own.as_ptr().cast_mut().cast(),
            more => more,
        }
    }

    /// Puts an object on top; false when there is no memory.
    fn push(&self, dying: Dying) -> bool {
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

    fn pop(&self) -> Option<Dying> {
        let len = self.len.get().checked_sub(1)?;
        self.len.set(len);
        // SAFETY: so many were pushed.
        let place = unsafe { self.start().add(len) };
        // SAFETY: as above.
        Some(unsafe { place.read() })
    }

    /// Turns the order of those from `from` on about.
    fn turn(&self, from: usize) {
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
        let Some(layout) = List::layout(capacity) else { return false };
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
            && let Some(layout) = List::layout(self.capacity.get())
        {
            heap::free(more.cast(), layout);
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        self.free();
    }
}
