//! Objects made and dropped.
//!
//! `create` is the fast path and nothing else: the memory that was freed last is the memory that is asked
//! for next. `batch` makes a thousand before it drops the first, so that whatever an allocator keeps at
//! hand runs dry and over.

use std::hint::black_box;

use super::kinds::Pointer;
use super::node::Node;
use crate::meter::Meter;

/// One pointer to a `u64` at a time.
pub fn create<P: Pointer>(meter: &mut Meter) {
    const OPERATIONS: u64 = 4_000_000;
    while meter.more() {
        meter.time(OPERATIONS, || {
            for i in 0..OPERATIONS {
                drop(black_box(P::new(i)));
            }
        });
    }
}

/// A thousand objects of 24 bytes made, then dropped in the same order.
pub fn batch<P: Pointer>(meter: &mut Meter) {
    const OBJECTS: u64 = 1000;
    const BATCHES: u64 = 3000;
    let mut objects: Vec<P::To<Node<P>>> = Vec::with_capacity(OBJECTS as usize);
    while meter.more() {
        meter.time(BATCHES * OBJECTS, || {
            for _ in 0..BATCHES {
                objects.extend((0..OBJECTS).map(|i| Node::<P>::new(i, None)));
                black_box(&mut objects).clear();
            }
        });
    }
}
