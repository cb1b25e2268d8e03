//! Where memory runs out, or address space does, allocations return null; nothing is lost by it,
//! and all works again when memory is there.

mod common;

use common::cases::{child, entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, address_space, assert_apart, join, mib};
use neap::heap::{purge, stats};
use std::sync::Barrier;
use std::thread::scope;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            small_blocks,
            medium_blocks,
            large_blocks,
            mappings_of_their_own,
            mixed_sizes,
            given_back_in_between,
            zeroed_and_resized_blocks,
            no_room_at_all,
            two_threads_take_it_all,
            threads_end_when_memory_is_out,
            the_limit_is_raised_again,
            a_limit_on_data,
            a_program_that_starts_under_a_limit,
            a_vector_is_told,
        ],
        entries![little_work],
    );
}

/// Bytes of address space beyond what the process has, in most of these cases.
const ROOM: usize = 256 * MIB;

fn limit(resource: libc::__rlimit_resource_t, bytes: u64) {
    // The hard limit stays as it is, so that it can be raised again.
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` lives through the call, which reads it.
    let set = unsafe { libc::setrlimit(resource, &limit) };
    assert_eq!(set, 0, "a process that may raise its limits");
}

/// Limits the address space to what there is and `room` bytes more.
fn leave_room(room: usize) {
    limit(libc::RLIMIT_AS, (address_space() + room) as u64);
}

/// A vector that needs no more memory, for what is allocated under a limit.
fn shelf() -> Vec<Block> {
    Vec::with_capacity(4 << 20)
}

/// Takes blocks until one is refused. The first and the last byte of each are written.
fn take_all(shelf: &mut Vec<Block>, mut size: impl FnMut() -> usize) {
    while let Some(mut block) = Block::try_new(size(), 8) {
        block.fill();
        assert!(shelf.len() < shelf.capacity(), "there is no end to it");
        shelf.push(block);
    }
}

/// Takes everything there is in blocks of `size()`, frees it, and again: each time there is as
/// much, at least `share` of the room, and the blocks are good.
fn again_and_again(rounds: usize, share: f64, mut size: impl FnMut() -> usize) {
    let mut shelf = shelf();
    leave_room(ROOM);
    let before = stats().live_blocks;
    let mut first = 0;
    for round in 0..rounds {
        take_all(&mut shelf, &mut size);
        let bytes: usize = shelf.iter().map(Block::size).sum();
        assert!(bytes as f64 > ROOM as f64 * share, "{} of {}", mib(bytes), mib(ROOM));
        if round == 0 {
            first = bytes;
            shelf.iter().for_each(Block::verify);
        }
        assert!(bytes > first / 10 * 9, "first {}, in round {round} {}", mib(first), mib(bytes));
        // The refused request was the last straw; what is freed in any order serves again.
        let half = shelf.len() / 2;
        shelf.truncate(half);
        take_all(&mut shelf, &mut size);
        Rng(round as u64).shuffle(&mut shelf);
        shelf.clear();
        assert_eq!(stats().live_blocks, before, "all blocks are free again");
    }
}

fn small_blocks() {
    again_and_again(3, 0.5, || 500);
}

fn medium_blocks() {
    again_and_again(8, 0.5, || 20_000);
}

fn large_blocks() {
    again_and_again(8, 0.4, || MIB);
}

fn mappings_of_their_own() {
    again_and_again(8, 0.5, || 20 * MIB);
}

fn given_back_in_between() {
    // Arenas are unmapped and made again; under a limit that has no room for a whole one, either.
    for room in [24 * MIB, 50 * MIB, 100 * MIB] {
        let mut shelf = Vec::with_capacity(1000);
        leave_room(room);
        let mut first = 0;
        for round in 0..40 {
            take_all(&mut shelf, || MIB);
            if round == 0 {
                first = shelf.len();
                assert!(first > room / MIB / 10 * 8, "{first} of {}", mib(room));
            }
            assert!(
                shelf.len() >= first / 10 * 9,
                "first {first}, in round {round} {}",
                shelf.len()
            );
            shelf.clear();
            purge();
        }
        limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
    }
}

fn mixed_sizes() {
    let mut rng = Rng(70);
    again_and_again(5, 0.3, || rng.size(100_000));
}

fn zeroed_and_resized_blocks() {
    let mut shelf = shelf();
    leave_room(ROOM);
    let before = stats().live_blocks;
    for _ in 0..4 {
        while let Some(block) = Block::try_zeroed(50_000, 8) {
            block.assert_zero(50_000);
            shelf.push(block);
            let last = shelf.last_mut().expect("a block");
            last.fill();
            // Granted, or refused with nothing lost: `resize` checks it.
            if !last.resize(125_000) {
                assert_eq!(last.size(), 50_000);
            }
        }
        assert!(shelf.len() > 500);
        for block in shelf.iter_mut().take(100) {
            assert!(!block.resize(ROOM));
        }
        // A large block has its own room, in which it shrinks.
        for block in shelf.iter_mut().filter(|block| block.size() == 125_000) {
            assert!(block.resize(100_000));
        }
        shelf.clear();
        assert_eq!(stats().live_blocks, before);
    }
}

fn no_room_at_all() {
    let mut shelf = shelf();
    leave_room(0);
    take_all(&mut shelf, || 3 * MIB);
    take_all(&mut shelf, || 100 * KIB);
    take_all(&mut shelf, || 3000);
    take_all(&mut shelf, || 64);
    shelf.iter().for_each(Block::verify);
    let count = shelf.len();
    shelf.clear();
    take_all(&mut shelf, || 64);
    assert!(shelf.len() > count / 4);
    // To compare them takes memory again.
    limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
    assert_apart(&shelf);
    shelf.iter().for_each(Block::verify);
}

fn two_threads_take_it_all() {
    let before = stats().live_blocks;
    let barrier = Barrier::new(2);
    scope(|scope| {
        let threads = [0, 1].map(|i| {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut shelf = shelf();
                barrier.wait();
                if i == 0 {
                    leave_room(ROOM);
                }
                barrier.wait();
                for round in 0..5 {
                    let mut rng = Rng(round);
                    take_all(&mut shelf, || rng.size(50_000));
                    shelf.iter().for_each(Block::verify);
                    shelf.clear();
                    // Unless the other one has just taken all.
                    drop(Block::try_new(1000, 8));
                }
            })
        });
        join(threads);
    });
    let after = stats().live_blocks;
    assert!(after < before + 50, "live blocks: {before} before, {after} after");
}

fn threads_end_when_memory_is_out() {
    // They end, and what they had is freed, while there is none to be had.
    let barrier = Barrier::new(5);
    let before = stats().live_blocks;
    scope(|scope| {
        let threads = [0, 1, 2, 3].map(|i| {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut rng = Rng(i);
                let mut own = shelf();
                own.extend((0..2000).map(|_| Block::new(rng.size(3000), 8)));
                barrier.wait();
                barrier.wait();
                own.iter().for_each(Block::verify);
            })
        });
        barrier.wait();
        let mut shelf = shelf();
        leave_room(0);
        take_all(&mut shelf, || 1000);
        take_all(&mut shelf, || 16);
        barrier.wait();
        join(threads);
        shelf.iter().for_each(Block::verify);
    });
    let after = stats().live_blocks;
    assert!(after < before + 50, "live blocks: {before} before, {after} after");
}

fn the_limit_is_raised_again() {
    let mut shelf = shelf();
    for _ in 0..3 {
        leave_room(64 * MIB);
        take_all(&mut shelf, || 30_000);
        assert!(Block::try_new(500 * MIB, 8).is_none());
        limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
        let more: Vec<_> = (0..5000).map(|_| Block::new(30_000, 8)).collect();
        more.iter().for_each(Block::verify);
        drop(Block::try_new(500 * MIB, 8).expect("memory"));
        shelf.clear();
    }
}

fn a_limit_on_data() {
    // What can be written counts, and what is only reserved does not.
    let mut shelf = shelf();
    let text = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let data = text.lines().find_map(|line| line.strip_prefix("VmData:")).expect("the line");
    let kib: usize = data.trim().trim_end_matches(" kB").parse().expect("a number");
    limit(libc::RLIMIT_DATA, (kib * KIB + ROOM) as u64);
    for size in [300, 50_000, MIB, 20 * MIB] {
        let before = stats().live_blocks;
        for _ in 0..2 {
            take_all(&mut shelf, || size);
            let bytes: usize = shelf.iter().map(Block::size).sum();
            assert!(bytes > ROOM / 4, "{} in blocks of {size}", mib(bytes));
            shelf.iter().for_each(Block::verify);
            shelf.clear();
        }
        assert_eq!(stats().live_blocks, before);
    }
}

/// A mode: what a small program does, with 12 MiB at the most.
fn little_work() {
    for size in [24, 1000, 30_000, 200_000] {
        let blocks: Vec<_> = (0..10 * MIB / (size + 100)).map(|_| Block::new(size, 8)).collect();
        blocks.iter().for_each(Block::verify);
    }
    println!("done");
}

fn a_program_that_starts_under_a_limit() {
    for room in [1024, 256, 128, 64] {
        let ended = child("little_work").limited(libc::RLIMIT_AS, room * MIB).run();
        assert!(
            ended.status.success() && ended.stdout == "done\n" && ended.stderr.is_empty(),
            "with {room} MiB: {}",
            ended.describe()
        );
    }
}

fn a_vector_is_told() {
    leave_room(100 * MIB);
    let mut vector: Vec<u64> = vec![7; 1000];
    for _ in 0..100 {
        assert!(vector.try_reserve(ROOM).is_err());
    }
    assert!(vector.iter().all(|item| *item == 7));
    vector.try_reserve(MIB).expect("8 MiB of 100");
}
