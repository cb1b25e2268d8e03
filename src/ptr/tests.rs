//! What can't be reached from outside: side cells that lie far from their objects, and what is
//! known of types.

use core::cell::Cell;

use super::{Rc, Weak};
use crate::heap;
use crate::os;

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

/// Held by tests that count blocks of the whole process, while those that make most of them wait.
static COUNTING: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn side_cells_may_lie_anywhere() {
    let _alone = COUNTING.lock();
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
    assert!(after < before + 15_000, "{before} blocks before, {after} after");
}

#[test]
fn what_says_where_far_cells_are_goes_with_the_pools() {
    let _alone = COUNTING.lock();
    // 2048 blocks in a pool, each with a word beside it.
    let tables = || {
        let stats = heap::stats();
        let class = stats.classes().iter().find(|class| class.block_size == 16 << 10);
        class.expect("a class of that size").blocks_used
    };
    let work = move || {
        ALL_FAR.set(true);
        let before = tables();
        let mut most = 0;
        for _ in 0..20 {
            let many: Vec<_> = (0..100_000u64).map(|n| Rc::new([n; 3])).collect();
            let weaks: Vec<_> = many.iter().step_by(100).map(Rc::downgrade).collect();
            most = most.max(tables() - before);
            drop(many);
            drop(weaks);
            heap::purge();
        }
        // Other tests run beside this one. There were 49 or so in each round.
        assert!(most >= 45, "{most} tables for 100 000 blocks");
        let after = tables();
        assert!(after < before + 200, "{before} tables before, {after} after");
    };
    std::thread::spawn(work).join().expect("the thread");
}

#[test]
fn drops_nest_where_they_are_when_no_further_stack_can_be_had() {
    struct Link<'a>(
        #[expect(dead_code, reason = "only held")] Option<Rc<Link<'a>>>,
        #[expect(dead_code, reason = "only held")] Telling<'a>,
    );
    std::thread::scope(|scope| {
        let work = || {
            let told = Cell::new(0);
            // Somebody else may have kept one.
            for k in [0, 1, 0, 1] {
                let list = (0..1000)
                    .fold(None, |next, _| Some(Rc::new(Link(next, Telling(&told, [0; 3])))));
                os::refuse_from(k);
                drop(list);
                os::refuse_none();
                assert_eq!(told.take(), 1000);
            }
        };
        let thread = std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, work);
        thread.expect("a thread").join().expect("the thread");
    });
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
