//! `creel keyspaces`: the named maps of a file.

use clap::Args;
use creel::Interest;
use serde::Serialize;

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Outcome, escape};

/// Arguments of `creel keyspaces`.
#[derive(Debug, Args)]
pub struct KeyspacesArgs {
    #[command(flatten)]
    db: DbArg,
}

#[derive(Serialize)]
struct KeyspacesReport {
    schema: &'static str,
    keyspaces: Vec<KeyspaceLine>,
}

#[derive(Serialize)]
struct KeyspaceLine {
    name: String,
    entries: u64,
}

impl Run for KeyspacesArgs {
    const NAME: &'static str = "keyspaces";
    const ABOUT: &'static str = "List the keyspaces and how many entries each has";
    const EXAMPLES: &'static str = "\
Examples:
  creel keyspaces my.db
  creel keyspaces my.db --json

A keyspace is made by the first put into it; main is always there.
Exit status: 0 done, 5 no such file; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let db = ctx.open_read(&self.db, Interest::All)?;
        let snapshot = db.snapshot()?;
        let mut keyspaces = Vec::new();
        for name in snapshot.keyspaces()? {
            let entries = snapshot.keyspace(&name)?.len()?;
            keyspaces.push(KeyspaceLine { name, entries });
        }
        if ctx.globals.json {
            ctx.out.json(&KeyspacesReport {
                schema: "creel.keyspaces/1",
                keyspaces,
            })?;
            return Ok(Exit::Ok);
        }
        let plain = ctx.out.plain();
        let rows: Vec<Vec<Value>> = keyspaces
            .into_iter()
            .map(|k| {
                vec![
                    escape::to_string(k.name.as_bytes(), plain).into(),
                    k.entries.into(),
                ]
            })
            .collect();
        table::rows(&mut ctx.out, &["keyspace", "entries"], &rows)?;
        Ok(Exit::Ok)
    }
}
