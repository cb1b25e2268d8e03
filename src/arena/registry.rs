//! Address → arena, and all arenas.
//!
//! Two tables in the program's zero-initialised data, of which only what is touched takes memory:
//! two bits for each 32 MiB of address space (2 MiB of addresses) say what lies there, and a
//! row for each arena says where it is and how much of it is free, side by side so that a search reads
//! few cache lines.

use core::ops::ControlFlow;

use super::{Arena, RESERVED};
use crate::config::{ADDRESS_BITS, ARENA_BYTES, ARENA_SHIFT, FIRST_UNIT, MAX_ARENAS, UNIT_BYTES};
use crate::os::{self, Range};
use crate::settings;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::units::UnitId;

/// What lies at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing of neap's.
    Foreign,
    /// An arena.
    Arena,
    /// The beginning of a mapping of its own.
    MappingHead,
    /// The rest of such a mapping.
    MappingTail,
}

const SLOTS: usize = 1 << (ADDRESS_BITS - ARENA_SHIFT);
const PER_WORD: usize = 32;

static KINDS: [AtomicU64; SLOTS / PER_WORD] = [const { AtomicU64::new(0) }; SLOTS / PER_WORD];

/// What lies at `address`, at the grain of 32 MiB.
#[inline]
pub fn kind_of(address: usize) -> Kind {
    let slot = address >> ARENA_SHIFT;
    let Some(word) = KINDS.get(slot / PER_WORD) else { return Kind::Foreign };
    // ORDERING: Acquire pairs with the Release in `set_kind`: who meets an address of an arena sees its
    // header. (An address that was handed over properly brings that with it anyway.)
    match word.load(Ordering::Acquire) >> (slot % PER_WORD * 2) & 3 {
        0 => Kind::Foreign,
        1 => Kind::Arena,
        2 => Kind::MappingHead,
        _ => Kind::MappingTail,
    }
}

fn set_kind(address: usize, kind: Kind) {
    let slot = address >> ARENA_SHIFT;
    // Every address comes from the kernel, which hands out none wider than ADDRESS_BITS.
    let Some(word) = KINDS.get(slot / PER_WORD) else { return };
    let shift = slot % PER_WORD * 2;
    let raw = match kind {
        Kind::Foreign => 0,
        Kind::Arena => 1,
        Kind::MappingHead => 2,
        Kind::MappingTail => 3,
    };
    // ORDERING: Release pairs with the Acquire in `kind_of`.
    let _ = word.fetch_update(Ordering::Release, Ordering::Relaxed, |old| {
        Some(old & !(3 << shift) | raw << shift)
    });
}

/// Enters a mapping of its own that begins at `range.at`, a multiple of the arena size.
pub fn note_mapping(range: Range) {
    mark_mapping(range, Kind::MappingHead, Kind::MappingTail);
}

/// Strikes it out again.
pub fn forget_mapping(range: Range) {
    mark_mapping(range, Kind::Foreign, Kind::Foreign);
}

fn mark_mapping(range: Range, head: Kind, tail: Kind) {
    // A mapping's last, partial slot is left out: what lies behind its end may be somebody else's.
    let whole = range.len / ARENA_BYTES;
    for i in (1..whole).rev() {
        set_kind(range.at + i * ARENA_BYTES, tail);
    }
    set_kind(range.at, head);
}

/// Visits the beginning of every mapping.
pub fn each_mapping(mut visit: impl FnMut(usize)) {
    for (i, word) in KINDS.iter().enumerate() {
        // Most words were never written and share the kernel's page of zeroes.
        if word.load(Ordering::Relaxed) == 0 {
            continue;
        }
        for slot in i * PER_WORD..(i + 1) * PER_WORD {
            if kind_of(slot << ARENA_SHIFT) == Kind::MappingHead {
                visit(slot << ARENA_SHIFT);
            }
        }
    }
}

/// One arena's row.
struct Row {
    /// The arena's base as a raw [`UnitId`]; 0 in a row that was never used.
    base: AtomicU32,
    /// Free units, about (others change them while one reads); 0 unless the arena is live.
    free: AtomicU32,
    /// One of the states below.
    state: AtomicU32,
}

/// Not in use, or being made.
const VACANT: u32 = 0;
/// Units can be claimed.
const LIVE: u32 = 1;
/// Its blocks are unmapped; the row waits to be used again at the same address.
const DORMANT: u32 = 2;
/// Somebody is waking it, or putting it to rest.
const BUSY: u32 = 3;

static ROWS: [Row; MAX_ARENAS] = [const {
    Row { base: AtomicU32::new(0), free: AtomicU32::new(0), state: AtomicU32::new(VACANT) }
}; MAX_ARENAS];

/// Rows that were ever used: `..USED`.
static USED: AtomicUsize = AtomicUsize::new(0);

fn rows() -> &'static [Row] {
    &ROWS[..USED.load(Ordering::Relaxed).min(MAX_ARENAS)]
}

impl Row {
    fn arena(&self) -> Option<Arena> {
        // ORDERING: Acquire pairs with the Release in `publish`: the arena's header is filled in.
        if self.state.load(Ordering::Acquire) != LIVE {
            return None;
        }
        Some(Arena(UnitId::new(self.base.load(Ordering::Relaxed))?.address()))
    }

    fn publish(&self, arena: Arena) {
        self.free.store(arena.units() as u32, Ordering::Relaxed);
        RESERVED.fetch_add(arena.blocks().len, Ordering::Relaxed);
        set_kind(arena.base(), Kind::Arena);
        // ORDERING: Release pairs with the Acquire in `arena`.
        self.state.store(LIVE, Ordering::Release);
        // Last: who still knows the arena from before it was unmapped may claim from now on, and even put it to rest.
        arena.header().free.set(FIRST_UNIT, arena.units());
    }
}

/// Visits every live arena with the number of its free units, lowest row first, until `visit` breaks.
pub fn each<B>(mut visit: impl FnMut(Arena, u32) -> ControlFlow<B>) -> ControlFlow<B> {
    for row in rows() {
        let free = row.free.load(Ordering::Relaxed);
        if let Some(arena) = row.arena() {
            visit(arena, free)?;
        }
    }
    ControlFlow::Continue(())
}

/// The same from the highest row down.
pub fn each_back<B>(mut visit: impl FnMut(Arena, u32) -> ControlFlow<B>) -> ControlFlow<B> {
    for row in rows().iter().rev() {
        let free = row.free.load(Ordering::Relaxed);
        if let Some(arena) = row.arena() {
            visit(arena, free)?;
        }
    }
    ControlFlow::Continue(())
}

/// Adds `by` to the number of free units of the arena in `row`.
pub fn adjust_free(row: u32, by: i32) {
    ROWS[row as usize % MAX_ARENAS].free.fetch_add(by as u32, Ordering::Relaxed);
}

/// Free units of the arena in `row`, about.
pub fn free_units(row: u32) -> usize {
    ROWS[row as usize % MAX_ARENAS].free.load(Ordering::Relaxed) as i32 as usize
}

/// Makes one more arena, which has room for at least `units`, with huge pages or without. It is smaller than usual where
/// address space is limited.
pub fn grow(units: usize, huge: bool) -> Option<Arena> {
    let mut bytes = settings::arena_bytes();
    let needed = (FIRST_UNIT + units) * UNIT_BYTES;
    while bytes < needed {
        bytes *= 2;
    }
    if bytes > ARENA_BYTES {
        return None;
    }
    loop {
        if let Some(arena) = wake(bytes, huge).or_else(|| create(bytes, huge)) {
            return Some(arena);
        }
        bytes /= 2;
        if bytes < needed {
            return None;
        }
    }
}

/// Uses the address of an arena that was unmapped again: its metadata is there already.
fn wake(bytes: usize, huge: bool) -> Option<Arena> {
    rows().iter().enumerate().find_map(|(i, row)| {
        // ORDERING: Acquire pairs with the Release in `retire`.
        row.state.compare_exchange(DORMANT, BUSY, Ordering::Acquire, Ordering::Relaxed).ok()?;
        let base = UnitId::new(row.base.load(Ordering::Relaxed))?.address();
        let at = base + FIRST_UNIT * UNIT_BYTES;
        if os::reserve_at(Range { at, len: base + bytes - at }) {
            let arena = Arena(base);
            arena.open(bytes, i as u32, huge);
            row.publish(arena);
            return Some(arena);
        }
        // Somebody else's mapping lies there, or the kernel has nothing to give: perhaps later.
        // ORDERING: Release, as in `retire`.
        row.state.store(DORMANT, Ordering::Release);
        None
    })
}

/// Reserves an arena of `bytes`.
fn create(bytes: usize, huge: bool) -> Option<Arena> {
    let range = os::reserve(bytes, ARENA_BYTES, 0)?;
    let arena = enter(range, huge);
    if arena.is_none() {
        os::release(range);
    }
    arena
}

fn enter(range: Range, huge: bool) -> Option<Arena> {
    let index = vacant_row()?;
    let row = &ROWS[index];
    let Some(arena) = Arena::lay_out(range, index as u32, huge) else {
        row.state.store(VACANT, Ordering::Relaxed);
        return None;
    };
    row.base.store(arena.unit(0).get(), Ordering::Relaxed);
    RESERVED.fetch_add(arena.bytes() - arena.blocks().len, Ordering::Relaxed);
    row.publish(arena);
    Some(arena)
}

/// A row for the caller alone.
fn vacant_row() -> Option<usize> {
    let take = |row: &Row| {
        row.state.compare_exchange(VACANT, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    loop {
        if let Some(index) = rows().iter().position(take) {
            return Some(index);
        }
        let used = USED.load(Ordering::Relaxed);
        if used >= MAX_ARENAS {
            return None;
        }
        let _ = USED.compare_exchange(used, used + 1, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Unmaps an arena of which the caller holds every unit.
pub fn retire(arena: Arena) -> bool {
    let header = arena.header();
    let row = &ROWS[header.row.load(Ordering::Relaxed) as usize % MAX_ARENAS];
    let blocks = arena.blocks();
    row.state.store(BUSY, Ordering::Relaxed);
    row.free.store(0, Ordering::Relaxed);
    set_kind(arena.base(), Kind::Foreign);
    if !os::release(blocks) {
        set_kind(arena.base(), Kind::Arena);
        // ORDERING: Release, as in `publish`.
        row.state.store(LIVE, Ordering::Release);
        return false;
    }
    RESERVED.fetch_sub(blocks.len, Ordering::Relaxed);
    // Zero again, header and descriptors (A3), by hand where the kernel will not: it has them locked.
    if !os::decommit(arena.metadata()) {
        clear(arena.metadata());
    }
    // ORDERING: Release pairs with the Acquire in `wake`.
    row.state.store(DORMANT, Ordering::Release);
    true
}

/// Writes zeroes, word by word, for others may be reading.
#[cold]
fn clear(range: Range) {
    for at in (range.at..range.end()).step_by(size_of::<u64>()) {
        let word: *const AtomicU64 = crate::units::regain(at);
        // SAFETY: the range is metadata of an arena: mapped (A3), and made of atomics and of cells that
        // nobody owns now.
        unsafe { &*word }.store(0, Ordering::Relaxed);
    }
}
