//! Prints failures and notices on standard error. A failed write there is ignored: there is
//! nowhere left to report it.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::codes;
use super::escape::{self, Plain};
use super::exit::{Exit, Retry};
use super::failure::Failure;

/// How errors are to be shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// One JSON line instead of text.
    pub json: bool,
    /// Colour on standard error.
    pub color: bool,
    /// Nothing at all (`-qq`).
    pub silent: bool,
}

#[derive(Serialize)]
struct JsonError<'a> {
    schema: &'static str,
    code: &'a str,
    exit: u8,
    message: &'a str,
    causes: &'a [String],
    state: &'a str,
    hint: &'a str,
    retryable: bool,
    path: Option<String>,
    detail: &'a Map<String, Value>,
}

/// Writes one whole text to standard error.
pub fn stderr(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// Text without control or direction characters (line ends stay), whatever a path contains.
pub fn printable(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|l| escape::to_string(l.as_bytes(), Plain::Utf8))
        .collect();
    lines.join("\n").replace("\\\\", "\\")
}

/// Prints a failure in its four parts, or as one JSON line.
pub fn failure(failure: &Failure, style: Style) {
    if style.silent {
        return;
    }
    let parts = failure.parts();
    let state = parts.state.as_deref().unwrap_or(parts.code.state);
    let hint = hint_for(
        parts.hint.as_deref().unwrap_or(parts.code.next),
        parts.path.as_deref(),
    );
    if style.json {
        let line = JsonError {
            schema: "creel.error/1",
            code: parts.code.name,
            exit: failure.exit().code(),
            message: &parts.what,
            causes: &parts.causes,
            state,
            hint: &hint,
            retryable: failure.exit().retry() == Retry::Yes,
            path: parts
                .path
                .as_ref()
                .map(|p| p.to_string_lossy().into_owned()),
            detail: &parts.detail,
        };
        if let Ok(mut text) = serde_json::to_string(&line) {
            text.push('\n');
            stderr(&text);
        }
        return;
    }
    let label = if failure.exit() == Exit::No {
        "no"
    } else {
        "error"
    };
    let mut text = paint(label, "1;31", style.color);
    text.push_str(&format!(": {}\n", printable(&parts.what)));
    for cause in &parts.causes {
        text.push_str(&format!("  cause: {}\n", printable(cause)));
    }
    text.push_str(&format!("  state: {}\n", printable(state)));
    text.push_str(&format!(
        "  {}: {}\n",
        paint("hint", "1;36", style.color),
        printable(&hint)
    ));
    stderr(&text);
}

/// Puts the verb in place of `COMMAND`: the help of what was typed.
pub fn name_verb(failure: Failure, verb: Option<&String>) -> Failure {
    match verb {
        Some(verb)
            if [&codes::USAGE, &codes::LIMIT].contains(&failure.code())
                && failure.parts().hint.is_none() =>
        {
            failure.hint(format!("creel {verb} --help"))
        }
        _ => failure,
    }
}

/// Puts the path in place of `DB`, quoted for a shell where it needs to be.
fn hint_for(hint: &str, path: Option<&Path>) -> String {
    let Some(path) = path else {
        return hint.to_owned();
    };
    let quoted = quoted(&path.to_string_lossy());
    let words: Vec<&str> = hint
        .split(' ')
        .map(|word| if word == "DB" { quoted.as_str() } else { word })
        .collect();
    words.join(" ")
}

/// As one word for a shell.
pub fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    match !text.is_empty() && text.chars().all(safe) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

fn paint(text: &str, code: &str, color: bool) -> String {
    if color {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_real_path() {
        assert_eq!(
            hint_for("creel verify DB now", Some(Path::new("a.db"))),
            "creel verify a.db now"
        );
        assert_eq!(
            hint_for("creel verify DB", Some(Path::new("a b"))),
            "creel verify 'a b'"
        );
        assert_eq!(hint_for("creel verify DB", None), "creel verify DB");
    }

    #[test]
    fn messages_carry_no_control_characters() {
        assert_eq!(printable("a\x1b[31m\nb"), "a\\x1b[31m\nb");
        assert_eq!(printable("C:\\x"), "C:\\x");
    }
}
