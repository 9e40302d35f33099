//! No verb that writes is left out of the sweeps, and none of them is only a name.

use std::collections::BTreeSet;

use crate::support::{creel, stdout};
use crate::sweeps::{VERBS, Verb};

/// The verbs under this one, as its help lists them.
fn below(verb: &[&str]) -> Vec<String> {
    let mut command = creel();
    command.args(verb).arg("--help");
    let help = stdout(command);
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return vec![verb.join(" ")];
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names
        .flat_map(|name| below(&[verb, &[name]].concat()))
        .collect()
}

#[test]
fn a_verb_that_writes_is_in_no_sweep() {
    let known: BTreeSet<String> = VERBS.iter().map(|verb| verb.name.to_owned()).collect();
    let all: BTreeSet<String> = below(&[]).into_iter().collect();
    assert_eq!(known, all, "tests/support/sweeps.rs");
    for verb in VERBS {
        let swept = !verb.kills.is_empty() && !verb.errors.is_empty();
        assert!(swept || verb.reads, "{verb:?}");
        // These open no file.
        let words = ["explain", "schema", "version"].contains(&verb.name);
        assert!(words || !verb.errors.is_empty(), "{verb:?}");
    }
}

#[test]
fn a_sweep_was_named_and_is_nowhere() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let mut sources = String::new();
    for folder in ["cli", "replication"] {
        for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let names = |verb: &'static Verb| verb.kills.iter().chain(verb.errors);
    for name in VERBS.iter().flat_map(names) {
        assert!(sources.contains(&format!("{name:?}")), "{name}");
    }
}

/// What this program prints, and whether it passes, where one variable is set. strace counts a thread's calls.
#[cfg(target_os = "linux")]
fn with(variable: &str, value: &str) -> (bool, String) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "kill::put_killed",
            "errors::commands_that_write",
            "--nocapture",
        ])
        .env(variable, value)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.success(), text)
}

/// Lines of a text that tell of sweeps.
#[cfg(target_os = "linux")]
fn told<'t>(text: &'t str, what: &str) -> Vec<&'t str> {
    let lines = text.lines().filter(|line| line.starts_with(what));
    lines.filter(|line| !line.ends_with(" 0")).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_line_that_was_printed_runs_one_case_and_prints_itself() {
    if crate::support::strace().is_none() || crate::kills::is_replay() {
        return;
    }
    let (passed, text) = with("CREEL_KILL", "sweep=put-steady,call=pwritev2,nth=1");
    assert!(passed, "{text}");
    assert_eq!(
        told(&text, "kills "),
        ["kills 1 put-steady, 1 kinds of calls"]
    );
    assert_eq!(told(&text, "errors "), Vec::<&str>::new(), "{text}");
    let (passed, text) = with("CREEL_ERROR", "sweep=put,inject=pwritev2:error=EIO:when=1");
    assert!(passed, "{text}");
    assert_eq!(told(&text, "errors put"), ["errors put 1"]);
    assert_eq!(told(&text, "kills "), Vec::<&str>::new(), "{text}");
    // No failing call explains that.
    let wrong = "sweep=put,inject=pwritev2:signal=SEGV:when=1";
    let (passed, text) = with("CREEL_ERROR", wrong);
    assert!(!passed, "{text}");
    let line = format!("CREEL_ERROR='{wrong}' cargo test --test cli -- kill errors:: --nocapture");
    assert_eq!(told(&text, "CREEL_"), [line]);
    let (passed, text) = with("CREEL_KILL", "sweep=nothing,call=close,nth=1");
    assert!(!passed, "{text}");
}
