//! What can't be reached from outside: side cells that lie far from their objects, and what is
//! known of types.

use core::cell::Cell;

use super::{Rc, Weak};
use crate::heap;

thread_local! {
    /// Every side cell that is made now counts as far away.
    pub static ALL_FAR: Cell<bool> = const { Cell::new(false) };
}

/// A value with something to drop, which says that it was.
struct Telling<'a>(&'a Cell<u32>, #[expect(dead_code, reason = "of some size")] [u64; 3]);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn live_blocks() -> usize {
    heap::purge();
    heap::stats().classes().iter().map(|class| class.blocks_used).sum()
}

/// What `Weak`s do, of an object that `make` makes.
fn weak_references_work<T>(make: impl Fn() -> Rc<T>) {
    let rc = make();
    let weak = Rc::downgrade(&rc);
    assert_eq!((Rc::strong_count(&rc), Rc::weak_count(&rc)), (1, 1));
    let again = Rc::downgrade(&rc);
    assert!(weak.ptr_eq(&again));
    assert!(weak.upgrade().is_some_and(|same| Rc::ptr_eq(&same, &rc)));
    drop(again);
    let raw = weak.into_raw();
    assert_eq!(raw, Rc::as_ptr(&rc));
    drop(rc);
    // SAFETY: it came from `into_raw`, once.
    let weak = unsafe { Weak::from_raw(raw) };
    assert!(weak.upgrade().is_none());

    let mut rc = make();
    let weak = Rc::downgrade(&rc);
    assert!(Rc::get_mut(&mut rc).is_none());
    drop(weak);
    assert!(Rc::get_mut(&mut rc).is_some());
    let left = Rc::downgrade(&rc);
    assert!(Rc::try_unwrap(rc).is_ok());
    assert!(left.upgrade().is_none());
}

fn of_all_kinds() {
    #[repr(align(64))]
    struct Aligned(#[expect(dead_code, reason = "of some size")] u8);

    weak_references_work(|| Rc::new(()));
    weak_references_work(|| Rc::new(7u8));
    weak_references_work(|| Rc::new([1u64; 5]));
    weak_references_work(|| Rc::new([1u64; 1000]));
    weak_references_work(|| Rc::new([1u64; 20_000]));
    weak_references_work(|| Rc::new(Aligned(1)));
    let told = Cell::new(0);
    weak_references_work(|| Rc::new(Telling(&told, [0; 3])));
    assert_eq!(told.get(), 2);

    let mut rc = Rc::new(5);
    let weak = Rc::downgrade(&rc);
    *Rc::make_mut(&mut rc) += 1;
    assert_eq!((*rc, weak.upgrade()), (6, None));
    assert_eq!(Rc::downgrade(&rc).upgrade().as_deref(), Some(&6));
}

#[test]
fn side_cells_may_lie_anywhere() {
    of_all_kinds();
    let before = std::thread::spawn(live_blocks).join().expect("the thread");
    for far in [false, true] {
        let work = move || {
            ALL_FAR.set(far);
            of_all_kinds();
            // More than one pool, so that there is more than one table.
            let many: Vec<_> = (0..10_000u64).map(|n| Rc::new([n; 3])).collect();
            let weaks: Vec<_> = many.iter().map(Rc::downgrade).collect();
            for (n, weak) in weaks.iter().enumerate() {
                assert_eq!(weak.upgrade().map(|rc| rc[0]), Some(n as u64));
            }
            // Objects whose cell is near and such whose cell is far lie side by side.
            ALL_FAR.set(!far);
            let others: Vec<_> = (0..10_000u64).map(|n| Rc::new([n; 3])).collect();
            let other_weaks: Vec<_> = others.iter().map(Rc::downgrade).collect();
            drop(many);
            assert!(weaks.iter().all(|weak| weak.upgrade().is_none()));
            assert!(other_weaks.iter().all(|weak| weak.upgrade().is_some()));
        };
        std::thread::spawn(work).join().expect("the thread");
    }
    // Other tests run beside this one: what is looked for is a leak of tens of thousands.
    let after = std::thread::spawn(live_blocks).join().expect("the thread");
    assert!(after < before + 5_000, "{before} blocks before, {after} after");
}

#[test]
fn a_side_cell_may_be_the_block_behind_a_value_without_bytes() {
    #[repr(align(16))]
    struct Empty;

    // Both are blocks of 16 bytes, and an object of this kind ends where its value is.
    let mut met = 0;
    for _ in 0..200 {
        let rc = Rc::new(Empty);
        let weak = Rc::downgrade(&rc);
        met += usize::from(weak.cell_address() == Rc::as_ptr(&rc).addr());
        assert!(weak.upgrade().is_some());
        assert_eq!(Rc::weak_count(&rc), 1);
        core::mem::forget(rc);
    }
    assert!(met > 0, "so it was never tried");
}

#[test]
fn what_may_borrow_is_told_by_its_name() {
    struct Plain(#[expect(dead_code, reason = "only its name matters")] Option<Rc<Plain>>);
    struct Borrowing<'a>(&'a u8);
    struct Wrap<T>(T);
    fn of<T>(_: &T) -> (bool, bool) {
        super::borrows::for_tests::<T>()
    }

    let place = 7;
    let may = (true, true);
    assert_eq!(of(&Borrowing(&place)), may);
    assert_eq!(of(&Wrap(vec![Borrowing(&place)])), may);
    assert_eq!(of(&&place), may);
    assert_eq!(of(&|| place), may);
    assert_eq!(of(&Wrap(|| &place)), may);
    assert_eq!(of(&async { Borrowing(&place).0 }), may);
    assert_eq!(super::borrows::for_tests::<Box<dyn core::fmt::Debug>>(), may);
    assert_eq!(super::borrows::for_tests::<dyn core::fmt::Debug>(), may);
    let not = (true, false);
    assert_eq!(of(&Plain(None)), not);
    assert_eq!(of(&Wrap(vec![Some(Box::new(Plain(None)))])), not);
    assert_eq!(of(&core::cell::RefCell::new(None::<Rc<Plain>>)), not);
    assert_eq!(super::borrows::for_tests::<[Plain]>(), not);
    assert_eq!(super::borrows::for_tests::<str>(), not);
}
