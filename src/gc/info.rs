//! What the collector knows of a type, and how a header names it.
//!
//! ```text
//!    ANCHOR                                   Info of `Node`
//!   ┌──────────┐                             ┌───────────────────────────────┐
//!   │          │ ◄─── 21 bits, in steps ───► │ trace · drop · finalize ·     │   64 bytes, read-only,
//!   └──────────┘        of 64 bytes          │ name · size · align · element │   made by the compiler
//!                                            └───────────────────────────────┘
//! ```
//!
//! There is one `Info` for each type (or several that say the same), a constant. A header has room for the distance
//! from an anchor in the same image, ±32 MiB. One that lies farther away, in another library, has a place in a
//! table that only grows, and the header names the place.

use core::alloc::Layout;
use core::any::{TypeId, type_name};
use core::mem::needs_drop;
use core::ptr::{self, NonNull};

use super::object;
use super::trace::{Trace, Tracer};
use crate::sync::{AtomicUsize, Ordering};
use crate::units::regain;

/// What is known of a type.
#[repr(C, align(64))]
pub struct Info {
    /// Bytes of a value, or of an element of a slice.
    size: usize,
    align: u32,
    /// A slice of such elements, whose number stands in front of the header.
    is_slice: bool,
    /// Whether there is something to drop.
    pub needs_drop: bool,
    trace: unsafe fn(NonNull<u8>, &mut Tracer<'_>),
    drop: unsafe fn(NonNull<u8>),
    finalize: unsafe fn(NonNull<u8>),
    /// Whether there is a finalizer, and whether a value can own a `Gc`.
    says: fn() -> (bool, bool),
    /// The type's name.
    pub name: fn() -> &'static str,
    /// The type.
    pub id: fn() -> TypeId,
}

const _: () = assert!(size_of::<Info>() == 64);

/// Makes the constants.
struct Of<T: ?Sized>(core::marker::PhantomData<T>);

impl<T: Trace> Of<T> {
    const INFO: Info = Info {
        size: size_of::<T>(),
        align: align_of::<T>() as u32,
        is_slice: false,
        needs_drop: needs_drop::<T>(),
        trace: |value, tracer| {
            // SAFETY: the caller says that it is a live `T`.
            unsafe { value.cast::<T>().as_ref() }.trace(tracer);
            if !T::owns_only_gcs() {
                tracer.note_more();
            }
        },
        drop: |value| {
            // SAFETY: the caller gives up the live `T` that it is.
            unsafe { value.cast::<T>().drop_in_place() };
        },
        finalize: |value| {
            if let Some(finalize) = T::finalizer() {
                // SAFETY: the caller says that it is a live `T`.
                finalize(unsafe { value.cast::<T>().as_ref() });
            }
        },
        says: || (T::finalizer().is_some(), T::is_cyclic()),
        name: type_name::<T>,
        id: TypeId::of::<T>,
    };
}

impl<T: Trace> Of<[T]> {
    const INFO: Info = Info {
        size: size_of::<T>(),
        align: align_of::<T>() as u32,
        is_slice: true,
        needs_drop: needs_drop::<T>(),
        trace: |value, tracer| {
            // SAFETY: the caller says that it is such a slice.
            let slice = unsafe { slice_at::<T>(value) };
            // SAFETY: the caller says that these are live.
            for value in unsafe { slice.as_ref() } {
                value.trace(tracer);
            }
            if !T::owns_only_gcs() {
                tracer.note_more();
            }
        },
        drop: |value| {
            // SAFETY: the caller says that it is such a slice.
            let slice = unsafe { slice_at::<T>(value) };
            // SAFETY: the caller gives them up.
            unsafe { slice.drop_in_place() };
        },
        finalize: |_| (),
        says: || (false, T::is_cyclic()),
        name: type_name::<[T]>,
        id: TypeId::of::<[T]>,
    };
}

/// # Safety
/// `value` is in an object with a slice of these.
unsafe fn slice_at<T>(value: NonNull<u8>) -> NonNull<[T]> {
    // SAFETY: by the precondition.
    NonNull::slice_from_raw_parts(value.cast(), unsafe { object::slice_length(value) })
}

impl Info {
    /// Of a type.
    #[inline(always)]
    pub const fn of<T: Trace>() -> &'static Info {
        &Of::<T>::INFO
    }

    /// Of texts.
    #[inline(always)]
    pub const fn of_str() -> &'static Info {
        const INFO: Info =
            Info { name: type_name::<str>, id: TypeId::of::<str>, ..Of::<[u8]>::INFO };
        &INFO
    }

    /// Of slices of a type.
    #[inline(always)]
    pub const fn of_slice<T: Trace>() -> &'static Info {
        &Of::<[T]>::INFO
    }

    /// Whether it is that of slices, whose length stands in front of the header.
    #[inline(always)]
    pub const fn is_slice(&self) -> bool {
        self.is_slice
    }

    /// Whether values have a finalizer.
    pub fn has_finalizer(&self) -> bool {
        (self.says)().0
    }

    /// Whether the type says that a value can own a `Gc`.
    pub fn is_cyclic(&self) -> bool {
        (self.says)().1
    }

    /// Bytes of a value, or of an element of a slice.
    pub fn stride(&self) -> usize {
        self.size
    }

    /// The layout of a value; of so many elements, if it is a slice.
    #[inline]
    pub fn layout(&self, len: usize) -> Layout {
        let size = if self.is_slice { self.size * len } else { self.size };
        // SAFETY: such a value exists, and an alignment is a power of two.
        unsafe { Layout::from_size_align_unchecked(size, self.align as usize) }
    }

    /// Calls the value's `trace`, and has it noted if values of the type own more than is visited.
    ///
    /// # Safety
    /// It is in an object, alive, and of this type.
    #[inline(always)]
    pub unsafe fn trace(&self, value: NonNull<u8>, tracer: &mut Tracer<'_>) {
        // SAFETY: the caller's promise.
        unsafe { (self.trace)(value, tracer) };
    }

    /// Drops the value.
    ///
    /// # Safety
    /// As for [`trace`](Info::trace), and the caller gives it up.
    #[inline(always)]
    pub unsafe fn drop(&self, value: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { (self.drop)(value) };
    }

    /// Calls the value's finalizer.
    ///
    /// # Safety
    /// As for [`trace`](Info::trace).
    pub unsafe fn finalize(&self, value: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { (self.finalize)(value) };
    }
}

/// How a header names an [`Info`]: 21 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeCode(u32);

const CODE_BITS: u32 = 21;
/// The code is a place in the table.
const FAR: u32 = 1 << (CODE_BITS - 1);
/// Distances are signed, of so many bits.
const NEAR_BITS: u32 = CODE_BITS - 1;
const STEP: usize = size_of::<Info>();

/// Where distances begin: among the other constants of this image.
static ANCHOR: Info = Of::<()>::INFO;

impl TypeCode {
    /// Of an `Info`.
    ///
    /// # Panics
    /// When it is one too many of other libraries'.
    #[inline(always)]
    pub fn of(info: &'static Info) -> TypeCode {
        TypeCode::near(info).unwrap_or_else(|| TypeCode::far(info))
    }

    /// Of an `Info` that is near.
    #[inline(always)]
    pub fn near(info: &'static Info) -> Option<TypeCode> {
        // Exposed: `info` comes back from the number alone.
        let distance =
            ptr::from_ref(info).expose_provenance().wrapping_sub((&raw const ANCHOR).addr());
        let steps = distance.cast_signed() >> STEP.trailing_zeros();
        let is_near = (-(1 << (NEAR_BITS - 1))..1 << (NEAR_BITS - 1)).contains(&steps);
        (is_near && !far_for_tests()).then_some(TypeCode(steps as u32 & (FAR - 1)))
    }

    /// The bits.
    #[inline(always)]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// From the bits.
    #[inline(always)]
    pub const fn from_raw(raw: u32) -> TypeCode {
        TypeCode(raw)
    }

    /// The `Info`.
    #[inline(always)]
    pub fn info(self) -> &'static Info {
        if self.0 & FAR != 0 {
            return self.far_info();
        }
        let steps = (self.0 << (32 - NEAR_BITS)).cast_signed() >> (32 - NEAR_BITS);
        let address =
            (&raw const ANCHOR).addr().wrapping_add_signed(steps as isize * STEP as isize);
        // SAFETY: that is how the code was made, from an `Info` in the same image.
        unsafe { &*regain::<Info>(address) }
    }

    /// The place of an `Info` in the table; puts it there if need be.
    #[cold]
    #[inline(never)]
    fn far(info: &'static Info) -> TypeCode {
        let address = ptr::from_ref(info).expose_provenance();
        let start = (address / STEP).wrapping_mul(0x9E37_79B9) % PLACES;
        for i in 0..PLACES {
            let place = (start + i) % PLACES;
            // ORDERING: Relaxed: the table holds addresses of constants.
            let there = match TABLE[place].load(Ordering::Relaxed) {
                0 => TABLE[place]
                    .compare_exchange(0, address, Ordering::Relaxed, Ordering::Relaxed)
                    .map_or_else(|other| other, |_| address),
                there => there,
            };
            if there == address {
                return TypeCode(FAR | place as u32);
            }
        }
        panic!("too many types of collected objects in other libraries ({PLACES})")
    }

    #[cold]
    #[inline(never)]
    fn far_info(self) -> &'static Info {
        let address = TABLE[(self.0 & (FAR - 1)) as usize % PLACES].load(Ordering::Relaxed);
        // SAFETY: `far` put it there; it is a constant.
        unsafe { &*regain::<Info>(address) }
    }
}

/// Places for types of other libraries; 512 KiB of addresses, of which what is used is backed.
const PLACES: usize = 1 << 16;
static TABLE: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

/// Whether tests want each type to be taken for one of another library.
#[inline(always)]
fn far_for_tests() -> bool {
    #[cfg(test)]
    return super::tests::ALL_FAR.get();
    #[cfg(not(test))]
    false
}
