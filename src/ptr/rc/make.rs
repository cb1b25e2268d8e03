//! `Rc`s of slices: from iterators, copies and clones, and rooms without a value.

use core::alloc::Layout;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::NonNull;

use super::Rc;
use crate::ptr::object::{self, Shape};

impl<T> Rc<[T]> {
    /// Room for `len` values that are made later.
    ///
    /// # Panics
    /// When that many bytes can't be.
    ///
    /// ```
    /// use neap::Rc;
    /// let mut three = Rc::<[u32]>::new_uninit_slice(3);
    /// for (i, room) in Rc::get_mut(&mut three).unwrap().iter_mut().enumerate() {
    ///     room.write(i as u32);
    /// }
    /// // SAFETY: all three were written.
    /// assert_eq!(*unsafe { three.assume_init() }, [0, 1, 2]);
    /// ```
    #[must_use]
    pub fn new_uninit_slice(len: usize) -> Rc<[MaybeUninit<T>]> {
        let start = object::allocate(layout::<T>(len)).cast();
        // SAFETY: no bytes have to be there for a `MaybeUninit`.
        unsafe { Rc::from_value(NonNull::slice_from_raw_parts(start, len)) }
    }

    /// Room for `len` values, all bytes 0. Memory that is known to be 0 is not written again.
    ///
    /// # Panics
    /// As [`new_uninit_slice`](Rc::new_uninit_slice).
    ///
    /// ```
    /// let zeroes = neap::Rc::<[u32]>::new_zeroed_slice(3);
    /// // SAFETY: 0 is a number.
    /// assert_eq!(*unsafe { zeroes.assume_init() }, [0, 0, 0]);
    /// ```
    #[must_use]
    pub fn new_zeroed_slice(len: usize) -> Rc<[MaybeUninit<T>]> {
        let start = object::allocate_zeroed(layout::<T>(len)).cast();
        // SAFETY: as above.
        unsafe { Rc::from_value(NonNull::slice_from_raw_parts(start, len)) }
    }

    /// A copy of the bytes of `values`.
    ///
    /// # Safety
    /// They are moved out of, or may be copied.
    pub(super) unsafe fn copied(values: *const [T]) -> Rc<[T]> {
        let len = values.len();
        let start = object::allocate(layout::<T>(len)).cast::<T>();
        // SAFETY: both have so many values, and are two blocks.
        unsafe { start.as_ptr().copy_from_nonoverlapping(values.cast(), len) };
        // SAFETY: the values are there.
        unsafe { Rc::from_value(NonNull::slice_from_raw_parts(start, len)) }
    }

    /// A clone of each of `values`.
    pub(super) fn cloned(values: &[T]) -> Rc<[T]>
    where
        T: Clone,
    {
        let mut making = Making::new(values.len());
        if needs_drop::<T>() {
            values.iter().for_each(|value| making.push(value.clone()));
        } else {
            // Nothing would have to be dropped half way, so it need not be known how far this is: a copy in one piece
            // where a clone is one.
            for (i, value) in values.iter().enumerate() {
                // SAFETY: there is room for as many as there are values.
                let place = unsafe { making.start.add(i) };
                // SAFETY: as above.
                unsafe { place.write(value.clone()) };
            }
            making.made = values.len();
        }
        making.finish()
    }

    /// What `values` gives, in its order. Without a copy where the iterator knows how many there are.
    pub(super) fn collected(mut values: impl Iterator<Item = T>) -> Rc<[T]> {
        let (least, most) = values.size_hint();
        if most != Some(least) {
            return values.collect::<Vec<T>>().into();
        }
        let mut making = Making::new(least);
        let mut made = 0;
        while made < least
            && let Some(value) = values.next()
        {
            // SAFETY: there is room for `least`.
            let place = unsafe { making.start.add(made) };
            // SAFETY: as above.
            unsafe { place.write(value) };
            made += 1;
            if needs_drop::<T>() {
                // Else nobody wants to know before the end.
                making.made = made;
            }
        }
        making.made = made;
        // An iterator may be wrong about it. One that has ended is not asked again.
        if making.made < least {
            return Vec::from(making).into();
        }
        let Some(more) = values.next() else { return making.finish() };
        let mut all = Vec::from(making);
        all.push(more);
        all.extend(values);
        all.into()
    }
}

fn layout<T>(len: usize) -> Layout {
    Layout::array::<T>(len).unwrap_or_else(|_| panic!("capacity overflow"))
}

/// A slice of which some values were made: drops them and gives the block back, if it does not come to an end.
struct Making<T> {
    start: NonNull<T>,
    made: usize,
    len: usize,
}

impl<T> Making<T> {
    fn new(len: usize) -> Self {
        let start = object::allocate(layout::<T>(len)).cast();
        Making { start, made: 0, len }
    }

    #[inline]
    fn push(&mut self, value: T) {
        assert!(self.made < self.len);
        // SAFETY: there is room for one more.
        let place = unsafe { self.start.add(self.made) };
        // SAFETY: as above.
        unsafe { place.write(value) };
        self.made += 1;
    }

    fn room(&self) -> NonNull<[T]> {
        NonNull::slice_from_raw_parts(self.start, self.len)
    }

    fn finish(self) -> Rc<[T]> {
        assert!(self.made == self.len);
        let slice = self.room();
        core::mem::forget(self);
        // SAFETY: all values were made.
        unsafe { Rc::from_value(slice) }
    }
}

impl<T> From<Making<T>> for Vec<T> {
    /// What was made so far.
    fn from(mut making: Making<T>) -> Vec<T> {
        let mut values = Vec::with_capacity(making.made);
        // SAFETY: so many were made, and there is room for them.
        unsafe {
            making.start.copy_to_nonoverlapping(
                NonNull::from(&mut values.spare_capacity_mut()[..making.made]).cast(),
                making.made,
            )
        };
        // SAFETY: as above.
        unsafe { values.set_len(making.made) };
        making.made = 0;
        values
    }
}

impl<T> Drop for Making<T> {
    fn drop(&mut self) {
        let _part = Room(self.room());
        let made = NonNull::slice_from_raw_parts(self.start, self.made);
        // SAFETY: so many were made, and nobody else knows of them.
        unsafe { core::ptr::drop_in_place(made.as_ptr()) };
    }
}

/// The block of a slice that came to nothing.
struct Room<T>(NonNull<[T]>);

impl<T> Drop for Room<T> {
    fn drop(&mut self) {
        // SAFETY: the block was had for so many values.
        let shape = unsafe { Shape::of(self.0) };
        // SAFETY: it is given up, without having been shown to anybody.
        unsafe { object::free(self.0.cast(), shape) };
    }
}

impl<T> Rc<MaybeUninit<T>> {
    /// The value was made.
    ///
    /// # Safety
    /// It was.
    ///
    /// ```
    /// let mut five = neap::Rc::<u32>::new_uninit();
    /// neap::Rc::get_mut(&mut five).unwrap().write(5);
    /// // SAFETY: it was written.
    /// assert_eq!(*unsafe { five.assume_init() }, 5);
    /// ```
    #[inline]
    pub unsafe fn assume_init(self) -> Rc<T> {
        // SAFETY: the caller says so; the layout is the same.
        unsafe { Rc::from_raw(Rc::into_raw(self).cast()) }
    }
}

impl<T> Rc<[MaybeUninit<T>]> {
    /// All values were made.
    ///
    /// # Safety
    /// They were.
    ///
    /// ```
    /// let mut two = neap::Rc::<[u32]>::new_uninit_slice(2);
    /// neap::Rc::get_mut(&mut two).unwrap().iter_mut().for_each(|room| { room.write(1); });
    /// // SAFETY: both were written.
    /// assert_eq!(*unsafe { two.assume_init() }, [1, 1]);
    /// ```
    #[inline]
    pub unsafe fn assume_init(self) -> Rc<[T]> {
        // SAFETY: the caller says so; the layout is the same.
        unsafe { Rc::from_raw(Rc::into_raw(self) as *const [T]) }
    }
}
