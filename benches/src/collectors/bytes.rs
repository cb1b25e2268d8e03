//! What an object costs in memory.
//!
//! Four million objects are made, and what the process has resident is read from the kernel before and
//! after. The table of pointers to them is there, and written to, before the first reading, so it is not
//! part of the difference. Pools, free lists and whatever else an allocator or a collector keeps are.

use std::hint::black_box;
use std::mem::MaybeUninit;

use super::kinds::Collector;
use crate::memory;
use crate::meter::Meter;

/// Objects alive at once.
const OBJECTS: u64 = 4_000_000;

/// Bytes for each object with a `u64`.
pub fn number<C: Collector>(meter: &mut Meter) {
    meter.note("bytes", per_object(C::number));
}

/// Bytes for each `Node`.
pub fn node<C: Collector>(meter: &mut Meter) {
    meter.note("bytes", per_object(|i| C::node(i, None)));
}

/// Bytes that become resident, for each object.
pub fn per_object<V>(make: impl Fn(u64) -> V) -> f64 {
    let mut table: Vec<V> = Vec::with_capacity(OBJECTS as usize);
    for place in black_box(&mut table).spare_capacity_mut() {
        *black_box(place) = MaybeUninit::zeroed();
    }
    let before = memory::resident().now_kib;
    table.extend((0..OBJECTS).map(make));
    let after = memory::resident().now_kib;
    std::mem::forget(black_box(table));
    (after as f64 - before as f64) * 1024.0 / OBJECTS as f64
}
