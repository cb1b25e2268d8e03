//! Every size, shift and threshold of neap, each with the assertion that keeps it honest.
//!
//! Nothing here is read at run time from outside: what a user may choose is in [`settings`].
//! Figures that were measured say so; how to repeat the measurement stands in `benches/README.md`.
//!
//! [`settings`]: crate::settings

use static_assertions::const_assert;

/// Bits of a user-space address that neap can be given: 48 on x86-64 and on AArch64 (47 used on
/// the first). Linux hands out wider ones only to programs that ask by hint, which neap does not.
pub const ADDRESS_BITS: u32 = 48;

/// log2 of the alignment of an arena, and of the most that one spans: 32 MiB.
pub const ARENA_SHIFT: u32 = 25;
/// Bytes from one arena base to the next possible one.
pub const ARENA_BYTES: usize = 1 << ARENA_SHIFT;

/// log2 of a unit, the grain in which an arena is claimed: 64 KiB.
pub const UNIT_SHIFT: u32 = 16;
/// Bytes of a unit. No supported OS page is larger, so a unit is always whole OS pages.
pub const UNIT_BYTES: usize = 1 << UNIT_SHIFT;
/// Units of a whole arena.
pub const UNITS: usize = ARENA_BYTES / UNIT_BYTES;
/// 64-bit words of a bitmap with a bit for each unit.
pub const UNIT_WORDS: usize = UNITS / 64;

/// Bytes of one pool descriptor: four cache lines (see `pool.rs`).
pub const DESCRIPTOR_BYTES: usize = 256;
/// Blocks that a descriptor's own bitmaps can tell apart; pools of more use the outer ones.
pub const INLINE_BLOCKS: usize = 512;
/// Most blocks of one pool.
pub const MAX_BLOCKS: usize = 4096;
/// Bytes of one outer bitmap.
pub const OUTER_MAP_BYTES: usize = MAX_BLOCKS / 8;

/// Where the descriptors begin in an arena: behind one unit that nobody may touch.
pub const DESCRIPTORS_AT: usize = UNIT_BYTES;
/// Where the outer free maps begin.
pub const FREE_MAPS_AT: usize = DESCRIPTORS_AT + UNITS * DESCRIPTOR_BYTES;
/// Where the outer remote maps begin.
pub const REMOTE_MAPS_AT: usize = FREE_MAPS_AT + UNITS * OUTER_MAP_BYTES;
/// Where the metadata ends and the second guard begins.
pub const METADATA_END: usize = REMOTE_MAPS_AT + UNITS * OUTER_MAP_BYTES;
/// The first unit that can be claimed.
pub const FIRST_UNIT: usize = METADATA_END / UNIT_BYTES + 1;

/// Largest block of a pool of one unit.
pub const SMALL_MAX: usize = 4096;
/// Largest block of any pool; a request above it is *large*.
pub const MEDIUM_MAX: usize = 64 * 1024;
/// Units of a pool whose blocks are larger than [`SMALL_MAX`]; such pools are aligned to this.
pub const MEDIUM_UNITS: usize = 8;
/// Bytes that a pool of the 8-byte class uses: half a unit, because the bitmap holds 4096 bits.
/// The other half is address space that is never touched.
pub const TINY_POOL_BYTES: usize = 8 * MAX_BLOCKS;

/// Largest large run inside an arena; a request above it gets a mapping of its own.
pub const LARGE_MAX: usize = ARENA_BYTES / 2;

/// Most arenas at one time: 2 TiB of arenas.
pub const MAX_ARENAS: usize = 1 << 16;

/// A 2 MiB huge page, and how many units it spans.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;
/// Units of a huge page.
pub const HUGE_PAGE_UNITS: usize = HUGE_PAGE_BYTES / UNIT_BYTES;
/// Bytes of pools of one class from which on a heap's further pools of it are claimed where huge pages are (1 MiB):
/// they will be filled. With fewer, a huge page that is hardly used weighs more than the faults it saves.
pub const DENSE_BYTES: usize = 1 << 20;
/// Bytes of large blocks in use from which on more are claimed where huge pages are (8 MiB). Blocks are used further
/// apart than small ones, so it is the address translation that huge pages spare: a fifth of the time to touch their pages.
pub const LARGE_DENSE_BYTES: usize = 8 << 20;

/// Free dirty units that are kept whatever the load: the fixed part of the budget (16 MiB).
pub const KEEP_UNITS: usize = 256;
/// The share of claimed units that may be kept free and dirty beyond the fixed part: a quarter.
pub const KEEP_SHARE: usize = 4;
/// Free bytes inside used pools that a heap tolerates before it looks for free OS pages in them,
/// beyond as much as is live.
pub const SWEEP_RESERVE_BYTES: usize = 8 << 20;

/// Bytes of blocks that a full magazine may hold, where that is more than [`MAGAZINE_MIN`] blocks.
pub const MAGAZINE_BYTES: usize = 64 * 1024;
/// Most blocks of a magazine.
pub const MAGAZINE_MAX: usize = 256;
/// Fewest blocks of a magazine at its full size.
pub const MAGAZINE_MIN: usize = 2;
/// Blocks that a magazine holds at first; slow paths double it.
pub const MAGAZINE_START: usize = 16;
/// Bytes of blocks up to which a magazine grows while it is only filled or only emptied: enough to spread the cost
/// of a slow path, and what is beyond would only lie about.
pub const MAGAZINE_STREAM_BYTES: usize = 8 * 1024;
/// Slow paths of a heap between two looks for magazines that went idle.
pub const IDLE_PERIOD: u32 = 512;

/// Bytes reserved for one heap descriptor with its magazines, and its alignment.
pub const HEAP_BYTES: usize = 2 * UNIT_BYTES;
/// Heaps that are reserved together.
pub const HEAPS_PER_CHUNK: usize = 16;

/// How long free memory stays before it is offered back, unless set otherwise.
pub const PURGE_DELAY_MS: u32 = 1000;

const_assert!(UNIT_WORDS * 64 == UNITS);
const_assert!(METADATA_END.is_multiple_of(UNIT_BYTES));
const_assert!(METADATA_END - DESCRIPTORS_AT == 10 * UNIT_BYTES);
const_assert!(MEDIUM_UNITS.is_power_of_two() && FIRST_UNIT + MEDIUM_UNITS <= UNITS);
const_assert!(LARGE_MAX / UNIT_BYTES + FIRST_UNIT <= UNITS);
const_assert!(ADDRESS_BITS - UNIT_SHIFT <= 32); // a unit's number fits the 32 bits of a `UnitId`
const_assert!(HEAP_BYTES.is_multiple_of(UNIT_BYTES));
const_assert!(DESCRIPTORS_AT >= UNIT_BYTES); // a guard stands before the metadata, whatever the OS page
