//! Freed by another thread: mark, announce, drain; and how a pool changes hands.
//!
//! One atomic word of each pool says who owns it and how many blocks others have freed into it:
//!
//! ```text
//!  63                    32 31                    0
//!  ┌───────────────────────┬───────────────────────┐
//!  │ owner                 │ pending: blocks freed │   owner: 0 no pool, 1 unlisted, 2 listed (both
//!  │                       │ remotely, not drained │          abandoned), else the UnitId of a heap
//!  └───────────────────────┴───────────────────────┘
//! ```
//!
//! **Mark.** A thread that frees `n` blocks of a foreign pool adds `n` to *pending*, then sets their
//! bits in the remote map. If pending was 0 it is the one to *announce* the pool: on its owner's inbox, or, if it
//! is abandoned and on no list, on the stack of abandoned pools. It does so last, so that who is told finds the bits.
//! **Drain.** The owner takes the bits and subtracts as many from pending. What is left was
//! added by threads that have not set their bits yet, so the owner announces the pool to itself once more.
//!
//! - **R1**: pending > 0 ⇔ the pool is on one list, or the thread that raised it from 0 is about to
//!   put it there, or its owner is draining it. (A *listed* pool is on the abandoned stack whatever pending.)
//! - **R2**: pending ≥ bits set in the remote map: count first, then mark. So no free is ever forgotten.
//! - **R3**: a pool is released only when all its blocks are in the free map, where a marker's get by a drain, and nobody
//!   drains before the pool was announced (R1). So the last touch of who announces is to announce, that of another
//!   marker the setting of its last bit, and nobody touches a pool that was released.
//!   (A block that is freed twice breaks this; a pool that is empty with frees pending is how that shows: `Heap::release`.)
//! - **R4**: owner changes only while pending is 0 (abandon), or from abandoned to the one who
//!   took it off its list, or by exchange from *unlisted with nothing pending* (adopt). So who reads
//!   an owner in the same operation that raised pending from 0 may announce to that owner.
//!
//! Which test of `tests/loom.rs` fails when one of them is broken (each was tried):
//!
//! | without | fails |
//! |---|---|
//! | R1: announcing again what a drain left | `released_pool_is_not_touched` |
//! | R2: the count before the bits | `remote_free_is_never_forgotten` |
//! | R3: announcing by one marker alone, who raised from 0 | `released_pool_is_not_touched` |
//! | R4: pending looked at by `abandon`; by `adopt_unlisted` | `abandon_against_mark`; `take_over_against_mark` |
//! | Acquire in `raise`; Release in `lower` | `a_drained_pool_is_announced_again` |
//! | Release in `abandon`; Acquire in `adopt_unlisted` | `abandon_against_mark` |
//! | Release in `adopt` | `an_adopted_pool_is_announced` |

use crate::bits::{FreeMap, RemoteMap, by_word, first_of};
use crate::sync::{AtomicU64, Ordering};
use crate::units::UnitId;

/// Who owns a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// There is no pool. The word of an arena that was unmapped is zero (A3), and nobody may take such a "pool" over.
    Nothing,
    /// Nobody, and it is on no list: it was full when its owner ended.
    Unlisted,
    /// Nobody, and it is on the stack of abandoned pools of its class.
    Listed,
    /// This heap.
    Heap(UnitId),
}

const NOTHING: u32 = 0;
const UNLISTED: u32 = 1;
const LISTED: u32 = 2;

impl Owner {
    const fn raw(self) -> u32 {
        match self {
            Owner::Nothing => NOTHING,
            Owner::Unlisted => UNLISTED,
            Owner::Listed => LISTED,
            Owner::Heap(id) => id.get(),
        }
    }

    const fn of(word: u64) -> Owner {
        match UnitId::new((word >> 32) as u32) {
            None => Owner::Nothing,
            Some(id) => match id.get() {
                UNLISTED => Owner::Unlisted,
                LISTED => Owner::Listed,
                _ => Owner::Heap(id),
            },
        }
    }
}

const fn word(owner: Owner, pending: u32) -> u64 {
    (owner.raw() as u64) << 32 | pending as u64
}

/// What a marker has to do when it has set its bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Announce {
    /// Nothing: the pool is on a list, or somebody else is putting it there.
    No,
    /// Put it on this heap's inbox.
    To(UnitId),
    /// Put it on the stack of abandoned pools of its class.
    Abandoned,
}

/// The word that owner and markers share.
#[derive(Debug)]
pub struct Shared(AtomicU64);

impl Shared {
    /// A pool of `owner` with nothing pending.
    #[cfg(neap_loom)]
    pub fn new(owner: Owner) -> Self {
        Shared(AtomicU64::new(word(owner, 0)))
    }

    /// Makes it a pool of `owner` with nothing pending; the caller has just claimed it.
    pub fn reset(&self, owner: Owner) {
        // Relaxed: nobody else knows of the pool before its first block is handed to another thread.
        self.0.store(word(owner, 0), Ordering::Relaxed);
    }

    /// Whether `heap` owns the pool. Exact for the heap's own thread: nobody else makes it owner,
    /// and nobody else takes the pool from it.
    #[inline(always)]
    pub fn is_owned_by(&self, heap: UnitId) -> bool {
        self.0.load(Ordering::Relaxed) >> 32 == u64::from(heap.get())
    }

    /// Owner and pending count at some time.
    pub fn peek(&self) -> (Owner, u32) {
        let seen = self.0.load(Ordering::Relaxed);
        (Owner::of(seen), seen as u32)
    }

    /// Says that the caller is about to mark `n` blocks, which keeps the pool alive and in its owner's
    /// hands until they are marked (R3, R4).
    pub fn raise(&self, n: u32) -> Announce {
        // ORDERING: Acquire: when the owner read here ended and another one took the pool, its link
        // field is free for us to use (S1); pairs with the Release in `abandon`, `adopt` and `lower`.
        let before = self.0.fetch_add(u64::from(n), Ordering::Acquire);
        if before as u32 != 0 {
            return Announce::No;
        }
        match Owner::of(before) {
            Owner::Heap(id) => Announce::To(id),
            Owner::Unlisted => Announce::Abandoned,
            Owner::Listed | Owner::Nothing => Announce::No,
        }
    }

    /// Takes `n` drained blocks off the count; true when more are on their way, and the owner, who
    /// calls this, must put the pool on its inbox again (R1).
    #[must_use]
    pub fn lower(&self, n: u32) -> bool {
        // ORDERING: Release: the owner is done with the link field; pairs with Acquire in `raise`.
        let before = self.0.fetch_sub(u64::from(n), Ordering::Release);
        before as u32 != n
    }

    /// Gives the pool of `heap` up, to be listed by the caller or not; false when blocks are pending, and
    /// nothing is changed (R4).
    #[must_use]
    pub fn abandon(&self, heap: UnitId, listed: bool) -> bool {
        let to = if listed { Owner::Listed } else { Owner::Unlisted };
        // ORDERING: Release publishes the owner's plain fields and its free map to the adopter;
        // pairs with the Acquire in `adopt_unlisted`, and in `raise` by who will list the pool.
        self.0
            .compare_exchange(
                word(Owner::Heap(heap), 0),
                word(to, 0),
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Makes `heap` owner of a pool that its thread has just taken off the abandoned stack. True
    /// when blocks are pending: the caller must drain.
    #[must_use]
    pub fn adopt(&self, heap: UnitId) -> bool {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let new = word(Owner::Heap(heap), seen as u32);
            // ORDERING: Release: our thread is done with the link that said what was below the pool on
            // the stack; pairs with the Acquire in `raise` (S1). What the last owner and the markers
            // wrote came with the pool, when it was popped.
            match self.0.compare_exchange_weak(seen, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return seen as u32 != 0,
                Err(now) => seen = now,
            }
        }
    }

    /// Makes `heap` owner of an abandoned pool that is on no list, if it is one and nobody is
    /// about to list it.
    #[must_use]
    pub fn adopt_unlisted(&self, heap: UnitId) -> bool {
        // ORDERING: Acquire pairs with the Release in `abandon`.
        self.0
            .compare_exchange(
                word(Owner::Unlisted, 0),
                word(Owner::Heap(heap), 0),
                Ordering::Acquire,
                Ordering::Relaxed,
            )
            .is_ok()
    }
}

/// Frees the blocks `indices` of a pool that another heap owns, or nobody; `announce` puts the pool on a list. When a
/// block was free already, its index is the error.
pub fn free(
    shared: &Shared,
    map: RemoteMap<'_>,
    indices: impl ExactSizeIterator<Item = usize>,
    announce: impl FnOnce(Announce),
) -> Result<(), usize> {
    // R2: count, then mark.
    let what = shared.raise(indices.len() as u32);
    let mut result = Ok(());
    by_word(indices, |w, bits, twice| result = result.and(first_of(w, map.mark(w, bits) | twice)));
    announce(what);
    result
}

/// What a drain found.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    /// Blocks that came into the free map.
    pub blocks: usize,
    /// The first word of the map that changed; any number behind it when none did.
    pub lowest: usize,
    /// More are on their way: the owner must put the pool on its inbox again (R1).
    pub more: bool,
}

/// Merges what others have freed into the owner's free map. When a block was free already, its index is the error.
pub fn drain(shared: &Shared, remote: RemoteMap<'_>, free: FreeMap<'_>) -> Result<Drained, usize> {
    let mut result = Ok(());
    let mut lowest = usize::MAX;
    let n = remote.take(|w, bits| {
        lowest = lowest.min(w);
        result = result.and(first_of(w, free.insert_word(w, bits)));
    });
    result?;
    Ok(Drained { blocks: n as usize, lowest, more: shared.lower(n) })
}
