//! `creel batch`: many puts and deletes in one process.

use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;
use creel::{Batch, Commit, Db, Interest, Progress};
use serde::Serialize;

use self::lines::{Lines, Op};
use super::ack::{AckArgs, Confirm};
use super::{Position, Run};
use crate::cli::args::{DbArg, KeyspaceArg, WriteArgs};
use crate::cli::log::Level;
use crate::cli::{Context, Exit, Failure, Outcome, codes, input, units};

mod lines;

/// The largest atomic batch: one log entry.
const MAX_BATCH: usize = 64 << 20;
const SMALLER: &str =
    "smaller commits: --every 10k; creel import takes any size in one step, and larger values";
/// With `--every` a commit is made at this size at the latest.
const EARLY_COMMIT: usize = 16 << 20;

/// Arguments of `creel batch`.
#[derive(Debug, Args)]
pub struct BatchArgs {
    #[command(flatten)]
    db: DbArg,
    /// The file of lines; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    keyspace: KeyspaceArg,
    /// Commit after every N lines; without it all lines are one commit
    #[arg(long, value_name = "N", value_parser = units::count)]
    every: Option<u64>,
    /// Print the token of the last commit, for example 3:812:9f31c0aa
    #[arg(long)]
    token: bool,
    #[command(flatten)]
    ack: AckArgs,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Default)]
struct Tally {
    /// Commits are to be published before they count.
    confirm: Option<Confirm>,
    puts: u64,
    deletes: u64,
    commits: u64,
    position: Option<Commit>,
    /// Lines up to this one are committed.
    committed_line: u64,
}

#[derive(Serialize)]
struct BatchReport {
    schema: &'static str,
    lines: u64,
    puts: u64,
    deletes: u64,
    commits: u64,
    position: Option<Position>,
}

impl Run for BatchArgs {
    const NAME: &'static str = "batch";
    const ABOUT: &'static str = "Run many puts and deletes from a file or standard input";
    const EXAMPLES: &'static str = "\
Examples:
  printf 'put\\tname\\tAnna\\ndel\\told\\n' | creel batch my.db
  creel list old.db | sed 's/^/put\\t/' | creel batch new.db --every 10k
  creel batch my.db changes.jsonl --json

A line is put, tab, key, tab, value or del, tab, key, with escapes as `list` prints them.
With --json: {\"op\":\"put\",\"key\":BASE64,\"value\":BASE64}, or key_utf8, key_hex, value_utf8,
value_hex; \"ks\" names a keyspace.

All lines are one commit: all or nothing. With --every N a bad line leaves the commits before it.
Exit status: 0 done, 9 a bad line (its number and what was committed are named); others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        if self.every == Some(0) {
            return Err(Failure::usage("--every 0 would never commit").hint("--every 10k"));
        }
        let source = BufReader::with_capacity(64 << 10, input::open(ctx, "lines", &self.file)?);
        let mut lines = Lines::new(source, ctx.globals.json);
        let db = ctx.open_write(&self.db, Interest::None, self.every.is_some())?;
        let mut tally = Tally {
            confirm: self.ack.prepare(&db)?,
            ..Tally::default()
        };
        if let Err(failure) = self.apply(ctx, &db, &mut lines, &mut tally) {
            let state = tally.state(self.every.is_some());
            let failure = failure.detail("committed_lines", tally.committed_line);
            return Err(match &tally.position {
                Some(at) => failure
                    .detail("position", Position::from(at.token))
                    .state(state),
                None if failure.code() == &codes::OUTCOME_UNKNOWN => failure,
                None => failure.state(state),
            });
        }
        let Tally {
            puts,
            deletes,
            commits,
            position,
            confirm,
            ..
        } = tally;
        if let Some(confirm) = confirm {
            confirm.finish();
        }
        if let Some(commit) = &position {
            ctx.committed(commit.token);
        }
        if ctx.globals.json {
            ctx.out.json(&BatchReport {
                schema: "creel.batch/1",
                lines: lines.number(),
                puts,
                deletes,
                commits,
                position: position.as_ref().map(Position::from),
            })?;
        } else if let (true, Some(commit)) = (self.token, position) {
            ctx.out.line(&commit.receipt().to_string())?;
        }
        let counts = [
            ("puts", puts.into()),
            ("deletes", deletes.into()),
            ("commits", commits.into()),
        ];
        ctx.log
            .event(Level::Info, "commit", "all lines are in", &counts);
        ctx.close_written(db, &self.write)?;
        Ok(Exit::Ok)
    }
}

impl BatchArgs {
    fn apply(
        &self,
        ctx: &Context,
        db: &Db,
        lines: &mut Lines,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let meter = ctx.meter("batch").of_bytes();
        // A pipe does not say how much there will be.
        let about = std::fs::metadata(&self.file).ok();
        let size = about
            .filter(|found| found.is_file())
            .map(|found| found.len());
        let mut batch = Batch::new();
        let (mut puts, mut deletes) = (0, 0);
        while let Some(op) = lines.next_op()? {
            let keyspace = op.keyspace().unwrap_or(&self.keyspace.keyspace);
            batch.keyspace(keyspace);
            match &op {
                Op::Put { key, value, .. } => {
                    batch.put(key, value);
                    puts += 1;
                }
                Op::Delete { key, .. } => {
                    batch.delete(key);
                    deletes += 1;
                }
            }
            let full = match self.every {
                Some(n) => puts + deletes >= n || batch.weight() >= EARLY_COMMIT,
                None => false,
            };
            if self.every.is_none() && batch.weight() > MAX_BATCH {
                return Err(too_large(lines.number()));
            }
            meter.report(lines.offset(), size);
            if full {
                let done = std::mem::take(&mut batch);
                commit(db, done, lines.number(), (&mut puts, &mut deletes), tally)?;
            }
        }
        if puts + deletes > 0 {
            commit(db, batch, lines.number(), (&mut puts, &mut deletes), tally)?;
        }
        Ok(())
    }
}

fn commit(
    db: &Db,
    batch: Batch,
    line: u64,
    (puts, deletes): (&mut u64, &mut u64),
    tally: &mut Tally,
) -> Result<(), Failure> {
    if let Some(confirm) = &mut tally.confirm {
        confirm.look()?;
    }
    let commit = db.write(batch).map_err(|error| {
        let large = matches!(
            error,
            creel::Error::Limit {
                what: creel::Bounded::BatchSize,
                ..
            }
        );
        let failure = Failure::from(error).detail("line", line);
        if large {
            failure.hint(SMALLER)
        } else {
            failure
        }
    })?;
    if let Some(confirm) = &mut tally.confirm {
        confirm.settle(&commit)?;
    }
    tally.puts += std::mem::take(puts);
    tally.deletes += std::mem::take(deletes);
    tally.commits += 1;
    tally.committed_line = line;
    tally.position = Some(commit);
    Ok(())
}

fn too_large(line: u64) -> Failure {
    Failure::new(
        &codes::LIMIT,
        format!("line {line}: one commit holds at most 64 MiB"),
    )
    .hint(SMALLER)
    .detail("line", line)
}

impl Tally {
    fn state(&self, several: bool) -> String {
        match &self.position {
            Some(commit) => {
                let at = commit.receipt();
                format!(
                    "lines 1 to {} are committed, as of position {at}",
                    self.committed_line
                )
            }
            None if several => "no commit was made".into(),
            None => "nothing was changed: all lines are one commit".into(),
        }
    }
}
