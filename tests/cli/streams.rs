//! Full devices, closed pipes and closed descriptors, for every verb that prints.
#![cfg(unix)]

use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Db;

/// Every verb with arguments that make it print.
const PRINTING: &[&[&str]] = &[
    &["open", "DB"],
    &["open", "DB", "--json"],
    &["put", "DB", "k", "v", "--token"],
    &["put", "DB", "k", "v", "--json"],
    &["get", "DB", "key000001"],
    &["get", "DB", "key000001", "--json"],
    &["get", "DB", "key000001", "key000002"],
    &["delete", "DB", "k", "--token"],
    &["delete", "DB", "k", "--json"],
    &["delete", "DB", "--prefix", "zzz", "--dry-run"],
    &["exists", "DB", "key000001", "--json"],
    &["list", "DB"],
    &["list", "DB", "--json"],
    &["list", "DB", "--count"],
    &["list", "DB", "-0"],
    &["batch", "DB", "/dev/null", "--json"],
    &["digest", "DB"],
    &["digest", "DB", "--json"],
    &["digest", "DB", "--bits", "4"],
    &["import", "DB", "/dev/null", "--bare", "--json"],
    &["import", "DB", "/dev/null", "--bare", "--json", "--dry-run"],
    &["keyspaces", "DB"],
    &["keyspaces", "DB", "--json"],
    &["info", "DB"],
    &["info", "DB", "--get", "page_size"],
    &["stats", "DB"],
    &["stats", "DB", "--json"],
    &["stats", "DB", "--openmetrics"],
    &["checkpoint", "DB", "--dry-run"],
    &["checkpoint", "DB"],
    &["compact", "DB", "--dry-run"],
    &["compact", "DB", "--json"],
    &["verify", "DB"],
    &["verify", "DB", "--json"],
    &["verify", "DB", "--report", "junit"],
    &["verify", "DB", "--report", "github"],
    &["inspect", "DB", "header"],
    &["doctor", "DB"],
    &["doctor", "DB", "--json"],
    &["man"],
    &["man", "put"],
    &["completions", "bash"],
    &["schema"],
    &["schema", "put"],
    &["explain"],
    &["explain", "--all"],
    &["explain", "7"],
    &["version"],
    &["--version"],
    &["--help"],
    &["put", "--help"],
];

fn command(db: &Db, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    for arg in args {
        match *arg {
            "DB" => command.arg(&db.path),
            other => command.arg(other),
        };
    }
    command
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(Stdio::null());
    command
}

#[test]
fn a_full_device_is_exit_8_for_every_verb() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return crate::skip::skipped("proc", "/dev/full is needed");
    }
    let db = Db::filled(1000);
    for args in PRINTING {
        let stdout = OpenOptions::new().write(true).open(full).unwrap();
        let output = command(&db, args).stdout(stdout).output().unwrap();
        assert_eq!(output.status.code(), Some(8), "{args:?}: {output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("standard output"), "{args:?}: {text}");
    }
}

#[test]
fn a_pipe_closed_before_the_start_is_silent() {
    let db = Db::filled(1000);
    for args in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(&db, args).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_ends_the_list() {
    let db = Db::filled(50_000);
    let mut child = command(&db, &["list", "DB"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0; 10];
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn damage_is_still_told_when_nobody_reads_the_report() {
    let db = Db::new();
    let other = db.file("zeros", &[0; 40_000]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("verify")
        .arg(other)
        .stdout(writer)
        .status()
        .unwrap();
    assert!(matches!(status.code(), Some(4 | 6)), "{status}");
}

#[test]
fn closed_descriptors_are_no_reason_to_panic() {
    let db = Db::filled(10);
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"] {
        for verb in [
            "get \"$2\" key000001",
            "put \"$2\" k v",
            "get /no/such.db k",
            "batch \"$2\"",
        ] {
            let script = format!("\"$1\" {verb} {closed}");
            let status = Command::new("sh")
                .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_creel")])
                .arg(&db.path)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            // Nobody gets to see the value.
            let lost = verb.ends_with("key000001") && closed.contains("1>&-");
            // Nobody says that there was nothing to do.
            let unread = verb.starts_with("batch") && closed.contains("0<&-");
            let expected = match verb {
                "get /no/such.db k" => 5,
                _ if lost || unread => 8,
                _ => 0,
            };
            assert_eq!(status.code(), Some(expected), "{verb} {closed}");
        }
    }
    // The database was not taken for a standard stream.
    db.run("verify").arg("--strict").assert().success();
    assert_eq!(db.get("k"), b"v");
}

/// `creel export my.db >&-` said that it had exported all records, with exit 0.
#[test]
fn a_closed_standard_output_is_exit_8() {
    let db = Db::filled(10);
    for verb in [
        "export",
        "list",
        "digest",
        "stats",
        "backup -o -",
        "list --count",
    ] {
        let (verb, rest) = verb.split_once(' ').unwrap_or((verb, ""));
        let script = format!("\"$1\" {verb} \"$2\" {rest} 1>&-");
        let output = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_creel")])
            .arg(&db.path)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(8), "{verb}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("standard output"), "{verb}: {said}");
    }
}

#[test]
fn a_full_standard_error_changes_no_status() {
    let full = Path::new("/dev/full");
    if full.exists() {
        let db = Db::new();
        let stderr = OpenOptions::new().write(true).open(full).unwrap();
        let status = command(&db, &["get", "/no/such.db", "k"])
            .stderr(stderr)
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(5));
    }
}

/// `creel put my.db k --value-file - <&-` put nothing in the place of the value, with exit 0: a closed
/// standard input passed for an empty one, and one that is open for writing did, too.
#[test]
fn a_standard_input_that_cannot_be_read_is_no_empty_one() {
    let db = Db::with(&[("k", "precious")]);
    let sink = db.file("sink", b"");
    for (verb, rest) in [
        ("put", "k --value-file -"),
        ("put", "--key-file - v"),
        ("get", "--keys-from -"),
        ("batch", ""),
        ("import", "- --bare"),
        ("delete", "--key-file -"),
        ("exists", "--key-file -"),
    ] {
        for stdin in ["0<&-", "0>\"$3\""] {
            let output = Command::new("sh")
                .args(["-c", &format!("\"$1\" {verb} \"$2\" {rest} {stdin}"), "sh"])
                .arg(env!("CARGO_BIN_EXE_creel"))
                .args([&db.path, &sink])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(8), "{verb} {stdin}: {output:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("standard input"), "{verb} {stdin}: {said}");
        }
    }
    assert_eq!(db.list(), "k\tprecious\n");
}

/// `creel get my.db k 1<file` printed nothing and ended with 0.
#[test]
fn a_standard_output_that_cannot_be_written_is_exit_8() {
    let db = Db::filled(10);
    for verb in [
        "get \"$2\" key000001",
        "list \"$2\"",
        "verify \"$2\"",
        "export \"$2\"",
        "version",
    ] {
        let output = Command::new("sh")
            .args(["-c", &format!("\"$1\" {verb} 1</dev/null"), "sh"])
            .arg(env!("CARGO_BIN_EXE_creel"))
            .arg(&db.path)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(8), "{verb}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("for reading only"), "{verb}: {said}");
    }
}
