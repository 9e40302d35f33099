//! `creel replicate status`: what a copy is, where it stands, and how far it is behind.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use creel::replica::address::Source;
use creel::replica::path::{Outlook, look};
use creel::{Db, Error, Info, Interest, Role};
use serde::Serialize;

use super::super::Run;
use super::super::info::{hex_id, role_name};
use super::outcome::At;
use crate::cli::args::DbArg;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome};

/// Arguments of `creel replicate status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    db: DbArg,
    /// Compare with this source, a database file [default: the source that the copy has stored]
    #[arg(long, value_name = "PATH")]
    from: Option<String>,
    /// Only answer by exit status: primary, replica, or lag=N entries at most; may be repeated
    #[arg(long, value_name = "WHAT")]
    check: Vec<Check>,
}

/// A question for `--check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Primary,
    Replica,
    Lag(u64),
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "primary" => Ok(Check::Primary),
            None if text == "replica" => Ok(Check::Replica),
            Some(("lag", n)) => n
                .parse()
                .map(Check::Lag)
                .map_err(|_| format!("{n:?} is no number")),
            _ => Err("primary, replica or lag=N".to_owned()),
        }
    }
}

#[derive(Serialize)]
struct StatusReport {
    schema: &'static str,
    path: String,
    db_id: String,
    file_id: String,
    role: &'static str,
    fenced: bool,
    fence_epoch: Option<u32>,
    position: At,
    /// The oldest position whose entries this copy still has.
    oldest_index: u64,
    epochs: Vec<EpochRow>,
    source: Option<String>,
    source_index: Option<u64>,
    lag_entries: Option<u64>,
    /// Why a new copy is needed.
    reseed: Option<String>,
    /// Why the source could not be asked.
    source_error: Option<String>,
    publish: Option<String>,
    published_index: Option<u64>,
    holds: Vec<HoldRow>,
}

#[derive(Serialize)]
struct EpochRow {
    epoch: u32,
    first_index: u64,
    node: String,
    name: String,
    reason: String,
    time_ms: u64,
    lost_entries: u64,
}

#[derive(Serialize)]
struct HoldRow {
    name: String,
    index: u64,
    max_bytes: u64,
    expires_ms: u64,
}

impl Run for StatusArgs {
    const NAME: &'static str = "status";
    const ABOUT: &'static str = "Show role, epoch, position and lag of a copy";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate status my.db
  creel replicate status copy.db --from my.db --json
  creel replicate status copy.db --check replica --check lag=1000 || page-somebody

A source that is reached over a network is not asked: the lag is then not known here.
Exit status: 0 shown, or all checks hold, 1 one does not hold; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let db = ctx.open_read(&self.db, Interest::None)?;
        let report = self.look(ctx, &db)?;
        if !self.check.is_empty() {
            let good = self.check.iter().all(|check| holds(*check, &report));
            return Ok(super::super::answer(good));
        }
        if ctx.globals.json {
            ctx.out.json(&report)?;
        } else {
            print(ctx, &report)?;
        }
        Ok(Exit::Ok)
    }
}

fn holds(check: Check, report: &StatusReport) -> bool {
    match check {
        Check::Primary => report.role != "replica" && !report.fenced,
        Check::Replica => report.role == "replica",
        Check::Lag(most) => report.lag_entries.is_some_and(|lag| lag <= most),
    }
}

impl StatusArgs {
    fn look(&self, ctx: &Context, db: &Db) -> Result<StatusReport, Failure> {
        let info = db.info()?;
        let facts = db.facts()?;
        let position = db.position()?;
        let stored = Some(facts.source.clone()).filter(|source| !source.is_empty());
        let source = self
            .from
            .clone()
            .or(stored)
            .filter(|_| info.role == Role::Replica || self.from.is_some());
        let mut report = StatusReport {
            position: At::of(
                position.epoch,
                position.index,
                position.hash.unwrap_or_default(),
            ),
            oldest_index: db.oldest_index()?,
            epochs: epochs(db)?,
            publish: Some(facts.publish.clone()).filter(|p| !p.is_empty()),
            published_index: facts.published.map(|(point, _)| point.index),
            holds: facts
                .holds
                .iter()
                .map(|hold| HoldRow {
                    name: hold.name.clone(),
                    index: hold.index,
                    max_bytes: hold.max_bytes,
                    expires_ms: hold.expires_us / 1000,
                })
                .collect(),
            source: source.clone(),
            ..blank(db, &info)
        };
        if let Some(Ok(Source::Path(path))) = source.as_deref().map(str::parse) {
            match ask(ctx, db, &path) {
                Ok(outlook) => {
                    report.source_index = Some(outlook.there.index);
                    report.lag_entries = Some(outlook.there.index.saturating_sub(position.index));
                    report.reseed = outlook.reseed;
                }
                Err(e @ (Error::Diverged { .. } | Error::Fenced { .. })) => {
                    report.reseed = Some(e.to_string());
                }
                Err(e) => report.source_error = Some(e.to_string()),
            }
        }
        Ok(report)
    }
}

fn ask(ctx: &Context, db: &Db, path: &PathBuf) -> creel::Result<Outlook> {
    let options = ctx.options().read_only(true).interest(Interest::None);
    look(db, &options.open(path)?)
}

fn blank(db: &Db, info: &Info) -> StatusReport {
    StatusReport {
        schema: "creel.status/1",
        path: db.path().display().to_string(),
        db_id: hex_id(&info.lineage_id),
        file_id: hex_id(&info.file_id),
        role: role_name(info.role),
        fenced: info.fenced,
        fence_epoch: info.fenced.then_some(info.fence_epoch),
        position: At::of(0, 0, [0; 16]),
        oldest_index: 0,
        epochs: Vec::new(),
        source: None,
        source_index: None,
        lag_entries: None,
        reseed: None,
        source_error: None,
        publish: None,
        published_index: None,
        holds: Vec::new(),
    }
}

fn epochs(db: &Db) -> Result<Vec<EpochRow>, Failure> {
    let row = |record: creel::FenceRecord| EpochRow {
        epoch: record.epoch,
        first_index: record.previous_index + 1,
        node: hex_id(&record.node),
        name: record.name,
        reason: record.reason,
        time_ms: record.time_us / 1000,
        lost_entries: record.lost.map_or(0, |(from, to)| to - from + 1),
    };
    Ok(db.epochs()?.into_iter().map(row).collect())
}

fn print(ctx: &mut Context, report: &StatusReport) -> Result<(), Failure> {
    let at = format!("{}:{}", report.position.epoch, report.position.index);
    let role = match report.fence_epoch {
        Some(epoch) => format!("{}, fenced by epoch {epoch}", report.role),
        None => report.role.to_owned(),
    };
    let mut rows: Vec<(&str, Value)> = vec![
        ("role", role.into()),
        ("position", at.into()),
        ("oldest_position", report.oldest_index.into()),
        ("epochs", (report.epochs.len() as u64).into()),
    ];
    if let Some(source) = &report.source {
        rows.push(("source", source.clone().into()));
    }
    if let Some(lag) = report.lag_entries {
        rows.push(("lag_entries", lag.into()));
    }
    if let Some(reason) = &report.reseed {
        rows.push(("needs", format!("a new copy, or rejoin: {reason}").into()));
    }
    if let Some(error) = &report.source_error {
        rows.push(("source_error", error.clone().into()));
    }
    if let Some(publish) = &report.publish {
        rows.push(("publish", publish.clone().into()));
    }
    for hold in &report.holds {
        rows.push(("hold", format!("{} from {}", hold.name, hold.index).into()));
    }
    table::facts(&mut ctx.out, &rows)
}
