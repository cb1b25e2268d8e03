//! A parameter that is not `Trace`: said where it is used.

use neap::{Gc, Trace};

struct Foreign;

#[derive(Trace)]
struct Holder<T>(Vec<T>);

fn main() {
    let _ = Gc::new(Holder(vec![Foreign]));
}
