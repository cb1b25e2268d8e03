//! `heap::walk` visits arenas, pools and blocks: every live block of the calling thread and of
//! threads that have ended exactly once, and the visitor may use memory itself.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, MIB, Rng};
use neap::heap::{Item, walk};
use std::collections::{BTreeMap, BTreeSet};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            visits_each_live_block_once,
            visits_no_freed_block,
            visits_blocks_of_threads_that_ended,
            visits_blocks_that_another_thread_has_not_freed,
            visits_large_blocks,
            items_come_in_order_and_lie_inside_each_other,
            the_visitor_may_allocate_and_free,
        ],
        &[],
    );
}

/// Bytes of the blocks that are looked for: a size that nothing else here uses.
const MARKED: usize = 2300;

/// Every live block and how often it was visited.
fn blocks() -> BTreeMap<usize, usize> {
    let mut visits = BTreeMap::new();
    walk(|item| {
        if let Item::Block { address, .. } = item {
            *visits.entry(address).or_insert(0) += 1;
        }
    });
    visits
}

/// The visited blocks of the class of [`MARKED`]; each was visited once.
fn marked() -> BTreeSet<usize> {
    let block = Block::new(MARKED, 1);
    let block_bytes = block.usable();
    drop(block);
    let mut addresses = BTreeSet::new();
    walk(|item| {
        if let Item::Block { address, bytes } = item
            && bytes == block_bytes
        {
            assert!(addresses.insert(address), "{address:#x} was visited twice");
        }
    });
    addresses
}

fn addresses(blocks: &[Block]) -> BTreeSet<usize> {
    blocks.iter().map(Block::address).collect()
}

fn some(count: usize) -> Vec<Block> {
    (0..count).map(|_| Block::new(MARKED, 1)).collect()
}

fn visits_each_live_block_once() {
    assert_eq!(marked(), BTreeSet::new());
    for count in [1, 2, 27, 28, 29, 1000, 5000] {
        let held = some(count);
        assert_eq!(marked(), addresses(&held));
    }
    // Of many sizes at a time.
    let mut rng = Rng(10);
    let held: Vec<_> = (0..5000).map(|_| Block::new(rng.size(60_000), 1)).collect();
    let visits = blocks();
    for block in &held {
        assert_eq!(visits.get(&block.address()), Some(&1), "a block of {} bytes", block.size());
    }
}

fn visits_no_freed_block() {
    let mut held = some(3000);
    Rng(11).shuffle(&mut held);
    while !held.is_empty() {
        held.truncate(held.len() * 2 / 3);
        assert_eq!(marked(), addresses(&held));
    }
}

fn visits_blocks_of_threads_that_ended() {
    let mut held = some(100);
    for count in [1, 50, 2000] {
        held.extend(std::thread::spawn(move || some(count)).join().expect("the thread"));
        assert_eq!(marked(), addresses(&held));
    }
    // Freed by this thread, which is not their owner.
    Rng(12).shuffle(&mut held);
    held.truncate(1000);
    assert_eq!(marked(), addresses(&held));
}

fn visits_blocks_that_another_thread_has_not_freed() {
    let mut held = some(2000);
    Rng(13).shuffle(&mut held);
    let away = held.split_off(1200);
    std::thread::spawn(move || drop(away)).join().expect("the thread");
    assert_eq!(marked(), addresses(&held));
}

fn visits_large_blocks() {
    let sizes = [70_000, 200_000, MIB, 10 * MIB, 20 * MIB, 50 * MIB];
    let mut held: Vec<_> = sizes.iter().map(|size| Block::new(*size, 1)).collect();
    let visited = || {
        let mut large = BTreeMap::new();
        walk(|item| {
            if let Item::Large { address, bytes } = item {
                assert_eq!(large.insert(address, bytes), None, "{address:#x} was visited twice");
            }
        });
        large
    };
    let expected = |held: &[Block]| -> BTreeMap<_, _> {
        held.iter().map(|block| (block.address(), block.usable())).collect()
    };
    assert_eq!(visited(), expected(&held));
    held.truncate(3);
    assert_eq!(visited(), expected(&held));
}

fn items_come_in_order_and_lie_inside_each_other() {
    let mut rng = Rng(14);
    let mut held: Vec<_> = (0..10_000).map(|_| Block::new(rng.size(40_000), 1)).collect();
    rng.shuffle(&mut held);
    held.truncate(4000);
    let mut items = Vec::with_capacity(100_000);
    walk(|item| items.push(item));

    let mut arena = 0..0;
    let mut pool = 0..0;
    let (mut block_bytes, mut missing) = (0, 0);
    let mut kinds = [0; 3];
    for item in &items {
        match *item {
            Item::Arena { address, bytes } => {
                assert_eq!(missing, 0, "blocks are missing before {item:x?}");
                arena = address..address + bytes;
                pool = 0..0;
                kinds[0] += 1;
            }
            Item::Pool { address, bytes, block_size, used, blocks } => {
                assert_eq!(missing, 0, "blocks are missing before {item:x?}");
                assert!(arena.start <= address && address + bytes <= arena.end, "{item:x?}");
                assert!(used <= blocks && blocks * block_size <= bytes, "{item:x?}");
                pool = address..address + bytes;
                (block_bytes, missing) = (block_size, used);
                kinds[1] += 1;
            }
            Item::Block { address, bytes } => {
                assert!(pool.start <= address && address + bytes <= pool.end, "{item:x?}");
                assert_eq!(bytes, block_bytes, "{item:x?}");
                missing -= 1;
                kinds[2] += 1;
            }
            _ => {}
        }
    }
    assert_eq!(missing, 0, "blocks are missing at the end");
    assert!(kinds[0] > 0 && kinds[1] > 10 && kinds[2] >= held.len(), "{kinds:?}");
}

fn the_visitor_may_allocate_and_free() {
    let mut held = some(2000);
    Rng(15).shuffle(&mut held);
    held.truncate(1500);
    let expected = addresses(&held);
    let mut seen: Vec<usize> = Vec::new();
    let mut taken = Vec::new();
    walk(|item| {
        if let Item::Block { address, .. } = item {
            if expected.contains(&address) {
                seen.push(address);
            }
            // Blocks of the very class that is walked, and of others; some are freed again.
            taken.push(Block::new(MARKED, 1));
            taken.push(Block::new(1 + address % 5000, 1));
            if taken.len() % 3 == 0 {
                taken.swap_remove(address % taken.len());
            }
        }
    });
    taken.iter().chain(&held).for_each(Block::verify);
    assert_eq!(seen.len(), expected.len(), "each block once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}
