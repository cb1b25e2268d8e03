//! `#[derive(Trace)]`: what it writes visits each field, and asks for no more than the fields do.

#![deny(warnings)]
#![deny(unused, deprecated, private_bounds, private_interfaces, missing_docs)]

use neap::gc::{self, Trace, Tracer, Weak};
use neap::{Finalize, Gc};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

/// Closes a cycle through a value that `make` builds around the link it is given, and says how many objects are collected.
fn collected<T: Trace>(make: impl FnOnce(Link) -> T) -> usize {
    gc::collect();
    let link = Link(Gc::new(RefCell::new(None)));
    let object = Gc::new(make(link.clone()));
    assert!(gc::is_tracked(&object));
    *link.0.borrow_mut() = Some(Box::new(object));
    drop(link);
    gc::collect().collected
}

/// A way back.
#[derive(Trace, Clone)]
struct Link(Gc<RefCell<Option<Box<dyn Trace>>>>);

/// How many times a `trace` of it came by.
#[derive(Default)]
struct Visits(Cell<usize>);

// SAFETY: it owns no `Gc`.
unsafe impl Trace for Visits {
    fn trace(&self, _: &mut Tracer<'_>) {
        self.0.set(self.0.get() + 1);
    }
}

mod forms {
    use super::*;

    #[derive(Trace)]
    struct Named {
        link: Link,
        r#type: u8,
    }

    #[derive(Trace)]
    struct Tuple(u8, Link, String);

    #[derive(Trace)]
    struct Unit;

    #[derive(Trace)]
    struct Braces {}

    #[derive(Trace)]
    struct Parentheses();

    #[derive(Trace)]
    enum Enum {
        Nothing,
        Named {
            link: Link,
            r#fn: u64,
        },
        Tuple(u64, Link),
        Skips {
            #[trace(skip)]
            _file: Option<std::fs::File>,
        },
    }

    #[derive(Trace)]
    enum Never {}

    #[derive(Trace)]
    enum One {
        Only(Link),
    }

    #[test]
    fn cycles_through_each_are_collected() {
        assert_eq!(collected(|link| Named { link, r#type: 1 }), 2);
        assert_eq!(collected(|link| Tuple(0, link, String::new())), 2);
        assert_eq!(collected(|link| Enum::Named { link, r#fn: 0 }), 2);
        assert_eq!(collected(|link| Enum::Tuple(0, link)), 2);
        assert_eq!(collected(One::Only), 2);
    }

    #[test]
    fn what_holds_nothing_is_not_tracked() {
        assert!(!gc::is_tracked(&Gc::new(Unit)));
        assert!(!gc::is_tracked(&Gc::new(Braces {})));
        assert!(!gc::is_tracked(&Gc::new(Parentheses())));
        assert!(!Never::is_cyclic());
        assert!(gc::is_tracked(&Gc::new(Enum::Nothing)), "another variant has a link");
        gc::referents(&Gc::new(Enum::Skips { _file: None }));
        let named = Named { link: Link(Gc::new(RefCell::new(None))), r#type: 3 };
        assert_eq!(named.r#type, 3);
    }

    #[derive(Trace)]
    struct Visited {
        a: Visits,
        #[trace(skip)]
        skipped: Visits,
        b: (Visits, [Visits; 2]),
    }

    #[derive(Trace)]
    enum VisitedToo {
        A(Visits, #[trace(skip)] Visits, Visits),
        B { a: Visits, b: Visits },
        C,
    }

    /// How often each was visited in one visit of the object.
    fn visit<T: Trace>(value: T, visits: fn(&T) -> Vec<usize>) -> Vec<usize> {
        let object = Gc::new(value);
        gc::referents(&object);
        visits(&object)
    }

    #[test]
    fn each_field_is_visited_once() {
        let struct_ =
            Visited { a: Visits::default(), skipped: Visits::default(), b: Default::default() };
        let all = visit(struct_, |it| {
            [&it.a, &it.skipped, &it.b.0, &it.b.1[0], &it.b.1[1]].map(|v| v.0.get()).to_vec()
        });
        assert_eq!(all, [1, 0, 1, 1, 1]);
        let of = |it: &VisitedToo| match it {
            VisitedToo::A(a, b, c) => [a, b, c].map(|v| v.0.get()).to_vec(),
            VisitedToo::B { a, b } => [a, b].map(|v| v.0.get()).to_vec(),
            VisitedToo::C => vec![],
        };
        let new = Visits::default;
        assert_eq!(visit(VisitedToo::A(new(), new(), new()), of), [1, 0, 1]);
        assert_eq!(visit(VisitedToo::B { a: new(), b: new() }, of), [1, 1]);
        assert_eq!(visit(VisitedToo::C, of), []);
    }
}

mod generics {
    use super::*;

    #[derive(Trace)]
    struct Node<T> {
        next: RefCell<Option<Gc<Node<T>>>>,
        value: T,
    }

    #[derive(Trace)]
    enum Tree<T> {
        Leaf,
        Node(Vec<Tree<T>>, T),
    }

    #[derive(Trace)]
    struct List<T>(T, Option<Box<List<T>>>);

    #[derive(Trace)]
    struct ByHand<T>(T, Option<Box<Self>>);

    #[derive(Trace)]
    struct Twist<A, B>(A, Option<Box<Twist<B, A>>>);

    #[derive(Trace)]
    struct Statement<A>(Vec<Expression<A>>);

    #[derive(Trace)]
    struct Expression<A>(Vec<Statement<A>>, A);

    #[derive(Trace)]
    struct Ping<A: Trace>(Option<Box<Pong<A>>>);

    #[derive(Trace)]
    struct Pong<A>(Option<Box<Ping<A>>>, PhantomData<A>)
    where
        A: Trace;

    #[derive(Trace)]
    struct Bush<T>(MyVec<Bush<T>>, MyVec<Option<T>>);

    #[derive(Trace)]
    struct MyVec<T>(Vec<T>);

    #[test]
    fn types_that_lead_back_to_themselves() {
        assert_eq!(collected(|link| Node { next: RefCell::new(None), value: (link, 5) }), 2);
        let a = Gc::new(Node { next: RefCell::default(), value: 1 });
        *a.next.borrow_mut() = Some(a.clone());
        assert_eq!(a.value, 1);
        drop(a);
        assert_eq!(gc::collect().collected, 1);

        assert_eq!(
            collected(|link| Tree::Node(vec![Tree::Leaf, Tree::Node(vec![], Some(link))], None)),
            2
        );
        assert_eq!(collected(|link| List(None, Some(Box::new(List(Some(link), None))))), 2);
        assert_eq!(collected(|link| ByHand(None, Some(Box::new(ByHand(Some(link), None))))), 2);
        assert_eq!(collected(|link| Twist(5, Some(Box::new(Twist(Some(link), None))))), 2);
        assert_eq!(
            collected(|link| Statement(vec![
                Expression(vec![], None),
                Expression(vec![], Some(link))
            ])),
            2
        );
        assert_eq!(
            collected(|link| Bush(
                MyVec(vec![Bush(MyVec(vec![]), MyVec(vec![Some(link)]))]),
                MyVec(vec![])
            )),
            2
        );
        let _ = Gc::new(Ping(Some(Box::new(Pong(None::<Box<Ping<u8>>>, PhantomData)))));
    }

    #[derive(Trace)]
    struct Bounded<T: Clone + Default, const N: usize = 2>
    where
        T: PartialEq,
    {
        values: [Option<T>; N],
        back: RefCell<Option<Gc<Bounded<T, N>>>>,
    }

    #[test]
    fn bounds_defaults_and_constants() {
        let a = Gc::new(Bounded::<u8> { values: [Some(1), None], back: RefCell::default() });
        *a.back.borrow_mut() = Some(a.clone());
        assert_eq!(a.values[0], Some(1));
        drop(a);
        assert_eq!(gc::collect().collected, 1);
    }

    trait Runtime: 'static {
        type Value: Trace;
        type Other;
    }

    /// Not `Trace`, and need not be.
    struct NotTrace;

    impl Runtime for NotTrace {
        type Value = Link;
        type Other = std::fs::File;
    }

    #[derive(Trace)]
    struct Stack<R: Runtime> {
        values: Vec<R::Value>,
        more: Option<<R as Runtime>::Value>,
        #[trace(skip)]
        _other: Option<R::Other>,
    }

    #[derive(Trace)]
    struct Frame<R: Runtime> {
        stack: Stack<R>,
        runtime: PhantomData<R>,
    }

    #[test]
    fn associated_types() {
        let frame = |link| Frame::<NotTrace> {
            stack: Stack { values: vec![link], more: None, _other: None },
            runtime: PhantomData,
        };
        assert_eq!(collected(frame), 2);
    }

    trait Shape: Trace {
        type Output;
        fn _of(&self, _: Self::Output);
    }

    type Kept<V> = Gc<dyn Shape<Output = V>>;

    #[derive(Trace)]
    #[expect(dead_code)]
    struct Behind<V> {
        shape: Option<Gc<dyn Shape<Output = V>>>,
        shapes: Vec<Box<dyn Shape<Output = V>>>,
        alias: Option<Kept<V>>,
        gc: Option<Gc<V>>,
        weak: Option<Weak<V>>,
        marker: PhantomData<V>,
        std: Option<std::rc::Rc<V>>,
        lent: Option<&'static u8>,
        call: fn(V) -> V,
        id: Id<V>,
    }

    #[derive(Trace)]
    struct Id<V>(u32, PhantomData<fn() -> V>);

    #[test]
    fn what_stands_behind_a_pointer_need_not_be_trace() {
        fn is_trace<T: Trace>() {}
        is_trace::<Behind<NotTrace>>();
        is_trace::<Id<NotTrace>>();
    }

    #[derive(Trace)]
    #[trace(bound = "T: Trace, K: std::hash::Hash + Eq + Trace")]
    struct Said<K, T> {
        map: HashMap<K, T>,
    }

    #[test]
    fn bounds_that_are_said() {
        assert_eq!(collected(|link| Said { map: HashMap::from([(1, link)]) }), 2);
    }

    #[derive(Trace)]
    struct Lent<'a, 'b: 'a, T: ?Sized + 'static> {
        text: &'a str,
        other: Option<&'b T>,
        link: Link,
    }

    #[test]
    fn lifetimes_that_are_static() {
        assert_eq!(collected(|link| Lent { text: "", other: Some(""), link }), 2);
    }

    #[derive(Trace)]
    struct Dynamic<T: ?Sized> {
        link: Option<Link>,
        last: T,
    }

    #[test]
    fn a_last_field_without_a_size() {
        let it: Box<Dynamic<[u8]>> = Box::new(Dynamic { link: None, last: [1, 2] });
        assert_eq!((it.link.is_none(), &it.last), (true, &[1, 2][..]));
        assert_eq!(collected(|link| Dynamic { link: Some(link), last: 1 }), 2);
    }
}

mod questions {
    use super::*;

    #[derive(Trace)]
    enum Json {
        Null,
        Number(f64),
        Text(String),
        List(Vec<Json>),
        Map(BTreeMap<String, Json>),
    }

    #[derive(Trace)]
    enum Value {
        Text(String),
        Table(Table),
        List(Vec<Value>),
    }

    #[derive(Trace)]
    struct Table(HashMap<String, Value>);

    #[derive(Trace)]
    struct Cyclic(Vec<Cyclic>, Vec<Other>);

    #[derive(Trace)]
    struct Other(Vec<Cyclic>, Vec<Other>, Option<Gc<u8>>);

    macro_rules! nested {
        ($($name:ident $inner:ty;)*) => {$(
            #[derive(Trace, Default)]
            struct $name($inner, u8, Option<$inner>);
        )*};
    }
    nested! { N0 u8; N1 N0; N2 N1; N3 N2; N4 N3; N5 N4; N6 N5; N7 N6; N8 N7; N9 N8; }
    nested! { M0 Option<Gc<u8>>; M1 M0; M2 M1; M3 M2; M4 M3; M5 M4; M6 M5; M7 M6; M8 M7; M9 M8; }

    #[test]
    fn plain_data_is_acyclic_at_any_depth() {
        assert!(!N0::is_cyclic() && !N3::is_cyclic() && !N9::is_cyclic());
        assert!(M0::is_cyclic() && M3::is_cyclic() && M9::is_cyclic());
        assert!(!gc::is_tracked(&Gc::new(N9::default())));
    }

    #[test]
    fn types_that_lead_back_to_themselves_are_asked_to_the_end() {
        assert!(!Json::is_cyclic());
        assert!(!Value::is_cyclic() && !Table::is_cyclic());
        assert!(Cyclic::is_cyclic() && Other::is_cyclic());
        assert!(!Vec::<Json>::is_cyclic() && Vec::<Cyclic>::is_cyclic());
        let json = [Json::Null, Json::Number(0.0), Json::Text(String::new()), Json::List(vec![])];
        let _ = (json, Json::Map(BTreeMap::new()), Value::Text(String::new()), Value::List(vec![]));
        let _ = Value::Table(Table(HashMap::new()));
    }
}

mod attributes {
    use super::*;

    #[derive(Trace)]
    #[trace(acyclic)]
    struct Acyclic {
        gc: Option<Gc<u8>>,
        _file: Option<std::fs::File>,
    }

    impl Drop for Acyclic {
        fn drop(&mut self) {}
    }

    #[test]
    fn acyclic_types_are_neither_tracked_nor_visited() {
        let it = Gc::new(Acyclic { gc: Some(Gc::new(1)), _file: None });
        assert!(!Acyclic::is_cyclic() && !gc::is_tracked(&it));
        assert_eq!(it.gc.as_deref(), Some(&1));
        assert!(gc::referents(&it).is_empty());
    }

    thread_local! {
        static FINALIZED: Cell<usize> = const { Cell::new(0) };
        static DROPPED: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(Trace)]
    #[trace(finalize)]
    struct Finalized<T>(Option<Link>, T);

    impl<T: std::fmt::Debug> Finalize for Finalized<T> {
        fn finalize(&self) {
            FINALIZED.set(FINALIZED.get() + 1);
        }
    }

    #[derive(Trace)]
    #[trace(finalize, acyclic)]
    struct FinalizedLeaf;

    impl Finalize for FinalizedLeaf {
        fn finalize(&self) {
            FINALIZED.set(FINALIZED.get() + 1);
        }
    }

    #[test]
    fn finalizers_run() {
        assert_eq!(collected(|link| Finalized(Some(link), 5)), 2);
        assert_eq!(FINALIZED.take(), 1);
        drop(Gc::new(Finalized(None, "")));
        drop(Gc::new(FinalizedLeaf));
        assert_eq!(FINALIZED.take(), 2);
        assert_eq!(Finalized(None, 7).1, 7);
    }

    #[derive(Trace)]
    #[trace(unsafe_drop)]
    struct Dropped<T>(Option<Link>, T);

    impl<T> Drop for Dropped<T> {
        fn drop(&mut self) {
            DROPPED.set(DROPPED.get() + 1);
        }
    }

    #[test]
    fn a_drop_that_is_allowed() {
        assert_eq!(collected(|link| Dropped(Some(link), 0)), 2);
        assert_eq!(DROPPED.take(), 1);
        assert_eq!(Dropped(None, 7).1, 7);
    }

    mod renamed {
        pub use neap as heap;
    }

    #[derive(renamed::heap::Trace)]
    #[trace(crate = renamed::heap)]
    #[trace(acyclic, finalize)]
    struct Renamed;

    impl Finalize for Renamed {
        fn finalize(&self) {
            FINALIZED.set(FINALIZED.get() + 1);
        }
    }

    #[test]
    fn another_path() {
        drop(Gc::new(Renamed));
        assert_eq!(FINALIZED.take(), 1);
    }

    #[expect(clippy::type_complexity, reason = "what is tested here")]
    #[derive(Trace)]
    struct Functions<T: 'static> {
        plain: fn(u8),
        lent: for<'a> fn(&'a mut T, &'a str) -> &'a str,
        many: Option<unsafe extern "C" fn(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8)>,
        table: HashMap<String, Vec<(u8, fn(&T, &[u8]) -> T)>>,
        three: [fn(); 3],
        generic: fn(T) -> T,
    }

    type Plain = fn(u8) -> u8;
    type Lent = for<'a> fn(&'a str) -> &'a str;
    type Lent2 = for<'a, 'b> unsafe extern "C" fn(&'a u8, &'b mut u8) -> &'a u8;
    type OfMany = fn(&u8, &u8, &u8, &u8, &u8, &u8, &u8, &u8, &u8, &u8, &u8, &u8, &u8, &u8) -> u8;
    mod named {
        pub type OfAll<T> = fn(T, u8) -> T;
        pub type Of<'a> = fn(&'a str);
        pub type Elsewhere = fn(&mut [u8], &str);
    }

    #[derive(Trace)]
    struct Aliases<T: 'static> {
        plain: Plain,
        inside: Option<Vec<Plain>>,
        lent: Lent,
        lent2: Option<Box<Gc<u8>>>,
        also: Lent2,
        of_many: OfMany,
        elsewhere: named::Elsewhere,
        of: named::Of<'static>,
        of_all: named::OfAll<u8>,
        value: T,
    }

    #[derive(Trace)]
    enum OneOf {
        Plain(Plain),
        Lent { lent: Lent },
        Link(Link),
    }

    #[test]
    fn names_of_function_pointers_are_leaves() {
        #[derive(Trace)]
        struct Alone(Plain, Lent, Lent2, OfMany);
        assert!(!Alone::is_cyclic());
        assert!(Aliases::<u8>::is_cyclic() && OneOf::is_cyclic());
        unsafe extern "C" fn second<'a>(_: &'a u8, b: &mut u8) -> &'a u8 {
            *b += 1;
            &7
        }
        fn it<T>(value: T) -> Aliases<T> {
            Aliases {
                plain: |n| n + 1,
                inside: None,
                lent: |text| text,
                lent2: None,
                also: second,
                of_many: |a, _, _, _, _, _, _, _, _, _, _, _, _, _| *a,
                elsewhere: |_, _| {},
                of: |_| {},
                of_all: |it, _| it,
                value,
            }
        }
        assert_eq!(collected(it), 2);
        assert_eq!(
            collected(|link| [
                OneOf::Plain(|n| n),
                OneOf::Lent { lent: |text| text },
                OneOf::Link(link)
            ]),
            2
        );
        let it = it(1_u8);
        (it.elsewhere)(&mut [], "");
        (it.of)("");
        assert_eq!(it.value, 1);
        assert_eq!(((it.plain)(1), (it.lent)("a"), (it.of_all)(3, 1)), (2, "a", 3));
        assert!(it.inside.is_none() && it.lent2.is_none());
        let mut n = 1;
        // SAFETY: it asks for nothing.
        assert_eq!((*unsafe { (it.also)(&1, &mut n) }, n), (7, 2));
        assert_eq!((it.of_many)(&5, &1, &1, &1, &1, &1, &1, &1, &1, &1, &1, &1, &1, &1), 5);
        for one in [OneOf::Plain(|n| n), OneOf::Lent { lent: |text| text }] {
            match one {
                OneOf::Plain(plain) => assert_eq!(plain(1), 1),
                OneOf::Lent { lent } => assert_eq!(lent("a"), "a"),
                OneOf::Link(_) => unreachable!(),
            }
        }
    }

    #[test]
    fn function_pointers_are_leaves() {
        fn is_acyclic<T: 'static>() -> bool {
            !Functions::<T>::is_cyclic()
        }
        assert!(is_acyclic::<std::fs::File>());
        let it = Functions::<u8> {
            plain: drop,
            lent: |_, text| text,
            many: None,
            table: HashMap::new(),
            three: [|| {}; 3],
            generic: |it| it,
        };
        (it.plain)((it.generic)((it.lent)(&mut 0, "").len() as u8 + it.three.len() as u8));
        assert!(it.many.is_none() && it.table.is_empty());
    }
}

mod names {
    use super::*;

    macro_rules! of_macro {
        ($name:ident<$param:ident> { $($field:ident: $ty:ty),* } $enum:ident::$variant:ident($inner:ty)) => {
            #[derive(Trace)]
            struct $name<$param> { $($field: $ty,)* tracer: $param, seen: Vec<$param> }

            #[derive(Trace)]
            enum $enum<$param> { $variant($inner, $name<$param>), Other($inner, Vec<$enum<$param>>) }
        };
    }
    of_macro! { FromMacro<T> { me: RefCell<Option<Gc<FromMacro<T>>>>, call: for<'a> fn(&'a T), t: (T, Option<T>) } Enum::Variant(T) }

    #[test]
    fn inside_a_macro() {
        let it = |link| FromMacro {
            me: RefCell::default(),
            call: |_| {},
            t: (None, None),
            tracer: None,
            seen: vec![Some(link)],
        };
        assert_eq!(collected(it), 2);
        assert_eq!(collected(|link| Enum::Other(None, vec![Enum::Other(Some(link), vec![])])), 2);
        let it = FromMacro {
            me: RefCell::default(),
            call: |_: &u8| {},
            t: (1, Some(2)),
            tracer: 3,
            seen: vec![],
        };
        (it.call)(&it.t.0);
        assert!(
            matches!(Enum::Variant(5, it), Enum::Variant(5, FromMacro { tracer: 3, seen, .. }) if seen.is_empty())
        );
    }

    #[expect(non_camel_case_types)]
    mod shadowed {
        use neap::Gc;

        // None of these must be taken for what the derive means.
        mod core {}
        #[expect(dead_code)]
        struct Option;
        #[expect(dead_code)]
        struct bool;
        #[expect(dead_code)]
        trait Trace {}
        #[expect(dead_code)]
        struct Tracer;

        #[derive(neap::Trace)]
        pub struct Fields<Seen> {
            pub tracer: Gc<u8>,
            pub seen: Seen,
            pub field_0: u8,
            pub field_1: Gc<u8>,
        }
    }

    #[test]
    fn fields_and_types_with_names_that_the_derive_uses() {
        let one = Gc::new(1);
        let it =
            shadowed::Fields { tracer: one.clone(), seen: one.clone(), field_0: 0, field_1: one };
        let it = Gc::new(it);
        assert_eq!(gc::referents(&it).len(), 3);
        assert_eq!(*it.tracer + *it.seen + it.field_0 + *it.field_1, 3);
    }

    #[derive(Trace)]
    #[expect(non_camel_case_types)]
    struct r#struct<r#In> {
        r#match: r#In,
        r#self_: Vec<r#struct<r#In>>,
    }

    #[test]
    fn raw_names() {
        assert_eq!(
            collected(|link| r#struct {
                r#match: None,
                r#self_: vec![r#struct { r#match: Some(link), r#self_: vec![] }]
            }),
            2
        );
    }

    /// Nothing in the derived code is what a lint is about.
    pub mod lints {
        use super::*;

        /// With a bound on a type that is less public.
        #[derive(Trace)]
        pub struct Public<T> {
            inner: Private<T>,
        }

        #[derive(Trace)]
        struct Private<T>(PhantomData<T>);

        #[derive(Trace)]
        #[deprecated]
        pub(super) struct Deprecated {
            #[deprecated]
            pub(super) field: Gc<u8>,
        }

        #[derive(Trace)]
        pub(super) enum Void {}

        #[derive(Trace)]
        #[expect(dead_code)]
        pub(super) enum Uninhabited {
            Some(u8),
            None(Void, Gc<u8>),
        }

        impl<T> Public<T> {
            pub(super) fn new() -> Public<T> {
                Public { inner: Private(PhantomData) }
            }
        }

        #[test]
        fn compiles() {
            let it = Public::<std::fs::File>::new();
            assert_eq!(it.inner.0, PhantomData);
            #[expect(deprecated, reason = "what is tested here")]
            let it = Gc::new(Deprecated { field: Gc::new(3) });
            assert_eq!(gc::referents(&it).len(), 1);
        }
    }
}
