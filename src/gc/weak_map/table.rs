//! What the weak maps have in common: entries, each with a weak reference to an object and contents.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::forget;
use core::ptr::NonNull;

use super::super::ephemeron::{Calls, Link, Owner};
use super::super::header::Age;
use super::super::trace::{Trace, Tracer};
use super::super::{Gc, Weak, state};

/// Entries.
pub struct Table<T: ?Sized, P> {
    /// Made with the first entry.
    owner: Option<NonNull<Owner>>,
    entries: PhantomData<Entry<T, P>>,
}

/// One entry.
#[repr(C)]
struct Entry<T: ?Sized, P> {
    link: Link,
    object: Weak<T>,
    contents: UnsafeCell<P>,
}

// 88 bytes, and more where the compiler is asked to strew fields.
const _: () = assert!(size_of::<Entry<(), ()>>() <= 96);

/// The place of an entry.
pub struct Place<T: ?Sized, P>(NonNull<Entry<T, P>>);

impl<T: ?Sized, P> Clone for Place<T, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, P> Copy for Place<T, P> {}

impl<T: ?Sized, P> Place<T, P> {
    /// # Safety
    /// The entry is there as long as the reference is used.
    unsafe fn entry<'a>(self) -> &'a Entry<T, P> {
        // SAFETY: by the precondition; entries are changed through cells only.
        unsafe { self.0.as_ref() }
    }

    /// The entry's object, if it is alive.
    ///
    /// # Safety
    /// The entry is there.
    pub unsafe fn object(self) -> Option<Gc<T>> {
        // SAFETY: by the precondition.
        unsafe { self.entry() }.object.upgrade()
    }

    /// What the entry holds.
    ///
    /// # Safety
    /// The entry is there as long as the reference is used, and nobody changes its contents meanwhile.
    pub unsafe fn contents<'a>(self) -> &'a P {
        // SAFETY: by the precondition.
        let contents = unsafe { self.entry() }.contents.get();
        // SAFETY: by the precondition.
        unsafe { &*contents }
    }
}

/// Contents that are lent to be changed; the collector does not look at them (E4).
pub struct Loan<T: ?Sized, P>(Place<T, P>);

impl<T: ?Sized, P> Loan<T, P> {
    /// # Safety
    /// The entry is there as long as the loan, and nobody else uses its contents meanwhile.
    pub unsafe fn new(place: Place<T, P>) -> Loan<T, P> {
        // SAFETY: by the precondition.
        unsafe { place.entry() }.link.lend(true);
        Loan(place)
    }

    /// What is lent.
    pub fn contents(&self) -> &P {
        // SAFETY: the entry is there, and the contents are ours.
        unsafe { self.0.contents() }
    }

    /// What is lent, to be changed.
    pub fn contents_mut(&mut self) -> &mut P {
        // SAFETY: the entry is there.
        let contents = unsafe { self.0.entry() }.contents.get();
        // SAFETY: the contents are ours.
        unsafe { &mut *contents }
    }
}

impl<T: ?Sized, P> Drop for Loan<T, P> {
    fn drop(&mut self) {
        // SAFETY: the entry is there.
        unsafe { self.0.entry() }.link.lend(false);
    }
}

/// What the collector does with entries of these types.
struct Of<T: ?Sized, P>(PhantomData<Entry<T, P>>);

impl<T: ?Sized, P: Trace> Of<T, P> {
    const CALLS: Calls = Calls {
        trace: |link, tracer| {
            // SAFETY: the caller says that there is such an entry, and that its contents are not lent.
            unsafe { Place::<T, P>(link.cast()).contents() }.trace(tracer);
        },
        drop: |link| {
            let entry: NonNull<Entry<T, P>> = link.cast();
            // SAFETY: the caller gives up such an entry, which came from a `Box`.
            drop(unsafe { Box::from_raw(entry.as_ptr()) });
        },
    };
}

impl<T: ?Sized, P> Table<T, P> {
    /// Without entries or memory.
    pub const fn new() -> Table<T, P> {
        Table { owner: None, entries: PhantomData }
    }

    fn owner(&self) -> Option<&Owner> {
        // SAFETY: it is there as long as the table, and changed through its cells only.
        self.owner.map(|owner| unsafe { owner.as_ref() })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.owner().map_or(0, Owner::len)
    }

    /// The first entry with this hash that `is` says yes to, and its object. `is` may do what it likes: the entry stays
    /// as long as its object is held.
    pub fn find(&self, hash: u64, mut is: impl FnMut(&P) -> bool) -> Option<(Place<T, P>, Gc<T>)> {
        let owner = self.owner()?;
        let held = |link: NonNull<Link>| {
            let place: Place<T, P> = Place(link.cast());
            // SAFETY: it is in a slot.
            (place, unsafe { place.object() })
        };
        let mut next = owner.first(hash).map(held);
        while let Some((place, object)) = next {
            if let Some(object) = object {
                // SAFETY: the object is held, so the entry stays; nothing is lent while `self` is borrowed.
                if is(unsafe { place.contents() }) {
                    return Some((place, object));
                }
                // SAFETY: it is in its slot.
                next = unsafe { owner.next_of_hash(place.0.cast()) }.map(held);
                // This one goes when the next one is held.
                drop(object);
            } else {
                // SAFETY: it is in its slot: nothing happened since it was found there.
                next = unsafe { owner.next_of_hash(place.0.cast()) }.map(held);
            }
        }
        None
    }

    /// The entry of the object with this side cell, of a table in which that is what tells entries apart.
    pub fn find_object(&self, hash: u64, cell: usize) -> Option<Place<T, P>> {
        let owner = self.owner()?;
        let mut next = owner.first(hash);
        while let Some(link) = next {
            let place: Place<T, P> = Place(link.cast());
            // SAFETY: it is in a slot.
            if unsafe { place.entry() }.link.cell() == cell {
                return Some(place);
            }
            // SAFETY: as above.
            next = unsafe { owner.next_of_hash(link) };
        }
        None
    }

    /// The first entry in slot `from` or behind whose object is alive, with its slot and its object.
    pub fn next(&self, mut from: usize) -> Option<(usize, Place<T, P>, Gc<T>)> {
        let owner = self.owner()?;
        while let Some((slot, link)) = owner.next(from) {
            let place = Place(link.cast());
            // SAFETY: it is in a slot.
            if let Some(object) = unsafe { place.object() } {
                return Some((slot, place, object));
            }
            from = slot + 1;
        }
        None
    }

    /// Takes an entry out. Its weak reference goes, its contents are the caller's.
    pub fn take(&mut self, place: Place<T, P>) -> P {
        let owner = self.owner().unwrap_or_else(|| crate::os::abort());
        // SAFETY: places are of entries that are in slots of this table.
        unsafe { owner.take(place.0.cast()) };
        // SAFETY: it came from a `Box`, and nobody has it any more.
        let entry = unsafe { Box::from_raw(place.0.as_ptr()) };
        entry.contents.into_inner()
    }

    /// Takes all entries out and drops them. A drop that panics does not keep the others.
    pub fn clear(&mut self) {
        struct Rest<'a, T: ?Sized, P>(&'a mut Table<T, P>);

        impl<T: ?Sized, P> Rest<'_, T, P> {
            fn run(&mut self) {
                let mut next = 0;
                while let Some((slot, link)) = self.0.owner().and_then(|owner| owner.next(next)) {
                    next = slot + 1;
                    drop(self.0.take(Place(link.cast())));
                }
            }
        }

        impl<T: ?Sized, P> Drop for Rest<'_, T, P> {
            fn drop(&mut self) {
                self.run();
            }
        }

        let mut rest = Rest(self);
        rest.run();
        forget(rest);
    }
}

impl<T: ?Sized + 'static, P: Trace> Table<T, P> {
    /// Puts an entry in; `hash` is given the place of the object's side cell.
    pub fn put(
        &mut self,
        hash: impl FnOnce(usize) -> u64,
        object: &Gc<T>,
        contents: P,
    ) -> Place<T, P> {
        let make = || NonNull::from(Box::leak(Box::new(Owner::new())));
        let owner = *self.owner.get_or_insert_with(make);
        let weak = Gc::downgrade(object);
        let cell = weak.place();
        let link = Link::new(owner, cell, hash(cell), &Of::<T, P>::CALLS);
        let entry = Box::new(Entry { link, object: weak, contents: UnsafeCell::new(contents) });
        let entry = NonNull::from(Box::leak(entry));
        // SAFETY: it is there as long as the table.
        let owner = unsafe { owner.as_ref() };
        // SAFETY: the entry stays until it is taken out.
        unsafe { owner.put(entry.cast()) };
        // Without a collector (the thread ends) the contents are the map's alone.
        if let Some(state) = state::get().or_else(state::make) {
            // SAFETY: it is in its slot, and its object is alive.
            unsafe { state.ephemerons.attach(entry.cast()) };
        }
        if P::is_cyclic() {
            track(object);
        }
        Place(entry)
    }

    /// The collector comes to the table through who owns it.
    pub fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Some(owner) = self.owner().filter(|_| P::is_cyclic()) {
            owner.trace(tracer);
        }
    }
}

/// Through an entry any object may be part of a cycle, also one that could not be without.
fn track<T: ?Sized>(object: &Gc<T>) {
    let header = object.header();
    let low = header.low();
    // (What `new_untracked` made stays as its author wanted it.)
    if low.age() == Age::UNTRACKED && !low.code().info().is_cyclic() {
        header.set_low(low.with_age(state::birth()).settled(false));
    }
}

impl<T: ?Sized, P> Drop for Table<T, P> {
    fn drop(&mut self) {
        struct Owned(Option<NonNull<Owner>>);

        impl Drop for Owned {
            fn drop(&mut self) {
                if let Some(owner) = self.0 {
                    // SAFETY: it came from a `Box`, and no entry names it any more.
                    drop(unsafe { Box::from_raw(owner.as_ptr()) });
                }
            }
        }

        let _owned = Owned(self.owner);
        self.clear();
    }
}
