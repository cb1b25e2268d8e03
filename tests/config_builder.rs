//! Options that a program fixes at compile time, with the builder on `Neap`: they hold without any
//! environment variable, and against one.

mod common;

use common::cases::{Child, child, entries, main as run_cases};
use common::{Block, MIB, Rng};
use neap::heap::{Item, owns, walk};
use neap::{Configured, Neap, Thp};
use std::alloc::{GlobalAlloc, Layout};

const CHOSEN: Configured = Neap::new().arena_mib(8).stats_at_exit(true);

#[global_allocator]
static GLOBAL: Configured = CHOSEN.purge_delay_ms(50).thp(Thp::Never);

fn main() {
    run_cases(
        entries![
            statistics_are_printed_at_exit,
            arenas_have_the_size_that_is_fixed,
            what_is_fixed_stands_above_the_environment,
            a_bad_variable_is_named_all_the_same,
            it_allocates_as_neap_does,
        ],
        entries![work],
    );
    if std::env::var_os("NEAP_TEST_RUN").is_none() {
        // The statistics of the process that starts the cases are of no interest.
        // SAFETY: ends the process at once; all that was printed ended with a line.
        unsafe { libc::_exit(0) };
    }
}

/// A mode: uses memory and prints the bytes of each arena.
fn work() {
    let mut rng = Rng(65);
    let blocks: Vec<_> = (0..5000).map(|_| Block::new(rng.size(30_000), 8)).collect();
    let large: Vec<_> = (0..20).map(|_| Block::new(MIB, 8)).collect();
    blocks.iter().chain(&large).for_each(Block::verify);
    let mut sizes = Vec::with_capacity(100);
    walk(|item| {
        if let Item::Arena { bytes, .. } = item {
            sizes.push(bytes);
        }
    });
    assert!(sizes.len() >= 3);
    println!("{}", sizes.iter().all(|bytes| *bytes == 8 * MIB));
}

fn program() -> Child {
    child("work").unconfigured()
}

fn statistics_are_printed_at_exit() {
    let ended = program().run();
    assert!(ended.status.success(), "{}", ended.describe());
    assert!(ended.stderr.to_lowercase().contains("arena"), "{}", ended.describe());
    assert!(ended.stderr.lines().count() >= 5, "{}", ended.describe());
}

fn arenas_have_the_size_that_is_fixed() {
    assert_eq!(program().run().stdout, "true\n");
}

fn what_is_fixed_stands_above_the_environment() {
    let ended = program().env("NEAP_ARENA_MIB", "32").env("NEAP_STATS", "0").run();
    assert_eq!(ended.stdout, "true\n");
    assert!(ended.stderr.to_lowercase().contains("arena"), "{}", ended.describe());
}

fn a_bad_variable_is_named_all_the_same() {
    let ended = program().env("NEAP_THP", "sometimes").run();
    assert_eq!(ended.stdout, "true\n");
    let naming = |line: &&str| line.contains("NEAP_THP") && line.contains("sometimes");
    assert_eq!(ended.stderr.lines().filter(naming).count(), 1, "{}", ended.describe());
}

fn it_allocates_as_neap_does() {
    // Blocks of a `Configured` and of a `Neap` are of one heap.
    let layout = Layout::from_size_align(1000, 64).expect("a layout");
    for round in 0..1000 {
        // SAFETY: the size is not 0.
        let start = unsafe { GLOBAL.alloc_zeroed(layout) };
        assert!(owns(start));
        // SAFETY: the block has 1000 bytes, which are nobody else's.
        unsafe { start.write_bytes(round as u8, 1000) };
        // SAFETY: the block is live, and this is its layout.
        let start = unsafe { Neap::new().realloc(start, layout, 90_000) };
        // SAFETY: the first 1000 bytes were kept.
        let bytes = unsafe { std::slice::from_raw_parts(start, 1000) };
        assert!(bytes.iter().all(|byte| *byte == round as u8));
        let layout = Layout::from_size_align(90_000, 64).expect("a layout");
        // SAFETY: the block is live, and this is its layout.
        unsafe { CHOSEN.dealloc(start, layout) };
    }
}
