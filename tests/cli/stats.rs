use predicates::prelude::*;

use crate::support::{Db, json, stdout, unbase64};

/// Two prefixes, folded into the tree.
pub fn db() -> Db {
    let db = Db::with(&[
        ("user:1", "x"),
        ("user:2", "xx"),
        ("log:1", &"y".repeat(1000)),
    ]);
    db.run("checkpoint").assert().success();
    db
}

#[test]
fn json_report() {
    let db = db();
    let mut command = db.run("stats");
    command.arg("--exact");
    let stats = json(command);
    assert_eq!(stats["schema"], "creel.stats/1");
    assert_eq!(stats["entries"], 3);
    assert_eq!(stats["exact"], true);
    assert_eq!(stats["error_percent"], 0.0);
    assert_eq!(stats["file_bytes"], db.bytes().len());
    assert_eq!(stats["value_bytes"]["max"], 1000);
    assert!(stats["pages"]["leaf"].as_u64().unwrap() >= 1);
}

#[test]
fn prefixes_and_biggest() {
    let db = db();
    let mut command = db.run("stats");
    command.args(["--exact", "--prefixes", ":", "--biggest", "1"]);
    let stats = json(command);
    assert_eq!(unbase64(&stats["biggest"][0]["key_b64"]), b"log:1");
    assert_eq!(stats["biggest"].as_array().unwrap().len(), 1);
    let prefixes = stats["prefixes"].as_array().unwrap();
    assert_eq!(prefixes.len(), 2);
    let user = prefixes
        .iter()
        .find(|p| unbase64(&p["prefix_b64"]).starts_with(b"user"))
        .unwrap();
    assert_eq!(user["entries"], 2);
}

#[test]
fn histogram_counts_every_record() {
    let db = db();
    let mut command = db.run("stats");
    command.args(["--exact", "--histogram"]);
    let stats = json(command);
    let rows = stats["histogram"].as_array().unwrap();
    let sum: u64 = rows.iter().map(|r| r["values"].as_u64().unwrap()).sum();
    assert_eq!(sum, 3);
}

#[test]
fn openmetrics_ends_with_its_mark() {
    let db = db();
    let mut command = db.run("stats");
    command.arg("--openmetrics");
    let text = stdout(command);
    assert!(
        text.ends_with("# EOF\n") && text.contains("creel_entries{path="),
        "{text}"
    );
}

#[test]
fn a_sample_says_that_it_is_one() {
    db().run("stats").arg("--pages").assert().success().stdout(
        predicate::str::contains("sample").or(predicate::str::contains("everything was read")),
    );
}

#[test]
fn nonsense_is_a_usage_error() {
    let db = Db::new();
    for args in [
        &["--prefixes", "::"][..],
        &["--depth", "2"],
        &["--watch", "soon"],
    ] {
        db.run("stats").args(args).assert().code(2);
    }
}

#[test]
fn an_empty_database_has_statistics() {
    let stats = json(Db::new().run("stats"));
    assert_eq!(stats["entries"], 0);
}

#[test]
fn commits_since_the_last_checkpoint_are_said_to_be_left_out() {
    let db = db();
    db.run("put").args(["new", "1"]).assert().success();
    let stats = json(db.run("stats"));
    assert_eq!(
        (&stats["entries"], &stats["log_commits"]),
        (&3.into(), &1.into())
    );
    assert!(stats["log_bytes"].as_u64().unwrap() > 0);
    let shown = db.run("stats").assert().success();
    let (out, remark) = (&shown.get_output().stdout, &shown.get_output().stderr);
    assert!(String::from_utf8_lossy(out).contains("log_commits\t1\n"));
    assert!(String::from_utf8_lossy(remark).contains("creel checkpoint"));
    db.run("checkpoint").assert().success();
    let stats = json(db.run("stats"));
    assert_eq!(
        (&stats["entries"], &stats["log_commits"]),
        (&4.into(), &0.into())
    );
}
