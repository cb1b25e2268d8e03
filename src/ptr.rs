//! The counted pointer: an object, who owns it, and what is left when nobody does.
//!
//! ```text
//!   Rc ───────────────────────┐                        Weak ──┐
//!   Rc ──────────────────┐    │                               ▼
//!                        ▼    ▼                        ┌─────────────┐
//!   block   ┌─────────┬─────────────┐   ◄───────────── │  side cell  │   only from the first downgrade on
//!           │ header  │ value       │ - - - - - - - -► │  16 bytes   │
//!           │ 8 bytes │             │                  └─────────────┘
//!           └─────────┴─────────────┘
//! ```
//!
//! An object is a block of a pool: a header of 8 bytes, the value behind it (`header.rs`, `object.rs`). A pointer to
//! it is the address of the value, so that reading through it costs nothing. Blocks come straight from this thread's
//! heap, with a size class that the compiler knows where it knows the type: making an object is the pop of a magazine
//! and two stores.
//!
//! Counting is a plain addition in the header. When the count comes to 0 (`end.rs`) the value is dropped and its
//! block goes back into the magazine at once. What weak references need stands elsewhere (`side.rs`), so an object
//! without them pays nothing, and the counts of one that has them are as fast. Drops nest to any depth (`nest.rs`).
//!
//! - **O1**: an `Rc` points to a live value, which has a header in front, in a block that was had for its layout. The
//!   header's strong count is the number of `Rc`s, those forgotten or turned raw counted in.
//! - **O2**: while the value is being made (`new_cyclic`) or dropped, there is no `Rc` to it and nobody can upgrade:
//!   the side cell says so (the W-rules in `side.rs`). The count says nothing then.
//! - **O3**: counts, values and cells are one thread's at a time: neither `Rc` nor `Weak` is `Send`. Who moves a
//!   closed set of them to another thread, by `unsafe`, may: what is shared with other objects (the table beside a
//!   pool, the block's way back) is the heap's, which is made for that.

mod borrows;
mod coerce;
mod end;
mod further;
mod header;
mod later;
mod nest;
#[cfg(feature = "nightly")]
mod nightly;
mod object;
mod rc;
#[cfg(feature = "serde")]
mod serde;
mod side;
mod weak;

pub use coerce::{__coerce, Coerce};
pub use rc::{Duplicate, Rc};
#[cfg(feature = "gc")]
pub(crate) use side::{Raw, Side, at as side_at, new as new_side};
pub use weak::Weak;
#[cfg(feature = "gc")]
pub(crate) use {later::End, nest::descend};

#[cfg(test)]
mod tests;
