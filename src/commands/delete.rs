//! `creel delete`: remove keys or ranges of keys.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use creel::{Batch, Db, Interest, KeyRange};
use serde::Serialize;

use super::ack::AckArgs;
use super::{Position, Run};
use crate::cli::args::{DbArg, KeyEncArgs, KeyspaceArg, RangeArgs, WriteArgs};
use crate::cli::context::interest_in;
use crate::cli::{Context, Exit, Failure, Outcome, codes, input, range};

/// Arguments of `creel delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    db: DbArg,
    /// Keys to remove; an absent key is no error
    #[arg(value_name = "KEY", conflicts_with_all = ["prefix", "from", "to"])]
    keys: Vec<OsString>,
    /// Read the key from a file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys", "prefix", "from", "to"])]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    keyspace: KeyspaceArg,
    #[command(flatten)]
    enc: KeyEncArgs,
    /// Say how many would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete only where exactly this many would go; otherwise exit 1
    #[arg(long, value_name = "N", value_parser = crate::cli::units::count)]
    expect: Option<u64>,
    /// Delete only where every key exists; otherwise exit 1
    #[arg(long, conflicts_with_all = ["prefix", "from", "to"])]
    must_exist: bool,
    /// Delete a range without asking
    #[arg(long, short)]
    yes: bool,
    /// Print the token of the commit, for example 3:812:9f31c0aa
    #[arg(long)]
    token: bool,
    #[command(flatten)]
    ack: AckArgs,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Serialize)]
struct DeleteReport {
    schema: &'static str,
    deleted: u64,
    dry_run: bool,
    position: Option<Position>,
}

impl Run for DeleteArgs {
    const NAME: &'static str = "delete";
    const ALIASES: &'static [&'static str] = &["del", "rm"];
    const ABOUT: &'static str = "Remove keys";
    const EXAMPLES: &'static str = "\
Examples:
  creel delete my.db greeting
  creel delete my.db --key-file key.bin --must-exist
  creel delete my.db --prefix session: --dry-run
  creel delete my.db --prefix session: --yes --expect 12
  creel delete my.db --from 2025-01 --to 2025-02 --yes

A range goes in one commit: all of it or nothing.

Exit status: 0 done, 1 --expect or --must-exist did not hold, 7 busy; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        match input::range(&self.range, &self.enc)? {
            Some(range) => self.range(ctx, range),
            None if self.keys.is_empty() && self.key_file.is_none() => Err(Failure::usage("nothing to delete was named")
                .hint(
                    "give keys, --key-file, --prefix, or --from and --to; everything is --prefix '' with --yes",
                )),
            None => self.keys(ctx),
        }
    }
}

impl DeleteArgs {
    fn keys(&self, ctx: &mut Context) -> Outcome {
        let mut keys: Vec<Vec<u8>> = Vec::with_capacity(self.keys.len() + 1);
        if let Some(path) = &self.key_file {
            keys.push(input::key_file(ctx, path, &self.enc)?);
        }
        for arg in &self.keys {
            let key = input::key(arg, &self.enc)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let counting = self.dry_run || self.expect.is_some();
        let name = &self.keyspace.keyspace;
        let interest = interest_in(&keys);
        if self.dry_run {
            let db = ctx.open_read(&self.db, interest)?;
            let there = count_keys(&db, name, &keys)?;
            return self.would_delete(ctx, there, keys.len());
        }
        // With --expect the count and the commit have to see the same state.
        let db = ctx.open_write(&self.db, interest, counting)?;
        if let Some(expected) = self.expect {
            check_expected(expected, count_keys(&db, name, &keys)?)?;
        }
        let mut batch = Batch::new();
        batch.keyspace(name).count_deleted(true);
        for key in &keys {
            if self.must_exist {
                batch.require_present(key);
            }
            batch.delete(key);
        }
        let done = self.commit(ctx, db, batch, false);
        match keys.as_slice() {
            [key] => done.map_err(|failure| failure.about_key(key, name)),
            _ => done,
        }
    }

    fn range(&self, ctx: &mut Context, range: KeyRange) -> Outcome {
        if range::is_empty(&range) {
            return Err(Failure::usage(
                "the range is empty: its end is not after its start",
            ));
        }
        let name = &self.keyspace.keyspace;
        if self.dry_run {
            let db = ctx.open_read(&self.db, Interest::All)?;
            let there = db.snapshot()?.keyspace(name)?.count(&range)?;
            return self.would_delete(ctx, there, 0);
        }
        if !self.yes && !ctx.may_ask() {
            return Err(Failure::usage("a range is deleted only with --yes")
                .hint("look first: the same command with --dry-run"));
        }
        let db = ctx.open_write(&self.db, Interest::All, false)?;
        let mut expected = self.expect;
        if !self.yes {
            let there = db.snapshot()?.keyspace(name)?.count(&range)?;
            if !ctx.confirm(&format!("delete {there} entries?"))? {
                return Err(Failure::new(&codes::PRECONDITION, "not confirmed")
                    .hint("answer y, or give --yes"));
            }
            // What is deleted is what was agreed to.
            expected = expected.or(Some(there));
        }
        let mut batch = Batch::new();
        batch.keyspace(name).count_deleted(true);
        if let Some(expected) = expected {
            batch.require_range_count(&range, expected);
        }
        batch.delete_range(&range);
        match self.commit(ctx, db, batch, true) {
            Err(failure) if failure.code() == &codes::PRECONDITION => Err(Failure::new(
                &codes::PRECONDITION,
                "the range holds another number of entries",
            )
            .hint("look first: the same command with --dry-run")),
            other => other,
        }
    }

    fn commit(&self, ctx: &mut Context, db: Db, batch: Batch, show: bool) -> Outcome {
        let confirm = self.ack.prepare(&db)?;
        let commit = db.write(batch).map_err(|e| match e {
            creel::Error::Precondition { .. } => {
                Failure::new(&codes::PRECONDITION, "a key does not exist (--must-exist)")
            }
            other => other.into(),
        })?;
        ctx.committed(commit.token);
        if let Some(mut confirm) = confirm {
            confirm.settle(&commit)?;
            confirm.finish();
        }
        if ctx.globals.json {
            ctx.out.json(&DeleteReport {
                schema: "creel.delete/1",
                deleted: commit.deleted,
                dry_run: false,
                position: Some((&commit).into()),
            })?;
        } else {
            if show {
                ctx.out.line(&commit.deleted.to_string())?;
            }
            if self.token {
                ctx.out.line(&commit.receipt().to_string())?;
            }
        }
        ctx.close_written(db, &self.write)?;
        Ok(Exit::Ok)
    }

    fn would_delete(&self, ctx: &mut Context, there: u64, keys: usize) -> Outcome {
        if ctx.globals.json {
            ctx.out.json(&DeleteReport {
                schema: "creel.delete/1",
                deleted: there,
                dry_run: true,
                position: None,
            })?;
        } else {
            ctx.out.line(&there.to_string())?;
        }
        if let Some(expected) = self.expect {
            check_expected(expected, there)?;
        }
        if self.must_exist && there != keys as u64 {
            return Err(Failure::new(
                &codes::PRECONDITION,
                "a key does not exist (--must-exist)",
            ));
        }
        Ok(Exit::Ok)
    }
}

fn count_keys(db: &Db, keyspace: &str, keys: &[Vec<u8>]) -> Result<u64, Failure> {
    let keyspace = db.snapshot_for(keys)?.keyspace(keyspace)?;
    let mut there = 0;
    for key in keys {
        there += u64::from(keyspace.contains(key)?);
    }
    Ok(there)
}

fn check_expected(expected: u64, there: u64) -> Result<(), Failure> {
    if expected == there {
        return Ok(());
    }
    Err(Failure::new(
        &codes::PRECONDITION,
        format!("{there} entries would go, {expected} were expected"),
    )
    .detail("expected", expected)
    .detail("actual", there))
}
