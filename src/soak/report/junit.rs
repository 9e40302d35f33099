//! JUnit: one case for each check of each part.

use std::fmt::Write as _;

use super::{PartView, escaped};
use crate::soak::check::Check;

/// The whole file.
pub fn junit(parts: &[PartView<'_>]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for part in parts {
        suite(&mut text, part);
    }
    text.push_str("</testsuites>\n");
    text
}

fn suite(text: &mut String, part: &PartView<'_>) {
    let outcome = part.outcome;
    let standings = outcome.standings();
    let failures = standings.iter().filter(|s| s.failed > 0).count();
    let doubts = usize::from(!outcome.inconclusive.is_empty());
    let _ = writeln!(
        text,
        "  <testsuite name=\"creel soak {}\" tests=\"{}\" failures=\"{failures}\" errors=\"{doubts}\" skipped=\"{}\" time=\"{:.3}\">",
        escaped(part.name),
        Check::ALL.len() + doubts,
        Check::ALL.len() - standings.len(),
        outcome.elapsed_s
    );
    for check in Check::ALL {
        let name = format!("{}: {}", check.name(), check.text());
        let _ = write!(
            text,
            "    <testcase classname=\"creel.soak.{}\" name=\"{}\"",
            escaped(part.name),
            escaped(&name)
        );
        match standings.iter().find(|s| s.check == *check) {
            None => text.push_str("><skipped message=\"not part of this run\"/></testcase>\n"),
            Some(standing) if standing.failed == 0 => text.push_str("/>\n"),
            Some(_) => {
                text.push_str(">\n");
                for broken in outcome.broken().iter().filter(|b| b.check == *check) {
                    let message = format!("operation {}: {}", broken.operation, broken.detail);
                    let _ = writeln!(text, "      <failure message=\"{}\"/>", escaped(&message));
                }
                text.push_str("    </testcase>\n");
            }
        }
    }
    if doubts > 0 {
        let _ = writeln!(
            text,
            "    <testcase classname=\"creel.soak.{}\" name=\"judged\"><error message=\"{}\"/></testcase>",
            escaped(part.name),
            escaped(&outcome.inconclusive.join("; "))
        );
    }
    text.push_str("  </testsuite>\n");
}
