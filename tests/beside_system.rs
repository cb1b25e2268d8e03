//! neap beside another global allocator: a program that keeps the system's and calls `Neap` itself,
//! from any thread. Neither touches what is the other's.

mod common;

use common::cases::{child, entries, main as run_cases};
use common::{MIB, Rng, resident};
use neap::Neap;
use neap::heap::{owns, purge, stats};
use std::alloc::{GlobalAlloc, Layout, System};

#[global_allocator]
static GLOBAL: System = System;

static NEAP: Neap = Neap::new();

fn main() {
    run_cases(
        entries![
            nothing_is_set_up_before_the_first_call,
            blocks_of_both,
            threads_that_neap_knows_only_by_its_blocks,
            memory_goes_back,
            a_block_of_the_system_is_not_neaps,
        ],
        entries![free_a_block_of_the_system],
    );
}

/// A block of neap's.
struct Own(*mut u8, Layout);

// SAFETY: it is the only owner of its memory, which holds plain bytes.
unsafe impl Send for Own {}

impl Own {
    fn new(size: usize) -> Own {
        let layout = Layout::from_size_align(size, 16).expect("a layout");
        // SAFETY: no size here is 0.
        let start = unsafe { NEAP.alloc(layout) };
        assert!(!start.is_null());
        // SAFETY: the block has that many bytes, which are nobody else's.
        unsafe { start.write_bytes(size as u8, size) };
        Own(start, layout)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let Own(start, layout) = *self;
        // SAFETY: `new` wrote all bytes.
        let bytes = unsafe { std::slice::from_raw_parts(start, layout.size()) };
        // The ends say enough.
        for byte in [bytes[0], bytes[bytes.len() / 2], bytes[bytes.len() - 1]] {
            assert_eq!(byte, layout.size() as u8, "the block has changed");
        }
        // SAFETY: the block is live, this is its layout, and nobody else has it.
        unsafe { NEAP.dealloc(start, layout) };
    }
}

fn nothing_is_set_up_before_the_first_call() {
    // These are asked before neap was ever called for memory.
    let before = stats();
    assert_eq!((before.live_blocks, before.arenas, before.large), (0, 0, 0));
    assert!(!owns((&raw const before).cast()));
    purge();
    let mut items = 0;
    neap::heap::walk(|_| items += 1);
    assert_eq!(items, 0);
    drop(Own::new(100));
    assert!(stats().arenas > 0);
    assert_eq!(stats().live_blocks, 0);
}

fn blocks_of_both() {
    let mut rng = Rng(90);
    let mut held = Vec::new();
    for _ in 0..20_000 {
        if held.len() > 500 {
            held.swap_remove(rng.below(500));
        }
        let size = rng.size(50_000);
        held.push((Own::new(size), vec![1_u8; size]));
    }
    for (own, vector) in &held {
        assert!(owns(own.0) && !owns(vector.as_ptr()));
    }
    assert_eq!(stats().live_blocks, held.len());
    drop(held);
    assert_eq!(stats().live_blocks, 0);
    assert_eq!(stats().live_bytes, 0);
}

fn threads_that_neap_knows_only_by_its_blocks() {
    let mut left = Vec::new();
    for i in 0..2000 {
        let work = move || (1..20).map(|n| Own::new(n * 40 + i % 30)).collect::<Vec<_>>();
        left.extend(std::thread::spawn(work).join().expect("the thread"));
        let more = left.len().saturating_sub(500);
        left.drain(..more);
        assert_eq!(stats().live_blocks, left.len());
    }
    assert!(stats().heaps <= 3, "{}", stats());
}

fn memory_goes_back() {
    drop(Own::new(1));
    let before = resident();
    let blocks: Vec<_> = (0..100_000).map(|_| Own::new(1000)).collect();
    assert!(resident() > before + 90 * MIB);
    drop(blocks);
    purge();
    assert!(resident() < before + 10 * MIB);
}

/// A mode: gives a block of the system's to neap.
fn free_a_block_of_the_system() {
    let layout = Layout::from_size_align(100, 8).expect("a layout");
    // SAFETY: the size is not 0.
    let start = unsafe { System.alloc(layout) };
    println!("{:#x}", start.addr());
    // SAFETY: none: that this is wrong is what is tested here.
    unsafe { NEAP.dealloc(start, layout) };
}

fn a_block_of_the_system_is_not_neaps() {
    let ended = child("free_a_block_of_the_system").limited(libc::RLIMIT_CORE, 0).run();
    assert!(ended.aborted(), "{}", ended.describe());
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.describe());
    assert!(ended.stderr.starts_with("neap: "), "{}", ended.describe());
    assert!(ended.stderr.contains(ended.stdout.trim()), "{}", ended.describe());
}
