//! Entries of another copy, looked at by themselves: whole, linked to each other, nothing in them that cannot be.

use crate::check::catalogue::check_limits;
use crate::error::Result;
use crate::format::Invariant;
use crate::format::attest::Attest;
use crate::format::entry::{Entry, EntryError, Point};
use crate::format::fence::FenceRecord;
use crate::format::frame::EntryKind;
use crate::format::key::MAIN;
use crate::format::op::{Op, Ops};

/// Entries that are whole and linked to each other.
pub(super) struct Chain<'a> {
    pub entries: Vec<Entry<'a>>,
    pub last: Point,
    /// Something besides puts and deletes in `main` is in them.
    pub special: bool,
}

/// Entries that were looked at, for [`super::Db::apply_checked`].
#[derive(Debug)]
pub struct CheckedEntries {
    bytes: Vec<u8>,
    /// Of files that take keys of this length.
    longest: usize,
    last: Option<Point>,
    special: bool,
}

impl CheckedEntries {
    pub(super) fn check(bytes: Vec<u8>, longest: usize) -> Result<CheckedEntries> {
        let chain = Chain::read(&bytes, longest)?;
        let (last, special) = (
            chain.as_ref().map(|chain| chain.last),
            chain.is_some_and(|chain| chain.special),
        );
        Ok(CheckedEntries {
            bytes,
            longest,
            last,
            special,
        })
    }

    /// The entries as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `None` where there are none.
    pub(super) fn chain(&self, longest: usize) -> Result<Option<Chain<'_>>> {
        // Looked at for another file.
        if self.longest > longest {
            return Chain::read(&self.bytes, longest);
        }
        let Some(last) = self.last else {
            return Ok(None);
        };
        let (mut entries, mut rest) = (Vec::new(), self.bytes.as_slice());
        while let Some((entry, behind)) = Entry::split(rest)? {
            entries.push(entry);
            rest = behind;
        }
        Ok(Some(Chain {
            entries,
            last,
            special: self.special,
        }))
    }
}

impl<'a> Chain<'a> {
    /// Splits and checks entries; `None` where there are none.
    pub fn read(bytes: &'a [u8], longest: usize) -> Result<Option<Chain<'a>>> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let (mut rest, mut special) = (bytes, false);
        let mut last: Option<Point> = None;
        while !rest.is_empty() {
            let (entry, behind) = Entry::split(rest)?.ok_or(EntryError::Short)?;
            if let Some(before) = &last {
                entry.follows(before)?;
            }
            special |= check_content(&entry, longest)?;
            last = Some(entry.point());
            entries.push(entry);
            rest = behind;
        }
        Ok(last.map(|last| Chain {
            entries,
            last,
            special,
        }))
    }

    /// History after a part of the chain.
    pub fn history_after(&self, part: &[Entry<'_>]) -> [u8; 16] {
        match part.last() {
            Some(last) if last.header.index == self.last.index => self.last.history,
            Some(last) => last.history_after(),
            None => self.last.history,
        }
    }
}

/// W4, T7: operations decode and have keys that can be. True where the catalogue has to be asked.
fn check_content(entry: &Entry<'_>, longest: usize) -> Result<bool, EntryError> {
    let header = &entry.header;
    let index = header.index;
    let broken = |id| EntryError::Content { index, id };
    if header.kind == EntryKind::Fence {
        let record = FenceRecord::of_entry(header, entry.payload());
        return record.map(|_| false).ok_or(broken(Invariant::W4));
    }
    if header.kind == EntryKind::Attest {
        let attest = Attest::decode(entry.payload(), index);
        let attest = attest.filter(|_| header.op_count == 0);
        return attest.map(|_| false).ok_or(broken(Invariant::W4));
    }
    if header.kind != EntryKind::Commit {
        return Ok(false);
    }
    let mut ops = Ops::new(entry.payload(), header.op_count);
    let mut special = false;
    while let Some(op) = ops.next_op().map_err(|()| broken(Invariant::W4))? {
        check_limits(&op, longest).map_err(|(id, _)| broken(id))?;
        special |= match op {
            Op::Put { keyspace, .. }
            | Op::Delete { keyspace, .. }
            | Op::DeleteRange { keyspace, .. } => keyspace != MAIN,
            Op::CreateKeyspace { .. } | Op::DropKeyspace { .. } => true,
        };
    }
    Ok(special)
}
