//! What a `Weak` can do before and after the end of its object.

use super::Log;
use neap::rc::{Rc, Weak};
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

#[test]
fn a_weak_reaches_its_object_as_long_as_it_lives() {
    let strong = Rc::new(String::from("mooring"));
    let weak = Rc::downgrade(&strong);
    assert_eq!(weak.upgrade().as_deref().map(String::as_str), Some("mooring"));
    assert_eq!(Rc::strong_count(&strong), 1, "the upgraded one is gone again");
    let upgraded = weak.upgrade();
    drop(strong);
    assert!(weak.upgrade().is_some(), "an upgraded weak is an owner like any");
    drop(upgraded);
    assert!(weak.upgrade().is_none());
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_weak_outlives_its_object() {
    let weak = {
        let strong = Rc::new([1_u64; 20]);
        Rc::downgrade(&strong)
    };
    let others: Vec<_> = (0..1000).map(|i| Rc::new([i; 20])).collect();
    assert!(weak.upgrade().is_none());
    assert!(weak.clone().upgrade().is_none());
    assert_eq!((weak.strong_count(), weak.weak_count()), (0, 0));
    drop(others);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_weak_without_an_object_reaches_nothing() {
    let mut weak = Weak::<String>::new();
    assert!(weak.upgrade().is_none());
    assert_eq!((weak.strong_count(), weak.weak_count()), (0, 0));
    let clone = weak.clone();
    assert!(clone.upgrade().is_none());
    assert!(Weak::<u8>::default().upgrade().is_none());
    weak.clone_from(&clone);
    let strong = Rc::new("now".to_string());
    weak = Rc::downgrade(&strong);
    assert!(weak.upgrade().is_some() && clone.upgrade().is_none());
}

#[test]
fn weaks_without_an_object_can_stand_in_constants() {
    const NOBODY: Weak<u32> = Weak::new();
    thread_local! {
        static LAST: RefCell<Weak<u32>> = const { RefCell::new(NOBODY) };
    }
    let strong = Rc::new(6);
    LAST.with(|slot| *slot.borrow_mut() = Rc::downgrade(&strong));
    assert_eq!(LAST.with(|slot| slot.borrow().upgrade()).as_deref(), Some(&6));
    drop(strong);
    assert!(LAST.with(|slot| slot.borrow().upgrade()).is_none());
}

#[test]
fn types_without_values_have_weaks() {
    enum Never {}
    let weak = Weak::<Never>::new();
    assert!(weak.clone().upgrade().is_none());
    let weak: Weak<dyn std::any::Any> = neap::coerce!(weak => dyn std::any::Any);
    assert!(weak.clone().upgrade().is_none());
}

#[test]
fn weaks_of_one_object_are_the_same_and_those_of_two_are_not() {
    let (first, second) = (Rc::new(5), Rc::new(5));
    let weak = Rc::downgrade(&first);
    let (same, other) = (Rc::downgrade(&first), Rc::downgrade(&second));
    assert!(weak.ptr_eq(&same) && weak.ptr_eq(&weak.clone()) && !weak.ptr_eq(&other));
    let none = Weak::new();
    assert!(!weak.ptr_eq(&none));
    assert!(none.ptr_eq(&Weak::new()), "all that have no object are alike");
    drop((first, second));
    assert!(weak.ptr_eq(&same) && !weak.ptr_eq(&other) && !weak.ptr_eq(&none));
}

#[test]
fn the_weak_of_a_dead_object_is_not_that_of_a_later_one() {
    let mut dead: Vec<Weak<[u64; 3]>> = Vec::new();
    for i in 0..200 {
        let strong = Rc::new([i; 3]);
        let weak = Rc::downgrade(&strong);
        assert!(dead.iter().all(|old| !old.ptr_eq(&weak)), "object {i}");
        dead.push(weak);
    }
}

#[test]
fn weaks_of_slices_and_texts() {
    let slice: Rc<[String]> = Rc::from(["a".to_string(), "b".to_string()]);
    let weak: Weak<[String]> = Rc::downgrade(&slice);
    assert_eq!(weak.clone().upgrade().expect("alive").join(""), "ab");
    drop(slice);
    assert!(weak.clone().upgrade().is_none());
    let text: Rc<str> = Rc::from("abc");
    let weak = Rc::downgrade(&text);
    assert_eq!(weak.upgrade().as_deref(), Some("abc"));
    drop(text);
    assert_eq!(weak.upgrade(), None);
    let text: Rc<std::ffi::CStr> = Rc::from(c"abc");
    let weak = Rc::downgrade(&text);
    drop(text);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_weak_is_dropped_without_dropping_the_value() {
    let log = Log::new();
    let strong = Rc::new(log.item(1));
    for _ in 0..100 {
        drop(Rc::downgrade(&strong));
        drop(Rc::downgrade(&strong).clone());
    }
    assert_eq!(log.take(), []);
    drop(strong);
    assert_eq!(log.take(), [1]);
}

#[test]
fn the_last_weak_may_go_inside_the_drop_of_its_object() {
    struct Own {
        me: OnceCell<Weak<Own>>,
    }
    let own = Rc::new(Own { me: OnceCell::new() });
    assert!(own.me.set(Rc::downgrade(&own)).is_ok());
    drop(own);
    // And among others that die in the same drop.
    struct Child {
        parent: Weak<Parent>,
    }
    struct Parent {
        children: RefCell<Vec<Rc<Child>>>,
    }
    let parent = Rc::new(Parent { children: RefCell::default() });
    for _ in 0..10 {
        let child = Rc::new(Child { parent: Rc::downgrade(&parent) });
        parent.children.borrow_mut().push(child);
    }
    let child = parent.children.borrow()[4].clone();
    assert_eq!(Rc::weak_count(&parent), 10);
    drop(parent);
    assert!(child.parent.upgrade().is_none());
}

#[test]
fn owners_and_gadgets() {
    struct Owner {
        name: String,
        gadgets: RefCell<Vec<Weak<Gadget>>>,
    }
    struct Gadget {
        number: u32,
        owner: Rc<Owner>,
    }
    let owner = Rc::new(Owner { name: "Wiebke".into(), gadgets: RefCell::default() });
    let gadgets: Vec<_> =
        (0..3).map(|number| Rc::new(Gadget { number, owner: owner.clone() })).collect();
    owner.gadgets.borrow_mut().extend(gadgets.iter().map(Rc::downgrade));
    let seen = |owner: &Owner| -> Vec<u32> {
        let gadgets = owner.gadgets.borrow();
        gadgets.iter().filter_map(Weak::upgrade).map(|gadget| gadget.number).collect()
    };
    assert_eq!(seen(&owner), [0, 1, 2]);
    assert!(gadgets.iter().all(|gadget| gadget.owner.name == "Wiebke"));
    assert_eq!(Rc::strong_count(&owner), 4);
    let mut gadgets = gadgets;
    gadgets.remove(1);
    assert_eq!(seen(&owner), [0, 2]);
    drop(gadgets);
    assert_eq!(seen(&owner), []);
    assert_eq!((Rc::strong_count(&owner), Rc::weak_count(&owner)), (1, 0));
}

#[test]
fn a_cache_that_owns_nothing() {
    #[derive(Default)]
    struct Cache {
        texts: HashMap<u32, Weak<str>>,
        made: u32,
    }
    impl Cache {
        fn get(&mut self, number: u32) -> Rc<str> {
            if let Some(text) = self.texts.get(&number).and_then(Weak::upgrade) {
                return text;
            }
            self.made += 1;
            let text: Rc<str> = Rc::from(format!("number {number}"));
            self.texts.insert(number, Rc::downgrade(&text));
            text
        }
    }
    let mut cache = Cache::default();
    let first = cache.get(4);
    let second = cache.get(4);
    assert!(Rc::ptr_eq(&first, &second));
    drop((first, second));
    let third = cache.get(4);
    assert_eq!((&*third, cache.made), ("number 4", 2));
    cache.get(5);
    cache.texts.retain(|_, text| text.strong_count() > 0);
    assert_eq!(cache.texts.len(), 1);
}

#[test]
fn a_weak_says_nothing_about_its_object_when_printed() {
    let strong = Rc::new(5);
    let weak = Rc::downgrade(&strong);
    assert_eq!(format!("{weak:?}"), "(Weak)");
    drop(strong);
    assert_eq!(format!("{weak:?}"), "(Weak)");
    // So a circle can be printed.
    #[derive(Debug)]
    #[expect(dead_code, reason = "only printed")]
    struct Own {
        me: Weak<Own>,
    }
    assert_eq!(format!("{:?}", Rc::new_cyclic(|me| Own { me: me.clone() })), "Own { me: (Weak) }");
}
