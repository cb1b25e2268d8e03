//! A type that is to be finalized says how.

use neap::Trace;

#[derive(Trace)]
#[trace(finalize)]
struct Silent;

fn main() {}
