//! What can't be reached from outside: types of other libraries.

use core::cell::Cell;

thread_local! {
    /// Every type that an object is made of now counts as one of another library.
    pub static ALL_FAR: Cell<bool> = const { Cell::new(false) };
}
