//! `heap::stats` counts what a program holds, block for block and byte for byte; it is printed as a
//! table and as JSON. `usable_size` tells what a block really has, and little of it is waste;
//! `owns` tells whose an address is; `purge` gives free memory back.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, mib, resident};
use neap::heap::{HeapStats, owns, purge, stats};
use serde_json::Value;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            counts_every_block,
            counts_blocks_that_another_thread_frees,
            counts_blocks_of_threads_that_ended,
            counts_resized_blocks,
            rows_add_up,
            totals_go_up_only,
            bytes_from_the_system,
            json_has_every_field,
            prints_a_table,
            usable_size_is_usable,
            little_is_wasted,
            owns_what_it_handed_out,
            owns_nothing_else,
            purge_gives_memory_back,
            purge_keeps_what_is_live,
        ],
        &[],
    );
}

/// Live blocks, their bytes, large ones among them, their bytes.
fn live(stats: &HeapStats) -> [usize; 4] {
    [stats.live_blocks, stats.live_bytes, stats.large, stats.large_bytes]
}

fn counts_every_block() {
    let mut blocks = Vec::with_capacity(10_000);
    for (size, count) in [
        (1, 10_000),
        (48, 9999),
        (100, 1),
        (1000, 1234),
        (5000, 777),
        (64 * KIB, 33),
        (64 * KIB + 1, 11),
        (3 * MIB, 5),
        (20 * MIB, 3),
        (100 * MIB, 2),
    ] {
        let before = stats();
        blocks.extend((0..count).map(|_| Block::try_new(size, 1).expect("memory")));
        let full = stats();
        let bytes: usize = blocks.iter().map(Block::usable).sum();
        let is_large = size > 64 * KIB;
        let (large, large_bytes) = if is_large { (count, bytes) } else { (0, 0) };
        assert_eq!(full.live_blocks, before.live_blocks + count, "{count} blocks of {size}");
        assert_eq!(full.live_bytes, before.live_bytes + bytes, "{count} blocks of {size}");
        assert_eq!(full.large, before.large + large, "{count} blocks of {size}");
        assert_eq!(full.large_bytes, before.large_bytes + large_bytes, "{count} of {size}");
        blocks.truncate(count / 2);
        let half: usize = blocks.iter().map(Block::usable).sum();
        assert_eq!(stats().live_blocks, before.live_blocks + count / 2, "half of {size}");
        assert_eq!(stats().live_bytes, before.live_bytes + half, "half of {size}");
        blocks.clear();
        assert_eq!(live(&stats()), live(&before), "all of {size} are free again");
    }
}

fn counts_blocks_that_another_thread_frees() {
    // The first thread costs std some blocks that stay.
    std::thread::spawn(|| {}).join().expect("the thread");
    let before = stats();
    let blocks: Vec<_> = (0..5000).map(|_| Block::new(80, 1)).collect();
    let large: Vec<_> = (0..5).map(|_| Block::new(MIB, 1)).collect();
    assert!(stats().live_blocks >= before.live_blocks + 5005);
    std::thread::spawn(move || drop((blocks, large))).join().expect("the thread");
    assert_eq!(live(&stats()), live(&before));
}

fn counts_blocks_of_threads_that_ended() {
    std::thread::spawn(|| {}).join().expect("the thread");
    let before = stats();
    let work = || (0..3000).map(|_| Block::new(200, 1)).collect::<Vec<_>>();
    let blocks = std::thread::spawn(work).join().expect("the thread");
    let after = stats();
    // The vector is one block more.
    assert_eq!(after.live_blocks, before.live_blocks + 3001);
    drop(blocks);
    assert_eq!(live(&stats()), live(&before));
}

fn counts_resized_blocks() {
    let before = stats();
    let mut block = Block::new(10, 1);
    for size in [100, 5000, 200_000, 4 * MIB, 30 * MIB, 80 * MIB, 2 * MIB, 70_000, 9000, 10] {
        assert!(block.resize(size));
        let now = stats();
        assert_eq!(now.live_blocks, before.live_blocks + 1, "{size} bytes");
        assert_eq!(now.live_bytes, before.live_bytes + block.usable(), "{size} bytes");
    }
    drop(block);
    assert_eq!(live(&stats()), live(&before));
}

/// A few of everything, in a mixed order, with a part freed again.
fn some_of_everything() -> Vec<Block> {
    let mut rng = Rng(7);
    let mut blocks: Vec<_> = (0..5000).map(|_| Block::new(rng.size(300_000), 1)).collect();
    blocks.push(Block::new(40 * MIB, 1));
    rng.shuffle(&mut blocks);
    blocks.truncate(3500);
    blocks
}

fn rows_add_up() {
    let blocks = some_of_everything();
    let now = stats();
    let sum =
        |of: fn(&neap::heap::ClassStats) -> usize| now.classes().iter().map(of).sum::<usize>();
    assert_eq!(sum(|class| class.blocks_used) + now.large, now.live_blocks);
    assert_eq!(sum(|class| class.blocks_used * class.block_size) + now.large_bytes, now.live_bytes);
    assert_eq!(sum(|class| class.pools), now.pools);
    assert!(now.live_blocks >= blocks.len());
    let sizes: Vec<_> = now.classes().iter().map(|class| class.block_size).collect();
    assert!(sizes.is_sorted_by(|a, b| a < b), "smallest first: {sizes:?}");
    for class in now.classes() {
        let there = class.blocks_used + class.blocks_free;
        assert_eq!(class.pools == 0, there == 0, "blocks are in pools: {class:?}");
        assert!(there >= class.pools, "a pool has blocks: {class:?}");
    }
}

/// Allocations and frees so far.
fn totals(stats: &HeapStats) -> (u64, u64) {
    (stats.allocations, stats.frees)
}

fn totals_go_up_only() {
    let mut last = stats();
    for round in 0..50 {
        let blocks: Vec<_> = (0..2000).map(|_| Block::new(16 + round, 1)).collect();
        let full = stats();
        assert!(
            full.allocations > last.allocations && full.frees >= last.frees,
            "{:?}, then {:?}",
            totals(&last),
            totals(&full)
        );
        drop(blocks);
        let free = stats();
        assert!(
            free.allocations >= full.allocations && free.frees > full.frees,
            "{:?}, then {:?}",
            totals(&full),
            totals(&free)
        );
        last = free;
    }
    // What waits in magazines is a small part of it.
    let rounds = 50 * 2000;
    assert!(last.allocations > rounds / 2 && last.frees > rounds / 2, "{:?}", totals(&last));
}

fn bytes_from_the_system() {
    let blocks = some_of_everything();
    let full = stats();
    assert!(full.arenas > 0 && full.heaps > 0);
    assert!(full.live_bytes <= full.committed_bytes, "{full}");
    assert!(full.committed_bytes <= full.reserved_bytes, "{full}");
    assert!(full.committed_bytes <= full.peak_bytes, "{full}");
    assert!(full.metadata_bytes > 0);
    let purged = full.purged_bytes;
    drop(blocks);
    purge();
    let free = stats();
    assert_eq!(free.peak_bytes.max(full.peak_bytes), free.peak_bytes, "a peak stays");
    assert!(free.committed_bytes < full.committed_bytes / 4, "{free}");
    assert!(free.purged_bytes > purged + 40 * MIB, "{free}");
    assert!(free.reserved_bytes < full.reserved_bytes, "{free}");
}

fn json_has_every_field() {
    let _blocks = some_of_everything();
    let now = stats();
    let json: Value = serde_json::from_str(&now.to_json()).expect("JSON");
    for (name, expected) in [
        ("arenas", now.arenas as u64),
        ("pools", now.pools as u64),
        ("heaps", now.heaps as u64),
        ("live_blocks", now.live_blocks as u64),
        ("live_bytes", now.live_bytes as u64),
        ("large", now.large as u64),
        ("large_bytes", now.large_bytes as u64),
        ("committed_bytes", now.committed_bytes as u64),
        ("reserved_bytes", now.reserved_bytes as u64),
        ("peak_bytes", now.peak_bytes as u64),
        ("metadata_bytes", now.metadata_bytes as u64),
        ("purged_bytes", now.purged_bytes as u64),
        ("allocations", now.allocations),
        ("frees", now.frees),
    ] {
        assert_eq!(json[name].as_u64(), Some(expected), "{name}");
    }
    let rows = json["classes"].as_array().expect("an array");
    assert_eq!(rows.len(), now.classes().len());
    for (row, class) in rows.iter().zip(now.classes()) {
        for (name, expected) in [
            ("block_size", class.block_size),
            ("pools", class.pools),
            ("blocks_used", class.blocks_used),
            ("blocks_free", class.blocks_free),
        ] {
            assert_eq!(row[name].as_u64(), Some(expected as u64), "{name} of {class:?}");
        }
    }
}

fn prints_a_table() {
    // Of a size that nothing else here has, and few enough to need no thousands separator.
    let blocks: Vec<_> = (0..777).map(|_| Block::new(2900, 1)).collect();
    let now = stats();
    let class = now.classes().iter().find(|class| class.block_size == blocks[0].usable());
    let class = class.expect("a class of this size");
    let text = now.to_string();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let row = text.lines().find(|line| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|word| digits(word) == class.block_size.to_string())
            && words.any(|word| digits(word) == class.blocks_used.to_string())
    });
    assert!(row.is_some(), "no row for {class:?} in:\n{text}");
    assert!(text.to_lowercase().contains("arena"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "too wide:\n{text}");
}

fn usable_size_is_usable() {
    let mut rng = Rng(8);
    let sizes = (1..3000).chain((0..500).map(|_| rng.size(2 * MIB))).chain([17 * MIB, 40 * MIB]);
    let mut blocks = Vec::new();
    for (i, size) in sizes.enumerate() {
        let mut block = Block::try_new(size, 1 << (i % 8)).expect("memory");
        let usable = block.usable();
        assert!(usable >= size, "{usable} usable bytes of {size}");
        // The rest is written to as well: `resize` to it moves nothing.
        assert!(block.resize(usable));
        block.fill();
        blocks.push(block);
    }
    common::assert_apart(&blocks);
    blocks.iter().for_each(Block::verify);
}

fn little_is_wasted() {
    let largest = stats().classes().last().expect("classes").block_size;
    for size in 1..=largest {
        let block = Block::try_new(size, 1).expect("memory");
        let usable = block.usable();
        if size <= 8 {
            assert!(usable <= 8, "{usable} bytes for {size}");
        } else if size <= 128 {
            assert_eq!(usable, size.next_multiple_of(16), "for {size} bytes");
        } else {
            assert!((usable - size) * 8 <= usable, "{usable} bytes for {size}");
        }
    }
}

fn owns_what_it_handed_out() {
    for size in [1, 16, 100, 4096, 10_000, 100_000, MIB, 20 * MIB, 100 * MIB] {
        let block = Block::new(size, 1);
        assert!(owns(block.pointer()), "a block of {size} bytes at {:#x}", block.address());
    }
    let aligned = Block::new(100, 4 * MIB);
    assert!(owns(aligned.pointer()));
    let sent = std::thread::spawn(|| Block::new(100, 1)).join().expect("the thread");
    assert!(owns(sent.pointer()), "a block of a thread that has ended");
    let boxed = Box::new(5_u64);
    assert!(owns((&raw const *boxed).cast()));
}

fn owns_nothing_else() {
    static STATIC: u64 = 1;
    let local = 1_u64;
    // Neap has had arenas and mappings, also some that are gone.
    drop((Block::new(100 * MIB, 1), some_of_everything()));
    assert!(!owns((&raw const local).cast()), "a local");
    assert!(!owns((&raw const STATIC).cast()), "a static");
    assert!(!owns((owns_nothing_else as fn()) as *const u8), "code");
    for address in [0, 1, 4095, 1 << 20, 1 << 40, 1 << 47, 1 << 48, 1 << 63, usize::MAX] {
        assert!(!owns(std::ptr::without_provenance(address)), "{address:#x}");
    }
    for bytes in [4 * KIB, 64 * MIB, 200 * MIB] {
        let (access, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address that the system chooses disturbs nothing.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        for offset in (0..bytes).step_by(MIB) {
            assert!(!owns(start.cast::<u8>().wrapping_add(offset)), "another's mapping");
        }
        // SAFETY: the mapping was made above and nobody uses it.
        let unmapped = unsafe { libc::munmap(start, bytes) };
        assert_eq!(unmapped, 0);
    }
    // SAFETY: any size may be asked for.
    let foreign = unsafe { libc::malloc(100) };
    assert!(!owns(foreign.cast()), "of another allocator");
    // SAFETY: it came from `malloc`.
    unsafe { libc::free(foreign) };
}

fn purge_gives_memory_back() {
    // Little enough that much of it would be kept for the next request.
    purge();
    let before = resident();
    let mut rng = Rng(9);
    let blocks: Vec<_> = (0..40_000).map(|_| Block::new(rng.size(1000), 1)).collect();
    let large: Vec<_> = (0..8).map(|_| Block::new(MIB, 1)).collect();
    drop((blocks, large));
    let purged = stats().purged_bytes;
    purge();
    let after = resident();
    assert!(after < before + MIB, "in memory: {} before, {} after", mib(before), mib(after));
    assert!(stats().purged_bytes > purged, "there was something to give back");
}

fn purge_keeps_what_is_live() {
    let mut blocks = some_of_everything();
    for round in 0..20 {
        purge();
        blocks.iter().for_each(Block::verify);
        let rest = blocks.len() - blocks.len() / 10;
        blocks.truncate(rest);
        blocks.extend((0..100).map(|i| Block::new(1 + i * 37 + round, 1)));
    }
}
