//! `creel explain`: cause, consequence and next command of a code.

use clap::Args;
use creel::exchange::read::FaultCode;
use creel::{Depth, Invariant};
use serde::Serialize;

use super::Run;
use crate::cli::codes::{self, Code};
use crate::cli::exit::Retry;
use crate::cli::table;
use crate::cli::{Context, Exit, Failure, Outcome};

mod faults;
pub(crate) mod invariants;
mod statuses;

/// Arguments of `creel explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// An exit status (7, busy), an error code (no_keyspace), what is wrong with an input
    /// (bad_base64) or an invariant (P3); without one all exit statuses are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// List all of them
    #[arg(long, conflicts_with = "code")]
    all: bool,
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
    const ABOUT: &'static str =
        "Explain an exit status, an error code, a fault of an input or an invariant";
    const EXAMPLES: &'static str = "\
Examples:
  creel explain 7
  creel explain outcome_unknown
  creel explain bad_base64
  creel explain P3
  creel explain
  creel explain --all --json

Exit status: 0 explained, 1 there is no such code";

    fn run(self, ctx: &mut Context) -> Outcome {
        if self.all {
            return list(ctx, &everything(), true);
        }
        let Some(code) = &self.code else {
            return list(ctx, &every_status(), false);
        };
        // An error code says more than the exit status of the same name.
        let found = code
            .parse::<u8>()
            .ok()
            .and_then(Exit::from_code)
            .map(status)
            .or_else(|| codes::find(code).map(error_code))
            .or_else(|| Exit::from_name(code).map(status))
            .or_else(|| faults::find(code).map(fault))
            .or_else(|| code.parse::<Invariant>().ok().map(invariant));
        let Some(found) = found else {
            return Err(Failure::new(
                &codes::ABSENT,
                format!("there is no exit status, error code or invariant {code:?}"),
            )
            .hint("creel explain --all lists them"));
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

fn every_status() -> Vec<Explanation> {
    Exit::ALL.iter().copied().map(status).collect()
}

fn everything() -> Vec<Explanation> {
    let mut all = every_status();
    all.extend(codes::ALL.iter().copied().map(error_code));
    all.extend(FaultCode::ALL.iter().copied().map(fault));
    all.extend(Invariant::ALL.iter().copied().map(invariant));
    all
}

/// One line for each; with their kinds where there are several.
fn list(ctx: &mut Context, all: &[Explanation], kinds: bool) -> Outcome {
    if ctx.globals.json {
        for one in all {
            ctx.out.json(one)?;
        }
        return Ok(Exit::Ok);
    }
    let row = |e: &Explanation| {
        let mut cells: Vec<table::Value> = vec![
            u64::from(e.exit).into(),
            e.name.clone().into(),
            e.cause.clone().into(),
        ];
        if kinds {
            cells.insert(0, e.kind.into());
        }
        cells
    };
    let heading: &[&str] = if kinds {
        &["kind", "exit", "name", "when"]
    } else {
        &["exit", "name", "when"]
    };
    let rows: Vec<Vec<table::Value>> = all.iter().map(row).collect();
    table::rows(&mut ctx.out, heading, &rows)?;
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
    Explanation {
        schema: "creel.explain/1",
        kind: "exit status",
        name: exit.name().to_owned(),
        exit: exit.code(),
        cause: exit.when().to_owned(),
        consequence: statuses::consequence(exit).to_owned(),
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

fn fault(code: FaultCode) -> Explanation {
    Explanation {
        schema: "creel.explain/1",
        kind: "input fault",
        name: code.name().to_owned(),
        exit: Exit::BadInput.code(),
        cause: code.text().to_owned(),
        consequence: faults::consequence(code).to_owned(),
        next: faults::next(code).to_owned(),
        retry: retry(Exit::BadInput),
    }
}

fn invariant(id: Invariant) -> Explanation {
    let level = match id.depth() {
        Depth::Quick => "quick",
        Depth::Full => "full",
        Depth::Deep => "deep",
    };
    let row = invariants::row(id);
    Explanation {
        schema: "creel.explain/1",
        kind: "invariant",
        name: id.name().to_owned(),
        exit: Exit::Corrupt.code(),
        cause: format!(
            "this does not hold: {} (checked from --level {level} on)",
            id.text()
        ),
        consequence: row.consequence,
        next: row.next,
        retry: retry(Exit::Corrupt),
    }
}
