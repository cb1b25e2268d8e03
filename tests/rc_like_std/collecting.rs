//! Slices that are collected out of iterators: those that know their length, those that don't, and those that lie.

use super::{Item, Log};
use neap::rc::Rc;

/// An iterator that claims some size, whatever it yields.
struct Claiming<I> {
    inner: I,
    claim: (usize, Option<usize>),
}

impl<I: Iterator> Iterator for Claiming<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.inner.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.claim
    }
}

/// An exact claim, in the type too.
impl<I: Iterator> ExactSizeIterator for Claiming<I> {}

#[test]
fn from_a_range() {
    for length in [0, 1, 2, 10, 1000, 100_000] {
        let numbers: Rc<[u32]> = (0..length).collect();
        assert!(numbers.iter().copied().eq(0..length));
        assert_eq!((Rc::strong_count(&numbers), Rc::weak_count(&numbers)), (1, 0));
    }
}

#[test]
fn from_iterators_that_do_not_know_their_length() {
    let even: Rc<[Box<u32>]> = (0..1000).filter(|number| number % 2 == 0).map(Box::new).collect();
    assert_eq!(even.len(), 500);
    assert!(even.iter().map(|boxed| **boxed).eq((0..1000).step_by(2)));
    let words: Rc<[String]> = "flood and ebb".split(' ').map(str::to_owned).collect();
    assert_eq!(words.join("+"), "flood+and+ebb");
    let mut count = 0;
    let until: Rc<[u32]> = std::iter::from_fn(|| {
        count += 1;
        (count < 4000).then_some(count)
    })
    .collect();
    assert_eq!((until.len(), until.last()), (3999, Some(&3999)));
    assert!("".split_whitespace().collect::<Rc<[&str]>>().is_empty());
}

#[test]
fn from_vectors_arrays_maps_and_other_rcs() {
    let vector = vec!["a".to_string(), "b".to_string()];
    let rc: Rc<[String]> = vector.into_iter().collect();
    let again: Rc<[String]> = rc.iter().cloned().rev().collect();
    assert_eq!(*again, ["b", "a"]);
    let chained: Rc<[i32]> = [1, 2].into_iter().chain(Some(3)).chain(None).collect();
    assert_eq!(*chained, [1, 2, 3]);
    let map = std::collections::BTreeMap::from([(2, 'b'), (1, 'a')]);
    let pairs: Rc<[(i32, char)]> = map.into_iter().collect();
    assert_eq!(*pairs, [(1, 'a'), (2, 'b')]);
    let nested: Rc<[Rc<[u8]>]> = (1..4).map(|n| (0..n).collect()).collect();
    assert_eq!(nested.concat(), [0, 0, 1, 0, 1, 2]);
}

#[test]
fn results_and_options_are_collected_through() {
    let all: Result<Rc<[u8]>, _> = ["1", "2"].iter().map(|text| text.parse::<u8>()).collect();
    assert_eq!(all.as_deref(), Ok(&[1, 2][..]));
    let none: Option<Rc<[u8]>> = [Some(1), None, Some(3)].into_iter().collect();
    assert_eq!(none, None);
}

#[test]
fn the_hint_of_an_iterator_may_be_wrong() {
    let log = Log::new();
    let claims = [
        (0, None),
        (0, Some(0)),
        (5, Some(5)),
        (10, Some(10)),
        (20, Some(20)),
        (0, Some(100)),
        (3, Some(2)),
        (50, None),
    ];
    for claim in claims {
        let inner = (0..10).map(|number| log.item(number));
        let items: Rc<[Item]> = Claiming { inner, claim }.collect();
        assert!(items.iter().map(|item| item.number).eq(0..10), "{claim:?}");
        assert_eq!(log.take(), [], "{claim:?}");
        drop(items);
        assert!(log.take().into_iter().eq(0..10), "{claim:?}");
    }
}

#[test]
fn nothing_where_much_was_claimed() {
    for claim in [(0, Some(1)), (1, Some(1)), (1000, Some(1000)), (7, None)] {
        let items: Rc<[String]> = Claiming { inner: std::iter::empty(), claim }.collect();
        assert!(items.is_empty());
    }
}

#[test]
fn an_iterator_that_goes_on_after_its_end_is_not_asked_again() {
    struct Stuttering(Vec<Option<u32>>);
    impl Iterator for Stuttering {
        type Item = u32;
        fn next(&mut self) -> Option<u32> {
            if self.0.is_empty() { None } else { self.0.remove(0) }
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (3, Some(3))
        }
    }
    let items: Rc<[u32]> = Stuttering(vec![Some(1), Some(2), None, Some(3)]).collect();
    assert_eq!(*items, [1, 2]);
}

#[test]
fn values_without_bytes_are_counted() {
    let units: Rc<[()]> = (0..70).map(drop).collect();
    assert_eq!((units.len(), size_of_val(&*units)), (70, 0));
    let units: Rc<[()]> = std::iter::repeat_n((), 1_000_000).filter(|()| true).collect();
    assert_eq!(units.len(), 1_000_000);
}

#[test]
fn values_with_a_strict_alignment_are_aligned() {
    #[repr(align(128))]
    struct Wide(u8);
    let wide: Rc<[Wide]> = (0..100).filter(|n| n % 3 == 0).map(Wide).collect();
    assert_eq!(wide.len(), 34);
    assert!(wide.as_ptr().addr().is_multiple_of(128));
    assert!(wide.iter().map(|wide| wide.0).eq((0..100).step_by(3)));
}

#[test]
fn collecting_into_an_rc_that_the_iterator_reads() {
    let mut generation: Rc<[u64]> = Rc::from([1, 1]);
    for _ in 0..20 {
        let old = generation.clone();
        let next = old.windows(2).map(|pair| pair[0] + pair[1]);
        generation = std::iter::once(1).chain(next).chain(Some(1)).collect();
        assert_eq!(Rc::strong_count(&old), 1);
    }
    assert_eq!(generation.iter().sum::<u64>(), 1 << 21);
}
