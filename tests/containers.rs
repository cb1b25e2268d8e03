//! Collections that are given `Neap` as their allocator, through the traits of `allocator-api2`:
//! `hashbrown` and `bumpalo` hold what they hold with any other allocator, in neap's memory.

mod common;

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use bumpalo::Bump;
use common::{KIB, MIB, Rng};
use hashbrown::{HashMap, HashSet};
use neap::heap::owns;
use neap::{Configured, Neap};
use std::ptr::NonNull;

// The program's own allocator is the system's, so that what is in neap is there by choice.

type Words<A> = HashMap<String, Vec<u32>, hashbrown::DefaultHashBuilder, A>;

/// Random words, where each is seen again and again.
fn words(count: usize) -> impl Iterator<Item = (u32, String)> {
    let mut rng = Rng(95);
    (0..count).map(move |i| (i as u32, format!("word {}", rng.below(count / 5))))
}

/// Puts words into a map, takes some out, and says what is left, in order.
fn index<A: Allocator>(map: &mut Words<A>) -> Vec<(String, Vec<u32>)> {
    for (i, word) in words(50_000) {
        map.entry(word).or_default().push(i);
    }
    map.retain(|_, places| places.len() % 3 != 0);
    map.shrink_to_fit();
    let mut left: Vec<_> =
        map.iter().map(|(word, places)| (word.clone(), places.clone())).collect();
    left.sort_unstable();
    left
}

#[test]
fn a_map_of_hashbrown() {
    let mut neap: Words<Neap> = HashMap::new_in(Neap::new());
    let mut system: Words<Global> = HashMap::new_in(Global);
    let (ours, theirs) = (index(&mut neap), index(&mut system));
    assert!(ours.len() > 1000);
    assert!(ours == theirs, "the maps hold the same");
    let (_, value) = neap.iter().next().expect("an entry");
    assert!(owns((&raw const *value).cast()), "the table lies in neap");
}

#[test]
fn a_map_in_a_neap_with_options() {
    let mut neap: Words<Configured> = HashMap::new_in(Neap::new().purge_delay_ms(100));
    let mut system: Words<Global> = HashMap::new_in(Global);
    assert!(index(&mut neap) == index(&mut system), "the maps hold the same");
    let (_, value) = neap.iter().next().expect("an entry");
    assert!(owns((&raw const *value).cast()), "the table lies in neap");
}

#[test]
fn a_set_of_hashbrown_grows_and_shrinks() {
    let mut set: HashSet<u64, _, Neap> = HashSet::new_in(Neap::new());
    let mut rng = Rng(96);
    let mut model = std::collections::BTreeSet::new();
    for round in 0..20 {
        for _ in 0..10_000 {
            let number = rng.next() % 40_000;
            if round % 2 == 0 {
                assert_eq!(set.insert(number), model.insert(number));
            } else {
                assert_eq!(set.remove(&number), model.remove(&number));
            }
        }
        set.shrink_to_fit();
        assert_eq!(set.len(), model.len());
        assert!(model.iter().all(|number| set.contains(number)));
    }
}

#[test]
fn a_vector_of_bumpalo() {
    let mut rng = Rng(97);
    let mut bump = Bump::new();
    for _ in 0..5 {
        {
            let texts: Vec<&mut str> = (0..2000)
                .map(|i| bump.alloc_str(&format!("{i} {}", "x".repeat(rng.below(500)))))
                .collect();
            for (i, text) in texts.iter().enumerate() {
                assert!(text.starts_with(&format!("{i} x")) || text.len() < 6);
            }
        }
        bump.reset();
    }
    // A vector of `allocator-api2` in the bump arena, and a table of hashbrown in it as well.
    let mut vector = allocator_api2::vec::Vec::new_in(&bump);
    let mut map = HashMap::<u64, u64, hashbrown::DefaultHashBuilder, &Bump>::new_in(&bump);
    for i in 0..20_000_u64 {
        vector.push(i * i);
        map.insert(i, i * 3);
    }
    assert!(vector.iter().copied().eq((0..20_000).map(|i| i * i)));
    assert!((0..20_000).all(|i| map[&i] == i * 3));
}

#[test]
fn a_vector_and_a_box_in_neap() {
    let mut vector = allocator_api2::vec::Vec::new_in(Neap::new());
    for i in 0..300_000_u32 {
        vector.push(i);
        if i % 70_000 == 0 {
            vector.shrink_to_fit();
        }
    }
    assert!(vector.iter().copied().eq(0..300_000));
    assert!(owns(vector.as_ptr().cast()));
    let boxed = allocator_api2::boxed::Box::new_in([7_u64; 1000], Neap::new());
    assert!(owns(boxed.as_ptr().cast()));
    assert!(boxed.iter().all(|item| *item == 7));
    // Freed by another thread.
    std::thread::spawn(move || drop((vector, boxed))).join().expect("the thread");
}

/// The bytes of a block that was allocated or zeroed as `bytes`.
fn fill(block: NonNull<[u8]>, from: usize, value: u8) {
    // SAFETY: the block is live, has all these bytes, and nobody else uses it.
    let bytes = unsafe { &mut *block.as_ptr() };
    bytes[from..].fill(value);
}

fn assert_filled(block: NonNull<[u8]>, length: usize, value: u8) {
    // SAFETY: the block is live, has all these bytes, and nobody else uses it.
    let bytes = unsafe { block.as_ref() };
    assert!(bytes[..length].iter().all(|byte| *byte == value));
}

#[test]
fn blocks_of_the_trait() {
    let neap = Neap::new();
    for align in [1, 64, 4 * KIB, 2 * MIB] {
        for size in [1, 100, 5000, 100_000, 3 * MIB, 20 * MIB] {
            let layout = |size| Layout::from_size_align(size, align).expect("a layout");
            let block = neap.allocate_zeroed(layout(size)).expect("memory");
            assert!(block.len() >= size && block.cast::<u8>().addr().get().is_multiple_of(align));
            assert_filled(block, block.len(), 0);
            fill(block, 0, 7);
            let old_length = block.len();
            // SAFETY: the block is live, and this layout fits it.
            let grown =
                unsafe { neap.grow_zeroed(block.cast(), layout(size), layout(size * 2 + 1)) };
            let block = grown.expect("memory");
            assert_filled(block, size, 7);
            // SAFETY: the block is live and nobody else uses it.
            let bytes = unsafe { block.as_ref() };
            // Between the request and the length that came back, either may be.
            assert!(bytes.iter().skip(old_length).all(|byte| *byte == 0));
            // SAFETY: the block is live, and this layout fits it.
            let shrunk = unsafe { neap.shrink(block.cast(), layout(size * 2 + 1), layout(size)) };
            let block = shrunk.expect("less memory");
            assert_filled(block, size, 7);
            // SAFETY: the block is live, and this layout fits it.
            unsafe { neap.deallocate(block.cast(), layout(size)) };
        }
    }
}

#[test]
fn an_alignment_may_change() {
    let neap = Neap::new();
    let layout = |size, align| Layout::from_size_align(size, align).expect("a layout");
    let block = neap.allocate(layout(1000, 8)).expect("memory");
    fill(block, 0, 9);
    // SAFETY: the block is live, and this layout fits it.
    let block = unsafe { neap.grow(block.cast(), layout(1000, 8), layout(1001, 64 * KIB)) };
    let block = block.expect("memory");
    assert!(block.cast::<u8>().addr().get().is_multiple_of(64 * KIB));
    assert_filled(block, 1000, 9);
    // SAFETY: the block is live, and this layout fits it.
    let block = unsafe { neap.shrink(block.cast(), layout(1001, 64 * KIB), layout(900, 2 * MIB)) };
    let block = block.expect("memory");
    assert!(block.cast::<u8>().addr().get().is_multiple_of(2 * MIB));
    assert_filled(block, 900, 9);
    // SAFETY: the block is live, and this layout fits it.
    unsafe { neap.deallocate(block.cast(), layout(900, 2 * MIB)) };
}

#[test]
fn no_bytes_at_all() {
    let neap = Neap::new();
    for align in [1, 8, 64, 4 * KIB] {
        let none = Layout::from_size_align(0, align).expect("a layout");
        let some = Layout::from_size_align(100, align).expect("a layout");
        let block = neap.allocate(none).expect("a block without bytes");
        assert!(block.cast::<u8>().addr().get().is_multiple_of(align));
        // SAFETY: the block came from `allocate` with this layout.
        let block = unsafe { neap.grow(block.cast(), none, some) }.expect("memory");
        fill(block, 0, 5);
        // SAFETY: the block is live, and this layout fits it.
        let block = unsafe { neap.shrink(block.cast(), some, none) }.expect("less memory");
        // SAFETY: the block came from `shrink` with this layout.
        unsafe { neap.deallocate(block.cast(), none) };
    }
}

#[test]
fn what_cannot_exist_is_an_error() {
    let neap = Neap::new();
    let layout = Layout::from_size_align(isize::MAX as usize - 4095, 4096).expect("a layout");
    assert_eq!(neap.allocate(layout), Err(AllocError));
    assert_eq!(neap.allocate_zeroed(layout), Err(AllocError));
    let small = Layout::from_size_align(100, 4096).expect("a layout");
    let block = neap.allocate(small).expect("memory");
    fill(block, 0, 3);
    // SAFETY: the block is live, and this layout fits it.
    let grown = unsafe { neap.grow(block.cast(), small, layout) };
    assert_eq!(grown, Err(AllocError));
    assert_filled(block, 100, 3);
    // SAFETY: the block is live still, and this layout fits it.
    unsafe { neap.deallocate(block.cast(), small) };
}
