//! Copies between files: made, brought up to date, promoted, and taken back.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use creel::{Facts, OpenOptions, Retention, Role};

use crate::support::{Db, creel, json, stdout};

/// A database and a copy of it.
fn pair() -> (Db, PathBuf) {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let copy = db.dir.path().join("copy.db");
    run(&["replicate", "init"], &copy, &["--from", &text(&db.path)])
        .assert()
        .code(0);
    (db, copy)
}

fn text(path: &std::path::Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn run(verb: &[&str], db: &std::path::Path, args: &[&str]) -> Command {
    let mut command = creel();
    command.args(verb).arg(db).args(args);
    command
}

fn get(db: &std::path::Path, key: &str) -> String {
    stdout(run(&["get"], db, &[key]))
}

fn put(db: &std::path::Path, key: &str, value: &str) -> String {
    stdout(run(&["put"], db, &[key, value, "--token"]))
        .trim_end()
        .to_owned()
}

fn said(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[test]
fn a_copy_follows_and_refuses_writes() {
    let (db, copy) = pair();
    assert_eq!(get(&copy, "a"), "1");
    let refused = said(run(&["put"], &copy, &["k", "v"]), 10);
    assert!(refused.contains("replica"), "{refused}");
    let batch = db.file("batch", b"put\tk\tv\n");
    said(run(&["batch"], &copy, &[&text(&batch)]), 10);
    let token = put(&db.path, "c", "3");
    said(
        run(
            &["get"],
            &copy,
            &["c", "--wait-for", &token, "--timeout", "1ms"],
        ),
        12,
    );
    // The source is known from the beginning.
    let report = json(run(&["replicate", "pull"], &copy, &["--verify"]));
    assert_eq!(
        (&report["entries"], &report["caught_up"]),
        (&1.into(), &true.into())
    );
    assert_eq!(
        stdout(run(&["get"], &copy, &["c", "--wait-for", &token])),
        "3"
    );
    let again = json(run(&["replicate", "pull"], &copy, &[]));
    assert_eq!(again["entries"], 0);
    said(
        run(&["replicate", "init"], &copy, &["--from", &text(&db.path)]),
        8,
    );
    said(run(&["verify"], &copy, &["--level", "deep"]), 0);
}

#[test]
fn limits_end_with_13_and_go_on_from_there() {
    let (db, copy) = pair();
    for i in 0..10 {
        put(&db.path, &format!("k{i}"), "v");
    }
    let first = said(
        run(&["replicate", "pull"], &copy, &["--max-frames", "4"]),
        13,
    );
    assert!(first.contains("6 left"), "{first}");
    let dry = said(run(&["replicate", "pull"], &copy, &["--dry-run"]), 0);
    assert_eq!(dry.trim_end(), "6 entries are missing");
    said(
        run(&["replicate", "pull"], &copy, &["--max-bytes", "1"]),
        13,
    );
    said(run(&["replicate", "pull"], &copy, &["--until", "head"]), 0);
    assert_eq!(get(&copy, "k9"), "v");
    let token = put(&db.path, "last", "1");
    put(&db.path, "later", "2");
    said(run(&["replicate", "pull"], &copy, &["--until", &token]), 0);
    assert_eq!(get(&copy, "last"), "1");
    run(&["get"], &copy, &["later"]).assert().code(1);
    let late = run(
        &["replicate", "pull"],
        &copy,
        &["--until", "1:9999", "--timeout", "1ms"],
    );
    said(late, 12);
}

#[test]
fn a_log_that_is_gone_takes_a_new_copy_only_when_told_to() {
    let (db, copy) = pair();
    // A bulk import is in the tree, not in the log.
    let rows: String = (0..50)
        .map(|i| format!("{{\"key_utf8\":\"r{i}\",\"value_utf8\":\"v\"}}\n"))
        .collect();
    let rows = db.file("rows.jsonl", rows.as_bytes());
    run(&["import"], &db.path, &[&text(&rows)])
        .assert()
        .success();
    let dry = said(run(&["replicate", "pull"], &copy, &["--dry-run"]), 11);
    assert!(dry.contains("a new copy is needed"), "{dry}");
    let refused = said(run(&["replicate", "pull"], &copy, &[]), 11);
    assert!(refused.contains("--reseed auto"), "{refused}");
    run(&["get"], &copy, &["r1"]).assert().code(1);
    let report = json(run(&["replicate", "pull"], &copy, &["--reseed", "auto"]));
    assert_eq!(report["new_copies"], 1);
    assert_eq!(get(&copy, "r1"), "v");
    // It still knows where it comes from.
    put(&db.path, "z", "26");
    said(run(&["replicate", "pull"], &copy, &[]), 0);
    assert_eq!(get(&copy, "z"), "26");
    let report = json(run(&["replicate", "pull"], &copy, &["--reseed", "force"]));
    assert_eq!(report["new_copies"], 1);
    let left: Vec<_> = fs::read_dir(db.dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    let seeds = left
        .iter()
        .filter(|name| name.to_string_lossy().contains("reseed"));
    assert_eq!(seeds.count(), 0, "{left:?}");
}

#[test]
fn promotion_says_what_it_cannot_know_and_names_what_is_lost() {
    let (db, copy) = pair();
    let blind = said(run(&["promote"], &copy, &["--yes"]), 10);
    assert!(blind.contains("not looked at"), "{blind}");
    put(&db.path, "c", "3");
    let old = text(&db.path);
    let behind = said(
        run(&["promote"], &copy, &["--yes", "--old-primary", &old]),
        10,
    );
    assert!(
        behind.contains("entries 2 to 2 are there and not here")
            || behind.contains("entries 3 to 3 are there and not here"),
        "{behind}"
    );
    said(run(&["replicate", "pull"], &copy, &[]), 0);
    said(
        run(
            &["promote"],
            &copy,
            &["--yes", "--old-primary", &old, "--expect-epoch", "7"],
        ),
        10,
    );
    let dry = said(
        run(&["promote"], &copy, &["--old-primary", &old, "--dry-run"]),
        0,
    );
    assert!(dry.contains("epoch 2 would begin"), "{dry}");
    put(&db.path, "d", "4");
    said(run(&["replicate", "pull"], &copy, &[]), 0);
    said(run(&["promote"], &copy, &["--old-primary", &old]), 2);
    let done = said(
        run(
            &["promote"],
            &copy,
            &["--yes", "--old-primary", &old, "--reason", "test"],
        ),
        0,
    );
    assert!(done.contains("primary of epoch 2"), "{done}");
    // The old one heard of it.
    let refused = said(run(&["put"], &db.path, &["k", "v"]), 10);
    assert!(refused.contains("epoch 2"), "{refused}");
    put(&copy, "e", "5");
    let status = json(run(&["replicate", "status"], &copy, &[]));
    assert_eq!(
        (&status["role"], &status["position"]["epoch"]),
        (&"primary".into(), &2.into())
    );
    assert_eq!(status["epochs"][0]["reason"], "test");
    said(
        run(&["replicate", "status"], &copy, &["--check", "primary"]),
        0,
    );
    said(
        run(&["replicate", "status"], &db.path, &["--check", "primary"]),
        1,
    );
    // Twice is once.
    said(
        run(&["promote"], &copy, &["--yes", "--expect-epoch", "1"]),
        10,
    );
}

#[test]
fn a_former_primary_comes_back_and_its_commits_are_saved() {
    let (db, copy) = pair();
    put(&db.path, "both", "before");
    said(run(&["replicate", "pull"], &copy, &[]), 0);
    put(&db.path, "both", "old");
    put(&db.path, "only old", "old");
    said(run(&["promote"], &copy, &["--yes", "--accept-loss"]), 0);
    put(&copy, "both", "new");
    put(&copy, "only new", "new");

    let diverged = run(&["replicate", "pull"], &db.path, &["--from", &text(&copy)]);
    let diverged = said(diverged, 15);
    assert!(diverged.contains("creel replicate rejoin"), "{diverged}");
    let from = ["--from", &text(&copy)];
    let dry = json(run(
        &["replicate", "rejoin"],
        &db.path,
        &[&from[..], &["--dry-run"]].concat(),
    ));
    assert_eq!(dry["diverged"], 2);
    assert_eq!(get(&db.path, "both"), "old");
    let report = json(run(&["replicate", "rejoin"], &db.path, &from));
    assert_eq!(report["diverged"], 2);
    let saved = report["saved"][0]["path"].as_str().unwrap().to_owned();
    assert_eq!(get(&db.path, "both"), "before");
    said(run(&["replicate", "pull"], &db.path, &[]), 0);
    assert_eq!(get(&db.path, "both"), "new");
    run(&["get"], &db.path, &["only old"]).assert().code(1);
    said(run(&["verify"], &db.path, &["--level", "deep"]), 0);
    let status = json(run(&["replicate", "status"], &db.path, &[]));
    assert_eq!(
        (&status["role"], &status["lag_entries"]),
        (&"replica".into(), &0.into())
    );
    said(
        run(
            &["replicate", "status"],
            &db.path,
            &["--check", "lag=0", "--check", "replica"],
        ),
        0,
    );
    what_was_saved(&db, &copy, &saved);
}

/// What would become of it, and what becomes of it.
fn what_was_saved(db: &Db, copy: &std::path::Path, saved: &str) {
    let shown = said(run(&["log", "show"], saved.as_ref(), &[]), 0);
    assert!(
        shown.contains("put both (3 bytes)") && shown.contains("put only old"),
        "{shown}"
    );
    let diff = said(run(&["log", "diff"], copy, &[saved]), 1);
    assert!(
        diff.contains("conflict\tmain\tboth") && diff.contains("free\tmain\tonly old"),
        "{diff}"
    );
    let refused = said(run(&["log", "reapply"], copy, &[saved]), 1);
    assert!(refused.contains("1 keys were changed by both"), "{refused}");
    run(&["get"], copy, &["only old"]).assert().code(1);
    said(
        run(&["log", "reapply"], copy, &[saved, "--on-conflict", "skip"]),
        0,
    );
    assert_eq!(
        (get(copy, "both"), get(copy, "only old")),
        ("new".into(), "old".into())
    );
    said(
        run(
            &["log", "reapply"],
            copy,
            &[saved, "--on-conflict", "overwrite"],
        ),
        0,
    );
    assert_eq!(get(copy, "both"), "old");
    said(run(&["log", "diff"], copy, &[saved]), 0);
    said(
        run(
            &["log", "reapply"],
            &db.path,
            &[saved, "--on-conflict", "overwrite"],
        ),
        10,
    );

    // A changed byte, and another database.
    let mut bytes = fs::read(saved).unwrap();
    bytes[200] ^= 1;
    let bad = db.file("bad.seg", &bytes);
    said(run(&["log", "show"], &bad, &[]), 4);
    let other = Db::new();
    said(run(&["log", "diff"], &other.path, &[saved]), 15);
}

#[test]
fn what_is_in_the_tree_already_needs_a_new_copy() {
    let (db, copy) = pair();
    said(run(&["replicate", "pull"], &copy, &[]), 0);
    put(&db.path, "lost", "1");
    run(&["checkpoint"], &db.path, &[]).assert().success();
    said(run(&["promote"], &copy, &["--yes", "--accept-loss"]), 0);
    put(&copy, "won", "1");
    let from = ["--from", &text(&copy)];
    let refused = said(run(&["replicate", "rejoin"], &db.path, &from), 11);
    assert!(refused.contains("--reseed force"), "{refused}");
    let saved = db.dir.path().join("test.db.diverged");
    let saved = [saved, PathBuf::from(format!("{}.diverged", text(&db.path)))];
    assert!(saved.iter().any(|dir| dir.is_dir()));
    said(run(&["put"], &db.path, &["k", "v"]), 10);
    said(
        run(
            &["replicate", "pull"],
            &db.path,
            &[&from[..], &["--reseed", "force"]].concat(),
        ),
        0,
    );
    assert_eq!(get(&db.path, "won"), "1");
    run(&["get"], &db.path, &["lost"]).assert().code(1);
}

#[test]
fn another_database_and_a_deposed_source_are_refused() {
    let (db, copy) = pair();
    let other = Db::with(&[("x", "y")]);
    said(
        run(
            &["replicate", "pull"],
            &copy,
            &["--from", &text(&other.path)],
        ),
        15,
    );
    said(
        run(&["replicate", "pull"], &copy, &["--from", &text(&copy)]),
        2,
    );
    let second = db.dir.path().join("second.db");
    said(
        run(
            &["replicate", "init"],
            &second,
            &["--from", &text(&db.path)],
        ),
        0,
    );
    said(run(&["promote"], &copy, &["--yes", "--accept-loss"]), 0);
    said(
        run(&["replicate", "pull"], &second, &["--from", &text(&copy)]),
        0,
    );
    let other_role = said(
        run(&["replicate", "pull"], &copy, &["--from", &text(&second)]),
        10,
    );
    assert!(other_role.contains("no replica"), "{other_role}");
    let deposed = said(run(&["replicate", "pull"], &second, &[]), 10);
    assert!(deposed.contains("deposed"), "{deposed}");
    said(
        run(
            &["replicate", "rejoin"],
            &second,
            &["--from", &text(&db.path)],
        ),
        10,
    );
}

#[test]
fn what_is_kept_is_set_and_shown() {
    let (db, copy) = pair();
    let keep = |args: &[&str]| json(run(&["replicate", "keep"], &db.path, args));
    assert_eq!(keep(&[])["retain_min"], 1024);
    let set = [
        "--retain-min",
        "7",
        "--retain",
        "2h",
        "--retain-max-bytes",
        "1MiB",
        "--standalone",
    ];
    let report = keep(&set);
    assert_eq!(report["retain_ms"], 7_200_000);
    assert_eq!(report["standalone"], true);
    assert_eq!(keep(&["--standalone=false"])["standalone"], false);
    assert_eq!(keep(&[])["retain_max_bytes"], 1 << 20);
    let held = keep(&["--hold", "laptop", "--at", "2", "--hold-ttl", "1h"]);
    assert_eq!(held["holds"][0]["index"], 2);
    for i in 0..5 {
        put(&db.path, &format!("k{i}"), "v");
        run(&["checkpoint"], &db.path, &[]).assert().success();
    }
    said(run(&["replicate", "pull"], &copy, &[]), 0);
    assert_eq!(get(&copy, "k4"), "v");
    assert_eq!(
        keep(&["--release", "laptop"])["holds"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    said(
        run(&["replicate", "keep"], &db.path, &["--release", "laptop"]),
        2,
    );
    said(
        run(&["replicate", "keep"], &db.path, &["--hold", "laptop"]),
        2,
    );
    said(run(&["verify"], &db.path, &["--level", "deep"]), 0);
}

/// The log that a primary keeps lets a copy sleep through checkpoints.
#[test]
fn a_copy_that_slept_finds_what_was_kept() {
    let (db, copy) = pair();
    let options = OpenOptions::new().background_checkpoint(false);
    let handle = options.open(&db.path).unwrap();
    let change = creel::IdentityChange {
        role: Some(Role::Primary),
        ..creel::IdentityChange::default()
    };
    handle.set_identity(&change).unwrap();
    let facts = Facts {
        retention: Retention::default(),
        ..Facts::default()
    };
    handle.set_facts(&facts).unwrap();
    drop(handle);
    for i in 0..6 {
        put(&db.path, &format!("k{i}"), "v");
        run(&["checkpoint"], &db.path, &[]).assert().success();
    }
    said(run(&["replicate", "pull"], &copy, &[]), 0);
    assert_eq!(get(&copy, "k5"), "v");
    said(run(&["verify"], &db.path, &["--level", "deep"]), 0);
}

#[test]
fn what_holds_no_saved_commits_is_not_called_damaged() {
    let db = Db::new();
    let file = db.file("text", b"hello");
    for verb in [&["log", "show"][..], &["log", "reapply"], &["log", "diff"]] {
        let mut command = creel();
        command.args(verb).arg(&file);
        if verb != ["log", "show"] {
            command.arg(&db.path);
        }
        let told = said(command, 6);
        assert!(told.contains("no saved commits"), "{told}");
    }
    // Endless: read only as far as such a file can go.
    let mut command = creel();
    command.args(["log", "show", "/dev/zero"]);
    said(command, 6);
}

#[test]
fn a_source_that_is_not_there_leaves_nothing_behind() {
    let db = Db::new();
    let copy = db.dir.path().join("copy.db");
    let mut command = run(&["replicate", "init"], &copy, &["--from", "nowhere.db"]);
    command.current_dir(db.dir.path());
    let told = said(command, 5);
    assert!(told.contains("dir:"), "{told}");
    let nobody = run(
        &["replicate", "init"],
        &copy,
        &["--from", "tcp://127.0.0.1:1"],
    );
    let told = said(nobody, 12);
    assert!(told.starts_with("error:"), "{told}");
    assert!(!copy.exists());
}
