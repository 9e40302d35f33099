//! The README is true: its tour is run line by line, and its main job too.
//!
//! A block that begins with ```` ```console ```` holds commands after `$ ` and what they print.
//! All blocks run in one scratch directory, in order. `...` stands for anything, on one line or,
//! alone on a line, for any number of lines. `$?` lines are what they look like: a shell's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_creel");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A command of the tour with what it should print.
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step {
                    line: number + 1,
                    command: command.to_owned(),
                    expected: Vec::new(),
                }),
                None => {
                    let step = steps.last_mut().expect("a block begins with a command");
                    step.expected.push(line.to_owned());
                }
            }
        }
    }
    steps
}

/// Runs a line in a shell with creel on the path; standard error and output in the order written.
fn shell(line: &str, directory: &Path) -> String {
    let bin = Path::new(BINARY).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{line}")])
        .current_dir(directory)
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env_remove("CREEL_DB")
        .stdin(Stdio::null())
        .output()
        .expect("sh");
    String::from_utf8(output.stdout).expect("text")
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    let parts: Vec<&str> = pattern.split("...").collect();
    for (i, part) in parts.iter().enumerate() {
        let found = match i {
            0 => rest.starts_with(part).then_some(0),
            _ if i + 1 == parts.len() => rest.ends_with(part).then(|| rest.len() - part.len()),
            _ => rest.find(part),
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    parts.len() > 1 || rest.is_empty()
}

fn lines_match(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=lines.len()).any(|skip| lines_match(rest, &lines[skip..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

#[test]
fn wildcards_match() {
    assert!(line_matches("a...b", "a 1 b") && !line_matches("a...b", "a 1 c"));
    assert!(line_matches("a...", "a") && line_matches("...", "") && !line_matches("a", "ab"));
    let text = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
    assert!(lines_match(
        &text(&["a", "...", "d"]),
        &["a", "b", "c", "d"]
    ));
    assert!(!lines_match(&text(&["a", "d"]), &["a", "b", "d"]));
}

#[test]
fn the_tour_is_true() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let steps = steps(&readme);
    assert!(steps.len() >= 10, "the tour was not found");
    for step in steps {
        let output = shell(&step.command, directory.path());
        let lines: Vec<&str> = output.lines().collect();
        assert!(
            lines_match(&step.expected, &lines),
            "README.md:{}: $ {}\nthe README says:\n{}\nit prints:\n{output}",
            step.line,
            step.command,
            step.expected.join("\n"),
        );
    }
}

#[test]
fn the_main_job_runs() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("packages.creel");
    let output = Command::new("sh")
        .arg(root().join("examples/main-job.sh"))
        .arg(&database)
        .env("CREEL", BINARY)
        .output()
        .expect("sh");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert_eq!(errors, "");
    let data = std::fs::read_to_string(root().join("tests/data/packages.jsonl")).unwrap();
    let last = format!(
        "ok: all {} lines of the file came back, from a copy too",
        data.lines().count()
    );
    assert_eq!(text.lines().last(), Some(last.as_str()));
}
