//! `WeakValueMap`: objects by name, as long as they are alive.

use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::marker::PhantomData;
use std::hash::RandomState;

use super::super::Gc;
use super::super::seen::Seen;
use super::super::trace::{Trace, Tracer};
use super::table::{Place, Table};

/// A map from keys to objects, which does not keep the objects alive: Python's `WeakValueDictionary`. For caches, and for
/// what is to exist once.
///
/// It holds each key as long as its object is alive; a key that holds the object itself keeps nothing alive.
///
/// Costs a hash table's look-up for each operation, and 88 bytes and a key for each entry, besides the tables.
///
/// ```
/// use neap::{Gc, gc::WeakValueMap};
///
/// let mut cache = WeakValueMap::new();
/// let page = Gc::new(vec![0_u8; 4096]);
/// cache.insert("index.html".to_string(), &page);
/// assert!(Gc::ptr_eq(&cache.get("index.html").unwrap(), &page));
/// drop(page);
/// assert!(cache.get("index.html").is_none());
/// ```
pub struct WeakValueMap<K, V: ?Sized, S = RandomState> {
    table: Table<V, K>,
    hasher: S,
}

impl<K, V: ?Sized> WeakValueMap<K, V> {
    /// Without entries.
    #[must_use]
    pub fn new() -> WeakValueMap<K, V> {
        WeakValueMap::default()
    }
}

impl<K, V: ?Sized, S> WeakValueMap<K, V, S> {
    /// Without entries, with a hasher.
    #[must_use]
    pub const fn with_hasher(hasher: S) -> WeakValueMap<K, V, S> {
        WeakValueMap { table: Table::new(), hasher }
    }

    /// The hasher.
    pub fn hasher(&self) -> &S {
        &self.hasher
    }

    /// How many entries there are: those of dead objects are not there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all entries out.
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// Keeps those entries that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &Gc<V>) -> bool) {
        let mut next = 0;
        while let Some((slot, place, value)) = self.table.next(next) {
            next = slot + 1;
            // SAFETY: the object is held, so the entry stays, and nobody changes it.
            if !keep(unsafe { place.contents() }, &value) {
                drop(self.table.take(place));
            }
        }
    }

    /// All entries, in no order; those whose object dies meanwhile are left out.
    pub fn iter(&self) -> impl Iterator<Item = ValueRef<'_, K, V>> {
        let mut next = 0;
        core::iter::from_fn(move || {
            let (slot, place, value) = self.table.next(next)?;
            next = slot + 1;
            Some(ValueRef { value, place, map: PhantomData })
        })
    }

    /// All objects, in no order.
    pub fn values(&self) -> impl Iterator<Item = Gc<V>> + '_ {
        self.iter().map(|entry| entry.value.clone())
    }
}

impl<K: Hash + Eq, V: ?Sized, S: BuildHasher> WeakValueMap<K, V, S> {
    fn find<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> Option<(Place<V, K>, Gc<V>)>
    where
        K: Borrow<Q>,
    {
        self.table.find(self.hasher.hash_one(key), |there| there.borrow() == key)
    }

    /// The object of `key`.
    #[must_use]
    pub fn get<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> Option<Gc<V>>
    where
        K: Borrow<Q>,
    {
        self.find(key).map(|(_, value)| value)
    }

    /// Whether `key` has an object.
    #[must_use]
    pub fn contains_key<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    /// Takes the entry of `key` out, and gives its object.
    pub fn remove<Q: ?Sized + Hash + Eq>(&mut self, key: &Q) -> Option<Gc<V>>
    where
        K: Borrow<Q>,
    {
        let (place, value) = self.find(key)?;
        drop(self.table.take(place));
        Some(value)
    }
}

impl<K: Hash + Eq + Trace, V: ?Sized + 'static, S: BuildHasher> WeakValueMap<K, V, S> {
    /// Gives `key` an object, and gives back the one that it had. As with std's maps, the key that was there stays.
    ///
    /// # Panics
    /// When the object is dead (see [`Gc`]'s `deref`).
    pub fn insert(&mut self, key: K, value: &Gc<V>) -> Option<Gc<V>> {
        let hash = self.hasher.hash_one(&key);
        let found = self.table.find(hash, |there| *there == key);
        let (old, kept) = match found {
            Some((place, old)) => (Some(old), self.table.take(place)),
            None => {
                self.table.put(|_| hash, value, key);
                return None;
            }
        };
        self.table.put(|_| hash, value, kept);
        old
    }
}

/// An entry of a [`WeakValueMap`], which stays as long as this is there: it holds the object.
pub struct ValueRef<'a, K, V: ?Sized> {
    value: Gc<V>,
    place: Place<V, K>,
    map: PhantomData<&'a K>,
}

impl<K, V: ?Sized> ValueRef<'_, K, V> {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        // SAFETY: the object is held, so the entry stays, and nobody changes it while the map is borrowed.
        unsafe { self.place.contents() }
    }

    /// The object.
    #[must_use]
    pub fn value(&self) -> &Gc<V> {
        &self.value
    }
}

impl<K: fmt::Debug, V: ?Sized + fmt::Debug> fmt::Debug for ValueRef<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueRef").field(self.key()).field(self.value()).finish()
    }
}

// SAFETY: what the keys own is visited as an edge of the object and of the map, in one search once; the hasher is visited, once.
unsafe impl<K: Trace, V: ?Sized + 'static, S: Trace> Trace for WeakValueMap<K, V, S> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.hasher.trace(tracer);
        self.table.trace(tracer);
    }

    fn is_cyclic() -> bool {
        K::is_cyclic() || S::is_cyclic()
    }

    fn is_cyclic_among(seen: impl Seen) -> bool {
        K::is_cyclic_among(seen) || S::is_cyclic_among(seen)
    }
}

impl<K, V: ?Sized, S: Default> Default for WeakValueMap<K, V, S> {
    fn default() -> Self {
        WeakValueMap::with_hasher(S::default())
    }
}

impl<K: fmt::Debug, V: ?Sized + fmt::Debug, S> fmt::Debug for WeakValueMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for entry in self.iter() {
            map.entry(entry.key(), entry.value());
        }
        map.finish()
    }
}

impl<'a, K, V, S> Extend<(K, &'a Gc<V>)> for WeakValueMap<K, V, S>
where
    K: Hash + Eq + Trace,
    V: ?Sized + 'static,
    S: BuildHasher,
{
    fn extend<I: IntoIterator<Item = (K, &'a Gc<V>)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K, V, S> FromIterator<(K, &'a Gc<V>)> for WeakValueMap<K, V, S>
where
    K: Hash + Eq + Trace,
    V: ?Sized + 'static,
    S: BuildHasher + Default,
{
    fn from_iter<I: IntoIterator<Item = (K, &'a Gc<V>)>>(entries: I) -> Self {
        let mut map = WeakValueMap::default();
        map.extend(entries);
        map
    }
}
