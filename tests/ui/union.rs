//! Nobody knows which field of a union is there.

use neap::Trace;

#[derive(Trace)]
union Either {
    a: u8,
    b: f32,
}

fn main() {}
