//! Bounds that are said stand in place of those that are found.

use neap::Trace;

#[derive(Trace)]
#[trace(bound = "")]
struct Holder<T>(Vec<T>);

fn main() {}
