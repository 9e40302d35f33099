//! One record as it lies in a buffer: lengths, where asked for its number, full key, value.

use std::ops::Range;

use crate::format::bytes::{head8, push_varint, split_varint};

/// Where the parts of a record lie.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// Number of the record in the input; 0 where numbers are not kept.
    pub ordinal: u64,
    /// The full key.
    pub key: Range<usize>,
    /// The value; it ends where the next record begins.
    pub value: Range<usize>,
    pub is_delete: bool,
}

/// Appends a record. `ordinal`: where numbers are kept.
#[inline]
pub(super) fn push(
    out: &mut Vec<u8>,
    ordinal: Option<u64>,
    keyspace: u32,
    key: &[u8],
    value: Option<&[u8]>,
) {
    push_varint(out, key.len() as u64 + 4);
    // 0 stands for a delete.
    push_varint(out, value.map_or(0, |v| v.len() as u64 + 1));
    if let Some(ordinal) = ordinal {
        push_varint(out, ordinal);
    }
    out.extend_from_slice(&keyspace.to_be_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(value.unwrap_or(&[]));
}

/// The record that begins at `at`; `None` where it is not whole.
#[inline]
pub(super) fn at(bytes: &[u8], at: usize, ordinals: bool) -> Option<Record> {
    let rest = bytes.get(at..)?;
    let (key, rest) = split_varint(rest)?;
    let (value, rest) = split_varint(rest)?;
    let (ordinal, rest) = if ordinals {
        split_varint(rest)?
    } else {
        (0, rest)
    };
    let start = bytes.len() - rest.len();
    let middle = start.checked_add(usize::try_from(key).ok()?)?;
    let end = middle.checked_add(usize::try_from(value.saturating_sub(1)).ok()?)?;
    (end <= bytes.len()).then_some(Record {
        ordinal,
        key: start..middle,
        value: middle..end,
        is_delete: value == 0,
    })
}

/// Eight bytes of a key from `skip` on as a number that compares as they do.
#[inline]
pub(super) fn head(key: &[u8], skip: usize) -> u64 {
    head8(key.get(skip..).unwrap_or(&[]))
}

/// Number of equal bytes at the front.
pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}
