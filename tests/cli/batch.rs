use predicates::prelude::*;

use crate::support::{Db, json, json_lines};

#[test]
fn text_lines_are_one_commit() {
    let db = Db::with(&[("old", "1")]);
    db.run("batch")
        .write_stdin("put\ta\\tb\t\\x00x\ndel\told\n\nput\tc\t")
        .assert()
        .success()
        .stdout("")
        .stderr("");
    assert_eq!(db.list(), "a\\tb\t\\x00x\nc\t\n");
}

#[test]
fn a_bad_line_undoes_all_and_names_its_place() {
    let db = Db::new();
    db.run("batch")
        .write_stdin("put\ta\t1\nput\tb\n")
        .assert()
        .code(9)
        .stderr(predicate::str::contains("line 2 (at byte 8)"))
        .stderr(predicate::str::contains("nothing was changed"));
    assert_eq!(db.list(), "");
}

#[test]
fn every_keeps_the_commits_before_a_bad_line() {
    let db = Db::new();
    let output = db
        .run("batch")
        .args(["--every", "2", "--json"])
        .write_stdin(
            "{\"op\":\"put\",\"key_utf8\":\"a\",\"value_utf8\":\"1\"}\n\
             {\"op\":\"put\",\"key_utf8\":\"b\",\"value_utf8\":\"2\"}\n\
             {\"op\":\"put\",\"key_utf8\":\"c\",\"value_utf8\":\"3\"}\nnonsense\n",
        )
        .assert()
        .code(9)
        .get_output()
        .clone();
    let error = &json_lines(&output.stderr)[0];
    assert_eq!(error["detail"]["line"], 4);
    assert_eq!(error["detail"]["committed_lines"], 2);
    assert!(
        error["state"]
            .as_str()
            .unwrap()
            .contains("lines 1 to 2 are committed")
    );
    assert_eq!(db.list(), "a\t1\nb\t2\n");
}

#[test]
fn json_lines_in_every_spelling() {
    let db = Db::with(&[("gone", "1")]);
    let lines = r#"{"op":"put","key":"YQ==","value":"AP8="}
{"op":"put","key_hex":"62","value_hex":"00"}
{"op":"put","key_utf8":"\u0063","value_utf8":"v","ks":"users"}
{"op":"del","key_utf8":"gone"}
"#;
    let mut command = db.run("batch");
    command.write_stdin(lines);
    let report = json(command);
    assert_eq!(report["schema"], "creel.batch/1");
    assert_eq!(
        (&report["puts"], &report["deletes"]),
        (&3.into(), &1.into())
    );
    assert_eq!(report["commits"], 1);
    assert_eq!(db.list(), "a\t\\x00\\xff\nb\t\\x00\n");
    db.run("get")
        .args(["c", "--keyspace", "users"])
        .assert()
        .success()
        .stdout("v");
}

#[test]
fn a_torn_last_json_line_is_refused() {
    let db = Db::new();
    db.run("batch")
        .arg("--json")
        .write_stdin("{\"op\":\"put\",\"key\":\"YQ==\",\"value\":\"Y")
        .assert()
        .code(9);
    assert_eq!(db.list(), "");
}

#[test]
fn from_a_file() {
    let db = Db::new();
    let file = db.file("lines", b"put\ta\t1\n");
    db.run("batch").arg(file).assert().success();
    assert_eq!(db.get("a"), b"1");
    db.run("batch").arg("/no/such/lines").assert().code(5);
}

#[test]
fn what_list_prints_can_be_put_back() {
    let db = Db::new();
    let all: Vec<String> = (0..=255)
        .map(|b| format!("put\t\\x{b:02x}\t\\x{b:02x}\\x{b:02x}\n"))
        .collect();
    db.run("batch").write_stdin(all.concat()).assert().success();
    let copy = Db::new();
    let lines: String = db.list().lines().map(|l| format!("put\t{l}\n")).collect();
    copy.run("batch")
        .args(["--every", "100"])
        .write_stdin(lines)
        .assert()
        .success();
    assert_eq!(copy.list(), db.list());
    assert_eq!(copy.list().lines().count(), 256);
}

#[test]
fn nothing_in_is_nothing_done() {
    let db = Db::new();
    let before = db.bytes();
    db.run("batch")
        .write_stdin("")
        .assert()
        .success()
        .stdout("");
    assert_eq!(db.bytes(), before);
    db.run("batch")
        .args(["--every", "0"])
        .write_stdin("")
        .assert()
        .code(2);
}

#[test]
fn the_last_of_equal_keys_wins() {
    let db = Db::new();
    db.run("batch")
        .write_stdin("put\ta\t1\ndel\ta\nput\ta\t2\n")
        .assert()
        .success();
    assert_eq!(db.list(), "a\t2\n");
}

/// Only keys and values were counted: a commit of millions of deletes was refused at its end, and
/// until then they were kept.
#[test]
fn many_small_operations_count_by_their_number() {
    let db = Db::new();
    let lines = "del\ta\n".repeat(2_800_000);
    db.run("batch")
        .write_stdin(lines.as_str())
        .assert()
        .code(2)
        .stderr(predicate::str::contains("line 2684355"));
    // A commit is made before that where there may be several.
    let mut command = db.run("batch");
    command.args(["--every", "10m"]).write_stdin(lines);
    command.assert().success();
    assert!(json(db.run("info"))["log"]["last_index"].as_u64() > Some(1));
}
