//! The objects of the workloads, for each collector that takes them as they are.
//!
//! [`shapes!`] writes a collector's types and its implementation of `Collector`. It is told the pointer, the cell in which a
//! pointer may change, how a type learns to be traced (attributes, or a macro that implements it by hand), and what is the
//! collector's own: how to collect.

/// Types and `Collector` for one collector. Names are looked up where it is called: `use` what they need.
macro_rules! shapes {
    (
        collector: $Collector:ident,
        pointer: $Pointer:ident,
        cell: $Cell:ident,
        attributes: ($($attribute:meta),*),
        trace: $trace:ident,
        rest: { $($rest:item)* }
    ) => {
        $(#[$attribute])*
        pub struct Node {
            _value: u64,
            next: $Cell<Option<$Pointer<Node>>>,
        }
        $trace!(Node: next);

        $(#[$attribute])*
        pub struct Twin {
            edges: $Cell<[Option<$Pointer<Twin>>; 2]>,
        }
        $trace!(Twin: edges);

        $(#[$attribute])*
        pub struct Tree {
            children: [Option<$Pointer<Tree>>; 2],
        }
        $trace!(Tree: children);

        $(#[$attribute])*
        pub struct Many {
            edges: $Cell<Vec<$Pointer<Many>>>,
            _payload: Bytes,
        }
        $trace!(Many: edges);

        impl Collector for $Collector {
            type Number = $Pointer<u64>;
            type Node = $Pointer<Node>;
            type Twin = $Pointer<Twin>;
            type Tree = $Pointer<Tree>;
            type Many = $Pointer<Many>;

            #[inline(always)]
            fn number(value: u64) -> Self::Number {
                $Pointer::new(value)
            }

            #[inline(always)]
            fn node(value: u64, next: Option<Self::Node>) -> Self::Node {
                $Pointer::new(Node { _value: value, next: $Cell::new(next) })
            }

            #[inline(always)]
            fn set_next(node: &Self::Node, next: Option<Self::Node>) {
                *node.next.borrow_mut() = next;
            }

            #[inline(always)]
            fn twin(edges: [Option<Self::Twin>; 2]) -> Self::Twin {
                $Pointer::new(Twin { edges: $Cell::new(edges) })
            }

            #[inline(always)]
            fn set_edge(twin: &Self::Twin, edge: usize, target: Option<Self::Twin>) {
                twin.edges.borrow_mut()[edge] = target;
            }

            #[inline(always)]
            fn edge(twin: &Self::Twin, edge: usize) -> Option<Self::Twin> {
                twin.edges.borrow()[edge].clone()
            }

            #[inline(always)]
            fn tree(children: [Option<Self::Tree>; 2]) -> Self::Tree {
                $Pointer::new(Tree { children })
            }

            #[inline(always)]
            fn children(tree: &Self::Tree) -> &[Option<Self::Tree>; 2] {
                &tree.children
            }

            #[inline(always)]
            fn many(edges: Vec<Self::Many>, bytes: usize) -> Self::Many {
                $Pointer::new(Many { edges: $Cell::new(edges), _payload: Bytes::from(Payload::new(bytes)) })
            }

            #[inline(always)]
            fn push(many: &Self::Many, target: Self::Many) {
                many.edges.borrow_mut().push(target);
            }

            $($rest)*
        }
    };
}

/// For `shapes!`: the attributes have said how a type is traced.
macro_rules! derived {
    ($Type:ident: $field:ident) => {};
}

/// For `shapes!`: `Trace` as both of the gcmodules and bacon_rajan_cc have it. Their manuals ask for it by hand, for
/// types that lead to themselves.
macro_rules! by_hand {
    ($Type:ident: $field:ident) => {
        impl Trace for $Type {
            fn trace(&self, tracer: &mut Tracer<'_>) {
                trace_field!(self.$field, tracer);
            }
        }
    };
}

pub(super) use {by_hand, derived, shapes};
