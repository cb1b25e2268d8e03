//! neap itself needs little: a small program, a thread that does next to nothing, and the
//! descriptors and bitmaps of a program that holds much.

mod common;

use common::cases::{child, entries, main as run_cases};
use common::switch::{SYSTEM, Switch};
use common::{Block, KIB, MIB, mib, resident};
use std::sync::Barrier;

#[global_allocator]
static GLOBAL: Switch = Switch::new();

fn main() {
    run_cases(
        entries![
            a_program_that_does_little,
            a_thread_that_allocates_one_block,
            descriptors_and_bitmaps,
            small_blocks_take_what_they_are,
            blocks_of_8_bytes_take_what_they_are,
        ],
        entries![do_little, wait_in_many_threads],
    );
}

/// A mode: allocates a little and prints the bytes in memory.
fn do_little() {
    let words: Vec<String> = (0..1000).map(|i| format!("word {i}")).collect();
    let text = words.join(" ");
    assert_eq!(text.split(' ').count(), 2000);
    println!("{}", resident());
}

/// What `mode` prints with neap and with the system's allocator.
fn with_both(mode: &str) -> (usize, usize) {
    let number = |text: &str| text.trim().parse().expect("a number");
    let neap = child(mode).unconfigured().succeed();
    let system = child(mode).unconfigured().env(SYSTEM, "1").succeed();
    (number(&neap.stdout), number(&system.stdout))
}

fn a_program_that_does_little() {
    let (neap, system) = with_both("do_little");
    // A test binary is larger than the little program of the benchmarks, so it is compared.
    assert!(
        neap < system + 700 * KIB,
        "in memory: {} with neap, {} with the system's allocator",
        mib(neap),
        mib(system)
    );
}

const THREADS: usize = 200;

/// A mode: many threads each allocate one small block and wait; prints what one of them added.
fn wait_in_many_threads() {
    let before = resident();
    let barrier = Barrier::new(THREADS + 1);
    let each = std::thread::scope(|scope| {
        for i in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                let block = Block::new(40 + i % 8, 1);
                barrier.wait();
                // Here the first thread looks at the memory.
                barrier.wait();
                block.verify();
            });
        }
        barrier.wait();
        let after = resident();
        barrier.wait();
        (after - before) / THREADS
    });
    println!("{each}");
}

fn a_thread_that_allocates_one_block() {
    let (neap, system) = with_both("wait_in_many_threads");
    // The system's figure has the stack in it, which every thread has.
    assert!(
        neap < system + 64 * KIB,
        "bytes of a thread in memory: {neap} with neap, {system} with the system's allocator"
    );
}

fn descriptors_and_bitmaps() {
    for size in [8, 16, 48, 200, 1000, 5000, 30_000, 100_000] {
        let count = 48 * MIB / size;
        let mut addresses = Vec::with_capacity(count);
        addresses.extend((0..count).map(|_| Block::try_new(size, 1).expect("memory").leak()));
        let stats = neap::heap::stats();
        // What is used of the last arena may be little, and its metadata is set up as a whole.
        assert!(
            stats.metadata_bytes <= stats.live_bytes / 50 + MIB,
            "blocks of {size}: metadata {} for {}",
            mib(stats.metadata_bytes),
            mib(stats.live_bytes)
        );
        for (start, layout) in addresses {
            // SAFETY: it was leaked above, with this layout.
            unsafe { std::alloc::dealloc(start, layout) };
        }
    }
}

fn small_blocks_take_what_they_are() {
    take_what_they_are(&[16, 64, 320, 1024, 4096]);
}

fn blocks_of_8_bytes_take_what_they_are() {
    take_what_they_are(&[8]);
}

/// Panics if 64 MiB of blocks of one of these sizes take more memory than that and a little.
fn take_what_they_are(sizes: &[usize]) {
    for &size in sizes {
        let count = 64 * MIB / size;
        let mut addresses = Vec::with_capacity(count);
        // Written to, so that the vector itself is in memory before.
        addresses.extend((0..count).map(|_| 0_usize));
        neap::heap::purge();
        let before = resident();
        for address in &mut addresses {
            let mut block = Block::try_new(size, 1).expect("memory");
            block.dirty(1);
            *address = block.leak().0.expose_provenance();
        }
        let taken = resident() - before;
        assert!(taken < 64 * MIB * 110 / 100 + MIB, "{} for blocks of {size}", mib(taken));
        let layout = std::alloc::Layout::from_size_align(size, 1).expect("a layout");
        for address in addresses {
            let start = std::ptr::with_exposed_provenance_mut(address);
            // SAFETY: the block was leaked above, with this layout.
            unsafe { std::alloc::dealloc(start, layout) };
        }
    }
}
