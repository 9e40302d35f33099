//! `creel explain`: cause, consequence and next command of a code.

use clap::Args;
use creel::{Depth, Invariant};
use serde::Serialize;

use super::Run;
use crate::cli::codes::{self, Code};
use crate::cli::exit::Retry;
use crate::cli::table;
use crate::cli::{Context, Exit, Failure, Outcome};

/// Arguments of `creel explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// An exit status (7, busy), an error code (no_keyspace) or an invariant (P3); all statuses
    /// without one
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

#[derive(Serialize)]
struct Explanation {
    schema: &'static str,
    kind: &'static str,
    name: String,
    exit: u8,
    cause: String,
    consequence: String,
    next: String,
    retry: &'static str,
}

impl Run for ExplainArgs {
    const NAME: &'static str = "explain";
    const ABOUT: &'static str = "Explain an exit status, error code or invariant";
    const EXAMPLES: &'static str = "\
Examples:
  creel explain 7
  creel explain outcome_unknown
  creel explain P3
  creel explain

Exit status: 0 explained, 1 there is no such code";

    fn run(self, ctx: &mut Context) -> Outcome {
        let Some(code) = &self.code else {
            return every_status(ctx);
        };
        // An error code says more than the exit status of the same name.
        let found = code
            .parse::<u8>()
            .ok()
            .and_then(Exit::from_code)
            .map(status)
            .or_else(|| codes::find(code).map(error_code))
            .or_else(|| Exit::from_name(code).map(status))
            .or_else(|| code.parse::<Invariant>().ok().map(invariant));
        let Some(found) = found else {
            return Err(Failure::new(
                &codes::ABSENT,
                format!("there is no exit status, error code or invariant {code:?}"),
            )
            .hint("creel explain lists the exit statuses; docs/invariants.md the invariants"));
        };
        if ctx.globals.json {
            ctx.out.json(&found)?;
            return Ok(Exit::Ok);
        }
        let Explanation {
            kind,
            name,
            exit,
            cause,
            consequence,
            next,
            retry,
            ..
        } = found;
        ctx.out.line(&format!("{name} ({kind}, exit {exit})"))?;
        ctx.out.line(&format!("  cause: {cause}"))?;
        ctx.out.line(&format!("  consequence: {consequence}"))?;
        ctx.out.line(&format!("  next: {next}"))?;
        ctx.out.line(&format!("  retry: {retry}"))?;
        Ok(Exit::Ok)
    }
}

fn every_status(ctx: &mut Context) -> Outcome {
    if ctx.globals.json {
        for exit in Exit::ALL {
            ctx.out.json(&status(*exit))?;
        }
        return Ok(Exit::Ok);
    }
    let rows: Vec<Vec<table::Value>> = Exit::ALL
        .iter()
        .map(|e| vec![u64::from(e.code()).into(), e.name().into(), e.when().into()])
        .collect();
    table::rows(&mut ctx.out, &["exit", "name", "when"], &rows)?;
    Ok(Exit::Ok)
}

fn retry(exit: Exit) -> &'static str {
    match exit.retry() {
        Retry::No => "no: the same command gives the same answer",
        Retry::Maybe => "once the cause is removed",
        Retry::Yes => "yes, later",
    }
}

fn status(exit: Exit) -> Explanation {
    let consequence = match exit {
        Exit::Ok => "everything that was asked for is done",
        Exit::No | Exit::Usage | Exit::Busy | Exit::NotFound | Exit::NotADb | Exit::Fenced => {
            "nothing was changed"
        }
        Exit::Indeterminate => "the commit may or may not be there; all confirmed commits are",
        _ => "commits that were confirmed are safe; the message says what was done",
    };
    Explanation {
        schema: "creel.explain/1",
        kind: "exit status",
        name: exit.name().to_owned(),
        exit: exit.code(),
        cause: exit.when().to_owned(),
        consequence: consequence.to_owned(),
        next: exit.next().to_owned(),
        retry: retry(exit),
    }
}

fn error_code(code: &'static Code) -> Explanation {
    Explanation {
        schema: "creel.explain/1",
        kind: "error code",
        name: code.name.to_owned(),
        exit: code.exit.code(),
        cause: code.cause.to_owned(),
        consequence: code.state.to_owned(),
        next: code.next.to_owned(),
        retry: retry(code.exit),
    }
}

fn invariant(id: Invariant) -> Explanation {
    let level = match id.depth() {
        Depth::Quick => "quick",
        Depth::Full => "full",
        Depth::Deep => "deep",
    };
    let consequence = match id.name().as_bytes().first() {
        Some(b'H') => {
            "one header copy cannot be trusted; where the other can, the file still opens"
        }
        Some(b'P' | b'T') => "entries below the page cannot be read; the rest of the file can",
        Some(b'S') => "space is lost or used twice; reading goes on, writing is refused",
        Some(b'W') => "commits after the last checkpoint are in doubt; the tree can be read",
        _ => "replicas cannot follow from here; the data in the file can be read",
    };
    Explanation {
        schema: "creel.explain/1",
        kind: "invariant",
        name: id.name().to_owned(),
        exit: Exit::Corrupt.code(),
        cause: format!(
            "this does not hold: {} (checked from --level {level} on)",
            id.text()
        ),
        consequence: consequence.to_owned(),
        next: Exit::Corrupt.next().to_owned(),
        retry: retry(Exit::Corrupt),
    }
}
