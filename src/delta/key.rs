//! Keys of the table: their first bytes stand in the nodes of the tree, so that a search seldom
//! follows a pointer to tell two keys apart.

use std::cmp::Ordering;

/// Bytes that are compared without following the pointer.
const HEAD: usize = 16;

/// A full key, owned by the table or lent for a lookup.
#[derive(Debug)]
pub(super) struct Key<'a> {
    /// The first bytes as numbers, zeros behind the end.
    head: [u64; 2],
    bytes: Bytes<'a>,
}

#[derive(Debug)]
enum Bytes<'a> {
    Own(Box<[u8]>),
    Lent(&'a [u8]),
}

/// A key that is shorter and one with zeros behind it have the same head: the bytes decide.
fn head(bytes: &[u8]) -> [u64; 2] {
    let number = match bytes.first_chunk::<HEAD>() {
        Some(first) => u128::from_be_bytes(*first),
        None => {
            let mut first = [0; HEAD];
            for (to, from) in first.iter_mut().zip(bytes) {
                *to = *from;
            }
            u128::from_be_bytes(first)
        }
    };
    [(number >> 64) as u64, number as u64]
}

impl<'a> Key<'a> {
    pub fn own(bytes: Box<[u8]>) -> Key<'static> {
        Key {
            head: head(&bytes),
            bytes: Bytes::Own(bytes),
        }
    }

    pub fn lent(bytes: &'a [u8]) -> Key<'a> {
        Key {
            head: head(bytes),
            bytes: Bytes::Lent(bytes),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Own(bytes) => bytes,
            Bytes::Lent(bytes) => bytes,
        }
    }
}

impl Ord for Key<'_> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let heads = self.head.cmp(&other.head);
        heads.then_with(|| self.bytes().cmp(other.bytes()))
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_bytes() {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 18, 31] {
            for last in [0, 1, 0x7f, 0x80, 0xff] {
                for fill in [0, 0xff] {
                    let mut key = vec![fill; len];
                    key.push(last);
                    all.push(key);
                }
            }
        }
        all.push(Vec::new());
        for a in &all {
            for b in &all {
                let (own, lent) = (Key::own(a.as_slice().into()), Key::lent(b));
                assert_eq!(own.cmp(&lent), a.cmp(b), "{a:?} {b:?}");
                assert_eq!(own == lent, a == b);
            }
        }
    }
}
