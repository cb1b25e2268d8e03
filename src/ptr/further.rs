//! Further stacks: where drops nest on that may not be put off (`nest.rs`).
//!
//! ```text
//!    the thread's stack           a further stack, 8 MiB                   and another
//!   ┌────────────────────┐       ┌────────────────────────────┬───────┐   ┌─────────── …
//!   │ … ● ─► ● ─► … ─► ● ┼─────► │ ● ─► ● ─► … ─► ● ─► ● ─► … │       │   │
//!   └────────────────────┘       │                          ● ┼───────┼─► │ ● ─► ● …
//!                                └────────────────────────────┴───────┘   └─────────── …
//!                                 (drawn from its top downwards)  RESERVE, then a guard page
//! ```
//!
//! How much is left of the stack that a program came with can't be told (threads have any size, programs switch
//! stacks), so the first further one begins after a fixed number of levels. On it, what is left is known, and is
//! looked at again every few levels: below [`RESERVE`], the next one begins. Its memory is backed as it is touched: about
//! 100 bytes for each level in an optimised build. When the drop that began on it returns, it is given back, but for one
//! shallow one in the process that is kept for the next time.
//!
//! A panic is caught at the bottom of a further stack and goes on below, as if there had been no seam. Where no memory
//! can be had for one, or the processor is none that `os` can switch stacks on, drops nest on where they are.

use core::cell::Cell;
use core::ptr;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::misuse;
use crate::os::{self, Range};
use crate::sync::{AtomicUsize, Ordering};

/// Bytes of a further stack, its guard page counted in.
const BYTES: usize = 8 << 20;
/// Bytes that must be left where drops nest on: for a few levels, and what the program's own `Drop`s need.
const RESERVE: usize = 512 << 10;
/// Bytes that may have been in use of the one that is kept.
const KEPT: usize = 64 << 10;

thread_local! {
    /// The further stack that was begun last, and has not ended.
    static LAST: Cell<*const Further> = const { Cell::new(ptr::null()) };
}

/// The one that is kept: its first address, or 0.
static SPARE: AtomicUsize = AtomicUsize::new(0);

/// Whether the caller is on a further stack that has room for more.
pub fn has_room() -> bool {
    // SAFETY: it is in a frame below, and is taken out of `LAST` before that returns.
    let last = unsafe { LAST.get().as_ref() };
    last.is_some_and(|further| further.has_room_at(os::stack_address()))
}

/// Does `work` on a further stack; false, and nothing was done, where there is none to be had. What `work` panics with
/// goes on in the caller.
pub fn work_on(work: &mut dyn FnMut()) -> bool {
    let Some(range) = Further::get() else { return false };
    let mut call = Call { work, panic: None };
    let further = Further { range, deepest: Cell::new(range.end()) };
    let outer = LAST.replace(&raw const further);
    // SAFETY: the range is ours and guarded, and whole OS pages. `enter` gets what it asks for, and catches panics.
    unsafe { os::call_on_stack(range, enter, (&raw mut call).cast()) };
    if !ptr::eq(LAST.replace(outer), &raw const further) {
        misuse::drops_out_of_order();
    }
    match call.panic {
        None => further.keep(),
        Some(payload) => {
            further.give_back();
            resume_unwind(payload)
        }
    }
    true
}

/// What is done on the further stack, and the panic that it ended with.
struct Call<'a> {
    work: &'a mut dyn FnMut(),
    panic: Option<Box<dyn Any + Send>>,
}

/// # Safety
/// `call` is a [`Call`] that nobody else uses meanwhile.
unsafe fn enter(call: *mut ()) {
    // SAFETY: by the precondition.
    let call = unsafe { &mut *call.cast::<Call<'_>>() };
    // Whoever gave the work looks at what it panicked with.
    call.panic = catch_unwind(AssertUnwindSafe(|| (call.work)())).err();
}

/// A further stack in use.
struct Further {
    range: Range,
    /// The lowest address that it was seen at.
    deepest: Cell<usize>,
}

impl Further {
    /// The one that is kept, or a new one.
    fn get() -> Option<Range> {
        if !os::CAN_SWITCH {
            return None;
        }
        // Acquire: what its last user wrote there was before (`keep`).
        match SPARE.swap(0, Ordering::Acquire) {
            0 => Further::make(),
            at => Some(Range { at, len: BYTES }),
        }
    }

    #[cold]
    fn make() -> Option<Range> {
        let range = os::reserve(BYTES, crate::config::UNIT_BYTES, 0)?;
        let guard = Range { at: range.at, len: os::page_size() };
        if !os::protect(guard) {
            os::release(range);
            return None;
        }
        Some(range)
    }

    fn has_room_at(&self, address: usize) -> bool {
        let inside = (self.range.at..self.range.end()).contains(&address);
        if inside {
            self.deepest.set(self.deepest.get().min(address));
        }
        inside && address - self.range.at > RESERVE
    }

    /// Keeps it for the next, if there is none, and not much of it was in use.
    fn keep(&self) {
        let Range { at, .. } = self.range;
        let shallow = self.range.end() - self.deepest.get() <= KEPT;
        // Release: its next user writes there after us (`get`). Relaxed otherwise: nothing is read.
        let kept =
            shallow && SPARE.compare_exchange(0, at, Ordering::Release, Ordering::Relaxed).is_ok();
        if !kept {
            self.give_back();
        }
    }

    #[cold]
    fn give_back(&self) {
        // What the kernel does not take back stays reserved: addresses, and the pages that were touched.
        os::release(self.range);
    }
}
