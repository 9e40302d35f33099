//! SIGKILL at every system call that touches a file: what was acknowledged is there, what was
//! under way is there whole or not at all, and the file works on.
//!
//! `CREEL_KILLS=all` does all of it once more with `--sync normal` and `--sync off`, and leaves no
//! call of `kill_copies` out.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use creel::{NoProgress, Verdict, VerifyOptions};

use crate::kills::{self, Share};
use crate::support::{Db, strace};

/// Kills the command at each of its calls that have to do with files. A killed process loses nothing in
/// any sync mode. Returns how often it was killed.
pub fn sweep(
    name: &str,
    least: usize,
    prepare: &dyn Fn() -> (Db, Vec<String>),
    check: &dyn Fn(&Db, bool),
) -> usize {
    let mut kills = kills::sweep(name, Share::Every, least, prepare, check);
    let modes: &[&str] = if kills::all_kills() || kills::is_replay() {
        &["normal", "off"]
    } else {
        &[]
    };
    for mode in modes {
        let with_mode = || {
            let (db, mut args) = prepare();
            args.extend(["--sync".to_owned(), (*mode).to_owned()]);
            (db, args)
        };
        let name = format!("{name}/{mode}");
        kills += kills::sweep(&name, Share::Every, least, &with_mode, check);
    }
    kills
}

/// Nothing is lost and the file works on. Returns all entries.
pub fn sound(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let report = creel::verify(path, &VerifyOptions::default(), &NoProgress).unwrap();
    assert!(report.verdict <= Verdict::Recoverable, "{report:?}");
    let db = creel::Db::open(path).unwrap();
    let mut entries = Vec::new();
    let keyspace = db.snapshot().unwrap().keyspace("main").unwrap();
    let mut cursor = keyspace.cursor(&creel::KeyRange::all());
    while let Some((key, value)) = cursor.next_entry().unwrap() {
        entries.push((key.to_vec(), value.to_vec()));
    }
    db.put(b"zzz-after", b"1").unwrap();
    db.checkpoint(&creel::CheckpointOptions::default(), &NoProgress)
        .unwrap();
    db.close().unwrap();
    let report = creel::verify(path, &VerifyOptions::default(), &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{report:?}");
    entries
}

/// Fails where a killed command has left other files than these. One that is under way has no
/// name, unless the file system cannot do that.
pub fn only(db: &Db, names: &[&str]) {
    let nameless = creel::sys::Nameless::create(&db.path).is_some();
    for name in db.files() {
        let may_stay = !nameless && name.starts_with('.');
        let known = names.contains(&name.as_str());
        assert!(known || may_stay, "{name} is left behind");
    }
}

/// A copy of a prepared file in a directory of its own.
pub fn copy_of(image: &[u8]) -> Db {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    fs::write(&path, image).unwrap();
    Db { dir, path }
}

pub fn words(verb: &str, path: &Path, rest: &[&str]) -> Vec<String> {
    let mut words = vec![verb.to_owned(), path.to_str().unwrap().to_owned()];
    words.extend(rest.iter().map(|w| (*w).to_owned()));
    words
}

/// The entries are `before`, with the change of the killed command or without it.
fn one_of(
    found: &[(Vec<u8>, Vec<u8>)],
    before: &[(Vec<u8>, Vec<u8>)],
    after: &[(Vec<u8>, Vec<u8>)],
    done: bool,
) {
    if done {
        assert_eq!(found, after, "an acknowledged change is lost");
    } else {
        assert!(
            found == before || found == after,
            "a change is there in part: {} entries",
            found.len()
        );
    }
}

/// Sweeps a command that changes `image` by adding `key`.
fn sweep_put(name: &str, least: usize, image: &[u8], value: &str) {
    let before = sound(&copy_of(image).path);
    let mut after = before.clone();
    after.push((b"new".to_vec(), value.as_bytes().to_vec()));
    after.sort();
    let prepare = || {
        let db = copy_of(image);
        let args = words("put", &db.path, &["new", value]);
        (db, args)
    };
    sweep(name, least, &prepare, &|db, done| {
        one_of(&sound(&db.path), &before, &after, done)
    });
}

#[test]
fn put_killed_anywhere() {
    let Some(_) = strace() else { return };
    let fresh = Db::new();
    let steady = Db::filled(200);
    steady.run("checkpoint").assert().success();
    for i in 0..3 {
        steady
            .run("put")
            .args([&format!("acked{i}"), "1"])
            .assert()
            .success();
    }
    sweep_put("put-fresh", 31, &fresh.bytes(), "value");
    sweep_put("put-steady", 31, &steady.bytes(), "value");
}

#[test]
fn put_that_folds_the_log_killed_anywhere() {
    let Some(_) = strace() else { return };
    let db = Db::filled(200);
    db.run("checkpoint").assert().success();
    // The log is so full that the next put folds it.
    let large = "x".repeat(90_000);
    for i in 0..3 {
        db.run("put")
            .args([&format!("large{i}"), &large, "--no-checkpoint"])
            .assert()
            .success();
    }
    let image = db.bytes();
    let generation = |db: &Db| creel::info(&db.path).unwrap().generation;
    let folded = copy_of(&image);
    folded.run("put").args(["new", "value"]).assert().success();
    assert!(
        generation(&folded) > generation(&db),
        "the put does not fold the log"
    );
    sweep_put("put-folds", 61, &image, "value");
}

#[test]
fn checkpoint_killed_anywhere() {
    let Some(_) = strace() else { return };
    let db = Db::filled(2000);
    db.run("checkpoint").assert().success();
    for i in 0..20 {
        db.run("put")
            .args([&format!("key{:06}", i * 100), "changed"])
            .assert()
            .success();
    }
    db.run("delete")
        .args(["--prefix", "key0019", "--yes"])
        .assert()
        .success();
    let image = db.bytes();
    let before = sound(&copy_of(&image).path);
    let prepare = || {
        let db = copy_of(&image);
        let args = words("checkpoint", &db.path, &[]);
        (db, args)
    };
    sweep("checkpoint", 41, &prepare, &|db, _| {
        assert!(sound(&db.path) == before)
    });
}

#[test]
fn create_killed_anywhere() {
    let Some(_) = strace() else { return };
    let prepare = || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        let args = words("open", &path, &["--create", "--wal-size", "64KiB"]);
        (Db { dir, path }, args)
    };
    sweep("open-create", 31, &prepare, &|db, done| {
        assert!(db.path.exists() || !done);
        only(db, &["test.db"]);
        if db.path.exists() {
            assert!(sound(&db.path).is_empty());
        } else {
            db.run("open").arg("--create").assert().success();
        }
    });
}

/// A database with more free space than data.
fn half_empty() -> Vec<u8> {
    let db = Db::filled(1000);
    db.run("checkpoint").assert().success();
    let from = ["--from", "key000100", "--yes"];
    db.run("delete").args(from).assert().success();
    db.run("checkpoint").assert().success();
    db.bytes()
}

#[test]
fn compact_killed_anywhere() {
    let Some(_) = strace() else { return };
    let image = half_empty();
    let before = sound(&copy_of(&image).path);
    let prepare = || {
        let db = copy_of(&image);
        let args = words("compact", &db.path, &[]);
        (db, args)
    };
    sweep("compact-half", 61, &prepare, &|db, done| {
        assert!(sound(&db.path) == before);
        assert!(
            !done || db.bytes().len() < image.len(),
            "nothing was gained"
        );
        only(db, &["test.db"]);
    });
}

#[test]
fn compact_into_a_new_file_killed_anywhere() {
    let Some(_) = strace() else { return };
    let image = half_empty();
    let before = sound(&copy_of(&image).path);
    let prepare = || {
        let db = copy_of(&image);
        let new = db.dir.path().join("new.db");
        let args = words("compact", &db.path, &["-o", new.to_str().unwrap()]);
        (db, args)
    };
    sweep("compact-half-new", 41, &prepare, &|db, done| {
        let new = db.dir.path().join("new.db");
        assert!(db.bytes() == image, "the database was written to");
        assert!(new.exists() || !done);
        assert!(!new.exists() || sound(&new) == before);
        only(db, &["test.db", "new.db"]);
    });
}
