//! What workloads do with an open database, and how the books follow.

use std::sync::Arc;

use creel::sys::Vfs;
use creel::{
    BackupOptions, Batch, BulkReport, CheckpointOptions, CompactOptions, Db, Error, NoProgress,
    SyncMode,
};

use super::excuses::Failing;
use super::marks::{Books, marked};
use super::model::{Change, Content};
use super::stepwise::Stepwise;
use super::world::{Handle, Outcome, PATH, World, matching};

type Rows<'e> = Box<dyn Iterator<Item = creel::Result<(&'e [u8], &'e [u8])>> + 'e>;

impl World {
    pub fn put(&self, handle: &Handle, key: &str, value: Vec<u8>) -> Outcome {
        self.commit(handle, &Change::put(key, value))
    }

    pub fn commit(&self, handle: &Handle, change: &Change) -> Outcome {
        match self.try_commit(handle, change)? {
            true => Ok(()),
            false => Err("commit finds the lock taken".into()),
        }
    }

    /// The change as a batch that has conditions too.
    pub fn commit_batch(&self, handle: &Handle, change: &Change, batch: Batch) -> Outcome {
        match self.try_batch(handle, change, batch)? {
            true => Ok(()),
            false => Err("commit finds the lock taken".into()),
        }
    }

    /// For a commit by another process that may find the lock taken: false where it did.
    pub fn try_commit(&self, handle: &Handle, change: &Change) -> Outcome<bool> {
        self.try_batch(handle, change, change.batch())
    }

    fn try_batch(&self, handle: &Handle, change: &Change, batch: Batch) -> Outcome<bool> {
        self.begin(handle, 1);
        let result = handle.db.write(batch);
        let mut books = self.books();
        books.promise.open -= 1;
        match result {
            Ok(commit) => {
                let index = commit.token.index;
                self.note(&mut books, handle, index, |content| content.after(change))?;
            }
            Err(Error::Busy { .. }) => return Ok(false),
            Err(e) => {
                if is_unknown(&e) {
                    books.doubt(change);
                }
                self.failed(&mut books, handle, "commit", e)?;
            }
        }
        Ok(true)
    }

    /// Changes that share a write, as those of threads that wait together do; each is a commit.
    pub fn commit_together(&self, handle: &Handle, changes: &[Change]) -> Outcome {
        self.begin(handle, changes.len() as u64);
        let batches = changes.iter().map(Change::batch).collect();
        let results = handle.db.write_all(batches);
        let mut books = self.books();
        books.promise.open -= changes.len() as u64;
        let (mut lost, mut contents) = (None, Vec::new());
        for (change, result) in changes.iter().zip(results) {
            match (result, &lost) {
                (Ok(commit), None) => {
                    let index = commit.token.index;
                    self.note(&mut books, handle, index, |content| content.after(change))?;
                }
                (Ok(_), Some(e)) => return Err(format!("a commit behind one that failed: {e}")),
                (Err(e), _) => {
                    let before = contents.last().cloned().unwrap_or_else(|| books.last());
                    contents.push(Arc::new(before.after(change)));
                    lost.get_or_insert(e);
                }
            }
        }
        let Some(e) = lost else { return Ok(()) };
        if is_unknown(&e) {
            // Any part of it from its beginning may be there.
            books.doubt_entries(&contents);
        }
        self.failed(&mut books, handle, "commit", e)
    }

    pub fn checkpoint(&self, handle: &Handle) -> Outcome {
        let before = self.begin(handle, 0);
        let done = handle
            .db
            .checkpoint(&CheckpointOptions::default(), &NoProgress);
        let mut books = self.books();
        match done {
            Ok(report) => self.synced(&mut books, handle, before, report.done),
            Err(e) => self.failed(&mut books, handle, "checkpoint", e),
        }
    }

    /// Gives the log more room without folding it.
    pub fn widen_log(&self, handle: &Handle, bytes: u64) -> Outcome {
        let before = self.begin(handle, 0);
        let done = handle.db.widen_log(bytes);
        let mut books = self.books();
        match done {
            Ok(_) => self.synced(&mut books, handle, before, false),
            Err(e) => self.failed(&mut books, handle, "more room", e),
        }
    }

    /// Copies the database and puts the copy in its place.
    pub fn replace_by_copy(&self, handle: Handle) -> Outcome<Option<Handle>> {
        self.begin(&handle, 0);
        let (done, sync) = (
            handle.db.copy_dense("copy".as_ref(), &NoProgress),
            handle.sync,
        );
        if let Err(e) = done {
            self.failed(&mut self.books(), &handle, "copy", e)?;
            return Ok(None);
        }
        drop(handle);
        let disk = self.disk();
        let renamed = disk
            .rename("copy".as_ref(), PATH.as_ref())
            .and_then(|()| disk.sync_dir_of(PATH.as_ref()));
        match renamed {
            Ok(()) => self.open(sync).map(Some),
            Err(e) if self.tolerant => {
                // Which of the two has the name after a power loss, nobody knows.
                self.books().promise.lossy = true;
                Err(self.stop(format!("{e:?}")))
            }
            Err(e) => Err(format!("the copy takes no place: {e}")),
        }
    }

    /// Makes a backup and puts it in the place of the database: commits that came meanwhile are
    /// gone with the file that has them.
    pub fn replace_by_backup(&self, handle: Handle) -> Outcome {
        let made = handle
            .db
            .backup("copy".as_ref(), &BackupOptions::default(), &NoProgress);
        let index = match made {
            Ok(report) => report.token.index,
            Err(e) => return self.failed(&mut self.books(), &handle, "backup", e),
        };
        drop(handle);
        // From the rename on, either file may be found.
        self.books().promise.acked = index;
        let disk = self.disk();
        let renamed = disk
            .rename("copy".as_ref(), PATH.as_ref())
            .and_then(|()| disk.sync_dir_of(PATH.as_ref()));
        match renamed {
            Ok(()) => {}
            Err(e) if self.tolerant => {
                self.books().promise.lossy = true;
                return Err(self.stop(format!("{e:?}")));
            }
            Err(e) => return Err(format!("the backup takes no place: {e}")),
        }
        let handle = self.open(SyncMode::Full)?;
        match self.settle(&handle, index) {
            Ok(_) => Ok(()),
            Err(text) if text.contains("reading fails") => Err(self.stop(text)),
            Err(text) => Err(text),
        }
    }

    pub fn compact(&self, handle: &Handle) -> Outcome {
        let before = self.begin(handle, 0);
        let done = handle.db.compact(&CompactOptions::default(), &NoProgress);
        let mut books = self.books();
        match done {
            Ok(_) => self.synced(&mut books, handle, before, true),
            Err(e) => self.failed(&mut books, handle, "compact", e),
        }
    }

    /// Loads entries, sorted by key, into a keyspace.
    pub fn bulk(
        &self,
        handle: &Handle,
        keyspace: &'static str,
        entries: &[(String, Vec<u8>)],
    ) -> Outcome {
        self.load(handle, keyspace, entries, |rows| {
            handle.db.bulk_load(keyspace, rows, &NoProgress)
        })
    }

    /// Loads entries in any order, with as little memory as there may be.
    pub fn bulk_unsorted(
        &self,
        handle: &Handle,
        keyspace: &'static str,
        entries: &[(String, Vec<u8>)],
    ) -> Outcome {
        self.load(handle, keyspace, entries, |rows| {
            handle.db.bulk_load_unsorted(keyspace, rows, 1, &NoProgress)
        })
    }

    fn load<'e>(
        &self,
        handle: &Handle,
        keyspace: &'static str,
        entries: &'e [(String, Vec<u8>)],
        load: impl FnOnce(Rows<'e>) -> creel::Result<BulkReport>,
    ) -> Outcome {
        let mut change = Change::default();
        for (key, value) in entries {
            change = change.and_put(keyspace, key, value.clone());
        }
        let rows = entries
            .iter()
            .map(|(k, v)| Ok((k.as_bytes(), v.as_slice())));
        self.in_bulk(handle, &change, || load(Box::new(rows)))
    }

    /// Makes a change as a bulk step.
    pub fn bulk_step(&self, handle: &Handle, change: &Change) -> Outcome {
        self.in_bulk(handle, change, || {
            let make = |_: &creel::Snapshot, keyspaces| Ok(Stepwise::new(change, keyspaces));
            handle.db.bulk_step(make, &NoProgress)
        })
    }

    fn in_bulk(
        &self,
        handle: &Handle,
        change: &Change,
        act: impl FnOnce() -> creel::Result<BulkReport>,
    ) -> Outcome {
        self.begin(handle, 1);
        let done = act();
        let mut books = self.books();
        books.promise.open -= 1;
        match done {
            Ok(report) => {
                let index = report.token.index;
                self.note(&mut books, handle, index, |content| content.after(change))?;
                self.synced(&mut books, handle, index, true)
            }
            Err(e) => {
                if !matches!(e, Error::Poisoned) {
                    books.doubt(change);
                }
                self.failed(&mut books, handle, "bulk step", e)
            }
        }
    }

    pub fn begin(&self, handle: &Handle, commits: u64) -> u64 {
        let mut books = self.books();
        books.promise.open += commits;
        books.promise.lossy |= handle.sync == SyncMode::Off;
        books.promise.done
    }

    /// For commits that were made by other means than a handle.
    pub fn note_raw(&self, index: u64, change: &Change) -> Outcome {
        let mut books = self.books();
        self.place(&mut books, None, index, |content| content.after(change))?;
        books.promise.acked = index;
        Ok(())
    }

    pub fn note(
        &self,
        books: &mut Books,
        handle: &Handle,
        index: u64,
        change: impl Fn(&Content) -> Content,
    ) -> Outcome {
        if *handle.refuses.lock().unwrap() {
            return Err(format!(
                "commit {index} by a handle whose last write failed"
            ));
        }
        self.place(books, Some(&handle.db), index, change)?;
        if handle.sync == SyncMode::Full {
            books.promise.acked = index;
            books.promise.lossy = false;
        }
        Ok(())
    }

    pub fn place(
        &self,
        books: &mut Books,
        db: Option<&Db>,
        index: u64,
        change: impl Fn(&Content) -> Content,
    ) -> Outcome {
        let mut all = books.all();
        let expected = books.history().len() as u64;
        let marks = books.promise.marks > 0;
        for history in &mut all {
            // A checkpoint came in between, and left its marker.
            if marks && history.len() as u64 + 1 == index {
                *history = marked(std::mem::take(history));
            }
        }
        if !self.tolerant {
            if index != expected && !(marks && index == expected + 1) {
                return Err(format!("a commit got index {index} instead of {expected}"));
            }
            all.truncate(1);
        }
        // Where syncs fail, commits that were not durable yet may be gone, and others be there.
        let acked = books.promise.acked;
        all.retain(|history| history.len() as u64 >= index && index > acked);
        for history in &mut all {
            history.truncate(index as usize);
            let next = change(history.last().unwrap());
            history.push(Arc::new(next));
        }
        all.dedup();
        let history = match (all.len(), db) {
            (0, _) => return Err(format!("a commit got index {index}; {acked} are durable")),
            (1, _) | (_, None) => all.swap_remove(0),
            (_, Some(db)) => matching(&all, index, db)?,
        };
        books.decide(history);
        Ok(())
    }

    /// A checkpoint, more room for the log, or the header of a bulk step: durable, as all before it is.
    fn synced(&self, books: &mut Books, handle: &Handle, index: u64, whole: bool) -> Outcome {
        if *handle.refuses.lock().unwrap() {
            return Err("it succeeds by a handle whose last write failed".into());
        }
        if handle.sync != SyncMode::Off {
            books.promise.acked = books.promise.acked.max(index);
            books.promise.lossy &= !whole;
        }
        let newest = handle.db.snapshot().map(|s| s.token().index);
        if books.promise.marks > 0 && newest.is_ok_and(|at| at == books.promise.done + 1) {
            let at = books.promise.done + 1;
            self.place(books, Some(&handle.db), at, Content::clone)?;
        }
        Ok(())
    }

    pub fn failed(&self, books: &mut Books, handle: &Handle, what: &str, e: Error) -> Outcome {
        if !self.tolerant {
            return Err(format!("{what} fails: {e} ({e:?})"));
        }
        let text = format!("{e:?}");
        let follows = |failing: Failing| books.errors > 0 && failing.follows(&text);
        if !self.excuses(&text) && !self.failing.is_some_and(follows) {
            return Err(format!(
                "{what} fails, but not as its calls do: {e} ({e:?})"
            ));
        }
        let no_space = |e: &Error| match e {
            Error::Io { source, doing, .. } => {
                let log = [
                    "write the log",
                    "sync the log",
                    "switch the log",
                    "write the header",
                ];
                source.kind() == std::io::ErrorKind::StorageFull && !log.contains(doing)
            }
            _ => false,
        };
        let mut usable = handle.usable.lock().unwrap();
        if *usable && matches!(e, Error::Poisoned) {
            return Err(format!("{what} is refused after a mere want of space"));
        }
        let mut refuses = handle.refuses.lock().unwrap();
        *refuses |= matches!(e, Error::OutcomeUnknown { .. });
        *usable = no_space(&e) && !*refuses;
        books.errors += 1;
        Ok(())
    }
}

/// Whether what failed may be there all the same.
fn is_unknown(e: &Error) -> bool {
    match e {
        Error::OutcomeUnknown { .. } => true,
        Error::Io { doing, .. } => *doing == "write the log",
        _ => false,
    }
}
