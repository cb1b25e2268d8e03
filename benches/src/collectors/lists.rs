//! Lists that are dropped: one counted object frees the next, or a collection frees them.
//!
//! A hundred thousand nodes are a list that programs have. Some collectors drop it by recursion, a frame of the stack for each node, so all
//! are given a stack of 256 MiB.

use std::hint::black_box;

use super::kinds::Collector;
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
