//! Part two: the counted pointer. A count watched while it rises and falls, memory that the next object gets, and
//! a structure as deep as it is long.

use crate::measure::{home_of, timed};
use crate::print::{self, Page, count};
use neap::rc::{Rc, Weak};
use std::thread;
use std::time::Duration;

/// Nodes of the list that is dropped on a small stack.
const NODES: usize = 5_000_000;
const STACK: usize = 64 << 10;

pub fn run(page: &Page) {
    page.line("");
    page.title(&format!("neap {} · the counted pointer", env!("CARGO_PKG_VERSION")), "neap::Rc");
    page.line("The Rc and Weak of std with half the header, in the pools seen above.");
    page.line("A program swaps one line:");
    page.line(page.green("    use neap::rc::{Rc, Weak};"));

    rise_and_fall(page);
    used_again(page);
    deep(page);
}

/// What is seen of an `Rc` from where it is.
struct Counts(Vec<Vec<String>>);

impl Counts {
    fn see(&mut self, place: &str, word: &Rc<&str>) {
        self.see_numbers(place, Rc::strong_count(word), Rc::weak_count(word));
    }

    fn see_numbers(&mut self, place: &str, strong: usize, weak: usize) {
        self.0.push(vec![
            place.into(),
            strong.to_string(),
            weak.to_string(),
            print::bar(strong as f64 / 4.0, 12),
        ]);
    }
}

/// The seed of this project: a reference count on its way through function calls.
fn rise_and_fall(page: &Page) {
    // They take what they are handed, for good: that is what a clone is made for.
    #[expect(clippy::needless_pass_by_value, reason = "to be owners")]
    fn handed_one(seen: &mut Counts, word: Rc<&str>) {
        seen.see("in a function that was handed a clone", &word);
    }
    #[expect(clippy::needless_pass_by_value, reason = "to be owners")]
    fn handed_two(seen: &mut Counts, word: Rc<&str>, _same: Rc<&str>) {
        seen.see("in a function that was handed two", &word);
    }
    fn lent(seen: &mut Counts, word: &Rc<&str>) {
        seen.see("in a function that it was lent to, as &Rc", word);
    }

    page.heading("A reference count rises and falls");
    let mut seen = Counts(Vec::new());
    let word = Rc::new("tide");
    seen.see("made", &word);
    handed_one(&mut seen, Rc::clone(&word));
    seen.see("after it", &word);
    handed_two(&mut seen, Rc::clone(&word), Rc::clone(&word));
    seen.see("after it", &word);
    lent(&mut seen, &word);
    let weak: Weak<&str> = Rc::downgrade(&word);
    seen.see("a Weak was made of it", &word);
    let again = weak.upgrade();
    seen.see("the Weak was upgraded", &word);
    drop(again);
    drop(word);
    seen.see_numbers(
        "dropped: the Weak has nothing to upgrade to",
        weak.strong_count(),
        weak.weak_count(),
    );
    page.table(&["", " strong", " weak", ""], &seen.0);
    page.line("  These are the true counts. Lending takes none: that the owner outlives the");
    page.line("  loan is seen to when the program is compiled. Python counts arguments, too:");
    page.line("  sys.getrefcount(word) is 2 for an object with one name.");
}

/// Freed memory, seen being used by the next object.
fn used_again(page: &Page) {
    page.heading("Freed at once, and the next object has it");
    let mut rows = Vec::new();
    let mut before = None;
    let mut row = |what: &str, address: usize| {
        let same = if before.replace(address) == Some(address) { "the same block" } else { "" };
        rows.push(vec![what.into(), format!("{address:#x}"), same.into(), home_of(address)]);
    };
    let ebb = Rc::new([1_u64, 2, 3]);
    row("Rc of 24 bytes", Rc::as_ptr(&ebb).addr());
    let weak = Rc::downgrade(&ebb);
    drop(ebb);
    let flood = Rc::new([4_u64, 5, 6]);
    row("dropped, a second", Rc::as_ptr(&flood).addr());
    drop(flood);
    let slack = Rc::new([7_u64, 8, 9]);
    row("dropped, a third", Rc::as_ptr(&slack).addr());
    page.table(&["", "address of the value", "", "where"], &rows);
    page.line(format!(
        "  A Weak to the first is still there, and knows: upgrade() is {:?}.",
        weak.upgrade()
    ));
    page.line("  8 bytes of header and 24 of value are a block of 32; with std's Rc they");
    page.line("  are a request of 40.");
}

/// A list that is dropped where std's overflows the stack.
fn deep(page: &Page) {
    struct Node(#[expect(dead_code, reason = "held to be dropped")] Option<Rc<Node>>);

    page.heading("Any depth, on any stack");
    let on_a_small_stack = || {
        let list = (0..NODES).fold(None, |next, _| Some(Rc::new(Node(next))));
        timed(|| drop(list)).1
    };
    // A machine that has no thread for us has no list to show, either.
    let took: Option<Duration> = thread::Builder::new()
        .stack_size(STACK)
        .spawn(on_a_small_stack)
        .ok()
        .and_then(|thread| thread.join().ok());
    match took {
        Some(took) => page.line(format!(
            "  a list of {} nodes dropped on a stack of {}: {} a node",
            count(NODES),
            print::bytes(STACK),
            print::nanos_each(took, NODES)
        )),
        None => page.line("  no thread was to be had for it"),
    }
}
