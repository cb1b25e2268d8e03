//! Maps whose entries go when an object dies.
//!
//! | | an entry | goes when this dies | and holds |
//! |---|---|---|---|
//! | [`WeakKeyMap<K, V>`] | object → value | the object | the value |
//! | [`WeakValueMap<K, V>`] | key → object | the object | the key |
//! | [`WeakSet<T>`] | object | the object | nothing |
//!
//! "Dies": its last reference goes, or the collector has found that nobody can reach it, exactly when its
//! [`Weak`](super::Weak)s stop to upgrade. What an entry holds may lead to its own object, in a straight line or around corners: it is
//! collected all the same, when nothing else leads there (`ephemeron.rs`). Objects are told apart by identity, not by
//! what their values say.
//!
//! ```text
//!  keys, values, set     what people see
//!         │
//!         ▼
//!       table            entries with a type: found, put in, taken out, lent
//!         │
//!         ▼
//!     ephemeron          links without a type, as the collector sees them
//! ```

mod keys;
mod set;
mod table;
mod values;

pub use keys::{KeyRef, ValueMut, WeakKeyMap};
pub use set::WeakSet;
pub use values::{ValueRef, WeakValueMap};
