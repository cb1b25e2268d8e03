//! What can't be said, or not there, or not twice.

use neap::{Gc, Trace};

#[derive(Trace)]
#[trace(acylic)]
struct Unknown;

#[derive(Trace)]
struct UnknownOfField(#[trace(skipped)] u8);

#[derive(Trace)]
#[trace(acyclic, acyclic)]
struct Twice;

#[derive(Trace)]
#[trace(acyclic)]
#[trace(acyclic)]
struct TwiceApart;

#[derive(Trace)]
struct TwiceOfField(#[trace(skip, skip)] u8);

#[derive(Trace)]
#[trace(skip)]
struct OfField;

#[derive(Trace)]
struct OfType(#[trace(acyclic)] u8);

#[derive(Trace)]
enum OfVariant {
    #[trace(skip)]
    _A(Gc<u8>),
}

#[derive(Trace)]
#[trace]
struct Nothing;

#[derive(Trace)]
#[trace = "skip"]
struct Text;

#[derive(Trace)]
#[trace(skip = true)]
struct Value;

#[derive(Trace)]
#[trace(acyclic = true)]
struct ValueToo;

#[derive(Trace)]
#[trace(bound = T)]
struct Bound<T>(T);

#[derive(Trace)]
#[trace(bound = "T is Trace")]
struct BoundText<T>(T);

#[derive(Trace)]
#[trace(crate = "neap")]
struct Crate;

fn main() {}
