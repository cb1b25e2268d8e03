//! Pointers cloned and dropped: the object stays.
//!
//! A clone that is dropped leaves an object that lost a reference and keeps others. To a collector of cycles that makes it suspect, if
//! it is of a type that can be in a cycle; so there are workloads with a type that can (`Node`) and with one that cannot (`u64`).
//! One object all the time has everything in the nearest cache; a million in random order pay for
//! the memory that counting touches.

use std::hint::black_box;

use super::kinds::Collector;
use crate::meter::Meter;
use crate::random::Random;

/// Clones made of one object in a round.
pub const HOT: u64 = 20_000_000;
/// Objects of the shuffled workloads.
pub const OBJECTS: u64 = 1_000_000;

/// Clones one pointer, drops the clone.
#[inline(always)]
fn hot<P: Clone>(meter: &mut Meter, pointer: P) {
    while meter.more() {
        meter.time(HOT, || {
            for _ in 0..HOT {
                drop(black_box(black_box(&pointer).clone()));
            }
        });
    }
}

/// Clones each of a million pointers in random order, drops each clone at once.
#[inline(always)]
fn shuffled<P: Clone>(meter: &mut Meter, make: impl FnMut(u64) -> P) {
    let mut pointers: Vec<P> = (0..OBJECTS).map(make).collect();
    Random::new(51).shuffle(&mut pointers);
    while meter.more() {
        meter.time(OBJECTS, || {
            for pointer in &pointers {
                drop(black_box(pointer.clone()));
            }
        });
    }
}

/// One number.
pub fn hot_number<C: Collector>(meter: &mut Meter) {
    hot(meter, C::number(1));
}

/// One node.
pub fn hot_node<C: Collector>(meter: &mut Meter) {
    hot(meter, C::node(1, None));
}

/// A million numbers.
pub fn shuffled_number<C: Collector>(meter: &mut Meter) {
    shuffled(meter, C::number);
}

/// A million nodes.
pub fn shuffled_node<C: Collector>(meter: &mut Meter) {
    shuffled(meter, |i| C::node(i, None));
}
