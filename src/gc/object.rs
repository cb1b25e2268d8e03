//! A collected object's block: where the value lies in it, how it is had and given back.
//!
//! ```text
//!   most                     slice, or aligned to 16      aligned to 32 or more, or larger than 64 KiB
//!   ┌────────┬─────────┐     ┌────────┬────────┬──────┐   ┌────────┬─ …  ─┬────────┬────────┬─────────┐
//!   │ header │ value … │     │ length │ header │ … …  │   │ front  │ slot │ length │ header │ value … │
//!   └────────┴─────────┘     └────────┴────────┴──────┘   └────────┴─ …  ─┴────────┴────────┴─────────┘
//! ```
//!
//! The *slot* names the side cell, if there is one; where there is no room for it in the block it stands in the table
//! beside the pool. The header says the type, and the type whether there is a length.
//!
//! Who walks a pool knows where blocks begin, and finds the value by the first word: where that is not the header, its
//! bits 0 and 1 are 0 and 1, which a header's never are. Bit 2 tells a slice's length from the number of bytes in front of
//! the value.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::handle_alloc_error;

use super::header::{self, Header, Low};
use super::info::Info;
use super::state;
use crate::heap::{self, Objects};
use crate::os;
use crate::pool::SizeClass;
use crate::settings::Options;

/// An object's block.
#[derive(Clone, Copy)]
pub struct Shape {
    block: Layout,
    front: usize,
    /// `None`: it is too big for a pool.
    class: Option<SizeClass>,
}

const WORD: usize = size_of::<usize>();

/// A first word that is no header.
const MARK: usize = 0b010;
/// One that is a slice's length.
const MARK_LENGTH: usize = 0b110;
const MARK_SHIFT: u32 = 3;

impl Shape {
    /// Of an object with a value of this layout, which is a slice or not; `None` when there can be no such block.
    #[inline(always)]
    const fn new(value: Layout, is_slice: bool) -> Option<Shape> {
        let words = 1 + is_slice as usize;
        // The first word of a block in a pool is no slot: it says where the value is.
        let large = value.size() > crate::config::MEDIUM_MAX - words * WORD;
        let words = if large { 3 } else { words };
        let front = (words * WORD).next_multiple_of(value.align());
        let align = if value.align() > WORD { value.align() } else { WORD };
        match Layout::from_size_align(value.size().saturating_add(front), align) {
            // Inlined where it is most often needed.
            Ok(block) => {
                let class = match SizeClass::looked_up(block) {
                    Some(class) => Some(class),
                    None => SizeClass::for_layout(block),
                };
                Some(Shape { block, front, class })
            }
            Err(_) => None,
        }
    }

    /// Of the object that `value` is in.
    ///
    /// # Safety
    /// It is in an object, of which the header and what stands before it are there.
    #[inline]
    pub unsafe fn of(value: NonNull<u8>) -> Shape {
        // SAFETY: by the precondition.
        let info = unsafe { header::of(value) }.low().code().info();
        // SAFETY: by the precondition.
        unsafe { Shape::of_type(value, info) }
    }

    /// The same for who knows the type, of which the header need not tell.
    ///
    /// # Safety
    /// As for [`of`](Shape::of), and it is of this type.
    #[inline]
    pub unsafe fn of_type(value: NonNull<u8>, info: &Info) -> Shape {
        // SAFETY: by the precondition.
        let len = if info.is_slice() { unsafe { slice_length(value) } } else { 0 };
        Shape::new(info.layout(len), info.is_slice()).unwrap_or_else(|| os::abort())
    }

    /// Of objects with a value of this layout, which is no slice.
    #[inline(always)]
    pub const fn of_layout(value: Layout) -> Option<Shape> {
        Shape::new(value, false)
    }

    /// Of objects with a slice of so many.
    #[inline]
    pub fn of_slice<T>(len: usize) -> Option<Shape> {
        Shape::new(Layout::array::<T>(len).ok()?, true)
    }

    /// The block's class; `None`: it is too big for a pool.
    #[inline(always)]
    pub fn class(self) -> Option<SizeClass> {
        self.class
    }

    /// Bytes of the block.
    pub fn bytes(self) -> usize {
        self.class.map_or(self.block.size(), SizeClass::block_size)
    }

    /// Where the block begins.
    pub fn block(self, value: NonNull<u8>) -> NonNull<u8> {
        // SAFETY: so many bytes are in front of the value.
        unsafe { value.byte_sub(self.front) }
    }

    /// Where the slot is; made if it is asked for and not there. `None`: there is no memory for it.
    ///
    /// # Safety
    /// The object of `value` has this shape; without `make`, the slot was made.
    pub unsafe fn slot(self, value: NonNull<u8>, make: bool) -> Option<NonNull<heap::Word>> {
        match self.class {
            Some(class) if self.front < 3 * WORD => {
                let block = self.block(value).addr().get();
                if make {
                    // SAFETY: the block is out.
                    unsafe { heap::make_word(block, class) }
                } else {
                    // SAFETY: the block is out, and the word was made.
                    Some(unsafe { heap::word(block, class) })
                }
            }
            // SAFETY: in front of the value are header, perhaps length, and the slot.
            _ => Some(unsafe { value.byte_sub(3 * WORD) }.cast()),
        }
    }

    /// Gets a block, writes what `low` gives into its header, and `len` in front of it if it is that of a slice. `low` is
    /// asked when the block is there: a collection may come before.
    #[inline(always)]
    pub fn allocate(self, low: impl FnOnce() -> Low, len: Option<usize>) -> NonNull<u8> {
        let block = match self.class {
            Some(class) => match Objects::pop(class) {
                Some(block) => block,
                None => self.allocate_slow(class),
            },
            None => self.allocate_large(),
        };
        // SAFETY: a block of this shape, which nobody else has.
        unsafe { self.open(block, low(), len) }
    }

    /// The same for no slice, if a block is at hand: no code of the program runs, and nothing panics.
    #[inline(always)]
    pub fn allocate_at_hand(self, low: impl FnOnce() -> Low) -> Option<NonNull<u8>> {
        let block = Objects::pop(self.class?)?;
        // SAFETY: a block of this shape, which nobody else has.
        Some(unsafe { self.open(block, low(), None) })
    }

    /// Writes what stands in front of the value, and returns where that goes.
    ///
    /// # Safety
    /// The block has this shape, and nobody else has it.
    #[inline(always)]
    unsafe fn open(self, block: NonNull<u8>, low: Low, len: Option<usize>) -> NonNull<u8> {
        // SAFETY: the block is that large.
        let value = unsafe { block.byte_add(self.front) };
        // SAFETY: in front of the value are at least as many bytes, aligned as the block.
        let header = unsafe { value.cast::<Header>().sub(1) };
        // SAFETY: nobody else has the block.
        unsafe { Header::write(header, low) };
        if self.front > WORD {
            // SAFETY: the front has more words than one.
            unsafe { block.cast::<usize>().write(self.front << MARK_SHIFT | MARK) };
        }
        if let Some(len) = len {
            // SAFETY: of a slice's object, another word is there.
            let place = unsafe { value.cast::<usize>().sub(2) };
            // SAFETY: as above.
            unsafe { place.write(len << MARK_SHIFT | MARK_LENGTH) };
        }
        value
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(self, class: SizeClass) -> NonNull<u8> {
        state::before_more(self.bytes());
        // A collection may have freed some.
        let block = Objects::pop(class).or_else(|| Objects::refill(class));
        block.unwrap_or_else(|| handle_alloc_error(self.block))
    }

    #[cold]
    #[inline(never)]
    fn allocate_large(self) -> NonNull<u8> {
        state::before_more(self.bytes());
        let block = NonNull::new(heap::allocate(self.block, Options::NONE));
        let block = block.unwrap_or_else(|| handle_alloc_error(self.block));
        // SAFETY: the block is that large.
        let value = unsafe { block.byte_add(self.front) };
        if !state::note_large(value) {
            heap::free(block.as_ptr(), self.block);
            handle_alloc_error(self.block);
        }
        block
    }

    /// Gives the block of `value` back.
    ///
    /// # Safety
    /// It has this shape, and nobody uses it any more; its header says that it is not alive.
    #[inline(always)]
    pub unsafe fn free(self, value: NonNull<u8>) {
        let block = self.block(value);
        match self.class {
            Some(class) => Objects::free(block, class),
            None => {
                state::forget_large(value);
                heap::free(block.as_ptr(), self.block);
            }
        }
    }
}

/// The length that stands in front of the header of a slice's object.
///
/// # Safety
/// `value` is in such an object.
#[inline(always)]
pub unsafe fn slice_length(value: NonNull<u8>) -> usize {
    // SAFETY: by the precondition.
    let place = unsafe { value.cast::<usize>().sub(2) };
    // SAFETY: as above.
    unsafe { place.read() >> MARK_SHIFT }
}

/// The value of the object in a block of a pool.
///
/// # Safety
/// There is one, or was.
#[inline]
pub unsafe fn value_in(block: NonNull<u8>) -> NonNull<u8> {
    // SAFETY: a block of a pool has a word at least, which was written.
    let first = unsafe { block.cast::<usize>().read() };
    let front = match first & 0b111 {
        MARK_LENGTH => 2 * WORD,
        MARK => first >> MARK_SHIFT,
        _ => WORD,
    };
    // SAFETY: so many bytes are in front of the value.
    unsafe { block.byte_add(front) }
}
