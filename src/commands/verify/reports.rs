//! The forms of a verification report.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use creel::{Finding, Severity, Verdict, VerifyReport};
use serde::Serialize;

use crate::cli::escape::{self, Plain};
use crate::cli::output::Out;
use crate::cli::table::{self, Value};
use crate::cli::{Failure, report, text};

/// A report and how to show it.
pub(super) struct View<'a> {
    pub(super) path: &'a Path,
    pub(super) level: &'static str,
    pub(super) report: &'a VerifyReport,
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
    advice: String,
}

#[derive(Serialize)]
struct JsonChecked {
    id: &'static str,
    times: u64,
}

fn verdict(verdict: Verdict) -> &'static str {
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
        })
    }

    /// One test case for each invariant that was checked.
    pub(super) fn junit(&self, out: &mut Out) -> Result<(), Failure> {
        let r = self.report;
        let damaged = |id| {
            r.findings
                .iter()
                .filter(move |f| f.id == id && f.severity == Severity::Damage)
        };
        let mut ids: Vec<_> = r.checked.iter().map(|(id, _)| *id).collect();
        ids.extend(r.findings.iter().map(|f| f.id));
        ids.sort_unstable();
        ids.dedup();
        let failures = ids
            .iter()
            .filter(|id| damaged(**id).next().is_some())
            .count();
        out.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        out.line(&format!(
            "<testsuite name=\"creel verify {}\" tests=\"{}\" failures=\"{failures}\">",
            xml(&self.path.to_string_lossy()),
            ids.len()
        ))?;
        for id in ids {
            let name = xml(&format!("{id}: {}", id.text()));
            out.line(&format!(
                "  <testcase classname=\"creel.verify\" name=\"{name}\">"
            ))?;
            for finding in damaged(id) {
                let detail = format!("{}{}", finding.detail, place(finding));
                let message = xml(&detail);
                out.line(&format!("    <failure message=\"{message}\"/>"))?;
            }
            out.line("  </testcase>")?;
        }
        out.line("</testsuite>")
    }

    /// Workflow commands, and a line in the step summary where there is one.
    pub(super) fn github(&self, out: &mut Out) -> Result<(), Failure> {
        let path = self.path.to_string_lossy();
        for finding in &self.report.findings {
            let level = if finding.severity == Severity::Damage {
                "error"
            } else {
                "notice"
            };
            let detail = format!("{}{}", finding.detail, place(finding));
            out.line(&format!(
                "::{level} file={},title=creel verify {}::{}",
                property(&path),
                finding.id,
                command(&detail)
            ))?;
        }
        let line = format!(
            "creel verify {}: {} ({} findings, {} pages)",
            escape::to_string(path.as_bytes(), Plain::Utf8),
            verdict(self.report.verdict),
            self.report.findings.len(),
            self.report.pages
        );
        out.line(&line)?;
        let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|s| !s.is_empty())
        else {
            return Ok(());
        };
        let summary = PathBuf::from(summary);
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&summary)
            .and_then(|mut file| writeln!(file, "{line}\n"))
            .map_err(|e| Failure::file("write", &summary, &e))
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
fn place(finding: &Finding) -> String {
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

/// Text for an attribute; characters that XML cannot hold are escaped as elsewhere.
fn xml(text: &str) -> String {
    escape::to_string(text.as_bytes(), Plain::Utf8)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn command(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    command(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_break_out() {
        assert_eq!(xml("a\"<b>&\x01"), "a&quot;&lt;b&gt;&amp;\\x01");
        assert_eq!(command("a\n::error::x"), "a%0A::error::x");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }
}
