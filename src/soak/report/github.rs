//! Annotations and the step summary of GitHub workflows.

use std::fmt::Write as _;

use super::{Heading, PartView, verdict_text};

/// Workflow commands: one for everything that failed or could not be judged.
pub fn annotations(parts: &[PartView<'_>]) -> String {
    let mut text = String::new();
    for part in parts {
        for broken in part.outcome.broken() {
            let message = format!("operation {}: {}", broken.operation, broken.detail);
            let title = format!("creel soak {} {}", part.name, broken.check.name());
            let _ = writeln!(
                text,
                "::error title={}::{}",
                property(&title),
                command(&message)
            );
        }
        for note in &part.outcome.inconclusive {
            let title = property(&format!("creel soak {}", part.name));
            let _ = writeln!(text, "::warning title={title}::{}", command(note));
        }
    }
    text
}

/// Markdown for the page of the run.
pub fn step_summary(heading: &Heading, parts: &[PartView<'_>]) -> String {
    let mut text = format!("### creel soak {}\n\n", verdict_text(heading.verdict));
    text.push_str("| part | operations | per second | commit p99 | checks | failed |\n|---|---|---|---|---|---|\n");
    for part in parts {
        let (commits, _) = part.outcome.quantiles();
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.1} us | {} | {} |",
            part.name,
            part.outcome.operations,
            part.outcome.rate(),
            commits.p99_ns as f64 / 1000.0,
            part.outcome.ledger.total(),
            part.outcome.broken().len()
        );
    }
    for part in parts {
        for broken in part.outcome.broken() {
            let detail = broken.detail.replace(['`', '\n'], "'");
            let _ = writeln!(text, "\n- **{}**: `{detail}`", broken.check.name());
        }
    }
    let _ = writeln!(text, "\n`{}`\n", heading.reproduce.replace('`', "'"));
    text
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
        assert_eq!(command("a\n::error::x"), "a%0A::error::x");
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
        assert_eq!(
            super::super::escaped("<a b=\"&\u{1}\">"),
            "&lt;a b=&quot;&amp;?&quot;&gt;"
        );
    }
}
