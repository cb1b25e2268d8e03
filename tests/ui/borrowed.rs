//! What lives in an object lives as long as it likes.

use neap::{Gc, Trace};

#[derive(Trace)]
struct Lent<'a>(&'a str);

fn main() {
    let text = String::new();
    let _ = Gc::new(Lent(&text));
}
