//! Which types of std are `Trace`, and what is visited in those that come to their value later.
#![cfg(feature = "gc")]

use neap::Gc;
use neap::gc::{self, Erased, Leaf, Trace, Tracer, Weak};
use std::borrow::Cow;
use std::cell::{Cell, LazyCell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZero, NonZeroU8, NonZeroUsize, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::*;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant, SystemTime};

/// Any type of the program's, which holds a `Gc` or not.
trait Shape: Trace {}

/// Says what each of the types claims: whether a value can own a `Gc`.
macro_rules! claims {
    ($($cyclic:literal: $($type:ty;)*)*) => {$($(
        assert_eq!(<$type as Trace>::is_cyclic(), $cyclic, "{}", stringify!($type));
    )*)*};
}

#[test]
fn types_of_std() {
    fn is_trace<T: ?Sized + Trace>() {}
    // Those without a size can't be asked.
    is_trace::<str>();
    is_trace::<Path>();
    is_trace::<OsStr>();
    is_trace::<CStr>();
    is_trace::<[u8]>();
    is_trace::<[Gc<u8>]>();
    is_trace::<dyn Shape>();
    is_trace::<Gc<dyn Shape>>();
    is_trace::<Gc<str>>();
    is_trace::<Gc<[u8]>>();
    is_trace::<ManuallyDrop<str>>();
    type G = Gc<u8>;
    type Lent = for<'a> fn(&'a str) -> &'a str;
    claims! {
        false:
            u8; u16; u32; u64; u128; usize; i8; i16; i32; i64; i128; isize; f32; f64; bool; char; ();
            String; &'static str; Box<str>; PathBuf; OsString; CString; Box<Path>;
            Duration; Instant; SystemTime;
            IpAddr; Ipv4Addr; Ipv6Addr; SocketAddr; SocketAddrV4; SocketAddrV6;
            NonZeroU8; NonZeroUsize; NonZero<i128>;
            Range<u8>; RangeFrom<u8>; RangeInclusive<u8>; RangeTo<u8>; RangeToInclusive<u8>; RangeFull; Bound<u8>;
            AtomicBool; AtomicU8; AtomicU16; AtomicU32; AtomicU64; AtomicUsize;
            AtomicI8; AtomicI16; AtomicI32; AtomicI64; AtomicIsize;
            PhantomData<G>; PhantomData<dyn Shape>;
            fn(); fn(u8) -> u8; unsafe fn(&'static str); extern "C" fn(u8); unsafe extern "C" fn(G, u8) -> G;
            fn(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);
            &'static u8; &'static G; &'static str; &'static [G];
            std::rc::Rc<G>; std::rc::Weak<G>; Arc<u8>; std::sync::Weak<u8>; std::rc::Rc<dyn Shape>;
            neap::Rc<G>; neap::rc::Weak<G>; neap::Rc<[G]>; Weak<u8>; Weak<dyn Shape>; Leaf<Lent>; Leaf<G>;
            ManuallyDrop<G>;
            (u8,); (u8, String, [u8; 3]); [u8; 0]; [String; 40]; Box<u8>; Box<[u8; 9]>;
            Option<u8>; Result<u8, String>; Vec<u8>; VecDeque<u8>; LinkedList<u8>; BinaryHeap<u8>;
            HashMap<String, u8>; HashSet<u8>; BTreeMap<u8, String>; BTreeSet<u8>;
            Cow<'static, str>; Cow<'static, [u8]>; Cell<u8>; RefCell<String>; OnceCell<u8>; LazyCell<u8>;
            Mutex<u8>; RwLock<u8>; OnceLock<u8>; LazyLock<u8>; Pin<&'static u8>; Wrapping<u8>; Saturating<u8>;
            std::cmp::Reverse<u8>; std::cmp::Ordering; std::task::Poll<u8>; std::any::TypeId;
            std::alloc::Layout; std::thread::ThreadId; std::hash::RandomState;
            std::convert::Infallible; std::marker::PhantomPinned;
        true:
            G; Erased; (u8, G); (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, G); [G; 3];
            Box<G>; Box<dyn Shape>; Box<[G]>; Option<G>; Result<u8, G>; Result<G, u8>; Vec<G>; Vec<Box<dyn Shape>>;
            VecDeque<G>; LinkedList<G>; BinaryHeap<G>; HashMap<G, u8>; HashMap<u8, G>; HashSet<G>;
            BTreeMap<G, u8>; BTreeMap<u8, G>; BTreeSet<G>; Cow<'static, [G]>; Cell<G>; RefCell<Vec<Option<G>>>;
            OnceCell<G>; LazyCell<G>; Mutex<G>; RwLock<G>; OnceLock<G>; LazyLock<G>; Pin<G>; Pin<Box<G>>;
            Wrapping<G>; std::cmp::Reverse<G>; Range<G>; Bound<G>; std::task::Poll<G>;
    }
}

/// A table whose hasher owns a `Gc`.
#[derive(Clone)]
struct Hasher(Gc<u8>);

// SAFETY: the one is visited, once.
unsafe impl Trace for Hasher {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

#[test]
fn a_hasher_is_visited() {
    assert!(HashMap::<u8, u8, Hasher>::is_cyclic() && HashSet::<u8, Hasher>::is_cyclic());
    let gc = Gc::new(1);
    let table = Gc::new(HashMap::<u8, u8, _>::with_hasher(Hasher(gc.clone())));
    assert_eq!(gc::referents(&table).len(), 1);
    assert_eq!(gc::referrers(&gc).len(), 1);
}

/// An object that holds another through a cell that is filled later.
struct Late<C>(C, OnceCell<Gc<Late<C>>>);

// SAFETY: both are visited, once.
unsafe impl<C: Trace> Trace for Late<C> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
        self.1.trace(tracer);
    }
}

/// Makes objects of a cell that is asked for its value by `force`, and of one that is not: how many edges it has before and
/// after, and what is collected of a cycle through it.
macro_rules! lazy {
    ($cell:ident) => {{
        struct Node {
            cell: $cell<Gc<Node>, Box<dyn Fn() -> Gc<Node>>>,
            other: OnceCell<Gc<Node>>,
        }
        // SAFETY: both are visited, once.
        unsafe impl Trace for Node {
            fn trace(&self, tracer: &mut Tracer<'_>) {
                self.cell.trace(tracer);
                self.other.trace(tracer);
            }
        }
        let node = |make: Box<dyn Fn() -> Gc<Node>>| {
            Gc::new(Node { cell: $cell::new(make), other: OnceCell::new() })
        };
        let never = node(Box::new(|| panic!("nobody asked for it")));
        let back = node(Box::new(|| panic!("nor for this")));
        let target = back.clone();
        let first = node(Box::new(move || target.clone()));
        assert!(back.other.set(first.clone()).is_ok() && back.other.set(never).is_err());
        // Not made by looking, and what the closure holds counts as held from outside.
        assert_eq!(gc::referents(&first).len(), 0);
        assert_eq!((gc::collect().collected, Gc::strong_count(&back)), (0, 2));
        $cell::force(&first.cell);
        assert_eq!(gc::referents(&first).len(), 1);
        let weak = Gc::downgrade(&first);
        drop(first);
        assert_eq!((gc::collect().collected, Gc::strong_count(&back)), (0, 2));
        drop(back);
        assert_eq!((gc::collect().collected, weak.upgrade().is_none()), (2, true));
    }};
}

#[test]
fn what_is_made_later_is_visited_then() {
    lazy!(LazyCell);
    lazy!(LazyLock);
    let cells = [OnceCell::new(), OnceCell::new()].map(|cell| Gc::new(Late(cell, OnceCell::new())));
    let locks = [OnceLock::new(), OnceLock::new()].map(|cell| Gc::new(Late(cell, OnceCell::new())));
    let held = Gc::new(5);
    assert!(cells[0].0.set(held.clone()).is_ok() && locks[0].0.set(held.clone()).is_ok());
    for i in 0..2 {
        assert!(cells[i].1.set(cells[1 - i].clone()).is_ok());
        assert!(locks[i].1.set(locks[1 - i].clone()).is_ok());
    }
    assert_eq!([0, 1].map(|i| gc::referents(&cells[i]).len()), [2, 1]);
    assert_eq!([0, 1].map(|i| gc::referents(&locks[i]).len()), [2, 1]);
    drop((cells, locks));
    assert_eq!((gc::collect().collected, Gc::strong_count(&held)), (4, 1));
}
