//! The collectors: neap's and its peers, each as its manual says.
//!
//! | collector | frees by | collects by itself |
//! |---|---|---|
//! | neap | counting | when objects are made |
//! | dumpster | counting | when more pointers were dropped than there are objects |
//! | gcmodule, jrsonnet-gcmodule | counting | never: called when as many objects were made as were left last time, at least 10 000 |
//! | bacon_rajan_cc | counting | never: called when 10 000 objects are suspected |
//! | rust-cc | counting | when objects are made |
//! | gc, boa_gc | collection only | when objects are made |
//! | `std::rc::Rc` | counting | – ; for what has no cycles |
//!
//! `gc_arena.rs` has the one whose objects live in an arena, and `cpython.py` the one that is not Rust's.

use super::kinds::Collector;
use super::payload::Payload;
use super::shapes::{by_hand, derived, shapes};

/// With fewer objects no collection is worth its call.
const FEW: u64 = 10_000;

/// `neap::Gc`.
#[derive(Debug)]
pub enum Neap {}
/// `dumpster::unsync::Gc`.
#[derive(Debug)]
pub enum Dumpster {}
/// `gcmodule::Cc`.
#[derive(Debug)]
pub enum Gcmodule {}
/// `jrsonnet_gcmodule::Cc`.
#[derive(Debug)]
pub enum Jrsonnet {}
/// `bacon_rajan_cc::Cc`.
#[derive(Debug)]
pub enum Bacon {}
/// `rust_cc::Cc`.
#[derive(Debug)]
pub enum RustCc {}
/// `gc::Gc`.
#[derive(Debug)]
pub enum Manish {}
/// `boa_gc::Gc`.
#[derive(Debug)]
pub enum Boa {}
/// `std::rc::Rc`, which collects nothing.
#[derive(Debug)]
pub enum Std {}

/// A type around [`Payload`] that is traced as whatever holds no pointer.
macro_rules! bytes {
    ($(#[$attribute:meta])*) => {
        $(#[$attribute])*
        pub struct Bytes(#[expect(dead_code, reason = "it is there to be dropped")] Payload);

        impl From<Payload> for Bytes {
            #[inline(always)]
            fn from(payload: Payload) -> Self {
                Bytes(payload)
            }
        }
    };
}

mod neap_shapes {
    use std::cell::RefCell;

    use neap::gc::Trace;
    use neap::{Gc, gc};

    use super::*;

    bytes!();
    neap::leaf!(Bytes);

    shapes! {
        collector: Neap,
        pointer: Gc,
        cell: RefCell,
        attributes: (derive(Trace)),
        trace: derived,
        rest: {
            const COUNTS: bool = true;

            fn collect() {
                gc::collect();
            }
        }
    }
}

mod dumpster_shapes {
    use std::cell::RefCell;

    use dumpster::unsync::{Gc, collect};
    use dumpster::{TraceWith, Visitor};

    use super::*;

    bytes!();

    // SAFETY: holds no pointer.
    unsafe impl<V: Visitor> TraceWith<V> for Bytes {
        fn accept(&self, _visitor: &mut V) -> Result<(), ()> {
            Ok(())
        }
    }

    /// What its attribute would write: that can't be used inside another macro.
    macro_rules! visit {
        ($Type:ident: $field:ident) => {
            // SAFETY: visits the only field with pointers, once.
            unsafe impl<V: Visitor> TraceWith<V> for $Type {
                #[inline]
                fn accept(&self, visitor: &mut V) -> Result<(), ()> {
                    self.$field.accept(visitor)
                }
            }
        };
    }

    shapes! {
        collector: Dumpster,
        pointer: Gc,
        cell: RefCell,
        attributes: (),
        trace: visit,
        rest: {
            const COUNTS: bool = true;

            fn collect() {
                collect();
            }
        }
    }
}

/// Both of the gcmodules, whose surface is the same.
macro_rules! gcmodule_shapes {
    ($module:ident, $package:ident, $Collector:ident) => {
        mod $module {
            use std::cell::{Cell, RefCell};

            use $package::{Cc, Trace, Tracer, collect_thread_cycles, count_thread_tracked};

            use super::*;

            type Bytes = Payload;

            thread_local! {
                /// Objects to be made before the next collection.
                static WAIT: Cell<u64> = const { Cell::new(FEW) };
            }

            macro_rules! trace_field {
                ($place:expr, $tracer:ident) => {
                    Edges::each(&$place, $tracer)
                };
            }

            /// Visits the edges. (Neither package traces an array.)
            trait Edges {
                fn each(&self, tracer: &mut Tracer<'_>);
            }

            impl<T: Trace> Edges for [Option<Cc<T>>; 2] {
                #[inline(always)]
                fn each(&self, tracer: &mut Tracer<'_>) {
                    for edge in self.iter().flatten() {
                        edge.trace(tracer);
                    }
                }
            }

            impl<T: Trace> Edges for Option<Cc<T>> {
                #[inline(always)]
                fn each(&self, tracer: &mut Tracer<'_>) {
                    if let Some(edge) = self {
                        edge.trace(tracer);
                    }
                }
            }

            impl<T: Trace> Edges for Vec<Cc<T>> {
                #[inline(always)]
                fn each(&self, tracer: &mut Tracer<'_>) {
                    for edge in self {
                        edge.trace(tracer);
                    }
                }
            }

            impl<E: Edges> Edges for RefCell<E> {
                #[inline(always)]
                fn each(&self, tracer: &mut Tracer<'_>) {
                    if let Ok(edges) = self.try_borrow() {
                        edges.each(tracer);
                    }
                }
            }

            shapes! {
                collector: $Collector,
                pointer: Cc,
                cell: RefCell,
                attributes: (),
                trace: by_hand,
                rest: {
                    const COUNTS: bool = true;

                    fn collect() {
                        let _ = collect_thread_cycles();
                    }

                    #[inline(always)]
                    fn breathe(objects: u64) {
                        match WAIT.get().checked_sub(objects) {
                            Some(left) => WAIT.set(left),
                            None => {
                                Self::collect();
                                WAIT.set(FEW.max(count_thread_tracked() as u64));
                            }
                        }
                    }
                }
            }
        }
    };
}

gcmodule_shapes!(gcmodule_shapes, gcmodule, Gcmodule);
gcmodule_shapes!(jrsonnet_shapes, jrsonnet_gcmodule, Jrsonnet);

mod bacon_shapes {
    use std::cell::RefCell;

    use bacon_rajan_cc::{Cc, Trace, Tracer, collect_cycles, number_of_roots_buffered};

    use super::*;

    type Bytes = Payload;

    macro_rules! trace_field {
        ($place:expr, $tracer:ident) => {
            Edges::each(&$place, $tracer)
        };
    }

    /// Visits the edges. (The package does not trace an array.)
    trait Edges {
        fn each(&self, tracer: &mut Tracer<'_>);
    }

    impl<T: Trace> Edges for [Option<Cc<T>>; 2] {
        #[inline(always)]
        fn each(&self, tracer: &mut Tracer<'_>) {
            self.as_slice().trace(tracer);
        }
    }

    impl<T: Trace> Edges for Option<Cc<T>> {
        #[inline(always)]
        fn each(&self, tracer: &mut Tracer<'_>) {
            self.trace(tracer);
        }
    }

    impl<T: Trace> Edges for Vec<Cc<T>> {
        #[inline(always)]
        fn each(&self, tracer: &mut Tracer<'_>) {
            self.trace(tracer);
        }
    }

    impl<E: Edges> Edges for RefCell<E> {
        #[inline(always)]
        fn each(&self, tracer: &mut Tracer<'_>) {
            if let Ok(edges) = self.try_borrow() {
                edges.each(tracer);
            }
        }
    }

    shapes! {
        collector: Bacon,
        pointer: Cc,
        cell: RefCell,
        attributes: (),
        trace: by_hand,
        rest: {
            const COUNTS: bool = true;

            fn collect() {
                collect_cycles();
            }

            #[inline(always)]
            fn breathe(_objects: u64) {
                if number_of_roots_buffered() as u64 >= FEW {
                    collect_cycles();
                }
            }
        }
    }
}

mod rust_cc_shapes {
    use std::cell::RefCell;

    use rust_cc::{Cc, Context, Finalize, Trace, collect_cycles};

    use super::*;

    bytes!();

    // SAFETY: holds no pointer.
    unsafe impl Trace for Bytes {
        fn trace(&self, _context: &mut Context<'_>) {}
    }

    impl Finalize for Bytes {}

    shapes! {
        collector: RustCc,
        pointer: Cc,
        cell: RefCell,
        attributes: (derive(Trace, Finalize)),
        trace: derived,
        rest: {
            const COUNTS: bool = true;

            fn collect() {
                collect_cycles();
            }
        }
    }
}

// The attributes' code puts each implementation into a constant of its own.
#[allow(non_local_definitions)]
mod manish_shapes {
    use gc::{Finalize, Gc, GcCell, Trace, force_collect, unsafe_empty_trace};

    use super::*;

    bytes!();

    impl Finalize for Bytes {}

    // SAFETY: holds no pointer.
    unsafe impl Trace for Bytes {
        unsafe_empty_trace!();
    }

    shapes! {
        collector: Manish,
        pointer: Gc,
        cell: GcCell,
        attributes: (derive(Trace, Finalize)),
        trace: derived,
        rest: {
            const COUNTS: bool = false;

            fn collect() {
                force_collect();
            }
        }
    }
}

mod boa_shapes {
    use boa_gc::{Finalize, Gc, GcRefCell, Trace, empty_trace, force_collect};

    use super::*;

    bytes!();

    impl Finalize for Bytes {}

    // SAFETY: holds no pointer.
    unsafe impl Trace for Bytes {
        empty_trace!();
    }

    shapes! {
        collector: Boa,
        pointer: Gc,
        cell: GcRefCell,
        attributes: (derive(Trace, Finalize)),
        trace: derived,
        rest: {
            const COUNTS: bool = false;

            fn collect() {
                force_collect();
            }
        }
    }
}

mod std_shapes {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    type Bytes = Payload;

    shapes! {
        collector: Std,
        pointer: Rc,
        cell: RefCell,
        attributes: (),
        trace: derived,
        rest: {
            const COUNTS: bool = true;

            fn collect() {}
        }
    }
}
