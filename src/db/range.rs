//! Ranges of user keys.

use std::ops::Bound;

use crate::format::key::FullKey;

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyBound {
    /// The keyspace's own end.
    #[default]
    Unbounded,
    /// This key and what is inside.
    Included(Vec<u8>),
    /// What is inside, without this key.
    Excluded(Vec<u8>),
}

/// A range of user keys in unsigned byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRange {
    /// Lower end.
    pub from: KeyBound,
    /// Upper end.
    pub to: KeyBound,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        KeyRange::default()
    }

    /// Keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let from = KeyBound::Included(prefix.to_vec());
        KeyRange {
            from,
            to: after_prefix(prefix).map_or(KeyBound::Unbounded, KeyBound::Excluded),
        }
    }

    /// `from <= key < to`.
    pub fn from_to(from: &[u8], to: &[u8]) -> Self {
        KeyRange {
            from: KeyBound::Included(from.to_vec()),
            to: KeyBound::Excluded(to.to_vec()),
        }
    }

    /// The keys that are in both ranges.
    #[must_use]
    pub fn and(self, other: &KeyRange) -> Self {
        let from = match (self.from, &other.from) {
            (KeyBound::Unbounded, b) => b.clone(),
            (a, KeyBound::Unbounded) => a,
            (a, b) if lower(&a) >= lower(b) => a,
            (_, b) => b.clone(),
        };
        let to = match (self.to, &other.to) {
            (KeyBound::Unbounded, b) => b.clone(),
            (a, KeyBound::Unbounded) => a,
            (a, b) if upper(&a) <= upper(b) => a,
            (_, b) => b.clone(),
        };
        KeyRange { from, to }
    }

    /// The range as full keys of a keyspace.
    pub(crate) fn full(&self, keyspace: u32) -> (Bound<FullKey>, Bound<FullKey>) {
        let full = |key: &[u8]| FullKey::new(keyspace, key);
        let from = match &self.from {
            KeyBound::Unbounded => Bound::Included(full(&[])),
            KeyBound::Included(key) => Bound::Included(full(key)),
            KeyBound::Excluded(key) => Bound::Excluded(full(key)),
        };
        let to = match &self.to {
            KeyBound::Unbounded => match keyspace.checked_add(1) {
                Some(next) => Bound::Excluded(FullKey::new(next, &[])),
                None => Bound::Unbounded,
            },
            KeyBound::Included(key) => Bound::Included(full(key)),
            KeyBound::Excluded(key) => Bound::Excluded(full(key)),
        };
        (from, to)
    }

    /// The range as the log stores it: first key, and first key after it (empty = no end).
    /// `None` where the range is empty.
    pub(crate) fn stored(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let successor = |key: &[u8]| [key, &[0]].concat();
        let from = match &self.from {
            KeyBound::Unbounded => Vec::new(),
            KeyBound::Included(key) => key.clone(),
            KeyBound::Excluded(key) => successor(key),
        };
        let to = match &self.to {
            KeyBound::Unbounded => Vec::new(),
            KeyBound::Included(key) => successor(key),
            KeyBound::Excluded(key) if key.is_empty() => return None,
            KeyBound::Excluded(key) => key.clone(),
        };
        (to.is_empty() || from < to).then_some((from, to))
    }
}

fn lower(bound: &KeyBound) -> (&[u8], bool) {
    match bound {
        KeyBound::Unbounded => (&[], false),
        KeyBound::Included(key) => (key, false),
        KeyBound::Excluded(key) => (key, true),
    }
}

fn upper(bound: &KeyBound) -> (&[u8], bool) {
    match bound {
        KeyBound::Unbounded => (&[], true),
        KeyBound::Included(key) => (key, true),
        KeyBound::Excluded(key) => (key, false),
    }
}

/// The first key after every key with this prefix; `None` where there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let keep = prefix.iter().rposition(|&b| b != 0xff)?;
    let mut end = prefix.get(..=keep)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_of_high_bytes_has_no_end() {
        assert_eq!(KeyRange::prefix(b"\xff\xff").to, KeyBound::Unbounded);
        assert_eq!(
            KeyRange::prefix(b"a\xff").to,
            KeyBound::Excluded(b"b".to_vec())
        );
        assert_eq!(KeyRange::prefix(b"").stored(), Some((vec![], vec![])));
    }

    #[test]
    fn and_takes_the_narrower_ends() {
        let both = KeyRange::prefix(b"b").and(&KeyRange::from_to(b"a", b"bm"));
        assert_eq!(both.stored(), Some((b"b".to_vec(), b"bm".to_vec())));
        let both = KeyRange::from_to(b"a", b"bm").and(&KeyRange::prefix(b"b"));
        assert_eq!(both.stored(), Some((b"b".to_vec(), b"bm".to_vec())));
        let range = |from, to| KeyRange { from, to };
        let key = || b"k".to_vec();
        let closed = range(KeyBound::Included(key()), KeyBound::Included(key()));
        let open = range(KeyBound::Excluded(key()), KeyBound::Excluded(key()));
        for both in [closed.clone().and(&open), open.clone().and(&closed)] {
            assert_eq!(both.from, KeyBound::Excluded(key()));
            assert_eq!(both.to, KeyBound::Excluded(key()));
        }
        let all = range(KeyBound::Unbounded, KeyBound::Unbounded);
        for both in [all.clone().and(&closed), closed.clone().and(&all)] {
            assert_eq!(both.stored(), Some((key(), b"k\0".to_vec())));
        }
        let none = KeyRange::from_to(b"x", b"z").and(&KeyRange::from_to(b"a", b"b"));
        assert_eq!(none.stored(), None);
    }
}
