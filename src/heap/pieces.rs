//! A list that grows piece by piece, in memory of neap's own: what was put there stays where it is. For what may become very long,
//! where moving all of it would be a pause, and where the next one is all that is asked for.
//!
//! ```text
//!   first                                            piece
//!   ▼                                                ▼
//!   ┌────────┬─────────────┐   ┌────────┬──────── … ─┐   ┌────────┬───────────── …  ─────────┐
//!   │ next ──┼─────────────┼─► │ next ──┼─────────── ┼─► │ next   │ 0 1 2 …        ┆          │
//!   └────────┴─────────────┘   └────────┴──────── … ─┘   └────────┴───────────── …  ─────────┘
//!     1 KiB                      2 KiB, 4 KiB …            start            top ▲       end ▲
//! ```
//!
//! All pieces before the current one are full; those behind it, if there are any, are kept for later.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr;

#[cfg(test)]
use super::array::refusal;
use crate::settings::Options;

/// Values without a drop, one behind the other.
pub struct Pieces<T: Copy> {
    first: Cell<*mut Piece>,
    /// The current one, where its values begin, where the next value goes, and where it ends.
    piece: Cell<*mut Piece>,
    start: Cell<*mut T>,
    top: Cell<*mut T>,
    end: Cell<*mut T>,
    /// Values in the pieces before it.
    before: Cell<usize>,
}

/// What each piece begins with.
#[repr(C, align(16))]
struct Piece {
    next: Cell<*mut Piece>,
    previous: *mut Piece,
    bytes: usize,
}

/// Bytes of the first piece, and of the largest ones.
const LEAST: usize = 1 << 10;
const MOST: usize = 1 << 20;
/// Bytes that are kept for the next list.
const KEPT: usize = 256 << 10;

impl<T: Copy> Pieces<T> {
    /// Without memory.
    pub const fn new() -> Pieces<T> {
        Pieces {
            first: Cell::new(ptr::null_mut()),
            piece: Cell::new(ptr::null_mut()),
            start: Cell::new(ptr::null_mut()),
            top: Cell::new(ptr::null_mut()),
            end: Cell::new(ptr::null_mut()),
            before: Cell::new(0),
        }
    }

    /// How many values there are.
    #[inline]
    pub fn len(&self) -> usize {
        let here = (self.top.get().addr() - self.start.get().addr()) / size_of::<T>();
        self.before.get() + here
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts one behind the others if there is room at hand.
    #[inline(always)]
    #[must_use]
    pub fn push_within(&self, value: T) -> bool {
        let top = self.top.get();
        if top == self.end.get() {
            return false;
        }
        // SAFETY: `top` is below the end, so it is a place of the piece.
        unsafe { top.write(value) };
        // SAFETY: as above, or one past the end.
        self.top.set(unsafe { top.add(1) });
        true
    }

    /// Puts one behind the others; false, when there is no memory.
    #[inline(always)]
    #[must_use]
    pub fn push(&self, value: T) -> bool {
        self.push_within(value) || self.more() && self.push_within(value)
    }

    /// Takes the last one.
    #[inline]
    pub fn pop(&self) -> Option<T> {
        if self.top.get() == self.start.get() && !self.less() {
            return None;
        }
        // SAFETY: above the start, so the place below holds a value.
        let last = unsafe { self.top.get().sub(1) };
        self.top.set(last);
        // SAFETY: as above.
        Some(unsafe { last.read() })
    }

    /// Makes this piece the current one; its values go up to `top`.
    fn enter(&self, piece: *mut Piece, top: *mut T) {
        self.piece.set(piece);
        self.start.set(values(piece));
        self.top.set(top);
        self.end.set(end(piece));
    }

    /// Goes on to the next piece, which is made if need be. False: there is no memory.
    #[cold]
    #[inline(never)]
    fn more(&self) -> bool {
        #[cfg(test)]
        if !refusal::grants() {
            return false;
        }
        let piece = self.piece.get();
        // SAFETY: pieces are there as long as the list.
        let known = unsafe { piece.as_ref() };
        let mut next = known.map_or(ptr::null_mut(), |piece| piece.next.get());
        if next.is_null() {
            next = make(piece, known.map_or(LEAST, |piece| (piece.bytes * 2).min(MOST)));
            if next.is_null() {
                return false;
            }
            known.map_or(&self.first, |piece| &piece.next).set(next);
        }
        self.before.set(self.len());
        self.enter(next, values(next));
        true
    }

    /// Goes back to the piece before, which is full. False: there is none.
    #[cold]
    #[inline(never)]
    fn less(&self) -> bool {
        // SAFETY: pieces are there as long as the list.
        let piece = unsafe { self.piece.get().as_ref() };
        let previous = piece.map_or(ptr::null_mut(), |piece| piece.previous);
        if previous.is_null() {
            return false;
        }
        self.enter(previous, end(previous));
        self.before.set(self.before.get() - capacity::<T>(previous));
        true
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        let mut cursor = Cursor::new();
        core::iter::from_fn(move || cursor.next(self))
    }

    /// All of them, piece by piece.
    pub fn slices(&self) -> impl Iterator<Item = &[T]> + '_ {
        let current = self.piece.get();
        let mut next = if current.is_null() { current } else { self.first.get() };
        core::iter::from_fn(move || {
            // SAFETY: pieces are there as long as the list.
            let piece = unsafe { next.as_ref() }?;
            let start = values::<T>(next);
            let len = match next == current {
                true => self.len() - self.before.get(),
                false => capacity::<T>(next),
            };
            next = if next == current { ptr::null_mut() } else { piece.next.get() };
            // SAFETY: so many were put there, and nobody changes them while the list is borrowed: that takes it
            // exclusively.
            Some(unsafe { core::slice::from_raw_parts(start, len) })
        })
    }

    /// Keeps those that `keep` says yes to, in their order. It may change them, and is also shown one that it will be asked about
    /// soon.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T, Option<T>) -> bool) {
        const AHEAD: usize = 12;
        let (mut from, mut to) = (Cursor::new(), Cursor::new());
        while let Some(place) = from.next_place(self) {
            let ahead = from.ahead(AHEAD);
            // SAFETY: there is a value, and the list is ours.
            if keep(unsafe { &mut *place }, ahead)
                && let Some(target) = to.next_place(self)
            {
                // SAFETY: both are places of values, perhaps the same.
                unsafe { ptr::copy(place, target, 1) };
            }
        }
        let last = if to.piece.is_null() { self.first.get() } else { to.piece };
        if last.is_null() {
            return;
        }
        let mut before = 0;
        let mut piece = self.first.get();
        while piece != last {
            before += capacity::<T>(piece);
            // SAFETY: pieces are there as long as the list.
            piece = unsafe { &*piece }.next.get();
        }
        self.enter(last, if to.piece.is_null() { values(last) } else { to.at });
        self.before.set(before);
    }

    /// Takes all out, with the memory.
    #[must_use]
    pub fn take(&self) -> Pieces<T> {
        let taken = Pieces::new();
        self.swap(&taken);
        taken
    }

    /// Exchanges all.
    pub fn swap(&self, other: &Pieces<T>) {
        self.first.swap(&other.first);
        self.piece.swap(&other.piece);
        self.start.swap(&other.start);
        self.top.swap(&other.top);
        self.end.swap(&other.end);
        self.before.swap(&other.before);
    }

    /// Takes the memory of `other`, which is forgotten, for its own if it has none: the first pieces.
    pub fn reuse(&self, other: Pieces<T>) {
        let first = other.first.get();
        if first.is_null() || !self.first.get().is_null() {
            return;
        }
        let (mut last, mut bytes) = (first, 0);
        loop {
            // SAFETY: pieces are there as long as their list.
            let piece = unsafe { &*last };
            bytes += piece.bytes;
            let next = piece.next.get();
            if next.is_null() {
                break;
            }
            if bytes >= KEPT {
                piece.next.set(ptr::null_mut());
                free(next);
                break;
            }
            last = next;
        }
        self.first.set(other.first.replace(ptr::null_mut()));
        self.enter(first, values(first));
        self.before.set(0);
    }
}

impl<T: Copy> Drop for Pieces<T> {
    fn drop(&mut self) {
        free(self.first.get());
    }
}

/// A place in a list, from which it goes on as long as there are values, also those that came since.
pub struct Cursor<T> {
    piece: *mut Piece,
    at: *mut T,
    end: *mut T,
}

impl<T: Copy> Cursor<T> {
    /// Before the first value.
    pub const fn new() -> Cursor<T> {
        Cursor { piece: ptr::null_mut(), at: ptr::null_mut(), end: ptr::null_mut() }
    }

    /// The next value of the list, which is always the same one, and loses none meanwhile.
    #[inline(always)]
    pub fn next(&mut self, list: &Pieces<T>) -> Option<T> {
        // SAFETY: there is a value.
        self.next_place(list).map(|place| unsafe { place.read() })
    }

    /// The place of the next value.
    #[inline(always)]
    fn next_place(&mut self, list: &Pieces<T>) -> Option<*mut T> {
        if self.at == self.end && !self.go_on(list) {
            return None;
        }
        let place = self.at;
        // SAFETY: `at` is below the end.
        self.at = unsafe { place.add(1) };
        Some(place)
    }

    /// The value so far behind the next one, if it is in the same piece.
    #[inline(always)]
    pub fn ahead(&self, by: usize) -> Option<T> {
        let place = self.at.wrapping_add(by);
        // SAFETY: before the end of what is known to be there.
        (place < self.end).then(|| unsafe { place.read() })
    }

    /// Whether there is more.
    #[inline(always)]
    fn go_on(&mut self, list: &Pieces<T>) -> bool {
        let current = list.piece.get();
        if self.piece == current && !current.is_null() {
            self.end = list.top.get();
            return self.at != self.end;
        }
        self.enter_next(list)
    }

    #[inline(never)]
    fn enter_next(&mut self, list: &Pieces<T>) -> bool {
        let current = list.piece.get();
        if self.piece.is_null() {
            self.piece = list.first.get();
            self.at = values(self.piece);
        }
        // Nothing was put there so far.
        if current.is_null() {
            return false;
        }
        loop {
            // More may have come to it since.
            self.end = if self.piece == current { list.top.get() } else { end(self.piece) };
            if self.at != self.end {
                return true;
            }
            if self.piece == current {
                return false;
            }
            // SAFETY: pieces are there as long as their list.
            self.piece = unsafe { &*self.piece }.next.get();
            self.at = values(self.piece);
        }
    }
}

/// Values that fit.
const fn capacity_of<T>(bytes: usize) -> usize {
    (bytes - size_of::<Piece>()) / size_of::<T>()
}

/// The same of a piece.
fn capacity<T>(piece: *mut Piece) -> usize {
    // SAFETY: whoever asks has one.
    capacity_of::<T>(unsafe { &*piece }.bytes)
}

/// Where the values of a piece begin; null, if that is.
fn values<T>(piece: *mut Piece) -> *mut T {
    const { assert!(align_of::<T>() <= align_of::<Piece>()) };
    if piece.is_null() { ptr::null_mut() } else { piece.wrapping_add(1).cast() }
}

/// Where they end.
fn end<T>(piece: *mut Piece) -> *mut T {
    values::<T>(piece).wrapping_add(capacity::<T>(piece))
}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes, align_of::<Piece>()).ok()
}

/// A piece behind another; null: there is no memory.
fn make(previous: *mut Piece, bytes: usize) -> *mut Piece {
    let Some(layout) = layout(bytes) else { return ptr::null_mut() };
    let piece: *mut Piece = super::allocate(layout, Options::NONE).cast();
    if !piece.is_null() {
        // SAFETY: the block is ours, and large enough.
        unsafe { piece.write(Piece { next: Cell::new(ptr::null_mut()), previous, bytes }) };
    }
    piece
}

/// Frees a piece and those behind it.
fn free(mut piece: *mut Piece) {
    // SAFETY: `make` wrote it, and nobody uses it any more.
    while let Some(Piece { next, bytes, .. }) = unsafe { piece.as_ref() } {
        let next = next.get();
        if let Some(layout) = layout(*bytes) {
            super::free(piece.cast(), layout);
        }
        piece = next;
    }
}
