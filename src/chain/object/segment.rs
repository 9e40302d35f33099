//! A segment of the log, as one object: header, entries, sparse index, trailer.
//!
//! ```text
//! header 128 | entries, byte for byte as in the log | (index u64, offset u64) ... | trailer 80
//! ```
//!
//! A hash at the end covers everything before it, so a byte changed anywhere is noticed.

use super::Damage;
use crate::format::MAX_COUNTER;
use crate::format::bytes::{all_zero, id_at, patch, u16_at, u32_at, u64_at};
use crate::format::checksum::crc;
use crate::format::entry::{ENTRY_OVERHEAD, Entries, Entry, EntryError, Point};
use crate::format::frame::{ENTRY_HEADER_SIZE, EntryHeader, EntryKind, MAX_PAYLOAD};

/// Bytes of the header.
pub const SEGMENT_HEADER_SIZE: usize = 128;
/// Bytes of the trailer.
pub const TRAILER_SIZE: usize = 80;
/// Bytes of entries: one of the largest size, or many that together are no more.
pub const MAX_BODY: usize = MAX_PAYLOAD as usize + ENTRY_OVERHEAD;
/// A place in the sparse index for so many bytes of entries.
pub const INDEX_STEP: usize = 64 << 10;

const MAGIC: &[u8; 8] = b"CRELSEG1";
const END_MAGIC: &[u8; 8] = b"CRELEND1";
const VERSION: u16 = 1;
const FLAG_FENCE: u16 = 1;
const INDEX_ENTRY: usize = 16;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Number in the chain, from 1.
    pub number: u64,
    /// Epoch of its writer; a fence begins it.
    pub epoch: u32,
    /// The log before its first entry.
    pub before: Point,
    /// The log after its last entry.
    pub after: Point,
    /// Which copy wrote it.
    pub node: [u8; 16],
    /// Which process of that copy.
    pub incarnation: [u8; 16],
    /// Random: by it a writer knows its own object again.
    pub nonce: [u8; 16],
    /// Its last entry begins an epoch.
    pub fence: bool,
}

/// Who writes a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Writer {
    /// Lineage of the database.
    pub lineage: [u8; 16],
    /// File id of the copy.
    pub node: [u8; 16],
    /// Random for each process.
    pub incarnation: [u8; 16],
}

/// A checked segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What it says about itself.
    pub facts: Facts,
    lineage: [u8; 16],
    entries: u32,
    body_len: usize,
    bytes: Vec<u8>,
}

impl Segment {
    /// True for what begins like a segment, damaged or not.
    pub fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Puts entries into a segment. They are checked against `before` and against each other; a
    /// fence may only be the last one.
    pub fn build(
        writer: &Writer,
        number: u64,
        nonce: [u8; 16],
        before: Point,
        body: &[u8],
    ) -> Result<Segment, Damage> {
        if body.is_empty() || body.len() > MAX_BODY {
            return Err(Damage::new("a segment holds 1 entry to 64 MiB of them"));
        }
        let mut walk = Walk::default();
        let mut entries = Entries::new(body, before);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|e| Damage::new(e.to_string()))?;
            let at = body.len() - entries.rest().len() - entry.bytes().len();
            walk.step(&entry.header, at)?;
        }
        let after = entries.point();
        let facts = Facts {
            number,
            epoch: after.epoch,
            before,
            after,
            node: writer.node,
            incarnation: writer.incarnation,
            nonce,
            fence: walk.fence,
        };
        let mut bytes = Vec::with_capacity(
            SEGMENT_HEADER_SIZE + body.len() + TRAILER_SIZE + walk.index.len() * 16,
        );
        bytes.extend_from_slice(&encode_header(&facts, &writer.lineage));
        bytes.extend_from_slice(body);
        for (index, offset) in &walk.index {
            bytes.extend_from_slice(&index.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        bytes.extend_from_slice(&after.history);
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(walk.index.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&walk.entries.to_le_bytes());
        let whole = bytes.len() + 48;
        bytes.extend_from_slice(&(whole as u64).to_le_bytes());
        bytes.extend_from_slice(END_MAGIC);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        Ok(Segment {
            facts,
            lineage: writer.lineage,
            entries: walk.entries,
            body_len: body.len(),
            bytes,
        })
    }

    /// Reads a segment. That the entries have the history that the trailer states is left to
    /// whoever applies them, or to [`Segment::check_history`].
    pub fn parse(bytes: Vec<u8>) -> Result<Segment, Damage> {
        let (facts, lineage) = decode_header(&bytes)?;
        let short = || Damage::new("cut short");
        let trailer_at = bytes.len().checked_sub(TRAILER_SIZE).ok_or_else(short)?;
        let (covered, trailer) = bytes.split_at_checked(trailer_at).ok_or_else(short)?;
        let (head, sum) = trailer.split_at_checked(48).ok_or_else(short)?;
        if head.get(40..) != Some(END_MAGIC) {
            return Err(Damage::new("no trailer"));
        }
        let hash = blake3::hash(bytes.get(..trailer_at + 48).unwrap_or_default());
        if hash.as_bytes() != sum {
            return Err(Damage::new("the hash does not match"));
        }
        let field = || Damage::new("the trailer contradicts the object");
        let history = id_at(head, 0).ok_or_else(field)?;
        let body_len = u64_at(head, 16).and_then(|len| usize::try_from(len).ok());
        let body_len = body_len.filter(|len| *len <= MAX_BODY).ok_or_else(field)?;
        let index_count = u32_at(head, 24).ok_or_else(field)? as usize;
        let entries = u32_at(head, 28).ok_or_else(field)?;
        let whole = SEGMENT_HEADER_SIZE + body_len + index_count * INDEX_ENTRY + TRAILER_SIZE;
        if u64_at(head, 32) != Some(bytes.len() as u64) || whole != bytes.len() {
            return Err(field());
        }
        let facts = Facts {
            after: Point {
                history,
                ..facts.after
            },
            ..facts
        };
        let body = covered.get(SEGMENT_HEADER_SIZE..SEGMENT_HEADER_SIZE + body_len);
        let walk = walk_body(body.ok_or_else(field)?, &facts)?;
        let index = covered
            .get(SEGMENT_HEADER_SIZE + body_len..)
            .unwrap_or_default();
        if walk.entries != entries || !same_index(&walk.index, index) {
            return Err(Damage::new("the index contradicts the entries"));
        }
        Ok(Segment {
            facts,
            lineage,
            entries,
            body_len,
            bytes,
        })
    }

    /// Only the header, of an object's first bytes: all but the history after it.
    pub fn peek(bytes: &[u8]) -> Result<(Facts, [u8; 16]), Damage> {
        decode_header(bytes)
    }

    /// Checks crc, index, epoch and history of every entry.
    pub fn check_history(&self) -> Result<(), Damage> {
        let mut entries = Entries::new(self.body(), self.facts.before);
        for entry in &mut entries {
            entry.map_err(|e| Damage::new(e.to_string()))?;
        }
        if entries.point() != self.facts.after {
            return Err(Damage::new(
                "the entries have another history than the trailer says",
            ));
        }
        Ok(())
    }

    /// The lineage it belongs to.
    pub fn lineage(&self) -> [u8; 16] {
        self.lineage
    }

    /// Number of entries.
    pub fn entries(&self) -> u32 {
        self.entries
    }

    /// The entries' bytes.
    pub fn body(&self) -> &[u8] {
        let body = SEGMENT_HEADER_SIZE..SEGMENT_HEADER_SIZE + self.body_len;
        self.bytes.get(body).unwrap_or_default()
    }

    /// The whole object.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a walk over the entries finds.
#[derive(Debug, Default)]
struct Walk {
    entries: u32,
    fence: bool,
    /// Index and offset in the body.
    index: Vec<(u64, u64)>,
    next_mark: usize,
}

impl Walk {
    fn step(&mut self, header: &EntryHeader, at: usize) -> Result<(), Damage> {
        if self.fence {
            return Err(Damage::new("entries behind a fence"));
        }
        self.fence = header.kind == EntryKind::Fence;
        self.entries += 1;
        if at >= self.next_mark {
            self.index.push((header.index, at as u64));
            self.next_mark = at + INDEX_STEP;
        }
        Ok(())
    }
}

/// Walks the headers of the entries and checks that they are what the segment's header says.
fn walk_body(body: &[u8], facts: &Facts) -> Result<Walk, Damage> {
    let mut walk = Walk::default();
    let mut at = 0;
    let mut next = facts.before.index + 1;
    while at < body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let Some(header) = EntryHeader::decode(rest) else {
            return Err(match Entry::split(rest) {
                Err(error @ EntryError::Newer { .. }) => Damage::newer(error.to_string()),
                _ => Damage::new("no log entry"),
            });
        };
        let len = ENTRY_HEADER_SIZE + header.payload_len as usize + 4;
        if rest.len() < len {
            return Err(Damage::new("the last entry is cut"));
        }
        let epoch = match header.kind {
            EntryKind::Fence => facts.epoch,
            _ => facts.before.epoch,
        };
        if header.index != next || header.epoch != epoch {
            let text = format!(
                "entry {} of epoch {} is misplaced",
                header.index, header.epoch
            );
            return Err(Damage::new(text));
        }
        walk.step(&header, at)?;
        next += 1;
        at += len;
    }
    if walk.entries == 0 || next != facts.after.index + 1 || walk.fence != facts.fence {
        return Err(Damage::new("other entries than the header says"));
    }
    Ok(walk)
}

fn same_index(index: &[(u64, u64)], stored: &[u8]) -> bool {
    let stored = stored
        .chunks(INDEX_ENTRY)
        .map(|b| (u64_at(b, 0), u64_at(b, 8)));
    let known = index.iter().map(|(i, o)| (Some(*i), Some(*o)));
    known.eq(stored)
}

fn encode_header(facts: &Facts, lineage: &[u8; 16]) -> [u8; SEGMENT_HEADER_SIZE] {
    let mut b = [0; SEGMENT_HEADER_SIZE];
    patch(&mut b, 0, MAGIC);
    patch(&mut b, 8, &VERSION.to_le_bytes());
    let flags = if facts.fence { FLAG_FENCE } else { 0 };
    patch(&mut b, 10, &flags.to_le_bytes());
    patch(&mut b, 12, &facts.epoch.to_le_bytes());
    patch(&mut b, 16, lineage);
    patch(&mut b, 32, &facts.number.to_le_bytes());
    patch(&mut b, 40, &(facts.before.index + 1).to_le_bytes());
    patch(&mut b, 48, &facts.after.index.to_le_bytes());
    patch(&mut b, 56, &facts.node);
    patch(&mut b, 72, &facts.incarnation);
    patch(&mut b, 88, &facts.nonce);
    patch(&mut b, 104, &facts.before.history);
    patch(&mut b, 120, &facts.before.epoch.to_le_bytes());
    let sum = crc(b.get(..124).unwrap_or_default());
    patch(&mut b, 124, &sum.to_le_bytes());
    b
}

fn decode_header(bytes: &[u8]) -> Result<(Facts, [u8; 16]), Damage> {
    let b = bytes
        .get(..SEGMENT_HEADER_SIZE)
        .ok_or_else(|| Damage::new("shorter than a header"))?;
    if b.get(..8) != Some(MAGIC) {
        return Err(Damage::new("not a segment"));
    }
    if u32_at(b, 124) != Some(crc(b.get(..124).unwrap_or_default())) {
        return Err(Damage::new("the header does not match its checksum"));
    }
    if u16_at(b, 8) != Some(VERSION) {
        return Err(Damage::newer("a segment of a newer format"));
    }
    let flags = u16_at(b, 10).unwrap_or_default();
    if flags & !FLAG_FENCE != 0 {
        return Err(Damage::newer("a segment with flags of a newer format"));
    }
    let fence = flags == FLAG_FENCE;
    let fields = || {
        let epoch = u32_at(b, 12)?;
        let first = u64_at(b, 40)?;
        let facts = Facts {
            number: u64_at(b, 32)?,
            epoch,
            before: Point {
                index: first.checked_sub(1)?,
                epoch: u32_at(b, 120)?,
                history: id_at(b, 104)?,
            },
            after: Point {
                index: u64_at(b, 48)?,
                epoch,
                history: [0; 16],
            },
            node: id_at(b, 56)?,
            incarnation: id_at(b, 72)?,
            nonce: id_at(b, 88)?,
            fence,
        };
        let good = facts.number > 0
            && facts.number < MAX_COUNTER
            && facts.after.index < MAX_COUNTER
            && facts.before.index < facts.after.index
            && match fence {
                true => facts.before.epoch < epoch,
                false => facts.before.epoch == epoch,
            }
            && !all_zero(&facts.nonce);
        good.then_some((facts, id_at(b, 16)?))
    };
    fields().ok_or_else(|| Damage::new("the header contradicts itself"))
}
