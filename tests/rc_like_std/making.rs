//! Making an `Rc`: with a value, in a circle, pinned, and with memory that gets its value later.

use super::Log;
use neap::rc::{Rc, Weak};
use std::cell::{Cell, OnceCell, RefCell};
use std::mem::MaybeUninit;
use std::pin::Pin;

#[test]
fn a_value_is_moved_in_and_read_through_the_pointer() {
    let text = String::from("tide table");
    let bytes = text.as_ptr();
    let shared = Rc::new(text);
    assert_eq!(shared.len(), 10);
    assert_eq!(shared.as_ptr(), bytes, "the value was moved, not cloned");
}

#[test]
fn a_value_may_borrow_from_its_surroundings() {
    let word = String::from("low water");
    let (first, second) = (Rc::new(word.as_str()), Rc::new(&word));
    assert!(first.starts_with("low") && second.ends_with("water"));
}

#[test]
fn several_owners_share_one_value() {
    struct Harbour {
        name: &'static str,
        calls: Cell<u32>,
    }
    struct Ship {
        home: Rc<Harbour>,
    }
    let harbour = Rc::new(Harbour { name: "Husum", calls: Cell::new(0) });
    let ships: Vec<Ship> = (0..3).map(|_| Ship { home: Rc::clone(&harbour) }).collect();
    drop(harbour);
    for ship in &ships {
        ship.home.calls.set(ship.home.calls.get() + 1);
    }
    assert!(ships.iter().all(|ship| ship.home.calls.get() == 3 && ship.home.name == "Husum"));
}

#[test]
fn functions_and_closures_are_values() {
    let counter = Rc::new(Cell::new(0));
    let inner = counter.clone();
    let add: Rc<dyn Fn(u32)> = neap::coerce!(
        Rc::new(move |by: u32| inner.set(inner.get() + by)) => dyn Fn(u32)
    );
    add(3);
    Rc::clone(&add)(4);
    assert_eq!(counter.get(), 7);
    drop(add);
    assert_eq!(Rc::strong_count(&counter), 1, "what the closure held went with it");
}

#[test]
fn a_value_can_hold_a_weak_to_itself() {
    struct Gadget {
        me: Weak<Gadget>,
        name: String,
    }
    impl Gadget {
        fn new(name: &str) -> Rc<Gadget> {
            Rc::new_cyclic(|me| Gadget { me: me.clone(), name: name.into() })
        }
        fn shared(&self) -> Rc<Gadget> {
            self.me.upgrade().expect("called through an `Rc`")
        }
    }
    let gadget = Gadget::new("sextant");
    let again = gadget.shared();
    assert!(Rc::ptr_eq(&gadget, &again));
    assert_eq!(again.name, "sextant");
    assert_eq!((Rc::strong_count(&gadget), Rc::weak_count(&gadget)), (2, 1));
}

#[test]
fn the_weak_of_new_cyclic_is_of_no_use_before_the_value_is_there() {
    struct Own(Weak<Own>, Weak<Own>);
    let kept = RefCell::new(None);
    let own = Rc::new_cyclic(|me: &Weak<Own>| {
        assert!(me.upgrade().is_none());
        assert_eq!((me.strong_count(), me.weak_count()), (0, 0));
        let second = me.clone();
        assert!(second.upgrade().is_none());
        assert!(second.ptr_eq(me));
        *kept.borrow_mut() = Some(me.clone());
        Own(me.clone(), second)
    });
    assert_eq!((Rc::strong_count(&own), Rc::weak_count(&own)), (1, 3));
    let kept = kept.take().expect("a weak");
    for weak in [&own.0, &own.1, &kept] {
        assert!(Rc::ptr_eq(&own, &weak.upgrade().expect("alive")));
        assert_eq!(weak.as_ptr(), Rc::as_ptr(&own));
    }
    drop(own);
    assert!(kept.upgrade().is_none());
    assert_eq!(kept.weak_count(), 0);
}

#[test]
fn a_value_of_new_cyclic_need_not_keep_the_weak() {
    let plain = Rc::new_cyclic(|me: &Weak<u8>| {
        assert_eq!(me.strong_count(), 0);
        7
    });
    assert_eq!((*plain, Rc::strong_count(&plain), Rc::weak_count(&plain)), (7, 1, 0));
    assert_eq!(Rc::try_unwrap(plain), Ok(7));
}

#[test]
fn a_whole_tree_in_one_circle() {
    struct Node {
        parent: Weak<Node>,
        children: Vec<Rc<Node>>,
        number: u32,
    }
    fn grow(parent: Weak<Node>, number: u32, depth: u32) -> Rc<Node> {
        Rc::new_cyclic(|me| Node {
            parent,
            children: match depth {
                0 => Vec::new(),
                _ => (0..2).map(|i| grow(me.clone(), number * 2 + i, depth - 1)).collect(),
            },
            number,
        })
    }
    fn check(node: &Rc<Node>) -> u32 {
        let children = node.children.iter().map(|child| {
            assert!(Rc::ptr_eq(&child.parent.upgrade().expect("the parent"), node));
            assert_eq!(child.number / 2, node.number);
            check(child)
        });
        1 + children.sum::<u32>()
    }
    let root = grow(Weak::new(), 1, 6);
    assert_eq!(check(&root), 127);
    assert!(root.parent.upgrade().is_none());
    assert_eq!(Rc::weak_count(&root), 2);
}

#[test]
fn the_value_may_come_after_the_memory() {
    let mut later = Rc::<[u16; 5]>::new_uninit();
    assert_eq!((Rc::strong_count(&later), Rc::weak_count(&later)), (1, 0));
    Rc::get_mut(&mut later).expect("nobody else").write([5, 4, 3, 2, 1]);
    let address = Rc::as_ptr(&later).addr();
    // SAFETY: the value was written.
    let there = unsafe { later.assume_init() };
    assert_eq!(*there, [5, 4, 3, 2, 1]);
    assert_eq!(Rc::as_ptr(&there).addr(), address, "it stayed where it is");
}

#[test]
fn a_value_that_came_late_is_dropped_like_any() {
    let log = Log::new();
    let mut later = Rc::new_uninit();
    Rc::get_mut(&mut later).expect("nobody else").write(log.item(1));
    // SAFETY: the value was written.
    let there = unsafe { later.assume_init() };
    let other = there.clone();
    drop(there);
    assert_eq!(log.take(), []);
    drop(other);
    assert_eq!(log.take(), [1]);
    // Memory that never got its value has nothing to drop.
    let mut never = Rc::new_uninit();
    Rc::get_mut(&mut never).expect("nobody else").write(log.item(2));
    drop(never);
    assert_eq!(log.take(), []);
}

#[test]
fn shared_memory_without_a_value() {
    let memory = Rc::<Cell<u32>>::new_uninit();
    let (other, weak) = (memory.clone(), Rc::downgrade(&memory));
    assert!(Rc::ptr_eq(&memory, &other));
    assert_eq!(Rc::strong_count(&memory), 2);
    drop((memory, other));
    assert!(weak.upgrade().is_none());
}

#[test]
fn zeroed_memory_is_zero() {
    for _ in 0..3 {
        // SAFETY: all bytes of such an array may be zero.
        let zeroes = unsafe { Rc::<[u64; 9]>::new_zeroed().assume_init() };
        assert_eq!(*zeroes, [0; 9]);
        drop(zeroes);
        // What lies there next time was not zero.
        drop(Rc::new([u64::MAX; 9]));
    }
    // SAFETY: no bytes at all.
    unsafe { Rc::<()>::new_zeroed().assume_init() };
    // SAFETY: these are zeroes too.
    let option = unsafe { Rc::<Option<Box<u8>>>::new_zeroed().assume_init() };
    assert!(option.is_none());
}

#[test]
fn the_values_of_a_slice_may_come_after_the_memory() {
    for length in [0, 1, 2, 3, 100, 5000] {
        let mut slots = Rc::<[String]>::new_uninit_slice(length);
        assert_eq!(slots.len(), length);
        for (i, slot) in Rc::get_mut(&mut slots).expect("nobody else").iter_mut().enumerate() {
            slot.write(format!("slot {i}"));
        }
        // SAFETY: every slot was written.
        let slots = unsafe { slots.assume_init() };
        assert!(slots.iter().enumerate().all(|(i, slot)| *slot == format!("slot {i}")));
    }
}

#[test]
fn a_zeroed_slice_is_zero() {
    for length in [0, 1, 7, 1000, 300_000] {
        let slots: Rc<[MaybeUninit<u32>]> = Rc::<[u32]>::new_zeroed_slice(length);
        // SAFETY: numbers may be zero.
        let slots = unsafe { slots.assume_init() };
        assert_eq!(slots.len(), length);
        assert!(slots.iter().all(|slot| *slot == 0));
        drop(slots);
        drop(Rc::<[u32]>::from(vec![u32::MAX; length]));
    }
}

#[test]
#[should_panic]
fn a_slice_that_no_memory_could_hold_is_refused() {
    drop(Rc::<[u64]>::new_uninit_slice(usize::MAX / 8));
}

#[test]
fn a_pinned_value_stays_where_it_is() {
    use std::marker::PhantomPinned;
    struct Anchor {
        depth: u32,
        own_address: OnceCell<usize>,
        _pinned: PhantomPinned,
    }
    let new = Anchor { depth: 12, own_address: OnceCell::new(), _pinned: PhantomPinned };
    let anchor: Pin<Rc<Anchor>> = Rc::pin(new);
    anchor.own_address.set((&raw const *anchor).addr()).expect("set once");
    let moved = anchor.clone();
    drop(anchor);
    assert_eq!(moved.own_address.get(), Some(&(&raw const *moved).addr()));
    assert_eq!(moved.depth, 12);
    // An `Rc` of a value that may move can be pinned and taken out of the pin again.
    let pinned = Pin::new(Rc::new(5));
    assert_eq!(*Pin::into_inner(pinned), 5);
}
