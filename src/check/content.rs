//! What the leaves hold: entries per keyspace, the catalogue, and at level deep the sums
//! (T6, T11, T12).

use std::collections::BTreeMap;

use super::findings::{Findings, finding};
use crate::format::checksum::{crc, crc_append, mix};
use crate::format::fence::FenceRecord;
use crate::format::header::Header;
use crate::format::key::{
    CATALOGUE, MAIN, MAIN_NAME, catalogue_name, fence_epoch, fence_range, is_position, last_id_key,
    position_id, split_key,
};
use crate::format::leaf::{LeafCell, StoredValue};
use crate::format::{Depth, Invariant};

/// One keyspace as the leaves show it.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    entries: u64,
    first_page: u32,
}

/// Sums over the leaves seen so far.
/// Full keys of keyspace 0 and their values; `None`: outside its page.
pub(super) type Catalogue = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

#[derive(Debug)]
pub(super) struct Content {
    deep: bool,
    page: u32,
    /// The keyspace of every key in the page, where its prefix tells.
    page_keyspace: Option<u32>,
    page_entries: u64,
    prefix_crc: u32,
    keyspaces: BTreeMap<u32, Tally>,
    /// Full key and value of the entries of keyspace 0, in the order of the keys: the leaves come
    /// in that of the file.
    catalogue: Catalogue,
    logical_bytes: u64,
    content_sum: u64,
}

impl Content {
    pub fn new(deep: bool) -> Self {
        Content {
            deep,
            page: 0,
            page_keyspace: None,
            page_entries: 0,
            prefix_crc: 0,
            keyspaces: BTreeMap::new(),
            catalogue: Catalogue::new(),
            logical_bytes: 0,
            content_sum: 0,
        }
    }

    /// The entries of keyspace 0.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Entries seen in all keyspaces but the catalogue.
    pub fn entries(&self) -> u64 {
        let counted = self.keyspaces.iter().filter(|&(&id, _)| id != CATALOGUE);
        counted.map(|(_, t)| t.entries).sum()
    }

    pub fn begin_page(&mut self, prefix: &[u8], page: u32) {
        self.page = page;
        self.page_keyspace = split_key(prefix).map(|(id, _)| id);
        self.page_entries = 0;
        if self.deep {
            self.prefix_crc = crc(prefix);
        }
    }

    #[inline]
    pub fn add(&mut self, prefix: &[u8], cell: &LeafCell<'_>) {
        let keyspace = match self.page_keyspace {
            Some(id) => {
                self.page_entries += 1;
                id
            }
            None => {
                let id = keyspace_across(prefix, cell.suffix);
                self.tally(id, 1);
                id
            }
        };
        if keyspace == CATALOGUE {
            let value = match cell.value {
                StoredValue::Inline(bytes) => Some(bytes.to_vec()),
                StoredValue::Overflow(_) => None,
            };
            self.catalogue.insert([prefix, cell.suffix].concat(), value);
        } else if self.deep {
            self.sum_up(prefix, cell);
        }
    }

    pub fn end_page(&mut self) {
        if let Some(id) = self.page_keyspace {
            self.tally(id, self.page_entries);
        }
    }

    fn tally(&mut self, keyspace: u32, entries: u64) {
        let tally = self.keyspaces.entry(keyspace).or_default();
        tally.entries += entries;
        if tally.first_page == 0 {
            tally.first_page = self.page;
        }
    }

    /// Adds one entry to the sums; the same as `format::checksum::entry_hash`, without putting
    /// the key together.
    fn sum_up(&mut self, prefix: &[u8], cell: &LeafCell<'_>) {
        let key_len = (prefix.len() + cell.suffix.len()) as u64;
        let (value_crc, value_len) = (cell.value.crc(), cell.value.len());
        let key = mix(u64::from(crc_append(self.prefix_crc, cell.suffix)) | key_len << 32);
        let value = mix(u64::from(value_crc) | value_len << 32);
        let hash = mix(key.wrapping_add(value.wrapping_mul(3)));
        self.content_sum = self.content_sum.wrapping_add(hash);
        self.logical_bytes += key_len - 4 + value_len;
    }

    /// Compares what was seen with the header and the catalogue. `whole`: nothing was missed.
    pub fn judge(&self, header: &Header, level: Depth, whole: bool, findings: &mut Findings) {
        let ids = self.check_catalogue(findings);
        for (&id, tally) in &self.keyspaces {
            findings.count(Invariant::T12, 1);
            if whole && id != CATALOGUE && id != MAIN && !ids.contains_key(&id) {
                let text = format!(
                    "{} entries belong to keyspace {id}, which does not exist",
                    tally.entries
                );
                findings.damage(finding(Invariant::T12, text).in_pages(
                    tally.first_page,
                    1,
                    header.page_size(),
                ));
            }
        }
        if !whole {
            findings.remark(
                "part of the tree cannot be read: counts, sums and the catalogue were not compared",
            );
            return;
        }
        let mut compare = |id, name: &str, found: u64, said: u64| {
            findings.count(id, 1);
            if found != said {
                let text = format!("{name}: {found} found, the header says {said}");
                findings.damage(finding(id, text));
            }
        };
        compare(Invariant::T6, "entries", self.entries(), header.entry_count);
        if level == Depth::Deep {
            compare(
                Invariant::T11,
                "bytes of keys and values",
                self.logical_bytes,
                header.logical_bytes,
            );
            compare(
                Invariant::T11,
                "content sum",
                self.content_sum,
                header.content_sum,
            );
        }
    }

    /// One entry of the epoch table; `before` is the index of the one before it.
    fn check_fence(
        &self,
        key: &[u8],
        value: Option<&[u8]>,
        before: &mut u64,
        findings: &mut Findings,
    ) {
        findings.count(Invariant::T12, 1);
        let record = value.and_then(FenceRecord::decode);
        let good = record
            .filter(|r| fence_epoch(key) == Some(r.epoch))
            .filter(|r| r.previous_index >= *before);
        match good {
            Some(record) => *before = record.previous_index + 1,
            None => {
                let text = "an entry of the epoch table is malformed or out of order";
                findings.damage(finding(Invariant::T12, text));
            }
        }
    }

    /// Checks the entries of keyspace 0 and gives the keyspaces by id.
    fn check_catalogue(&self, findings: &mut Findings) -> BTreeMap<u32, Vec<u8>> {
        let mut ids: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut last = None;
        let mut fence = 0;
        for (key, value) in &self.catalogue {
            let id = value
                .as_deref()
                .and_then(|v| v.try_into().ok())
                .map(u32::from_le_bytes);
            if *key == last_id_key() {
                last = id;
            }
            if let Some(id) = position_id(key) {
                findings.count(Invariant::T12, 1);
                if !is_position(id, value.as_deref().unwrap_or(&[])) {
                    let shown = String::from_utf8_lossy(id).into_owned();
                    let text = format!("the import position {shown:?} is malformed");
                    findings.damage(finding(Invariant::T12, text));
                }
            }
            if key.starts_with(&fence_range().0) {
                self.check_fence(key, value.as_deref(), &mut fence, findings);
            }
            let Some(name) = catalogue_name(key) else {
                continue;
            };
            findings.count(Invariant::T12, 1);
            let shown = String::from_utf8_lossy(name).into_owned();
            let mut bad = |text: String| findings.damage(finding(Invariant::T12, text));
            let Some(id) = id else {
                bad(format!(
                    "the catalogue entry of keyspace {shown:?} is not an id"
                ));
                continue;
            };
            if id == CATALOGUE || (id == MAIN) != (name == MAIN_NAME.as_bytes()) {
                bad(format!("keyspace {shown:?} has the id {id}"));
            }
            if let Some(other) = ids.insert(id, name.to_vec()) {
                let other = String::from_utf8_lossy(&other).into_owned();
                bad(format!(
                    "keyspaces {other:?} and {shown:?} both have the id {id}"
                ));
            }
        }
        if let (Some(last), Some((&largest, _))) = (last, ids.last_key_value())
            && largest > last
            && largest != MAIN
        {
            let text = format!("keyspace id {largest} is beyond the last one given, {last}");
            findings.damage(finding(Invariant::T12, text));
        }
        ids
    }
}

/// Keyspace of a key whose id is not all in the prefix.
fn keyspace_across(prefix: &[u8], suffix: &[u8]) -> u32 {
    let mut id = [0u8; 4];
    for (slot, byte) in id.iter_mut().zip(prefix.iter().chain(suffix)) {
        *slot = *byte;
    }
    u32::from_be_bytes(id)
}
