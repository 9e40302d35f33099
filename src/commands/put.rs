//! `creel put`: store one value.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use creel::{Batch, Interest};
use serde::Serialize;

use super::ack::AckArgs;
use super::{Position, Run};
use crate::cli::args::{DbArg, KeyEncArgs, KeyspaceArg, ValueEncArgs, WriteArgs};
use crate::cli::text::Enc;
use crate::cli::{Context, Exit, Failure, Outcome, codes, input};

/// Arguments of `creel put`.
#[derive(Debug, Args)]
pub struct PutArgs {
    #[command(flatten)]
    db: DbArg,
    /// The key to store; with --key-file the value stands here
    #[arg(value_name = "KEY")]
    key: Option<OsString>,
    /// The value, exactly as given
    #[arg(value_name = "VALUE")]
    value: Option<OsString>,
    #[command(flatten)]
    keyspace: KeyspaceArg,
    /// Read the key from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Read the value from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    value_file: Option<PathBuf>,
    #[command(flatten)]
    enc: KeyEncArgs,
    #[command(flatten)]
    val_enc: ValueEncArgs,
    /// Store only where the key does not exist; otherwise exit 1
    #[arg(long, conflicts_with_all = ["if_equals", "if_exists"])]
    if_absent: bool,
    /// Store only where the value is this one now; otherwise exit 1
    #[arg(long, value_name = "VALUE", conflicts_with = "if_exists")]
    if_equals: Option<OsString>,
    /// Store only where the key exists; otherwise exit 1
    #[arg(long)]
    if_exists: bool,
    /// Print the token of the commit, for example 3:812:9f31c0aa
    #[arg(long)]
    token: bool,
    #[command(flatten)]
    ack: AckArgs,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Serialize)]
struct PutReport {
    schema: &'static str,
    position: Position,
    key_bytes: usize,
    value_bytes: usize,
}

impl Run for PutArgs {
    const NAME: &'static str = "put";
    const ABOUT: &'static str = "Store a value under a key";
    const EXAMPLES: &'static str = "\
Examples:
  creel put my.db greeting hello
  creel put my.db --value-file photo.jpg photo:1
  date | creel put my.db last-run --value-file -
  creel put my.db lock \"$$\" --if-absent || echo taken

Exit status: 0 stored, 1 a condition did not hold, 7 busy; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let (key, value) = self.key_and_value(ctx)?;
        let mut batch = Batch::new();
        batch.keyspace(&self.keyspace.keyspace);
        if self.if_absent {
            batch.require_absent(&key);
        }
        if self.if_exists {
            batch.require_present(&key);
        }
        if let Some(expected) = &self.if_equals {
            batch.require_equals(&key, &input::argument("value", expected, self.value_enc())?);
        }
        batch.put(&key, &value);
        let conditional = self.if_absent || self.if_exists || self.if_equals.is_some();
        let interest = if conditional {
            Interest::Keys(vec![key.clone()])
        } else {
            Interest::None
        };
        let db = ctx.open_write(&self.db, interest, false)?;
        let confirm = self.ack.prepare(&db)?;
        let of_key = |failure: Failure| failure.about_key(&key, &self.keyspace.keyspace);
        let commit = db.write(batch).map_err(|e| of_key(self.explain(e)))?;
        ctx.committed(commit.token);
        if let Some(mut confirm) = confirm {
            confirm.settle(&commit).map_err(of_key)?;
            confirm.finish();
        }
        if ctx.globals.json {
            ctx.out.json(&PutReport {
                schema: "creel.put/1",
                position: (&commit).into(),
                key_bytes: key.len(),
                value_bytes: value.len(),
            })?;
        } else if self.token {
            ctx.out.line(&commit.receipt().to_string())?;
        }
        ctx.close_written(db, &self.write)?;
        Ok(Exit::Ok)
    }
}

impl PutArgs {
    fn value_enc(&self) -> Enc {
        self.val_enc.val_enc.or(self.enc.enc).unwrap_or(Enc::Raw)
    }

    /// Takes what is not read from files from the words, in the order key, value.
    fn key_and_value(&self, ctx: &mut Context) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let (key, word, extra) = match &self.key_file {
            Some(path) => (
                input::file(ctx, "key", path, self.enc.key())?,
                &self.key,
                &self.value,
            ),
            None => match &self.key {
                Some(word) => (
                    input::argument("key", word, self.enc.key())?,
                    &self.value,
                    &None,
                ),
                None => return Err(missing("key", "KEY", "--key-file FILE")),
            },
        };
        if key.is_empty() {
            return Err(input::empty_key());
        }
        if extra.is_some() {
            return Err(
                Failure::usage("a key was given twice").hint("give KEY or --key-file, not both")
            );
        }
        let value = match (&self.value_file, word) {
            (Some(_), Some(_)) => {
                return Err(Failure::usage("a value was given twice")
                    .hint("give VALUE or --value-file, not both"));
            }
            (Some(path), None) => input::file(ctx, "value", path, self.value_enc())?,
            (None, Some(word)) => input::argument("value", word, self.value_enc())?,
            (None, None) => {
                return Err(missing(
                    "value",
                    "VALUE",
                    "--value-file FILE (- is standard input)",
                ));
            }
        };
        Ok((key, value))
    }

    /// Says in the words of the flag which condition did not hold.
    fn explain(&self, error: creel::Error) -> Failure {
        let creel::Error::Precondition { .. } = error else {
            return error.into();
        };
        let what = match (self.if_absent, self.if_exists) {
            (true, _) => "the key exists already (--if-absent)",
            (_, true) => "the key does not exist (--if-exists)",
            _ => "the value is another one (--if-equals)",
        };
        Failure::new(&codes::PRECONDITION, what)
    }
}

fn missing(what: &str, word: &str, flag: &str) -> Failure {
    Failure::usage(format!("the {what} is missing")).hint(format!("give {word} or {flag}"))
}
