//! What a run checks, and how often each held.

use serde::{Deserialize, Serialize};

macro_rules! checks {
    ($($id:ident $name:literal $kind:ident $text:literal;)*) => {
        /// One invariant of a run.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[allow(missing_docs)] // each is described by its `text()`
        pub enum Check { $($id),* }

        impl Check {
            /// All of them.
            pub const ALL: &'static [Check] = &[$(Check::$id),*];

            /// The name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Check::$id => $name),* }
            }

            /// What has to hold.
            pub const fn text(self) -> &'static str {
                match self { $(Check::$id => $text),* }
            }

            /// What a failure means for the verdict.
            pub const fn kind(self) -> Kind {
                match self { $(Check::$id => Kind::$kind),* }
            }
        }
    };
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Contents or protocol are wrong.
    Invariant,
    /// Too much of something was used.
    Resource,
    /// It was too slow.
    Performance,
}

checks! {
    Work "work" Invariant
        "operations were done";
    Calls "calls" Invariant
        "no call fails without a reason";
    Acknowledged "acknowledged" Invariant
        "every acknowledged commit is there after reopening, a kill or a fault";
    InFlight "in-flight" Invariant
        "at most the one commit in flight is there beyond those";
    Contents "contents" Invariant
        "keys, order and values are those that were written";
    Reads "reads" Invariant
        "reads of keys, ranges and prefixes give the last commit, and nothing of an open batch";
    Conditions "conditions" Invariant
        "a compare-and-set goes through exactly where its condition holds";
    Positions "positions" Invariant
        "positions of commits rise by one";
    Snapshots "snapshots" Invariant
        "a snapshot held across checkpoints and compactions does not change";
    Readers "readers" Invariant
        "nor does one in another process";
    Compaction "compaction" Invariant
        "a dense copy holds the same";
    Verify "verify" Invariant
        "verify finds nothing";
    Faults "faults" Invariant
        "every injected fault is harmless or reported";
    Digest "digest" Invariant
        "the content digest at the end is that of what was written";
    Prefix "prefix" Invariant
        "a replica holds a prefix of the primary's history, whole commits only";
    Replicas "replicas" Invariant
        "replicas at the same position have the same digest, which is the primary's at it";
    Fence "fence" Invariant
        "after a promotion the old primary is refused, without asking anybody before, and its file is unchanged";
    Promotion "promotion" Invariant
        "a promotion takes over exactly what the replica had, and begins a new epoch";
    Loss "loss" Invariant
        "a lossy promotion states exactly the commits that are lost";
    Reseed "reseed" Invariant
        "a replica that cannot go on says so, and a reseed while the primary writes makes it whole";
    Retention "retention" Invariant
        "nothing is deleted that a replica within the limits still needs";
    Lag "lag" Invariant
        "a replica that pulls catches up";
    Memory "memory" Resource
        "memory does not grow";
    Descriptors "descriptors" Resource
        "open files do not become more";
    FileSize "file-size" Resource
        "the file stays in proportion to what it holds";
    LogSize "log-size" Resource
        "the log stays within its limit";
    Recovery "recovery" Resource
        "opening the database takes no longer than its bound";
    Behind "behind" Resource
        "no replica is further behind than its bound";
    Throughput "throughput" Performance
        "as many operations in a second as the baseline allows";
    Latency "latency" Performance
        "commits as fast as the baseline allows";
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Which one.
    pub check: Check,
    /// The operation (or cycle) before which it was seen.
    pub operation: u64,
    /// What was seen.
    pub detail: String,
}

/// How often checks held, and what failed.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    passed: Vec<u64>,
    broken: Vec<Broken>,
}

/// Of one check, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Which one.
    pub check: Check,
    /// How often it held.
    pub passed: u64,
    /// How often not.
    pub failed: u64,
}

impl Ledger {
    /// It held once more.
    pub fn pass(&mut self, check: Check) {
        self.pass_times(check, 1);
    }

    /// It held so many times more.
    pub fn pass_times(&mut self, check: Check, times: u64) {
        let at = check as usize;
        if self.passed.len() <= at {
            self.passed.resize(at + 1, 0);
        }
        if let Some(count) = self.passed.get_mut(at) {
            *count += times;
        }
    }

    /// It did not hold.
    pub fn fail(&mut self, broken: Broken) {
        self.broken.push(broken);
    }

    /// What failed.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// How often any check held.
    pub fn total(&self) -> u64 {
        self.passed.iter().sum()
    }

    /// How often a check held.
    pub fn passed(&self, check: Check) -> u64 {
        self.passed.get(check as usize).copied().unwrap_or(0)
    }

    /// Adds what another part of the run has found.
    pub fn merge(&mut self, other: &Ledger) {
        for check in Check::ALL {
            self.pass_times(*check, other.passed(*check));
        }
        self.broken.extend(other.broken.iter().cloned());
    }

    /// The checks that were made.
    pub fn standings(&self) -> Vec<Standing> {
        let of = |check: &Check| {
            let failed = self.broken.iter().filter(|b| b.check == *check).count() as u64;
            Standing {
                check: *check,
                passed: self.passed(*check),
                failed,
            }
        };
        let made = Check::ALL.iter().map(of);
        made.filter(|s| s.passed + s.failed > 0).collect()
    }
}

/// Why a run stops early.
#[derive(Debug)]
pub enum Halt {
    /// A check failed.
    Broken(Broken),
    /// A call of the engine failed: what was being done, and the error.
    Engine(&'static str, crate::error::Error),
    /// The user wants it to end.
    Interrupted,
    /// It could not be set up, or its own files fail.
    Setup(crate::error::Error),
}

/// What steps of a run return.
pub type Step<T = ()> = std::result::Result<T, Halt>;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn counters_rise_and_names_are_unique() {
        let mut ledger = Ledger::default();
        ledger.pass(Check::Reads);
        ledger.pass_times(Check::Reads, 2);
        ledger.fail(Broken {
            check: Check::Memory,
            operation: 4,
            detail: "grows".into(),
        });
        let standings = ledger.standings();
        let counts: Vec<_> = standings
            .iter()
            .map(|s| (s.check, s.passed, s.failed))
            .collect();
        assert_eq!(counts, [(Check::Reads, 3, 0), (Check::Memory, 0, 1)]);
        let mut other = Ledger::default();
        other.merge(&ledger);
        assert_eq!(other.standings(), standings);
        let mut names: Vec<_> = Check::ALL.iter().map(|c| c.name()).collect();
        for check in Check::ALL {
            assert_eq!(crate::soak::text::name(check), check.name());
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Check::ALL.len());
    }
}
