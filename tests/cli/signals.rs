//! SIGINT and SIGTERM end a command by that signal and leave a whole file.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::Db;

fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Ended by this signal, or with the status that stands for it.
pub fn is_by(status: ExitStatus, signal: i32) -> bool {
    status.signal() == Some(signal) || status.code() == Some(128 + signal)
}

fn died_of(status: ExitStatus, signal: i32) {
    assert!(is_by(status, signal), "{status}");
}

#[test]
fn a_batch_that_waits_for_input_ends_at_once() {
    for (name, signal) in [("-INT", 2), ("-TERM", 15)] {
        let db = Db::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("batch")
            .arg(&db.path)
            .args(["--every", "1"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"put\ta\t1\n").unwrap();
        stdin.flush().unwrap();
        // Once the line is committed the command waits for the next one.
        let start = Instant::now();
        while db.run("exists").arg("a").ok().is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "no commit");
        }
        kill(&child, name);
        died_of(child.wait().unwrap(), signal);
        assert_eq!(db.list(), "a\t1\n");
        db.run("verify").assert().success();
    }
}

#[test]
fn a_watch_ends_by_the_signal() {
    let db = Db::filled(10);
    let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("stats")
        .arg(&db.path)
        .args(["--watch", "50ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    kill(&child, "-INT");
    for line in lines {
        line.unwrap();
    }
    died_of(child.wait().unwrap(), 2);
}

#[test]
fn interrupted_checkpoints_and_compactions_leave_a_whole_file() {
    let db = Db::filled(20_000);
    let before = db.list();
    for verb in ["checkpoint", "compact", "checkpoint", "compact"] {
        for lines in [0, 1, 4] {
            let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
                .arg(verb)
                .arg(&db.path)
                .args(["--progress", "plain", "--progress-interval", "1ms"])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // So far on its way, or at its end.
            let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
            said.by_ref().take(lines).for_each(|l| drop(l.unwrap()));
            let _ = Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .stderr(Stdio::null())
                .status();
            let status = child.wait().unwrap();
            if status.code() != Some(0) {
                died_of(status, 15);
            }
            assert_eq!(db.list(), before);
            db.run("verify").assert().success();
        }
    }
}
