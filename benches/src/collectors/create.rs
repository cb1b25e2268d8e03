//! Objects made and dropped, one at a time.
//!
//! A collector that does not count has its garbage collected in the measured time: by itself, and for what is left by a collection at the
//! end of a round.

use std::hint::black_box;

use super::kinds::Collector;
use crate::meter::Meter;

/// Objects made in a round.
pub const OBJECTS: u64 = 4_000_000;

/// Makes and drops one object after another.
#[inline(always)]
fn one_by_one<C: Collector, V>(meter: &mut Meter, make: impl Fn(u64) -> V) {
    while meter.more() {
        meter.time(OBJECTS, || {
            for i in 0..OBJECTS {
                drop(black_box(make(i)));
            }
            if !C::COUNTS {
                C::collect();
            }
        });
    }
}

/// A `u64`.
pub fn number<C: Collector>(meter: &mut Meter) {
    one_by_one::<C, _>(meter, C::number);
}

/// An object that could be in a cycle.
pub fn node<C: Collector>(meter: &mut Meter) {
    one_by_one::<C, _>(meter, |i| C::node(i, None));
}
