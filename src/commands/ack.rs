//! When a write counts as done: here, on copies, in the object store.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use creel::replica::acks::Acks;
use creel::replica::store::{
    Patience, Publishing, Settled, SnapshotOptions, StoreFailure, upload_snapshot,
};
use creel::{Commit, Db, Progress};

use super::replicate::store::{PatienceArg, failure, open_chain};
use crate::cli::{Failure, codes, report, signals, units};

/// One wait for copies; then it is looked whether the command should end.
const TURN: Duration = Duration::from_secs(1);
/// A look at the end of the chain counts for so long.
const FRESH: Duration = Duration::from_secs(1);

/// What is waited for besides the device of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ack {
    /// So many copies have it durably.
    replicas: usize,
    /// The object store has it.
    published: bool,
}

impl FromStr for Ack {
    type Err = String;

    fn from_str(text: &str) -> Result<Ack, String> {
        let mut ack = Ack::default();
        for part in text.split('+') {
            match (part, part.strip_prefix("replica:")) {
                ("local", _) => {}
                ("published", _) => ack.published = true,
                (_, Some(count)) => {
                    let count = count.parse().ok().filter(|n| (1..=64).contains(n));
                    ack.replicas = count.ok_or("replica:N with N from 1 to 64")?;
                }
                _ => return Err("local, replica:N, published or published+replica:N".to_owned()),
            }
        }
        Ok(ack)
    }
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.published, self.replicas) {
            (false, 0) => f.write_str("local"),
            (true, 0) => f.write_str("published"),
            (false, n) => write!(f, "replica:{n}"),
            (true, n) => write!(f, "published+replica:{n}"),
        }
    }
}

/// What to do when copies do not confirm in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnTimeout {
    /// The outcome is not known: exit 14
    Fail,
    /// It counts as done, with a message
    Degrade,
    /// Go on waiting
    Wait,
}

/// When a write is done.
#[derive(Debug, Clone, Args)]
pub struct AckArgs {
    /// Done when: local, replica:N (N copies that follow `replicate serve` have it), published
    /// (the store of `replicate serve --publish` has it), or published+replica:N
    #[arg(long, value_name = "WHEN", default_value_t)]
    ack: Ack,
    /// How long to wait for copies and store; then the outcome is not known, exit 14
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::duration)]
    ack_timeout: Duration,
    /// What to do when copies do not confirm in time: fail, degrade or wait
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "fail",
        hide_possible_values = true
    )]
    on_ack_timeout: OnTimeout,
}

/// A database whose commits are to be confirmed by others before they count.
pub struct Confirm {
    publishing: Option<Publishing>,
    copies: Option<Copies>,
    timeout: Duration,
    /// When the end of the chain was looked at, where nothing was written since.
    looked: Option<Instant>,
}

/// Copies that are waited for.
struct Copies {
    acks: Acks,
    wanted: usize,
    on_timeout: OnTimeout,
}

impl AckArgs {
    /// Looks at the end of the chain, and for the server, before anything is written; [`None`] where
    /// nothing is waited for.
    pub fn prepare(&self, db: &Db) -> Result<Option<Confirm>, Failure> {
        if self.ack == Ack::default() {
            return Ok(None);
        }
        Ok(Some(Confirm {
            publishing: self
                .ack
                .published
                .then(|| self.publishing(db))
                .transpose()?,
            copies: (self.ack.replicas > 0)
                .then(|| self.copies(db))
                .transpose()?,
            timeout: self.ack_timeout,
            looked: Some(Instant::now()),
        }))
    }

    fn publishing(&self, db: &Db) -> Result<Publishing, Failure> {
        let address = db.facts()?.publish;
        if address.is_empty() {
            return Err(Failure::usage("this database is published nowhere").hint(
                "creel replicate serve DB --publish STORE, or creel replicate snapshot DB --to STORE, begins it",
            ));
        }
        let patience = PatienceArg {
            store_timeout: self.ack_timeout,
        };
        let chain = open_chain(&address, &patience)?;
        let publishing = Publishing::open(db, chain, &mut patience.start());
        publishing.map_err(failure).map_err(unchanged)
    }

    fn copies(&self, db: &Db) -> Result<Copies, Failure> {
        let text = "nobody serves this database, so no copy can confirm";
        let nobody = Failure::new(&codes::UNREACHABLE, text)
            .state("nothing was changed")
            .hint("creel replicate serve DB --listen ADDR, and copies that follow it");
        match Acks::of(db)? {
            Some(Ok(acks)) => Ok(Copies {
                acks,
                wanted: self.ack.replicas,
                on_timeout: self.on_ack_timeout,
            }),
            Some(Err(error)) => Err(nobody.cause(error.to_string())),
            None => Err(nobody),
        }
    }
}

fn unchanged(failure: Failure) -> Failure {
    failure.state("nothing was changed")
}

impl Confirm {
    /// Right before a commit: is this copy still the primary?
    pub fn look(&mut self) -> Result<(), Failure> {
        if self.looked.take().is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let Some(publishing) = &mut self.publishing else {
            return Ok(());
        };
        let mut pace = Patience::new(Some(self.timeout), &signals::stopped);
        publishing.look(&mut pace).map_err(failure)
    }

    /// Right after it: waits until store and copies have it.
    pub fn settle(&mut self, commit: &Commit) -> Result<(), Failure> {
        self.publish(commit)?;
        match &mut self.copies {
            Some(copies) => copies.wait(commit, self.timeout),
            None => Ok(()),
        }
    }

    /// The same behind a bulk step. Its entry says nothing of what was loaded: the store has that
    /// once it has a snapshot, copies once they were made anew.
    pub fn settle_load(
        &mut self,
        db: &Db,
        commit: &Commit,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        self.publish(commit)?;
        if let Some(publishing) = &mut self.publishing {
            let mut pace = Patience::new(Some(self.timeout), &signals::stopped);
            let options = SnapshotOptions::default();
            let made = upload_snapshot(db, publishing, &options, &mut pace, progress);
            made.map_err(|cause| {
                let text = "the store has no snapshot of what was loaded";
                unconfirmed(text, &cause, commit)
                    .hint("creel replicate snapshot DB --to STORE makes it; then it counts")
            })?;
        }
        match &mut self.copies {
            Some(copies) => copies.wait(commit, self.timeout),
            None => Ok(()),
        }
    }

    /// At the end of a command. Nothing of it depends on what the file remembers.
    pub fn finish(self) {
        if let Some(publishing) = &self.publishing {
            let _ = publishing.remember_some();
        }
    }

    fn publish(&mut self, commit: &Commit) -> Result<(), Failure> {
        let Some(publishing) = &mut self.publishing else {
            return Ok(());
        };
        let mut pace = Patience::new(Some(self.timeout), &signals::stopped);
        let at = commit.position();
        let point = creel::format::entry::Point {
            index: at.index,
            epoch: at.epoch,
            history: commit.hash,
        };
        let receipt = commit.receipt();
        match publishing.settle(&point, &mut pace) {
            Ok(Settled::Published) => Ok(()),
            Ok(Settled::Refused(by)) => {
                let text = format!("epoch {} has begun without this commit", by.epoch);
                Err(Failure::new(&codes::FENCED, text)
                    .state(format!("{receipt} stands in this file only, and does not count"))
                    .hint("creel replicate rejoin DB --from STORE saves it and follows the new primary")
                    .detail("token", receipt.to_string()))
            }
            Err(cause) => {
                let text = "the commit was not confirmed by the store in time";
                Err(unconfirmed(text, &cause, commit))
            }
        }
    }
}

impl Copies {
    fn wait(&mut self, commit: &Commit, timeout: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            let left = match self.on_timeout {
                OnTimeout::Wait => TURN,
                _ => timeout.saturating_sub(begun.elapsed()),
            };
            let turn = left.min(TURN);
            let answer = self.acks.wait(commit, self.wanted, turn);
            let (holders, cause) = match answer {
                Ok(holders) if holders.holders >= self.wanted => return Ok(()),
                Ok(holders) => (holders.holders, holders.refused),
                Err(error) => (0, Some(format!("the server is gone: {error}"))),
            };
            let over = left.is_zero() && self.on_timeout != OnTimeout::Wait;
            if over && cause.is_none() && self.on_timeout == OnTimeout::Degrade {
                self.acks.degraded();
            }
            if cause.is_none() && !over && !signals::stopped() {
                continue;
            }
            return self.too_few(commit, holders, cause);
        }
    }

    fn too_few(
        &self,
        commit: &Commit,
        holders: usize,
        cause: Option<String>,
    ) -> Result<(), Failure> {
        let receipt = commit.receipt().to_string();
        let wanted = self.wanted;
        let text = format!("{holders} of {wanted} copies have confirmed the commit");
        if self.on_timeout == OnTimeout::Degrade && !signals::stopped() {
            report::stderr(&format!("warning: {text}; it is durable here\n"));
            return Ok(());
        }
        let failure = Failure::new(&codes::NOT_CONFIRMED, text)
            .state(format!(
                "{receipt} is committed here; copies may get it yet, or it may be lost in a fail-over"
            ))
            .hint(asks_primary(&receipt))
            .detail("token", receipt)
            .detail("holders", holders)
            .detail("wanted", wanted);
        Err(match cause {
            Some(cause) => failure.cause(cause),
            None => failure,
        })
    }
}

fn unconfirmed(text: &str, cause: &StoreFailure, commit: &Commit) -> Failure {
    let receipt = commit.receipt().to_string();
    Failure::new(&codes::NOT_CONFIRMED, text)
        .cause(cause.to_string())
        .state(format!(
            "{receipt} is committed here; it may be published yet, or be lost in a fail-over"
        ))
        .hint(asks_primary(&receipt))
        .detail("token", receipt)
}

/// What tells later; who knows the key puts it in.
fn asks_primary(receipt: &str) -> String {
    format!(
        "creel get DB KEY --wait-for {receipt} at the new primary tells whether it has the commit"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_read_as_it_is_written() {
        for text in ["local", "replica:2", "published", "published+replica:1"] {
            assert_eq!(text.parse::<Ack>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "replica",
            "replica:0",
            "replica:x",
            "publish",
            "published,local",
        ] {
            assert!(bad.parse::<Ack>().is_err(), "{bad}");
        }
    }
}
