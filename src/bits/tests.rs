//! Every map against a `Vec<bool>` that does the same, with words' borders in the midst of things.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const BITS: usize = UNIT_WORDS * 64;

/// Runs that lie in `0..bits`, short ones and such that touch a word's border more often than others.
fn run_in(bits: usize) -> impl Strategy<Value = (usize, usize)> {
    let anywhere = (0..bits).prop_flat_map(move |at| (Just(at), 1..=bits - at));
    let short = (0..bits - 70).prop_flat_map(|at| (Just(at), 1..=70usize));
    let at_border = (1..bits / 64, 0..3usize, 1..=66usize)
        .prop_map(move |(w, back, len)| (w * 64 - back, len.min(bits - (w * 64 - back))));
    prop_oneof![anywhere, short, at_border]
}

/// Bits of one word: few, many, none, all.
fn word_bits() -> impl Strategy<Value = u64> {
    let two = || (any::<u64>(), any::<u64>());
    prop_oneof![
        any::<u64>(),
        two().prop_map(|(a, b)| a & b),
        (0..64u32).prop_map(|i| 1 << i),
        Just(!0)
    ]
}

fn to_bools(words: &[u64]) -> Vec<bool> {
    (0..words.len() * 64).map(|i| words[i / 64] >> (i % 64) & 1 != 0).collect()
}

fn to_units(model: &[bool]) -> UnitBits {
    let mut bits = UnitBits::NONE;
    (0..BITS).filter(|&i| model[i]).for_each(|i| bits.0[i / 64] |= 1 << (i % 64));
    bits
}

/// Maximal runs of `true`.
fn runs_of(model: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for i in (0..model.len()).filter(|&i| model[i]) {
        match runs.last_mut() {
            Some((at, len)) if *at + *len == i => *len += 1,
            _ => runs.push((i, 1)),
        }
    }
    runs
}

// ------------------------------------------------------------------------------------------------- FreeMap

const FREE_WORDS: usize = 3;

#[derive(Clone, Debug)]
enum FreeOp {
    Fill(usize),
    Remove(usize),
    InsertWord(usize, u64),
    ContainsRun(usize, usize),
}

fn free_op() -> impl Strategy<Value = FreeOp> {
    const N: usize = FREE_WORDS * 64;
    prop_oneof![
        1 => (0..=N).prop_map(FreeOp::Fill),
        4 => (0..N).prop_map(FreeOp::Remove),
        4 => (0..FREE_WORDS, word_bits()).prop_map(|(w, bits)| FreeOp::InsertWord(w, bits)),
        3 => run_in(N).prop_map(|(at, len)| FreeOp::ContainsRun(at, len)),
    ]
}

proptest! {
    #[test]
    fn free_map_does_as_the_model(ops in vec(free_op(), 1..60)) {
        let words = [const { Cell::new(0) }; FREE_WORDS];
        let map = FreeMap::new(&words);
        let mut model = vec![false; FREE_WORDS * 64];
        for op in ops {
            match op {
                FreeOp::Fill(n) => {
                    map.fill(n);
                    model.iter_mut().enumerate().for_each(|(i, set)| *set = i < n);
                }
                FreeOp::Remove(i) => {
                    prop_assert_eq!(map.remove(i), std::mem::replace(&mut model[i], false));
                }
                FreeOp::InsertWord(w, bits) => {
                    let mut already = 0;
                    for i in (0..64).filter(|i| bits >> i & 1 != 0) {
                        already |= u64::from(std::mem::replace(&mut model[w * 64 + i], true)) << i;
                    }
                    prop_assert_eq!(map.insert_word(w, bits), already);
                }
                FreeOp::ContainsRun(at, len) => {
                    prop_assert_eq!(map.contains_run(at, len), model[at..at + len].iter().all(|set| *set));
                }
            }
            prop_assert_eq!(&to_bools(&words.each_ref().map(Cell::get)), &model);
            prop_assert_eq!(map.count(), model.iter().filter(|set| **set).count());
        }
    }
}

// ----------------------------------------------------------------------------------------------- RemoteMap

proptest! {
    #[test]
    fn remote_map_does_as_the_model(
        ops in vec(prop_oneof![4 => (0..3usize, word_bits()).prop_map(Some), 1 => Just(None)], 1..60),
    ) {
        let words = [const { AtomicU64::new(0) }; 3];
        let map = RemoteMap::new(&words);
        let mut model = [0u64; 3];
        for op in ops {
            match op {
                Some((w, bits)) => {
                    prop_assert_eq!(map.mark(w, bits), model[w] & bits);
                    model[w] |= bits;
                    let mut seen = [0; 3];
                    let n = map.peek(|w, bits| seen[w] = bits);
                    prop_assert_eq!(n, model.iter().map(|word| word.count_ones() as usize).sum::<usize>());
                    prop_assert_eq!(seen, model);
                }
                None => {
                    let mut taken = [0; 3];
                    let n = map.take(|w, bits| taken[w] |= bits);
                    prop_assert_eq!(n, model.iter().map(|word| word.count_ones()).sum::<u32>());
                    prop_assert_eq!(taken, std::mem::take(&mut model));
                }
            }
        }
    }
}

// ------------------------------------------------------------------------------------------------ UnitBits

proptest! {
    #[test]
    fn unit_bits_do_as_the_model(
        runs in vec(run_in(BITS), 0..12),
        others in vec(run_in(BITS), 0..12),
        from in 0..BITS,
    ) {
        let (mut bits, mut other) = (UnitBits::NONE, UnitBits::NONE);
        let (mut model, mut other_model) = (vec![false; BITS], vec![false; BITS]);
        for (at, len) in runs {
            bits.insert_run(at, len);
            model[at..at + len].fill(true);
        }
        for (at, len) in others {
            other.insert_run(at, len);
            other_model[at..at + len].fill(true);
        }
        let zip = |f: fn(bool, bool) -> bool| -> Vec<bool> {
            model.iter().zip(&other_model).map(|(a, b)| f(*a, *b)).collect()
        };
        prop_assert_eq!(to_bools(&bits.0), model.clone());
        prop_assert_eq!(bits.and(&other), to_units(&zip(|a, b| a && b)));
        prop_assert_eq!(bits.and_not(&other), to_units(&zip(|a, b| a && !b)));
        prop_assert_eq!(bits.count(), model.iter().filter(|set| **set).count());
        prop_assert_eq!(bits.contains(from), model[from]);
        prop_assert_eq!(bits.next_set(from), (from..BITS).find(|&i| model[i]));
        prop_assert_eq!(bits.next_clear(from), (from..BITS).find(|&i| !model[i]));
        prop_assert_eq!(bits.runs().collect::<Vec<_>>(), runs_of(&model));
    }

    /// Of all places for a run, the first in the shortest run of set bits that has one.
    #[test]
    fn best_run_is_the_shortest_that_fits(
        cleared in vec(run_in(BITS), 0..40),
        len in 1..80usize,
        align in (0..6u32).prop_map(|shift| 1usize << shift),
    ) {
        let mut model = vec![true; BITS];
        cleared.into_iter().filter(|(_, len)| *len < 80).for_each(|(at, len)| model[at..at + len].fill(false));
        let fits = |&(at, n): &(usize, usize)| {
            (at..at + n).find(|start| start % align == 0 && start + len <= at + n).map(|start| (start, n))
        };
        // `min_by_key` gives the first of several that are alike.
        let best = runs_of(&model).iter().filter_map(fits).min_by_key(|(_, n)| *n);
        prop_assert_eq!(to_units(&model).best_run(len, align), best);
    }
}

#[test]
fn runs_end_where_the_map_does() {
    let mut bits = UnitBits::NONE;
    assert_eq!((bits.next_set(0), bits.next_set(BITS), bits.next_clear(BITS)), (None, None, None));
    assert_eq!(bits.runs().next(), None);
    assert_eq!(bits.best_run(1, 1), None);
    bits.insert_run(BITS - 1, 1);
    bits.insert_run(0, 64);
    assert_eq!(bits.runs().collect::<Vec<_>>(), [(0, 64), (BITS - 1, 1)]);
    bits.insert_run(64, BITS - 64);
    assert_eq!(bits.runs().collect::<Vec<_>>(), [(0, BITS)]);
    assert_eq!((bits.next_clear(0), bits.next_set(BITS - 1)), (None, Some(BITS - 1)));
    assert_eq!(bits.best_run(BITS, 1), Some((0, BITS)));
    assert_eq!(bits.best_run(BITS, BITS), Some((0, BITS)));
    assert_eq!(bits.best_run(BITS + 1, 1), None);
}

// ------------------------------------------------------------------------------------------------- UnitMap

#[derive(Clone, Debug)]
enum UnitOp {
    Claim(usize, usize),
    Set(usize, usize),
    Take(usize, usize),
}

fn unit_op() -> impl Strategy<Value = UnitOp> {
    (run_in(BITS), 0..4).prop_map(|((at, len), which)| match which {
        0 => UnitOp::Set(at, len),
        1 => UnitOp::Take(at, len),
        _ => UnitOp::Claim(at, len),
    })
}

proptest! {
    /// A claim that does not get all leaves everything as it was, over several words too.
    #[test]
    fn unit_map_does_as_the_model(ops in vec(unit_op(), 1..40)) {
        let map = UnitMap::new();
        let mut model = vec![false; BITS];
        for op in ops {
            match op {
                UnitOp::Claim(at, len) => {
                    let all = model[at..at + len].iter().all(|set| *set);
                    prop_assert_eq!(map.claim(at, len), all);
                    if all {
                        model[at..at + len].fill(false);
                    }
                }
                UnitOp::Set(at, len) => {
                    map.set(at, len);
                    model[at..at + len].fill(true);
                }
                UnitOp::Take(at, len) => {
                    let mut taken = vec![false; BITS];
                    taken[at..at + len].copy_from_slice(&model[at..at + len]);
                    prop_assert_eq!(map.take(at, len), to_units(&taken));
                    model[at..at + len].fill(false);
                }
            }
            prop_assert_eq!(map.snapshot(), to_units(&model));
        }
    }
}

#[test]
fn a_claim_that_fails_in_its_last_word_gives_the_others_back() {
    let map = UnitMap::new();
    map.set(10, 64 * 3);
    let before = map.snapshot();
    assert!(!map.claim(9, 64), "the first bit is missing");
    assert!(!map.claim(10, 64 * 3 + 1), "the last bit is missing");
    assert_eq!(map.snapshot(), before);
    assert!(map.claim(10, 64 * 3));
    assert_eq!(map.snapshot(), UnitBits::NONE);
}

/// Threads claim overlapping runs, over and over: nobody shares a unit, and none is lost.
#[test]
fn a_unit_has_one_holder_at_a_time() {
    const ROUNDS: usize = 20_000;
    let map = UnitMap::new();
    map.set(0, BITS);
    let held: Vec<_> = (0..BITS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for thread in 1..=3 {
            let (map, held) = (&map, &held);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let at = (round * 37 + thread * 11) % (BITS - 130);
                    let len = 1 + round % 130;
                    if map.claim(at, len) {
                        for unit in &held[at..at + len] {
                            assert_eq!(unit.swap(thread as u64, Ordering::Relaxed), 0);
                        }
                        for unit in &held[at..at + len] {
                            assert_eq!(unit.swap(0, Ordering::Relaxed), thread as u64);
                        }
                        map.set(at, len);
                    }
                }
            });
        }
    });
    assert_eq!(map.snapshot().count(), BITS);
}
