//! Row keys: one after another, or some by name.

use std::ops::Deref;

/// Row keys from first to last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// First key.
    pub first: i64,
    /// Last key.
    pub last: i64,
}

impl KeyRange {
    /// Every key there can be.
    pub const ALL: Self = Self { first: i64::MIN, last: i64::MAX };

    /// The keys after this range, if there are any.
    pub fn rest(self) -> Option<Self> {
        (self.last < i64::MAX).then(|| Self { first: self.last + 1, last: i64::MAX })
    }
}

/// Some row keys, ascending, each once: they are searched, halved, and joined with rows, and a key
/// that stood there twice would count twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyList(Vec<i64>);

impl KeyList {
    /// Those up to a key, itself included.
    #[must_use]
    pub fn up_to(mut self, last: i64) -> Self {
        self.0.truncate(self.0.partition_point(|key| *key <= last));
        self
    }
}

impl FromIterator<i64> for KeyList {
    fn from_iter<I: IntoIterator<Item = i64>>(keys: I) -> Self {
        Self::from(keys.into_iter().collect::<Vec<i64>>())
    }
}

impl From<Vec<i64>> for KeyList {
    fn from(mut keys: Vec<i64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self(keys)
    }
}

impl Deref for KeyList {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        &self.0
    }
}

/// Which keys a page is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// All keys of a range, those that have no row included.
    Range(KeyRange),
    /// These keys.
    List(KeyList),
}

impl Keys {
    /// Some keys, in any order and any number of times.
    pub fn list(keys: impl Into<KeyList>) -> Self {
        Self::List(keys.into())
    }

    /// Whether a key is among them.
    pub fn contains(&self, key: i64) -> bool {
        match self {
            Self::List(keys) => keys.binary_search(&key).is_ok(),
            Self::Range(range) => (range.first..=range.last).contains(&key),
        }
    }

    /// The keys below `middle`, and the others.
    #[must_use]
    pub fn split_at(&self, middle: i64) -> [Self; 2] {
        match self {
            Self::List(keys) => {
                let (low, high) = keys.split_at(keys.partition_point(|key| *key < middle));
                [low, high].map(|half| Self::List(KeyList(half.to_vec())))
            }
            Self::Range(range) => [
                Self::Range(KeyRange { first: range.first, last: middle - 1 }),
                Self::Range(KeyRange { first: middle, last: range.last }),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_each_key_once_and_in_order() {
        let Keys::List(keys) = Keys::list(vec![7, -1, 7, 7, 3, -1]) else { return };
        assert_eq!(*keys, [-1, 3, 7]);
        assert_eq!(*[5, 5, 5].into_iter().collect::<KeyList>(), [5]);
    }

    #[test]
    fn the_halves_of_a_list_have_each_key_once() {
        let [low, high] = Keys::list(vec![4, 4, 9, 1]).split_at(4);
        assert_eq!((low, high), (Keys::list(vec![1]), Keys::list(vec![9, 4])));
    }
}
