//! `Serialize` and `Deserialize`, as serde's own feature `rc` has them for std's pointers.
//!
//! A value is written where an `Rc` stands, each time anew, and read into a new `Rc`: what was shared is not shared
//! any more.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Rc, Weak};

impl<T: ?Sized + Serialize> Serialize for Rc<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Rc<T>
where
    Box<T>: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(Rc::from)
    }
}

impl<T: ?Sized + Serialize> Serialize for Weak<T> {
    /// The value, if it is alive; else as `None`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.upgrade().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Weak<T> {
    /// Reads a value, or `None`, and drops it: nobody else owns it. The `Weak` is one without an object.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer)?;
        Ok(Weak::new())
    }
}
