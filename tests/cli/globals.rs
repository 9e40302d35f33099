//! Flags, help, errors and the environment: what all verbs share.

use predicates::prelude::*;

use crate::support::{Db, creel, json_error};

const VERBS: [&str; 27] = [
    "open",
    "put",
    "get",
    "delete",
    "exists",
    "list",
    "batch",
    "import",
    "export",
    "digest",
    "backup",
    "diff",
    "drill",
    "keyspaces",
    "info",
    "stats",
    "checkpoint",
    "compact",
    "verify",
    "salvage",
    "inspect",
    "doctor",
    "explain",
    "schema",
    "version",
    "completions",
    "man",
];

#[test]
fn at_stands_for_the_environment() {
    let db = Db::new();
    creel()
        .args(["put", "@", "k", "v"])
        .env("CREEL_DB", &db.path)
        .assert()
        .success();
    creel()
        .args(["get", "@", "k"])
        .env("CREEL_DB", &db.path)
        .assert()
        .success()
        .stdout("v");
    for value in [None, Some("")] {
        let mut command = creel();
        command.args(["get", "@", "k"]);
        if let Some(value) = value {
            command.env("CREEL_DB", value);
        }
        command
            .assert()
            .code(2)
            .stderr(predicate::str::contains("CREEL_DB"));
    }
}

#[test]
fn a_file_named_at_is_reached_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    creel()
        .current_dir(&dir)
        .args(["open", "./@", "--create"])
        .assert()
        .success();
    assert!(dir.path().join("@").exists());
}

#[test]
fn no_arguments_is_help_on_standard_error() {
    creel()
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicate::str::contains("Usage: creel"));
}

#[test]
fn help_is_on_standard_output_with_examples() {
    creel()
        .arg("--help")
        .assert()
        .success()
        .stderr("")
        .stdout(predicate::str::contains("checkpoint"));
    for verb in VERBS {
        creel()
            .args([verb, "--help"])
            .assert()
            .success()
            .stderr("")
            .stdout(predicate::str::contains("Examples:"))
            .stdout(predicate::str::contains("Arguments of").not());
        creel().args(["help", verb]).assert().success();
    }
}

#[test]
fn a_mistyped_verb_is_answered_with_a_near_one() {
    creel()
        .args(["lst", "x"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("'list'"));
    creel()
        .args(["put", "x", "--if-absnt"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("--if-absent"));
}

#[test]
fn global_flags_stand_before_or_after_the_verb() {
    let db = Db::with(&[("k", "v")]);
    let before = creel()
        .args(["--json", "get"])
        .arg(&db.path)
        .arg("k")
        .output()
        .unwrap();
    let after = db.run("get").args(["k", "--json"]).output().unwrap();
    assert_eq!(before.stdout, after.stdout);
    assert!(before.stdout.starts_with(b"{"));
}

#[test]
fn bad_values_are_answered_with_an_example() {
    for (flag, value, example) in [
        ("--lock-timeout", "soon", "250ms"),
        ("--progress-interval", "x", "250ms"),
    ] {
        creel()
            .args(["get", "x", "k", flag, value])
            .assert()
            .code(2)
            .stderr(predicate::str::contains(example));
    }
    creel()
        .args(["get", "x", "k", "--color", "pink"])
        .assert()
        .code(2);
}

#[test]
fn errors_have_four_parts_in_order() {
    let output = creel().args(["get", "/no/such.db", "k"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(
        at("error: ") < at("state: ") && at("state: ") < at("hint: "),
        "{text}"
    );
    assert!(text.contains("/no/such.db"));
}

#[test]
fn json_errors_are_one_line() {
    let mut command = creel();
    command.args(["get", "/no/such.db", "k"]);
    let error = json_error(command, 5);
    assert_eq!(error["code"], "not_found");
    assert_eq!(error["retryable"], false);
    assert_eq!(error["path"], "/no/such.db");
    for field in ["message", "hint", "state"] {
        assert!(!error[field].as_str().unwrap().is_empty());
    }
    let mut command = creel();
    command.arg("frobnicate");
    assert_eq!(json_error(command, 2)["code"], "usage");
}

#[test]
fn quiet_twice_leaves_only_the_status() {
    creel()
        .args(["get", "/no/such.db", "k", "-qq"])
        .assert()
        .code(5)
        .stdout("")
        .stderr("");
    creel()
        .args(["get", "/no/such.db", "k", "-q", "-q"])
        .assert()
        .code(5)
        .stderr("");
    creel()
        .args(["get", "/no/such.db", "k", "-q"])
        .assert()
        .code(5)
        .stderr(predicate::str::is_empty().not());
}

#[test]
fn colour_follows_flag_and_environment() {
    let coloured = |command: &mut assert_cmd::Command| {
        let output = command.args(["get", "/no/such.db", "k"]).output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(!coloured(&mut creel()), "a pipe has no colour");
    assert!(coloured(creel().env("CLICOLOR_FORCE", "1")));
    assert!(coloured(
        creel().args(["--color", "always"]).env("NO_COLOR", "1")
    ));
    assert!(!coloured(
        creel()
            .args(["--color", "never"])
            .env("CLICOLOR_FORCE", "1")
    ));
}

#[test]
fn paths_in_messages_cannot_move_the_cursor() {
    creel()
        .args(["get", "/no/\x1b[2J\u{202e}.db", "k"])
        .assert()
        .code(5)
        .stderr(predicate::str::contains("\x1b").not())
        .stderr(predicate::str::contains("\u{202e}").not());
}

#[test]
fn a_bug_is_exit_70_with_a_report() {
    if cfg!(debug_assertions) {
        creel()
            .arg("version")
            .env("CREEL_TEST_PANIC", "1")
            .assert()
            .code(70)
            .stderr(predicate::str::contains("please report"));
    }
}

#[test]
fn an_empty_path_is_a_usage_error() {
    creel().args(["get", "", "k"]).assert().code(2);
}

/// They had two parts, colours of their own, and in JSON the arguments that were missing were missing.
#[test]
fn arguments_that_cannot_be_parsed_are_told_in_four_parts() {
    creel().arg("put").assert().code(2).stdout("").stderr(
        "error: the following required arguments were not provided: <DB>\n  state: nothing was changed\n  \
         hint: creel put --help\n",
    );
    creel()
        .args(["list", "x", "--limit", "-1"])
        .assert()
        .code(2)
        .stderr(
            "error: unexpected argument '-1' found\n  state: nothing was changed\n  \
         hint: to pass '-1' as a value, use '-- -1'\n",
        );
    creel()
        .args(["get", "x", "k", "--sync", "some"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains(
            "\n  cause: possible values: full, normal, off\n",
        ));
    let mut command = creel();
    command.arg("inspect");
    let error = crate::support::json_error(command, 2);
    assert_eq!(
        error["message"],
        "the following required arguments were not provided: <DB>, <WHAT>"
    );
    assert_eq!(error["hint"], "creel inspect --help");
    for (color, escapes) in [("always", true), ("never", false)] {
        let output = creel()
            .args(["put", "--bogus", "--color", color])
            .output()
            .unwrap();
        assert_eq!(output.stderr.contains(&0x1b), escapes, "{color}");
    }
    creel().args(["put", "-qq"]).assert().code(2).stderr("");
    creel()
        .args(["put", "-q", "-q"])
        .assert()
        .code(2)
        .stderr("");
}
