//! What is too big for a pool: runs of units in an arena, and beyond 16 MiB mappings of their own.
//!
//! A run belongs to no heap: whoever frees it gives it to its arena. It grows and shrinks in place where the units
//! behind it are free. The layout alone tells run from mapping, so freeing needs no look-up to know
//! which, only to check.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr;

use super::thread::Content;
use super::{mapping, thread};
use crate::arena::{self, Claim, Kind};
use crate::config::{LARGE_DENSE_BYTES, LARGE_MAX, UNIT_BYTES};
use crate::misuse::{self, Misuse};
use crate::pool::{PoolRef, Tag};
use crate::settings::{self, Options};
use crate::sync::{AtomicUsize, Ordering};
use crate::units::{UnitId, regain, units_for};

/// Runs and mappings in use, their bytes, and how many were made and freed so far.
#[derive(Debug)]
pub struct Accounts {
    made: AtomicUsize,
    freed: AtomicUsize,
    bytes: AtomicUsize,
}

static ACCOUNTS: Accounts =
    Accounts { made: AtomicUsize::new(0), freed: AtomicUsize::new(0), bytes: AtomicUsize::new(0) };

/// `(made, freed, bytes in use)`.
pub fn accounts() -> (usize, usize, usize) {
    let Accounts { made, freed, bytes } = &ACCOUNTS;
    (made.load(Ordering::Relaxed), freed.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
}

fn account(bytes: isize) {
    ACCOUNTS.bytes.fetch_add(bytes as usize, Ordering::Relaxed);
}

/// Where a thread freed runs last, by length: where the next of that length most likely fits, found without a
/// search through the arenas. Only hints: whoever comes first may have claimed the units.
pub struct Gaps([Recent; Gaps::LENGTHS]);

/// Runs of one length, the last one first; the oldest is forgotten when there are too many.
struct Recent {
    places: [Cell<Option<UnitId>>; Recent::DEPTH],
    top: Cell<u8>,
}

impl Recent {
    const DEPTH: usize = 16;

    fn push(&self, unit: UnitId) {
        let top = usize::from(self.top.get());
        self.places[top % Recent::DEPTH].set(Some(unit));
        self.top.set(((top + 1) % Recent::DEPTH) as u8);
    }

    fn pop(&self) -> Option<UnitId> {
        let top = (usize::from(self.top.get()) + Recent::DEPTH - 1) % Recent::DEPTH;
        let unit = self.places[top].take()?;
        self.top.set(top as u8);
        Some(unit)
    }
}

impl Gaps {
    /// Runs of 1 to so many units (1 MiB). Using a longer one costs more than finding it.
    const LENGTHS: usize = 16;

    fn note(&self, unit: UnitId, units: usize) {
        if let Some(recent) = self.0.get(units.wrapping_sub(1)) {
            recent.push(unit);
        }
    }

    /// Claims `units` units where a gap is known that is just as long, or longer by at most a quarter.
    fn claim(&self, units: usize) -> Option<Claim> {
        for gap in units..=(units + units / 4).min(Self::LENGTHS) {
            // Each is looked at once: what does not fit now is not worth a second look.
            while let Some(unit) = self.0[gap - 1].pop() {
                if let Some(claim) = arena::claim_gap(unit, gap, units) {
                    if let Some(rest) = UnitId::of(unit.address() + units * UNIT_BYTES) {
                        self.note(rest, gap - units);
                    }
                    return Some(claim);
                }
            }
        }
        None
    }
}

/// How a layout that no class serves is served.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    /// So many units in an arena, aligned to so many.
    Run { units: usize, align: usize },
    /// A mapping.
    Mapping,
}

impl Service {
    fn of(layout: Layout) -> Service {
        let (size, align) = (layout.size().max(1), layout.align());
        // The search for an aligned start may pass over `align` bytes.
        if size <= LARGE_MAX && align <= LARGE_MAX / 2 && size + align <= LARGE_MAX + UNIT_BYTES {
            Service::Run { units: units_for(size), align: units_for(align) }
        } else {
            Service::Mapping
        }
    }
}

/// Allocates; with `zeroed`, memory that reads as zero.
pub fn allocate(layout: Layout, options: Options, zeroed: bool) -> *mut u8 {
    settings::decide(options);
    let (block, bytes) = match Service::of(layout) {
        Service::Run { units, align } => {
            (allocate_run(layout, units, align, zeroed), units * UNIT_BYTES)
        }
        // Fresh from the kernel: zero.
        Service::Mapping => (mapping::allocate(layout), mapping::usable_size(layout)),
    };
    if !block.is_null() {
        ACCOUNTS.made.fetch_add(1, Ordering::Relaxed);
        account(bytes as isize);
    }
    block
}

fn allocate_run(layout: Layout, units: usize, align: usize, zeroed: bool) -> *mut u8 {
    let gap = || thread::attached(Content::Raw).filter(|_| align == 1)?.gaps.claim(units);
    let bytes = units * UNIT_BYTES;
    // What the run has beyond the request is never touched, and costs nothing but where pages are huge.
    let dense = || {
        bytes - layout.size() <= bytes / 8
            && ACCOUNTS.bytes.load(Ordering::Relaxed) + bytes >= LARGE_DENSE_BYTES
    };
    let Some(claim) = gap().or_else(|| arena::claim(units, align, dense())) else {
        return ptr::null_mut();
    };
    let run = run_of(claim.unit);
    run.make_large(units);
    let block: *mut u8 = regain(claim.unit.address());
    if zeroed {
        clear(&claim, layout.size());
    }
    block
}

/// Writes zeroes over the first `size` bytes, except where they are known to be zero (A2).
fn clear(claim: &Claim, size: usize) {
    let first = claim.unit.index();
    for (at, len) in claim.dirty.runs() {
        let offset = (at - first) * UNIT_BYTES;
        if offset < size {
            let len = (len * UNIT_BYTES).min(size - offset);
            // SAFETY: the units were claimed for us alone (A1), and the range lies inside them.
            unsafe { ptr::write_bytes(regain::<u8>(claim.unit.address() + offset), 0, len) };
        }
    }
}

/// Frees.
pub fn free(block: *mut u8, layout: Layout) {
    let address = block.addr();
    let bytes = match Service::of(layout) {
        Service::Run { units, .. } => {
            let run = check(address, units, layout);
            if !run.end_large() {
                misuse::abort(Misuse::DoubleFree, address, layout.size());
            }
            arena::release(run.id(), units, units);
            if let Some(heap) = thread::attached(Content::Raw) {
                heap.gaps.note(run.id(), units);
            }
            units * UNIT_BYTES
        }
        Service::Mapping => mapping::free(address, layout),
    };
    ACCOUNTS.freed.fetch_add(1, Ordering::Relaxed);
    account(-(bytes as isize));
}

/// The run at `address`, which a client says has `units` units.
fn check(address: usize, units: usize, layout: Layout) -> PoolRef {
    match PoolRef::beginning_at(address) {
        Some(run) if run.tag() == Tag::Large && run.run() == units => run,
        _ => misuse::abort(what_is_wrong(address), address, layout.size()),
    }
}

#[cold]
fn what_is_wrong(address: usize) -> Misuse {
    match arena::kind_of(address) {
        Kind::Foreign => Misuse::NotOurs,
        Kind::MappingHead | Kind::MappingTail => Misuse::WrongLayout,
        Kind::Arena => match PoolRef::holding(address) {
            None => Misuse::NotLive,
            Some(run) if run.id().address() != address => Misuse::NotABlockStart,
            Some(_) => Misuse::WrongLayout,
        },
    }
}

fn run_of(unit: UnitId) -> PoolRef {
    // SAFETY: the unit was claimed, so it lies in a registered arena behind its metadata.
    unsafe { PoolRef::from_id(unit) }
}

/// Makes the block as large as `new` wants, where it is: `None` when that can't be. Both layouts are large
/// and of one alignment. A mapping may move, its OS pages with it, without a copy.
pub fn resize(block: *mut u8, old: Layout, new: Layout) -> Option<*mut u8> {
    match (Service::of(old), Service::of(new)) {
        (Service::Run { units, .. }, Service::Run { units: wanted, .. }) => {
            let run = check(block.addr(), units, old);
            resize_run(run, units, wanted)?;
            account((wanted as isize - units as isize) * UNIT_BYTES as isize);
            Some(block)
        }
        (Service::Mapping, Service::Mapping) => {
            let before = mapping::usable_size(old);
            let moved = mapping::resize(block.addr(), old, new)?;
            account(mapping::usable_size(new) as isize - before as isize);
            Some(moved)
        }
        _ => None,
    }
}

fn resize_run(run: PoolRef, units: usize, wanted: usize) -> Option<()> {
    let unit_at = |n: usize| UnitId::of(run.id().address() + n * UNIT_BYTES);
    if wanted > units {
        // What the new units hold does not matter: `realloc` promises nothing about it.
        let _ = arena::claim_at(unit_at(units)?, wanted - units)?;
        run.set_run(wanted);
    } else if wanted < units {
        run.set_run(wanted);
        arena::release(unit_at(wanted)?, units - wanted, units - wanted);
    }
    Some(())
}

/// Bytes that the block has.
pub fn usable_size(address: usize, layout: Layout) -> usize {
    match Service::of(layout) {
        Service::Run { .. } => PoolRef::holding(address).map_or(layout.size(), PoolRef::bytes),
        Service::Mapping => mapping::usable_size(layout),
    }
}

/// Whether `address` lies in a pool, a run or a mapping that is in use.
pub fn owns(address: usize) -> bool {
    match arena::kind_of(address) {
        Kind::Arena => PoolRef::holding(address).is_some(),
        _ => mapping::holds(address),
    }
}
