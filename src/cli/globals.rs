//! Flags that every command takes, before or after the verb.

use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::log::LogFormat;
use super::report::Style;
use super::units;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR or TERM=dumb says otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, nothing else
    Auto,
    /// Nothing
    Never,
    /// A bar
    Bar,
    /// A line of text now and then
    Plain,
    /// A JSON line now and then
    Json,
}

/// How durable the commits of this command are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sync {
    /// Every commit survives a power cut
    Full,
    /// A power cut may lose the last commits, never the file
    Normal,
    /// No syncs at all
    Off,
}

impl From<Sync> for creel::SyncMode {
    fn from(sync: Sync) -> Self {
        match sync {
            Sync::Full => creel::SyncMode::Full,
            Sync::Normal => creel::SyncMode::Normal,
            Sync::Off => creel::SyncMode::Off,
        }
    }
}

/// The global flags.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Print JSON objects, errors too
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colour: auto, always or never [default: auto]
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<Color>,
    /// How to show progress: auto, never, bar, plain or json [default: auto]
    #[arg(long, global = true, value_name = "HOW", hide_possible_values = true)]
    pub progress: Option<ProgressMode>,
    /// Time between two lines of progress [default: 10s]
    #[arg(long, global = true, value_name = "DUR", value_parser = units::duration)]
    pub progress_interval: Option<Duration>,
    /// Print fewer messages; twice: none, only the exit status
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// Say what is done on the way; twice: how
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]
    #[arg(long, global = true, value_name = "FORM", hide_possible_values = true)]
    pub log_format: Option<LogFormat>,
    /// Time to wait for another writer; 0 does not wait [default: 5s]
    #[arg(long, global = true, value_name = "DUR", value_parser = units::duration)]
    pub lock_timeout: Option<Duration>,
    /// Refuse to write to the database
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Write to a file that has several hard links
    #[arg(long, global = true)]
    pub allow_hard_links: bool,
    /// Open a file on a network file system, where locks and syncs cannot be trusted
    #[arg(long, global = true)]
    pub force_network: bool,
    /// How durable commits are: full, normal or off [default: full]
    #[arg(long, global = true, value_name = "MODE", hide_possible_values = true)]
    pub sync: Option<Sync>,
    /// Never ask a question
    #[arg(long, global = true)]
    pub no_input: bool,
}

impl Globals {
    /// How errors are shown.
    pub fn style(&self) -> Style {
        Style {
            json: self.json,
            color: !self.json && wants_color(self.color, || std::io::stderr().is_terminal()),
            silent: self.quiet >= 2,
        }
    }
}

/// Colour or not: flag, then CLICOLOR_FORCE, NO_COLOR, TERM=dumb, then the terminal.
pub fn wants_color(flag: Option<Color>, terminal: impl FnOnce() -> bool) -> bool {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty());
    match flag.unwrap_or(Color::Auto) {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            if set("CLICOLOR_FORCE").is_some_and(|v| v != "0") {
                return true;
            }
            set("NO_COLOR").is_none() && set("TERM").is_none_or(|t| t != "dumb") && terminal()
        }
    }
}
