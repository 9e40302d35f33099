//! The forms of a comparison.

use serde::Serialize;

use super::{Change, Counts, Difference, Plain};
use crate::cli::output::Out;
use crate::cli::table;
use crate::cli::{Failure, escape, text};
use crate::commands::content::{self, About};

/// How differences are printed.
pub(super) struct Lines {
    pub json: bool,
    pub redact: bool,
    pub plain: Plain,
}

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    record: &'static str,
    change: &'static str,
    keyspace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_redacted: Option<String>,
    value_bytes_a: Option<u64>,
    value_bytes_b: Option<u64>,
}

#[derive(Serialize)]
struct End {
    schema: &'static str,
    record: &'static str,
    same: bool,
    removed: u64,
    added: u64,
    changed: u64,
    unchanged: u64,
    a: Side,
    b: Side,
}

#[derive(Serialize)]
struct Side {
    path: String,
    kind: &'static str,
    position: Option<Position>,
    db_id: Option<String>,
}

#[derive(Serialize)]
struct Position {
    epoch: u32,
    index: u64,
}

impl Lines {
    /// One difference, one line.
    pub fn print(&mut self, out: &mut Out, found: &Difference<'_>) -> Result<(), Failure> {
        if self.json {
            let bytes = |value: Option<&[u8]>| value.map(|v| v.len() as u64);
            return out.json(&Record {
                schema: "creel.diff/1",
                record: "difference",
                change: match found.change {
                    Change::Removed => "removed",
                    Change::Added => "added",
                    Change::Changed => "changed",
                },
                keyspace: found.keyspace,
                key_b64: (!self.redact).then(|| text::base64(found.key)),
                key_redacted: self.redact.then(|| text::redacted(found.key)),
                value_bytes_a: bytes(found.before),
                value_bytes_b: bytes(found.after),
            });
        }
        let sign = match found.change {
            Change::Removed => b"- ",
            Change::Added => b"+ ",
            Change::Changed => b"~ ",
        };
        let mut line = sign.to_vec();
        if found.keyspace != "main" {
            escape::encode(found.keyspace.as_bytes(), self.plain, &mut line);
            line.push(b'\t');
        }
        if self.redact {
            line.extend_from_slice(text::redacted(found.key).as_bytes());
        } else {
            escape::encode(found.key, self.plain, &mut line);
        }
        line.push(b'\n');
        out.bytes(&line)
    }
}

/// The object at the end, or the only one.
pub(super) fn json_end(
    out: &mut Out,
    counts: &Counts,
    a: &About,
    b: &About,
) -> Result<(), Failure> {
    out.json(&End {
        schema: "creel.diff/1",
        record: "end",
        same: counts.same(),
        removed: counts.removed,
        added: counts.added,
        changed: counts.changed,
        unchanged: counts.unchanged,
        a: side(a),
        b: side(b),
    })
}

fn side(about: &About) -> Side {
    Side {
        path: content::shown(&about.path),
        kind: about.kind,
        position: about.position.map(|p| Position {
            epoch: p.epoch,
            index: p.index,
        }),
        db_id: about.lineage.map(|id| text::hex(&id)),
    }
}

/// `--summary`.
pub(super) fn facts(out: &mut Out, counts: &Counts) -> Result<(), Failure> {
    let same = if counts.same() { "yes" } else { "no" };
    table::facts(
        out,
        &[
            ("same", same.into()),
            ("removed", counts.removed.into()),
            ("added", counts.added.into()),
            ("changed", counts.changed.into()),
            ("unchanged", counts.unchanged.into()),
        ],
    )
}

/// One line for people.
pub(super) fn sentence(counts: &Counts) -> String {
    if counts.same() {
        return format!("the same: {} entries", counts.unchanged);
    }
    format!(
        "different: {} only in A, {} only in B, {} with another value, {} the same",
        counts.removed, counts.added, counts.changed, counts.unchanged
    )
}
