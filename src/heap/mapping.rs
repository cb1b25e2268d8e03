//! Mappings of their own, for what is larger than an arena can give.
//!
//! ```text
//!            a multiple of 32 MiB, and of the alignment asked for
//!            ▼
//!   ┌────────┬──────────────────────────────────────────────────┐
//!   │ header │ block                                            │
//!   └────────┴──────────────────────────────────────────────────┘
//!    64 KiB: one OS page of header, the rest a guard
//! ```
//!
//! The registry notes the slot in which the block begins and the others that it fills. Growing asks the kernel to make the mapping longer where
//! it is, then to move its OS pages to a longer reservation (`mremap`): 10 µs where a copy of 4 MiB takes 500.

use core::alloc::Layout;
use core::ptr;

use crate::arena::{self, Kind};
use crate::config::{ARENA_BYTES, UNIT_BYTES};
use crate::misuse::{self, Misuse};
use crate::os::{self, Range};
use crate::settings::{self, Thp};
use crate::sync::{AtomicUsize, Ordering};
use crate::units::{arena_base, regain};

#[repr(C)]
struct Header {
    /// The block's address, as proof.
    block: AtomicUsize,
    /// The block's bytes, whole units.
    len: AtomicUsize,
}

fn header_of(block: usize) -> &'static Header {
    let header: *const Header = regain(block - UNIT_BYTES);
    // SAFETY: called for addresses that the registry knows as the head of a mapping; its header is
    // mapped, and two words of anything are valid atomics.
    unsafe { &*header }
}

/// Bytes of the block for `layout`.
pub fn usable_size(layout: Layout) -> usize {
    // A layout is at most `isize::MAX`, so this does not wrap.
    layout.size().max(1).next_multiple_of(UNIT_BYTES)
}

/// Reserves a header and a block of `len` bytes.
fn reserve(len: usize, align: usize) -> Option<Range> {
    let whole = len.checked_add(UNIT_BYTES)?;
    let range = os::reserve(whole, align.max(ARENA_BYTES), UNIT_BYTES)?;
    let page = os::page_size();
    if page < UNIT_BYTES && !os::protect(Range { at: range.at + page, len: UNIT_BYTES - page }) {
        os::release(range);
        return None;
    }
    Some(range)
}

/// Makes the reserved `whole` a block that is in use.
fn enter(whole: Range) -> usize {
    let block = Range { at: whole.at + UNIT_BYTES, len: whole.len - UNIT_BYTES };
    if settings::thp() != Thp::Never {
        // Refused or not: only speed depends on it.
        let _ = os::advise_huge(block, true);
    }
    note(block);
    block.at
}

/// Enters a block in the books.
fn note(block: Range) {
    let header = header_of(block.at);
    header.block.store(block.at, Ordering::Relaxed);
    header.len.store(block.len, Ordering::Relaxed);
    arena::note_mapping(block);
    arena::account_mapping(block.len as isize);
}

/// Maps a block for `layout`; it reads as zero. Null when that can't be.
pub fn allocate(layout: Layout) -> *mut u8 {
    match reserve(usable_size(layout), layout.align()) {
        Some(whole) => regain(enter(whole)),
        None => ptr::null_mut(),
    }
}

/// The mapping whose block begins at `address`, if it is one of `len` bytes.
fn check(address: usize, layout: Layout) -> Range {
    let die = |misuse| -> ! { misuse::abort(misuse, address, layout.size()) };
    match arena::kind_of(address) {
        Kind::Foreign => die(Misuse::NotOurs),
        Kind::Arena => die(Misuse::WrongLayout),
        Kind::MappingTail => die(Misuse::NotABlockStart),
        Kind::MappingHead => {}
    }
    if arena_base(address) != address {
        die(Misuse::NotABlockStart);
    }
    let len = usable_size(layout);
    if header_of(address).len.load(Ordering::Relaxed) != len {
        die(Misuse::WrongLayout);
    }
    Range { at: address, len }
}

/// Strikes a block out of the books; of two that free it, one is told.
fn leave(block: Range) -> bool {
    let header = header_of(block.at);
    // Relaxed: whoever frees has synchronised with the users of the block; only the winner goes on.
    if header.block.compare_exchange(block.at, 0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return false;
    }
    arena::forget_mapping(block);
    arena::account_mapping(-(block.len as isize));
    true
}

/// Unmaps the block; returns its bytes.
pub fn free(address: usize, layout: Layout) -> usize {
    let block = check(address, layout);
    if !leave(block) {
        misuse::abort(Misuse::DoubleFree, address, layout.size());
    }
    // What the kernel will not unmap stays mapped; its contents at least are dropped.
    let whole = Range { at: block.at - UNIT_BYTES, len: block.len + UNIT_BYTES };
    if !os::release(whole) {
        os::decommit(block);
    }
    block.len
}

/// Gives the block as many bytes as `new` wants; its address may change. `None`, and all is as it was, when
/// the kernel refuses.
pub fn resize(address: usize, old: Layout, new: Layout) -> Option<*mut u8> {
    let block = check(address, old);
    let len = usable_size(new);
    if len == block.len {
        return Some(regain(address));
    }
    if len < block.len {
        shrink(block, len);
        return Some(regain(address));
    }
    if os::resize(block, len) {
        change_len(block, len);
        return Some(regain(address));
    }
    let to = reserve(len, new.align())?;
    let target = Range { at: to.at + UNIT_BYTES, len };
    // Out of the registry before the addresses are given up: they may be an arena's a moment later.
    if !leave(block) {
        misuse::abort(Misuse::DoubleFree, address, old.size());
    }
    if !os::remap(block, target) {
        note(block);
        os::release(to);
        return None;
    }
    os::release(Range { at: block.at - UNIT_BYTES, len: UNIT_BYTES });
    Some(regain(enter(to)))
}

fn shrink(block: Range, len: usize) {
    change_len(block, len);
    let tail = Range { at: block.at + len, len: block.len - len };
    if !os::release(tail) {
        // Addresses that nobody uses any more; at least without backing.
        os::decommit(tail);
    }
}

fn change_len(block: Range, len: usize) {
    arena::forget_mapping(block);
    header_of(block.at).len.store(len, Ordering::Relaxed);
    arena::note_mapping(Range { at: block.at, len });
    arena::account_mapping(len as isize - block.len as isize);
}

/// Whether `address` lies in the block of a mapping.
pub fn holds(address: usize) -> bool {
    let slot = arena_base(address);
    let noted = if arena::kind_of(slot) == Kind::Foreign {
        // The last, partial slot of a mapping is not noted.
        slot.wrapping_sub(ARENA_BYTES)
    } else {
        slot
    };
    block_around(noted).is_some_and(|block| address < block.end())
}

/// The block of which the registry notes the slot at `slot`.
fn block_around(mut slot: usize) -> Option<Range> {
    while arena::kind_of(slot) == Kind::MappingTail {
        slot -= ARENA_BYTES;
    }
    if arena::kind_of(slot) == Kind::MappingHead { range_of(slot) } else { None }
}

/// The block that begins at `head`, unless its owner has just freed it: its header is then gone, so the kernel is
/// asked to read it.
fn range_of(head: usize) -> Option<Range> {
    let header = head - UNIT_BYTES;
    let block = os::read_word(header + core::mem::offset_of!(Header, block))?;
    let len = os::read_word(header + core::mem::offset_of!(Header, len))?;
    (block == head).then_some(Range { at: head, len })
}

/// Visits every mapping.
pub fn each(mut visit: impl FnMut(Range)) {
    arena::each_mapping(|head| {
        if let Some(block) = range_of(head) {
            visit(block);
        }
    });
}
