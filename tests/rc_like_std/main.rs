//! `neap::Rc` and `neap::rc::Weak` do what `std::rc::{Rc, Weak}` do: method for method, trait for trait.
//!
//! Every promise that the documentation of std's two types makes on stable Rust is told here once more, as a
//! test. To see that the tests state std's behaviour and not only neap's, put `std::rc` in place of `neap::rc`
//! in these files: all of them pass. (One exception, in `programs`, names both.)
//!
//! | file | about |
//! |---|---|
//! | `making` | `new` and its siblings, cyclic, pinned, without a value yet |
//! | `counts` | strong and weak counts, when a value is dropped, what is the same object |
//! | `taking` | getting the value out: `try_unwrap`, `into_inner`, `unwrap_or_clone`, `downcast` |
//! | `writing` | `get_mut`, `make_mut` |
//! | `raw` | pointers that were turned raw, and counts changed through them |
//! | `weak` | what a `Weak` can do, before and after its object's end |
//! | `conversions` | `From`, `TryFrom`, `Default` |
//! | `collecting` | slices out of iterators, honest ones and others |
//! | `traits` | formatting, comparing, hashing, borrowing, and what the compiler knows of the types |
//! | `shapes` | values without bytes, values with strict alignment, large values, the size of the pointers |
//! | `programs` | programs in which only the `use` line is another one |
//!
//! What std does not have is elsewhere: `unsizing.rs`, `rc_deep.rs`, `rc_memory.rs`, `beyond_std.rs`.

mod collecting;
mod conversions;
mod counts;
mod making;
mod programs;
mod raw;
mod shapes;
mod taking;
mod traits;
mod weak;
mod writing;

use std::cell::RefCell;

/// Where values write their numbers down when they are dropped.
#[derive(Default)]
pub struct Log(RefCell<Vec<u32>>);

impl Log {
    /// Nothing written yet.
    pub fn new() -> Log {
        Log::default()
    }

    /// A value that writes `number` here when it is dropped.
    pub fn item(&self, number: u32) -> Item<'_> {
        Item { number, log: self }
    }

    /// What was written since the last look.
    pub fn take(&self) -> Vec<u32> {
        self.0.take()
    }
}

/// A value that is seen going. Its clone has a number that is larger by 1000.
pub struct Item<'a> {
    /// What is written at its end.
    pub number: u32,
    log: &'a Log,
}

impl Clone for Item<'_> {
    fn clone(&self) -> Self {
        self.log.item(self.number + 1000)
    }
}

impl Drop for Item<'_> {
    fn drop(&mut self) {
        self.log.0.borrow_mut().push(self.number);
    }
}
