//! An object's block: where the value lies in it, how it is had and given back.
//!
//! ```text
//!   align ≤ 8, up to 64 KiB          align ≥ 16                             larger than 64 KiB
//!   ┌────────┬───────────┐           ┌───┬────────┬────────┬───────────┐    ┌────────┬────────┬───────────┐
//!   │ header │ value …   │           │ … │  slot  │ header │ value …   │    │  slot  │ header │ value …   │
//!   └────────┴───────────┘           └───┴────────┴────────┴───────────┘    └────────┴────────┴───────────┘
//!   0        8                       0            ↑        align            0        8        16
//!                                          alignment leaves room for it
//! ```
//!
//! The *slot* names the side cell (`side.rs`), where there is one. An ordinary object has no room for it in its
//! block: its slot stands in the table beside its pool.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::handle_alloc_error;

use super::header::Header;
use crate::config::MEDIUM_MAX;
use crate::heap;
use crate::os;
use crate::pool::SizeClass;
use crate::settings::Options;

/// The block of an object: its layout, of which all else follows.
#[derive(Clone, Copy)]
pub struct Shape(Layout);

/// Where the address of an object's side cell stands.
pub enum Slot {
    /// In the block.
    Inside(NonNull<heap::Word>),
    /// Beside the pool, for the block of this class in which this address is.
    Beside(usize, SizeClass),
}

/// Bytes in front of a value, where they hold a slot.
const WITH_SLOT: usize = Header::BYTES + size_of::<heap::Word>();

impl Shape {
    /// For a value of this layout; `None` when there can be no such block.
    #[inline(always)]
    const fn new(value: Layout) -> Option<Shape> {
        let (size, mut align) = (value.size(), value.align());
        let mut front = align;
        if align <= Header::BYTES {
            align = Header::BYTES;
            front = if size <= MEDIUM_MAX - Header::BYTES { Header::BYTES } else { WITH_SLOT };
        }
        match Layout::from_size_align(size.saturating_add(front), align) {
            Ok(block) => Some(Shape(block)),
            Err(_) => None,
        }
    }

    /// Of the object that `value` is in.
    ///
    /// # Safety
    /// It is in an object, and its metadata are right; whether it was dropped already does not matter.
    #[inline(always)]
    pub unsafe fn of<T: ?Sized>(value: NonNull<T>) -> Shape {
        // SAFETY: by the precondition. Only the metadata are looked at, and the memory is there.
        let value = unsafe { value.as_ref() };
        // O1: such a block was had.
        Shape::new(Layout::for_value(value)).unwrap_or_else(|| os::abort())
    }

    /// Bytes in front of the value.
    #[inline(always)]
    const fn front(self) -> usize {
        let Shape(block) = self;
        if block.align() > Header::BYTES {
            block.align()
        } else if block.size() <= MEDIUM_MAX {
            Header::BYTES
        } else {
            WITH_SLOT
        }
    }

    /// Where the slot of the object with this value is.
    #[inline(always)]
    pub fn slot(self, value: NonNull<u8>) -> Slot {
        match SizeClass::for_layout(self.0) {
            Some(class) if self.front() < WITH_SLOT => {
                // The value is in its block, but that one without bytes begins where the next block does.
                let empty = self.0.size() == self.front();
                Slot::Beside(value.addr().get() - if empty { self.front() } else { 0 }, class)
            }
            // SAFETY: that many bytes are in front of the value.
            _ => Slot::Inside(unsafe { value.byte_sub(WITH_SLOT) }.cast()),
        }
    }
}

/// Gets a block for a value of this layout, with a header that says one reference; returns where the value goes.
///
/// # Panics
/// When the layout is larger than any block can be.
#[inline(always)]
pub fn allocate(value: Layout) -> NonNull<u8> {
    let shape = shape_of(value);
    let block = heap::allocate(shape.0, Options::NONE);
    // SAFETY: the block has this shape.
    unsafe { open(block, shape) }
}

/// The same, and the value's bytes are 0.
pub fn allocate_zeroed(value: Layout) -> NonNull<u8> {
    let shape = shape_of(value);
    let block = heap::allocate_zeroed(shape.0, Options::NONE);
    // SAFETY: the block has this shape.
    unsafe { open(block, shape) }
}

#[inline(always)]
fn shape_of(value: Layout) -> Shape {
    match Shape::new(value) {
        Some(shape) => shape,
        None => too_large(),
    }
}

/// Writes the header.
///
/// # Safety
/// `block` is null or such a block, and the caller's.
#[inline(always)]
unsafe fn open(block: *mut u8, shape: Shape) -> NonNull<u8> {
    let Some(block) = NonNull::new(block) else { handle_alloc_error(shape.0) };
    // SAFETY: by the precondition, that is inside, or at the end for a value without bytes.
    let value = unsafe { block.byte_add(shape.front()) };
    // SAFETY: in front of the value are at least as many bytes, aligned as the block.
    let header = unsafe { value.cast::<Header>().sub(1) };
    // SAFETY: by the precondition nobody else has the block.
    unsafe { header.write(Header::new()) };
    value
}

/// Gives the block of `value` back.
///
/// # Safety
/// It has this shape, and nobody uses it any more.
#[inline(always)]
pub unsafe fn free(value: NonNull<u8>, shape: Shape) {
    // SAFETY: by the precondition.
    let block = unsafe { value.byte_sub(shape.front()) };
    heap::free(block.as_ptr(), shape.0);
}

/// The header of the object that `value` is in.
///
/// # Safety
/// It is in an object, whose block stays as long as the header is used.
#[inline(always)]
pub unsafe fn header<'a, T: ?Sized>(value: NonNull<T>) -> &'a Header {
    // SAFETY: O1: a header stands in front of each value.
    let header = unsafe { value.cast::<Header>().sub(1) };
    // SAFETY: as above.
    unsafe { header.as_ref() }
}

#[cold]
#[inline(never)]
fn too_large() -> ! {
    panic!("capacity overflow")
}

/// The pointer `like`, metadata and all, to the same value at another place.
///
/// # Safety
/// There it is.
pub unsafe fn at<T: ?Sized>(like: NonNull<T>, place: NonNull<u8>) -> NonNull<T> {
    let mut pointer = like;
    // A pointer, thin or wide, begins with its address. (There is no stable way to say this; `with_addr` would keep
    // the provenance of the block that the value has left. The assertion below is for the day when a compiler does it
    // otherwise.)
    // SAFETY: so it does.
    unsafe { core::ptr::from_mut(&mut pointer).cast::<NonNull<u8>>().write(place) };
    debug_assert_eq!(pointer.cast(), place);
    pointer
}
