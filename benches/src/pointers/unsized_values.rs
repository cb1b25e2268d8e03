//! Strings, slices and trait objects: values whose size is known at run time only.
//!
//! As with blocks of mixed sizes, a thousand are made before the first is dropped. Which sizes they have
//! is drawn before the clock runs.

use std::hint::black_box;

use super::kinds::Pointer;
use crate::meter::Meter;
use crate::random::Random;

/// Values alive at once.
const VALUES: usize = 1000;
/// How often they are made and dropped in a round.
const BATCHES: u64 = 1000;

/// Lengths between two bounds, drawn once.
fn lengths(seed: u64, low: usize, high: usize) -> Vec<usize> {
    let mut random = Random::new(seed);
    (0..VALUES).map(|_| random.between(low, high)).collect()
}

/// Makes a value for each length, drops them in the same order, and so on.
#[inline(always)]
fn batches<V>(meter: &mut Meter, lengths: &[usize], make: impl Fn(usize) -> V) {
    let mut values: Vec<V> = Vec::with_capacity(lengths.len());
    while meter.more() {
        meter.time(BATCHES * lengths.len() as u64, || {
            for _ in 0..BATCHES {
                values.extend(lengths.iter().map(|&length| make(length)));
                black_box(&mut values).clear();
            }
        });
    }
}

/// Copies of strings of 8 to 64 bytes.
pub fn text<P: Pointer>(meter: &mut Meter) {
    let letters: String = ('a'..='z').cycle().take(64).collect();
    let letters = black_box(letters.as_str());
    batches(meter, &lengths(31, 8, 64), |length| P::text(&letters[..length]));
}

/// Copies of slices of 1 to 64 numbers.
pub fn slice<P: Pointer>(meter: &mut Meter) {
    let numbers: Vec<u64> = (0..64).collect();
    let numbers = black_box(numbers.as_slice());
    batches(meter, &lengths(32, 1, 64), |length| P::slice(&numbers[..length]));
}

/// Slices of 1 to 64 numbers from an iterator that knows its length.
pub fn collect<P: Pointer>(meter: &mut Meter) {
    let numbers: Vec<u64> = (0..64).collect();
    let numbers = black_box(numbers.as_slice());
    batches(meter, &lengths(33, 1, 64), |length| {
        P::collect(numbers[..length].iter().map(|number| number ^ 1))
    });
}

/// Something with an area.
pub trait Shape: 'static {
    /// The area.
    fn area(&self) -> u64;
}

struct Square(u64);
struct Rectangle(u64, u64);
struct Frame([u64; 4]);

impl Shape for Square {
    fn area(&self) -> u64 {
        self.0 * self.0
    }
}

impl Shape for Rectangle {
    fn area(&self) -> u64 {
        self.0 * self.1
    }
}

impl Shape for Frame {
    fn area(&self) -> u64 {
        self.0[0] * self.0[1] - self.0[2] * self.0[3]
    }
}

/// Trait objects of 8, 16 and 32 bytes, one after the other, each called once.
pub fn dynamic<P: Pointer>(meter: &mut Meter) {
    const OBJECTS: u64 = 999;
    const BATCHES: u64 = 2000;
    let mut shapes: Vec<P::To<dyn Shape>> = Vec::with_capacity(OBJECTS as usize);
    while meter.more() {
        meter.time(BATCHES * OBJECTS, || {
            for _ in 0..BATCHES {
                for i in 0..OBJECTS / 3 {
                    shapes.push(P::dynamic(Square(i)));
                    shapes.push(P::dynamic(Rectangle(i, 2)));
                    shapes.push(P::dynamic(Frame([i, 3, i, 2])));
                }
                black_box(black_box(&shapes).iter().map(|shape| shape.area()).sum::<u64>());
                black_box(&mut shapes).clear();
            }
        });
    }
}
