//! `Neap` and `Configured` as allocators that containers of other crates take as a parameter.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use allocator_api2::alloc::{AllocError, Allocator};

use super::{Configured, Neap, none, of, realloc};
use crate::heap;
use crate::settings::Options;

/// A block of the bytes asked for; an empty layout gets a dangling one.
fn slice(layout: Layout, get: impl FnOnce() -> *mut u8) -> Result<NonNull<[u8]>, AllocError> {
    if layout.size() == 0 {
        let dangling = NonNull::new(ptr::without_provenance_mut(layout.align()));
        return Ok(NonNull::slice_from_raw_parts(dangling.ok_or(AllocError)?, 0));
    }
    let block = NonNull::new(get()).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(block, layout.size()))
}

macro_rules! allocator {
    ($type:ty, $options:expr) => {
        // SAFETY: blocks stay valid until they are freed, whichever value is used for it: all are
        // the same allocator.
        unsafe impl Allocator for $type {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                slice(layout, || heap::allocate(layout, $options(*self)))
            }

            #[inline]
            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                slice(layout, || heap::allocate_zeroed(layout, $options(*self)))
            }

            #[inline]
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                if layout.size() != 0 {
                    heap::free(block.as_ptr(), layout);
                }
            }

            #[inline]
            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's promise.
                unsafe { resize(block, old, new, $options(*self)) }
            }

            #[inline]
            unsafe fn grow_zeroed(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's promise.
                let grown = unsafe { resize(block, old, new, $options(*self)) }?;
                // SAFETY: `new` is at least as large as `old`.
                let rest = unsafe { grown.cast::<u8>().add(old.size()) };
                // SAFETY: the bytes behind the old ones are part of the block.
                unsafe { rest.write_bytes(0, new.size() - old.size()) };
                Ok(grown)
            }

            #[inline]
            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's promise.
                unsafe { resize(block, old, new, $options(*self)) }
            }
        }
    };
}

allocator!(Neap, none);
allocator!(Configured, of);

/// Grows or shrinks, also to another alignment.
///
/// # Safety
/// `block` was allocated by neap with `old`.
unsafe fn resize(
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    options: Options,
) -> Result<NonNull<[u8]>, AllocError> {
    if old.align() == new.align() && old.size() != 0 && new.size() != 0 {
        // SAFETY: by the precondition; the new size is not 0.
        return slice(new, || unsafe { realloc(block.as_ptr(), old, new.size(), options) });
    }
    let moved = slice(new, || heap::allocate(new, options))?;
    let bytes = old.size().min(new.size());
    // SAFETY: both have so many bytes, and are different blocks.
    unsafe { ptr::copy_nonoverlapping(block.as_ptr(), moved.cast().as_ptr(), bytes) };
    if old.size() != 0 {
        heap::free(block.as_ptr(), old);
    }
    Ok(moved)
}
