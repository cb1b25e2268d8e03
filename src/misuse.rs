//! The last words: one line on stderr, then abort. Written without allocating.
//!
//! neap checks what a caller gives back when it leaves the magazine (DESIGN, hardening). What is
//! then wrong can't be repaired: the caller's own data may be damaged already, so the process ends.

use core::fmt::Write;

use crate::line::Line;

/// What a caller did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The address lies in no arena and is no mapping of neap's.
    NotOurs,
    /// The address lies in an arena, where no live pool or run is.
    NotLive,
    /// The address is inside a block, not at its start.
    NotABlockStart,
    /// The block is free already.
    DoubleFree,
    /// The `Layout` says another size class than the pool has.
    WrongLayout,
}

impl Misuse {
    const fn words(self) -> &'static str {
        match self {
            Misuse::NotOurs => {
                "free of an address where neap has nothing (never handed out, or freed before)"
            }
            Misuse::NotLive => "free of an address where no live block is (freed twice?)",
            Misuse::NotABlockStart => "free of an address inside a block, not at its start",
            Misuse::DoubleFree => "double free",
            Misuse::WrongLayout => "free with the layout of another size",
        }
    }
}

/// Says what is wrong with `address`, given back as a block of `bytes` bytes, and aborts.
#[cold]
#[inline(never)]
pub fn abort(misuse: Misuse, address: usize, bytes: usize) -> ! {
    let mut line = Line::<256>::new();
    // A full buffer cuts the text: there is nothing else to do about it here.
    let _ = writeln!(
        line,
        "neap: {}: {address:#x}, given back as {bytes} bytes; see https://docs.rs/neap/#misuse",
        misuse.words(),
    );
    line.print();
    crate::os::abort()
}

/// Says that an object has as many references as can be counted, and aborts.
#[cold]
#[inline(never)]
pub fn too_many_references() -> ! {
    let mut line = Line::<128>::new();
    // As above.
    let _ = writeln!(line, "neap: more references to one object than can be counted (2147483648)");
    line.print();
    crate::os::abort()
}

/// Says that a `trace` dropped what it was to visit, and aborts.
#[cfg(feature = "gc")]
#[cold]
#[inline(never)]
pub fn dropped_in_trace() -> ! {
    let mut line = Line::<128>::new();
    // As above.
    let _ =
        writeln!(line, "neap: a `Trace` gave up a reference to an object that is being visited");
    line.print();
    crate::os::abort()
}

/// Says that a `trace` changed counts, and aborts.
#[cfg(feature = "gc")]
#[cold]
#[inline(never)]
pub fn changed_in_trace() -> ! {
    let mut line = Line::<128>::new();
    // As above.
    let _ = writeln!(line, "neap: a `Trace` cloned or dropped a `Gc` while it visited an object");
    line.print();
    crate::os::abort()
}

/// Says that the `trace` of a type is wrong, and aborts.
#[cfg(feature = "gc")]
#[cold]
#[inline(never)]
pub fn wrong_trace(name: &str) -> ! {
    let mut line = Line::<512>::new();
    // As above.
    let _ = writeln!(
        line,
        "neap: more references were traced to an object of type {name} than there are: a `Trace` visits one twice, or one that its value does not own"
    );
    line.print();
    crate::os::abort()
}
