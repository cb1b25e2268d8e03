//! A heap's lists of its pools.

use core::cell::Cell;

use super::{OwnedPool, PoolRef};

/// Which of its owner's lists a pool is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum List {
    /// None.
    None = 0,
    /// It has free blocks.
    Used = 1,
    /// It has none.
    Full = 2,
}

/// A doubly linked list of a heap's pools.
#[derive(Default)]
pub struct PoolList {
    first: Cell<Option<PoolRef>>,
}

impl PoolList {
    /// The first pool.
    #[inline(always)]
    pub fn first(&self) -> Option<OwnedPool> {
        self.first.get().map(OwnedPool)
    }

    /// Puts `pool`, which is on no list, in front of this one, which is of kind `kind`.
    pub fn push(&self, pool: OwnedPool, kind: List) {
        debug_assert_eq!(pool.list(), List::None);
        let descriptor = pool.0.get();
        let next = self.first.get();
        descriptor.listed.set(kind);
        descriptor.previous.set(None);
        descriptor.next.set(next);
        if let Some(next) = next {
            next.get().previous.set(Some(pool.0));
        }
        self.first.set(Some(pool.0));
    }

    /// Takes `pool`, which is on this list, off it.
    pub fn remove(&self, pool: OwnedPool) {
        debug_assert_ne!(pool.list(), List::None);
        let descriptor = pool.0.get();
        let (previous, next) = (descriptor.previous.take(), descriptor.next.take());
        match previous {
            Some(previous) => previous.get().next.set(next),
            None => self.first.set(next),
        }
        if let Some(next) = next {
            next.get().previous.set(previous);
        }
        descriptor.listed.set(List::None);
    }
}
