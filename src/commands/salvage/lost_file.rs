//! What is lost, for programs: one JSON object a line.

use creel::salvage::{LostCommits, LostRange, SalvageReport};
use serde::Serialize;

use crate::cli::{Failure, codes, text};

/// A range of keys.
#[derive(Serialize)]
pub(super) struct RangeLine<'a> {
    schema: &'static str,
    record: &'static str,
    damage: u64,
    keyspace: Option<&'a str>,
    keyspace_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_redacted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_redacted: Option<String>,
    entries: Option<u64>,
    recovered: u64,
    invariant: &'static str,
    page: Option<u32>,
    offset: Option<u64>,
    detail: &'a str,
    places: u64,
}

/// A run of commits.
#[derive(Serialize)]
pub(super) struct CommitsLine {
    schema: &'static str,
    record: &'static str,
    from: u64,
    to: u64,
    readable: bool,
}

pub(super) fn range(range: &LostRange, redact: bool) -> RangeLine<'_> {
    let encode = |key: &[u8]| {
        if redact {
            text::redacted(key)
        } else {
            text::base64(key)
        }
    };
    let from = Some(encode(&range.from));
    let to = range.to.as_deref().map(encode);
    let (plain, hidden) = if redact {
        (None, Some((from, to)))
    } else {
        (Some((from, to)), None)
    };
    let (from_b64, to_b64) = plain.unwrap_or_default();
    let (from_redacted, to_redacted) = hidden.unwrap_or_default();
    RangeLine {
        schema: "creel.lost/1",
        record: "range",
        damage: range.damage,
        keyspace: range.name.as_deref(),
        keyspace_id: range.keyspace,
        from_b64,
        to_b64,
        from_redacted,
        to_redacted,
        entries: range.entries,
        recovered: range.recovered,
        invariant: range.cause.id.name(),
        page: range.cause.page,
        offset: range.cause.offset,
        detail: &range.cause.detail,
        places: range.places,
    }
}

pub(super) fn commits(commits: &LostCommits) -> CommitsLine {
    CommitsLine {
        schema: "creel.lost/1",
        record: "commits",
        from: commits.from,
        to: commits.to,
        readable: commits.readable,
    }
}

/// The whole file.
pub(super) fn lines(report: &SalvageReport, redact: bool) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for lost in &report.lost {
        push(&mut out, &range(lost, redact))?;
    }
    for lost in &report.lost_commits {
        push(&mut out, &commits(lost))?;
    }
    Ok(out)
}

fn push(out: &mut Vec<u8>, line: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, line)
        .map_err(|e| Failure::new(&codes::INTERNAL, format!("cannot write JSON: {e}")))?;
    out.push(b'\n');
    Ok(())
}
