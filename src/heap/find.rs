//! Whether a word may be the address of a block of the calling thread's: for those who look through memory.

use super::thread::{self, Content};
use crate::pool::PoolRef;

/// Bytes of the block of the program's that begins at `address`, if the calling thread's heap has one there, in a pool, that is
/// out. (One in a magazine counts as out.)
pub fn block_at(address: usize) -> Option<usize> {
    let heap = thread::attached(Content::Raw)?;
    let (pool, class) = PoolRef::around(address)?;
    let pool = pool.owned_by(heap.id())?;
    let base = class.pool_at(address);
    let (index, is_start) = class.index_of(address - base);
    (is_start && pool.is_out(class, index)).then(|| class.block_size())
}
