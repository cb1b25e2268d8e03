//! Drops inside drops: any depth, on a small stack.
//!
//! A value that is dropped drops the references that it owns, and their objects may die in turn. Down to a depth of
//! [`FIRST`] that is plain recursion where the program is; then it goes on on a *further stack* (`further.rs`), where it is
//! recursion again, [`LEVELS`] deep. So far the order is exactly that of `std::rc::Rc`. What dies deeper down is worked off
//! by one loop, the *worker*, which lies at that depth:
//!
//! ```text
//!   the program's stack           a further stack
//!   ● ─► ● ─► … ─► ● ───────────► ● ─► ● ─► … ─► ● worker ┬─► ● ─► … ─► ● ─► put off
//!   depth 1        FIRST                         + LEVELS ├─► ● ─► … ─► ●       │
//!                                                         └─► …   ◄─────────────┘ the next object
//! ```
//!
//! So the stacks hold `FIRST + LEVELS + MORE` levels, whatever the depth, and when a drop at an ordinary depth returns,
//! all that it led to has been dropped, as with std. Only deeper down the order differs: an object that was put off is
//! dropped after the rest of its parent's fields, and before what was put off earlier (`later.rs`). A list of any length
//! leaves one object there at a time, a tree one or a few for each `MORE` levels on the way down, a node with many
//! references all of these; each takes three words. An object whose type has nothing to drop is freed where it dies and
//! counts as no level. A panic in a drop does not keep what was put off from being dropped: the first panic
//! goes on when all is done.
//!
//! **What may be put off.** The drop of a value may read what the value borrows, and what it borrows may be gone as
//! soon as the drop was due: a `Drop` of the program drops an object that borrows from its own frame; the state of an
//! `async` function lies in the heap, and its variables are dropped one after the other, those that borrow first. So
//! nothing that may borrow is put off (`borrows.rs`): it is dropped where it dies, in exactly std's order, and nests
//! on, about 100 bytes of stack a level, and where a further stack has no room left, on the next. That is every type in
//! whose name a lifetime, a reference, a trait object or a closure stands. (To put off what was made before the worker
//! began was tried: the `async` function refutes it.)
//!
//! **Which stack a drop is on.** Programs switch stacks, inside drops too, and come back in any order. Of a further
//! stack the addresses are known, so a drop is on it exactly if its frame is there; all else is the program's. Levels
//! on the program's stacks are counted together, whichever they are: so with many stacks that are left inside
//! drops, further stacks begin earlier, and no order changes.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::further::Further;
use super::later::{Dying, End, Later};
use crate::os::{self, Range};

/// Levels that nest on the program's own stack. So few that a debug build needs less than 64 KiB for them; so many that
/// a tree with a branch at each level has no more of them.
pub const FIRST: u32 = 32;
/// Levels that nest on a further stack before a worker begins, and of what can't be put off before the next look. With the
/// one that is looked at, a prime number: so in a chain of types in turn each comes to be looked at.
pub const LEVELS: u32 = 100;
/// Levels that nest on from a worker before something is put off. As above.
const MORE: u32 = 10;
/// Bytes below a worker that has no further stack, in which a frame counts as being above it. Other stacks are farther.
const NEAR: usize = 16 << 10;

/// A stack on which drops nest. (What each drop looks at stands first: processors forward stores best to loads of short
/// displacements.)
#[repr(C)]
struct Stack {
    /// Frames between these addresses may go on without a closer look.
    room: Range,
    /// Levels that may still nest.
    left: Cell<u32>,
    /// There is a worker.
    works: Cell<bool>,
    /// Where it lies; empty for the program's, which may be anywhere.
    all: Range,
    /// What was put off here, for the worker.
    later: Later,
    /// The lowest address at which it was seen.
    deepest: Cell<usize>,
    /// The one that began before it.
    older: Cell<*const Stack>,
}

// SAFETY: shared is `NOWHERE` alone, which is only read.
unsafe impl Sync for Stack {}

impl Stack {
    const fn new(all: Range, room: Range, left: u32) -> Stack {
        Stack {
            all,
            room,
            left: Cell::new(left),
            later: Later::new(),
            works: Cell::new(false),
            deepest: Cell::new(usize::MAX),
            older: Cell::new(ptr::null()),
        }
    }

    #[inline(always)]
    fn has_room_at(&self, address: usize) -> bool {
        address.wrapping_sub(self.room.at) < self.room.len
    }

    fn is_further(&self) -> bool {
        self.all.len > 0
    }
}

/// No stack: everything is elsewhere.
static NOWHERE: Stack = Stack::new(Range { at: 0, len: 0 }, Range { at: 0, len: 0 }, 0);

thread_local! {
    /// The program's stacks. No destructor, so it is there in those of other thread-locals. (`Later`'s would free
    /// memory that it never gets.)
    static PROGRAM: core::mem::ManuallyDrop<Stack> = const {
        core::mem::ManuallyDrop::new(Stack::new(
            Range { at: 0, len: 0 },
            Range { at: 0, len: usize::MAX },
            FIRST,
        ))
    };
    /// The stack that drops most likely are on. A guess, looked at before it is believed: it lies here or there, or has
    /// room at this address.
    static HERE: Cell<*const Stack> = const { Cell::new(&raw const NOWHERE) };
    /// The further stack that began last, of those in use.
    static YOUNGEST: Cell<*const Stack> = const { Cell::new(ptr::null()) };
}

/// Calls [`End::end`] for `value`, one level deeper, or later when that is too deep.
///
/// # Safety
/// As for `end`, which may come later, before the outermost drop that leads here returns.
#[inline]
pub unsafe fn descend<E: End, T: ?Sized>(value: NonNull<T>, may_wait: fn() -> bool) {
    // SAFETY: `HERE` is `NOWHERE`, the thread's `PROGRAM`, or a further stack in use: who ends one takes it out.
    let here = unsafe { &*HERE.get() };
    let left = here.left.get();
    if !here.has_room_at(os::stack_address()) || left == 0 {
        // SAFETY: the caller's promise.
        return unsafe { look_closer::<E, T>(value, may_wait) };
    }
    here.left.set(left - 1);
    // `PROGRAM` stays, and so does a further stack on which a frame of ours is.
    let _back = Back { stack: here, left };
    // SAFETY: the caller's promise.
    unsafe { E::end(value) };
}

/// Gives a level back, also when a drop panics.
struct Back<'a> {
    stack: &'a Stack,
    /// Levels that were left before it was taken.
    left: u32,
}

impl Drop for Back<'_> {
    /// Adds one, and does not set what was: other stacks may have nested and come back in between. But mostly that is
    /// the same, and to say so spares the processor to wait for one addition after the other (6 % of the time that
    /// trees take).
    #[inline(always)]
    fn drop(&mut self) {
        let now = self.stack.left.get() + 1;
        self.stack.left.set(if now == self.left { self.left } else { core::hint::black_box(now) });
    }
}

/// The further stack that the caller is on, or the program's.
fn find<'a>() -> &'a Stack {
    let address = os::stack_address();
    let mut next = YOUNGEST.get();
    // SAFETY: a further stack takes itself off the list when it ends.
    while let Some(stack) = unsafe { next.as_ref() } {
        if address.wrapping_sub(stack.all.at) < stack.all.len {
            return stack;
        }
        next = stack.older.get();
    }
    // SAFETY: it has no destructor, and is there as long as the thread.
    PROGRAM.with(|program| unsafe { &*ptr::from_ref::<Stack>(program) })
}

/// The slow way: the guess was wrong, or there are no levels or no room left.
///
/// # Safety
/// As for [`descend`].
#[cold]
#[inline(never)]
unsafe fn look_closer<E: End, T: ?Sized>(value: NonNull<T>, may_wait: fn() -> bool) {
    let here = find();
    HERE.set(here);
    let address = os::stack_address();
    here.deepest.set(here.deepest.get().min(address));
    let (room, left) = (here.has_room_at(address), here.left.get());
    if room && left > 0 {
        // SAFETY: the caller's promise.
        return unsafe { descend::<E, T>(value, may_wait) };
    }
    let dying = Dying::new::<E, T>(value);
    if here.works.get() && left == 0 && may_wait() && here.later.push(dying) {
        return;
    }
    if here.is_further() && room {
        return if here.works.get() {
            // It can't wait.
            here.left.set(LEVELS);
            let _none = NoneLeft(here);
            // SAFETY: the caller's promise.
            unsafe { dying.end() };
        } else {
            work_off(here, dying);
        };
    }
    // No room, or the program has enough on its stack.
    match Further::get() {
        Some(further) => {
            let levels = if here.is_further() { left } else { LEVELS };
            begin(here, further, dying, levels);
        }
        None => begin_here(here, dying),
    }
}

/// There are no levels left, as before.
struct NoneLeft<'a>(&'a Stack);

impl Drop for NoneLeft<'_> {
    fn drop(&mut self) {
        self.0.left.set(0);
    }
}

/// Ends `first` and all that dies with it on a further stack.
fn begin(from: &Stack, further: Further, first: Dying, levels: u32) {
    let stack = Stack::new(further.range(), further.room(), levels);
    // SAFETY: as for `look_closer`.
    let end = || catch_unwind(AssertUnwindSafe(|| unsafe { first.end() }));
    let mut ended = Ok(());
    on(from, &stack, || further.call(&mut || ended = end()));
    match ended {
        Ok(()) => further.keep(stack.deepest.get().min(further.range().end())),
        Err(payload) => {
            further.give_back();
            resume_unwind(payload)
        }
    }
}

/// The same where there is no further stack to be had: on this one, as far as it goes, with a worker at once.
#[cold]
fn begin_here(from: &Stack, first: Dying) {
    let address = os::stack_address();
    let near = Range { at: address.saturating_sub(NEAR), len: NEAR.min(address) };
    let stack = Stack::new(near, near, 0);
    let mut worked = Ok(());
    on(from, &stack, || worked = catch_unwind(AssertUnwindSafe(|| work_off(&stack, first))));
    if let Err(payload) = worked {
        resume_unwind(payload);
    }
}

/// Does `work`, which does not unwind, with `stack` among those in use.
fn on(from: &Stack, stack: &Stack, work: impl FnOnce()) {
    stack.older.set(YOUNGEST.replace(stack));
    HERE.set(stack);
    work();
    // The younger ones may still be in use, on stacks that the program has switched away from.
    if ptr::eq(YOUNGEST.get(), stack) {
        YOUNGEST.set(stack.older.get());
    } else {
        let mut next = YOUNGEST.get();
        // SAFETY: as in `find`.
        while let Some(younger) = unsafe { next.as_ref() } {
            if ptr::eq(younger.older.get(), stack) {
                younger.older.set(stack.older.get());
                break;
            }
            next = younger.older.get();
        }
    }
    if ptr::eq(HERE.get(), stack) {
        HERE.set(from);
    }
}

/// The worker: ends `first`, and all that is put off meanwhile, in a loop.
#[inline(never)]
fn work_off(stack: &Stack, first: Dying) {
    stack.works.set(true);
    let mut next = Some(first);
    let mut panic: Option<Box<dyn Any + Send>> = None;
    while let Some(dying) = next {
        let len = stack.later.len();
        stack.left.set(MORE);
        // SAFETY: whoever put it off, or called us, promised what `end` asks for.
        let ended = catch_unwind(AssertUnwindSafe(|| unsafe { dying.end() }));
        if let Err(payload) = ended {
            match panic {
                None => panic = Some(payload),
                Some(_) => forget_panic(payload),
            }
        }
        // What was put off first comes first.
        stack.later.turn(len);
        next = stack.later.pop();
    }
    stack.left.set(0);
    stack.works.set(false);
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
