//! Pools: runs of units that hold blocks of one size class.
//!
//! ```text
//!   arena metadata                                            arena blocks
//!   ┌──────────────────────────────── 256 B ───┐              ┌───────┬───────┬───────┬─ … ─┬──────┐
//!   │ line 0  shared word · link · tag · counts│   describes  │ block │ block │ block │     │ rest │
//!   │ line 1  free map    (up to 512 blocks)   │ ───────────► │   0   │   1   │   2   │     │      │
//!   │ line 2  remote map  (up to 512 blocks)   │              └───────┴───────┴───────┴─ … ─┴──────┘
//!   │ line 3  decommitted OS pages             │                64 KiB, or 512 KiB for blocks > 4 KiB
//!   └──────────────────────────────────────────┘
//! ```
//!
//! Pools of more than 512 blocks keep their two maps in the outer maps of the arena (512 bytes each) instead.
//! Nothing is ever written into a block: what is free is known from the maps alone.
//!
//! A pool belongs to one *owner*, the heap whose thread alone touches its plain fields and its free map;
//! everybody may mark frees in the remote map (`pool/remote.rs`). The owner keeps it on one of its lists:
//!
//! ```text
//!             claim                    last free block handed out
//!   (arena) ─────────► used ◄─────────────────────────────────────► full
//!      ▲                │ │            a block comes back             │
//!      │ release        │ └──────► abandoned (owner ended) ◄──────────┘
//!      └──── empty ◄────┘                 │ adopt: used or full again
//!                 all blocks came back
//! ```
//!
//! - **P1**: `free_count` = bits set in the free map. A block is *out* (with a client or in a magazine) when its
//!   bit is clear and its remote bit is too.
//! - **P2**: plain fields and the free map are touched by the owner's thread only, or, of an abandoned pool, by nobody.
//!   Handing over is by the shared word (`remote.rs`, R4).
//! - **P3**: `tag` is the class exactly as long as the units are claimed as such a pool; it is
//!   written by who holds the units, read by everybody.
//! - **P4**: blocks from `untouched` on have not been handed out since the units were claimed.
//! - **P5**: a set bit of `decommitted` means that the OS page was given back, so no block that reaches into it is out. (A
//!   kernel that refused still has it backed; it is not asked twice.)
//! - **P6**: `beside` is a table with a word for each block, put there by the first holder of a block who wants one and
//!   taken away when the pool is released. A block's word is its holder's alone, and means nothing until the holder
//!   has written it. What the words say is not known here.

mod class;
#[cfg(not(neap_loom))]
mod descriptor;
mod remote;

pub use class::{CLASSES, SLOTS, SizeClass};
#[cfg(all(feature = "gc", not(neap_loom)))]
pub use descriptor::prefetch;
#[cfg(not(neap_loom))]
pub use descriptor::{List, OwnedPool, PoolLinks, PoolList, PoolRef, Tag};
pub use remote::{Announce, Owner};
#[cfg(neap_loom)]
pub use remote::{Drained, Shared, drain, free};
