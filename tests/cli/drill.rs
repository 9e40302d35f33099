use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;

use crate::support::{Db, creel, flip, json_error, json_lines};

/// A directory for the drill, to see that nothing stays in it.
fn drill(from: &Path, dir: &Path) -> Command {
    let mut command = creel();
    command.arg("drill").arg(from).arg("--dir").arg(dir);
    command
}

/// The report of a drill that ends with this status and leaves nothing behind.
fn report(from: &Path, args: &[&str], exit: i32) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let output = drill(from, dir.path())
        .args(args)
        .arg("--json")
        .assert()
        .code(exit);
    let lines = json_lines(&output.get_output().stdout);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["schema"], "creel.drill/1");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    lines[0].clone()
}

fn export(db: &Db, name: &str, args: &[&str]) -> PathBuf {
    let path = db.dir.path().join(name);
    let mut command = db.run("export");
    command.arg("-o").arg(&path).args(args).assert().success();
    path
}

fn used() -> Db {
    let db = Db::filled(2000);
    db.run("checkpoint").assert().success();
    db.run("put")
        .args(["k", "v", "--keyspace", "fruit"])
        .assert()
        .success();
    db
}

#[test]
fn what_can_be_restored_is_restorable_and_its_digest_is_that_of_the_source() {
    let db = used();
    let before = db.bytes();
    let backup = db.dir.path().join("backup.db");
    db.run("backup").arg("-o").arg(&backup).assert().success();
    let digests: Vec<Value> = [
        db.path.clone(),
        backup,
        export(&db, "e.jsonl", &[]),
        export(&db, "e.jsonl.zst", &[]),
        export(&db, "e.bare.jsonl", &["--bare", "--enc", "auto"]),
        export(&db, "e.mdb", &["--format", "mdb"]),
    ]
    .iter()
    .map(|from| {
        let report = report(from, &[], 0);
        assert_eq!(report["outcome"], "restorable");
        assert_eq!(report["entries"], 2001);
        assert_eq!(report["digest_source"], report["digest_restored"]);
        assert!(report["restore_ms"].is_u64() && report["verify_ms"].is_u64());
        report["digest_restored"].clone()
    })
    .collect();
    assert!(digests.iter().all(|d| *d == digests[0]), "{digests:?}");
    assert_eq!(db.bytes(), before);
    let dir = tempfile::tempdir().unwrap();
    drill(&db.path, dir.path())
        .assert()
        .success()
        .stdout(predicate::str::starts_with("outcome\trestorable\n"));
}

#[test]
fn contents_can_be_held_against_another_place() {
    let db = used();
    let old = export(&db, "e.jsonl", &[]);
    let against = ["--against", db.path.to_str().unwrap()];
    let same = report(&old, &against, 0);
    assert_eq!(same["same_as_against"], true);
    assert_eq!(same["digest_against"], same["digest_restored"]);
    db.run("put").args(["new", "1"]).assert().success();
    let other = report(&old, &against, 1);
    assert_eq!(other["outcome"], "restorable");
    assert_eq!(other["same_as_against"], false);
    // A damaged comparison says nothing about the export.
    let mut bytes = db.bytes();
    let at = bytes.windows(8).rposition(|w| w == b"value 19").unwrap();
    bytes[at] ^= 1;
    fs::write(&db.path, bytes).unwrap();
    let unknown = report(&old, &against, 23);
    assert_eq!(unknown["outcome"], "inconclusive");
    drill(&old, db.dir.path())
        .args(["--against", "/no/such.db"])
        .assert()
        .code(5);
}

#[test]
fn a_damaged_database_is_not_restorable() {
    let db = used();
    let at = db.bytes();
    let at = at.windows(8).rposition(|w| w == b"value 19").unwrap();
    flip(&db.path, at);
    let damaged = report(&db.path, &[], 4);
    assert_eq!(damaged["outcome"], "not_restorable");
    assert!(!damaged["reason"].as_str().unwrap().is_empty());
    let mut bytes = db.bytes();
    bytes.truncate(bytes.len() - 5000);
    let short = db.file("short.db", &bytes);
    assert_eq!(report(&short, &[], 4)["outcome"], "not_restorable");
}

#[test]
fn a_broken_export_is_not_restorable_wherever_it_is_cut() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let whole = fs::read(export(&db, "e.jsonl", &[])).unwrap();
    for cut in (1..whole.len()).step_by(7) {
        let part = db.file("part.jsonl", &whole[..cut]);
        let broken = report(&part, &[], 9);
        assert_eq!(broken["outcome"], "not_restorable", "cut at {cut}");
    }
    let twice = db.file("twice.jsonl", &[whole.as_slice(), &whole].concat());
    report(&twice, &[], 9);
    let packed = fs::read(export(&db, "e.jsonl.gz", &[])).unwrap();
    let part = db.file("part.gz", &packed[..packed.len() - 3]);
    report(&part, &[], 9);
}

#[test]
fn want_of_space_is_inconclusive() {
    let db = used();
    let dir = tempfile::tempdir().unwrap();
    for from in [db.path.clone(), export(&db, "e.jsonl", &[])] {
        let limited = format!(
            "ulimit -f 100; '{}' drill '{}' --dir '{}' --json",
            env!("CARGO_BIN_EXE_creel"),
            from.display(),
            dir.path().display()
        );
        let mut bash = Command::new("bash");
        let output = bash.args(["-c", &limited]).assert().code(23);
        let report = &json_lines(&output.get_output().stdout)[0];
        assert_eq!(report["outcome"], "inconclusive");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
    drill(&db.path, Path::new("/no/such/directory"))
        .assert()
        .code(23);
}

#[test]
fn what_is_nothing_to_restore_is_an_error() {
    let db = Db::new();
    let dir = tempfile::tempdir().unwrap();
    let text = db.file("text", b"nothing of the kind");
    let mut missing = creel();
    missing.args(["drill", "/no/such.db"]);
    assert_eq!(json_error(missing, 5)["code"], "not_found");
    drill(&text, dir.path()).assert().code(6);
    drill(&text, dir.path())
        .args(["--format", "tsv"])
        .assert()
        .code(9);
}

#[test]
fn long_keys_need_large_pages() {
    let db = Db::new();
    let key = "k".repeat(2000);
    let line = format!("{{\"key_utf8\":\"{key}\",\"payload_utf8\":\"v\"}}\n");
    let long = db.file("long.jsonl", line.as_bytes());
    let dir = tempfile::tempdir().unwrap();
    drill(&long, dir.path())
        .assert()
        .code(2)
        .stderr(predicate::str::contains("--page-size"));
    let made = report(&long, &["--page-size", "65536"], 0);
    assert_eq!(made["entries"], 1);
}
