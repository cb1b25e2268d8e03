//! Who is told of the death of an object.

use std::cell::RefCell;
use std::collections::HashMap;

use super::callbacks::Subscription;
use super::clear::Panics;
use super::state;
use super::{Gc, Weak};

/// What is to be called, by the place of the object's side cell; the `Weak` keeps that.
pub struct Deaths(RefCell<Book>);

struct Book {
    awaited: Option<HashMap<usize, Awaited>>,
    /// Cells of objects that have died, and of whom nobody was told yet.
    queue: Vec<usize>,
    next: u64,
}

struct Awaited {
    _weak: Weak<()>,
    calls: Vec<(u64, Box<dyn FnOnce()>)>,
}

impl Deaths {
    /// Nobody waits.
    pub const fn new() -> Deaths {
        Deaths(RefCell::new(Book { awaited: None, queue: Vec::new(), next: 0 }))
    }

    /// Notes that the object with this side cell has died.
    pub fn note(&self, cell: usize) {
        self.0.borrow_mut().queue.push(cell);
    }

    /// Calls all that waited for one that has died, if there is one. Calls may lead to more deaths.
    pub fn tell_next(&self, panics: &mut Panics) -> bool {
        let mut book = self.0.borrow_mut();
        let Some(cell) = book.queue.pop() else { return false };
        let awaited = book.awaited.as_mut().and_then(|awaited| awaited.remove(&cell));
        drop(book);
        for (_, call) in awaited.into_iter().flat_map(|awaited| awaited.calls) {
            panics.catch(call);
        }
        true
    }

    /// Takes a call back.
    pub fn forget(&self, cell: usize, id: u64) {
        let mut book = self.0.borrow_mut();
        let Some(awaited) = book.awaited.as_mut().and_then(|awaited| awaited.get_mut(&cell)) else {
            return;
        };
        let place = awaited.calls.iter().position(|(other, _)| *other == id);
        let call = place.map(|place| awaited.calls.remove(place));
        let empty = awaited.calls.is_empty();
        let gone = book.awaited.as_mut().filter(|_| empty).and_then(|all| all.remove(&cell));
        // Their own drops may come back here.
        drop(book);
        drop((call, gone));
    }
}

impl<T: ?Sized> Weak<T> {
    /// Has `f` called once when the object has died, by counting or by a collection, or never when what this gives is
    /// dropped before: after its `Weak`s have been cleared, and without access to it. When a collection finds it, at the
    /// collection's end. What is left when the thread ends is not called.
    ///
    /// As long as it waits it counts as a `Weak` to the object.
    ///
    /// # Panics
    /// When the object is dead. A panic of `f` goes on where the last reference was given up, or out of the collection.
    ///
    /// ```
    /// use neap::{Gc, gc::Weak};
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let told = Rc::new(Cell::new(false));
    /// let tell = told.clone();
    /// let five = Gc::new(5);
    /// let _subscription = Weak::on_death(&five, move || tell.set(true));
    /// drop(five);
    /// assert!(told.get());
    /// ```
    pub fn on_death(gc: &Gc<T>, f: impl FnOnce() + 'static) -> Subscription {
        let weak = Gc::downgrade(gc).erase();
        let Some(state) = state::make() else { return Subscription::none() };
        weak.watch();
        let cell = weak.place();
        let mut book = state.deaths.0.borrow_mut();
        let id = book.next;
        book.next += 1;
        let awaited = book.awaited.get_or_insert_default();
        let entry = awaited.entry(cell).or_insert(Awaited { _weak: weak, calls: Vec::new() });
        entry.calls.push((id, Box::new(f)));
        Subscription::of_death(cell, id)
    }
}
