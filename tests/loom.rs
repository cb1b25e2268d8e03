//! Every interleaving, within a preemption bound, of the parts that threads share: bitmaps, lists, and how a pool
//! and a heap change hands.
//!
//! What runs is the shipped code of `bits`, `stack` and `pool/remote.rs`, with loom's atomics under it. Memory that
//! neap maps for itself loom can't see, so pools and heaps are stood in for by [`Pool`] and [`Heap`] here:
//! the same fields, and for each step of a heap that touches them a method of [`World`] of the same name. Whatever one
//! thread at a time may touch is [`Held`]: an access that no ordering puts behind the last one fails the run.
//!
//! `LOOM_MAX_PREEMPTIONS` is the bound, 3 unless told otherwise. Each test prints how many interleavings it tried and
//! how often what it is about came up in them ([`Event`]). `ci/loom.sh` runs them all.
#![cfg(neap_loom)]

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::thread::{self, JoinHandle};
use neap::bits::{FreeMap, RemoteMap, UnitMap};
use neap::pool::{self, Announce, Owner, Shared};
use neap::stack::{Inbox, Links, Stack};
use neap::sync::{AtomicU32, AtomicU64};
use neap::units::UnitId;

/// What an interleaving may bring up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    /// A node was taken while others still came.
    TakenEarly,
    /// A push or a pop found that another was faster.
    Lost,
    /// A claim got nothing, because somebody held a part.
    NotClaimed,
    /// A unit was decommitted.
    Decommitted,
    /// A free went to the free map of the freeing thread's own pool.
    FreedLocally,
    /// A free was announced to an owner.
    ToldOwner,
    /// A free put an abandoned pool on the stack.
    ListedByFree,
    /// A free had nobody to tell.
    ToldNobody,
    /// A drain that left some for later (R1).
    MoreToCome,
    /// A pool was abandoned: listed, unlisted, or not, because frees were pending.
    Listed,
    Unlisted,
    Kept,
    /// A pool was adopted off the stack with nothing pending, or with something.
    Adopted,
    AdoptedPending,
    /// A free took an unlisted pool over.
    TakenOver,
    /// An empty pool was released.
    Released,
    /// A parked heap found a new thread while the old one's pools were being freed into.
    Attached,
}

const EVENTS: usize = Event::Attached as usize + 1;

/// How often each event came up.
#[derive(Debug)]
struct Seen([AtomicUsize; EVENTS]);

impl Seen {
    fn note(&self, event: Event) {
        self.0[event as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Tries every interleaving of `run`, and prints how many there were and how often each of `events` came up: each must.
fn explore(name: &str, events: &[Event], run: impl Fn(&Arc<Seen>) + Send + Sync + 'static) {
    let mut builder = Builder::new();
    let bound = *builder.preemption_bound.get_or_insert(3);
    let tried = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Seen([const { AtomicUsize::new(0) }; EVENTS]));
    let start = Instant::now();
    let (count, note) = (tried.clone(), seen.clone());
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        run(&note);
    });
    let (tried, time) = (tried.load(Ordering::Relaxed), start.elapsed().as_secs_f32());
    let often = |event: &Event| (*event, seen.0[*event as usize].load(Ordering::Relaxed));
    let often: Vec<_> = events.iter().map(often).collect();
    println!("{name}: {tried} interleavings, preemption bound {bound}, {time:.1} s {often:?}");
    assert!(often.iter().all(|&(_, times)| times > 0), "what the test is about did not come up");
}

/// What one thread at a time may touch.
#[derive(Default)]
struct Held<T>(UnsafeCell<T>);

// SAFETY: loom runs one thread at a time, and fails the run at an access that is not ordered behind the last.
unsafe impl<T: Send> Sync for Held<T> {}

impl<T> Held<T> {
    fn new(value: T) -> Self {
        Held(UnsafeCell::new(value))
    }

    /// Changes it.
    fn touch<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: loom has just checked that nobody else is at it, and fails whoever comes before `f` returns.
        self.0.with_mut(|value| f(unsafe { &mut *value }))
    }

    /// Reads it, as others may at the same time.
    fn look<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        // SAFETY: loom has just checked that nobody is changing it, and fails whoever tries before `f` returns.
        self.0.with(|value| f(unsafe { &*value }))
    }
}

fn bits_of(word: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |i| word >> i & 1 != 0)
}

/// Joins; what a thread found is returned.
fn join<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

// ---------------------------------------------------------------------------------------------------- stack

/// Nodes with contents, on a list.
struct Nodes {
    links: Vec<AtomicU32>,
    contents: Vec<Held<u32>>,
    inbox: Inbox,
    stack: Stack,
}

impl Links for Nodes {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        &self.links[node.get() as usize - 1]
    }
}

fn node(i: usize) -> UnitId {
    UnitId::new(i as u32 + 1).unwrap()
}

impl Nodes {
    fn new(n: usize) -> Arc<Self> {
        Arc::new(Nodes {
            links: (0..n).map(|_| AtomicU32::new(0)).collect(),
            contents: (0..n).map(|_| Held::default()).collect(),
            inbox: Inbox::new(),
            stack: Stack::new(),
        })
    }

    fn spawn<T: 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Nodes) -> T + 'static,
    ) -> JoinHandle<T> {
        let nodes = self.clone();
        thread::spawn(move || work(&nodes))
    }

    fn write(&self, node: UnitId) {
        self.contents[node.get() as usize - 1].touch(|word| *word += 1);
    }

    fn push(&self, i: usize) {
        self.write(node(i));
        self.stack.push(self, node(i));
    }

    fn pop(&self) -> Option<UnitId> {
        let node = self.stack.pop(self)?;
        self.write(node);
        Some(node)
    }

    fn send(&self, i: usize) {
        self.write(node(i));
        self.inbox.push(self, node(i));
    }

    fn receive(&self, into: &mut Vec<UnitId>) {
        self.inbox.take_all(self, |node| {
            self.write(node);
            into.push(node);
        });
    }

    /// All nodes of the list are `found` or, by now, on the list: each once.
    fn audit(&self, mut found: Vec<UnitId>) {
        self.receive(&mut found);
        found.extend(std::iter::from_fn(|| self.pop()));
        found.sort_by_key(|node| node.get());
        assert_eq!(found, (0..self.links.len()).map(node).collect::<Vec<_>>());
    }
}

#[test]
fn inbox_hands_over_every_node_whole() {
    explore("inbox_hands_over_every_node_whole", &[Event::TakenEarly], |seen| {
        let nodes = Nodes::new(3);
        let pushers = [&[0, 1][..], &[2]]
            .map(|mine| nodes.spawn(move |nodes| mine.iter().for_each(|&i| nodes.send(i))));
        let mut found = Vec::new();
        nodes.receive(&mut found);
        nodes.receive(&mut found);
        if (1..3).contains(&found.len()) {
            seen.note(Event::TakenEarly);
        }
        join(pushers);
        nodes.audit(found);
    });
}

#[test]
fn inbox_nodes_may_come_back_while_it_is_read() {
    explore("inbox_nodes_may_come_back_while_it_is_read", &[Event::TakenEarly], |seen| {
        let nodes = Nodes::new(3);
        nodes.send(0);
        nodes.send(1);
        let pusher = nodes.spawn(|nodes| nodes.send(2));
        let mut visited = 0;
        nodes.inbox.take_all(&*nodes, |node| {
            visited += 1;
            nodes.write(node);
            nodes.inbox.push(&*nodes, node);
        });
        if visited == 3 {
            seen.note(Event::TakenEarly);
        }
        join([pusher]);
        nodes.audit(Vec::new());
    });
}

#[test]
fn stack_hands_each_node_to_one() {
    explore("stack_hands_each_node_to_one", &[Event::TakenEarly], |seen| {
        let nodes = Nodes::new(3);
        nodes.push(0);
        let pusher = nodes.spawn(|nodes| {
            nodes.push(1);
            nodes.push(2);
        });
        let popper = nodes.spawn(|nodes| nodes.pop());
        let mut found = Vec::from_iter(nodes.pop());
        found.extend(join([popper]).into_iter().flatten());
        join([pusher]);
        if found.contains(&node(1)) {
            seen.note(Event::TakenEarly);
        }
        nodes.audit(found);
    });
}

/// One reads the top and its link and is held up; meanwhile both top nodes go and the first comes back (S2).
#[test]
fn stack_notices_a_top_that_came_back() {
    explore("stack_notices_a_top_that_came_back", &[Event::Lost], |seen| {
        let nodes = Nodes::new(3);
        (0..3).for_each(|i| nodes.push(i));
        let popper = nodes.spawn(|nodes| nodes.pop());
        let (first, second) = (nodes.pop(), nodes.pop());
        if let Some(first) = first {
            nodes.push(first.get() as usize - 1);
        }
        let mut found: Vec<_> = join([popper]).into_iter().flatten().collect();
        if found == [node(1)] {
            seen.note(Event::Lost);
        }
        found.extend(second);
        nodes.audit(found);
    });
}

// ----------------------------------------------------------------------------------------------------- bits

/// Units of an arena: who holds them may touch their memory.
struct Units {
    free: UnitMap,
    dirty: UnitMap,
    memory: Vec<Held<u32>>,
    seen: Arc<Seen>,
}

/// The units that the tests use, across the border of two words.
const UNITS: Range<usize> = 62..66;

impl Units {
    fn new(seen: &Arc<Seen>) -> Arc<Self> {
        let units = Units {
            free: UnitMap::new(),
            dirty: UnitMap::new(),
            memory: UNITS.map(|_| Held::default()).collect(),
            seen: seen.clone(),
        };
        units.free.set(UNITS.start, UNITS.len());
        Arc::new(units)
    }

    fn spawn(self: &Arc<Self>, work: impl FnOnce(&Units) + 'static) -> JoinHandle<()> {
        let units = self.clone();
        thread::spawn(move || work(&units))
    }

    fn memory(&self, unit: usize) -> &Held<u32> {
        &self.memory[unit - UNITS.start]
    }

    /// Claims, uses and gives back, as `arena.rs` does; false when somebody holds a part.
    fn claim_and_release(&self, at: usize, len: usize) -> bool {
        if !self.free.claim(at, len) {
            self.seen.note(Event::NotClaimed);
            return false;
        }
        let dirty = self.dirty.among(at, len);
        for unit in at..at + len {
            let clean = !dirty.contains(unit);
            self.memory(unit).touch(|word| {
                assert!(!clean || *word == 0, "A2");
                *word = 7;
            });
        }
        self.dirty.ensure(at, len);
        self.free.set(at, len);
        true
    }

    /// Decommits what is free and dirty, as `arena/purge.rs` does.
    fn purge(&self) {
        let chosen = self.free.snapshot().and(&self.dirty.snapshot());
        for (at, len) in chosen.runs() {
            if !self.free.claim(at, len) {
                self.seen.note(Event::NotClaimed);
                continue;
            }
            for (at, len) in self.dirty.take(at, len).runs() {
                (at..at + len).for_each(|unit| self.memory(unit).touch(|word| *word = 0));
                self.seen.note(Event::Decommitted);
            }
            self.free.set(at, len);
        }
    }

    /// All are free again, and what is not dirty is zero.
    fn audit(&self) {
        let (free, dirty) = (self.free.snapshot(), self.dirty.snapshot());
        assert_eq!(free.runs().collect::<Vec<_>>(), [(UNITS.start, UNITS.len())]);
        for unit in UNITS {
            self.memory(unit).touch(|word| assert!(dirty.contains(unit) || *word == 0, "A2"));
        }
    }
}

/// Runs of one and of two words overlap: each has its units alone, and who gets only a part leaves no trace.
#[test]
fn a_unit_has_one_holder() {
    explore("a_unit_has_one_holder", &[Event::NotClaimed], |seen| {
        let units = Units::new(seen);
        let others = [(63, 3), (64, 1)].map(|(at, len)| {
            units.spawn(move |units| {
                units.claim_and_release(at, len);
            })
        });
        units.claim_and_release(62, 3);
        join(others);
        units.audit();
        assert!(units.claim_and_release(UNITS.start, UNITS.len()));
    });
}

#[test]
fn purge_holds_what_it_decommits() {
    use Event::{Decommitted, NotClaimed};
    explore("purge_holds_what_it_decommits", &[Decommitted, NotClaimed], |seen| {
        let units = Units::new(seen);
        assert!(units.claim_and_release(63, 2));
        let purger = units.spawn(|units| units.purge());
        let claimer = units.spawn(|units| {
            units.claim_and_release(64, 2);
        });
        units.claim_and_release(63, 1);
        join([purger, claimer]);
        units.audit();
    });
}

// ------------------------------------------------------------------------------------------- pools and heaps

/// A pool: its descriptor, and what lies in its blocks.
struct Pool {
    shared: Shared,
    link: AtomicU32,
    remote: Vec<AtomicU64>,
    own: Held<Own>,
    /// The memory of each block: a client's while the block is out.
    blocks: Vec<Held<u32>>,
    /// Looked at by whoever touches the descriptor, changed when the pool is released.
    life: Held<u32>,
}

/// What only the owner of a pool touches.
struct Own {
    free: Vec<Cell<u64>>,
    free_count: usize,
    /// Set when the pool went back to its arena.
    released: bool,
}

impl Pool {
    /// A pool of `heap`, of which the blocks in `out` are with clients. More than 64 blocks make two words.
    fn new(heap: usize, blocks: usize, out: &[usize]) -> Self {
        let words = blocks.div_ceil(64);
        let free: Vec<_> = (0..words).map(|_| Cell::new(0)).collect();
        FreeMap::new(&free).fill(blocks);
        out.iter().for_each(|&i| assert!(FreeMap::new(&free).remove(i)));
        Pool {
            shared: Shared::new(Owner::Heap(heap_id(heap))),
            link: AtomicU32::new(0),
            remote: (0..words).map(|_| AtomicU64::new(0)).collect(),
            own: Held::new(Own { free, free_count: blocks - out.len(), released: false }),
            blocks: (0..blocks).map(|_| Held::default()).collect(),
            life: Held::new(0),
        }
    }

    /// The shared word, for one operation.
    fn shared(&self) -> &Shared {
        self.life.look(|_| ());
        &self.shared
    }

    fn free_count(&self) -> usize {
        self.own.touch(|own| own.free_count)
    }
}

/// A heap: what others reach of it, and what stands for the plain fields of its thread.
struct Heap {
    inbox: Inbox,
    link: AtomicU32,
    own: Held<u32>,
}

const FIRST_HEAP: u32 = 100;
const FIRST_POOL: u32 = 200;

fn heap_id(heap: usize) -> UnitId {
    UnitId::new(FIRST_HEAP + heap as u32).unwrap()
}

fn heap_of(id: UnitId) -> usize {
    (id.get() - FIRST_HEAP) as usize
}

fn pool_id(pool: usize) -> UnitId {
    UnitId::new(FIRST_POOL + pool as u32).unwrap()
}

fn pool_of(id: UnitId) -> usize {
    (id.get() - FIRST_POOL) as usize
}

/// Pools of one class, heaps, and the lists they are on.
struct World {
    /// Touched before each step that begins with a load. Loom keeps one last access per atomic, and forgets a load when
    /// another follows: whether it would have found what a third then stores is never tried. Here the order of
    /// such steps is a matter of its own. (Relaxed: it orders nothing else.)
    turns: AtomicU32,
    pools: Vec<Pool>,
    heaps: Vec<Heap>,
    abandoned: Stack,
    parked: Stack,
    seen: Arc<Seen>,
}

/// Where the links of pools are.
struct PoolLinks<'a>(&'a World);

impl Links for PoolLinks<'_> {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        let pool = &self.0.pools[pool_of(node)];
        pool.life.look(|_| ());
        &pool.link
    }
}

/// The same for `Stack::pop`, which may look at the link of a pool that has left the stack, and was released since
/// (S2, A3).
struct LateLinks<'a>(&'a World);

impl Links for LateLinks<'_> {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        &self.0.pools[pool_of(node)].link
    }
}

/// Where the links of heaps are.
struct HeapLinks<'a>(&'a World);

impl Links for HeapLinks<'_> {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        &self.0.heaps[heap_of(node)].link
    }
}

impl World {
    fn new(heaps: usize, pools: Vec<Pool>, seen: &Arc<Seen>) -> Arc<Self> {
        let heap = |_| Heap { inbox: Inbox::new(), link: AtomicU32::new(0), own: Held::default() };
        Arc::new(World {
            turns: AtomicU32::new(0),
            pools,
            heaps: (0..heaps).map(heap).collect(),
            abandoned: Stack::new(),
            parked: Stack::new(),
            seen: seen.clone(),
        })
    }

    fn spawn(self: &Arc<Self>, work: impl FnOnce(&World) + 'static) -> JoinHandle<()> {
        let world = self.clone();
        thread::spawn(move || work(&world))
    }

    fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// A client writes into its blocks for the last time, and frees them: `heap/flush.rs`, by the thread of `heap`.
    fn free(&self, heap: usize, pool: usize, blocks: &[usize]) {
        self.heaps[heap].own.touch(|uses| *uses += 1);
        blocks.iter().for_each(|&i| self.pools[pool].blocks[i].touch(|word| *word += 1));
        if !self.as_own(heap, pool) {
            return self.free_remotely(pool, blocks);
        }
        self.seen.note(Event::FreedLocally);
        self.pools[pool].own.touch(|own| {
            for &i in blocks {
                let already = FreeMap::new(&own.free).insert_word(i / 64, 1 << (i % 64));
                assert_eq!(already, 0, "double free");
            }
            own.free_count += blocks.len();
        });
        self.returned(pool);
    }

    /// The same by a thread that has no heap any more.
    fn free_directly(&self, pool: usize, blocks: &[usize]) {
        blocks.iter().for_each(|&i| self.pools[pool].blocks[i].touch(|word| *word += 1));
        self.free_remotely(pool, blocks);
    }

    /// `heap/abandon.rs`.
    fn as_own(&self, heap: usize, pool: usize) -> bool {
        self.turn();
        let pool = &self.pools[pool];
        if pool.shared().is_owned_by(heap_id(heap)) {
            return true;
        }
        let taken = pool.shared().peek() == (Owner::Unlisted, 0)
            && pool.shared().adopt_unlisted(heap_id(heap));
        if taken {
            self.seen.note(Event::TakenOver);
            // `take_in`.
            let _ = pool.free_count();
        }
        taken
    }

    /// `pool/descriptor.rs`.
    fn free_remotely(&self, pool: usize, blocks: &[usize]) {
        let map = RemoteMap::new(&self.pools[pool].remote);
        let announce = |announce| {
            self.turn();
            self.announce(announce, pool);
            self.turn();
        };
        let shared = self.pools[pool].shared();
        let freed = pool::free(shared, map, blocks.iter().copied(), announce);
        assert_eq!(freed, Ok(()), "double free");
    }

    /// `heap/abandon.rs`.
    fn announce(&self, announce: Announce, pool: usize) {
        match announce {
            Announce::No => self.seen.note(Event::ToldNobody),
            Announce::To(owner) => {
                self.seen.note(Event::ToldOwner);
                self.heaps[heap_of(owner)].inbox.push(&PoolLinks(self), pool_id(pool));
            }
            Announce::Abandoned => {
                self.seen.note(Event::ListedByFree);
                self.abandoned.push(&PoolLinks(self), pool_id(pool));
            }
        }
    }

    /// `heap/drain.rs`: true when the pool must be announced again. What was drained may have new users.
    fn drain(&self, pool: usize) -> bool {
        let Pool { own, remote, blocks, .. } = &self.pools[pool];
        own.touch(|own| {
            let before: Vec<_> = own.free.iter().map(Cell::get).collect();
            let free = FreeMap::new(&own.free);
            let drained = pool::drain(self.pools[pool].shared(), RemoteMap::new(remote), free)
                .expect("no double free");
            own.free_count += drained.blocks;
            for (w, (now, before)) in own.free.iter().zip(before).enumerate() {
                bits_of(now.get() & !before)
                    .for_each(|i| blocks[w * 64 + i].touch(|word| *word = 0));
            }
            if drained.more {
                self.seen.note(Event::MoreToCome);
            }
            drained.more
        })
    }

    /// `heap/drain.rs`, by the thread of `heap`; pools that are then empty are released.
    fn drain_inbox(&self, heap: usize) {
        let Heap { inbox, own, .. } = &self.heaps[heap];
        own.touch(|uses| *uses += 1);
        self.turn();
        if inbox.looks_empty() {
            return;
        }
        inbox.take_all(&PoolLinks(self), |id| {
            let pool = pool_of(id);
            assert!(self.pools[pool].shared().is_owned_by(heap_id(heap)), "R4");
            if self.drain(pool) {
                inbox.push(&PoolLinks(self), id);
            }
            self.returned(pool);
        });
    }

    /// Releases the pool if it is empty: from here on its memory is somebody else's.
    fn returned(&self, pool: usize) -> bool {
        let Pool { shared, own, blocks, life, .. } = &self.pools[pool];
        own.touch(|own| {
            if own.free_count == blocks.len() && !own.released {
                assert_eq!(shared.peek().1, 0, "R1");
                own.released = true;
                life.touch(|life| *life += 1);
                self.seen.note(Event::Released);
            }
            own.released
        })
    }

    /// `heap/abandon.rs`: gives a pool of `heap`, whose thread ends, up, unless frees are pending.
    fn abandon(&self, heap: usize, pool: usize) {
        if self.returned(pool) {
            return;
        }
        let listed = self.pools[pool].free_count() > 0;
        self.turn();
        if !self.pools[pool].shared().abandon(heap_id(heap), listed) {
            self.seen.note(Event::Kept);
        } else if listed {
            self.seen.note(Event::Listed);
            self.turn();
            self.abandoned.push(&PoolLinks(self), pool_id(pool));
        } else {
            self.seen.note(Event::Unlisted);
        }
    }

    /// `heap/abandon.rs`: takes a pool off the stack for `heap`, and drains it if there is anything to drain.
    fn adopt(&self, heap: usize) -> bool {
        self.turn();
        if self.abandoned.looks_empty() {
            return false;
        }
        let Some(id) = self.abandoned.pop(&LateLinks(self)) else { return false };
        let pool = pool_of(id);
        let pending = self.pools[pool].shared().adopt(heap_id(heap));
        self.seen.note(if pending { Event::AdoptedPending } else { Event::Adopted });
        // `take_in`.
        let _ = self.pools[pool].free_count();
        if pending && self.drain(pool) {
            self.heaps[heap].inbox.push(&PoolLinks(self), id);
        }
        self.returned(pool);
        true
    }

    /// `heap/thread.rs`: a new thread gets a heap of one that has ended.
    fn attach(&self) -> Option<usize> {
        self.turn();
        let heap = heap_of(self.parked.pop(&HeapLinks(self))?);
        self.heaps[heap].own.touch(|uses| *uses += 1);
        Some(heap)
    }

    /// `heap/thread.rs`: the thread of `heap`, whose pools are `pools`, ends.
    fn detach(&self, heap: usize, pools: Range<usize>) {
        self.drain_inbox(heap);
        pools.for_each(|pool| self.abandon(heap, pool));
        self.heaps[heap].own.touch(|uses| *uses += 1);
        self.turn();
        self.parked.push(&HeapLinks(self), heap_id(heap));
    }

    /// When every other thread has ended: what is on the lists is taken in, and then every block of every pool
    /// is free, and nothing is pending anywhere.
    fn audit(&self) {
        let drain = || (0..self.heaps.len()).for_each(|heap| self.drain_inbox(heap));
        drain();
        while self.adopt(0) {}
        drain();
        assert!(self.heaps.iter().all(|heap| heap.inbox.looks_empty()), "R1: more, and never all");
        for pool in &self.pools {
            let (owner, pending) = pool.shared.peek();
            assert_eq!(pending, 0, "R2: counted and not drained");
            assert_ne!(owner, Owner::Listed, "listed, and on no list");
            let marked = RemoteMap::new(&pool.remote).peek(|_, _| ());
            assert_eq!(marked, 0, "a free forgotten");
            pool.own.touch(|own| {
                assert_eq!(own.free_count, FreeMap::new(&own.free).count(), "P1");
                assert_eq!(own.free_count, pool.blocks.len(), "a free forgotten");
            });
        }
    }
}

// --------------------------------------------------------------------------------------------- remote frees

/// The map alone, read without waiting to be told: bits bring the contents of their blocks along.
#[test]
fn mark_publishes_the_block() {
    explore("mark_publishes_the_block", &[Event::TakenEarly], |seen| {
        let world = World::new(1, vec![Pool::new(0, 65, &[0, 1, 64])], seen);
        let markers = [&[0][..], &[1, 64]]
            .map(|blocks| world.spawn(move |world| world.free_directly(0, blocks)));
        let Pool { remote, blocks, .. } = &world.pools[0];
        let take = || {
            RemoteMap::new(remote).take(|w, bits| {
                bits_of(bits).for_each(|i| blocks[w * 64 + i].touch(|word| assert_eq!(*word, 1)));
            })
        };
        let early = take() + take();
        if (1..3).contains(&early) {
            seen.note(Event::TakenEarly);
        }
        join(markers);
        assert_eq!(early + take(), 3);
    });
}

/// Two threads free the same block: the map tells one of them, or the owner's free map tells the owner.
#[test]
fn a_double_free_is_noticed() {
    explore("a_double_free_is_noticed", &[Event::TakenEarly], |seen| {
        let world = World::new(1, vec![Pool::new(0, 2, &[0, 1])], seen);
        let noticed = Arc::new(AtomicUsize::new(0));
        let note = noticed.clone();
        let note = move |fresh: bool| {
            note.fetch_add(usize::from(!fresh), Ordering::Relaxed);
        };
        let markers = [0b01, 0b11].map(|bits| {
            let note = note.clone();
            world
                .spawn(move |world| note(RemoteMap::new(&world.pools[0].remote).mark(0, bits) == 0))
        });
        let take = || {
            RemoteMap::new(&world.pools[0].remote).take(|w, bits| {
                let already =
                    world.pools[0].own.touch(|own| FreeMap::new(&own.free).insert_word(w, bits));
                note(already == 0);
            })
        };
        if take() == 1 {
            seen.note(Event::TakenEarly);
        }
        join(markers);
        take();
        assert_eq!(noticed.load(Ordering::Relaxed), 1);
    });
}

/// R1, R2: two threads free into a pool while its owner drains.
#[test]
fn remote_free_is_never_forgotten() {
    use Event::{MoreToCome, ToldNobody, ToldOwner};
    explore("remote_free_is_never_forgotten", &[ToldOwner, ToldNobody, MoreToCome], |seen| {
        let world = World::new(3, vec![Pool::new(0, 2, &[0, 1])], seen);
        let freers = [1, 2].map(|heap| world.spawn(move |world| world.free(heap, 0, &[heap - 1])));
        world.drain_inbox(0);
        world.drain_inbox(0);
        join(freers);
        world.audit();
    });
}

/// S1: a pool that was drained is announced once more, by another thread and behind another pool: its link
/// must not say any more what it said before.
#[test]
fn a_drained_pool_is_announced_again() {
    explore("a_drained_pool_is_announced_again", &[Event::ToldOwner], |seen| {
        let pools = vec![Pool::new(0, 2, &[0, 1]), Pool::new(0, 1, &[0])];
        let world = World::new(3, pools, seen);
        let freers = [
            world.spawn(|world| world.free(1, 0, &[0])),
            world.spawn(|world| {
                world.free(2, 1, &[0]);
                world.free(2, 0, &[1]);
            }),
        ];
        world.drain_inbox(0);
        join(freers);
        world.audit();
    });
}

/// R3: the memory of a pool is given away when its last block has come back, and has other uses then. Blocks of two
/// words are marked one after the other.
#[test]
fn released_pool_is_not_touched() {
    explore("released_pool_is_not_touched", &[Event::Released, Event::MoreToCome], |seen| {
        let world = World::new(3, vec![Pool::new(0, 65, &[0, 1, 64])], seen);
        let freers = [
            world.spawn(|world| world.free(1, 0, &[0, 64])),
            world.spawn(|world| world.free(2, 0, &[1])),
        ];
        world.drain_inbox(0);
        world.drain_inbox(0);
        join(freers);
        world.audit();
    });
}

// ------------------------------------------------------------------------------------- abandon, adopt, park

/// R4: the owner's thread ends while two threads free into its full pool; each takes the pool over if it can.
#[test]
fn abandon_against_mark() {
    use Event::{FreedLocally, Kept, ListedByFree, TakenOver, ToldNobody, ToldOwner, Unlisted};
    let events = [Unlisted, Kept, TakenOver, FreedLocally, ListedByFree, ToldOwner, ToldNobody];
    explore("abandon_against_mark", &events, |seen| {
        let world = World::new(3, vec![Pool::new(0, 2, &[0, 1])], seen);
        let freers = [1, 2].map(|heap| world.spawn(move |world| world.free(heap, 0, &[heap - 1])));
        world.detach(0, 0..1);
        join(freers);
        world.audit();
    });
}

/// The owner's thread ends while one thread frees into its pool, which has room, and another looks for such a pool.
#[test]
fn abandon_against_adopt() {
    use Event::{Adopted, AdoptedPending, Kept, Listed, MoreToCome, ToldNobody, ToldOwner};
    let events = [Listed, Kept, Adopted, AdoptedPending, MoreToCome, ToldOwner, ToldNobody];
    explore("abandon_against_adopt", &events, |seen| {
        let world = World::new(3, vec![Pool::new(0, 2, &[0])], seen);
        let freer = world.spawn(|world| world.free(1, 0, &[0]));
        let ending = world.spawn(|world| world.detach(0, 0..1));
        world.adopt(2);
        world.drain_inbox(2);
        join([freer, ending]);
        world.audit();
    });
}

/// A full pool without an owner: the free that lists it, another free, and the adopter that finds it there.
#[test]
fn adopt_against_mark() {
    use Event::{AdoptedPending, ListedByFree, MoreToCome, Released, ToldNobody};
    let events = [ListedByFree, ToldNobody, AdoptedPending, MoreToCome, Released];
    explore("adopt_against_mark", &events, |seen| {
        let world = World::new(2, vec![Pool::new(0, 2, &[0, 1])], seen);
        world.abandon(0, 0);
        let freers = [0, 1].map(|i| world.spawn(move |world| world.free_directly(0, &[i])));
        world.adopt(1);
        world.drain_inbox(1);
        join(freers);
        world.audit();
    });
}

/// R4: a full pool without an owner, into which one thread frees as its own to be, and another that lists it; a third
/// would adopt it from the list. It gets one owner.
#[test]
fn take_over_against_mark() {
    use Event::{AdoptedPending, FreedLocally, ListedByFree, TakenOver, ToldNobody, ToldOwner};
    let events = [TakenOver, FreedLocally, ListedByFree, AdoptedPending, ToldOwner, ToldNobody];
    explore("take_over_against_mark", &events, |seen| {
        let world = World::new(3, vec![Pool::new(0, 3, &[0, 1, 2])], seen);
        world.abandon(0, 0);
        let lister = world.spawn(|world| world.free_directly(0, &[0]));
        let taker = world.spawn(|world| {
            world.free(1, 0, &[1]);
            world.free(1, 0, &[2]);
        });
        world.adopt(2);
        world.drain_inbox(2);
        join([lister, taker]);
        world.audit();
    });
}

/// S1: a pool was abandoned on top of another and adopted from there; when then its new owner is told of a
/// free, its link must not say any more what it said on the stack.
#[test]
fn an_adopted_pool_is_announced() {
    use Event::{Adopted, Listed, ToldOwner};
    explore("an_adopted_pool_is_announced", &[Listed, Adopted, ToldOwner], |seen| {
        let pools = vec![Pool::new(0, 2, &[0]), Pool::new(0, 2, &[0])];
        let world = World::new(3, pools, seen);
        world.abandon(0, 1);
        let freer = world.spawn(|world| world.free(1, 0, &[0]));
        let ending = world.spawn(|world| world.abandon(0, 0));
        world.adopt(2);
        world.drain_inbox(2);
        join([freer, ending]);
        world.free_directly(1, &[0]);
        world.audit();
    });
}

/// A thread ends while another frees into its pools, and a new thread gets its heap.
#[test]
fn thread_end_against_remote_free() {
    use Event::{Attached, Kept, ListedByFree, ToldOwner, Unlisted};
    let events = [Attached, Kept, Unlisted, ToldOwner, ListedByFree];
    explore("thread_end_against_remote_free", &events, |seen| {
        let world = World::new(1, vec![Pool::new(0, 1, &[0])], seen);
        let freer = world.spawn(|world| world.free_directly(0, &[0]));
        let ending = world.spawn(|world| world.detach(0, 0..1));
        if let Some(heap) = world.attach() {
            world.seen.note(Attached);
            world.drain_inbox(heap);
            world.adopt(heap);
        }
        join([freer, ending]);
        world.audit();
    });
}
