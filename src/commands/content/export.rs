//! The contents of an export. One that promises order is read as it comes; any other is sorted
//! first, in bounded memory and a nameless scratch file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use creel::exchange::Format;
use creel::exchange::read::{Block, Fault, Op, ReadOptions, Reader, Stop};
use creel::{Duplicates, Progress, Sorted, Sorter};

use super::sniff::Reading;
use super::{About, Entry, Selection, place};
use crate::cli::{Failure, codes, signals};
use crate::commands::export::Visit;

/// Memory for sorting.
const SORT_MEMORY: usize = 32 << 20;
/// Bytes of keys and values between two reports of progress.
const STRIDE: u64 = 256 << 10;

/// An export under reading.
pub(in crate::commands) struct Export {
    path: PathBuf,
    selection: Selection,
    way: Way,
    reading: Reading,
}

/// What an export says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Kind {
    /// All entries of a moment.
    Contents,
    /// What changed since another one.
    Changes,
}

/// How the entries come.
enum Way {
    /// As they stand.
    Straight(Box<Text>),
    /// Sorted.
    Sorted(Box<Ordered>),
}

/// One record.
struct Record<'a> {
    keyspace: &'a str,
    op: Op,
    key: &'a [u8],
    value: &'a [u8],
}

/// Records by keyspace and key.
struct Ordered {
    sorted: Sorted,
    present: Entry,
    is_delete: bool,
}

/// The text and the block that is being handed out.
struct Text {
    reader: Reader,
    block: Block,
    /// Number of the next record in the block.
    next: usize,
}

impl Export {
    /// Opens an export; its header is read.
    pub(super) fn open(
        path: &Path,
        format: Format,
        (bytes, reading): (Box<dyn Read + Send>, Reading),
        selection: &Selection,
    ) -> Result<(About, Kind, Export), Failure> {
        // Formats without keyspaces hold entries of the one that is asked for.
        let named = selection.keyspace.as_deref();
        let keyspace = named.filter(|_| !format.holds_keyspaces());
        let options = ReadOptions {
            format,
            keyspace: Arc::from(keyspace.unwrap_or("main")),
            ..ReadOptions::default()
        };
        let mut text = Text {
            reader: Reader::new(bytes, options),
            block: Block::new(),
            next: 0,
        };
        // The header comes with the first block, if there is one.
        while text.reader.header().is_none() && text.block.is_empty() && text.fill(path)? {}
        let header = text.reader.header();
        let kind = match header.is_some_and(|h| h.since.is_some()) {
            true => Kind::Changes,
            false => Kind::Contents,
        };
        let about = About {
            path: path.to_owned(),
            kind: format.name(),
            position: header.map(|h| h.position),
            lineage: header.map(|h| h.db),
        };
        let way = match text.reader.promises_order() {
            true => Way::Straight(Box::new(text)),
            false => Way::Sorted(Box::new(sort(text, path, selection)?)),
        };
        let export = Export {
            path: path.to_owned(),
            selection: selection.clone(),
            way,
            reading,
        };
        Ok((about, kind, export))
    }

    /// Reads the next entry; false at the end.
    pub fn next(&mut self, entry: &mut Entry) -> Result<bool, Failure> {
        if !self.advance()? {
            return Ok(false);
        }
        let Some(record) = self.present() else {
            return Ok(false);
        };
        if record.op != Op::Put {
            return Err(changes(&self.path));
        }
        entry.enter(record.keyspace);
        entry.set(record.key, record.value);
        Ok(true)
    }

    /// Hands over every record, to a trailer that matches.
    pub fn walk(&mut self, meter: &dyn Progress, to: &mut impl Visit) -> Result<(), Failure> {
        let (mut bytes, mut reported) = (0, 0);
        while self.advance()? {
            let Some(record) = self.present() else { break };
            let (key, value) = (record.key, record.value);
            to.keyspace(record.keyspace)?;
            match record.op {
                Op::Put => to.entry(key, value)?,
                Op::Delete => to.delete(key)?,
                Op::DeleteRange => to.delete_range(key, Some(value))?,
                Op::DeleteFrom => to.delete_range(key, None)?,
                Op::Drop => to.delete_range(b"", None)?,
            }
            bytes += (key.len() + value.len()) as u64;
            if bytes - reported >= STRIDE {
                reported = bytes;
                let (done, total) = self.progress(bytes);
                meter.report(done, total);
                if meter.stopped() {
                    return Err(creel::Error::Interrupted.into());
                }
            }
        }
        Ok(())
    }

    /// How far it is, and of how much: of the file where it is read as it stands, else these bytes
    /// of keys and values.
    pub fn progress(&self, bytes: u64) -> (u64, Option<u64>) {
        match (&self.way, self.reading.share()) {
            (Way::Straight(_), Some((read, total))) => (read, Some(total)),
            _ => (bytes, None),
        }
    }

    /// Goes on to the next record that was asked for; false at the end.
    fn advance(&mut self) -> Result<bool, Failure> {
        match &mut self.way {
            Way::Sorted(ordered) => ordered.advance(),
            Way::Straight(text) => {
                while text.advance(&self.path)? {
                    if text.present().is_some_and(|r| r.is_in(&self.selection)) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn present(&self) -> Option<Record<'_>> {
        match &self.way {
            Way::Straight(text) => text.present(),
            Way::Sorted(ordered) => Some(ordered.present()),
        }
    }
}

impl Record<'_> {
    fn is_in(&self, selection: &Selection) -> bool {
        match self.op.is_range() {
            true => selection.has_keyspace(self.keyspace),
            false => selection.has(self.keyspace, self.key),
        }
    }
}

impl Ordered {
    fn advance(&mut self) -> Result<bool, Failure> {
        let Some(change) = self.sorted.next_change()? else {
            return Ok(false);
        };
        self.is_delete = change.value.is_none();
        let key = place::split(change.key, &mut self.present.keyspace);
        self.present.set(key, change.value.unwrap_or(&[]));
        Ok(true)
    }

    fn present(&self) -> Record<'_> {
        Record {
            keyspace: &self.present.keyspace,
            op: match self.is_delete {
                true => Op::Delete,
                false => Op::Put,
            },
            key: &self.present.key,
            value: &self.present.value,
        }
    }
}

impl Text {
    /// Reads the next block; false at the end.
    fn fill(&mut self, path: &Path) -> Result<bool, Failure> {
        if signals::stopped() {
            return Err(creel::Error::Interrupted.into());
        }
        self.next = 0;
        let more = self
            .reader
            .fill(&mut self.block)
            .map_err(|stop| match stop {
                Stop::Io(error) => Failure::file("read", path, &error),
                Stop::Fault(fault) => faulty(path, &fault),
            })?;
        match self.block.rejects().first() {
            Some(reject) => Err(faulty(path, &reject.fault)),
            None => Ok(more),
        }
    }

    fn advance(&mut self, path: &Path) -> Result<bool, Failure> {
        while self.next >= self.block.len() {
            if !self.fill(path)? {
                return Ok(false);
            }
        }
        self.next += 1;
        Ok(true)
    }

    fn present(&self) -> Option<Record<'_>> {
        let record = self.block.get(self.next.wrapping_sub(1))?;
        let name = self.block.keyspaces().get(usize::from(record.keyspace));
        Some(Record {
            keyspace: name.map_or("main", |name| name),
            op: record.op,
            key: record.key,
            value: record.value,
        })
    }
}

/// Reads everything and sorts it. Of several records with one key the last one counts, as it does
/// for `import`.
fn sort(mut text: Text, path: &Path, selection: &Selection) -> Result<Ordered, Failure> {
    let near = std::env::temp_dir().join("creel");
    let mut sorter = Sorter::new(SORT_MEMORY, Duplicates::Last, &near);
    let mut key = Vec::new();
    while text.advance(path)? {
        let Some(record) = text.present() else { break };
        if record.op.is_range() {
            return Err(changes(path));
        }
        if record.is_in(selection) {
            place::join(record.keyspace, record.key, &mut key);
            sorter.push_any(0, &key, (record.op == Op::Put).then_some(record.value))?;
        }
    }
    Ok(Ordered {
        sorted: sorter.finish()?,
        present: Entry::default(),
        is_delete: false,
    })
}

/// Only contents can be compared.
pub(super) fn changes(path: &Path) -> Failure {
    let what = format!("{} is an export of changes, not of contents", named(path));
    Failure::new(&codes::BAD_INPUT, what)
        .at(path)
        .state("nothing was compared")
        .hint("creel export DB, without --since, holds everything")
}

fn named(path: &Path) -> String {
    match path == Path::new("-") {
        true => "standard input".into(),
        false => path.display().to_string(),
    }
}

fn faulty(path: &Path, fault: &Fault) -> Failure {
    let what = format!("{}, line {}: {fault}", named(path), fault.line);
    Failure::new(&codes::BAD_INPUT, what)
        .at(path)
        .state("nothing was changed")
        .hint("make the export again; creel import --on-error reject sets bad records aside")
        .detail("line", fault.line)
        .detail("byte", fault.byte)
        .detail("fault", fault.code.name())
}
