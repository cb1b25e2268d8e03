//! Weak maps: entries go with their object, what they hold lives as long as the object and the map do, and what leads back to
//! its own object keeps nothing alive. (Case 49, and more.)
#![cfg(feature = "gc")]

mod common;

use common::graph::{Final, Node, alone, dropped, finalized, link, new, node, ring, set};
use neap::gc::{self, Leaf, Trace, Tracer, Weak, WeakKeyMap, WeakSet, WeakValueMap};
use neap::{Gc, coerce};
use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

type Map = WeakKeyMap<Node, Gc<Node>>;

/// An object that owns a map, and nodes.
struct Holder {
    map: RefCell<Map>,
    edges: RefCell<Vec<Gc<Holder>>>,
    gone: Rc<Cell<usize>>,
}

// SAFETY: all is visited, once.
unsafe impl Trace for Holder {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.map.trace(tracer);
        self.edges.trace(tracer);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.gone.set(self.gone.get() + 1);
    }
}

fn holder(gone: &Rc<Cell<usize>>) -> Gc<Holder> {
    Gc::new(Holder { map: RefCell::default(), edges: RefCell::default(), gone: gone.clone() })
}

#[test]
fn an_entry_goes_with_its_key() {
    let mut map = Map::new();
    assert!(map.is_empty());
    let keys: Vec<_> = (0..100).map(node).collect();
    for key in &keys {
        assert!(map.insert(key, node(1000 + key.id)).is_none());
    }
    assert_eq!((map.len(), Gc::weak_count(&keys[0])), (100, 1));
    let old = map.insert(&keys[5], node(2005));
    assert_eq!(old.map(|old| old.id), Some(1005));
    assert_eq!(map.get(&keys[5]).map(|value| value.id), Some(2005));
    assert_eq!(map.get(&keys[6]).map(|value| value.id), Some(1006));
    assert!(map.get(&node(5)).is_none(), "another object, whatever it says");
    assert_eq!(map.remove(&keys[6]).map(|value| value.id), Some(1006));
    assert!(map.remove(&keys[6]).is_none() && !map.contains_key(&keys[6]));
    assert_eq!((map.len(), Gc::weak_count(&keys[6])), (99, 0));
    dropped();
    drop(keys);
    assert_eq!((map.len(), map.iter().count()), (0, 0));
    let all = dropped();
    assert_eq!(all.len(), 199);
    assert!((0..100).chain(1000..1005).chain(1007..1100).chain([2005]).all(|id| all.contains(&id)));
}

#[test]
fn an_entry_goes_when_its_key_is_found_dead() {
    let mut map = Map::new();
    let keys = ring(3);
    for key in &keys {
        map.insert(key, node(10 + key.id));
    }
    drop(keys);
    assert_eq!((map.len(), dropped()), (3, vec![]));
    // The values are found with them.
    assert_eq!((gc::collect().collected, map.len()), (6, 0));
    assert_eq!(dropped(), [0, 1, 2, 10, 11, 12]);
}

/// Case 49.
#[test]
fn a_value_that_holds_its_own_key() {
    // The map is a variable.
    let mut map = Map::new();
    let key = node(0);
    map.insert(&key, key.clone());
    assert_eq!(gc::collect().collected, 0);
    assert!(map.contains_key(&key));
    drop(key);
    assert_eq!((gc::collect().collected, map.len(), dropped()), (1, 0, vec![0]));

    // Around a corner, through other keys of the same and of another map.
    let mut other = Map::new();
    let keys: Vec<_> = (0..4).map(node).collect();
    let between = node(4);
    link(&between, &keys[1]);
    map.insert(&keys[0], between);
    other.insert(&keys[1], keys[2].clone());
    map.insert(&keys[2], keys[3].clone());
    other.insert(&keys[3], keys[0].clone());
    let last = keys[3].clone();
    drop(keys);
    assert_eq!((gc::collect().collected, map.len(), other.len()), (0, 2, 2));
    drop(last);
    assert_eq!((gc::collect().collected, map.len(), other.len()), (5, 0, 0));
    assert_eq!(dropped(), [0, 1, 2, 3, 4]);
}

/// Case 49: values that nobody but a map and a key of it holds, in every state of the two.
#[test]
fn it_takes_the_map_and_the_key() {
    for (keeps_map, keeps_key) in [(true, true), (true, false), (false, true), (false, false)] {
        let gone = Rc::default();
        let owner = holder(&gone);
        // In a cycle of its own, so that the collector has to find it.
        owner.edges.borrow_mut().push(owner.clone());
        let key = node(0);
        link(&key, &key);
        let value = node(1);
        link(&value, &value);
        owner.map.borrow_mut().insert(&key, value.clone());
        drop(value);
        let map = keeps_map.then(|| owner.clone());
        let kept = keeps_key.then(|| key.clone());
        drop((owner, key));
        for _ in 0..2 {
            gc::collect();
            assert_eq!(gone.get(), usize::from(!keeps_map));
            let mut expected = Vec::new();
            expected.extend((!keeps_key).then_some(0));
            expected.extend((!keeps_map || !keeps_key).then_some(1));
            assert_eq!(dropped(), expected);
            // The second time nothing is left to be found.
            if let (Some(_), Some(key)) = (&map, &kept) {
                link(key, key);
            } else {
                break;
            }
            assert_eq!(map.as_ref().map(|map| map.map.borrow().len()), Some(1));
        }
        if let Some(map) = map {
            assert_eq!(map.map.borrow().len(), usize::from(keeps_key));
            map.edges.take();
        }
        kept.map(|key| key.edges.take());
        gc::collect();
        dropped();
    }
}

/// Case 49: a value that holds the map's owner, while the key lives.
#[test]
fn a_value_that_holds_the_map() {
    #[derive(Default)]
    struct Registry {
        map: RefCell<WeakKeyMap<u8, Gc<Registry>>>,
        _leaf: Option<Leaf<Rc<()>>>,
    }
    // SAFETY: the map is visited, once.
    unsafe impl Trace for Registry {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.map.trace(tracer);
        }
    }
    let alive = Rc::new(());
    let key = Gc::new(0);
    let registry = Gc::new(Registry { _leaf: Some(Leaf(alive.clone())), ..Registry::default() });
    registry.map.borrow_mut().insert(&key, registry.clone());
    assert_eq!(gc::collect().collected, 0);
    drop(registry);
    assert_eq!(gc::collect().collected, 1);
    assert_eq!(Rc::strong_count(&alive), 1);
    drop(key);
}

const LINKS: usize = 100_000;

/// Counts how often it is visited, and holds a key.
struct Counted(Gc<u32>, Rc<Cell<usize>>);

// SAFETY: the one `Gc` is visited, once.
unsafe impl Trace for Counted {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.1.set(self.1.get() + 1);
        self.0.trace(tracer);
    }
}

fn chain(visits: &Rc<Cell<usize>>) -> (Gc<u32>, WeakKeyMap<u32, Counted>, Weak<u32>) {
    let mut map = WeakKeyMap::new();
    let keys: Vec<_> = (0..LINKS as u32).map(Gc::new).collect();
    // From the last to the first: no order of the table may help.
    for pair in keys.windows(2).rev() {
        map.insert(&pair[0], Counted(pair[1].clone(), visits.clone()));
    }
    let last = Gc::downgrade(&keys[LINKS - 1]);
    (keys[0].clone(), map, last)
}

/// Case 49: chains in linear time, dead or alive.
#[test]
fn a_chain_of_entries() {
    let visits = Rc::default();
    let (first, mut map, last) = chain(&visits);
    // A cycle: the last one holds the first.
    map.insert(&last.upgrade().unwrap(), Counted(first.clone(), visits.clone()));
    // Alive from the first on.
    gc::collect();
    assert_eq!(map.len(), LINKS);
    assert!(visits.take() <= 3 * LINKS);
    drop(first);
    gc::collect();
    assert!(visits.take() <= 3 * LINKS);
    assert_eq!((map.len(), last.strong_count()), (0, 0));
}

/// Case 49: the map is an object's, and what is alive is found from the map and from the keys.
#[test]
fn a_chain_of_entries_in_an_object() {
    let visits = Rc::default();
    let (first, map, last) = chain(&visits);
    let map = Gc::new(RefCell::new(map));
    drop(map.clone());
    gc::collect();
    assert_eq!(map.borrow().len(), LINKS - 1);
    assert!(visits.take() <= 3 * LINKS);
    // The first goes: all others go with it, by counting.
    drop(first);
    assert_eq!((map.borrow().len(), last.strong_count()), (0, 0));
}

/// As many levels as one likes on a small stack.
#[test]
fn a_chain_that_dies_by_counting() {
    let work = || {
        let visits = Rc::default();
        let (first, map, last) = chain(&visits);
        drop(first);
        assert_eq!((map.len(), last.strong_count()), (0, 0));
        // And a map that goes with all of them in it.
        let (first, map, last) = chain(&visits);
        drop(map);
        assert_eq!((*first, last.strong_count()), (0, 0));
    };
    std::thread::Builder::new().stack_size(64 * 1024).spawn(work).unwrap().join().unwrap();
}

/// Objects that could be part of no cycle can through an entry.
#[test]
fn keys_that_own_nothing() {
    let mut map: WeakKeyMap<String, Gc<String>> = WeakKeyMap::new();
    let key = Gc::new(String::from("key"));
    assert!(!gc::is_tracked(&key));
    map.insert(&key, key.clone());
    assert!(gc::is_tracked(&key));
    drop(key);
    assert_eq!((gc::collect().collected, map.len()), (1, 0));

    // Where values own nothing, nothing changes.
    let mut plain: WeakKeyMap<String, u32> = WeakKeyMap::new();
    let key = Gc::new(String::from("key"));
    plain.insert(&key, 1);
    assert!(!gc::is_tracked(&key));
}

/// What its author wanted untracked stays so.
#[test]
fn an_untracked_key_stays_untracked() {
    let mut map: WeakKeyMap<Option<Gc<u8>>, Gc<u8>> = WeakKeyMap::new();
    let key = Gc::new_untracked(None);
    map.insert(&key, Gc::new(1));
    assert!(!gc::is_tracked(&key));
}

#[test]
fn trait_objects_and_slices_are_keys() {
    trait Shape: Trace {
        fn area(&self) -> u32;
    }
    struct Square(u32);
    // SAFETY: it owns no `Gc`.
    unsafe impl Trace for Square {
        fn trace(&self, _: &mut Tracer<'_>) {}
    }
    impl Shape for Square {
        fn area(&self) -> u32 {
            self.0 * self.0
        }
    }
    let mut names: WeakKeyMap<dyn Shape, &str> = WeakKeyMap::new();
    let square: Gc<dyn Shape> = coerce!(Gc::new(Square(3)) => dyn Shape);
    names.insert(&square, "square");
    let found: Vec<_> = names.iter().map(|entry| (entry.key().area(), *entry.value())).collect();
    assert_eq!(found, [(9, "square")]);
    let mut texts: WeakSet<str> = WeakSet::new();
    let text: Gc<str> = Gc::from("tide");
    texts.insert(&text);
    assert_eq!(texts.iter().map(|text| text.len()).sum::<usize>(), 4);
}

/// What is lent to be changed is not looked at; a loan that is never given back ends with the next.
#[test]
fn a_value_that_is_lent() {
    let mut map: WeakKeyMap<Node, Vec<Gc<Node>>> = WeakKeyMap::new();
    let key = node(0);
    map.insert(&key, vec![]);
    {
        let mut lent = map.get_mut(&key).unwrap();
        for id in 1..4 {
            lent.push(node(id));
            let held = lent[0].clone();
            drop(held);
            assert_eq!(gc::collect().collected, 0);
        }
        assert_eq!(lent.len(), 3);
    }
    std::mem::forget(map.get_mut(&key));
    *map.get_mut(&key).unwrap() = vec![key.clone()];
    drop(key);
    assert_eq!((gc::collect().collected, map.len(), dropped()), (1, 0, vec![0, 1, 2, 3]));
}

/// While it is lent, `trace` does not come to it, through its key: whoever lends it has the map.
#[test]
fn nobody_looks_at_what_is_lent() {
    let visits = Rc::default();
    let map = Gc::new(RefCell::new(WeakKeyMap::new()));
    let key = Gc::new(1);
    map.borrow_mut().insert(&key, Counted(key.clone(), Rc::clone(&visits)));
    let collect = || {
        drop((key.clone(), map.clone()));
        gc::collect();
        visits.take()
    };
    assert!(collect() > 0);
    {
        let mut open = map.borrow_mut();
        let lent = open.get_mut(&key);
        assert_eq!(collect(), 0);
        drop(lent);
        open.retain(|_, _| {
            assert_eq!(collect(), 0);
            true
        });
    }
    assert!(collect() > 0);
}

/// Nothing of the dead stays behind.
#[test]
fn memory_of_keys_is_given_back() {
    type Page = [u8; 60_000];
    alone(|| {
        let mut map: WeakKeyMap<Page, Gc<Page>> = WeakKeyMap::new();
        let round = |map: &mut WeakKeyMap<Page, Gc<Page>>| {
            for _ in 0..100 {
                let key = Gc::new([1; 60_000]);
                map.insert(&key, key.clone());
            }
            assert_eq!(gc::collect().collected, 100);
        };
        round(&mut map);
        let before = common::resident();
        for _ in 0..20 {
            round(&mut map);
        }
        // 2000 of them are 114 MiB.
        assert!(common::resident() < before + 50 * common::MIB);
    });
}

#[test]
fn a_value_that_is_made_where_there_is_none() {
    let mut map = Map::new();
    let key = node(0);
    assert_eq!(map.get_or_insert_with(&key, || node(1)).id, 1);
    assert_eq!(map.get_or_insert_with(&key, || unreachable!()).id, 1);
    map.retain(|_, value| {
        *value = node(2);
        gc::collect();
        true
    });
    assert_eq!(map.get(&key).map(|value| value.id), Some(2));
    map.retain(|_, _| false);
    assert_eq!((map.len(), Gc::weak_count(&key)), (0, 0));
    map.extend([(&key, node(3))]);
    map.clear();
    assert!(map.is_empty());
}

/// Keys die while somebody goes through the map.
#[test]
fn keys_that_die_on_the_way() {
    let keys: Rc<RefCell<Vec<_>>> = Rc::new(RefCell::new((0..10).map(node).collect()));
    let mut map: Map = keys.borrow().iter().map(|key| (key, node(100 + key.id))).collect();
    let mut seen = 0;
    for entry in map.iter() {
        seen += 1;
        // All others, and the entry's own handle.
        keys.borrow_mut().clear();
        gc::collect();
        assert_eq!(entry.value().id, 100 + entry.key().id);
        assert_eq!(map.len(), 1);
    }
    assert_eq!((seen, map.len(), dropped().len()), (1, 0, 20));

    *keys.borrow_mut() = (0..10).map(node).collect();
    map.extend(keys.borrow().iter().map(|key| (key, key.clone())));
    keys.take();
    let mut visited = 0;
    map.retain(|key, value| {
        visited += 1;
        assert!(Gc::ptr_eq(key, value));
        gc::collect();
        true
    });
    // The first collection found all others; then its own was one.
    assert_eq!((visited, map.len()), (1, 1));
    gc::collect();
    assert!(map.is_empty());
}

#[test]
fn one_object_in_many_maps() {
    let key = node(0);
    let mut maps: Vec<Map> = (0..50).map(|_| Map::new()).collect();
    for (i, map) in maps.iter_mut().enumerate() {
        map.insert(&key, node(i + 1));
    }
    assert_eq!(Gc::weak_count(&key), 50);
    // From the middle, from both ends.
    for i in [25, 0, 49, 1, 48] {
        maps[i].remove(&key);
    }
    maps.truncate(40);
    assert_eq!(Gc::weak_count(&key), 37);
    drop(key);
    assert!(maps.iter().all(Map::is_empty));
    assert_eq!(dropped(), (0..=50).collect::<Vec<_>>());
}

/// The finalizer of a dead key sees the map as it was, and may take the key back through it.
#[test]
fn a_key_that_comes_back() {
    thread_local! {
        static MAP: RefCell<WeakKeyMap<Final, Gc<Final>>> = const { RefCell::new(WeakKeyMap::new()) };
        static SAVED: RefCell<Option<Gc<Final>>> = const { RefCell::new(None) };
    }
    let key: Gc<Final> = new(0);
    set(&key.on_finalize, |_| {
        MAP.with_borrow(|map| {
            let entry = map.iter().next().unwrap();
            assert_eq!((entry.key().id, entry.value().id), (0, 1));
            SAVED.set(Some(entry.key().clone()));
        });
    });
    let value: Gc<Final> = new(1);
    link(&value, &key);
    MAP.with_borrow_mut(|map| map.insert(&key, value));
    drop(key);
    let done = gc::collect();
    assert_eq!((done.collected, done.resurrected), (0, 2));
    assert_eq!((finalized(), dropped()), (vec![0, 1], vec![]));
    assert_eq!(MAP.with_borrow(|map| map.len()), 1);
    drop(SAVED.take());
    assert_eq!((gc::collect().collected, dropped()), (2, vec![0, 1]));
    assert_eq!(MAP.with_borrow(|map| map.len()), 0);
}

/// Drops of dead keys and of what entries hold find the maps without them.
#[test]
fn maps_in_drops() {
    thread_local! {
        static MAP: RefCell<Map> = const { RefCell::new(Map::new()) };
        static SEEN: Cell<usize> = const { Cell::new(0) };
    }
    let look = |node: &Node| {
        let _ = node;
        MAP.with_borrow(|map| assert_eq!((map.len(), map.iter().count()), (0, 0)));
        SEEN.set(SEEN.get() + 1);
        // And puts something else into it.
        let other = common::graph::node(50);
        MAP.with_borrow_mut(|map| map.insert(&other, common::graph::node(51)));
    };
    let keys = ring(2);
    for key in &keys {
        let value = node(10 + key.id);
        set(&key.on_drop, look);
        set(&value.on_drop, look);
        MAP.with_borrow_mut(|map| map.insert(key, value));
    }
    drop(keys);
    assert_eq!((gc::collect().collected, SEEN.take()), (4, 4));
    assert_eq!(MAP.with_borrow(|map| map.len()), 0);
}

#[test]
fn drops_that_panic() {
    let mut map = Map::new();
    let keys: Vec<_> = (0..4).map(node).collect();
    for key in &keys {
        let value = node(10 + key.id);
        set(&value.on_drop, |_| panic!("a value's drop"));
        map.insert(key, value);
    }
    let [a, b, c, d] = <[_; 4]>::try_from(keys).unwrap_or_else(|_| unreachable!());
    // By counting, by a collection, by hand, and with the map.
    assert!(catch_unwind(AssertUnwindSafe(|| drop(a))).is_err());
    link(&b, &b);
    drop(b);
    assert!(catch_unwind(gc::collect).is_err());
    assert_eq!((map.len(), dropped()), (2, vec![0, 1, 10, 11]));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(map.remove(&c)))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(map))).is_err());
    assert_eq!((dropped(), Gc::weak_count(&d)), (vec![12, 13], 0));
    assert!(!gc::collect().skipped);
}

#[test]
fn an_object_that_moves_out_is_no_key_any_more() {
    let mut map: WeakKeyMap<u32, Gc<u32>> = WeakKeyMap::new();
    let key = Gc::new(1);
    map.insert(&key, Gc::new(2));
    assert_eq!((Gc::try_unwrap(key), map.len()), (Ok(1), 0));
    let mut key = Gc::new(3);
    map.insert(&key, Gc::new(4));
    assert!(Gc::get_mut(&mut key).is_none());
    *Gc::make_mut(&mut key) += 1;
    assert_eq!((*key, map.len()), (4, 0));
}

#[test]
fn objects_by_name() {
    let mut map = WeakValueMap::new();
    let all: Vec<_> = (0..100).map(node).collect();
    for object in &all {
        assert!(map.insert(object.id.to_string(), object).is_none());
    }
    assert_eq!(map.get("7").map(|object| object.id), Some(7));
    let old = map.insert("7".to_string(), &all[8]);
    assert_eq!((old.map(|old| old.id), map.get("7").map(|object| object.id)), (Some(7), Some(8)));
    assert_eq!(map.len(), 100);
    assert_eq!(map.remove("9").map(|object| object.id), Some(9));
    assert!(!map.contains_key("9") && map.remove("9").is_none());
    map.retain(|key, value| key.len() == 1 || value.id % 2 == 0);
    let mut left: Vec<_> = map.iter().map(|entry| entry.key().clone()).collect();
    left.sort();
    assert_eq!(left.len(), 9 + 45);
    drop(all);
    assert!(map.is_empty() && map.get("7").is_none());
    assert_eq!(map.values().count(), 0);
}

/// A key that holds its own object.
#[test]
fn a_key_that_holds_its_object() {
    #[derive(Clone)]
    struct Name(u32, Gc<Node>);
    impl PartialEq for Name {
        fn eq(&self, other: &Name) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Name {}
    impl Hash for Name {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    // SAFETY: the one `Gc` is visited, once.
    unsafe impl Trace for Name {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.1.trace(tracer);
        }
    }
    let mut map = WeakValueMap::new();
    let object = node(0);
    let name = Name(1, object.clone());
    map.insert(name.clone(), &object);
    assert!(map.contains_key(&name));
    drop((object, name));
    assert_eq!((gc::collect().collected, map.len(), dropped()), (1, 0, vec![0]));
}

/// Comparing keys runs the program's code, which may do away with objects.
#[test]
fn comparing_keys_kills_objects() {
    thread_local! {
        static KEPT: RefCell<Vec<Gc<u32>>> = const { RefCell::new(Vec::new()) };
    }
    /// All of one hash.
    struct Key(u32, String);
    impl PartialEq for Key {
        fn eq(&self, other: &Key) -> bool {
            KEPT.with_borrow_mut(Vec::clear);
            gc::collect();
            (self.0, &self.1) == (other.0, &other.1)
        }
    }
    impl Eq for Key {}
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            0.hash(state);
        }
    }
    // SAFETY: it owns no `Gc`.
    unsafe impl Trace for Key {
        fn trace(&self, _: &mut Tracer<'_>) {}
    }
    let key = |id: u32| Key(id, "a name that is on the heap".repeat(3));
    for kept in 0..8 {
        let mut map = WeakValueMap::new();
        let mut last = None;
        for id in 0..8 {
            let object = Gc::new(id);
            // (Nothing is compared: nothing is there with an equal hash that is alive.)
            if id == kept {
                last = Some(object.clone());
            }
            let held = KEPT.take();
            map.insert(key(id), &object);
            // The comparison lets the others go.
            KEPT.set(held);
            KEPT.with_borrow_mut(|all| all.push(object));
        }
        assert_eq!(map.get(&key(kept)).as_deref(), Some(&kept));
        assert_eq!(map.len(), 1);
        drop(last);
        assert!(map.get(&key(kept)).is_none() && map.is_empty());
    }
}

#[test]
fn sets() {
    let mut set = WeakSet::new();
    let all = ring(5);
    assert!(all.iter().all(|object| set.insert(object)));
    assert!(!set.insert(&all[0]) && set.len() == 5);
    assert!(set.remove(&all[1]) && !set.remove(&all[1]) && !set.contains(&all[1]));
    set.retain(|object| object.id != 2);
    let mut left: Vec<_> = set.iter().map(|object| object.id).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 3, 4]);
    drop(all);
    assert_eq!((gc::collect().collected, set.len()), (5, 0));
    let other = node(9);
    set.extend([&other]);
    assert!(set.contains(&other));
    set.clear();
    assert_eq!((set.len(), Gc::weak_count(&other)), (0, 0));
}

/// Deaths to which other deaths lead are told one after the other, and each once.
#[test]
fn deaths_are_told_in_a_row() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let mut map: WeakKeyMap<u32, Gc<u32>> = WeakKeyMap::new();
    let keys: Vec<_> = (0..5).map(Gc::new).collect();
    let subscriptions: Vec<_> = keys
        .iter()
        .map(|key| {
            let (told, id) = (told.clone(), **key);
            Weak::on_death(key, move || told.borrow_mut().push(id))
        })
        .collect();
    for pair in keys.windows(2) {
        map.insert(&pair[0], pair[1].clone());
    }
    drop(keys);
    told.borrow_mut().sort_unstable();
    assert_eq!((told.take(), map.len()), (vec![0, 1, 2, 3, 4], 0));
    drop(subscriptions);
}

/// Maps in thread-locals that are dropped before and after the collector's own end.
#[test]
fn maps_at_the_end_of_a_thread() {
    struct Late(RefCell<Map>, RefCell<Vec<Gc<Node>>>);
    impl Drop for Late {
        fn drop(&mut self) {
            for key in self.1.borrow().iter() {
                assert_eq!(self.0.borrow().get(key).map(|value| value.id), Some(10 + key.id));
            }
            // Keys go first, then the map; and a new one is as good as ever.
            self.1.take();
            self.0.take();
            let key = node(70);
            let mut map = Map::new();
            map.insert(&key, node(71));
            assert_eq!(map.get(&key).map(|value| value.id), Some(71));
            drop(key);
            assert_eq!(map.iter().count(), 0);
        }
    }
    thread_local! {
        static EARLY: Late = const { Late(RefCell::new(Map::new()), RefCell::new(Vec::new())) };
        static LATE: Late = const { Late(RefCell::new(Map::new()), RefCell::new(Vec::new())) };
    }
    fn fill(late: &Late) {
        for id in 0..3 {
            let key = node(id);
            late.0.borrow_mut().insert(&key, node(10 + id));
            late.1.borrow_mut().push(key);
        }
    }
    alone(|| {
        LATE.with(fill);
        EARLY.with(fill);
    });
    alone(|| {
        drop(node(0));
        EARLY.with(fill);
        drop(ring(3));
        LATE.with(fill);
    });
}

/// What entries hold goes before memory of the dead is used again.
#[test]
fn what_entries_hold_reads_no_memory_of_the_dead() {
    struct Last(Gc<Node>, Rc<Cell<usize>>);
    // SAFETY: the one `Gc` is visited, once; its drop does not read it.
    unsafe impl Trace for Last {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            // If its memory had gone back, these would lie in it.
            let _others: Vec<_> = (0..100).map(node).collect();
            assert_eq!(Gc::strong_count(&self.0), 0);
            self.1.set(self.1.get() + 1);
        }
    }
    let seen = Rc::default();
    let mut map: WeakKeyMap<Node, Last> = WeakKeyMap::new();
    for id in 0..20 {
        let key = node(id);
        map.insert(&key, Last(key.clone(), Rc::clone(&seen)));
    }
    assert_eq!((gc::collect().collected, map.len(), seen.get()), (20, 0, 20));
}
