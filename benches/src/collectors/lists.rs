//! Lists that are dropped: one counted object frees the next, or a collection frees them.
//!
//! A hundred thousand nodes are a list that programs have. Some collectors drop it by recursion, a frame of the stack for each node, so all
//! are given a stack of 256 MiB. A doubly linked list is a cycle, so counting does not help; its
//! five million nodes show who follows pointers by recursion.

use std::hint::black_box;
use std::time::Instant;

use super::kinds::Collector;
use super::unattended;
use crate::cell::on_stack;
use crate::meter::Meter;

/// Nodes of a list.
pub const NODES: u64 = 100_000;
/// Lists of a round.
pub const LISTS: u64 = 4;
/// The stack that lists are dropped on.
pub const STACK: usize = 256 << 20;

/// Lists made, each node in front of the others, and dropped.
pub fn list<C: Collector>(meter: &mut Meter) {
    on_stack(STACK, || {
        while meter.more() {
            meter.time(LISTS * NODES, || {
                for _ in 0..LISTS {
                    let mut head = None;
                    for i in 0..NODES {
                        head = Some(C::node(i, head));
                    }
                    drop(black_box(head));
                    C::breathe(NODES);
                }
                if !C::COUNTS {
                    C::collect();
                }
            });
        }
    });
}

/// Nodes of the doubly linked list.
pub const LINKED: u64 = 5_000_000;

/// A doubly linked list of five million nodes let go of and collected. Making it is not measured.
pub fn linked<C: Collector>(meter: &mut Meter) {
    while meter.more() {
        let head = unattended::linked::<C>(LINKED, None);
        C::breathe(LINKED);
        let begin = Instant::now();
        drop(black_box(head));
        C::collect();
        meter.count(LINKED, begin.elapsed());
    }
}
