//! `CHECK_TRACE` names the types whose `trace` says too much or too little, keeps a program with such a type from harm,
//! and says nothing about any other. Each case in a process of its own, with neap as its allocator.

mod common;

use common::Rng;
use common::cases::{child, entries, main as run_cases};
use common::counted::{Counted, dropped};
use neap::gc::{self, CHECK_TRACE, Debug, Erased, TraceFlaw, Weak, wrong_traces};
use neap::gc::{Trace, Tracer};
use neap::{Gc, leaf};
use std::cell::{Cell, LazyCell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, LinkedList, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            an_edge_that_is_visited_twice,
            an_edge_that_two_visit,
            more_than_there_are,
            a_field_that_is_forgotten,
            fields_that_are_forgotten_in_containers,
            what_others_share_is_not_visited,
            types_that_say_they_own_none,
            correct_types_are_not_named,
            what_is_left_over_is_no_edge,
            what_the_other_result_left_is_no_edge,
            what_is_borrowed_is_not_judged,
            gcs_that_a_trace_makes,
            a_trace_that_panics,
            a_trace_that_gives_the_last_reference_up,
            a_line_for_each_type,
        ],
        entries![talks, keeps_silent],
    );
}

/// What a full collection under the flag finds: type, flaw, and whether it was called off.
fn check() -> Vec<(&'static str, TraceFlaw)> {
    gc::set_debug(CHECK_TRACE);
    let done = gc::collect();
    gc::set_debug(Debug::NONE);
    let wrong: Vec<_> = wrong_traces().iter().map(|w| (short(w.type_name), w.flaw)).collect();
    let harmful = wrong.iter().any(|(_, flaw)| !matches!(flaw, TraceFlaw::Missed { .. }));
    assert_eq!(done.called_off, harmful, "{wrong:?}");
    wrong
}

/// A type's name without its path.
fn short(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}

/// Names of the types of which a collection under the flag says that their `trace` misses something.
fn missed() -> Vec<&'static str> {
    let wrong = check();
    assert!(wrong.iter().all(|(_, flaw)| matches!(flaw, TraceFlaw::Missed { .. })), "{wrong:?}");
    wrong.into_iter().map(|(name, _)| name).collect()
}

/// An object that is tracked, counts its drop and holds another, perhaps.
#[derive(Trace)]
struct Node {
    next: RefCell<Option<Gc<Node>>>,
    _counted: Counted,
}

fn node() -> Gc<Node> {
    Gc::new(Node { next: RefCell::default(), _counted: Counted })
}

fn selfish() -> Gc<Node> {
    let it = node();
    *it.next.borrow_mut() = Some(it.clone());
    it
}

/// Visits its edge as often as it is told to.
struct Often {
    edge: Gc<Node>,
    times: Cell<usize>,
}

// SAFETY: not kept: that is what is tested, and only ever collected under the flag or when `times` is 1.
unsafe impl Trace for Often {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for _ in 0..self.times.get() {
            self.edge.trace(tracer);
        }
    }
}

fn an_edge_that_is_visited_twice() {
    let target = selfish();
    let holder = Gc::new(Often { edge: target.clone(), times: Cell::new(2) });
    let weak = Gc::downgrade(&target);
    // The one outside and the one that `holder` has are two: without the check this would be taken for garbage.
    drop(target);
    drop(selfish());
    for _ in 0..3 {
        assert_eq!(check(), [("Often", TraceFlaw::Twice)]);
        // Nothing is freed, not even what has nothing to do with it; counts are what they were.
        assert_eq!((dropped(), weak.strong_count(), Gc::strong_count(&holder)), (0, 2, 1));
    }
    holder.times.set(1);
    assert_eq!(check(), []);
    assert_eq!((dropped(), weak.strong_count()), (1, 2));
    drop(holder);
    assert_eq!((gc::collect().collected, dropped()), (1, 1));
}

/// Visits what it owns together with others.
struct Through(Rc<Gc<Node>>);

// SAFETY: not kept, as above.
unsafe impl Trace for Through {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        (*self.0).trace(tracer);
    }
}

fn an_edge_that_two_visit() {
    let target = Rc::new(selfish());
    let weak = Gc::downgrade(&target);
    let one = Gc::new(Through(target.clone()));
    let two = Gc::new(Through(target));
    let wrong = check();
    assert_eq!(wrong.len(), 1);
    assert!(
        matches!(wrong[0], ("Through", TraceFlaw::Shared(other)) if short(other) == "Through"),
        "{wrong:?}"
    );
    assert_eq!((dropped(), weak.strong_count()), (0, 2));
    drop(one);
    // One alone is its only owner.
    assert_eq!(check(), []);
    drop(two);
    assert_eq!((gc::collect().collected, dropped()), (1, 1));
}

/// Makes the `Gc`s that it visits of a pointer, one for each reference that it has, and more if it is told to.
struct Raw {
    edge: *const Node,
    owned: usize,
    visited: Cell<usize>,
}

// SAFETY: as for `Often`.
unsafe impl Trace for Raw {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for _ in 0..self.visited.get() {
            // SAFETY: the reference is not given up.
            let gc = std::mem::ManuallyDrop::new(unsafe { Gc::from_raw(self.edge) });
            Gc::trace(&gc, tracer);
        }
    }
}

impl Raw {
    fn new(target: &Gc<Node>, owned: usize) -> Raw {
        for _ in 0..owned {
            std::mem::forget(target.clone());
        }
        Raw { edge: Gc::as_ptr(target), owned, visited: Cell::new(owned) }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        for _ in 0..self.owned {
            // SAFETY: `new` took so many.
            drop(unsafe { Gc::from_raw(self.edge) });
        }
    }
}

fn gcs_that_a_trace_makes() {
    let target = selfish();
    let holder = Gc::new(Raw::new(&target, 3));
    // They all lie at one place, and are three; and the word that they are made of is no edge beside them.
    assert_eq!(check(), []);
    drop(target);
    assert_eq!(check(), []);
    drop(holder);
    assert_eq!((gc::collect().collected, dropped()), (1, 1));
}

fn more_than_there_are() {
    let target = node();
    let holder = Gc::new(Raw::new(&target, 1));
    holder.visited.set(3);
    assert_eq!(check(), [("Node", TraceFlaw::TooMany)]);
    assert_eq!((dropped(), Gc::strong_count(&target)), (0, 2));
    holder.visited.set(1);
    assert_eq!(check(), []);
}

/// Forgets its second field.
struct Forgets {
    seen: RefCell<Option<Gc<Node>>>,
    forgotten: RefCell<Option<Gc<Forgets>>>,
    _counted: Counted,
}

// SAFETY: one edge is left out, which is safe.
unsafe impl Trace for Forgets {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.seen.trace(tracer);
    }
}

fn a_field_that_is_forgotten() {
    let make = || {
        let seen = RefCell::new(Some(selfish()));
        Gc::new(Forgets { seen, forgotten: RefCell::default(), _counted: Counted })
    };
    let (a, b) = (make(), make());
    assert_eq!(check(), []);
    *a.forgotten.borrow_mut() = Some(b.clone());
    *b.forgotten.borrow_mut() = Some(a.clone());
    drop((a, b));
    // Named, though nobody else knows of them; once, though there are two.
    let wrong = check();
    assert_eq!(wrong.len(), 1);
    let ("Forgets", TraceFlaw::Missed { target, offset }) = wrong[0] else { panic!("{wrong:?}") };
    assert_eq!(short(target), "Forgets");
    let place = std::mem::offset_of!(Forgets, forgotten);
    assert!((place..place + size_of::<RefCell<usize>>()).contains(&offset));
    // They leak, and the collection did what it could.
    assert_eq!(dropped(), 0);
    drop(selfish());
    assert_eq!((missed(), dropped()), (vec!["Forgets"], 1));
}

/// Holds anything, and visits nothing.
struct Blind<T>(T);

// SAFETY: what is left out is safe.
unsafe impl<T: 'static> Trace for Blind<T> {
    fn trace(&self, _: &mut Tracer<'_>) {}
}

/// What a check says of an object that holds `value` and visits nothing.
fn is_named<T: 'static>(value: T) -> bool {
    let blind = Gc::new(Blind(value));
    let named = missed();
    drop(blind);
    assert_eq!(missed(), [] as [&str; 0], "it is gone");
    !named.is_empty()
}

fn fields_that_are_forgotten_in_containers() {
    assert!(is_named(node()));
    assert!(is_named((7_u8, node(), String::from("x"))));
    assert!(is_named([node(), node()]));
    assert!(is_named(vec![node(), node()]));
    assert!(is_named(vec![node()].into_boxed_slice()));
    assert!(is_named(Box::new(node())));
    assert!(is_named(Some(Box::new((node(), 1_u64)))));
    assert!(is_named(RefCell::new(vec![(node(), 3_usize)])));
    assert!(is_named(Rc::new(node())));
    assert!(is_named(neap::Rc::new(node())));
    assert!(is_named(Erased::from(node())));
    // What leads to none is not named, nor what only knows of one.
    let known = node();
    assert!(!is_named(vec![Gc::downgrade(&known)]));
    assert!(!is_named((Gc::downgrade(&known), String::from("tide"), vec![1_usize, 2, 3])));
    assert!(!is_named(Vec::<Gc<Node>>::new()));

    #[derive(Trace)]
    struct Skips {
        seen: Vec<Gc<Node>>,
        #[trace(skip)]
        skipped: Vec<Gc<Node>>,
    }
    let skips = Gc::new(Skips { seen: vec![node()], skipped: vec![] });
    assert_eq!(missed(), [] as [&str; 0]);
    let more = Gc::new(Skips { seen: vec![], skipped: vec![node()] });
    assert_eq!(missed(), ["Skips"]);
    assert_eq!((skips.seen.len(), more.skipped.len()), (1, 1));
}

fn what_others_share_is_not_visited() {
    #[derive(Trace)]
    struct Shares(Rc<Gc<Node>>);
    let one = Gc::new(Shares(Rc::new(node())));
    assert_eq!(missed(), ["Shares"]);
    drop(one);

    // A value is never made to be looked at.
    #[derive(Trace)]
    struct Lazy(LazyCell<Gc<Node>>);
    let lazy = Gc::new(Lazy(LazyCell::new(node)));
    assert_eq!(missed(), [] as [&str; 0]);
    LazyCell::force(&lazy.0);
    let _ = check();
}

fn types_that_say_they_own_none() {
    struct Liar(#[expect(dead_code, reason = "only held")] Gc<Node>);
    leaf!(Liar);
    let liar = Gc::new(Liar(node()));
    assert!(!gc::is_tracked(&liar));
    assert_eq!(missed(), ["Liar"]);
    drop(liar);

    #[derive(Trace)]
    struct Wrapped(gc::Leaf<(u64, Gc<Node>)>);
    let wrapped = Gc::new(Wrapped(gc::Leaf((1, node()))));
    assert_eq!(missed(), ["Wrapped"]);
    drop(wrapped);

    // Who asks for it is not accused.
    let untracked = Gc::new_untracked(vec![node()]);
    assert_eq!(missed(), [] as [&str; 0]);
    drop(untracked);
}

/// One of everything, and correct.
#[derive(Trace, Default)]
struct All {
    option: RefCell<Option<Gc<All>>>,
    wide: RefCell<Option<(u64, Gc<All>)>>,
    result: RefCell<Option<OneOrOther>>,
    vec: RefCell<Vec<Gc<All>>>,
    boxed: RefCell<Option<Box<Gc<All>>>>,
    slice: RefCell<Box<[Gc<All>]>>,
    deque: RefCell<VecDeque<Gc<All>>>,
    list: RefCell<LinkedList<Gc<All>>>,
    heap: RefCell<BinaryHeap<ByAddress>>,
    set: RefCell<BTreeSet<ByAddress>>,
    map: RefCell<BTreeMap<usize, Gc<All>>>,
    table: RefCell<HashMap<usize, Gc<All>>>,
    once: OnceCell<Gc<All>>,
    lock: Mutex<Vec<(u8, Gc<All>)>>,
    form: RefCell<Form>,
    cell: Cell<Option<Gc<All>>>,
    erased: RefCell<Vec<Erased>>,
    weak: RefCell<Vec<Weak<All>>>,
    one_weak: RefCell<Weak<All>>,
    text: RefCell<String>,
    bytes: RefCell<Vec<u8>>,
    shared: Rc<Cell<u64>>,
}

type OneOrOther = Result<Gc<All>, (usize, Gc<All>)>;

#[derive(Trace, Default)]
enum Form {
    #[default]
    Nothing,
    Number(f64),
    One(Gc<All>),
    Two {
        first: Gc<All>,
        second: Gc<All>,
    },
    Many(Vec<Gc<All>>),
    Nested(Box<Form>, u8, Gc<All>),
}

#[derive(Trace)]
struct ByAddress(Gc<All>);

impl PartialEq for ByAddress {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for ByAddress {}
impl PartialOrd for ByAddress {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ByAddress {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        Gc::as_ptr(&self.0).addr().cmp(&Gc::as_ptr(&other.0).addr())
    }
}

/// Puts `to` somewhere into `from`, or takes out what is there: that is handed back, for a time.
fn change(rng: &mut Rng, from: &All, to: &Gc<All>) -> Option<Vec<Gc<All>>> {
    let to = || to.clone();
    let out = rng.below(2) == 0;
    let some = |gc: Option<Gc<All>>| gc.map(|gc| vec![gc]);
    match rng.below(20) {
        0 if out => some(from.option.take()),
        0 => some(from.option.replace(Some(to()))),
        1 if out => from.wide.take().map(|(_, gc)| vec![gc]),
        1 => from.wide.replace(Some((7, to()))).map(|(_, gc)| vec![gc]),
        2 => {
            let new = if out { Ok(to()) } else { Err((7, to())) };
            let old = from.result.replace(Some(new).filter(|_| rng.below(3) > 0));
            old.map(|old| vec![old.unwrap_or_else(|(_, gc)| gc)])
        }
        3 if out => some(from.vec.borrow_mut().pop()),
        3 => {
            from.vec.borrow_mut().push(to());
            None
        }
        4 if out => from.boxed.take().map(|gc| vec![*gc]),
        4 => from.boxed.replace(Some(Box::new(to()))).map(|gc| vec![*gc]),
        5 => Some(from.slice.replace(if out { Box::new([]) } else { [to(), to()].into() }).into()),
        6 if out => some(from.deque.borrow_mut().pop_front()),
        6 => {
            from.deque.borrow_mut().push_back(to());
            None
        }
        7 if out => some(from.list.borrow_mut().pop_front()),
        7 => {
            from.list.borrow_mut().push_back(to());
            None
        }
        8 if out => some(from.heap.borrow_mut().pop().map(|it| it.0)),
        8 => {
            from.heap.borrow_mut().push(ByAddress(to()));
            None
        }
        9 if out => some(from.set.borrow_mut().pop_first().map(|it| it.0)),
        9 => some(from.set.borrow_mut().replace(ByAddress(to())).map(|it| it.0)),
        10 if out => some(from.map.borrow_mut().pop_first().map(|(_, gc)| gc)),
        10 => some(from.map.borrow_mut().insert(rng.below(30), to())),
        11 if out => {
            let mut table = from.table.borrow_mut();
            let key = table.keys().next().copied();
            some(key.and_then(|key| table.remove(&key)))
        }
        11 => some(from.table.borrow_mut().insert(rng.below(30), to())),
        12 => some(from.once.set(to()).err()),
        13 if out => some(from.lock.lock().expect("a lock").pop().map(|(_, gc)| gc)),
        13 => {
            from.lock.lock().expect("a lock").push((1, to()));
            None
        }
        14 | 15 => {
            let form = match rng.below(6) {
                0 => Form::Nothing,
                1 => Form::Number(0.5),
                2 => Form::One(to()),
                3 => Form::Two { first: to(), second: to() },
                4 => Form::Many(vec![to(), to()]),
                _ => Form::Nested(Box::new(Form::Many(vec![to()])), 3, to()),
            };
            Some(match from.form.replace(form) {
                Form::Nothing => vec![],
                Form::Number(number) => {
                    assert_eq!(number, 0.5);
                    vec![]
                }
                Form::One(gc) => vec![gc],
                Form::Two { first, second } => vec![first, second],
                Form::Many(all) => all,
                Form::Nested(form, _, gc) => {
                    let Form::Many(mut all) = *form else { unreachable!() };
                    all.push(gc);
                    all
                }
            })
        }
        16 => some(from.cell.replace(Some(to()).filter(|_| out))),
        17 => {
            from.erased.borrow_mut().push(to().into());
            None
        }
        18 => {
            from.weak.borrow_mut().push(Gc::downgrade(&to()));
            *from.one_weak.borrow_mut() = Gc::downgrade(&to());
            None
        }
        _ => {
            *from.text.borrow_mut() = "x".repeat(rng.below(40));
            from.bytes.borrow_mut().truncate(rng.below(3));
            from.bytes.borrow_mut().reserve(rng.below(100));
            from.shared.set(rng.next());
            None
        }
    }
}

fn correct_types_are_not_named() {
    for seed in 0..common::scaled(20, 1000) as u64 {
        let mut rng = Rng(seed);
        let mut handles: Vec<Gc<All>> = (0..20).map(|_| Gc::default()).collect();
        for step in 0..600 {
            let (from, to) = (rng.below(handles.len()), rng.below(handles.len()));
            let (from, to) = (handles[from].clone(), handles[to].clone());
            // What comes out is held here while it is checked, so that it has more references than are visited.
            let out = change(&mut rng, &from, &to);
            if step % 20 == 0 {
                assert_eq!(check(), [], "seed {seed}, step {step}");
            }
            handles.extend(out.into_iter().flatten().take(1));
            if handles.len() > 40 {
                rng.shuffle(&mut handles);
                handles.truncate(20);
                handles.push(Gc::default());
            }
        }
        drop(handles);
        assert_eq!(check(), [], "seed {seed}");
        assert_eq!(gc::tracked_count(), 0);
    }
}

fn what_is_left_over_is_no_edge() {
    // Never seen with anything in it, each is emptied into a variable before the first check.
    macro_rules! emptied {
        ($($value:expr, $cell:ident => $take:expr;)*) => {$({
            let held = node();
            let object = Gc::new(RefCell::new($value(held.clone())));
            let $cell = &*object;
            let out = $take;
            assert_eq!(check(), [], "{}", stringify!($take));
            drop((out, held));
        })*};
    }
    emptied! {
        |gc| vec![gc], cell => cell.borrow_mut().pop();
        |gc: Gc<Node>| vec![gc.clone(), gc], cell => std::mem::take(&mut *cell.borrow_mut());
        |gc: Gc<Node>| VecDeque::from([gc.clone(), node(), gc]), cell => cell.borrow_mut().pop_front();
        |gc| VecDeque::from([gc]), cell => cell.borrow_mut().pop_back();
        |gc| Some((1_u64, gc, 2_u64)), cell => cell.take();
        |gc| Some(vec![gc]), cell => cell.take();
        |gc| Some((vec![gc], 0_u8)), cell => cell.take();
        |gc| BTreeMap::from([(1, gc)]), cell => cell.borrow_mut().pop_first();
        |gc: Gc<Node>| BTreeMap::from([(1, gc.clone()), (2, node())]), cell => cell.borrow_mut().pop_last();
        |gc| HashMap::from([(1, gc)]), cell => cell.borrow_mut().remove(&1);
        |gc| LinkedList::from([gc]), cell => cell.borrow_mut().pop_front();
        |gc| { let cell = OnceCell::new(); let _ = cell.set((1_u64, gc)); cell }, cell => cell.borrow_mut().take();
        |gc| Err::<u8, _>((gc, 7_u64)), cell => cell.replace(Ok(1));
        |gc| Ok::<(Gc<Node>, u64), u8>((gc, 7)), cell => cell.replace(Err(1));
    }
    #[derive(Trace, Default)]
    enum Value {
        #[default]
        Nothing,
        One(Gc<Node>),
        Two(u64, Gc<Node>, Vec<Gc<Node>>),
    }
    let held = node();
    let object = Gc::new((
        RefCell::new(Value::One(held.clone())),
        RefCell::new(Value::Two(1, held.clone(), vec![held.clone()])),
    ));
    let out = (object.0.take(), object.1.take());
    assert_eq!(check(), []);
    assert!(matches!(&out.1, Value::Two(1, gc, all) if Gc::ptr_eq(gc, &all[0])));
    assert!(matches!(&out.0, Value::One(gc) if Gc::strong_count(gc) == 4));
}

fn what_is_borrowed_is_not_judged() {
    let object = Gc::new((RefCell::new(vec![node()]), Mutex::new(vec![node()]), node()));
    let borrowed = object.0.borrow_mut();
    assert_eq!(check(), []);
    let locked = object.1.lock().expect("a lock");
    assert_eq!(check(), []);
    drop((borrowed, locked));
    assert_eq!(check(), []);
    // Lent to be changed.
    let mut object = Gc::new(Blind(node()));
    let lent = Gc::get_mut(&mut object).expect("alone");
    assert_eq!(check(), []);
    let _ = lent;
    drop(object.clone());
    assert_eq!(missed(), [short(std::any::type_name::<Blind<Gc<Node>>>())]);
}

fn a_trace_that_panics() {
    struct Panics(Cell<bool>);
    // SAFETY: a panic is safe.
    unsafe impl Trace for Panics {
        fn trace(&self, _: &mut Tracer<'_>) {
            assert!(!self.0.get(), "as told");
        }
    }
    let panics = Gc::new(Panics(Cell::new(true)));
    drop(selfish());
    gc::set_debug(CHECK_TRACE);
    let payload = catch_unwind(AssertUnwindSafe(gc::collect)).expect_err("a panic");
    assert_eq!(payload.downcast_ref(), Some(&"as told"));
    assert_eq!((dropped(), Gc::strong_count(&panics)), (0, 1));
    panics.0.set(false);
    assert_eq!((gc::collect().collected, dropped()), (1, 1));
    gc::set_debug(Debug::NONE);
}

fn a_trace_that_gives_the_last_reference_up() {
    struct GivesUp(RefCell<Option<Gc<Node>>>);
    // SAFETY: not kept; the check notices before the collector comes here, and then there is nothing to give up.
    unsafe impl Trace for GivesUp {
        fn trace(&self, _: &mut Tracer<'_>) {
            drop(self.0.take());
        }
    }
    let object = Gc::new(GivesUp(RefCell::new(Some(node()))));
    assert_eq!((check(), dropped()), (vec![], 1));
    assert!(object.0.borrow().is_none());
}

/// A mode: two types that are wrong, seen three times each.
fn talks() {
    gc::set_debug(CHECK_TRACE);
    let forgets = Gc::new(Blind(vec![node()]));
    let skips = Gc::new([Blind(node()), Blind(node())]);
    gc::collect();
    drop((forgets, skips));
    let often = Gc::new(Often { edge: node(), times: Cell::new(2) });
    gc::collect();
    drop(often);
    gc::collect();
}

/// The same without the flag; and with it, where nothing is wrong.
fn keeps_silent() {
    let forgets = Gc::new(Blind(vec![node()]));
    gc::collect();
    assert_eq!(wrong_traces(), []);
    drop(forgets);
    gc::set_debug(CHECK_TRACE);
    let right = selfish();
    gc::collect();
    drop(right);
    gc::collect();
}

fn a_line_for_each_type() {
    let ended = child("talks").run();
    assert!(ended.status.success(), "{}", ended.describe());
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.describe());
    assert!(lines.iter().all(|line| line.starts_with("gc: ")), "{lines:?}");
    let named = |name: &str| lines[..2].iter().any(|line| line.contains(name));
    assert!(named("Vec<") && named("Blind<alloc::vec::Vec") && named("[gc_check_trace::Blind<"));
    assert!(lines[..2].iter().all(|line| line.contains("that its trace does not visit")));
    assert!(lines[2].contains("Often visits an edge twice"), "{}", lines[2]);
    let ended = child("keeps_silent").run();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.describe());
}

/// An `Err` is smaller than the `Ok` that was there before.
fn what_the_other_result_left_is_no_edge() {
    #[derive(Trace)]
    struct Leaf(RefCell<Option<Gc<Leaf>>>);
    #[derive(Trace)]
    struct Holds(RefCell<Result<[Gc<Leaf>; 4], u8>>);
    let leaf = || Gc::new(Leaf(RefCell::default()));
    let (a, b) = (leaf(), leaf());
    let four = [a.clone(), b.clone(), a.clone(), b.clone()];
    let holds = Gc::new(Holds(RefCell::new(Ok(four))));
    assert_eq!(check(), []);
    drop(holds.0.replace(Err(1)));
    assert_eq!(check(), []);
}
