//! A pool of its own for each test, without a heap around it: the owner is a number.

use std::collections::BTreeSet;

use super::*;
use crate::config::{DESCRIPTOR_BYTES, FIRST_UNIT, MAX_BLOCKS};
use crate::misuse::Misuse;
use crate::os::Range;

/// Stands for a heap. Nobody looks for one there.
const OWNER: u32 = 1000;

fn owner() -> UnitId {
    UnitId::new(OWNER).unwrap()
}

fn class_of(size: usize) -> SizeClass {
    SizeClass::all().find(|class| class.block_size() >= size).unwrap()
}

/// A pool, and its class. Ends with an empty pool that goes back to its arena.
struct Subject {
    pool: OwnedPool,
    class: SizeClass,
}

impl Subject {
    fn new(size: usize) -> Self {
        let class = class_of(size);
        let claim = arena::claim(class.units(), class.units(), false).unwrap();
        Subject { pool: PoolRef::make_pool(&claim, class, owner()), class }
    }

    fn base(&self) -> usize {
        self.pool.as_ref().id().address()
    }

    fn address(&self, index: usize) -> usize {
        self.base() + index * self.class.block_size()
    }

    /// Takes up to `n` blocks, and returns their indices in the order in which a magazine would pop them.
    fn take(&self, n: usize) -> Vec<usize> {
        let slots = vec![Cell::new(core::ptr::null_mut()); n];
        let before = self.pool.free_count();
        let got = self.pool.hand_out(self.class, &slots);
        assert_eq!(self.pool.free_count(), before - got);
        self.pool.validate(self.class);
        // From the last slot down; the slots in front stay as they were.
        assert!(slots[..n - got].iter().all(|slot| slot.get().is_null()));
        let index =
            |slot: &Cell<*mut u8>| match self.class.index_of(slot.get().addr() - self.base()) {
                (index, true) => index,
                _ => panic!("{:p} is no block", slot.get()),
            };
        slots[n - got..].iter().rev().map(index).collect()
    }

    fn give(&self, indices: impl IntoIterator<Item = usize>) -> Result<(), usize> {
        let indices: Vec<_> = indices.into_iter().collect();
        let addresses = indices.iter().map(|index| self.address(*index));
        match self.pool.take_back(self.class, addresses) {
            Ok(n) => {
                assert_eq!(n, indices.len());
                self.pool.validate(self.class);
                Ok(())
            }
            Err((misuse, address)) => {
                assert_eq!(misuse, Misuse::DoubleFree);
                Err(self.class.index_of(address - self.base()).0)
            }
        }
    }

    /// Frees as another thread would; what it would have to announce comes back with whether all was well.
    fn free_remotely(&self, indices: &[usize]) -> (Announce, Result<(), usize>) {
        let mut announced = Announce::No;
        let result =
            self.pool.as_ref().free_remotely(self.class, indices.iter().copied(), |announce| {
                announced = announce
            });
        (announced, result)
    }

    fn out(&self) -> BTreeSet<usize> {
        let mut words = [0; MAX_BLOCKS / 64];
        let n = self.pool.copy_out(self.class, &mut words);
        let out: BTreeSet<_> =
            (0..MAX_BLOCKS).filter(|i| words[i / 64] >> (i % 64) & 1 != 0).collect();
        assert_eq!(out.len(), n);
        out
    }

    fn write(&self, index: usize, byte: u8) {
        // SAFETY: the block was handed out to the test, which is one thread.
        unsafe { regain::<u8>(self.address(index)).write_bytes(byte, self.class.block_size()) };
    }

    fn reads_as(&self, index: usize, byte: u8) -> bool {
        // SAFETY: as in `write`; the block is mapped and was written, or holds the kernel's zeroes.
        let bytes = unsafe {
            core::slice::from_raw_parts(regain::<u8>(self.address(index)), self.class.block_size())
        };
        bytes.iter().all(|b| *b == byte)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.pool.is_empty(self.class), "the test has not given everything back");
            self.pool.release(self.class);
        }
    }
}

/// Maps in the descriptor and outside, pools of one unit and of eight, few blocks and many.
const SIZES: [usize; 8] = [8, 16, 48, 128, 1024, 4096, 4608, 65536];

#[test]
fn a_new_pool_has_every_block_once() {
    for size in SIZES {
        let subject = Subject::new(size);
        let (pool, class) = (subject.pool, subject.class);
        assert_eq!(pool.as_ref().tag(), Tag::Pool(class));
        assert_eq!((pool.class(), pool.list()), (class, List::None));
        assert_eq!(pool.as_ref().shared().peek(), (Owner::Heap(owner()), 0));
        assert_eq!(pool.as_ref().bytes(), class.units() * UNIT_BYTES);
        assert!(pool.as_ref().owned_by(owner()).is_some());
        assert!(pool.as_ref().owned_by(UnitId::new(OWNER + 1).unwrap()).is_none());
        assert!(subject.base().is_multiple_of(class.units() * UNIT_BYTES));
        assert!(pool.is_empty(class));
        assert_eq!(subject.take(class.blocks() + 1), (0..class.blocks()).collect::<Vec<_>>());
        assert_eq!((pool.free_count(), pool.is_empty(class)), (0, false));
        assert_eq!(subject.take(1), [0usize; 0]);
        assert_eq!(subject.out().len(), class.blocks());
        subject.give(0..class.blocks()).unwrap();
        assert!(subject.out().is_empty());
    }
}

/// In batches of any size, which end within words and at their borders.
#[test]
fn blocks_come_in_address_order() {
    for size in SIZES {
        for batch in [1, 3, 63, 64, 65, 200] {
            let subject = Subject::new(size);
            let mut taken = Vec::new();
            loop {
                let some = subject.take(batch);
                taken.extend_from_slice(&some);
                if some.len() < batch {
                    break;
                }
            }
            assert_eq!(taken, (0..subject.class.blocks()).collect::<Vec<_>>());
            subject.give(taken).unwrap();
        }
    }
}

#[test]
fn what_comes_back_is_handed_out_again_lowest_first() {
    for size in SIZES {
        let subject = Subject::new(size);
        let blocks = subject.class.blocks();
        subject.take(blocks);
        // Backwards, so each is below what came back before.
        let back: BTreeSet<_> = (0..blocks).filter(|i| i % 7 == 3 || i % 64 == 0).collect();
        for index in back.iter().rev() {
            subject.give([*index]).unwrap();
        }
        assert_eq!(subject.pool.free_count(), back.len());
        assert_eq!(subject.take(blocks), back.iter().copied().collect::<Vec<_>>());
        // All at once, in no order.
        let mut mixed: Vec<_> = (0..blocks).collect();
        mixed.sort_by_key(|i| i.wrapping_mul(0x9e37_79b9) % 4099);
        subject.give(mixed).unwrap();
        assert!(subject.pool.is_empty(subject.class));
    }
}

/// After a double free the accounts are worth nothing, as the process would have ended; nor is the pool.
#[test]
fn a_block_comes_back_once() {
    for size in SIZES {
        let subject = || {
            let subject = Subject::new(size);
            subject.take(subject.class.blocks());
            core::mem::ManuallyDrop::new(subject)
        };
        let never_out = core::mem::ManuallyDrop::new(Subject::new(size));
        assert_eq!(never_out.give([0]), Err(0));
        let (late, at_once) = (subject(), subject());
        let last = late.class.blocks() - 1;
        assert_eq!((late.give([last]), late.give([last])), (Ok(()), Err(last)));
        assert_eq!(at_once.give([1, 2, 1]), Err(1));
    }
}

#[test]
fn a_remote_double_free_is_told() {
    for size in SIZES {
        let subject = || {
            let subject = Subject::new(size);
            subject.take(subject.class.blocks());
            core::mem::ManuallyDrop::new(subject)
        };
        let (by_remote_map, at_once, by_free_map) = (subject(), subject(), subject());
        assert_eq!(by_remote_map.free_remotely(&[1]).1, Ok(()));
        assert_eq!(by_remote_map.free_remotely(&[1]).1, Err(1));
        assert_eq!(at_once.free_remotely(&[0, 0]).1, Err(0));
        by_free_map.give([0]).unwrap();
        assert_eq!(by_free_map.free_remotely(&[0, 1]).1, Ok(()));
        assert_eq!(by_free_map.pool.drain(by_free_map.class), Err(0));
    }
}

#[test]
fn what_others_freed_is_drained() {
    for size in SIZES {
        let subject = Subject::new(size);
        let blocks = subject.class.blocks();
        subject.take(blocks);
        let all: Vec<_> = (0..blocks).collect();
        let (first, rest) = all.split_at(1);
        assert_eq!(subject.free_remotely(first), (Announce::To(owner()), Ok(())));
        assert_eq!(subject.free_remotely(&rest[..rest.len() / 2]), (Announce::No, Ok(())));
        let freed = 1 + rest.len() / 2;
        assert_eq!(subject.pool.free_count(), 0, "nothing is merged before it is drained");
        assert_eq!(subject.pool.as_ref().free_blocks(subject.class), freed);
        assert_eq!(subject.out(), (freed..blocks).collect());
        assert_eq!(subject.pool.as_ref().shared().peek().1 as usize, freed);
        assert!(!subject.pool.abandon(owner()), "frees are pending");
        assert_eq!(subject.pool.drain(subject.class), Ok((freed, false)));
        assert_eq!(subject.pool.drain(subject.class), Ok((0, false)));
        subject.pool.validate(subject.class);
        assert_eq!(subject.pool.free_count(), freed);
        // The next free is announced again.
        let last = subject.free_remotely(&rest[rest.len() / 2..]);
        assert_eq!(last, (Announce::To(owner()), Ok(())));
        assert_eq!(subject.pool.drain(subject.class), Ok((blocks - freed, false)));
        assert_eq!(subject.take(blocks), all);
        subject.give(all).unwrap();
    }
}

/// The owner drains while some of what was counted is marked and some is not: it is told that more is to come.
#[test]
fn a_drain_says_when_more_is_to_come() {
    let subject = Subject::new(48);
    let taken = subject.take(66);
    assert_eq!(taken, (0..66).collect::<Vec<_>>());
    let mut first = None;
    // When the last is asked for, those of the first word of the map are marked.
    let indices = [0, 1, 64, 65].into_iter().inspect(|&i| {
        if i == 65 {
            first = Some(subject.pool.drain(subject.class));
        }
    });
    let mut announced = Announce::No;
    let result =
        subject.pool.as_ref().free_remotely(subject.class, indices, |what| announced = what);
    assert_eq!((announced, result), (Announce::To(owner()), Ok(())));
    assert_eq!(first, Some(Ok((2, true))));
    assert_eq!(subject.pool.drain(subject.class), Ok((2, false)));
    subject.give(2..64).unwrap();
}

/// The descriptor of a unit that holds no pool is all zeroes, and so is every one of an arena that was unmapped: whoever meets
/// it late, having just seen a pool there, does not get it.
#[test]
fn where_no_pool_is_none_is_taken_over() {
    let claim = arena::claim(1, 1, false).unwrap();
    // SAFETY: a claimed unit of an arena.
    let unit = unsafe { PoolRef::from_id(claim.unit) };
    let descriptor: *mut u8 = regain(arena::descriptor_of(claim.unit));
    // SAFETY: the descriptor belongs to who claimed the unit; zeroes are valid for it.
    unsafe { descriptor.write_bytes(0, DESCRIPTOR_BYTES) };
    assert_eq!(unit.shared().peek(), (Owner::Nothing, 0));
    assert!(unit.adopt_unlisted(owner()).is_none());
    assert!(unit.owned_by(owner()).is_none());
    arena::release(claim.unit, 1, 0);
}

#[test]
fn a_pool_changes_hands() {
    let subject = Subject::new(64);
    let (pool, shared) = (subject.pool.as_ref(), subject.pool.as_ref().shared());
    let other = UnitId::new(OWNER + 1).unwrap();
    let taken = subject.take(subject.class.blocks());
    // Full: on no list, and whoever frees into it may take it over.
    assert!(subject.pool.abandon(owner()));
    assert_eq!(shared.peek(), (Owner::Unlisted, 0));
    assert!(pool.owned_by(owner()).is_none());
    assert!(!subject.pool.abandon(owner()), "no longer its own");
    assert!(pool.adopt_unlisted(other).is_some());
    assert!(pool.adopt_unlisted(owner()).is_none());
    assert!(pool.owned_by(other).is_some());
    // Full again, and the first free lists it; then nobody takes it over but off the list.
    assert!(subject.pool.abandon(other));
    assert_eq!(subject.free_remotely(&taken[..1]), (Announce::Abandoned, Ok(())));
    assert_eq!(subject.free_remotely(&taken[1..2]), (Announce::No, Ok(())));
    assert!(pool.adopt_unlisted(other).is_none());
    assert!(pool.adopt(owner()).1, "frees are pending");
    assert_eq!(subject.pool.drain(subject.class), Ok((2, false)));
    // With room: on the list from the start.
    assert!(subject.pool.abandon(owner()));
    assert_eq!(shared.peek(), (Owner::Listed, 0));
    assert_eq!(subject.free_remotely(&taken[2..3]), (Announce::No, Ok(())));
    assert!(pool.adopt(owner()).1);
    assert_eq!(subject.pool.drain(subject.class), Ok((1, false)));
    assert!(subject.pool.abandon(owner()));
    assert!(!pool.adopt(owner()).1);
    subject.give(taken[3..].iter().copied()).unwrap();
}

/// P4: what is said to be zero is, whatever was written into other blocks; and it is no block that is out.
#[test]
fn blocks_known_to_be_zero_are() {
    for size in [4608, 8192, 65536] {
        let subject = Subject::new(size);
        let mut taken = subject.take(3);
        taken.iter().for_each(|&index| subject.write(index, 0xa5));
        // One that was used comes back: it is not among those that are zero.
        subject.give([taken.remove(1)]).unwrap();
        while let Some(address) = subject.pool.hand_out_zero(subject.class) {
            let (index, start) = subject.class.index_of(address - subject.base());
            assert!(start && !taken.contains(&index));
            assert!(subject.reads_as(index, 0));
            subject.write(index, 0x5a);
            taken.push(index);
            subject.pool.validate(subject.class);
            if taken.len().is_multiple_of(3) {
                taken.extend(subject.take(1));
            }
        }
        // Nothing untouched is left, or nothing was known of these units.
        taken.extend(subject.take(subject.class.blocks()));
        taken.sort_unstable();
        assert_eq!(taken, (0..subject.class.blocks()).collect::<Vec<_>>());
        subject.give(taken).unwrap();
    }
}

/// The OS pages that a sweep would decommit, as page numbers.
fn free_pages(subject: &Subject) -> BTreeSet<usize> {
    let page = os::page_size();
    let mut pages = BTreeSet::new();
    subject.pool.free_pages(subject.class, |range| {
        assert!(range.at.is_multiple_of(page) && range.len.is_multiple_of(page) && range.len > 0);
        assert!(range.at >= subject.base());
        assert!(range.end() <= subject.base() + subject.class.units() * UNIT_BYTES);
        for p in (range.at - subject.base()) / page..(range.end() - subject.base()) / page {
            assert!(pages.insert(p), "named twice");
        }
    });
    pages
}

/// Of the pages below the end of the last block that was ever out, those on which none is.
fn pages_without(subject: &Subject, out: &BTreeSet<usize>) -> BTreeSet<usize> {
    let (page, size) = (os::page_size(), subject.class.block_size());
    let whole = subject.class.units() * UNIT_BYTES / page;
    let touched = (subject.class.blocks() * size).div_ceil(page).min(whole);
    let taken: BTreeSet<_> =
        out.iter().flat_map(|i| i * size / page..=((i + 1) * size - 1) / page).collect();
    (0..touched).filter(|p| !taken.contains(p)).collect()
}

/// Pages free up as the blocks on them come back, whatever lies over their borders; each is named once; and
/// the memory of blocks that are out is left alone.
#[test]
fn pages_without_a_block_are_given_back() {
    for size in [8, 16, 48, 112, 1024, 1792, 4096, 4608, 28672, 65536] {
        let subject = Subject::new(size);
        let blocks = subject.class.blocks();
        let mut out: BTreeSet<_> = subject.take(blocks).into_iter().collect();
        out.iter().for_each(|&index| subject.write(index, index as u8));
        assert_eq!(free_pages(&subject), pages_without(&subject, &out), "{size}: all are out");
        let mut gone = BTreeSet::new();
        for step in [5, 3, 2, 1] {
            let run = (blocks / 16).max(1);
            let back: Vec<_> = out
                .iter()
                .copied()
                .filter(|index| (*index / run).is_multiple_of(step) && *index != blocks / 2)
                .collect();
            back.iter().for_each(|index| assert!(out.remove(index)));
            subject.give(back).unwrap();
            let found = free_pages(&subject);
            assert!(found.is_disjoint(&gone), "{size}: asked for twice");
            for p in &found {
                let (at, len) = (subject.base() + p * os::page_size(), os::page_size());
                assert!(os::decommit(Range { at, len }));
            }
            gone.extend(found);
            assert_eq!(gone, pages_without(&subject, &out), "{size}: after step {step}");
            assert!(out.iter().all(|&index| subject.reads_as(index, index as u8)), "{size}");
        }
        assert_eq!(out.len(), 1);
        // Blocks are handed out of the holes again: they are none any more, and can become some again.
        let again = subject.take(blocks);
        again.iter().for_each(|&index| subject.write(index, 1));
        subject.give(again).unwrap();
        assert_eq!(free_pages(&subject), pages_without(&subject, &out), "{size}: once more");
        subject.give(out).unwrap();
    }
}

/// Behind the last block that was ever handed out nothing was touched, so nothing needs to be given back.
#[test]
fn pages_that_nobody_touched_are_left_alone() {
    let subject = Subject::new(16);
    let zero = subject.pool.as_ref().get().untouched.get() == 0;
    let taken = subject.take(10);
    subject.give(taken).unwrap();
    let found = free_pages(&subject);
    // Where the units are not known to be zero, nothing is known of what was touched.
    assert!(!zero || found == BTreeSet::from([0]));
    assert!(free_pages(&subject).is_empty());
}

#[test]
fn an_address_finds_its_block_or_what_is_wrong_with_it() {
    let mut known = PoolRef::NO_ARENA;
    for size in SIZES {
        let subject = Subject::new(size);
        let (class, blocks) = (subject.class, subject.class.blocks());
        for index in [0, 1, blocks / 2, blocks - 1] {
            let found = PoolRef::locate(subject.address(index), class, &mut known).unwrap();
            assert!(found.pool == subject.pool.as_ref() && found.index == index);
            let held = PoolRef::holding(subject.address(index) + size - 1).unwrap();
            assert!(held == subject.pool.as_ref());
        }
        let mut wrong = |address, class| PoolRef::locate(address, class, &mut known).err();
        assert_eq!(wrong(subject.base() + 1, class), Some(Misuse::NotABlockStart));
        let behind = subject.base() + class.units() * UNIT_BYTES - 1;
        assert_eq!(wrong(behind, class), Some(Misuse::NotABlockStart));
        let other = class_of(if size == 16 { 32 } else { 16 });
        assert_eq!(wrong(subject.base(), other), Some(Misuse::WrongLayout));
        if class.units() > 1 {
            assert_eq!(wrong(subject.base() + 5 * UNIT_BYTES, other), Some(Misuse::WrongLayout));
        }
    }
    let here = 0u8;
    let mut wrong = |address| PoolRef::locate(address, class_of(16), &mut known).err();
    assert_eq!(wrong((&raw const here).addr()), Some(Misuse::NotOurs));
    assert_eq!(wrong(0), Some(Misuse::NotOurs));
    assert_eq!(wrong(usize::MAX & !15), Some(Misuse::NotOurs));
}

#[test]
fn metadata_holds_no_blocks() {
    let subject = Subject::new(16);
    let base = arena_base(subject.base());
    let mut known = PoolRef::NO_ARENA;
    for unit in 0..FIRST_UNIT {
        for class in [class_of(8), class_of(16), class_of(65536)] {
            let found = PoolRef::locate(base + unit * UNIT_BYTES, class, &mut known);
            assert!(found.is_err());
        }
        assert!(PoolRef::beginning_at(base + unit * UNIT_BYTES).is_none());
        assert!(PoolRef::holding(base + unit * UNIT_BYTES).is_none());
    }
}

/// Of two that free a run, one is told; its length is what was set last.
#[test]
fn a_large_run_ends_once() {
    let claim = arena::claim(6, 2, false).unwrap();
    // SAFETY: a claim lies behind the metadata of a registered arena.
    let run = unsafe { PoolRef::from_id(claim.unit) };
    let at = |unit| claim.unit.address() + unit * UNIT_BYTES;
    run.make_large(6);
    assert_eq!((run.tag(), run.run(), run.bytes()), (Tag::Large, 6, 6 * UNIT_BYTES));
    assert!(PoolRef::beginning_at(at(0)) == Some(run));
    assert!(PoolRef::beginning_at(at(0) + 1).is_none());
    assert!(PoolRef::holding(at(6) - 1) == Some(run));
    let mut known = PoolRef::NO_ARENA;
    let wrong = PoolRef::locate(at(0), class_of(16), &mut known).err();
    assert_eq!(wrong, Some(Misuse::WrongLayout));
    run.set_run(4);
    arena::release(UnitId::of(at(4)).unwrap(), 2, 2);
    assert!(PoolRef::holding(at(4) - 1) == Some(run));
    assert!(PoolRef::holding(at(4)) != Some(run));
    assert!(run.end_large());
    assert!(!run.end_large());
    assert_eq!(run.tag(), Tag::Nothing);
    assert_eq!(run.bytes(), 0);
    arena::release(claim.unit, 4, 4);
}

/// As pools of a heap are: pushed in front, taken from anywhere.
#[test]
fn pools_go_on_and_off_a_list() {
    let subjects: Vec<_> = (0..4).map(|_| Subject::new(32)).collect();
    let list = PoolList::default();
    let found = || {
        let mut all = Vec::new();
        let mut next = list.first();
        while let Some(pool) = next {
            assert!(all.len() < subjects.len(), "a list without end");
            all.push(subjects.iter().position(|subject| subject.pool == pool).unwrap());
            next = pool.next();
        }
        all
    };
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        assert_eq!(found(), [0usize; 0]);
        for subject in &subjects {
            list.push(subject.pool, List::Used);
            assert_eq!(subject.pool.list(), List::Used);
        }
        let mut expected = vec![3, 2, 1, 0];
        for i in order {
            assert_eq!(found(), expected);
            list.remove(subjects[i].pool);
            assert_eq!(subjects[i].pool.list(), List::None);
            expected.retain(|j| *j != i);
        }
    }
}
