//! One thing that was tried, and what came of it.

use serde::Serialize;
use serde_json::{Map, Value};

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// creel works, but somebody should know.
    Warn,
    /// creel needs this.
    Fail,
}

impl Status {
    /// As it is printed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        }
    }
}

/// A line of the report.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// What was seen.
    pub(super) found: String,
    /// What that means for creel.
    pub(super) meaning: &'static str,
    /// What to do about it.
    pub(super) advice: Option<&'static str>,
    /// Numbers for programs.
    pub(super) facts: Map<String, Value>,
}

impl Check {
    /// As it should be.
    pub(super) fn ok(name: &'static str, found: impl Into<String>, meaning: &'static str) -> Check {
        Check {
            name,
            status: Status::Ok,
            found: found.into(),
            meaning,
            advice: None,
            facts: Map::new(),
        }
    }

    /// Works, with a drawback.
    pub(super) fn warn(
        name: &'static str,
        found: impl Into<String>,
        meaning: &'static str,
        advice: &'static str,
    ) -> Check {
        Check {
            status: Status::Warn,
            advice: Some(advice),
            ..Check::ok(name, found, meaning)
        }
    }

    /// Does not work, and creel needs it.
    pub(super) fn fail(
        name: &'static str,
        found: impl Into<String>,
        meaning: &'static str,
        advice: &'static str,
    ) -> Check {
        Check {
            status: Status::Fail,
            ..Check::warn(name, found, meaning, advice)
        }
    }

    /// Adds a number.
    pub(super) fn fact(mut self, name: &str, value: u64) -> Check {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}
