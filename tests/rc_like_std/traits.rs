//! What an `Rc` takes over from its value: printing, comparing, hashing, borrowing; and what the compiler may assume
//! of the two types.

use super::Item;
use neap::rc::{Rc, Weak};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::borrow::Borrow;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::fmt::{self, Debug, Display, Pointer};
use std::hash::{BuildHasher, Hash, RandomState};
use std::marker::PhantomPinned;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;

// One thread's business.
assert_not_impl_any!(Rc<u8>: Send, Sync);
assert_not_impl_any!(Rc<[u8]>: Send, Sync);
assert_not_impl_any!(Rc<dyn Send>: Send, Sync);
assert_not_impl_any!(Weak<u8>: Send, Sync);
assert_not_impl_any!(Weak<str>: Send, Sync);
// A value that keeps its promises through a panic does so in an `Rc` too.
assert_impl_all!(Rc<u8>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Rc<str>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Rc<dyn RefUnwindSafe>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Rc<Cell<u8>>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Rc<UnsafeCell<u8>>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Rc<&'static mut u8>: Copy);
assert_impl_all!(Rc<&'static mut u8>: UnwindSafe);
// The pointer moves, whatever the value does.
assert_impl_all!(Rc<PhantomPinned>: Unpin);
assert_impl_all!(Weak<PhantomPinned>: Unpin);
assert_impl_all!(Rc<dyn Fn()>: Unpin);
// Nothing is asked of the value to own it.
assert_impl_all!(Rc<PhantomPinned>: Clone, Deref, Pointer, AsRef<PhantomPinned>, Borrow<PhantomPinned>);
assert_impl_all!(Weak<PhantomPinned>: Clone, Debug, Default);
assert_impl_all!(Weak<dyn Fn()>: Clone, Debug);
// And what it cannot do, its `Rc` cannot.
assert_not_impl_any!(Rc<PhantomPinned>: Display, Copy);
assert_not_impl_any!(Rc<f64>: Eq, Ord, Hash);
assert_impl_all!(Rc<f64>: PartialEq, PartialOrd);
assert_impl_all!(Rc<str>: Eq, Ord, Hash, Debug, Display, Pointer, AsRef<str>, Borrow<str>);
assert_not_impl_any!(Weak<u8>: PartialEq, Copy, Deref);

/// A longer life may stand for a shorter one, as with a reference.
fn shortened<'a>(rc: Rc<&'static str>, weak: Weak<&'static str>) -> (Rc<&'a str>, Weak<&'a str>) {
    (rc, weak)
}

#[test]
fn a_pointer_to_what_lives_longer_will_do() {
    fn first<'a>(own: Rc<&'a str>, _other: &'a str) -> &'a str {
        *own
    }
    let rc = Rc::new("static");
    let (rc, weak) = shortened(rc.clone(), Rc::downgrade(&rc));
    let local = String::from("local");
    assert_eq!(first(rc.clone(), &local), "static");
    assert!(weak.upgrade().is_some());
    let mut either: Rc<&str> = rc;
    assert_eq!(*either, "static");
    either = Rc::new(&local);
    assert_eq!(*either, "local");
}

#[test]
fn a_shared_value_is_reached_as_if_it_were_the_value() {
    let text = Rc::new(String::from("Wattenmeer"));
    assert_eq!(text.len(), 10);
    assert_eq!(text.chars().next(), Some('W'));
    let by_reference: &str = &text;
    assert_eq!(by_reference, "Wattenmeer");
    let list: Rc<[i32]> = Rc::from([1, 2, 3]);
    assert_eq!((list[1], list.iter().sum::<i32>(), list.first()), (2, 6, Some(&1)));
    let cell = Rc::new(RefCell::new(vec![1]));
    cell.borrow_mut().push(2);
    assert_eq!(*RefCell::borrow(&cell), [1, 2]);
    let closure = Rc::new(|x: i32| x + 1);
    assert_eq!(closure(1), 2);
}

#[test]
fn as_ref_and_borrow() {
    fn length(path: impl AsRef<str>) -> usize {
        path.as_ref().len()
    }
    fn is_absolute<T: ?Sized + AsRef<Path>>(path: &Rc<T>) -> bool {
        let value: &T = path.as_ref();
        value.as_ref().is_absolute()
    }
    assert_eq!(length(Rc::<str>::from("abc")), 3);
    assert!(is_absolute(&Rc::new("/a")));
    let number = Rc::new(6_u8);
    let borrowed: &u8 = number.borrow();
    assert!(std::ptr::eq(borrowed, Rc::as_ptr(&number)));
}

#[test]
fn a_map_by_shared_text_is_asked_with_borrowed_text() {
    let name: Rc<str> = Rc::from("Amrum");
    let mut map: HashMap<Rc<str>, u32> = HashMap::new();
    map.insert(name.clone(), 1);
    *map.entry(Rc::from("Amrum")).or_default() += 1;
    assert_eq!((map.len(), map.get("Amrum"), map.get("Sylt")), (1, Some(&2), None));
    let (key, _) = map.get_key_value("Amrum").expect("it is there");
    assert!(Rc::ptr_eq(key, &name), "the first key stays");
    let mut tree: BTreeMap<Rc<(u8, char)>, u32> = BTreeMap::new();
    tree.insert(Rc::new((2, 'b')), 2);
    tree.insert(Rc::new((1, 'a')), 1);
    assert!(tree.keys().map(|key| key.1).eq(['a', 'b']));
    assert_eq!(tree.get(&(2, 'b')), Some(&2));
    let set: HashSet<Rc<[u8]>> = [&[1, 2][..], &[1, 2], &[3]].into_iter().map(Rc::from).collect();
    assert!(set.len() == 2 && set.contains(&[3][..]));
}

#[test]
fn it_prints_as_its_value_does() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "only printed")]
    struct Island {
        name: Rc<str>,
        area: Rc<f32>,
    }
    let island = Rc::new(Island { name: Rc::from("Föhr"), area: Rc::new(82.8) });
    assert_eq!(format!("{island:?}"), r#"Island { name: "Föhr", area: 82.8 }"#);
    assert_eq!(format!("{:#?}", Rc::new([1])), "[\n    1,\n]");
    assert_eq!(
        format!("{:>6}|{:<4}|{:^5}", Rc::new("ab"), Rc::new(3), Rc::new('x')),
        "    ab|3   |  x  "
    );
    assert_eq!(
        format!("{:+.2} {:08.3} {:#x?}", Rc::new(1.0), Rc::new(-2.5), Rc::new(255)),
        "+1.00 -002.500 0xff"
    );
    let shown: Rc<dyn Display> = neap::coerce!(Rc::new(5) => dyn Display);
    assert_eq!(shown.to_string(), "5");
}

#[test]
fn as_a_pointer_it_prints_the_address_of_its_value() {
    let rc = Rc::new(7);
    assert_eq!(format!("{rc:p}"), format!("{:p}", &*rc));
    assert_eq!(format!("{rc:p}"), format!("{:p}", Rc::as_ptr(&rc)));
    let slice: Rc<[u8]> = Rc::from([1, 2]);
    assert_eq!(format!("{slice:p}"), format!("{:p}", Rc::as_ptr(&slice)));
}

#[test]
#[allow(clippy::nonminimal_bool, reason = "each operator is asked")]
fn equal_values_make_equal_pointers() {
    let (first, second, third) = (Rc::new(5), Rc::new(5), Rc::new(6));
    assert!(first == second && first != third);
    assert!(!(first != second) && !(first == third));
    assert!(first == first.clone());
    let (text, other): (Rc<str>, Rc<str>) = (Rc::from("ab"), Rc::from("abc"));
    assert!(text != other && text == Rc::from("ab"));
    let slice = || Rc::<[Rc<u8>]>::from([Rc::new(1)]);
    assert_eq!(slice(), slice());
}

#[test]
#[allow(
    clippy::eq_op,
    clippy::nonminimal_bool,
    clippy::neg_cmp_op_on_partial_ord,
    reason = "that is the question"
)]
fn what_is_not_equal_to_itself_is_not_so_in_an_rc() {
    let nan = Rc::new(f64::NAN);
    assert!(nan != nan);
    assert!(!(nan == nan));
    assert!(nan != nan.clone());
    assert_eq!(nan.partial_cmp(&nan), None);
    assert!(!(nan < nan) && !(nan <= nan) && !(nan > nan) && !(nan >= nan));
}

#[test]
fn comparisons_ask_the_value() {
    /// Compares backwards, and says which question was asked.
    struct Backwards<'a>(i32, &'a RefCell<String>);
    impl PartialEq for Backwards<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.1.borrow_mut().push('=');
            self.0 == other.0
        }
    }
    impl PartialOrd for Backwards<'_> {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            self.1.borrow_mut().push('?');
            other.0.partial_cmp(&self.0)
        }
        fn lt(&self, other: &Self) -> bool {
            self.1.borrow_mut().push('<');
            other.0 < self.0
        }
    }
    let asked = RefCell::new(String::new());
    let (one, two) = (Rc::new(Backwards(1, &asked)), Rc::new(Backwards(2, &asked)));
    assert!(two < one && one != two);
    assert!(two.partial_cmp(&one) == Some(Ordering::Less));
    assert_eq!(*asked.borrow(), "<=?");
}

#[test]
#[allow(clippy::nonminimal_bool, reason = "each operator is asked")]
fn order_is_the_order_of_the_values() {
    let (low, high) = (Rc::new(3), Rc::new(8));
    assert!(low < high && low <= high && high > low && high >= low && low <= low.clone());
    assert_eq!(low.cmp(&high), Ordering::Less);
    assert_eq!(high.partial_cmp(&low), Some(Ordering::Greater));
    assert_eq!(
        (low.clone().max(high.clone()), low.clone().min(high.clone())),
        (high.clone(), low.clone())
    );
    let mut words: Vec<Rc<str>> = ["c", "a", "b"].into_iter().map(Rc::from).collect();
    words.sort();
    assert_eq!(words.concat(), "abc");
    let mut heap = BinaryHeap::from([Rc::new(1), Rc::new(9), Rc::new(4)]);
    assert_eq!(heap.pop().as_deref(), Some(&9));
    let set = BTreeSet::from([Rc::new(2), Rc::new(1), Rc::new(2)]);
    assert!(set.iter().map(|rc| **rc).eq([1, 2]));
}

#[test]
fn it_hashes_as_its_value_does() {
    let hasher = RandomState::new();
    let same = |rc: u64, value: u64| assert_eq!(rc, value);
    same(hasher.hash_one(Rc::new(5_u32)), hasher.hash_one(5_u32));
    same(hasher.hash_one(Rc::<str>::from("five")), hasher.hash_one("five"));
    same(hasher.hash_one(Rc::<[u8]>::from([5, 5])), hasher.hash_one([5_u8, 5].as_slice()));
}

#[test]
fn errors_can_be_shared() {
    // An `Rc` of an error is passed on as a value, and what it says stays.
    let error = Rc::new("x".parse::<u8>().expect_err("not a number"));
    let (first, second): (Result<u8, _>, Result<u8, _>) = (Err(error.clone()), Err(error));
    assert_eq!(first.unwrap_err().to_string(), second.unwrap_err().to_string());
    let error: Rc<dyn std::error::Error> =
        neap::coerce!(Rc::new(fmt::Error) => dyn std::error::Error);
    assert!(error.is::<fmt::Error>());
}

#[test]
fn a_shared_file_is_a_file() {
    fn number(file: &impl AsRawFd) -> RawFd {
        file.as_raw_fd()
    }
    fn borrowed(file: &impl AsFd) -> RawFd {
        file.as_fd().as_raw_fd()
    }
    let file = Rc::new(std::fs::File::open("/dev/null").expect("a file"));
    let plain = (*file).as_raw_fd();
    assert_eq!((number(&file), borrowed(&file)), (plain, plain));
    let owned: Rc<OwnedFd> = Rc::new(file.try_clone().expect("another one").into());
    assert_eq!(borrowed(&owned), number(&owned));
    let any: Rc<dyn AsFd> = neap::coerce!(owned => dyn AsFd);
    assert_ne!(borrowed(&any), plain);
}

#[test]
fn a_panic_leaves_shared_values_usable() {
    let text: Rc<str> = Rc::from("still there");
    let inside = text.clone();
    let caught = std::panic::catch_unwind(move || {
        assert_eq!(inside.len(), 11);
        std::panic::resume_unwind(Box::new(inside.len()));
    });
    assert_eq!(caught.expect_err("it panics").downcast_ref(), Some(&11_usize));
    assert_eq!((&*text, Rc::strong_count(&text)), ("still there", 1));
}

#[test]
fn clones_need_no_clone_of_the_value() {
    struct Unique;
    let rc = Rc::new(Unique);
    let (other, weak) = (rc.clone(), Rc::downgrade(&rc).clone());
    assert!(Rc::ptr_eq(&other, &rc) && weak.upgrade().is_some());
    #[derive(Clone)]
    struct Holder<'a> {
        item: Rc<Item<'a>>,
        weak: Weak<Item<'a>>,
    }
    let log = super::Log::new();
    let item = Rc::new(log.item(1));
    let holder = Holder { weak: Rc::downgrade(&item), item };
    let copy = holder.clone();
    drop(holder);
    assert!(Rc::ptr_eq(&copy.item, &copy.weak.upgrade().expect("alive")));
    assert_eq!(log.take(), []);
}
