//! `From`, `TryFrom` and `Default`: out of what an `Rc` is made, and into what it turns.

use super::{Item, Log};
use neap::rc::Rc;
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::pin::Pin;

#[test]
fn from_a_value() {
    let from: Rc<u32> = Rc::from(8);
    let into: Rc<u32> = 8.into();
    assert_eq!(from, into);
    let item: Rc<Option<&str>> = Some("x").into();
    assert_eq!(*item, Some("x"));
}

#[test]
fn from_a_box() {
    let log = Log::new();
    let boxed = Box::new(log.item(1));
    let rc: Rc<Item> = Rc::from(boxed);
    assert_eq!((rc.number, Rc::strong_count(&rc), log.take()), (1, 1, vec![]));
    drop(rc);
    assert_eq!(log.take(), [1]);
}

#[test]
fn from_boxes_of_what_has_no_fixed_size() {
    let text: Rc<str> = Rc::from(String::from("buoy").into_boxed_str());
    assert_eq!(&*text, "buoy");
    let log = Log::new();
    let boxed: Box<[Item]> = (0..3).map(|number| log.item(number)).collect();
    let slice: Rc<[Item]> = boxed.into();
    assert_eq!((slice.len(), log.take()), (3, vec![]));
    drop(slice);
    assert_eq!(log.take(), [0, 1, 2]);
    let empty: Rc<[u64]> = Rc::from(Box::<[u64]>::default());
    assert!(empty.is_empty());
}

#[test]
fn from_a_box_of_a_trait_object() {
    let boxed: Box<dyn Display> = Box::new(8.5);
    let rc: Rc<dyn Display> = Rc::from(boxed);
    assert_eq!(rc.to_string(), "8.5");
    let boxed: Box<dyn Fn() -> &'static str> = Box::new(|| "no captures, no bytes");
    let function: Rc<dyn Fn() -> &'static str> = Rc::from(boxed);
    assert_eq!(function(), "no captures, no bytes");
    trait Numbered {
        fn number(&self) -> u32;
    }
    impl Numbered for Item<'_> {
        fn number(&self) -> u32 {
            self.number
        }
    }
    let log = Log::new();
    let boxed: Box<dyn Numbered + '_> = Box::new(log.item(5));
    let rc: Rc<dyn Numbered + '_> = boxed.into();
    assert_eq!((rc.number(), log.take()), (5, vec![]));
    drop(rc);
    assert_eq!(log.take(), [5]);
}

#[test]
fn from_a_box_with_a_strict_alignment() {
    #[repr(align(4096))]
    struct Page(u8);
    let boxed: Box<dyn AsRef<u8>> = {
        impl AsRef<u8> for Page {
            fn as_ref(&self) -> &u8 {
                &self.0
            }
        }
        Box::new(Page(17))
    };
    let rc: Rc<dyn AsRef<u8>> = boxed.into();
    assert!(Rc::as_ptr(&rc).addr().is_multiple_of(4096));
    assert_eq!((*rc).as_ref(), &17);
}

#[test]
fn from_a_vector() {
    let log = Log::new();
    let mut vector = Vec::with_capacity(100);
    vector.extend((0..4).map(|number| log.item(number)));
    let slice: Rc<[Item]> = vector.into();
    assert!(slice.iter().map(|item| item.number).eq(0..4));
    assert_eq!(log.take(), [], "moved, not cloned");
    drop(slice);
    assert_eq!(log.take(), [0, 1, 2, 3]);
    assert!(Rc::<[String]>::from(Vec::new()).is_empty());
    assert_eq!(Rc::<[()]>::from(vec![(); 70]).len(), 70);
}

#[test]
fn from_a_borrowed_slice() {
    let log = Log::new();
    let mut items = [log.item(1), log.item(2)];
    let slice: Rc<[Item]> = Rc::from(&items[..]);
    assert!(slice.iter().map(|item| item.number).eq([1001, 1002]), "cloned");
    let other: Rc<[Item]> = Rc::from(&mut items[1..]);
    assert!(other.iter().map(|item| item.number).eq([1002]));
    drop((slice, other));
    assert_eq!(log.take(), [1001, 1002, 1002]);
    let numbers: Rc<[u16]> = Rc::from(&[5, 4, 3][..]);
    assert_eq!(*numbers, [5, 4, 3]);
    assert!(Rc::<[u16]>::from(&[][..]).is_empty());
}

#[test]
fn from_an_array() {
    let log = Log::new();
    let slice: Rc<[Item]> = Rc::from([log.item(1), log.item(2)]);
    assert_eq!((slice.len(), log.take()), (2, vec![]));
    drop(slice);
    assert_eq!(log.take(), [1, 2]);
    assert!(Rc::<[i64]>::from([]).is_empty());
}

#[test]
fn from_text() {
    let borrowed: Rc<str> = Rc::from("sand");
    let owned: Rc<str> = Rc::from(String::from("sand"));
    let mut text = String::from("sand");
    let mutable: Rc<str> = Rc::from(text.as_mut_str());
    assert!(borrowed == owned && owned == mutable);
    assert_eq!(&*Rc::<str>::from(""), "");
    let long = "Grüße ".repeat(10_000);
    assert!(*Rc::<str>::from(long.as_str()) == *long);
}

#[test]
fn from_cow() {
    let borrowed: Rc<str> = Cow::Borrowed("mud").into();
    let owned: Rc<str> = Cow::<str>::Owned("mud".into()).into();
    assert_eq!(borrowed, owned);
    let borrowed: Rc<[u8]> = Cow::Borrowed(&[1, 2][..]).into();
    let owned: Rc<[u8]> = Cow::<[u8]>::Owned(vec![1, 2]).into();
    assert_eq!(borrowed, owned);
    let path: Rc<Path> = Cow::Borrowed(Path::new("/srv")).into();
    assert_eq!(&*path, Path::new("/srv"));
}

#[test]
fn from_the_texts_of_systems() {
    let mut zero = CString::new("c").expect("no zero inside");
    let texts: [Rc<CStr>; 3] = [Rc::from(c"c"), Rc::from(zero.clone()), {
        // A `&mut CStr` comes from a box only.
        let mut boxed = std::mem::take(&mut zero).into_boxed_c_str();
        Rc::from(&mut *boxed)
    }];
    assert!(texts.iter().all(|text| **text == *c"c"));
    let mut name = OsString::from("file");
    let names: [Rc<OsStr>; 3] =
        [Rc::from(OsStr::new("file")), Rc::from(name.clone()), Rc::from(&mut *name)];
    assert!(names.iter().all(|name| **name == *"file"));
    let mut boxed = PathBuf::from("/a/b").into_boxed_path();
    let paths: [Rc<Path>; 3] =
        [Rc::from(Path::new("/a/b")), Rc::from(PathBuf::from("/a/b")), Rc::from(&mut *boxed)];
    assert!(paths.iter().all(|path| path.parent() == Some(Path::new("/a"))));
}

#[test]
fn text_turns_into_its_bytes() {
    let text: Rc<str> = Rc::from("café");
    let other = text.clone();
    let weak = Rc::downgrade(&text);
    let bytes: Rc<[u8]> = text.into();
    assert_eq!(*bytes, *"café".as_bytes());
    assert_eq!(Rc::as_ptr(&bytes).cast::<u8>(), other.as_ptr(), "it is the same object");
    assert_eq!((Rc::strong_count(&bytes), Rc::weak_count(&bytes)), (2, 1));
    drop(bytes);
    assert_eq!(weak.upgrade().as_deref(), Some("café"));
}

#[test]
fn a_slice_of_the_right_length_turns_into_an_array() {
    let slice: Rc<[String]> = Rc::from(["a".to_string(), "b".to_string()]);
    let other = slice.clone();
    let slice = Rc::<[String; 3]>::try_from(slice).expect_err("two are not three");
    assert_eq!(Rc::strong_count(&slice), 2, "the failed attempt gave the pointer back");
    let array: Rc<[String; 2]> = slice.try_into().expect("two are two");
    assert_eq!(array.concat(), "ab");
    assert_eq!(Rc::as_ptr(&array).cast::<String>(), other.as_ptr());
    let none: Rc<[u8; 0]> = Rc::<[u8]>::from([]).try_into().expect("none are none");
    assert!(none.is_empty());
}

#[test]
fn from_an_rc_is_the_rc_itself() {
    // `From<T> for T` as for every type, and an `Rc` inside an `Rc`.
    let rc = Rc::new(4);
    #[allow(clippy::useless_conversion, reason = "that is the question")]
    let same: Rc<i32> = Rc::from(rc.clone());
    assert!(Rc::ptr_eq(&rc, &same));
    let nested: Rc<Rc<i32>> = Rc::from(rc.clone());
    assert!(Rc::ptr_eq(&rc, &nested));
    assert_eq!(Rc::strong_count(&rc), 3);
}

#[test]
fn default_values() {
    #[derive(Default, PartialEq, Debug)]
    struct Settings {
        depth: u32,
        names: Rc<[Rc<str>]>,
        title: Rc<str>,
        raw: Rc<CStr>,
        extra: Rc<Option<u8>>,
        pinned: Pin<Rc<u64>>,
    }
    let settings: Rc<Settings> = Rc::default();
    assert_eq!(*settings, Settings::default());
    assert_eq!((settings.depth, settings.names.len(), &*settings.title), (0, 0, ""));
    assert_eq!((&*settings.raw, &*settings.extra, *settings.pinned), (c"", &None, 0));
    let pinned: Pin<Rc<str>> = Default::default();
    assert!(pinned.is_empty());
}

#[test]
fn default_values_are_objects_like_any() {
    // Whether two defaults share an object is not promised, but writing to one never shows in the other.
    let mut first: Rc<[u32]> = Rc::default();
    let second: Rc<[u32]> = Rc::default();
    assert!(Rc::make_mut(&mut first).is_empty());
    let weak = Rc::downgrade(&second);
    assert!(weak.upgrade().is_some());
    let text: Rc<str> = Rc::default();
    let bytes: Rc<[u8]> = text.into();
    assert!(bytes.is_empty());
    #[repr(align(256))]
    #[derive(Clone)]
    struct Wide;
    let wide: Rc<[Wide]> = Rc::default();
    assert!(wide.as_ptr().addr().is_multiple_of(256));
}
