//! Who is told of the death of an object.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use super::callbacks::Subscription;
use super::clear::Panics;
use super::state;
use super::{Gc, Weak};

/// What is to be called, by the place of the object's side cell; the `Weak` keeps that.
pub struct Deaths {
    book: RefCell<Book>,
}

struct Book {
    awaited: Option<HashMap<usize, Awaited>>,
    /// Cells of objects that have died, and of whom nobody was told yet.
    queue: Vec<usize>,
    /// One could not be put there, for want of memory: all are looked at.
    missed: bool,
    next: u64,
}

struct Awaited {
    weak: Weak<()>,
    calls: VecDeque<(u64, Box<dyn FnOnce()>)>,
}

impl Book {
    /// One that has died and is not in the queue.
    fn find_missed(&mut self) -> Option<usize> {
        if !self.missed {
            return None;
        }
        let dead = |(cell, awaited): (&usize, &Awaited)| {
            (awaited.weak.strong_count() == 0).then_some(*cell)
        };
        let found = self.awaited.as_ref().and_then(|awaited| awaited.iter().find_map(dead));
        self.missed = found.is_some();
        found
    }
}

impl Deaths {
    /// Nobody waits.
    pub const fn new() -> Deaths {
        let book = Book { awaited: None, queue: Vec::new(), missed: false, next: 0 };
        Deaths { book: RefCell::new(book) }
    }

    /// Notes that the object with this side cell has died.
    pub fn note(&self, cell: usize) {
        let mut book = self.book.borrow_mut();
        match book.queue.try_reserve(1) {
            Ok(()) => book.queue.push(cell),
            Err(_) => book.missed = true,
        }
    }

    /// Calls all that waited for one that has died, if there is one. Calls may lead to more deaths, and take others back.
    pub fn tell_next(&self, panics: &mut Panics) -> bool {
        let Some(cell) = self.next() else { return false };
        while let Some(call) = self.take_call(cell) {
            panics.catch(call);
        }
        true
    }

    /// The next one that has died, and for which somebody waited.
    fn next(&self) -> Option<usize> {
        loop {
            let mut book = self.book.borrow_mut();
            let cell = book.queue.pop().or_else(|| book.find_missed())?;
            // When nobody waits any more, the cell may be that of another object by now.
            let awaited = book.awaited.as_ref().and_then(|all| all.get(&cell));
            if awaited.is_some_and(|awaited| awaited.weak.strong_count() == 0) {
                return Some(cell);
            }
        }
    }

    /// The next call that waited for this one.
    fn take_call(&self, cell: usize) -> Option<Box<dyn FnOnce()>> {
        let mut book = self.book.borrow_mut();
        let all = book.awaited.as_mut()?;
        let call = all.get_mut(&cell)?.calls.pop_front();
        let told = if call.is_none() { all.remove(&cell) } else { None };
        // Its drop may come back here.
        drop(book);
        drop(told);
        call.map(|(_, call)| call)
    }

    /// Takes a call back.
    pub fn forget(&self, cell: usize, id: u64) {
        let mut book = self.book.borrow_mut();
        let Some(awaited) = book.awaited.as_mut().and_then(|awaited| awaited.get_mut(&cell)) else {
            return;
        };
        let place = awaited.calls.iter().position(|(other, _)| *other == id);
        let call = place.and_then(|place| awaited.calls.remove(place));
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
    /// collection's end; when it dies while another `f` is being called, after that. What is left when the thread ends is not called.
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
        let mut book = state.deaths.book.borrow_mut();
        let id = book.next;
        book.next += 1;
        let awaited = book.awaited.get_or_insert_default();
        let entry = awaited.entry(cell).or_insert(Awaited { weak, calls: VecDeque::new() });
        entry.calls.push_back((id, Box::new(f)));
        Subscription::of_death(cell, id)
    }
}
