//! What may be found after a crash at one moment: kept up to date while a workload runs.

use std::sync::{Arc, Mutex};

use super::model::{Content, History};

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
    /// Somebody wrote with `sync off`, and nobody has made that good yet.
    pub lossy: bool,
    /// Which history the indexes belong to; a crash within a workload begins another one.
    pub era: usize,
}

impl Promise {
    /// The last commit that may be there.
    pub fn begun(&self) -> u64 {
        self.done + self.open
    }
}

/// The books of one workload.
#[derive(Debug, Default)]
pub struct Books {
    pub promise: Promise,
    pub eras: Vec<History>,
    /// A commit that failed with its outcome unknown: the content if it is there.
    pub maybe: Option<Arc<Content>>,
    pub violations: Vec<String>,
}

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

    /// A crash left the first `n` commits: from here on, indexes above belong to others.
    pub fn rewind(&mut self, n: u64) {
        let history = self.history()[..=n as usize].to_vec();
        self.eras.push(history);
        self.promise.era += 1;
        self.promise.done = n;
        self.promise.acked = n;
        self.promise.open = 0;
        self.promise.lossy = false;
        self.maybe = None;
    }
}

/// Shared between the workload, its hooks and the observer.
pub type SharedBooks = Arc<Mutex<Books>>;
