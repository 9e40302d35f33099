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
    for args in [
        &["--compress"] as &[&str],
        &["--compress", "zstd"],
        &["--compress=zstd:3"],
    ] {
        db.run("checkpoint")
            .args(args)
            .assert()
            .code(2)
            .stderr(predicate::str::contains("format 1"));
    }
}

/// A `creel batch` that holds the writer lock until it is told to end.
#[cfg(unix)]
fn batch(db: &Db) -> (std::process::Child, std::process::ChildStdin) {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("batch")
        .arg(&db.path)
        .args(["--every", "1", "--no-checkpoint"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"put\theld\t1\n").unwrap();
    stdin.flush().unwrap();
    until("batch commits nothing", || {
        db.run("exists").arg("held").ok().is_ok()
    });
    (child, stdin)
}

#[cfg(unix)]
fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !ready() {
        assert!(start.elapsed().as_secs() < 25, "{what}");
    }
}

#[cfg(unix)]
#[test]
fn waiting_ends_when_the_writer_does_or_the_limit_is_reached() {
    let db = Db::with(&[("k", "v")]);
    let (mut writer, stdin) = batch(&db);
    let mut limited = db.run("checkpoint");
    limited.args(["--wait", "--lock-timeout", "300ms"]);
    let busy = crate::support::json_error(limited, 7);
    assert!(busy["detail"]["waited_ms"].as_u64().unwrap() >= 300);
    let waiting = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("checkpoint")
        .arg(&db.path)
        .args(["--wait", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(stdin);
    assert!(writer.wait().unwrap().success());
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success());
    let report = &crate::support::json_lines(&output.stdout)[0];
    assert_eq!(report["done"], true);
    assert_eq!(json(db.run("info"))["entries_checkpointed"], 2);
}

#[cfg(unix)]
#[test]
fn in_the_background_the_command_ends_before_the_work_is_done() {
    let db = Db::with(&[("k", "v")]);
    let generation = || json(db.run("info"))["generation"].as_u64().unwrap();
    let before = generation();
    let (mut writer, stdin) = batch(&db);
    let mut command = db.run("checkpoint");
    command.arg("--background");
    let report = json(command);
    assert_eq!(report["done"], false);
    assert!(report["background_pid"].as_u64().unwrap() > 1);
    assert_eq!(generation(), before, "it waits for the writer");
    #[cfg(target_os = "linux")]
    {
        let pid = report["background_pid"].to_string();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3);
        assert_eq!(session, Some(pid.as_str()), "a session of its own");
    }
    drop(stdin);
    assert!(writer.wait().unwrap().success());
    until("nothing was checkpointed", || generation() > before);
    assert_eq!(json(db.run("info"))["entries_checkpointed"], 2);

    let mut command = db.run("checkpoint");
    command.arg("--background");
    let report = json(command);
    assert!(report["background_pid"].is_null());
    assert!(!report["reason"].as_str().unwrap().is_empty());
    let start = |args: &[&str]| db.run("checkpoint").args(args).assert();
    start(&["--background", "--wait"]).code(2);
    start(&["--background", "--dry-run"]).code(2);
    start(&["--background", "--read-only"]).code(2);
    crate::support::creel()
        .args(["checkpoint", "/no/such.db", "--background"])
        .assert()
        .code(5);
}
