//! What free memory is kept, and what goes back.
//!
//! Pages are the dearest thing there is: a first touch costs as much as 80 touches of a resident page. So free
//! memory is kept for the next request, as long as the program uses about as much as it did: what is free
//! then are the gaps between what is used. When the use has fallen by a quarter, what is free beyond a *budget* goes back,
//! in the very operation that freed it, for a program that then idles calls nobody. The budget is a quarter of what
//! is in use, and at least 16 MiB.
//!
//! Time shrinks what is kept besides: each purge delay, units that nobody wanted since the one
//! before are first *lent* to the kernel (`MADV_FREE`: touched again, they cost a seventh of
//! a new page), at the next one decommitted.
//!
//! There is no thread for this: claims and releases, of which each moves at least 64 KiB, carry it.
//!
//! In arenas with huge pages whole 2 MiB groups go back first: a group that goes in parts comes back as 4 KiB pages,
//! at four times the price.

use core::ops::ControlFlow;

use super::{Arena, CLAIMED, FREE_DIRTY, HUGE_ASKED, free_dirty, registry};
use crate::bits::UnitBits;
use crate::config::{FIRST_UNIT, HUGE_PAGE_UNITS, KEEP_SHARE, KEEP_UNITS, UNIT_BYTES, UNITS};
use crate::os;
use crate::settings;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// Bytes given back so far.
static PURGED: AtomicUsize = AtomicUsize::new(0);
/// The most units that were in use since memory was last given back because the use fell. A race may lose a
/// maximum; it is found again by the next claim.
static HIGH: AtomicUsize = AtomicUsize::new(0);
/// When the clock was last acted upon, in its milliseconds.
static LAST_LOOK: AtomicU64 = AtomicU64::new(0);

/// Bytes given back to the system so far.
pub fn purged_bytes() -> usize {
    PURGED.load(Ordering::Relaxed)
}

/// Bytes inside used pools that have no backing.
static HOLES: AtomicUsize = AtomicUsize::new(0);

/// Counts `bytes` inside used pools that were decommitted or (negative) are used again.
pub fn note_holes(bytes: isize) {
    HOLES.fetch_add(bytes as usize, Ordering::Relaxed);
}

/// Counts `bytes` that were given back.
pub fn note_purged(bytes: usize) {
    PURGED.fetch_add(bytes, Ordering::Relaxed);
}

/// Bytes inside used pools that have no backing.
pub fn hole_bytes() -> usize {
    HOLES.load(Ordering::Relaxed)
}

/// Unmaps every arena of which no unit is in use.
pub fn retire_all_empty() {
    retire_empty(0);
}

fn budget(in_use: usize) -> usize {
    if settings::purge_delay_ms() == 0 { 0 } else { KEEP_UNITS.max(in_use / KEEP_SHARE) }
}

/// Notes that `in_use` units are in use now.
#[inline]
pub fn note_claimed(in_use: usize) {
    if in_use > HIGH.load(Ordering::Relaxed) {
        HIGH.store(in_use, Ordering::Relaxed);
    }
}

/// Gives back what exceeds the budget, if the use has fallen.
pub fn keep_to_budget() {
    let (in_use, high) = (CLAIMED.load(Ordering::Relaxed), HIGH.load(Ordering::Relaxed));
    let budget = budget(in_use);
    if free_dirty() > budget && (in_use < high / 4 * 3 || budget == 0) {
        HIGH.store(in_use, Ordering::Relaxed);
        shrink_to(budget);
    }
    look_at_clock();
}

/// Gives everything back that is free, and every empty arena.
pub fn purge_all() {
    shrink_to(0);
    retire_empty(0);
}

/// Once in each purge delay: decommits what was lent at the last look, and lends what nobody has
/// wanted since.
#[inline]
pub fn look_at_clock() {
    let now = os::milliseconds();
    let last = LAST_LOOK.load(Ordering::Relaxed);
    if now.wrapping_sub(last) >= settings::purge_delay_ms().max(1) {
        act_on_time(last, now);
    }
}

#[cold]
fn act_on_time(last: u64, now: u64) {
    // Relaxed: one thread wins and does the work; nothing is published.
    if LAST_LOOK.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return;
    }
    let _ = registry::each(|arena, free| {
        if free > 0 {
            age(arena);
        }
        ControlFlow::<()>::Continue(())
    });
}

fn age(arena: Arena) {
    let header = arena.header();
    let dirty = header.free.snapshot().and(&header.dirty.snapshot());
    if dirty == UnitBits::NONE {
        return;
    }
    let recent = header.recent.snapshot();
    let lent = header.lent.snapshot();
    decommit(arena, &dirty.and(&lent).and_not(&recent), usize::MAX);
    for (at, len) in dirty.and_not(&recent).and_not(&lent).runs() {
        // A1: held while the kernel is told, so nobody writes between the two.
        if header.free.claim(at, len) {
            if os::lend(arena.range(at, len)) {
                header.lent.set(at, len);
            }
            header.free.set(at, len);
        }
    }
    for (at, len) in recent.runs() {
        header.recent.take(at, len);
    }
}

/// Decommits until at most `keep` free dirty units are left; the highest arenas first.
#[cold]
fn shrink_to(keep: usize) {
    let over = || free_dirty().saturating_sub(keep);
    for whole_groups in [true, false] {
        let _ = registry::each_back(|arena, free| {
            let excess = over();
            if excess == 0 {
                return ControlFlow::Break(());
            }
            if free > 0 {
                let header = arena.header();
                let free = header.free.snapshot();
                let huge = header.huge.load(Ordering::Relaxed) == HUGE_ASKED;
                let dirty = free.and(&header.dirty.snapshot());
                let chosen = if whole_groups && huge { groups(&free, &dirty) } else { dirty };
                decommit(arena, &chosen, excess);
            }
            ControlFlow::Continue(())
        });
    }
    retire_empty(1);
}

/// The groups of a huge page's size that are free as a whole and dirty somewhere.
fn groups(free: &UnitBits, dirty: &UnitBits) -> UnitBits {
    let mut chosen = UnitBits::NONE;
    for at in (0..UNITS).step_by(HUGE_PAGE_UNITS) {
        let from = at.max(FIRST_UNIT);
        let len = at + HUGE_PAGE_UNITS - from;
        let mut group = UnitBits::NONE;
        group.insert_run(from, len);
        if free.and(&group) == group && dirty.and(&group) != UnitBits::NONE {
            chosen.insert_run(from, len);
        }
    }
    chosen
}

/// Decommits `chosen` free units, whole runs at a time, until at least `limit` dirty ones are gone.
fn decommit(arena: Arena, chosen: &UnitBits, limit: usize) {
    let header = arena.header();
    let mut gone = 0;
    for (at, len) in chosen.runs() {
        if gone >= limit {
            return;
        }
        // A1: somebody who claims one of these units meanwhile has a better use for it.
        if !header.free.claim(at, len) {
            continue;
        }
        let dirty = header.dirty.take(at, len);
        let n = dirty.count();
        if os::decommit(arena.range(at, len)) {
            FREE_DIRTY.fetch_sub(n, Ordering::Relaxed);
            note_purged(n * UNIT_BYTES);
            header.lent.take(at, len);
            header.recent.take(at, len);
            gone += n;
        } else {
            for (at, len) in dirty.runs() {
                header.dirty.set(at, len);
            }
        }
        header.free.set(at, len);
    }
}

/// Unmaps arenas of which no unit is in use, but for `keep` of them.
fn retire_empty(keep: usize) {
    let mut kept = 0;
    let _ = registry::each(|arena, free| {
        let all = arena.units();
        if all > 0 && free as usize == all {
            kept += 1;
            if kept > keep {
                retire(arena, all);
            }
        }
        ControlFlow::<()>::Continue(())
    });
}

fn retire(arena: Arena, all: usize) {
    let header = arena.header();
    if !header.free.claim(FIRST_UNIT, all) {
        return;
    }
    if arena.units() != all {
        // It was unmapped and woken with another size since it was met: those are not all of its units.
        header.free.set(FIRST_UNIT, all);
        return;
    }
    let dirty = header.dirty.take(FIRST_UNIT, all);
    let n = dirty.count();
    if registry::retire(arena) {
        FREE_DIRTY.fetch_sub(n, Ordering::Relaxed);
        note_purged(n * UNIT_BYTES);
    } else {
        for (at, len) in dirty.runs() {
            header.dirty.set(at, len);
        }
        registry::adjust_free(header.row.load(Ordering::Relaxed), all as i32);
        header.free.set(FIRST_UNIT, all);
    }
}
