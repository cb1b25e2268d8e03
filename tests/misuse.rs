//! What a program gives back wrongly ends it: with `SIGABRT`, and one line on stderr that says what
//! was wrong and where. At the latest it does so when the thread or the process ends, as blocks are
//! looked at when they leave the magazine. And what a program writes where it must not write
//! does not reach neap's own bookkeeping.
//!
//! Each misuse is a tiny program, run twice: once it goes on with much other work, once it just
//! returns from `main`.

mod common;

use common::cases::{Entry, child, main as run_cases};
use common::{Block, KIB, MIB, Rng, assert_apart};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::hint::black_box;
use std::thread::spawn;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

/// Makes of each misuse a mode, which commits it, and a case, which runs the mode and expects one
/// of the given words.
macro_rules! misuses {
    ($($(#[$doc:meta])* $name:ident: $words:expr => $body:block)*) => {
        mod commit {
            use super::*;
            $($(#[$doc])* pub fn $name() { $body go_on(); })*
        }
        const MISUSES: &[Entry] = &[$((concat!("commit_", stringify!($name)), commit::$name)),*];
        const CASES: &[Entry] = &[
            $((
                stringify!($name),
                || assert_aborts(concat!("commit_", stringify!($name)), &$words),
            ),)*
            ("no_misuse", no_misuse),
            ("writing_to_freed_blocks", writing_to_freed_blocks),
            ("writing_beyond_blocks", writing_beyond_blocks),
            ("reading_freed_blocks", reading_freed_blocks),
        ];
    };
}

fn main() {
    let modes: Vec<Entry> = MISUSES.iter().copied().chain([("behave", behave as fn())]).collect();
    run_cases(CASES, &modes);
}

/// Chooses how a program goes on after its misuse: it works if this is set.
const WORKS_ON: &str = "NEAP_TEST_WORKS_ON";

/// What a program does after its misuse, of which it knows nothing.
fn go_on() {
    if std::env::var_os(WORKS_ON).is_none() {
        return;
    }
    // It looks at no address, as it may get one that is none of a block.
    let mut rng = Rng(80);
    for _ in 0..3 {
        let mut blocks = Vec::new();
        let sizes = [8, 16, 24, 64, 100, 112, 256, 500, 3000, 5000, 20_000, 100_000, MIB, 30 * MIB];
        for size in sizes {
            let count = 1 + 100_000 / size;
            blocks.extend((0..count).map(|_| (take(size).expose_provenance(), size)));
        }
        rng.shuffle(&mut blocks);
        let half = blocks.split_off(blocks.len() / 2);
        let free_all = |blocks: Vec<(usize, usize)>| {
            for (address, size) in blocks {
                free(std::ptr::with_exposed_provenance_mut(address), size);
            }
        };
        spawn(move || free_all(half)).join().expect("the thread");
        free_all(blocks);
    }
}

/// Says which address is about to be misused. Whoever runs this program compares.
fn about<T>(start: *const T) {
    println!("{:#x}", start.addr());
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a layout")
}

fn take(size: usize) -> *mut u8 {
    // SAFETY: no size here is 0.
    let start = unsafe { alloc(layout(size)) };
    assert!(!start.is_null());
    black_box(start)
}

/// Frees `start` as a block of `size` bytes, whatever it is.
fn free(start: *mut u8, size: usize) {
    // SAFETY: none: that this may be wrong is what is tested here.
    unsafe { dealloc(black_box(start), layout(size)) };
}

/// As [`free`], in a thread of its own, which ends.
fn free_in_a_thread(start: *mut u8, size: usize) {
    let address = start.expose_provenance();
    let work = move || free(std::ptr::with_exposed_provenance_mut(address), size);
    spawn(work).join().expect("the thread");
}

/// An address inside a block.
fn inside(start: *mut u8, offset: usize) -> *mut u8 {
    start.wrapping_add(offset)
}

#[track_caller]
fn assert_aborts(mode: &str, words: &[&str]) {
    for works_on in [false, true] {
        let program = child(mode).limited(libc::RLIMIT_CORE, 0);
        let program = if works_on { program.env(WORKS_ON, "1") } else { program };
        let ended = program.run();
        let address = ended.stdout.trim();
        let line = ended.stderr.trim_end();
        let how = if works_on { "goes on" } else { "returns" };
        assert!(ended.aborted(), "the program that {how} is not aborted: {}", ended.describe());
        assert!(
            line.starts_with("neap: ") && line.lines().count() == 1,
            "not one line: {}",
            ended.describe()
        );
        assert!(address.starts_with("0x") && line.contains(address), "{}", ended.describe());
        assert!(words.iter().any(|word| line.contains(word)), "{words:?}: {}", ended.describe());
    }
}

const NOT_OURS: [&str; 2] = ["where neap has nothing", "no live block"];
const NOT_LIVE: [&str; 3] = ["double free", "no live block", "where neap has nothing"];
const INSIDE: [&str; 1] = ["inside a block"];
const LAYOUT: [&str; 1] = ["layout"];

misuses! {
    free_of_a_local: NOT_OURS => {
        let mut local = black_box([0_u64; 8]);
        let start = local.as_mut_ptr().cast::<u8>();
        about(start);
        free(start, 64);
    }

    free_of_a_static: NOT_OURS => {
        static STATIC: [u64; 8] = [7; 8];
        let start = (&raw const STATIC).cast::<u8>().cast_mut();
        about(start);
        free(start, 64);
    }

    free_of_a_static_as_a_large_block: NOT_OURS => {
        static STATIC: [u64; 8] = [7; 8];
        let start = (&raw const STATIC).cast::<u8>().cast_mut();
        about(start);
        free(start, MIB);
    }

    free_of_an_address_that_is_not_mapped: NOT_OURS => {
        let start = std::ptr::without_provenance_mut(0x1234_5678_0000);
        about(start);
        free(start, 64);
    }

    free_of_a_low_address: NOT_OURS => {
        let start = std::ptr::without_provenance_mut(0x40);
        about(start);
        free(start, 64);
    }

    free_of_an_address_that_cannot_be: NOT_OURS => {
        let start = std::ptr::without_provenance_mut(0xdead_beef_dead_bee0);
        about(start);
        free(start, 64);
    }

    free_of_an_impossible_address_as_a_mapping: NOT_OURS => {
        let start = std::ptr::without_provenance_mut(0xdead_beef_dead_0000);
        about(start);
        free(start, 100 * MIB);
    }

    free_of_a_block_of_malloc: NOT_OURS => {
        // SAFETY: any size may be asked for.
        let start = unsafe { libc::malloc(64) }.cast::<u8>();
        about(start);
        free(start, 64);
    }

    free_of_anothers_mapping: NOT_OURS => {
        let (access, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address that the system chooses disturbs nothing.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), 64 * MIB, access, flags, -1, 0) };
        about(start);
        free(start.cast(), 64 * MIB);
    }

    double_free_by_two_threads_that_empties_a_pool: NOT_LIVE => {
        let start = take(4096);
        about(start);
        free_in_a_thread(start, 4096);
        free(start, 4096);
    }

    free_of_the_start_of_an_arena: NOT_LIVE => {
        let start = first_arena();
        about(start);
        free(start, 64);
    }

    free_of_a_descriptor: NOT_LIVE => {
        let start = inside(first_arena(), 128 * KIB + 256);
        about(start);
        free(start, 64);
    }

    free_of_a_block_that_was_never_handed_out: NOT_LIVE => {
        let start = never_handed_out();
        about(start);
        free(start, 112);
    }

    free_inside_a_block: INSIDE => {
        let start = inside(take(64), 16);
        about(start);
        free(start, 64);
    }

    free_inside_a_block_at_an_odd_address: INSIDE => {
        let start = inside(take(64), 1);
        about(start);
        free(start, 64);
    }

    free_inside_a_medium_block: INSIDE => {
        let start = inside(take(20_000), 4096);
        about(start);
        free(start, 20_000);
    }

    free_inside_a_large_block: [INSIDE[0], NOT_LIVE[1]] => {
        let start = inside(take(MIB), 64 * KIB);
        about(start);
        free(start, MIB);
    }

    free_inside_a_large_block_at_an_odd_address: [INSIDE[0], NOT_LIVE[1]] => {
        let start = inside(take(MIB), 24);
        about(start);
        free(start, MIB);
    }

    free_inside_a_mapping: [INSIDE[0], NOT_LIVE[1], NOT_LIVE[2]] => {
        let start = inside(take(50 * MIB), MIB);
        about(start);
        free(start, 50 * MIB);
    }

    double_free: NOT_LIVE => {
        let start = take(64);
        about(start);
        free(start, 64);
        free(start, 64);
    }

    double_free_with_another_in_between: NOT_LIVE => {
        let (start, other) = (take(64), take(64));
        about(start);
        free(start, 64);
        free(other, 64);
        free(start, 64);
    }

    double_free_of_a_medium_block: NOT_LIVE => {
        let start = take(20_000);
        about(start);
        free(start, 20_000);
        free(start, 20_000);
    }

    double_free_of_a_large_block: NOT_LIVE => {
        let start = take(MIB);
        about(start);
        free(start, MIB);
        free(start, MIB);
    }

    double_free_of_a_mapping: NOT_LIVE => {
        let start = take(50 * MIB);
        about(start);
        free(start, 50 * MIB);
        free(start, 50 * MIB);
    }

    double_free_of_a_box: NOT_LIVE => {
        let start = Box::into_raw(Box::new([1_u64; 8]));
        about(start);
        // SAFETY: the block is live.
        drop(unsafe { Box::from_raw(start) });
        // SAFETY: none: that this is wrong is what is tested here.
        drop(unsafe { Box::from_raw(black_box(start)) });
    }

    double_free_by_another_thread: NOT_LIVE => {
        let start = take(64);
        about(start);
        let address = start.expose_provenance();
        let work = move || {
            let start = std::ptr::with_exposed_provenance_mut(address);
            free(start, 64);
            free(start, 64);
        };
        spawn(work).join().expect("the thread");
    }

    double_free_by_two_threads: NOT_LIVE => {
        let start = take(64);
        about(start);
        free_in_a_thread(start, 64);
        free_in_a_thread(start, 64);
    }

    double_free_by_the_owner_and_another_thread: NOT_LIVE => {
        let start = take(64);
        about(start);
        free(start, 64);
        free_in_a_thread(start, 64);
    }

    double_free_by_another_thread_and_the_owner: NOT_LIVE => {
        let start = take(64);
        about(start);
        free_in_a_thread(start, 64);
        free(start, 64);
    }

    double_free_of_a_block_of_a_thread_that_ended: NOT_LIVE => {
        let work = || {
            // Others keep the pool.
            (0..50).for_each(|_| std::mem::forget(black_box(Box::new([0_u64; 8]))));
            take(64).expose_provenance()
        };
        let address = spawn(work).join().expect("the thread");
        let start = std::ptr::with_exposed_provenance_mut(address);
        about(start);
        free(start, 64);
        free(start, 64);
    }

    double_free_in_a_thread_that_ends: NOT_LIVE => {
        let work = || {
            let start = take(64);
            about(start);
            free(start, 64);
            free(start, 64);
        };
        spawn(work).join().expect("the thread");
    }

    // The pool's memory may serve another size by then.
    double_free_when_the_whole_pool_is_free: [NOT_LIVE[0], NOT_LIVE[1], LAYOUT[0]] => {
        let blocks: Vec<_> = (0..500).map(|_| take(3000)).collect();
        about(blocks[0]);
        blocks.iter().for_each(|start| free(*start, 3000));
        neap::heap::purge();
        free(blocks[0], 3000);
    }

    double_free_of_a_large_block_after_a_purge: NOT_LIVE => {
        let start = take(MIB);
        about(start);
        free(start, MIB);
        neap::heap::purge();
        free(start, MIB);
    }

    free_as_a_larger_block: LAYOUT => {
        let start = take(64);
        about(start);
        free(start, 256);
    }

    free_as_a_smaller_block: LAYOUT => {
        let start = take(256);
        about(start);
        free(start, 64);
    }

    free_of_a_small_block_as_a_large_one: LAYOUT => {
        let start = take(64);
        about(start);
        free(start, MIB);
    }

    free_of_a_small_block_as_a_mapping: LAYOUT => {
        let start = take(64);
        about(start);
        free(start, 50 * MIB);
    }

    free_of_a_large_block_as_a_small_one: LAYOUT => {
        let start = take(MIB);
        about(start);
        free(start, 64);
    }

    free_of_a_large_block_as_a_larger_one: LAYOUT => {
        let start = take(MIB);
        about(start);
        free(start, 3 * MIB);
    }

    free_of_a_large_block_as_a_mapping: LAYOUT => {
        let start = take(MIB);
        about(start);
        free(start, 50 * MIB);
    }

    free_of_a_mapping_as_a_small_block: [LAYOUT[0], NOT_OURS[0]] => {
        let start = take(50 * MIB);
        about(start);
        free(start, 64);
    }

    free_of_a_mapping_as_a_large_block: [LAYOUT[0], NOT_OURS[0]] => {
        let start = take(50 * MIB);
        about(start);
        free(start, MIB);
    }

    free_with_another_layout_by_another_thread: LAYOUT => {
        let start = take(64);
        about(start);
        free_in_a_thread(start, 256);
    }

    a_vector_with_the_wrong_capacity: LAYOUT => {
        let mut vector = Vec::<u8>::with_capacity(1000);
        let start = vector.as_mut_ptr();
        about(start);
        std::mem::forget(vector);
        // SAFETY: none: that the capacity is wrong is what is tested here.
        drop(unsafe { Vec::from_raw_parts(start, 0, 100) });
    }

    resize_of_a_local: NOT_OURS => {
        let mut local = black_box([0_u64; 8]);
        let start = local.as_mut_ptr().cast::<u8>();
        about(start);
        // SAFETY: none: that this is wrong is what is tested here.
        black_box(unsafe { realloc(start, layout(64), 5000) });
    }

    resize_of_a_freed_block: NOT_LIVE => {
        let start = take(64);
        about(start);
        free(start, 64);
        // SAFETY: none: that this is wrong is what is tested here.
        black_box(unsafe { realloc(start, layout(64), 5000) });
    }

    resize_of_a_freed_large_block: NOT_LIVE => {
        let start = take(MIB);
        about(start);
        free(start, MIB);
        // SAFETY: none: that this is wrong is what is tested here.
        black_box(unsafe { realloc(start, layout(MIB), 2 * MIB) });
    }
}

/// Where an arena begins.
fn first_arena() -> *mut u8 {
    let mut first = None;
    neap::heap::walk(|item| {
        if let neap::heap::Item::Arena { address, .. } = item {
            first.get_or_insert(address);
        }
    });
    std::ptr::with_exposed_provenance_mut(first.expect("an arena"))
}

/// A block that is free, in a pool that is used: the last of a pool of which only the first is taken.
fn never_handed_out() -> *mut u8 {
    let mut block = Block::try_new(112, 8).expect("memory");
    block.fill();
    let (address, usable) = (block.address(), block.usable());
    let mut last = None;
    let mut seen = 0..0;
    neap::heap::walk(|item| {
        if let neap::heap::Item::Pool { address: pool, bytes, block_size, blocks, .. } = item {
            seen = pool..pool + bytes;
            if block_size == usable && seen.contains(&address) {
                let before = (address - pool) / usable;
                last = Some(address + (blocks - 1 - before) * usable);
            }
        }
    });
    // It stays taken, so that the pool is used.
    block.leak();
    std::ptr::with_exposed_provenance_mut(last.expect("the pool of the block"))
}

/// A mode: much the same as the others, but nothing is wrong.
fn behave() {
    let start = take(64);
    free(start, 64);
    let start = take(MIB);
    free_in_a_thread(start, MIB);
    let start = take(50 * MIB);
    free(start, 50 * MIB);
    go_on();
}

fn no_misuse() {
    child("behave").succeed();
    child("behave").env(WORKS_ON, "1").succeed();
}

/// Blocks of one size, every other one freed: those that are left, and where the freed ones were.
/// The live ones keep the memory of all mapped.
fn half_freed(size: usize, count: usize) -> (Vec<Block>, Vec<*mut u8>) {
    let (mut live, mut freed) = (Vec::new(), Vec::new());
    for i in 0..count {
        let block = Block::new(size, 8);
        if i % 2 == 0 {
            live.push(block);
        } else {
            freed.push(block);
        }
    }
    let addresses = freed.iter().map(Block::pointer).collect();
    drop(freed);
    (live, addresses)
}

/// Panics unless blocks of this size can be had that lie apart, beside those that are live.
fn assert_sound(mut live: Vec<Block>, size: usize) {
    for _ in 0..3 {
        let count = live.len();
        live.extend((0..count).map(|_| Block::new(size, 8)));
        assert_apart(&live);
        live.iter().for_each(Block::verify);
        Rng(count as u64).shuffle(&mut live);
        live.truncate(count);
    }
    assert!(neap::heap::stats().live_blocks >= live.len());
}

fn writing_to_freed_blocks() {
    for size in [8, 48, 112, 1000, 20_000] {
        let (live, freed) = half_freed(size, 2000);
        for (i, start) in freed.into_iter().enumerate() {
            // Ones, zeroes, and what looks like an address of another block.
            let value = [0xff, 0x00, 0x41][i % 3];
            // SAFETY: none: that this is wrong is what is tested here. The memory is mapped, as
            // live blocks are around it, and nobody has it.
            unsafe { start.write_bytes(value, size) };
        }
        assert_sound(live, size);
    }
}

fn writing_beyond_blocks() {
    for size in [16, 48, 112, 1000] {
        let (live, freed) = half_freed(size, 2000);
        for block in &live {
            // Into the next block, which is free unless this is the last of a pool.
            if freed.contains(&inside(block.pointer(), block.usable())) {
                let beyond = inside(block.pointer(), block.usable());
                // SAFETY: none: that this is wrong is what is tested here. As above otherwise.
                unsafe { beyond.write_bytes(0xff, size) };
            }
        }
        assert_sound(live, size);
    }
}

fn reading_freed_blocks() {
    // Nothing is written into a block when it is freed, nor while it is free.
    for size in [8, 48, 112, 1000, 3000] {
        let mut blocks: Vec<_> =
            (0..200).map(|_| Block::try_new(size, 8).expect("memory")).collect();
        blocks.iter_mut().for_each(|block| block.dirty(0x5a));
        let starts: Vec<_> = blocks.iter().map(Block::pointer).collect();
        // One in two stays, so that no memory goes back to the system.
        let mut keep = true;
        blocks.retain(|_| {
            keep = !keep;
            keep
        });
        for start in starts {
            // SAFETY: none: that this is wrong is what is tested here. As above otherwise.
            let bytes = unsafe { std::slice::from_raw_parts(black_box(start), size) };
            assert!(bytes.iter().all(|byte| *byte == 0x5a), "a block of {size} at {start:p}");
        }
    }
}
