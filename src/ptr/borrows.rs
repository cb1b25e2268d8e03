//! Whether a value may borrow anything: asked before its drop is put off (`nest.rs`).
//!
//! Stable Rust has no way to ask whether a type is `'static`. What it can say is a type's name with all that the type
//! is made of, lifetimes included: `Node<'_>`. A type in whose name stands neither a lifetime nor a reference, nor a
//! trait object or a closure (which hide what they hold), has nothing to borrow with: it is `'static`. All else *may*
//! borrow.
//!
//! A name is made for people, and a later compiler may write it in another way. So before it is relied upon, the
//! compiler is tried on types that do borrow; if one of their names does not show it, every type is taken to borrow.

use core::any::type_name;
use core::cell::Cell;
use core::marker::PhantomData;

thread_local! {
    /// The name that was looked at last, by its address and length, and what was found.
    static LAST: Cell<(usize, usize, bool)> = const { Cell::new((0, 0, true)) };
    /// What [`names_tell`] has found.
    static TELL: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Whether a `T` may borrow. Costs the reading of its name, but for the type that was asked about last.
pub fn may_borrow<T: ?Sized>() -> bool {
    let name = type_name::<T>();
    let (address, len, found) = LAST.get();
    if (address, len) == (name.as_ptr().addr(), name.len()) {
        return found;
    }
    let tell = TELL.get().unwrap_or_else(names_tell);
    TELL.set(Some(tell));
    let found = shows_borrow(name) || !tell;
    LAST.set((name.as_ptr().addr(), name.len(), found));
    found
}

/// Lifetimes and references, trait objects, closures and the like (`{{closure}}`), opaque types.
fn shows_borrow(name: &str) -> bool {
    name.bytes().any(|byte| matches!(byte, b'\'' | b'&' | b'{'))
        || name.contains("dyn ")
        || name.contains("impl ")
}

/// Whether the compiler's names show what they must.
fn names_tell() -> bool {
    struct Borrowing<'a>(PhantomData<&'a ()>);
    struct Holding<T = &'static u8>(PhantomData<T>);
    trait Hiding {}

    fn name_of<T>(_: &T) -> &'static str {
        type_name::<T>()
    }

    let place = 0u8;
    let closure = || &place;
    [
        type_name::<Borrowing<'_>>(),
        type_name::<Holding<Borrowing<'_>>>(),
        type_name::<Holding<(u8, [Option<Borrowing<'_>>; 2])>>(),
        type_name::<Holding<&u8>>(),
        type_name::<Holding<Box<dyn Hiding + '_>>>(),
        name_of(&closure),
        name_of(&Some(&closure)),
        name_of(&async { place }),
    ]
    .into_iter()
    .all(shows_borrow)
}

#[cfg(test)]
pub fn for_tests<T: ?Sized>() -> (bool, bool) {
    (names_tell(), may_borrow::<T>())
}
