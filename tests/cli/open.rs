use std::fs;

use predicates::prelude::*;

use crate::support::{Db, creel, json, stdout};

#[test]
fn create_makes_one_file_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.db");
    creel()
        .arg("open")
        .arg(&path)
        .arg("--create")
        .assert()
        .success()
        .stdout(predicate::str::contains("created"));
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_a_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let db = Db::new();
    assert_eq!(
        fs::metadata(&db.path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn create_refuses_an_existing_file() {
    let db = Db::with(&[("k", "v")]);
    db.run("open").arg("--create").assert().code(8);
    assert_eq!(db.get("k"), b"v");
    let other = db.file("text", b"not a database");
    creel()
        .arg("open")
        .arg(&other)
        .arg("--create")
        .assert()
        .code(8);
    assert_eq!(fs::read(other).unwrap(), b"not a database");
}

#[test]
fn if_not_exists_accepts_a_database_but_no_other_file() {
    let db = Db::with(&[("k", "v")]);
    db.run("open")
        .args(["--create", "--if-not-exists"])
        .assert()
        .success();
    assert_eq!(db.get("k"), b"v");
    let other = db.file("text", b"not a database");
    creel()
        .arg("open")
        .arg(other)
        .args(["--create", "--if-not-exists"])
        .assert()
        .code(6);
}

#[test]
fn without_create_no_file_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("typo.db");
    creel().arg("open").arg(&path).assert().code(5);
    assert!(!path.exists());
}

#[test]
fn json_report() {
    let db = Db::with(&[("k", "v")]);
    let report = json(db.run("open"));
    assert_eq!(report["schema"], "creel.open/1");
    assert_eq!(report["created"], false);
    assert_eq!(report["page_size"], 4096);
    assert_eq!(report["role"], "standalone");
    assert_eq!(report["db_id"].as_str().unwrap().len(), 32);
    assert!(report["recovery"]["replayed_frames"].is_u64());
    assert_eq!(report["recovery"]["torn_bytes"], 0);
}

#[test]
fn page_size_and_role_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.db");
    creel()
        .arg("open")
        .arg(&path)
        .args([
            "--create",
            "--page-size",
            "16KiB",
            "--role",
            "primary",
            "--wal-size",
            "2MiB",
        ])
        .assert()
        .success();
    let mut info = creel();
    info.arg("info").arg(&path);
    let info = json(info);
    assert_eq!(info["page_size"], 16384);
    assert_eq!(info["role"], "primary");
}

#[test]
fn impossible_page_sizes_are_usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    for size in ["0", "1000", "5000", "2KiB", "128KiB", "big"] {
        creel()
            .arg("open")
            .arg(&path)
            .args(["--create", "--page-size", size])
            .assert()
            .code(2);
    }
    assert!(!path.exists());
    creel()
        .arg("open")
        .arg(&path)
        .args(["--page-size", "8KiB"])
        .assert()
        .code(2);
}

#[test]
fn a_missing_directory_is_an_error_not_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no/such/dir/x.db");
    let output = creel()
        .arg("open")
        .arg(path)
        .arg("--create")
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(5 | 8)), "{output:?}");
}

#[test]
fn text_report_is_names_and_values() {
    let db = Db::new();
    let text = stdout(db.run("open"));
    assert!(text.lines().all(|l| l.contains('\t')), "{text}");
}
