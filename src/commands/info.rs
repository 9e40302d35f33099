//! `creel info`: what the header says; no lock, no recovery.

use std::path::Path;

use clap::Args;
use creel::{Corruption, Info, LogInfo, Role, SlotInfo};
use serde::Serialize;
use serde_json::Value as Json;

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, text};

/// Arguments of `creel info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    #[command(flatten)]
    db: DbArg,
    /// Print one value, for example page_size or slots.0.state
    #[arg(long, value_name = "FIELD")]
    get: Option<String>,
}

#[derive(Serialize)]
struct InfoReport {
    schema: &'static str,
    path: String,
    format: String,
    state: &'static str,
    needs_recovery: Option<bool>,
    log: Log,
    db_id: String,
    file_id: String,
    page_size: u32,
    generation: u64,
    role: &'static str,
    fenced: bool,
    epoch: u32,
    checkpoint_index: u64,
    checkpoint_time_ms: u64,
    created_time_ms: u64,
    entries_checkpointed: u64,
    logical_bytes: u64,
    content_sum: String,
    page_count: u64,
    file_bytes: u64,
    free_available_pages: u64,
    free_pending_pages: u64,
    tree_height: u8,
    oldest_pin: Option<u64>,
    slots: [Slot; 2],
    regions: [Region; 2],
}

/// What stands in the log after the last checkpoint.
#[derive(Serialize)]
struct Log {
    entries: Option<u64>,
    bytes: Option<u64>,
    last_index: Option<u64>,
    torn_bytes: Option<u64>,
    damage: Option<String>,
}

#[derive(Serialize)]
struct Slot {
    state: &'static str,
    generation: Option<u64>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Region {
    start_page: u64,
    bytes: u64,
    region_seq: u64,
    first_index: u64,
}

/// An identifier as hex.
pub(super) fn hex_id(id: &[u8; 16]) -> String {
    text::hex(id)
}

/// A role as it is printed.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Standalone => "standalone",
        Role::Primary => "primary",
        Role::Replica => "replica",
    }
}

impl Log {
    fn of(found: &Result<LogInfo, Corruption>) -> Log {
        let known = found.as_ref().ok();
        Log {
            entries: known.map(|l| l.entries),
            bytes: known.map(|l| l.bytes),
            last_index: known.map(|l| l.last_index),
            torn_bytes: known.map(|l| l.torn_bytes),
            damage: found.as_ref().err().map(ToString::to_string),
        }
    }
}

/// The log as it stands; damage to it is something to tell, not a reason to fail.
fn look(path: &Path) -> Result<Result<LogInfo, Corruption>, Failure> {
    match creel::log_info(path) {
        Ok(found) => Ok(Ok(found)),
        Err(creel::Error::Corrupt(damage)) => Ok(Err(damage)),
        Err(error) => Err(error.into()),
    }
}

/// The state in words, and whether the next open has something to put right; `None` where that
/// cannot be told.
fn state(info: &Info, log: &Result<LogInfo, Corruption>) -> (&'static str, Option<bool>) {
    let damaged = info.slots.iter().any(|s| matches!(s, SlotInfo::Damaged(_)));
    match log {
        Err(_) => ("the log is damaged: creel verify DB", None),
        Ok(_) if damaged => ("needs recovery: one header copy is damaged", Some(true)),
        Ok(log) if !log.needs_recovery() => ("ok", Some(false)),
        Ok(log) if log.writer => ("in use: the last log entry is being written", Some(false)),
        Ok(log) if log.unfinished_bulk => {
            ("needs recovery: a bulk load never finished", Some(true))
        }
        Ok(log) if log.header_lost => ("needs recovery: the newest header is lost", Some(true)),
        Ok(_) => (
            "needs recovery: the last log entry is unfinished",
            Some(true),
        ),
    }
}

impl InfoReport {
    fn new(info: Info, log: &Result<LogInfo, Corruption>) -> Self {
        let (state, needs_recovery) = state(&info, log);
        InfoReport {
            schema: "creel.info/1",
            path: info.path.to_string_lossy().into_owned(),
            format: format!("{}.{}", info.format.0, info.format.1),
            state,
            needs_recovery,
            log: Log::of(log),
            db_id: hex_id(&info.lineage_id),
            file_id: hex_id(&info.file_id),
            page_size: info.page_size,
            generation: info.generation,
            role: role_name(info.role),
            fenced: info.fenced,
            epoch: info.epoch,
            checkpoint_index: info.checkpoint_index,
            checkpoint_time_ms: info.checkpoint_time_ms,
            created_time_ms: info.created_time_ms,
            entries_checkpointed: info.entry_count,
            logical_bytes: info.logical_bytes,
            content_sum: format!("{:016x}", info.content_sum),
            page_count: info.page_count,
            file_bytes: info.file_bytes,
            free_available_pages: info.free_available,
            free_pending_pages: info.free_pending,
            tree_height: info.tree_height,
            oldest_pin: info.oldest_pin,
            slots: info.slots.map(|slot| match slot {
                SlotInfo::Valid { generation } => Slot {
                    state: "valid",
                    generation: Some(generation),
                    reason: None,
                },
                SlotInfo::Blank => Slot {
                    state: "blank",
                    generation: None,
                    reason: None,
                },
                SlotInfo::Damaged(reason) => Slot {
                    state: "damaged",
                    generation: None,
                    reason: Some(reason),
                },
            }),
            regions: info.regions.map(|r| Region {
                start_page: u64::from(r.start_page),
                bytes: r.bytes,
                region_seq: r.region_seq,
                first_index: r.first_index,
            }),
        }
    }
}

impl Run for InfoArgs {
    const NAME: &'static str = "info";
    const ABOUT: &'static str = "Show what the header says, without lock or recovery";
    const EXAMPLES: &'static str = "\
Examples:
  creel info my.db
  creel info my.db --get page_size
  creel info my.db --json | jq .generation

Works without write permission and on files that need recovery, which it tells but does not do: that is
for the next command that writes, or creel open DB. Commits that are still in the log are counted apart
(log_entries); creel list --count counts all entries.
Exit status: 0 done, 5 no such file, 6 not a creel database; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let path = ctx.path(&self.db)?;
        let report = InfoReport::new(creel::info(&path)?, &look(&path)?);
        if let Some(field) = &self.get {
            let value = lookup(&report, field)?;
            ctx.out.line(&value)?;
            return Ok(Exit::Ok);
        }
        if ctx.globals.json {
            ctx.out.json(&report)?;
            return Ok(Exit::Ok);
        }
        table::facts(&mut ctx.out, &facts(&report))?;
        Ok(Exit::Ok)
    }
}

/// The value of a field, as text; a dot goes one level down.
fn lookup(report: &InfoReport, field: &str) -> Result<String, Failure> {
    let all = serde_json::to_value(report).unwrap_or(Json::Null);
    let pointer = format!("/{}", field.replace('.', "/"));
    match all.pointer(&pointer) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(Json::Null) => Ok(String::new()),
        Some(other) => Ok(other.to_string()),
        None => {
            let names: Vec<&str> = all
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            Err(Failure::usage(format!("info has no field {field:?}"))
                .hint(format!("one of: {}", names.join(", "))))
        }
    }
}

fn facts(r: &InfoReport) -> Vec<(&'static str, Value)> {
    let page = u64::from(r.page_size);
    let fenced = if r.fenced { " (fenced)" } else { "" };
    let mut facts: Vec<(&'static str, Value)> = vec![
        ("path", r.path.clone().into()),
        ("state", r.state.into()),
        ("format", r.format.clone().into()),
        ("db_id", r.db_id.clone().into()),
        ("role", format!("{}{fenced}", r.role).into()),
        ("epoch", u64::from(r.epoch).into()),
        ("generation", r.generation.into()),
        ("checkpoint_index", r.checkpoint_index.into()),
        ("entries_checkpointed", r.entries_checkpointed.into()),
        (
            "log_entries",
            r.log.entries.map_or("unknown".into(), Value::Count),
        ),
        (
            "log_bytes",
            r.log.bytes.map_or("unknown".into(), Value::Bytes),
        ),
        ("logical_bytes", Value::Bytes(r.logical_bytes)),
        ("file_bytes", Value::Bytes(r.file_bytes)),
        ("page_size", Value::Bytes(page)),
        ("page_count", r.page_count.into()),
        (
            "free_bytes",
            Value::Bytes(r.free_available_pages.saturating_mul(page)),
        ),
        ("tree_height", u64::from(r.tree_height).into()),
        ("content_sum", r.content_sum.clone().into()),
    ];
    for (name, slot) in ["header_a", "header_b"].into_iter().zip(&r.slots) {
        let text = match (slot.generation, &slot.reason) {
            (Some(generation), _) => format!("{} generation {generation}", slot.state),
            (None, Some(reason)) => format!("{}: {reason}", slot.state),
            (None, None) => slot.state.to_owned(),
        };
        facts.push((name, text.into()));
    }
    facts
}
