//! Every exit status that these commands can give, produced by a real run.
//!
//! 8, 130 and 143 have files of their own; others belong to one verb and its tests.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use creel::format::SLOT_SIZE;
use creel::format::header::{Header, SlotState};
use predicates::prelude::*;

use crate::support::{Db, creel, flip, json_error, json_lines, skipped, strace};

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
pub fn patch_header(path: &Path, change: impl FnOnce(&mut Header)) {
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
                .stderr(predicate::str::contains(match fenced {
                    true => "creel replicate rejoin",
                    false => "creel promote",
                }));
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
fn exit_20_for_a_check_that_does_not_see() {
    if !cfg!(debug_assertions) {
        return skipped(
            "debug",
            "a check that sees nothing can be asked for in debug builds only",
        );
    }
    let db = Db::with(&[("k", "v")]);
    let mut command = db.run("verify");
    command
        .args(["--self-test", "5", "--seed", "7", "--json"])
        .env("CREEL_TEST_BLIND", "1");
    let output = command.assert().code(20).get_output().clone();
    let report = &json_lines(&output.stdout)[0];
    assert_eq!(
        report["verdict"], "clean",
        "the file is sound, the check is not"
    );
    assert_eq!(report["self_test"]["missed"], 5);
    assert_eq!(
        report["self_test"]["missed_at"].as_array().unwrap().len(),
        5
    );
}

#[test]
fn exit_12_16_and_23_where_there_is_no_yes_or_no() {
    let db = Db::with(&[("k", "v")]);
    let wait = |token: &str| {
        let mut command = db.run("get");
        command.args(["k", "--wait-for", token, "--timeout", "50ms"]);
        command
    };
    assert_eq!(json_error(wait("1:99:00000000"), 12)["retryable"], true);
    assert_eq!(json_error(wait("1:1:00000000"), 16)["retryable"], false);
    db.run("verify")
        .args(["--self-test", "0"])
        .assert()
        .code(23);
}

#[test]
fn exit_70_for_a_bug() {
    if !cfg!(debug_assertions) {
        return skipped("debug", "a panic can be asked for in debug builds only");
    }
    creel()
        .arg("version")
        .env("CREEL_TEST_PANIC", "1")
        .assert()
        .code(70)
        .stdout("")
        .stderr(predicate::str::contains("please report"));
}
