//! Little room: on the disk, and in memory.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::exits_io::Small;
use crate::import::record;
use crate::support::{Db, creel, skipped, stdout};

fn records(count: usize, value: usize) -> String {
    let value = "v".repeat(value);
    let key = |i: usize| (i * 7919) % count;
    (0..count)
        .map(|i| record(&format!("k{:06}", key(i)), &value))
        .collect()
}

/// Every way of importing meets the limit, changes nothing that it did not say, and leaves nothing.
#[test]
fn a_full_disk_changes_nothing_and_leaves_nothing() {
    let Some(small) = Small::mount("6m") else {
        return skipped("mount", "a small tmpfs cannot be mounted here");
    };
    let path = small.0.path().join("test.db");
    let start = Db::filled(100);
    start.run("checkpoint").assert().success();
    let text = records(4000, 2000);
    let sorted: String = (0..4000)
        .map(|i| record(&format!("k{i:06}"), &"v".repeat(2000)))
        .collect();
    for (text, args) in [
        (&text, &[][..]),
        (&text, &["--sort-memory", "1MiB"]),
        (&sorted, &["--sorted"]),
        (&text, &["--batch", "100"]),
    ] {
        fs::write(&path, start.bytes()).unwrap();
        let mut command = creel();
        command
            .arg("import")
            .arg(&path)
            .args(args)
            .write_stdin(text.as_bytes());
        let assert = command.assert().code(8);
        let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(
            said.contains("No space left") || said.contains("storage"),
            "{args:?}: {said}"
        );
        let run = |verb: &str| {
            let mut command = creel();
            command.arg(verb).arg(&path);
            command
        };
        run("verify").args(["--level", "deep"]).assert().success();
        let mut count = run("list");
        count.arg("--count");
        let count: usize = stdout(count).trim().parse().unwrap();
        if args.contains(&"--batch") {
            assert!(
                said.contains("are committed") && count > 100 && count.is_multiple_of(100),
                "{said}"
            );
        } else {
            assert!(said.contains("nothing was changed"), "{args:?}: {said}");
            assert_eq!(count, 100, "{args:?}");
        }
        let names: Vec<_> = fs::read_dir(small.0.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{args:?}: {names:?}");
    }
}

#[test]
fn a_file_size_limit_changes_nothing() {
    let db = Db::filled(100);
    let before = db.list();
    let file = db.file("in.jsonl", records(2000, 2000).as_bytes());
    for args in ["", "--sorted", "--create"] {
        let path = if args == "--create" {
            db.dir.path().join("new.db")
        } else {
            db.path.clone()
        };
        let script = format!("ulimit -f 4000; exec \"$1\" import \"$2\" \"$3\" {args}");
        let output = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_creel")])
            .arg(&path)
            .arg(&file)
            .output()
            .unwrap();
        let code = if args == "--sorted" { 9 } else { 8 };
        assert_eq!(output.status.code(), Some(code), "{args}: {output:?}");
        assert_eq!(db.list(), before);
        assert_eq!(db.files(), ["in.jsonl", "test.db"]);
        db.run("verify").assert().success();
    }
}

/// A rejects file that cannot be written is no import that succeeds.
#[test]
fn rejects_that_cannot_be_written() {
    let db = Db::new();
    let before = db.bytes();
    let mut command = db.run("import");
    command.args(["--rejects", "/dev/full"]).write_stdin("x\n");
    command.assert().code(8);
    assert_eq!(db.bytes(), before);
    let mut command = db.run("import");
    command
        .args(["--rejects", "/nowhere/bad.jsonl"])
        .write_stdin("");
    command.assert().code(8);
}

fn start(db: &Db, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("import")
        .arg(&db.path)
        .args(args)
        .args(["--json", "--sync", "off"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Bytes of memory that a process had at most so far; `None` for one that has ended and is not
/// waited for.
fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().unwrap();
    Some(kib << 10)
}

/// Imports so many records through a pipe; returns the most memory that it took.
fn streamed(count: u64, args: &[&str], key: impl Fn(u64) -> u64) -> u64 {
    let db = Db::new();
    let mut child = start(&db, args);
    let mut stdin = child.stdin.take().unwrap();
    let mut piece = Vec::new();
    for i in 0..count {
        let line = format!(
            "{{\"key_utf8\":\"{:020}\",\"payload_utf8\":\"{i}\"}}\n",
            key(i)
        );
        piece.extend_from_slice(line.as_bytes());
        if piece.len() > 1 << 16 {
            stdin.write_all(&piece).unwrap();
            piece.clear();
        }
    }
    stdin.write_all(&piece).unwrap();
    let mut most = peak(&child).unwrap();
    drop(stdin);
    // It puts together what it has sorted after it has read the last record.
    while let Some(now) = peak(&child) {
        most = now;
        std::thread::yield_now();
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["inserted"], count);
    most
}

/// Ten million records in order, unless CREEL_TEST_RECORDS says otherwise; fewer in other ways.
#[test]
fn memory_does_not_grow_with_the_input() {
    if !Path::new("/proc/self/status").exists() {
        return skipped("proc", "/proc is needed");
    }
    let count = std::env::var("CREEL_TEST_RECORDS").map_or(10_000_000, |n| n.parse().unwrap());
    let most = streamed(count, &["--sorted"], |i| i);
    assert!(most < 32 << 20, "{most} bytes for records in order");
    let args = ["--sort-memory", "8MiB"];
    let most = streamed(500_000, &args, |i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    assert!(
        most < 40 << 20,
        "{most} bytes for records that are sorted in 8 MiB"
    );
    let most = streamed(100_000, &["--batch", "10k"], |i| {
        i.wrapping_mul(0x9e37_79b9)
    });
    assert!(most < 64 << 20, "{most} bytes for batches");
}

/// Whoever fills a pipe slowly must not keep others from writing.
#[test]
fn a_slow_pipe_holds_no_lock() {
    let line = |i: u32| format!("{{\"key_utf8\":\"{i:020}\",\"payload_utf8\":\"{i}\"}}\n");
    for args in [&["--sorted"][..], &[]] {
        let db = Db::new();
        let mut child = start(&db, args);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(line(1).as_bytes()).unwrap();
        // For a second: by then it has read the line, and waits for more.
        let begun = std::time::Instant::now();
        let mut puts = 0;
        while begun.elapsed().as_millis() < 1000 || puts < 5 {
            puts += 1;
            let mut put = db.run("put");
            put.args(["other", &puts.to_string(), "--lock-timeout", "0s"]);
            put.assert().success();
        }
        let rest: String = (2..1000).map(line).collect();
        stdin.write_all(rest.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["inserted"], 999, "{args:?}");
        assert_eq!(db.get("other"), puts.to_string().as_bytes());
    }
}
