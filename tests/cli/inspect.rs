use predicates::prelude::*;

use crate::support::{Db, creel, json_lines};

#[test]
fn headers() {
    let db = Db::new();
    db.run("inspect")
        .args(["header", "A"])
        .assert()
        .success()
        .stdout(predicate::str::is_empty().not());
    let output = db
        .run("inspect")
        .args(["header", "--json"])
        .assert()
        .success()
        .get_output()
        .clone();
    let lines = json_lines(&output.stdout);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["schema"], "creel.inspect/1");
    assert_eq!(lines[0]["what"], "header A");
}

#[test]
fn frames_pages_regions_and_the_free_list() {
    let db = Db::filled(100);
    db.run("checkpoint").assert().success();
    db.run("put").args(["k", "v"]).assert().success();
    for args in [&["region", "0"][..], &["region", "1"], &["freelist"]] {
        db.run("inspect")
            .args(args)
            .assert()
            .success()
            .stdout(predicate::str::is_empty().not());
    }
    let index = crate::support::json(db.run("open"))["recovery"]["last_index"].to_string();
    db.run("inspect").args(["frame", &index]).assert().success();
}

#[test]
fn what_is_not_there() {
    let db = Db::new();
    for args in [
        &["header", "C"][..],
        &["page"],
        &["page", "x"],
        &["page", "-1"],
        &["region", "2"],
        &["freelist", "1"],
        &["nonsense"],
        &["page", "4294967295"],
    ] {
        db.run("inspect").args(args).assert().code(2).stdout("");
    }
}

/// It was a usage error, and a directory one of the system.
#[test]
fn what_is_no_database_is_not_dumped() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty");
    std::fs::write(&empty, b"").unwrap();
    for (path, code) in [
        (dir.path().to_path_buf(), 6),
        (empty.clone(), 6),
        (empty.join("x"), 5),
        (dir.path().join("none"), 5),
    ] {
        creel()
            .arg("inspect")
            .arg(&path)
            .arg("header")
            .assert()
            .code(code);
    }
}
