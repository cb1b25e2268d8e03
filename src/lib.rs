//! neap (skeleton: the allocator room is being built; the public names are final).
mod global;
pub mod heap;
pub use global::{Configured, Neap, Thp};
