//! Objects of every kind of block and pointer, in cycles: over-aligned, large and huge ones, without a size, trait objects,
//! raw references. (Cases 12 and 13.)
#![cfg(feature = "gc")]

mod common;

use common::MIB;
use common::counted::{self, Counted};
use common::graph::{Node, alone, dropped, link, node, ring};
use neap::gc::{self, Trace, Tracer};
use neap::{Gc, coerce};
use std::alloc::{GlobalAlloc, Layout};
use std::any::Any;
use std::cell::RefCell;

/// An edge, and something else around or behind it.
struct With<X: 'static>(RefCell<Option<Gc<With<X>>>>, Counted, X);

// SAFETY: the edge is visited, once; nothing else is a `Gc`.
unsafe impl<X> Trace for With<X> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

/// Large values pass over the stack, in a debug build more than once.
fn on_a_large_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 * MIB).spawn(work).expect("a thread");
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
}

fn in_rings<X: Clone + 'static>(x: X) {
    for len in [1, 2, 5] {
        let make = || Gc::new(With(RefCell::new(None), Counted, x.clone()));
        let all: Vec<_> = (0..len).map(|_| make()).collect();
        for i in 0..len {
            assert!(Gc::as_ptr(&all[i]).is_aligned());
            *all[i].0.borrow_mut() = Some(all[(i + 1) % len].clone());
        }
        let weak = Gc::downgrade(&all[0]);
        assert_eq!((gc::tracked_count(), gc::collect().collected), (len, 0));
        drop(all);
        assert!(weak.upgrade().is_some());
        assert_eq!((gc::collect().collected, counted::dropped()), (len, len));
        assert!(weak.upgrade().is_none());
        assert_eq!((gc::tracked_count(), gc::count()[0]), (0, 0));
    }
}

/// Case 12, and all sizes around the border between pools and large blocks.
#[test]
fn over_aligned_and_large_objects_in_rings() {
    #[derive(Clone)]
    #[expect(dead_code, reason = "it takes room")]
    #[repr(align(16))]
    struct A16([u8; 1]);
    #[derive(Clone)]
    #[expect(dead_code, reason = "it takes room")]
    #[repr(align(64))]
    struct A64([u8; 1]);
    #[derive(Clone)]
    #[expect(dead_code, reason = "it takes room")]
    #[repr(align(4096))]
    struct A4096([u8; 1]);
    #[derive(Clone)]
    #[expect(dead_code, reason = "it takes room")]
    #[repr(align(65536))]
    struct A65536([u8; 1]);
    on_a_large_stack(|| {
        in_rings(());
        in_rings(A16([1]));
        in_rings(A64([1]));
        in_rings(A4096([1]));
        in_rings(A65536([1]));
        in_rings((A4096([1]), [7u8; 70_000]));
        macro_rules! words {
            ($($n:literal)*) => {$(
                in_rings([7u64; $n]);
                in_rings((A16([1]), [7u64; $n]));
                in_rings((A64([1]), [7u64; $n]));
            )*};
        }
        words!(1 2 5 6 100 1000 8180 8181 8182 8183 8184 8185 8186 8187 8188 8189 8190 8191 8192 8193 10_000 40_000);
        in_rings([7u8; 65_513 - 16]);
        in_rings([7u8; 65_521 - 16]);
        in_rings([7u8; 65_529 - 16]);
    });
}

/// Objects of more than 16 MiB: their memory goes back.
#[test]
fn huge_objects() {
    let work = || {
        let make = || Gc::new(With(RefCell::new(None), Counted, [9u8; 17 * MIB]));
        for _ in 0..5 {
            let (a, b) = (make(), make());
            *a.0.borrow_mut() = Some(b.clone());
            *b.0.borrow_mut() = Some(a.clone());
            assert_eq!((a.2[17 * MIB - 1], gc::objects(None).len()), (9, 2));
            assert!(gc::objects(None)[0].size > 17 * MIB);
            drop((a, b));
            assert_eq!((gc::collect().collected, counted::dropped()), (2, 2));
        }
        assert_eq!(gc::tracked_count(), 0);
    };
    on_a_large_stack(work);
}

/// Values of no size.
#[test]
fn values_without_a_size() {
    struct Nothing;
    // SAFETY: it owns no `Gc`.
    unsafe impl Trace for Nothing {
        fn trace(&self, _: &mut Tracer<'_>) {}
    }
    #[repr(align(128))]
    struct Aligned;
    // SAFETY: as above.
    unsafe impl Trace for Aligned {
        fn trace(&self, _: &mut Tracer<'_>) {}
    }
    impl Drop for Nothing {
        fn drop(&mut self) {
            drop(Counted);
        }
    }
    alone(|| {
        let all: Vec<_> = (0..5000).map(|_| Gc::new(Nothing)).collect();
        let aligned: Vec<_> = (0..50).map(|_| Gc::new(Aligned)).collect();
        let mut places: Vec<_> = all.iter().map(|gc| Gc::as_ptr(gc) as usize).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!((places.len(), gc::tracked_count()), (5000, 5050));
        assert!(aligned.iter().all(|gc| Gc::as_ptr(gc).is_aligned()));
        // Each is noted as a candidate.
        drop((all.clone(), aligned.clone()));
        let weak: Vec<_> = all.iter().step_by(7).map(Gc::downgrade).collect();
        assert_eq!(gc::collect().visited, 5050);
        assert!(weak.iter().all(|weak| weak.upgrade().is_some()));
        drop((all, aligned));
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
        assert_eq!((counted::dropped(), gc::tracked_count()), (5000, 0));
    });
}

trait Shape: Trace {
    fn area(&self) -> usize;
    fn hold(&self, other: Gc<dyn Shape>);
}

struct Square<const N: usize>(RefCell<Vec<Gc<dyn Shape>>>, Counted, [usize; N]);

// SAFETY: all edges are visited, once.
unsafe impl<const N: usize> Trace for Square<N> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

impl<const N: usize> Shape for Square<N> {
    fn area(&self) -> usize {
        self.2.iter().sum()
    }
    fn hold(&self, other: Gc<dyn Shape>) {
        self.0.borrow_mut().push(other);
    }
}

fn square<const N: usize>() -> Gc<Square<N>> {
    Gc::new(Square(RefCell::default(), Counted, [N; N]))
}

/// Case 13: one object and one count, whatever the pointer's type.
#[test]
fn trait_objects_in_cycles() {
    let (a, b) = (square::<2>(), square::<5>());
    let (any_a, any_b) = (coerce!(a.clone() => dyn Shape), coerce!(b.clone() => dyn Shape));
    assert_eq!((Gc::strong_count(&a), Gc::strong_count(&any_a)), (2, 2));
    assert_eq!(Gc::as_ptr(&any_a).cast::<()>(), Gc::as_ptr(&a).cast());
    any_a.hold(any_b.clone());
    b.hold(any_a.clone());
    b.hold(any_b.clone());
    assert_eq!((any_a.area(), any_b.area(), Gc::strong_count(&b)), (4, 25, 4));
    assert!(gc::is_tracked(&any_a));
    assert_eq!(gc::referents(&any_b).len(), 2);
    drop((a, b, any_a));
    assert_eq!((gc::collect().collected, counted::dropped()), (0, 0));
    drop(any_b);
    assert_eq!((gc::collect().collected, counted::dropped()), (2, 2));
    // By counting: the right drop and the right block.
    let all: Vec<Gc<dyn Shape>> = vec![
        coerce!(square::<0>() => dyn Shape),
        coerce!(square::<300>() => dyn Shape),
        coerce!(square::<10_000>() => dyn Shape),
    ];
    drop(all);
    assert_eq!((counted::dropped(), gc::tracked_count()), (3, 0));
}

/// `Gc<dyn Any>`, and back.
#[test]
fn downcast() {
    let gc = Gc::new(String::from("text"));
    let any: Gc<dyn Any> = coerce!(gc.clone() => dyn Any);
    let any = any.downcast::<u32>().expect_err("it is no number");
    let back = any.downcast::<String>().expect("it is a text");
    assert!(Gc::ptr_eq(&gc, &back) && Gc::strong_count(&gc) == 2);
    let any = coerce!(Gc::new(vec![node(1)]) => dyn Any);
    drop(any);
    assert_eq!(dropped(), [1]);
}

/// Raw references count; cycles that they hold live.
#[test]
fn raw_references() {
    let all = ring(3);
    let raw = Gc::into_raw(all[1].clone());
    drop(all);
    assert_eq!((gc::collect().collected, dropped()), (0, vec![]));
    // SAFETY: it came from `into_raw`, and the reference is not given up.
    unsafe { Gc::increment_strong_count(raw) };
    // SAFETY: one of two.
    unsafe { Gc::decrement_strong_count(raw) };
    // SAFETY: it is alive.
    assert_eq!(unsafe { &*raw }.id, 1);
    // SAFETY: it came from `into_raw`.
    let back = unsafe { Gc::from_raw(raw) };
    assert_eq!(Gc::strong_count(&back), 2);
    drop(back);
    assert_eq!((gc::collect().collected, dropped()), (3, vec![0, 1, 2]));
    // Unsized.
    let raw = Gc::into_raw(coerce!(square::<3>() => dyn Shape));
    // SAFETY: as above.
    assert_eq!(unsafe { Gc::from_raw(raw) }.area(), 9);
    assert_eq!(counted::dropped(), 1);
}

/// A block of an object that died may hold one of another shape when a collection asks who the candidates are.
#[test]
fn blocks_used_again_by_others() {
    alone(|| {
        #[repr(align(32))]
        struct Other([u64; 8]);
        // SAFETY: it owns no `Gc`.
        unsafe impl Trace for Other {
            fn trace(&self, _: &mut Tracer<'_>) {}
        }
        let mut rng = common::Rng(1);
        gc::disable();
        let mut kept: Vec<Box<dyn Any>> = Vec::new();
        for round in 0..20_000 {
            // Noted, and dead.
            let noted = node(round);
            drop(noted.clone());
            drop(noted);
            kept.push(match rng.below(6) {
                0 => Box::new(node(round)),
                1 => Box::new(Gc::new([round; 11])),
                2 => Box::new(Gc::new_untracked(vec![node(1)])),
                3 => Box::new(Gc::new(Other([round as u64; 8]))),
                4 => Box::new(vec![0u8; 112]),
                _ => Box::new(ring(2)),
            });
            if kept.len() > 50 {
                kept.swap_remove(rng.below(50));
            }
            if round % 100 == 0 {
                gc::collect_generation(rng.below(3));
            }
            if let Some(other) = kept[rng.below(kept.len())].downcast_ref::<Gc<Other>>() {
                assert!(other.0.iter().all(|word| *word == other.0[0]));
            }
        }
        drop(kept);
        gc::collect();
        assert_eq!(gc::tracked_count(), 0);
    });
}

/// Objects made and freed in any order, large ones among them, under noted candidates.
#[test]
fn large_candidates() {
    alone(|| {
        let large = |id: usize| Gc::new((RefCell::new(vec![node(id)]), [id; 9000]));
        let mut all: Vec<_> = (0..100).map(large).collect();
        let mut rng = common::Rng(9);
        for round in 0..2000 {
            let which = rng.below(all.len());
            drop(all[which].clone());
            if round % 3 == 0 {
                all[which] = large(round);
            }
            if round % 7 == 0 {
                gc::collect_generation(rng.below(3));
            }
            let one = &all[rng.below(all.len())];
            assert_eq!(one.1[8999], one.0.borrow()[0].id);
        }
        drop(all);
        assert_eq!(gc::tracked_count(), 0);
        let _: Option<Gc<Node>> = None;
    });
    let one = node(1);
    link(&one, &one);
    drop(one);
    assert_eq!(gc::collect().collected, 1);
}

/// A candidate that is too big for a pool dies by counting: its memory is gone when the next collection comes to it.
#[test]
fn large_candidates_that_die_before_a_collection() {
    struct Large<const N: usize>(RefCell<Option<Gc<Large<N>>>>, Box<u8>, [u8; N]);
    // SAFETY: the edge is visited, once.
    unsafe impl<const N: usize> Trace for Large<N> {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    fn come_and_go<const N: usize>() {
        for round in 0..20 {
            let large = Gc::new(Large::<N>(RefCell::new(None), Box::new(7), [0; N]));
            assert_eq!((*large.1, large.2.len()), (7, N));
            drop(large.clone());
            drop(large);
            // What the program has there next looks like the header of an object: settled, and old.
            let layout = Layout::array::<u64>(N / 8 + 100).expect("a layout");
            let neap = neap::Neap::new();
            // SAFETY: the layout is not empty.
            let block = unsafe { neap.alloc(layout) }.cast::<u64>();
            assert!(!block.is_null());
            // SAFETY: so many words are there, and ours.
            let words = unsafe { std::slice::from_raw_parts_mut(block, N / 8 + 100) };
            words.fill(0x7c1);
            let done = gc::collect();
            assert_eq!((done.candidates, done.collected), (0, 0), "round {round}");
            assert!(words.iter().all(|word| *word == 0x7c1));
            // SAFETY: it came from there, with this layout.
            unsafe { neap.dealloc(block.cast(), layout) };
        }
    }
    let work = || {
        come_and_go::<100_000>();
        come_and_go::<{ 1 << 20 }>();
        come_and_go::<{ 17 << 20 }>();
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(work);
    thread.expect("a thread").join().expect("the thread");
}
