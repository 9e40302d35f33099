//! When a write counts as done: here, or in the object store too.

use std::time::Duration;

use clap::{Args, ValueEnum};
use creel::replica::store::{Patience, Publishing, Settled, StoreFailure};
use creel::{Commit, Db};

use super::replicate::store::{PatienceArg, failure, open_chain};
use crate::cli::{Failure, codes, signals, units};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ack {
    /// The device of this machine has the commit
    Local,
    /// The object store has it too
    Published,
}

/// When a write is done.
#[derive(Debug, Clone, Args)]
pub struct AckArgs {
    /// Done when: local, or published (the store of `replicate serve --publish` has it)
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "local",
        hide_possible_values = true
    )]
    ack: Ack,
    /// For --ack published: then the outcome is not known, exit 14
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    ack_timeout: Duration,
}

/// A database whose commits are to be published before they count.
pub struct Confirm {
    publishing: Publishing,
    timeout: Duration,
    /// The end of the chain was looked at, and nothing was written since.
    fresh: bool,
}

impl AckArgs {
    /// Looks at the end of the chain before anything is written; [`None`] where nothing is waited for.
    pub fn prepare(&self, db: &Db) -> Result<Option<Confirm>, Failure> {
        if self.ack == Ack::Local {
            return Ok(None);
        }
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
        Ok(Some(Confirm {
            publishing: publishing.map_err(failure).map_err(unchanged)?,
            timeout: self.ack_timeout,
            fresh: true,
        }))
    }
}

fn unchanged(failure: Failure) -> Failure {
    failure.state("nothing was changed")
}

impl Confirm {
    /// Right before a commit: is this copy still the primary?
    pub fn look(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.fresh) {
            return Ok(());
        }
        let mut pace = Patience::new(Some(self.timeout), &signals::stopped);
        self.publishing.look(&mut pace).map_err(failure)
    }

    /// Right after it: publishes it.
    pub fn settle(&mut self, commit: &Commit) -> Result<(), Failure> {
        let mut pace = Patience::new(Some(self.timeout), &signals::stopped);
        let at = commit.position();
        let point = creel::format::entry::Point {
            index: at.index,
            epoch: at.epoch,
            history: commit.hash,
        };
        let receipt = commit.receipt();
        match self.publishing.settle(&point, &mut pace) {
            Ok(Settled::Published) => Ok(()),
            Ok(Settled::Refused(by)) => {
                let text = format!("epoch {} has begun without this commit", by.epoch);
                Err(Failure::new(&codes::FENCED, text)
                    .state(format!("{receipt} stands in this file only, and does not count"))
                    .hint("creel replicate rejoin DB --from STORE saves it and follows the new primary")
                    .detail("token", receipt.to_string()))
            }
            Err(cause) => Err(unknown(&cause, &receipt.to_string())),
        }
    }
}

fn unknown(cause: &StoreFailure, receipt: &str) -> Failure {
    Failure::new(
        &codes::NOT_CONFIRMED,
        "the commit was not confirmed by the store in time",
    )
    .cause(cause.to_string())
    .state(format!(
        "{receipt} is committed here; it may be published yet, or be lost in a fail-over"
    ))
    .detail("token", receipt)
}
