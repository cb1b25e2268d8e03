//! `WeakKeyMap`: what is known about an object as long as it is alive.

use core::fmt;
use core::marker::PhantomData;
use core::mem::replace;
use core::ops::{Deref, DerefMut};

use super::super::Gc;
use super::super::ephemeron::hash_of;
use super::super::seen::Seen;
use super::super::trace::{Trace, Tracer};
use super::super::weak;
use super::table::{Loan, Place, Table};

/// A map from objects to values, which holds each value as long as its key is alive: Python's `WeakKeyDictionary` by
/// identity, JavaScript's `WeakMap`.
///
/// A value may hold its own key, or other keys whose values hold it: an *ephemeron*. That keeps nothing alive.
///
/// Costs a hash table's look-up for each operation, and 88 bytes and a value for each entry, besides the tables. `get`,
/// `insert` and `remove` take the key as a [`Gc`], whose side cell (16 bytes) is made by the first `insert`. An object that could
/// be part of no cycle (a `Gc<String>`) is tracked once it is a key to values that can own a `Gc`.
///
/// ```
/// use neap::{Gc, gc, gc::WeakKeyMap};
///
/// let mut names = WeakKeyMap::new();
/// let tide = Gc::new(7);
/// names.insert(&tide, "tide".to_string());
/// assert_eq!(names.get(&tide).map(String::as_str), Some("tide"));
/// drop(tide);
/// assert!(names.is_empty());
///
/// // A value that holds its own key.
/// let mut back: WeakKeyMap<i32, Gc<i32>> = WeakKeyMap::new();
/// let ebb = Gc::new(8);
/// back.insert(&ebb, ebb.clone());
/// drop(ebb);
/// gc::collect();
/// assert!(back.is_empty());
/// ```
pub struct WeakKeyMap<K: ?Sized, V> {
    table: Table<K, V>,
}

/// The place of the key's side cell, and its hash.
fn cell_of<K: ?Sized>(key: &Gc<K>) -> Option<(u64, usize)> {
    // SAFETY: the header is there.
    let cell = unsafe { weak::cell_place(Gc::value(key).cast()) }?;
    Some((hash_of(cell), cell))
}

impl<K: ?Sized, V> WeakKeyMap<K, V> {
    /// Without entries. Costs nothing.
    #[must_use]
    pub const fn new() -> WeakKeyMap<K, V> {
        WeakKeyMap { table: Table::new() }
    }

    /// How many entries there are: those of dead keys are not there. (Of keys that die after their thread's last collection they
    /// stay until the map goes.)
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, key: &Gc<K>) -> Option<Place<K, V>> {
        let (hash, cell) = cell_of(key)?;
        self.table.find_object(hash, cell)
    }

    /// The value of `key`.
    #[must_use]
    pub fn get<'a>(&'a self, key: &'a Gc<K>) -> Option<&'a V> {
        // SAFETY: the entry stays as long as the key and the map are borrowed, and nobody lends its contents.
        self.find(key).map(|place| unsafe { place.contents() })
    }

    /// The value of `key`, to be changed. As long as it is lent, the collector does not look at it: what it holds counts as held
    /// from outside.
    #[must_use]
    pub fn get_mut<'a>(&'a mut self, key: &'a Gc<K>) -> Option<ValueMut<'a, K, V>> {
        // SAFETY: the entry stays as long as the key and the map are borrowed, and the map is ours.
        self.find(key).map(|place| unsafe { ValueMut::new(place) })
    }

    /// Whether there is a value of `key`.
    #[must_use]
    pub fn contains_key(&self, key: &Gc<K>) -> bool {
        self.find(key).is_some()
    }

    /// Takes the value of `key` out.
    pub fn remove(&mut self, key: &Gc<K>) -> Option<V> {
        let place = self.find(key)?;
        Some(self.table.take(place))
    }

    /// Takes all entries out.
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// Keeps those entries that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&Gc<K>, &mut V) -> bool) {
        let mut next = 0;
        while let Some((slot, place, key)) = self.table.next(next) {
            next = slot + 1;
            // SAFETY: the key is held, so the entry stays, and the map is ours.
            let mut value = unsafe { Loan::new(place) };
            let stays = keep(&key, value.contents_mut());
            drop(value);
            if !stays {
                drop(self.table.take(place));
            }
        }
    }

    /// All entries, in no order; those whose key dies meanwhile are left out.
    pub fn iter(&self) -> impl Iterator<Item = KeyRef<'_, K, V>> {
        let mut next = 0;
        core::iter::from_fn(move || {
            let (slot, place, key) = self.table.next(next)?;
            next = slot + 1;
            Some(KeyRef { key, place, map: PhantomData })
        })
    }

    /// All keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = Gc<K>> + '_ {
        self.iter().map(|entry| entry.key.clone())
    }
}

impl<K: ?Sized + 'static, V: Trace> WeakKeyMap<K, V> {
    /// Gives `key` a value, and gives back the one that it had.
    ///
    /// # Panics
    /// When the key is dead (see [`Gc`]'s `deref`).
    pub fn insert(&mut self, key: &Gc<K>, value: V) -> Option<V> {
        if let Some(place) = self.find(key) {
            // SAFETY: the key is held, so the entry stays, and the map is ours.
            let mut there = unsafe { Loan::new(place) };
            return Some(replace(there.contents_mut(), value));
        }
        self.put(key, value);
        None
    }

    /// The value of `key`, which is made if there is none, to be changed as with [`get_mut`](WeakKeyMap::get_mut).
    ///
    /// # Panics
    /// When the key is dead (see [`Gc`]'s `deref`).
    ///
    /// ```
    /// use neap::{Gc, gc::WeakKeyMap};
    /// let mut visits = WeakKeyMap::new();
    /// let page = Gc::new("tides");
    /// for _ in 0..3 {
    ///     *visits.get_or_insert_with(&page, || 0) += 1;
    /// }
    /// assert_eq!(visits.get(&page), Some(&3));
    /// ```
    pub fn get_or_insert_with<'a>(
        &'a mut self,
        key: &'a Gc<K>,
        make: impl FnOnce() -> V,
    ) -> ValueMut<'a, K, V> {
        let place = match self.find(key) {
            Some(place) => place,
            None => {
                let value = make();
                self.put(key, value)
            }
        };
        // SAFETY: as in `get_mut`.
        unsafe { ValueMut::new(place) }
    }

    fn put(&mut self, key: &Gc<K>, value: V) -> Place<K, V> {
        self.table.put(hash_of, key, value)
    }
}

/// A value of a [`WeakKeyMap`] that is lent to be changed.
pub struct ValueMut<'a, K: ?Sized, V> {
    loan: Loan<K, V>,
    map: PhantomData<&'a mut V>,
}

impl<K: ?Sized, V> ValueMut<'_, K, V> {
    /// # Safety
    /// The entry is there as long as what this gives, and nobody else uses its contents meanwhile.
    unsafe fn new(place: Place<K, V>) -> Self {
        // SAFETY: by the precondition.
        ValueMut { loan: unsafe { Loan::new(place) }, map: PhantomData }
    }
}

impl<K: ?Sized, V> Deref for ValueMut<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.loan.contents()
    }
}

impl<K: ?Sized, V> DerefMut for ValueMut<'_, K, V> {
    fn deref_mut(&mut self) -> &mut V {
        self.loan.contents_mut()
    }
}

impl<K: ?Sized, V: fmt::Debug> fmt::Debug for ValueMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// An entry of a [`WeakKeyMap`], which stays as long as this is there: it holds the key.
pub struct KeyRef<'a, K: ?Sized, V> {
    key: Gc<K>,
    place: Place<K, V>,
    map: PhantomData<&'a V>,
}

impl<K: ?Sized, V> KeyRef<'_, K, V> {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &Gc<K> {
        &self.key
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &V {
        // SAFETY: the key is held, so the entry stays, and nobody changes it while the map is borrowed.
        unsafe { self.place.contents() }
    }
}

impl<K: ?Sized + fmt::Debug, V: fmt::Debug> fmt::Debug for KeyRef<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRef").field(self.key()).field(self.value()).finish()
    }
}

// SAFETY: what the values own is visited as an edge of the key and of the map, in one search once.
unsafe impl<K: ?Sized + 'static, V: Trace> Trace for WeakKeyMap<K, V> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.table.trace(tracer);
    }

    fn is_cyclic() -> bool {
        V::is_cyclic()
    }

    fn is_cyclic_among(seen: impl Seen) -> bool {
        V::is_cyclic_among(seen)
    }
}

impl<K: ?Sized, V> Default for WeakKeyMap<K, V> {
    fn default() -> Self {
        WeakKeyMap::new()
    }
}

impl<K: ?Sized + fmt::Debug, V: fmt::Debug> fmt::Debug for WeakKeyMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for entry in self.iter() {
            map.entry(entry.key(), entry.value());
        }
        map.finish()
    }
}

impl<'a, K: ?Sized + 'static, V: Trace> Extend<(&'a Gc<K>, V)> for WeakKeyMap<K, V> {
    fn extend<I: IntoIterator<Item = (&'a Gc<K>, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K: ?Sized + 'static, V: Trace> FromIterator<(&'a Gc<K>, V)> for WeakKeyMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (&'a Gc<K>, V)>>(entries: I) -> Self {
        let mut map = WeakKeyMap::new();
        map.extend(entries);
        map
    }
}
