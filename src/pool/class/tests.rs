//! C1, C2 and C3, for every request and every offset there is.

use super::*;

fn class_for(size: usize, align: usize) -> Option<SizeClass> {
    SizeClass::for_layout(Layout::from_size_align(size, align).unwrap())
}

/// What a request is rounded up to before its class is looked for.
fn rounded_up(size: usize, align: usize) -> usize {
    if align > 8 { size.next_multiple_of(align) } else { size }
}

fn alignments() -> impl Iterator<Item = usize> {
    (0..=16).map(|shift| 1 << shift)
}

#[test]
fn every_request_fits_its_block_and_wastes_little() {
    for align in alignments() {
        let mut last = 0;
        for size in 1..=MEDIUM_MAX {
            let class = class_for(size, align).unwrap();
            let (block, asked) = (class.block_size(), rounded_up(size, align));
            assert!(block >= size && block.is_multiple_of(align), "{size} {align}: {block}");
            // C1, of the request that it was rounded up to.
            let waste = block - asked;
            assert!(
                if asked >= 128 { waste * 8 <= block } else { waste < 16 },
                "{size} {align}: {block}"
            );
            // The smallest that will do, and never a smaller one for a larger request.
            assert!(
                class.index() == 0 || size_of_class(class.index() - 1) < asked.max(1),
                "{size} {align}"
            );
            assert!(block >= last);
            last = block;
        }
    }
}

#[test]
fn requests_beyond_the_last_class_are_large() {
    for align in alignments() {
        assert!(class_for(MEDIUM_MAX, align).is_some());
        assert_eq!(class_for(MEDIUM_MAX + 1, align), None);
    }
    assert_eq!(class_for(1, 2 * MEDIUM_MAX), None);
    assert_eq!(class_for(MEDIUM_MAX - 1, 2 * MEDIUM_MAX), None);
    assert_eq!(class_for(isize::MAX as usize, 1), None);
}

/// The table for the fast paths says what the computation does, as far as it goes.
#[test]
fn what_is_looked_up_is_what_is_computed() {
    for align in alignments() {
        for size in 0..=MEDIUM_MAX {
            let layout = Layout::from_size_align(size, align).unwrap();
            let expected =
                SizeClass::for_layout(layout).filter(|_| rounded_up(size, align) <= TABLE_MAX);
            assert_eq!(SizeClass::looked_up(layout), expected, "{size} {align}");
        }
    }
}

#[test]
fn sizes_rise_from_class_to_class() {
    let sizes: Vec<_> = SizeClass::all().map(SizeClass::block_size).collect();
    assert_eq!(sizes.len(), CLASSES);
    assert!(sizes.is_sorted_by(|a, b| a < b));
    assert_eq!((sizes[0], sizes[CLASSES - 1]), (8, MEDIUM_MAX));
    for (i, class) in SizeClass::all().enumerate() {
        assert_eq!(class.index(), i);
        assert_eq!(SizeClass::from_index(i), Some(class));
        assert_eq!(class_for(class.block_size(), 1), Some(class));
        assert_eq!(class.is_small(), class.block_size() <= SMALL_MAX);
    }
    assert_eq!(SizeClass::from_index(CLASSES), None);
}

/// C3: each offset of a pool belongs to the block that a division says.
#[test]
fn every_offset_finds_its_block() {
    for class in SizeClass::all() {
        let (size, blocks) = (class.block_size(), class.blocks());
        let bytes = class.units() * UNIT_BYTES;
        assert!(blocks * size <= bytes && blocks <= MAX_BLOCKS);
        assert!(class.index() == 0 || (blocks + 1) * size > bytes, "room for one more");
        for index in 0..bytes.div_ceil(size) {
            let start = index * size;
            assert_eq!(class.index_of(start), (index, index < blocks), "{size} at {start}");
            for offset in start + 1..(start + size).min(bytes) {
                assert_eq!(class.index_of(offset), (index, false), "{size} at {offset}");
            }
        }
    }
}

#[test]
fn maps_and_magazines_have_room() {
    let mut slots = 0;
    for class in SizeClass::all() {
        assert!(class.words() * 64 >= class.blocks() && class.words() * 64 < class.blocks() + 64);
        assert_eq!(class.is_inline(), class.blocks() <= INLINE_BLOCKS);
        assert!((MAGAZINE_MIN..=MAGAZINE_MAX).contains(&class.magazine()));
        assert!(
            class.magazine() == MAGAZINE_MIN
                || class.magazine() * class.block_size() <= MAGAZINE_BYTES
        );
        assert_eq!(class.first_slot(), slots, "slots of no other class, and none wasted");
        slots += class.magazine();
    }
    assert_eq!(slots, SLOTS);
}

#[test]
fn a_pool_begins_at_a_multiple_of_its_size() {
    for class in SizeClass::all() {
        let bytes = class.units() * UNIT_BYTES;
        let base = 0x7f00_0000_0000;
        for offset in [0, 1, class.block_size(), bytes / 2, bytes - 1] {
            assert_eq!(class.pool_at(base + offset), base);
        }
        assert_eq!(class.pool_at(base + bytes), base + bytes);
    }
}
