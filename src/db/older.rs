//! Going back further than to the last checkpoint: an older tree that is kept (`trees.rs`) and the log
//! from it up to the entry take the place of the newest tree. The facts about the file stay as they are.

use std::sync::Arc;

use super::archive::{self, Retired, extent_of, region_of};
use super::checkpoint::Cut;
use super::handle::{Inner, lock};
use super::job::{Job, Older};
use super::rewind::{Kept, ends_at, take_entry};
use super::trees::{local_entries, usable};
use super::view::Tree;
use crate::delta::Delta;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::entry::Point;
use crate::format::frame::EntryKind;
use crate::format::header::Header;
use crate::format::key::CATALOGUE;
use crate::format::local::{
    ArchiveRecord, TreeRecord, archive_range, archive_user_key, mark_user_key, tree_range,
    tree_user_key,
};
use crate::format::op::Op;
use crate::store::bits::PageBits;
use crate::store::pages::Pages;
use crate::store::slots::Current;
use crate::store::space::Space;
use crate::tree::owned_pages;

#[cfg(test)]
mod tests;

/// What a file goes on from.
pub(super) struct Base {
    /// The older tree, under the newest header.
    pub tree: Arc<Tree>,
    pub older: Older,
}

impl Inner {
    /// The tree that going back to an entry begins with; `None`: the newest one.
    pub(super) fn tree_to_go_back_to(
        &self,
        header: &Header,
        to_index: u64,
    ) -> Result<Option<TreeRecord>> {
        if to_index >= header.checkpoint_index {
            return Ok(None);
        }
        let trees = usable(&self.view.load().tree)?;
        let found = trees.iter().rfind(|tree| tree.checkpoint_index <= to_index);
        let oldest = trees.first();
        let oldest = oldest.map_or(header.checkpoint_index, |tree| tree.checkpoint_index);
        found.copied().map(Some).ok_or(Error::NotRetained {
            index: to_index,
            oldest,
        })
    }

    /// Reads an older tree and the log behind it up to a point.
    pub(super) fn base_of(
        &self,
        header: &Header,
        record: &TreeRecord,
        point: Point,
        regions: Vec<(usize, Retired)>,
    ) -> Result<(Kept, Base)> {
        let newest = Arc::clone(&self.view.load().tree);
        let tree = self.older_tree(&newest, header, record)?;
        let mut pages = PageBits::new(header.page_count);
        owned_pages(
            &tree.pages,
            tree.root(),
            &mut |first, count| match pages.add(first, count) {
                true => Ok(()),
                false => {
                    let text = format!("page {first} of a kept tree has two owners");
                    Err(Error::corrupt(Invariant::S7, text))
                }
            },
        )?;
        let table = Delta::new();
        self.log_from_tree(record, point.index, &table)?;
        let archive = self.archive_upto(&newest, point.index)?;
        let mut trees = usable(&newest)?;
        trees.retain(|tree| tree.checkpoint_index <= point.index);
        let older = Older {
            pages,
            oldest_tree: trees.first().map_or(point.index, |t| t.checkpoint_index),
            archive,
        };
        take_facts_over(&tree, &newest, &older.archive, &trees, point.index, &table)?;
        let kept = Kept {
            point,
            table,
            regions,
        };
        Ok((kept, Base { tree, older }))
    }

    fn older_tree(&self, newest: &Tree, header: &Header, record: &TreeRecord) -> Result<Arc<Tree>> {
        let current = Current {
            header: Header {
                checkpoint_index: record.checkpoint_index,
                history: record.history,
                entry_count: record.entry_count,
                logical_bytes: record.logical_bytes,
                content_sum: record.content_sum,
                root_page: record.root_page,
                root_crc: record.root_crc,
                root_height: record.root_height,
                ..header.clone()
            },
            crc: newest.current.crc,
        };
        let pages = Pages::new(Arc::clone(&self.file), &current.header, self.options.mmap);
        pages.adopt_map(newest.pages.map()?.cloned());
        Ok(Arc::new(Tree {
            pages,
            _pin: self.pins.pin(header.generation)?,
            current,
        }))
    }

    /// The entries between a tree and a later entry. The caller holds checkpoint and writer lock, so
    /// the log stays as it is.
    fn log_from_tree(&self, record: &TreeRecord, to_index: u64, table: &Delta) -> Result<()> {
        let mut last = record.checkpoint_index;
        let mut bulk = None;
        let began = self.walk_log(last, |before, placed, payload| {
            let entry = &placed.header.entry;
            if entry.index > to_index {
                return Ok(false);
            }
            if entry.index != last + 1 {
                return Ok(true);
            }
            if last == record.checkpoint_index && before.history != record.history {
                let text = format!("the log behind entry {last} is not that of the kept tree");
                return Err(Error::corrupt(Invariant::S7, text));
            }
            if entry.kind == EntryKind::Bulk {
                bulk = Some(entry.index);
                return Ok(false);
            }
            last = entry.index;
            take_entry(table, placed, payload).map(|()| true)
        })?;
        match last == to_index {
            true => Ok(()),
            false => Err(Error::NotRetained {
                index: to_index,
                oldest: bulk.unwrap_or(began.index.max(to_index + 1)),
            }),
        }
    }

    /// What is archived of the entries up to this one.
    fn archive_upto(&self, newest: &Tree, to_index: u64) -> Result<Vec<ArchiveRecord>> {
        let page_size = newest.header().page_size();
        let mut list = archive::records(newest)?;
        list.retain(|part| part.first_index <= to_index);
        let Some(last) = list.last_mut().filter(|part| part.last_index > to_index) else {
            return Ok(list);
        };
        let file = self.file.as_ref();
        let lost = || Error::corrupt(Invariant::R2, "a part of the archived log does not begin");
        let region = region_of(file, last, page_size)?.ok_or_else(lost)?;
        let end = ends_at(file, extent_of(last, page_size), region, to_index)?;
        let end = end.ok_or_else(lost)?;
        last.last_index = end.last_index;
        last.end = end.end;
        let used = u32::try_from(end.end.div_ceil(page_size as u64)).unwrap_or(u32::MAX);
        last.pages = used.clamp(1, last.pages);
        Ok(list)
    }

    /// Where the job takes the file back beyond its last checkpoint: the older tree has its pages again,
    /// and what came since waits as freed.
    pub(super) fn go_back_to(
        &self,
        job: &Job,
        cut: &Cut,
        space: &mut Space,
        generation: u64,
    ) -> Result<()> {
        let older = job.rewind.as_ref().and_then(|rewind| rewind.older.as_ref());
        let Some(older) = older else {
            return Ok(());
        };
        *lock(&cut.oldest_tree) = Some(older.oldest_tree);
        let regions = cut.regions.iter();
        let regions = regions.map(|region| (region.start_page, region.pages));
        let archive = older.archive.iter();
        let archive = archive.map(|part| (part.start_page, part.pages));
        let others: Vec<_> = regions.chain(archive).collect();
        space.go_back(&older.pages, &others, generation)
    }
}

/// Puts the facts of this file, as the newest tree has them, in the place of those of the older one. What is
/// known of markers goes back with the tree.
fn take_facts_over(
    tree: &Tree,
    newest: &Tree,
    archive: &[ArchiveRecord],
    trees: &[TreeRecord],
    index: u64,
    table: &Delta,
) -> Result<()> {
    let mut table = table.writer();
    let user_key = |key: &[u8]| key.get(4..).unwrap_or_default().to_vec();
    let is_mark = |key: &[u8]| key == mark_user_key();
    for (key, _) in local_entries(tree)? {
        let key = user_key(&key);
        if !is_mark(&key) {
            let op = Op::Delete {
                keyspace: CATALOGUE,
                key: &key,
            };
            table.apply(index, &op, 0);
        }
    }
    let lists = [archive_range(), tree_range()];
    let listed = |key: &Vec<u8>| lists.iter().any(|(from, to)| key >= from && key < to);
    let facts = local_entries(newest)?;
    let facts = facts.into_iter().filter(|(key, _)| !listed(key));
    let facts = facts.map(|(key, value)| (user_key(&key), value));
    let facts = facts.filter(|(key, _)| !is_mark(key));
    let archive = archive.iter();
    let archive = archive.map(|part| (archive_user_key(part.first_index).to_vec(), part.encode()));
    let file_id = &newest.header().file_id;
    let trees = trees.iter().map(|tree| {
        let key = tree_user_key(tree.generation).to_vec();
        (key, tree.encode(file_id))
    });
    for (key, value) in facts.chain(archive).chain(trees) {
        let op = Op::Put {
            keyspace: CATALOGUE,
            key: &key,
            value: &value,
        };
        table.apply(index, &op, 0);
    }
    Ok(())
}
