//! `walk`: arenas, pools and blocks, one after the other, as the visitor wants to see them.
//!
//! Before it starts, the calling thread's magazines are flushed, what others have freed is drained, and every abandoned
//! pool is adopted. From then on all pools that are looked into are this thread's own, so their free maps are exact, and the
//! visitor may allocate and free: each pool's map is copied before its blocks are named.

use super::thread::Content;
use super::{Heap, abandon, drain, flush, mapping, thread};
use crate::arena::Arena;
use crate::config::{FIRST_UNIT, MAX_BLOCKS};
use crate::pool::{PoolRef, SizeClass, Tag};
use crate::settings::Options;

/// What [`walk`] comes by, in this order: an arena, in it a pool, its blocks in use, the next pool or large run, …;
/// at the end the mappings beside the arenas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// An arena.
    Arena {
        /// Its first byte.
        address: usize,
        /// Bytes reserved.
        bytes: usize,
    },
    /// A pool.
    Pool {
        /// Its first byte.
        address: usize,
        /// Bytes, the rest behind the last block counted in.
        bytes: usize,
        /// Bytes of a block.
        block_size: usize,
        /// Blocks in use.
        used: usize,
        /// Blocks in all.
        blocks: usize,
    },
    /// A block in use, of the pool before.
    Block {
        /// Its first byte.
        address: usize,
        /// Bytes.
        bytes: usize,
    },
    /// A large run or a mapping of its own, whichever thread made it.
    Large {
        /// Its first byte.
        address: usize,
        /// Bytes.
        bytes: usize,
    },
}

/// Visits arenas → pools → blocks in use: of the calling thread's heap and of heaps that no thread owns.
///
/// Pools of other running threads are left out; large runs are of the whole process. The visitor may allocate and free;
/// whether it then meets what it made is left open. Pools of ended threads belong to the calling thread's heap
/// afterwards. Costs about 2 ns per block.
///
/// ```
/// use neap::heap::Item;
/// let mut bytes = 0;
/// neap::heap::walk(|item| {
///     if let Item::Block { bytes: n, .. } = item {
///         bytes += n;
///     }
/// });
/// println!("{bytes} bytes in blocks");
/// ```
pub fn walk(mut visitor: impl FnMut(Item)) {
    let objects = thread::attached(Content::Objects);
    if let Some(objects) = objects {
        flush::flush_all(objects);
        drain::drain_inbox(objects);
    }
    let id = thread::with_heap(Content::Raw, Options::NONE, |heap| {
        flush::flush_all(heap);
        drain::drain_inbox(heap);
        thread::settle_parked();
        abandon::adopt_everything(heap);
        heap.id()
    });
    // SAFETY: that is a heap; whether it is still attached is asked for each pool.
    let Some(heap) = id.map(|id| unsafe { Heap::from_id(id) }) else { return };
    Arena::each(|arena| {
        visitor(Item::Arena { address: arena.base(), bytes: arena.bytes() });
        let mut index = FIRST_UNIT;
        while index < arena.end() {
            // SAFETY: a unit of a registered arena, behind its metadata.
            let pool = unsafe { PoolRef::from_id(arena.unit(index)) };
            index += match pool.tag() {
                Tag::Nothing => 1,
                Tag::Large => {
                    let address = pool.id().address();
                    visitor(Item::Large { address, bytes: pool.bytes() });
                    pool.run().max(1)
                }
                Tag::Pool(class) => {
                    for heap in [Some(heap), objects].into_iter().flatten() {
                        walk_pool(heap, pool, class, &mut visitor);
                    }
                    class.units()
                }
            };
        }
    });
    mapping::each(|block| visitor(Item::Large { address: block.at, bytes: block.len }));
}

fn walk_pool(heap: &Heap, pool: PoolRef, class: SizeClass, visitor: &mut impl FnMut(Item)) {
    let mut attached = Content::ALL.into_iter().filter_map(thread::attached).map(Heap::id);
    let attached = attached.any(|id| id == heap.id());
    let Some(own) = attached.then(|| pool.owned_by(heap.id())).flatten() else { return };
    let mut out = [0u64; MAX_BLOCKS / 64];
    let used = own.copy_out(class, &mut out);
    visitor(Item::Pool {
        address: pool.id().address(),
        bytes: pool.bytes(),
        block_size: class.block_size(),
        used,
        blocks: class.blocks(),
    });
    for (w, mut bits) in out.into_iter().enumerate() {
        while bits != 0 {
            let i = w * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            let address = pool.id().address() + i * class.block_size();
            visitor(Item::Block { address, bytes: class.block_size() });
        }
    }
}
