//! Following a database that is a file here: its log is read by this process.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use super::beside::Beside;
use super::parted::{before_replacing, check_not_own_past};
use super::tail::Saved;
use crate::db::{
    BackupOptions, CheckedEntries, Db, Facts, KeptLog, LogReader, OpenOptions, Position, Receipt,
    SeedOptions,
};
use crate::error::{Error, Result};
use crate::format::Depth;
use crate::format::header::Role;
use crate::progress::Progress;
use crate::sys::{OsVfs, Vfs};

/// Bytes that are read at a time, while those before are applied.
const BATCH: usize = 4 << 20;
/// Entries at a time where they are counted.
const COUNTED: usize = 10_000;

/// What to do where the source's log does not reach back to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenGone {
    /// Say so.
    #[default]
    Refuse,
    /// Make the copy anew.
    Reseed,
    /// Make the copy anew in any case, also where the histories parted.
    ReseedNow,
}

/// New copies at most, where the log does not reach back to the one before.
const NEW_COPIES: u64 = 3;

/// How far to go.
#[derive(Debug, Clone, Copy, Default)]
pub struct PullWish {
    /// So many entries at most.
    pub max_entries: Option<u64>,
    /// So many bytes of entries at most.
    pub max_bytes: Option<u64>,
    /// To this commit; without it to the source's present end.
    pub until: Option<Receipt>,
    /// How long to wait for that commit.
    pub timeout: Duration,
    /// What to do where the log does not reach back.
    pub when_gone: WhenGone,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Entries and bytes that were applied.
    pub entries: u64,
    /// See `entries`.
    pub bytes: u64,
    /// The copy was made anew.
    pub new_copies: u64,
    /// Commits that only the old copy had.
    pub saved: Vec<Saved>,
    /// A limit was reached before the end.
    pub limited: bool,
    /// The newest entry of the source.
    pub source_index: u64,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// The copy's newest entry.
    pub here: Position,
    /// The source's.
    pub there: Position,
    /// Why the copy would have to be made anew; `None` where entries are enough.
    pub reseed: Option<String>,
}

/// A copy, and the file that it follows.
pub struct Pair<'p> {
    /// Where the copy is.
    pub path: &'p Path,
    /// How it is opened.
    pub options: &'p OpenOptions,
    /// The source, open for reading.
    pub source: &'p Db,
}

/// The source must be another copy of the same database, and not older.
fn check_pair(copy: &Db, source: &Db) -> Result<()> {
    let (ours, theirs) = (copy.info()?, source.info()?);
    if ours.file_id == theirs.file_id {
        let reason = "source and copy are one file".into();
        return Err(Error::Invalid { reason });
    }
    if ours.lineage_id != theirs.lineage_id {
        let reason = "the source is another database, not a copy of this one".into();
        return Err(Error::Diverged { reason });
    }
    let (known, there) = (copy.highest_epoch()?, source.position()?);
    if there.epoch < known {
        let reason = format!(
            "the source is in epoch {}, this copy knows of epoch {known}: it was deposed",
            there.epoch
        );
        return Err(Error::Fenced { reason });
    }
    Ok(())
}

/// What a pull would do.
pub fn look(copy: &Db, source: &Db) -> Result<Outlook> {
    check_pair(copy, source)?;
    let here = copy.position()?;
    let reader = source.log_reader(&here);
    if matches!(reader, Err(Error::NotRetained { .. })) {
        before_replacing(copy, source, false)?;
    }
    let read = reader.and_then(|mut reader| reader.read(1, 1));
    let reseed = match read {
        Ok(_) => None,
        Err(e @ Error::NotRetained { .. }) => Some(e.to_string()),
        Err(e) => return Err(e),
    };
    let there = source.position()?;
    Ok(Outlook {
        here,
        there,
        reseed,
    })
}

impl Pair<'_> {
    /// Brings the copy to where the source is. The copy may be another file afterwards.
    pub fn pull(
        &self,
        mut copy: Db,
        wish: &PullWish,
        progress: &dyn Progress,
    ) -> Result<(Db, Pulled)> {
        let mut pulled = Pulled::default();
        check_pair(&copy, self.source)?;
        if copy.info()?.role != Role::Replica && wish.when_gone != WhenGone::ReseedNow {
            let here = self.source.log_reader(&copy.position()?);
            if let Err(e @ Error::Diverged { .. }) = here {
                return Err(e);
            }
            let reason = "the file is no replica: it may have commits of its own".into();
            return Err(Error::Fenced { reason });
        }
        // What is committed while a new copy is made is there when it is.
        let mut kept: Option<KeptLog> = None;
        if wish.when_gone == WhenGone::ReseedNow {
            kept = Some(self.source.keep_log()?);
            (copy, pulled.saved) = self.reseed(copy, true, progress)?;
            pulled.new_copies = 1;
        }
        if let Some(receipt) = &wish.until {
            self.source.wait_for(receipt, wish.timeout)?;
        }
        // The end is that of now: a source that is written to has no other.
        let end = match &wish.until {
            Some(receipt) => receipt.index,
            None => self.source.durable_position()?.index,
        };
        loop {
            match self.take_entries(&copy, end, wish, &mut pulled, progress) {
                Err(Error::NotRetained { .. })
                    if wish.when_gone != WhenGone::Refuse && pulled.new_copies < 2 =>
                {
                    kept = Some(self.source.keep_log()?);
                    (copy, _) = self.reseed(copy, false, progress)?;
                    pulled.new_copies += 1;
                }
                Err(e) => return Err(e),
                Ok(()) => break,
            }
        }
        drop(kept);
        if let Some(receipt) = &wish.until.filter(|_| !pulled.limited) {
            copy.wait_for(receipt, Duration::ZERO)?;
        }
        pulled.source_index = self.source.position()?.index;
        Ok((copy, pulled))
    }

    fn take_entries(
        &self,
        copy: &Db,
        end: u64,
        wish: &PullWish,
        pulled: &mut Pulled,
        progress: &dyn Progress,
    ) -> Result<()> {
        let at = copy.position()?;
        if at.index >= end {
            self.source.log_reader(&at).map(|_| ())?;
            return Ok(());
        }
        let reader = self.source.log_reader(&at)?;
        let limit = Limit {
            end,
            entries: left(wish.max_entries, pulled.entries),
            bytes: left(wish.max_bytes, pulled.bytes),
        };
        thread::scope(|scope| {
            let (give, take) = sync_channel(1);
            // Looked at here, while the ones before are added and synced.
            let check = |batch: Result<Vec<u8>>| batch.and_then(|bytes| copy.check_entries(bytes));
            scope.spawn(move || limit.read(reader, &mut |batch| give.send(check(batch)).is_ok()));
            apply_all(copy, &take, pulled, progress)
        })?;
        pulled.limited = copy.position()?.index < end;
        Ok(())
    }

    /// Puts a new copy in the place of the old one, which is served until then.
    fn reseed(&self, old: Db, force: bool, progress: &dyn Progress) -> Result<(Db, Vec<Saved>)> {
        let facts = old.facts()?;
        drop(old);
        // Nobody adds to the old file what the new one would then lack.
        let held = self.options.clone().hold_lock(true).open(self.path)?;
        check_not_own_past(&held, self.source)?;
        let saved = before_replacing(&held, self.source, force)?;
        let beside = self.beside()?;
        let made = self.make(&beside.path, &facts, progress);
        let placed = made.and_then(|()| {
            let failed = |e| Error::io_at("rename the new copy to", self.path, e);
            let rights = std::fs::metadata(self.path).map_err(failed)?.permissions();
            std::fs::set_permissions(&beside.path, rights).map_err(failed)?;
            OsVfs.rename(&beside.path, self.path).map_err(failed)?;
            OsVfs.sync_dir_of(self.path).map_err(failed)
        });
        placed?;
        drop(held);
        Ok((self.options.clone().open(self.path)?, saved))
    }

    /// The name of a copy until it is whole.
    fn beside(&self) -> Result<Beside> {
        let named = Beside::new(self.path, "reseed");
        named.map_err(|e| Error::io_at("create a file beside", self.path, e))
    }

    fn make(&self, dest: &Path, facts: &Facts, progress: &dyn Progress) -> Result<()> {
        let options = SeedOptions {
            backup: BackupOptions {
                verify: Some(Depth::Full),
                ..BackupOptions::default()
            },
        };
        self.source.seed(dest, &options, progress)?;
        let copy = self.options.clone().open(dest)?;
        copy.set_facts(facts)?;
        copy.close()
    }

    /// Makes the first copy, and brings it to where the source is once it is made.
    pub fn init(&self, address: &str, progress: &dyn Progress) -> Result<(Db, Pulled)> {
        if OsVfs.identity(self.path).is_ok() {
            return Err(Error::Exists {
                path: self.path.to_owned(),
            });
        }
        let facts = Facts {
            source: address.to_owned(),
            ..Facts::default()
        };
        let kept = self.source.keep_log()?;
        let beside = self.beside()?;
        let made = self.make(&beside.path, &facts, progress).and_then(|()| {
            let failed = |e| Error::io_at("rename the copy to", self.path, e);
            OsVfs.rename_new(&beside.path, self.path).map_err(failed)?;
            OsVfs.sync_dir_of(self.path).map_err(failed)
        });
        made?;
        let mut copy = self.options.clone().open(self.path)?;
        let mut pulled = Pulled {
            new_copies: 1,
            ..Pulled::default()
        };
        let wish = PullWish::default();
        loop {
            let end = self.source.durable_position()?.index;
            match self.take_entries(&copy, end, &wish, &mut pulled, progress) {
                // A bulk import, or a source that keeps no old log.
                Err(Error::NotRetained { .. }) if pulled.new_copies < NEW_COPIES => {
                    (copy, _) = self.reseed(copy, false, progress)?;
                    pulled.new_copies += 1;
                }
                done => {
                    done?;
                    break;
                }
            }
        }
        drop(kept);
        pulled.source_index = self.source.position()?.index;
        Ok((copy, pulled))
    }
}

fn left(limit: Option<u64>, done: u64) -> Option<u64> {
    limit.map(|limit| limit.saturating_sub(done))
}

/// What may still be read.
struct Limit {
    end: u64,
    entries: Option<u64>,
    bytes: Option<u64>,
}

impl Limit {
    /// Reads up to the end or a limit. `give` is false once nobody takes any more.
    fn read(mut self, mut reader: LogReader, give: &mut dyn FnMut(Result<Vec<u8>>) -> bool) {
        loop {
            let at = reader.position().index;
            let all = self.end.saturating_sub(at);
            let most = self.entries.map_or(all, |left| left.min(all));
            if most == 0 || self.bytes == Some(0) {
                return;
            }
            let counted = most < COUNTED as u64 || self.entries.is_some();
            let entries = if counted {
                most.min(COUNTED as u64)
            } else {
                most
            };
            let bytes = self
                .bytes
                .map_or(BATCH as u64, |left| left.min(BATCH as u64));
            let entries = usize::try_from(entries).unwrap_or(usize::MAX);
            let batch = reader.read(entries, usize::try_from(bytes).unwrap_or(BATCH));
            let (len, failed) = (batch.as_ref().map_or(0, Vec::len) as u64, batch.is_err());
            if len == 0 && !failed {
                return; // durable entries end here
            }
            let read = reader.position().index - at;
            self.entries = self.entries.map(|left| left.saturating_sub(read));
            self.bytes = self.bytes.map(|left| left.saturating_sub(len));
            if !give(batch) || failed {
                return;
            }
        }
    }
}

fn apply_all(
    copy: &Db,
    batches: &Receiver<Result<CheckedEntries>>,
    pulled: &mut Pulled,
    progress: &dyn Progress,
) -> Result<()> {
    while let Ok(batch) = batches.recv() {
        let batch = batch?;
        let applied = copy.apply_checked(&batch)?;
        pulled.entries += applied.applied;
        pulled.bytes += batch.bytes().len() as u64;
        progress.report(pulled.bytes, None);
        if progress.stopped() {
            return Err(Error::Interrupted);
        }
    }
    Ok(())
}
