use predicates::prelude::*;

use crate::support::{Db, json};

#[test]
fn folds_the_log_and_keeps_the_data() {
    let db = Db::filled(2000);
    let before = db.list();
    let report = json(db.run("checkpoint"));
    assert_eq!(report["schema"], "creel.checkpoint/1");
    assert_eq!(report["done"], true);
    assert!(report["pages_written"].as_u64().unwrap() > 0);
    assert!(report["wal_bytes_before"].as_u64() > report["wal_bytes_after"].as_u64());
    assert_eq!(db.list(), before);
    assert_eq!(json(db.run("info"))["entries_checkpointed"], 2000);
}

#[test]
fn nothing_to_do_is_exit_0_with_a_reason() {
    let db = Db::filled(10);
    db.run("checkpoint").assert().success();
    let report = json(db.run("checkpoint"));
    assert_eq!(report["done"], false);
    assert!(!report["reason"].as_str().unwrap().is_empty());
}

#[test]
fn dry_run_writes_nothing() {
    let db = Db::filled(100);
    let before = db.bytes();
    let mut command = db.run("checkpoint");
    command.arg("--dry-run");
    assert_eq!(json(command)["done"], false);
    assert_eq!(db.bytes(), before);
}

#[test]
fn a_threshold_that_is_not_reached() {
    let db = Db::filled(10);
    for threshold in ["70%", "1GiB"] {
        let mut command = db.run("checkpoint");
        command.args(["--if-wal-above", threshold]);
        let report = json(command);
        assert_eq!(report["done"], false);
    }
    let mut command = db.run("checkpoint");
    command.args(["--if-wal-above", "0"]);
    assert_eq!(json(command)["done"], true);
    db.run("checkpoint")
        .args(["--if-wal-above", "much"])
        .assert()
        .code(2);
}

#[test]
fn compress_is_refused_in_format_1() {
    let db = Db::new();
    db.run("checkpoint")
        .arg("--compress")
        .assert()
        .code(2)
        .stderr(predicate::str::contains("format 1"));
}
