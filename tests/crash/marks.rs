//! What may be found after a crash at one moment: kept up to date while a workload runs.

use std::sync::{Arc, Mutex};

use super::model::{Change, Content, History};

/// The promises made so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Promise {
    /// The file was created (its directory is synced).
    pub created: bool,
    /// The last commit that must survive a power loss.
    pub acked: u64,
    /// The last commit that any process was told is done.
    pub done: u64,
    /// Commits begun and not finished.
    pub open: u64,
    /// Commits that failed and may be there.
    pub doubtful: u64,
    /// 1 where checkpoints of a primary may have added a marker, an entry without effect.
    pub marks: u64,
    /// Somebody wrote with `sync off`, and nobody has made that good yet.
    pub lossy: bool,
    /// Which history the indexes belong to; a crash within a workload begins another one.
    pub era: usize,
}

impl Promise {
    /// The last commit that may be there.
    pub fn begun(&self) -> u64 {
        self.done + self.open + self.doubtful + self.marks
    }
}

/// The books of one workload.
#[derive(Debug, Default)]
pub struct Books {
    pub promise: Promise,
    pub eras: Vec<History>,
    /// Other histories that are as good as the present one: with commits in them that failed
    /// with their outcome unknown.
    pub others: Vec<History>,
    pub violations: Vec<String>,
    /// Calls of the engine that failed where they were made to.
    pub errors: usize,
}

/// More than a workload leaves open where handles refuse after a failure; most where nothing is synced.
const MOST_HISTORIES: usize = 8192;

impl Books {
    pub fn new(history: History) -> Books {
        let last = history.len() as u64 - 1;
        let promise = Promise {
            acked: last,
            done: last,
            ..Promise::default()
        };
        Books {
            promise,
            eras: vec![history],
            ..Books::default()
        }
    }

    pub fn history(&mut self) -> &mut History {
        &mut self.eras[self.promise.era]
    }

    /// Content after the last finished commit.
    pub fn last(&mut self) -> Arc<Content> {
        Arc::clone(self.history().last().unwrap())
    }

    /// A commit failed and nobody knows whether it is there, upon any state that there may be:
    /// a failed sync may have taken back what was not durable.
    pub fn doubt(&mut self, change: &Change) {
        let mut with: Vec<History> = self.all();
        let history = self.history().clone();
        with.extend(
            (self.promise.acked..self.promise.done).map(|n| history[..=n as usize].to_vec()),
        );
        // After a failure a handle refuses; only another one may try.
        let endless = with.len() > MOST_HISTORIES;
        assert!(!endless, "commits go on being tried after failures");
        for history in &mut with {
            let next = history.last().unwrap().after(change);
            history.push(Arc::new(next));
        }
        self.others.extend(with);
        self.recount();
    }

    /// Some of these entries, in this order, may be there.
    pub fn doubt_entries(&mut self, contents: &[Arc<Content>]) {
        for count in 1..=contents.len() {
            let mut history = self.history().clone();
            history.extend(contents.iter().take(count).cloned());
            self.others.push(history);
        }
        self.recount();
    }

    /// The present history and the others.
    pub fn all(&mut self) -> Vec<History> {
        let mut all = vec![self.history().clone()];
        all.extend(self.others.iter().cloned());
        all
    }

    /// The same, and each with a marker at its end where there may be one.
    pub fn all_marked(&mut self) -> Vec<History> {
        let mut all = self.all();
        if self.promise.marks > 0 {
            let marked = all.clone().into_iter().map(marked);
            all.extend(marked.collect::<Vec<_>>());
        }
        all
    }

    /// This is what happened.
    pub fn decide(&mut self, history: History) {
        self.promise.done = history.len() as u64 - 1;
        *self.history() = history;
        self.others.clear();
        self.recount();
    }

    fn recount(&mut self) {
        let longest = self.others.iter().map(Vec::len).max().unwrap_or(0) as u64;
        self.promise.doubtful = longest.saturating_sub(self.promise.done + 1);
    }

    /// A new file with other contents is about to take the name, at its own index.
    pub fn begin_anew(&mut self, content: Arc<Content>, index: u64) {
        self.eras.push(vec![content; index as usize + 1]);
        self.promise = Promise {
            acked: index,
            done: index,
            era: self.promise.era + 1,
            ..Promise::default()
        };
        self.others.clear();
    }

    /// A crash left the first `n` commits: from here on, indexes above belong to others.
    pub fn rewind(&mut self, n: u64) {
        let history = self.history()[..=n as usize].to_vec();
        self.eras.push(history);
        self.promise.era += 1;
        self.promise.done = n;
        self.promise.acked = n;
        self.promise.open = 0;
        self.promise.lossy = false;
        self.others.clear();
        self.recount();
    }
}

/// One more entry, which changes nothing.
pub fn marked(mut history: History) -> History {
    let last = history.last().map(Arc::clone);
    history.extend(last);
    history
}

/// Shared between the workload, its hooks and the observer.
pub type SharedBooks = Arc<Mutex<Books>>;
