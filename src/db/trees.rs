//! Trees of older generations, kept so that a file that is replicated can go back further than to its
//! last checkpoint. Nothing is copied: the pages that such a tree needs are not used again, as if a
//! reader pinned it, and the log behind it stays.
//!
//! A record in the local half of keyspace 0 names each. It is given up in one generation and dropped in
//! the next one, so no page is used again while either header names a tree with the record.

use super::Db;
use super::archive;
use super::checkpoint::Cut;
use super::handle::{Inner, lock};
use super::job::Job;
use super::view::Tree;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::header::{Header, Role, SlotState};
use crate::format::key::CATALOGUE;
use crate::format::leaf::StoredValue;
use crate::format::local::{ArchiveRecord, TreeRecord, local_range, tree_range, tree_user_key};
use crate::format::op::Op;
use crate::store::slots;
use crate::store::space::Space;
use crate::tree::read_value;

/// Bytes that may wait for going back, unless something else was asked for: as many as a new copy would
/// have, within these limits.
const LEAST_WINDOW: u64 = 32 << 20;
const MOST_WINDOW: u64 = 256 << 20;
/// Trees of one file. Where there would be more, every second one goes: the log leads on from those
/// between.
const MOST_TREES: usize = 32;

impl Db {
    /// The oldest entry that a copy could be taken back to ([`Db::rewind`]).
    pub fn oldest_rewind(&self) -> Result<u64> {
        let oldest = self.oldest_index()?;
        let tree = std::sync::Arc::clone(&self.inner.view.load().tree);
        let folded = tree.header().checkpoint_index;
        let trees = usable(&tree)?;
        let reaches = trees.iter().map(|tree| tree.checkpoint_index);
        Ok(reaches
            .filter(|&index| index >= oldest)
            .fold(folded, u64::min))
    }
}

/// Everything in keyspace 0 that belongs to this file alone, by full key.
pub(super) fn local_entries(tree: &Tree) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut all = Vec::new();
    tree.each_in(&local_range(), |key, value| {
        let value = read_value(&tree.pages, value)?;
        all.push((key.to_vec(), value.to_vec()));
        Ok(())
    })?;
    Ok(all)
}

/// What a tree says of older ones.
pub(super) struct KeptTrees {
    /// Oldest first. What the header says of them all has been taken in.
    own: Vec<TreeRecord>,
    /// Keys of records of another file, which this one was copied from.
    foreign: Vec<Vec<u8>>,
}

impl KeptTrees {
    pub fn of(tree: &Tree) -> Result<KeptTrees> {
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        let header = tree.header();
        tree.each_in(&tree_range(), |key, value| {
            let record = match value {
                StoredValue::Inline(bytes) => TreeRecord::decode(key, bytes, &header.file_id),
                StoredValue::Overflow(_) => None,
            };
            let text = "the record of an older tree is malformed";
            match record.ok_or_else(|| Error::corrupt(Invariant::S7, text))? {
                Some(record) => own.push(TreeRecord {
                    given_up: record.given_up || record.generation < header.trees_from,
                    ..record
                }),
                None => foreign.push(key.to_vec()),
            }
            Ok(())
        })?;
        Ok(KeptTrees { own, foreign })
    }
}

/// The trees that can be gone back to, oldest first.
pub(super) fn usable(tree: &Tree) -> Result<Vec<TreeRecord>> {
    let mut own = KeptTrees::of(tree)?.own;
    own.retain(|record| !record.given_up);
    Ok(own)
}

fn record_of(header: &Header) -> TreeRecord {
    TreeRecord {
        generation: header.generation,
        given_up: false,
        checkpoint_index: header.checkpoint_index,
        history: header.history,
        entry_count: header.entry_count,
        logical_bytes: header.logical_bytes,
        content_sum: header.content_sum,
        root_page: header.root_page,
        root_crc: header.root_crc,
        root_height: header.root_height,
    }
}

/// Bytes that may wait for going back where nothing else was asked for.
fn window(header: &Header) -> u64 {
    let free = header.free_available.saturating_add(header.free_pending);
    let live = header.page_count.saturating_sub(free);
    (u64::from(live) * header.page_size() as u64).clamp(LEAST_WINDOW, MOST_WINDOW)
}

/// Pages of what is archived behind an entry.
fn log_behind(archived: &[ArchiveRecord], index: u64) -> u64 {
    let behind = archived.iter().filter(|part| part.last_index > index);
    behind.map(|part| u64::from(part.pages)).sum()
}

/// Gives trees up: the oldest ones while too much waits for them, and some where there are too many; all
/// where nothing may wait.
fn give_up(list: &mut [TreeRecord], window: u64, waits: impl Fn(&TreeRecord) -> u64) {
    let mut stays = Vec::new();
    for (i, record) in list.iter_mut().enumerate() {
        if record.given_up {
            continue;
        }
        if stays.is_empty() && (window == 0 || waits(record) > window) {
            record.given_up = true;
        } else {
            stays.push(i);
        }
    }
    if stays.len() >= MOST_TREES {
        for i in stays.into_iter().skip(1).step_by(2) {
            if let Some(record) = list.get_mut(i) {
                record.given_up = true;
            }
        }
    }
}

impl Inner {
    /// The oldest generation whose pages somebody needs: a reader, or a tree that is kept.
    pub(super) fn oldest_needed(&self, tree: &Tree, kept: &KeptTrees) -> Result<Option<u64>> {
        let generation = tree.header().generation;
        let pinned = self.pins.oldest()?.filter(|&pin| pin < generation);
        let mut from = tree.header().trees_from;
        if kept.own.iter().any(|record| record.generation < from) {
            // Not before both headers say so.
            for state in slots::read(self.file.as_ref())?.states {
                if let SlotState::Valid(header, _) = state {
                    from = from.min(header.trees_from);
                }
            }
        }
        let kept = kept.own.iter().map(|record| record.generation);
        let kept = kept.filter(|&generation| generation >= from).min();
        Ok(pinned.into_iter().chain(kept).min())
    }

    /// Brings the list of kept trees up to date in the tree that is about to be built: the present one
    /// comes to it where the log goes on from it.
    pub(super) fn keep_trees(
        &self,
        job: &Job,
        cut: &Cut,
        kept: KeptTrees,
        space: &Space,
        advances: bool,
    ) -> Result<()> {
        if job
            .rewind
            .as_ref()
            .is_some_and(|rewind| rewind.older.is_some())
        {
            return Ok(()); // it comes with a list of its own
        }
        let header = cut.tree.header();
        let KeptTrees {
            own: mut list,
            foreign,
        } = kept;
        let before = list.clone();
        let replicated = header.role != Role::Standalone && job.keeps_trees && !cut.no_room;
        let window = match replicated {
            false => 0,
            true => {
                let facts = match &job.facts {
                    Some(facts) => facts.0.clone(),
                    None => self.facts()?,
                };
                facts
                    .retention
                    .rewind_bytes
                    .unwrap_or_else(|| window(header))
            }
        };
        if list.is_empty() && foreign.is_empty() && window == 0 {
            return Ok(());
        }
        list.retain(|record| !record.given_up);
        let page_size = header.page_size() as u64;
        let archived = archive::records(&cut.tree)?;
        let waits = |record: &TreeRecord| {
            let pages = space.pending_since(record.generation);
            (pages + log_behind(&archived, record.checkpoint_index)) * page_size
        };
        give_up(&mut list, window, waits);
        let known = list.last().map(|record| record.checkpoint_index);
        let goes_on = advances || cut.index > header.checkpoint_index;
        if window > 0 && goes_on && known.is_none_or(|known| known < header.checkpoint_index) {
            list.push(record_of(header));
        }
        let oldest = list.iter().find(|record| !record.given_up);
        *lock(&cut.oldest_tree) = oldest.map(|record| record.checkpoint_index);
        let mut table = cut.frozen.writer();
        let gone = before.iter().filter(|old| old.given_up);
        let gone = gone.map(|old| tree_user_key(old.generation).to_vec());
        let foreign = foreign.iter().filter_map(|key| key.get(4..));
        for key in gone.chain(foreign.map(<[u8]>::to_vec)) {
            let op = Op::Delete {
                keyspace: CATALOGUE,
                key: &key,
            };
            table.apply(cut.index, &op, 0);
        }
        for record in list.iter().filter(|record| !before.contains(record)) {
            let op = Op::Put {
                keyspace: CATALOGUE,
                key: &tree_user_key(record.generation),
                value: &record.encode(&header.file_id),
            };
            table.apply(cut.index, &op, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(count: u64) -> Vec<TreeRecord> {
        let record = |i| TreeRecord {
            generation: i,
            given_up: false,
            checkpoint_index: 10 * i,
            history: [0; 16],
            entry_count: 0,
            logical_bytes: 0,
            content_sum: 0,
            root_page: 0,
            root_crc: 0,
            root_height: 0,
        };
        (1..=count).map(record).collect()
    }

    fn kept(list: &[TreeRecord]) -> Vec<u64> {
        let kept = list.iter().filter(|record| !record.given_up);
        kept.map(|record| record.generation).collect()
    }

    #[test]
    fn the_oldest_go_while_too_much_waits_for_them() {
        let waits = |record: &TreeRecord| 100 - 10 * record.generation;
        let mut trees = list(6);
        give_up(&mut trees, 70, waits);
        assert_eq!(kept(&trees), [3, 4, 5, 6]);
        give_up(&mut trees, 55, waits);
        assert_eq!(kept(&trees), [5, 6]);
        give_up(&mut trees, 40, waits);
        assert_eq!(kept(&trees), [6]);
        give_up(&mut trees, 1, |_| 1);
        assert_eq!(kept(&trees), [6]);
        // Nothing may wait, even where nothing does.
        give_up(&mut trees, 0, |_| 0);
        assert!(kept(&trees).is_empty());
    }

    #[test]
    fn the_log_behind_an_entry_is_what_ends_behind_it() {
        let part = |first_index, last_index, pages| ArchiveRecord {
            first_index,
            last_index,
            start_page: 9,
            pages,
            end: 4096,
            region_seq: 1,
            archived_us: 0,
        };
        let parts = [part(1, 9, 3), part(10, 10, 5), part(11, 30, 7)];
        let behind = [0, 8, 9, 10, 29, 30].map(|index| log_behind(&parts, index));
        assert_eq!(behind, [15, 15, 12, 7, 7, 0]);
    }

    #[test]
    fn as_much_waits_as_a_new_copy_would_have_within_limits() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::create(dir.path().join("a.creel")).unwrap();
        let mut header = lock(&db.inner.log).current.header.clone();
        let mut of = |pages: u32, available, pending| {
            header.page_count = pages;
            (header.free_available, header.free_pending) = (available, pending);
            window(&header)
        };
        assert_eq!(of(100, 0, 0), LEAST_WINDOW);
        assert_eq!(of(8192, 0, 0), LEAST_WINDOW);
        assert_eq!(of(8193, 0, 0), LEAST_WINDOW + 4096);
        assert_eq!(of(20_000, 1000, 2000), 17_000 * 4096);
        assert_eq!(of(65_536, 0, 0), MOST_WINDOW);
        assert_eq!(of(1 << 30, 0, 0), MOST_WINDOW);
        assert_eq!(of(10, 9, 9), LEAST_WINDOW);
    }

    #[test]
    fn of_too_many_every_second_one_goes() {
        let mut trees = list(MOST_TREES as u64);
        give_up(&mut trees, u64::MAX, |_| 0);
        let kept = kept(&trees);
        assert_eq!(kept.len(), MOST_TREES / 2);
        assert_eq!(kept[..3], [1, 3, 5]);
    }
}
