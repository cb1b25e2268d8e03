//! `neap::coerce!` gives a pointer to `dyn Trait` or to a slice out of one to a value of known type, on stable
//! Rust, for `Rc`, `Weak` and pinned `Rc`s. It is the same object, with the same counts.
//!
//! The program needs no `unsafe` for it: this file forbids it.

#![forbid(unsafe_code)]

use neap::coerce;
use neap::rc::{Rc, Weak};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

trait Shape {
    fn area(&self) -> f64;

    fn name(&self) -> String {
        "shape".into()
    }
}

struct Square(f64);

struct Named<'a>(&'a str, Option<Rc<Cell<u32>>>);

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

impl Shape for Named<'_> {
    fn area(&self) -> f64 {
        0.0
    }

    fn name(&self) -> String {
        self.0.into()
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if let Some(count) = &self.1 {
            count.set(count.get() + 1);
        }
    }
}

#[test]
fn a_value_behind_a_trait() {
    let square = Rc::new(Square(3.0));
    let shape: Rc<dyn Shape> = coerce!(square.clone() => dyn Shape);
    assert_eq!((shape.area(), shape.name().as_str()), (9.0, "shape"));
    assert_eq!(Rc::as_ptr(&shape).addr(), Rc::as_ptr(&square).addr(), "one object");
    assert_eq!((Rc::strong_count(&shape), Rc::strong_count(&square)), (2, 2), "one count");
    drop(square);
    assert_eq!(Rc::strong_count(&shape), 1);
}

#[test]
fn the_type_may_be_left_to_the_macro() {
    let shapes = [
        coerce!(Rc::new(Square(1.0)) => dyn Shape),
        coerce!(Rc::new(Named("a", None)) => dyn Shape),
    ];
    let names: Vec<_> = shapes.iter().map(|shape| shape.name()).collect();
    assert_eq!(names, ["shape", "a"]);
}

#[test]
fn a_value_behind_a_trait_is_dropped_as_itself() {
    let count = Rc::new(Cell::new(0));
    let shape = coerce!(Rc::new(Named("b", Some(count.clone()))) => dyn Shape);
    let other = shape.clone();
    drop(shape);
    assert_eq!(count.get(), 0);
    drop(other);
    assert_eq!((count.get(), Rc::strong_count(&count)), (1, 1));
}

#[test]
fn a_value_that_borrows() {
    fn named<'a>(name: &'a str) -> Rc<dyn Shape + 'a> {
        coerce!(Rc::new(Named(name, None)) => dyn Shape + 'a)
    }
    fn longest<'a>(shapes: &[Rc<dyn Shape + 'a>]) -> Option<Rc<dyn Shape + 'a>> {
        shapes.iter().max_by_key(|shape| shape.name().len()).cloned()
    }
    let text = String::from("from a local");
    let shape: Rc<dyn Shape + '_> = coerce!(Rc::new(Named(&text[5..], None)) => dyn Shape + '_);
    let shapes = [named(&text), shape];
    assert_eq!(longest(&shapes).map(|shape| shape.name()).as_deref(), Some("from a local"));
}

#[test]
fn a_weak() {
    let square = Rc::new(Square(2.0));
    let weak: Weak<dyn Shape> = coerce!(Rc::downgrade(&square) => dyn Shape);
    assert_eq!((weak.strong_count(), weak.weak_count()), (1, 1));
    assert_eq!(weak.upgrade().map(|shape| shape.area()), Some(4.0));
    let shape = coerce!(square => dyn Shape);
    assert!(weak.ptr_eq(&Rc::downgrade(&shape)));
    drop(shape);
    assert!(weak.upgrade().is_none());
    // Also when it is dead already, and when it never had an object.
    let dead = Rc::downgrade(&Rc::new(Square(1.0)));
    let dead = coerce!(dead => dyn Shape);
    assert!(dead.clone().upgrade().is_none() && !dead.ptr_eq(&weak));
    let none = coerce!(Weak::<Square>::new() => dyn Shape);
    assert!(none.upgrade().is_none());
    assert_eq!((none.strong_count(), none.weak_count()), (0, 0));
}

#[test]
fn a_weak_of_oneself_behind_a_trait() {
    struct Own {
        me: Weak<dyn Shape>,
        size: f64,
    }
    impl Shape for Own {
        fn area(&self) -> f64 {
            self.size + self.me.strong_count() as f64
        }
    }
    let own = Rc::new_cyclic(|me: &Weak<Own>| {
        let me = coerce!(me.clone() => dyn Shape);
        assert!(me.upgrade().is_none());
        Own { me, size: 0.5 }
    });
    assert_eq!(own.me.upgrade().map(|shape| shape.area()), Some(2.5));
}

#[test]
fn an_array_becomes_a_slice() {
    let array = Rc::new([String::from("a"), String::from("b")]);
    let slice: Rc<[String]> = coerce!(array.clone() => [String]);
    assert_eq!((slice.len(), slice.concat().as_str()), (2, "ab"));
    assert_eq!(Rc::strong_count(&array), 2);
    let back: Rc<[String; 2]> = slice.try_into().expect("two");
    assert!(Rc::ptr_eq(&array, &back));
    let weak: Weak<[String]> = coerce!(Rc::downgrade(&array) => [String]);
    assert_eq!(weak.upgrade().map(|slice| slice.len()), Some(2));
    let empty: Rc<[u64]> = coerce!(Rc::new([0_u64; 0]) => [u64]);
    assert!(empty.is_empty());
    let nested = coerce!(Rc::new([[1, 2], [3, 4]]) => [[i32; 2]]);
    assert_eq!(nested.concat(), [1, 2, 3, 4]);
}

#[test]
fn a_struct_with_something_unsized_at_its_end() {
    struct Tagged<T: ?Sized> {
        tag: u8,
        value: T,
    }
    let slice: Rc<Tagged<[u16]>> =
        coerce!(Rc::new(Tagged { tag: 7, value: [1_u16, 2, 3] }) => Tagged<[u16]>);
    assert_eq!((slice.tag, &slice.value), (7, &[1, 2, 3][..]));
    let shape = coerce!(Rc::new(Tagged { tag: 8, value: Square(2.0) }) => Tagged<dyn Shape>);
    assert_eq!((shape.tag, shape.value.area()), (8, 4.0));
    let cell: Rc<RefCell<dyn Shape>> =
        coerce!(Rc::new(RefCell::new(Square(5.0))) => RefCell<dyn Shape>);
    assert_eq!(cell.borrow().area(), 25.0);
    let weak = Rc::downgrade(&cell);
    drop(cell);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_trait_becomes_its_super_trait() {
    trait Solid: Shape + Debug {
        fn volume(&self) -> f64;
    }
    #[derive(Debug)]
    struct Cube(f64);
    impl Shape for Cube {
        fn area(&self) -> f64 {
            6.0 * self.0 * self.0
        }
    }
    impl Solid for Cube {
        fn volume(&self) -> f64 {
            self.0.powi(3)
        }
    }
    let solid = coerce!(Rc::new(Cube(2.0)) => dyn Solid);
    assert_eq!(solid.volume(), 8.0);
    let shape: Rc<dyn Shape> = coerce!(solid.clone() => dyn Shape);
    let printed: Rc<dyn Debug> = coerce!(solid.clone() => dyn Debug);
    assert_eq!((shape.area(), format!("{printed:?}").as_str()), (24.0, "Cube(2.0)"));
    assert_eq!(Rc::strong_count(&solid), 3);
    let weak = coerce!(Rc::downgrade(&solid) => dyn Shape);
    drop((solid, shape, printed));
    assert!(weak.upgrade().is_none());
}

#[test]
fn auto_traits_may_be_dropped() {
    let both: Rc<dyn Any + Send> = coerce!(Rc::new(5_u8) => dyn Any + Send);
    let any: Rc<dyn Any> = coerce!(both => dyn Any);
    assert_eq!(any.downcast::<u8>().map(|number| *number).ok(), Some(5));
}

#[test]
fn a_pinned_value() {
    struct Countdown(Cell<u32>);
    impl Future for Countdown {
        type Output = &'static str;

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<&'static str> {
            match self.0.get() {
                0 => Poll::Ready("lift-off"),
                left => {
                    self.0.set(left - 1);
                    Poll::Pending
                }
            }
        }
    }
    let pinned: Pin<Rc<Countdown>> = Rc::pin(Countdown(Cell::new(2)));
    let other = pinned.clone();
    let future: Pin<Rc<dyn Future<Output = &'static str>>> =
        coerce!(pinned => dyn Future<Output = &'static str>);
    assert_eq!((&raw const *future).addr(), (&raw const *other).addr());
    drop(future);
    // The value can be polled when it is alone again.
    let mut alone = Pin::into_inner(other);
    let mut context = Context::from_waker(Waker::noop());
    let mut poll = || Pin::new(Rc::get_mut(&mut alone).expect("alone")).poll(&mut context);
    assert_eq!([poll(), poll(), poll()], [Poll::Pending, Poll::Pending, Poll::Ready("lift-off")]);
}

#[test]
fn inside_generic_functions() {
    fn erase<T: Display + 'static>(value: T) -> Rc<dyn Display> {
        coerce!(Rc::new(value) => dyn Display)
    }
    fn erase_ref<'a, T: Display>(value: &'a T) -> Rc<dyn Display + 'a> {
        coerce!(Rc::new(value) => dyn Display + 'a)
    }
    fn slice<T, const N: usize>(values: [T; N]) -> Rc<[T]> {
        coerce!(Rc::new(values) => [T])
    }
    fn handler<E>(f: impl Fn(E) -> bool + 'static) -> Rc<dyn Fn(E) -> bool> {
        coerce!(Rc::new(f) => dyn Fn(E) -> bool)
    }
    assert_eq!(
        erase(5).to_string() + &erase("x").to_string() + &erase_ref(&'c').to_string(),
        "5xc"
    );
    assert_eq!((slice([1, 2, 3]).len(), slice([(); 0]).len()), (3, 0));
    let even = handler(|number: u32| number.is_multiple_of(2));
    assert!(even(4) && !even(5));
}

#[test]
fn the_pointer_may_be_any_expression() {
    let mut made = 0;
    let mut make = || {
        made += 1;
        Rc::new(made)
    };
    let shown = coerce!(make() => dyn Display);
    let picked = coerce!(if shown.to_string() == "1" { make() } else { Rc::new(0) } => dyn Display);
    let by_block = coerce!({ let rc = make(); rc.clone() } => dyn Display);
    assert_eq!(format!("{shown}{picked}{by_block}"), "123", "each was evaluated once");
    fn fails() -> Result<Rc<dyn Display>, fmt::Error> {
        let none: Result<Rc<u8>, fmt::Error> = Err(fmt::Error);
        Ok(coerce!(none? => dyn Display))
    }
    assert!(fails().is_err());
    let twice: Rc<dyn Any> = coerce!(Rc::new(coerce!(Rc::new(1) => dyn Display)) => dyn Any);
    assert!(twice.is::<Rc<dyn Display>>());
}

#[test]
fn errors_and_callbacks_as_programs_use_them() {
    fn parse(text: &str) -> Result<i32, Rc<dyn Error>> {
        let number = text.parse::<i32>().map_err(|error| coerce!(Rc::new(error) => dyn Error))?;
        let refused = || coerce!(Rc::new(fmt::Error) => dyn Error);
        if number < 0 { Err(refused()) } else { Ok(number) }
    }
    assert_eq!(parse("12").ok(), Some(12));
    let error = parse("x").expect_err("no number");
    assert!(error.is::<std::num::ParseIntError>() && error.clone().to_string().contains("digit"));
    assert!(parse("-1").is_err_and(|error| error.is::<fmt::Error>()));

    let log = Rc::new(RefCell::new(Vec::new()));
    let mut callbacks: HashMap<&str, Rc<dyn Fn(u32)>> = HashMap::new();
    for name in ["open", "close"] {
        let log = log.clone();
        let callback = Rc::new(move |number| log.borrow_mut().push(format!("{name} {number}")));
        callbacks.insert(name, coerce!(callback => dyn Fn(u32)));
    }
    callbacks["open"](1);
    callbacks["close"](2);
    assert_eq!(*RefCell::borrow(&log), ["open 1", "close 2"]);
    assert_eq!(Rc::strong_count(&log), 3);
}

/// What std's `Rc` lacks and `Arc` has: a shared error is an error.
#[test]
fn a_shared_error_is_an_error() {
    #[derive(Debug)]
    struct Outer(Rc<std::num::ParseIntError>);
    impl Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let inner = Rc::new("x".parse::<i32>().expect_err("no number"));
    let outer = Rc::new(Outer(inner.clone()));
    let source = outer.source().expect("a source");
    assert_eq!(source.to_string(), inner.to_string());
    let boxed: Box<dyn Error> = Box::new(outer);
    assert_eq!((boxed.to_string().as_str(), boxed.source().is_some()), ("outer", true));
}
