//! `creel exists`: the exit status says whether a key is there.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use creel::Interest;
use serde::Serialize;

use super::{Run, published};
use crate::cli::args::{DbArg, KeyEncArgs, KeyspaceArg, ReadArgs};
use crate::cli::{Context, Failure, Outcome, input};

/// Arguments of `creel exists`.
#[derive(Debug, Args)]
pub struct ExistsArgs {
    #[command(flatten)]
    db: DbArg,
    /// The key to look for
    #[arg(value_name = "KEY", required_unless_present = "key_file")]
    key: Option<OsString>,
    /// Read the key from a file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    keyspace: KeyspaceArg,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    enc: KeyEncArgs,
}

#[derive(Serialize)]
struct ExistsReport {
    schema: &'static str,
    exists: bool,
}

impl Run for ExistsArgs {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Say by the exit status whether a key exists";
    const EXAMPLES: &'static str = "\
Examples:
  creel exists my.db greeting && echo yes
  creel exists my.db --keyspace users --enc hex 00ff
  creel exists my.db --key-file key.bin
  creel exists my.db order:17 --read published

Exit status: 0 it exists, 1 it does not; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let key = match (&self.key, &self.key_file) {
            (Some(word), _) => input::key(word, &self.enc)?,
            (None, Some(path)) => input::key_file(ctx, path, &self.enc)?,
            (None, None) => return Err(Failure::usage("the key is missing")),
        };
        let name = &self.keyspace.keyspace;
        let interest = Interest::Keys(vec![key.clone()]);
        let db = published::open(ctx, &self.db, interest, &self.read)?;
        let exists = db
            .snapshot_for(std::slice::from_ref(&key))?
            .keyspace(name)?
            .contains(&key)?;
        if ctx.globals.json {
            ctx.out.json(&ExistsReport {
                schema: "creel.exists/1",
                exists,
            })?;
        }
        Ok(super::answer(exists))
    }
}
