//! What people are shown: `HeapStats`, as a table and as JSON.
//!
//! Nothing is counted on the fast paths. What is in use is read off the pools when somebody asks: the blocks of all pools
//! less the free ones. Blocks in magazines are out of their pools; those of the calling thread are subtracted, those
//! of other running threads count as in use (at most 64 KiB and 256 blocks a class and thread, or 2 blocks).

use core::fmt::{self, Write};

use super::thread::Content;
use super::{chunk, large, thread};
use crate::arena::{self, Arena};
use crate::config::FIRST_UNIT;
use crate::line::Line;
use crate::os::{self, Range};
use crate::pool::{CLASSES, PoolRef, SizeClass, Tag};
use crate::sync::Ordering;

/// One size class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// Bytes of a block.
    pub block_size: usize,
    /// Pools of this class.
    pub pools: usize,
    /// Blocks in use.
    pub blocks_used: usize,
    /// Blocks free, in pools and in the calling thread's magazine.
    pub blocks_free: usize,
}

/// The heap of the whole process at one time.
///
/// Exact while no other thread allocates; otherwise each figure is a recent one, and what waits in the
/// magazines of other running threads counts as live.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HeapStats {
    /// Arenas mapped.
    pub arenas: usize,
    /// Pools claimed.
    pub pools: usize,
    /// Heaps made so far: the most threads that used the allocator at the same time.
    pub heaps: usize,
    /// Live blocks, large ones counted in.
    pub live_blocks: usize,
    /// Bytes of live blocks (block sizes, not requests), large ones counted in.
    pub live_bytes: usize,
    /// Large runs and mappings alive.
    pub large: usize,
    /// Bytes of these.
    pub large_bytes: usize,
    /// Bytes that may have backing: pools, runs, mappings, and free memory that is kept. The kernel backs
    /// what was touched of it, so resident memory is at most this (but for huge pages, which it backs whole, and memory
    /// that the program has locked).
    pub committed_bytes: usize,
    /// Bytes of address space.
    pub reserved_bytes: usize,
    /// The most that `committed_bytes` ever was.
    pub peak_bytes: usize,
    /// Bytes of descriptors, bitmaps and heaps that have backing.
    pub metadata_bytes: usize,
    /// Bytes given back to the system so far.
    pub purged_bytes: usize,
    /// Blocks that left the pools so far, large ones counted in: in batches, for a magazine. A block that goes back
    /// and forth between a magazine and its user counts once. Never falls.
    pub allocations: u64,
    /// Blocks that came back to the pools so far; counted in the same way.
    pub frees: u64,
    classes: [ClassStats; CLASSES],
}

impl HeapStats {
    /// One row for each size class, smallest first.
    ///
    /// ```
    /// let stats = neap::heap::stats();
    /// assert_eq!(stats.classes()[1].block_size, 16);
    /// ```
    pub fn classes(&self) -> &[ClassStats] {
        &self.classes
    }

    /// As JSON: the fields as members of their names, and `classes` as an array of objects.
    ///
    /// ```
    /// assert!(neap::heap::stats().to_json().starts_with("{\"arenas\":"));
    /// ```
    pub fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (name, value) in self.figures() {
            // Writing to a `String` does not fail.
            let _ = write!(json, "\"{name}\":{value},");
        }
        json.push_str("\"classes\":[");
        for (i, class) in self.classes.iter().enumerate() {
            let ClassStats { block_size, pools, blocks_used, blocks_free } = class;
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(
                json,
                "{comma}{{\"block_size\":{block_size},\"pools\":{pools},\
                 \"blocks_used\":{blocks_used},\"blocks_free\":{blocks_free}}}"
            );
        }
        json.push_str("]}");
        json
    }

    fn figures(&self) -> [(&'static str, u64); 14] {
        [
            ("arenas", self.arenas as u64),
            ("pools", self.pools as u64),
            ("heaps", self.heaps as u64),
            ("live_blocks", self.live_blocks as u64),
            ("live_bytes", self.live_bytes as u64),
            ("large", self.large as u64),
            ("large_bytes", self.large_bytes as u64),
            ("committed_bytes", self.committed_bytes as u64),
            ("reserved_bytes", self.reserved_bytes as u64),
            ("peak_bytes", self.peak_bytes as u64),
            ("metadata_bytes", self.metadata_bytes as u64),
            ("purged_bytes", self.purged_bytes as u64),
            ("allocations", self.allocations),
            ("frees", self.frees),
        ]
    }
}

/// A number of bytes as people read it.
struct Human(usize);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line::<24>::new();
        match self.0 {
            n if n < 10 << 10 => write!(line, "{n} B"),
            // Whole numbers: printing a `f64` would bring 30 KiB of code into every program.
            n if n < 10 << 20 => write!(line, "{}.{} KiB", n >> 10, ((n & 0x3ff) * 10) >> 10),
            n => write!(line, "{}.{} MiB", n >> 20, ((n & 0xf_ffff) * 10) >> 20),
        }?;
        f.pad(line.as_str())
    }
}

impl fmt::Display for HeapStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HeapStats { arenas, pools, heaps, large, .. } = self;
        writeln!(f, "neap: arenas {arenas}, pools {pools}, heaps {heaps}")?;
        let rows = [
            ("live", self.live_bytes),
            ("committed", self.committed_bytes),
            ("peak committed", self.peak_bytes),
            ("reserved addresses", self.reserved_bytes),
            ("metadata", self.metadata_bytes),
            ("given back so far", self.purged_bytes),
        ];
        for (name, bytes) in rows {
            writeln!(f, "  {name:<20}{:>12}", Human(bytes))?;
        }
        writeln!(f, "  {:<20}{:>12}", "live blocks", self.live_blocks)?;
        writeln!(f, "  {:<20}{:>12}", "blocks handed out", self.allocations)?;
        writeln!(f, "  {:<20}{:>12}", "blocks taken back", self.frees)?;
        writeln!(f, "  {:<20}{large:>12}   {}", "large", Human(self.large_bytes))?;
        writeln!(
            f,
            "  {:>10} {:>8} {:>12} {:>12} {:>6}",
            "block", "pools", "in use", "free", "full"
        )?;
        for class in self.classes.iter().filter(|class| class.pools > 0) {
            let ClassStats { block_size, pools, blocks_used, blocks_free } = class;
            let percent = blocks_used * 100 / (blocks_used + blocks_free).max(1);
            let size = Human(*block_size);
            writeln!(
                f,
                "  {size:>10} {pools:>8} {blocks_used:>12} {blocks_free:>12} {percent:>5}%"
            )?;
        }
        Ok(())
    }
}

/// What the heap of the whole process looks like now.
///
/// Reads every pool's descriptor: about 1 ms per GiB in use. Allocates nothing.
///
/// ```
/// let before = neap::heap::stats();
/// println!("{before}");
/// assert!(before.live_bytes <= before.committed_bytes);
/// ```
pub fn stats() -> HeapStats {
    let mut stats = HeapStats {
        arenas: 0,
        pools: 0,
        heaps: chunk::heaps(),
        live_blocks: 0,
        live_bytes: 0,
        large: 0,
        large_bytes: 0,
        committed_bytes: arena::committed_bytes(),
        reserved_bytes: arena::reserved_bytes(),
        peak_bytes: arena::peak_bytes(),
        metadata_bytes: arena::metadata_bytes(),
        purged_bytes: arena::purged_bytes(),
        allocations: 0,
        frees: 0,
        classes: [ClassStats::default(); CLASSES],
    };
    for class in SizeClass::all() {
        stats.classes[class.index()].block_size = class.block_size();
    }
    Arena::each(|arena| {
        stats.arenas += 1;
        count_pools(arena, &mut stats.classes);
    });
    chunk::each_heap(|heap| {
        stats.allocations += heap.shared.handed_out.load(Ordering::Relaxed);
        stats.frees += heap.shared.taken_back.load(Ordering::Relaxed);
        let range = Range { at: heap.id().address(), len: crate::config::HEAP_BYTES };
        stats.metadata_bytes += os::resident(range);
    });
    subtract_own_magazines(&mut stats);
    for class in &stats.classes {
        stats.pools += class.pools;
        stats.live_blocks += class.blocks_used;
        stats.live_bytes += class.blocks_used * class.block_size;
    }
    let (made, freed, bytes) = large::accounts();
    stats.large = made.saturating_sub(freed);
    stats.large_bytes = bytes;
    stats.live_blocks += stats.large;
    stats.live_bytes += bytes;
    stats.allocations += made as u64;
    stats.frees += freed as u64;
    stats
}

fn count_pools(arena: Arena, classes: &mut [ClassStats; CLASSES]) {
    let mut index = FIRST_UNIT;
    while index < arena.end() {
        // SAFETY: a unit of a registered arena, behind its metadata.
        let pool = unsafe { PoolRef::from_id(arena.unit(index)) };
        index += match pool.tag() {
            Tag::Nothing => 1,
            Tag::Large => pool.run().max(1),
            Tag::Pool(class) => {
                let row = &mut classes[class.index()];
                let free = pool.free_blocks(class).min(class.blocks());
                row.pools += 1;
                row.blocks_free += free;
                row.blocks_used += class.blocks() - free;
                class.units()
            }
        };
    }
}

fn subtract_own_magazines(stats: &mut HeapStats) {
    for class in SizeClass::all() {
        let row = &mut stats.classes[class.index()];
        // Between two looks others may have freed: never below zero.
        let at_hand =
            Content::ALL.into_iter().map(|content| thread::front(content).magazine(class).len());
        let n = at_hand.sum::<usize>().min(row.blocks_used);
        row.blocks_used -= n;
        row.blocks_free += n;
    }
}

/// Prints the statistics to stderr, without allocating.
pub fn print() {
    let mut line = Line::<8192>::new();
    // A full buffer cuts the table.
    let _ = write!(line, "{}", stats());
    line.print();
}
