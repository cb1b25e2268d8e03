//! Every size and every alignment: blocks are aligned, lie apart, hold what was written to them
//! and can be freed; what cannot exist is refused with null.

mod common;

use common::{Block, MIB, Rng, assert_apart};
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

/// Keeps what `blocks` gives until all are there, then checks them together.
fn hold_and_check(blocks: impl Iterator<Item = Block>) {
    let blocks: Vec<_> = blocks.collect();
    assert_apart(&blocks);
    for block in &blocks {
        block.verify();
    }
}

#[test]
fn every_size_to_8_kib() {
    // Three of each size at a time, so that neighbours of one class are there as well.
    let sizes = (1..=8192).flat_map(|size| [size; 3]);
    hold_and_check(sizes.map(|size| Block::new(size, 1)));
}

#[test]
fn sizes_to_70_000() {
    // Together they are 350 MB, so they are held in groups. The step has no factor in common with
    // the sizes of classes; their edges are looked at besides.
    for group in (8192..70_000).step_by(4096) {
        let steps = (group..group + 4096).step_by(7);
        let edges = (group..group + 4096).step_by(256).flat_map(|edge| [edge - 1, edge, edge + 1]);
        hold_and_check(steps.chain(edges).map(|size| Block::new(size, 8)));
    }
}

#[test]
fn powers_of_two_to_64_mib() {
    for shift in 3..=26 {
        let power = 1_usize << shift;
        hold_and_check([power - 1, power, power + 1].into_iter().map(|size| Block::new(size, 1)));
    }
}

#[test]
fn sizes_of_several_arenas() {
    // Larger than any arena; only the ends are written, or the test would take long.
    for size in [96 * MIB + 1, 300 * MIB, 1024 * MIB] {
        let mut block = Block::try_zeroed(size, 16).expect("memory");
        block.assert_zero(5000);
        for offset in [0, size / 2, size - 1] {
            // SAFETY: `offset` is inside the block.
            let byte = unsafe { block.pointer().add(offset) };
            // SAFETY: as above, and the block is nobody else's.
            unsafe { byte.write(7) };
        }
        assert!(block.resize(100), "smaller is always possible");
    }
}

#[test]
fn every_alignment_to_4_mib() {
    for shift in 0..=22 {
        let align = 1_usize << shift;
        let sizes = [1, align / 2, align - 1, align, align + 1, align * 3 / 2, align * 3];
        let sizes = sizes.into_iter().filter(|size| *size > 0);
        hold_and_check(sizes.flat_map(|size| [size; 3]).map(|size| Block::new(size, align)));
    }
}

#[test]
fn mixed_sizes_and_alignments_together() {
    let mut rng = Rng(1);
    for _ in 0..8 {
        let mut blocks: Vec<_> = (0..1500)
            .map(|_| {
                let size = rng.size(100_000);
                Block::new(size, 1 << rng.below(14))
            })
            .collect();
        assert_apart(&blocks);
        rng.shuffle(&mut blocks);
        // The freed half is what the second batch takes; neither may touch the other half.
        blocks.truncate(750);
        let more = (0..750).map(|_| {
            let size = rng.size(100_000);
            Block::new(size, 1 << rng.below(17))
        });
        blocks.extend(more);
        assert_apart(&blocks);
        blocks.iter().for_each(Block::verify);
    }
}

#[test]
fn zeroed_blocks_are_aligned_too() {
    for shift in 0..=22 {
        let align = 1_usize << shift;
        for size in [1, align, align + 1] {
            let blocks: Vec<_> = (0..3).map(|_| Block::zeroed(size, align)).collect();
            assert_apart(&blocks);
        }
    }
}

#[test]
fn values_of_no_size_need_no_memory() {
    let boxes: Vec<Box<()>> = (0..100).map(|_| Box::new(())).collect();
    let empty: Vec<Vec<u64>> = (0..100).map(|_| Vec::new()).collect();
    let mut shrunk = black_box(vec![1_u64; 100]);
    shrunk.clear();
    shrunk.shrink_to_fit();
    assert_eq!((boxes.len(), empty.len(), shrunk.capacity()), (100, 100, 0));
}

/// Layouts that no address space has room for: as many bytes as there are addresses (2⁴⁸) and more,
/// up to the largest that a `Layout` can say, or an alignment that only the null address has.
fn impossible() -> Vec<Layout> {
    let most = isize::MAX as usize;
    let mut layouts = Vec::new();
    for shift in 0..=22 {
        let align = 1_usize << shift;
        // What rounds up to the alignment must not exceed `isize::MAX`.
        let largest = most + 1 - align;
        for size in [largest, largest - 1, largest - 4095, largest / 2, 1 << 48, (1 << 49) - 1] {
            layouts.push(Layout::from_size_align(size, align).expect("a layout"));
        }
    }
    for shift in 48..=62 {
        let align = 1_usize << shift;
        for size in [1, 4096, most + 1 - align] {
            layouts.push(Layout::from_size_align(size, align).expect("a layout"));
        }
    }
    layouts
}

#[test]
fn what_cannot_exist_is_refused() {
    for layout in impossible() {
        // SAFETY: the size is not 0.
        let start = unsafe { GLOBAL.alloc(layout) };
        assert!(start.is_null(), "{layout:?} was granted at {start:p}");
        // SAFETY: the size is not 0.
        let start = unsafe { GLOBAL.alloc_zeroed(layout) };
        assert!(start.is_null(), "{layout:?}, zeroed, was granted at {start:p}");
    }
    // And nothing is worse for it.
    hold_and_check((1..2000).map(|size| Block::new(size, 16)));
}

#[test]
fn a_refused_resize_leaves_the_block_as_it_was() {
    for layout in impossible() {
        if layout.align() > 4 * MIB {
            continue;
        }
        for size in [24, 5000, 100_000, 3 * MIB, 40 * MIB] {
            // The large ones would take long with every layout.
            if size > 100_000 && layout.align() != 1 && layout.align() != 4 * MIB {
                continue;
            }
            let mut block = Block::new(size, layout.align());
            let address = block.address();
            assert!(!block.resize(layout.size()), "{layout:?} was granted");
            assert_eq!((block.address(), block.size()), (address, size));
        }
    }
}

#[test]
fn a_vector_can_ask_whether_there_is_room() {
    let mut vector: Vec<u8> = vec![1, 2, 3];
    assert!(vector.try_reserve(isize::MAX as usize - 3).is_err());
    assert!(vector.try_reserve(1 << 48).is_err());
    assert!(vector.try_reserve(1000).is_ok());
    assert_eq!(vector, [1, 2, 3]);
}
