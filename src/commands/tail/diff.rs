//! `creel log diff`: what the saved commits would change now.

use std::path::PathBuf;

use clap::Args;
use creel::Interest;
use creel::chain::object::Segment;
use creel::replica::reapply::{Comparison, KeyEffect, State, compare};
use serde::Serialize;

use super::super::Run;
use crate::cli::args::DbArg;
use crate::cli::{Context, Failure, Outcome, escape, text};

/// Arguments of `creel log diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    db: DbArg,
    /// Files that creel replicate rejoin saved
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct KeyLine {
    schema: &'static str,
    keyspace: String,
    key_b64: String,
    /// Length of the saved value; null: it was deleted.
    value_bytes: Option<usize>,
    state: &'static str,
}

impl Run for DiffArgs {
    const NAME: &'static str = "diff";
    const ABOUT: &'static str = "Compare saved commits with what a database holds";
    const EXAMPLES: &'static str = "\
Examples:
  creel log diff new.db old.db.diverged/*.seg
  creel log diff new.db old.db.diverged/*.seg --json | jq 'select(.state == \"conflict\")'

A line is state, keyspace and key: same (the database has that value), free (only the saved commits
changed it), conflict (both did). Deleted ranges are counted, not listed.
Exit status: 0 nothing to do, 1 there are differences, 15 the commits are of another database; others:
creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let segments = super::read_all(&self.files)?;
        let db = ctx.open_read(&self.db, Interest::All)?;
        check_lineage(&db, &segments)?;
        let found = compare(&segments, &db)?;
        for effect in &found.keys {
            print(ctx, effect)?;
        }
        remark(ctx, &found);
        let differs = found.keys.iter().any(|effect| effect.state != State::Same);
        Ok(super::super::answer(!differs))
    }
}

/// The commits must be of this very database.
pub fn check_lineage(db: &creel::Db, segments: &[Segment]) -> Result<(), Failure> {
    let lineage = db.info()?.lineage_id;
    if segments.iter().all(|segment| segment.lineage() == lineage) {
        return Ok(());
    }
    let reason = "the saved commits are of another database".into();
    Err(creel::Error::Diverged { reason }.into())
}

/// What is not in the list.
pub fn remark(ctx: &Context, found: &Comparison) {
    if found.ranges > 0 {
        ctx.notice(&format!(
            "{} deleted ranges or keyspaces are not listed",
            found.ranges
        ));
    }
    if !found.exact {
        ctx.notice("the log does not tell what changed since: each difference counts as conflict");
    }
}

pub fn state_name(state: State) -> &'static str {
    match state {
        State::Same => "same",
        State::Free => "free",
        State::Conflict => "conflict",
    }
}

fn print(ctx: &mut Context, effect: &KeyEffect) -> Result<(), Failure> {
    if ctx.globals.json {
        return ctx.out.json(&KeyLine {
            schema: "creel.tail_key/1",
            keyspace: effect.keyspace.clone(),
            key_b64: text::base64(&effect.key),
            value_bytes: effect.value.as_ref().map(Vec::len),
            state: state_name(effect.state),
        });
    }
    let state = state_name(effect.state);
    let key = escape::to_string(&effect.key, escape::Plain::Ascii);
    ctx.out
        .line(&format!("{state}\t{}\t{key}", effect.keyspace))
}
