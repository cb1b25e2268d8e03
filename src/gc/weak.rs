//! `Weak`: a reference that does not keep its object alive.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::ManuallyDrop;
use core::num::NonZeroUsize;
use core::ptr::NonNull;

use super::Gc;
use super::header;
use super::object::Shape;
use super::state;
use crate::ptr::{Raw, Side, new_side, side_at};
use std::alloc::{Layout, handle_alloc_error};

/// A reference that does not own the value: [`upgrade`](Weak::upgrade) gives a [`Gc`] as long as the object is alive.
///
/// `None` from the moment when its last reference goes, or when the collector has decided that nobody can reach it. The
/// object's memory goes back then, however many `Weak`s are left: these share a cell of 16 bytes.
///
/// ```
/// use neap::Gc;
/// let strong = Gc::new(5);
/// let weak = Gc::downgrade(&strong);
/// assert_eq!(weak.upgrade().as_deref(), Some(&5));
/// drop(strong);
/// assert!(weak.upgrade().is_none());
/// ```
#[repr(transparent)]
pub struct Weak<T: ?Sized> {
    /// The address of the side cell with the metadata of the value, or [`NOTHING`]. The provenance is the value's.
    cell: NonNull<T>,
}

/// The address of a `Weak` that never had an object.
const NOTHING: NonZeroUsize = NonZeroUsize::MAX;

/// What tells a [`Weak`]'s object from all others, also when it is gone and another lies where it was: as long as a `Weak`
/// to it is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct WeakId(usize);

/// The side cell of an object, made if it has none.
///
/// # Safety
/// `value` is in an object that is alive.
unsafe fn cell_of<'a>(value: NonNull<u8>) -> &'a Side {
    // SAFETY: by the precondition.
    let header = unsafe { header::of(value) };
    // SAFETY: by the precondition.
    let shape = unsafe { Shape::of(value) };
    if header.low().has_side() {
        // SAFETY: it has one.
        return unsafe { existing(value, shape) };
    }
    let cell = new_side(value);
    // SAFETY: the object has this shape.
    let Some(slot) = (unsafe { shape.slot(value, true) }) else {
        handle_alloc_error(Layout::new::<Side>())
    };
    // SAFETY: the slot is the object's own; it may hold anything so far.
    unsafe { slot.write(core::cell::Cell::new(cell.addr().get())) };
    header.set_low(header.low().with_side(true));
    // SAFETY: it is there as long as the object.
    unsafe { cell.as_ref() }
}

/// The side cell of an object.
///
/// # Safety
/// `value` is in an object of this shape that has one, and whose block is there.
pub unsafe fn existing<'a>(value: NonNull<u8>, shape: Shape) -> &'a Side {
    // SAFETY: it has one, so there is a slot.
    let slot = unsafe { shape.slot(value, false) }.unwrap_or_else(|| crate::os::abort());
    // SAFETY: the slot was set.
    let address = unsafe { slot.as_ref() }.get();
    // SAFETY: a cell stays as long as its object.
    unsafe { side_at(address) }
}

/// From now on nobody can upgrade to the object.
///
/// # Safety
/// It has a side cell.
pub unsafe fn bury(value: NonNull<u8>) {
    // SAFETY: by the precondition.
    let shape = unsafe { Shape::of(value) };
    // SAFETY: by the precondition.
    let side = unsafe { existing(value, shape) };
    side.bury();
    if (side.is_watched() || side.is_keyed())
        && let Some(state) = state::get()
    {
        state.ephemerons.condemn(side.address());
        if side.is_watched() {
            state.deaths.note(side.address());
        }
    }
}

/// The place of an object's side cell, if it has one.
///
/// # Safety
/// `value` is in an object, dead perhaps, whose block is there.
pub unsafe fn cell_place(value: NonNull<u8>) -> Option<usize> {
    // SAFETY: by the precondition.
    let has_side = unsafe { header::of(value) }.low().has_side();
    if !has_side {
        return None;
    }
    // SAFETY: by the precondition.
    let shape = unsafe { Shape::of(value) };
    // SAFETY: it has one.
    Some(unsafe { existing(value, shape) }.address())
}

/// The object's value is gone. Whether its block has to stay for raw `Weak`s, or because `kept` says that it stays anyway.
///
/// # Safety
/// It has this shape and a side cell, and is given up.
pub unsafe fn part(value: NonNull<u8>, shape: Shape, kept: bool) -> bool {
    // SAFETY: by the precondition.
    let side = unsafe { existing(value, shape) };
    // A block that stays for ever keeps its cell.
    // SAFETY: by the precondition.
    kept || unsafe { side.part() }
}

/// How many `Weak`s to the object there are.
///
/// # Safety
/// `value` is in an object that is alive.
pub unsafe fn count(value: NonNull<u8>) -> usize {
    // SAFETY: by the precondition.
    if !unsafe { header::of(value) }.low().has_side() {
        return 0;
    }
    // SAFETY: by the precondition.
    let shape = unsafe { Shape::of(value) };
    // SAFETY: it has one.
    unsafe { existing(value, shape) }.weak() as usize
}

impl<T> Weak<T> {
    /// Without an object. Costs nothing.
    ///
    /// ```
    /// let nobody: neap::gc::Weak<i64> = neap::gc::Weak::new();
    /// assert!(nobody.upgrade().is_none());
    /// ```
    #[must_use]
    pub const fn new() -> Weak<T> {
        Weak { cell: NonNull::without_provenance(NOTHING) }
    }
}

impl<T: ?Sized> Weak<T> {
    /// To the object of `value`.
    ///
    /// # Safety
    /// It is alive.
    pub(super) unsafe fn to(value: NonNull<T>) -> Weak<T> {
        // SAFETY: by the precondition.
        let side = unsafe { cell_of(value.cast()) };
        side.increment();
        Weak { cell: move_to(value, side.address()) }
    }

    /// To an object that is being made, whose `Weak`s do not upgrade yet.
    ///
    /// # Safety
    /// `value` is in an object, whose value is not there.
    pub(super) unsafe fn to_unmade(value: NonNull<T>) -> Weak<T> {
        // SAFETY: by the precondition.
        let weak = unsafe { Weak::to(value) };
        if let Some(side) = weak.side() {
            side.bury();
        }
        weak
    }

    /// The value was made.
    pub(super) fn raise(&self) {
        if let Some(side) = self.side() {
            side.raise();
        }
    }

    /// The same object, whatever its type is.
    pub(super) fn erase(self) -> Weak<()> {
        Weak { cell: Weak::into_cell(self).cast() }
    }

    /// Where the side cell is.
    pub(super) fn place(&self) -> usize {
        self.cell.addr().get()
    }

    /// Somebody wants to know when the object dies.
    pub(super) fn watch(&self) {
        if let Some(side) = self.side() {
            side.watch();
        }
    }

    /// The pointer in it.
    pub(super) fn into_cell(this: Weak<T>) -> NonNull<T> {
        ManuallyDrop::new(this).cell
    }

    /// # Safety
    /// `cell` came from [`into_cell`](Weak::into_cell), perhaps with other metadata that fit the value.
    pub(super) unsafe fn from_cell(cell: NonNull<T>) -> Weak<T> {
        Weak { cell }
    }

    #[inline(always)]
    fn side(&self) -> Option<&Side> {
        let address = self.cell.addr();
        // SAFETY: a cell is there as long as a `Weak` to it.
        (address != NOTHING).then(|| unsafe { side_at(address.get()) })
    }

    /// A [`Gc`] to the value, if it is alive.
    ///
    /// ```
    /// use neap::Gc;
    /// let five = Gc::new(5);
    /// let weak = Gc::downgrade(&five);
    /// assert!(weak.upgrade().is_some());
    /// ```
    #[inline]
    #[must_use = "this returns a new `Gc`, without changing the original `Weak`"]
    pub fn upgrade(&self) -> Option<Gc<T>> {
        let value = move_to(self.cell, self.side()?.alive()?);
        // SAFETY: the cell says that the value is alive.
        unsafe { header::of(value) }.increment();
        // SAFETY: as above, and the header counts this reference.
        Some(unsafe { Gc::from_value(value) })
    }

    /// How many [`Gc`]s to the value there are; 0 when it is not alive.
    #[must_use]
    pub fn strong_count(&self) -> usize {
        let Some(value) = self.side().and_then(Side::alive) else { return 0 };
        // SAFETY: the cell says that the value is alive.
        unsafe { header::of(move_to(self.cell, value)) }.strong() as usize
    }

    /// How many `Weak`s to the value there are; 0 when it is not alive.
    #[must_use]
    pub fn weak_count(&self) -> usize {
        self.side().filter(|side| side.alive().is_some()).map_or(0, |side| side.weak() as usize)
    }

    /// Whether both are of the same object, or both of none.
    #[inline]
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }

    /// What tells its object from all others, as long as a `Weak` to it is there.
    ///
    /// ```
    /// use neap::Gc;
    /// let first = Gc::new(1);
    /// let weak = Gc::downgrade(&first);
    /// drop(first);
    /// let second = Gc::new(2); // Most likely where the first was.
    /// assert_ne!(weak.id(), Gc::downgrade(&second).id());
    /// ```
    #[inline]
    #[must_use]
    pub fn id(&self) -> WeakId {
        WeakId(self.cell.addr().get())
    }

    /// The address of the value, or where it was.
    #[must_use]
    pub fn as_ptr(&self) -> *const T {
        match self.side() {
            Some(side) => move_to(self.cell, side.value()).as_ptr(),
            None => self.cell.as_ptr(),
        }
    }

    /// The address of the value; this `Weak` goes on to count until it comes back, and until then the object's memory is not
    /// used for another one.
    #[must_use = "losing the pointer will leak memory"]
    pub fn into_raw(self) -> *const T {
        let raw = match self.side().map(Side::turn_raw) {
            None => self.cell,
            Some(Raw::Value(address) | Raw::Cell(address)) => move_to(self.cell, address),
        };
        core::mem::forget(self);
        raw.as_ptr()
    }

    /// Takes a `Weak` back that was turned raw.
    ///
    /// # Safety
    /// `ptr` came from [`Weak::into_raw`] of a `Weak<T>`; once.
    pub unsafe fn from_raw(ptr: *const T) -> Self {
        // SAFETY: neither a value nor a cell lies at 0.
        let raw = unsafe { NonNull::new_unchecked(ptr.cast_mut()) };
        if raw.addr() == NOTHING {
            return Weak { cell: raw };
        }
        if !raw.addr().get().is_multiple_of(align_of::<usize>()) {
            return Weak { cell: move_to(raw, raw.addr().get() - 1) };
        }
        // SAFETY: the block of the value is kept.
        let shape = unsafe { Shape::of(raw.cast()) };
        // SAFETY: as above, and there is a cell, because this `Weak` is counted in it.
        let side = unsafe { existing(raw.cast(), shape) };
        if side.turn_back() {
            // SAFETY: it was kept for this one alone.
            unsafe { shape.free(raw.cast()) };
        }
        Weak { cell: move_to(raw, side.address()) }
    }
}

/// The same pointer with another address.
#[inline(always)]
fn move_to<T: ?Sized>(pointer: NonNull<T>, address: usize) -> NonNull<T> {
    // SAFETY: neither values nor cells lie at 0.
    pointer.with_addr(unsafe { NonZeroUsize::new_unchecked(address) })
}

impl<T: ?Sized> Clone for Weak<T> {
    #[inline]
    fn clone(&self) -> Self {
        if let Some(side) = self.side() {
            side.increment();
        }
        Weak { cell: self.cell }
    }
}

impl<T: ?Sized> Drop for Weak<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(side) = self.side() {
            // SAFETY: this is the one.
            unsafe { side.decrement() };
        }
    }
}

impl<T> Default for Weak<T> {
    fn default() -> Self {
        Weak::new()
    }
}

impl<T: ?Sized> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}

impl<T: ?Sized> PartialEq for Weak<T> {
    /// Whether both are of the same object.
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other)
    }
}

impl<T: ?Sized> Eq for Weak<T> {}

impl<T: ?Sized> Hash for Weak<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}
