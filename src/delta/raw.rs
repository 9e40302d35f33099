//! Log entries as they were read, not yet in the table.
//!
//! A handle that is opened for a few lookups need not sort what the log holds: the first ones go
//! through the entries where they were read to. Anything else builds the table first.

use std::fmt::Debug;
use std::ops::Range;
use std::ptr::addr_eq;
use std::sync::Arc;

use super::table::DeltaWriter;
use crate::format::key::{CATALOGUE, catalogue_key, last_id_key, split_key};
use crate::format::op::{Op, Ops};

/// An entry whose operations do not decode.
#[derive(Debug)]
pub struct Undecodable;

/// Memory that entries were read to.
pub trait Memory: AsRef<[u8]> + Debug + Send + Sync {}

impl<T: AsRef<[u8]> + Debug + Send + Sync> Memory for T {}

/// Entries in log order.
#[derive(Debug, Default)]
pub(super) struct RawLog {
    buffers: Vec<Arc<dyn Memory>>,
    entries: Vec<RawEntry>,
    /// One for each operation of the entries, see [`tag`].
    tags: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct RawEntry {
    index: u64,
    op_count: u32,
    /// The buffer, and where in it the payload lies.
    buffer: u32,
    start: u32,
    len: u32,
}

/// What the last operation that concerns a key says.
enum Said<'r> {
    Value(&'r [u8]),
    /// An operation on the catalogue carries the id, not the bytes that stand for it.
    Id(u32),
    Deleted,
}

/// The tag of operations that may concern any key.
const WIDE: u32 = 0;

/// Of two keys seldom the same, and never that of wide operations.
fn tag(keyspace: u32, key: &[u8]) -> u32 {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |b| u64::from_le_bytes(*b));
    let (first, last) = match key.len() {
        8.. => (word(key.first_chunk()), word(key.last_chunk())),
        _ => {
            let short = key
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            (short, 0)
        }
    };
    let size = key.len() as u64 ^ u64::from(keyspace) << 32;
    let mixed = (first ^ size).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed.rotate_left(31) ^ last).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 32) as u32 | 1
}

fn tag_of(op: &Op<'_>) -> u32 {
    match *op {
        Op::Put { keyspace, key, .. } | Op::Delete { keyspace, key } => tag(keyspace, key),
        _ => WIDE,
    }
}

impl RawLog {
    /// Adds an entry whose payload lies at `place` in `buffer`.
    pub fn push<B: Memory + 'static>(
        &mut self,
        index: u64,
        op_count: u32,
        buffer: &Arc<B>,
        place: Range<usize>,
    ) -> Result<(), Undecodable> {
        let payload = (**buffer).as_ref().get(place.clone()).ok_or(Undecodable)?;
        let mut ops = Ops::new(payload, op_count);
        while let Some(op) = ops.next_op().map_err(|()| Undecodable)? {
            self.tags.push(tag_of(&op));
        }
        let last = self.buffers.last();
        if !last.is_some_and(|last| addr_eq(Arc::as_ptr(last), Arc::as_ptr(buffer))) {
            self.buffers.push(Arc::clone(buffer) as Arc<dyn Memory>);
        }
        let small = |n: usize| u32::try_from(n).map_err(|_| Undecodable);
        self.entries.push(RawEntry {
            index,
            op_count,
            buffer: small(self.buffers.len() - 1)?,
            start: small(place.start)?,
            len: small(payload.len())?,
        });
        Ok(())
    }

    /// The operations of an entry in their order.
    fn each<'r>(&'r self, entry: &RawEntry, mut visit: impl FnMut(&Op<'r>)) {
        let buffer = self.buffers.get(entry.buffer as usize);
        let bytes: &[u8] = buffer.map_or(&[], |buffer| (**buffer).as_ref());
        let start = entry.start as usize;
        let payload = bytes.get(start..start + entry.len as usize);
        let mut ops = Ops::new(payload.unwrap_or(&[]), entry.op_count);
        // They were decoded once before they came here.
        while let Ok(Some(op)) = ops.next_op() {
            visit(&op);
        }
    }

    /// Applies everything to a table that nobody has read yet.
    pub fn apply(&self, writer: &mut DeltaWriter<'_>) {
        for entry in &self.entries {
            self.each(entry, |op| writer.apply(entry.index, op, 0));
        }
    }

    /// What the entries up to log index `at` say of a full key: `None` = nothing, `Some(None)` =
    /// deleted.
    pub fn get<R>(
        &self,
        full: &[u8],
        at: u64,
        use_value: impl FnOnce(&[u8]) -> R,
    ) -> Option<Option<R>> {
        let (keyspace, key) = split_key(full)?;
        let wanted = tag(keyspace, key);
        let mut tags = self.tags.as_slice();
        let said = self.entries.iter().rev().find_map(|entry| {
            let before = tags.len().saturating_sub(entry.op_count as usize);
            let (rest, own) = tags.split_at_checked(before)?;
            tags = rest;
            // All are looked at, which takes less time than stopping at each.
            let any = own
                .iter()
                .fold(false, |any, tag| any | (*tag == wanted) | (*tag == WIDE));
            if entry.index > at || !any {
                return None;
            }
            let mut said = None;
            self.each(entry, |op| {
                said = says(op, full, keyspace, key).or(said.take())
            });
            said
        });
        said.map(|said| match said {
            Said::Value(value) => Some(use_value(value)),
            Said::Id(id) => Some(use_value(&id.to_le_bytes())),
            Said::Deleted => None,
        })
    }
}

/// What an operation says of a key.
fn says<'r>(op: &Op<'r>, full: &[u8], keyspace: u32, key: &[u8]) -> Option<Said<'r>> {
    let of_catalogue = |name: &[u8]| keyspace == CATALOGUE && catalogue_key(name) == full;
    match *op {
        Op::Put {
            keyspace: id,
            key: k,
            value,
        } if id == keyspace && k == key => Some(Said::Value(value)),
        Op::Delete {
            keyspace: id,
            key: k,
        } if id == keyspace && k == key => Some(Said::Deleted),
        Op::DeleteRange {
            keyspace: id,
            from,
            to,
        } if id == keyspace && from <= key && (to.is_empty() || key < to) => Some(Said::Deleted),
        Op::CreateKeyspace { id, name } => {
            let counts = keyspace == CATALOGUE && last_id_key() == full;
            (counts || of_catalogue(name)).then_some(Said::Id(id))
        }
        Op::DropKeyspace { id, name } if id == keyspace || of_catalogue(name) => {
            Some(Said::Deleted)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Delta;
    use crate::format::key::{FullKey, catalogue_key, last_id_key};
    use crate::format::op::Op;

    /// Entries of one or two operations; all keys of a small world, asked of the raw entries and
    /// of the table.
    #[test]
    fn the_first_lookup_finds_what_the_table_says() {
        let keys: [&[u8]; 4] = [b"a", b"b", b"bb", b"c"];
        let mut word = 7u64;
        let mut below = |n: u64| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 33) % n
        };
        for _ in 0..300 {
            let mut entries = Vec::new();
            for index in 1..=below(9) + 1 {
                let mut payload = Vec::new();
                let count = below(2) + 1;
                for _ in 0..count {
                    let keyspace = below(3) as u32 + 1;
                    let key = keys[below(4) as usize];
                    let op = match below(8) {
                        0 => Op::Delete { keyspace, key },
                        1 => Op::DeleteRange {
                            keyspace,
                            from: key,
                            to: [&b""[..], b"c"][below(2) as usize],
                        },
                        2 => Op::CreateKeyspace {
                            id: keyspace,
                            name: b"ks",
                        },
                        3 => Op::DropKeyspace {
                            id: keyspace,
                            name: b"ks",
                        },
                        _ => Op::Put {
                            keyspace,
                            key,
                            value: &[index as u8; 3],
                        },
                    };
                    op.encode(&mut payload);
                }
                entries.push((index, count as u32, payload));
            }
            let kept = |upto: u64| {
                let mut delta = Delta::new();
                let mut buffer = Arc::new(Vec::new());
                let rest = entries.iter().filter(|(index, _, _)| *index <= upto);
                for (index, count, payload) in rest {
                    if index % 3 == 1 {
                        // Some lie in the same memory, behind each other.
                        let next = entries.iter().skip(*index as usize - 1).take(3);
                        buffer = Arc::new(next.flat_map(|(_, _, p)| p.clone()).collect());
                    }
                    let before = entries.iter().take(*index as usize - 1);
                    let before = before.skip((*index as usize - 1) / 3 * 3);
                    let start: usize = before.map(|(_, _, p)| p.len()).sum();
                    let place = start..start + payload.len();
                    delta.keep(*index, *count, &buffer, place).unwrap();
                }
                delta
            };
            let newest = entries.len() as u64;
            let mut all: Vec<Vec<u8>> = vec![catalogue_key(b"ks"), last_id_key()];
            all.extend((1..=3).flat_map(|id| keys.map(|key| FullKey::new(id, key).to_vec())));
            for at in [newest, 1 + below(newest)] {
                let table = kept(at);
                assert!(!table.is_empty());
                table.has_ranges(); // builds it
                for key in &all {
                    let raw = kept(newest).get(key, at, <[u8]>::to_vec);
                    let wanted = table.get(key, u64::MAX, <[u8]>::to_vec);
                    // To a reader of the tree below, "deleted" and "covered" are the same.
                    assert_eq!(raw, wanted, "{key:?} at {at} in {entries:?}");
                }
            }
        }
    }

    #[test]
    fn an_entry_that_does_not_decode_is_refused() {
        let mut payload = Vec::new();
        let put = Op::Put {
            keyspace: 1,
            key: b"k",
            value: b"v",
        };
        put.encode(&mut payload);
        let buffer = Arc::new(payload);
        let len = buffer.len();
        let keep = |count, place| Delta::new().keep(1, count, &buffer, place);
        assert!(keep(1, 0..len).is_ok());
        assert!(keep(2, 0..len).is_err(), "one operation is missing");
        assert!(keep(0, 0..len).is_err(), "bytes are left over");
        assert!(keep(1, 0..len - 1).is_err(), "the value is cut off");
        assert!(keep(1, 0..len + 1).is_err(), "it ends behind the memory");
    }

    #[test]
    fn some_lookups_are_answered_before_the_table_is_built_and_all_are_right() {
        let mut delta = Delta::new();
        for index in 1..=1000u64 {
            let mut payload = Vec::new();
            let put = Op::Put {
                keyspace: 1,
                key: &(index % 400).to_be_bytes(),
                value: &index.to_be_bytes(),
            };
            put.encode(&mut payload);
            let place = 0..payload.len();
            delta.keep(index, 1, &Arc::new(payload), place).unwrap();
        }
        for key in 0..400u64 {
            let full = FullKey::new(1, &key.to_be_bytes());
            let newest = if key <= 200 { key + 800 } else { key + 400 };
            let found = delta.get(&full, u64::MAX, <[u8]>::to_vec);
            assert_eq!(found, Some(Some(newest.to_be_bytes().to_vec())), "{key}");
        }
        let other = FullKey::new(1, &400u64.to_be_bytes());
        assert_eq!(delta.get(&other, u64::MAX, |_| ()), None);
    }
}
