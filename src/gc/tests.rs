//! What can't be reached from outside: types of other libraries.

use core::cell::{Cell, RefCell};

use super::{Erased, Gc, Trace, Tracer, collect};

thread_local! {
    /// Every type that an object is made of now counts as one of another library.
    pub static ALL_FAR: Cell<bool> = const { Cell::new(false) };
}

struct Node<const N: usize> {
    edges: RefCell<Vec<Erased>>,
    told: std::rc::Rc<Cell<usize>>,
}

// SAFETY: all edges are visited, once.
unsafe impl<const N: usize> Trace for Node<N> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.edges.trace(tracer);
    }
}

impl<const N: usize> Drop for Node<N> {
    fn drop(&mut self) {
        self.told.set(self.told.get() + N);
    }
}

#[test]
fn types_of_other_libraries_stand_in_a_table() {
    let told = std::rc::Rc::new(Cell::new(0));
    fn node<const N: usize>(told: &std::rc::Rc<Cell<usize>>, far: bool) -> Gc<Node<N>> {
        ALL_FAR.set(far);
        let node = Gc::new(Node { edges: RefCell::default(), told: told.clone() });
        ALL_FAR.set(false);
        node
    }
    for _ in 0..3 {
        let near = node::<1>(&told, false);
        let far = node::<10>(&told, true);
        let other = node::<100>(&told, true);
        let same = node::<10>(&told, true);
        assert_eq!(far.header().low().code(), same.header().low().code());
        assert_ne!(far.header().low().code(), other.header().low().code());
        near.edges.borrow_mut().push(far.clone().into());
        far.edges.borrow_mut().push(other.clone().into());
        other.edges.borrow_mut().push(near.clone().into());
        let erased: Erased = far.clone().into();
        assert!(erased.type_name().contains("Node<10>"), "{}", erased.type_name());
        assert!(
            erased.downcast_ref::<Node<10>>().is_some_and(|node| node.edges.borrow().len() == 1)
        );
        drop((near, far, other, erased));
        assert_eq!(told.get(), 0);
        assert_eq!((collect().collected, told.take()), (3, 111));
        drop(same);
        assert_eq!(told.take(), 10);
    }
}
