//! What people are shown of the heap (skeleton: field names are final).
/// Number of size classes.
pub const CLASSES: usize = 81;
/// One size class.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassStats { /// bytes of a block
 pub block_size: usize, /// pools of this class
 pub pools: usize, /// blocks in use
 pub blocks_used: usize, /// blocks free
 pub blocks_free: usize }
/// A snapshot of the whole process.
#[derive(Clone, Copy, Debug)]
pub struct HeapStats {
 /// arenas mapped
 pub arenas: usize, /// pools claimed
 pub pools: usize, /// heaps made so far (threads alive at the same time, at most)
 pub heaps: usize, /// live blocks, large ones included
 pub live_blocks: usize, /// bytes of live blocks
 pub live_bytes: usize, /// large runs and mappings alive
 pub large: usize, /// bytes of these
 pub large_bytes: usize, /// bytes that have backing, as far as neap knows
 pub committed_bytes: usize, /// address space reserved
 pub reserved_bytes: usize, /// the most `committed_bytes` ever was
 pub peak_bytes: usize, /// bytes of descriptors, bitmaps, heaps
 pub metadata_bytes: usize, /// bytes given back to the system so far
 pub purged_bytes: usize, /// allocations so far (reuse inside a magazine is not seen)
 pub allocations: u64, /// frees so far (likewise)
 pub frees: u64,
 pub(crate) classes: [ClassStats; CLASSES] }
impl HeapStats {
    pub(crate) fn empty() -> Self { HeapStats { arenas:0,pools:0,heaps:0,live_blocks:0,live_bytes:0,large:0,large_bytes:0,committed_bytes:0,reserved_bytes:0,peak_bytes:0,metadata_bytes:0,purged_bytes:0,allocations:0,frees:0,classes:[ClassStats::default();CLASSES] } }
    /// One row per size class, smallest first.
    pub fn classes(&self) -> &[ClassStats] { &self.classes }
    /// JSON: the fields above as members of the same names, and `classes` as an array of objects.
    pub fn to_json(&self) -> String { String::from("{}") }
}
impl core::fmt::Display for HeapStats { fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result { write!(f, "heap") } }
/// What `walk` visits, in this order: an arena, then each of its pools, after each pool its live blocks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Item {
    /// An arena: address of its first byte, bytes reserved.
    Arena { /// address
        address: usize, /// bytes
        bytes: usize },
    /// A pool.
    Pool { /// address
        address: usize, /// bytes
        bytes: usize, /// bytes of a block
        block_size: usize, /// blocks in use
        used: usize, /// blocks in all
        blocks: usize },
    /// A live block of the pool visited last.
    Block { /// address
        address: usize, /// bytes
        bytes: usize },
    /// A large run or a mapping of its own (of the whole process).
    Large { /// address
        address: usize, /// bytes
        bytes: usize },
}
