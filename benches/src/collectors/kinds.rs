//! What a workload asks of a collector.
//!
//! A workload is generic over a [`Collector`], so it is written once. Each collector has types of its own for the
//! objects (`shapes.rs`): how a type is traced, and in what cell a pointer may change, is different in each. The methods here are each one
//! call of the collector's own, inlined always, so that a workload compiles to what it would be if it named the types.
//! Cloning and dropping are not here: they are the types' own.
//!
//! # Whose turn it is to collect
//!
//! Some collectors run by themselves, when objects are made or dropped; some only when they are called. For
//! the latter a workload says, by [`Collector::breathe`], that it has made some objects, and the
//! collector's module calls it as a program with sense would. For the former `breathe` is nothing.

/// A collector, and the pointers to its objects.
pub trait Collector: 'static {
    /// To a `u64`: an object that can't be in a cycle.
    type Number: Clone;
    /// To an object of 24 bytes: a `u64`, and a pointer to another of its kind or none.
    type Node: Clone;
    /// To an object with two pointers to others of its kind, or none, that can change.
    type Twin: Clone;
    /// To an object with two pointers to others of its kind, or none, that never change.
    type Tree: Clone;
    /// To an object with any number of pointers to others of its kind, and bytes.
    type Many: Clone;

    /// Is an object freed when its last pointer goes, without a collection?
    const COUNTS: bool;

    /// A number.
    fn number(value: u64) -> Self::Number;
    /// A node with another behind it, or none.
    fn node(value: u64, next: Option<Self::Node>) -> Self::Node;
    /// Sets what is behind a node.
    fn set_next(node: &Self::Node, next: Option<Self::Node>);
    /// An object with these edges.
    fn twin(edges: [Option<Self::Twin>; 2]) -> Self::Twin;
    /// Sets one of two edges.
    fn set_edge(twin: &Self::Twin, edge: usize, target: Option<Self::Twin>);
    /// Where one of two edges leads to.
    fn edge(twin: &Self::Twin, edge: usize) -> Option<Self::Twin>;
    /// A tree's node.
    fn tree(children: [Option<Self::Tree>; 2]) -> Self::Tree;
    /// What is below a tree's node.
    fn children(tree: &Self::Tree) -> &[Option<Self::Tree>; 2];
    /// An object with these edges and so many bytes, counted as [`Payload`]s are.
    fn many(edges: Vec<Self::Many>, bytes: usize) -> Self::Many;
    /// One edge more.
    fn push(many: &Self::Many, target: Self::Many);

    /// A full collection, now.
    fn collect();
    /// So many objects were made: a collector that does not run by itself may do so now.
    #[inline(always)]
    fn breathe(_objects: u64) {}
}
