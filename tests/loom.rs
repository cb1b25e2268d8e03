//! Every interleaving, within a preemption bound, of the parts that threads share: bitmaps, lists, and how a pool
//! and a heap change hands.
//!
//! What runs is the shipped code of `bits`, `stack` and `pool/remote.rs`, with loom's atomics under it. Memory that
//! neap maps for itself loom can't see, so pools and heaps are stood in for by [`Pool`] and [`Heap`] here:
//! the same fields, and for each step of a heap that touches them a method of [`World`] of the same name. Whatever one
//! thread at a time may touch is [`Held`]: an access that no ordering puts behind the last one fails the run.
//!
//! `LOOM_MAX_PREEMPTIONS` is the bound, 3 unless told otherwise; each test prints how many interleavings it tried.
//! `ci/loom.sh` runs them all.
#![cfg(neap_loom)]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::thread;
use neap::bits::{FreeMap, RemoteMap, UnitMap};
use neap::pool::{Announce, Owner, Shared};
use neap::stack::{Inbox, Links, Stack};
use neap::sync::{AtomicU32, AtomicU64};
use neap::units::UnitId;

/// Tries every interleaving of `run`, and prints how many there were.
fn explore(name: &str, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    let bound = *builder.preemption_bound.get_or_insert(3);
    let tried = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let count = tried.clone();
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        run();
    });
    let (tried, time) = (tried.load(Ordering::Relaxed), start.elapsed().as_secs_f32());
    println!("{name}: {tried} interleavings, preemption bound {bound}, {time:.1} s");
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
    #[track_caller]
    fn touch<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: loom has just checked that nobody else is at it, and `f` does not come back here.
        self.0.with_mut(|value| f(unsafe { &mut *value }))
    }

    /// Reads it, as others may at the same time.
    #[track_caller]
    fn look<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        // SAFETY: loom has just checked that nobody is changing it.
        self.0.with(|value| f(unsafe { &*value }))
    }
}

/// A pool: its descriptor and what lies in its blocks.
struct Pool {
    shared: Shared,
    link: AtomicU32,
    remote: Vec<AtomicU64>,
    own: Held<Own>,
    /// The memory of each block: a client's while it is out.
    blocks: Vec<Held<u32>>,
    /// Looked at by whoever touches the descriptor, changed when the pool is released.
    life: Held<u32>,
}

/// What only the owner of a pool touches.
struct Own {
    free: Vec<Cell<u64>>,
    free_count: u32,
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
            own: Held::new(Own { free, free_count: (blocks - out.len()) as u32 }),
            blocks: (0..blocks).map(|_| Held::default()).collect(),
            life: Held::new(0),
        }
    }

    fn shared(&self) -> &Shared {
        self.life.look(|_| ());
        &self.shared
    }

    fn free_count(&self) -> u32 {
        self.own.touch(|own| own.free_count)
    }

    fn is_empty(&self) -> bool {
        self.free_count() as usize == self.blocks.len()
    }
}

/// A heap: what others reach of it, and what stands for its thread's plain fields.
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

fn pool_id(pool: usize) -> UnitId {
    UnitId::new(FIRST_POOL + pool as u32).unwrap()
}

fn heap_of(id: UnitId) -> usize {
    (id.get() - FIRST_HEAP) as usize
}

fn pool_of(id: UnitId) -> usize {
    (id.get() - FIRST_POOL) as usize
}

/// Pools of one class, heaps, and the lists they are on.
struct World {
    pools: Vec<Pool>,
    heaps: Vec<Heap>,
    abandoned: Stack,
    parked: Stack,
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

/// The same for `Stack::pop`, which may look at the link of a pool that has left the stack (S2, A3).
struct LateLinks<'a>(&'a World);

impl Links for LateLinks<'_> {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        &self.0.pools[pool_of(node)].link
    }
}

struct HeapLinks<'a>(&'a World);

impl Links for HeapLinks<'_> {
    fn link(&self, node: UnitId) -> &AtomicU32 {
        &self.0.heaps[heap_of(node)].link
    }
}

impl World {
    fn new(heaps: usize, pools: Vec<Pool>) -> Arc<Self> {
        let heap = || Heap { inbox: Inbox::new(), link: AtomicU32::new(0), own: Held::default() };
        Arc::new(World {
            pools,
            heaps: (0..heaps).map(|_| heap()).collect(),
            abandoned: Stack::new(),
            parked: Stack::new(),
        })
    }

    /// A client's last words in its blocks, then their free: `heap/flush.rs`, by the thread of `heap`.
    fn free(&self, heap: usize, pool: usize, blocks: &[usize]) {
        self.heaps[heap].own.touch(|touched| *touched += 1);
        blocks.iter().for_each(|&i| self.pools[pool].blocks[i].touch(|word| *word += 1));
        if self.as_own(heap, pool) {
            self.take_back(pool, blocks);
        } else {
            self.free_remotely(pool, blocks);
        }
    }

    /// The free of a thread that has no heap: `heap/flush.rs`.
    fn free_directly(&self, pool: usize, blocks: &[usize]) {
        blocks.iter().for_each(|&i| self.pools[pool].blocks[i].touch(|word| *word += 1));
        self.free_remotely(pool, blocks);
    }

    /// `heap/abandon.rs`.
    fn as_own(&self, heap: usize, pool: usize) -> bool {
        let shared = self.pools[pool].shared();
        shared.is_owned_by(heap_id(heap))
            || shared.peek() == (Owner::Unlisted, 0) && shared.adopt_unlisted(heap_id(heap))
    }

    fn take_back(&self, pool: usize, blocks: &[usize]) {
        self.pools[pool].own.touch(|own| {
            for &i in blocks {
                assert_eq!(
                    FreeMap::new(&own.free).insert_word(i / 64, 1 << (i % 64)),
                    0,
                    "double free"
                );
            }
            own.free_count += blocks.len() as u32;
        });
    }

    /// `pool/descriptor.rs`: count, announce, and only then mark.
    fn free_remotely(&self, pool: usize, blocks: &[usize]) {
        let what = self.pools[pool].shared().raise(blocks.len() as u32);
        self.announce(what, pool);
        let map = RemoteMap::new(&self.pools[pool].remote);
        let word =
            |w| blocks.iter().filter(|&&i| i / 64 == w).fold(0, |bits, i| bits | 1 << (i % 64));
        for w in 0..self.pools[pool].remote.len() {
            let bits = word(w);
            if bits != 0 {
                self.pools[pool].life.look(|_| ());
                assert_eq!(map.mark(w, bits), 0, "double free");
            }
        }
    }

    /// `heap/abandon.rs`.
    fn announce(&self, what: Announce, pool: usize) {
        match what {
            Announce::No => {}
            Announce::To(owner) => {
                self.heaps[heap_of(owner)].inbox.push(&PoolLinks(self), pool_id(pool));
            }
            Announce::Abandoned => self.abandoned.push(&PoolLinks(self), pool_id(pool)),
        }
    }

    /// `pool/descriptor.rs`: take, then lower. True when more are on their way.
    fn drain(&self, pool: usize) -> bool {
        let Pool { own, remote, blocks, .. } = &self.pools[pool];
        let n = RemoteMap::new(remote).take(|w, bits| {
            own.touch(|own| {
                assert_eq!(FreeMap::new(&own.free).insert_word(w, bits), 0, "double free");
                own.free_count += bits.count_ones();
            });
            // Free: the next client may have them.
            (0..64)
                .filter(|i| bits >> i & 1 != 0)
                .for_each(|i| blocks[w * 64 + i].touch(|word| *word = 0));
        });
        self.pools[pool].shared().lower(n)
    }

    /// `heap/refill.rs`, by the thread of `heap`. With `release`, pools that are then empty go to the arena.
    fn drain_inbox(&self, heap: usize, release: bool) {
        let Heap { inbox, own, .. } = &self.heaps[heap];
        own.touch(|touched| *touched += 1);
        if inbox.looks_empty() {
            return;
        }
        inbox.take_all(&PoolLinks(self), |id| {
            let pool = pool_of(id);
            assert!(self.pools[pool].shared().is_owned_by(heap_id(heap)), "R4");
            if self.drain(pool) {
                inbox.push(&PoolLinks(self), id);
            }
            if release && self.pools[pool].is_empty() {
                self.release(pool);
            }
        });
    }

    /// Gives an empty pool's memory away: nobody may have a finger in it any more.
    fn release(&self, pool: usize) {
        assert_eq!(self.pools[pool].shared().peek().1, 0, "R1");
        self.pools[pool].life.touch(|life| *life += 1);
    }

    /// `heap/abandon.rs`, when the thread of `heap` ends: false when the pool stays.
    fn abandon(&self, heap: usize, pool: usize) -> bool {
        let listed = self.pools[pool].free_count() > 0;
        let gone = self.pools[pool].shared().abandon(heap_id(heap), listed);
        if gone && listed {
            self.abandoned.push(&PoolLinks(self), pool_id(pool));
        }
        gone
    }

    /// `heap/abandon.rs`, by the thread of `heap`: takes one pool off the stack, drains it if there is anything
    /// to drain, and returns it.
    fn adopt(&self, heap: usize) -> Option<usize> {
        if self.abandoned.looks_empty() {
            return None;
        }
        let id = self.abandoned.pop(&LateLinks(self))?;
        let pool = pool_of(id);
        let pending = self.pools[pool].shared().adopt(heap_id(heap));
        let _ = self.pools[pool].free_count();
        if pending && self.drain(pool) {
            self.heaps[heap].inbox.push(&PoolLinks(self), id);
        }
        Some(pool)
    }

    /// `heap/thread.rs`: a new thread takes over the heap of one that has ended.
    fn attach(&self) -> Option<usize> {
        let heap = heap_of(self.parked.pop(&HeapLinks(self))?);
        self.heaps[heap].own.touch(|touched| *touched += 1);
        Some(heap)
    }

    /// `heap/thread.rs`: the end of a thread, whose pools are `pools`.
    fn detach(&self, heap: usize, pools: &[usize]) {
        self.drain_inbox(heap, false);
        for &pool in pools {
            self.abandon(heap, pool);
        }
        self.parked.push(&HeapLinks(self), heap_id(heap));
    }

    /// When every other thread has ended: takes in what is on any list, and finds each pool with nothing
    /// pending and the blocks in `out`, and no other, out.
    fn audit(&self, out: &[&[usize]]) {
        (0..self.heaps.len()).for_each(|heap| self.drain_inbox(heap, false));
        while self.adopt(0).is_some() {}
        (0..self.heaps.len()).for_each(|heap| self.drain_inbox(heap, false));
        assert!(self.heaps.iter().all(|heap| heap.inbox.looks_empty()), "R1: a list without end");
        for (pool, out) in self.pools.iter().zip(out) {
            let (owner, pending) = pool.shared.peek();
            assert_eq!(pending, 0, "R2: counted, and not drained");
            assert_ne!(owner, Owner::Listed, "listed, and on no list");
            assert_eq!(
                pool.free_count() as usize,
                pool.blocks.len() - out.len(),
                "a free forgotten"
            );
            pool.own
                .touch(|own| assert_eq!(FreeMap::new(&own.free).count() as u32, own.free_count));
        }
    }
}

/// Runs `work` in a thread of its own.
fn spawn(world: &Arc<World>, work: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
    let world = world.clone();
    thread::spawn(move || work(&world))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
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

    fn receive(&self) -> Vec<UnitId> {
        let mut all = Vec::new();
        self.inbox.take_all(self, |node| {
            self.write(node);
            all.push(node);
        });
        all
    }
}

fn assert_each_once(mut found: Vec<UnitId>, n: usize) {
    found.sort_by_key(|node| node.get());
    assert_eq!(found, (0..n).map(node).collect::<Vec<_>>());
}

#[test]
fn inbox_hands_over_every_node_whole() {
    explore("inbox_hands_over_every_node_whole", || {
        let nodes = Nodes::new(3);
        let pushers = [&[0, 1][..], &[2]].map(|mine| {
            let nodes = nodes.clone();
            thread::spawn(move || mine.iter().for_each(|&i| nodes.send(i)))
        });
        let mut found = nodes.receive();
        found.extend(nodes.receive());
        join(pushers);
        found.extend(nodes.receive());
        assert_each_once(found, 3);
    });
}

#[test]
fn inbox_nodes_may_come_back_while_it_is_read() {
    explore("inbox_nodes_may_come_back_while_it_is_read", || {
        let nodes = Nodes::new(3);
        nodes.send(0);
        nodes.send(1);
        let pusher = {
            let nodes = nodes.clone();
            thread::spawn(move || nodes.send(2))
        };
        let mut first = Vec::new();
        nodes.inbox.take_all(&*nodes, |node| {
            first.push(node);
            nodes.write(node);
            nodes.inbox.push(&*nodes, node);
        });
        join([pusher]);
        assert!(first.len() >= 2);
        assert_each_once(nodes.receive(), 3);
    });
}

#[test]
fn stack_hands_each_node_to_one() {
    explore("stack_hands_each_node_to_one", || {
        let nodes = Nodes::new(3);
        nodes.push(0);
        let [pusher, popper] = [true, false].map(|pushes| {
            let nodes = nodes.clone();
            thread::spawn(move || {
                if pushes {
                    nodes.push(1);
                    nodes.push(2);
                    None
                } else {
                    nodes.pop()
                }
            })
        });
        let mut found = Vec::from_iter(nodes.pop());
        found.extend([pusher, popper].into_iter().filter_map(|thread| thread.join().unwrap()));
        found.extend(std::iter::from_fn(|| nodes.pop()));
        assert_each_once(found, 3);
    });
}

/// One reads the top and its link and is held up; meanwhile both top nodes go and the first comes back.
#[test]
fn stack_notices_a_top_that_came_back() {
    explore("stack_notices_a_top_that_came_back", || {
        let nodes = Nodes::new(3);
        (0..3).for_each(|i| nodes.push(i));
        let popper = {
            let nodes = nodes.clone();
            thread::spawn(move || nodes.pop())
        };
        let (first, second) = (nodes.pop(), nodes.pop());
        if let Some(first) = first {
            nodes.push(first.get() as usize - 1);
        }
        let mut found = Vec::from_iter(popper.join().unwrap());
        found.extend(second);
        found.extend(std::iter::from_fn(|| nodes.pop()));
        assert_each_once(found, 3);
    });
}

// ----------------------------------------------------------------------------------------------------- bits

#[test]
fn mark_publishes_the_block() {
    explore("mark_publishes_the_block", || {
        let world = World::new(1, vec![Pool::new(0, 65, &[0, 1, 64])]);
        let markers = [&[0][..], &[1, 64]]
            .map(|blocks| spawn(&world, move |world| world.free_directly(0, blocks)));
        // Without waiting to be told, as the statistics of a heap might do: the map alone must do.
        let mut seen = 0;
        for _ in 0..2 {
            seen += RemoteMap::new(&world.pools[0].remote).take(|w, bits| {
                for i in (0..64).filter(|i| bits >> i & 1 != 0) {
                    world.pools[0].blocks[w * 64 + i].touch(|word| assert_eq!(*word, 1));
                }
            });
        }
        join(markers);
        seen += RemoteMap::new(&world.pools[0].remote).take(|_, _| ());
        assert_eq!(seen, 3);
    });
}

/// Two threads free the same block: the map tells one of them, or the owner's free map tells the owner.
#[test]
fn a_double_free_is_noticed() {
    explore("a_double_free_is_noticed", || {
        let world = World::new(1, vec![Pool::new(0, 2, &[0, 1])]);
        let noticed = Arc::new(AtomicUsize::new(0));
        let markers = [0b01, 0b11].map(|bits| {
            let noticed = noticed.clone();
            spawn(&world, move |world| {
                if RemoteMap::new(&world.pools[0].remote).mark(0, bits) != 0 {
                    noticed.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let take = || {
            RemoteMap::new(&world.pools[0].remote).take(|w, bits| {
                let twice =
                    world.pools[0].own.touch(|own| FreeMap::new(&own.free).insert_word(w, bits));
                noticed.fetch_add(usize::from(twice != 0), Ordering::Relaxed);
            })
        };
        take();
        join(markers);
        take();
        assert_eq!(noticed.load(Ordering::Relaxed), 1);
    });
}

/// Units of an arena: who holds them may touch them.
struct Units {
    free: UnitMap,
    dirty: UnitMap,
    memory: Vec<Held<u32>>,
}

/// The units that the tests use, across the border of two words.
const UNITS: std::ops::Range<usize> = 62..66;

impl Units {
    fn new() -> Arc<Self> {
        let units = Units {
            free: UnitMap::new(),
            dirty: UnitMap::new(),
            memory: UNITS.map(|_| Held::default()).collect(),
        };
        units.free.set(UNITS.start, UNITS.len());
        Arc::new(units)
    }

    fn touch(&self, at: usize, len: usize, value: u32) {
        self.memory[at - UNITS.start..][..len]
            .iter()
            .for_each(|unit| unit.touch(|word| *word = value));
    }

    /// Claims, uses and gives back, as `arena.rs` does; false when somebody was faster.
    fn claim_and_release(&self, at: usize, len: usize) -> bool {
        if !self.free.claim(at, len) {
            return false;
        }
        let dirty = self.dirty.take(at, len);
        for i in at..at + len {
            // A2.
            let known_zero = !dirty.contains(i);
            self.memory[i - UNITS.start].touch(|word| assert!(!known_zero || *word == 0, "A2"));
        }
        self.touch(at, len, 7);
        self.dirty.set(at, len);
        self.free.set(at, len);
        true
    }

    /// Decommits what is free and dirty, as `arena/purge.rs` does.
    fn purge(&self) {
        let chosen = self.free.snapshot().and(&self.dirty.snapshot());
        for (at, len) in chosen.runs() {
            if self.free.claim(at, len) {
                for (at, len) in self.dirty.take(at, len).runs() {
                    self.touch(at, len, 0);
                }
                self.free.set(at, len);
            }
        }
    }

    fn audit(&self) {
        let (free, dirty) = (self.free.snapshot(), self.dirty.snapshot());
        assert_eq!(free.runs().collect::<Vec<_>>(), [(UNITS.start, UNITS.len())]);
        for i in UNITS {
            self.memory[i - UNITS.start]
                .touch(|word| assert!(dirty.contains(i) || *word == 0, "A2"));
        }
    }
}

/// Runs of one and of two words overlap: each has its units alone, and who gets only a part leaves no trace.
#[test]
fn a_unit_has_one_holder() {
    explore("a_unit_has_one_holder", || {
        let units = Units::new();
        let others = [(63, 3), (64, 1)].map(|(at, len)| {
            let units = units.clone();
            thread::spawn(move || {
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
    explore("purge_holds_what_it_decommits", || {
        let units = Units::new();
        assert!(units.claim_and_release(63, 2));
        let purger = {
            let units = units.clone();
            thread::spawn(move || units.purge())
        };
        let claimer = {
            let units = units.clone();
            thread::spawn(move || {
                units.claim_and_release(64, 2);
            })
        };
        units.claim_and_release(62, 2);
        join([purger, claimer]);
        units.audit();
    });
}

// -------------------------------------------------------------------------------------------- pool/remote.rs

/// R1, R2: two threads free into a pool while its owner drains.
#[test]
fn remote_free_is_never_forgotten() {
    explore("remote_free_is_never_forgotten", || {
        let world = World::new(3, vec![Pool::new(0, 65, &[0, 1, 64])]);
        let freers = [
            spawn(&world, |world| world.free(1, 0, &[0, 64])),
            spawn(&world, |world| world.free(2, 0, &[1])),
        ];
        world.drain_inbox(0, false);
        world.drain_inbox(0, false);
        join(freers);
        world.audit(&[&[]]);
    });
}

/// S1: a pool that was drained is announced once more, by another thread and behind another pool: its link
/// must not still say what it said before.
#[test]
fn a_drained_pool_is_announced_again() {
    explore("a_drained_pool_is_announced_again", || {
        let world = World::new(3, vec![Pool::new(0, 2, &[0, 1]), Pool::new(0, 1, &[0])]);
        let freers = [
            spawn(&world, |world| world.free(1, 0, &[0])),
            spawn(&world, |world| {
                world.free(2, 1, &[0]);
                world.free(2, 0, &[1]);
            }),
        ];
        world.drain_inbox(0, false);
        join(freers);
        world.audit(&[&[], &[]]);
    });
}

/// R3: the memory of a pool is given away when its last block has come back, and has other uses then.
#[test]
fn released_pool_is_not_touched() {
    explore("released_pool_is_not_touched", || {
        let world = World::new(3, vec![Pool::new(0, 66, &[0, 1, 65])]);
        let freers = [
            spawn(&world, |world| world.free(1, 0, &[0, 65])),
            spawn(&world, |world| world.free(2, 0, &[1])),
        ];
        world.drain_inbox(0, true);
        world.drain_inbox(0, true);
        join(freers);
        world.drain_inbox(0, true);
        world.drain_inbox(0, true);
        world.pools[0].life.look(|life| assert_eq!(*life, 1, "released once"));
    });
}

/// R4: the owner ends while another thread frees into its full pool, and a third, whose block is in it too,
/// would take it over.
#[test]
fn abandon_against_mark() {
    explore("abandon_against_mark", || {
        let world = World::new(3, vec![Pool::new(0, 2, &[0, 1])]);
        let freers = [
            spawn(&world, |world| world.free(1, 0, &[0])),
            spawn(&world, |world| world.free(2, 0, &[1])),
        ];
        world.detach(0, &[0]);
        join(freers);
        world.audit(&[&[]]);
    });
}
