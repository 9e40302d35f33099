//! What a failure prints makes it fail again: a run with a planted mistake prints a line; by that line
//! the next process finds the same, and one without the mistake finds nothing.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::kills::{self, Share};

/// What a test of this program printed, and whether it passed.
fn test(filter: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([filter, "--nocapture", "--include-ignored"]);
    for name in ["CREEL_DEFECT", "CREEL_CRASH_STATES", "CREEL_FAULT_PLACES"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("running 1 test\n"), "{text}");
    (output.status.success(), text)
}

/// A line that was printed: `VARIABLE='VALUE' cargo test --test crash FILTER -- --nocapture`, and what was
/// said to be wrong.
struct Line<'t> {
    value: &'t str,
    filter: &'t str,
    wrong: &'t str,
}

fn line_of<'t>(text: &'t str, variable: &str) -> Line<'t> {
    let (_, rest) = text.split_once(&format!("{variable}=")).expect(text);
    let (line, rest) = rest.split_once('\n').unwrap();
    let (value, command) = line.split_once(" cargo test --test crash ").unwrap();
    Line {
        value: value.trim_matches('\''),
        // What a sweep prints are the names that it has in `tests/cli`.
        filter: match command.strip_suffix(" -- --nocapture") {
            Some(filter) => filter,
            None => KILLED,
        },
        wrong: rest.lines().next().unwrap_or_default().trim(),
    }
}

fn is_repeated(defect: &str, variable: &str, first: &[(&str, &str)], filter: &str) {
    let planted = ("CREEL_DEFECT", defect);
    let (passed, text) = test(filter, &[first, &[planted]].concat());
    assert!(!passed, "{defect} is not noticed: {text}");
    let line = line_of(&text, variable);
    let printed = (variable, line.value);
    let (passed, again) = test(line.filter, &[printed, planted]);
    assert!(
        !passed && again.contains(line.wrong),
        "{printed:?}: {again}"
    );
    let (passed, text) = test(line.filter, &[printed]);
    assert!(passed, "{printed:?} without the mistake: {text}");
}

#[test]
#[ignore = "needs the mistakes of the feature, in processes of their own"]
fn a_printed_line_finds_the_planted_mistake_again() {
    let singles = ("CREEL_FAULT", "workload=singles,on=sync");
    is_repeated("sync-retried", "CREEL_FAULT", &[singles], "failing_calls");
    let singles = ("CREEL_CRASH", "workload=singles");
    is_repeated("sync-skipped", "CREEL_CRASH", &[singles], "power_loss");
    let few = ("CREEL_VERDICT_STEP", "97");
    is_repeated(
        "page-crc-unchecked",
        "CREEL_VERDICT",
        &[few],
        "every_damaged",
    );
}

/// In this workload the whole campaign hung.
#[test]
#[ignore = "needs the mistakes of the feature, in processes of their own"]
fn a_commit_that_waits_for_a_checkpoint_is_a_failure() {
    let own = ("CREEL_CRASH", "workload=own-commits");
    is_repeated("sync-skipped", "CREEL_CRASH", &[own], "power_loss");
}

const KILLED: &str = "planted_lines::a_checkpoint_is_killed";

fn creel(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    let output = command.args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn digest(db: &Path) -> String {
    let text = creel(&["digest", db.to_str().unwrap(), "-q"]);
    text.split(' ').next().unwrap().to_owned()
}

/// The sweep of a checkpoint, in the program that makes mistakes.
#[test]
#[ignore = "for the test below"]
fn a_checkpoint_is_killed_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let db = path.to_str().unwrap();
    creel(&["open", db, "--create", "-q"]);
    for round in 0..4 {
        for i in 0..6 {
            let (key, value) = (format!("key{}", i * (round + 1)), "x".repeat(900));
            creel(&["put", db, &key, &value]);
        }
        creel(&["checkpoint", db, "-q"]);
    }
    creel(&["put", db, "last", "1"]);
    let (image, expected) = (std::fs::read(&path).unwrap(), digest(&path));
    let make = || -> (TempDir, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        std::fs::write(&path, &image).unwrap();
        let words = ["checkpoint", path.to_str().unwrap(), "-q"].map(str::to_owned);
        (dir, words.to_vec())
    };
    kills::sweep("checkpoint", Share::Every, 20, &make, &|dir, _| {
        let path = dir.path().join("test.db");
        creel(&["verify", path.to_str().unwrap(), "--level", "deep", "-q"]);
        assert_eq!(digest(&path), expected);
    });
}

#[test]
#[ignore = "needs the mistakes of the feature, in processes of their own"]
fn a_printed_kill_finds_the_planted_mistake_again() {
    is_repeated("reuse-too-early", "CREEL_KILL", &[], KILLED);
}
