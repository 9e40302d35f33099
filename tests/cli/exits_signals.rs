//! Exit statuses 130 and 143: commands that are stopped.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Db;

/// Sends a signal as soon as the command has said something about its progress.
fn stopped_while_running(db: &Db, args: &[&str], signal: i32) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg(args[0])
        .arg(&db.path)
        .args(&args[1..])
        .args(["--progress", "json", "--progress-interval", "1ns"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("creel.progress/1"), "{args:?}: {line}");
    Command::new("kill")
        .args([format!("-{signal}"), child.id().to_string()])
        .status()
        .unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let status = child.wait().unwrap();
    match (status.code(), status.signal()) {
        (Some(0), None) => false,
        (None, Some(s)) if s == signal => true,
        _ => panic!("{args:?}: {status}: {rest}"),
    }
}

#[test]
fn exit_130_and_143_during_long_work() {
    let db = Db::filled(20_000);
    db.run("checkpoint").assert().success();
    // Every other part goes, so that there is something to compact.
    for part in ["1", "3", "5", "7"] {
        let prefix = format!("key00{part}");
        let gone = db.run("delete").args(["--prefix", &prefix, "--yes"]).ok();
        gone.unwrap();
    }
    db.run("checkpoint").assert().success();
    let kept = db.list();
    let loose = db.bytes();
    for args in [&["verify", "--level", "deep"] as &[&str], &["compact"]] {
        for signal in [2, 15] {
            let hit = (0..50).any(|_| {
                fs::write(&db.path, &loose).unwrap();
                stopped_while_running(&db, args, signal)
            });
            assert!(hit, "{args:?} always ended before signal {signal}");
            db.run("verify").arg("--strict").assert().success();
        }
    }
    assert_eq!(db.list(), kept);
}

/// Returns when the process sleeps in the kernel.
fn wait_until_it_waits(pid: u32) {
    let start = Instant::now();
    let waits = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('S'))
    };
    while Path::new("/proc/self/stat").exists() && !waits() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never waits");
        std::thread::yield_now();
    }
}

#[test]
fn exit_130_and_143_of_a_list_that_nobody_reads() {
    let db = Db::filled(20_000);
    for signal in [2, 15] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("list")
            .arg(&db.path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
        wait_until_it_waits(child.id());
        Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal), "{status}");
    }
}

#[test]
fn exit_130_and_143_in_the_middle_of_a_batch_keep_whole_commits() {
    for signal in [2, 15] {
        let db = Db::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("batch")
            .arg(&db.path)
            .args(["--every", "2"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || {
            for i in 0..10_000_000 {
                if stdin
                    .write_all(format!("put\tk{i:08}\t{i}\n").as_bytes())
                    .is_err()
                {
                    return;
                }
            }
        });
        let start = Instant::now();
        while db.run("exists").arg("k00000099").ok().is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "batch commits nothing"
            );
        }
        Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .unwrap();
        let status = child.wait().unwrap();
        feeder.join().unwrap();
        assert_eq!(status.signal(), Some(signal), "{status}");
        let list = db.list();
        let entries = list.lines().count();
        assert!(
            entries >= 100 && entries.is_multiple_of(2),
            "{entries} entries"
        );
        assert!(
            list.lines()
                .last()
                .unwrap()
                .starts_with(&format!("k{:08}\t", entries - 1))
        );
        db.run("verify").assert().success();
    }
}
