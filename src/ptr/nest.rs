//! Drops inside drops: any depth, on a small stack.
//!
//! A value that is dropped drops the references that it owns, and their objects may die in turn. Down to a depth of
//! [`ORDINARY`] that is plain recursion, in exactly the order that `std::rc::Rc` has. What dies deeper down is worked
//! off by one loop, the *worker*, which lies at that depth:
//!
//! ```text
//!   depth  1    2         ORDINARY   ORDINARY + 1  …  + FURTHER
//!          ● ─► ● ─► … ─► ● worker ┬─► ● ─► … ─► ● ─► put on the list
//!                                  ├─► ● ─► … ─► ●            │
//!                                  └─► …   ◄──────────────────┘ the next object, at depth ORDINARY + 1 again
//! ```
//!
//! So the stack holds `ORDINARY + FURTHER` levels, whatever the depth, and when a drop at an ordinary depth returns,
//! all that it led to has been dropped, as with std. Only deeper down the order differs: an object on the list is
//! dropped after the rest of its parent's fields, and before what was put there earlier. A list of any length leaves
//! one object there at a time, a tree one or a few for each `FURTHER` levels on the way down, a node with many
//! references all of these; each takes three words. The list is an array in the worker's frame, then memory of neap's
//! own. Where that is refused, drops nest on. An object whose type has nothing to drop is freed where it dies and
//! counts as no level. A panic in a drop does not keep the others on the list from being dropped: the first panic
//! goes on when all is done.
//!
//! **What may be put off.** The drop of a value may read what the value borrows, and what it borrows may be gone as
//! soon as the drop was due: a `Drop` of the program drops an object that borrows from its own frame; the state of an
//! `async` function lies in the heap, and its variables are dropped one after the other, those that borrow first. So
//! nothing that may borrow is put off (`borrows.rs`): it is dropped where it dies, in exactly std's order, and nests
//! on. That is every type in whose name a lifetime, a reference, a trait object or a closure stands. So that it may nest
//! as deep as it likes, it does so on further stacks (`further.rs`), which cost about 100 bytes a level; what is put off
//! costs nothing. (To put off what was made before the worker began was tried: the `async` function refutes it.)
//!
//! The depth is counted and not read off the stack's address, because programs switch stacks. A program that switches
//! *inside* drops nested more than `ORDINARY` deep might come back to another worker than it left: a stack that is
//! far from the worker's gets a worker of its own (one thing that the address is asked for; the other is what is left of
//! a further stack), and workers and further stacks that end in another order than they began abort the process.

use core::alloc::Layout;
use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{borrows, end, further};
use crate::heap;
use crate::misuse;
use crate::os;
use crate::settings::Options;

/// Levels down to which drops nest as in any Rust program.
pub const ORDINARY: u32 = 40;
/// Levels that nest on before the next look at what may be put off, and at what is left of a further stack. With the one
/// that is looked at, a prime number: so in a chain of types in turn each comes to be looked at.
const FURTHER: u32 = 10;

thread_local! {
    /// Levels that may still nest. No destructor, so it is there in those of other thread-locals.
    static LEFT: Cell<u32> = const { Cell::new(ORDINARY) };
    /// The list of the worker that is at work.
    static LIST: Cell<*const List> = const { Cell::new(ptr::null()) };
}

/// Calls [`end::perform`] for `value`, one level deeper, or later when that is too deep.
///
/// # Safety
/// As for `perform`, which may come later, before the outermost drop that leads here returns.
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

/// Leaves the object to the worker, or becomes one for it.
///
/// # Safety
/// As for [`descend`].
#[cold]
#[inline(never)]
unsafe fn postpone<T: ?Sized>(value: NonNull<T>) {
    let outer = LIST.get();
    // SAFETY: its worker is in a frame below, and takes it out of `LIST` before it returns.
    let list = unsafe { outer.as_ref() };
    if let Some(list) = list
        && list.is_on_this_stack()
    {
        if !borrows::may_borrow::<T>() && list.push(Dying::new(value)) {
            return;
        }
        // It can't wait, or there is no memory for the list.
        // SAFETY: the caller's promise.
        return unsafe { nest_on(Dying::new(value)) };
    }
    work_off(outer, Dying::new(value));
}

/// Nests on: where there is room on a further stack, or else, while it lasts, on this one.
///
/// # Safety
/// `dying` may end now.
unsafe fn nest_on(dying: Dying) {
    LEFT.set(FURTHER);
    let _back = Back(0);
    // SAFETY: by the precondition.
    let mut perform = || unsafe { (dying.perform)(dying.value) };
    if further::has_room() || !further::work_on(&mut perform) {
        perform();
    }
}

/// The worker: ends `first`, and all that dies with it, in a loop.
#[inline(never)]
fn work_off(outer: *const List, first: Dying) {
    let list = List::new();
    LIST.set(&raw const list);
    let mut next = Some(first);
    let mut panic: Option<Box<dyn Any + Send>> = None;
    while let Some(dying) = next {
        let len = list.len();
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
        list.turn(len);
        next = list.pop();
    }
    if !ptr::eq(LIST.replace(outer), &raw const list) {
        misuse::drops_out_of_order();
    }
    LEFT.set(0);
    drop(list);
    match panic {
        // One is under way already, from a drop nearer by.
        Some(payload) if std::thread::panicking() => forget_panic(payload),
        Some(payload) => resume_unwind(payload),
        None => {}
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
    /// Where the stack was when the worker began.
    stack: usize,
    own: [Cell<MaybeUninit<Dying>>; List::OWN],
    /// Memory from the heap, once there are more; null before.
    more: Cell<*mut Dying>,
    capacity: Cell<usize>,
    len: Cell<usize>,
}

impl List {
    const OWN: usize = 8;

    fn new() -> Self {
        List {
            stack: os::stack_address(),
            own: [const { Cell::new(MaybeUninit::uninit()) }; List::OWN],
            more: Cell::new(ptr::null_mut()),
            capacity: Cell::new(List::OWN),
            len: Cell::new(0),
        }
    }

    /// Whether the caller is, as far as can be told, on the worker's stack, in a frame above it.
    fn is_on_this_stack(&self) -> bool {
        const FAR: usize = 1 << 20;
        self.stack.wrapping_sub(os::stack_address()) < FAR
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
