//! Counts that go up and down: clones, downgrades, upgrades.
//!
//! *Hot* is one object over and over: what it costs to count, its memory in the nearest cache. The
//! pointer is loaded anew each time, as a program does, so that nothing that follows from its address is
//! worked out before the loop. Each count is read right after it was written; how long that takes
//! depends on how well a processor hands a value on from a store to a load, and on who else uses the
//! core, so compare these figures within one run only.
//!
//! *Shuffled* is a million objects in random order: what it costs to reach the count, wherever it lies. A
//! pointer that keeps counts closer together, or nearer to the value, shows it here.
//!
//! With a `Weak` alive the same is done once more, because a pointer may keep its counts elsewhere then.
//! For that reason `downgrade` is measured three ways, too: the only `Weak` of an object, over and over;
//! another one beside it; and the first one of a fresh object, together with making and dropping both,
//! the object first.

use std::hint::black_box;

use super::kinds::{Pointer, Weakly};
use crate::meter::Meter;
use crate::random::Random;

/// Objects of the shuffled workloads.
const MANY: u64 = 1_000_000;

/// Clones of one object.
pub fn clone_hot<P: Pointer>(meter: &mut Meter) {
    let object = black_box(P::new(1));
    clone_one::<P>(meter, &object);
}

/// Clones of one object that has a `Weak`.
pub fn clone_hot_weak<P: Weakly>(meter: &mut Meter) {
    let object = black_box(P::new(1));
    let weak = black_box(P::downgrade(&object));
    clone_one::<P>(meter, &object);
    drop(weak);
}

#[inline(always)]
fn clone_one<P: Pointer>(meter: &mut Meter, object: &P::To<u64>) {
    const OPERATIONS: u64 = 20_000_000;
    while meter.more() {
        meter.time(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                drop(black_box(black_box(object).clone()));
            }
        });
    }
}

/// Clones of a million objects.
pub fn clone_shuffled<P: Pointer>(meter: &mut Meter) {
    let mut objects = many::<P>();
    Random::new(21).shuffle(&mut objects);
    clone_each::<P>(meter, &objects);
}

/// Clones of a million objects, each of which has a `Weak`.
pub fn clone_shuffled_weak<P: Weakly>(meter: &mut Meter) {
    let mut objects = many::<P>();
    let weaks: Vec<P::Weak<u64>> = objects.iter().map(P::downgrade).collect();
    Random::new(21).shuffle(&mut objects);
    clone_each::<P>(meter, &objects);
    drop(weaks);
}

fn many<P: Pointer>() -> Vec<P::To<u64>> {
    (0..MANY).map(P::new).collect()
}

#[inline(always)]
fn clone_each<P: Pointer>(meter: &mut Meter, objects: &[P::To<u64>]) {
    while meter.more() {
        meter.time(MANY, || {
            for object in black_box(objects) {
                drop(black_box(object.clone()));
            }
        });
    }
}

/// The only `Weak` of one object.
pub fn downgrade<P: Weakly>(meter: &mut Meter) {
    let object = black_box(P::new(1));
    downgrade_one::<P>(meter, &object);
}

/// Another `Weak` of one object that has one.
pub fn downgrade_held<P: Weakly>(meter: &mut Meter) {
    let object = black_box(P::new(1));
    let weak = black_box(P::downgrade(&object));
    downgrade_one::<P>(meter, &object);
    drop(weak);
}

#[inline(always)]
fn downgrade_one<P: Weakly>(meter: &mut Meter, object: &P::To<u64>) {
    const OPERATIONS: u64 = 10_000_000;
    while meter.more() {
        meter.time(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                drop(black_box(P::downgrade(black_box(object))));
            }
        });
    }
}

/// A thousand objects, each with a `Weak` that outlives it.
pub fn downgrade_first<P: Weakly>(meter: &mut Meter) {
    const OBJECTS: u64 = 1000;
    const BATCHES: u64 = 1000;
    let mut objects: Vec<P::To<u64>> = Vec::with_capacity(OBJECTS as usize);
    let mut weaks: Vec<P::Weak<u64>> = Vec::with_capacity(OBJECTS as usize);
    while meter.more() {
        meter.time(BATCHES * OBJECTS, || {
            for _ in 0..BATCHES {
                objects.extend((0..OBJECTS).map(P::new));
                weaks.extend(black_box(&mut objects).iter().map(P::downgrade));
                black_box(&mut objects).clear();
                black_box(&mut weaks).clear();
            }
        });
    }
}

/// Strong pointers from one `Weak`.
pub fn upgrade<P: Weakly>(meter: &mut Meter) {
    const OPERATIONS: u64 = 10_000_000;
    let object = black_box(P::new(1));
    let weak = black_box(P::downgrade(&object));
    while meter.more() {
        meter.time(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                drop(black_box(P::upgrade(black_box(&weak))));
            }
        });
    }
}
