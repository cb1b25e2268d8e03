//! `#[derive(Trace)]` for [neap](https://docs.rs/neap), which brings it along: `use neap::Trace`.
//!
//! What it understands is said at [the macro](macro@Trace). What it writes:
//!
//! ```text
//! #[derive(Trace)]                       unsafe impl<T> neap::gc::Trace for Node<T>
//! struct Node<T> {                       where
//!     value: T,                              T: 'static,
//!     next: RefCell<Option<                  T: neap::gc::Trace,                      bounds.rs
//!         Gc<Node<T>>>>,                 {
//! }                                          fn trace(&self, tracer: &mut Tracer<'_>) {
//!                                                if false { …no `Drop`?… }
//!   attributes.rs                                match self {
//!   reads #[trace(…)]                                Self { value: field_0, next: field_1, .. } => {
//!                                                        <T as Trace>::trace(field_0, tracer);
//!   expand.rs                                            <RefCell<…> as Trace>::trace(field_1, tracer);
//!   writes the impl                                  }
//!                                                }
//!                                            }
//!                                            fn is_cyclic() -> bool { …asks `T` and `RefCell<…>`… }
//!                                            fn owns_only_gcs() -> bool { …the same… }
//!                                        }
//! ```
//!
//! - **D1**: each field that is not skipped is visited, once, in its own type's name: a field that is not `Trace` is an error at
//!   the field.
//! - **D2**: only `neap::gc` is named, under the path that `crate = …` gives. Names of ours are of the macro's own context, so
//!   fields may be called as they like.
//! - **D3**: a type that implements `Drop` does not compile, nor a union.
//! - **D4**: only a type without a skipped field, and whose `Drop` would not compile, says that it owns only `Gc`s; the collector
//!   does not drop such values when all that they lead to is garbage.
//!
//! The impl is `unsafe`, and sound by D1 and D3. It stands in the program's crate, but comes from here: a
//! `#![forbid(unsafe_code)]` there does not mind.

mod attributes;
mod bounds;
mod expand;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// Writes `Trace` for a struct or an enum: each field is visited, and so each is to be `Trace`.
///
/// ```
/// use neap::{Gc, Trace, gc};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Node {
///     name: String,
///     edges: RefCell<Vec<Edge>>,
/// }
///
/// #[derive(Trace)]
/// enum Edge {
///     To(Gc<Node>),
///     Labelled { to: Gc<Node>, label: String },
///     Nowhere,
/// }
///
/// let a = Gc::new(Node { name: "a".into(), edges: RefCell::default() });
/// a.edges.borrow_mut().push(Edge::To(a.clone()));
/// drop(a);
/// assert_eq!(gc::collect().collected, 1);
/// ```
///
/// A type none of whose fields can own a `Gc` is found to be acyclic, and its objects are never looked at. So is one that
/// leads back to itself.
///
/// ```
/// use neap::{Gc, Trace, gc};
///
/// #[derive(Trace)]
/// enum Json {
///     Number(f64),
///     Text(String),
///     List(Vec<Json>),
/// }
/// assert!(!Json::is_cyclic());
/// assert!(!gc::is_tracked(&Gc::new(Json::List(vec![Json::Number(1.0)]))));
/// ```
///
/// A field of function pointers (`fn(u8)`, `Option<for<'a> fn(&'a str)>`, `HashMap<String, fn()>`) owns nothing, whatever their
/// arguments are. The same goes for a field whose type is another name of one:
///
/// ```
/// use neap::Trace;
///
/// type Compare = for<'a> fn(&'a str, &'a str) -> bool;
///
/// #[derive(Trace)]
/// struct Sorted {
///     by: Compare,
/// }
/// assert!(!Sorted::is_cyclic());
/// ```
///
/// # Generic types
///
/// Bounds come from the fields' types: a parameter has to be `Trace` where its values are held, and not where it stands
/// behind a `Gc` or in a `PhantomData`. Each has to be `'static`; for a type with lifetimes, `Trace` is there when they are
/// `'static`.
///
/// ```
/// use neap::{Gc, Trace};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Tree<T> {
///     value: T,
///     children: Vec<Tree<T>>,
///     root: RefCell<Option<Gc<Tree<T>>>>,
/// }
///
/// trait Shape: Trace {
///     type Unit;
/// }
///
/// #[derive(Trace)]
/// struct Drawing<U> {
///     shapes: Vec<Gc<dyn Shape<Unit = U>>>, // Asks nothing of `U`.
/// }
/// # fn is_trace<T: Trace>() {}
/// # struct Metre;
/// # is_trace::<Drawing<Metre>>();
/// # is_trace::<Tree<u8>>();
/// ```
///
/// ## `#[trace(bound = "…")]`
///
/// On a type: these bounds in place of those that were found; `'static` is there always. For types that hold each other in
/// ways that can't be seen from one of them, where the compiler says *overflow evaluating the requirement*, and for those
/// where it misses a bound.
///
/// ```
/// use neap::Trace;
///
/// type Boxes<T> = Vec<Item<T>>; // Hides that `Item` holds itself.
///
/// #[derive(Trace)]
/// #[trace(bound = "T: Trace")]
/// struct Item<T> {
///     value: T,
///     inner: Boxes<T>,
/// }
/// # fn is_trace<T: Trace>() {}
/// # is_trace::<Item<u8>>();
/// ```
///
/// # What is not visited
///
/// ## `#[trace(skip)]`
///
/// On a field: it is not visited, and need not be `Trace`. This is safe for any field. If it owns a `Gc` all the same, what
/// that leads to counts as held from outside: it is not collected before the value is dropped.
///
/// ```
/// use neap::{Gc, Trace};
///
/// #[derive(Trace)]
/// struct Log {
///     #[trace(skip)]
///     file: Option<std::fs::File>,
///     parent: Option<Gc<Log>>,
/// }
/// # let _ = Gc::new(Log { file: None, parent: None });
/// ```
///
/// ## `#[trace(acyclic)]`
///
/// On a type: nothing in it is visited, `is_cyclic` is `false`, and its objects are never looked at. Its fields need not be
/// `Trace`, and it may have a `Drop`. For types that hold `Gc`s and are known to close no cycle; if one does, it stays for
/// ever.
///
/// ```
/// use neap::{Gc, Trace, gc};
///
/// #[derive(Trace)]
/// #[trace(acyclic)]
/// struct Handle(Gc<str>);
/// # fn with(name: Gc<str>) {
/// assert!(!gc::is_tracked(&Gc::new(Handle(name))));
/// # }
/// ```
///
/// # The end of a value
///
/// A type that derives `Trace` must not implement `Drop`, which would run when others that died with the value may be gone
/// already. It does not compile:
///
/// ```compile_fail
/// # use neap::{Gc, Trace};
/// #[derive(Trace)]
/// struct Session(Gc<String>);
///
/// impl Drop for Session {
///     fn drop(&mut self) {
///         println!("{} is over", self.0);
///     }
/// }
/// ```
///
/// ## `#[trace(finalize)]`
///
/// On a type that implements `Finalize`: its finalizer runs before an object of the type dies, with all that it holds
/// still there. (An object: a `Gc` of the type. A value inside of another's object is not asked.)
///
/// ```
/// use neap::{Finalize, Gc, Trace};
///
/// #[derive(Trace)]
/// #[trace(finalize)]
/// struct Session(Gc<String>);
///
/// impl Finalize for Session {
///     fn finalize(&self) {
///         println!("{} is over", self.0);
///     }
/// }
/// # drop(Gc::new(Session(Gc::new("it".to_string()))));
/// ```
///
/// ## `#[trace(unsafe_drop)]`
///
/// On a type: it may implement `Drop`. If that reads a `Gc` of the value which is dead, it panics. So it must
/// not: use `Finalize`, or give the `Drop` to the one field that needs it.
///
/// ```
/// use neap::{Gc, Trace};
///
/// #[derive(Trace)]
/// #[trace(unsafe_drop)]
/// struct Socket {
///     descriptor: i32,
///     peer: Option<Gc<Socket>>,
/// }
///
/// impl Drop for Socket {
///     fn drop(&mut self) {
///         println!("closes {}", self.descriptor); // Leaves `peer` alone.
///     }
/// }
/// # drop(Gc::new(Socket { descriptor: 1, peer: None }));
/// ```
///
/// # Another name for neap
///
/// ## `#[trace(crate = path)]`
///
/// On a type: where the crate `neap` is, if it has another name, or comes through another crate.
///
/// ```
/// mod runtime {
///     pub use neap as heap;
/// }
///
/// #[derive(runtime::heap::Trace)]
/// #[trace(crate = runtime::heap)]
/// struct Point(f64, f64);
/// # let _ = runtime::heap::Gc::new(Point(0.0, 0.0));
/// ```
///
/// # What it can't do
///
/// - Unions.
/// - `#[repr(packed)]` types, whose fields can't be referred to, but for those that are skipped.
/// - Another name of a function pointer that takes or gives what is borrowed, if it has parameters or stands inside another type
///   (`Option<Compare>`): `#[trace(skip)]`.
/// - A lint against unsafe code, `#![forbid(unsafe_code)]` included, says nothing of the `unsafe impl` that is written.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input).unwrap_or_else(Error::into_compile_error).into()
}
