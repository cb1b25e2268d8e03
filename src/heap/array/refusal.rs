//! Arrays that do not grow, for unit tests: the heap may have memory at hand where the operating system has none, so refusing
//! its calls (`os/fake.rs`) does not come to every growth.

use core::cell::Cell;

thread_local! {
    static GROWTHS: Cell<usize> = const { Cell::new(0) };
    /// The first growth that is refused, and the first after it that is not.
    static REFUSED: Cell<(usize, usize)> = const { Cell::new((usize::MAX, usize::MAX)) };
}

/// Does `work`, in which of this thread's growths the `k`-th is refused (0: the first), and if `all`, every later one. Whether it
/// came to that.
pub fn refusing<R>(k: usize, all: bool, work: impl FnOnce() -> R) -> (R, bool) {
    let first = GROWTHS.get() + k;
    REFUSED.set((first, if all { usize::MAX } else { first + 1 }));
    let result = work();
    REFUSED.set((usize::MAX, usize::MAX));
    (result, GROWTHS.get() > first)
}

/// Whether one more may be had.
pub fn grants() -> bool {
    let n = GROWTHS.get();
    GROWTHS.set(n + 1);
    let (first, end) = REFUSED.get();
    n < first || n >= end
}
