//! Checks one leaf and the large values that it names.

use super::{Check, Span, Visit};
use crate::error::{Corruption, Result};
use crate::format::bytes::all_zero;
use crate::format::checksum::{crc_append, entry_hash};
use crate::format::key::{CATALOGUE, split_key};
use crate::format::leaf::{Leaf, StoredValue, needs_overflow};
use crate::format::overflow::OverflowRef;
use crate::format::page::{PageKind, check_page};
use crate::format::{Depth, Invariant, PAGE_HEADER_SIZE, max_key_len};

impl Check<'_> {
    /// P7, T1, T2, T5 to T9.
    pub(super) fn leaf(&mut self, bytes: &[u8], visit: &Visit, span: &Span) -> Result<()> {
        self.summary.leaves += 1;
        let lost = visit.entries.unwrap_or(0);
        let Some(leaf) = Leaf::new(bytes) else {
            let what = "leaf does not decode".to_owned();
            let corruption = self.corruption(Invariant::P7, visit.page, what);
            return self.lose(corruption, span, lost);
        };
        self.summary.leaf_bytes += leaf.used() as u64;
        if let Err(corruption) = leaf.check() {
            let readable = corruption.id == Invariant::T1 || corruption.id == Invariant::T5;
            let corruption = corruption.in_page(visit.page, self.page_size);
            if !readable {
                return self.lose(corruption, span, lost);
            }
            self.report(corruption, span)?;
        }
        self.compare_count(visit, leaf.count() as u64, span)?;
        self.entries(&leaf, visit, span)
    }

    fn entries(&mut self, leaf: &Leaf<'_>, visit: &Visit, span: &Span) -> Result<()> {
        let mut key = leaf.prefix().to_vec();
        let (mut inside, mut legal) = (true, true);
        for i in 0..leaf.count() {
            let Some(cell) = leaf.cell(i) else {
                continue; // the page has been reported
            };
            key.truncate(leaf.prefix().len());
            key.extend_from_slice(cell.suffix);
            inside &= span.has(&key);
            legal &= self.is_legal(&key, &cell.value);
            self.count(&key, &cell.value);
            if let StoredValue::Overflow(reference) = cell.value {
                let after = [key.as_slice(), &[0]].concat();
                if !self.visitor.wants(&key, Some(&after)) {
                    continue;
                }
                if let Err(corruption) = self.extent(&reference, visit.generation) {
                    let entry = Span {
                        low: key.clone(),
                        high: Some(after),
                    };
                    self.lose(corruption, &entry, 1)?;
                    continue;
                }
            }
            self.visitor.entry(&key, &cell.value)?;
        }
        for (holds, id, what) in [
            (inside, Invariant::T2, "key outside the leaf's keys"),
            (legal, Invariant::T7, "key or value outside its limits"),
        ] {
            if !holds {
                let corruption = self.corruption(id, visit.page, what.to_owned());
                self.report(corruption, span)?;
            }
        }
        Ok(())
    }

    fn is_legal(&self, key: &[u8], value: &StoredValue<'_>) -> bool {
        let key_fits = (4..=max_key_len(self.page_size) + 4).contains(&key.len());
        let inline = matches!(value, StoredValue::Inline(_));
        key_fits && !(inline && needs_overflow(self.page_size, key.len(), value.len()))
    }

    fn count(&mut self, key: &[u8], value: &StoredValue<'_>) {
        self.summary.tree_entries += 1;
        let Some((keyspace, user_key)) = split_key(key) else {
            return;
        };
        *self.summary.keyspaces.entry(keyspace).or_default() += 1;
        if keyspace == CATALOGUE {
            self.visitor.catalogue(key, value);
            return;
        }
        let len = value.len();
        let hash = entry_hash(key, value.crc(), len);
        self.summary.entries += 1;
        self.summary.logical_bytes += user_key.len() as u64 + len;
        self.summary.content_sum = self.summary.content_sum.wrapping_add(hash);
    }

    /// T9 and T10.
    fn extent(&mut self, reference: &OverflowRef, newest: u64) -> Result<(), Corruption> {
        let first = reference.page;
        let count = reference.pages(self.page_size);
        self.take(first, count, PageKind::Overflow)?;
        self.summary.overflow_pages += u64::from(count);
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.resize(self.page_size, 0);
        let result = self.extent_bytes(reference, count, newest, &mut bytes);
        self.spare.push(bytes);
        result
    }

    fn extent_bytes(
        &self,
        reference: &OverflowRef,
        count: u32,
        newest: u64,
        bytes: &mut [u8],
    ) -> Result<(), Corruption> {
        let first = reference.page;
        self.raw(first, bytes)?;
        let header = check_page(bytes, first).map_err(|c| c.in_page(first, self.page_size))?;
        if header.kind != PageKind::Overflow {
            let what = format!("{:?} page where a large value should begin", header.kind);
            return Err(self.corruption(Invariant::T9, first, what));
        }
        if header.generation > newest {
            let what = format!("generation {} below {newest}", header.generation);
            return Err(self.corruption(Invariant::P4, first, what));
        }
        if self.limits.depth != Depth::Deep {
            return Ok(());
        }
        let (mut sum, mut left) = (0, reference.stored_len as usize);
        for page in first..first + count {
            if page > first {
                self.raw(page, bytes)?;
            }
            let start = if page == first { PAGE_HEADER_SIZE } else { 0 };
            let body = bytes.get(start..).unwrap_or(&[]);
            let (value, rest) = body.split_at_checked(left).unwrap_or((body, &[]));
            sum = crc_append(sum, value);
            left -= value.len();
            if !all_zero(rest) {
                let what = "bytes after the value are not zero".to_owned();
                return Err(self.corruption(Invariant::P7, page, what));
            }
        }
        if sum != reference.crc {
            let what = format!("value has checksum {sum:08x}, not {:08x}", reference.crc);
            return Err(self.corruption(Invariant::T10, first, what));
        }
        Ok(())
    }

    fn raw(&self, page: u32, bytes: &mut [u8]) -> Result<(), Corruption> {
        let unreadable =
            |e: crate::error::Error| self.corruption(Invariant::P1, page, e.to_string());
        self.pages.raw_page(page, bytes).map_err(unreadable)
    }
}
