//! Two functions for `ci/fast_path.sh` to look at: what `Box::new` and its drop become for a type
//! whose layout is known. The value is left uninitialised, so that only neap's instructions count.

use std::hint::black_box;
use std::mem::MaybeUninit;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

type Value = MaybeUninit<[u64; 6]>;

/// Allocates 48 bytes.
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
        fast_path_drop(black_box(fast_path_make()));
    }
    println!("fast_path: 1000 blocks made and dropped");
}
