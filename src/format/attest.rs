//! What a kind 3 entry says: the content sum at an earlier entry, where the primary checkpointed.
//! Its own place in the log is the next such marker: copies checkpoint right in front of it.

use super::MAX_COUNTER;
use super::bytes::u64_at;

/// A content sum at an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attest {
    /// The last entry of a checkpoint.
    pub index: u64,
    /// Content sum of the tree that it made.
    pub content_sum: u64,
}

impl Attest {
    /// Bytes of a payload.
    pub const SIZE: usize = 16;

    /// Encodes a payload; `None` is a marker that says nothing of an earlier one.
    pub fn encode(attest: Option<&Attest>) -> [u8; Self::SIZE] {
        let (index, sum) = attest.map_or((0, 0), |a| (a.index, a.content_sum));
        let mut out = [0; Self::SIZE];
        let (head, rest) = out.split_at_mut(8);
        head.copy_from_slice(&index.to_le_bytes());
        rest.copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// Decodes the payload of the entry with this index. More bytes may follow in a later version.
    /// `None`: malformed; `Some(None)`: it names no earlier checkpoint.
    pub fn decode(payload: &[u8], own_index: u64) -> Option<Option<Attest>> {
        let (index, content_sum) = (u64_at(payload, 0)?, u64_at(payload, 8)?);
        if index == 0 {
            return (content_sum == 0).then_some(None);
        }
        let earlier = index < own_index && own_index < MAX_COUNTER;
        earlier.then_some(Some(Attest { index, content_sum }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attest_is_read_as_it_was_written_and_names_what_was_before() {
        let attest = Attest {
            index: 41,
            content_sum: 7,
        };
        let bytes = Attest::encode(Some(&attest));
        assert_eq!(Attest::decode(&bytes, 42), Some(Some(attest)));
        assert_eq!(
            Attest::decode(&[&bytes[..], b"more"].concat(), 42),
            Some(Some(attest))
        );
        assert_eq!(Attest::decode(&bytes, 41), None, "itself");
        assert!(Attest::decode(&bytes, MAX_COUNTER - 1).is_some());
        assert_eq!(Attest::decode(&bytes, MAX_COUNTER), None, "no entry");
        assert_eq!(Attest::decode(&bytes[..15], 42), None);
        let none = Attest::encode(None);
        assert_eq!(Attest::decode(&none, 1), Some(None));
        let odd = Attest::encode(Some(&Attest { index: 0, ..attest }));
        assert_eq!(Attest::decode(&odd, 9), None);
    }
}
