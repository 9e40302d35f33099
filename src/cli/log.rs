//! Events on standard error for `-v`, `-vv` and `CREEL_LOG`: what a command did on the way, by
//! target and level, as text or as JSON lines.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::globals::Globals;
use super::report;

/// What events are about.
pub const TARGETS: &[&str] = &[
    "backup",
    "checkpoint",
    "commit",
    "compact",
    "diff",
    "drill",
    "open",
    "verify",
];

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is not as it should be, and the command goes on.
    Warn,
    /// What was done.
    Info,
    /// How it was done.
    Debug,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }

    /// `None` inside is "off".
    fn parse(text: &str) -> Option<Option<Level>> {
        let all = [Level::Error, Level::Warn, Level::Info, Level::Debug];
        match text {
            "off" => Some(None),
            _ => all.into_iter().find(|l| l.name() == text).map(Some),
        }
    }
}

/// Form of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

/// Which events are printed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    json: bool,
    /// For targets without a rule; `None` = nothing.
    level: Option<Level>,
    rules: Vec<(&'static str, Option<Level>)>,
}

#[derive(Serialize)]
struct Event<'a> {
    schema: &'static str,
    time_ms: u64,
    level: &'static str,
    target: &'static str,
    message: &'a str,
    fields: Map<String, Value>,
}

impl Log {
    /// What the flags and `CREEL_LOG` ask for.
    pub fn new(globals: &Globals) -> Result<Log, Failure> {
        let mut log = Log {
            json: match globals.log_format {
                Some(format) => format == LogFormat::Json,
                None => globals.json,
            },
            level: match globals.verbose {
                0 => None,
                1 => Some(Level::Info),
                _ => Some(Level::Debug),
            },
            rules: Vec::new(),
        };
        if let Some(filter) = std::env::var_os("CREEL_LOG").filter(|f| !f.is_empty()) {
            log.filter(&filter.to_string_lossy())?;
        }
        if globals.quiet >= 2 {
            (log.level, log.rules) = (None, Vec::new());
        }
        Ok(log)
    }

    /// Reads `info`, `checkpoint=debug` or several of these with commas between them.
    fn filter(&mut self, text: &str) -> Result<(), Failure> {
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (target, level) = part
                .split_once('=')
                .map_or((None, part), |(t, l)| (Some(t), l));
            let Some(level) = Level::parse(level) else {
                return Err(bad(part, "levels are off, error, warn, info and debug"));
            };
            let Some(target) = target else {
                self.level = level;
                continue;
            };
            let known = TARGETS.iter().find(|known| **known == target);
            let Some(known) = known else {
                return Err(bad(part, &format!("targets are {}", TARGETS.join(", "))));
            };
            self.rules.push((known, level));
        }
        Ok(())
    }

    /// Whether such an event would be printed: ask before working something out for it.
    pub fn wants(&self, level: Level, target: &str) -> bool {
        let rule = self.rules.iter().rev().find(|(known, _)| *known == target);
        rule.map_or(self.level, |(_, level)| *level)
            .is_some_and(|most| level <= most)
    }

    /// Prints an event, where it is wanted.
    pub fn event(
        &self,
        level: Level,
        target: &'static str,
        message: &str,
        fields: &[(&str, Value)],
    ) {
        if !self.wants(level, target) {
            return;
        }
        let mut line = if self.json {
            let event = Event {
                schema: "creel.log/1",
                time_ms: now_ms(),
                level: level.name(),
                target,
                message,
                fields: fields
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            };
            serde_json::to_string(&event).unwrap_or_default()
        } else {
            text(level, target, message, fields)
        };
        line.push('\n');
        report::stderr(&line);
    }
}

fn text(level: Level, target: &str, message: &str, fields: &[(&str, Value)]) -> String {
    let mut line = format!("{} {target}: {message}", level.name());
    for (name, value) in fields {
        let value = match value {
            Value::String(text) if text.contains([' ', '=', '"']) => format!("{text:?}"),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        line.push_str(&format!(" {name}={value}"));
    }
    report::printable(&line)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

fn bad(part: &str, why: &str) -> Failure {
    Failure::usage(format!("CREEL_LOG: {part:?} is no filter"))
        .cause(why)
        .hint("for example CREEL_LOG=info or CREEL_LOG=open=debug,commit=off")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(verbose: u8, filter: &str) -> Log {
        let mut log = Log {
            json: false,
            level: [None, Some(Level::Info)][usize::from(verbose)],
            rules: Vec::new(),
        };
        log.filter(filter).unwrap();
        log
    }

    #[test]
    fn rules_of_a_target_win_over_the_rest() {
        let log = with(0, "");
        assert!(!log.wants(Level::Error, "open"));
        let log = with(1, "commit=off,checkpoint=debug");
        assert!(log.wants(Level::Info, "open") && !log.wants(Level::Debug, "open"));
        assert!(!log.wants(Level::Error, "commit"));
        assert!(log.wants(Level::Debug, "checkpoint"));
        let log = with(0, " warn , open=info");
        assert!(log.wants(Level::Warn, "commit") && !log.wants(Level::Info, "commit"));
        assert!(log.wants(Level::Info, "open"));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in ["loud", "open=", "=info", "nothing=info", "open:info"] {
            let mut log = with(0, "");
            assert!(log.filter(filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn a_line_is_a_line_whatever_is_in_it() {
        let fields = [("path", "a b\n\u{1b}[1m".into()), ("bytes", 5.into())];
        assert_eq!(
            text(Level::Info, "open", "opened", &fields),
            "info open: opened path=\"a b\\n\\u{1b}[1m\" bytes=5"
        );
    }
}
