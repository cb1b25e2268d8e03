//! Words of memory that may be references.
//!
//! Nobody knows what lies in a value, so its words are read as they are and compared with the addresses of objects. Besides
//! the words of the value itself, the first place of what they point to is looked at, where that is a block of neap's:
//!
//! ```text
//!   value                block of a `Box`, a `Vec`      block of a `std::rc::Rc`         block of a `neap::Rc`
//!   ┌───┬───┬───┐        ┌─────────┬─────┐              ┌────────┬──────┬─────────┐      ┌────────┬─────────┐
//!   │   │ ● │   │ ─────► │ this    │     │     or ────► │ strong │ weak │ this    │  or  │ header │ this    │
//!   └───┴───┴───┘        └─────────┴─────┘              └────────┴──────┴─────────┘      └────────┴─────────┘
//! ```
//!
//! One place is enough to find out about a type; what lies further on may be left over from before.

use crate::heap;
use crate::units::regain;

pub const WORD: usize = size_of::<usize>();

/// A word that may be a reference.
#[derive(Clone, Copy)]
pub struct Place {
    /// How far in the value the word lies that is it, or leads to it.
    pub offset: usize,
    /// Where it is.
    pub at: usize,
    /// What it says.
    pub word: usize,
    /// Whether it lies beside the value.
    pub beside: bool,
}

/// Visits the words of a value, and the first ones of what they point to.
///
/// # Safety
/// So many bytes from `value` on are those of a live value, and `value` is a multiple of 8.
pub unsafe fn each(value: usize, bytes: usize, mut visit: impl FnMut(Place)) {
    let count = bytes / WORD;
    for i in 0..count {
        let at = value + i * WORD;
        // SAFETY: by the precondition.
        let word = unsafe { read(at) };
        visit(Place { offset: i * WORD, at, word, beside: false });
        if word % WORD != 0 || word < 1 << 12 {
            continue;
        }
        // SAFETY: as above.
        let neighbour = |j: usize| (j < count).then(|| unsafe { read(value + j * WORD) });
        // Beside the address of what is empty stands its length; and where a container isn't there at all, a number that
        // is none. What others have there by chance is passed by with it.
        let empty =
            |word: Option<usize>| word.is_some_and(|word| word == 0 || word > usize::MAX / 2);
        if empty(neighbour(i.wrapping_sub(1))) || empty(neighbour(i + 1)) {
            continue;
        }
        if let Some(at) = first_of(word) {
            // SAFETY: `first_of` found a block around it.
            let word = unsafe { read(at) };
            visit(Place { offset: i * WORD, at, word, beside: true });
        }
    }
}

/// Where the first place of what a word points to is.
fn first_of(word: usize) -> Option<usize> {
    if let Some(bytes) = heap::block_at(word) {
        // SAFETY: a block is there.
        let count =
            |i: usize| bytes > i * WORD && (1..1 << 31).contains(&unsafe { read(word + i * WORD) });
        let counted = bytes > 2 * WORD && count(0) && count(1);
        return (bytes >= WORD).then_some(if counted { word + 2 * WORD } else { word });
    }
    heap::block_at(word - WORD).filter(|bytes| *bytes >= 2 * WORD).map(|_| word)
}

/// # Safety
/// A word lies there, in memory of neap's.
unsafe fn read(at: usize) -> usize {
    let word: *const usize = regain(at);
    // It may be padding, or changed through a reference just now: that is why it is read so that the compiler can't know
    // anything of it. What it says is only compared.
    // SAFETY: by the precondition.
    unsafe { word.read_volatile() }
}
