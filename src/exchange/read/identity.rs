//! Which input this is: what an interrupted import recognises it by.

use super::block::Mark;
use super::options::ReadOptions;

/// So much of the beginning tells one input from another.
pub(super) const IDENTITY: usize = 64 << 10;

/// An input, as far as its beginning tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Follows from the first 64 KiB and the way in which they are read.
    pub id: [u8; 16],
    /// Follows from the way alone: format, keyspace, field map.
    pub way: [u8; 8],
    head: Vec<u8>,
}

impl Identity {
    pub(super) fn new(options: &ReadOptions, head: &[u8]) -> Identity {
        let mut hasher = blake3::Hasher::new_derive_key("creel import identity 1");
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(options.format.name().as_bytes());
        part(options.keyspace.as_bytes());
        let enc = options.enc.map_or("", |enc| enc.name());
        part(enc.as_bytes());
        part(&[u8::from(options.header_row)]);
        if let Some(map) = &options.field_map {
            part(map.key.as_bytes());
            part(map.payload.as_deref().unwrap_or("").as_bytes());
        }
        let way = hasher.finalize();
        hasher.update(head);
        let id = hasher.finalize();
        Identity {
            id: id.as_bytes().first_chunk().copied().unwrap_or_default(),
            way: way.as_bytes().first_chunk().copied().unwrap_or_default(),
            head: head.to_vec(),
        }
    }

    /// True where the input begins with what an import had read by then. Only told of places in
    /// the first 64 KiB; an input that differs there is another one by its id, though perhaps
    /// only because somebody has repaired it behind that place.
    pub fn begins_with(&self, mark: &Mark) -> bool {
        let len = usize::try_from(mark.byte).unwrap_or(usize::MAX);
        let head = self.head.get(..len).filter(|head| !head.is_empty());
        head.is_some_and(|head| crc32c::crc32c(head) == mark.crc)
    }
}
