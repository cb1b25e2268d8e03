//! `WeakSet`: objects, as long as they are alive.

use core::fmt;

use super::super::Gc;
use super::super::ephemeron::hash_of;
use super::super::trace::{Trace, Tracer};
use super::super::weak;
use super::table::{Place, Table};

/// A set of objects, by identity, which does not keep them alive: Python's `WeakSet`.
///
/// Costs a hash table's look-up for each operation, and 88 bytes for each entry, besides the tables.
///
/// ```
/// use neap::{Gc, gc::WeakSet};
///
/// let mut open = WeakSet::new();
/// let file = Gc::new("tide.log");
/// assert!(open.insert(&file));
/// assert!(open.contains(&file));
/// drop(file);
/// assert!(open.is_empty());
/// ```
pub struct WeakSet<T: ?Sized> {
    table: Table<T, ()>,
}

impl<T: ?Sized> WeakSet<T> {
    /// Without objects. Costs nothing.
    #[must_use]
    pub const fn new() -> WeakSet<T> {
        WeakSet { table: Table::new() }
    }

    /// How many objects are in it: dead ones are not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, object: &Gc<T>) -> Option<Place<T, ()>> {
        // SAFETY: the header is there.
        let cell = unsafe { weak::cell_place(Gc::value(object).cast()) }?;
        self.table.find_object(hash_of(cell), cell)
    }

    /// Whether the object is in it.
    #[must_use]
    pub fn contains(&self, object: &Gc<T>) -> bool {
        self.find(object).is_some()
    }

    /// Takes the object out; whether it was in it.
    pub fn remove(&mut self, object: &Gc<T>) -> bool {
        self.find(object).map(|place| self.table.take(place)).is_some()
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// Keeps those that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&Gc<T>) -> bool) {
        let mut next = 0;
        while let Some((slot, place, object)) = self.table.next(next) {
            next = slot + 1;
            if !keep(&object) {
                self.table.take(place);
            }
        }
    }

    /// All objects, in no order; those that die meanwhile are left out.
    pub fn iter(&self) -> impl Iterator<Item = Gc<T>> + '_ {
        let mut next = 0;
        core::iter::from_fn(move || {
            let (slot, _, object) = self.table.next(next)?;
            next = slot + 1;
            Some(object)
        })
    }
}

impl<T: ?Sized + 'static> WeakSet<T> {
    /// Puts the object in; whether it was not in it before.
    ///
    /// # Panics
    /// When the object is dead (see [`Gc`]'s `deref`).
    pub fn insert(&mut self, object: &Gc<T>) -> bool {
        let new = !self.contains(object);
        if new {
            self.table.put(hash_of, object, ());
        }
        new
    }
}

// SAFETY: it owns no `Gc`.
unsafe impl<T: ?Sized + 'static> Trace for WeakSet<T> {
    fn trace(&self, _: &mut Tracer<'_>) {}

    fn is_cyclic() -> bool {
        false
    }
}

impl<T: ?Sized> Default for WeakSet<T> {
    fn default() -> Self {
        WeakSet::new()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for WeakSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<'a, T: ?Sized + 'static> Extend<&'a Gc<T>> for WeakSet<T> {
    fn extend<I: IntoIterator<Item = &'a Gc<T>>>(&mut self, objects: I) {
        for object in objects {
            self.insert(object);
        }
    }
}

impl<'a, T: ?Sized + 'static> FromIterator<&'a Gc<T>> for WeakSet<T> {
    fn from_iter<I: IntoIterator<Item = &'a Gc<T>>>(objects: I) -> Self {
        let mut set = WeakSet::new();
        set.extend(objects);
        set
    }
}
