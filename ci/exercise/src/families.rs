//! Closed sets of counted pointers that go from thread to thread.
//!
//! `neap::Rc` is not `Send`, but a set of which nothing points out may be moved as a whole, by `unsafe`, as one of std's. Its
//! objects and their side cells lie in pools that other threads use at the same time.

use std::cell::RefCell;
use std::sync::atomic::{AtomicPtr, Ordering};

use neap::rc::{Rc, Weak};

use crate::{Dice, on_threads};

/// Families on their way.
static ROAD: [AtomicPtr<Person>; 16] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 16];

struct Person {
    name: u64,
    children: RefCell<Vec<Rc<Person>>>,
    parent: Weak<Person>,
}

/// Threads found families, send them on, and look after those that they receive.
pub fn travel(round: u64) {
    on_threads(round, |dice| {
        for _ in 0..500 {
            let family = found(dice);
            let place = &ROAD[dice.below(ROAD.len() as u64) as usize];
            // Release: the family as it was left; Acquire: the one that comes in its place.
            receive(place.swap(Rc::into_raw(family).cast_mut(), Ordering::AcqRel), dice);
        }
    });
    let mut dice = Dice(round + 1);
    for place in &ROAD {
        // Acquire: pairs with the release above.
        receive(place.swap(std::ptr::null_mut(), Ordering::Acquire), &mut dice);
    }
}

fn found(dice: &mut Dice) -> Rc<Person> {
    let name = dice.below(1000);
    let root = Rc::new(Person { name, children: RefCell::default(), parent: Weak::new() });
    for _ in 0..dice.below(30) {
        add(&root, dice);
    }
    root
}

/// A child of somebody in the family.
fn add(root: &Rc<Person>, dice: &mut Dice) {
    let mut parent = Rc::clone(root);
    while dice.below(3) > 0 && !parent.children.borrow().is_empty() {
        let children = parent.children.borrow().clone();
        parent = Rc::clone(&children[dice.below(children.len() as u64) as usize]);
    }
    let child =
        Person { name: root.name, children: RefCell::default(), parent: Rc::downgrade(&parent) };
    parent.children.borrow_mut().push(Rc::new(child));
}

fn receive(root: *mut Person, dice: &mut Dice) {
    if root.is_null() {
        return;
    }
    // SAFETY: it came from `into_raw`, and the swap gave it to us alone.
    let root = unsafe { Rc::from_raw(root) };
    check(&root);
    // Objects that another thread made get side cells of this one's.
    add(&root, dice);
    check(&root);
    let last = Rc::downgrade(&root);
    drop(root);
    assert!(last.upgrade().is_none());
}

fn check(person: &Rc<Person>) {
    for child in person.children.borrow().iter() {
        assert_eq!(child.name, person.name);
        assert!(child.parent.upgrade().is_some_and(|parent| Rc::ptr_eq(&parent, person)));
        check(child);
    }
}
