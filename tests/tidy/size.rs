//! Files and functions short enough to be read at one sitting.

use crate::tree::{none, rust};

/// Lines of a file in `src`.
const FILE_MAX: usize = 500;
/// Lines of a function.
const FUNCTION_MAX: usize = 90;

#[test]
fn files_are_short() {
    let mut offences = Vec::new();
    for source in rust(&["src"]) {
        let lines = source.text.lines().count();
        if lines > FILE_MAX {
            offences.push(format!(
                "{}: {lines} lines, at most {FILE_MAX}",
                source.path
            ));
        }
    }
    none(&offences, "files stay short");
}

#[test]
fn functions_are_short() {
    let mut offences = Vec::new();
    for source in rust(&["src", "tests"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else {
                continue;
            };
            let Some(length) = function_length(&lines, at) else {
                continue;
            };
            if length > FUNCTION_MAX {
                let place = format!("{}:{}", source.path, at + 1);
                offences.push(format!("{place}: {name} has {length} lines"));
            }
        }
    }
    none(&offences, "functions have at most 90 lines");
}

/// The name of a function whose signature begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        if let Some(name) = rest.strip_prefix("fn ") {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            return Some(&name[..end]);
        }
        let (word, after) = rest.split_once(' ')?;
        let qualifier =
            word.starts_with("pub") || ["const", "unsafe", "extern", "\"C\""].contains(&word);
        if !qualifier {
            return None;
        }
        rest = after;
    }
}

/// Lines from the signature to the brace that closes the body, by its indentation.
fn function_length(lines: &[&str], start: usize) -> Option<usize> {
    let indent = lines[start].len() - lines[start].trim_start().len();
    let ends = |line: &&str| line.ends_with(['{', '}', ';']);
    let body = start + lines[start..].iter().position(ends)?;
    if !lines[body].ends_with('{') {
        return None; // a declaration, or all on one line
    }
    let close = format!("{}}}", " ".repeat(indent));
    let end = lines[body..].iter().position(|line| *line == close)?;
    Some(body + end + 1 - start)
}

#[test]
fn the_counter_counts() {
    let text = [
        "    pub(crate) fn a(",
        "        b: u8,",
        "    ) {",
        "        c();",
        "    }",
    ];
    assert_eq!(function_name(text[0]), Some("a"));
    assert_eq!(function_length(&text, 0), Some(5));
    assert_eq!(function_name("    let fn_ = 1;"), None);
    assert_eq!(function_length(&["fn a();"], 0), None);
}
