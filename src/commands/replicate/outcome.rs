//! How following ended, as a report and an exit status.

use std::path::Path;

use creel::replica::dial::trouble;
use creel::replica::slot::{Slot, durable_point};
use creel::stream::follow::{Followed, Trouble};
use creel::stream::follower::FollowerEnd;
use creel::stream::message::Code;
use serde::Serialize;

use crate::cli::{Context, Exit, Failure, Outcome, codes, signals};

/// What `pull`, `init` and `follow` did.
#[derive(Serialize)]
pub struct FollowReport {
    schema: &'static str,
    verb: &'static str,
    path: String,
    position: Option<At>,
    source_index: Option<u64>,
    entries: u64,
    bytes: u64,
    new_copies: u64,
    caught_up: bool,
    limited: bool,
    error: Option<String>,
}

#[derive(Serialize)]
struct At {
    epoch: u32,
    index: u64,
    hash: String,
}

fn position(slot: &Slot) -> Option<At> {
    let point = durable_point(&slot.get()?).ok()?;
    Some(At {
        epoch: point.epoch,
        index: point.index,
        hash: format!("{:032x}", u128::from_be_bytes(point.history)),
    })
}

/// Prints what was done and gives the exit status.
pub fn report(
    ctx: &mut Context,
    verb: &'static str,
    slot: &Slot,
    followed: &Followed,
    quiet: bool,
) -> Outcome {
    let last = followed.last.as_ref();
    let stopped = signals::stopped();
    let error = followed.trouble.as_ref().filter(|_| !stopped);
    let report = FollowReport {
        schema: "creel.replicated/1",
        verb,
        path: slot.path().display().to_string(),
        position: position(slot),
        source_index: last.and_then(|last| last.head).map(|head| head.point.index),
        entries: followed.entries,
        bytes: followed.bytes,
        new_copies: followed.seeds,
        caught_up: last.is_some_and(|last| last.caught_up),
        limited: last.is_some_and(|last| last.limited),
        error: error.map(trouble),
    };
    if !quiet && !stopped {
        print(ctx, &report)?;
    }
    // Whoever follows is ended like this every day.
    if let Some(exit) = signals::exit() {
        return Ok(exit);
    }
    match error {
        Some(error) => Err(failure(error, slot.path(), followed.entries)),
        None if report.limited => Ok(Exit::Limit),
        None if !report.caught_up => Err(Failure::new(
            &codes::UNREACHABLE,
            "the source ended the connection before everything was here",
        )),
        None => Ok(Exit::Ok),
    }
}

fn print(ctx: &mut Context, report: &FollowReport) -> Result<(), Failure> {
    if ctx.globals.json {
        return ctx.out.json(report);
    }
    let at = report.position.as_ref();
    let at = at.map_or("no copy".to_owned(), |at| {
        format!("at {}:{}", at.epoch, at.index)
    });
    let mut line = format!("{at}, {} entries ({} bytes)", report.entries, report.bytes);
    if report.new_copies > 0 {
        line.push_str(", a new copy");
    }
    if report.limited {
        let missing = match (report.source_index, &report.position) {
            (Some(source), Some(at)) => source.saturating_sub(at.index),
            _ => 0,
        };
        line.push_str(&format!(", {missing} left"));
    }
    ctx.out.line(&line)
}

/// Why following ended, for the exit status.
pub fn failure(error: &Trouble, path: &Path, entries: u64) -> Failure {
    let text = trouble(error);
    let state = if entries > 0 {
        format!("{entries} entries were applied, the copy is whole")
    } else {
        "the copy is as it was".to_owned()
    };
    let code = match error {
        Trouble::Connect(_) => &codes::UNREACHABLE,
        Trouble::Ended(end) => match end {
            FollowerEnd::Diverged { .. } | FollowerEnd::Lineage => &codes::DIVERGED,
            FollowerEnd::Reseed { .. } => &codes::RESEED,
            FollowerEnd::Unproven | FollowerEnd::TokenWanted => &codes::UNAUTHORISED,
            FollowerEnd::Stale { .. } | FollowerEnd::Deposed { .. } => &codes::FENCED,
            FollowerEnd::Sink { .. } => &codes::IO,
            FollowerEnd::Refused(fault) => match fault.code {
                Code::Auth => &codes::UNAUTHORISED,
                Code::Lineage | Code::Diverged => &codes::DIVERGED,
                Code::Fenced => &codes::FENCED,
                Code::NotRetained => &codes::RESEED,
                _ => &codes::UNREACHABLE,
            },
            _ => &codes::UNREACHABLE,
        },
    };
    Failure::new(code, text).state(state).at(path)
}
