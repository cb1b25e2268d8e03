//! Questions about objects: which there are, what they hold, who holds them.

use core::ptr::NonNull;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::header::{self, Age};
use super::object::Shape;
use super::state::{self, GENERATIONS};
use super::trace::{Sink, Tracer};
use super::{Gc, weak};

/// What can be said about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its type.
    pub type_name: &'static str,
    /// The address of its value.
    pub address: usize,
    /// Bytes of its block.
    pub size: usize,
    /// References to it.
    pub strong: usize,
    /// [`Weak`](super::Weak)s to it.
    pub weak: usize,
    /// Its generation; `None` when it is frozen, or not tracked.
    pub generation: Option<usize>,
}

impl Object {
    /// # Safety
    /// `value` is in an object that is alive.
    unsafe fn of(value: NonNull<u8>) -> Object {
        // SAFETY: by the precondition.
        let header = unsafe { header::of(value) };
        let low = header.low();
        let info = low.code().info();
        // SAFETY: by the precondition.
        let shape = unsafe { Shape::of(value) };
        // SAFETY: by the precondition.
        let weak = unsafe { weak::count(value) };
        let generation = state::get().map(|state| state.policy.generation_of(low.age()));
        Object {
            type_name: (info.name)(),
            address: value.addr().get(),
            size: shape.bytes(),
            strong: header.strong() as usize,
            weak,
            generation: generation.filter(|generation| *generation < GENERATIONS),
        }
    }
}

/// Whether the collector looks at the object: not if its type can own no `Gc`, and not if it was made with
/// [`Gc::new_untracked`].
///
/// ```
/// use neap::{Gc, gc};
/// assert!(!gc::is_tracked(&Gc::new(5)));
/// assert!(gc::is_tracked(&Gc::new(Some(Gc::new(5)))));
/// ```
pub fn is_tracked<T: ?Sized>(gc: &Gc<T>) -> bool {
    gc.header().low().age() != Age::UNTRACKED
}

/// Whether the object has a finalizer that has run.
pub fn is_finalized<T: ?Sized>(gc: &Gc<T>) -> bool {
    let low = gc.header().low();
    low.code().info().has_finalizer() && !low.wants_finalizer()
}

/// The tracked objects of this thread, of one generation or of all. Costs a look at each object; inside a collection there
/// are none.
///
/// ```
/// use neap::{Gc, gc};
/// let list = Gc::new(vec![Gc::new(1)]);
/// assert!(gc::objects(None).iter().any(|object| object.address == Gc::as_ptr(&list) as usize));
/// ```
pub fn objects(generation: Option<usize>) -> Vec<Object> {
    let mut all = Vec::with_capacity(tracked_count());
    each_tracked(|value| {
        // SAFETY: there is an object.
        let object = unsafe { Object::of(value) };
        // The vector has room: the visitor may not allocate objects, but this is not one of them.
        if generation.is_none() || object.generation == generation {
            all.push(object);
        }
    });
    all
}

/// How many tracked objects this thread has. Costs a look at each object.
pub fn tracked_count() -> usize {
    let mut count = 0;
    each_tracked(|_| count += 1);
    count
}

/// The tracked objects that may be traced: not those whose value may be lent to be changed.
fn each_traceable(mut visit: impl FnMut(NonNull<u8>)) {
    each_tracked(|value| {
        // SAFETY: there is an object.
        if !unsafe { header::of(value) }.low().may_change() {
            visit(value);
        }
    });
}

fn each_tracked(mut visit: impl FnMut(NonNull<u8>)) {
    let Some(state) = state::get().filter(|state| !state.collecting.get()) else { return };
    state.each_object(|value| {
        // SAFETY: there is an object.
        if unsafe { header::of(value) }.low().age() != Age::UNTRACKED {
            visit(value);
        }
    });
}

/// What the object holds: the targets of the `Gc`s that its value owns, each as often as it does. Of an object that the
/// collector found dead, which only a `Drop` can ask for, that is nothing, and it is not told as a target.
///
/// ```
/// use neap::{Gc, gc};
/// let one = Gc::new(1);
/// let pair = Gc::new((one.clone(), one.clone()));
/// assert_eq!(gc::referents(&pair).len(), 2);
/// ```
pub fn referents<T: ?Sized>(gc: &Gc<T>) -> Vec<Object> {
    let mut all = Vec::new();
    if !gc.header().is_alive() {
        return all;
    }
    let mut note = |target| {
        // SAFETY: an edge leads to an object, dead perhaps, whose header is there.
        if unsafe { header::of(target) }.is_alive() {
            // SAFETY: it is alive.
            all.push(unsafe { Object::of(target) });
        }
    };
    // SAFETY: it is alive.
    unsafe { each_referent(Gc::value(gc).cast(), &mut note) };
    all
}

/// # Safety
/// `value` is in an object that is alive.
unsafe fn each_referent(value: NonNull<u8>, each: &mut dyn FnMut(NonNull<u8>)) {
    // SAFETY: by the precondition.
    let info = unsafe { header::of(value) }.low().code().info();
    let mut tracer = Tracer::new(Sink::Each(each));
    // SAFETY: by the precondition.
    unsafe { info.trace(value, &mut tracer) };
    tracer.finish();
}

/// Who holds the object: the tracked objects of this thread whose values own a `Gc` to it. Costs a `trace` of each. Left out
/// are those of which `get_mut` or `make_mut` gave the value out, until another reference to them was dropped.
///
/// ```
/// use neap::{Gc, gc};
/// let one = Gc::new(1);
/// let pair = Gc::new((one.clone(), one.clone()));
/// let holders = gc::referrers(&one);
/// assert_eq!(holders.len(), 1);
/// assert_eq!(holders[0].address, Gc::as_ptr(&pair) as usize);
/// ```
pub fn referrers<T: ?Sized>(gc: &Gc<T>) -> Vec<Object> {
    let target: NonNull<u8> = Gc::value(gc).cast();
    let mut all = Vec::new();
    each_traceable(|value| {
        let mut holds = false;
        // SAFETY: there is an object.
        unsafe { each_referent(value, &mut |held| holds |= held == target) };
        if holds {
            // SAFETY: as above.
            all.push(unsafe { Object::of(value) });
        }
    });
    all
}

/// Why the object is alive: the shortest chain of objects from one that is held from outside to this one, each of which
/// holds the next. `None` when no tracked object leads to it, as when only the program's own variables hold it; of one
/// element when it is held from outside itself besides. Costs a `trace` of each object.
///
/// The reference that is handed in is not counted.
///
/// ```
/// use neap::{Gc, gc};
/// let one = Gc::new(Some(Gc::new(1)));
/// let two = Gc::new(vec![one.clone()]);
/// let path = gc::path_to(&one).unwrap();
/// assert_eq!(path.len(), 2);
/// assert_eq!(path[0].address, Gc::as_ptr(&two) as usize);
/// # drop(two);
/// ```
pub fn path_to<T: ?Sized>(gc: &Gc<T>) -> Option<Vec<Object>> {
    if !gc.header().is_alive() {
        return None;
    }
    let target: NonNull<u8> = Gc::value(gc).cast();
    let mut holders: HashMap<NonNull<u8>, Vec<NonNull<u8>>> = HashMap::new();
    each_traceable(|value| {
        // SAFETY: there is an object.
        unsafe { each_referent(value, &mut |held| holders.entry(held).or_default().push(value)) };
    });
    let held_from_outside = |value: NonNull<u8>| {
        // SAFETY: an object that is alive.
        let strong = unsafe { header::of(value) }.strong() as usize;
        let inside = holders.get(&value).map_or(0, Vec::len);
        strong > inside + usize::from(value == target)
    };
    // From the object back to who holds it; each remembers whom it leads to.
    let mut next = HashMap::from([(target, target)]);
    let mut queue = VecDeque::from([target]);
    while let Some(value) = queue.pop_front() {
        if held_from_outside(value) {
            let mut path = vec![value];
            let mut here = value;
            while here != target {
                here = next[&here];
                path.push(here);
            }
            // SAFETY: objects that are alive.
            return Some(path.into_iter().map(|value| unsafe { Object::of(value) }).collect());
        }
        for holder in holders.get(&value).into_iter().flatten() {
            if let Entry::Vacant(place) = next.entry(*holder) {
                place.insert(value);
                queue.push_back(*holder);
            }
        }
    }
    None
}
