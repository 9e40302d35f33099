//! What a drill found, for people and programs.

use std::ffi::OsStr;
use std::time::Duration;

use serde::Serialize;

use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure};
use crate::commands::content::Summary;

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It can be restored.
    Restorable,
    /// It can be restored, but `--against` holds something else.
    Other,
    /// A database that cannot be restored, and why.
    Damaged(String),
    /// An export that cannot be restored, and why.
    Broken(String),
    /// The proof could not be made.
    Inconclusive(String),
}

impl Verdict {
    pub fn exit(&self) -> Exit {
        match self {
            Verdict::Restorable => Exit::Ok,
            Verdict::Other => Exit::No,
            Verdict::Damaged(_) => Exit::Corrupt,
            Verdict::Broken(_) => Exit::BadInput,
            Verdict::Inconclusive(_) => Exit::Inconclusive,
        }
    }

    fn outcome(&self) -> &'static str {
        match self {
            Verdict::Restorable | Verdict::Other => "restorable",
            Verdict::Damaged(_) | Verdict::Broken(_) => "not_restorable",
            Verdict::Inconclusive(_) => "inconclusive",
        }
    }

    fn reason(&self) -> &str {
        match self {
            Verdict::Restorable => "",
            Verdict::Other => "--against holds something else",
            Verdict::Damaged(why) | Verdict::Broken(why) | Verdict::Inconclusive(why) => why,
        }
    }
}

/// What became known on the way.
pub(super) struct Report {
    path: String,
    pub kind: &'static str,
    pub position: Option<(u32, u64)>,
    pub bytes: u64,
    pub source: Option<Summary>,
    pub restored: Option<Summary>,
    pub against_path: Option<String>,
    pub against: Option<Summary>,
    pub restore: Option<Duration>,
    pub verify: Option<Duration>,
    pub total: Duration,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    path: &'a str,
    kind: &'a str,
    outcome: &'static str,
    reason: &'a str,
    position: Option<Position>,
    entries: Option<u64>,
    restored_bytes: u64,
    digest_source: Option<String>,
    digest_restored: Option<String>,
    against: Option<&'a str>,
    digest_against: Option<String>,
    same_as_against: Option<bool>,
    restore_ms: Option<u64>,
    verify_ms: Option<u64>,
    total_ms: u64,
}

#[derive(Serialize)]
struct Position {
    epoch: u32,
    index: u64,
}

impl Report {
    pub fn new(path: &OsStr) -> Report {
        Report {
            path: path.to_string_lossy().into_owned(),
            kind: "unknown",
            position: None,
            bytes: 0,
            source: None,
            restored: None,
            against_path: None,
            against: None,
            restore: None,
            verify: None,
            total: Duration::ZERO,
        }
    }

    pub fn print(&self, ctx: &mut Context, verdict: &Verdict) -> Result<(), Failure> {
        if ctx.globals.json {
            return self.json(ctx, verdict);
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        let mut facts: Vec<(&str, Value)> =
            vec![("outcome", verdict.outcome().replace('_', " ").into())];
        let mut fact = |name, value: Option<Value>| {
            facts.extend(value.map(|value| (name, value)));
        };
        let reason = verdict.reason();
        fact("reason", (!reason.is_empty()).then(|| reason.into()));
        fact("kind", Some(self.kind.into()));
        let position = |(epoch, index)| format!("{epoch}:{index}").into();
        fact("position", self.position.map(position));
        fact("entries", self.restored.map(|r| r.entries.into()));
        fact("digest", self.restored.map(|r| r.digest.to_string().into()));
        fact("against", self.against.map(|a| a.digest.to_string().into()));
        fact(
            "restored_bytes",
            (self.bytes > 0).then_some(Value::Bytes(self.bytes)),
        );
        fact("restore_time", self.restore.map(seconds));
        fact("verify_time", self.verify.map(seconds));
        table::facts(&mut ctx.out, &facts)
    }

    fn json(&self, ctx: &mut Context, verdict: &Verdict) -> Result<(), Failure> {
        let digest = |summary: Option<Summary>| summary.map(|s| s.digest.to_string());
        ctx.out.json(&Line {
            schema: "creel.drill/1",
            path: &self.path,
            kind: self.kind,
            outcome: verdict.outcome(),
            reason: verdict.reason(),
            position: self
                .position
                .map(|(epoch, index)| Position { epoch, index }),
            entries: self.restored.map(|r| r.entries),
            restored_bytes: self.bytes,
            digest_source: digest(self.source),
            digest_restored: digest(self.restored),
            against: self.against_path.as_deref(),
            digest_against: digest(self.against),
            same_as_against: self.against.map(|_| *verdict == Verdict::Restorable),
            restore_ms: self.restore.map(millis),
            verify_ms: self.verify.map(millis),
            total_ms: millis(self.total),
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(time: Duration) -> Value {
    format!("{:.3} s", time.as_secs_f64()).into()
}
