//! `Trace` for the types of std.

use core::cell::{Cell, LazyCell, OnceCell, RefCell};
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, needs_drop};
use core::num::{NonZero, Wrapping};
use core::ops::{Deref, Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive};
use core::pin::Pin;
use core::time::Duration;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::{LazyLock, Mutex, OnceLock, RwLock, TryLockError};

use super::derived::bytes_of;
use super::seen::Seen;
use super::trace::{Trace, Tracer};
use crate::ptr;

/// Types that own no `Gc`, whatever `T` is.
macro_rules! leaves {
    (of T: $($type:ty;)*) => {$(leaves!(one [T: ?Sized + 'static] $type);)*};
    (one [$($parameter:tt)*] $type:ty) => {
        // SAFETY: such a value owns no `Gc`.
        unsafe impl<$($parameter)*> Trace for $type {
            #[inline(always)]
            fn trace(&self, _: &mut Tracer<'_>) {}

            #[inline(always)]
            fn is_cyclic() -> bool {
                false
            }

            #[inline(always)]
            fn owns_only_gcs() -> bool {
                !needs_drop::<Self>()
            }
        }
    };
    (unsized $($type:ty;)*) => {$(
        // SAFETY: such a value owns no `Gc`.
        unsafe impl Trace for $type {
            #[inline(always)]
            fn trace(&self, _: &mut Tracer<'_>) {}
        }
    )*};
    ($($type:ty;)*) => {$(leaves!(one [] $type);)*};
}

leaves! {
    unsized
    str; std::path::Path; std::ffi::OsStr; std::ffi::CStr;
}

leaves! {
    (); bool; char; u8; u16; u32; u64; u128; usize; i8; i16; i32; i64; i128; isize; f32; f64;
    String; std::path::PathBuf; std::ffi::OsString; std::ffi::CString;
    Duration; std::time::Instant; std::time::SystemTime;
    core::net::IpAddr; core::net::Ipv4Addr; core::net::Ipv6Addr;
    core::net::SocketAddr; core::net::SocketAddrV4; core::net::SocketAddrV6;
    core::sync::atomic::AtomicBool;
    core::sync::atomic::AtomicU8; core::sync::atomic::AtomicU16; core::sync::atomic::AtomicU32;
    core::sync::atomic::AtomicU64; core::sync::atomic::AtomicUsize;
    core::sync::atomic::AtomicI8; core::sync::atomic::AtomicI16; core::sync::atomic::AtomicI32;
    core::sync::atomic::AtomicI64; core::sync::atomic::AtomicIsize;
    core::marker::PhantomPinned; core::convert::Infallible;
    core::any::TypeId; core::alloc::Layout; core::ops::RangeFull; core::cmp::Ordering;
    std::hash::RandomState; std::thread::ThreadId;
    NonZero<u8>; NonZero<u16>; NonZero<u32>; NonZero<u64>; NonZero<u128>; NonZero<usize>;
    NonZero<i8>; NonZero<i16>; NonZero<i32>; NonZero<i64>; NonZero<i128>; NonZero<isize>;
}

leaves! {
    of T:
    PhantomData<T>;
    // Whatever stands behind these has other owners, who would visit it as well.
    &'static T;
    std::rc::Rc<T>;
    std::rc::Weak<T>;
    std::sync::Arc<T>;
    std::sync::Weak<T>;
    ptr::Rc<T>;
    ptr::Weak<T>;
    super::Weak<T>;
}

/// Types that own values of others: each value is visited. Where there are none, or they are borrowed, what lies in the
/// container is not in use.
macro_rules! owners {
    // In the container itself, and always visited: what is dropped with it is they, and nothing else.
    (within $([$parameter:ident] $type:ty, $this:ident => $values:expr;)*) => {$(
        owners!(one [$parameter] $type, $this => $values; {
            #[inline(always)]
            fn owns_only_gcs() -> bool {
                $parameter::owns_only_gcs()
            }
        });
    )*};
    // Elsewhere, or not always visited.
    (elsewhere $([$parameter:ident] $type:ty, $this:ident => $values:expr;)*) => {$(
        owners!(one [$parameter] $type, $this => $values; {});
    )*};
    (one [$parameter:ident] $type:ty, $this:ident => $values:expr; { $($more:item)* }) => {
        // SAFETY: each value is visited, once, and the type owns a `Gc` only if they do.
        unsafe impl<$parameter: Trace> Trace for $type {
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'_>) {
                if <Self as Trace>::is_cyclic() {
                    let $this = self;
                    let mut idle = true;
                    for value in IntoIterator::into_iter($values) {
                        idle = false;
                        value.trace(tracer);
                    }
                    // One word in which nothing is has nothing left in it.
                    if idle && const { size_of::<Self>() > size_of::<usize>() } {
                        tracer.idle(self);
                    }
                }
            }

            #[inline]
            fn is_cyclic() -> bool {
                $parameter::is_cyclic()
            }

            #[inline]
            fn is_cyclic_among(seen: impl Seen) -> bool {
                $parameter::is_cyclic_among(seen)
            }

            $($more)*
        }
    };
}

owners! {
    within
    [T] Option<T>, this => this;
    [T] Wrapping<T>, this => [&this.0];
    [T] core::num::Saturating<T>, this => [&this.0];
    [T] core::cmp::Reverse<T>, this => [&this.0];
    [T] Range<T>, this => [&this.start, &this.end];
    [T] RangeFrom<T>, this => [&this.start];
    [T] RangeInclusive<T>, this => [this.start(), this.end()];
    [T] RangeTo<T>, this => [&this.end];
    [T] RangeToInclusive<T>, this => [&this.end];
    [T] core::ops::Bound<T>, this => match this {
        core::ops::Bound::Included(value) | core::ops::Bound::Excluded(value) => Some(value),
        core::ops::Bound::Unbounded => None,
    };
    [T] core::task::Poll<T>, this => match this {
        core::task::Poll::Ready(value) => Some(value),
        core::task::Poll::Pending => None,
    };
    [T] OnceCell<T>, this => this.get();
    [T] OnceLock<T>, this => this.get();
    // SAFETY: nothing changes the value while it is visited.
    [T] Cell<T>, this => [unsafe { &*this.as_ptr() }];
}

owners! {
    elsewhere
    [T] Vec<T>, this => this;
    [T] LinkedList<T>, this => this;
    [T] BinaryHeap<T>, this => this;
    [T] BTreeSet<T>, this => this;
    // What somebody may change just now is not looked at: it counts as held from outside. What a panic
    // poisoned is there all the same.
    [T] Mutex<T>, this => match this.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }.as_deref();
    [T] RwLock<T>, this => match this.try_read() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }.as_deref();
}

// SAFETY: the value is visited, once, and it owns a `Gc` only if that does.
unsafe impl<T: Trace> Trace for RefCell<T> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if T::is_cyclic() {
            // SAFETY: nothing borrows it to change it while it is visited.
            match unsafe { self.try_borrow_unguarded() } {
                Ok(value) => value.trace(tracer),
                // What is borrowed to be changed is not looked at: it counts as held from outside.
                Err(_) => {
                    tracer.idle(self);
                    tracer.note_more();
                }
            }
        }
    }

    #[inline]
    fn is_cyclic() -> bool {
        T::is_cyclic()
    }

    #[inline]
    fn is_cyclic_among(seen: impl Seen) -> bool {
        T::is_cyclic_among(seen)
    }

    #[inline(always)]
    fn owns_only_gcs() -> bool {
        T::owns_only_gcs()
    }
}

// SAFETY: each value is visited, once, and it owns a `Gc` only if they do.
unsafe impl<T: Trace> Trace for VecDeque<T> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if T::is_cyclic() {
            // It begins anywhere in its memory: what lies at the beginning may be left over.
            tracer.idle(self);
            for value in self {
                value.trace(tracer);
            }
        }
    }

    #[inline]
    fn is_cyclic() -> bool {
        T::is_cyclic()
    }

    #[inline]
    fn is_cyclic_among(seen: impl Seen) -> bool {
        T::is_cyclic_among(seen)
    }
}

// SAFETY: each value is visited, once.
unsafe impl<T: Trace> Trace for [T] {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if T::is_cyclic() {
            for value in self {
                value.trace(tracer);
            }
        }
    }
}

// SAFETY: as above.
unsafe impl<T: Trace, const N: usize> Trace for [T; N] {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.as_slice().trace(tracer);
    }

    #[inline]
    fn is_cyclic() -> bool {
        T::is_cyclic()
    }

    #[inline]
    fn is_cyclic_among(seen: impl Seen) -> bool {
        T::is_cyclic_among(seen)
    }
    #[inline(always)]
    fn owns_only_gcs() -> bool {
        T::owns_only_gcs()
    }
}

// SAFETY: the value is visited, once. A value that needs no drop owns no `Gc`; that of a trait object may.
unsafe impl<T: ?Sized + Trace> Trace for Box<T> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        (**self).trace(tracer);
    }

    #[inline]
    fn is_cyclic() -> bool {
        needs_drop::<T>()
    }
}

// SAFETY: as for the pointer in it, which is not moved.
unsafe impl<P: Trace + Deref> Trace for Pin<P> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        // SAFETY: a `Pin` is its pointer, and nothing moves.
        unsafe { &*core::ptr::from_ref(self).cast::<P>() }.trace(tracer);
    }

    #[inline]
    fn is_cyclic() -> bool {
        P::is_cyclic()
    }

    #[inline]
    fn is_cyclic_among(seen: impl Seen) -> bool {
        P::is_cyclic_among(seen)
    }
    #[inline(always)]
    fn owns_only_gcs() -> bool {
        P::owns_only_gcs()
    }
}

// SAFETY: the value is visited, once. (It is not dropped with its owner, so what it owns is left when that is garbage.)
unsafe impl<T: ?Sized + Trace> Trace for ManuallyDrop<T> {
    #[inline]
    fn trace(&self, _: &mut Tracer<'_>) {
        // Its references are not given up when the owner is dropped, so they count as held from outside.
    }

    #[inline]
    fn is_cyclic() -> bool
    where
        Self: Sized,
    {
        false
    }

    #[inline(always)]
    fn owns_only_gcs() -> bool
    where
        Self: Sized,
    {
        true
    }
}

/// Cells that make their value when it is asked for. What the closure owns that is to make it can't be visited: until then it counts
/// as held from outside.
macro_rules! lazy {
    ($($cell:ident)*) => {$(
        // SAFETY: what was made is visited, once.
        unsafe impl<T: Trace, F: 'static> Trace for $cell<T, F> {
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'_>) {
                if let Some(value) = $cell::get(self) {
                    // What the closure left behind is not in use.
                    tracer.idle(self);
                    tracer.in_use((core::ptr::from_ref(value).addr(), size_of::<T>()));
                    value.trace(tracer);
                }
            }

            #[inline]
            fn is_cyclic() -> bool {
                T::is_cyclic()
            }

            #[inline]
            fn is_cyclic_among(seen: impl Seen) -> bool {
                T::is_cyclic_among(seen)
            }
        }
    )*};
}

lazy! { LazyCell LazyLock }

/// Function pointers that take and give no borrowed values of any lifetime, or one lifetime that is known. (Of others, `for<'a>
/// fn(&'a str)`, nothing can be implemented; the derive knows them.)
macro_rules! functions {
    ($(($($a:ident)*))*) => {$(
        functions!(one [$($a)*] fn($($a),*) -> R);
        functions!(one [$($a)*] unsafe fn($($a),*) -> R);
        functions!(one [$($a)*] extern "C" fn($($a),*) -> R);
        functions!(one [$($a)*] unsafe extern "C" fn($($a),*) -> R);
    )*};
    (one [$($a:ident)*] $type:ty) => {
        // SAFETY: a function owns nothing.
        unsafe impl<R: 'static, $($a: 'static),*> Trace for $type {
            #[inline(always)]
            fn trace(&self, _: &mut Tracer<'_>) {}

            #[inline(always)]
            fn is_cyclic() -> bool {
                false
            }

            #[inline(always)]
            fn owns_only_gcs() -> bool {
                true
            }
        }
    };
}

functions! {
    () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
    (A B C D E F G H I) (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}

// SAFETY: what is borrowed is nobody's alone, what is owned is visited, once.
unsafe impl<B: ?Sized + ToOwned + 'static> Trace for Cow<'static, B>
where
    B::Owned: Trace,
{
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Cow::Owned(value) = self {
            value.trace(tracer);
        }
    }

    #[inline]
    fn is_cyclic() -> bool {
        B::Owned::is_cyclic()
    }

    #[inline]
    fn is_cyclic_among(seen: impl Seen) -> bool {
        B::Owned::is_cyclic_among(seen)
    }
}

/// Types with values of two kinds.
macro_rules! two {
    ($([$a:ident, $b:ident $(, $other:ident)?] $type:ty, $this:ident, $tracer:ident => $body:expr;)*) => {$(
        // SAFETY: each value is visited, once, and the type owns a `Gc` only if they do.
        unsafe impl<$a: Trace, $b: Trace $(, $other: Trace)?> Trace for $type {
            #[inline]
            fn trace(&self, $tracer: &mut Tracer<'_>) {
                if <Self as Trace>::is_cyclic() {
                    let $this = self;
                    $body
                }
            }

            #[inline]
            fn is_cyclic() -> bool {
                $a::is_cyclic() || $b::is_cyclic() $(|| $other::is_cyclic())?
            }

            #[inline]
            fn is_cyclic_among(seen: impl Seen) -> bool {
                $a::is_cyclic_among(seen)
                    || $b::is_cyclic_among(seen)
                    $(|| $other::is_cyclic_among(seen))?
            }
        }
    )*};
}

two! {
    [T, E] Result<T, E>, this, tracer => {
        tracer.idle(this);
        match this {
            Ok(value) => {
                tracer.in_use(bytes_of(value));
                value.trace(tracer);
            }
            Err(error) => {
                tracer.in_use(bytes_of(error));
                error.trace(tracer);
            }
        }
    };
    [K, V, S] HashMap<K, V, S>, this, tracer => {
        this.hasher().trace(tracer);
        for (key, value) in this {
            key.trace(tracer);
            value.trace(tracer);
        }
    };
    [K, V] BTreeMap<K, V>, this, tracer => for (key, value) in this {
        key.trace(tracer);
        value.trace(tracer);
    };
    [T, S] HashSet<T, S>, this, tracer => {
        this.hasher().trace(tracer);
        for value in this {
            value.trace(tracer);
        }
    };
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        // SAFETY: each value is visited, once.
        unsafe impl<$($name: Trace),+> Trace for ($($name,)+) {
            #[inline]
            #[expect(non_snake_case, reason = "a type's name for its value")]
            fn trace(&self, tracer: &mut Tracer<'_>) {
                let ($($name,)+) = self;
                $($name.trace(tracer);)+
            }

            #[inline]
            fn is_cyclic() -> bool {
                $($name::is_cyclic())||+
            }

            #[inline]
            fn is_cyclic_among(seen: impl Seen) -> bool {
                $($name::is_cyclic_among(seen))||+
            }

            #[inline(always)]
            fn owns_only_gcs() -> bool {
                $($name::owns_only_gcs())&&+
            }
        }
    )+};
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
    (A B C D E F G H I) (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}
