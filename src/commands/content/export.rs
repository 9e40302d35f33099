//! The contents of an export. One that promises order is read as it comes; any other is sorted
//! first, in bounded memory and a nameless scratch file.

use std::collections::{BTreeMap, btree_map};
use std::io::Read;
use std::path::{Path, PathBuf};

use creel::exchange::Format;
use creel::exchange::read::{Block, Fault, Op, ReadOptions, Reader, Stop};
use creel::{Duplicates, Sorted, Sorter};

use super::{About, Entry, Selection};
use crate::cli::{Failure, codes, signals};

/// Memory for sorting the entries of one keyspace.
const SORT_MEMORY: usize = 32 << 20;
/// Most keyspaces of an export that has to be sorted.
const KEYSPACES: usize = 32;
/// An export under reading.
pub(super) struct Export {
    path: PathBuf,
    selection: Selection,
    way: Way,
}

/// How the entries come.
enum Way {
    /// As they stand.
    Straight(Box<Text>),
    /// Sorted.
    Sorted(Box<Ordered>),
}

/// Keyspaces by name, each sorted.
struct Ordered {
    present: Option<(String, Sorted)>,
    waiting: btree_map::IntoIter<String, Sorter>,
}

/// The text and the block that is being handed out.
struct Text {
    reader: Reader,
    block: Block,
    at: usize,
}

impl Export {
    pub fn open(
        path: &Path,
        format: Format,
        bytes: Box<dyn Read + Send>,
        selection: &Selection,
    ) -> Result<(About, Export), Failure> {
        let options = ReadOptions {
            format,
            ..ReadOptions::default()
        };
        let mut text = Text {
            reader: Reader::new(bytes, options),
            block: Block::new(),
            at: 0,
        };
        // The header comes with the first block, if there is one.
        while text.reader.header().is_none() && text.block.is_empty() && text.fill(path)? {}
        let header = text.reader.header();
        if header.is_some_and(|h| h.since.is_some()) {
            return Err(changes(path));
        }
        let about = About {
            path: path.to_owned(),
            kind: format.name(),
            position: header.map(|h| h.position),
            lineage: header.map(|h| h.db),
        };
        let way = match text.reader.promises_order() {
            true => Way::Straight(Box::new(text)),
            false => sort(text, path, selection)?,
        };
        let export = Export {
            path: path.to_owned(),
            selection: selection.clone(),
            way,
        };
        Ok((about, export))
    }

    pub fn next(&mut self, entry: &mut Entry) -> Result<bool, Failure> {
        match &mut self.way {
            Way::Straight(text) => {
                while text.next(&self.path, entry)? {
                    if self.selection.has(&entry.keyspace, &entry.key) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Way::Sorted(ordered) => ordered.next(entry),
        }
    }
}

impl Ordered {
    fn next(&mut self, entry: &mut Entry) -> Result<bool, Failure> {
        loop {
            if let Some((name, sorted)) = &mut self.present
                && let Some(change) = sorted.next_change()?
            {
                entry.enter(name);
                entry.set(change.key, change.value.unwrap_or(&[]));
                return Ok(true);
            }
            let Some((name, sorter)) = self.waiting.next() else {
                return Ok(false);
            };
            self.present = Some((name, sorter.finish()?));
        }
    }
}

impl Text {
    /// Reads the next block; false at the end.
    fn fill(&mut self, path: &Path) -> Result<bool, Failure> {
        if signals::stopped() {
            return Err(creel::Error::Interrupted.into());
        }
        self.at = 0;
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

    fn next(&mut self, path: &Path, entry: &mut Entry) -> Result<bool, Failure> {
        loop {
            if let Some(record) = self.block.get(self.at) {
                self.at += 1;
                if record.op != Op::Put {
                    return Err(changes(path));
                }
                let name = self.block.keyspaces().get(usize::from(record.keyspace));
                entry.enter(name.map_or("main", |name| name));
                entry.set(record.key, record.value);
                return Ok(true);
            }
            if !self.fill(path)? {
                return Ok(false);
            }
        }
    }
}

/// Reads everything and sorts it. Of several records with one key the last one counts, as it does
/// for `import`.
fn sort(mut text: Text, path: &Path, selection: &Selection) -> Result<Way, Failure> {
    let near = std::env::temp_dir().join("creel");
    let mut sorters: BTreeMap<String, Sorter> = BTreeMap::new();
    let mut entry = Entry::default();
    while text.next(path, &mut entry)? {
        if !selection.has(&entry.keyspace, &entry.key) {
            continue;
        }
        if !sorters.contains_key(&entry.keyspace) {
            if sorters.len() == KEYSPACES {
                return Err(too_many(path));
            }
            let sorter = Sorter::new(SORT_MEMORY, Duplicates::Last, &near);
            sorters.insert(entry.keyspace.clone(), sorter);
        }
        if let Some(sorter) = sorters.get_mut(&entry.keyspace) {
            sorter.push(0, &entry.key, Some(&entry.value))?;
        }
    }
    Ok(Way::Sorted(Box::new(Ordered {
        present: None,
        waiting: sorters.into_iter(),
    })))
}

fn too_many(path: &Path) -> Failure {
    let what = format!(
        "{} has more than {KEYSPACES} keyspaces and promises no order",
        path.display()
    );
    Failure::new(&codes::BAD_INPUT, what)
        .at(path)
        .state("nothing was compared")
        .hint("creel import NEW --create FILE, then use NEW")
}

fn changes(path: &Path) -> Failure {
    let what = format!(
        "{} is an export of changes, not of contents",
        path.display()
    );
    Failure::new(&codes::BAD_INPUT, what)
        .at(path)
        .state("nothing was compared")
        .hint("creel export DB, without --since, holds everything")
}

fn faulty(path: &Path, fault: &Fault) -> Failure {
    let what = format!("{}, line {}: {fault}", path.display(), fault.line);
    Failure::new(&codes::BAD_INPUT, what)
        .at(path)
        .state("nothing was changed")
        .hint("make the export again; creel import --on-error reject sets bad records aside")
        .detail("line", fault.line)
        .detail("byte", fault.byte)
        .detail("fault", fault.code.name())
}
