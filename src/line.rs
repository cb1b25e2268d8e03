//! A line of text that is put together and printed without allocating.

use core::fmt::{self, Write};

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
