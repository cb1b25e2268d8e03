//! A word beside each block of a pool, for who holds the block: where what is said about an object stands that has no
//! room in the object.
//!
//! ```text
//!   pool     ┌─────────┬─────────┬─────────┬─ …      block i of the pool
//!            │ block 0 │ block 1 │ block 2 │
//!            └─────────┴─────────┴─────────┴─ …
//!   table    ┌────┬────┬────┬─ …                     word i of the table: found by arithmetic and one load
//!            │ 0  │ 1  │ 2  │                        from the pool's descriptor
//!            └────┴────┴────┴─ …
//! ```
//!
//! The table is a block itself (64 bytes to 32 KiB, of which only OS pages that are used cost memory), made when the
//! first word of a pool is asked for, and freed when the pool is released. That happens in the midst of other work on
//! pools, so tables that are no longer needed are put aside, in a list through their own first words, and freed at
//! the next slow path. (A table may come to lie in the very pool that it describes, or two pools hold each other's.
//! Such a pool is not released when all else in it is free; it serves the next who want blocks of its class.)

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::thread::Content;
use super::{Heap, flush};
use crate::pool::{OwnedPool, PoolRef, SizeClass};
use crate::settings::Options;
use crate::units::regain;

/// A word beside a block. It means nothing until it is set.
pub type Word = Cell<usize>;

/// The word of the block in which `address` is, where there is a table already.
///
/// # Safety
/// It is a block of `class` that is out, its word was made by [`make_word`], and the word is used as long as the block
/// is out.
#[inline(always)]
pub unsafe fn word(address: usize, class: SizeClass) -> NonNull<Word> {
    // SAFETY: by the precondition.
    let pool = unsafe { PoolRef::of_block(address, class) };
    // SAFETY: P6: that is the pool's table.
    unsafe { word_of(pool.beside(), address, class) }
}

/// The word of the block in which `address` is; makes the table if need be. `None`: no memory.
///
/// # Safety
/// As for [`word`], but that the word need not be there.
#[inline(always)]
pub unsafe fn make_word(address: usize, class: SizeClass) -> Option<NonNull<Word>> {
    // SAFETY: by the precondition.
    let pool = unsafe { PoolRef::of_block(address, class) };
    let mut table = pool.beside();
    if table == 0 {
        table = make_table(pool, class)?;
    }
    // SAFETY: P6: that is the pool's table.
    Some(unsafe { word_of(table, address, class) })
}

#[cold]
#[inline(never)]
fn make_table(pool: PoolRef, class: SizeClass) -> Option<usize> {
    let own = super::allocate_class(table_class(class), Options::NONE);
    let table = NonNull::new(own)?.addr().get();
    match pool.put_beside(table) {
        Ok(()) => Some(table),
        Err(other) => {
            super::free_class(own, table_class(class));
            Some(other)
        }
    }
}

/// # Safety
/// `table` is beside the pool of `class` in which the block at `address` is.
#[inline(always)]
unsafe fn word_of(table: usize, address: usize, class: SizeClass) -> NonNull<Word> {
    let (index, _) = class.index_of(address - class.pool_at(address));
    // SAFETY: no block lies at 0.
    let words = unsafe { NonNull::new_unchecked(regain::<Word>(table)) };
    // SAFETY: by the precondition the table has a word for each block.
    unsafe { words.add(index) }
}

/// The class of the table for a pool of `class`.
fn table_class(class: SizeClass) -> SizeClass {
    let layout = Layout::array::<Word>(class.blocks()).ok();
    // 8 to 4096 words: always a small or medium class.
    layout.and_then(SizeClass::for_layout).unwrap_or_else(|| crate::os::abort())
}

/// What stands in a table that was put aside.
struct Aside {
    next: *mut Aside,
    class: SizeClass,
}

/// Tables that were put aside.
pub struct List(Cell<*mut Aside>);

impl List {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    fn pop(&self) -> Option<(*mut u8, SizeClass)> {
        let first = self.0.get();
        if first.is_null() {
            return None;
        }
        // SAFETY: `put_aside` has written it, and nobody else has the table.
        let Aside { next, class } = unsafe { first.read() };
        self.0.set(next);
        Some((first.cast(), class))
    }
}

/// Takes the table of an empty pool, which is about to be released, and puts it aside.
#[inline]
pub fn put_aside(heap: &Heap, pool: OwnedPool, class: SizeClass) {
    let table = pool.take_beside();
    if table != 0 {
        put_aside_slow(heap, table, table_class(class));
    }
}

#[cold]
fn put_aside_slow(heap: &Heap, table: usize, class: SizeClass) {
    let aside: *mut Aside = regain(table);
    let next = heap.aside.0.replace(aside);
    // SAFETY: the table is a block of our own, of at least 64 bytes, that nobody uses any more (P6).
    unsafe { ptr::write(aside, Aside { next, class }) };
}

/// Frees the tables that were put aside, and those that are put aside meanwhile. Not while blocks or pools are being
/// handled.
#[cold]
pub fn settle(heap: &Heap) {
    while let Some((table, class)) = heap.aside.pop() {
        if heap.content.get() == Content::Objects {
            // A table is none.
            super::free_class(table, class);
        } else if !flush::take(heap, table, class) {
            flush::free_directly(table.addr(), class);
        }
    }
}

/// The same for a heap that is being parked: nothing goes into its magazines any more.
#[cold]
pub fn settle_directly(heap: &Heap) {
    while let Some((table, class)) = heap.aside.pop() {
        flush::free_directly(table.addr(), class);
    }
}
