//! Full keys: a keyspace id (big-endian, so that keyspaces sort apart) before the user's key;
//! and the catalogue that keyspace 0 holds.

use std::ops::Deref;

/// Id of the keyspace `main`, which always exists.
pub const MAIN: u32 = 1;
/// Id of the keyspace that the catalogue lives in.
pub const CATALOGUE: u32 = 0;
/// Name of the keyspace that always exists.
pub const MAIN_NAME: &str = "main";
/// Longest keyspace name in bytes.
pub const MAX_KEYSPACE_NAME: usize = 255;

/// Longest id of an import position in bytes.
pub const MAX_POSITION_ID: usize = 255;
/// Longest record of an import position in bytes: so that it always fits a leaf.
pub const MAX_POSITION_RECORD: usize = 512;

/// First byte of the catalogue keys that are replicated.
const REPLICATED: u8 = 0x10;

const INLINE: usize = 60;

/// A full key, on the stack where it is short.
#[derive(Debug, Clone)]
pub struct FullKey {
    inline: [u8; INLINE],
    len: usize,
    heap: Vec<u8>,
}

impl FullKey {
    /// Keyspace id and user key.
    #[inline]
    pub fn new(keyspace: u32, key: &[u8]) -> Self {
        Self::join(&keyspace.to_be_bytes(), key)
    }

    /// What is a full key already.
    pub fn from_full(full: &[u8]) -> Self {
        Self::join(full, &[])
    }

    #[inline]
    fn join(front: &[u8], back: &[u8]) -> Self {
        let len = front.len() + back.len();
        let mut full = FullKey {
            inline: [0; INLINE],
            len,
            heap: Vec::new(),
        };
        if let Some(room) = full.inline.get_mut(..len) {
            let (first, rest) = room.split_at_mut(front.len());
            first.copy_from_slice(front);
            rest.copy_from_slice(back);
        } else {
            full.heap.reserve_exact(len);
            full.heap.extend_from_slice(front);
            full.heap.extend_from_slice(back);
        }
        full
    }
}

impl Deref for FullKey {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.inline.get(..self.len).unwrap_or(&self.heap)
    }
}

/// Keyspace id and user key of a full key.
#[inline]
pub fn split_key(full: &[u8]) -> Option<(u32, &[u8])> {
    let (id, key) = full.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*id), key))
}

/// Full key of the first possible entry of a keyspace.
pub fn keyspace_start(id: u32) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

/// Full key after every entry of a keyspace; empty = no end (id is the largest).
pub fn keyspace_end(id: u32) -> Vec<u8> {
    id.checked_add(1)
        .map(|next| next.to_be_bytes().to_vec())
        .unwrap_or_default()
}

/// Full key of the catalogue entry for a keyspace name; its value is the id, 4 bytes
/// (little-endian, as every integer that is a value).
pub fn catalogue_key(name: &[u8]) -> Vec<u8> {
    let mut key = keyspace_start(CATALOGUE);
    key.extend_from_slice(&[REPLICATED, b'k']);
    key.extend_from_slice(name);
    key
}

/// Full-key range of all catalogue entries for keyspaces.
pub fn catalogue_range() -> (Vec<u8>, Vec<u8>) {
    let mut end = catalogue_key(b"");
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    (catalogue_key(b""), end)
}

/// The keyspace name in a catalogue key.
pub fn catalogue_name(full: &[u8]) -> Option<&[u8]> {
    full.strip_prefix(catalogue_key(b"").as_slice())
}

/// Full key of the entry that holds the largest keyspace id ever given, so that ids are never
/// used twice (4 bytes, little-endian).
pub fn last_id_key() -> Vec<u8> {
    let mut key = keyspace_start(CATALOGUE);
    key.extend_from_slice(&[REPLICATED, b'n']);
    key
}

/// User key, in keyspace 0, of the import position with this id. Its value is the importer's.
pub fn position_user_key(id: &[u8]) -> Vec<u8> {
    [&[REPLICATED, b'i'], id].concat()
}

/// Full key of the import position with this id.
pub fn position_key(id: &[u8]) -> Vec<u8> {
    [keyspace_start(CATALOGUE), position_user_key(id)].concat()
}

/// Full-key range of all import positions.
pub fn position_range() -> (Vec<u8>, Vec<u8>) {
    let mut end = position_key(b"");
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    (position_key(b""), end)
}

/// The id in the full key of an import position.
pub fn position_id(full: &[u8]) -> Option<&[u8]> {
    full.strip_prefix(position_key(b"").as_slice())
}

/// User key, in keyspace 0, of an epoch in the epoch table.
pub fn fence_user_key(epoch: u32) -> [u8; 6] {
    let [a, b, c, d] = epoch.to_be_bytes();
    [REPLICATED, b'e', a, b, c, d]
}

/// Full-key range of the epoch table.
pub fn fence_range() -> (Vec<u8>, Vec<u8>) {
    let prefix = |last: u8| [keyspace_start(CATALOGUE), vec![REPLICATED, last]].concat();
    (prefix(b'e'), prefix(b'e' + 1))
}

/// The epoch in the full key of an entry of the epoch table.
pub fn fence_epoch(full: &[u8]) -> Option<u32> {
    let epoch = full.strip_prefix(fence_range().0.as_slice())?;
    Some(u32::from_be_bytes(epoch.try_into().ok()?))
}

/// True where id and record of an import position are inside their limits.
pub fn is_position(id: &[u8], record: &[u8]) -> bool {
    (1..=MAX_POSITION_ID).contains(&id.len()) && (1..=MAX_POSITION_RECORD).contains(&record.len())
}
