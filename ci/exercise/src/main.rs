//! Exercises neap for the sanitizers and for memcheck: `exercise ROUNDS`.
//!
//! Threads talk to each other through the atomics of this file only, and every block carries its
//! size and a pattern that is checked before it is freed. `exercise wrong-…` makes one mistake on
//! purpose, so that a checker that sees nothing is found out.

mod families;

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

/// Used directly. With the feature `global` it serves the whole program as well.
#[cfg_attr(feature = "global", global_allocator)]
static NEAP: neap::Neap = neap::Neap::new();

const THREADS: u64 = 4;

/// Blocks on their way from one thread to another.
static POST: [AtomicPtr<u8>; 64] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 64];

fn main() {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "1".into());
    match argument.as_str() {
        "wrong-race" => wrong_race(),
        "wrong-out-of-bounds" => wrong_out_of_bounds(),
        "wrong-uninitialised" => wrong_uninitialised(),
        rounds => {
            let Ok(rounds) = rounds.parse::<u64>() else {
                eprintln!("usage: exercise ROUNDS");
                std::process::exit(2);
            };
            for round in 0..rounds {
                on_threads(round, churn);
                on_threads(round, exchange);
                orphans(round);
                one_way(round);
                empty_the_post();
                families::travel(round);
            }
            neap::heap::purge();
            println!("exercise: {rounds} rounds, every block as it was left");
        }
    }
}

fn on_threads(round: u64, work: fn(&mut Dice)) {
    let threads: Vec<_> = (0..THREADS)
        .map(|i| thread::spawn(move || work(&mut Dice(round * THREADS + i + 1))))
        .collect();
    for thread in threads {
        thread.join().expect("a thread panicked");
    }
}

/// Each thread for itself: allocate, grow, shrink, free, in any order.
fn churn(dice: &mut Dice) {
    let mut held: Vec<Block> = Vec::new();
    for _ in 0..2_000 {
        match dice.below(4) {
            0 | 1 => held.push(Block::new(dice.size(), dice.below(2) == 0)),
            2 if !held.is_empty() => {
                let i = dice.below(held.len() as u64) as usize;
                held.swap_remove(i).free();
            }
            3 if !held.is_empty() => {
                let i = dice.below(held.len() as u64) as usize;
                let size = dice.size();
                let block = held.swap_remove(i).resized(size);
                held.push(block);
            }
            _ => {}
        }
    }
    held.into_iter().for_each(Block::free);
}

/// Blocks go from thread to thread through the post, and are freed by whoever receives them.
fn exchange(dice: &mut Dice) {
    for _ in 0..4_000 {
        let block = Block::new(dice.size(), false);
        let slot = &POST[dice.below(POST.len() as u64) as usize];
        post(slot, block);
    }
}

/// Threads that end at once and leave their blocks to others.
fn orphans(round: u64) {
    for i in 0..20 {
        thread::spawn(move || {
            let mut dice = Dice(round * 100 + i + 1);
            for slot in &POST {
                post(slot, Block::new(dice.size(), false));
            }
        })
        .join()
        .expect("a thread panicked");
    }
}

/// One thread allocates, the others free, and nothing that they do is published to the first but by
/// neap: its slots are found empty by relaxed loads. So what orders a free before the next use of the
/// block is neap's own, and a checker sees when that is missing.
fn one_way(round: u64) {
    const SLOTS: usize = 8;
    const BLOCKS: usize = 12_000;
    static RINGS: [[AtomicPtr<u8>; SLOTS]; 3] =
        [const { [const { AtomicPtr::new(std::ptr::null_mut()) }; SLOTS] }; 3];

    let consumers: Vec<_> = RINGS
        .iter()
        .map(|ring| {
            thread::spawn(move || {
                for i in 0..BLOCKS {
                    let slot = &ring[i % SLOTS];
                    // Acquire: pairs with the producer's release; the block's contents.
                    let received = wait_until(|| slot.load(Ordering::Acquire), |p| !p.is_null());
                    slot.store(std::ptr::null_mut(), Ordering::Relaxed);
                    free_received(received);
                }
            })
        })
        .collect();
    let size = if round.is_multiple_of(2) { 64 } else { 1_000 };
    for i in 0..BLOCKS {
        for ring in &RINGS {
            let slot = &ring[i % SLOTS];
            wait_until(|| slot.load(Ordering::Relaxed), |p| p.is_null());
            slot.store(Block::new(size, false).into_raw(), Ordering::Release);
        }
    }
    for consumer in consumers {
        consumer.join().expect("a thread panicked");
    }
}

fn wait_until(look: impl Fn() -> *mut u8, good: impl Fn(*mut u8) -> bool) -> *mut u8 {
    loop {
        let found = look();
        if good(found) {
            return found;
        }
        thread::yield_now();
    }
}

fn empty_the_post() {
    for slot in &POST {
        // Acquire: pairs with the release in `post`; the block's contents are published.
        let received = slot.swap(std::ptr::null_mut(), Ordering::Acquire);
        free_received(received);
    }
}

fn post(slot: &AtomicPtr<u8>, block: Block) {
    // Release publishes our block, acquire receives the one that lay there.
    let received = slot.swap(block.into_raw(), Ordering::AcqRel);
    free_received(received);
}

fn free_received(start: *mut u8) {
    if !start.is_null() {
        // SAFETY: what lies in the post came from `into_raw`, and the swap gave it to us alone.
        unsafe { Block::from_raw(start) }.free();
    }
}

/// A block of neap's: its size in the first word, a pattern in the rest.
struct Block {
    start: *mut u8,
    size: usize,
}

impl Block {
    const WORD: usize = size_of::<usize>();

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, Self::WORD).expect("sizes here are small")
    }

    fn new(size: usize, zeroed: bool) -> Self {
        let start = if zeroed {
            // SAFETY: no layout here is of size zero.
            unsafe { NEAP.alloc_zeroed(Self::layout(size)) }
        } else {
            // SAFETY: as above.
            unsafe { NEAP.alloc(Self::layout(size)) }
        };
        assert!(!start.is_null(), "out of memory");
        let block = Self { start, size };
        if zeroed {
            // SAFETY: the block is ours and zeroed, all `size` bytes of it.
            let bytes = unsafe { std::slice::from_raw_parts(start, size) };
            assert!(bytes.iter().all(|&b| b == 0), "zeroed memory is not zero");
        }
        block.fill(Self::WORD);
        block
    }

    /// Writes the size, and the pattern from byte `from` on.
    fn fill(&self, from: usize) {
        // SAFETY: the block is ours, aligned to a word and at least a word long.
        unsafe { self.start.cast::<usize>().write(self.size) };
        for i in from..self.size {
            // SAFETY: `i` is below the size of the block.
            unsafe { self.start.wrapping_add(i).write(Self::pattern(i)) };
        }
    }

    fn check(&self, until: usize) {
        for i in Self::WORD..until {
            // SAFETY: `i` is below the size of the block, and `fill` has written every byte.
            let byte = unsafe { self.start.wrapping_add(i).read() };
            assert_eq!(byte, Self::pattern(i), "byte {i} of {} has changed", self.size);
        }
    }

    fn pattern(i: usize) -> u8 {
        (i * 7 + 3) as u8
    }

    fn resized(self, size: usize) -> Self {
        let kept = self.size.min(size);
        // SAFETY: the block is ours, this is its layout, and the new size is not zero.
        let start = unsafe { NEAP.realloc(self.start, Self::layout(self.size), size) };
        assert!(!start.is_null(), "out of memory");
        let block = Self { start, size };
        block.check(kept);
        block.fill(kept);
        block
    }

    fn free(self) {
        self.check(self.size);
        // SAFETY: the block is ours, and this is its layout.
        unsafe { NEAP.dealloc(self.start, Self::layout(self.size)) };
    }

    fn into_raw(self) -> *mut u8 {
        self.start
    }

    /// # Safety
    /// `start` came from `into_raw`, and nobody else has it.
    unsafe fn from_raw(start: *mut u8) -> Self {
        // SAFETY: a block starts with its size.
        let size = unsafe { start.cast::<usize>().read() };
        Self { start, size }
    }
}

/// Xorshift: the same figures in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    /// Mostly small, some medium, a few large.
    fn size(&mut self) -> usize {
        let size = match self.below(200) {
            0 => 65_000 + self.below(200_000),
            1..10 => 4_000 + self.below(30_000),
            10..60 => 256 + self.below(2_000),
            _ => 8 + self.below(250),
        };
        size as usize
    }
}

/// Two threads write a block of neap's at the same time.
fn wrong_race() {
    let start = Block::new(64, false).into_raw();
    let shared = AtomicPtr::new(start);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let word = shared.load(Ordering::Relaxed).cast::<u64>();
                    // SAFETY: none: this is the mistake.
                    unsafe { *word += 1 };
                }
            });
        }
    });
}

fn wrong_out_of_bounds() {
    let array = black_box([1_u8; 16]);
    let beyond = black_box(17_usize);
    // SAFETY: none: this is the mistake.
    println!("{}", unsafe { *array.as_ptr().wrapping_add(beyond) });
}

/// Not inlined, so that its part of the stack is new.
#[inline(never)]
fn wrong_uninitialised() {
    let nothing = black_box(MaybeUninit::<[u8; 64]>::uninit());
    // SAFETY: none: this is the mistake.
    if unsafe { nothing.as_ptr().cast::<u8>().read() } == 7 {
        println!("seven");
    }
}
