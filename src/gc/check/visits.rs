//! What the `trace` of one object visited, as the one who checks it is told.

use core::ptr::NonNull;

/// Edges and idle memory, in the order in which `trace` came by.
#[derive(Default)]
pub struct Visits {
    /// The value that each leads to, and where the `Gc` lies; `None`: it was made for the visit.
    pub edges: Vec<(NonNull<u8>, Option<usize>)>,
    /// Pieces of memory (address, bytes, in use or not). What is said of a part comes after what is said of the whole.
    pieces: Vec<(usize, usize, bool)>,
    /// Where the stack was when it began.
    stack: usize,
}

/// Bytes of stack that a `trace` is taken to need at the most.
const STACK: usize = 256 << 10;

impl Visits {
    /// Nothing so far. To be handed to a `trace` by the function that calls this, or one that it calls.
    pub fn new() -> Visits {
        let here = 0u8;
        Visits { stack: (&raw const here).addr(), ..Visits::default() }
    }

    /// Notes an edge.
    #[cold]
    #[inline(never)]
    pub fn note(&mut self, value: NonNull<u8>, at: usize) {
        // A `trace` may make a `Gc` of a word in which the value keeps it: such a one lies on the stack, and the next one
        // perhaps in the same place.
        let made = self.stack.wrapping_sub(at) < STACK;
        let made = made && !crate::heap::owns(core::ptr::without_provenance(at));
        self.edges.push((value, (!made).then_some(at)));
    }

    /// Notes that nothing there is in use.
    #[cold]
    #[inline(never)]
    pub fn idle(&mut self, at: usize, bytes: usize) {
        self.pieces.push((at, bytes, false));
    }

    /// Notes that something there is.
    #[cold]
    #[inline(never)]
    pub fn in_use(&mut self, at: usize, bytes: usize) {
        self.pieces.push((at, bytes, true));
    }

    /// Whether the word at this address is in use, as far as is known.
    pub fn is_in_use(&self, address: usize) -> bool {
        let said =
            self.pieces.iter().rev().find(|(at, bytes, _)| address.wrapping_sub(*at) < *bytes);
        said.is_none_or(|(_, _, in_use)| *in_use)
    }
}
