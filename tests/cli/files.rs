//! Files that are not what they should be, and files with several names.
#![cfg(unix)]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use predicates::prelude::*;

use crate::support::{Db, creel, json, json_error};

#[test]
fn a_symbolic_link_is_the_file_it_names() {
    let db = Db::with(&[("k", "v")]);
    let link = db.dir.path().join("link");
    symlink(&db.path, &link).unwrap();
    creel()
        .arg("put")
        .arg(&link)
        .args(["k", "w"])
        .assert()
        .success();
    for verb in ["checkpoint", "compact", "verify"] {
        creel().arg(verb).arg(&link).assert().success();
    }
    assert!(
        fs::symlink_metadata(&link).unwrap().is_symlink(),
        "the link stays a link"
    );
    assert_eq!(db.get("k"), b"w");
    let dangling = db.dir.path().join("dangling");
    symlink(db.dir.path().join("nowhere"), &dangling).unwrap();
    creel().arg("get").arg(&dangling).arg("k").assert().code(5);
    // A new file never comes to be behind somebody's link.
    creel()
        .arg("open")
        .arg(&dangling)
        .arg("--create")
        .assert()
        .code(8);
    assert!(!db.dir.path().join("nowhere").exists());
}

#[test]
fn a_second_hard_link_refuses_writes() {
    let db = Db::with(&[("k", "v")]);
    let link = db.dir.path().join("second");
    fs::hard_link(&db.path, &link).unwrap();
    let before = db.bytes();
    for path in [&db.path, &link] {
        for args in [
            &["put", "k", "w"] as &[&str],
            &["delete", "k"],
            &["checkpoint"],
            &["compact"],
        ] {
            let mut command = creel();
            command.arg(args[0]).arg(path).args(&args[1..]);
            let error = json_error(command, 8);
            assert_eq!(error["code"], "hard_linked", "{args:?}");
        }
        creel()
            .arg("get")
            .arg(path)
            .arg("k")
            .assert()
            .success()
            .stdout("v");
        creel().arg("verify").arg(path).assert().success();
        // A reader is warned, and may say that it knows.
        let warned = |rest: &[&str]| {
            let mut command = creel();
            command.arg("list").arg(path).args(rest);
            let stderr = command.assert().success().get_output().stderr.clone();
            String::from_utf8(stderr).unwrap()
        };
        assert!(warned(&[]).starts_with("warning: ") && warned(&[]).contains("2 hard links"));
        for silent in ["-q", "--allow-hard-links", "--json"] {
            assert_eq!(warned(&[silent]), "");
        }
    }
    assert_eq!(db.bytes(), before);
    let mut forced = db.run("put");
    forced.args(["k", "forced", "--allow-hard-links"]);
    forced.assert().success();
    creel()
        .arg("get")
        .arg(&link)
        .arg("k")
        .assert()
        .stdout("forced");
    fs::remove_file(link).unwrap();
    db.run("put").args(["k", "w"]).assert().success();
}

#[test]
fn a_file_cut_at_any_place_is_refused_and_left_alone() {
    let db = Db::filled(300);
    db.run("checkpoint").assert().success();
    db.run("put").args(["after", "1"]).assert().success();
    let whole = db.bytes();
    let pages = whole.len() / 4096;
    let mut lengths: Vec<usize> = (0..=pages).map(|p| p * 4096).collect();
    lengths.extend((0..pages).step_by(7).map(|p| p * 4096 + 1 + p % 4095));
    lengths.extend([
        1,
        7,
        8,
        100,
        511,
        512,
        513,
        8191,
        8192 + 511,
        8192 + 512,
        16384 + 127,
    ]);
    lengths.retain(|l| *l < whole.len());
    let cut = db.dir.path().join("cut.db");
    for (i, length) in lengths.iter().enumerate() {
        fs::write(&cut, &whole[..*length]).unwrap();
        let verbs: &[&[&str]] = match i % 3 {
            0 => &[&["get", "key000001"], &["verify"]],
            1 => &[&["put", "k", "v"], &["list"]],
            _ => &[&["checkpoint"], &["info"], &["inspect", "page", "9"]],
        };
        for args in verbs {
            let output = creel()
                .arg(args[0])
                .arg(&cut)
                .args(&args[1..])
                .output()
                .unwrap();
            let code = output.status.code();
            let allowed: &[i32] = match args[0] {
                "info" | "inspect" => &[0, 2, 4, 6], // headers may be whole
                _ => &[4, 6],
            };
            assert!(
                code.is_some_and(|c| allowed.contains(&c)),
                "{length} {args:?}: {output:?}"
            );
            if matches!(args[0], "get" | "list" | "put") {
                assert!(output.stdout.is_empty(), "{length} {args:?}");
            }
        }
        assert_eq!(
            fs::read(&cut).unwrap(),
            &whole[..*length],
            "{length}: left alone"
        );
    }
}

#[test]
fn a_file_with_something_behind_its_end_still_works() {
    let db = Db::filled(300);
    db.run("checkpoint").assert().success();
    let before = db.list();
    for (n, garbage) in [vec![0; 1], vec![0; 4096], vec![0xa5; 5000]]
        .into_iter()
        .enumerate()
    {
        let mut bytes = db.bytes();
        bytes.extend(garbage);
        fs::write(&db.path, bytes).unwrap();
        assert_eq!(db.list(), before, "{n}");
        let verdict = json(db.run("verify"))["verdict"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            matches!(verdict.as_str(), "clean" | "recoverable"),
            "{n}: {verdict}"
        );
        db.run("put")
            .args([&format!("new{n}"), "v"])
            .assert()
            .success();
        db.run("delete").arg(format!("new{n}")).assert().success();
        db.run("checkpoint").assert().success();
        assert_eq!(db.list(), before, "{n}");
        db.run("verify").assert().success();
    }
}

#[test]
fn garbage_in_both_headers_is_named() {
    let db = Db::filled(10);
    let mut bytes = db.bytes();
    for at in [100, 8192 + 100] {
        bytes[at] ^= 0x55;
    }
    fs::write(&db.path, &bytes).unwrap();
    for args in [&["get", "k"] as &[&str], &["put", "k", "v"], &["list"]] {
        db.run(args[0]).args(&args[1..]).assert().code(4).stdout("");
    }
    db.run("verify")
        .assert()
        .code(4)
        .stdout(predicate::str::contains("unreadable"));
    assert_eq!(db.bytes(), bytes);
}

#[test]
fn a_newer_format_is_exit_6() {
    let db = Db::new();
    let mut bytes = db.bytes();
    let at = if bytes[0] == 0 { 8192 } else { 0 };
    bytes[at + 8] = 9;
    let sum = crc(&bytes[at..at + 508]);
    bytes[at + 508..at + 512].copy_from_slice(&sum.to_le_bytes());
    fs::write(&db.path, &bytes).unwrap();
    for args in [
        &["get", "k"] as &[&str],
        &["put", "k", "v"],
        &["verify"],
        &["info"],
    ] {
        db.run(args[0])
            .args(&args[1..])
            .assert()
            .code(6)
            .stderr(predicate::str::contains("format version 9"));
    }
    assert_eq!(db.bytes(), bytes);
}

fn crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

#[test]
fn a_file_replaced_under_a_writer_is_noticed() {
    let db = Db::with(&[("k", "v")]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("batch")
        .arg(&db.path)
        .args(["--every", "1"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"put\tfirst\t1\n").unwrap();
    while db.run("exists").arg("first").ok().is_err() {}
    let other = Db::with(&[("other", "1")]);
    let old = db.dir.path().join("old.db");
    fs::rename(&db.path, &old).unwrap();
    fs::copy(&other.path, &db.path).unwrap();
    let before = fs::read(&old).unwrap();
    std::io::Write::write_all(&mut stdin, b"put\tsecond\t1\n").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no longer names this file"));
    assert_eq!(
        fs::read(old).unwrap(),
        before,
        "nothing goes into a file that nobody will open"
    );
    assert_eq!(db.list(), "other\t1\n");
}

#[test]
fn an_open_umask_makes_no_readable_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.db");
    let script = "umask 000; \"$1\" open \"$2\" --create && \"$1\" put \"$2\" k v && \"$1\" get \"$2\" k -o \"$2.out\" \
                  && \"$1\" compact \"$2\" -o \"$2.copy\"";
    let status = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_creel")])
        .arg(&path)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    for name in ["new.db", "new.db.out", "new.db.copy"] {
        let mode = fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn devices_and_directories_are_no_databases() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_str().unwrap(), "/dev/null", "/dev/zero"] {
        for args in [
            &["get", "k"] as &[&str],
            &["put", "k", "v"],
            &["info"],
            &["verify"],
            &["inspect", "header"],
        ] {
            let output = creel()
                .arg(args[0])
                .arg(path)
                .args(&args[1..])
                .output()
                .unwrap();
            let code = output.status.code();
            assert!(matches!(code, Some(6 | 8)), "{args:?} {path}: {output:?}");
        }
    }
}

#[test]
fn a_pipe_as_database_does_not_hang() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    for args in [
        &["get", "k"] as &[&str],
        &["put", "k", "v"],
        &["info"],
        &["verify"],
    ] {
        let output = creel()
            .arg(args[0])
            .arg(&path)
            .args(&args[1..])
            .output()
            .unwrap();
        assert!(
            matches!(output.status.code(), Some(6 | 8)),
            "{args:?}: {output:?}"
        );
    }
}

#[test]
fn reading_verbs_never_write() {
    let db = Db::filled(500);
    db.run("checkpoint").assert().success();
    db.run("put").args(["more", "1"]).assert().success();
    // The last commit is cut short, so that there is something to recover.
    let before = fs::metadata(&db.path).unwrap();
    let bytes = db.bytes();
    for args in [
        &["get", "more"] as &[&str],
        &["exists", "more"],
        &["list"],
        &["info"],
        &["keyspaces"],
        &["stats"],
        &["verify", "--level", "deep"],
        &["inspect", "freelist"],
        &["checkpoint", "--dry-run"],
        &["compact", "--dry-run"],
        &["delete", "--prefix", "k", "--dry-run"],
        &["open", "--read-only"],
    ] {
        db.run(args[0]).args(&args[1..]).assert().success();
        let after = fs::metadata(&db.path).unwrap();
        assert_eq!(
            (after.mtime(), after.mtime_nsec()),
            (before.mtime(), before.mtime_nsec()),
            "{args:?}"
        );
    }
    assert_eq!(db.bytes(), bytes);
    assert_eq!(db.files(), ["test.db"]);
}

#[test]
fn a_torn_end_of_the_log_is_dropped_and_said() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let mut bytes = db.bytes();
    // The mark of 16 bytes behind the last frame ends where zeros begin in the first region.
    let region = 16384..16384 + (512 << 10);
    let last = region.clone().rev().find(|i| bytes[*i] != 0).unwrap();
    let mark = (last + 1).next_multiple_of(8) - 16;
    let frame = bytes[..mark].iter().rposition(|b| *b != 0).unwrap();
    bytes[frame] ^= 0xff;
    fs::write(&db.path, &bytes).unwrap();
    // The mark tells that the frame had been whole and durable.
    db.run("open").assert().code(4);
    db.run("verify").assert().code(4);
    // Without it nobody vouches for the frame: power was lost before the sync.
    bytes[mark..mark + 16].fill(0);
    fs::write(&db.path, &bytes).unwrap();
    let report = json(db.run("open"));
    assert_eq!(report["recovery"]["clean"], false, "{report}");
    assert!(report["recovery"]["torn_at"].is_u64(), "{report}");
    assert_eq!(report["recovery"]["replayed_frames"], 1);
    db.run("verify")
        .assert()
        .success()
        .stdout(predicate::str::contains("recoverable"));
    db.run("verify").arg("--strict").assert().code(4);
    assert_eq!(db.list(), "a\t1\n");
    db.run("put").args(["c", "3"]).assert().success();
    assert_eq!(db.list(), "a\t1\nc\t3\n");
    db.run("verify").arg("--strict").assert().success();
    let _ = OpenOptions::new().read(true).open(&db.path).unwrap();
}
