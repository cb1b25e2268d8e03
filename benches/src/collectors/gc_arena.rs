//! The workloads for `gc-arena`, whose pointers do not leave their arena.
//!
//! A pointer lives as long as a call of [`Arena::mutate`]; whatever is to live longer hangs on the arena's root. Nothing is
//! counted, and a clone is a copy, so the workloads of cloning are left out. Between two calls a program pays its debt
//! ([`Arena::collect_debt`]), and the collector does some work: as its manual says, after each call, and each call makes some objects.
//!
//! A pointer that can change stands in a `Lock`, the cell that the package has for what is `Copy`. A table that changes is cut
//! into chunks, each an object: the collector looks at an object again when it was written to.

use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::time::Instant;

use gc_arena::lock::{Lock, RefLock};
use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};

use super::beside;
use super::bytes;
use super::create;
use super::cycles;
use super::full;
use super::graph::{CHANGES, Change, Kind, PLACES};
use super::lists;
use super::live;
use super::mix::{self, Setting, Watch};
use super::payload::Payload;
use super::tickets;
use super::trees;
use super::unattended;
use crate::median;
use crate::meter::Meter;
use crate::random::Random;

/// Objects made in a call of `mutate`, where the workload leaves that open.
const BATCH: u64 = 64;

/// A number, and a pointer to another node or none.
#[derive(Clone, Copy, Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    value: u64,
    next: Option<NodePointer<'gc>>,
}

type NodePointer<'gc> = Gc<'gc, Lock<Node<'gc>>>;

/// Two pointers, or none.
#[derive(Clone, Copy, Collect)]
#[collect(no_drop)]
struct Twin<'gc> {
    edges: [Option<TwinPointer<'gc>>; 2],
}

type TwinPointer<'gc> = Gc<'gc, Lock<Twin<'gc>>>;

/// Two pointers, or none, that never change.
#[derive(Collect)]
#[collect(no_drop)]
struct Tree<'gc> {
    children: [Option<Gc<'gc, Tree<'gc>>>; 2],
}

type Nothing = Arena<Rootable![()]>;
type Table = Arena<Rootable![Vec<TwinPointer<'_>>]>;
type Head = Arena<Rootable![Option<NodePointer<'_>>]>;

fn node<'gc>(mc: &Mutation<'gc>, value: u64, next: Option<NodePointer<'gc>>) -> NodePointer<'gc> {
    Gc::new(mc, Lock::new(Node { value, next }))
}

fn twin<'gc>(mc: &Mutation<'gc>, edges: [Option<TwinPointer<'gc>>; 2]) -> TwinPointer<'gc> {
    Gc::new(mc, Lock::new(Twin { edges }))
}

fn set_edge<'gc>(
    mc: &Mutation<'gc>,
    from: TwinPointer<'gc>,
    edge: usize,
    target: Option<TwinPointer<'gc>>,
) {
    let mut twin = from.get();
    twin.edges[edge] = target;
    from.set(mc, twin);
}

/// Frees all that is garbage now: what was made while a collection went on outlives it.
macro_rules! collect {
    ($arena:expr) => {
        $arena.finish_cycle();
        $arena.finish_cycle();
    };
}

/// One number after another.
pub fn number(meter: &mut Meter) {
    let mut arena = Nothing::new(|_| ());
    while meter.more() {
        meter.time(create::OBJECTS, || {
            for batch in 0..create::OBJECTS / BATCH {
                arena.mutate(|mc, _| {
                    for i in 0..BATCH {
                        black_box(Gc::new(mc, batch + i));
                    }
                });
                arena.collect_debt();
            }
            collect!(arena);
        });
    }
}

/// One node after another.
pub fn single(meter: &mut Meter) {
    let mut arena = Nothing::new(|_| ());
    while meter.more() {
        meter.time(create::OBJECTS, || {
            for batch in 0..create::OBJECTS / BATCH {
                arena.mutate(|mc, _| {
                    for i in 0..BATCH {
                        black_box(node(mc, batch + i, None));
                    }
                });
                arena.collect_debt();
            }
            collect!(arena);
        });
    }
}

/// Lists.
pub fn list(meter: &mut Meter) {
    let mut arena = Nothing::new(|_| ());
    while meter.more() {
        meter.time(lists::LISTS * lists::NODES, || {
            for _ in 0..lists::LISTS {
                arena.mutate(|mc, _| {
                    let mut head = None;
                    for i in 0..lists::NODES {
                        head = Some(node(mc, i, head));
                    }
                    black_box(head.map(|head| head.get().value));
                });
                arena.collect_debt();
            }
            collect!(arena);
        });
    }
}

/// Rounds of cycles: `make` makes so many objects.
fn rounds(meter: &mut Meter, made: u64, make: impl for<'gc> Fn(&Mutation<'gc>)) {
    let mut arena = Nothing::new(|_| ());
    let mut shares = Vec::with_capacity(64);
    while meter.more() {
        let begin = Instant::now();
        for _ in 0..cycles::OBJECTS / made {
            arena.mutate(|mc, _| make(mc));
            arena.collect_debt();
        }
        let collection = Instant::now();
        collect!(arena);
        let end = Instant::now();
        meter.count(cycles::OBJECTS, end - begin);
        shares.push((end - collection).as_nanos() as f64 / cycles::OBJECTS as f64);
    }
    meter.note("last_collection", median(&shares[1..]));
}

/// So many objects, each of which holds the one made before it, and the first the last.
fn close_ring(mc: &Mutation<'_>, size: u64) {
    let first = node(mc, 0, None);
    let mut last = first;
    for i in 1..size {
        last = node(mc, i, Some(last));
    }
    first.set(mc, Node { value: 0, next: Some(last) });
}

/// Cycles of one.
pub fn selves(meter: &mut Meter) {
    rounds(meter, BATCH, |mc| (0..BATCH).for_each(|_| close_ring(mc, 1)));
}

/// Cycles of two.
pub fn pairs(meter: &mut Meter) {
    rounds(meter, BATCH, |mc| (0..BATCH / 2).for_each(|_| close_ring(mc, 2)));
}

/// Cycles of a thousand.
pub fn rings(meter: &mut Meter) {
    rounds(meter, cycles::RING, |mc| close_ring(mc, cycles::RING));
}

/// The graph of `live.rs`, held by the root.
fn live_graph(objects: usize) -> Table {
    let (order, targets) = live::plan(objects);
    let mut arena = Table::new(|mc| {
        let table: Vec<_> = (0..objects).map(|_| twin(mc, [None, None])).collect();
        for place in 0..objects {
            let (from, to) = (order[place] as usize, order[(place + 1) % objects] as usize);
            set_edge(mc, table[from], 0, Some(table[to]));
            set_edge(mc, table[place], 1, Some(table[targets[place] as usize]));
        }
        table
    });
    collect!(arena);
    arena
}

/// One pair, the second of which has an edge out of it.
fn close_pair<'gc>(mc: &Mutation<'gc>, target: Option<TwinPointer<'gc>>) {
    let first = twin(mc, [None, None]);
    let second = twin(mc, [Some(first), target]);
    set_edge(mc, first, 0, Some(second));
}

/// Pairs beside a live graph.
fn small(meter: &mut Meter, objects: usize) {
    let mut arena = live_graph(objects);
    beside::rounds(meter, objects, || {
        arena.mutate(|mc, _| (0..beside::BATCH).for_each(|_| close_pair(mc, None)));
        arena.collect_debt();
    });
}

/// Beside a million objects.
pub fn small_1m(meter: &mut Meter) {
    small(meter, 1_000_000);
}

/// Beside five million.
pub fn small_5m(meter: &mut Meter) {
    small(meter, 5_000_000);
}

/// Pairs that point at a graph of a million objects.
pub fn edges(meter: &mut Meter) {
    let mut arena = live_graph(1_000_000);
    let mut random = Random::new(71);
    beside::rounds(meter, 1_000_000, || {
        arena.mutate(|mc, table| {
            for _ in 0..beside::BATCH {
                close_pair(mc, Some(table[random.below(table.len())]));
            }
        });
        arena.collect_debt();
    });
}

/// A full collection of a live graph, one object of which is the root.
pub fn full(meter: &mut Meter) {
    let mut arena = live_graph(full::OBJECTS);
    arena.mutate_root(|_, table| table.truncate(1));
    collect!(arena);
    while meter.more() {
        meter.time(full::OBJECTS as u64, || arena.finish_cycle());
    }
}

/// A large heap in which nothing happened.
pub fn idle(meter: &mut Meter) {
    let mut arena = Head::new(|mc| {
        let mut head = None;
        for i in 0..full::IDLE {
            head = Some(node(mc, i, head));
        }
        head
    });
    full::note_idle(meter, || arena.finish_cycle());
}

/// Places of the changing graph that are one object.
const CHUNK: usize = 64;

#[derive(Clone, Copy, Collect)]
#[collect(no_drop)]
struct Chunk<'gc>([Option<TwinPointer<'gc>>; CHUNK]);

type Chunks = Arena<Rootable![Vec<Gc<'_, RefLock<Chunk<'_>>>>]>;

/// What is at a place of the changing graph.
fn at<'gc>(chunks: &[Gc<'gc, RefLock<Chunk<'gc>>>], place: usize) -> Option<TwinPointer<'gc>> {
    chunks[place / CHUNK].borrow().0[place % CHUNK]
}

/// The changing graph.
pub fn graph(meter: &mut Meter) {
    let mut random = Random::new(41);
    let mut arena = Chunks::new(|mc| {
        let empty = || Gc::new(mc, RefLock::new(Chunk([None; CHUNK])));
        let chunks: Vec<_> = (0..PLACES.div_ceil(CHUNK)).map(|_| empty()).collect();
        for place in 0..PLACES {
            let edges = match place {
                0 => [None, None],
                _ => [at(&chunks, random.below(place)), at(&chunks, random.below(place))],
            };
            chunks[place / CHUNK].borrow_mut(mc).0[place % CHUNK] = Some(twin(mc, edges));
        }
        chunks
    });
    let changes: Vec<Change> = (0..CHANGES).map(|_| Change::draw(&mut random)).collect();
    while meter.more() {
        meter.time(CHANGES, || {
            for batch in changes.chunks(BATCH as usize) {
                arena.mutate(|mc, chunks| {
                    for change in batch {
                        let Change { place, targets: [first, second], kind } = *change;
                        let set = |target| {
                            let from = at(chunks, place).expect("each place has an object");
                            set_edge(mc, from, change.edge(), target);
                        };
                        match kind {
                            Kind::Point => set(at(chunks, first)),
                            Kind::Clear => set(None),
                            Kind::Replace => {
                                let fresh = twin(mc, [at(chunks, first), at(chunks, second)]);
                                chunks[place / CHUNK].borrow_mut(mc).0[place % CHUNK] = Some(fresh);
                            }
                        }
                    }
                });
                arena.collect_debt();
            }
        });
    }
}

fn grow<'gc>(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = || depth.checked_sub(1).map(|depth| grow(mc, depth));
    let children = [child(), child()];
    Gc::new(mc, Tree { children })
}

fn count(tree: &Tree<'_>) -> u64 {
    1 + tree.children.iter().flatten().map(|child| count(child)).sum::<u64>()
}

/// Trees.
pub fn trees(meter: &mut Meter) {
    let mut arena = Nothing::new(|_| ());
    while meter.more() {
        let visited = meter.time(trees::NODES, || {
            let mut visited = 0;
            for _ in 0..trees::TREES {
                visited += arena.mutate(|mc, _| count(&grow(mc, trees::DEPTH)));
                arena.collect_debt();
            }
            collect!(arena);
            visited
        });
        assert_eq!(visited, trees::NODES, "a node was lost");
    }
}

/// A doubly linked list of so many nodes, the first of which has this before it.
fn linked<'gc>(
    mc: &Mutation<'gc>,
    nodes: u64,
    before: Option<TwinPointer<'gc>>,
) -> TwinPointer<'gc> {
    let mut head = twin(mc, [None, None]);
    for _ in 1..nodes {
        let front = twin(mc, [Some(head), None]);
        set_edge(mc, head, 1, Some(front));
        head = front;
    }
    if before.is_some() {
        set_edge(mc, head, 1, before);
    }
    head
}

/// A long doubly linked list, let go of and collected.
pub fn long_linked(meter: &mut Meter) {
    let mut arena = Table::new(|_| Vec::new());
    while meter.more() {
        arena.mutate_root(|mc, table| table.push(linked(mc, lists::LINKED, None)));
        collect!(arena);
        let begin = Instant::now();
        arena.mutate_root(|_, table| table.clear());
        arena.finish_cycle();
        meter.count(lists::LINKED, begin.elapsed());
    }
}

/// Lists that point at a live one.
pub fn surprise(meter: &mut Meter) {
    let mut arena = Table::new(|mc| vec![linked(mc, unattended::LIVE, None)]);
    unattended::run(meter, unattended::DYING, || {
        arena.mutate(|mc, table| {
            linked(mc, unattended::DYING, Some(table[0]));
        });
        arena.collect_debt();
    });
}

/// Cycles of one, uncalled for.
pub fn unattended_selves(meter: &mut Meter) {
    let mut arena = Nothing::new(|_| ());
    unattended::run(meter, BATCH, || {
        arena.mutate(|mc, _| (0..BATCH).for_each(|_| close_ring(mc, 1)));
        arena.collect_debt();
    });
}

/// Cycles of two, uncalled for.
pub fn unattended_pairs(meter: &mut Meter) {
    let mut arena = Nothing::new(|_| ());
    unattended::run(meter, BATCH, || {
        arena.mutate(|mc, _| (0..BATCH / 2).for_each(|_| close_ring(mc, 2)));
        arena.collect_debt();
    });
}

/// Pairs that point at one object.
pub fn hub(meter: &mut Meter) {
    let mut arena = Table::new(|mc| vec![twin(mc, [None, None])]);
    unattended::run(meter, BATCH, || {
        arena.mutate(|mc, table| {
            for _ in 0..BATCH / 2 {
                let first = twin(mc, [None, Some(table[0])]);
                let second = twin(mc, [Some(first), Some(table[0])]);
                set_edge(mc, first, 0, Some(second));
            }
        });
        arena.collect_debt();
    });
}

/// Bytes of each number.
pub fn bytes_number(meter: &mut Meter) {
    let arena = Nothing::new(|_| ());
    // In one call, after which everything may be garbage: nobody collects.
    arena.mutate(|mc, _| meter.note("bytes", bytes::per_object(|i| Gc::new(mc, i))));
    std::mem::forget(arena);
}

/// Bytes of each node.
pub fn bytes_node(meter: &mut Meter) {
    let arena = Nothing::new(|_| ());
    arena.mutate(|mc, _| meter.note("bytes", bytes::per_object(|i| node(mc, i, None))));
    std::mem::forget(arena);
}

/// Any number of pointers, and bytes.
#[derive(Collect)]
#[collect(no_drop)]
struct Many<'gc> {
    edges: Vec<ManyPointer<'gc>>,
    #[collect(require_static)]
    _payload: Payload,
}

type ManyPointer<'gc> = Gc<'gc, RefLock<Many<'gc>>>;
type Manys = Arena<Rootable![VecDeque<ManyPointer<'_>>]>;

fn many<'gc>(mc: &Mutation<'gc>, edges: Vec<ManyPointer<'gc>>, bytes: usize) -> ManyPointer<'gc> {
    Gc::new(mc, RefLock::new(Many { edges, _payload: Payload::new(bytes) }))
}

/// A ring of so many objects, the first of which carries bytes.
fn ring(mc: &Mutation<'_>, size: u64, payload: usize) {
    let first = many(mc, Vec::new(), payload);
    let mut last = first;
    for _ in 1..size {
        last = many(mc, vec![last], 0);
    }
    first.borrow_mut(mc).edges.push(last);
}

/// A table in chunks, which are all there from the beginning.
type Chunked = Arena<Rootable![Vec<Gc<'_, RefLock<Vec<ManyPointer<'_>>>>>]>;

/// A setting.
fn mixed(meter: &mut Meter, setting: Setting) {
    let Setting { cycle, payload, live, growing, garbage } = setting;
    let mut reachable = if growing { 0 } else { live };
    let mut arena = Chunked::new(|mc| {
        let chunks = (0..(live as usize).div_ceil(CHUNK)).map(|chunk| {
            let places = chunk * CHUNK..((chunk + 1) * CHUNK).min(reachable as usize);
            let objects = places.map(|_| many(mc, Vec::new(), 0)).collect();
            Gc::new(mc, RefLock::new(objects))
        });
        chunks.collect()
    });
    let every = (setting.steps() / live).max(1);
    let mut random = Random::new(81);
    let mut watch = Watch::start();
    for step in 0..setting.steps() {
        arena.mutate(|mc, chunks| {
            ring(mc, cycle, payload);
            match growing {
                false => {
                    let place = random.below(live as usize);
                    let mut chunk = chunks[place / CHUNK].borrow_mut(mc);
                    chunk[place % CHUNK] = many(mc, Vec::new(), 0);
                }
                true if step % every == 0 => {
                    let mut chunk = chunks[reachable as usize / CHUNK].borrow_mut(mc);
                    chunk.push(many(mc, Vec::new(), 0));
                    reachable += 1;
                }
                true => {}
            }
        });
        arena.collect_debt();
        watch.step(reachable);
    }
    watch.note(meter, garbage);
}

/// [`mix::SMALL`].
pub fn mix_small(meter: &mut Meter) {
    mixed(meter, mix::SMALL);
}

/// [`mix::MIDDLE`].
pub fn mix_middle(meter: &mut Meter) {
    mixed(meter, mix::MIDDLE);
}

/// [`mix::HEAVY`].
pub fn mix_heavy(meter: &mut Meter) {
    mixed(meter, mix::HEAVY);
}

/// [`mix::HEAVIER`].
pub fn mix_heavier(meter: &mut Meter) {
    mixed(meter, mix::HEAVIER);
}

/// [`mix::GROWING`].
pub fn mix_growing(meter: &mut Meter) {
    mixed(meter, mix::GROWING);
}

/// Objects made between two payments, where a heap only grows.
const STEP: u64 = 1000;

type Map = Arena<Rootable![(Vec<Gc<'_, Tree<'_>>>, HashMap<u64, Gc<'_, Tree<'_>>>)]>;

/// A map that grows.
pub fn keys(meter: &mut Meter) {
    tickets::once(meter, tickets::KEYS, || {
        let mut arena = Map::new(|mc| {
            let end = || Gc::new(mc, Tree { children: [None; 2] });
            ((0..1000).map(|_| end()).collect(), HashMap::new())
        });
        for step in 0..tickets::KEYS / STEP {
            arena.mutate_root(|mc, (ends, map)| {
                for i in step * STEP..(step + 1) * STEP {
                    let pair = [i % 1000, i / 1000 % 1000];
                    let children = pair.map(|end| Some(ends[end as usize]));
                    map.insert(i, Gc::new(mc, Tree { children }));
                }
            });
            arena.collect_debt();
        }
        std::mem::forget(arena);
    });
}

type Trees = Arena<Rootable![Vec<Gc<'_, Tree<'_>>>]>;

/// A list that grows.
pub fn tuples(meter: &mut Meter) {
    tickets::once(meter, tickets::TUPLES, || {
        let mut arena = Trees::new(|mc| vec![Gc::new(mc, Tree { children: [None; 2] })]);
        for _ in 0..tickets::TUPLES / STEP {
            arena.mutate_root(|mc, list| {
                for _ in 0..STEP {
                    let end = list[0];
                    list.push(Gc::new(mc, Tree { children: [Some(end), None] }));
                }
            });
            arena.collect_debt();
        }
        std::mem::forget(arena);
    });
}

/// Cycles beside a small heap.
pub fn waiting(meter: &mut Meter) {
    let live = 0..tickets::LIVE;
    let mut arena = Manys::new(|mc| live.map(|_| many(mc, Vec::new(), 0)).collect());
    let mut watch = Watch::start();
    for _ in 0..tickets::GARBAGE / tickets::CYCLE {
        arena.mutate(|mc, _| ring(mc, tickets::CYCLE, 0));
        arena.collect_debt();
        watch.step(tickets::LIVE);
    }
    watch.note(meter, tickets::GARBAGE);
}

/// Requests, the last of which are kept.
pub fn requests(meter: &mut Meter) {
    let mut arena = Manys::new(|_| VecDeque::new());
    let mut watch = Watch::start();
    for _ in 0..tickets::REQUESTS {
        let kept = arena.mutate_root(|mc, kept| {
            let first = many(mc, Vec::new(), tickets::BODY);
            for _ in 1..tickets::OBJECTS {
                let part = many(mc, vec![first], 0);
                first.borrow_mut(mc).edges.push(part);
            }
            kept.push_back(first);
            if kept.len() > tickets::KEPT {
                kept.pop_front();
            }
            kept.len()
        });
        arena.collect_debt();
        watch.step(kept as u64 * tickets::OBJECTS);
    }
    watch.note(meter, tickets::REQUESTS * tickets::OBJECTS);
}
