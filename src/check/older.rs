//! The older header's tree: is everything that it needs still there (S6)? The same of trees that are kept
//! to go back to (S7).
//!
//! Only what the newer tree does not share is read, so this costs what the last checkpoint
//! changed.

use super::content::Catalogue;
use super::findings::{Findings, Weight, finding};
use super::owners::{Owner, Owners};
use super::source::{Pages, Source};
use crate::error::Result;
use crate::format::Invariant;
use crate::format::branch::Branch;
use crate::format::bytes::u32_at;
use crate::format::header::Header;
use crate::format::leaf::{Leaf, StoredValue};
use crate::format::local::{TreeRecord, tree_range};
use crate::format::page::check_page;

struct Walk<'w> {
    source: &'w Source<'w>,
    older: &'w Header,
    owners: &'w mut Owners,
    findings: &'w mut Findings,
    /// S6 for the older header's tree, S7 for one that is kept.
    id: Invariant,
    whole: bool,
    /// Part of the newer tree could not be read: nobody knows who owns what, and what is shared
    /// is not proven.
    newer_broken: bool,
    pages: Pages,
}

/// Follows the trees that are kept to go back to. A tree of another file, which this one is a copy of, does
/// not count.
pub(super) fn kept(
    catalogue: &Catalogue,
    source: &Source<'_>,
    header: &Header,
    owners: &mut Owners,
    findings: &mut Findings,
    broken: bool,
) -> Result<()> {
    let (from, to) = tree_range();
    for (key, value) in catalogue.range(from..to).rev() {
        let record = value.as_deref();
        let record = record.and_then(|value| TreeRecord::decode(key, value, &header.file_id));
        let Some(record) = record else {
            findings.count(Invariant::S7, 1);
            let text = "the record of an older tree is malformed";
            findings.damage(finding(Invariant::S7, text));
            continue;
        };
        let counts =
            |record: &TreeRecord| !record.given_up && record.generation >= header.trees_from;
        let Some(record) = record.filter(counts) else {
            continue;
        };
        let older = Header {
            generation: record.generation,
            root_page: record.root_page,
            root_crc: record.root_crc,
            root_height: record.root_height,
            ..header.clone()
        };
        walk(
            source,
            &older,
            header,
            Invariant::S7,
            owners,
            findings,
            broken,
        )?;
    }
    Ok(())
}

/// Follows the older tree; gives whether all of it is there.
pub(super) fn walk(
    source: &Source<'_>,
    older: &Header,
    newer: &Header,
    id: Invariant,
    owners: &mut Owners,
    findings: &mut Findings,
    newer_broken: bool,
) -> Result<bool> {
    findings.count(id, 1);
    let same = (older.root_page, older.root_crc) == (newer.root_page, newer.root_crc);
    if older.root_page == 0 || same {
        return Ok(older.root_page == 0 || !newer_broken);
    }
    let pages = Pages::default();
    let mut walk = Walk {
        source,
        older,
        owners,
        findings,
        id,
        whole: true,
        newer_broken,
        pages,
    };
    walk.visit(
        older.root_page,
        older.root_crc,
        older.root_height.saturating_sub(1),
    )?;
    Ok(walk.whole)
}

impl Walk<'_> {
    fn visit(&mut self, page: u32, crc: u32, level: u8) -> Result<()> {
        let page_size = self.source.page_size;
        if !self.owners.contains(page, 1) {
            self.broken(page, 1, "lies outside the file");
            return Ok(());
        }
        if !self.owners.see_older(page) {
            return Ok(());
        }
        self.findings.count(self.id, 1);
        let owner = self.owners.owner(page);
        let shared = matches!(owner, Owner::Branch | Owner::Leaf);
        let unknown = self.newer_broken && owner == Owner::None;
        if !shared && !unknown && owner != Owner::Pending {
            self.broken(page, 1, &format!("belongs to {}", owner.name()));
            return Ok(());
        }
        let mut pages = std::mem::take(&mut self.pages);
        self.source.read_pages(page, 1, &mut pages)?;
        let bytes = std::mem::take(&mut pages.bytes);
        self.pages = pages;
        if shared && !self.newer_broken && u32_at(&bytes, 0) == Some(crc) {
            self.pages.bytes = bytes;
            return Ok(()); // everything below it is shared too
        }
        match check_page(&bytes, page) {
            Ok(head) if head.crc == crc => {}
            Ok(head) => {
                self.broken(
                    page,
                    1,
                    &format!("was written again by generation {}", head.generation),
                );
                return Ok(());
            }
            Err(c) => {
                // Damage to a page that waits to be reused; the newest tree does not need it.
                let text = format!(
                    "a page that only an older tree needs is damaged: {}",
                    c.detail
                );
                let what = finding(self.id, text).in_pages(page, 1, page_size);
                self.findings.add(Weight::Note, what);
                self.whole = false;
                return Ok(());
            }
        }
        if level == 0 {
            self.values(&bytes)
        } else {
            self.children(&bytes, level)?
        }
        Ok(())
    }

    fn children(&mut self, bytes: &[u8], level: u8) -> Result<()> {
        let Some(branch) = Branch::new(bytes).filter(|b| b.level() == level) else {
            self.whole = false;
            return Ok(());
        };
        for i in 0..branch.count() {
            if let Some(child) = branch.child(i) {
                self.visit(child.page, child.crc, level - 1)?;
            }
        }
        Ok(())
    }

    fn values(&mut self, bytes: &[u8]) {
        let Some(leaf) = Leaf::new(bytes) else {
            self.whole = false;
            return;
        };
        for i in 0..leaf.count() {
            let Some(StoredValue::Overflow(reference)) = leaf.cell(i).map(|c| c.value) else {
                continue;
            };
            let pages = reference.pages(self.source.page_size);
            if !self.owners.contains(reference.page, pages) {
                self.broken(reference.page, 1, "lies outside the file");
                continue;
            }
            for page in [reference.page, reference.page + pages - 1] {
                let owner = self.owners.owner(page);
                let unknown = self.newer_broken && owner == Owner::None;
                if !unknown && !matches!(owner, Owner::Value | Owner::Pending) {
                    self.broken(page, 1, &format!("belongs to {}", owner.name()));
                }
            }
        }
    }

    fn broken(&mut self, page: u32, pages: u32, why: &str) {
        self.whole = false;
        let text = format!(
            "page {page}, which generation {} needs, {why}",
            self.older.generation
        );
        let what = finding(self.id, text).in_pages(page, pages, self.source.page_size);
        self.findings.damage(what);
    }
}
