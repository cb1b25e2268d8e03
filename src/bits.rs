//! Bitmaps: the owner's plain one, everybody's atomic one, and the one that runs are claimed from.
//!
//! | type | who may touch it | used for |
//! |---|---|---|
//! | [`FreeMap`] | the owner of a pool | blocks that are free |
//! | [`RemoteMap`] | everybody sets, the owner takes | blocks freed by other threads, not yet drained |
//! | [`UnitMap`] | everybody | units of an arena: free, dirty, … |
//!
//! In all of them bit `i % 64` of word `i / 64` stands for thing `i`.
//!
//! Which test of `tests/loom.rs` fails when an ordering or a step is missing (each was tried):
//!
//! | without | fails |
//! |---|---|
//! | Release in [`RemoteMap::mark`]; Acquire in `take` | `mark_publishes_the_block` |
//! | Acquire in [`UnitMap::claim`]; Release in `set`; giving back a part that was claimed | `a_unit_has_one_holder` |

use core::cell::Cell;

use crate::config::UNIT_WORDS;
use crate::sync::{AtomicU64, Ordering};

/// The bits `from..from + len` of one word, `len` ≤ 64, as a mask.
#[inline(always)]
const fn mask(from: usize, len: usize) -> u64 {
    debug_assert!(len > 0 && from + len <= 64);
    (!0 >> (64 - len)) << from
}

/// Calls `f(word, mask)` for each word that the bits `at..at + len` touch, while it returns true.
#[inline]
fn each_word(at: usize, len: usize, mut f: impl FnMut(usize, u64) -> bool) -> bool {
    let (mut at, end) = (at, at + len);
    while at < end {
        let (word, bit) = (at / 64, at % 64);
        let n = (64 - bit).min(end - at);
        if !f(word, mask(bit, n)) {
            return false;
        }
        at += n;
    }
    true
}

/// Gathers indices that follow each other and lie in one word of a map: `each` gets the word, the bits, and those of
/// them that were named more than once.
#[inline(always)]
pub fn by_word(indices: impl Iterator<Item = usize>, mut each: impl FnMut(usize, u64, u64)) {
    let (mut word, mut bits, mut twice) = (0, 0u64, 0u64);
    for index in indices {
        let (w, bit) = (index / 64, 1 << (index % 64));
        if w != word && bits != 0 {
            each(word, bits, twice);
            (bits, twice) = (0, 0);
        }
        word = w;
        twice |= bits & bit;
        bits |= bit;
    }
    if bits != 0 {
        each(word, bits, twice);
    }
}

/// The index of the first of `twice`, the bits of word `w` that were set already, as an error.
#[inline(always)]
pub fn first_of(w: usize, twice: u64) -> Result<(), usize> {
    if twice == 0 { Ok(()) } else { Err(w * 64 + twice.trailing_zeros() as usize) }
}

/// A pool's free blocks. One thread at a time holds it.
#[derive(Clone, Copy)]
pub struct FreeMap<'a> {
    words: &'a [Cell<u64>],
}

impl<'a> FreeMap<'a> {
    /// The map that lies in `words`.
    #[inline(always)]
    pub fn new(words: &'a [Cell<u64>]) -> Self {
        FreeMap { words }
    }

    /// Its words.
    #[inline(always)]
    pub fn words(&self) -> &'a [Cell<u64>] {
        self.words
    }

    /// Sets the first `n` bits and clears the rest.
    pub fn fill(&self, n: usize) {
        for (i, word) in self.words.iter().enumerate() {
            let from = i * 64;
            word.set(if n >= from + 64 {
                !0
            } else if n > from {
                mask(0, n - from)
            } else {
                0
            });
        }
    }

    /// Clears bit `i`; false when it was clear already.
    #[must_use]
    pub fn remove(&self, i: usize) -> bool {
        let word = &self.words[i / 64];
        let (old, bit) = (word.get(), 1 << (i % 64));
        word.set(old & !bit);
        old & bit != 0
    }

    /// Sets all of `bits` in word `w`; returns those of them that were set already.
    #[inline(always)]
    #[must_use]
    pub fn insert_word(&self, w: usize, bits: u64) -> u64 {
        let old = self.words[w].get();
        self.words[w].set(old | bits);
        old & bits
    }

    /// Whether the bits `at..at + len` are all set.
    pub fn contains_run(&self, at: usize, len: usize) -> bool {
        each_word(at, len, |w, mask| self.words[w].get() & mask == mask)
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.get().count_ones() as usize).sum()
    }
}

/// A pool's blocks that other threads have freed.
#[derive(Clone, Copy)]
pub struct RemoteMap<'a> {
    words: &'a [AtomicU64],
}

impl<'a> RemoteMap<'a> {
    /// The map that lies in `words`.
    #[inline(always)]
    pub fn new(words: &'a [AtomicU64]) -> Self {
        RemoteMap { words }
    }

    /// Sets all of `bits` in word `w`; returns those of them that were set already.
    #[inline]
    #[must_use]
    pub fn mark(&self, w: usize, bits: u64) -> u64 {
        // ORDERING: Release publishes what the freeing thread wrote into the blocks, and is its last
        // touch of the pool; pairs with the Acquire in `take`.
        self.words[w].fetch_or(bits, Ordering::Release) & bits
    }

    /// Takes every bit that is set, a word at a time; returns how many there were.
    pub fn take(&self, mut each: impl FnMut(usize, u64)) -> u32 {
        let mut n = 0;
        for (w, word) in self.words.iter().enumerate() {
            // Relaxed: a word that is missed now is found by the next drain (R2 in pool/remote.rs).
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            // ORDERING: Acquire pairs with the Release in `mark`.
            let bits = word.swap(0, Ordering::Acquire);
            n += bits.count_ones();
            each(w, bits);
        }
        n
    }

    /// Looks at the words, and returns how many bits are set; others may be setting more.
    pub fn peek(&self, mut each: impl FnMut(usize, u64)) -> usize {
        let mut n = 0;
        for (w, word) in self.words.iter().enumerate() {
            let bits = word.load(Ordering::Relaxed);
            n += bits.count_ones() as usize;
            each(w, bits);
        }
        n
    }
}

/// A bit for each unit of an arena, by value: what [`UnitMap`] looked like at one time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnitBits(pub [u64; UNIT_WORDS]);

impl UnitBits {
    /// No bit set.
    pub const NONE: UnitBits = UnitBits([0; UNIT_WORDS]);

    /// Bits that are set in both.
    pub fn and(mut self, other: &UnitBits) -> UnitBits {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        self
    }

    /// Bits that are set here and not in `other`.
    pub fn and_not(mut self, other: &UnitBits) -> UnitBits {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= !b);
        self
    }

    /// Sets the bits `at..at + len`.
    pub fn insert_run(&mut self, at: usize, len: usize) {
        each_word(at, len, |w, mask| {
            self.0[w] |= mask;
            true
        });
    }

    /// Whether bit `i` is set.
    pub fn contains(&self, i: usize) -> bool {
        self.0[i / 64] & (1 << (i % 64)) != 0
    }

    /// The last set bit.
    pub fn last_set(&self) -> Option<usize> {
        let w = self.0.iter().rposition(|word| *word != 0)?;
        Some(w * 64 + 63 - self.0[w].leading_zeros() as usize)
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The first set bit at or after `from`.
    pub fn next_set(&self, from: usize) -> Option<usize> {
        self.next(from, |w| w)
    }

    /// The first clear bit at or after `from`.
    pub fn next_clear(&self, from: usize) -> Option<usize> {
        self.next(from, |w| !w)
    }

    fn next(&self, from: usize, view: impl Fn(u64) -> u64) -> Option<usize> {
        let mut w = from / 64;
        if w >= UNIT_WORDS {
            return None;
        }
        let mut bits = view(self.0[w]) & (!0 << (from % 64));
        while bits == 0 {
            w += 1;
            if w == UNIT_WORDS {
                return None;
            }
            bits = view(self.0[w]);
        }
        Some(w * 64 + bits.trailing_zeros() as usize)
    }

    /// Runs of set bits, first to last, as `(at, len)`.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut from = 0;
        core::iter::from_fn(move || {
            let at = self.next_set(from)?;
            let end = self.next_clear(at).unwrap_or(UNIT_WORDS * 64);
            from = end;
            Some((at, end - at))
        })
    }

    /// The bits at which `len` set ones in a row begin.
    fn starts(mut self, len: usize) -> UnitBits {
        // What has `n` set ones from here, and again from `by ≤ n` on, has `n + by`.
        let mut n = 1;
        while n < len {
            let by = n.min(len - n);
            self = self.and(&self.lowered(by));
            n += by;
        }
        self
    }

    /// All bits `by` places lower, those below dropped.
    #[inline]
    fn lowered(&self, by: usize) -> UnitBits {
        let (words, bits) = (by / 64, by % 64);
        let mut lower = self.0;
        if words > 0 {
            lower.copy_within(words.min(UNIT_WORDS).., 0);
            lower[UNIT_WORDS - words.min(UNIT_WORDS)..].fill(0);
        }
        let mut above = 0;
        for word in lower.iter_mut().rev() {
            let here = *word;
            // Two shifts, for one by 64 is none.
            *word = here >> bits | above << (63 - bits) << 1;
            above = here;
        }
        UnitBits(lower)
    }

    /// The shortest run of set bits that has room for `len` of them beginning at a multiple of `align`, as
    /// `(at, len of the run)`; the first of several that are alike. Short runs first keep the long ones whole.
    pub fn best_run(&self, len: usize, align: usize) -> Option<(usize, usize)> {
        let mut best = None;
        // Most runs are too short, and are gone at once. Of the others, all but the last `len - 1` are left.
        for (at, more) in self.starts(len).runs() {
            let start = at.wrapping_add(align - 1) & !(align - 1);
            if start < at + more && best.is_none_or(|(_, m)| more < m) {
                best = Some((start, more));
                if more == 1 {
                    break;
                }
            }
        }
        best.map(|(at, more)| (at, more + len - 1))
    }
}

/// A bit for each unit of an arena, shared.
#[derive(Debug)]
pub struct UnitMap {
    words: [AtomicU64; UNIT_WORDS],
}

impl UnitMap {
    /// No bit set. (An arena's own begin as zeroes, which is the same.)
    #[cfg(any(test, neap_loom))]
    pub fn new() -> Self {
        UnitMap { words: core::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// What it looks like now. Each word is as it was at some time; nothing is claimed by looking.
    pub fn snapshot(&self) -> UnitBits {
        UnitBits(core::array::from_fn(|w| self.words[w].load(Ordering::Relaxed)))
    }

    /// Whether the bits `at..at + len` are all set, as far as can be told by looking.
    pub fn contains_run(&self, at: usize, len: usize) -> bool {
        each_word(at, len, |w, mask| self.words[w].load(Ordering::Relaxed) & mask == mask)
    }

    /// Whether the bit `i` is clear, as far as can be told by looking; bits behind the last are.
    pub fn is_clear(&self, i: usize) -> bool {
        self.words.get(i / 64).is_none_or(|word| word.load(Ordering::Relaxed) >> (i % 64) & 1 == 0)
    }

    /// Clears the bits `at..at + len` when all of them are set: they are then the caller's alone.
    /// Otherwise nothing is changed.
    #[must_use]
    pub fn claim(&self, at: usize, len: usize) -> bool {
        let mut done = 0;
        let all = each_word(at, len, |w, mask| {
            let mut seen = self.words[w].load(Ordering::Relaxed);
            loop {
                if seen & mask != mask {
                    return false;
                }
                // ORDERING: Acquire pairs with the Release in `set`: what the last holder did to
                // the units and their descriptors happened before.
                match self.words[w].compare_exchange_weak(
                    seen,
                    seen & !mask,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break,
                    Err(now) => seen = now,
                }
            }
            done += mask.count_ones() as usize;
            true
        });
        if !all && done > 0 {
            self.set(at, done);
        }
        all
    }

    /// Sets the bits `at..at + len`: gives back what was claimed.
    pub fn set(&self, at: usize, len: usize) {
        each_word(at, len, |w, mask| {
            // ORDERING: Release pairs with the Acquire in `claim`.
            self.words[w].fetch_or(mask, Ordering::Release);
            true
        });
    }

    /// Sets the bits `at..at + len`; without a write where they all are.
    pub fn ensure(&self, at: usize, len: usize) {
        if !self.contains_run(at, len) {
            self.set(at, len);
        }
    }

    /// Those of the bits `at..at + len` that are set.
    pub fn among(&self, at: usize, len: usize) -> UnitBits {
        let mut found = UnitBits::NONE;
        each_word(at, len, |w, mask| {
            found.0[w] = self.words[w].load(Ordering::Relaxed) & mask;
            true
        });
        found
    }

    /// Clears the bits `at..at + len`, which nobody else changes; without a write where none is set.
    pub fn clear(&self, at: usize, len: usize) {
        if self.among(at, len) != UnitBits::NONE {
            self.take(at, len);
        }
    }

    /// Clears the bits `at..at + len` and returns those of them that were set.
    pub fn take(&self, at: usize, len: usize) -> UnitBits {
        let mut taken = UnitBits::NONE;
        each_word(at, len, |w, mask| {
            // Relaxed: the caller holds these units (`claim`); only neighbours in the word race.
            taken.0[w] = self.words[w].fetch_and(!mask, Ordering::Relaxed) & mask;
            true
        });
        taken
    }
}

#[cfg(neap_loom)]
impl Default for UnitMap {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(neap_loom)))]
mod tests;
