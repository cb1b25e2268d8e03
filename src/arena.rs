//! Arenas: large aligned regions that pools and large runs are claimed from.
//!
//! ```text
//!   base (a multiple of 32 MiB)
//!   │ 0      64 KiB          192 KiB       448 KiB        704 KiB   768 KiB                    32 MiB
//!   ▼        ▼               ▼             ▼              ▼         ▼                               ▼
//!   ┌────────┬───────────────┬─────────────┬──────────────┬─────────┬────────┬────────┬─────────┬───┐
//!   │ guard  │ descriptors   │ free maps   │ remote maps  │  guard  │ unit   │ unit   │ unit    │ … │
//!   │        │ 512 × 256 B   │ 512 × 512 B │ 512 × 512 B  │         │  12    │  13    │  14     │   │
//!   └────────┴───────────────┴─────────────┴──────────────┴─────────┴────────┴────────┴─────────┴───┘
//!            └── metadata: arithmetic away from any address ──┘     └── blocks, 64 KiB a unit ──────┘
//! ```
//!
//! The metadata stands apart from the blocks between two guards that fault when touched, so no overflow out
//! of a block, of this arena or of the one below, reaches a count or a map. The free maps of the
//! first units, which are metadata themselves, would never be used: there lies the [`Header`].
//!
//! What a unit is used for is not known here. It is *claimed* or free; a free one is *clean* (the
//! kernel's zeroes) or *dirty* (it was used and still has its backing), a dirty one may be *lent* (the
//! kernel may take it). Four bitmaps say so; all are changed by atomic operations, no lock exists:
//!
//! ```text
//!              claim                        release                     lend             decommit
//!   clean ───────────────► claimed ───────────────────────► dirty ──────────► lent ───────────────► clean
//!                             ▲  └───────────────────────────┘  └──────────────┘
//!                             └────────────── claim ◄── dirty or lent
//! ```
//!
//! - **A1**: who cleared a unit's bit in `free` ([`UnitMap::claim`]) holds the unit, alone, until it sets
//!   the bit again. Purging holds units in the same way while it talks to the kernel.
//! - **A2**: a unit that is not `dirty` read as zero when it was claimed last, or does now that it is free.
//! - **A3**: metadata stays mapped and readable as long as the process lives, also when its arena is gone
//!   (*dormant*: blocks unmapped, metadata decommitted). So descriptors may be looked at late (`stack.rs`, S2).
//! - **A4**: `FREE_DIRTY` = Σ free dirty units, `CLAIMED` = Σ claimed units; each is off by what threads are
//!   just now doing.
//!
//! Claiming prefers dirty memory (its pages are paid for) and low arenas and addresses, so that the
//! others can drain: CPython's `usable_arenas` has the same aim. An arena with no unit in use is
//! unmapped when memory is given back; one is kept.

mod purge;
mod registry;

use core::ops::ControlFlow;

use crate::bits::{UnitBits, UnitMap};
use crate::config::{
    ARENA_BYTES, DESCRIPTOR_BYTES, DESCRIPTORS_AT, FIRST_UNIT, FREE_MAPS_AT, HUGE_PAGE_BYTES,
    METADATA_END, OUTER_MAP_BYTES, REMOTE_MAPS_AT, UNIT_BYTES, UNIT_WORDS,
};
use crate::os::{self, Range};
use crate::settings::{self, Thp};
use crate::sync::{AtomicU32, AtomicUsize, Ordering};
use crate::units::{UnitId, align_up, arena_base, regain};

pub use purge::{note_holes, note_purged, purge_all, purged_bytes, retire_all_empty};
pub use registry::{Kind, each_mapping, forget_mapping, kind_of, note_mapping};

/// Units in use, of all arenas (A4).
static CLAIMED: AtomicUsize = AtomicUsize::new(0);
/// Free units that still have backing (A4). A short time it may be "negative": read through [`free_dirty`].
static FREE_DIRTY: AtomicUsize = AtomicUsize::new(0);
/// Bytes reserved for arenas and by [`account_mapping`].
static RESERVED: AtomicUsize = AtomicUsize::new(0);
/// Bytes of mappings that are no arenas.
static MAPPED: AtomicUsize = AtomicUsize::new(0);
/// The most bytes that were committed at one time.
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn free_dirty() -> usize {
    let n = FREE_DIRTY.load(Ordering::Relaxed);
    if n > isize::MAX as usize { 0 } else { n }
}

/// What an arena knows of itself.
#[derive(Debug)]
#[repr(C)]
struct Header {
    /// Set: nobody holds the unit (A1).
    free: UnitMap,
    /// Set, while the unit is free: it may have contents.
    dirty: UnitMap,
    /// Set: released since the last look at the clock.
    recent: UnitMap,
    /// Set: the kernel was told that it may take the pages.
    lent: UnitMap,
    /// Units up to which the arena is mapped; fewer than all where address space is short.
    end: AtomicU32,
    /// Its row in the registry.
    row: AtomicU32,
    /// One of the three below.
    huge: AtomicU32,
}

/// 4 KiB pages: for what may stay sparse.
const HUGE_NOT: u32 = 0;
/// The kernel was asked for huge pages.
const HUGE_ASKED: u32 = 1;
/// It was asked to make no more of them, because there are holes.
const HUGE_REFUSED: u32 = 2;

const _: () = assert!(size_of::<Header>() <= FIRST_UNIT * OUTER_MAP_BYTES);

/// An arena, by its base. Made only by the registry and by [`Arena::of`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arena(usize);

/// Units that were claimed.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Claim {
    /// The first.
    pub unit: UnitId,
    /// Of the arena's units, those of this claim that may have contents; the others read as zero.
    pub dirty: UnitBits,
}

impl Arena {
    /// The arena that `address` lies in, if it lies in one.
    #[inline]
    pub fn of(address: usize) -> Option<Arena> {
        (kind_of(address) == Kind::Arena).then_some(Arena(arena_base(address)))
    }

    /// The address of the first byte.
    pub fn base(self) -> usize {
        self.0
    }

    /// Bytes reserved.
    pub fn bytes(self) -> usize {
        self.end() * UNIT_BYTES
    }

    /// The unit with index `index`.
    pub fn unit(self, index: usize) -> UnitId {
        // An arena's base is not 0: the kernel maps nothing there.
        UnitId::new(((self.0 / UNIT_BYTES) + index) as u32).unwrap_or_else(|| os::abort())
    }

    /// Visits every arena, lowest row first.
    pub fn each(mut visit: impl FnMut(Arena)) {
        let _ = registry::each(|arena, _| {
            visit(arena);
            ControlFlow::<()>::Continue(())
        });
    }

    /// Whether somebody holds the unit with index `index`.
    pub fn is_claimed(self, index: usize) -> bool {
        (FIRST_UNIT..self.end()).contains(&index) && !self.header().free.snapshot().contains(index)
    }

    /// The index behind that of the last unit.
    pub fn end(self) -> usize {
        self.header().end.load(Ordering::Relaxed) as usize
    }

    fn header(self) -> &'static Header {
        let header: *const Header = regain(self.0 + FREE_MAPS_AT);
        // SAFETY: A3: the metadata of every arena that was ever registered stays readable; it is zero or
        // initialised, both valid for atomics, and aligned (FREE_MAPS_AT is a multiple of a unit).
        unsafe { &*header }
    }

    fn blocks(self) -> Range {
        self.range(FIRST_UNIT, self.units())
    }

    /// Units that can be claimed; 0 of an arena that was unmapped since the caller met it.
    fn units(self) -> usize {
        self.end().saturating_sub(FIRST_UNIT)
    }

    fn range(self, at: usize, len: usize) -> Range {
        Range { at: self.0 + at * UNIT_BYTES, len: len * UNIT_BYTES }
    }

    fn metadata(self) -> Range {
        Range { at: self.0 + DESCRIPTORS_AT, len: METADATA_END - DESCRIPTORS_AT }
    }

    /// Turns a fresh reservation into an arena that is not yet registered.
    fn lay_out(range: Range, row: u32, huge: bool) -> Option<Arena> {
        let arena = Arena(range.at);
        let guards = [
            Range { at: range.at, len: DESCRIPTORS_AT },
            Range { at: range.at + METADATA_END, len: FIRST_UNIT * UNIT_BYTES - METADATA_END },
        ];
        if !guards.into_iter().all(os::protect) {
            return None;
        }
        arena.open(range.len, row, huge);
        Some(arena)
    }

    /// Fills the header in; the metadata reads as zero before. No unit is free yet.
    fn open(self, bytes: usize, row: u32, huge: bool) {
        let header = self.header();
        let end = bytes / UNIT_BYTES;
        header.row.store(row, Ordering::Relaxed);
        header.end.store(end as u32, Ordering::Relaxed);
        // What the kernel answers does not matter: where it refuses, there are no huge pages to be had, or none to
        // be kept away.
        if huge {
            header.huge.store(HUGE_ASKED, Ordering::Relaxed);
            self.advise_huge(true);
        } else if settings::thp() == Thp::Never {
            let _ = os::advise_huge(self.blocks(), false);
        }
    }

    /// Claims `len` free units in a row that begin at a multiple of `align`, dirty ones by preference.
    fn claim(self, len: usize, align: usize) -> Option<Claim> {
        let header = self.header();
        // Every round in which somebody else was faster, somebody else made progress. (Two that want overlapping runs
        // across the same words may both give back what they have; they do not keep step for long.)
        loop {
            let free = header.free.snapshot();
            let dirty = free.and(&header.dirty.snapshot());
            let (at, _) = dirty.best_run(len, align).or_else(|| free.best_run(len, align))?;
            if header.free.claim(at, len) {
                return Some(self.claimed(at, len));
            }
        }
    }

    /// Book-keeping for units that were just claimed.
    fn claimed(self, at: usize, len: usize) -> Claim {
        let header = self.header();
        // What was dirty stays so, and counts again when it is released.
        let dirty = header.dirty.among(at, len);
        header.lent.clear(at, len);
        registry::adjust_free(header.row.load(Ordering::Relaxed), -(len as i32));
        FREE_DIRTY.fetch_sub(dirty.count(), Ordering::Relaxed);
        purge::note_claimed(CLAIMED.fetch_add(len, Ordering::Relaxed) + len);
        note_peak();
        self.reconsider_huge_pages();
        Claim { unit: self.unit(at), dirty }
    }

    /// Whether the arena was made for huge pages.
    fn is_huge(self) -> bool {
        self.header().huge.load(Ordering::Relaxed) != HUGE_NOT
    }

    /// An arena whose holes were given back page by page gets huge pages again when it is nearly empty.
    fn reconsider_huge_pages(self) {
        let row = self.header().row.load(Ordering::Relaxed);
        if self.header().huge.load(Ordering::Relaxed) == HUGE_REFUSED
            && registry::free_units(row) >= self.units() / 8 * 7
            && self.change_huge(HUGE_REFUSED, HUGE_ASKED)
        {
            self.advise_huge(true);
        }
    }

    /// Keeps the kernel from filling holes with huge pages again. For who is about to decommit single OS pages.
    pub fn expect_holes(self) {
        let now = self.header().huge.load(Ordering::Relaxed);
        if now == HUGE_ASKED && self.change_huge(now, HUGE_REFUSED) {
            self.advise_huge(false);
        }
    }

    fn change_huge(self, from: u32, to: u32) -> bool {
        // Relaxed: the winner makes the call; nobody depends on when.
        let huge = &self.header().huge;
        huge.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Tells the kernel what is wanted in the part that huge pages can fill; a small arena has none. What the kernel
    /// answers does not matter: where it refuses, there are no huge pages to be had, or none to be kept away.
    fn advise_huge(self, huge: bool) {
        let blocks = self.blocks();
        let at = align_up(blocks.at, HUGE_PAGE_BYTES);
        if at < blocks.end() {
            let _ = os::advise_huge(Range { at, len: blocks.end() - at }, huge);
        }
    }
}

/// Claims `len` units that begin at a multiple of `align` units; `None` when the kernel gives no more.
///
/// `dense` says that the caller has much of the same already, so the memory will soon be touched as a whole: it is
/// claimed where huge pages are. Dirty memory is preferred anywhere.
pub fn claim(len: usize, align: usize, dense: bool) -> Option<Claim> {
    purge::look_at_clock();
    let huge = match settings::thp() {
        Thp::Always => true,
        Thp::Madvise => dense,
        Thp::Never => false,
    };
    while let Some(arena) = choose(len, align, huge) {
        if let Some(claim) = arena.claim(len, align) {
            return Some(claim);
        }
    }
    // An arena of our own making may be emptied by others before we get to it; each time somebody
    // else has got memory, so this ends.
    while let Some(arena) = registry::grow(len + align - 1, huge) {
        if let Some(claim) = arena.claim(len, align) {
            return Some(claim);
        }
    }
    // The wrong kind of arena is better than none.
    while let Some(arena) = choose(len, align, !huge) {
        if let Some(claim) = arena.claim(len, align) {
            return Some(claim);
        }
    }
    None
}

/// The arena to claim from: where dirty memory is, else one of the right kind with a run at all. `None`: a new one is
/// needed.
fn choose(len: usize, align: usize, huge: bool) -> Option<Arena> {
    let dirty = if free_dirty() >= len { choose_dirty(len, align) } else { None };
    dirty.or_else(|| {
        let first = with_room(len, |arena, free| {
            if arena.is_huge() == huge && free.best_run(len, align).is_some() {
                return ControlFlow::Break(arena);
            }
            ControlFlow::Continue(())
        });
        first.break_value()
    })
}

/// The first arena with a dirty run that fits exactly, else the one whose dirty run fits best.
fn choose_dirty(len: usize, align: usize) -> Option<Arena> {
    // How many arenas that have room are looked at, in the hope of a better run than was found.
    const ENOUGH: usize = 8;
    let mut best: Option<(usize, Arena)> = None;
    let mut looked_at = 0;
    let exact = with_room(len, |arena, free| {
        let dirty = free.and(&arena.header().dirty.snapshot());
        if let Some((_, n)) = dirty.best_run(len, align)
            && best.is_none_or(|(m, _)| n < m)
        {
            best = Some((n, arena));
        }
        looked_at += 1;
        match best {
            Some((n, arena)) if n == len || looked_at >= ENOUGH => ControlFlow::Break(arena),
            _ => ControlFlow::Continue(()),
        }
    });
    exact.break_value().or(best.map(|(_, arena)| arena))
}

/// Visits the arenas that have `len` free units, with their free units, lowest row first.
fn with_room(
    len: usize,
    mut visit: impl FnMut(Arena, &UnitBits) -> ControlFlow<Arena>,
) -> ControlFlow<Arena> {
    registry::each(|arena, free_units| {
        if (free_units as usize) < len {
            return ControlFlow::Continue(());
        }
        visit(arena, &arena.header().free.snapshot())
    })
}

/// Claims the `len` units from `unit` on, if all are free: a run grows in place.
pub fn claim_at(unit: UnitId, len: usize) -> Option<Claim> {
    let arena = Arena(arena_base(unit.address()));
    let at = unit.index();
    // A run may end where its arena does; the unit behind it is then another arena's.
    if at < FIRST_UNIT || at + len > arena.end() || !arena.header().free.claim(at, len) {
        return None;
    }
    Some(arena.claimed(at, len))
}

/// Claims the first `len` of the `gap` units from `unit` on, if those are free and dirty and what lies before and behind
/// them is in use. `unit` was claimed at some time.
pub fn claim_gap(unit: UnitId, gap: usize, len: usize) -> Option<Claim> {
    let arena = Arena(arena_base(unit.address()));
    let (header, at) = (arena.header(), unit.index());
    let is_gap = header.free.is_clear(at - 1)
        && header.free.is_clear(at + gap)
        && header.free.contains_run(at, gap)
        && header.dirty.contains_run(at, gap);
    // Of an arena that was unmapped meanwhile no unit is free.
    (is_gap && header.free.claim(at, len)).then(|| arena.claimed(at, len))
}

/// Gives `len` claimed units back, of which the first `dirty` may have contents, and those that had when they were
/// claimed; the others still read as zero. The dirty ones stay at hand as far as the budget allows.
pub fn release(unit: UnitId, len: usize, dirty: usize) {
    let arena = Arena(arena_base(unit.address()));
    let (header, at) = (arena.header(), unit.index());
    header.dirty.ensure(at, dirty);
    header.recent.ensure(at, len);
    FREE_DIRTY.fetch_add(header.dirty.among(at, len).count(), Ordering::Relaxed);
    CLAIMED.fetch_sub(len, Ordering::Relaxed);
    registry::adjust_free(header.row.load(Ordering::Relaxed), len as i32);
    // Last: from here on others may claim the units (A1).
    header.free.set(at, len);
    purge::keep_to_budget();
}

/// The address of the descriptor of `unit`.
#[inline(always)]
pub fn descriptor_of(unit: UnitId) -> usize {
    arena_base(unit.address()) + DESCRIPTORS_AT + unit.index() * DESCRIPTOR_BYTES
}

/// The address of the outer free map of `unit`.
#[inline(always)]
pub fn free_map_of(unit: UnitId) -> usize {
    arena_base(unit.address()) + FREE_MAPS_AT + unit.index() * OUTER_MAP_BYTES
}

/// The address of the outer remote map of `unit`.
#[inline(always)]
pub fn remote_map_of(unit: UnitId) -> usize {
    arena_base(unit.address()) + REMOTE_MAPS_AT + unit.index() * OUTER_MAP_BYTES
}

/// Counts `bytes` of mappings beside the arenas, made or (negative) given back.
pub fn account_mapping(bytes: isize) {
    MAPPED.fetch_add(bytes as usize, Ordering::Relaxed);
    RESERVED.fetch_add(bytes as usize, Ordering::Relaxed);
    note_peak();
}

/// Counts `bytes` of addresses that are reserved beside arenas and mappings.
pub fn account_reserved(bytes: usize) {
    RESERVED.fetch_add(bytes, Ordering::Relaxed);
}

/// Bytes of metadata that have backing, of all arenas.
pub fn metadata_bytes() -> usize {
    let mut bytes = 0;
    Arena::each(|arena| bytes += os::resident(arena.metadata()));
    bytes
}

fn note_peak() {
    let bytes = committed_bytes();
    if bytes > PEAK.load(Ordering::Relaxed) {
        PEAK.fetch_max(bytes, Ordering::Relaxed);
    }
}

/// Bytes of units in use, free units that still have backing, and mappings beside the arenas.
pub fn committed_bytes() -> usize {
    let units = CLAIMED.load(Ordering::Relaxed) + free_dirty();
    let bytes = units * UNIT_BYTES + MAPPED.load(Ordering::Relaxed);
    bytes.saturating_sub(purge::hole_bytes())
}

/// The most that [`committed_bytes`] ever was.
pub fn peak_bytes() -> usize {
    PEAK.load(Ordering::Relaxed)
}

/// Bytes of address space.
pub fn reserved_bytes() -> usize {
    RESERVED.load(Ordering::Relaxed)
}

static_assertions::const_assert!(ARENA_BYTES / UNIT_BYTES == UNIT_WORDS * 64);

#[cfg(test)]
mod tests;
