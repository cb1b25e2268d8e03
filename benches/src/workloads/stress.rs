//! Objects of many sizes, many lifetimes and any thread.
//!
//! The idea is that of `mstress` in the mimalloc-bench collection. Two threads make objects; most sizes are
//! small and each doubling is half as frequent (16 bytes to 64 KiB). Of each thread's objects one in four is
//! *kept* until the thread ends; the others go to a random one of 1000 *near* places, and what was there
//! dies. Every fourth step, a random near object is exchanged with a random one of 1000 *shared* places. So
//! an object dies at once, later, or with the thread, and often by another hand than its maker's. After each
//! generation of threads half of what is shared dies by the main thread's hand. Every object is filled when it
//! is made and checked when it dies.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

use crate::block::Block;
use crate::meter::Meter;
use crate::random::Random;

/// Threads at a time.
const THREADS: u64 = 2;
/// Generations of threads in a round.
const GENERATIONS: u64 = 4;
/// Objects that one thread makes.
const OBJECTS: u64 = 50_000;
/// Near places of a thread, and shared places.
const PLACES: usize = 1000;

/// A block filled with words: the first is their number, the `i`th is the number × `i`.
///
/// Invariant O1: the address is that of a live block of 8 × the number in its first word bytes, all written,
/// and no one else holds it.
struct Object(NonNull<u64>);

impl Object {
    fn new(words: usize) -> Self {
        let (address, _) = Block::new(words * 8).into_parts();
        let address = address.cast::<u64>();
        // SAFETY: the block is ours, `words` × 8 bytes long and aligned to 8.
        unsafe { address.write(words as u64) };
        for index in 1..words {
            // SAFETY: `index` is below the length of the block.
            let place = unsafe { address.add(index) };
            // SAFETY: inside the block, which is ours.
            unsafe { place.write((words * index) as u64) };
        }
        Object(address)
    }

    /// 2 to 8192 words; a doubling is half as frequent each time.
    fn of_random_size(random: &mut Random) -> Self {
        let bits = random.bits();
        let doublings = (bits | 1 << 12).trailing_zeros();
        let least = 1_usize << doublings;
        Object::new(least + 1 + (bits >> 32) as usize % least)
    }

    /// Exchanges the object with the one at a shared place.
    fn swap(object: Option<Object>, place: &AtomicPtr<u64>) -> Option<Object> {
        let ours = object.map_or(ptr::null_mut(), |object| {
            let address = object.0.as_ptr();
            std::mem::forget(object);
            address
        });
        // ORDERING: AcqRel, the partner is this swap in another thread: it sees the object's words.
        let theirs = place.swap(ours, Ordering::AcqRel);
        NonNull::new(theirs).map(Object)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: O1.
        let words = unsafe { self.0.read() } as usize;
        for index in 1..words {
            // SAFETY: O1: `index` is below the number of words.
            let place = unsafe { self.0.add(index) };
            // SAFETY: O1: inside the block and written.
            let word = unsafe { place.read() };
            assert_eq!(word, (words * index) as u64, "an object was overwritten");
        }
        // SAFETY: O1: the parts that `new` took the block apart into; the object is gone after this.
        drop(unsafe { Block::from_parts(self.0.cast(), words * 8) });
    }
}

/// Two threads at a time, four generations a round.
pub fn mstress(meter: &mut Meter) {
    let shared: Vec<AtomicPtr<u64>> = (0..PLACES).map(|_| AtomicPtr::default()).collect();
    let mut seed = 1000;
    while meter.more() {
        // What one object costs the thread that makes it: the two run side by side.
        meter.time(GENERATIONS * OBJECTS, || {
            for _ in 0..GENERATIONS {
                thread::scope(|scope| {
                    for _ in 0..THREADS {
                        seed += 1;
                        let (random, shared) = (Random::new(seed), &shared);
                        scope.spawn(|| work(random, shared));
                    }
                });
                for place in shared.iter().step_by(2) {
                    Object::swap(None, place);
                }
            }
        });
    }
    for place in &shared {
        Object::swap(None, place);
    }
}

/// One thread.
fn work(mut random: Random, shared: &[AtomicPtr<u64>]) {
    let mut near: Vec<Option<Object>> = (0..PLACES).map(|_| None).collect();
    let mut kept: Vec<Object> = Vec::new();
    for _ in 0..OBJECTS {
        let object = Object::of_random_size(&mut random);
        let choice = random.bits();
        if choice & 3 == 0 {
            kept.push(object);
        } else {
            near[random.below(PLACES)] = Some(object);
        }
        if choice & 12 == 0 {
            let place = &mut near[random.below(PLACES)];
            *place = Object::swap(place.take(), &shared[random.below(PLACES)]);
        }
    }
}
