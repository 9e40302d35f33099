//! Finds structures in the bytes of a file, to damage them.

use creel::format::branch::Branch;
use creel::format::frame::FrameHeader;
use creel::format::header::{Header, SlotState};
use creel::format::leaf::{Leaf, StoredValue};
use creel::format::overflow::OverflowRef;
use creel::format::region::{REGION_HEADER_SIZE, RegionHeader};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};

/// A file in memory.
pub struct Breaker {
    pub bytes: Vec<u8>,
}

impl Breaker {
    pub fn new(bytes: &[u8]) -> Breaker {
        Breaker {
            bytes: bytes.to_vec(),
        }
    }

    pub fn slot(&self, slot: usize) -> Option<Header> {
        let at = SLOT_OFFSETS[slot] as usize;
        match Header::decode(self.bytes[at..at + SLOT_SIZE].try_into().unwrap(), slot) {
            SlotState::Valid(header, _) => Some(*header),
            _ => None,
        }
    }

    pub fn header(&self) -> Header {
        let slots = [self.slot(0), self.slot(1)].into_iter().flatten();
        slots.max_by_key(|h| h.generation).unwrap()
    }

    pub fn older(&self) -> Header {
        self.slot(self.header().slot() ^ 1).unwrap()
    }

    pub fn page_size(&self) -> usize {
        self.header().page_size()
    }

    pub fn page(&self, id: u32) -> &[u8] {
        let size = self.page_size();
        &self.bytes[id as usize * size..][..size]
    }

    /// Makes the newest or the older header unreadable.
    pub fn smash_slot(&mut self, slot: usize) {
        let at = SLOT_OFFSETS[slot] as usize;
        self.bytes[at + 64..at + 72].fill(0xee);
    }

    /// Overwrites pages with what looks like nothing.
    pub fn smash(&mut self, page: u32, size: usize) {
        self.bytes[page as usize * size..][..size].fill(0xa5);
    }

    pub fn smash_page(&mut self, page: u32) {
        let size = self.page_size();
        self.smash(page, size);
    }

    /// Pages of a tree with their levels, each parent before its children in key order.
    pub fn tree_pages(&self, header: &Header) -> Vec<(u32, u8)> {
        let mut all = vec![(header.root_page, header.root_height - 1)];
        let mut at = 0;
        while let Some(&(id, level)) = all.get(at) {
            at += 1;
            if level > 0 {
                let branch = Branch::new(self.page(id)).unwrap();
                all.extend((0..branch.count()).map(|i| (branch.child(i).unwrap().page, level - 1)));
            }
        }
        all
    }

    pub fn leaves(&self, header: &Header) -> Vec<u32> {
        let all = self.tree_pages(header).into_iter();
        all.filter(|p| p.1 == 0).map(|p| p.0).collect()
    }

    /// Full keys of a leaf.
    pub fn keys(&self, page: u32) -> Vec<Vec<u8>> {
        let leaf = Leaf::new(self.page(page)).unwrap();
        let cells = (0..leaf.count()).map(|i| leaf.cell(i).unwrap());
        cells
            .map(|cell| [leaf.prefix(), cell.suffix].concat())
            .collect()
    }

    /// Large values of a leaf with their full keys.
    pub fn large(&self, page: u32) -> Vec<(Vec<u8>, OverflowRef)> {
        let leaf = Leaf::new(self.page(page)).unwrap();
        let cells = (0..leaf.count()).map(|i| leaf.cell(i).unwrap());
        let large = cells.filter_map(|cell| match cell.value {
            StoredValue::Overflow(reference) => {
                Some(([leaf.prefix(), cell.suffix].concat(), reference))
            }
            StoredValue::Inline(_) => None,
        });
        large.collect()
    }

    /// Leaves that only the newest tree has.
    pub fn new_leaves(&self) -> Vec<u32> {
        let older = self.leaves(&self.older());
        let newest = self.leaves(&self.header()).into_iter();
        newest.filter(|page| !older.contains(page)).collect()
    }

    /// Leaves that both trees have.
    pub fn shared_leaves(&self) -> Vec<u32> {
        let older = self.leaves(&self.older());
        let newest = self.leaves(&self.header()).into_iter();
        newest.filter(|page| older.contains(page)).collect()
    }

    /// Number, offset in the file and header of the active log region.
    pub fn active(&self) -> (usize, usize, RegionHeader) {
        let header = self.header();
        let size = self.page_size();
        let find = |i: usize| {
            let at = header.regions[i].start_page as usize * size;
            RegionHeader::decode(&self.bytes[at..]).map(|r| (i, at, r))
        };
        let both = [find(0), find(1)].into_iter().flatten();
        both.max_by_key(|r| r.2.region_seq).unwrap()
    }

    /// Offset in the file, length and index of the frames of the active region.
    pub fn frames(&self) -> Vec<(usize, usize, u64)> {
        let (_, start, region) = self.active();
        let mut at = start + REGION_HEADER_SIZE;
        let mut frames = Vec::new();
        while let Some(header) = FrameHeader::decode(&self.bytes[at..], region.salt) {
            let len = header.frame_len() as usize;
            frames.push((at, len, header.entry.index));
            at += len;
        }
        frames
    }
}
