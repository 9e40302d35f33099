//! Exports that cannot end: full devices, readers that leave, signals and kills. And what a long
//! one costs.
#![cfg(unix)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use creel::{Db as Engine, NoProgress};

use crate::kill::{copy_of, only, sweep, words};
use crate::support::{Db, is_counting, skipped, strace};

/// A database with so many entries that an export is under way for a while.
fn large(entries: u32) -> Db {
    let db = Db::new();
    let engine = Engine::open(&db.path).unwrap();
    let each = (0..entries).map(|i| Ok((format!("user:{i:019}"), [i as u8; 150])));
    engine.bulk_load("main", each, &NoProgress).unwrap();
    engine.close().unwrap();
    db
}

fn export(db: &Db, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command
        .arg("export")
        .arg(&db.path)
        .args(args)
        .current_dir(&db.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

const KINDS: &[&[&str]] = &[
    &[],
    &["--bare"],
    &["--format", "raw"],
    &["--compress", "zstd"],
    &["--compress", "gzip"],
];

#[test]
fn a_full_device_is_exit_8() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return skipped("proc", "/dev/full is needed");
    }
    for db in [Db::with(&[("a", "1")]), large(20_000)] {
        for args in KINDS {
            let stdout = OpenOptions::new().write(true).open(full).unwrap();
            let output = export(&db, args).stdout(stdout).output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(8), "{args:?}: {text}");
            assert!(text.contains("standard output"), "{args:?}: {text}");
            let output = export(&db, args).args(["-o", "/dev/full"]).output();
            let output = output.unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(8), "{args:?}: {text}");
            assert!(text.contains("/dev/full"), "{args:?}: {text}");
        }
    }
    assert!(fs::metadata(full).is_ok());
}

#[test]
fn a_reader_that_leaves_ends_it_by_sigpipe() {
    for db in [Db::with(&[("a", "1")]), large(50_000)] {
        for args in KINDS {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let output = export(&db, args).stdout(writer).output().unwrap();
            assert_eq!(output.status.signal(), Some(13), "{args:?}: {output:?}");
            assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
        }
    }
    let db = large(50_000);
    let mut child = export(&db, &[]).spawn().unwrap();
    let mut some = [0; 10_000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(13), "{output:?}");
}

fn kill(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_signal_in_the_middle_leaves_nothing() {
    let db = large(400_000);
    for (name, number) in [("-INT", 2), ("-TERM", 15)] {
        for args in [&["-o", "out"][..], &["-o", "out.zst"]] {
            let mut child = export(&db, args)
                .args(["--progress", "plain", "--progress-interval", "0s"])
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            assert!(first.contains("of 400000"), "{first}");
            kill(&child, name);
            for line in lines {
                line.unwrap();
            }
            let status = child.wait().unwrap();
            assert_eq!(status.signal(), Some(number), "{status}");
            assert_eq!(db.files(), ["test.db"]);
        }
    }
}

/// The limit is that of the file system: no room for more.
#[test]
fn a_file_that_finds_no_room_leaves_nothing() {
    let db = large(20_000);
    for (name, blocks, more) in [
        ("out", 300, "--bare"),
        ("out.zst", 20, ""),
        ("out.gz", 20, ""),
    ] {
        let script = format!("ulimit -f {blocks}; exec \"$1\" export \"$2\" -o \"$3\" {more}");
        let output = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_creel")])
            .args([&db.path, &db.dir.path().join(name)])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(8), "{name}: {text}");
        assert!(text.contains(name), "{text}");
        assert_eq!(db.files(), ["test.db"]);
    }
}

#[test]
fn a_signal_ends_one_whose_reader_does_not_read() {
    let db = large(50_000);
    let mut child = export(&db, &[]).spawn().unwrap();
    // It has begun; the rest does not fit into the pipe.
    let mut first = [0];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    kill(&child, "-INT");
    assert_eq!(child.wait().unwrap().signal(), Some(2));
}

#[test]
fn killed_anywhere_a_file_is_there_whole_or_not_at_all() {
    let Some(_) = strace() else { return };
    let db = Db::filled(3000);
    db.run("put").args(["in the log", "1"]).assert().success();
    let image = db.bytes();
    let whole = export(&db, &[]).output().unwrap().stdout;
    let prepare = || {
        let db = copy_of(&image);
        let out = db.dir.path().join("out.jsonl");
        let args = words("export", &db.path, &["-o", out.to_str().unwrap()]);
        (db, args)
    };
    sweep("export", 21, &prepare, &|db, done| {
        let out = db.dir.path().join("out.jsonl");
        assert!(out.exists() || !done);
        if out.exists() {
            assert!(fs::read(&out).unwrap() == whole, "in part");
        }
        only(db, &["test.db", "out.jsonl"]);
        assert!(db.bytes() == image, "the database was written to");
    });
}

/// Memory of a process that lives, in KiB: its own, and what it has of a file in its map. The system
/// decides how much comes with a page that is read: on some, 2 MiB.
#[cfg(target_os = "linux")]
fn memory(child: &Child, file: &Path) -> Option<(u64, u64)> {
    let proc = Path::new("/proc").join(child.id().to_string());
    let size = |line: &str| line.split_whitespace().nth(1)?.parse::<u64>().ok();
    let status = fs::read_to_string(proc.join("status")).ok()?;
    let own = size(status.lines().find(|l| l.starts_with("RssAnon:"))?)?;
    let maps = fs::read_to_string(proc.join("smaps")).ok()?;
    let (mut mapped, mut inside) = (0, false);
    for line in maps.lines() {
        match line.split_whitespace().next()? {
            "Rss:" if inside => mapped += size(line)?,
            name if !name.ends_with(':') => inside = line.ends_with(file.to_str()?),
            _ => {}
        }
    }
    Some((own, mapped))
}

/// 4 MiB, however large the database is and however its pages lie in the file; and of the file itself
/// little is kept: three places of 2 MiB, a leaf, its branch and the root.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_database() {
    if is_counting() {
        return;
    }
    let in_order = large(400_000);
    let shuffled = Db::new();
    let engine = Engine::open(&shuffled.path).unwrap();
    let mut order: Vec<u32> = (0..200_000).collect();
    let mut state = 7_u64;
    for i in (1..order.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        order.swap(i, (state >> 33) as usize % (i + 1));
    }
    for keys in order.chunks(10_000) {
        let mut batch = creel::Batch::new();
        for i in keys {
            batch.put(&i.to_be_bytes(), &[*i as u8; 150]);
        }
        engine.write(batch).unwrap();
        let options = creel::CheckpointOptions::default();
        engine.checkpoint(&options, &NoProgress).unwrap();
    }
    engine.close().unwrap();
    for (db, args) in [
        (&in_order, &["export"][..]),
        (&in_order, &["export", "--compress", "zstd:1"]),
        (&in_order, &["export", "--format", "csv", "--enc", "hex"]),
        (&shuffled, &["export"]),
        (&shuffled, &["digest"]),
    ] {
        assert!(db.bytes().len() > 30 << 20);
        // On a busy machine the process may have ended before it is looked at: then once more.
        let enough = (0..50).any(|_| {
            let (own, mapped, looks) = watched(db, args);
            assert!(own < 4 << 10, "{args:?}: {own} KiB");
            assert!(mapped < 8 << 10, "{args:?}: {mapped} KiB of the file");
            looks > 20 && own >= 512
        });
        assert!(enough, "{args:?}: too few looks in 50 runs");
    }
}

/// Runs a command and gives the most of its own memory and of the file's, in KiB, and how often it was
/// looked at.
#[cfg(target_os = "linux")]
fn watched(db: &Db, args: &[&str]) -> (u64, u64, u32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg(args[0])
        .arg(&db.path)
        .args(&args[1..])
        .args(["--progress", "plain", "--progress-interval", "0s"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A line comes every 256 KiB.
    let (mut own, mut mapped, mut looks) = (0, 0, 0);
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        line.unwrap();
        // Nothing is counted any more when it is about to end.
        if let Some(now) = memory(&child, &db.path).filter(|now| now.0 > 0) {
            (own, mapped) = (own.max(now.0), mapped.max(now.1));
            looks += 1;
        }
    }
    assert!(child.wait().unwrap().success());
    (own, mapped, looks)
}
