//! Values of all shapes: without bytes, strictly aligned, large; and how large the pointers themselves are.

use super::Log;
use neap::rc::{Rc, Weak};
use std::any::Any;
use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};

const WORD: usize = size_of::<usize>();

#[test]
fn a_pointer_is_one_word_and_none_costs_nothing() {
    macro_rules! one_word {
        ($($type:ty),*) => {$(
            assert_eq!([size_of::<Rc<$type>>(), size_of::<Option<Rc<$type>>>()], [WORD; 2]);
            assert_eq!([size_of::<Weak<$type>>(), size_of::<Option<Weak<$type>>>()], [WORD; 2]);
            assert_eq!(align_of::<Rc<$type>>(), WORD);
        )*};
    }
    one_word!((), u8, u64, String, [u64; 1000], Wide64, Rc<u8>, Option<Rc<u8>>);
}

#[test]
fn a_pointer_to_what_has_no_fixed_size_is_two_words() {
    macro_rules! two_words {
        ($($type:ty),*) => {$(
            assert_eq!([size_of::<Rc<$type>>(), size_of::<Option<Rc<$type>>>()], [2 * WORD; 2]);
            assert_eq!([size_of::<Weak<$type>>(), size_of::<Option<Weak<$type>>>()], [2 * WORD; 2]);
        )*};
    }
    two_words!(str, [u8], [Wide64], dyn Any, dyn Display + Send, dyn Fn(u8) -> u8);
    assert_eq!(size_of::<Result<Rc<str>, ()>>(), 2 * WORD);
}

static UNITS_DROPPED: AtomicU32 = AtomicU32::new(0);

/// No bytes, but something to do at the end.
struct Unit;

impl Drop for Unit {
    fn drop(&mut self) {
        UNITS_DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn values_without_bytes_are_objects_too() {
    let (first, second) = (Rc::new(()), Rc::new(()));
    assert!(!Rc::ptr_eq(&first, &second), "each has counts of its own");
    let weak = Rc::downgrade(&first);
    assert_eq!((Rc::weak_count(&first), Rc::weak_count(&second)), (1, 0));
    drop(first);
    assert!(weak.upgrade().is_none());
    // Slices of them, of any length.
    let units: Rc<[()]> = Rc::from(vec![(); usize::MAX / 2]);
    assert_eq!(units.clone().len(), usize::MAX / 2);
    let none: Rc<[u64; 0]> = Rc::new([]);
    let none: Rc<[u64]> = neap::coerce!(none => [u64]);
    assert!(none.is_empty() && none.as_ptr().is_aligned());

    let unit = Rc::new(Unit);
    let other = unit.clone();
    drop(unit);
    assert_eq!(UNITS_DROPPED.load(Ordering::Relaxed), 0);
    drop(other);
    assert_eq!(UNITS_DROPPED.load(Ordering::Relaxed), 1);
    let slice: Rc<[Unit]> = (0..10).map(|_| Unit).collect();
    drop(Rc::downgrade(&slice));
    drop(slice);
    assert_eq!(UNITS_DROPPED.load(Ordering::Relaxed), 11);
    let raw = Rc::into_raw(Rc::new(Unit));
    // SAFETY: it came from `into_raw` and comes back once.
    drop(unsafe { Rc::from_raw(raw) });
    assert_eq!(UNITS_DROPPED.load(Ordering::Relaxed), 12);
    drop(Rc::try_unwrap(Rc::new(Unit)));
    assert_eq!(UNITS_DROPPED.load(Ordering::Relaxed), 13);
}

/// Does with a strictly aligned type what can be done with a value.
macro_rules! alignments {
    ($($test:ident: $wide:ident $align:literal)*) => {$(
        #[repr(align($align))]
        #[derive(Clone, PartialEq, Debug)]
        struct $wide(u32);

        impl AsRef<u32> for $wide {
            fn as_ref(&self) -> &u32 {
                &self.0
            }
        }

        #[test]
        fn $test() {
            // Unoptimised code has many copies of such a value on its stack.
            let thread = std::thread::Builder::new().stack_size(64 << 20).spawn($wide::everything);
            thread.expect("a thread").join().expect("no panic");
        }

        impl $wide {
        fn everything() {
            fn check<T: ?Sized>(rc: &Rc<T>) {
                assert!(Rc::as_ptr(rc).addr().is_multiple_of($align));
                let weak = Rc::downgrade(rc);
                assert_eq!(weak.as_ptr().addr(), Rc::as_ptr(rc).addr());
                assert!(weak.upgrade().is_some_and(|strong| Rc::ptr_eq(&strong, rc)));
            }
            for round in 0..20 {
                let mut rc = Rc::new($wide(round));
                check(&rc);
                let (other, weak) = (rc.clone(), Rc::downgrade(&rc));
                Rc::make_mut(&mut rc).0 += 100;
                check(&rc);
                assert_eq!((rc.0, other.0), (round + 100, round));
                let raw = weak.into_raw();
                drop(other);
                // SAFETY: it came from `into_raw` and comes back once.
                assert!(unsafe { Weak::from_raw(raw) }.upgrade().is_none());
                let raw = Rc::into_raw(rc);
                assert!(raw.is_aligned());
                // SAFETY: as above.
                let rc = unsafe { Rc::from_raw(raw) };
                assert_eq!(Rc::try_unwrap(rc), Ok($wide(round + 100)));

                let cyclic = Rc::new_cyclic(|weak| {
                    assert!(weak.upgrade().is_none());
                    $wide(round)
                });
                check(&cyclic);
                let shown: Rc<dyn AsRef<u32>> = neap::coerce!(cyclic => dyn AsRef<u32>);
                check(&shown);
                assert_eq!((*shown).as_ref(), &round);

                for length in [0, 1, 3] {
                    let slice: Rc<[$wide]> = (0..length).map($wide).collect();
                    check(&slice);
                    assert!(slice.iter().map(|wide| wide.0).eq(0..length));
                    let mut from: Rc<[$wide]> = Rc::from(&*slice);
                    check(&from);
                    let weak = Rc::downgrade(&from);
                    Rc::make_mut(&mut from).iter_mut().for_each(|wide| wide.0 += 1);
                    check(&from);
                    assert!(weak.upgrade().is_none());
                    assert!(from.iter().map(|wide| wide.0).eq(1..=length));
                    check(&Rc::<[$wide]>::from(slice.to_vec()));
                    check(&Rc::<[$wide]>::new_zeroed_slice(length as usize));
                }
            }
            // Many at once, dropped in another order.
            let mut many: Vec<_> = (0..40).map(|i| Rc::new($wide(i))).collect();
            let weaks: Vec<_> = many.iter().map(Rc::downgrade).collect();
            many.iter().for_each(check);
            let mut index = 0..;
            many.retain(|_| index.next().is_some_and(|i: usize| i.is_multiple_of(3)));
            let alive = weaks.iter().filter_map(Weak::upgrade);
            assert!(alive.map(|wide| wide.0).eq((0..40).step_by(3)));
        }
        }
    )*};
}

alignments! {
    aligned_to_16_bytes: Wide16 16
    aligned_to_32_bytes: Wide32 32
    aligned_to_64_bytes: Wide64 64
    aligned_to_4_kib: Wide4096 4096
    aligned_to_64_kib: Wide65536 65536
}

#[test]
fn values_of_all_small_sizes() {
    macro_rules! sizes {
        ($($size:literal)*) => {$({
            let rcs: Vec<Rc<[u8; $size]>> = (0..50).map(|i| Rc::new([i; $size])).collect();
            let weaks: Vec<_> = rcs.iter().map(Rc::downgrade).collect();
            assert!(rcs.iter().zip(0..).all(|(rc, i)| **rc == [i; $size]));
            assert!(rcs.iter().all(|rc| (Rc::strong_count(rc), Rc::weak_count(rc)) == (1, 1)));
            drop(rcs);
            assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
        })*};
    }
    sizes!(1 2 3 4 5 7 8 9 12 15 16 17 23 24 25 31 32 33 39 40 41 55 56 57 64 100 120 128 200 248 256 500);
}

#[test]
fn slices_of_all_lengths() {
    for length in (0..200).chain([255, 256, 1000, 1024, 4000, 8192, 40_000, 200_000]) {
        let bytes: Rc<[u8]> = (0..length).map(|i| i as u8).collect();
        let weak = Rc::downgrade(&bytes);
        let text: Rc<str> = Rc::from("x".repeat(length));
        let words: Rc<[u64]> = vec![length as u64; length].into();
        assert!(bytes.iter().copied().eq((0..length).map(|i| i as u8)));
        assert!(text.len() == length && text.bytes().all(|byte| byte == b'x'));
        assert!(words.len() == length && words.iter().all(|word| *word == length as u64));
        drop((bytes, text, words));
        assert!(weak.upgrade().is_none());
    }
}

#[test]
fn large_values() {
    let log = Log::new();
    struct Large<'a> {
        numbers: [u64; 10_000],
        _item: super::Item<'a>,
    }
    let new = |number: u32| Large { numbers: [number.into(); 10_000], _item: log.item(number) };
    let first = Rc::new(new(1));
    let second = Rc::new(new(2));
    let weak = Rc::downgrade(&first);
    drop(first);
    assert_eq!(log.take(), [1]);
    let third = Rc::new(new(3));
    assert!(second.numbers == [2; 10_000] && third.numbers == [3; 10_000]);
    assert!(weak.upgrade().is_none());
    let raw = Rc::into_raw(second);
    // SAFETY: it came from `into_raw` and comes back once.
    let second = unsafe { Rc::from_raw(raw) };
    drop((second, third));
    assert_eq!(log.take(), [2, 3]);
    let bytes: Rc<[u8]> = Rc::from(vec![7; 20 << 20]);
    let weak = Rc::downgrade(&bytes);
    assert!(weak.upgrade().expect("alive").iter().step_by(4096).all(|byte| *byte == 7));
    drop(bytes);
    assert!(weak.upgrade().is_none());
}
