use predicates::prelude::*;

use crate::support::{Db, creel, flip, json, json_error, stdout};

#[test]
fn json_report() {
    let db = Db::with(&[("k", "v")]);
    let info = json(db.run("info"));
    assert_eq!(info["schema"], "creel.info/1");
    assert_eq!(info["format"], "1.0");
    assert_eq!(info["page_size"], 4096);
    assert_eq!(info["file_bytes"], db.bytes().len());
    assert_eq!(info["slots"].as_array().unwrap().len(), 2);
    assert_eq!(info["regions"].as_array().unwrap().len(), 2);
}

#[test]
fn one_field_for_scripts() {
    let db = Db::new();
    let field = |name: &str| {
        let mut command = db.run("info");
        command.args(["--get", name]);
        stdout(command)
    };
    assert_eq!(field("page_size"), "4096\n");
    assert_eq!(field("role"), "standalone\n");
    assert_eq!(
        field("regions.0.bytes").trim().parse::<u64>().unwrap() % 4096,
        0
    );
    db.run("info")
        .args(["--get", "colour"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("page_size"));
}

#[test]
fn reading_a_header_changes_nothing() {
    let db = Db::with(&[("k", "v")]);
    let before = db.bytes();
    db.run("info").assert().success();
    assert_eq!(db.bytes(), before);
}

#[test]
fn wrong_files() {
    let db = Db::new();
    let other = db.file("other", &[7; 50_000]);
    let mut command = creel();
    command.arg("info").arg(&other);
    let error = json_error(command, 6);
    assert_eq!(error["path"], other.to_str().unwrap());
    creel().args(["info", "/no/such.db"]).assert().code(5);
    let short = db.file("short", &db.bytes()[..100]);
    creel()
        .arg("info")
        .arg(short)
        .assert()
        .code(predicate::in_iter([4, 6]));
}

#[test]
fn commits_in_the_log_are_counted_apart() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let info = json(db.run("info"));
    assert_eq!(info["state"], "ok");
    assert_eq!(info["needs_recovery"], false);
    assert_eq!(info["entries_checkpointed"], 0);
    assert_eq!(info["log"]["entries"], 2);
    assert!(info["log"]["bytes"].as_u64().unwrap() > 100);
    db.run("checkpoint").assert().success();
    assert_eq!(json(db.run("info"))["log"]["entries"], 0);
}

/// Where the value of an entry stands in the file.
fn place(db: &Db, value: &str) -> usize {
    let bytes = db.bytes();
    let found = bytes
        .windows(value.len())
        .rposition(|w| w == value.as_bytes());
    found.unwrap()
}

#[test]
fn a_file_that_needs_recovery_is_called_so_and_not_recovered() {
    let db = Db::with(&[("a", "first"), ("b", "second")]);
    // The last entry and what stands behind it were never written.
    let mut bytes = db.bytes();
    let from = place(&db, "second");
    bytes[from..from + 64].fill(0);
    std::fs::write(&db.path, &bytes).unwrap();
    let info = json(db.run("info"));
    assert_eq!(info["needs_recovery"], true, "{info}");
    assert!(
        info["state"]
            .as_str()
            .unwrap()
            .starts_with("needs recovery")
    );
    assert_eq!(info["log"]["entries"], 1);
    assert!(info["log"]["torn_bytes"].as_u64().unwrap() > 0);
    assert_eq!(db.bytes(), bytes, "info wrote to the file");
    let mut field = db.run("info");
    field.args(["--get", "needs_recovery"]);
    assert_eq!(stdout(field), "true\n");
    db.run("put").args(["b", "again"]).assert().success();
    assert_eq!(json(db.run("info"))["needs_recovery"], false);
    assert_eq!(db.list(), "a\tfirst\nb\tagain\n");
}

#[test]
fn damage_in_the_log_or_in_one_header_does_not_keep_info_from_answering() {
    let db = Db::with(&[("a", "first"), ("b", "second")]);
    let at = place(&db, "first");
    flip(&db.path, at);
    let info = json(db.run("info"));
    assert!(info["needs_recovery"].is_null(), "{info}");
    assert!(info["state"].as_str().unwrap().contains("creel verify"));
    assert!(info["log"]["damage"].as_str().unwrap().contains('W'));
    flip(&db.path, at);
    db.run("checkpoint").assert().success();
    assert_eq!(json(db.run("info"))["state"], "ok");
    let slot = db.bytes().len().min(8192 + 100);
    flip(&db.path, slot);
    let info = json(db.run("info"));
    assert_eq!(info["needs_recovery"], true);
    assert!(info["state"].as_str().unwrap().contains("header"));
}
