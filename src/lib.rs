//! neap, *a heap that reaps*: a global allocator in pure Rust that is fast and gives memory back, and a counted
//! pointer whose objects live in its pools.
//!
//! ```
//! #[global_allocator]
//! static GLOBAL: neap::Neap = neap::Neap::new();
//! # fn main() {}
//! ```
//!
//! That is all a program needs for the allocator. [`heap`] shows what is going on inside; [`Neap`]'s builder and a
//! few environment variables change what is decided by default.
//!
//! ```
//! use neap::rc::{Rc, Weak};
//!
//! let word = Rc::new("tide");
//! let seen: Weak<&str> = Rc::downgrade(&word);
//! assert_eq!(seen.upgrade().as_deref(), Some(&"tide"));
//! ```
//!
//! [`rc`] is `std::rc` with half the header, with or without the allocator. [`gc`] is the same with a collector for what
//! counting cannot free: values that hold each other.
//!
//! # How it is built
//!
//! ```text
//!     global  gc   Layout in, pointer out; cycles: find, finalize, clear
//!        │    │
//!        │   ptr  the counted pointer: header, object, weak references
//!        │    │
//!      heap ◄─┘   one thread's magazines and pools; fast path; abandon, adopt
//!        │
//!      pool       blocks of one size class; free map and remote map
//!        │
//!      arena      big regions; claims units; address → arena; purge
//!        │
//!       os        reserve, protect, lend, decommit, release
//!  ─────────────────────────────────────────────────────────────────────
//!  ground floor: config · units · sync · bits · stack     beside os: misuse · settings
//! ```
//!
//! Each room uses only rooms below it, through the file of its name. The essay at the head of
//! each says what lives there, with drawings and numbered invariants that the SAFETY notes refer to.
//!
//! One rule carries the rest: **the allocator never writes into a block**. What is free is known from bitmaps beside
//! the pools. So a use after free can't corrupt the allocator, a double free is a bit that is set already, and any
//! free OS page inside a half-used pool can go back to the system.
//!
//! # Environment
//!
//! Read once, when the process allocates first; never required.
//!
//! | variable | values | default | does |
//! |---|---|---|---|
//! | `NEAP_STATS` | `0`, `1` | `0` | prints [`heap::stats`] to stderr at exit |
//! | `NEAP_PURGE_DELAY_MS` | milliseconds | `1000` | how long free memory stays before it is offered back; 0: not at all |
//! | `NEAP_THP` | `always`, `madvise`, `never` | `madvise` | huge pages everywhere; for what will be filled; never |
//! | `NEAP_ARENA_MIB` | `4`, `8`, `16`, `32` | `32` | addresses reserved at a time |
//!
//! A bad value is named in one line on stderr, and the default is used. What the program fixes with the builder
//! on [`Neap`] stands above the environment.
//!
//! # Misuse
//!
//! A block that is given back is checked when its magazine is flushed, which is at the latest when its thread ends,
//! or the process by this thread's hand: an address that is not neap's or no block's start, a block that is free
//! already, a `Layout` of another size class end the process with one line on stderr. Until the flush a wrong pointer
//! can be handed out again; what was in the block is not neap's to know.
//!
//! # Limits
//!
//! - Not for signal handlers: one that interrupts the allocator must not allocate.
//! - Linux is what it is tested on; other Unixes lack `mremap` and huge pages and may build.
//! - After `fork` the child has its own thread's heap; what the parent's other threads held at that moment
//!   stays out of use there. No lock exists, so nothing can hang.
//! - A thread that has freed much and then sleeps keeps its magazines (at most 64 KiB and 256 blocks a class, or 2
//!   blocks), and what others free into its pools waits until it allocates or frees again, or ends.
//!
//! # Features
//!
//! - `gc`, on by default: [`gc`], [`Gc`] and [`Trace`]. Without it nothing of the collector is compiled.
//! - `allocator-api2`: [`Neap`] and [`Configured`] implement `allocator_api2::alloc::Allocator`.
//! - `serde`: [`Rc`], [`Gc`] and their `Weak`s implement `Serialize` and `Deserialize`, as std's do with serde's feature `rc`.
//! - `derive`, on by default with `gc`: `#[derive(Trace)]`, from the crate `neap-derive`.
//! - `nightly`, for a nightly compiler: `Rc<T>` becomes `Rc<dyn Trait>` by itself, and a value may hold references
//!   that end with it (`may_dangle`).

#![cfg_attr(neap_loom, allow(missing_docs, dead_code))]
#![cfg_attr(
    feature = "nightly",
    feature(coerce_unsized, dispatch_from_dyn, dropck_eyepatch, pin_coerce_unsized_trait, unsize)
)]

#[cfg(neap_loom)]
pub mod bits;
#[cfg(neap_loom)]
pub mod pool;
#[cfg(neap_loom)]
pub mod stack;
#[cfg(neap_loom)]
pub mod sync;
#[cfg(neap_loom)]
pub mod units;

#[cfg(not(neap_loom))]
mod bits;
#[cfg(not(neap_loom))]
mod pool;
#[cfg(not(neap_loom))]
mod stack;
#[cfg(not(neap_loom))]
mod sync;
#[cfg(not(neap_loom))]
mod units;

mod config;

#[cfg(not(neap_loom))]
mod arena;
#[cfg(all(feature = "gc", not(neap_loom)))]
pub mod gc;
#[cfg(not(neap_loom))]
mod global;
#[cfg(not(neap_loom))]
pub mod heap;
#[cfg(not(neap_loom))]
mod line;
#[cfg(not(neap_loom))]
mod misuse;
#[cfg(not(neap_loom))]
mod os;
#[cfg(not(neap_loom))]
mod ptr;
#[cfg(not(neap_loom))]
mod settings;

#[cfg(all(feature = "gc", not(neap_loom)))]
#[doc(inline)]
pub use gc::{Finalize, Gc, Trace};
#[cfg(not(neap_loom))]
pub use global::{Configured, Neap};
#[cfg(not(neap_loom))]
pub use ptr::Rc;
#[cfg(not(neap_loom))]
pub use settings::Thp;

/// Counted pointers, as in [`std::rc`]: several owners of a value, on one thread.
///
/// A program that swaps `use std::rc::{Rc, Weak}` for `use neap::rc::{Rc, Weak}` compiles and behaves the same, with
/// what is said below in mind. Objects lie in neap's pools whatever the global allocator is.
///
/// # What is better than in `std::rc`
///
/// - The header of an object has 8 bytes, not 16: an `Rc<u64>` takes a block of 16 bytes, an `Rc` of 24 bytes one of
///   32.
/// - The memory of an object goes back when its last [`Rc`] does; [`Weak`](rc::Weak)s that are left share 16 bytes.
///   (They take them from the first [`downgrade`](rc::Rc::downgrade) on.)
/// - Structures of any depth are dropped on any stack: lists of millions of nodes, trees that are lists in truth.
/// - [`make_mut`](rc::Rc::make_mut) of a value with `Weak`s left parts them without moving the value.
///
/// # The order of drops
///
/// As with std: when the last reference goes, the value is dropped at once, then its fields in their order, and what
/// they alone own, and so on down to 100 objects inside each other. What dies deeper down is dropped by a loop at that
/// depth, before the drop of the 100th returns. There an object may outlive the value that held it by a while; so may
/// one whose last reference a `Drop` of the program gives up there, while that `Drop` goes on. A drop that panics does
/// not keep the others in the loop from being dropped, and the first panic goes on.
///
/// Only objects that have something to drop count, and only drops nested in drops, not how a structure was made.
///
/// What may borrow is dropped in std's order at any depth: an `Rc<T>` where a lifetime, a reference, a trait object or a
/// closure stands in the full name of `T`. `Rc<Node<'_>>` and `Rc<dyn Shape>` are of that kind; `Rc<Node>` is not,
/// whatever is inside `Node`. These nest as deep as they need to, with about 100 bytes of memory for each level (1 KiB in
/// debug builds) until the drop returns.
///
/// # Stacks
///
/// From a depth of 32 on, drops run on *further stacks* that neap maps for the purpose: 256 MiB of addresses, of
/// which a `Drop` of the program has at least half for itself, and memory as it is touched. One is kept in the process
/// for the next time. So a stack of 64 KiB is enough for any depth, in debug builds too. (Values of other kinds in between, a
/// `Box` in a `Box` in a `Box`, nest as they do everywhere.) A program that overflows one ends with `SIGSEGV` and without
/// the message that Rust has for its threads' own stacks. Where none can be mapped, and on processors other than x86-64
/// and AArch64, drops go on on the stack at hand.
///
/// Coroutines may be left inside drops, and come back to in any order.
///
/// # What is different
///
/// - There may be 2 147 483 648 references to one value, and two fewer `Weak`s (std: `isize::MAX`, which no program
///   reaches but by forgetting); one more aborts the process, as with std.
/// - Unsizing a pointer takes a macro on stable Rust, [`coerce!`](crate::coerce): the compiler does it by itself for
///   std's types only, and for these with the feature `nightly`. So does `self: Rc<Self>` in methods, which has no
///   replacement on stable.
/// - The address that [`Weak::as_ptr`](rc::Weak::as_ptr) gives may be another object's once the value is gone.
///   [`Weak::ptr_eq`](rc::Weak::ptr_eq) tells them apart always.
/// - `==` compares values always. Where `T` is [`Eq`], std's takes two pointers to one value for equal without a look,
///   so there it ends also for a value that leads back to itself.
/// - On stable Rust, the borrow checker takes the drop of an `Rc<T>` or `Weak<T>` for a use of what `T` borrows, so
///   it has to outlive the pointer; for std's types it knows better, and for these with the feature `nightly`.
/// - A pointer that was turned raw comes back through the same crate's `from_raw`.
/// - There is no allocator parameter.
///
/// # Threads
///
/// Neither type is `Send` or `Sync`. A thread that ends with pointers in its thread-locals drops them as any other
/// value.
#[cfg(not(neap_loom))]
pub mod rc {
    #[doc(hidden)]
    pub use crate::ptr::{__coerce, Coerce};
    pub use crate::ptr::{Duplicate, Rc, Weak};
}
