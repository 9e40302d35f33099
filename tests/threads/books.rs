//! What the threads of one schedule did and saw, and what must hold at its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use creel::{Commit, Db, Error, OpenOptions, Snapshot, SyncMode};

use super::model::{Change, Content, Op};
use super::support::sim::{CrashChoice, SimDisk, SimDiskSnapshot};
use super::{Outcome, PATH};

/// A key whose value is as long as its number.
pub const COUNT: &[u8] = b"count";

/// Shared by the threads. Its lock is nowhere kept while the schedule turns.
#[derive(Debug, Default, Clone)]
pub struct Books(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    /// By index: what was committed and confirmed, and in which epoch.
    commits: BTreeMap<u64, (u32, Change)>,
    /// What somebody was told that he may not know the outcome of.
    open: Vec<Change>,
    /// There may be entries that nobody asked for and that change nothing: a primary's markers.
    markers: bool,
    seen: Vec<(u64, Content)>,
    /// The disk at some moment, with the number of the commits that were confirmed by then.
    cuts: Vec<(u64, SimDiskSnapshot)>,
}

pub fn told(what: &'static str) -> impl Fn(Error) -> String {
    move |e| format!("{what}: {e} ({e:?})")
}

impl Books {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap()
    }

    /// What there was before, in epoch 1.
    pub fn begin(&self, changes: impl IntoIterator<Item = Change>) {
        let indexed = (1..).zip(changes.into_iter().map(|change| (1, change)));
        self.lock().commits.extend(indexed);
    }

    /// Checkpoints may have put markers into the log.
    pub fn expect_markers(&self) {
        self.lock().markers = true;
    }

    /// A commit was confirmed.
    pub fn confirm(&self, commit: &Commit, change: Change) -> Outcome {
        let index = commit.token.index;
        let entry = (commit.token.epoch, change);
        match self.lock().commits.insert(index, entry) {
            None => Ok(()),
            Some(_) => Err(format!("two commits have index {index}")),
        }
    }

    /// A commit failed: it may be there or not.
    pub fn leave_open(&self, change: Change) {
        self.lock().open.push(change);
    }

    /// Reads a snapshot twice; it has not changed.
    pub fn look(&self, snapshot: &Snapshot) -> Outcome {
        let index = snapshot.token().index;
        let first = Content::of_snapshot(snapshot)?;
        if first != Content::of_snapshot(snapshot)? {
            return Err(format!("a snapshot of commit {index} has changed"));
        }
        self.lock().seen.push((index, first));
        Ok(())
    }

    /// Keeps what the disk is like now.
    pub fn cut(&self, disk: &SimDisk) {
        let mut entries = self.lock();
        let confirmed = entries
            .commits
            .last_key_value()
            .map_or(0, |(index, _)| *index);
        entries.cuts.push((confirmed, disk.snapshot()));
    }

    /// The contents after each commit.
    fn past(&self) -> Outcome<Past> {
        let mut history = vec![Content::default()];
        let (mut count, mut before) = (0, 0);
        let entries = self.lock();
        for (index, (epoch, change)) in &entries.commits {
            while entries.markers && (history.len() as u64) < *index {
                history.push(history[history.len() - 1].clone());
            }
            let n = history.len() - 1;
            if *index != history.len() as u64 {
                return Err(format!("no commit has index {}", history.len()));
            }
            if *epoch < before {
                return Err(format!(
                    "commit {index} is of epoch {epoch}, behind {before}"
                ));
            }
            before = *epoch;
            if let Some(next) = counted(change) {
                if next != count + 1 {
                    return Err(format!("who read {} put {next} behind {count}", next - 1));
                }
                count = next;
            }
            history.push(history[n].after(change));
        }
        let markers = entries.markers;
        Ok(Past { history, markers })
    }

    /// Where nothing failed: every reader saw what some commit left, all commits are there, and after a power
    /// cut those that had to be. Without syncs a cut may cost the file, as `SyncMode` says.
    pub fn judge(&self, disk: &Arc<SimDisk>, sync: SyncMode) -> Outcome {
        let past = self.past()?;
        let entries = self.lock();
        for (index, content) in &entries.seen {
            if past.at(*index) != Some(content) {
                return Err(format!("a reader of commit {index} saw something else"));
            }
        }
        past.last().compare(&open(disk, "in the end")?)?;
        if sync == SyncMode::Off {
            return Ok(());
        }
        let end = (entries.commits.len() as u64, disk.snapshot());
        for (seed, (confirmed, state)) in (0..).zip(entries.cuts.iter().chain([&end])) {
            let least = if sync == SyncMode::Full {
                *confirmed
            } else {
                0
            };
            for choice in [CrashChoice::None, CrashChoice::Random(seed)] {
                after_cut(&past, least, &state.fork_at_crash(&choice))
                    .map_err(|text| format!("after a power cut ({choice:?}): {text}"))?;
            }
        }
        Ok(())
    }

    /// Where calls failed and all keys are different: what was confirmed is there after a power cut, with what it
    /// was given, and nothing that nobody wrote.
    pub fn judge_failed(&self, disk: &Arc<SimDisk>) -> Outcome {
        let entries = self.lock();
        let mut confirmed = Content::default();
        let mut whole = Content::default();
        for (_, change) in entries.commits.values() {
            confirmed = confirmed.after(change);
            whole = whole.after(change);
        }
        for change in &entries.open {
            whole = whole.after(change);
        }
        let mut states: Vec<Arc<SimDisk>> = vec![disk.snapshot().fork_at_kill()];
        states.push(disk.fork_at_crash(&CrashChoice::None));
        states.push(disk.fork_at_crash(&CrashChoice::Random(1)));
        for state in states {
            let found = Content::of(&open(&state, "in the end")?)?;
            confirmed.is_part_of(&found)?;
            found.is_part_of(&whole)?;
        }
        Ok(())
    }
}

/// The contents after each commit, from the empty database on.
struct Past {
    history: Vec<Content>,
    markers: bool,
}

impl Past {
    fn last(&self) -> &Content {
        &self.history[self.history.len() - 1]
    }

    /// Markers may stand behind the last commit.
    fn at(&self, index: u64) -> Option<&Content> {
        let found = self.history.get(index as usize);
        found.or_else(|| self.markers.then(|| self.last()))
    }
}

/// What is there is what some commit left, and no earlier one than `least`.
fn after_cut(past: &Past, least: u64, disk: &Arc<SimDisk>) -> Outcome {
    let db = open(disk, "open")?;
    let index = db.snapshot().map_err(told("snapshot"))?.token().index;
    if index < least {
        return Err(format!("{least} commits were confirmed, {index} are there"));
    }
    past.at(index)
        .ok_or("there are more commits than were made")?
        .compare(&db)
}

/// The number that a commit puts in place of the one before.
fn counted(change: &Change) -> Option<usize> {
    change.0.iter().find_map(|(_, op)| match op {
        Op::Put(key, value) if key == COUNT => Some(value.len()),
        _ => None,
    })
}

fn open(disk: &Arc<SimDisk>, when: &'static str) -> Outcome<Db> {
    let options = OpenOptions::new().vfs(Arc::clone(disk) as _).mmap(false);
    let options = options.background_checkpoint(false).checkpoint_at(None);
    options.open(PATH).map_err(told(when))
}
