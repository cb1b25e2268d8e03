//! A kernel for unit tests: the real one, with another OS page size if `NEAP_FAKE_PAGE_SIZE` says so, and
//! which refuses when told to.
//!
//! A larger page is pretended by refusing every range that is not made of whole such pages, with a
//! panic: the caller has broken the contract of `os`. State is per thread, so that tests that run beside
//! each other do not starve one another.

use core::cell::Cell;

use super::{Range, unix};

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    /// The first call that is refused, and the first after it that is not.
    static REFUSED: Cell<(usize, usize)> = const { Cell::new((usize::MAX, usize::MAX)) };
}

/// Calls that this thread has made so far.
pub fn calls() -> usize {
    CALLS.get()
}

/// Refuses this thread's calls from the `k`-th from now on (0: the next).
pub fn refuse_from(k: usize) {
    REFUSED.set((CALLS.get() + k, usize::MAX));
}

/// Refuses the `k`-th of this thread's calls from now on, and no other.
pub fn refuse_only(k: usize) {
    let n = CALLS.get() + k;
    REFUSED.set((n, n + 1));
}

/// Refuses no more.
pub fn refuse_none() {
    REFUSED.set((usize::MAX, usize::MAX));
}

fn granted() -> bool {
    let n = CALLS.get();
    CALLS.set(n + 1);
    let (first, end) = REFUSED.get();
    n < first || n >= end
}

fn checked(at: usize, len: usize) -> bool {
    let page = super::page_size();
    assert!(at.is_multiple_of(page) && len.is_multiple_of(page) && len > 0, "{at:#x} + {len:#x}");
    granted()
}

pub fn page_size() -> usize {
    let asked = std::env::var("NEAP_FAKE_PAGE_SIZE").ok().and_then(|size| size.parse().ok());
    asked.unwrap_or_else(unix::page_size)
}

pub fn map(len: usize) -> Option<usize> {
    if granted() { unix::map(len) } else { None }
}

pub fn map_at(at: usize, len: usize) -> bool {
    checked(at, len) && unix::map_at(at, len)
}

pub fn unmap(at: usize, len: usize) -> bool {
    checked(at, len) && unix::unmap(at, len)
}

pub fn protect(at: usize, len: usize) -> bool {
    checked(at, len) && unix::protect(at, len)
}

pub fn decommit(at: usize, len: usize) -> bool {
    checked(at, len) && unix::decommit(at, len)
}

pub fn decommit_each(ranges: &[Range]) -> usize {
    if ranges.iter().all(|r| checked(r.at, r.len)) { unix::decommit_each(ranges) } else { 0 }
}

pub fn lend(at: usize, len: usize) -> bool {
    checked(at, len) && unix::lend(at, len)
}

pub fn advise_huge(at: usize, len: usize, huge: bool) -> bool {
    checked(at, len) && unix::advise_huge(at, len, huge)
}

pub fn remap(at: usize, len: usize, new_len: usize, to: Option<usize>) -> bool {
    checked(at, len) && unix::remap(at, len, new_len, to)
}
