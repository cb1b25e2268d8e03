//! A heap's pools: its lists and its accounts of them (H2, H3).

use core::cell::Cell;

use super::capacity::Habit;
use super::{Heap, beside};
use crate::misuse::{self, Misuse};
use crate::pool::{List, OwnedPool, PoolList, SizeClass};

/// A heap's pools of one class (H3).
pub struct ClassPools {
    /// With free blocks.
    pub used: PoolList,
    /// Without.
    pub full: PoolList,
    /// How many pools are on the two lists.
    pub pools: Cell<usize>,
    /// Of the magazine.
    pub habit: Habit,
}

impl Heap {
    /// Visits its pools, class by class. The visitor may take the one that it is shown off its list.
    pub fn each_pool(&self, mut visit: impl FnMut(OwnedPool, SizeClass)) {
        for class in SizeClass::all() {
            let lists = self.class(class);
            for list in [&lists.used, &lists.full] {
                let mut next = list.first();
                while let Some(pool) = next {
                    next = pool.next();
                    visit(pool, class);
                }
            }
        }
    }

    /// Takes `pool`, which is this heap's from now on, in: on the list it belongs to (H2, H3).
    pub fn take_in(&self, pool: OwnedPool, class: SizeClass) {
        self.pool_bytes.set(self.pool_bytes.get() + class.blocks() * class.block_size());
        self.free_bytes.set(self.free_bytes.get() + pool.free_count() * class.block_size());
        let lists = self.class(class);
        lists.pools.set(lists.pools.get() + 1);
        if pool.free_count() > 0 {
            lists.used.push(pool, List::Used);
        } else {
            lists.full.push(pool, List::Full);
        }
    }

    /// Takes `pool` off its list and out of the accounts.
    pub fn let_go(&self, pool: OwnedPool, class: SizeClass) {
        self.pool_bytes.set(self.pool_bytes.get() - class.blocks() * class.block_size());
        self.free_bytes.set(self.free_bytes.get() - pool.free_count() * class.block_size());
        let lists = self.class(class);
        lists.pools.set(lists.pools.get() - 1);
        match pool.list() {
            List::Used => lists.used.remove(pool),
            List::Full => lists.full.remove(pool),
            List::None => {}
        }
    }

    /// Mends the lists after blocks were handed out from `pool`: without free blocks it is full (H3).
    #[inline]
    pub fn handed_out(&self, pool: OwnedPool, class: SizeClass) {
        if pool.free_count() == 0 {
            let lists = self.class(class);
            lists.used.remove(pool);
            lists.full.push(pool, List::Full);
        }
    }

    /// Mends the lists after blocks came back to `pool` (H3).
    #[inline]
    pub fn relist(&self, pool: OwnedPool, class: SizeClass) {
        let lists = self.class(class);
        if pool.list() == List::Full && pool.free_count() > 0 {
            lists.full.remove(pool);
            lists.used.push(pool, List::Used);
        }
    }

    /// The same, and releases it when it is empty. A magazine holds more than most programs go up and down by, so an
    /// empty pool is seldom needed at once, and other classes can use its memory.
    #[inline]
    pub fn returned(&self, pool: OwnedPool, class: SizeClass) {
        self.relist(pool, class);
        if pool.is_empty(class) {
            self.release(pool, class);
        }
    }

    /// The same, when as many blocks are likely to be wanted again as come back now: the last pool with free blocks stays.
    #[cfg(feature = "gc")]
    pub fn returned_with_more(&self, pool: OwnedPool, class: SizeClass) {
        self.relist(pool, class);
        let alone = self.class(class).used.first() == Some(pool) && pool.next().is_none();
        if pool.is_empty(class) && !alone {
            self.release(pool, class);
        }
    }

    /// Gives an empty pool back to its arena.
    pub fn release(&self, pool: OwnedPool, class: SizeClass) {
        // R3 holds for callers who free once. A block that is free and yet freed by somebody else makes a pool that is
        // empty and has frees pending.
        if let Some(address) = pool.freed_twice(class) {
            misuse::abort(Misuse::DoubleFree, address, class.block_size());
        }
        self.releases.set(self.releases.get().wrapping_add(1));
        self.let_go(pool, class);
        beside::put_aside(self, pool, class);
        pool.release(class);
    }
}
