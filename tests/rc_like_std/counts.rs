//! Counts of owners, the end of a value, and the identity of an object.

use super::{Item, Log};
use neap::rc::{Rc, Weak};
use std::cell::{Cell, RefCell};

/// Strong and weak count.
fn counts<T: ?Sized>(rc: &Rc<T>) -> (usize, usize) {
    (Rc::strong_count(rc), Rc::weak_count(rc))
}

#[test]
fn strong_pointers_are_counted() {
    let first = Rc::new('a');
    assert_eq!(counts(&first), (1, 0));
    let second = Rc::clone(&first);
    let third = second.clone();
    assert_eq!([counts(&first), counts(&second), counts(&third)], [(3, 0); 3]);
    drop(first);
    assert_eq!(counts(&third), (2, 0));
    drop(second);
    assert_eq!(counts(&third), (1, 0));
}

#[test]
fn weak_pointers_are_counted_apart() {
    let strong = Rc::new('b');
    let weak = Rc::downgrade(&strong);
    assert_eq!(counts(&strong), (1, 1));
    let more = [weak.clone(), Rc::downgrade(&strong)];
    assert_eq!(counts(&strong), (1, 3));
    assert_eq!((weak.strong_count(), weak.weak_count()), (1, 3));
    let upgraded = weak.upgrade().expect("alive");
    assert_eq!(counts(&upgraded), (2, 3));
    drop(more);
    assert_eq!(counts(&strong), (2, 1));
    drop(weak);
    assert_eq!(counts(&strong), (2, 0));
    drop(strong);
    assert_eq!(counts(&upgraded), (1, 0));
}

#[test]
fn weak_pointers_come_and_go_and_come_again() {
    let strong = Rc::new(1);
    for round in 0..100 {
        let weaks: Vec<_> = (0..round).map(|_| Rc::downgrade(&strong)).collect();
        assert_eq!(counts(&strong), (1, round));
        assert!(weaks.iter().all(|weak| weak.strong_count() == 1));
    }
    assert_eq!(counts(&strong), (1, 0));
}

#[test]
fn each_object_has_counts_of_its_own() {
    let objects: Vec<_> = (0..300).map(Rc::new).collect();
    let weaks: Vec<Vec<_>> = objects
        .iter()
        .map(|object| (0..**object % 4).map(|_| Rc::downgrade(object)).collect())
        .collect();
    let clones: Vec<Vec<_>> =
        objects.iter().map(|object| vec![object.clone(); **object % 3]).collect();
    for (i, object) in objects.iter().enumerate() {
        assert_eq!(counts(object), (1 + i % 3, i % 4));
    }
    drop(weaks);
    for (i, object) in objects.iter().enumerate() {
        assert_eq!(counts(object), (1 + i % 3, 0));
    }
    drop(clones);
    assert!(objects.iter().all(|object| counts(object) == (1, 0)));
}

#[test]
fn counts_of_many() {
    let object = Rc::new(());
    let clones = vec![object.clone(); 100_000];
    let weaks = vec![Rc::downgrade(&object); 100_000];
    assert_eq!(counts(&object), (100_002 - 1, 100_000));
    drop(object);
    assert_eq!(weaks[0].strong_count(), 100_000);
    drop(clones);
    assert_eq!((weaks[0].strong_count(), weaks[0].weak_count()), (0, 0));
}

#[test]
fn the_last_owner_drops_the_value_and_nobody_else_does() {
    let log = Log::new();
    let first = Rc::new(log.item(1));
    let (second, weak) = (first.clone(), Rc::downgrade(&first));
    drop(first);
    assert_eq!(log.take(), []);
    drop(weak);
    assert_eq!(log.take(), []);
    drop(second);
    assert_eq!(log.take(), [1]);
}

#[test]
fn the_value_goes_while_weaks_remain() {
    let log = Log::new();
    let strong = Rc::new(log.item(4));
    let weak = Rc::downgrade(&strong);
    drop(strong);
    assert_eq!(log.take(), [4]);
    assert!(weak.upgrade().is_none());
    drop(weak);
    assert_eq!(log.take(), []);
}

#[test]
fn what_a_value_holds_goes_with_it_in_order() {
    struct Family<'a> {
        own: Item<'a>,
        first: Rc<Item<'a>>,
        rest: Vec<Rc<Item<'a>>>,
        last: Option<Rc<Item<'a>>>,
    }
    let log = Log::new();
    let shared = Rc::new(log.item(2));
    let family = Rc::new(Family {
        own: log.item(0),
        first: Rc::new(log.item(1)),
        rest: vec![shared.clone(), Rc::new(log.item(3))],
        last: Some(Rc::new(log.item(4))),
    });
    assert_eq!(family.own.number + family.first.number + family.rest[0].number, 3);
    assert!(family.last.is_some());
    drop(family);
    assert_eq!(log.take(), [0, 1, 3, 4]);
    drop(shared);
    assert_eq!(log.take(), [2]);
}

#[test]
fn the_values_of_a_slice_go_in_order() {
    let log = Log::new();
    let slice: Rc<[Item]> = (0..5).map(|number| log.item(number)).collect();
    let other = slice.clone();
    drop(slice);
    assert_eq!(log.take(), []);
    drop(other);
    assert_eq!(log.take(), [0, 1, 2, 3, 4]);
}

#[test]
fn assigning_drops_what_was_there() {
    let log = Log::new();
    let mut rc = Rc::new(log.item(1));
    assert_eq!(rc.number, 1);
    rc = Rc::new(log.item(2));
    assert_eq!(log.take(), [1]);
    // `clone_from` too, also from itself.
    let other = Rc::new(log.item(3));
    rc.clone_from(&other);
    assert_eq!(log.take(), [2]);
    rc.clone_from(&rc.clone());
    assert_eq!(log.take(), []);
    assert_eq!(counts(&rc), (2, 0));
}

#[test]
fn a_drop_may_look_at_its_own_object() {
    struct Curious {
        me: Weak<Curious>,
        seen: std::rc::Rc<Cell<Option<(usize, usize, bool)>>>,
    }
    impl Drop for Curious {
        fn drop(&mut self) {
            let me = self.me.clone();
            let upgraded = me.upgrade().is_some();
            self.seen.set(Some((me.strong_count(), me.weak_count(), upgraded)));
        }
    }
    let seen = std::rc::Rc::new(Cell::new(None));
    let curious = Rc::new_cyclic(|me| Curious { me: me.clone(), seen: seen.clone() });
    let outside = curious.me.clone();
    drop(curious);
    assert_eq!(seen.get(), Some((0, 0, false)), "it is dead already");
    assert!(outside.upgrade().is_none());
}

#[test]
fn a_drop_may_make_and_drop_others() {
    thread_local! {
        static KEPT: RefCell<Vec<Rc<u32>>> = const { RefCell::new(Vec::new()) };
    }
    struct Parting(u32);
    impl Drop for Parting {
        fn drop(&mut self) {
            let new = Rc::new(self.0);
            let weak = Rc::downgrade(&new);
            KEPT.with_borrow_mut(|kept| kept.push(new.clone()));
            drop(new);
            assert_eq!(weak.strong_count(), 1);
            if self.0 > 0 {
                drop(Rc::new(Parting(self.0 - 1)));
            }
        }
    }
    drop(Rc::new(Parting(4)));
    KEPT.with_borrow_mut(|kept| {
        assert!(kept.iter().map(|rc| **rc).eq([4, 3, 2, 1, 0]));
        assert!(kept.iter().all(|rc| counts(rc) == (1, 0)));
        kept.clear();
    });
}

#[test]
fn a_circle_of_strong_pointers_stays_until_it_is_broken() {
    struct Link<'a> {
        next: RefCell<Option<Rc<Link<'a>>>>,
        _item: Item<'a>,
    }
    let log = Log::new();
    let first = Rc::new(Link { next: RefCell::new(None), _item: log.item(1) });
    let second = Rc::new(Link { next: RefCell::new(Some(first.clone())), _item: log.item(2) });
    *first.next.borrow_mut() = Some(second);
    let weak = Rc::downgrade(&first);
    drop(first);
    assert_eq!(log.take(), []);
    let first = weak.upgrade().expect("kept by the circle");
    let second = first.next.take();
    drop(first);
    assert_eq!(log.take(), []);
    drop(second);
    assert_eq!(log.take(), [1, 2]);
}

#[test]
fn two_pointers_to_one_object_are_the_same_and_equal_values_are_not() {
    let object = Rc::new(5);
    let (same, equal) = (object.clone(), Rc::new(5));
    assert!(Rc::ptr_eq(&object, &same));
    assert!(!Rc::ptr_eq(&object, &equal));
    assert_eq!(object, equal);
    let (text, other): (Rc<str>, Rc<str>) = ("x".into(), "x".into());
    assert!(Rc::ptr_eq(&text, &text.clone()) && !Rc::ptr_eq(&text, &other));
}

#[test]
fn the_same_object_behind_a_trait_is_the_same() {
    trait Anything {}
    impl<T> Anything for T {}
    let object = Rc::new(5_u64);
    let first: Rc<dyn Anything> = neap::coerce!(object.clone() => dyn Anything);
    let second: Rc<dyn Anything> = neap::coerce!(object.clone() => dyn Anything);
    assert!(Rc::ptr_eq(&first, &second));
    let other: Rc<dyn Anything> = neap::coerce!(Rc::new(5_u64) => dyn Anything);
    assert!(!Rc::ptr_eq(&first, &other));
    assert_eq!(counts(&object), (3, 0));
}

#[test]
fn a_forgotten_pointer_counts_for_ever() {
    let log = Log::new();
    let object = Rc::new(log.item(5));
    let weak = Rc::downgrade(&object);
    std::mem::forget(object.clone());
    drop(object);
    assert_eq!((weak.strong_count(), log.take()), (1, vec![]));
    let found = weak.upgrade().expect("still there");
    // SAFETY: this is the reference that was forgotten.
    unsafe { Rc::decrement_strong_count(Rc::as_ptr(&found)) };
    drop(found);
    assert_eq!((weak.strong_count(), log.take()), (0, vec![5]));
}
