//! The kernel itself: Linux first, other Unixes where they offer the same.
//!
//! Mappings are made by `memmap2`; what it has no words for (parts of a mapping, fixed addresses,
//! advice about memory that is not a `MmapMut` any more) goes to `libc`.

use core::ffi::{CStr, c_int, c_void};
use core::mem;
use core::ptr;

use memmap2::MmapOptions;

use super::Range;
use crate::units::regain;

/// Bytes of an OS page.
pub fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // A kernel that will not say has the smallest.
    usize::try_from(size).unwrap_or(4096)
}

/// Maps `len` fresh bytes anywhere; `len` is at most `isize::MAX` (for more, `memmap2` would make an error message, and
/// allocate for it).
pub fn map(len: usize) -> Option<usize> {
    let mut mapping = MmapOptions::new().len(len).no_reserve_swap().map_anon().ok()?;
    let at = mapping.as_mut_ptr().expose_provenance();
    // From here on the range is given back by `unmap`, in whatever pieces.
    mem::forget(mapping);
    Some(at)
}

/// Maps `len` fresh bytes at `at` and nowhere else.
pub fn map_at(at: usize, len: usize) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const EXACTLY: c_int = libc::MAP_FIXED_NOREPLACE;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const EXACTLY: c_int = 0; // a hint: the answer is compared below
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | EXACTLY;
    // SAFETY: without MAP_FIXED no existing mapping is touched, whatever the address.
    let got =
        unsafe { libc::mmap(regain(at), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if got == libc::MAP_FAILED {
        return false;
    }
    if got.expose_provenance() != at {
        // A kernel that took the address for a hint.
        unmap(got.addr(), len);
        return false;
    }
    true
}

/// Unmaps.
pub fn unmap(at: usize, len: usize) -> bool {
    // SAFETY: by the contract of `os`, the range is whole pages of our own mappings, and the caller has
    // stopped using it.
    unsafe { libc::munmap(regain(at), len) == 0 }
}

/// Takes all rights away.
pub fn protect(at: usize, len: usize) -> bool {
    // SAFETY: as in `unmap`; nobody touches a guard.
    unsafe { libc::mprotect(regain(at), len, libc::PROT_NONE) == 0 }
}

fn advise(at: usize, len: usize, advice: c_int) -> bool {
    // SAFETY: as in `unmap`; the advice given below only drops contents that the caller has
    // given up, or changes none.
    unsafe { libc::madvise(regain::<c_void>(at), len, advice) == 0 }
}

/// Drops the backing.
pub fn decommit(at: usize, len: usize) -> bool {
    advise(at, len, libc::MADV_DONTNEED)
}

/// Drops the backing of many ranges.
///
/// Linux 6.15 and later take a vector of ranges from a process for itself, at a third of the price of
/// single calls; elsewhere one call each.
pub fn decommit_each(ranges: &[Range]) -> usize {
    #[cfg(target_os = "linux")]
    if let Some(done) = vectored::decommit(ranges) {
        return done;
    }
    ranges.iter().filter(|r| decommit(r.at, r.len)).count()
}

#[cfg(target_os = "linux")]
mod vectored {
    use super::Range;
    use crate::sync::{AtomicBool, Ordering};

    /// Ranges in one call; 128 of them are 2 KiB of stack.
    const BATCH: usize = 128;

    /// The calling process where a process descriptor is wanted (`PIDFD_SELF`): nothing is opened.
    const THIS_PROCESS: libc::c_long = -10000;

    static REFUSED: AtomicBool = AtomicBool::new(false);

    /// `None` when the kernel does not know how, from then on without asking again.
    pub fn decommit(ranges: &[Range]) -> Option<usize> {
        // Relaxed: a hint that saves a system call.
        if ranges.len() < 4 || REFUSED.load(Ordering::Relaxed) {
            return None;
        }
        Some(ranges.chunks(BATCH).map(one_call).sum())
    }

    fn one_call(ranges: &[Range]) -> usize {
        let mut vector = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }; BATCH];
        for (slot, range) in vector.iter_mut().zip(ranges) {
            *slot = libc::iovec { iov_base: super::regain(range.at), iov_len: range.len };
        }
        let bytes: usize = ranges.iter().map(|r| r.len).sum();
        // SAFETY: the ranges are whole OS pages of our own that the caller has given up; the vector
        // outlives the call.
        let advised = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                THIS_PROCESS,
                vector.as_ptr(),
                ranges.len(),
                libc::MADV_DONTNEED,
                0,
            )
        };
        if advised == bytes as libc::c_long {
            return ranges.len();
        }
        // Refused or cut short: each range once more by itself (dropping twice does no harm).
        REFUSED.store(true, Ordering::Relaxed);
        ranges.iter().filter(|r| super::decommit(r.at, r.len)).count()
    }
}

/// Lets the kernel take the backing later.
pub fn lend(at: usize, len: usize) -> bool {
    advise(at, len, libc::MADV_FREE)
}

/// Huge pages, or none.
pub fn advise_huge(at: usize, len: usize, huge: bool) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return advise(at, len, if huge { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE });
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (at, len, huge);
        false
    }
}

/// Changes length and, when `to` is given, place.
pub fn remap(at: usize, len: usize, new_len: usize, to: Option<usize>) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let flags = if to.is_some() { libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED } else { 0 };
        let target: *mut c_void = to.map_or(ptr::null_mut(), regain);
        // SAFETY: both ranges are our own mappings (contract of `os`); the target's pages are given
        // up by the caller. Without MREMAP_MAYMOVE nothing moves.
        let got = unsafe { libc::mremap(regain(at), len, new_len, flags, target) };
        got != libc::MAP_FAILED
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (at, len, new_len, to, ptr::null_mut::<c_void>());
        false
    }
}

/// Reads a word that may be unmapped by others at any time.
pub fn read_word(at: usize) -> Option<usize> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let mut word = 0usize;
        let into = libc::iovec { iov_base: (&raw mut word).cast(), iov_len: size_of::<usize>() };
        let from = libc::iovec { iov_base: regain(at), iov_len: size_of::<usize>() };
        // SAFETY: no preconditions.
        let pid = unsafe { libc::getpid() };
        // SAFETY: `into` is a word of ours; `from` is read by the kernel, which refuses if it is not mapped.
        let n = unsafe { libc::process_vm_readv(pid, &into, 1, &from, 1, 0) };
        (n == size_of::<usize>() as isize).then_some(word)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let word: *const crate::sync::AtomicUsize = regain(at);
        // SAFETY: a word of a mapping's header that was noted in the registry; that nobody frees it
        // meanwhile is the caller's to know on these systems.
        Some(unsafe { &*word }.load(crate::sync::Ordering::Relaxed))
    }
}

/// How many OS pages of a range of whole pages have backing now.
pub fn resident_pages(at: usize, len: usize) -> usize {
    const BATCH: usize = 256;
    let page = page_size();
    let mut answer = [0u8; BATCH];
    let mut n = 0;
    for from in (0..len).step_by(BATCH * page) {
        let bytes = (BATCH * page).min(len - from);
        // SAFETY: a byte is written for each page, at most BATCH; unmapped pages are an error.
        let failed = unsafe { libc::mincore(regain(at + from), bytes, answer.as_mut_ptr().cast()) };
        if failed == 0 {
            n += answer[..bytes / page].iter().filter(|byte| **byte & 1 != 0).count();
        }
    }
    n
}

/// Milliseconds since some time, coarse: good to about 4 ms and without a system call.
pub fn milliseconds() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writes.
    unsafe { libc::clock_gettime(CLOCK, &mut now) };
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// The number of this process.
pub fn process() -> u32 {
    // SAFETY: getpid has no preconditions.
    unsafe { libc::getpid() as u32 }
}

/// Lets other threads run.
pub fn yield_now() {
    // SAFETY: sched_yield has no preconditions; that it does nothing is no harm.
    let _ = unsafe { libc::sched_yield() };
}

/// Writes to stderr. What can't be written is lost.
pub fn print(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: pointer and length are those of a slice.
        let n = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        match usize::try_from(n) {
            Ok(n) if n > 0 => text = &text[n..],
            _ => return,
        }
    }
}

/// Ends the process with `SIGABRT`.
pub fn abort() -> ! {
    // SAFETY: no preconditions.
    unsafe { libc::abort() }
}

/// The value of an environment variable.
pub fn environment(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: `name` ends with a zero. getenv reads the environment without a lock: it is called once, when
    // the process makes its first heap, which a program that changes its environment from
    // several threads must not do at the same time (nor may it call getenv in C).
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: getenv returns a string that ends with a zero.
    Some(unsafe { CStr::from_ptr(value) }.to_bytes())
}

/// A key whose destructor runs when a thread that armed it ends, after the destructors of
/// `thread_local!`s (glibc, musl and macOS run those first).
#[derive(Clone, Copy, Debug)]
pub struct ThreadEndKey(libc::pthread_key_t);

/// Makes such a key; `None` when the process has no more keys.
pub fn thread_end_key(at_end: unsafe extern "C" fn(*mut c_void)) -> Option<ThreadEndKey> {
    let mut key = 0;
    // SAFETY: `key` is valid for writes, `at_end` lives as long as the code does (`delete` comes
    // before it is unloaded).
    let failed = unsafe { libc::pthread_key_create(&mut key, Some(at_end)) };
    (failed == 0).then_some(ThreadEndKey(key))
}

impl ThreadEndKey {
    /// As a number that fits a word next to a flag.
    pub fn raw(self) -> u64 {
        self.0 as u64
    }

    /// From [`raw`](Self::raw).
    pub fn from_raw(raw: u64) -> Self {
        ThreadEndKey(raw as libc::pthread_key_t)
    }

    /// Has the destructor run at the end of the calling thread.
    pub fn arm(self, value: *mut c_void) -> bool {
        // SAFETY: the key was made by `thread_end_key` and not deleted.
        unsafe { libc::pthread_setspecific(self.0, value) == 0 }
    }

    /// Gives the key back: the destructor runs for no thread any more.
    pub fn delete(self) {
        // SAFETY: as in `arm`.
        unsafe { libc::pthread_key_delete(self.0) };
    }
}
