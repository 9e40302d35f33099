//! A block of decoded records: one arena of bytes and one list of spans, used again and again.

use std::sync::Arc;

use super::fault::{Fault, FaultCode, Flaw};
use super::options::{CellEnc, Limits};

/// Names of keyspaces that one block may use; more begin a new block.
const NAMES: usize = 64;
/// Arenas above this are given back instead of being kept for the next block.
const KEEP: usize = 1 << 20;
/// The arena ends a block early where lengths come near what a span can say.
const ARENA_MAX: usize = 1 << 31;

/// What a record asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Store the value.
    Put,
    /// Remove the key.
    Delete,
    /// Remove from the key up to the value, which is the end of the range.
    DeleteRange,
    /// Remove from the key to the end of the keyspace.
    DeleteFrom,
    /// Remove the keyspace.
    Drop,
}

impl Op {
    /// True for what concerns more than one key.
    pub fn is_range(self) -> bool {
        matches!(self, Op::DeleteRange | Op::DeleteFrom | Op::Drop)
    }
}

/// Where a record lies in its block.
#[derive(Debug, Clone, Copy)]
struct Span {
    at: u32,
    key: u32,
    value: u32,
    /// Line and byte, counted from where the block begins.
    line: u32,
    byte: u32,
    keyspace: u16,
    op: Op,
}

/// One record of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it asks for.
    pub op: Op,
    /// Index in [`Block::keyspaces`].
    pub keyspace: u16,
    /// The key, or the beginning of a range.
    pub key: &'a [u8],
    /// The value, or the end of a range.
    pub value: &'a [u8],
    /// Line, from 1.
    pub line: u64,
    /// Offset in the uncompressed input, from 0.
    pub byte: u64,
}

/// A record that was refused.
#[derive(Debug)]
pub struct Reject {
    /// Why.
    pub fault: Fault,
    /// Records of the block that come before it.
    pub before: usize,
    /// True where `raw` is only the beginning of the record.
    pub cut: bool,
    /// How its cells stand for bytes, where the format leaves that open.
    pub enc: Option<CellEnc>,
    /// The keyspace that it would be in.
    pub keyspace: Option<Arc<str>>,
    at: usize,
    len: usize,
}

/// A place between two records of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Lines before it.
    pub line: u64,
    /// Bytes before it, of the uncompressed input.
    pub byte: u64,
    /// crc32c of those bytes.
    pub crc: u32,
}

/// Records decoded from a piece of the input.
#[derive(Debug, Default)]
pub struct Block {
    arena: Vec<u8>,
    used: usize,
    spans: Vec<Span>,
    rejects: Vec<Reject>,
    keyspaces: Vec<Arc<str>>,
    start: Mark,
    pub(super) end: Mark,
    pub(super) limits: Limits,
    bytes: usize,
    pub(super) cut: bool,
    /// What rejects have to say so that they can be read again alone.
    context: (Option<CellEnc>, Option<Arc<str>>),
}

impl Block {
    /// An empty block.
    pub fn new() -> Block {
        Block::default()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True without records; there may be rejects.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// One record.
    #[inline]
    pub fn get(&self, i: usize) -> Option<Record<'_>> {
        let span = self.spans.get(i)?;
        let (key, end) = (span.at as usize, span.at as usize + span.key as usize);
        Some(Record {
            op: span.op,
            keyspace: span.keyspace,
            key: self.arena.get(key..end)?,
            value: self.arena.get(end..end + span.value as usize)?,
            line: self.start.line + u64::from(span.line),
            byte: self.start.byte + u64::from(span.byte),
        })
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).filter_map(|i| self.get(i))
    }

    /// The records that were refused, in the order of the input.
    pub fn rejects(&self) -> &[Reject] {
        &self.rejects
    }

    /// The text of a reject.
    pub fn raw(&self, reject: &Reject) -> &[u8] {
        self.arena
            .get(reject.at..reject.at + reject.len)
            .unwrap_or(&[])
    }

    /// Names of the keyspaces that the records are in.
    pub fn keyspaces(&self) -> &[Arc<str>] {
        &self.keyspaces
    }

    /// Where the block begins in the input.
    pub fn start(&self) -> Mark {
        self.start
    }

    /// Where it ends.
    pub fn end(&self) -> Mark {
        self.end
    }

    /// True where one of the limits of [`super::Cut`] ended the block: a batch ends here.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Empties it for text that begins here.
    pub(super) fn begin(&mut self, start: Mark, limits: Limits, room: usize) {
        if self.arena.len() > KEEP.max(2 * room) {
            self.arena = Vec::new();
        }
        if self.arena.len() < room {
            self.arena.resize(room, 0);
        }
        self.used = 0;
        self.spans.clear();
        self.rejects.clear();
        self.keyspaces.clear();
        self.start = start;
        self.end = start;
        self.limits = limits;
        self.bytes = 0;
        self.cut = false;
    }

    /// True when no record may follow in this block.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.spans.len() >= self.limits.records
            || self.bytes >= self.limits.bytes
            || self.used >= ARENA_MAX
            || self.keyspaces.len() > NAMES
            || self.cut
    }

    /// Records and bytes of keys and values so far.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.spans.len(), self.bytes)
    }

    /// Where the next record's key goes.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Room for decoded bytes from `at` on.
    #[inline]
    pub(super) fn room(&mut self, at: usize, len: usize) -> &mut [u8] {
        let end = at + len;
        if self.arena.len() < end {
            self.arena.resize(end.max(2 * self.arena.len()), 0);
        }
        self.arena.get_mut(at..end).unwrap_or(&mut [])
    }

    /// Puts bytes at `at`; returns where they end.
    pub(super) fn copy(&mut self, at: usize, bytes: &[u8]) -> usize {
        self.room(at, bytes.len()).copy_from_slice(bytes);
        at + bytes.len()
    }

    /// Adds the record whose key and value now lie behind the last one.
    #[inline]
    pub(super) fn push(&mut self, op: Op, keyspace: u16, key: usize, value: usize) {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.spans.push(Span {
            at: narrow(self.used),
            key: narrow(key),
            value: narrow(value),
            line: narrow((self.end.line - self.start.line) as usize + 1),
            byte: narrow((self.end.byte - self.start.byte) as usize),
            keyspace,
            op,
        });
        self.used += key + value;
        self.bytes += key + value;
    }

    /// Refuses the record that begins at the present end.
    pub(super) fn reject(&mut self, flaw: Flaw, raw: &[u8]) {
        let fault = flaw.in_line(self.end.line + 1, self.end.byte);
        let kept = raw.get(..self.limits.reject_bytes).unwrap_or(raw);
        let at = self.used;
        self.used = self.copy(at, kept);
        self.rejects.push(Reject {
            fault,
            before: self.spans.len(),
            cut: kept.len() < raw.len(),
            enc: self.context.0,
            keyspace: self.context.1.clone(),
            at,
            len: kept.len(),
        });
    }

    /// Says how records are written from here on, and where they belong.
    pub(super) fn context(&mut self, enc: Option<CellEnc>, keyspace: &Arc<str>) {
        self.context.0 = enc;
        if self
            .context
            .1
            .as_ref()
            .is_none_or(|k| !Arc::ptr_eq(k, keyspace))
        {
            self.context.1 = Some(Arc::clone(keyspace));
        }
    }

    /// Says that more of the last reject was there than is kept.
    pub(super) fn cut_last_reject(&mut self) {
        if let Some(last) = self.rejects.last_mut() {
            last.cut = true;
        }
    }

    /// Steps over lines of text.
    #[inline]
    pub(super) fn advance(&mut self, lines: u64, bytes: usize) {
        self.end.line += lines;
        self.end.byte += bytes as u64;
    }

    /// Index of a keyspace in this block.
    pub(super) fn keyspace(&mut self, name: &Arc<str>) -> u16 {
        // Nearly always there is one.
        let found = self
            .keyspaces
            .iter()
            .position(|k| Arc::ptr_eq(k, name) || k == name);
        let index = found.unwrap_or_else(|| {
            self.keyspaces.push(Arc::clone(name));
            self.keyspaces.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// Checks key and value against what the database can hold.
    #[inline]
    pub(super) fn check(&self, key: usize, value: usize) -> Result<(), Flaw> {
        if key == 0 {
            return Err(Flaw::new(FaultCode::EmptyKey, 0));
        }
        if key > self.limits.key {
            return Err(Flaw::new(FaultCode::LongKey, 0).limit(key, self.limits.key));
        }
        if value > self.limits.value {
            return Err(Flaw::new(FaultCode::LongValue, 0).limit(value, self.limits.value));
        }
        Ok(())
    }
}
