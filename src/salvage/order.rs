//! Records about single pages in key order: sorted on disk where they are many.

use std::path::Path;
use std::sync::Arc;

use super::report::SalvageOptions;
use crate::db::sort::{Duplicates, Sorted, Sorter};
use crate::error::Result;

/// What a record says. Of one key, the newest generation comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub key: Vec<u8>,
    pub generation: u64,
    pub page: u32,
    pub what: What,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A page begins to know of all keys.
    Open,
    /// An entry: its place in the page.
    Entry(u16),
    /// This is the last key that the page knows of.
    Close,
}

/// More cells than a page can have.
const OPEN: u16 = u16::MAX - 1;
const CLOSE: u16 = u16::MAX;
/// Bytes behind the key: generation, page and cell.
const TAIL: usize = 14;

impl Record {
    /// Bytes that sort by key and then by falling generation.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.key.len() + 24);
        for &byte in &self.key {
            out.push(byte);
            if byte == 0 {
                out.push(0xff);
            }
        }
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(!self.generation).to_be_bytes());
        out.extend_from_slice(&self.page.to_be_bytes());
        let cell = match self.what {
            What::Open => OPEN,
            What::Entry(cell) => cell,
            What::Close => CLOSE,
        };
        out.extend_from_slice(&cell.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Record> {
        let (head, tail) = bytes.split_at_checked(bytes.len().checked_sub(TAIL)?)?;
        let head = head.strip_suffix(&[0, 0])?;
        let mut key = Vec::with_capacity(head.len());
        let mut bytes = head.iter();
        while let Some(&byte) = bytes.next() {
            key.push(byte);
            if byte == 0 {
                bytes.next()?;
            }
        }
        let (generation, tail) = tail.split_first_chunk::<8>()?;
        let (page, tail) = tail.split_first_chunk::<4>()?;
        let (cell, _) = tail.split_first_chunk::<2>()?;
        Some(Record {
            key,
            generation: !u64::from_be_bytes(*generation),
            page: u32::from_be_bytes(*page),
            what: match u16::from_be_bytes(*cell) {
                OPEN => What::Open,
                CLOSE => What::Close,
                cell => What::Entry(cell),
            },
        })
    }
}

/// Records in order.
#[derive(Debug)]
pub(super) struct Ordered(Sorted);

impl Ordered {
    /// Sorts records. `near`: the scratch file is made, without a name, beside this path.
    pub fn sort(
        records: impl Iterator<Item = Result<Record>>,
        options: &SalvageOptions,
        near: &Path,
    ) -> Result<Ordered> {
        let vfs = Arc::clone(&options.vfs);
        let mut sorter = Sorter::on(vfs, options.sort_memory, Duplicates::Last, near);
        for record in records {
            sorter.push_any(0, &record?.encode(), None)?;
        }
        Ok(Ordered(sorter.finish()?))
    }
}

impl Iterator for Ordered {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.next_change() {
                Ok(Some(found)) => {
                    if let Some(record) = Record::decode(found.key) {
                        return Some(Ok(record));
                    }
                }
                Ok(None) => return None,
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_sort_by_key_and_falling_generation() {
        let keys: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"\0a", b"a", b"a\0"];
        let mut all = Vec::new();
        for key in keys {
            for generation in [9, 3] {
                for what in [What::Entry(7), What::Open, What::Close] {
                    all.push(Record {
                        key: key.to_vec(),
                        generation,
                        page: 5,
                        what,
                    });
                }
            }
        }
        let encoded: Vec<_> = all.iter().map(Record::encode).collect();
        let mut sorted = encoded.clone();
        sorted.sort();
        assert_eq!(encoded, sorted);
        let decoded: Vec<_> = encoded.iter().filter_map(|e| Record::decode(e)).collect();
        assert_eq!(decoded, all);
    }

    #[test]
    fn more_than_memory_holds_comes_back_in_order() {
        let options = SalvageOptions {
            sort_memory: 4096,
            ..SalvageOptions::default()
        };
        let record = |i: u32| Record {
            key: (i.wrapping_mul(2_654_435_761) % 5000)
                .to_be_bytes()
                .to_vec(),
            generation: u64::from(i),
            page: i,
            what: What::Entry(1),
        };
        let near = std::env::temp_dir().join("near");
        let sorted = Ordered::sort((0..5000).map(|i| Ok(record(i))), &options, &near).unwrap();
        let found: Vec<Record> = sorted.map(Result::unwrap).collect();
        let mut expected: Vec<Record> = (0..5000).map(record).collect();
        expected.sort_by_key(Record::encode);
        assert_eq!(found, expected);
    }
}
