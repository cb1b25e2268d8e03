//! Random changes of a graph, beside a model that knows who can be reached: nothing that can be reached is ever finalized or
//! dropped, and after a full collection exactly that is alive, with the model's counts. (Case 18.)
//!
//! Objects are small, over-aligned, large and huge; with finalizers that do nothing, resurrect, link and let go; with drops
//! that make objects; with acyclic leaves; not tracked; handled as what they are and as trait objects; with weak references.
//! Collections of all generations come from the test, by themselves, while cells are borrowed, and while a value is
//! being changed through `get_mut`.
#![cfg(feature = "gc")]

mod common;

use common::{KIB, MIB, Rng, scaled};
use neap::gc::{self, Trace, Tracer, Weak};
use neap::{Gc, coerce};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

type Id = usize;
type Edges = Vec<Gc<dyn Object>>;

/// What objects can do, as trait objects too.
trait Object: Trace {
    fn body(&self) -> &Body;
    fn body_mut(&mut self) -> &mut Body;
    /// That what lies around the body is as it was made.
    fn verify(&self);
}

/// What a finalizer does.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Last {
    Nothing,
    SaveSelf,
    SavePeer,
    LetGo,
    LinkFromHub,
}

/// What each object has.
struct Body {
    id: Id,
    edges: RefCell<Edges>,
    leaves: Vec<Gc<u64>>,
    last: Last,
    me: RefCell<Weak<dyn Object>>,
    /// Its drop makes objects.
    breeds: bool,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Finalized(Id),
    Dropped(Id),
    /// A handle to this was put aside.
    Saved(Id),
    /// This lost its edges.
    LetGo(Id),
    /// The hub has one edge more.
    Linked(Id),
}

thread_local! {
    static EVENTS: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
    static SAVED: RefCell<Edges> = const { RefCell::new(Vec::new()) };
    static HUB: RefCell<Option<Gc<dyn Object>>> = const { RefCell::new(None) };
}

fn tell(event: Event) {
    EVENTS.with_borrow_mut(|events| events.push(event));
}

// SAFETY: all is visited, once.
unsafe impl Trace for Body {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
        self.leaves.trace(tracer);
    }
}

/// Garbage that a drop makes.
struct Scrap(RefCell<Option<Gc<Scrap>>>);

// SAFETY: it is visited, once.
unsafe impl Trace for Scrap {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        tell(Event::Dropped(self.id));
        assert!(self.me.get_mut().upgrade().is_none());
        if self.breeds {
            let scrap = Gc::new(Scrap(RefCell::new(None)));
            *scrap.0.borrow_mut() = Some(scrap.clone());
            let _leaf = Gc::new(vec![Gc::new(7u64)]);
            if self.id.is_multiple_of(5) {
                gc::collect_generation(self.id % 3);
            }
        }
    }
}

impl Body {
    fn finalize(&self) {
        tell(Event::Finalized(self.id));
        let me = || self.me.borrow().upgrade();
        match self.last {
            Last::Nothing => {}
            Last::SaveSelf => {
                // Without one when it was parted from its `Weak`.
                if let Some(me) = me() {
                    SAVED.with_borrow_mut(|saved| saved.push(me));
                    tell(Event::Saved(self.id));
                }
            }
            Last::SavePeer => {
                if let Some(peer) = self.edges.borrow().first() {
                    SAVED.with_borrow_mut(|saved| saved.push(peer.clone()));
                    tell(Event::Saved(peer.body().id));
                }
            }
            Last::LetGo => {
                tell(Event::LetGo(self.id));
                drop(self.edges.take());
            }
            Last::LinkFromHub => HUB.with_borrow(|hub| {
                let Some(hub) = hub else { return };
                if let (Some(me), Ok(mut edges)) = (me(), hub.body().edges.try_borrow_mut()) {
                    edges.push(me);
                    tell(Event::Linked(self.id));
                }
            }),
        }
    }
}

/// An object: `FINAL` with a finalizer, and something beside the body.
struct Plain<const FINAL: bool>(Body);
#[repr(align(64))]
struct Aligned(Body, [u8; 3]);
#[repr(align(4096))]
struct Page(Body);
struct Large(Body, [u64; 9000]);
struct Huge(Body, [u64; 17 * MIB / 8]);

macro_rules! object {
    ($([$($const:tt)*] $type:ty, $finalizer:expr, $this:ident => $verify:expr;)*) => {$(
        // SAFETY: all is visited, once.
        unsafe impl<$($const)*> Trace for $type {
            fn trace(&self, tracer: &mut Tracer<'_>) {
                self.0.trace(tracer);
            }
            fn finalizer() -> Option<fn(&Self)> {
                $finalizer
            }
        }

        impl<$($const)*> Object for $type {
            fn body(&self) -> &Body {
                &self.0
            }
            fn body_mut(&mut self) -> &mut Body {
                &mut self.0
            }
            fn verify(&self) {
                let $this = self;
                assert!($verify);
            }
        }
    )*};
}

object! {
    [const FINAL: bool] Plain<FINAL>, FINAL.then_some(|this: &Self| this.0.finalize()), _this => true;
    [] Aligned, Some(|this: &Self| this.0.finalize()),
        this => this.1 == [1, 2, 3] && (&raw const *this).is_aligned();
    [] Page, None, this => (&raw const *this).is_aligned();
    [] Large, Some(|this: &Self| this.0.finalize()),
        this => this.1.iter().all(|word| *word == this.0.id as u64);
    [] Huge, None, this => this.1[0] == this.0.id as u64 && this.1[this.1.len() - 1] == 5;
}

impl Clone for Plain<false> {
    /// The clone gets a name of its own later.
    fn clone(&self) -> Self {
        let Body { edges, leaves, .. } = &self.0;
        let (edges, leaves) = (edges.clone(), leaves.clone());
        Plain(Body { id: 0, edges, leaves, last: Last::Nothing, me: nobody(), breeds: false })
    }
}

fn nobody() -> RefCell<Weak<dyn Object>> {
    RefCell::new(coerce!(Weak::<Page>::new() => dyn Object))
}

/// A handle, with its type or without.
enum Handle {
    Plain(Gc<Plain<false>>),
    Dyn(Gc<dyn Object>),
}

impl Handle {
    fn object(&self) -> Gc<dyn Object> {
        match self {
            Handle::Plain(gc) => coerce!(gc.clone() => dyn Object),
            Handle::Dyn(gc) => gc.clone(),
        }
    }

    fn body(&self) -> &Body {
        match self {
            Handle::Plain(gc) => &gc.0,
            Handle::Dyn(gc) => gc.body(),
        }
    }
}

/// What the model knows of an object.
#[derive(Default)]
struct Known {
    edges: Vec<Id>,
    finalized: bool,
    frozen: bool,
    /// The collector never looks at it, and no other holds it.
    untracked: bool,
    /// It has a `Weak` of its own.
    me: bool,
}

/// The graph and its model.
struct World {
    rng: Rng,
    handles: Vec<Handle>,
    weak: Vec<(Id, Weak<dyn Object>)>,
    known: BTreeMap<Id, Known>,
    named: Id,
    leaves: Vec<Gc<u64>>,
    huge: usize,
    figures: [usize; 6],
}

impl World {
    fn new(seed: u64) -> World {
        let leaves = (0..10).map(Gc::new).collect();
        let mut world = World {
            rng: Rng(seed),
            handles: Vec::new(),
            weak: Vec::new(),
            known: BTreeMap::new(),
            named: 0,
            leaves,
            huge: 0,
            figures: [0; 6],
        };
        let hub = world.make_plain(Last::Nothing, false);
        HUB.set(Some(hub.object()));
        world.handles.push(hub);
        world
    }

    fn body(&mut self, last: Last) -> Body {
        self.named += 1;
        let mut edges = Vec::new();
        for _ in 0..self.rng.below(3) {
            if let Some(target) = self.target() {
                edges.push(target);
            }
        }
        let known =
            Known { edges: edges.iter().map(|edge| edge.body().id).collect(), ..Known::default() };
        self.known.insert(self.named, known);
        let leaves = (0..self.rng.below(2)).map(|i| self.leaves[i].clone()).collect();
        let breeds = self.rng.below(8) == 0;
        Body { id: self.named, edges: RefCell::new(edges), leaves, last, me: nobody(), breeds }
    }

    fn make_plain(&mut self, last: Last, tracked: bool) -> Handle {
        let body = self.body(last);
        let id = body.id;
        let gc = if tracked { Gc::new(Plain(body)) } else { Gc::new_untracked(Plain(body)) };
        self.known.get_mut(&id).expect("it was made").untracked = !tracked;
        Handle::Plain(gc)
    }

    /// An object that may be held by others, if there is a handle to one.
    fn target(&mut self) -> Option<Gc<dyn Object>> {
        let handle = self.handles.get(self.rng.below(self.handles.len().max(1)))?;
        let known = &self.known[&handle.body().id];
        (!known.untracked).then(|| handle.object())
    }

    fn make(&mut self) {
        let last = [Last::Nothing, Last::SaveSelf, Last::SavePeer, Last::LetGo, Last::LinkFromHub]
            [self.rng.below(5)];
        let kind = self.rng.below(10_000);
        let handle = match kind {
            0..5000 => self.make_plain(Last::Nothing, true),
            5000..5500 => self.make_plain(Last::Nothing, false),
            5500..8000 => {
                let gc: Gc<dyn Object> =
                    coerce!(Gc::new(Plain::<true>(self.body(last))) => dyn Object);
                self.set_me(gc)
            }
            8000..9000 => {
                let gc: Gc<dyn Object> =
                    coerce!(Gc::new(Aligned(self.body(last), [1, 2, 3])) => dyn Object);
                self.set_me(gc)
            }
            9000..9800 => {
                Handle::Dyn(coerce!(Gc::new(Page(self.body(Last::Nothing))) => dyn Object))
            }
            9800..9995 => {
                let body = self.body(last);
                let words = [body.id as u64; 9000];
                Handle::Dyn(coerce!(Gc::new(Large(body, words)) => dyn Object))
            }
            _ if self.huge == 5 => return,
            _ => {
                self.huge += 1;
                let body = self.body(Last::Nothing);
                let id = body.id as u64;
                let mut gc = Gc::new(Huge(body, [0; _]));
                let value = Gc::get_mut(&mut gc).expect("it is new");
                value.1[0] = id;
                value.1[17 * MIB / 8 - 1] = 5;
                Handle::Dyn(coerce!(gc => dyn Object))
            }
        };
        self.handles.push(handle);
    }

    fn set_me(&mut self, gc: Gc<dyn Object>) -> Handle {
        *gc.body().me.borrow_mut() = Gc::downgrade(&gc);
        self.known.get_mut(&gc.body().id).expect("it was made").me = true;
        Handle::Dyn(gc)
    }

    fn pick(&mut self) -> usize {
        self.rng.below(self.handles.len())
    }

    fn link(&mut self) {
        let Some(target) = self.target() else { return };
        let from = self.pick();
        let from = self.handles[from].body();
        self.known.get_mut(&from.id).expect("it lives").edges.push(target.body().id);
        from.edges.borrow_mut().push(target);
    }

    fn unlink(&mut self) {
        let from = self.pick();
        let body = self.handles[from].body();
        let len = body.edges.borrow().len();
        if len == 0 {
            return;
        }
        let which = self.rng.below(len);
        let known = self.known.get_mut(&body.id).expect("it lives");
        let id = known.edges.swap_remove(which);
        // Dropped while the cell is borrowed, or afterwards.
        let mut edges = body.edges.borrow_mut();
        let edge = edges.swap_remove(which);
        assert_eq!(edge.body().id, id);
        if self.rng.below(2) == 0 {
            drop(edges);
        }
        drop(edge);
    }

    /// Goes along an edge, and keeps a handle.
    fn walk(&mut self) {
        let from = self.pick();
        let edge = self.handles[from].body().edges.borrow().last().cloned();
        self.handles.extend(edge.map(Handle::Dyn));
    }

    fn collect(&mut self) {
        match self.rng.below(12) {
            0 => self.collect_fully(),
            1 => {
                let borrowed = self.pick();
                let borrowed = self.handles[borrowed].object();
                let _edges = borrowed.body().edges.borrow_mut();
                gc::collect_generation(self.rng.below(3));
            }
            2 => {
                let borrowed = self.pick();
                let borrowed = self.handles[borrowed].object();
                let _edges = borrowed.body().edges.borrow();
                gc::collect_generation(self.rng.below(3));
            }
            _ => {
                let collected = gc::collect_generation(self.rng.below(2));
                assert_eq!((collected.uncollectable, collected.called_off), (0, false));
            }
        }
    }

    fn collect_fully(&mut self) {
        let collected = gc::collect();
        assert!(!collected.skipped && !collected.called_off && collected.uncollectable == 0);
        self.figures[1] += collected.collected;
        self.figures[2] += collected.resurrected;
        self.hear();
        self.compare();
    }

    fn take_apart(&mut self) {
        let which = self.pick();
        let Handle::Plain(gc) = &self.handles[which] else { return };
        let id = gc.0.id;
        let alone = self.count(id) == 1;
        let (hub, untracked) = (id == 1, self.known[&id].untracked);
        if hub {
            return;
        }
        let Handle::Plain(gc) = self.handles.swap_remove(which) else { unreachable!() };
        match Gc::try_unwrap(gc) {
            Err(gc) => {
                assert!(!alone);
                self.handles.push(Handle::Plain(gc));
            }
            Ok(value) => {
                assert!(alone, "{id} is held by others");
                self.figures[3] += 1;
                for (other, weak) in &self.weak {
                    assert!(*other != id || weak.upgrade().is_none());
                }
                self.weak.retain(|(other, _)| *other != id);
                if self.rng.below(2) == 0 && !untracked {
                    // The same anew.
                    self.handles.push(Handle::Plain(Gc::new(value)));
                    self.known.get_mut(&id).expect("it lives").frozen = false;
                } else {
                    // Its edges are handles now.
                    let edges = value.0.edges.take();
                    self.known.get_mut(&id).expect("it lives").edges.clear();
                    self.handles.extend(edges.into_iter().map(Handle::Dyn));
                }
            }
        }
    }

    fn change(&mut self) {
        let which = self.pick();
        let id = self.handles[which].body().id;
        let weak = self.weak.iter().filter(|(other, _)| *other == id).count();
        let known = &self.known[&id];
        let alone = self.count(id) == 1 && weak == 0 && !known.me;
        let generation = self.rng.below(4);
        let value = match &mut self.handles[which] {
            Handle::Plain(gc) => Gc::get_mut(gc).map(|value| value.body_mut()),
            Handle::Dyn(gc) => Gc::get_mut(gc).map(|value| value.body_mut()),
        };
        assert_eq!(value.is_some(), alone, "get_mut of {id}");
        let Some(body) = value else { return };
        self.figures[4] += 1;
        // Elements are on the way from one place to another while these are called.
        let mut sorted = 0;
        body.edges.get_mut().sort_by_key(|edge| {
            sorted += 1;
            if sorted < 5 && generation < 3 {
                gc::collect_generation(generation);
            }
            edge.body().id
        });
        let edges = body.edges.get_mut().iter().map(|edge| edge.body().id).collect();
        self.known.get_mut(&id).expect("it lives").edges = edges;
    }

    fn make_mut(&mut self) {
        let which = self.pick();
        let count = self.count(self.handles[which].body().id);
        let Handle::Plain(gc) = &mut self.handles[which] else { return };
        let id = gc.0.id;
        if id == 1 {
            return;
        }
        let value = Gc::make_mut(gc);
        if count == 1 {
            assert_eq!(value.0.id, id);
            let known = self.known.get_mut(&id).expect("it lives");
            if self.weak.iter().any(|(other, _)| *other == id) {
                // It moved.
                known.frozen = false;
            }
            assert!(self.weak.iter().all(|(other, weak)| *other != id || weak.upgrade().is_none()));
            self.weak.retain(|(other, _)| *other != id);
        } else {
            assert_eq!(value.0.id, 0);
            self.named += 1;
            value.0.id = self.named;
            let known = Known { edges: self.known[&id].edges.clone(), ..Known::default() };
            self.known.insert(self.named, known);
        }
    }

    fn use_weak(&mut self) {
        if self.rng.below(2) == 0 || self.weak.is_empty() {
            let which = self.pick();
            let object = self.handles[which].object();
            self.weak.push((object.body().id, Gc::downgrade(&object)));
            return;
        }
        let which = self.rng.below(self.weak.len());
        let (id, weak) = &self.weak[which];
        assert_eq!(weak.upgrade().is_some(), self.known.contains_key(id), "a weak to {id}");
        match weak.upgrade() {
            Some(object) if self.rng.below(3) > 0 => {
                assert_eq!((object.body().id, weak.strong_count()), (*id, self.count(*id) + 1));
                self.handles.push(Handle::Dyn(object));
            }
            _ => {
                self.weak.swap_remove(which);
            }
        }
    }

    fn freeze(&mut self) {
        if self.rng.below(2) == 0 {
            gc::freeze();
            self.known.values_mut().for_each(|known| known.frozen = !known.untracked);
        } else {
            gc::unfreeze();
            self.known.values_mut().for_each(|known| known.frozen = false);
        }
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..22 => self.make(),
            22..47 => self.link(),
            47..58 => self.unlink(),
            58..62 => self.walk(),
            62..80 if self.handles.len() > 12 || self.rng.below(3) == 0 => {
                let which = 1 + self.pick();
                if which < self.handles.len() {
                    drop(self.handles.swap_remove(which));
                }
            }
            80..86 => self.collect(),
            86..88 => self.take_apart(),
            88..91 => self.change(),
            91..93 => self.make_mut(),
            93..98 => self.use_weak(),
            98 if self.rng.below(10) == 0 => self.freeze(),
            99 if self.rng.below(10) == 0 => {
                let t0 = self.rng.below(300);
                gc::set_threshold(t0, self.rng.below(5), self.rng.below(5));
            }
            _ => {
                let which = self.pick();
                let object = self.handles[which].object();
                let id = object.body().id;
                assert_eq!(Gc::strong_count(&object), self.count(id) + 1);
                object.verify();
            }
        }
        self.hear();
        // It grows no further than this.
        self.weak.truncate(30);
        if self.known.len() > 150 {
            let which = self.pick();
            let edges = self.handles[which].body().edges.take();
            let id = self.handles[which].body().id;
            self.known.get_mut(&id).expect("it lives").edges.clear();
            drop(edges);
            self.hear();
            if self.known.len() > 400 && self.rng.below(20) == 0 {
                gc::unfreeze();
                self.known.values_mut().for_each(|known| known.frozen = false);
                self.collect_fully();
            }
        }
        while self.handles.len() > 40 {
            let which = 1 + self.rng.below(self.handles.len() - 1);
            drop(self.handles.swap_remove(which));
            self.hear();
        }
    }

    /// References that an object has, as far as the model knows.
    fn count(&self, id: Id) -> usize {
        let hub = usize::from(id == 1);
        let handles = self.handles.iter().filter(|handle| handle.body().id == id).count();
        let edges = |known: &Known| known.edges.iter().filter(|edge| **edge == id).count();
        hub + handles + self.known.values().map(edges).sum::<usize>()
    }

    fn reach(&self, mut next: Vec<Id>) -> BTreeSet<Id> {
        let mut reached = BTreeSet::new();
        while let Some(id) = next.pop() {
            if reached.insert(id) {
                next.extend(&self.known[&id].edges);
            }
        }
        reached
    }

    fn handled(&self) -> Vec<Id> {
        self.handles.iter().map(|handle| handle.body().id).chain([1]).collect()
    }

    /// What objects told since the last time.
    fn hear(&mut self) {
        loop {
            let events = EVENTS.take();
            if events.is_empty() {
                break;
            }
            let mut saved = SAVED.take().into_iter();
            let before = self.reach(self.handled());
            let mut now = before.clone();
            for event in events {
                match event {
                    Event::Finalized(id) => {
                        assert!(!before.contains(&id), "{id} was finalized and can be reached");
                        let known = self.known.get_mut(&id).expect("it lives");
                        assert!(!std::mem::replace(&mut known.finalized, true), "{id} again");
                    }
                    Event::Dropped(id) => {
                        assert!(!now.contains(&id), "{id} was dropped and can be reached");
                        assert!(self.known.remove(&id).is_some(), "{id} was dropped again");
                        self.figures[0] += 1;
                    }
                    Event::Saved(id) => {
                        let handle = saved.next().expect("a handle for each");
                        assert_eq!(handle.body().id, id);
                        self.handles.push(Handle::Dyn(handle));
                        now.extend(self.reach(vec![id]));
                    }
                    Event::LetGo(id) => {
                        self.known.get_mut(&id).expect("it lives").edges.clear();
                        now = self.reach(self.handled());
                    }
                    Event::Linked(id) => {
                        self.known.get_mut(&1).expect("the hub").edges.push(id);
                        now.extend(self.reach(vec![id]));
                        self.figures[5] += 1;
                    }
                }
            }
            assert!(saved.next().is_none());
        }
    }

    /// After a full collection: who is alive, who holds whom, how many references there are.
    fn compare(&self) {
        let frozen = self.known.iter().filter(|(_, known)| known.frozen).map(|(id, _)| *id);
        let alive = self.reach(self.handled().into_iter().chain(frozen).collect());
        let there: BTreeSet<_> = self.known.keys().copied().collect();
        let left: Vec<_> = there.difference(&alive).collect();
        assert!(left.is_empty(), "{left:?} can't be reached and are there");
        let mut next: Edges = self.handles.iter().map(Handle::object).collect();
        let mut met = BTreeSet::new();
        while let Some(object) = next.pop() {
            let body = object.body();
            if !met.insert(body.id) {
                continue;
            }
            object.verify();
            let edges = body.edges.borrow();
            let held: Vec<_> = edges.iter().map(|edge| edge.body().id).collect();
            let known = &self.known[&body.id];
            assert_eq!(held, known.edges, "edges of {}", body.id);
            assert_eq!(gc::is_tracked(&object), !known.untracked);
            next.extend(edges.iter().cloned());
        }
        drop(next);
        let mut counts = BTreeMap::new();
        let handles = self.handled();
        for id in handles.iter().chain(self.known.values().flat_map(|known| &known.edges)) {
            *counts.entry(*id).or_insert(0) += 1;
        }
        let mut next: Edges = self.handles.iter().map(Handle::object).collect();
        met.clear();
        while let Some(object) = next.pop() {
            let id = object.body().id;
            if met.insert(id) {
                let here = 1 + next.iter().filter(|other| Gc::ptr_eq(other, &object)).count();
                assert_eq!(Gc::strong_count(&object) - here, counts[&id], "references to {id}");
                next.extend(object.body().edges.borrow().iter().cloned());
            }
        }
        for (id, weak) in &self.weak {
            assert_eq!(weak.upgrade().is_some(), self.known.contains_key(id), "a weak to {id}");
        }
    }

    fn end(mut self) {
        gc::unfreeze();
        self.known.values_mut().for_each(|known| known.frozen = false);
        self.collect_fully();
        // Finalizers resurrect once each.
        HUB.with_borrow(|hub| drop(hub.as_ref().expect("the hub").body().edges.take()));
        self.known.get_mut(&1).expect("the hub").edges.clear();
        for _ in 0..self.known.len() + 2 {
            self.handles.truncate(1);
            self.hear();
            let edges = self.handles[0].body().edges.take();
            self.known.get_mut(&1).expect("the hub").edges.clear();
            drop(edges);
            self.collect_fully();
        }
        drop((take(&mut self.handles), HUB.take()));
        for _ in 0..3 {
            gc::collect();
        }
        EVENTS.take();
        assert!(self.weak.iter().all(|(_, weak)| weak.upgrade().is_none()));
        assert_eq!(gc::tracked_count(), 0);
        assert!(self.leaves.iter().all(|leaf| Gc::strong_count(leaf) == 1));
        assert!(
            self.figures.iter().all(|figure| *figure > 0),
            "all of it happened: {:?}",
            self.figures
        );
    }
}

fn run(seed: u64, steps: usize) {
    let work = move || {
        let mut world = World::new(seed);
        gc::set_threshold(100, 3, 3);
        for step in 0..steps {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.step()));
            if let Err(payload) = done {
                eprintln!("seed {seed}, step {step}");
                // What is left is of no use.
                std::mem::forget(world);
                std::panic::resume_unwind(payload);
            }
        }
        world.end();
    };
    // A huge value passes over the stack, in a debug build more than once.
    let thread = std::thread::Builder::new().stack_size(256 * MIB).spawn(work);
    thread.expect("a thread").join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
    assert!(size_of::<Large>() > 64 * KIB && size_of::<Huge>() > 16 * MIB);
}

fn steps() -> usize {
    scaled(if cfg!(debug_assertions) { 30_000 } else { 250_000 }, 2_500_000)
}

#[test]
fn seed_1() {
    run(1, steps());
}

#[test]
fn seed_2() {
    run(2, steps());
}

#[test]
fn seed_3() {
    run(3, steps());
}

#[test]
fn seed_4() {
    run(4, steps());
}
