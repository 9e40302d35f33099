use predicates::prelude::*;

use crate::support::{Db, creel, json, json_error, stdout};

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
