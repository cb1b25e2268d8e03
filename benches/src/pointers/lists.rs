//! Lists: one pointer behind another.
//!
//! `list` makes and drops lists of a length that programs have. `long_list` is about dropping alone: ten
//! million nodes as a list, and as many single ones from a `Vec`. Both are dropped in the order in which
//! they were made, so the difference is what it costs to find the next node only in the node before it,
//! and to remember the way.
//!
//! Dropping a list of `std::rc::Rc` or `triomphe::Arc` is a recursion, a frame for each node. So the
//! short lists have a stack of 256 MiB, all pointers alike, and the long ones a stack of 8 GiB for those
//! that recurse: where the system does not give so much, they are left out. `neap::Rc` drops the long
//! list on the stack that the program has.

use std::hint::black_box;
use std::time::Instant;

use super::kinds::Pointer;
use super::node::Node;
use crate::cell::on_stack;
use crate::median;
use crate::meter::Meter;

/// Lists of 100 000 nodes, each node made in front of the others.
pub fn list<P: Pointer>(meter: &mut Meter) {
    const NODES: u64 = 100_000;
    const LISTS: u64 = 4;
    on_stack(256 << 20, || {
        while meter.more() {
            meter.time(LISTS * NODES, || {
                for _ in 0..LISTS {
                    let mut head = None;
                    for i in 0..NODES {
                        head = Some(Node::<P>::new(i, head));
                    }
                    drop(black_box(head));
                }
            });
        }
    });
}

/// Ten million nodes dropped as a list, and one by one.
pub fn long_list<P: Pointer>(meter: &mut Meter) {
    match P::RECURSES {
        true => on_stack(8 << 30, || drop_long::<P>(meter)),
        false => drop_long::<P>(meter),
    }
}

fn drop_long<P: Pointer>(meter: &mut Meter) {
    const NODES: u64 = 10_000_000;
    let mut one_by_one = Vec::with_capacity(64);
    while meter.more() {
        let list = black_box(in_order::<P>(NODES));
        let begin = Instant::now();
        drop(list);
        meter.count(NODES, begin.elapsed());

        let mut nodes: Vec<P::To<Node<P>>> = (0..NODES).map(|i| Node::<P>::new(i, None)).collect();
        black_box(&mut nodes);
        let begin = Instant::now();
        nodes.clear();
        one_by_one.push(begin.elapsed().as_nanos() as f64 / NODES as f64);
    }
    // The first is the round that warms up.
    meter.note("one_by_one", median(&one_by_one[1..]));
}

/// A list whose nodes were made from the first to the last.
fn in_order<P: Pointer>(nodes: u64) -> P::To<Node<P>> {
    let first = Node::<P>::new(0, None);
    let mut last = first.clone();
    for i in 1..nodes {
        let node = Node::<P>::new(i, None);
        *last.next.borrow_mut() = Some(node.clone());
        last = node;
    }
    first
}
