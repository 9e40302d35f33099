//! Commits that the new history does not have, saved before they are taken back: segments, as in
//! an object store, in a directory beside the database.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::slot::entropy;
use crate::chain::object::{Segment, Writer};
use crate::chain::store::MAX_OBJECT;
use crate::db::{Db, Position};
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::entry::{Entries, Entry, Point};
use crate::format::frame::EntryKind;
use crate::sys::{OsVfs, Vfs};

/// Bytes of entries in one file, about.
const PART: usize = 16 << 20;

/// Saved entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The file.
    pub path: PathBuf,
    /// Its first and last entry.
    pub from: u64,
    /// See `from`.
    pub to: u64,
    /// Bytes of entries.
    pub bytes: u64,
}

/// The directory for a database: `<db>.diverged`.
pub fn directory(db: &Path) -> PathBuf {
    let mut name = db.file_name().unwrap_or_default().to_os_string();
    name.push(".diverged");
    db.with_file_name(name)
}

/// Saves the entries behind a position, durably. What is saved already stays as it is.
pub fn save(db: &Db, after: &Position) -> Result<Vec<Saved>> {
    let info = db.info()?;
    let random = entropy().map_err(|e| Error::io("get random bytes", e))?;
    let (incarnation, nonce) = random.split_at(16);
    let mut writer = Writer {
        lineage: info.lineage_id,
        node: info.file_id,
        incarnation: [0; 16],
    };
    writer.incarnation.copy_from_slice(incarnation);
    let directory = directory(db.path());
    let failed = |e| Error::io_at("write", &directory, e);
    fs::create_dir_all(&directory).map_err(failed)?;
    OsVfs.sync_dir_of(&directory).map_err(failed)?;
    let mut reader = db.log_reader(after)?;
    let mut all = Vec::new();
    loop {
        let before = reader.point();
        let entries = reader.read(usize::MAX, PART)?;
        if entries.is_empty() {
            return Ok(all);
        }
        for (before, body) in split_at_fences(&entries, before)? {
            let mut id = [0; 16];
            id.copy_from_slice(nonce);
            let number = all.len() as u64 + 1;
            let segment = Segment::build(&writer, number, id, before, body);
            let segment = segment.map_err(|e| Error::corrupt(Invariant::W9, e.detail))?;
            all.push(write(&directory, &segment)?);
        }
    }
}

/// A fence may only be the last entry of a segment.
fn split_at_fences(entries: &[u8], before: Point) -> Result<Vec<(Point, &[u8])>> {
    let mut parts = Vec::new();
    let mut walk = Entries::new(entries, before);
    let (mut start, mut rest) = (before, entries);
    while let Some(entry) = walk.next() {
        let entry = entry?;
        if entry.header.kind == EntryKind::Fence {
            let (part, behind) = rest.split_at(rest.len() - walk.rest().len());
            parts.push((start, part));
            (start, rest) = (walk.point(), behind);
        }
    }
    if !rest.is_empty() {
        parts.push((start, rest));
    }
    Ok(parts)
}

fn write(directory: &Path, segment: &Segment) -> Result<Saved> {
    let facts = &segment.facts;
    let (from, to) = (facts.before.index + 1, facts.after.index);
    let hash = u128::from_be_bytes(facts.after.history) >> 96;
    let name = format!("{}-{from}-{to}-{hash:08x}.seg", facts.epoch);
    let path = directory.join(name);
    let saved = Saved {
        path: path.clone(),
        from,
        to,
        bytes: segment.body().len() as u64,
    };
    if read(&path).is_ok_and(|there| there.body() == segment.body()) {
        return Ok(saved);
    }
    let temporary = path.with_extension("tmp");
    let failed = |e| Error::io_at("write", &path, e);
    let mut file = File::create(&temporary).map_err(failed)?;
    file.write_all(segment.bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| OsVfs.rename(&temporary, &path))
        .and_then(|()| OsVfs.sync_dir_of(&path))
        .map_err(failed)?;
    Ok(saved)
}

/// Reads and checks a file of saved entries.
pub fn read(path: &Path) -> Result<Segment> {
    let mut bytes = Vec::new();
    let most = MAX_OBJECT + 1; // whatever the path names
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound {
            path: path.to_owned(),
        },
        _ => Error::io_at("read", path, e),
    })?;
    if !Segment::begins(&bytes) || bytes.len() as u64 == most {
        return Err(Error::NotADatabase {
            path: path.to_owned(),
            reason: "it holds no saved commits".to_owned(),
        });
    }
    let segment = Segment::parse(bytes).and_then(|s| s.check_history().map(|()| s));
    segment.map_err(|e| {
        Corruption::new(Invariant::W9, format!("{}: {}", path.display(), e.detail)).into()
    })
}

/// The entries of a segment that was read.
pub fn entries(segment: &Segment) -> impl Iterator<Item = Entry<'_>> {
    Entries::new(segment.body(), segment.facts.before).filter_map(std::result::Result::ok)
}
