//! Cycles of a size, with a load, beside objects that live: one workload with settings, after nascheme/cyclotron.
//!
//! A table holds the live objects. Each step makes a ring of `cycle` objects, one of which carries `payload` bytes, lets go of it, and
//! puts a fresh object into the table: at a random place, where another dies by counting (a *steady* heap), or at its end (a *growing* one).
//!
//! Besides the time per object of garbage there is the most garbage that waited at any time, in objects (those that are
//! there, less those in the table); the longest step; and the peak of resident memory. A collector that does not see how
//! heavy its objects are lets as much wait as is allowed for light ones.

use super::kinds::Collector;
use super::pauses::Pauses;
use super::payload::Payload;
use crate::memory::resident;
use crate::meter::Meter;
use crate::random::Random;

/// What is mixed.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Objects of a ring.
    pub cycle: u64,
    /// Bytes that one of them carries.
    pub payload: usize,
    /// Objects that live; when the heap grows, at the end.
    pub live: u64,
    /// Does the heap grow?
    pub growing: bool,
    /// Objects of garbage in all.
    pub garbage: u64,
}

/// A small heap and small cycles.
pub const SMALL: Setting =
    Setting { cycle: 10, payload: 0, live: 100, growing: false, garbage: 2_000_000 };
/// A larger heap.
pub const MIDDLE: Setting = Setting { live: 30_000, ..SMALL };
/// Heavy cycles.
pub const HEAVY: Setting =
    Setting { cycle: 10, payload: 10_000, live: 10_000, growing: false, garbage: 500_000 };
/// Few, heavier, longer cycles.
pub const HEAVIER: Setting =
    Setting { cycle: 100, payload: 100_000, live: 30_000, growing: false, garbage: 500_000 };
/// A heap that grows.
pub const GROWING: Setting =
    Setting { cycle: 10, payload: 1000, live: 200_000, growing: true, garbage: 2_000_000 };

impl Setting {
    /// Steps in all.
    pub fn steps(self) -> u64 {
        self.garbage / self.cycle
    }
}

/// Counts what waits, and times the steps.
pub struct Watch {
    pauses: Pauses,
    most: u64,
}

impl Watch {
    /// The first step begins now.
    pub fn start() -> Self {
        Watch { pauses: Pauses::start(), most: 0 }
    }

    /// A step has ended, and so many objects with a payload can be reached.
    #[inline]
    pub fn step(&mut self, reachable: u64) {
        self.most = self.most.max(Payload::live().saturating_sub(reachable));
        self.pauses.lap();
    }

    /// Notes all there is to note, for so many objects of garbage.
    pub fn note(mut self, meter: &mut Meter, garbage: u64) {
        let elapsed = self.pauses.lap();
        meter.cold();
        meter.count(garbage, elapsed);
        meter.note("waiting", self.most as f64);
        meter.note("kept", self.most as f64 / garbage as f64);
        meter.note("pause_ms", self.pauses.longest_ms());
        meter.note("peak_mib", resident().peak_kib as f64 / 1024.0);
    }
}

/// A ring of so many objects, the first of which carries bytes.
#[inline]
pub fn ring<C: Collector>(size: u64, payload: usize) {
    let first = C::many(Vec::new(), payload);
    let mut last = first.clone();
    for _ in 1..size {
        last = C::many(vec![last], 0);
    }
    C::push(&first, last);
    C::breathe(size);
}

/// A setting.
fn mix<C: Collector>(meter: &mut Meter, setting: Setting) {
    let Setting { cycle, payload, live, growing, garbage } = setting;
    let fresh = || C::many(Vec::new(), 0);
    let before = if growing { 0 } else { live };
    let mut table: Vec<C::Many> = (0..before).map(|_| fresh()).collect();
    let every = (setting.steps() / live).max(1);
    let mut random = Random::new(81);
    let mut watch = Watch::start();
    for step in 0..setting.steps() {
        ring::<C>(cycle, payload);
        match growing {
            false => table[random.below(live as usize)] = fresh(),
            true if step % every == 0 => table.push(fresh()),
            true => {}
        }
        watch.step(table.len() as u64);
    }
    watch.note(meter, garbage);
    std::mem::forget(table);
}

/// [`SMALL`].
pub fn small<C: Collector>(meter: &mut Meter) {
    mix::<C>(meter, SMALL);
}

/// [`MIDDLE`].
pub fn middle<C: Collector>(meter: &mut Meter) {
    mix::<C>(meter, MIDDLE);
}

/// [`HEAVY`].
pub fn heavy<C: Collector>(meter: &mut Meter) {
    mix::<C>(meter, HEAVY);
}

/// [`HEAVIER`].
pub fn heavier<C: Collector>(meter: &mut Meter) {
    mix::<C>(meter, HEAVIER);
}

/// [`GROWING`].
pub fn growing<C: Collector>(meter: &mut Meter) {
    mix::<C>(meter, GROWING);
}
