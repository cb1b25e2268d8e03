//! With the feature `nightly`, on a nightly compiler, neap's pointers have what std's have and stable Rust gives
//! to nobody else: they become pointers to `dyn Trait` and slices by themselves, methods take `self: Rc<Self>`,
//! also behind `dyn`, and a value may hold references to what ends together with it (`may_dangle`).

#![feature(arbitrary_self_types)]

use neap::rc::{Rc, Weak};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Display};
use std::pin::Pin;

trait Shape {
    fn area(&self) -> f64;

    fn shared(self: Rc<Self>) -> (usize, f64);
}

#[derive(Debug)]
struct Square(f64);

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }

    fn shared(self: Rc<Self>) -> (usize, f64) {
        (Rc::strong_count(&self), self.area())
    }
}

#[test]
fn an_rc_becomes_one_of_a_trait() {
    let square = Rc::new(Square(2.0));
    let shape: Rc<dyn Shape> = square.clone();
    assert_eq!((shape.area(), Rc::strong_count(&shape)), (4.0, 2));
    let shapes: Vec<Rc<dyn Shape>> = vec![square, shape, Rc::new(Square(1.0))];
    assert_eq!(shapes.iter().map(|shape| shape.area()).sum::<f64>(), 9.0);
    fn take(any: Rc<dyn Any>) -> bool {
        any.is::<u8>()
    }
    assert!(take(Rc::new(1_u8)));
    let fallible: Result<Rc<dyn Display>, ()> = Ok(Rc::new("x"));
    assert_eq!(fallible.expect("no error").to_string(), "x");
}

#[test]
fn an_array_becomes_a_slice() {
    let slice: Rc<[u8]> = Rc::new([1, 2, 3]);
    assert_eq!(slice.len(), 3);
    let cell: Rc<RefCell<[u8]>> = Rc::new(RefCell::new([1, 2]));
    cell.borrow_mut()[0] = 9;
    assert_eq!(cell.borrow()[..], [9, 2]);
}

#[test]
fn a_weak_becomes_one_of_a_trait() {
    let square = Rc::new(Square(3.0));
    let weak: Weak<dyn Shape> = Rc::downgrade(&square) as Weak<Square>;
    assert_eq!(weak.upgrade().map(|shape| shape.area()), Some(9.0));
    drop(square);
    assert!(weak.upgrade().is_none());
    let none: Weak<dyn Debug> = Weak::<Square>::new();
    assert!(none.upgrade().is_none());
}

#[test]
fn a_pinned_rc_becomes_one_of_a_trait() {
    let pinned: Pin<Rc<dyn Debug>> = Rc::pin(Square(1.0));
    assert_eq!(format!("{pinned:?}"), "Square(1.0)");
}

#[test]
fn a_trait_becomes_its_super_trait() {
    trait Sub: Shape + Any {}
    impl Sub for Square {}
    let sub: Rc<dyn Sub> = Rc::new(Square(1.0));
    let shape: Rc<dyn Shape> = sub.clone();
    let any: Rc<dyn Any> = sub;
    assert_eq!((shape.area(), Rc::strong_count(&shape)), (1.0, 2));
    assert!(any.downcast::<Square>().is_ok());
}

#[test]
fn methods_take_a_shared_self() {
    let square = Rc::new(Square(2.0));
    assert_eq!(square.clone().shared(), (2, 4.0));
    let shape: Rc<dyn Shape> = square.clone();
    assert_eq!(shape.shared(), (2, 4.0));
    assert_eq!(Rc::strong_count(&square), 1);

    struct Node {
        parent: RefCell<Weak<Node>>,
        children: RefCell<Vec<Rc<Node>>>,
    }
    impl Node {
        fn adopt(self: &Rc<Self>, child: Rc<Node>) {
            *child.parent.borrow_mut() = Rc::downgrade(self);
            self.children.borrow_mut().push(child);
        }
    }
    let new = || Rc::new(Node { parent: RefCell::default(), children: RefCell::default() });
    let (parent, child) = (new(), new());
    parent.adopt(child.clone());
    assert!(child.parent.borrow().upgrade().is_some_and(|found| Rc::ptr_eq(&found, &parent)));
    assert_eq!(parent.children.borrow().len(), 1);
}

#[test]
fn a_circle_may_borrow_from_what_ends_with_it() {
    // `Loop<'a>` holds an `Rc` of itself: without `may_dangle` the borrow checker would have `name` outlive the
    // pointer, whose drop it could not look into.
    struct Loop<'a> {
        me: RefCell<Option<Rc<Loop<'a>>>>,
        other: Cell<Option<&'a Loop<'a>>>,
        name: &'a str,
    }
    let (name, first, second);
    name = String::from("name");
    first = Rc::new(Loop { me: RefCell::new(None), other: Cell::new(None), name: &name });
    second = Rc::new(Loop {
        me: RefCell::new(Some(first.clone())),
        other: Cell::new(None),
        name: &name,
    });
    first.other.set(Some(&second));
    assert_eq!(first.other.get().map(|other| other.name), Some("name"));
    assert!(second.me.borrow().is_some());
    first.other.set(None);
}

#[test]
fn a_pointer_may_be_dropped_after_what_its_value_names() {
    // Declared first, so dropped last.
    let (rc, weak): (Rc<&str>, Weak<&str>);
    let text = String::from("short-lived");
    rc = Rc::new(text.as_str());
    weak = Rc::downgrade(&rc);
    assert!(weak.upgrade().is_some());
    let mut slot: Weak<&str> = Weak::new();
    fn refill<'a>(slot: &'a mut Weak<&'a str>) -> Weak<&'a str> {
        slot.clone()
    }
    assert!(refill(&mut slot).upgrade().is_none());
}

#[cfg(feature = "derive")]
#[test]
fn collected_pointers_unsize_as_well() {
    use neap::Gc;
    use neap::gc::{self, Trace};

    trait Shape: Trace {
        fn sides(&self) -> u32;
    }
    #[derive(Trace)]
    struct Square(RefCell<Option<Gc<dyn Shape>>>);
    impl Shape for Square {
        fn sides(&self) -> u32 {
            4
        }
    }
    let square = Gc::new(Square(RefCell::new(None)));
    let shape: Gc<dyn Shape> = square.clone();
    let weak = Gc::downgrade(&square);
    let weak: gc::Weak<dyn Shape> = weak;
    *square.0.borrow_mut() = Some(shape.clone());
    assert_eq!((shape.sides(), Gc::strong_count(&square)), (4, 3));
    drop((square, shape));
    assert_eq!(gc::collect().collected, 1);
    assert!(weak.upgrade().is_none());
    let numbers: Gc<[u32]> = Gc::new([1, 2, 3]);
    assert_eq!(numbers.len(), 3);
}
