//! `Rc` and `Weak` are written and read with serde as their values, in the way that serde's own feature `rc` has it for
//! std's types. What was shared is written wherever it stands, and is not shared any more when it is read.

use neap::rc::{Rc, Weak};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{from_str, from_value, json, to_string, to_value};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::CString;

/// The same types with the pointers of one module.
macro_rules! documents {
    ($name:ident, $($rc:ident)::+) => {
        mod $name {
            use $($rc)::+::{Rc, Weak};
            use serde::{Deserialize, Serialize};
            use std::cell::RefCell;
            use std::collections::BTreeMap;

            #[derive(Serialize, Deserialize)]
            pub struct Document {
                pub title: Rc<str>,
                pub pages: Rc<[Page]>,
                pub author: Rc<Author>,
                pub editor: Option<Rc<Author>>,
                pub index: BTreeMap<Rc<str>, Rc<Vec<usize>>>,
                pub state: Rc<RefCell<(u32, bool)>>,
                pub series: Weak<Author>,
            }

            #[derive(Serialize, Deserialize)]
            pub struct Page {
                pub lines: Vec<Rc<str>>,
            }

            #[derive(Serialize, Deserialize)]
            pub struct Author {
                pub name: String,
                pub born: Option<u16>,
            }

            pub fn example() -> Document {
                let author = Rc::new(Author { name: "Storm".into(), born: Some(1817) });
                let line: Rc<str> = Rc::from("Der \"Schimmelreiter\"");
                let page = |count| Page { lines: vec![line.clone(); count] };
                Document {
                    title: line.clone(),
                    pages: Rc::from(vec![page(2), page(0)]),
                    editor: Some(author.clone()),
                    index: BTreeMap::from([(Rc::from("dyke"), Rc::new(vec![1, 2])), (line.clone(), Rc::default())]),
                    state: Rc::new(RefCell::new((3, true))),
                    series: Rc::downgrade(&author),
                    author,
                }
            }
        }
    };
}

documents!(with_std, std::rc);
documents!(with_neap, neap::rc);

#[test]
fn a_document_is_written_as_with_std() {
    let (std, neap) = (with_std::example(), with_neap::example());
    assert_eq!(to_string(&neap).expect("text"), to_string(&std).expect("text"));
}

#[test]
fn a_document_is_read_as_with_std() {
    let text = to_string(&with_std::example()).expect("text");
    let neap: with_neap::Document = from_str(&text).expect("a document");
    assert_eq!((&*neap.title, neap.pages.len()), ("Der \"Schimmelreiter\"", 2));
    assert_eq!((neap.author.name.as_str(), neap.author.born), ("Storm", Some(1817)));
    assert_eq!(neap.index["dyke"][..], [1, 2]);
    assert_eq!(*neap.state.borrow(), (3, true));
    let editor = neap.editor.as_ref().expect("an editor");
    assert!(!Rc::ptr_eq(&neap.author, editor) && editor.name == neap.author.name);
    assert_eq!(Rc::strong_count(&neap.title), 1, "what was shared is not any more");
    assert!(neap.series.upgrade().is_none(), "nobody owns what a `Weak` was written as");
    // Again, and all is as it was but for the `Weak`.
    let std: with_std::Document = from_str(&text).expect("a document");
    assert_eq!(to_string(&neap).expect("text"), to_string(&std).expect("text"));
}

/// There and back.
fn passed<T: Serialize + ?Sized>(value: &Rc<T>) -> Rc<T>
where
    Rc<T>: DeserializeOwned,
{
    from_str(&to_string(value).expect("text")).expect("the value")
}

#[test]
fn values_of_all_kinds() {
    assert_eq!(*passed(&Rc::new(5)), 5);
    assert_eq!(*passed(&Rc::new((1, "a".to_string(), [1.5]))), (1, "a".to_string(), [1.5]));
    assert_eq!(*passed(&Rc::new(())), ());
    assert_eq!(*passed(&Rc::new(Some(Rc::new(Cell::new(7))))), Some(Rc::new(Cell::new(7))));
    assert_eq!(&*passed(&Rc::<str>::from("Düne")), "Düne");
    assert_eq!(&*passed(&Rc::<str>::from("")), "");
    assert_eq!(*passed(&Rc::<[u8]>::from([1, 2, 3])), [1, 2, 3]);
    assert_eq!(*passed(&Rc::<[String]>::from([])), [] as [String; 0]);
    let path: Rc<std::path::Path> = Rc::from(std::path::Path::new("/a/b"));
    assert_eq!(*passed(&path), *path);
    let text: Rc<std::ffi::CStr> = Rc::from(CString::new("zero").expect("no zero inside"));
    assert_eq!(*passed(&text), *text);
    let nested: Rc<[Rc<[Rc<str>]>]> = Rc::from([Rc::from([Rc::from("x")])]);
    assert_eq!(passed(&nested), nested);
}

#[test]
fn it_is_written_as_its_value() {
    assert_eq!(to_value(Rc::new(5)).expect("a value"), json!(5));
    assert_eq!(to_value(Rc::<str>::from("a")).expect("a value"), json!("a"));
    assert_eq!(to_value(Rc::<[u8]>::from([1, 2])).expect("a value"), json!([1, 2]));
    let map = BTreeMap::from([(Rc::<str>::from("k"), Rc::new(RefCell::new(1)))]);
    assert_eq!(to_value(&map).expect("a value"), json!({"k": 1}));
    let unsized_value = neap::coerce!(Rc::new([Rc::new(1), Rc::new(2)]) => [Rc<i32>]);
    assert_eq!(to_value(unsized_value).expect("a value"), json!([1, 2]));
}

#[test]
fn a_weak_is_written_as_its_value_or_as_none() {
    let strong = Rc::new(5);
    let weak = Rc::downgrade(&strong);
    assert_eq!(to_value(&weak).expect("a value"), json!(5));
    assert_eq!(Rc::strong_count(&strong), 1);
    drop(strong);
    assert_eq!(to_value(&weak).expect("a value"), json!(null));
    assert_eq!(to_value(Weak::<u8>::new()).expect("a value"), json!(null));
    let text: Rc<str> = Rc::from("t");
    assert_eq!(to_value(Rc::downgrade(&text)).expect("a value"), json!("t"));
}

#[test]
fn a_weak_is_read_as_one_without_an_object() {
    for value in [json!(5), json!(null)] {
        let weak: Weak<u32> = from_value(value).expect("a weak");
        assert!(weak.upgrade().is_none());
    }
    assert!(from_value::<Weak<u32>>(json!("text")).is_err(), "it has to be a value of the type");
}

#[test]
fn what_is_no_value_is_an_error() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Pair {
        a: Rc<u8>,
        b: Rc<[Rc<str>]>,
    }
    let error = from_str::<Rc<u8>>("300").expect_err("too large");
    assert_eq!(error.to_string(), from_str::<u8>("300").expect_err("too large").to_string());
    assert!(from_str::<Rc<Pair>>(r#"{"a": 1, "b": ["x", 2]}"#).is_err());
    assert!(from_str::<Rc<Pair>>(r#"{"a": 1}"#).is_err());
    assert!(from_str::<Rc<[u8]>>("[1, 2, 3").is_err());
}

#[cfg(feature = "gc")]
#[test]
fn collected_objects_are_written_and_read_as_their_values() {
    use neap::{Gc, gc};

    let list: Gc<[Gc<str>]> = ["ebb", "flood"].into_iter().map(Gc::from).collect();
    let written = serde_json::to_string(&list).expect("text");
    assert_eq!(written, r#"["ebb","flood"]"#);
    let read: Gc<[Gc<str>]> = from_str(&written).expect("a list");
    assert_eq!(read, list);
    assert!(!Gc::ptr_eq(&read[0], &list[0]));
    let number: Gc<Option<Gc<u8>>> = from_str("5").expect("a number");
    assert_eq!(number.as_deref(), Some(&5));
    let weak = Gc::downgrade(&list);
    assert_eq!(to_value(&weak).expect("a value"), json!(["ebb", "flood"]));
    drop(list);
    assert_eq!(to_value(&weak).expect("a value"), json!(null));
    let weak: gc::Weak<u8> = from_value(json!(5)).expect("a weak");
    assert!(weak.upgrade().is_none());
}
