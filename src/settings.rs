//! What a user may choose: from the environment, or fixed in the program.
//!
//! The environment is read once, when the process makes its first heap, without allocating. What the program fixes
//! with the builder on `Neap` stands above what the environment says; a bad value is named
//! in one line on stderr, and the default is used.

use core::fmt::Write;

use crate::config::{ARENA_BYTES, PURGE_DELAY_MS};
use crate::line::Line;
use crate::os;
use crate::sync::{AtomicU64, Ordering};

/// When arenas are advised to use 2 MiB huge pages (transparent huge pages, Linux).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thp {
    /// Everywhere: fewest page faults, up to 2 MiB more memory for a small program.
    Always,
    /// For what will be filled: where a heap has 1 MiB of one size class, or the process 8 MiB in large blocks, already. The default.
    #[default]
    Madvise,
    /// Never; arenas are advised against it where the system's own setting is `always`.
    Never,
}

/// Options in one word; a field that is 0 is not set. `Options::NONE` costs the allocation path nothing.
///
/// ```text
///   63    stats 62   thp 60        arena MiB 32                    purge delay + 1, ms  0
///   ┌──────────┬────────────┬────────────────────┬──────────────────────────────────────┐
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options(u64);

const DELAY_MASK: u64 = 0xffff_ffff;
const ARENA_SHIFT: u32 = 32;
const ARENA_MASK: u64 = 0xffff << ARENA_SHIFT;
const THP_SHIFT: u32 = 60;
const THP_MASK: u64 = 3 << THP_SHIFT;
const STATS_SHIFT: u32 = 62;
const STATS_MASK: u64 = 3 << STATS_SHIFT;

/// Longest purge delay that can be set: about 49 days.
const DELAY_MAX: u32 = u32::MAX - 1;

impl Options {
    /// Nothing set.
    pub const NONE: Options = Options(0);

    /// Sets how long free memory is kept before it is offered back.
    pub const fn purge_delay_ms(self, ms: u32) -> Options {
        let ms = if ms > DELAY_MAX { DELAY_MAX } else { ms };
        Options(self.0 & !DELAY_MASK | (ms as u64 + 1))
    }

    /// Sets the use of huge pages.
    pub const fn thp(self, thp: Thp) -> Options {
        let raw = match thp {
            Thp::Always => 1,
            Thp::Madvise => 2,
            Thp::Never => 3,
        };
        Options(self.0 & !THP_MASK | raw << THP_SHIFT)
    }

    /// Sets the size of an arena.
    ///
    /// # Panics
    /// When `mib` is none of 4, 8, 16, 32 (at compile time, where it stands in a `static`).
    pub const fn arena_mib(self, mib: u32) -> Options {
        assert!(is_arena_size(mib as u64), "an arena has 4, 8, 16 or 32 MiB");
        Options(self.0 & !ARENA_MASK | (mib as u64) << ARENA_SHIFT)
    }

    /// Sets whether statistics are printed at exit.
    pub const fn stats_at_exit(self, print: bool) -> Options {
        Options(self.0 & !STATS_MASK | (if print { 1 } else { 2 }) << STATS_SHIFT)
    }

    /// These, and from `other` what is not set here.
    const fn or(self, other: Options) -> Options {
        let mut word = self.0;
        let masks = [DELAY_MASK, ARENA_MASK, THP_MASK, STATS_MASK];
        let mut i = 0;
        while i < masks.len() {
            if word & masks[i] == 0 {
                word |= other.0 & masks[i];
            }
            i += 1;
        }
        Options(word)
    }
}

const fn is_arena_size(mib: u64) -> bool {
    mib.is_power_of_two() && mib >= 4 && mib << 20 <= ARENA_BYTES as u64
}

const DEFAULTS: Options = Options::NONE
    .purge_delay_ms(PURGE_DELAY_MS)
    .thp(Thp::Madvise)
    .arena_mib(32)
    .stats_at_exit(false);

/// What holds in this process; 0 until the first heap is made.
static CURRENT: AtomicU64 = AtomicU64::new(0);

/// Reads the environment and puts `fixed` above it; the first caller decides.
pub fn decide(fixed: Options) {
    if CURRENT.load(Ordering::Relaxed) != 0 {
        return;
    }
    let decided = fixed.or(from_environment(|_, _, _| ())).or(DEFAULTS);
    // Relaxed: the word is all there is. Two first callers read the same environment; one wins, and
    // reads it once more to say what is wrong with it.
    if CURRENT.compare_exchange(0, decided.0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        let _ = from_environment(complain);
    }
}

fn current() -> Options {
    match CURRENT.load(Ordering::Relaxed) {
        0 => DEFAULTS,
        word => Options(word),
    }
}

/// How long free memory is kept before it is offered back.
pub fn purge_delay_ms() -> u64 {
    (current().0 & DELAY_MASK) - 1
}

/// Bytes of a new arena.
pub fn arena_bytes() -> usize {
    ((current().0 & ARENA_MASK) >> ARENA_SHIFT << 20) as usize
}

/// The use of huge pages.
pub fn thp() -> Thp {
    match (current().0 & THP_MASK) >> THP_SHIFT {
        1 => Thp::Always,
        2 => Thp::Madvise,
        _ => Thp::Never,
    }
}

/// Whether statistics are printed at exit.
pub fn stats_at_exit() -> bool {
    (current().0 & STATS_MASK) >> STATS_SHIFT == 1
}

/// What the environment says; each bad value goes to `complain`: its name, itself, and what was wanted.
fn from_environment(complain: impl Fn(&str, &[u8], &str)) -> Options {
    let mut options = Options::NONE;
    if let Some(value) = os::environment(c"NEAP_PURGE_DELAY_MS") {
        match number(value) {
            Some(ms) if ms <= u64::from(DELAY_MAX) => options = options.purge_delay_ms(ms as u32),
            _ => complain("NEAP_PURGE_DELAY_MS", value, "milliseconds, a whole number"),
        }
    }
    if let Some(value) = os::environment(c"NEAP_ARENA_MIB") {
        match number(value) {
            Some(mib) if is_arena_size(mib) => options = options.arena_mib(mib as u32),
            _ => complain("NEAP_ARENA_MIB", value, "4, 8, 16 or 32"),
        }
    }
    if let Some(value) = os::environment(c"NEAP_THP") {
        match value {
            b"always" => options = options.thp(Thp::Always),
            b"madvise" => options = options.thp(Thp::Madvise),
            b"never" => options = options.thp(Thp::Never),
            _ => complain("NEAP_THP", value, "always, madvise or never"),
        }
    }
    if let Some(value) = os::environment(c"NEAP_STATS") {
        match value {
            b"1" => options = options.stats_at_exit(true),
            b"0" | b"" => options = options.stats_at_exit(false),
            _ => complain("NEAP_STATS", value, "0 or 1"),
        }
    }
    options
}

fn number(text: &[u8]) -> Option<u64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

#[cold]
fn complain(name: &str, value: &[u8], wanted: &str) {
    let mut line = Line::<192>::new();
    let shown = core::str::from_utf8(&value[..value.len().min(48)]).unwrap_or("(not text)");
    // Control characters would break the one line; a full buffer cuts it.
    let _ = write!(line, "neap: {name}: bad value \"");
    for c in shown.chars() {
        let _ = line.write_char(if c.is_control() { '?' } else { c });
    }
    let _ = writeln!(line, "\" (wanted: {wanted}); the default is used");
    line.print();
}
