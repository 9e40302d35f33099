//! The forms of a verification report.

use std::path::Path;

use creel::{Finding, Severity, Verdict, VerifyReport};
use serde::Serialize;

use super::Extras;
use crate::cli::escape::{self, Plain};
use crate::cli::output::Out;
use crate::cli::table::{self, Value};
use crate::cli::{Failure, report, text};
use crate::commands::explain::invariants;

/// A report and how to show it.
pub(super) struct View<'a> {
    pub(super) path: &'a Path,
    pub(super) level: &'static str,
    pub(super) report: &'a VerifyReport,
    pub(super) extras: &'a Extras,
    pub(super) redact: bool,
}

#[derive(Serialize)]
struct JsonReport {
    schema: &'static str,
    path: String,
    level: &'static str,
    verdict: &'static str,
    findings: Vec<JsonFinding>,
    checked: Vec<JsonChecked>,
    pages: u64,
    bytes: u64,
    entries: u64,
    frames: u64,
    generation: u64,
    last_index: u64,
    lossless_fallback: bool,
    pinned: bool,
    findings_left_out: u64,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<JsonSample>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<JsonAgainst>,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_test: Option<JsonSelfTest>,
}

#[derive(Serialize)]
struct JsonSample {
    sample: String,
    seed: u64,
    leaves: u64,
    leaves_checked: u64,
}

#[derive(Serialize)]
struct JsonAgainst {
    path: String,
    same: bool,
    digest: String,
    digest_against: String,
}

#[derive(Serialize)]
struct JsonSelfTest {
    flips: u64,
    caught: u64,
    missed: u64,
    covered_bytes: u64,
    slack_bytes: u64,
    seed: u64,
    missed_at: Vec<JsonBit>,
}

#[derive(Serialize)]
struct JsonBit {
    offset: u64,
    bit: u8,
}

#[derive(Serialize)]
struct JsonFinding {
    id: &'static str,
    invariant: &'static str,
    severity: &'static str,
    page: Option<u64>,
    offset: Option<u64>,
    bytes: Option<u64>,
    detail: String,
    key_from_b64: Option<String>,
    key_to_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_from_redacted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_to_redacted: Option<String>,
    records_unreachable: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consequence: Option<String>,
    advice: String,
}

#[derive(Serialize)]
struct JsonChecked {
    id: &'static str,
    times: u64,
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Recoverable => "recoverable",
        Verdict::Damaged => "damaged",
        Verdict::Unreadable => "unreadable",
    }
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Note => "note",
        Severity::Damage => "damage",
    }
}

/// What damage of this kind leads to.
fn consequence(finding: &Finding) -> Option<String> {
    match finding.severity {
        Severity::Note => None,
        Severity::Damage => Some(invariants::row(finding.id).consequence),
    }
}

impl View<'_> {
    /// For people: the verdict first, then each finding with its place and advice.
    pub(super) fn text(&self, out: &mut Out) -> Result<(), Failure> {
        let r = self.report;
        for finding in &r.findings {
            out.line(&format!(
                "{} {}: {}{}",
                severity(finding),
                finding.id,
                report::printable(&finding.detail),
                place(finding)
            ))?;
            if let Some(keys) = self.keys(finding) {
                out.line(&format!("  keys: {keys}"))?;
            }
            if let Some(lost) = finding.records_unreachable {
                out.line(&format!("  records out of reach: {lost}"))?;
            }
            if let Some(means) = consequence(finding) {
                out.line(&format!("  means: {means}"))?;
            }
            let advice = finding.advice.to_string();
            if !advice.is_empty() {
                out.line(&format!("  hint: {}", report::printable(&advice)))?;
            }
        }
        if r.findings_left_out > 0 {
            let more = r.findings_left_out;
            out.line(&format!("{more} more findings; --max-findings shows them"))?;
        }
        for note in &r.notes {
            out.line(&format!("note: {}", report::printable(note)))?;
        }
        let mut facts: Vec<(&str, Value)> = vec![
            ("verdict", verdict(r.verdict).into()),
            ("level", self.level.into()),
            ("pages", r.pages.into()),
            ("bytes", Value::Bytes(r.bytes)),
            ("entries", r.entries.into()),
            ("frames", r.frames.into()),
            ("generation", r.generation.into()),
            ("last_index", r.last_index.into()),
            ("invariants", (r.checked.len() as u64).into()),
        ];
        self.extra_facts(&mut facts);
        if r.verdict == Verdict::Damaged || r.verdict == Verdict::Unreadable {
            let path = self.path.display();
            facts.push(("next", format!("creel salvage {path} -o NEW").into()));
        }
        table::facts(out, &facts)
    }

    /// One object.
    pub(super) fn json(&self, out: &mut Out) -> Result<(), Failure> {
        let r = self.report;
        let plain = |key: &Option<Vec<u8>>| {
            let key = key.as_deref().filter(|_| !self.redact);
            key.map(text::base64)
        };
        let redacted = |key: &Option<Vec<u8>>| {
            let key = key.as_deref().filter(|_| self.redact);
            key.map(text::redacted)
        };
        let findings = r.findings.iter().map(|f| JsonFinding {
            id: f.id.name(),
            invariant: f.id.text(),
            severity: severity(f),
            page: f.page.map(u64::from),
            offset: f.offset,
            bytes: f.bytes,
            detail: f.detail.to_string(),
            key_from_b64: plain(&f.key_from),
            key_to_b64: plain(&f.key_to),
            key_from_redacted: redacted(&f.key_from),
            key_to_redacted: redacted(&f.key_to),
            records_unreachable: f.records_unreachable,
            consequence: consequence(f),
            advice: f.advice.to_string(),
        });
        out.json(&JsonReport {
            schema: "creel.verify/1",
            path: self.path.to_string_lossy().into_owned(),
            level: self.level,
            verdict: verdict(r.verdict),
            findings: findings.collect(),
            checked: r
                .checked
                .iter()
                .map(|(id, times)| JsonChecked {
                    id: id.name(),
                    times: *times,
                })
                .collect(),
            pages: r.pages,
            bytes: r.bytes,
            entries: r.entries,
            frames: r.frames,
            generation: r.generation,
            last_index: r.last_index,
            lossless_fallback: r.lossless_fallback,
            pinned: r.pinned,
            findings_left_out: r.findings_left_out,
            notes: r.notes.clone(),
            sample: self.extras.sample.map(|(wanted, seed)| {
                let coverage = r.coverage.unwrap_or_default();
                JsonSample {
                    sample: wanted.text(),
                    seed,
                    leaves: coverage.leaves,
                    leaves_checked: coverage.checked,
                }
            }),
            against: self.extras.against.as_ref().map(|a| JsonAgainst {
                path: a.path.clone(),
                same: a.same(),
                digest: a.own.to_string(),
                digest_against: a.other.to_string(),
            }),
            self_test: self.extras.self_test.as_ref().map(|t| JsonSelfTest {
                flips: t.flips,
                caught: t.caught,
                missed: t.missed,
                covered_bytes: t.covered_bytes,
                slack_bytes: t.slack_bytes,
                seed: t.seed,
                missed_at: t
                    .places
                    .iter()
                    .map(|&(offset, bit)| JsonBit { offset, bit })
                    .collect(),
            }),
        })
    }

    fn extra_facts(&self, facts: &mut Vec<(&'static str, Value)>) {
        if let Some((wanted, seed)) = self.extras.sample {
            let coverage = self.report.coverage.unwrap_or_default();
            let share = coverage.checked as f64 * 100.0 / coverage.leaves.max(1) as f64;
            let (checked, leaves) = (coverage.checked, coverage.leaves);
            facts.push(("sample", wanted.text().into()));
            facts.push((
                "coverage",
                format!("{checked} of {leaves} leaves ({share:.1}%)").into(),
            ));
            if !wanted.is_part() {
                facts.push(("seed", seed.into()));
            }
        }
        if let Some(against) = &self.extras.against {
            let text = if against.same() {
                "the same"
            } else {
                "different"
            };
            facts.push(("digest", against.own.to_string().into()));
            facts.push(("against", text.into()));
        }
        if let Some(test) = &self.extras.self_test {
            facts.push(("self_test_flips", test.flips.into()));
            facts.push(("self_test_caught", test.caught.into()));
            facts.push(("self_test_missed", test.missed.into()));
            facts.push(("covered_bytes", Value::Bytes(test.covered_bytes)));
            facts.push(("slack_bytes", Value::Bytes(test.slack_bytes)));
            facts.push(("seed", test.seed.into()));
        }
    }

    fn keys(&self, finding: &Finding) -> Option<String> {
        if finding.key_from.is_none() && finding.key_to.is_none() {
            return None;
        }
        let show = |key: &Option<Vec<u8>>, open: &str| match key {
            None => open.to_owned(),
            Some(key) if self.redact => text::redacted(key),
            Some(key) => escape::to_string(key, Plain::Ascii),
        };
        let from = show(&finding.key_from, "the first");
        Some(format!("{from} to {}", show(&finding.key_to, "the last")))
    }
}

/// Page and bytes, as the end of a sentence.
pub(super) fn place(finding: &Finding) -> String {
    let mut text = String::new();
    if let Some(page) = finding.page {
        text.push_str(&format!(", page {page}"));
    }
    match (finding.offset, finding.bytes) {
        (Some(offset), Some(bytes)) => text.push_str(&format!(", {bytes} bytes at {offset}")),
        (Some(offset), None) => text.push_str(&format!(", byte {offset}")),
        _ => {}
    }
    text
}
