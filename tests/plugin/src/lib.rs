//! A plugin that brings its own copy of neap: C functions that allocate, free and work.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::collections::BTreeMap;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes.max(1), 8).expect("a layout")
}

/// A block of this copy of neap.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_allocate(bytes: usize) -> *mut u8 {
    // SAFETY: the layout's size is not 0.
    unsafe { alloc(layout(bytes)) }
}

/// Frees a block of this copy of neap.
///
/// # Safety
///
/// It came from [`plugin_allocate`] with as many bytes, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plugin_free(start: *mut u8, bytes: usize) {
    // SAFETY: the caller says so.
    unsafe { dealloc(start, layout(bytes)) }
}

/// Whether a block is of this copy of neap.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_owns(start: *const u8) -> bool {
    neap::heap::owns(start)
}

/// Live blocks of this copy of neap.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_live_blocks() -> usize {
    neap::heap::stats().live_blocks
}

/// Work with vectors, strings and maps: the answer depends on `seed` alone.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_work(seed: u64) -> u64 {
    let mut words: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut state = seed;
    for i in 0..3000 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        words.entry(format!("word {}", state >> 54)).or_default().push(i);
    }
    let large = vec![seed; 200_000];
    let sum: u64 = words.values().flatten().sum();
    let letters: usize = words.keys().map(String::len).sum();
    sum.wrapping_add(letters as u64).wrapping_add(large[seed as usize % large.len()])
}

/// As [`plugin_work`], in three threads of the plugin's own.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_work_in_threads(seed: u64) -> u64 {
    let threads: Vec<_> =
        (0..3).map(|i| std::thread::spawn(move || plugin_work(seed + i))).collect();
    threads.into_iter().map(|thread| thread.join().expect("the thread")).fold(0, u64::wrapping_add)
}

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps some memory for as long as the calling thread lives: its destructor is in the plugin.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_keep(bytes: usize) {
    KEPT.with_borrow_mut(|kept| kept.push(vec![1; bytes]));
}
