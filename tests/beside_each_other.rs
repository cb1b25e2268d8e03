//! Threads that do different things to the address space at the same time: mappings that move while arenas
//! are made, questions about memory that is just being unmapped, zeroed blocks that another thread frees.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

mod common;
use common::{MIB, resident};

#[global_allocator]
static NEAP: neap::Neap = neap::Neap::new();

/// Grows a mapping, which moves, until `stop` is set; returns how often it moved.
fn move_mappings(stop: &AtomicBool) -> usize {
    let small = Layout::from_size_align(65 * MIB, 8).expect("a layout");
    let large = Layout::from_size_align(300 * MIB, 8).expect("a layout");
    let mut moved = 0;
    while !stop.load(Ordering::Relaxed) {
        // SAFETY: the layout is not empty.
        let before = unsafe { NEAP.alloc(small) };
        assert!(!before.is_null(), "no memory");
        // SAFETY: allocated above with this layout; the new size is not 0.
        let after = unsafe { NEAP.realloc(before, small, large.size()) };
        assert!(!after.is_null(), "no memory");
        moved += usize::from(after != before);
        // SAFETY: it has the size that it was grown to.
        unsafe { NEAP.dealloc(after, large) };
    }
    moved
}

#[test]
fn an_arena_that_takes_the_place_of_a_mapping_that_moved() {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let mover = scope.spawn(|| move_mappings(&stop));
        let run = Layout::from_size_align(15 * MIB, 8).expect("a layout");
        // Each takes half of an arena's addresses, and hardly any memory.
        // SAFETY: the layout is not empty.
        let blocks: Vec<*mut u8> = (0..4000).map(|_| unsafe { NEAP.alloc(run) }).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(mover.join().expect("the mover") > 0, "nothing ever moved");
        let lost = blocks.iter().filter(|block| !neap::heap::owns(**block)).count();
        assert_eq!(lost, 0, "live blocks that neap does not know any more");
        for block in blocks {
            // SAFETY: allocated above with this layout.
            unsafe { NEAP.dealloc(block, run) };
        }
    });
}

#[test]
fn asking_about_a_mapping_that_is_being_freed() {
    let (stop, latest) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let block: Vec<u8> = Vec::with_capacity(40 * MIB);
                latest.store(block.as_ptr().addr(), Ordering::Relaxed);
                thread::yield_now();
            }
        });
        let (mut owned, mut rounds) = (0, 0);
        while owned < 2000 && rounds < 20_000_000 {
            let address = latest.load(Ordering::Relaxed);
            owned += usize::from(neap::heap::owns(std::ptr::without_provenance(address)));
            if rounds % 20_000 == 0 {
                neap::heap::walk(|_| ());
            }
            rounds += 1;
        }
        stop.store(true, Ordering::Relaxed);
        assert!(owned > 0, "the mapping was never met");
    });
}

#[test]
fn zeroed_blocks_that_another_thread_frees_are_used_again() {
    let (send, receive) = sync_channel::<Vec<u8>>(16);
    let before = resident();
    thread::scope(|scope| {
        scope.spawn(move || {
            for block in receive {
                assert!(block.iter().all(|byte| *byte == 0), "a zeroed block was not zero");
            }
        });
        for i in 0..20_000 {
            let mut block = vec![0_u8; 8192];
            block[i % 8192] = 1;
            block[i % 8192] = 0;
            send.send(block).expect("the other thread");
        }
        drop(send);
    });
    // 160 MB went through; at most 18 blocks were alive at any time.
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * MIB, "{} MiB more in memory", grown / MIB);
}
