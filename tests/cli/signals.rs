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

/// Opening a pipe waits for its other end. SIGTERM was only noted there, and the command waited on.
#[test]
fn a_pipe_without_another_end_gives_way_to_a_signal() {
    let db = Db::filled(10);
    let pipe = db.dir.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let pipe = pipe.to_str().unwrap();
    for args in [
        &["batch", pipe] as &[&str],
        &["import", pipe],
        &["export", "-o", pipe],
        &["backup", "-o", pipe],
        &["get", "key000001", "-o", pipe],
        &["put", "k", "--value-file", pipe],
    ] {
        let child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg(args[0])
            .arg(&db.path)
            .args(&args[1..])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        died_of(end_while_it_opens(child), 15);
    }
    // Whatever is no file is not even waited for.
    db.run("digest").arg(pipe).assert().code(8);
    assert_eq!(db.files(), ["pipe", "test.db"]);
}

/// Sends SIGTERM once the command sleeps in a call, which is the opening of the pipe.
fn end_while_it_opens(mut child: Child) -> ExitStatus {
    let stat = format!("/proc/{}/stat", child.id());
    let sleeps = |text: String| text.contains(") S ");
    let start = Instant::now();
    while !std::fs::read_to_string(&stat).is_ok_and(sleeps)
        && start.elapsed() < Duration::from_secs(20)
    {
        std::thread::yield_now();
    }
    kill(&child, "-TERM");
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > Duration::from_secs(20) {
            let _ = child.kill();
            panic!("SIGTERM did not end it: {:?}", child.wait());
        }
        std::thread::yield_now();
    }
}
