//! Heaps of test threads: nobody else uses neap in this process. What counts memory, or needs to know which pools there
//! are, runs in a process of its own.

use std::process::Command;
use std::sync::{Barrier, mpsc};
use std::thread::ScopedJoinHandle;

use super::*;
use crate::arena;
use crate::os;
use crate::pool::{List, PoolRef};
use crate::settings::Options;

/// Starts a test of this file once more, in a process of its own. True in that process.
fn alone(name: &str) -> bool {
    alone_with(name, &[])
}

/// The same with environment variables.
fn alone_with(name: &str, variables: &[(&str, &str)]) -> bool {
    const ALONE: &str = "NEAP_TEST_ALONE";
    if std::env::var_os(ALONE).is_some_and(|value| value == name) {
        return true;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("heap::tests::{name}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, name)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// An allocation with its address and its size written all over it.
struct Block {
    at: usize,
    layout: Layout,
}

impl Block {
    /// `None` when there is no memory.
    fn try_new(size: usize, align: usize) -> Option<Block> {
        let layout = Layout::from_size_align(size, align).unwrap();
        Block::adopt(allocate_big(layout, Options::NONE), layout)
    }

    fn new(size: usize) -> Block {
        Block::try_new(size, 8).unwrap()
    }

    fn of(class: SizeClass) -> Block {
        Block::new(class.block_size())
    }

    fn adopt(ptr: *mut u8, layout: Layout) -> Option<Block> {
        let block = Block { at: ptr.expose_provenance(), layout };
        if ptr.is_null() {
            return None;
        }
        assert!(block.at.is_multiple_of(layout.align()));
        block.words().for_each(|word| block.write(word));
        Some(block)
    }

    /// The addresses of its first and last word, and of one in each 4 KiB between them.
    fn words(&self) -> impl Iterator<Item = usize> {
        let last = self.at + (self.layout.size() & !7) - 8;
        (self.at..last).step_by(4096).chain([last])
    }

    fn mark(&self, word: usize) -> usize {
        word ^ self.layout.size() << 48
    }

    fn write(&self, word: usize) {
        // SAFETY: the word lies in a block that the test holds.
        unsafe { regain::<usize>(word).write(self.mark(word)) };
    }

    fn read(&self, word: usize) -> usize {
        // SAFETY: as in `write`.
        unsafe { regain::<usize>(word).read() }
    }

    fn is_intact(&self) -> bool {
        self.words().all(|word| self.read(word) == self.mark(word))
    }

    fn usable(&self) -> usize {
        // SAFETY: the block is live, of this layout.
        unsafe { usable_size(regain(self.at), self.layout) }
    }

    fn pool(&self) -> PoolRef {
        PoolRef::holding(self.at).unwrap()
    }

    fn free(self) {
        assert!(self.is_intact(), "{:#x} of {} bytes has changed", self.at, self.layout.size());
        free_big(regain(self.at), self.layout);
    }
}

fn many(n: usize, class: SizeClass) -> Vec<Block> {
    (0..n).map(|_| Block::of(class)).collect()
}

/// The same blocks in some other order.
fn shuffled(mut blocks: Vec<Block>) -> Vec<Block> {
    blocks.sort_by_key(|block| (block.at >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
    blocks
}

fn class_of(size: usize) -> SizeClass {
    SizeClass::for_layout(Layout::from_size_align(size, 1).unwrap()).unwrap()
}

/// Runs `work` in a thread that then ends, with all that neap does at its end: that is over when it was joined, and not
/// yet when its scope was.
fn in_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| join([scope.spawn(work)]).remove(0))
}

/// Waits for the very end of threads.
fn join<'scope, T>(threads: impl IntoIterator<Item = ScopedJoinHandle<'scope, T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// H2, H3 and P1 of the calling thread's heap. Returns how many pools it has.
fn validate() -> usize {
    let heap = thread::attached(thread::Content::Raw).unwrap();
    let (mut pools, mut pool_bytes, mut free_bytes) = (0, 0, 0);
    for class in SizeClass::all() {
        let lists = heap.class(class);
        let mut of_class = 0;
        for (list, kind) in [(&lists.used, List::Used), (&lists.full, List::Full)] {
            let mut next = list.first();
            while let Some(pool) = next {
                next = pool.next();
                assert_eq!((pool.list(), pool.class()), (kind, class));
                assert!(pool.as_ref().owned_by(heap.id()).is_some());
                assert_eq!(pool.free_count() > 0, kind == List::Used, "H3");
                pool.validate(class);
                of_class += 1;
                pool_bytes += class.blocks() * class.block_size();
                free_bytes += pool.free_count() * class.block_size();
            }
        }
        assert_eq!(lists.pools.get(), of_class);
        pools += of_class;
        let magazine = heap.magazine(class);
        assert!(
            magazine.len() <= magazine.capacity() && magazine.capacity() <= class.magazine(),
            "M1"
        );
    }
    assert_eq!((heap.pool_bytes.get(), heap.free_bytes.get()), (pool_bytes, free_bytes), "H2");
    pools
}

/// Gives all that is at hand back to the pools.
fn flush() {
    let heap = thread::attached(thread::Content::Raw).unwrap();
    flush::flush_all(heap);
    drain::drain_inbox(heap);
    sweep::release_empty(heap);
}

/// A heap whose thread ended may have kept a pool into which somebody was freeing just then: the next thread that uses
/// the heap has it. Here every heap is used once more.
fn use_every_heap() {
    let heaps = chunk::heaps();
    let barrier = Barrier::new(heaps);
    let visit = || {
        Block::new(16).free();
        barrier.wait();
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..heaps).map(|_| scope.spawn(visit)).collect();
        visit();
        join(others);
    });
}

/// Nothing is in use any more, as far as all that counts can tell, and the memory can be had again.
fn assert_nothing_is_lost() {
    purge();
    let stats = stats();
    assert_eq!((stats.live_blocks, stats.live_bytes, stats.large), (0, 0, 0));
    assert_eq!((stats.pools, stats.arenas, stats.committed_bytes), (0, 0, 0));
    assert_eq!(stats.allocations, stats.frees);
}

#[test]
fn every_class_serves_and_takes_back() {
    for class in SizeClass::all() {
        let n = 3 * class.magazine() + 5;
        for _ in 0..2 {
            let blocks = many(n, class);
            validate();
            let mut addresses: Vec<_> = blocks.iter().map(|block| block.at).collect();
            addresses.sort_unstable();
            assert!(addresses.windows(2).all(|pair| pair[0] + class.block_size() <= pair[1]));
            assert!(blocks.iter().all(|block| block.pool().tag() == crate::pool::Tag::Pool(class)));
            // A block is as aligned as its size is.
            assert!(
                addresses
                    .iter()
                    .all(|at| at.trailing_zeros() >= class.block_size().trailing_zeros())
            );
            shuffled(blocks).into_iter().for_each(Block::free);
            validate();
        }
    }
    flush();
    assert_eq!(validate(), 0, "every pool is empty");
}

/// Blocks come and go at random, of all classes: nobody's contents change.
#[test]
fn a_heap_in_use_is_valid() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut held = vec![Block::new(8)];
    for step in 0..40_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let n = (random >> 33) as usize;
        if n % 100 < 52 && held.len() < 3000 {
            held.push(Block::new(8 + (n >> 8) % (8 << (n % 14))));
        } else if !held.is_empty() {
            held.swap_remove(n % held.len()).free();
        }
        if step % 1000 == 0 {
            validate();
        }
    }
    held.into_iter().for_each(Block::free);
    flush();
    assert_eq!(validate(), 0);
}

#[test]
fn fresh_blocks_come_in_address_order() {
    if !alone("fresh_blocks_come_in_address_order") {
        return;
    }
    for class in [8, 16, 80, 1024, 4096, 5120, 65536].map(class_of) {
        let blocks = many(class.blocks() / 2, class);
        let base = blocks[0].at;
        assert_eq!(base, class.pool_at(base));
        for (i, block) in blocks.iter().enumerate() {
            assert_eq!(block.at, base + i * class.block_size());
        }
        blocks.into_iter().for_each(Block::free);
    }
    assert_nothing_is_lost();
}

#[test]
fn what_others_free_is_used_again() {
    if !alone("what_others_free_is_used_again") {
        return;
    }
    let class = class_of(96);
    let n = 20 * class.blocks();
    let first = many(n, class);
    let full = arena::committed_bytes();
    let mut blocks = first;
    for _ in 0..10 {
        in_a_thread(|| shuffled(blocks).into_iter().for_each(Block::free));
        blocks = many(n, class);
        validate();
        assert!(arena::committed_bytes() <= full + full / 4, "{}", arena::committed_bytes());
    }
    blocks.into_iter().for_each(Block::free);
    assert_nothing_is_lost();
}

/// Two threads pass blocks to each other through queues, both allocate and both free, all at the same time.
#[test]
fn blocks_cross_between_running_threads() {
    if !alone("blocks_cross_between_running_threads") {
        return;
    }
    const ROUNDS: usize = 300;
    let (to_left, from_right) = mpsc::sync_channel::<Vec<Block>>(4);
    let (to_right, from_left) = mpsc::sync_channel::<Vec<Block>>(4);
    let side = |seed: usize, to: mpsc::SyncSender<Vec<Block>>, from: mpsc::Receiver<Vec<Block>>| {
        for round in 0..ROUNDS {
            let size = 16 << ((round + seed) % 7);
            let _ = to.send((0..50 + round % 200).map(|_| Block::new(size)).collect());
            if let Ok(blocks) = from.recv() {
                shuffled(blocks).into_iter().for_each(Block::free);
            }
        }
        validate();
    };
    std::thread::scope(|scope| {
        join([
            scope.spawn(|| side(0, to_left, from_left)),
            scope.spawn(|| side(3, to_right, from_right)),
        ]);
    });
    use_every_heap();
    assert_nothing_is_lost();
}

/// A thread ends and leaves blocks: a pool with room is adopted before another is claimed, a full one by
/// whoever frees into it.
#[test]
fn pools_of_ended_threads_are_adopted() {
    if !alone("pools_of_ended_threads_are_adopted") {
        return;
    }
    let class = class_of(1024);
    let blocks = class.blocks();
    let (left, full) = in_a_thread(|| {
        let full = many(blocks, class);
        (many(blocks / 2, class), full)
    });
    assert!(full.iter().all(|block| block.pool() == full[0].pool()));
    assert!(left.iter().all(|block| block.pool() == left[0].pool()));
    let mine = many(1, class);
    assert!(mine[0].pool() == left[0].pool());
    let heap = thread::attached(thread::Content::Raw).unwrap();
    assert!(left[0].pool().owned_by(heap.id()).is_some());
    assert_eq!(full[0].pool().shared().peek(), (crate::pool::Owner::Unlisted, 0));
    let pool = full[0].pool();
    full.into_iter().for_each(Block::free);
    flush::flush_all(heap);
    assert!(pool.owned_by(heap.id()).is_some() || pool.tag() == crate::pool::Tag::Nothing);
    validate();
    left.into_iter().chain(mine).for_each(Block::free);
    assert_nothing_is_lost();
}

/// Thousands of threads, of which each leaves something to the next: no heap, no pool and no block is lost.
#[test]
fn ended_threads_leave_nothing_behind() {
    if !alone("ended_threads_leave_nothing_behind") {
        return;
    }
    let mut left: Vec<Block> = Vec::new();
    let mut most = 0;
    for round in 0..1500 {
        left = in_a_thread(|| {
            left.into_iter().for_each(Block::free);
            let mut blocks: Vec<_> = (0..64).map(|i| Block::new(16 + i * 40)).collect();
            blocks.drain(round % 32..round % 32 + 32).for_each(Block::free);
            blocks
        });
        if round == 100 {
            most = arena::committed_bytes();
        }
    }
    assert!(arena::committed_bytes() <= most, "{} from {most}", arena::committed_bytes());
    assert_eq!(chunk::heaps(), 1);
    left.into_iter().for_each(Block::free);
    assert_nothing_is_lost();
}

/// Threads end while others free into their pools; at last nothing is in use.
#[test]
fn threads_end_while_others_free() {
    if !alone("threads_end_while_others_free") {
        return;
    }
    let classes = [16, 64, 1024, 6144].map(class_of);
    for round in 0..60 {
        let (send, receive) = mpsc::channel::<Vec<Block>>();
        std::thread::scope(|scope| {
            let mut threads: Vec<_> = (0..2)
                .map(|_| {
                    let send = send.clone();
                    scope.spawn(move || {
                        for class in classes {
                            let blocks = many(class.blocks() * (1 + round % 3) / 2, class);
                            let is_odd = |block: &Block| block.at / class.block_size() % 2 == 1;
                            let (odd, even) = blocks.into_iter().partition(is_odd);
                            let _ = send.send(odd);
                            let _ = send.send(even);
                        }
                    })
                })
                .collect();
            drop(send);
            while let Ok(blocks) = receive.recv() {
                threads.push(scope.spawn(|| blocks.into_iter().for_each(Block::free)));
            }
            join(threads);
        });
    }
    let heaps = chunk::heaps();
    use_every_heap();
    assert_eq!(chunk::heaps(), heaps);
    assert_nothing_is_lost();
}

/// A thread ends while another is in the midst of freeing into its pool, which stays with the parked heap. What it
/// held is found again by `purge`, though no thread begins any more.
#[test]
fn a_pool_that_could_not_be_abandoned_is_found_again() {
    if !alone("a_pool_that_could_not_be_abandoned_is_found_again") {
        return;
    }
    Block::new(8).free();
    assert_nothing_is_lost();
    let class = class_of(64);
    let (send, receive) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let mut ending = Some(std::thread::spawn(move || {
        send.send(Block::of(class)).unwrap();
        wait.recv().unwrap();
    }));
    let block = receive.recv().unwrap();
    let (pool, (index, _)) = (block.pool(), class.index_of(block.at - class.pool_at(block.at)));
    // Counted, and when it is about to be marked, the owner ends.
    let indices = std::iter::once(index).inspect(|_| {
        go.send(()).unwrap();
        ending.take().unwrap().join().unwrap();
        assert!(matches!(pool.shared().peek(), (crate::pool::Owner::Heap(_), 1)), "kept");
    });
    pool.free_remotely(class, indices, |what| abandon::announce(what, pool, class)).unwrap();
    assert_ne!(pool.tag(), crate::pool::Tag::Nothing);
    purge();
    assert_eq!(pool.tag(), crate::pool::Tag::Nothing, "the pool went back");
    assert_eq!((stats().pools, stats().committed_bytes), (0, 0));
}

/// Calls `attempt` while every call of the kernel from the `k`-th on is refused, for `k` from 0 on, until none
/// was; then `check` with what it gave and whether any was. Returns how many were refused in all.
fn refuse_each_call<T>(mut attempt: impl FnMut() -> T, mut check: impl FnMut(T, bool)) -> usize {
    let mut refused = 0;
    for k in 0.. {
        assert!(k < 10_000, "no end");
        os::refuse_from(k);
        let before = os::calls();
        let result = attempt();
        let made = os::calls() - before;
        os::refuse_none();
        refused += made.saturating_sub(k);
        check(result, made > k);
        if made <= k {
            break;
        }
    }
    refused
}

#[test]
fn without_memory_for_a_heap_there_is_null() {
    if !alone("without_memory_for_a_heap_there_is_null") {
        return;
    }
    let mut got = None;
    refuse_each_call(
        || Block::try_new(100, 8),
        |block, refused| {
            assert_eq!(block.is_none(), refused);
            got = block;
        },
    );
    assert_eq!(chunk::heaps(), 1);
    got.unwrap().free();
    assert_nothing_is_lost();
}

/// Blocks of every class, until there is no memory; then all of them go back, and the kernel is willing again.
#[test]
fn a_refused_block_is_null_and_the_others_are_whole() {
    // Small arenas, so that it takes several.
    let name = "a_refused_block_is_null_and_the_others_are_whole";
    if !alone_with(name, &[("NEAP_ARENA_MIB", "4")]) {
        return;
    }
    Block::new(8).free();
    assert_nothing_is_lost();
    let attempt = || {
        let mut blocks = Vec::new();
        for size in [8, 16, 200, 1024, 4096, 5000, 30_000, 65536] {
            let class = class_of(size);
            blocks.extend((0..4 * class.blocks()).map_while(|_| Block::try_new(size, 8)));
        }
        blocks
    };
    let blocks = attempt();
    let whole = blocks.len();
    blocks.into_iter().for_each(Block::free);
    assert_nothing_is_lost();
    let refused = refuse_each_call(attempt, |blocks, refused| {
        validate();
        assert!(blocks.len() == whole || refused);
        assert!(blocks.iter().all(Block::is_intact));
        // What is left is enough for one more of each.
        let more: Vec<_> = SizeClass::all().map(Block::of).collect();
        shuffled(blocks).into_iter().chain(more).for_each(Block::free);
        flush();
        assert_eq!(validate(), 0);
        assert_nothing_is_lost();
    });
    assert!(refused > 0);
}

/// One call after the other is refused, and all others are granted: whatever that call was for, nothing is lost, and
/// at most one block is null for it.
#[test]
fn a_single_refused_call_loses_nothing() {
    if !alone_with("a_single_refused_call_loses_nothing", &[("NEAP_ARENA_MIB", "4")]) {
        return;
    }
    Block::new(8).free();
    let sizes = [8, 200, 5000, 70_000, 1 << 20, 3 << 20, 20 << 20, 100 << 20];
    for k in 0.. {
        assert!(k < 10_000, "no end");
        os::refuse_only(k);
        let before = os::calls();
        let blocks: Vec<_> = sizes.map(|size| Block::try_new(size, 8)).into();
        let refused = blocks.iter().filter(|block| block.is_none()).count();
        blocks.into_iter().flatten().for_each(Block::free);
        purge();
        let made = os::calls() - before;
        os::refuse_none();
        assert!(refused <= 1, "{refused} blocks for one refused call");
        // What could not be given back then is now.
        purge();
        validate();
        assert_nothing_is_lost();
        if made <= k {
            break;
        }
    }
}

/// Frees need no memory, whoever frees.
#[test]
fn a_free_succeeds_whatever_the_kernel_says() {
    if !alone("a_free_succeeds_whatever_the_kernel_says") {
        return;
    }
    let class = class_of(64);
    for own in [true, false] {
        let blocks = if own { many(5000, class) } else { in_a_thread(|| many(5000, class)) };
        let large = Block::new(300_000);
        in_a_thread(|| {
            os::refuse_from(0);
            let (a, b) = blocks.split_at(1);
            assert!(a.iter().chain(b).all(Block::is_intact));
            shuffled(blocks).into_iter().for_each(Block::free);
            large.free();
            os::refuse_none();
        });
        assert_nothing_is_lost();
    }
}

/// Sizes of runs in an arena and of mappings, with alignments that neither has by itself.
const LARGE: [(usize, usize); 6] = [
    (65537, 8),
    (1 << 20, 1 << 18),
    (16 << 20, 8),
    ((16 << 20) + 1, 8),
    (40 << 20, 64 << 20),
    (100 << 20, 8),
];

#[test]
fn large_blocks_are_whole_or_null() {
    if !alone("large_blocks_are_whole_or_null") {
        return;
    }
    for (size, align) in LARGE {
        let refused = refuse_each_call(
            || Block::try_new(size, align),
            |block, refused| {
                assert!(block.is_some() || refused);
                if let Some(block) = block {
                    assert!(owns(regain(block.at + size - 1)));
                    block.free();
                }
                assert_nothing_is_lost();
            },
        );
        assert!(refused > 0);
    }
}

/// A resize that is refused leaves the block as it was, and one that succeeds keeps the contents.
#[test]
fn large_blocks_are_resized_or_left_alone() {
    if !alone("large_blocks_are_resized_or_left_alone") {
        return;
    }
    const MIB: usize = 1 << 20;
    for (from, to) in [(1, 3), (3, 1), (17, 40), (40, 17), (33, 200), (200, 100)] {
        // So that what is behind the second block is taken, and a mapping has to move to grow.
        for neighbour in [None, Some(40 * MIB)] {
            let block = Block::new(from * MIB + 1);
            let neighbour = neighbour.map(Block::new);
            let new = Layout::from_size_align(to * MIB - 1, 8).unwrap();
            let resized = Cell::new(None);
            refuse_each_call(
                || {
                    resized
                        .get()
                        .is_none()
                        .then(|| resize_large(regain(block.at), block.layout, new))
                },
                |answer, refused| match answer {
                    Some(Some(moved)) => resized.set(Some(moved)),
                    // Units behind a run may be taken; mappings can always be resized.
                    Some(None) => assert!(block.is_intact() && (refused || from < 16 || to < 16)),
                    None => {}
                },
            );
            match resized.get() {
                None => block.free(),
                Some(moved) => {
                    let at = moved.expose_provenance();
                    let common = block.layout.size().min(new.size());
                    for word in block.words().filter(|word| word - block.at + 8 <= common) {
                        assert_eq!(block.read(at + (word - block.at)), block.mark(word));
                    }
                    free_big(moved, new);
                }
            }
            neighbour.into_iter().for_each(Block::free);
            assert_nothing_is_lost();
        }
    }
}

/// Whatever was there before, and wherever it comes from.
#[test]
fn zeroed_memory_reads_as_zero() {
    let sizes = [1, 8, 100, 1000, 4096, 4097, 30_000, 65536, 65537, 1 << 20, (16 << 20) + 1];
    for round in 0..3 {
        for size in sizes {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let blocks: Vec<_> = (0..5)
                .map(|_| {
                    let block = allocate_zeroed(layout, Options::NONE);
                    // SAFETY: the block is the test's, and has as many bytes.
                    let bytes = unsafe { core::slice::from_raw_parts(block, size) };
                    assert!(bytes.iter().all(|byte| *byte == 0), "{size} in round {round}");
                    // SAFETY: as above; `bytes` is not used any more.
                    unsafe { block.write_bytes(0xff, size) };
                    block
                })
                .collect();
            blocks.into_iter().for_each(|block| free_big(block, layout));
        }
        if round == 1 {
            purge();
        }
    }
    validate();
}

/// Most blocks go, at random; a purge gives the OS pages between those that stay back, and they stay as they are.
#[test]
fn a_purge_gives_back_the_pages_between_blocks() {
    if !alone("a_purge_gives_back_the_pages_between_blocks") {
        return;
    }
    let class = class_of(256);
    let blocks = shuffled(many(40_000, class));
    let full = arena::committed_bytes();
    let (kept, gone): (Vec<_>, Vec<_>) =
        blocks.into_iter().enumerate().partition(|(i, _)| i % 50 == 0);
    gone.into_iter().for_each(|(_, block)| block.free());
    purge();
    validate();
    let now = arena::committed_bytes();
    // One in 50 stays: of pages of 16 blocks about a quarter, of larger ones more, up to all.
    let share = if os::page_size() == 4096 { full / 2 } else { full };
    assert!(now <= share, "{now} of {full}");
    assert!(kept.iter().all(|(_, block)| block.is_intact()));
    let again = many(40_000, class);
    assert!(kept.iter().all(|(_, block)| block.is_intact()));
    again.into_iter().chain(kept.into_iter().map(|(_, block)| block)).for_each(Block::free);
    assert_nothing_is_lost();
}

#[test]
fn what_is_in_use_is_counted() {
    if !alone("what_is_in_use_is_counted") {
        return;
    }
    let mut blocks: Vec<_> =
        SizeClass::all().flat_map(|class| many(class.index() + 1, class)).collect();
    blocks.push(Block::new(200_000));
    blocks.push(Block::new(20 << 20));
    let theirs = in_a_thread(|| many(1000, class_of(32)));
    let stats = stats();
    assert_eq!(stats.live_blocks, blocks.len() + theirs.len());
    assert_eq!(stats.large, 2);
    for class in SizeClass::all() {
        let row = stats.classes()[class.index()];
        let theirs = if class == class_of(32) { theirs.len() } else { 0 };
        assert_eq!(row.block_size, class.block_size());
        assert_eq!(row.blocks_used, class.index() + 1 + theirs);
        assert_eq!(row.blocks_used + row.blocks_free, row.pools * class.blocks());
    }
    let bytes: usize = blocks.iter().chain(&theirs).map(|block| block.usable()).sum();
    assert_eq!(stats.live_bytes, bytes);
    let mut walked = 0;
    walk(|item| match item {
        Item::Block { bytes, .. } | Item::Large { bytes, .. } => walked += bytes,
        Item::Arena { .. } | Item::Pool { .. } => {}
    });
    assert_eq!(walked, bytes);
    blocks.into_iter().chain(theirs).for_each(Block::free);
    assert_nothing_is_lost();
}
