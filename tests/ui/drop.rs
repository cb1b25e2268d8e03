//! A type that derives `Trace` has no `Drop`.

use neap::{Gc, Trace};

#[derive(Trace)]
struct Named {
    gc: Gc<u8>,
}

impl Drop for Named {
    fn drop(&mut self) {
        println!("{}", self.gc);
    }
}

#[derive(Trace)]
struct Generic<T: Clone, const N: usize>([Gc<T>; N])
where
    T: Default;

impl<T: Clone + Default, const N: usize> Drop for Generic<T, N> {
    fn drop(&mut self) {}
}

#[derive(Trace)]
enum Enum {
    _A(Gc<u8>),
    _B,
}

impl Drop for Enum {
    fn drop(&mut self) {}
}

fn main() {}
