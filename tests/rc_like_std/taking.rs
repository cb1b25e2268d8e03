//! Getting a value out of its `Rc` again.

use super::Log;
use neap::rc::{Rc, Weak};
use std::any::Any;
use std::cell::RefCell;
use std::fmt::Debug;

#[test]
fn the_only_owner_takes_the_value_out() {
    let log = Log::new();
    let item = Rc::try_unwrap(Rc::new(log.item(1))).ok().expect("nobody else");
    assert_eq!(log.take(), [], "taken out, not dropped");
    drop(item);
    assert_eq!(log.take(), [1]);
    assert_eq!(Rc::try_unwrap(Rc::new(3)), Ok(3));
}

#[test]
fn one_of_two_owners_gets_its_pointer_back() {
    let first = Rc::new(String::from("shared"));
    let second = first.clone();
    let back = Rc::try_unwrap(first).expect_err("there is another one");
    assert!(Rc::ptr_eq(&back, &second));
    assert_eq!(Rc::strong_count(&second), 2);
    drop(second);
    assert_eq!(Rc::try_unwrap(back).as_deref(), Ok("shared"));
}

#[test]
fn weaks_do_not_stop_the_only_owner() {
    let log = Log::new();
    let strong = Rc::new(log.item(2));
    let weaks = [Rc::downgrade(&strong), Rc::downgrade(&strong)];
    let item = Rc::try_unwrap(strong).ok().expect("the only owner");
    assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
    assert_eq!((weaks[0].strong_count(), weaks[0].weak_count()), (0, 0));
    assert!(weaks[0].ptr_eq(&weaks[1]));
    drop(weaks);
    assert_eq!(log.take(), []);
    drop(item);
    assert_eq!(log.take(), [2]);
}

#[test]
fn into_inner_gives_the_value_to_the_last_of_all_owners() {
    let log = Log::new();
    let owners = vec![Rc::new(log.item(7)); 3];
    let weak = Rc::downgrade(&owners[0]);
    let taken: Vec<bool> =
        owners.into_iter().map(|owner| Rc::into_inner(owner).is_some()).collect();
    assert_eq!(taken, [false, false, true]);
    assert_eq!(log.take(), [7], "dropped by `is_some`'s caller, once");
    assert!(weak.upgrade().is_none());
}

#[test]
fn unwrap_or_clone_moves_for_one_and_clones_for_several() {
    let log = Log::new();
    let first = Rc::new(log.item(1));
    let second = first.clone();
    let clone = Rc::unwrap_or_clone(first);
    assert_eq!((clone.number, Rc::strong_count(&second), log.take()), (1001, 1, vec![]));
    let weak = Rc::downgrade(&second);
    let value = Rc::unwrap_or_clone(second);
    assert_eq!((value.number, log.take()), (1, vec![]));
    assert!(weak.upgrade().is_none());
    // A value on the heap stays where it is.
    let text = String::from("a line");
    let at = text.as_ptr();
    let out = Rc::unwrap_or_clone(Rc::new(text));
    assert_eq!(out.as_ptr(), at);
}

#[test]
fn large_and_empty_values_come_out_whole() {
    let numbers: [u32; 3000] = std::array::from_fn(|i| i as u32 * 7);
    let out = Rc::try_unwrap(Rc::new(numbers)).expect("nobody else");
    assert!(out == numbers);
    assert_eq!(Rc::into_inner(Rc::new(())), Some(()));
}

#[test]
fn the_memory_is_there_again_for_the_next_value() {
    // A value that was taken out and put into a new `Rc`, over and over, with weaks to the old ones.
    let mut value = vec![0_u32];
    let mut weaks = Vec::new();
    for i in 1..500 {
        let strong = Rc::new(value);
        weaks.push(Rc::downgrade(&strong));
        value = Rc::into_inner(strong).expect("nobody else");
        value.push(i);
    }
    assert!(value.iter().copied().eq(0..500));
    assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
    let distinct = weaks.windows(2).all(|pair| !pair[0].ptr_eq(&pair[1]));
    assert!(distinct, "each was another object, wherever it lay");
}

#[test]
fn an_any_finds_its_type_again() {
    let number: Rc<dyn Any> = neap::coerce!(Rc::new(-40_i64) => dyn Any);
    assert!(number.is::<i64>());
    assert_eq!(number.downcast_ref::<i64>(), Some(&-40));
    let other = number.clone();
    let number = number.downcast::<u64>().expect_err("it is signed");
    assert_eq!(Rc::strong_count(&number), 2, "the failed attempt gave the pointer back");
    let number: Rc<i64> = number.downcast().expect("this is it");
    assert_eq!((*number, Rc::strong_count(&number)), (-40, 2));
    assert_eq!(Rc::as_ptr(&number).addr(), Rc::as_ptr(&other).cast::<()>().addr());
}

#[test]
fn things_of_several_types_in_one_list() {
    fn describe(thing: &Rc<dyn Any>) -> String {
        match thing.clone().downcast::<String>() {
            Ok(text) => format!("text of {} bytes", text.len()),
            Err(thing) => match thing.downcast::<[u8; 2]>() {
                Ok(pair) => format!("pair of {} and {}", pair[0], pair[1]),
                Err(_) => "unknown".into(),
            },
        }
    }
    let things: [Rc<dyn Any>; 4] = [
        neap::coerce!(Rc::new(String::from("flood")) => dyn Any),
        neap::coerce!(Rc::new([1_u8, 2]) => dyn Any),
        neap::coerce!(Rc::new(()) => dyn Any),
        neap::coerce!(Rc::new("flood") => dyn Any),
    ];
    let described: Vec<_> = things.iter().map(describe).collect();
    assert_eq!(described, ["text of 5 bytes", "pair of 1 and 2", "unknown", "unknown"]);
    assert!(things.iter().all(|thing| Rc::strong_count(thing) == 1));
}

#[test]
fn a_value_behind_a_trait_is_dropped_as_what_it_is() {
    trait Numbered {
        fn number(&self) -> u32;
    }
    impl Numbered for super::Item<'_> {
        fn number(&self) -> u32 {
            self.number
        }
    }
    let log = Log::new();
    let item: Rc<dyn Numbered + '_> = neap::coerce!(Rc::new(log.item(6)) => dyn Numbered + '_);
    let weak = Rc::downgrade(&item);
    assert_eq!(weak.upgrade().expect("alive").number(), 6);
    drop(item);
    assert_eq!(log.take(), [6]);
    assert!(weak.upgrade().is_none());
}

#[test]
fn taking_out_what_was_shared_through_a_cell() {
    // The usual end of a computation that filled a shared list.
    let list = Rc::new(RefCell::new(Vec::new()));
    let writers: Vec<_> = (0..4).map(|number| (number, list.clone())).collect();
    for (number, list) in writers {
        list.borrow_mut().push(number);
    }
    let list: Vec<i32> = Rc::try_unwrap(list).expect("the writers are gone").into_inner();
    assert_eq!(list, [0, 1, 2, 3]);
}

#[test]
fn errors_of_try_unwrap_can_be_shown() {
    fn fails<T: Debug>(rc: Rc<T>) -> String {
        let _other: Weak<T> = Rc::downgrade(&rc);
        let _second = rc.clone();
        format!("{:?}", Rc::try_unwrap(rc))
    }
    assert_eq!(fails(Rc::new(3)), "Err(3)");
}
