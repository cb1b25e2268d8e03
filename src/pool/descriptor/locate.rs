//! Finding the descriptor: of a block that a client gave back, or of any address.

use core::ptr::NonNull;

use super::{Descriptor, PoolRef, Tag};
use crate::arena::{Arena, Kind, kind_of};
use crate::config::{
    DESCRIPTOR_BYTES, DESCRIPTORS_AT, FIRST_UNIT, FREE_MAPS_AT, OUTER_MAP_BYTES, UNIT_BYTES, UNITS,
};
use crate::misuse::Misuse;
use crate::pool::SizeClass;
use crate::sync::Ordering;
use crate::units::{UnitId, arena_base, regain};

/// A block that a pool's owner must be told about, found by [`PoolRef::locate`].
#[derive(Clone, Copy)]
pub struct Located {
    /// The pool.
    pub pool: PoolRef,
    /// The block's index in it.
    pub index: usize,
}

impl PoolRef {
    /// For [`locate`](Self::locate): no arena is known yet. Not the base of any.
    pub const NO_ARENA: usize = usize::MAX;

    /// The descriptor that `address`, given back as a block of `class`, belongs to if all is well. Pure
    /// arithmetic: nothing is read. For prefetching, and the first half of `locate`.
    #[inline(always)]
    fn guess(address: usize, class: SizeClass) -> usize {
        let index = (address / UNIT_BYTES % UNITS) & !(class.units() - 1);
        arena_base(address) + DESCRIPTORS_AT + index * DESCRIPTOR_BYTES
    }

    /// The pool of the block in which `address` is, by arithmetic.
    ///
    /// # Safety
    /// It is a block of `class` that is out.
    #[inline(always)]
    pub unsafe fn of_block(address: usize, class: SizeClass) -> PoolRef {
        let descriptor = regain(Self::guess(address, class));
        // SAFETY: by the precondition that is the pool's descriptor, and no arena lies at 0.
        PoolRef(unsafe { NonNull::new_unchecked(descriptor) })
    }

    /// Finds pool and index of a block of `class` that a client gave back: the one way in.
    ///
    /// `known` is an arena that an earlier call was right about; it saves the look-up.
    #[inline(always)]
    pub fn locate(address: usize, class: SizeClass, known: &mut usize) -> Result<Located, Misuse> {
        let base = arena_base(address);
        if base != *known {
            if Arena::of(address).is_none() {
                return Err(match kind_of(address) {
                    Kind::MappingHead | Kind::MappingTail => Misuse::WrongLayout,
                    _ => Misuse::NotOurs,
                });
            }
            *known = base;
        }
        let pool_at = class.pool_at(address);
        let Some(descriptor) = NonNull::new(regain(Self::guess(address, class))) else {
            return Err(Misuse::NotOurs);
        };
        let pool = PoolRef(descriptor);
        // P3. Relaxed: the tag was written before the block was handed out, and the block came here with
        // whatever synchronisation its user has. Descriptors of the metadata's own units are zero.
        if pool.get().tag.load(Ordering::Relaxed) != Tag::Pool(class).raw() {
            return Err(pool.why_not(address));
        }
        match class.index_of(address - pool_at) {
            (index, true) => Ok(Located { pool, index }),
            _ => Err(Misuse::NotABlockStart),
        }
    }

    /// Fetches what flushing `address` will read.
    #[inline(always)]
    pub fn prefetch(address: usize, class: SizeClass) {
        let descriptor = Self::guess(address, class);
        let map = if class.is_inline() {
            descriptor + core::mem::offset_of!(Descriptor, free)
        } else {
            let (index, _) = class.index_of(address % UNIT_BYTES);
            let base = arena_base(address);
            base + FREE_MAPS_AT + (address / UNIT_BYTES % UNITS) * OUTER_MAP_BYTES + index / 64 * 8
        };
        prefetch(descriptor);
        prefetch(map);
    }

    /// Says what is wrong with a block that is not of the class that its layout says.
    #[cold]
    fn why_not(self, address: usize) -> Misuse {
        match self.tag() {
            Tag::Nothing => {
                // Inside a medium pool or a large run?
                match Self::holding(address) {
                    Some(_) => Misuse::WrongLayout,
                    None => Misuse::NotLive,
                }
            }
            Tag::Large | Tag::Pool(_) => Misuse::WrongLayout,
        }
    }

    /// What begins at `address`, if that is the start of a unit of an arena behind its metadata.
    pub fn beginning_at(address: usize) -> Option<PoolRef> {
        Arena::of(address)?;
        let unit = UnitId::of(address).filter(|unit| unit.address() == address)?;
        // SAFETY: the unit lies in a registered arena, behind its metadata.
        (unit.index() >= FIRST_UNIT).then(|| unsafe { PoolRef::from_id(unit) })
    }

    /// The pool in which `address` is, and its class: by its own unit, or the first of a medium pool.
    #[cfg(feature = "gc")]
    pub fn around(address: usize) -> Option<(PoolRef, SizeClass)> {
        Arena::of(address)?;
        let unit = address / UNIT_BYTES;
        [unit, unit & !(crate::config::MEDIUM_UNITS - 1)].into_iter().find_map(|first| {
            let id = UnitId::of(first * UNIT_BYTES).filter(|id| id.index() >= FIRST_UNIT)?;
            // SAFETY: a unit of a registered arena, behind its metadata.
            let pool = unsafe { PoolRef::from_id(id) };
            match pool.tag() {
                Tag::Pool(class) if unit - first < class.units() => Some((pool, class)),
                _ => None,
            }
        })
    }

    /// The pool or large run that `address`, in an arena, lies in.
    pub fn holding(address: usize) -> Option<PoolRef> {
        let arena = Arena::of(address)?;
        let at = address / UNIT_BYTES % UNITS;
        if !arena.is_claimed(at) {
            return None;
        }
        (FIRST_UNIT..=at)
            .rev()
            .find_map(|i| {
                // SAFETY: a unit of a registered arena, behind its metadata.
                let pool = unsafe { PoolRef::from_id(arena.unit(i)) };
                match pool.tag() {
                    Tag::Nothing => None,
                    _ => Some(pool),
                }
            })
            .filter(|pool| address < pool.id().address() + pool.bytes())
    }
}

/// Fetches the cache line at `address`, if there is memory.
#[inline(always)]
pub fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is harmless.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::without_provenance(address)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
