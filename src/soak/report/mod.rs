//! Reports as text: a page for people, JUnit and annotations for continuous integration.

mod chart;
mod github;
mod html;
mod junit;

use super::outcome::{Outcome, Verdict};
use super::watch::Event;

pub use github::{annotations, step_summary};
pub use html::page;
pub use junit::junit;

/// One part of a run.
#[derive(Debug, Clone)]
pub struct PartView<'a> {
    /// Its name.
    pub name: &'a str,
    /// What was found.
    pub outcome: &'a Outcome,
    /// What happened.
    pub events: Vec<&'a Event>,
}

/// What all reports begin with.
#[derive(Debug, Clone)]
pub struct Heading {
    /// The worst verdict of all parts.
    pub verdict: Verdict,
    /// The seed.
    pub seed: u64,
    /// The command that does the same again.
    pub reproduce: String,
    /// Version of creel.
    pub version: &'static str,
    /// The hash of the operations.
    pub operation_hash: String,
    /// The digest at the end.
    pub final_digest: Option<String>,
}

/// Text for HTML and XML. Control characters, which XML cannot hold, become question marks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

fn verdict_text(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed: everything held",
        Verdict::Invariant => "failed: an invariant is broken",
        Verdict::Resource => "failed: too much was used",
        Verdict::Performance => "failed: slower than the baseline allows",
        Verdict::Inconclusive => "inconclusive: something could not be judged",
        Verdict::Interrupted => "interrupted: nothing wrong so far",
    }
}
