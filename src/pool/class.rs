//! `SizeClass`: from a request to the size of the block that serves it.
//!
//! ```text
//!   class   0   1   2  …  16   17   18  …  24   25  …   48    49  …    80
//!   bytes   8  16  32  …  256  288  320 …  512  576 …  4096  4608  … 65536
//!               steps of 16    eight steps to each doubling
//! ```
//!
//! - **C1**: a block is at least the request, and from 128 bytes on wastes at most an eighth of
//!   itself; below that at most 15 bytes.
//! - **C2**: a request rounded up to its alignment gets a block whose size is a multiple of that
//!   alignment, so every block of a pool is aligned as soon as the pool is. (Proof: a class size in
//!   `(8·2ᵏ, 16·2ᵏ]` is the request rounded up to a multiple of `2ᵏ`. If the alignment is at least `2ᵏ`
//!   the request is such a multiple already and the class has its very size; otherwise the
//!   alignment divides `2ᵏ`, which divides the class size.)
//! - **C3**: `index_of` divides exactly for every offset in a pool.
//!
//! The tables are made and the three statements checked at compile time, at the end of the file.

use core::alloc::Layout;

use crate::config::{
    INLINE_BLOCKS, MAGAZINE_BYTES, MAGAZINE_MAX, MAGAZINE_MIN, MAX_BLOCKS, MEDIUM_MAX,
    MEDIUM_UNITS, SMALL_MAX, TINY_POOL_BYTES, UNIT_BYTES,
};

/// How many size classes there are.
pub const CLASSES: usize = 81;

/// An index below [`CLASSES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct SizeClass(u8);

impl SizeClass {
    /// The class that serves `layout`, or `None` when the request is large.
    pub const fn for_layout(layout: Layout) -> Option<Self> {
        let size = rounded(layout);
        if size <= TABLE_MAX {
            Some(SizeClass(SMALL_TABLE[size.div_ceil(8)]))
        } else if size <= MEDIUM_MAX {
            Some(SizeClass(computed(size)))
        } else {
            None
        }
    }

    /// The class that serves `layout`, when it is among those that are looked up (up to 1 KiB). For the fast paths,
    /// inlined everywhere: with a constant layout nothing of it is left, and otherwise it is short.
    #[inline(always)]
    pub const fn looked_up(layout: Layout) -> Option<Self> {
        let size = rounded(layout);
        if size <= TABLE_MAX { Some(SizeClass(SMALL_TABLE[size.div_ceil(8)])) } else { None }
    }

    /// The class with this index, if there is one.
    pub const fn from_index(index: usize) -> Option<Self> {
        if index < CLASSES { Some(SizeClass(index as u8)) } else { None }
    }

    /// Every class, smallest first.
    pub fn all() -> impl Iterator<Item = SizeClass> {
        (0..CLASSES as u8).map(SizeClass)
    }

    /// Its index.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Bytes of a block.
    #[inline(always)]
    pub const fn block_size(self) -> usize {
        TABLE[self.index()].size as usize
    }

    /// Blocks of a pool.
    #[inline(always)]
    pub const fn blocks(self) -> usize {
        TABLE[self.index()].blocks as usize
    }

    /// Units of a pool; a pool is aligned to as many.
    #[inline(always)]
    pub const fn units(self) -> usize {
        if self.is_small() { 1 } else { MEDIUM_UNITS }
    }

    /// Where the pool begins that a block of this class at `address` lies in.
    #[inline(always)]
    pub const fn pool_at(self, address: usize) -> usize {
        address & !(self.units() * UNIT_BYTES - 1)
    }

    /// Whether blocks are at most [`SMALL_MAX`] bytes.
    #[inline(always)]
    pub const fn is_small(self) -> bool {
        self.index() <= class_of(SMALL_MAX) as usize
    }

    /// Whether the bitmaps of a pool fit its descriptor.
    #[inline(always)]
    pub const fn is_inline(self) -> bool {
        self.blocks() <= INLINE_BLOCKS
    }

    /// Whether a pool's blocks take all but an eighth of its units: not those of the smallest class.
    pub const fn fills_units(self) -> bool {
        self.blocks() * self.block_size() >= self.units() * UNIT_BYTES / 8 * 7
    }

    /// Words of a pool's bitmap.
    #[inline(always)]
    pub const fn words(self) -> usize {
        self.blocks().div_ceil(64)
    }

    /// Most blocks of a magazine.
    #[inline(always)]
    pub const fn magazine(self) -> usize {
        TABLE[self.index()].magazine as usize
    }

    /// Where this class's slots begin among those of all magazines.
    #[inline(always)]
    pub const fn first_slot(self) -> usize {
        TABLE[self.index()].first_slot as usize
    }

    /// The block that the byte at `offset` of a pool lies in, and whether the offset is its start.
    #[inline(always)]
    pub const fn index_of(self, offset: usize) -> (usize, bool) {
        let row = &TABLE[self.index()];
        let product = offset as u64 * row.reciprocal;
        let index = (product >> RECIPROCAL_SHIFT) as usize;
        // C3: each byte behind the start adds as much as the reciprocal to the fraction, all the error before it adds less.
        let fraction = product & ((1 << RECIPROCAL_SHIFT) - 1);
        (index, fraction < row.reciprocal && index < row.blocks as usize)
    }
}

/// The size of a request, rounded up to its alignment where that matters (C2). A `Layout` promises that this does
/// not overflow.
#[inline(always)]
const fn rounded(layout: Layout) -> usize {
    let (size, align) = (layout.size(), layout.align());
    if align > 8 {
        unlikely();
        (size + (align - 1)) & !(align - 1)
    } else {
        size
    }
}

/// Marks the branch that calls it as the unlikely one.
#[cold]
const fn unlikely() {}

/// Slots of all magazines together.
pub const SLOTS: usize = {
    let last = &TABLE[CLASSES - 1];
    last.first_slot as usize + last.magazine as usize
};

struct Row {
    /// `⌈2^RECIPROCAL_SHIFT / size⌉`.
    reciprocal: u64,
    size: u32,
    blocks: u16,
    magazine: u16,
    first_slot: u32,
}

const RECIPROCAL_SHIFT: u32 = 40;

/// Requests up to here are looked up, those above are computed.
const TABLE_MAX: usize = 1024;

static SMALL_TABLE: [u8; TABLE_MAX / 8 + 1] = {
    let mut table = [0; TABLE_MAX / 8 + 1];
    let mut i = 0;
    while i < table.len() {
        table[i] = class_of(i * 8);
        i += 1;
    }
    table
};

static TABLE: [Row; CLASSES] = {
    let mut table =
        [const { Row { reciprocal: 0, size: 0, blocks: 0, magazine: 0, first_slot: 0 } }; CLASSES];
    let (mut i, mut slot) = (0, 0);
    while i < CLASSES {
        let size = size_of_class(i);
        let bytes = if i == 0 {
            TINY_POOL_BYTES
        } else if size <= SMALL_MAX {
            UNIT_BYTES
        } else {
            MEDIUM_UNITS * UNIT_BYTES
        };
        let mut magazine = MAGAZINE_BYTES / size;
        if magazine > MAGAZINE_MAX {
            magazine = MAGAZINE_MAX;
        }
        if magazine < MAGAZINE_MIN {
            magazine = MAGAZINE_MIN;
        }
        table[i] = Row {
            reciprocal: (1u64 << RECIPROCAL_SHIFT).div_ceil(size as u64),
            size: size as u32,
            blocks: (bytes / size) as u16,
            magazine: magazine as u16,
            first_slot: slot,
        };
        slot += magazine as u32;
        i += 1;
    }
    table
};

const fn size_of_class(index: usize) -> usize {
    match index {
        0 => 8,
        1..=16 => 16 * index,
        _ => (9 + (index - 17) % 8) << (5 + (index - 17) / 8),
    }
}

const fn class_of(size: usize) -> u8 {
    match size {
        0..=8 => 0,
        9..=256 => size.div_ceil(16) as u8,
        _ => computed(size),
    }
}

/// The class of a request above 256 bytes.
#[inline(always)]
const fn computed(size: usize) -> u8 {
    let last = size - 1;
    let shift = last.ilog2() - 3;
    (17 + (shift - 5) * 8 + ((last >> shift) as u32 - 8)) as u8
}

// C1, C2 for the powers of two, C3; and that the table of small requests agrees.
const _: () = {
    assert!(size_of_class(CLASSES - 1) == MEDIUM_MAX);
    let mut size = 1;
    while size <= MEDIUM_MAX {
        let class = class_of(size) as usize;
        let block = size_of_class(class);
        assert!(block >= size && (class == 0 || size_of_class(class - 1) < size));
        assert!(if size >= 113 { (block - size) * 8 <= block } else { block - size < 16 });
        let align = 1 << size.trailing_zeros();
        assert!(block.is_multiple_of(align) || align <= 8);
        size += if size < 2048 { 1 } else { 37 };
    }
    let mut class = 0;
    while class < CLASSES {
        let row = &TABLE[class];
        assert!(row.blocks as usize <= MAX_BLOCKS);
        let limit =
            if (row.size as usize) <= SMALL_MAX { UNIT_BYTES } else { MEDIUM_UNITS * UNIT_BYTES };
        // C3: `offset · e < 2^40` for the error `e` of the reciprocal makes the division exact.
        let error = row.reciprocal * row.size as u64 - (1 << RECIPROCAL_SHIFT);
        assert!(error * (limit as u64) < 1 << RECIPROCAL_SHIFT);
        // And the error that the blocks before it add to a start's fraction stays below what one byte adds.
        assert!(error * (row.blocks as u64) < row.reciprocal);
        class += 1;
    }
};

#[cfg(all(test, not(neap_loom)))]
mod tests;
