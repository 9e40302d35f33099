//! How following ended, as a report and an exit status.

use std::path::{Path, PathBuf};

use creel::Role;
use creel::replica::dial::trouble;
use creel::replica::slot::{Slot, durable_point};
use creel::replica::state::Following;
use creel::replica::store::PullReport;
use creel::stream::follow::{Followed, Trouble};
use creel::stream::follower::FollowerEnd;
use creel::stream::message::Code;
use serde::Serialize;

use crate::cli::{Context, Exit, Failure, Outcome, codes, signals};

/// What `pull`, `init` and `follow` did.
#[derive(Serialize)]
pub struct FollowReport {
    pub schema: &'static str,
    pub verb: &'static str,
    pub path: String,
    pub position: Option<At>,
    pub source_index: Option<u64>,
    pub entries: u64,
    pub bytes: u64,
    pub new_copies: u64,
    /// Times that the source delivered something damaged.
    pub damaged: u64,
    /// Entries that came from the other source then.
    pub other_source_entries: u64,
    /// Files with commits that only the copy before had.
    pub saved: Vec<String>,
    pub caught_up: bool,
    pub limited: bool,
    pub dry_run: bool,
    /// Why a new copy is needed.
    pub reseed: Option<String>,
    pub error: Option<String>,
}

impl FollowReport {
    /// Nothing was done yet.
    pub fn new(verb: &'static str, path: &Path) -> FollowReport {
        FollowReport {
            schema: "creel.replicated/1",
            verb,
            path: path.display().to_string(),
            position: None,
            source_index: None,
            entries: 0,
            bytes: 0,
            new_copies: 0,
            damaged: 0,
            other_source_entries: 0,
            saved: Vec::new(),
            caught_up: false,
            limited: false,
            dry_run: false,
            reseed: None,
            error: None,
        }
    }
}

/// What was damaged on the way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Damage {
    /// Times that the source delivered it.
    pub times: u64,
    /// Entries that came from the other source.
    pub relieved: u64,
    /// A pull goes on from the other source: so many came from the first one.
    pub before: Option<u64>,
}

impl From<&Following> for Damage {
    fn from(state: &Following) -> Damage {
        Damage {
            times: state.damaged,
            relieved: state.relieved,
            before: None,
        }
    }
}

impl FollowReport {
    /// Says what was damaged.
    pub fn with(mut self, damage: Damage) -> FollowReport {
        self.damaged = damage.times;
        self.other_source_entries = damage.relieved;
        if let Some(before) = damage.before {
            self.other_source_entries = self.entries;
            self.entries += before;
        }
        self
    }
}

/// A position with its history.
#[derive(Serialize)]
pub struct At {
    pub epoch: u32,
    pub index: u64,
    pub hash: String,
}

impl At {
    pub fn of(epoch: u32, index: u64, history: [u8; 16]) -> At {
        At {
            epoch,
            index,
            hash: format!("{:032x}", u128::from_be_bytes(history)),
        }
    }
}

fn position(slot: &Slot) -> Option<At> {
    let point = durable_point(&slot.get()?).ok()?;
    Some(At::of(point.epoch, point.index, point.history))
}

/// Prints what was done and gives the exit status.
pub fn report(
    ctx: &mut Context,
    verb: &'static str,
    slot: &Slot,
    followed: &Followed,
    state: &Following,
    quiet: bool,
    damage: Damage,
) -> Outcome {
    let last = followed.last.as_ref();
    let stopped = signals::stopped();
    let error = followed.trouble.as_ref().filter(|_| !stopped);
    let report = FollowReport {
        position: position(slot),
        source_index: last.and_then(|last| last.head).map(|head| head.point.index),
        entries: followed.entries,
        bytes: followed.bytes,
        new_copies: followed.seeds,
        saved: state
            .saved
            .iter()
            .map(|p| p.display().to_string())
            .collect(),
        caught_up: last.is_some_and(|last| last.caught_up),
        limited: last.is_some_and(|last| last.limited),
        error: error.map(trouble),
        ..FollowReport::new(verb, slot.path())
    }
    .with(damage);
    // Where there is no copy, the error says all there is to say.
    let nothing = report.position.is_none() && report.error.is_some() && !ctx.globals.json;
    if !quiet && !stopped && !nothing {
        print(ctx, &report)?;
    }
    // Whoever follows is ended like this every day.
    if let Some(exit) = signals::exit() {
        return Ok(exit);
    }
    match error {
        Some(error) => {
            let info = slot.get().and_then(|db| db.info().ok());
            let role = info.as_ref().map(|info| info.role);
            let fenced = info.is_some_and(|info| info.fenced);
            let refused = match role {
                _ if state.newer => &codes::NOT_A_DB,
                // It was promoted, and this is the end of following.
                Some(role) if role != Role::Replica => &codes::FENCED,
                _ => &codes::IO,
            };
            Err(failure(error, (slot.path(), fenced), followed, refused))
        }
        None if report.limited => Ok(Exit::Limit),
        None if !report.caught_up => Err(Failure::new(
            &codes::UNREACHABLE,
            "the source ended the connection before everything was here",
        )),
        None => Ok(Exit::Ok),
    }
}

/// Prints it, one line or one object.
pub fn print(ctx: &mut Context, report: &FollowReport) -> Result<(), Failure> {
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
    if report.other_source_entries > 0 {
        line.push_str(&format!(
            ", {} of them from the other source",
            report.other_source_entries
        ));
    }
    if report.limited {
        let missing = match (report.source_index, &report.position) {
            (Some(source), Some(at)) => source.saturating_sub(at.index),
            _ => 0,
        };
        line.push_str(&format!(", {missing} left"));
    }
    ctx.out.line(&line)?;
    for path in &report.saved {
        ctx.out
            .line(&format!("saved {path}, which only the old copy had"))?;
    }
    Ok(())
}

/// What came of a pull from a store.
pub struct StoreOutcome {
    /// What was applied.
    pub report: PullReport,
    /// A limit ended it.
    pub limited: bool,
    /// Where the chain ends.
    pub source_index: u64,
    /// Whole copies that were put in place.
    pub new_copies: u64,
    /// Commits that only the old copy had: where they are.
    pub saved: Vec<PathBuf>,
}

/// Prints that, and gives the exit status.
pub fn report_store(
    ctx: &mut Context,
    verb: &'static str,
    path: &Path,
    done: &StoreOutcome,
    damage: Damage,
) -> Outcome {
    let point = &done.report.point;
    let report = FollowReport {
        position: Some(At::of(point.epoch, point.index, point.history)),
        source_index: Some(done.source_index),
        entries: done.report.entries,
        bytes: done.report.bytes,
        new_copies: done.new_copies,
        saved: done.saved.iter().map(|p| p.display().to_string()).collect(),
        caught_up: done.report.at_end,
        limited: done.limited,
        ..FollowReport::new(verb, path)
    }
    .with(damage);
    print(ctx, &report)?;
    if let Some(exit) = signals::exit() {
        return Ok(exit);
    }
    Ok(if done.limited { Exit::Limit } else { Exit::Ok })
}

/// Why following ended, for the exit status. `refused`: what it means where the copy took no more.
fn failure(
    error: &Trouble,
    (path, fenced): (&Path, bool),
    followed: &Followed,
    refused: &'static codes::Code,
) -> Failure {
    let text = trouble(error);
    let state = if followed.seeds > 0 {
        "a new copy was put in place, which is whole".to_owned()
    } else if followed.entries > 0 {
        format!(
            "{} entries were applied, the copy is whole",
            followed.entries
        )
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
            FollowerEnd::Sink { .. } => refused,
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
    let failure = Failure::new(code, text).state(state).at(path);
    match error {
        // It has heard there of an epoch that it is not in.
        Trouble::Ended(FollowerEnd::Diverged { .. }) if fenced => failure.hint(format!(
            "creel replicate rejoin {} --from PRIMARY saves what only this copy has and takes it back",
            path.display()
        )),
        // No program of that name is here: nothing was asked of the other side.
        Trouble::Connect(error) if error.kind() == std::io::ErrorKind::NotFound => failure
            .hint("install ssh on this machine, or name the program that connects: --ssh PROGRAM"),
        _ => failure,
    }
}
