//! Objects of a program, of the library in which neap lies, and of a plugin hold each other. Of at least two of the three the
//! types are farther from neap's own constants than a header can say.

use far_shared::neap::Gc;
use far_shared::neap::gc::{self, Erased, Weak};
use far_shared::{Node, Plugin, Weight, here, place, seen};
use libloading::Library;
use std::cell::RefCell;

/// Beyond that, on either side, a type is far.
const FAR: usize = 32 << 20;

struct Ours;

impl Weight for Ours {
    const WEIGHT: usize = 10_000;
}

fn ours() -> Gc<Node<Ours>> {
    Gc::new(Node { edges: RefCell::default(), weight: Ours })
}

fn main() {
    let path = std::env::args_os().nth(1).expect("the plugin");
    static PLACE: u8 = 1;
    assert!((&raw const PLACE).addr().abs_diff(place()) > FAR, "the program lies elsewhere");
    for round in 0..5 {
        // SAFETY: its constructors are those of Rust's std.
        let library = unsafe { Library::new(&path) }.expect("the plugin");
        // SAFETY: that is its type.
        let plugin = unsafe { library.get::<*const Plugin>(b"PLUGIN") }.expect("its table");
        // SAFETY: it is there as long as the library.
        let plugin = unsafe { &**plugin };
        assert!((plugin.place)().abs_diff(place()) > FAR, "the plugin lies elsewhere");
        for _ in 0..100 {
            rings(plugin);
        }
        by_counting(plugin);
        slices(plugin);
        generations(plugin);
        assert_eq!(gc::tracked_count(), 0, "round {round}");
        assert_eq!((plugin.hold)(&ours().into(), ours().into()), false, "of another type");
        seen();
        library.close().expect("to unload it");
    }
    println!("done");
}

fn rings(plugin: &Plugin) {
    let ([near], ours, theirs) = (here(), ours(), (plugin.node)());
    near.edges.borrow_mut().push(ours.clone().into());
    ours.edges.borrow_mut().push(theirs.clone());
    assert!((plugin.hold)(&theirs, near.clone().into()));
    let weak: Weak<_> = Gc::downgrade(&near);
    let erased: Erased = ours.clone().into();
    assert!(erased.type_name().contains("Ours") && theirs.type_name().contains("There"));
    assert!(erased.downcast_ref::<Node<Ours>>().is_some() && !theirs.is::<Node<Ours>>());
    assert_eq!(gc::referents(&ours)[0].type_name, theirs.type_name());
    assert_eq!(gc::referrers(&near)[0].address, theirs.address());
    drop((near, ours, erased));
    assert_eq!((gc::collect().collected, seen()), (0, (0, 0)), "the plugin's is held");
    drop(theirs);
    assert!(weak.upgrade().is_some());
    assert_eq!((gc::collect().collected, seen()), (3, (10_101, 10_101)));
    assert!(weak.upgrade().is_none());
}

fn by_counting(plugin: &Plugin) {
    // A long chain of all kinds in turn, through references whose type only the object knows.
    let mut last: Erased = ours().into();
    for i in 0..30_000 {
        last = if i % 2 == 0 {
            let theirs = (plugin.node)();
            assert!((plugin.hold)(&theirs, last));
            theirs
        } else {
            let ours = ours();
            ours.edges.borrow_mut().push(last);
            ours.into()
        };
    }
    drop(last);
    assert_eq!(seen(), (15_000 * 100 + 15_001 * 10_000, 15_000 * 100 + 15_001 * 10_000));
}

fn slices(plugin: &Plugin) {
    let ours = ours();
    let edges: Vec<Erased> = vec![ours.clone().into(), (plugin.node)(), ours.clone().into()];
    let slice = (plugin.slice)(edges);
    ours.edges.borrow_mut().push(slice);
    drop(ours);
    assert_eq!((gc::collect().collected, seen()), (4, (10_100, 10_100)));
}

fn generations(plugin: &Plugin) {
    let nodes: Vec<Erased> = (0..1000).map(|_| (plugin.node)()).collect();
    for i in 0..1000 {
        assert!((plugin.hold)(&nodes[i], nodes[(i + 1) % 1000].clone()));
    }
    for generation in 0..3 {
        gc::collect_generation(generation);
    }
    gc::freeze();
    drop(nodes);
    assert_eq!((gc::collect().collected, seen()), (0, (0, 0)));
    gc::unfreeze();
    assert_eq!((gc::collect().collected, seen()), (1000, (100_000, 100_000)));
}
