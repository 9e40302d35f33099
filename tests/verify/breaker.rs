//! Changes bytes of a real file and seals the checksums above them again, so that exactly one
//! invariant is broken and not merely a checksum.

use std::path::PathBuf;

use creel::format::branch::Branch;
use creel::format::bytes::u32_at;
use creel::format::frame::{EntryHeader, Envelope, FrameHeader, push_frame};
use creel::format::header::{Header, SlotState};
use creel::format::page::{PageKind, seal};
use creel::format::region::{REGION_HEADER_SIZE, RegionHeader};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};

use crate::files::TestFile;

/// A file in memory, to be changed and saved.
pub struct Breaker {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// A change to the bytes of a page.
type Edit<'e> = Box<dyn FnOnce(&mut [u8]) + 'e>;

/// A log frame taken apart.
#[derive(Debug, Clone)]
pub struct Frame {
    pub envelope: Envelope,
    pub entry: EntryHeader,
    pub payload: Vec<u8>,
    /// Write link and history as they are here, instead of what follows from the frame before.
    pub keep_link: bool,
}

impl Breaker {
    pub fn new(file: &TestFile) -> Breaker {
        Breaker {
            path: file.path.clone(),
            bytes: std::fs::read(&file.path).unwrap(),
        }
    }

    pub fn save(&self) {
        std::fs::write(&self.path, &self.bytes).unwrap();
    }

    pub fn slot(&self, slot: usize) -> Option<Header> {
        let at = SLOT_OFFSETS[slot] as usize;
        let bytes = self.bytes[at..at + SLOT_SIZE].try_into().unwrap();
        match Header::decode(bytes, slot) {
            SlotState::Valid(header, _) => Some(*header),
            _ => None,
        }
    }

    pub fn header(&self) -> Header {
        let slots = [self.slot(0), self.slot(1)];
        slots
            .into_iter()
            .flatten()
            .max_by_key(|h| h.generation)
            .unwrap()
    }

    pub fn older(&self) -> Header {
        self.slot((self.header().slot()) ^ 1).unwrap()
    }

    pub fn put_header(&mut self, header: &Header) {
        let at = header.slot_offset() as usize;
        self.bytes[at..at + SLOT_SIZE].copy_from_slice(&header.encode());
    }

    /// Changes the newest header.
    pub fn edit_header(&mut self, edit: impl FnOnce(&mut Header)) {
        let mut header = self.header();
        edit(&mut header);
        self.put_header(&header);
    }

    /// Changes raw bytes of a slot and seals it.
    pub fn edit_slot(&mut self, slot: usize, edit: impl FnOnce(&mut [u8])) {
        let at = SLOT_OFFSETS[slot] as usize;
        let bytes = &mut self.bytes[at..at + SLOT_SIZE];
        edit(bytes);
        let sum = creel::format::checksum::crc(&bytes[..SLOT_SIZE - 4]);
        bytes[SLOT_SIZE - 4..].copy_from_slice(&sum.to_le_bytes());
    }

    pub fn page_size(&self) -> usize {
        self.header().page_size()
    }

    pub fn page(&self, id: u32) -> &[u8] {
        let size = self.page_size();
        &self.bytes[id as usize * size..][..size]
    }

    pub fn page_mut(&mut self, id: u32) -> &mut [u8] {
        let size = self.page_size();
        &mut self.bytes[id as usize * size..][..size]
    }

    /// All pages of the tree with their levels, root first.
    pub fn tree_pages(&self) -> Vec<(u32, u8)> {
        let header = self.header();
        let mut all = vec![(header.root_page, header.root_height - 1)];
        let mut at = 0;
        while let Some(&(id, level)) = all.get(at) {
            at += 1;
            if level > 0 {
                // A page that a test has broken already has no children.
                let Some(branch) = Branch::new(self.page(id)) else {
                    continue;
                };
                all.extend((0..branch.count()).map(|i| (branch.child(i).unwrap().page, level - 1)));
            }
        }
        all
    }

    /// A leaf in the middle of the tree.
    pub fn some_leaf(&self) -> u32 {
        let leaves: Vec<u32> = self
            .tree_pages()
            .into_iter()
            .filter(|p| p.1 == 0)
            .map(|p| p.0)
            .collect();
        leaves[leaves.len() / 2]
    }

    /// A branch of this level, not the first one.
    pub fn some_branch(&self, level: u8) -> u32 {
        let all: Vec<u32> = self
            .tree_pages()
            .into_iter()
            .filter(|p| p.1 == level)
            .map(|p| p.0)
            .collect();
        all[all.len() / 2]
    }

    /// The parent of a page and where in the parent's bytes the child's cell is.
    pub fn parent(&self, page: u32) -> Option<(u32, usize)> {
        for (id, level) in self.tree_pages() {
            if level == 0 {
                continue;
            }
            let bytes = self.page(id);
            for i in 0..Branch::new(bytes).map_or(0, |b| b.count()) {
                let at = bytes.len() - 2 * (i + 1);
                let cell = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
                if u32_at(bytes, cell) == Some(page) {
                    return Some((id, cell));
                }
            }
        }
        None
    }

    /// Changes a page of the tree and seals the way up to the header.
    pub fn edit_page(&mut self, page: u32, edit: impl FnOnce(&mut [u8])) {
        self.edit_any(page, Box::new(edit));
    }

    fn edit_any(&mut self, page: u32, edit: Edit<'_>) {
        let parent = self.parent(page);
        edit(self.page_mut(page));
        let sum = seal(self.page_mut(page), PageKind::Leaf);
        match parent {
            Some((id, cell)) => self.edit_any(
                id,
                Box::new(|p| p[cell + 4..cell + 8].copy_from_slice(&sum.to_le_bytes())),
            ),
            None => self.edit_header(|h| h.root_crc = sum),
        }
    }

    /// Changes the first page of the free list and seals it.
    pub fn edit_free_page(&mut self, edit: impl FnOnce(&mut [u8])) {
        let head = self.header().free_head;
        assert_ne!(head, 0, "the file has a free list");
        edit(self.page_mut(head));
        let sum = seal(self.page_mut(head), PageKind::FreeList);
        self.edit_header(|h| h.free_head_crc = sum);
    }

    /// Number of the active region, where it begins, and its header.
    pub fn active(&self) -> (usize, usize, RegionHeader) {
        let header = self.header();
        let size = self.page_size();
        let find = |i: usize| {
            let at = header.regions[i].start_page as usize * size;
            RegionHeader::decode(&self.bytes[at..]).map(|r| (i, at, r))
        };
        [find(0), find(1)]
            .into_iter()
            .flatten()
            .max_by_key(|r| r.2.region_seq)
            .unwrap()
    }

    pub fn put_region(&mut self, at: usize, region: &RegionHeader) {
        self.bytes[at..at + REGION_HEADER_SIZE].copy_from_slice(&region.encode());
    }

    /// The frames of the active region, with their offsets in the file.
    pub fn frames(&self) -> Vec<(usize, Frame)> {
        let (_, start, region) = self.active();
        let mut at = start + REGION_HEADER_SIZE;
        let mut frames = Vec::new();
        while let Some(header) = FrameHeader::decode(&self.bytes[at..], region.salt) {
            let len = header.frame_len() as usize;
            let payload = header
                .check_body(&self.bytes[at..at + len])
                .unwrap()
                .to_vec();
            frames.push((
                at,
                Frame {
                    envelope: header.envelope,
                    entry: header.entry,
                    payload,
                    keep_link: false,
                },
            ));
            at += len;
        }
        frames
    }

    /// Takes the active region apart, lets `edit` change the frames, and writes them again.
    pub fn edit_log(&mut self, edit: impl FnOnce(&mut Vec<Frame>)) {
        let (_, start, region) = self.active();
        let old = self.frames();
        let old_end = old.last().map_or(start + REGION_HEADER_SIZE, |(at, f)| {
            at + creel::format::frame::frame_len(f.entry.payload_len) as usize
        });
        let mut frames: Vec<Frame> = old.into_iter().map(|(_, f)| f).collect();
        edit(&mut frames);
        let (mut prev_crc, mut history) = (region.prev_crc, region.history);
        let mut out = Vec::new();
        for mut frame in frames {
            frame.entry.payload_len = frame.payload.len() as u32;
            frame.envelope.own_units = ((REGION_HEADER_SIZE + out.len()) / 8) as u32;
            if !frame.keep_link {
                frame.envelope.prev_crc = prev_crc;
                frame.entry.history_before = history;
            }
            prev_crc = push_frame(
                &mut out,
                region.salt,
                &frame.envelope,
                &frame.entry,
                &frame.payload,
            );
            history = frame.entry.history_after(&frame.payload);
        }
        let from = start + REGION_HEADER_SIZE;
        let end = old_end.max(from + out.len());
        self.bytes[from..end].fill(0);
        self.bytes[from..from + out.len()].copy_from_slice(&out);
    }
}
