//! Pointers that left Rust's sight as raw ones and come back, and counts that are changed through them.

use super::Log;
use neap::rc::{Rc, Weak};
use std::fmt::Display;

#[test]
fn a_raw_pointer_points_at_the_value_and_comes_back() {
    let log = Log::new();
    let strong = Rc::new(log.item(1));
    let (other, address) = (strong.clone(), Rc::as_ptr(&strong));
    let raw = Rc::into_raw(strong);
    assert_eq!(raw, address);
    assert!(std::ptr::eq(raw, &*other));
    assert_eq!(Rc::strong_count(&other), 2, "a raw pointer owns as before");
    drop(other);
    assert_eq!(log.take(), []);
    // SAFETY: the reference that was turned raw keeps the value alive.
    assert_eq!(unsafe { &*raw }.number, 1);
    // SAFETY: it came from `into_raw` and comes back once.
    let strong = unsafe { Rc::from_raw(raw) };
    assert_eq!(Rc::strong_count(&strong), 1);
    drop(strong);
    assert_eq!(log.take(), [1]);
}

#[test]
fn as_ptr_is_the_address_of_the_value() {
    let number = Rc::new(3_u64);
    assert!(std::ptr::eq(Rc::as_ptr(&number), &*number));
    let slice: Rc<[u8]> = Rc::from([1, 2, 3]);
    assert!(std::ptr::eq(Rc::as_ptr(&slice), &*slice));
    let text: Rc<str> = Rc::from("");
    assert!(std::ptr::eq(Rc::as_ptr(&text), &*text));
    assert!(std::ptr::eq(Rc::as_ptr(&number.clone()), &*number));
    assert_eq!(Rc::strong_count(&number), 1, "asking changes no count");
}

#[test]
fn slices_texts_and_trait_objects_go_raw_too() {
    let slice: Rc<[String]> = Rc::from(vec!["a".to_string(), "b".to_string()]);
    let raw: *const [String] = Rc::into_raw(slice.clone());
    // SAFETY: it came from `into_raw` and comes back once.
    let back = unsafe { Rc::from_raw(raw) };
    assert!(Rc::ptr_eq(&slice, &back) && back[1] == "b");
    let text: Rc<str> = Rc::from("neap");
    let raw: *const str = Rc::into_raw(text);
    // SAFETY: as above.
    assert_eq!(&*unsafe { Rc::from_raw(raw) }, "neap");
    let shown: Rc<dyn Display> = neap::coerce!(Rc::new(12.5) => dyn Display);
    let raw: *const dyn Display = Rc::into_raw(shown);
    // SAFETY: as above.
    assert_eq!(unsafe { Rc::from_raw(raw) }.to_string(), "12.5");
}

#[test]
fn a_raw_pointer_may_come_back_as_a_type_of_the_same_layout() {
    #[repr(transparent)]
    struct Metres(u32);
    let raw = Rc::into_raw(Rc::new(Metres(40)));
    // SAFETY: `Metres` is transparent, and the reference comes back once.
    let number: Rc<u32> = unsafe { Rc::from_raw(raw.cast()) };
    assert_eq!(*number, 40);
    // Between slices too: bytes of a text.
    let raw = Rc::into_raw(Rc::<str>::from("tide"));
    // SAFETY: a `str` is bytes, and the reference comes back once.
    let bytes: Rc<[u8]> = unsafe { Rc::from_raw(raw as *const [u8]) };
    assert_eq!(*bytes, *b"tide");
    // A raw pointer to an array comes back as a slice: unsizing by hand.
    let raw: *const [u16; 3] = Rc::into_raw(Rc::new([1_u16, 2, 3]));
    let raw: *const [u16] = raw;
    // SAFETY: an array is laid out as the slice of its length.
    assert_eq!(*unsafe { Rc::from_raw(raw) }, [1, 2, 3]);
}

#[test]
fn counts_change_through_a_raw_pointer() {
    let log = Log::new();
    let raw = Rc::into_raw(Rc::new(log.item(3)));
    // SAFETY: the raw pointer owns a reference.
    unsafe { Rc::increment_strong_count(raw) };
    // SAFETY: one of the two references.
    let strong = unsafe { Rc::from_raw(raw) };
    assert_eq!(Rc::strong_count(&strong), 2);
    // SAFETY: the other one.
    unsafe { Rc::decrement_strong_count(raw) };
    assert_eq!((Rc::strong_count(&strong), log.take()), (1, vec![]));
    let raw = Rc::into_raw(strong);
    // SAFETY: the last reference.
    unsafe { Rc::decrement_strong_count(raw) };
    assert_eq!(log.take(), [3]);
}

#[test]
fn the_last_decrement_ends_the_object_for_its_weaks() {
    let log = Log::new();
    let strong: Rc<[_]> = Rc::from([log.item(1), log.item(2)]);
    let weak = Rc::downgrade(&strong);
    let raw = Rc::into_raw(strong);
    for _ in 0..10 {
        // SAFETY: the raw pointer owns a reference.
        unsafe { Rc::increment_strong_count(raw) };
    }
    assert_eq!(weak.strong_count(), 11);
    for left in (0..11).rev() {
        // SAFETY: eleven references are there.
        unsafe { Rc::decrement_strong_count(raw) };
        assert_eq!(weak.strong_count(), left);
    }
    assert!(weak.upgrade().is_none());
    assert_eq!(log.take(), [1, 2]);
}

#[test]
fn counts_of_a_trait_object_change_through_a_raw_pointer() {
    let shown: Rc<dyn Display> = neap::coerce!(Rc::new('x') => dyn Display);
    let raw = Rc::into_raw(shown.clone());
    // SAFETY: the raw pointer owns a reference.
    unsafe { Rc::increment_strong_count(raw) };
    assert_eq!(Rc::strong_count(&shown), 3);
    // SAFETY: two references are the raw pointer's.
    unsafe { Rc::decrement_strong_count(raw) };
    // SAFETY: the second one.
    unsafe { Rc::decrement_strong_count(raw) };
    assert_eq!(Rc::strong_count(&shown), 1);
}

#[test]
fn a_weak_goes_raw_and_comes_back() {
    let strong = Rc::new(String::from("there"));
    let weak = Rc::downgrade(&strong);
    assert_eq!(weak.as_ptr(), Rc::as_ptr(&strong), "it points at the value too");
    let raw = weak.clone().into_raw();
    assert_eq!(raw, Rc::as_ptr(&strong));
    assert_eq!(Rc::weak_count(&strong), 2, "a raw weak counts");
    // SAFETY: the value is alive.
    assert_eq!(unsafe { &*raw }, "there");
    // SAFETY: it came from `into_raw` and comes back once.
    let back = unsafe { Weak::from_raw(raw) };
    assert!(back.ptr_eq(&weak));
    assert_eq!(Rc::weak_count(&strong), 2);
    assert!(Rc::ptr_eq(&back.upgrade().expect("alive"), &strong));
    drop(back);
    assert_eq!(Rc::weak_count(&strong), 1);
}

#[test]
fn a_raw_weak_outlives_its_object() {
    let log = Log::new();
    let strong = Rc::new(log.item(5));
    let weak = Rc::downgrade(&strong);
    let raw = weak.clone().into_raw();
    drop(strong);
    assert_eq!(log.take(), [5], "a raw weak keeps no value");
    let noise: Vec<_> = (0..100).map(|number| Rc::new(log.item(number))).collect();
    // SAFETY: it came from `into_raw` and comes back once.
    let back = unsafe { Weak::from_raw(raw) };
    assert!(back.upgrade().is_none());
    assert!(back.ptr_eq(&weak));
    assert_eq!((back.strong_count(), back.weak_count()), (0, 0));
    drop((noise, back, weak));
}

#[test]
fn a_dead_weak_goes_raw_and_comes_back() {
    let strong = Rc::new(5);
    let (weak, other) = (Rc::downgrade(&strong), Rc::downgrade(&strong));
    drop(strong);
    // Others may lie where the object lay.
    let others: Vec<_> = (0..100).map(Rc::new).collect();
    let other_weaks: Vec<_> = others.iter().map(Rc::downgrade).collect();
    // With neap the raw pointer is not `as_ptr` then: that may be another object's by now.
    let raw = weak.into_raw();
    // SAFETY: it came from `into_raw` and comes back once.
    let back = unsafe { Weak::from_raw(raw) };
    assert!(back.upgrade().is_none());
    assert!(back.ptr_eq(&other));
    assert!(other_weaks.iter().all(|weak| !weak.ptr_eq(&back)));
    drop((back, other));
    assert!(other_weaks.iter().zip(0..).all(|(weak, i)| weak.upgrade().as_deref() == Some(&i)));
}

#[test]
fn a_weak_without_an_object_goes_raw_and_comes_back() {
    let raw = Weak::<String>::new().into_raw();
    // SAFETY: it came from `into_raw` and comes back once.
    let back = unsafe { Weak::from_raw(raw) };
    assert!(back.upgrade().is_none());
    assert!(back.ptr_eq(&Weak::new()));
}

#[test]
fn weaks_of_slices_and_trait_objects_go_raw_too() {
    let slice: Rc<[u32]> = Rc::from([4, 5, 6]);
    let weak = Rc::downgrade(&slice);
    let raw: *const [u32] = weak.clone().into_raw();
    assert_eq!((raw, raw.len()), (Rc::as_ptr(&slice), 3));
    // SAFETY: it came from `into_raw` and comes back once.
    let back = unsafe { Weak::from_raw(raw) };
    assert!(back.ptr_eq(&weak) && *back.upgrade().expect("alive") == [4, 5, 6]);
    let text: Rc<str> = Rc::from("spring");
    let raw: *const str = Rc::downgrade(&text).into_raw();
    // SAFETY: as above.
    let back = unsafe { Weak::from_raw(raw) };
    drop(text);
    assert!(back.upgrade().is_none());
    let shown: Rc<dyn Display> = neap::coerce!(Rc::new(7) => dyn Display);
    let raw: *const dyn Display = Rc::downgrade(&shown).into_raw();
    // SAFETY: as above.
    let back = unsafe { Weak::from_raw(raw) };
    assert_eq!(back.upgrade().expect("alive").to_string(), "7");
}

#[test]
fn many_raw_weaks_of_one_object() {
    let log = Log::new();
    let strong = Rc::new(log.item(9));
    let raws: Vec<_> = (0..50).map(|_| Rc::downgrade(&strong).into_raw()).collect();
    assert_eq!(Rc::weak_count(&strong), 50);
    for raw in &raws[..20] {
        // SAFETY: each came from `into_raw` and comes back once.
        drop(unsafe { Weak::from_raw(*raw) });
    }
    assert_eq!(Rc::weak_count(&strong), 30);
    drop(strong);
    assert_eq!(log.take(), [9]);
    let backs: Vec<Weak<_>> = raws[20..]
        .iter()
        // SAFETY: as above.
        .map(|raw| unsafe { Weak::from_raw(*raw) })
        .collect();
    assert!(backs.iter().all(|back| back.upgrade().is_none() && back.ptr_eq(&backs[0])));
}

#[test]
fn a_strong_and_a_weak_can_be_raw_at_once() {
    let log = Log::new();
    let strong = Rc::new(log.item(4));
    let weak = Rc::downgrade(&strong);
    let (strong, weak) = (Rc::into_raw(strong), weak.into_raw());
    assert_eq!(strong, weak);
    // SAFETY: one strong reference was turned raw at this address.
    drop(unsafe { Rc::from_raw(strong) });
    assert_eq!(log.take(), [4]);
    // SAFETY: and one weak reference.
    let weak = unsafe { Weak::from_raw(weak) };
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_user_datum_of_a_c_library() {
    // As programs pass an `Rc` through a `void*` and get it back in a callback.
    type Callback = unsafe extern "C" fn(*mut std::ffi::c_void) -> u32;
    unsafe extern "C" fn callback(datum: *mut std::ffi::c_void) -> u32 {
        // SAFETY: `datum` is what was registered, and the registration still owns it.
        let cell = unsafe { &*datum.cast_const().cast::<std::cell::Cell<u32>>() };
        cell.set(cell.get() + 1);
        cell.get()
    }
    let cell = Rc::new(std::cell::Cell::new(0));
    let registered: (Callback, *mut std::ffi::c_void) =
        (callback, Rc::into_raw(cell.clone()).cast_mut().cast());
    for i in 1..4 {
        // SAFETY: the datum is still registered.
        assert_eq!(unsafe { registered.0(registered.1) }, i);
    }
    // SAFETY: unregistered: its reference comes back, once.
    drop(unsafe { Rc::from_raw(registered.1.cast_const().cast::<std::cell::Cell<u32>>()) });
    assert_eq!((cell.get(), Rc::strong_count(&cell)), (3, 1));
}
