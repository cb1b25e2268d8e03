//! How many blocks a magazine holds: as few as do, for all that is at hand is out of everybody else's reach.
//!
//! It begins small. One that runs empty and full in turns would be better off larger: it doubles, up to its full
//! size. One that is only filled (its thread frees what others allocate) or only emptied stays at what makes a
//! good batch. One that had no slow path for long is halved.

use core::cell::Cell;

use super::magazine::Magazine;
use super::{Heap, beside, flush};
use crate::config::{IDLE_PERIOD, MAGAZINE_START, MAGAZINE_STREAM_BYTES};
use crate::pool::SizeClass;

/// A slow path of a magazine.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Slow {
    /// It was empty. 0: a heap begins as zeroes.
    Refill = 0,
    /// It was full.
    Flush = 1,
}

/// What the capacity of a magazine goes by. Zero, as in a new heap, is a good start.
pub struct Habit {
    /// The last slow path.
    last: Cell<Slow>,
    /// Looks for idle magazines since then.
    idle: Cell<u8>,
}

impl Heap {
    /// The magazine's slots of `class` in this heap.
    fn slots(&self, class: SizeClass) -> *mut *mut u8 {
        let own = &self.slots[class.first_slot()..][..class.magazine()];
        own.as_ptr().cast_mut().cast()
    }

    /// Gives the magazine slots if it has none, else doubles it if it can grow; for each of its slow paths.
    pub fn exercise(&self, class: SizeClass, now: Slow) -> &Magazine {
        let magazine = self.magazine(class);
        let habit = &self.class(class).habit;
        habit.idle.set(0);
        let turned = habit.last.replace(now) != now;
        let full = class.magazine();
        let start = MAGAZINE_START.min(full);
        let stream = (MAGAZINE_STREAM_BYTES / class.block_size()).clamp(start, full);
        let capacity = magazine.capacity();
        if capacity == 0 {
            // SAFETY: the slots are this class's of this heap, and not fewer.
            unsafe { magazine.open(self.slots(class), start) };
            self.opened.set(self.opened.get() | 1 << class.index());
        } else if turned || capacity < stream {
            let grown = (capacity * 2).min(if turned { full } else { stream });
            // SAFETY: the magazine was opened above, on the same slots; it has no more than that many and
            // keeps what it has.
            unsafe { magazine.set_capacity(grown) };
        }
        magazine
    }

    /// Counts a slow path; now and then looks for magazines that had none for long, and halves them. Magazines may be
    /// fuller or emptier afterwards.
    #[inline]
    pub fn tick(&self) {
        if !self.aside.is_empty() {
            beside::settle(self);
        }
        let left = self.until_idle.get();
        if left == 0 {
            self.until_idle.set(IDLE_PERIOD);
            self.shrink_idle();
        } else {
            self.until_idle.set(left - 1);
        }
    }

    #[cold]
    fn shrink_idle(&self) {
        for class in self.opened() {
            let (magazine, idle) = (self.magazine(class), &self.class(class).habit.idle);
            let capacity = magazine.capacity();
            idle.set(idle.get().saturating_add(1));
            if idle.get() < 3 || capacity <= MAGAZINE_START.min(class.magazine()) {
                continue;
            }
            let smaller = capacity / 2;
            flush::flush_oldest(self, class, magazine.len().saturating_sub(smaller));
            // SAFETY: smaller than what the magazine was opened with, and no more is at hand.
            unsafe { magazine.set_capacity(smaller) };
        }
    }
}
