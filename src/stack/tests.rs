//! Order and emptiness with one thread, and many threads at once. What orderings are needed for is shown by
//! `tests/loom.rs`.

use super::*;

struct Nodes(Vec<AtomicU32>);

impl Nodes {
    fn new(n: usize) -> Self {
        Nodes((0..n).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Links for Nodes {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        &self.0[node.get() as usize - 1]
    }
}

fn node(i: usize) -> UnitId {
    UnitId::new(i as u32 + 1).unwrap()
}

fn take(inbox: &Inbox, nodes: &Nodes) -> Vec<u32> {
    let mut all = Vec::new();
    inbox.take_all(nodes, |node| all.push(node.get() - 1));
    all
}

#[test]
fn an_inbox_gives_all_newest_first() {
    let (inbox, nodes) = (Inbox::new(), Nodes::new(4));
    assert!(inbox.looks_empty());
    assert_eq!(take(&inbox, &nodes), [0u32; 0]);
    for round in 0..3 {
        (0..=round).for_each(|i| inbox.push(&nodes, node(i)));
        assert!(!inbox.looks_empty());
        assert_eq!(take(&inbox, &nodes), (0..=round as u32).rev().collect::<Vec<_>>());
        assert!(inbox.looks_empty());
    }
}

#[test]
fn a_node_may_be_sent_again_while_it_is_visited() {
    let (inbox, nodes) = (Inbox::new(), Nodes::new(4));
    (0..4).for_each(|i| inbox.push(&nodes, node(i)));
    let mut visited = Vec::new();
    inbox.take_all(&nodes, |node| {
        visited.push(node.get() - 1);
        inbox.push(&nodes, node);
    });
    assert_eq!(visited, [3, 2, 1, 0]);
    assert_eq!(take(&inbox, &nodes), [0, 1, 2, 3]);
}

#[test]
fn a_stack_gives_the_newest() {
    let (stack, nodes) = (Stack::new(), Nodes::new(4));
    assert!(stack.looks_empty());
    assert_eq!(stack.pop(&nodes), None);
    stack.push(&nodes, node(0));
    stack.push(&nodes, node(1));
    assert_eq!(stack.pop(&nodes), Some(node(1)));
    stack.push(&nodes, node(2));
    stack.push(&nodes, node(1));
    assert!(!stack.looks_empty());
    let rest: Vec<_> = std::iter::from_fn(|| stack.pop(&nodes)).collect();
    assert_eq!(rest, [node(1), node(2), node(0)]);
    assert!(stack.looks_empty());
    assert_eq!(stack.pop(&nodes), None);
}

/// S2: each pop leaves a tag that was not there before, also when it begins again at 0; so a node that is on top
/// again shows that it was away.
#[test]
fn every_pop_shows_in_the_tag() {
    let (stack, nodes) = (Stack::new(), Nodes::new(2));
    stack.head.store(!NODE_MASK - 3 * TAG_STEP, Ordering::Relaxed);
    assert!(stack.looks_empty());
    let tag = || (stack.head.load(Ordering::Relaxed) >> 32) as u32;
    let mut expected = u32::MAX - 3;
    for _ in 0..4 {
        stack.push(&nodes, node(0));
        stack.push(&nodes, node(1));
        assert_eq!(tag(), expected);
        for top in [1, 0] {
            assert_eq!(stack.pop(&nodes), Some(node(top)));
            expected = expected.wrapping_add(1);
            assert_eq!(tag(), expected);
        }
        assert_eq!(stack.pop(&nodes), None);
    }
}

/// Threads take nodes off a stack and put them back, or into an inbox from which they come back: none is lost
/// and none is held twice.
#[test]
fn nodes_go_round_among_threads() {
    const THREADS: u32 = 4;
    const NODES: usize = 7;
    const ROUNDS: usize = 20_000;
    let (stack, inbox, nodes) = (Stack::new(), Inbox::new(), Nodes::new(NODES));
    let held = Nodes::new(NODES);
    (0..NODES).for_each(|i| stack.push(&nodes, node(i)));
    std::thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (stack, inbox, nodes, held) = (&stack, &inbox, &nodes, &held);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let Some(node) = stack.pop(nodes) else {
                        inbox.take_all(nodes, |node| stack.push(nodes, node));
                        continue;
                    };
                    assert_eq!(held.link(node).swap(thread, Ordering::Relaxed), 0);
                    assert_eq!(held.link(node).swap(0, Ordering::Relaxed), thread);
                    if round % 3 == 0 {
                        inbox.push(nodes, node);
                    } else {
                        stack.push(nodes, node);
                    }
                }
            });
        }
    });
    inbox.take_all(&nodes, |node| stack.push(&nodes, node));
    let mut all: Vec<_> = std::iter::from_fn(|| stack.pop(&nodes)).map(UnitId::get).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=NODES as u32).collect::<Vec<_>>());
}
