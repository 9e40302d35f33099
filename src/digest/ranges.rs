//! Digests of ranges whose borders follow from the keys: two copies that differ a little are cut
//! alike, so that their lists differ in a line or two.

use super::content::ContentDigest;
use super::value::Digest;

/// The most bits: a range of so many entries on average is the coarsest cut.
pub const MAX_BITS: u32 = 32;

/// A finished range. Its digest is that of a selection of just this range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The keyspace.
    pub keyspace: String,
    /// The first key, where the border before it follows from it; `None` at the start of a
    /// keyspace.
    pub from: Option<Vec<u8>>,
    /// The key that begins the next range; `None` at the end of a keyspace.
    pub to: Option<Vec<u8>>,
    /// Entries in it.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Digest of the entries.
    pub digest: Digest,
}

/// Cuts ordered entries into ranges.
#[derive(Debug)]
pub struct RangeDigests {
    bits: u32,
    keyspace: String,
    from: Option<Vec<u8>>,
    bytes: u64,
    present: ContentDigest,
}

impl RangeDigests {
    /// Ranges of about two to the power of `bits` entries.
    pub fn new(bits: u32) -> RangeDigests {
        RangeDigests {
            bits: bits.min(MAX_BITS),
            keyspace: "main".to_owned(),
            from: None,
            bytes: 0,
            present: ContentDigest::new(),
        }
    }

    /// What follows is in this keyspace. Returns the range that ends here.
    pub fn keyspace(&mut self, name: &str) -> Option<Range> {
        if self.keyspace == name {
            return None;
        }
        let ended = self.cut(None);
        name.clone_into(&mut self.keyspace);
        ended
    }

    /// Adds an entry. Returns the range that ends before it.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) -> Option<Range> {
        let border = starts_range(&self.keyspace, key, self.bits);
        let ended = border.then(|| self.cut(Some(key))).flatten();
        if self.present.entries() == 0 {
            self.present.keyspace(&self.keyspace);
        }
        self.present.entry(key, value);
        self.bytes += (key.len() + value.len()) as u64;
        ended
    }

    /// The last range.
    pub fn finish(&mut self) -> Option<Range> {
        self.cut(None)
    }

    fn cut(&mut self, to: Option<&[u8]>) -> Option<Range> {
        let from = std::mem::replace(&mut self.from, to.map(<[u8]>::to_vec));
        let entries = self.present.entries();
        let bytes = std::mem::take(&mut self.bytes);
        (entries > 0).then(|| Range {
            keyspace: self.keyspace.clone(),
            from,
            to: to.map(<[u8]>::to_vec),
            entries,
            bytes,
            digest: self.present.take(),
        })
    }
}

/// Whether a key begins a range: crc32c of the keyspace's name, a zero byte and the key, spread
/// by the finaliser of MurmurHash3, ends in this many zero bits.
#[inline]
pub fn starts_range(keyspace: &str, key: &[u8], bits: u32) -> bool {
    let crc = crc32c::crc32c_append(crc32c::crc32c(keyspace.as_bytes()), &[0]);
    let mut hash = crc32c::crc32c_append(crc, key);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 16;
    hash.trailing_zeros() >= bits
}

/// The bits that cut this many entries into about `ranges` ranges: from there to twice as many.
pub fn bits_for(entries: u64, ranges: u64) -> u32 {
    (entries / ranges.max(1))
        .checked_ilog2()
        .unwrap_or(0)
        .min(MAX_BITS)
}
