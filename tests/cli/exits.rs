//! Every exit status that these commands can give, produced by a real run.
//!
//! 3, 11, 12, 13, 15, 16 and 20 to 23 belong to verbs that are not there yet.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use creel::format::SLOT_SIZE;
use creel::format::header::{Header, SlotState};
use predicates::prelude::*;

use crate::support::{Db, creel, flip, json_error, skipped, strace};

/// A `creel batch` that waits for input and holds the writer lock meanwhile.
pub struct Holder {
    child: Child,
}

impl Holder {
    pub fn of(db: &Db) -> Holder {
        let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("batch")
            .arg(&db.path)
            .args(["--every", "1", "--sync", "off"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"put\theld\t1\n").unwrap();
        stdin.flush().unwrap();
        let start = Instant::now();
        while db.run("exists").arg("held").ok().is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "batch commits nothing"
            );
        }
        child.stdin = Some(stdin);
        Holder { child }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn exit_0_1_2() {
    let db = Db::with(&[("k", "v")]);
    db.run("exists").arg("k").assert().code(0).stdout("");
    for verb in ["exists", "get"] {
        db.run(verb)
            .arg("absent")
            .assert()
            .code(1)
            .stdout("")
            .stderr("");
    }
    for args in [&["--if-absent"] as &[&str], &["--if-equals", "other"]] {
        db.run("put")
            .args(["k", "w"])
            .args(args)
            .assert()
            .code(1)
            .stdout("");
    }
    db.run("put")
        .args(["x", "w", "--if-exists"])
        .assert()
        .code(1)
        .stdout("");
    db.run("delete")
        .args(["x", "--must-exist"])
        .assert()
        .code(1)
        .stdout("");
    assert_eq!(db.list(), "k\tv\n", "a no changes nothing");
    db.run("get")
        .arg("--frobnicate")
        .assert()
        .code(2)
        .stdout("");
    let long = "k".repeat(5000);
    db.run("put")
        .args([&long, "v"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("limit"));
}

#[test]
fn exit_4_for_damage_under_every_verb_that_meets_it() {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    let page_size = 4096;
    let bytes = db.bytes();
    for page in 0..bytes.len() / page_size {
        let place = page * page_size;
        if bytes[place..][..page_size]
            .windows(5)
            .any(|w| w == b"value")
        {
            flip(&db.path, place + page_size / 2);
        }
    }
    for args in [
        &["get", "key000001"] as &[&str],
        &["get", "key000001", "key002000"],
        &["exists", "key000001"],
        &["list"],
        &["list", "--glob", "*1*", "--count"],
        &["put", "key000001", "v", "--if-absent"],
        &["stats", "--exact"],
        &["compact"],
        &[
            "compact",
            "--no-verify",
            "-o",
            "/dev/shm/creel-test-never-made.db",
        ],
        &["verify"],
    ] {
        let mut command = db.run(args[0]);
        let output = command
            .args(&args[1..])
            .assert()
            .code(4)
            .get_output()
            .clone();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let told = args[0] == "verify" || stderr.contains("creel verify");
        assert!(told, "{args:?}: {stderr}");
        if matches!(args[0], "get" | "exists") {
            assert!(output.stdout.is_empty(), "{args:?}");
        }
    }
    assert!(!Path::new("/dev/shm/creel-test-never-made.db").exists());
    let error = json_error(
        {
            let mut command = db.run("get");
            command.arg("key000001");
            command
        },
        4,
    );
    assert_eq!(error["code"], "corrupt");
    assert!(error["detail"]["page"].is_u64() && error["detail"]["invariant"].is_string());
}

#[test]
fn exit_5_and_6_for_every_verb() {
    let db = Db::new();
    let text = db.file("text", b"just a text\n");
    let empty = db.file("empty", b"");
    let random: Vec<u8> = (0..100_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let garbage = db.file("garbage", &random);
    let missing = db.dir.path().join("missing");
    for args in [
        &["open"] as &[&str],
        &["put", "k", "v"],
        &["get", "k"],
        &["delete", "k"],
        &["delete", "--prefix", "", "--yes"],
        &["exists", "k"],
        &["list"],
        &["batch"],
        &["keyspaces"],
        &["info"],
        &["stats"],
        &["checkpoint"],
        &["checkpoint", "--dry-run"],
        &["compact"],
        &["verify"],
        &["inspect", "page", "3"],
    ] {
        for (path, code) in [(&missing, 5), (&text, 6), (&empty, 6), (&garbage, 6)] {
            let before = fs::read(path).ok();
            creel()
                .arg(args[0])
                .arg(path)
                .args(&args[1..])
                .write_stdin("put\ta\tb\n")
                .assert()
                .code(code)
                .stdout("");
            assert_eq!(fs::read(path).ok(), before, "{args:?} changed {path:?}");
        }
    }
    assert_eq!(
        db.files(),
        ["empty", "garbage", "test.db", "text"],
        "nothing was made"
    );
}

#[test]
fn exit_7_names_the_holder() {
    let db = Db::new();
    let holder = Holder::of(&db);
    let pid = holder.child.id();
    for args in [
        &["put", "k", "v"] as &[&str],
        &["put", "k", "v", "--if-absent"],
        &["delete", "k"],
        &["batch", "--every", "2"],
        &["open"],
    ] {
        let start = Instant::now();
        let mut command = db.run(args[0]);
        command
            .args(&args[1..])
            .args(["--lock-timeout", "0"])
            .write_stdin("put\ta\tb\n");
        let error = json_error(command, 7);
        assert!(start.elapsed() < Duration::from_secs(3), "{args:?} waited");
        assert_eq!(error["code"], "busy", "{args:?}");
        assert_eq!(error["retryable"], true);
        if cfg!(target_os = "linux") {
            assert_eq!(error["detail"]["pid"], pid, "{args:?}: {error}");
            assert_eq!(error["detail"]["gone"], false);
            let command = error["detail"]["command"].as_str().unwrap();
            assert!(
                command.contains(" batch ") && command.contains("--every 1"),
                "{command}"
            );
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains(&pid.to_string()) && message.contains(" batch "),
                "{message}"
            );
            assert!(!error["detail"]["host"].as_str().unwrap().is_empty());
        }
    }
    let start = Instant::now();
    db.run("put")
        .args(["k", "v", "--lock-timeout", "300ms"])
        .assert()
        .code(7);
    assert!(
        start.elapsed() >= Duration::from_millis(300),
        "it did not wait"
    );
    // Readers never wait for the writer.
    assert_eq!(db.get("held"), b"1");
    assert_eq!(db.list(), "held\t1\n");
    db.run("verify").assert().success();
    drop(holder);
    db.run("put")
        .args(["k", "v", "--lock-timeout", "0"])
        .assert()
        .success();
}

#[test]
fn exit_8_for_a_directory_that_cannot_be_written() {
    let db = Db::with(&[("k", "v")]);
    db.run("checkpoint").assert().success();
    let creel = db.dir.path().join("creel");
    fs::copy(env!("CARGO_BIN_EXE_creel"), &creel).unwrap();
    for (path, mode) in [
        (creel.as_path(), 0o755),
        (&db.path, 0o444),
        (db.dir.path(), 0o555),
    ] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    // Root may write anywhere, so somebody else has to try.
    let root =
        fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    let run = |args: &[&str]| {
        let mut command = Command::new(&creel);
        if root {
            command.uid(65534).gid(65534);
        }
        for arg in args {
            match *arg {
                "DB" => command.arg(&db.path),
                "NEW" => command.arg(db.dir.path().join("new.db")),
                other => command.arg(other),
            };
        }
        loop {
            // A child that another test is just starting may still hold the fresh copy open.
            match command.stdin(Stdio::null()).output() {
                Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                output => return output.unwrap(),
            }
        }
    };
    for args in [
        &["put", "DB", "k", "w"] as &[&str],
        &["delete", "DB", "k"],
        &["batch", "DB"],
        &["checkpoint", "DB"],
        &["compact", "DB"],
        &["compact", "DB", "-o", "NEW"],
        &["open", "NEW", "--create"],
        &["get", "DB", "k", "-o", "NEW"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(8), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    for args in [
        &["get", "DB", "k"] as &[&str],
        &["exists", "DB", "k"],
        &["list", "DB"],
        &["info", "DB"],
        &["keyspaces", "DB"],
        &["stats", "DB"],
        &["verify", "DB", "--strict"],
        &["inspect", "DB", "header"],
        &["checkpoint", "DB", "--dry-run"],
        &["compact", "DB", "--dry-run"],
        &["open", "DB", "--read-only"],
    ] {
        let output = run(args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?} only reads: {output:?}"
        );
    }
    fs::set_permissions(db.dir.path(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(db.files(), ["creel", "test.db"], "nothing is left behind");
}

/// A file system of a megabyte, gone at the end.
pub struct Small(pub tempfile::TempDir);

impl Small {
    pub fn mount(size: &str) -> Option<Small> {
        let dir = tempfile::tempdir().unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "creel-test"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        done.is_ok_and(|s| s.success()).then_some(Small(dir))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn exit_8_for_a_full_disk_and_nothing_is_lost() {
    let Some(small) = Small::mount("3m") else {
        return skipped("a small tmpfs cannot be mounted here");
    };
    let path = small.0.path().join("test.db");
    let run = |args: &[&str]| {
        let mut command = creel();
        command.arg(args[0]).arg(&path).args(&args[1..]);
        command
    };
    run(&["open", "--create"]).assert().success();
    // Big values until no more fit.
    let value = "v".repeat(50_000);
    let mut acknowledged = 0;
    loop {
        let key = format!("k{acknowledged:04}");
        let output = run(&["put", &key]).arg(&value).output().unwrap();
        match output.status.code() {
            Some(0) => acknowledged += 1,
            Some(8) => {
                let text = String::from_utf8_lossy(&output.stderr);
                assert!(
                    text.contains("No space left") || text.contains("no storage space"),
                    "{text}"
                );
                break;
            }
            _ => panic!("{output:?}"),
        }
        assert!(acknowledged < 1000, "the disk is never full");
    }
    assert!(acknowledged > 10);
    let count = run(&["list", "--count"])
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    assert_eq!(
        String::from_utf8(count).unwrap().trim(),
        acknowledged.to_string()
    );
    run(&["verify", "--level", "deep"]).assert().success();
    let other = small.0.path().join("other.db");
    creel()
        .arg("open")
        .arg(&other)
        .args(["--create", "--wal-size", "4MiB"])
        .assert()
        .code(8);
    let copy = small.0.path().join("copy.db");
    run(&["compact", "-o"]).arg(&copy).assert().code(8);
    let names: Vec<_> = fs::read_dir(small.0.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["test.db"], "a failed file leaves nothing behind");
    // Room again: everything goes on.
    run(&["delete", "--prefix", "k", "--yes"])
        .assert()
        .success();
    for _ in 0..4 {
        run(&["put", "again", "1"]).assert().success();
        run(&["checkpoint"]).assert().success();
    }
    run(&["put", "large"]).arg(&value).assert().success();
    run(&["verify", "--level", "deep"]).assert().success();
}

#[test]
fn exit_8_for_a_file_size_limit() {
    let db = Db::new();
    let path = db.dir.path().join("limited.db");
    let script = "ulimit -f 64; exec \"$1\" open \"$2\" --create";
    let output = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_creel")])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    assert_eq!(db.files(), ["test.db"]);
}

#[test]
fn exit_9_for_a_bad_line() {
    let db = Db::new();
    let error = {
        let mut command = db.run("batch");
        command.write_stdin(
            "{\"op\":\"put\",\"key\":\"YQ==\",\"value\":\"YQ==\"}\n{\"op\":\"fly\"}\n",
        );
        json_error(command, 9)
    };
    assert_eq!(error["code"], "bad_input");
    assert_eq!(error["detail"]["line"], 2);
    assert_eq!(db.list(), "");
}

/// Rewrites the newest header with other fields and a fitting checksum.
fn patch_header(path: &Path, change: impl FnOnce(&mut Header)) {
    let mut bytes = fs::read(path).unwrap();
    let newest = [0usize, 8192]
        .into_iter()
        .enumerate()
        .filter_map(|(slot, at)| {
            let raw: &[u8; SLOT_SIZE] = bytes[at..][..SLOT_SIZE].try_into().unwrap();
            match Header::decode(raw, slot) {
                SlotState::Valid(header, _) => Some((at, header)),
                _ => None,
            }
        })
        .max_by_key(|(_, header)| header.generation);
    let (at, mut header) = newest.unwrap();
    change(&mut header);
    bytes[at..][..SLOT_SIZE].copy_from_slice(&header.encode());
    fs::write(path, bytes).unwrap();
}

#[test]
fn exit_10_for_a_fenced_file_and_a_replica() {
    for fenced in [true, false] {
        let db = Db::with(&[("k", "v")]);
        patch_header(&db.path, |header| {
            if fenced {
                header.role = creel::Role::Primary;
                header.fenced = true;
                header.fence_epoch = header.epoch + 1;
            } else {
                header.role = creel::Role::Replica;
                header.upstream_file_id = [1; 16];
            }
        });
        let before = db.bytes();
        for args in [
            &["put", "k", "w"] as &[&str],
            &["put", "k", "w", "--if-exists"],
            &["delete", "k"],
            &["delete", "--prefix", "k", "--yes"],
            &["batch"],
            &["batch", "--every", "1"],
        ] {
            let mut command = db.run(args[0]);
            command.args(&args[1..]).write_stdin("put\ta\tb\n");
            command
                .assert()
                .code(10)
                .stdout("")
                .stderr(predicate::str::contains("creel info"));
            assert_eq!(db.bytes(), before, "{args:?} wrote to it");
        }
        assert_eq!(db.get("k"), b"v", "reading goes on");
        let state = db
            .run("info")
            .args(["--get", "fenced"])
            .output()
            .unwrap()
            .stdout;
        assert_eq!(String::from_utf8(state).unwrap().trim(), fenced.to_string());
    }
}

#[test]
fn exit_14_where_the_outcome_is_unknown() {
    let Some(strace) = strace() else { return };
    for args in [
        &["put", "new", "w"] as &[&str],
        &["put", "new", "w", "--if-absent"],
        &["delete", "k"],
        &["batch"],
        &["batch", "--every", "1"],
    ] {
        let db = Db::with(&[("k", "v")]);
        let lines = db.file("lines", b"put\tnew\tw\nput\tnew2\tw\n");
        let mut command = Command::new(&strace);
        command
            .args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "inject=pwritev2:error=EIO:when=1",
            ])
            .arg(env!("CARGO_BIN_EXE_creel"))
            .arg(args[0])
            .arg(&db.path)
            .args(&args[1..])
            .stdin(fs::File::open(lines).unwrap());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(14), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty());
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("may or may not"), "{args:?}: {text}");
        // The confirmed one is safe, and the file works on.
        assert_eq!(db.get("k"), b"v");
        db.run("verify").assert().success();
        db.run("put").args(["k", "w"]).assert().success();
        assert_eq!(db.get("k"), b"w");
    }
}

#[test]
fn exit_70_for_a_bug() {
    if !cfg!(debug_assertions) {
        return skipped("a panic can be asked for in debug builds only");
    }
    creel()
        .arg("version")
        .env("CREEL_TEST_PANIC", "1")
        .assert()
        .code(70)
        .stdout("")
        .stderr(predicate::str::contains("please report"));
}

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
