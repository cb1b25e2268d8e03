//! Changing a value that others may see: only alone (`get_mut`), or on a copy of one's own (`make_mut`).

use super::{Item, Log};
use neap::rc::{Rc, Weak};
use std::cell::Cell;
use std::ffi::{CStr, OsStr};
use std::path::Path;

#[test]
fn a_single_owner_may_write() {
    let mut tide = Rc::new(3);
    *Rc::get_mut(&mut tide).expect("alone") += 1;
    assert_eq!(*tide, 4);
    let other = tide.clone();
    assert!(Rc::get_mut(&mut tide).is_none(), "another owner could be reading");
    drop(other);
    *Rc::get_mut(&mut tide).expect("alone again") += 1;
    assert_eq!(*tide, 5);
}

#[test]
fn a_weak_forbids_writing_in_place() {
    let mut tide = Rc::new(3);
    let weak = Rc::downgrade(&tide);
    let more = weak.clone();
    assert!(Rc::get_mut(&mut tide).is_none(), "it could be upgraded meanwhile");
    drop(weak);
    assert!(Rc::get_mut(&mut tide).is_none());
    drop(more);
    assert!(Rc::get_mut(&mut tide).is_some());
}

#[test]
fn slices_and_text_are_written_in_place() {
    let mut numbers: Rc<[u8]> = Rc::from([1, 2, 3]);
    Rc::get_mut(&mut numbers).expect("alone").reverse();
    assert_eq!(*numbers, [3, 2, 1]);
    let mut text: Rc<str> = Rc::from("ebb");
    Rc::get_mut(&mut text).expect("alone").make_ascii_uppercase();
    assert_eq!(&*text, "EBB");
    let mut shape: Rc<dyn AsMut<[u8]>> = neap::coerce!(Rc::new([0_u8; 2]) => dyn AsMut<[u8]>);
    Rc::get_mut(&mut shape).expect("alone").as_mut()[1] = 9;
    assert_eq!(Rc::get_mut(&mut shape).expect("alone").as_mut(), [0, 9]);
}

#[test]
fn make_mut_writes_in_place_for_a_single_owner() {
    let log = Log::new();
    let mut item = Rc::new(log.item(1));
    let address = Rc::as_ptr(&item);
    Rc::make_mut(&mut item).number = 2;
    assert_eq!(Rc::as_ptr(&item), address);
    drop(item);
    assert_eq!(log.take(), [2]);
}

#[test]
fn make_mut_gives_one_of_several_owners_a_copy() {
    let log = Log::new();
    let mut mine = Rc::new(log.item(1));
    let theirs = mine.clone();
    let weak = Rc::downgrade(&theirs);
    Rc::make_mut(&mut mine).number += 1;
    assert_eq!((mine.number, theirs.number), (1002, 1));
    assert!(!Rc::ptr_eq(&mine, &theirs));
    assert_eq!((Rc::strong_count(&mine), Rc::weak_count(&mine)), (1, 0));
    assert_eq!((Rc::strong_count(&theirs), Rc::weak_count(&theirs)), (1, 1));
    assert!(Rc::ptr_eq(&weak.upgrade().expect("the old object"), &theirs));
    let address = Rc::as_ptr(&mine);
    Rc::make_mut(&mut mine).number += 1;
    assert_eq!(Rc::as_ptr(&mine), address, "a copy of one's own is not copied again");
    drop((mine, theirs));
    assert_eq!(log.take(), [1003, 1]);
}

#[test]
fn make_mut_leaves_weaks_behind() {
    let log = Log::new();
    let mut strong = Rc::new(log.item(1));
    let weaks = [Rc::downgrade(&strong), Rc::downgrade(&strong)];
    Rc::make_mut(&mut strong).number = 5;
    assert_eq!(log.take(), [], "the value was moved, neither cloned nor dropped");
    assert_eq!((strong.number, Rc::strong_count(&strong), Rc::weak_count(&strong)), (5, 1, 0));
    assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
    assert_eq!((weaks[0].strong_count(), weaks[0].weak_count()), (0, 0));
    assert!(weaks[0].ptr_eq(&weaks[1]));
    let new = Rc::downgrade(&strong);
    assert!(!new.ptr_eq(&weaks[0]));
    drop(weaks);
    drop(strong);
    assert_eq!(log.take(), [5]);
    assert!(new.upgrade().is_none());
}

#[test]
fn make_mut_leaves_raw_weaks_behind() {
    let log = Log::new();
    let mut strong = Rc::new(log.item(1));
    let (weak, raw) = (Rc::downgrade(&strong), Rc::downgrade(&strong).into_raw());
    Rc::make_mut(&mut strong).number = 5;
    assert_eq!((strong.number, Rc::weak_count(&strong), log.take()), (5, 0, vec![]));
    let new = Rc::downgrade(&strong);
    // SAFETY: it came from `into_raw` and comes back once.
    let back = unsafe { Weak::from_raw(raw) };
    assert!(back.upgrade().is_none());
    assert!(back.ptr_eq(&weak) && !back.ptr_eq(&new));
    drop((back, weak));
    assert_eq!((new.strong_count(), new.weak_count(), strong.number), (1, 1, 5));
    drop(strong);
    assert_eq!(log.take(), [5]);
}

#[test]
fn every_owner_gets_its_own_copy_in_turn() {
    let mut owners = vec![Rc::new(Cell::new(10)); 4];
    for (i, owner) in owners.iter_mut().enumerate() {
        *Rc::make_mut(owner).get_mut() += i;
    }
    assert!(owners.iter().map(|owner| owner.get()).eq([10, 11, 12, 13]));
    assert!(owners.iter().all(|owner| Rc::strong_count(owner) == 1));
}

#[test]
fn make_mut_of_a_slice() {
    let log = Log::new();
    let mut mine: Rc<[Item]> = (0..3).map(|number| log.item(number)).collect();
    Rc::make_mut(&mut mine)[0].number = 7;
    let theirs = mine.clone();
    Rc::make_mut(&mut mine)[1].number = 8;
    let numbers = |rc: &Rc<[Item]>| rc.iter().map(|item| item.number).collect::<Vec<_>>();
    assert_eq!(numbers(&theirs), [7, 1, 2]);
    assert_eq!(numbers(&mine), [1007, 8, 1002]);
    let weak = Rc::downgrade(&mine);
    Rc::make_mut(&mut mine)[2].number = 9;
    assert_eq!(numbers(&mine), [1007, 8, 9]);
    assert!(weak.upgrade().is_none());
    // What was assigned dropped nothing: numbers are plain fields.
    assert_eq!(log.take(), []);
    drop(mine);
    assert_eq!(log.take(), [1007, 8, 9]);
    drop(theirs);
    assert_eq!(log.take(), [7, 1, 2]);
}

#[test]
fn make_mut_of_an_empty_slice() {
    let mut mine: Rc<[String]> = Rc::from(Vec::new());
    let theirs = mine.clone();
    assert!(Rc::make_mut(&mut mine).is_empty());
    let weak = Rc::downgrade(&theirs);
    let mut theirs = theirs;
    assert!(Rc::make_mut(&mut theirs).is_empty());
    assert!(weak.upgrade().is_none());
}

#[test]
fn make_mut_of_text() {
    let mut mine: Rc<str> = Rc::from("low tide");
    let theirs = mine.clone();
    Rc::make_mut(&mut mine).make_ascii_uppercase();
    assert_eq!((&*mine, &*theirs), ("LOW TIDE", "low tide"));
    let weak = Rc::downgrade(&mine);
    Rc::make_mut(&mut mine)[..3].make_ascii_lowercase();
    assert_eq!(&*mine, "low TIDE");
    assert!(weak.upgrade().is_none());
}

#[test]
fn make_mut_of_the_texts_of_systems() {
    let mut path: Rc<Path> = Rc::from(Path::new("/a/B"));
    let old = path.clone();
    Rc::make_mut(&mut path).as_mut_os_str().make_ascii_lowercase();
    assert_eq!((&*path, &*old), (Path::new("/a/b"), Path::new("/a/B")));
    let mut name: Rc<OsStr> = Rc::from(OsStr::new("Name"));
    let old = name.clone();
    Rc::make_mut(&mut name).make_ascii_uppercase();
    assert_eq!((&*name, &*old), (OsStr::new("NAME"), OsStr::new("Name")));
    let mut text: Rc<CStr> = Rc::from(c"zero");
    let old = text.clone();
    assert_eq!(&*Rc::make_mut(&mut text), c"zero");
    assert!(!Rc::ptr_eq(&text, &old));
}

#[test]
fn copy_on_write_through_a_tree() {
    #[derive(Clone)]
    struct Node {
        value: i32,
        children: [Option<Rc<Node>>; 2],
    }
    /// Adds 100 along one path: what is shared is copied there, and nowhere else.
    fn add(node: &mut Rc<Node>, path: &[usize]) {
        let node = Rc::make_mut(node);
        node.value += 100;
        if let [first, rest @ ..] = path
            && let Some(child) = &mut node.children[*first]
        {
            add(child, rest);
        }
    }
    let leaf = |value| Some(Rc::new(Node { value, children: [None, None] }));
    let branch = |value, left, right| Rc::new(Node { value, children: [left, right] });
    let root = branch(1, Some(branch(2, leaf(3), leaf(4))), leaf(5));
    let mut edited = root.clone();
    add(&mut edited, &[0, 1]);
    fn values(node: &Node) -> Vec<i32> {
        let below = node.children.iter().flatten().flat_map(|child| values(child));
        std::iter::once(node.value).chain(below).collect()
    }
    assert_eq!(values(&root), [1, 2, 3, 4, 5]);
    assert_eq!(values(&edited), [101, 102, 3, 104, 5]);
    let child = |node: &Rc<Node>, i: usize| node.children[i].clone().expect("a child");
    assert!(Rc::ptr_eq(&child(&root, 1), &child(&edited, 1)), "the other branch is shared");
    assert!(Rc::ptr_eq(&child(&child(&root, 0), 0), &child(&child(&edited, 0), 0)));
}
