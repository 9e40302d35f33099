//! Ranges of keys: the meeting of a prefix, bounds and a pattern's fixed start.

use creel::{KeyBound, KeyRange};

/// The keys that start with `prefix`.
pub fn prefix(prefix: &[u8]) -> KeyRange {
    let mut end = prefix.to_vec();
    // The successor: the last byte that can grow does, all after it go.
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    let from = bound(prefix, KeyBound::Included);
    let to = bound(&end, KeyBound::Excluded);
    KeyRange { from, to }
}

/// The first key of a range and the first one behind it, where it has bounds.
pub fn half_open(range: &KeyRange) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let next = |key: &Vec<u8>| [key.as_slice(), &[0]].concat();
    let from = match &range.from {
        KeyBound::Unbounded => None,
        KeyBound::Included(key) => Some(key.clone()),
        KeyBound::Excluded(key) => Some(next(key)),
    };
    let to = match &range.to {
        KeyBound::Unbounded => None,
        KeyBound::Included(key) => Some(next(key)),
        KeyBound::Excluded(key) => Some(key.clone()),
    };
    (from, to)
}

/// All keys.
pub fn all() -> KeyRange {
    KeyRange {
        from: KeyBound::Unbounded,
        to: KeyBound::Unbounded,
    }
}

/// An empty key bounds nothing: no key is empty.
fn bound(key: &[u8], kind: impl FnOnce(Vec<u8>) -> KeyBound) -> KeyBound {
    if key.is_empty() {
        KeyBound::Unbounded
    } else {
        kind(key.to_vec())
    }
}

/// The keys that are in both ranges.
pub fn meet(a: KeyRange, b: KeyRange) -> KeyRange {
    KeyRange {
        from: later(a.from, b.from),
        to: earlier(a.to, b.to),
    }
}

fn later(a: KeyBound, b: KeyBound) -> KeyBound {
    // Of equal keys the excluded bound is the later one.
    let rank = |bound: &KeyBound| match bound {
        KeyBound::Unbounded => None,
        KeyBound::Included(key) => Some((key.clone(), false)),
        KeyBound::Excluded(key) => Some((key.clone(), true)),
    };
    if rank(&a) >= rank(&b) { a } else { b }
}

fn earlier(a: KeyBound, b: KeyBound) -> KeyBound {
    // Of equal keys the excluded bound is the earlier one; no bound is the latest.
    let rank = |bound: &KeyBound| match bound {
        KeyBound::Unbounded => (true, Vec::new(), false),
        KeyBound::Included(key) => (false, key.clone(), true),
        KeyBound::Excluded(key) => (false, key.clone(), false),
    };
    if rank(&a) <= rank(&b) { a } else { b }
}

/// True where no key can lie in the range.
pub fn is_empty(range: &KeyRange) -> bool {
    match (&range.from, &range.to) {
        (KeyBound::Included(from), KeyBound::Included(to)) => from > to,
        (
            KeyBound::Included(from) | KeyBound::Excluded(from),
            KeyBound::Included(to) | KeyBound::Excluded(to),
        ) => from >= to,
        (_, KeyBound::Excluded(to) | KeyBound::Included(to)) => to.is_empty(),
        (_, KeyBound::Unbounded) => false,
    }
}

/// True where the key lies in the range.
pub fn has(range: &KeyRange, key: &[u8]) -> bool {
    let from = match &range.from {
        KeyBound::Unbounded => true,
        KeyBound::Included(from) => key >= from.as_slice(),
        KeyBound::Excluded(from) => key > from.as_slice(),
    };
    let to = match &range.to {
        KeyBound::Unbounded => true,
        KeyBound::Included(to) => key <= to.as_slice(),
        KeyBound::Excluded(to) => key < to.as_slice(),
    };
    from && to
}

/// From this key on.
pub fn from(key: Vec<u8>) -> KeyRange {
    KeyRange {
        from: KeyBound::Included(key),
        to: KeyBound::Unbounded,
    }
}

/// After this key.
pub fn after(key: Vec<u8>) -> KeyRange {
    KeyRange {
        from: KeyBound::Excluded(key),
        to: KeyBound::Unbounded,
    }
}

/// Before this key.
pub fn to(key: Vec<u8>) -> KeyRange {
    KeyRange {
        from: KeyBound::Unbounded,
        to: KeyBound::Excluded(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyBound::{Excluded, Included, Unbounded};

    fn key(text: &[u8]) -> Vec<u8> {
        text.to_vec()
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix(b""), all());
        let range = prefix(b"a\xff");
        assert_eq!(
            (range.from, range.to),
            (Included(key(b"a\xff")), Excluded(key(b"b")))
        );
        let range = prefix(b"\xff\xff");
        assert_eq!(
            (range.from, range.to),
            (Included(key(b"\xff\xff")), Unbounded)
        );
    }

    #[test]
    fn meetings_are_never_wider_than_either() {
        let range = meet(prefix(b"ab"), meet(from(key(b"aa")), to(key(b"abc"))));
        assert_eq!(
            (range.from, range.to),
            (Included(key(b"ab")), Excluded(key(b"abc")))
        );
        let range = meet(from(key(b"a")), after(key(b"a")));
        assert_eq!(range.from, Excluded(key(b"a")));
        assert_eq!(meet(all(), all()), all());
    }

    #[test]
    fn keys_in_ranges() {
        let range = meet(after(key(b"a")), to(key(b"c")));
        let inside = [&b"a"[..], b"a\0", b"b", b"c"].map(|k| has(&range, k));
        assert_eq!(inside, [false, true, true, false]);
        assert!(has(&all(), b"x") && has(&from(key(b"x")), b"x"));
    }

    #[test]
    fn empty_ranges() {
        assert!(is_empty(&meet(from(key(b"b")), to(key(b"b")))));
        assert!(is_empty(&meet(after(key(b"c")), to(key(b"b")))));
        assert!(!is_empty(&prefix(b"x")));
        assert!(!is_empty(&all()));
        assert!(is_empty(&to(key(b""))));
    }
}
