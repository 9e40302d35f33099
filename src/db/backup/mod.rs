//! A physical copy of a live database: one moment of it, as a file that opens by itself.
//!
//! The pages of one generation stay as they are while it is pinned, so they are copied (or shared
//! by the file system) at leisure. The log is read at the start and written again behind a header
//! of its own. Nothing is waited for and nobody waits, see `docs/decisions/0019`.

mod copier;
mod early;
mod free;
mod layout;
mod moment;
mod read_ahead;
mod seed;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::handle::Inner;
use super::newfile::NewFile;
use super::{Db, Snapshot, Token};
use crate::check::{Verdict, VerifyOptions, verify};
use crate::defect::{Defect, planted};
use crate::error::{Corruption, Error, Result};
use crate::format::{Depth, Invariant};
use crate::progress::Progress;
use crate::sys::File;
use copier::Copier;
use layout::Layout;
use moment::Moment;
use read_ahead::ReadAhead;
pub use seed::Seed;

/// Whether a backup may share storage with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reflink {
    /// Where the file system can.
    #[default]
    Auto,
    /// Or fail.
    Always,
    /// No: the bytes are to stand on the medium twice.
    Never,
}

/// How to make a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupOptions {
    /// Whether to share storage.
    pub reflink: Reflink,
    /// Bytes to copy in a second at most.
    pub rate: Option<u64>,
    /// How thoroughly to check the new file before it gets its name; `None` = not at all.
    pub verify: Option<Depth>,
    /// Replace an existing file.
    pub replace: bool,
}

impl Default for BackupOptions {
    fn default() -> Self {
        BackupOptions {
            reflink: Reflink::Auto,
            rate: None,
            verify: Some(Depth::Full),
            replace: false,
        }
    }
}

/// How to make a copy that follows this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeedOptions {
    /// As for a backup.
    pub backup: BackupOptions,
}

/// What a backup holds and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// The newest commit in it.
    pub token: Token,
    /// History of the log up to there.
    pub history: [u8; 16],
    /// Id of the new file; the lineage stays.
    pub file_id: [u8; 16],
    /// Generation of the new file.
    pub generation: u64,
    /// Length of the new file.
    pub bytes: u64,
    /// Bytes that were copied.
    pub copied: u64,
    /// Bytes that share their storage with the database.
    pub shared: u64,
    /// Bytes of log entries that are in the backup's log, not in its tree.
    pub log_bytes: u64,
    /// How the new file was checked.
    pub verified: Option<Depth>,
}

impl Db {
    /// Writes a backup of the present state to `dest`. The name appears once everything is
    /// durable and checked; on failure nothing is left.
    pub fn backup(
        &self,
        dest: &Path,
        options: &BackupOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        let moment = Moment::take(&self.inner, false)?;
        self.inner.backup(&moment, dest, options, progress)
    }

    /// The same, with a snapshot of the database at the very position of the backup.
    pub fn backup_and_snapshot(
        &self,
        dest: &Path,
        options: &BackupOptions,
        progress: &dyn Progress,
    ) -> Result<(BackupReport, Snapshot)> {
        let moment = Moment::take(&self.inner, true)?;
        let report = self.inner.backup(&moment, dest, options, progress)?;
        Ok((report, moment.snapshot))
    }

    /// Writes a replica of the present state to `dest`: the same lineage and log position, a file
    /// id of its own, and this file as what it follows.
    pub fn seed(
        &self,
        dest: &Path,
        options: &SeedOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        let mut moment = Moment::take(&self.inner, false)?;
        moment.make_replica();
        self.inner.backup(&moment, dest, &options.backup, progress)
    }

    /// Writes the present contents to `dest` as a database on its own: with a new lineage and no
    /// part in any replication.
    pub fn detach(
        &self,
        dest: &Path,
        options: &BackupOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        let mut moment = Moment::take(&self.inner, false)?;
        moment.detach(&self.inner)?;
        self.inner.backup(&moment, dest, options, progress)
    }

    /// The bytes of such a replica one after the other.
    pub fn seed_to(
        &self,
        out: &mut dyn Write,
        options: &SeedOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        let mut moment = Moment::take(&self.inner, false)?;
        moment.make_replica();
        self.inner
            .write_backup(&moment, out, &options.backup, progress)
    }

    /// Writes the bytes of a backup one after the other, to a pipe for example.
    pub fn backup_to(
        &self,
        out: &mut dyn Write,
        options: &BackupOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        let moment = Moment::take(&self.inner, false)?;
        self.inner.write_backup(&moment, out, options, progress)
    }
}

/// A file that is being made.
struct Place<'a> {
    file: &'a Arc<dyn File>,
    /// Where it can be opened.
    path: &'a Path,
    /// The name it will have.
    dest: &'a Path,
}

impl Inner {
    fn write_backup(
        &self,
        moment: &Moment,
        out: &mut dyn Write,
        options: &BackupOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        let layout = moment.lay_out(&self.file)?;
        let mut copier = Copier::new(self, None, options, progress, layout.bytes);
        copier.stream(&layout.parts, out)?;
        Ok(moment.report(&layout, &copier))
    }

    fn backup(
        &self,
        moment: &Moment,
        dest: &Path,
        options: &BackupOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        if planted(Defect::BackupUnpinned) {
            moment.unpin(&self.locks);
        }
        self.check_destination(dest, options.replace)?;
        let layout = moment.lay_out(&self.file)?;
        let new = NewFile::create(dest, &self.options.vfs)?;
        let place = Place {
            file: new.file(),
            path: new.path(),
            dest,
        };
        let report = self.fill(&place, moment, &layout, options, progress)?;
        self.check_destination(dest, options.replace)?;
        new.publish(options.replace)?;
        Ok(report)
    }

    /// Writes, syncs and checks the file before it has its name.
    fn fill(
        &self,
        place: &Place<'_>,
        moment: &Moment,
        layout: &Layout,
        options: &BackupOptions,
        progress: &dyn Progress,
    ) -> Result<BackupReport> {
        let dest = Some(place.dest);
        let mut copier = Copier::new(self, dest, options, progress, layout.bytes);
        copier.fill(&layout.parts, place.file)?;
        place
            .file
            .sync()
            .map_err(|e| Error::io_at("sync", place.dest, e))?;
        let mut report = moment.report(layout, &copier);
        if let Some(level) = options.verify {
            // What is read back is to be what the medium holds.
            place.file.drop_cache(0, layout.bytes);
            progress.begin("verify");
            let ahead = ReadAhead::start(place.file, layout.bytes);
            let checked = self.check_copy(place.path, level, progress);
            ahead.stop();
            checked?;
            report.verified = Some(level);
        }
        Ok(report)
    }

    /// Verifies a copy before it gets its name.
    pub(in crate::db) fn check_copy(
        &self,
        path: &Path,
        level: Depth,
        progress: &dyn Progress,
    ) -> Result<()> {
        let options = VerifyOptions {
            level,
            vfs: Arc::clone(&self.options.vfs),
            ..VerifyOptions::default()
        };
        let report = verify(path, &options, progress)?;
        if report.verdict == Verdict::Clean {
            return Ok(());
        }
        let found = report.findings.first();
        let mut damage = Corruption::new(
            found.map_or(Invariant::H1, |f| f.id),
            found.map_or("the copy has no header".to_owned(), |f| {
                format!("in the copy: {}", f.detail)
            }),
        );
        damage.page = found.and_then(|f| f.page);
        damage.offset = found.and_then(|f| f.offset);
        Err(damage.into())
    }
}
