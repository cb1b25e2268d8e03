//! Who is told of collections.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use super::clear::Panics;
use super::state;

/// What [`on_collect`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Whether the collection begins or has ended.
    pub phase: Phase,
    /// The generation that is collected, with those below.
    pub generation: usize,
    /// Candidates that it begins with, stale ones counted in at the beginning.
    pub candidates: usize,
    /// Objects that were dropped; 0 at the beginning.
    pub collected: usize,
    /// How long it took; zero at the beginning.
    pub duration: Duration,
}

/// Where a collection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It begins.
    Start,
    /// It has ended.
    Stop,
}

type Callback = Rc<RefCell<dyn FnMut(&Event)>>;

/// Those who want to be told, in the order in which they said so.
pub struct Callbacks(RefCell<List>);

struct List {
    all: Vec<(u64, Callback)>,
    next: u64,
}

impl Callbacks {
    /// Nobody.
    pub const fn new() -> Callbacks {
        Callbacks(RefCell::new(List { all: Vec::new(), next: 0 }))
    }

    /// Takes one off the list.
    fn forget(&self, id: u64) {
        let mut list = self.0.borrow_mut();
        let place = list.all.iter().position(|(other, _)| *other == id);
        let gone = place.map(|place| list.all.remove(place));
        // Its own drop may come back here.
        drop(list);
        drop(gone);
    }

    /// Tells all of them who were there at the beginning. Who is being told of another collection just now is left out. (It takes no
    /// memory, of which there may be none.)
    pub fn tell(&self, event: &Event, panics: &mut Panics) {
        // They may come and go meanwhile; whoever comes has a higher number.
        let end = self.0.borrow().next;
        let mut next = 0;
        loop {
            let list = self.0.borrow();
            let place = list.all.partition_point(|(id, _)| *id < next);
            let Some((id, callback)) = list.all.get(place).filter(|(id, _)| *id < end).cloned()
            else {
                return;
            };
            drop(list);
            next = id + 1;
            if let Ok(mut callback) = callback.try_borrow_mut() {
                panics.catch(|| callback(event));
            }
        }
    }
}

/// Has `f` called at the beginning and at the end of each collection of this thread, until what this gives is dropped.
///
/// `f` may do what it likes; a collection that it asks for is skipped. A panic goes on when the collection is done.
///
/// ```
/// use neap::gc::{self, Phase};
/// use std::{cell::Cell, rc::Rc};
///
/// let ended = Rc::new(Cell::new(0));
/// let count = ended.clone();
/// let subscription = gc::on_collect(move |event| {
///     if event.phase == Phase::Stop {
///         count.set(count.get() + 1);
///     }
/// });
/// gc::collect();
/// drop(subscription);
/// gc::collect();
/// assert_eq!(ended.get(), 1);
/// ```
pub fn on_collect(f: impl FnMut(&Event) + 'static) -> Subscription {
    let id = state::make().map(|state| {
        let mut list = state.callbacks.0.borrow_mut();
        let id = list.next;
        list.next += 1;
        list.all.push((id, Rc::new(RefCell::new(f))));
        id
    });
    Subscription { to: id.map(Topic::Collections), stays: PhantomData }
}

/// Given by [`on_collect`] and [`Weak::on_death`](super::Weak::on_death): nobody is told any more when this is dropped.
#[must_use = "the subscription ends when this is dropped"]
pub struct Subscription {
    to: Option<Topic>,
    /// It is one thread's.
    stays: PhantomData<*const ()>,
}

/// What somebody wants to be told of, by the number of who it is.
#[derive(Clone, Copy)]
enum Topic {
    Collections(u64),
    /// Of the object with this side cell.
    Death(usize, u64),
}

impl Subscription {
    /// To nothing.
    pub(super) fn none() -> Subscription {
        Subscription { to: None, stays: PhantomData }
    }

    /// To the death of the object with this side cell.
    pub(super) fn of_death(cell: usize, id: u64) -> Subscription {
        Subscription { to: Some(Topic::Death(cell, id)), stays: PhantomData }
    }

    /// Lets it go on for as long as the thread.
    pub fn keep(mut self) {
        self.to = None;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some((to, state)) = self.to.zip(state::get()) else { return };
        match to {
            Topic::Collections(id) => state.callbacks.forget(id),
            Topic::Death(cell, id) => state.deaths.forget(cell, id),
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}
