//! Log entries as they were read, not yet in the table.
//!
//! A handle that is opened for one lookup need not sort what the log holds: the first lookup goes
//! through the entries as they lie here. Anything else builds the table first.

use super::table::DeltaWriter;
use crate::format::key::{CATALOGUE, catalogue_key, last_id_key, split_key};
use crate::format::op::{Op, Ops};

/// Entries in log order.
#[derive(Debug, Default)]
pub(super) struct RawLog {
    bytes: Vec<u8>,
    entries: Vec<RawEntry>,
}

#[derive(Debug, Clone, Copy)]
struct RawEntry {
    index: u64,
    op_count: u32,
    /// Where its payload ends; it begins where the one before ends.
    end: usize,
}

impl RawLog {
    pub fn push(&mut self, index: u64, op_count: u32, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.entries.push(RawEntry {
            index,
            op_count,
            end: self.bytes.len(),
        });
    }

    fn each<'r>(&'r self, mut visit: impl FnMut(u64, &Op<'r>)) {
        let mut start = 0;
        for entry in &self.entries {
            let payload = self.bytes.get(start..entry.end).unwrap_or(&[]);
            start = entry.end;
            let mut ops = Ops::new(payload, entry.op_count);
            // They were decoded once before they came here.
            while let Ok(Some(op)) = ops.next_op() {
                visit(entry.index, &op);
            }
        }
    }

    /// Applies everything to a table that nobody has read yet.
    pub fn apply(&self, writer: &mut DeltaWriter<'_>) {
        self.each(|index, op| writer.apply(index, op, 0));
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
        let mut found: Option<Option<&[u8]>> = None;
        let mut id_bytes = None;
        self.each(|index, op| {
            if index > at {
                return;
            }
            match *op {
                Op::Put {
                    keyspace: id,
                    key: k,
                    value,
                } if id == keyspace && k == key => found = Some(Some(value)),
                Op::Delete {
                    keyspace: id,
                    key: k,
                } if id == keyspace && k == key => found = Some(None),
                Op::DeleteRange {
                    keyspace: id,
                    from,
                    to,
                } if id == keyspace && from <= key && (to.is_empty() || key < to) => {
                    found = Some(None);
                }
                Op::CreateKeyspace { id, name }
                    if keyspace == CATALOGUE
                        && (catalogue_key(name) == full || last_id_key() == full) =>
                {
                    id_bytes = Some(id.to_le_bytes());
                    found = Some(Some(&[]));
                }
                Op::DropKeyspace { id, name }
                    if id == keyspace || (keyspace == CATALOGUE && catalogue_key(name) == full) =>
                {
                    found = Some(None);
                }
                _ => {}
            }
        });
        // An operation on the catalogue carries the id, not the bytes that stand for it.
        let value = |v: &[u8]| match &id_bytes {
            Some(id) if keyspace == CATALOGUE && v.is_empty() => use_value(id),
            _ => use_value(v),
        };
        found.map(|found| found.map(value))
    }
}

#[cfg(test)]
mod tests {
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
            let kept = || {
                let mut delta = Delta::new();
                for (index, count, payload) in &entries {
                    delta.keep(*index, *count, payload);
                }
                delta
            };
            let table = kept();
            assert!(!table.is_empty());
            table.has_ranges(); // builds it
            let mut all: Vec<Vec<u8>> = vec![catalogue_key(b"ks"), last_id_key()];
            all.extend((1..=3).flat_map(|id| keys.map(|key| FullKey::new(id, key).to_vec())));
            for key in all {
                let raw = kept().get(&key, u64::MAX, <[u8]>::to_vec);
                let wanted = table.get(&key, u64::MAX, <[u8]>::to_vec);
                // To a reader of the tree below, "deleted" and "covered" are the same.
                assert_eq!(raw, wanted, "{key:?} in {entries:?}");
            }
        }
    }
}
