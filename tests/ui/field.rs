//! A field that is not `Trace`: what is said names its type, and stands at the field.

use neap::{Gc, Trace};
use std::cell::RefCell;

struct Foreign;

#[derive(Trace)]
struct Struct {
    gc: Gc<u8>,
    foreign: Foreign,
}

#[derive(Trace)]
enum Enum {
    _A(u8, RefCell<Vec<Foreign>>),
    _B { raw: *const Foreign },
}

#[derive(Trace)]
struct Generic<T> {
    value: T,
    file: Option<std::fs::File>,
}

fn main() {}
