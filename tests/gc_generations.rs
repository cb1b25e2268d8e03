//! When collections come, what each generation holds, what is frozen, and what can be asked. (Cases 68 to 71 and 75.)
#![cfg(feature = "gc")]

mod common;

use common::graph::{Final, Node, alone, dropped, first, link, node, ring, ring_of, set};
use neap::Gc;
use neap::gc::{self, Trace, Tracer};
use std::cell::RefCell;

fn selfish(id: usize) -> Gc<Node> {
    let node = node(id);
    link(&node, &node);
    node
}

fn generation<T: ?Sized>(gc: &Gc<T>) -> Option<usize> {
    let address = Gc::as_ptr(gc).cast::<u8>() as usize;
    let object = gc::objects(None).into_iter().find(|object| object.address == address);
    object.expect("it is tracked").generation
}

/// Case 68.
#[test]
fn disabled_enabled_paused() {
    alone(|| {
        assert!(gc::is_enabled());
        gc::disable();
        gc::disable();
        assert!(!gc::is_enabled());
        (0..20_000).for_each(|id| drop(selfish(id)));
        assert_eq!(dropped().len(), 0);
        assert_eq!(gc::collect().collected, 20_000);
        assert_eq!(dropped().len(), 20_000);
        gc::enable();
        assert!(gc::is_enabled());
        (0..20_000).for_each(|id| drop(selfish(id)));
        let with = dropped().len();
        assert!(with > 10_000, "{with}");
        gc::collect();
        dropped();

        let outer = gc::pause();
        let inner = gc::pause();
        drop(outer);
        assert!(!gc::is_enabled());
        gc::enable();
        assert!(!gc::is_enabled(), "still paused");
        (0..20_000).for_each(|id| drop(selfish(id)));
        assert_eq!(dropped().len(), 0);
        drop(inner);
        assert!(gc::is_enabled());
        (0..20_000).for_each(|id| drop(selfish(id)));
        assert!(dropped().len() > 20_000);
        // A guard that a panic takes along.
        let panicked = std::panic::catch_unwind(|| {
            let _pause = gc::pause();
            panic!("in a pause");
        });
        assert!(panicked.is_err() && gc::is_enabled());
    });
}

/// Case 69: zero, and thresholds that are as large as can be.
#[test]
fn thresholds() {
    alone(|| {
        assert_eq!(gc::threshold(), (2000, 10, 10));
        gc::set_threshold(0, 1, 1);
        assert_eq!(gc::threshold(), (0, 1, 1));
        (0..10_000).for_each(|id| drop(selfish(id)));
        assert_eq!((dropped().len(), gc::stats()[0].collections), (0, 0));
        gc::collect();
        dropped();
        // Collections that yield nothing make the next ones rarer, and a large threshold no smaller.
        gc::set_threshold(50, 1000, 10);
        let kept: Vec<_> = (0..50_000).map(selfish).inspect(|node| drop(node.clone())).collect();
        assert!(gc::stats()[0].collections > 0);
        for large in [usize::MAX, 1 << 61, 1 << 63] {
            gc::set_threshold(large, 10, 10);
            let before = gc::stats()[0].collections;
            (0..5000).for_each(|id| drop(selfish(id)));
            assert_eq!((gc::stats()[0].collections, dropped().len()), (before, 0), "{large:x}");
        }
        drop(kept);
    });
}

/// Case 69: `test_collect_generations`.
#[test]
fn survivors_move_up() {
    alone(|| {
        let x = selfish(0);
        assert_eq!(generation(&x), Some(0));
        assert_eq!(gc::objects(Some(0)).len(), 1);
        gc::collect_generation(0);
        assert_eq!((generation(&x), gc::objects(Some(0)).len()), (Some(1), 0));
        gc::collect_generation(0);
        assert_eq!(generation(&x), Some(1));
        gc::collect_generation(1);
        assert_eq!((generation(&x), gc::objects(Some(2)).len()), (Some(2), 1));
        gc::collect_generation(2);
        assert_eq!(generation(&x), Some(2));
        let y = selfish(1);
        assert_eq!((generation(&x), generation(&y)), (Some(2), Some(0)));
    });
}

/// Case 69: an older generation is collected with the younger ones, a younger one without the older.
#[test]
fn garbage_of_each_generation() {
    alone(|| {
        let make = |generation: usize| {
            let node = selfish(generation);
            match generation {
                0 => {}
                1 => assert_eq!(gc::collect_generation(0).collected, 0),
                _ => assert_eq!(gc::collect().collected, 0),
            }
            node
        };
        for age in [2, 1, 0] {
            for collected in 0..3 {
                let x = make(age);
                assert_eq!(generation(&x), Some(age));
                dropped();
                drop(x);
                let found = gc::collect_generation(collected).collected;
                assert_eq!(found, usize::from(collected >= age), "{age} in {collected}");
                gc::collect();
                assert_eq!((dropped(), gc::tracked_count()), (vec![age], 0));
            }
        }
    });
}

/// Case 69: `get_count` after each step.
#[test]
fn counts() {
    alone(|| {
        gc::disable();
        assert_eq!(gc::count(), [0, 0, 0]);
        let kept: Vec<_> = (0..100).map(node).collect();
        assert_eq!(gc::count(), [100, 0, 0]);
        drop(kept);
        assert_eq!(gc::count(), [0, 0, 0]);
        let kept: Vec<_> = (0..10).map(node).collect();
        gc::collect_generation(0);
        assert_eq!(gc::count(), [0, 1, 0]);
        gc::collect_generation(0);
        assert_eq!(gc::count(), [0, 2, 0]);
        gc::collect_generation(1);
        assert_eq!(gc::count(), [0, 0, 1]);
        let more = selfish(0);
        assert_eq!(gc::count(), [1, 0, 1]);
        drop((more, kept));
        gc::collect();
        assert_eq!(gc::count(), [0, 0, 0]);
    });
}

/// Case 69: generation 1 after so many collections of generation 0, and 2 after so many of 1.
#[test]
fn each_generation_in_its_turn() {
    alone(|| {
        gc::set_threshold(20, 3, 2);
        for id in 0..200_000 {
            drop(selfish(id));
        }
        let stats = gc::stats();
        let [young, middle, old] = stats.map(|stats| stats.collections);
        assert!(
            young > 100 && middle * 3 <= young && middle * 8 >= young,
            "{young} {middle} {old}"
        );
        let all: u64 = stats.iter().map(|stats| stats.collected).sum();
        assert_eq!(all as usize, dropped().len());
        assert!(all > 150_000);
    });
}

/// Ages come round after 61 collections: nothing is lost when they do.
#[test]
fn after_many_collections() {
    alone(|| {
        let mut kept = Vec::new();
        for id in 0..400 {
            kept.push(ring(2));
            gc::collect_generation(usize::from(id % 70 == 69));
            if id % 7 == 3 {
                // One of those made long ago.
                let old = kept.swap_remove(id % kept.len());
                drop(old);
            }
        }
        let left = kept.len();
        gc::collect();
        assert_eq!(gc::tracked_count(), left * 2);
        for old in kept {
            let weak = Gc::downgrade(&old[0]);
            drop(old);
            let found: usize = (0..3).map(|g| gc::collect_generation(g).collected).sum();
            assert_eq!(found, 2);
            assert!(weak.upgrade().is_none());
        }
        assert_eq!(gc::tracked_count(), 0);
    });
}

/// A candidate noted while a collection runs is of a generation that is over when the collection is.
#[test]
fn noted_in_a_collection() {
    thread_local!(static KEPT: RefCell<Vec<Gc<Node>>> = const { RefCell::new(Vec::new()) });
    alone(|| {
        for generations in [vec![0], vec![1], vec![0, 0], vec![0, 1, 0], vec![1, 0]] {
            let live = selfish(9);
            KEPT.with_borrow_mut(|kept| kept.push(live.clone()));
            let trigger = selfish(0);
            set(&trigger.on_drop, |_: &Node| drop(KEPT.take()));
            drop(live);
            // Now it is held by the list alone, which lets go of it in a drop.
            gc::collect();
            drop(trigger);
            gc::collect();
            for generation in &generations {
                gc::collect_generation(*generation);
            }
            gc::collect();
            assert_eq!((dropped(), gc::tracked_count()), (vec![0, 9], 0), "{generations:?}");
        }
    });
}

/// Case 70.
#[test]
fn frozen_garbage_waits() {
    alone(|| {
        let all = ring(3);
        let held = node(7);
        link(&all[0], &held);
        gc::freeze();
        assert_eq!(gc::freeze_count(), 4);
        assert_eq!((gc::objects(Some(2)).len(), gc::objects(None).len()), (0, 4));
        assert!(gc::objects(None).iter().all(|object| object.generation.is_none()));
        drop((all, held));
        for generation in [0, 1, 2, 2] {
            let collected = gc::collect_generation(generation);
            assert_eq!((collected.collected, collected.visited), (0, 0));
        }
        // What is made now is as ever.
        drop(ring(2));
        assert_eq!((gc::collect().collected, dropped()), (2, vec![0, 1]));
        gc::unfreeze();
        assert_eq!((gc::freeze_count(), gc::objects(Some(2)).len()), (0, 4));
        assert_eq!((gc::collect().collected, dropped()), (4, vec![0, 1, 2, 7]));
    });
}

/// Case 70: frozen while it is a candidate, and thawed before a collection of another generation.
#[test]
fn frozen_and_thawed_between_two_collections() {
    alone(|| {
        for generation in [0, 1, 2] {
            drop(ring(3));
            gc::freeze();
            gc::unfreeze();
            gc::collect_generation(generation);
            gc::collect();
            assert_eq!((dropped(), gc::tracked_count()), (vec![0, 1, 2], 0));
        }
    });
}

/// Case 70: what frozen objects hold lives; also when what they hold lost its last handle while they were frozen.
#[test]
fn frozen_objects_hold_others() {
    alone(|| {
        for generation in [0, 1, 2] {
            let frozen = node(0);
            gc::freeze();
            let young = node(1);
            link(&frozen, &young);
            // The one handle to `frozen` becomes an edge: it never loses a reference.
            young.edges.borrow_mut().push(frozen);
            drop(young);
            assert_eq!(gc::collect_generation(generation).collected, 0);
            assert_eq!((dropped(), gc::tracked_count(), gc::freeze_count()), (vec![], 2, 1));
            gc::unfreeze();
            assert_eq!(gc::collect().collected, 2, "after generation {generation}");
            assert_eq!((dropped(), gc::tracked_count()), (vec![0, 1], 0));
        }
    });
}

/// Case 70: counting frees what is frozen.
#[test]
fn frozen_objects_are_counted() {
    alone(|| {
        let (a, b) = (node(0), node(1));
        link(&a, &b);
        drop(b);
        gc::freeze();
        drop(a);
        assert_eq!((dropped(), gc::freeze_count(), gc::tracked_count()), (vec![0, 1], 0, 0));
        let untracked = Gc::new_untracked(vec![Gc::new(1)]);
        gc::freeze();
        gc::unfreeze();
        assert!(!gc::is_tracked(&untracked) && gc::freeze_count() == 0);
    });
}

/// In a drop or a finalizer of a collection, nothing can be frozen or listed.
#[test]
fn freezing_in_a_collection_does_nothing() {
    alone(|| {
        let all = ring_of::<true>(2);
        let live = node(5);
        set(&all[0].on_finalize, |_: &Final| {
            gc::freeze();
            gc::unfreeze();
            assert_eq!(gc::freeze_count() + gc::tracked_count(), 0);
        });
        set(&all[1].on_drop, |_: &Final| gc::freeze());
        drop(all);
        assert_eq!(gc::collect().collected, 2);
        assert_eq!((generation(&live), gc::freeze_count()), (Some(2), 0));
    });
}

/// Case 71.
#[test]
fn questions() {
    struct Pair(Gc<Node>, Gc<Node>);
    // SAFETY: both are visited, once.
    unsafe impl Trace for Pair {
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
            self.1.trace(tracer);
        }
    }
    alone(|| {
        let all = ring(3);
        let twice = Gc::new(Pair(all[0].clone(), all[0].clone()));
        let address = |gc: &Gc<Node>| Gc::as_ptr(gc) as usize;
        let _weak = Gc::downgrade(&all[1]);
        let listed = gc::objects(None);
        assert_eq!((listed.len(), gc::tracked_count(), gc::objects(Some(0)).len()), (4, 4, 4));
        let second = listed.iter().find(|object| object.address == address(&all[1]));
        let second = second.expect("it is listed");
        assert_eq!((second.strong, second.weak, second.generation), (2, 1, Some(0)));
        assert!(second.type_name.contains("Node") && second.size >= size_of::<Node>());
        let held: Vec<_> = gc::referents(&twice).iter().map(|object| object.address).collect();
        assert_eq!(held, [address(&all[0]); 2]);
        assert_eq!(gc::referents(&all[0])[0].address, address(&all[1]));
        let mut holders: Vec<_> = gc::referrers(&all[0]).iter().map(|o| o.address).collect();
        holders.sort_unstable();
        let mut expected = [Gc::as_ptr(&twice) as usize, address(&all[2])];
        expected.sort_unstable();
        assert_eq!(holders, expected);
        // A cell that is being changed says nothing.
        let edges = all[0].edges.borrow_mut();
        assert!(gc::referents(&all[0]).is_empty() && gc::referrers(&all[1]).is_empty());
        drop(edges);
        assert_eq!(gc::referrers(&Gc::new(5)).len(), 0);
        assert_eq!(first(&all[2]).id, 0);
    });
}

/// Case 71: sums.
#[test]
fn stats_say_what_was_dropped() {
    alone(|| {
        gc::set_threshold(200, 4, 4);
        for id in 0..30_000 {
            let a = selfish(id);
            if id % 3 == 0 {
                link(&a, &node(1_000_000));
            }
            if id % 1000 == 0 {
                gc::collect_generation(id / 1000 % 3);
            }
        }
        gc::collect();
        let sum: u64 = gc::stats().iter().map(|stats| stats.collected).sum();
        assert_eq!((sum, dropped().len()), (40_000, 40_000));
        let stats = gc::stats();
        assert!(stats.iter().all(|stats| stats.uncollectable == 0 && stats.longest <= stats.total));
        let visited: u64 = stats.iter().map(|stats| stats.visited).sum();
        assert!(visited >= sum);
    });
}

/// Case 75: of values that own no `Gc`, the collector knows nothing.
#[test]
fn without_tracked_objects() {
    alone(|| {
        let kept: Vec<_> = (0..100_000u64).map(Gc::new).collect();
        let text = Gc::new(String::from("text"));
        drop((kept.clone(), text.clone()));
        let collected = gc::collect();
        assert_eq!((collected.collected, collected.visited, collected.candidates), (0, 0, 0));
        assert_eq!(gc::tracked_count(), 0);
        drop(kept);
        assert_eq!(*text, "text");
    });
}

#[test]
#[should_panic(expected = "no generation 3")]
fn there_is_no_generation_3() {
    gc::collect_generation(3);
}
