//! Snapshots of a database in a store, and copies made of them.

use std::fs::{File, OpenOptions as FileOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::parted::before_replacing;
use super::pull::{PullWish, pull, reseed_reason};
use super::{Publishing, StoreFailure, StoreResult, io, now_us, position};
use crate::chain::object::{MIN_PART, SnapshotDoc, SnapshotRow};
use crate::chain::{Chain, ChainError, Pace, SnapshotWish};
use crate::db::{BackupOptions, Db, OpenOptions, Seed, SeedOptions};
use crate::error::Error;
use crate::format::entry::{Entry, Point};
use crate::progress::Progress;
use crate::replica::beside::Beside;
use crate::replica::parted::hand_on;
use crate::replica::tail::Saved;
use crate::sys::{OsVfs, Vfs};

/// Bytes of a part, unless something else is asked for.
pub const PART_BYTES: u64 = MIN_PART;

/// How to make a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Bytes of a part.
    pub part_bytes: u64,
    /// Use parts of the newest full snapshot.
    pub delta: bool,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        SnapshotOptions {
            part_bytes: PART_BYTES,
            delta: true,
        }
    }
}

/// Writes a snapshot of this moment; what it holds is published first.
pub fn upload_snapshot(
    db: &Db,
    publishing: &mut Publishing,
    options: &SnapshotOptions,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<SnapshotDoc> {
    Upload::begin(db, publishing, pace)?.run(options, pace, progress)
}

/// A moment whose last entry is in the store: what is left to do needs no publisher.
pub struct Upload {
    db: Db,
    chain: Chain,
    seed: Seed,
    at: Point,
}

impl Upload {
    /// Takes the moment, and publishes up to it.
    pub fn begin(db: &Db, publishing: &mut Publishing, pace: &mut dyn Pace) -> StoreResult<Upload> {
        let seed = db.prepare_seed()?;
        let at = seed.position();
        let at = Point {
            index: at.index,
            epoch: at.epoch,
            history: at.hash.unwrap_or_default(),
        };
        publishing.upto(at.index, pace)?;
        Ok(Upload {
            db: db.clone(),
            chain: publishing.chain().clone(),
            seed,
            at,
        })
    }

    /// Writes the parts, and then the snapshot.
    pub fn run(
        self,
        options: &SnapshotOptions,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> StoreResult<SnapshotDoc> {
        let Upload {
            db,
            chain,
            seed,
            at,
        } = self;
        let mut image = Scratch::beside(db.path())?;
        seed.write_to(&mut image.0, progress)?;
        let image_bytes = seed.bytes();
        drop(seed); // its pages may be used again
        let info = db.info()?;
        let wish = SnapshotWish {
            at,
            entry_time_us: entry_time(&db, &at).unwrap_or_else(now_us),
            node: info.file_id,
            time_us: now_us(),
            image_bytes,
            part_bytes: options.part_bytes,
            delta: options.delta,
        };
        Ok(chain.write_snapshot(&wish, &mut image.0, pace, progress)?)
    }
}

/// When an entry was committed; [`None`] where the log does not have it any more.
fn entry_time(db: &Db, at: &Point) -> Option<u64> {
    let mut before = position(at);
    before.index = before.index.checked_sub(1)?;
    before.hash = None;
    let bytes = db.log_reader(&before).ok()?.read(1, 1).ok()?;
    let (entry, _) = Entry::split(&bytes).ok()??;
    (entry.header.index == at.index).then_some(entry.header.time_us)
}

/// Makes a copy of a snapshot at `dest`: a replica with a file id of its own. The name appears when
/// the copy is whole and passes `verify`. Where it takes the place of an older one, commits that only
/// that one has are refused to be lost, or saved first; gives where.
pub fn fetch_copy(
    chain: &Chain,
    snapshot: &SnapshotRow,
    dest: &Path,
    replace: Replace,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<Vec<Saved>> {
    let image = fetch_image(chain, snapshot, dest, pace, progress)?;
    let db = OpenOptions::new().open(&image.path)?;
    let force = replace == Replace::Forced;
    let old = match replace {
        Replace::Nothing => None,
        // Nobody adds to the old file what the new one would then lack.
        _ => match OpenOptions::new().hold_lock(true).open(dest) {
            Ok(old) => Some(old),
            // What cannot be opened has nothing that could be saved.
            Err(Error::Corrupt(_) | Error::NotADatabase { .. } | Error::NotFound { .. })
                if force =>
            {
                None
            }
            Err(e) => return Err(e.into()),
        },
    };
    let Some(old) = old else {
        let options = SeedOptions {
            backup: BackupOptions {
                replace: replace != Replace::Nothing,
                ..BackupOptions::default()
            },
        };
        db.seed(dest, &options, progress)?;
        db.close()?;
        return Ok(Vec::new());
    };
    let saved = before_replacing(&old, (&db, snapshot), chain, force, pace)?;
    replace_old(&old, (&db, chain), dest, pace, progress)?;
    db.close()?;
    drop(old);
    Ok(saved)
}

/// The new copy knows what the old one did, and has what the chain has, before it has its name: until then
/// readers see the old one, which may be newer than the snapshot.
fn replace_old(
    old: &Db,
    (image, chain): (&Db, &Chain),
    dest: &Path,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<()> {
    let failed = |doing| move |e| Error::io_at(doing, dest, e);
    let beside = Beside::new(dest, "reseed").map_err(failed("create a file beside"))?;
    image.seed(&beside.path, &SeedOptions::default(), progress)?;
    let new = OpenOptions::new().open(&beside.path)?;
    new.fence(old.highest_epoch()?)?;
    hand_on(&new, old.facts()?)?;
    match pull(&new, chain, &PullWish::default(), pace, progress) {
        // Beyond a bulk import or a gap the next snapshot leads on.
        Err(failure) if reseed_reason(&failure).is_none() => return Err(failure),
        _ => {}
    }
    new.close()?;
    let renaming = failed("rename the new copy to");
    let rights = std::fs::metadata(dest).map_err(renaming)?.permissions();
    std::fs::set_permissions(&beside.path, rights).map_err(renaming)?;
    OsVfs.rename(&beside.path, dest).map_err(renaming)?;
    OsVfs.sync_dir_of(dest).map_err(renaming)?;
    Ok(())
}

/// What a new copy may take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// There must be nothing.
    Nothing,
    /// A replica all of whose commits the source has.
    Behind,
    /// Anything; what only the old copy has is saved.
    Forced,
}

/// Fetches the file of a snapshot beside `dest`. It is the file that was written, with its id.
pub(super) fn fetch_image(
    chain: &Chain,
    snapshot: &SnapshotRow,
    dest: &Path,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<Beside> {
    let missing = || ChainError::LostSnapshot(format!("snapshot {}", snapshot.folder));
    let id = snapshot.id().ok_or_else(missing)?;
    let doc = chain.read_snapshot(&id, pace)?.ok_or_else(missing)?;
    let image =
        Beside::new(dest, "fetch").map_err(|e| Error::io_at("create a file beside", dest, e))?;
    let mut file = create(&image.path)?;
    let fetched = chain.fetch(&doc, &mut file, pace, progress);
    fetched.map_err(|error| match error {
        ChainError::Missing(part) => ChainError::LostSnapshot(part),
        error => error,
    })?;
    file.sync_all().map_err(|e| io("sync the snapshot", e))?;
    Ok(image)
}

fn create(path: &Path) -> StoreResult<File> {
    let mut options = FileOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = options.open(path);
    made.map_err(|e| StoreFailure::Db(crate::error::Error::io_at("create", path, e)))
}

/// A nameless file, as what parts are read from.
pub(super) struct Scratch(ScratchFile);

impl Scratch {
    fn beside(path: &Path) -> StoreResult<Scratch> {
        let file = OsVfs.open_scratch(path);
        let file = file.map_err(|e| io("make a scratch file", e))?;
        Ok(Scratch(ScratchFile { file, at: 0 }))
    }
}

struct ScratchFile {
    file: Arc<dyn crate::sys::File>,
    at: u64,
}

impl Read for ScratchFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buf, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Write for ScratchFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write_at(buf, self.at)?;
        self.at += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for ScratchFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(by) => self.file.size()?.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}
