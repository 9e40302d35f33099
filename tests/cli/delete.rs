use predicates::prelude::*;

use crate::support::{Db, json};

#[test]
fn deletes_keys_and_forgives_absent_ones() {
    let db = Db::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    db.run("delete")
        .args(["a", "nope", "c"])
        .assert()
        .success()
        .stdout("")
        .stderr("");
    assert_eq!(db.list(), "b\t2\n");
}

#[test]
fn must_exist_is_all_or_nothing() {
    let db = Db::with(&[("a", "1")]);
    db.run("delete")
        .args(["a", "nope", "--must-exist"])
        .assert()
        .code(1);
    assert_eq!(db.list(), "a\t1\n");
    db.run("delete")
        .args(["a", "--must-exist"])
        .assert()
        .success();
    assert_eq!(db.list(), "");
}

#[test]
fn a_prefix_needs_yes_and_prints_the_count() {
    let db = Db::with(&[("a:1", ""), ("a:2", ""), ("b", "")]);
    db.run("delete")
        .args(["--prefix", "a:"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("--yes"));
    db.run("delete")
        .args(["--prefix", "a:", "--yes"])
        .assert()
        .success()
        .stdout("2\n");
    assert_eq!(db.list(), "b\t\n");
}

#[test]
fn a_prefix_of_ff_bytes_reaches_the_end() {
    let db = Db::new();
    for key in ["fe", "ff", "ffff", "ffffff"] {
        db.run("put")
            .args(["--key-enc", "hex", key, "v"])
            .assert()
            .success();
    }
    db.run("delete")
        .args(["--enc", "hex", "--prefix", "ffff", "-y"])
        .assert()
        .success()
        .stdout("2\n");
}

#[test]
fn a_range_ends_before_its_end() {
    let db = Db::with(&[("a", ""), ("b", ""), ("c", ""), ("d", "")]);
    db.run("delete")
        .args(["--from", "b", "--to", "d", "--yes"])
        .assert()
        .success()
        .stdout("2\n");
    assert_eq!(db.list(), "a\t\nd\t\n");
}

#[test]
fn dry_run_counts_and_writes_nothing() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let before = db.bytes();
    db.run("delete")
        .args(["--prefix", "", "--dry-run"])
        .assert()
        .success()
        .stdout("2\n");
    db.run("delete")
        .args(["a", "nope", "--dry-run"])
        .assert()
        .success()
        .stdout("1\n");
    assert_eq!(db.bytes(), before);
}

#[test]
fn expect_aborts_unless_exactly_that_many_would_go() {
    let db = Db::with(&[("a", ""), ("b", "")]);
    db.run("delete")
        .args(["--prefix", "", "--yes", "--expect", "3"])
        .assert()
        .code(1);
    db.run("delete")
        .args(["a", "nope", "--expect", "2"])
        .assert()
        .code(1);
    assert_eq!(db.list(), "a\t\nb\t\n");
    db.run("delete")
        .args(["--prefix", "", "--yes", "--expect", "2"])
        .assert()
        .success();
    assert_eq!(db.list(), "");
}

#[test]
fn nonsense_is_a_usage_error() {
    let db = Db::new();
    db.run("delete").assert().code(2);
    db.run("delete")
        .args(["k", "--prefix", "p", "--yes"])
        .assert()
        .code(2);
    db.run("delete")
        .args(["--from", "b", "--to", "a", "--yes"])
        .assert()
        .code(2);
    db.run("delete")
        .args(["--prefix", "p", "--must-exist", "--yes"])
        .assert()
        .code(2);
}

#[test]
fn json_report() {
    let db = Db::with(&[("a", "1")]);
    let mut command = db.run("delete");
    command.args(["a", "nope"]);
    let report = json(command);
    assert_eq!(report["schema"], "creel.delete/1");
    assert_eq!(report["deleted"], 1);
    assert_eq!(report["dry_run"], false);
    assert!(report["position"]["index"].is_u64());
}
