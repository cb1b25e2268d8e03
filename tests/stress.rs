//! Everything at once: threads allocate, ask for zeroes, grow, shrink and free blocks of 1 byte to
//! 2 MiB, hand them to each other at random and end at random, and every byte of every block is
//! checked before the block goes. The same work again under other settings.
//!
//! `NEAP_LONG=1` runs it for longer and with other seeds each time.

mod common;

use common::cases::{child, entries, main as run_cases};
use common::{Block, MIB, Rng, assert_apart, join, long, mib, resident, scaled};
use neap::heap::{owns, purge, stats, walk};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            blocks_move_between_threads,
            blocks_move_when_nothing_is_kept,
            blocks_move_in_small_arenas,
            blocks_move_on_huge_pages,
            many_threads_few_cores,
            with_purges_and_walks_in_between,
            arenas_come_and_go_beside_purges,
            one_thread_alone,
        ],
        entries![few, many],
    );
}

/// A run: how many threads, what they do together, and what they may hold.
struct Plan {
    threads: usize,
    /// Steps of all threads together.
    steps: usize,
    /// Most blocks that a thread holds.
    held: usize,
    /// Whether threads also purge, walk and ask for statistics.
    looks: bool,
}

/// What threads have in common.
struct World<'a> {
    plan: &'a Plan,
    /// Blocks on their way, one box for each thread, and one more for threads to come.
    boxes: Vec<Mutex<Vec<Block>>>,
    /// Steps that are still to be made.
    left: AtomicUsize,
    /// Threads started so far.
    started: AtomicUsize,
}

impl World<'_> {
    /// Takes up to a thousand steps: whether there were any left.
    fn take_steps(&self) -> bool {
        // Relaxed: nothing else depends on this count.
        let take = |left: usize| left.checked_sub(1000);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The work of a thread, until it is done or wants to end. It leaves its blocks to others.
    fn work(&self, seed: u64) {
        let mut rng = Rng(seed);
        let mut held: Vec<Block> = Vec::new();
        while self.take_steps() {
            for _ in 0..1000 {
                self.step(&mut rng, &mut held);
            }
            if rng.below(6) == 0 {
                break;
            }
        }
        held.iter().for_each(Block::verify);
        self.boxes[rng.below(self.boxes.len())].lock().expect("the lock").append(&mut held);
    }

    fn step(&self, rng: &mut Rng, held: &mut Vec<Block>) {
        match rng.below(100) {
            0..38 if held.len() < self.plan.held => {
                let (size, align) = request(rng);
                held.push(Block::new(size, align));
            }
            38..50 if held.len() < self.plan.held => {
                let (size, align) = request(rng);
                held.push(Block::zeroed(size, align));
            }
            50..62 if !held.is_empty() => {
                let at = rng.below(held.len());
                let (size, _) = request(rng);
                assert!(held[at].resize(size), "memory");
                held[at].fill();
            }
            62..66 if !held.is_empty() => {
                let block = held.swap_remove(rng.below(held.len()));
                self.boxes[rng.below(self.boxes.len())].lock().expect("the lock").push(block);
            }
            66..70 => {
                let mut from = self.boxes[rng.below(self.boxes.len())].lock().expect("the lock");
                let rest = from.len() / 2;
                // What is taken is freed in another order than it was put in.
                let mut taken = from.split_off(rest);
                drop(from);
                rng.shuffle(&mut taken);
                taken.iter().for_each(Block::verify);
                held.extend(taken.into_iter().take(20));
            }
            70 if self.plan.looks && rng.below(40) == 0 => look(rng, held),
            _ if !held.is_empty() => {
                let block = held.swap_remove(rng.below(held.len()));
                block.verify();
            }
            _ => {}
        }
    }
}

/// A size and an alignment: most are small, one in 64 is up to 2 MiB, some are over-aligned.
fn request(rng: &mut Rng) -> (usize, usize) {
    let most = match rng.below(64) {
        0 => 2 * MIB,
        1..5 => 64 * 1024,
        _ => 2000,
    };
    let align = if rng.below(16) == 0 { 1 << rng.below(13) } else { 8 };
    (rng.size(most), align)
}

fn look(rng: &mut Rng, held: &[Block]) {
    match rng.below(3) {
        0 => purge(),
        1 => {
            // The counts of other threads change while they are added up.
            let stats = stats();
            assert!(stats.arenas > 0 && stats.heaps > 0, "{stats}");
        }
        _ => {
            let mut items = 0_usize;
            walk(|_| items += 1);
            assert!(items > 0);
        }
    }
    assert!(held.iter().all(|block| owns(block.pointer())));
}

fn run(plan: &Plan) {
    let seed = if long() { seed_of_now() } else { 40 };
    println!("seed {seed}");
    let before = stats().live_blocks;
    let mut world = World {
        plan,
        boxes: (0..=plan.threads).map(|_| Mutex::new(Vec::new())).collect(),
        left: AtomicUsize::new(plan.steps),
        started: AtomicUsize::new(0),
    };
    // Each of these starts one thread after the other until all steps are made.
    let (all, first) = (&world, seed.wrapping_mul(1000));
    scope(|scope| {
        let each = (0..plan.threads).map(|_| {
            scope.spawn(move || {
                while all.left.load(Ordering::Relaxed) >= 1000 {
                    let number = all.started.fetch_add(1, Ordering::Relaxed) as u64;
                    let work = move || all.work(first.wrapping_add(number));
                    let ended = std::thread::Builder::new().spawn_scoped(scope, work);
                    ended.expect("a thread").join().expect("the thread");
                }
            })
        });
        join(each.collect::<Vec<_>>());
    });
    let rest = world.boxes.drain(..).flat_map(|one| one.into_inner().expect("the lock"));
    let mut rest: Vec<Block> = rest.collect();
    println!("{} threads, {} blocks left", world.started.get_mut(), rest.len());
    drop(world);
    assert_apart(&rest);
    rest.iter().for_each(Block::verify);
    Rng(seed).shuffle(&mut rest);
    drop(rest);
    // What std keeps for its threads is little.
    let after = stats().live_blocks;
    assert!(after < before + 100, "live blocks: {before} before, {after} after");
    purge();
    assert!(resident() < 64 * MIB, "in memory after all is freed: {}", mib(resident()));
}

/// A seed that is another one in each run. It is printed.
fn seed_of_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a time after 1970").as_nanos() as u64
}

/// A mode and a case: four threads.
fn few() {
    run(&Plan { threads: 4, steps: scaled(1_000_000, 30_000_000), held: 600, looks: false });
}

/// A mode and a case: more threads than cores by far, each with few blocks.
fn many() {
    run(&Plan { threads: 24, steps: scaled(500_000, 10_000_000), held: 60, looks: false });
}

fn limit() -> Duration {
    Duration::from_secs(if long() { 3000 } else { 200 })
}

fn blocks_move_between_threads() {
    few();
}

fn blocks_move_when_nothing_is_kept() {
    child("few").unconfigured().env("NEAP_PURGE_DELAY_MS", "0").within(limit()).succeed();
}

fn blocks_move_in_small_arenas() {
    child("many").unconfigured().env("NEAP_ARENA_MIB", "4").within(limit()).succeed();
}

fn blocks_move_on_huge_pages() {
    child("many").unconfigured().env("NEAP_THP", "always").within(limit()).succeed();
}

fn many_threads_few_cores() {
    many();
}

fn with_purges_and_walks_in_between() {
    run(&Plan { threads: 4, steps: scaled(400_000, 10_000_000), held: 400, looks: true });
}

fn arenas_come_and_go_beside_purges() {
    // Threads fill arenas and leave them empty, over and over; others purge and walk without a pause, so that
    // arenas are unmapped while their pools are looked at.
    let done = AtomicUsize::new(0);
    scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|thread| {
                let done = &done;
                scope.spawn(move || {
                    for _ in 0..scaled(100, 4000) {
                        let blocks: Vec<_> = (0..20_000)
                            .map(|_| Block::try_new(4000 + thread, 8).expect("memory"))
                            .collect();
                        drop(blocks);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        scope.spawn(|| {
            while done.load(Ordering::Relaxed) < 3 {
                purge();
                walk(&mut |_| ());
            }
        });
        join(workers);
    });
}

fn one_thread_alone() {
    run(&Plan { threads: 1, steps: scaled(500_000, 10_000_000), held: 3000, looks: true });
}
