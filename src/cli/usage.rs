//! What cannot be parsed, in the four parts that every error has. The flags that say how errors are to
//! look are not parsed either by then.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::ValueEnum;

use super::failure::Failure;
use super::globals::{Color, wants_color};
use super::report::Style;

/// The refusal of the parser.
pub fn failure(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut what = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    let mut causes = Vec::new();
    let mut tip = None;
    for line in lines {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if let Some(text) = line.strip_prefix("tip: ") {
            tip.get_or_insert(text);
        } else if line.starts_with('[') {
            causes.push(line.trim_matches(['[', ']']));
        } else {
            what.push_str(if what.ends_with(':') { " " } else { ", " });
            what.push_str(line);
        }
    }
    let mut failure = Failure::usage(what);
    for cause in causes {
        failure = failure.cause(cause);
    }
    match tip {
        Some(tip) => failure.hint(tip),
        None => failure,
    }
}

/// How it is to be shown.
pub fn style(args: &[OsString]) -> Style {
    let (mut json, mut quiet, mut color) = (false, 0, None);
    let mut args = args
        .iter()
        .skip(1)
        .map(|arg| arg.to_string_lossy())
        .take_while(|arg| arg != "--");
    while let Some(arg) = args.next() {
        match arg.as_ref() {
            "--json" => json = true,
            "-q" | "--quiet" => quiet += 1,
            "-qq" => quiet += 2,
            "--color" => {
                color = args
                    .next()
                    .and_then(|when| Color::from_str(&when, true).ok())
            }
            other => {
                if let Some(when) = other.strip_prefix("--color=") {
                    color = Color::from_str(when, true).ok();
                }
            }
        }
    }
    Style {
        json,
        color: !json && wants_color(color, || std::io::stderr().is_terminal()),
        silent: quiet >= 2,
    }
}
