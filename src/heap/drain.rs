//! What other threads have freed: taken in at each slow path, before anything else is looked at.

use super::Heap;
use crate::misuse::{self, Misuse};
use crate::os;
use crate::pool::{OwnedPool, PoolLinks, PoolRef, SizeClass};

/// Takes in what others have freed into this heap's pools.
#[inline]
pub fn drain_inbox(heap: &Heap) {
    if !heap.shared.inbox.looks_empty() {
        drain_inbox_slow(heap);
    }
}

#[inline(never)]
fn drain_inbox_slow(heap: &Heap) {
    heap.shared.inbox.take_all(&PoolLinks, |id| {
        // SAFETY: only pools are put on inboxes.
        let pool = unsafe { PoolRef::from_id(id) };
        // R4: a pool on this heap's inbox is this heap's.
        let Some(pool) = pool.owned_by(heap.id()) else { os::abort() };
        let class = pool.class();
        if drain(heap, pool, class) {
            heap.shared.inbox.push(&PoolLinks, id);
        }
        heap.returned(pool, class);
    });
}

/// Merges a pool's remote frees; true when it must be announced again. Its list is the caller's to mend.
pub fn drain(heap: &Heap, pool: OwnedPool, class: SizeClass) -> bool {
    let (n, more) = pool.drain(class).unwrap_or_else(|index| {
        let address = pool.as_ref().id().address() + index * class.block_size();
        misuse::abort(Misuse::DoubleFree, address, class.block_size())
    });
    heap.free_bytes.set(heap.free_bytes.get() + n * class.block_size());
    more
}
