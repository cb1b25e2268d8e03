//! The only door to atomics: the real ones, or loom's when the model checker runs.
//!
//! Every file that shares memory between threads imports from here, so that `tests/loom.rs`
//! explores the shipped code and not a model of it.

#[cfg(not(neap_loom))]
pub use core::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};

#[cfg(neap_loom)]
pub use loom::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};
