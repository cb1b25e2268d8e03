//! A graph that lives: what a collector meets, or had better not meet, while it looks for garbage.
//!
//! Each object has two edges. The first ones together are a ring through all objects, in random order, so whoever has one object
//! can reach all; the second ones lead to objects at random. A walk through it finds no two neighbours in memory, and one that is a
//! recursion is as deep as the graph is large.

use super::kinds::Collector;
use crate::random::Random;

/// The order of the ring, and where the second edge of each object leads.
pub fn plan(objects: usize) -> (Vec<u32>, Vec<u32>) {
    let mut random = Random::new(61);
    let mut order: Vec<u32> = (0..objects as u32).collect();
    random.shuffle(&mut order);
    let targets = (0..objects).map(|_| random.below(objects) as u32).collect();
    (order, targets)
}

/// A graph of so many objects, all of which the table holds.
pub fn graph<C: Collector>(objects: usize) -> Vec<C::Twin> {
    let (order, targets) = plan(objects);
    let mut table = Vec::with_capacity(objects);
    for _ in 0..objects {
        table.push(C::twin([None, None]));
        C::breathe(1);
    }
    for place in 0..objects {
        let (from, to) = (order[place] as usize, order[(place + 1) % objects] as usize);
        C::set_edge(&table[from], 0, Some(table[to].clone()));
        C::set_edge(&table[place], 1, Some(table[targets[place] as usize].clone()));
    }
    table
}

/// All objects of a graph, in the order of the ring, by a walk from one of them.
pub fn walk<C: Collector>(from: &C::Twin, objects: usize, table: &mut Vec<C::Twin>) {
    table.push(from.clone());
    while table.len() < objects {
        let next = C::edge(&table[table.len() - 1], 0);
        table.push(next.expect("the ring is closed"));
    }
}
