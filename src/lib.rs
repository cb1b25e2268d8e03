//! neap, *a heap that reaps*: a global allocator in pure Rust that is fast and gives memory back.
//!
//! ```
//! #[global_allocator]
//! static GLOBAL: neap::Neap = neap::Neap::new();
//! # fn main() {}
//! ```
//!
//! That is all a program needs. [`heap`] shows what is going on inside; [`Neap`]'s builder and a
//! few environment variables change what is decided by default.
//!
//! # How it is built
//!
//! ```text
//!     global      Layout in, pointer out
//!        │
//!      heap       one thread's magazines and pools; fast path; abandon, adopt
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
//! One rule carries the rest: **neap never writes into a block**. What is free is known from bitmaps beside the pools. So
//! a use after free can't corrupt the allocator, a double free is a bit that is set already, and any free OS page inside a
//! half-used pool can go back to the system.
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
//! A block that is given back is checked when its magazine is flushed, which is at the latest when its thread ends, or
//! the process by this thread's hand: an address that is not neap's or no block's start, a block that is free already, a
//! `Layout` of another size class end the process with one line on stderr. Until the flush a wrong pointer
//! can be handed out again; what was in the block is not neap's to know.
//!
//! # Limits
//!
//! - Not for signal handlers: one that interrupts the allocator must not allocate.
//! - Linux is what it is tested on; other Unixes lack `mremap` and huge pages and may build.
//! - After `fork` the child has its own thread's heap; what the parent's other threads held at that moment
//!   stays out of use there. No lock exists, so nothing can hang.
//! - A thread that has freed much and then sleeps keeps its magazines (at most 64 KiB and 256 blocks a class, or 2 blocks),
//!   and what others free into its pools waits until it allocates or frees again, or ends.
//!
//! # Features
//!
//! - `allocator-api2`: [`Neap`] and [`Configured`] implement `allocator_api2::alloc::Allocator`.

#![cfg_attr(neap_loom, allow(missing_docs, dead_code))]
#![cfg_attr(
    feature = "nightly",
    feature(coerce_unsized, dispatch_from_dyn, dropck_eyepatch, unsize)
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

#[cfg(not(neap_loom))]
pub use global::{Configured, Neap};
#[cfg(not(neap_loom))]
pub use ptr::Rc;
#[cfg(not(neap_loom))]
pub use settings::Thp;

/// Counted pointers, as in [`std::rc`]: [`Rc`](rc::Rc) and [`Weak`](rc::Weak), with half the header, for structures of any depth.
#[cfg(not(neap_loom))]
pub mod rc {
    #[doc(hidden)]
    pub use crate::ptr::{__coerce, Coerce};
    pub use crate::ptr::{Duplicate, Rc, Weak};
}
