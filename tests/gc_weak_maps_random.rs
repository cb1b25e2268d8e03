//! Random changes of graphs with weak maps, beside a model that knows who can be reached: an entry's contents, from the map
//! and the key together. After a full collection exactly that is alive, and maps have exactly the entries that the model has;
//! before, never less. (Case 49.)
#![cfg(feature = "gc")]

mod common;

use common::{Rng, scaled};
use neap::Gc;
use neap::gc::{self, Trace, Tracer, WeakKeyMap, WeakValueMap};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

type Id = usize;
type Map = WeakKeyMap<Node, RefCell<Vec<Gc<Node>>>>;
type ByName = WeakValueMap<Name, Node>;

/// An object with edges and maps of its own.
struct Node {
    id: Id,
    edges: RefCell<Vec<Gc<Node>>>,
    map: RefCell<Map>,
    by_name: RefCell<ByName>,
    alive: Rc<RefCell<BTreeSet<Id>>>,
}

// SAFETY: all is visited, once.
unsafe impl Trace for Node {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
        self.map.trace(tracer);
        self.by_name.trace(tracer);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        assert!(self.alive.borrow_mut().remove(&self.id), "{} is dropped twice", self.id);
    }
}

/// A key that holds an object.
struct Name(u32, Gc<Node>);

// SAFETY: the one `Gc` is visited, once.
unsafe impl Trace for Name {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.1.trace(tracer);
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.0 == other.0
    }
}

impl Eq for Name {}

impl std::hash::Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Who owns a map: a variable of the test, or an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Owner {
    Variable(usize),
    Object(Id),
}

/// What there should be.
#[derive(Default)]
struct Model {
    edges: BTreeMap<Id, Vec<Id>>,
    /// Contents, by the map and the key.
    entries: BTreeMap<(Owner, Id), Vec<Id>>,
    /// The object and what the name holds, by the map and the name.
    names: BTreeMap<(Owner, u32), (Id, Id)>,
}

impl Model {
    /// Who can be reached from these.
    fn reached(&self, roots: impl Iterator<Item = Id>) -> BTreeSet<Id> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<Id> = roots.collect();
        loop {
            while let Some(id) = open.pop() {
                if reached.insert(id) {
                    open.extend(&self.edges[&id]);
                }
            }
            let there = |owner: &Owner| match owner {
                Owner::Variable(_) => true,
                Owner::Object(id) => reached.contains(id),
            };
            for ((owner, key), targets) in &self.entries {
                if there(owner) && reached.contains(key) {
                    open.extend(targets.iter().filter(|id| !reached.contains(id)));
                }
            }
            for ((owner, _), (object, held)) in &self.names {
                if there(owner) && reached.contains(object) && !reached.contains(held) {
                    open.push(*held);
                }
            }
            if open.is_empty() {
                return reached;
            }
        }
    }

    /// Forgets who is dead.
    fn bury(&mut self, reached: &BTreeSet<Id>) {
        let there = |owner: &Owner| match owner {
            Owner::Variable(_) => true,
            Owner::Object(id) => reached.contains(id),
        };
        self.edges.retain(|id, _| reached.contains(id));
        self.entries.retain(|(owner, key), _| there(owner) && reached.contains(key));
        self.names.retain(|(owner, _), (object, _)| there(owner) && reached.contains(object));
    }
}

const ROOTS: usize = 8;
const VARIABLES: usize = 2;
const NAMES: usize = 6;

struct World {
    rng: Rng,
    next: Id,
    alive: Rc<RefCell<BTreeSet<Id>>>,
    model: Model,
    roots: Vec<Option<Gc<Node>>>,
    maps: Vec<RefCell<Map>>,
    by_name: Vec<RefCell<ByName>>,
}

impl World {
    fn new(seed: u64) -> World {
        World {
            rng: Rng(seed),
            next: 0,
            alive: Rc::default(),
            model: Model::default(),
            roots: vec![None; ROOTS],
            maps: (0..VARIABLES).map(|_| RefCell::default()).collect(),
            by_name: (0..VARIABLES).map(|_| RefCell::default()).collect(),
        }
    }

    fn create(&mut self) -> Gc<Node> {
        let id = self.next;
        self.next += 1;
        self.alive.borrow_mut().insert(id);
        self.model.edges.insert(id, Vec::new());
        Gc::new(Node {
            id,
            edges: RefCell::default(),
            map: RefCell::default(),
            by_name: RefCell::default(),
            alive: self.alive.clone(),
        })
    }

    /// Somebody who can be reached: a root, or a few steps from one.
    fn pick(&mut self) -> Gc<Node> {
        let place = self.rng.below(ROOTS);
        let Some(mut here) = self.roots[place].clone() else {
            let new = self.create();
            self.roots[place] = Some(new.clone());
            return new;
        };
        for _ in 0..self.rng.below(4) {
            let next = {
                let edges = here.edges.borrow();
                match edges.len() {
                    0 => None,
                    len => Some(edges[self.rng.below(len)].clone()),
                }
            };
            here = next.unwrap_or(here);
        }
        here
    }

    /// Does `work` with a map of a variable or of an object.
    fn with_map<T>(&mut self, work: impl FnOnce(&mut World, Owner, &RefCell<Map>) -> T) -> T {
        if self.rng.below(3) == 0 {
            let place = self.rng.below(VARIABLES);
            let map = self.maps[place].take();
            let cell = RefCell::new(map);
            let result = work(self, Owner::Variable(place), &cell);
            self.maps[place] = cell;
            result
        } else {
            let object = self.pick();
            work(self, Owner::Object(object.id), &object.map)
        }
    }

    fn with_names<T>(&mut self, work: impl FnOnce(&mut World, Owner, &RefCell<ByName>) -> T) -> T {
        if self.rng.below(3) == 0 {
            let place = self.rng.below(VARIABLES);
            let cell = RefCell::new(self.by_name[place].take());
            let result = work(self, Owner::Variable(place), &cell);
            self.by_name[place] = cell;
            result
        } else {
            let object = self.pick();
            work(self, Owner::Object(object.id), &object.by_name)
        }
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..20 => {
                let new = self.create();
                let place = self.rng.below(ROOTS);
                self.roots[place] = Some(new);
            }
            20..40 => {
                let place = self.rng.below(ROOTS);
                self.roots[place] = None;
            }
            40..52 => {
                let (from, to) = (self.pick(), self.pick());
                from.edges.borrow_mut().push(to.clone());
                self.model.edges.get_mut(&from.id).unwrap().push(to.id);
            }
            52..58 => {
                let from = self.pick();
                let gone = from.edges.borrow_mut().pop();
                self.model.edges.get_mut(&from.id).unwrap().pop();
                drop(gone);
            }
            58..72 => {
                let (key, target) = (self.pick(), self.pick());
                self.with_map(|world, owner, map| {
                    let mut map = map.borrow_mut();
                    // Sometimes with the collector at work meanwhile.
                    let mut lent = map.get_or_insert_with(&key, RefCell::default);
                    lent.get_mut().push(target.clone());
                    if world.rng.below(20) == 0 {
                        gc::collect_generation(world.rng.below(3));
                    }
                    drop(lent);
                    let entry = world.model.entries.entry((owner, key.id)).or_default();
                    entry.push(target.id);
                });
            }
            72..76 => {
                let key = self.pick();
                self.with_map(|world, owner, map| {
                    let gone = map.borrow_mut().remove(&key);
                    let known = world.model.entries.remove(&(owner, key.id));
                    let ids = |all: &RefCell<Vec<Gc<Node>>>| {
                        all.borrow().iter().map(|node| node.id).collect::<Vec<_>>()
                    };
                    assert_eq!(gone.as_ref().map(ids), known);
                });
            }
            76..84 => {
                let (object, held) = (self.pick(), self.pick());
                let name = self.rng.below(NAMES) as u32;
                self.with_names(|world, owner, map| {
                    let old = map.borrow_mut().insert(Name(name, held.clone()), &object);
                    let known = world.model.names.get_mut(&(owner, name));
                    match (old, known) {
                        // The name that was there stays.
                        (Some(old), Some((id, _))) => {
                            assert_eq!(old.id, *id);
                            *id = object.id;
                        }
                        // It may be dead without having been found: then it is another's name.
                        (None, _) => {
                            world.model.names.insert((owner, name), (object.id, held.id));
                        }
                        (Some(_), None) => panic!("a name that nobody gave"),
                    }
                });
            }
            84..86 => {
                // A map moves away, with what it holds.
                let place = self.rng.below(VARIABLES);
                self.maps[place].take();
                self.model.entries.retain(|(owner, _), _| *owner != Owner::Variable(place));
            }
            86..95 => {
                gc::collect_generation(self.rng.below(2));
                self.check_alive();
            }
            _ => {
                gc::collect();
                self.check_all();
            }
        }
    }

    fn reached(&self) -> BTreeSet<Id> {
        self.model.reached(self.roots.iter().flatten().map(|root| root.id))
    }

    /// Who can be reached is alive.
    fn check_alive(&self) {
        let alive = self.alive.borrow();
        assert!(self.reached().is_subset(&alive), "somebody died who can be reached");
    }

    /// And nobody else; and maps say what they should.
    fn check_all(&mut self) {
        let reached = self.reached();
        assert_eq!(*self.alive.borrow(), reached);
        self.model.bury(&reached);
        for (place, map) in self.maps.iter().enumerate() {
            self.check_map(Owner::Variable(place), &map.borrow());
        }
        for (place, map) in self.by_name.iter().enumerate() {
            self.check_names(Owner::Variable(place), &map.borrow());
        }
        let mut seen = BTreeSet::new();
        let mut open: Vec<Gc<Node>> = self.roots.iter().flatten().cloned().collect();
        while let Some(node) = open.pop() {
            if seen.insert(node.id) {
                self.check_map(Owner::Object(node.id), &node.map.borrow());
                self.check_names(Owner::Object(node.id), &node.by_name.borrow());
                open.extend(node.edges.borrow().iter().cloned());
            }
        }
    }

    fn check_map(&self, owner: Owner, map: &Map) {
        let mut found = BTreeMap::new();
        for entry in map.iter() {
            let targets: Vec<Id> = entry.value().borrow().iter().map(|node| node.id).collect();
            assert!(found.insert((owner, entry.key().id), targets).is_none());
        }
        assert_eq!(found.len(), map.len());
        let known = self.model.entries.iter().filter(|((other, _), _)| *other == owner);
        assert_eq!(found, known.map(|(key, targets)| (*key, targets.clone())).collect());
    }

    fn check_names(&self, owner: Owner, map: &ByName) {
        let mut found = BTreeMap::new();
        for entry in map.iter() {
            let name = entry.key();
            assert!(found.insert((owner, name.0), (entry.value().id, name.1.id)).is_none());
        }
        assert_eq!(found.len(), map.len());
        let known = self.model.names.iter().filter(|((other, _), _)| *other == owner);
        assert_eq!(found, known.map(|(key, ids)| (*key, *ids)).collect());
    }
}

#[test]
fn maps_hold_what_the_model_says() {
    gc::disable();
    for seed in 1..=scaled(40, 2000) as u64 {
        let mut world = World::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for _ in 0..1500 {
            world.step();
        }
        world.roots.clear();
        gc::collect();
        assert!(world.alive.borrow().is_empty());
        assert!(world.maps.iter().all(|map| map.borrow().is_empty()));
    }
}
