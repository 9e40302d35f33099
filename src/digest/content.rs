//! The digest of ordered entries.

use std::fmt;

use super::feed::Feed;
use super::value::Digest;

/// What the hash is for; another meaning of the bytes gets another context.
const CONTEXT: &str = "creel content digest 1";
/// In the length of a key: the key is deleted.
const DELETED: u32 = 1 << 31;
/// In place of the length of a key: a deleted range.
const RANGE: u32 = u32::MAX;
/// In place of the length of a range's end: it has none.
const OPEN: u32 = u32::MAX;

/// Computes the digest of entries given in order: keyspaces by name, keys within them. It does not
/// check the order.
#[derive(Clone)]
pub struct ContentDigest {
    feed: Feed,
    /// The present keyspace; it counts for something once it has an item.
    name: String,
    begun: bool,
    in_keyspace: u64,
    total: u64,
}

impl Default for ContentDigest {
    fn default() -> Self {
        ContentDigest::new()
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentDigest({} items)", self.total)
    }
}

impl ContentDigest {
    /// Of nothing so far, in the keyspace `main`.
    pub fn new() -> Self {
        ContentDigest {
            feed: Feed::new(CONTEXT),
            name: "main".to_owned(),
            begun: false,
            in_keyspace: 0,
            total: 0,
        }
    }

    /// What follows is in this keyspace; the present one again changes nothing.
    pub fn keyspace(&mut self, name: &str) {
        if self.name != name {
            self.end_keyspace();
            name.clone_into(&mut self.name);
        }
    }

    /// Adds an entry.
    #[inline]
    pub fn entry(&mut self, key: &[u8], value: &[u8]) {
        self.item();
        self.feed
            .push(&lengths(length(key), length(value)), key, value);
    }

    /// Adds a deleted key; only exports of changes have them.
    pub fn delete(&mut self, key: &[u8]) {
        self.item();
        self.feed.push(&lengths(length(key) | DELETED, 0), key, &[]);
    }

    /// Adds a deleted range, up to `to` or to the end. A dropped keyspace is a range from the
    /// empty key to the end.
    pub fn delete_range(&mut self, from: &[u8], to: Option<&[u8]>) {
        self.item();
        let ends = lengths(length(from), to.map_or(OPEN, length));
        self.feed.push(&RANGE.to_le_bytes(), &ends, from);
        self.feed.push(to.unwrap_or(&[]), &[], &[]);
    }

    /// Number of items so far, in all keyspaces.
    pub fn entries(&self) -> u64 {
        self.total
    }

    /// The digest.
    pub fn finish(mut self) -> Digest {
        self.take()
    }

    /// The digest so far; goes on with nothing, in the keyspace `main`.
    pub(super) fn take(&mut self) -> Digest {
        self.end_keyspace();
        let digest = Digest(self.feed.finish());
        self.feed.reset();
        "main".clone_into(&mut self.name);
        self.total = 0;
        digest
    }

    #[inline]
    fn item(&mut self) {
        if !self.begun {
            self.begin();
        }
        self.in_keyspace += 1;
        self.total += 1;
    }

    #[cold]
    fn begin(&mut self) {
        self.begun = true;
        let name = self.name.as_bytes();
        self.feed.push(&length(name).to_le_bytes(), name, &[]);
    }

    fn end_keyspace(&mut self) {
        if self.begun {
            let count = self.in_keyspace.to_le_bytes();
            self.feed.push(&0_u32.to_le_bytes(), &count, &[]);
        }
        self.begun = false;
        self.in_keyspace = 0;
    }
}

/// The format holds no key or value whose length does not fit.
#[inline]
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[inline]
fn lengths(first: u32, second: u32) -> [u8; 8] {
    (u64::from(first) | u64::from(second) << 32).to_le_bytes()
}
