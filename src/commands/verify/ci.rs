//! The forms for continuous integration: JUnit and GitHub workflows.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use creel::Severity;

use super::reports::{View, place, verdict};
use crate::cli::Failure;
use crate::cli::escape::{self, Plain};
use crate::cli::output::Out;

impl View<'_> {
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
        let extras = self.extra_cases();
        let failures = failures
            + extras
                .iter()
                .filter(|(_, problem)| problem.is_some())
                .count();
        out.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        out.line(&format!(
            "<testsuite name=\"creel verify {}\" tests=\"{}\" failures=\"{failures}\">",
            xml(&self.path.to_string_lossy()),
            ids.len() + extras.len()
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
        for (name, problem) in extras {
            let name = xml(name);
            out.line(&format!(
                "  <testcase classname=\"creel.verify\" name=\"{name}\">"
            ))?;
            if let Some(problem) = problem {
                let message = xml(&problem);
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
        for problem in self
            .extra_cases()
            .into_iter()
            .filter_map(|(_, problem)| problem)
        {
            let (file, problem) = (property(&path), command(&problem));
            out.line(&format!(
                "::error file={file},title=creel verify::{problem}"
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

    /// What was done besides the check, and what is wrong with it.
    fn extra_cases(&self) -> Vec<(&'static str, Option<String>)> {
        let mut cases = Vec::new();
        if let Some(against) = &self.extras.against {
            let other = || format!("{} holds something else", against.path);
            cases.push(("against", (!against.same()).then(other)));
        }
        if let Some(test) = &self.extras.self_test {
            let missed = || {
                format!(
                    "{} of {} flipped bits went unnoticed",
                    test.missed, test.flips
                )
            };
            cases.push(("self-test", (test.missed > 0).then(missed)));
        }
        cases
    }
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
