use crate::support::{Db, creel, json, stdout};

fn holey() -> Db {
    let db = Db::filled(20_000);
    db.run("checkpoint").assert().success();
    db.run("delete")
        .args(["--prefix", "key01", "--yes"])
        .assert()
        .success();
    db.run("checkpoint").assert().success();
    db
}

#[test]
fn in_place_keeps_the_data_and_frees_space() {
    let db = holey();
    let before = db.list();
    let report = json(db.run("compact"));
    assert_eq!(report["schema"], "creel.compact/1");
    assert_eq!(report["content_sum_before"], report["content_sum_after"]);
    assert!(report["bytes_after"].as_u64() <= report["bytes_before"].as_u64());
    assert_eq!(report["bytes_after"], db.bytes().len());
    assert_eq!(db.list(), before);
    db.run("verify")
        .args(["--level", "deep"])
        .assert()
        .success();
}

#[test]
fn dense_copy_leaves_the_source_alone() {
    let db = holey();
    let before = db.bytes();
    let copy = db.dir.path().join("copy.db");
    let mut command = db.run("compact");
    command.arg("-o").arg(&copy);
    let report = json(command);
    assert_eq!(report["done"], true);
    assert_eq!(report["verified"], true);
    assert_eq!(db.bytes(), before);
    let mut list = creel();
    list.arg("list").arg(&copy);
    assert_eq!(stdout(list), db.list());
    db.run("compact").arg("-o").arg(&copy).assert().code(8);
}

#[test]
fn dry_run_writes_nothing() {
    let db = holey();
    let before = db.bytes();
    let mut command = db.run("compact");
    command.arg("--dry-run");
    assert_eq!(json(command)["done"], false);
    assert_eq!(db.bytes(), before);
}

#[test]
fn below_the_gain_nothing_is_done() {
    let db = Db::filled(100);
    let mut command = db.run("compact");
    command.args(["--min-gain", "99%"]);
    let report = json(command);
    assert_eq!(report["done"], false);
    assert!(!report["reason"].as_str().unwrap().is_empty());
}

#[test]
fn nonsense_is_a_usage_error() {
    let db = Db::new();
    for args in [["--min-gain", "10"], ["--rate", "fast"], ["--rate", "0"]] {
        db.run("compact").args(args).assert().code(2);
    }
    db.run("compact")
        .args(["-o", "x.db", "--dry-run"])
        .assert()
        .code(2);
}
