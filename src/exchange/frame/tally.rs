//! What has gone by so far: the writer makes the trailer of it, the reader compares.

use super::trailer::Trailer;
use crate::digest::ContentDigest;

/// Counts lines and bytes, and computes checksum and digest.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    records: u64,
    bytes: u64,
    crc32c: u32,
    digest: ContentDigest,
    first_key: Option<Vec<u8>>,
    last_key: Vec<u8>,
}

impl Tally {
    /// Of nothing so far.
    pub fn new() -> Tally {
        Tally::default()
    }

    /// Text that goes by, in pieces of any size: the header and everything up to the trailer.
    pub fn text(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, text);
    }

    /// The keyspace of what follows.
    pub fn keyspace(&mut self, name: &str) {
        self.digest.keyspace(name);
    }

    /// A record with key and value.
    #[inline]
    pub fn entry(&mut self, key: &[u8], value: &[u8]) {
        self.key(key);
        self.digest.entry(key, value);
    }

    /// A record of a deleted key.
    pub fn delete(&mut self, key: &[u8]) {
        self.key(key);
        self.digest.delete(key);
    }

    /// A record of a deleted range; a dropped keyspace is one from the empty key without an end.
    pub fn delete_range(&mut self, from: &[u8], to: Option<&[u8]>) {
        self.records += 1;
        self.digest.delete_range(from, to);
    }

    #[inline]
    fn key(&mut self, key: &[u8]) {
        self.records += 1;
        if self.first_key.is_none() {
            self.first_key = Some(key.to_vec());
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of text so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The trailer that belongs here.
    pub fn finish(self) -> Trailer {
        Trailer {
            records: self.records,
            bytes: self.bytes,
            crc32c: self.crc32c,
            digest: self.digest.finish(),
            last_key: self.first_key.is_some().then_some(self.last_key),
            first_key: self.first_key,
        }
    }
}
