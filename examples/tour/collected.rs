//! Part three: the collector. What objects cost, a cycle that no count can free, and generations that fill, age and are
//! collected.

use crate::measure::timed;
use crate::print::{Page, count};
use neap::gc::{self, Collected};
use neap::{Finalize, Gc, Trace};
use std::cell::RefCell;
use std::process::Command;

/// Objects that are made and dropped at a time, and how often.
const OBJECTS: usize = 100_000;
const TIMES: usize = 100;

pub fn run(page: &Page) {
    page.line("");
    page.title(&format!("neap {} · the collector", env!("CARGO_PKG_VERSION")), "neap::Gc");
    page.line(
        "Gc counts as Rc does. What holds itself alive, no count frees: a collection finds it.",
    );

    made_and_dropped(page);
    two_nodes(page);
    generations(page);
}

/// What is made and dropped: one that might be part of a cycle.
#[derive(Trace)]
struct Plain {
    value: u64,
    next: RefCell<Option<Gc<Plain>>>,
}

/// The seed's measure, in its right unit.
fn made_and_dropped(page: &Page) {
    page.heading(&format!(
        "{} objects made, kept in a list and dropped, {TIMES} times",
        count(OBJECTS)
    ));
    let round = || {
        let list: Vec<_> = (0..OBJECTS as u64)
            .map(|value| Gc::new(Plain { value, next: RefCell::new(None) }))
            .collect();
        drop(list);
    };
    let (_, took) = timed(|| (0..TIMES).for_each(|_| round()));
    let of_each = took.as_nanos() as f64 / (OBJECTS * TIMES) as f64;
    let mut rows = vec![vec!["neap::Gc".into(), format!("{of_each:.1} ns an object")]];
    if let Some((version, of_each_there)) = python() {
        rows.push(vec![version, format!("{of_each_there:.1} ns an object")]);
    }
    page.table(&["", "made and dropped"], &rows);
}

/// The same in Python, if it is there: its version, and nanoseconds for each object.
fn python() -> Option<(String, f64)> {
    let program = format!(
        "import sys, time\n\
         class Plain:\n    __slots__ = ('value', 'next')\n    def __init__(self, value):\n        self.value = value\n        self.next = None\n\
         start = time.perf_counter_ns()\n\
         for _ in range(10):\n    kept = [Plain(i) for i in range({OBJECTS})]\n    del kept\n\
         print('Python %d.%d' % sys.version_info[:2])\n\
         print((time.perf_counter_ns() - start) / (10 * {OBJECTS}))\n"
    );
    let ran = Command::new("python3").args(["-c", &program]).output().ok()?;
    let told = String::from_utf8(ran.stdout).ok()?;
    let (version, figure) = told.trim().split_once('\n')?;
    Some((version.into(), figure.parse().ok()?))
}

thread_local! {
    /// What finalizers say.
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A node that says when it is collected.
#[derive(Trace)]
#[trace(finalize)]
struct Node {
    value: u32,
    other: RefCell<Option<Gc<Node>>>,
}

impl Finalize for Node {
    fn finalize(&self) {
        SAID.with_borrow_mut(|said| said.push(format!("Node {} COLLECTED", self.value)));
    }
}

/// The seed's cycle.
fn two_nodes(page: &Page) {
    page.heading("Two nodes that hold each other");
    let node = |value| Gc::new(Node { value, other: RefCell::new(None) });
    let (ten, twenty) = (node(10), node(20));
    *ten.other.borrow_mut() = Some(twenty.clone());
    *twenty.other.borrow_mut() = Some(ten.clone());
    let weak = Gc::downgrade(&ten);
    let counts = (Gc::strong_count(&ten), Gc::strong_count(&twenty));
    page.line(format!(
        "  Node 10 ⇄ Node 20, and a Weak to Node 10; references: {} and {}.",
        counts.0, counts.1
    ));
    drop((ten, twenty));
    page.line(format!(
        "  Both handles dropped: weak alive? {}. Each still has the other's reference.",
        weak.upgrade().is_some()
    ));
    let done = gc::collect();
    for said in SAID.take() {
        page.line(page.green(&format!("    {said}")));
    }
    page.line(format!(
        "  A collection found {} objects: weak alive? {}",
        done.collected,
        weak.upgrade().is_some()
    ));
}

/// Objects of each generation, and blocks of the pools that hold them.
fn generations(page: &Page) {
    page.heading("Generations fill, age and are collected");
    let mut rows = Vec::new();
    let mut row = |what: &str, done: Option<Collected>| {
        let [young, middle, old] = [0, 1, 2].map(|generation| gc::objects(Some(generation)).len());
        let found = done.map_or_else(String::new, |done| count(done.collected));
        let blocks = blocks_of_nodes();
        rows.push(vec![what.into(), count(young), count(middle), count(old), found, count(blocks)]);
    };
    let pair = || {
        let (a, b) = (plain(), plain());
        *a.next.borrow_mut() = Some(b.clone());
        *b.next.borrow_mut() = Some(a.clone());
        a
    };
    let pause = gc::pause();
    gc::collect();
    row("before", None);
    let kept: Vec<_> = (0..300).map(|_| pair()).collect();
    (0..200).for_each(|_| drop(pair()));
    row("300 pairs kept, 200 dropped", None);
    row("generation 0 collected", Some(gc::collect_generation(0)));
    (0..50).for_each(|_| drop(pair()));
    row("50 more dropped", None);
    row("generation 1 collected", Some(gc::collect_generation(1)));
    drop(kept);
    row("the 300 dropped", None);
    row("generation 1 collected", Some(gc::collect_generation(1)));
    row("generation 2 collected", Some(gc::collect_generation(2)));
    drop(pause);
    page.table(&["", " 0", " 1", " 2", " found", " blocks of 32 B"], &rows);
    page.line("  What grew old is left alone by young collections: a full one finds it.");
}

fn plain() -> Gc<Plain> {
    Gc::new(Plain { value: 0, next: RefCell::new(None) })
}

/// Blocks in use of the class that these nodes take: 8 bytes of header and 24 of value.
fn blocks_of_nodes() -> usize {
    let stats = neap::heap::stats();
    stats.classes().iter().find(|class| class.block_size == 32).map_or(0, |class| class.blocks_used)
}
