//! What `#[derive(Trace)]` rejects, and in which words: each program of `tests/ui/` has its message beside it.
//!
//! After a change of words, or with another compiler: `TRYBUILD=overwrite cargo test --test derive_ui`, and read the difference.

#[test]
fn what_is_rejected() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
