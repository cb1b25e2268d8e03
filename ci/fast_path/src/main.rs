//! Three functions for `ci/fast_path.sh` to look at: what an allocation, `Box::new` and the drop of a
//! `Box` become for a type whose layout is known. The value is left uninitialised, so that only
//! neap's instructions count.

use std::alloc::{Layout, alloc};
use std::hint::black_box;
use std::mem::MaybeUninit;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

type Value = MaybeUninit<[u64; 6]>;

/// Allocates 48 bytes, and leaves the question whether it got them to the caller.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
#[inline(never)]
pub fn fast_path_alloc() -> *mut u8 {
    // SAFETY: the layout is not of size zero.
    unsafe { alloc(Layout::new::<Value>()) }
}

/// The same in a `Box`: it asks, and has a frame for the call that ends the program.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
#[inline(never)]
pub fn fast_path_make() -> Box<Value> {
    Box::new(MaybeUninit::uninit())
}

/// Frees them.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
#[inline(never)]
pub fn fast_path_drop(value: Box<Value>) {
    drop(value);
}

fn main() {
    for _ in 0..1_000 {
        // SAFETY: a block with this layout, which nobody else has, is a Box of this type.
        fast_path_drop(unsafe { Box::from_raw(black_box(fast_path_alloc()).cast::<Value>()) });
        fast_path_drop(black_box(fast_path_make()));
    }
    println!("fast_path: 2000 blocks made and dropped");
}
