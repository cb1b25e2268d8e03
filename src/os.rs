//! The contract with the operating system: a few calls about memory, and some small questions.
//!
//! | call | gives | on failure |
//! |---|---|---|
//! | [`reserve`] | addresses, aligned, readable and writable; backed page by page as they are touched, with zeroes | `None`, nothing changed |
//! | [`protect`] | OS pages that fault when touched | `false`, they stay as they were |
//! | [`lend`] | OS pages that the kernel may take when it needs them (`MADV_FREE`): contents old or zero | `false`, kept |
//! | [`decommit`] | drops the backing now; the next touch finds zeroes | `false`, contents undefined |
//! | [`release`] | gives addresses back | `false`, they stay reserved |
//! | [`remap`], [`resize`] | the same OS pages at another place, or more or fewer of them here | `false`, nothing moved |
//!
//! Preconditions are the same everywhere: ranges are whole OS pages ([`page_size`]) of memory
//! that [`reserve`] gave and [`release`] did not take back. Every result is looked at by the caller.
//! No call allocates, none blocks on a lock of ours, none panics.
//!
//! There are two kernels below: `os/unix.rs` asks the real one; `os/fake.rs`, in this crate's own unit tests,
//! sits on top of it, pretends other page sizes and refuses when told to.

#[cfg(test)]
mod fake;
mod sanitizer;
mod switch;
mod unix;

#[cfg(test)]
use fake as kernel;
#[cfg(not(test))]
use unix as kernel;

use crate::config::{UNIT_BYTES, UNIT_SHIFT};
use crate::sync::{AtomicUsize, Ordering};
use crate::units::{align_down, align_up};

#[cfg(test)]
pub(crate) use fake::{calls, refuse_from, refuse_none, refuse_only};
pub use switch::{CAN_SWITCH, call_on_stack};
pub use unix::{
    ThreadEndKey, abort, environment, milliseconds, print, process, thread_end_key, yield_now,
};

/// Bytes of an OS page: 4, 16 or 64 KiB, asked once.
#[inline]
pub fn page_size() -> usize {
    static SIZE: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: every thread would find the same value.
    match SIZE.load(Ordering::Relaxed) {
        0 => {
            let size = kernel::page_size();
            SIZE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

/// Aligned places below the kernel's own choice that `reserve` tries before it asks for more than it needs, and, when
/// the kernel does not give so much, after that.
const TRIES_BELOW: usize = 4;
const MORE_TRIES_BELOW: usize = 256;

/// A range of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first address.
    pub at: usize,
    /// How many bytes.
    pub len: usize,
}

impl Range {
    /// The address behind the last.
    pub const fn end(self) -> usize {
        self.at + self.len
    }
}

/// Reserves `len` bytes (made whole units), so that `at + offset` is a multiple of `align`.
///
/// `align` is a power of two and at least a unit, `offset` whole units. Where the kernel's own choice is not aligned, more is
/// asked for and the ends are given back.
pub fn reserve(len: usize, align: usize, offset: usize) -> Option<Range> {
    let len = len.checked_next_multiple_of(UNIT_BYTES)?;
    if len > isize::MAX as usize {
        return None;
    }
    let fits = |at: usize| (at + offset).is_multiple_of(align);
    // The kernel hands addresses out downwards, so below an aligned mapping is often another.
    let at = kernel::map(len)?;
    if fits(at) {
        return Some(Range { at, len });
    }
    kernel::unmap(at, len);
    // Just below is often room, and asking there takes no more addresses than are needed.
    let below = align_down(at + offset, align).wrapping_sub(offset);
    let try_below = |steps: core::ops::Range<usize>| {
        let place =
            |step: usize| below.checked_sub(step.checked_mul(align)?).filter(|at| *at > align);
        let mut places = steps.map_while(place).map(|at| Range { at, len });
        places.find(|place| kernel::map_at(place.at, len))
    };
    if let Some(range) = try_below(0..TRIES_BELOW) {
        return Some(range);
    }
    let wide = len.checked_add(align).filter(|wide| *wide <= isize::MAX as usize)?;
    let Some(at) = kernel::map(wide) else {
        // Addresses are short. So much was given above; it only has to lie right.
        return try_below(TRIES_BELOW..MORE_TRIES_BELOW);
    };
    let start = align_up(at + offset, align) - offset;
    let (head, tail) = (start - at, at + wide - (start + len));
    // A piece that the kernel will not take back stays reserved and untouched: addresses, no memory.
    if head > 0 {
        kernel::unmap(at, head);
    }
    if tail > 0 {
        kernel::unmap(start + len, tail);
    }
    Some(Range { at: start, len })
}

/// Reserves exactly `range` (whole units), if those addresses are free.
pub fn reserve_at(range: Range) -> bool {
    kernel::map_at(range.at, range.len)
}

/// Makes `range` fault when touched.
pub fn protect(range: Range) -> bool {
    kernel::protect(range.at, range.len)
}

/// Gives the addresses of `range` back.
pub fn release(range: Range) -> bool {
    kernel::unmap(range.at, range.len)
}

/// Drops the backing of `range` now: the next touch finds zeroes.
pub fn decommit(range: Range) -> bool {
    kernel::decommit(range.at, range.len)
}

/// Drops the backing of many ranges, with one call where the kernel can; what it gets done counts, in ranges.
pub fn decommit_each(ranges: &[Range]) -> usize {
    kernel::decommit_each(ranges)
}

/// Lets the kernel take the backing of `range` when it is short of memory; until then it stays.
pub fn lend(range: Range) -> bool {
    kernel::lend(range.at, range.len)
}

/// Asks for huge pages in `range`, or for none from now on. The kernel may refuse; nothing depends on it.
pub fn advise_huge(range: Range, huge: bool) -> bool {
    kernel::advise_huge(range.at, range.len, huge)
}

/// Changes the length of the mapping `range` to `len` without moving it.
pub fn resize(range: Range, len: usize) -> bool {
    kernel::remap(range.at, range.len, len, None)
}

/// Moves the OS pages of `from` to `to`, which is reserved and at least as long and whose own pages are dropped.
/// The addresses of `from` are given back.
pub fn remap(from: Range, to: Range) -> bool {
    kernel::remap(from.at, from.len, to.len, Some(to.at))
}

/// Reads the word at `at`, which others may unmap meanwhile: `None` then. A system call.
pub fn read_word(at: usize) -> Option<usize> {
    unix::read_word(at)
}

/// Bytes of `range` that have backing now. For statistics.
pub fn resident(range: Range) -> usize {
    unix::resident_pages(range.at, range.len) * unix::page_size()
}

/// Where the calling thread's stack is just now, roughly.
#[inline(always)]
pub fn stack_address() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        let address: usize;
        // SAFETY: reads a register. (A local's address would not do: address sanitizer keeps locals elsewhere.)
        unsafe {
            core::arch::asm!("mov {}, rsp", out(reg) address, options(nomem, nostack, preserves_flags))
        };
        address
    }
    #[cfg(target_arch = "aarch64")]
    {
        let address: usize;
        // SAFETY: as above.
        unsafe {
            core::arch::asm!("mov {}, sp", out(reg) address, options(nomem, nostack, preserves_flags))
        };
        address
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let local = 0u8;
        core::hint::black_box(&raw const local).addr()
    }
}

static_assertions::const_assert!(1usize << UNIT_SHIFT == UNIT_BYTES);
