//! A graph that changes: objects that hold each other, in no order.
//!
//! A table of 100 000 places holds an object each, and an object holds two others, from places before its
//! own; so there is no cycle, and counting frees everything. Of four changes, two make an edge point at
//! another object, one clears an edge, and one puts a fresh object, with two edges, in the place of
//! another. The other lives on while edges lead to it. It is the work that programs do between two collections, and most of it makes objects
//! suspect to a collector of cycles. Since counting frees everything, a collector that does not run by itself is not called.

use std::hint::black_box;

use super::kinds::Collector;
use crate::meter::Meter;
use crate::random::Random;

/// Places of the table.
pub const PLACES: usize = 100_000;
/// Changes of a round.
pub const CHANGES: u64 = 1_000_000;

/// One change of the graph.
#[derive(Clone, Copy)]
pub struct Change {
    /// Where.
    pub place: usize,
    /// Places before it.
    pub targets: [usize; 2],
    /// What.
    pub kind: Kind,
}

/// What is changed.
#[derive(Clone, Copy)]
pub enum Kind {
    /// An edge leads elsewhere.
    Point,
    /// An edge leads nowhere.
    Clear,
    /// Another object is there.
    Replace,
}

impl Change {
    /// A change at random.
    pub fn draw(random: &mut Random) -> Change {
        let place = random.between(1, PLACES - 1);
        let targets = [random.below(place), random.below(place)];
        let kind = match random.below(4) {
            0 => Kind::Replace,
            1 => Kind::Clear,
            _ => Kind::Point,
        };
        Change { place, targets, kind }
    }

    /// Which of two edges.
    #[inline(always)]
    pub fn edge(self) -> usize {
        self.targets[1] % 2
    }

    /// Does it.
    #[inline]
    fn apply<C: Collector>(self, table: &mut [C::Twin]) {
        let Change { place, targets: [first, second], kind } = self;
        match kind {
            Kind::Point => C::set_edge(&table[place], self.edge(), Some(table[first].clone())),
            Kind::Clear => C::set_edge(&table[place], self.edge(), None),
            Kind::Replace => {
                table[place] = C::twin([Some(table[first].clone()), Some(table[second].clone())]);
            }
        }
    }
}

/// A graph built, then changed a million times a round.
pub fn graph<C: Collector>(meter: &mut Meter) {
    let mut random = Random::new(41);
    let mut table: Vec<C::Twin> = Vec::with_capacity(PLACES);
    table.push(C::twin([None, None]));
    for place in 1..PLACES {
        let targets = [random.below(place), random.below(place)];
        table.push(C::twin(targets.map(|target| Some(table[target].clone()))));
    }
    let changes: Vec<Change> = (0..CHANGES).map(|_| Change::draw(&mut random)).collect();
    while meter.more() {
        meter.time(CHANGES, || {
            for &change in &changes {
                change.apply::<C>(&mut table);
            }
            black_box(&mut table);
        });
    }
}
