//! The last words: one line on stderr, then abort. Written without allocating.
//!
//! neap checks what a caller gives back when it leaves the magazine (DESIGN, hardening). What is
//! then wrong can't be repaired: the caller's own data may be damaged already, so the process ends.

use core::fmt::{self, Write};

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

/// Text in a fixed buffer; what does not fit is cut.
pub struct Line<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Line<N> {
    /// An empty line.
    pub const fn new() -> Self {
        Line { bytes: [0; N], len: 0 }
    }

    /// What was gathered.
    pub fn as_str(&self) -> &str {
        // Cut inside a character, the text ends before it.
        self.bytes[..self.len].utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }

    /// Writes what was gathered to stderr, as it is.
    pub fn print(&self) {
        crate::os::print(&self.bytes[..self.len]);
    }
}

impl<const N: usize> Write for Line<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.len..];
        let n = text.len().min(room.len());
        room[..n].copy_from_slice(&text.as_bytes()[..n]);
        self.len += n;
        Ok(())
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
