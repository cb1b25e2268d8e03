//! A graph that changes: objects that hold each other, in no order.
//!
//! A table of 100 000 places holds an object each, and an object holds two others, from places before its
//! own; so there is no cycle, and counting frees everything. Of four changes, two make an edge point at
//! another object, one clears an edge, and one puts a fresh object, with two edges, in the place of
//! another. The other lives on while edges lead to it; when the last goes, it lets go of its own edges,
//! and so on. Most changes meet three objects that are in no near cache.

use std::cell::RefCell;
use std::hint::black_box;

use super::kinds::Pointer;
use crate::meter::Meter;
use crate::random::Random;

/// Places of the table.
const PLACES: usize = 100_000;
/// Changes of a round.
const CHANGES: u64 = 1_000_000;

/// An edge, or none.
type Edge<P> = Option<<P as Pointer>::To<Vertex<P>>>;

/// An object with two edges.
struct Vertex<P: Pointer> {
    edges: RefCell<[Edge<P>; 2]>,
}

/// One change of the graph.
#[derive(Clone, Copy)]
struct Change {
    place: u32,
    /// Places before it.
    targets: [u32; 2],
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Point,
    Clear,
    Replace,
}

impl Change {
    /// A change at random.
    fn draw(random: &mut Random) -> Change {
        let place = random.between(1, PLACES - 1);
        let mut target = || random.below(place) as u32;
        let targets = [target(), target()];
        let kind = match random.below(4) {
            0 => Kind::Replace,
            1 => Kind::Clear,
            _ => Kind::Point,
        };
        Change { place: place as u32, targets, kind }
    }

    /// Does it.
    #[inline]
    fn apply<P: Pointer>(self, table: &mut [P::To<Vertex<P>>]) {
        let place = self.place as usize;
        let [first, second] = self.targets.map(|target| target as usize);
        let edge = second % 2;
        match self.kind {
            Kind::Point => table[place].edges.borrow_mut()[edge] = Some(table[first].clone()),
            Kind::Clear => table[place].edges.borrow_mut()[edge] = None,
            Kind::Replace => table[place] = joined::<P>(&table[first], &table[second]),
        }
    }
}

/// A fresh object with two edges.
#[inline]
fn joined<P: Pointer>(first: &P::To<Vertex<P>>, second: &P::To<Vertex<P>>) -> P::To<Vertex<P>> {
    P::new(Vertex { edges: RefCell::new([Some(first.clone()), Some(second.clone())]) })
}

/// A graph built, then changed a million times a round.
pub fn graph<P: Pointer>(meter: &mut Meter) {
    let mut random = Random::new(41);
    let mut table: Vec<P::To<Vertex<P>>> = Vec::with_capacity(PLACES);
    table.push(P::new(Vertex { edges: RefCell::new([None, None]) }));
    for place in 1..PLACES {
        let mut target = || random.below(place);
        let (first, second) = (target(), target());
        table.push(joined::<P>(&table[first], &table[second]));
    }
    let changes: Vec<Change> = (0..CHANGES).map(|_| Change::draw(&mut random)).collect();
    while meter.more() {
        meter.time(CHANGES, || {
            for &change in &changes {
                change.apply::<P>(&mut table);
            }
            black_box(&mut table);
        });
    }
}
