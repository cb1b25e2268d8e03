//! Claims, releases and purges; a kernel that refuses. What depends on which arenas there are
//! runs in a process of its own.

use std::process::Command;
use std::time::Duration;

use super::*;
use crate::config::{HUGE_PAGE_UNITS, UNITS};
use crate::settings::Options;

/// Units of a whole arena that can be claimed.
const WHOLE: usize = UNITS - FIRST_UNIT;

/// Starts a test of this file once more, in a process of its own. True in that process.
fn alone(name: &str, variables: &[(&str, &str)]) -> bool {
    const ALONE: &str = "NEAP_TEST_ALONE";
    if std::env::var_os(ALONE).is_some_and(|value| value == name) {
        return true;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("arena::tests::{name}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, name)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// Some units that the test holds.
struct Held {
    at: UnitId,
    len: usize,
}

impl Held {
    fn claim(len: usize, align: usize) -> Option<Held> {
        claim(len, align, false).map(|claim| Held::check(claim, len, align))
    }

    /// A2: units that are not dirty read as zero. The others have contents now.
    fn check(claim: Claim, len: usize, align: usize) -> Held {
        let held = Held { at: claim.unit, len };
        let first = claim.unit.index();
        assert!(first >= FIRST_UNIT && first + len <= held.arena().end());
        assert!(first.is_multiple_of(align));
        let mut own = UnitBits::NONE;
        own.insert_run(first, len);
        assert_eq!(claim.dirty.and_not(&own), UnitBits::NONE, "not of this claim");
        for i in 0..len {
            assert!(held.arena().is_claimed(first + i));
            if !claim.dirty.contains(first + i) {
                assert!(held.words(i).all(|word| held.read(word) == 0), "A2");
            }
            held.words(i).for_each(|word| held.write(word));
        }
        held
    }

    fn arena(&self) -> Arena {
        Arena::of(self.at.address()).unwrap()
    }

    /// The addresses of a word in each 4 KiB of unit `i`.
    fn words(&self, i: usize) -> impl Iterator<Item = usize> {
        let at = self.at.address() + i * UNIT_BYTES;
        (at..at + UNIT_BYTES).step_by(4096)
    }

    fn read(&self, word: usize) -> usize {
        // SAFETY: the word lies in units that the test holds (A1).
        unsafe { regain::<usize>(word).read() }
    }

    fn write(&self, word: usize) {
        // SAFETY: as in `read`.
        unsafe { regain::<usize>(word).write(word) };
    }

    /// Everything is as `check` left it.
    fn is_intact(&self) -> bool {
        (0..self.len).all(|i| self.words(i).all(|word| self.read(word) == word))
    }

    fn release(self) {
        assert!(self.is_intact());
        release(self.at, self.len, self.len);
    }
}

fn arenas() -> usize {
    let mut n = 0;
    Arena::each(|_| n += 1);
    n
}

fn claimed() -> usize {
    CLAIMED.load(Ordering::Relaxed)
}

#[test]
fn claims_are_aligned_and_apart() {
    let mut all = Vec::new();
    for (len, align) in [(1, 1), (8, 8), (3, 2), (1, 256), (70, 64), (129, 1), (5, 128), (256, 1)] {
        for _ in 0..3 {
            all.push(Held::claim(len, align).unwrap());
        }
    }
    all.sort_by_key(|held| held.at.address());
    for pair in all.windows(2) {
        assert!(pair[0].at.address() + pair[0].len * UNIT_BYTES <= pair[1].at.address());
    }
    all.into_iter().for_each(Held::release);
}

#[test]
fn more_than_an_arena_is_not_to_be_had() {
    for len in [WHOLE + 1, UNITS, 2 * UNITS] {
        assert!(claim(len, 1, false).is_none());
    }
    assert!(claim(1, UNITS, false).is_none());
}

#[test]
fn an_address_leads_to_its_arena() {
    let held = Held::claim(2, 1).unwrap();
    let arena = held.arena();
    assert_eq!(arena.base(), arena_base(held.at.address()));
    assert!(arena.base().is_multiple_of(ARENA_BYTES));
    for address in [arena.base(), held.at.address(), held.at.address() + 2 * UNIT_BYTES - 1] {
        assert_eq!(Arena::of(address), Some(arena));
        assert_eq!(kind_of(address), Kind::Arena);
    }
    assert_eq!(arena.unit(held.at.index()), held.at);
    assert!(
        !arena.is_claimed(0) && !arena.is_claimed(FIRST_UNIT - 1) && !arena.is_claimed(arena.end())
    );
    let here = 0u8;
    for address in [0, (&raw const here).addr(), usize::MAX] {
        assert_eq!(kind_of(address), Kind::Foreign);
        assert_eq!(Arena::of(address), None);
    }
    held.release();
}

/// A run that was cut short grows again in place, and not over units that somebody holds.
#[test]
fn a_run_grows_in_place() {
    if !alone("a_run_grows_in_place", &[]) {
        return;
    }
    let first = Held::claim(2, 1).unwrap();
    let at = |n| UnitId::of(first.at.address() + n * UNIT_BYTES).unwrap();
    assert!(claim_at(at(0), 1).is_none(), "held");
    let rest = Held::check(claim_at(at(2), 3).unwrap(), 3, 1);
    assert!(claim_at(at(4), 2).is_none(), "its first unit is held");
    assert!(claim_at(at(1), 5).is_none());
    let free = first.arena().end() - at(5).index();
    assert!(claim_at(at(5), free + 1).is_none(), "the arena ends before");
    let end = UnitId::of(first.arena().base() + ARENA_BYTES).unwrap();
    assert!(claim_at(end, 1).is_none(), "the metadata of what comes next, if anything");
    let tail = Held::check(claim_at(at(5), free).unwrap(), free, 1);
    [tail, rest, first].into_iter().for_each(Held::release);
    assert_eq!(claimed(), 0);
}

/// What was used before is used again before what would have to be paid for.
#[test]
fn dirty_memory_comes_first() {
    if !alone("dirty_memory_comes_first", &[]) {
        return;
    }
    let (a, b) = (Held::claim(8, 8).unwrap(), Held::claim(3, 1).unwrap());
    let places = [a.at, b.at];
    a.release();
    b.release();
    let b = claim(3, 1, false).unwrap();
    assert_eq!(b.unit, places[1], "the dirty run that it fits best");
    assert_eq!(b.dirty.count(), 3);
    let a = claim(8, 1, false).unwrap();
    assert_eq!((a.unit, a.dirty.count()), (places[0], 8));
    // Dirty memory stays dirty, whether it was written meanwhile or not; clean memory where it was written.
    release(a.unit, 8, 2);
    release(b.unit, 3, 0);
    assert_eq!(free_dirty(), 11);
    assert_eq!(claim_at(places[0], 8).unwrap().dirty.count(), 8);
    purge_all();
    assert_eq!(free_dirty(), 0);
    let b = claim_at(places[1], 3).unwrap();
    assert_eq!(b.dirty, UnitBits::NONE);
    release(b.unit, 3, 1);
    assert_eq!(free_dirty(), 1);
    assert_eq!(claim_at(places[1], 3).unwrap().dirty.count(), 1);
}

/// A gap is claimed where one was, and nowhere else.
#[test]
fn a_gap_is_claimed_as_it_is() {
    if !alone("a_gap_is_claimed_as_it_is", &[]) {
        return;
    }
    let held: Vec<_> = [2, 3, 4, 1].map(|len| Held::claim(len, 1).unwrap()).into();
    let places: Vec<_> = held.iter().map(|held| held.at).collect();
    assert!(places.is_sorted_by_key(|unit| unit.get()));
    let [a, b, c, d]: [Held; 4] = held.try_into().ok().unwrap();
    assert!(claim_gap(places[1], 3, 3).is_none(), "in use");
    b.release();
    assert!(claim_gap(places[1], 2, 2).is_none(), "smaller than the gap");
    assert!(claim_gap(places[1], 4, 4).is_none(), "larger");
    let claim = claim_gap(places[1], 3, 3).unwrap();
    assert_eq!((claim.unit, claim.dirty.count()), (places[1], 3));
    release(places[1], 3, 3);
    c.release();
    assert!(claim_gap(places[1], 3, 3).is_none(), "a part of a larger one by now");
    let part = claim_gap(places[1], 7, 3).unwrap();
    assert_eq!((part.unit, part.dirty.count()), (places[1], 3));
    assert!(claim_gap(places[1], 7, 3).is_none(), "its beginning is in use");
    assert!(claim_gap(places[2], 4, 4).is_some(), "the rest");
    release(places[1], 7, 7);
    purge_all();
    assert!(claim_gap(places[1], 7, 7).is_none(), "not dirty any more");
    a.release();
    d.release();
    // Behind the last unit nothing is.
    let arena = Arena(arena_base(places[0].address()));
    let last = arena.unit(arena.end() - 4);
    let both = claim_at(arena.unit(arena.end() - 5), 5).unwrap();
    release(last, 4, 4);
    assert!(claim_gap(last, 4, 4).is_some());
    release(both.unit, 5, 5);
}

#[test]
fn purged_memory_reads_as_zero() {
    if !alone("purged_memory_reads_as_zero", &[]) {
        return;
    }
    let keeper = Held::claim(1, 1).unwrap();
    let held: Vec<_> = (0..20).map(|i| Held::claim(1 + i % 5, 1).unwrap()).collect();
    let places: Vec<_> = held.iter().map(|held| (held.at, held.len)).collect();
    let units: usize = places.iter().map(|(_, len)| len).sum();
    held.into_iter().for_each(Held::release);
    assert_eq!((claimed(), free_dirty()), (1, units));
    let before = purged_bytes();
    purge_all();
    assert_eq!((claimed(), free_dirty()), (1, 0));
    assert_eq!(purged_bytes() - before, units * UNIT_BYTES);
    for (at, len) in places {
        let claim = claim_at(at, len).unwrap();
        assert_eq!(claim.dirty, UnitBits::NONE);
        Held::check(claim, len, 1).release();
    }
    keeper.release();
}

/// An arena of which nothing is used is unmapped, all but its metadata, and its addresses are the next that are used.
#[test]
fn an_empty_arena_goes_and_comes_back() {
    if !alone("an_empty_arena_goes_and_comes_back", &[]) {
        return;
    }
    for _ in 0..3 {
        let first = Held::claim(WHOLE, 1).unwrap();
        let second = Held::claim(1, 1).unwrap();
        let bases = [first.arena().base(), second.arena().base()];
        assert_ne!(bases[0], bases[1]);
        assert_eq!(arenas(), 2);
        first.release();
        purge_all();
        assert_eq!(arenas(), 1);
        assert_eq!(kind_of(bases[0]), Kind::Foreign);
        assert_eq!(reserved_bytes(), ARENA_BYTES + FIRST_UNIT * UNIT_BYTES);
        assert!(second.is_intact());
        let third = Held::claim(WHOLE, 1).unwrap();
        assert_eq!(third.arena().base(), bases[0]);
        third.release();
        second.release();
        purge_all();
        assert_eq!((arenas(), committed_bytes()), (0, 0));
        assert_eq!(reserved_bytes(), 2 * FIRST_UNIT * UNIT_BYTES);
    }
}

/// With use fallen, what is free goes back at once as far as it exceeds the budget, without anybody asking.
#[test]
fn freed_memory_goes_back_beyond_a_budget() {
    if !alone("freed_memory_goes_back_beyond_a_budget", &[]) {
        return;
    }
    let held: Vec<_> = (0..12).map(|_| Held::claim(256, 1).unwrap()).collect();
    let full = committed_bytes();
    assert_eq!(full, 12 * 256 * UNIT_BYTES);
    held.into_iter().for_each(Held::release);
    assert!(committed_bytes() <= full / 4, "{} of {full}", committed_bytes());
    assert_eq!(peak_bytes(), full);
}

/// Time alone, noticed by whoever claims next, lends and then drops what nobody wants.
#[test]
fn time_takes_what_nobody_wants() {
    if !alone("time_takes_what_nobody_wants", &[("NEAP_PURGE_DELAY_MS", "1")]) {
        return;
    }
    settings::decide(Options::NONE);
    let keeper = Held::claim(1, 1).unwrap();
    for refused in [true, false] {
        Held::claim(100, 1).unwrap().release();
        let before = purged_bytes();
        if refused {
            os::refuse_from(0);
        }
        for _ in 0..40 {
            std::thread::sleep(Duration::from_millis(5));
            // Of the units that are looked at, this claims at most one.
            release(claim(1, 1, false).unwrap().unit, 1, 1);
        }
        os::refuse_none();
        let gone = (purged_bytes() - before) / UNIT_BYTES;
        assert!(if refused { gone == 0 } else { gone >= 99 }, "{gone}");
        Held::claim(100, 1).unwrap().release();
    }
    keeper.release();
}

#[test]
fn huge_pages_are_asked_for_where_memory_will_be_filled() {
    if !alone("huge_pages_are_asked_for_where_memory_will_be_filled", &[("NEAP_THP", "madvise")]) {
        return;
    }
    settings::decide(Options::NONE);
    let sparse = claim(HUGE_PAGE_UNITS, 1, false).unwrap();
    let dense = claim(HUGE_PAGE_UNITS, 1, true).unwrap();
    let [sparse, dense] = [sparse, dense].map(|claim| Arena::of(claim.unit.address()).unwrap());
    assert!(!sparse.is_huge() && dense.is_huge() && sparse != dense);
    // Holes end that for the time being.
    dense.expect_holes();
    sparse.expect_holes();
    assert_eq!(dense.header().huge.load(Ordering::Relaxed), HUGE_REFUSED);
    assert!(!sparse.is_huge());
}

/// Calls `attempt` while every call of the kernel from the `k`-th on is refused, for `k` from 0 on, until none
/// was refused. `check` is called after each attempt, with the kernel willing again.
fn refuse_each_call<T>(mut attempt: impl FnMut() -> T, mut check: impl FnMut(T)) {
    for k in 0.. {
        assert!(k < 10_000, "no end");
        os::refuse_from(k);
        let before = os::calls();
        let result = attempt();
        let made = os::calls() - before;
        os::refuse_none();
        check(result);
        if made <= k {
            return;
        }
    }
}

#[test]
fn a_refused_arena_leaves_no_trace() {
    if !alone("a_refused_arena_leaves_no_trace", &[]) {
        return;
    }
    // The first arena; one more when the first is full; one that was unmapped.
    let mut full = Vec::new();
    for round in 0..3 {
        let mut got = None;
        let (had, reserved) = (arenas(), reserved_bytes());
        refuse_each_call(
            || claim(9, 2, false),
            |claim| match claim {
                Some(claim) => got = Some(Held::check(claim, 9, 2)),
                None => {
                    assert_eq!((arenas(), reserved_bytes()), (had, reserved));
                    assert_eq!((claimed(), free_dirty()), (full.len() * WHOLE, 0));
                }
            },
        );
        assert_eq!(arenas(), had + 1);
        let got = got.expect("in the end nothing was refused");
        let row = got.arena().header().row.load(Ordering::Relaxed);
        assert_eq!(row as usize, had, "rows of the registry that nothing came of");
        got.release();
        purge_all();
        assert_eq!(arenas(), had, "round {round}");
        if round == 0 {
            full.push(Held::claim(WHOLE, 1).unwrap());
        }
    }
    assert!(full.iter().all(Held::is_intact));
}

#[test]
fn a_refused_purge_loses_nothing() {
    if !alone("a_refused_purge_loses_nothing", &[]) {
        return;
    }
    let keeper = Held::claim(1, 1).unwrap();
    let mut most = 0;
    for k in 0.. {
        let held: Vec<_> = (0..6).map(|i| Held::claim(100 + i, 1).unwrap()).collect();
        let (kept, free): (Vec<_>, Vec<_>) =
            held.into_iter().enumerate().partition(|(i, _)| i % 3 == 1);
        free.into_iter().for_each(|(_, held)| held.release());
        os::refuse_from(k);
        let before = os::calls();
        purge_all();
        let made = os::calls() - before;
        os::refuse_none();
        // What was not purged is still counted, can be claimed, and reads as A2 says.
        let units: usize = kept.iter().map(|(_, held)| held.len).sum();
        assert_eq!(claimed(), units + 1);
        let again: Vec<_> = (0..6).map(|i| Held::claim(100 + i, 1).unwrap()).collect();
        again.into_iter().for_each(Held::release);
        kept.into_iter().for_each(|(_, held)| held.release());
        most = most.max(arenas());
        if made <= k {
            break;
        }
    }
    assert!(most <= 5, "{most} arenas for what fits in two");
    purge_all();
    assert_eq!((arenas(), claimed(), free_dirty()), (1, 1, 0));
    keeper.release();
}

/// Threads claim, use and release at random while one of them purges: nobody's memory changes (A1), and what is
/// said to be zero is (A2).
#[test]
fn threads_claim_and_purge() {
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                let mut held: Vec<Held> = Vec::new();
                let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(thread + 1);
                for _ in 0..400 {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let n = (random >> 32) as usize;
                    if held.len() < 12 && n.is_multiple_of(2) {
                        held.extend(Held::claim(1 + n / 2 % 70, 1 << (n / 256 % 5)));
                    } else if !held.is_empty() {
                        let i = n % held.len();
                        held.swap_remove(i).release();
                    }
                    if n.is_multiple_of(31) {
                        purge_all();
                    }
                }
                held.into_iter().for_each(Held::release);
            });
        }
    });
}

/// Arenas go and come back while others look at all of them.
#[test]
fn arenas_are_retired_while_others_look() {
    if !alone("arenas_are_retired_while_others_look", &[]) {
        return;
    }
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let claim = claim(1, 1, false).unwrap();
                    release(claim.unit, 1, 1);
                    purge_all();
                }
            });
        }
    });
    purge_all();
    assert_eq!((arenas(), claimed(), free_dirty()), (0, 0, 0));
}
