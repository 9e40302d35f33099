//! SIGKILL, and calls that fail, in the commands that write to files of their own: `doctor` and `soak`. What
//! they leave is what their documents say, nothing else is touched, and they can be run again.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use crate::kill::{copy_of, words};
use crate::kill_copies::{Effort, both_ways, ends, text, whole};
use crate::kills::{self, Share};
use crate::support::{Db, strace};

/// Names in a directory, but for those of a database that is known.
fn others(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "test.db")
        .collect();
    names.sort();
    names
}

#[test]
fn doctor_killed_anywhere_leaves_nothing_but_files_that_say_so() {
    let image = Db::filled(20).bytes();
    let prepare = || {
        let db = copy_of(&image);
        let args = words("doctor", &db.path, &[]);
        (db, args)
    };
    let check = |db: &Db| {
        assert!(db.bytes() == image, "it was written to");
        let left = others(db.dir.path());
        let own = |name: &String| name.starts_with(".creel-doctor-");
        assert!(left.iter().all(own), "{left:?}");
        left
    };
    // One that it could not remove stays.
    both_ways("doctor", Effort::FEW_ERRORS, &prepare, &|db, _| {
        check(db);
    });
    both_ways("doctor", Effort::KILLS, &prepare, &|db, done| {
        let left = check(db);
        assert!(left.is_empty() || !done, "{left:?}");
        ends(0, &["doctor", &text(&db.path), "-q"]);
        assert_eq!(others(db.dir.path()), left, "it removes what it made");
    });
}

/// Little of everything.
const SMALL: [&str; 16] = [
    "--seed",
    "7",
    "--ops",
    "300",
    "--keys",
    "30",
    "--checkpoint-every",
    "90",
    "--compact-every",
    "130",
    "--reopen-every",
    "110",
    "--hold",
    "0",
    "--mode",
    "store",
];

const REPLICAS: [&str; 16] = [
    "--seed",
    "7",
    "--mode",
    "replication",
    "--replicas",
    "2",
    "--active-replicas",
    "1",
    "--cycles",
    "1",
    "--commits-per-cycle",
    "10",
    "--promotion-interval",
    "1",
    "--reseed-check-interval",
    "1",
];

/// Every database that is there, in folders too, is whole.
fn all_whole(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let ends = |end: &str| path.extension().is_some_and(|found| found == end);
        let hidden = path.file_name().unwrap().to_str().unwrap().starts_with('.');
        match path.is_dir() {
            true => all_whole(&path),
            false if !hidden && (ends("db") || ends("creel")) => whole(&path),
            false => {}
        }
    }
}

/// Sweeps a soak with a report; another one beside what it left passes.
fn soak(name: &str, flags: &[&str], errors: bool) {
    let args = |dir: &Path, db: &str| {
        let report = text(&dir.join("report"));
        let rest = [flags, &["--out", &report, "--force"]].concat();
        words("soak", &dir.join(db), &rest)
    };
    let prepare = || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.db");
        let args = args(dir.path(), "run.db");
        (Db { dir, path }, args)
    };
    let check = |db: &Db, done: bool| {
        let dir = db.dir.path();
        let starts = [".run.db.", "run.db", "report"];
        let known = |name: &String| starts.iter().any(|start| name.starts_with(start));
        let left = others(dir);
        assert!(left.iter().all(known), "{left:?}");
        all_whole(dir);
        assert!(!done || left.len() <= 2, "{left:?}");
        if errors {
            return;
        }
        let mut args = args(dir, "other.db");
        args.extend(["--sync-mode", "off"].map(str::to_owned));
        ends(0, &args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(dir.join("report/result.json").exists());
    };
    let Some(_) = strace() else { return };
    match errors {
        true => both_ways(name, Effort::FEW_ERRORS, &prepare, &check),
        false => drop(kills::sweep(name, Share::Changes(1), 8, &prepare, &check)),
    }
}

#[test]
fn soak_killed_anywhere_leaves_whole_databases() {
    soak("soak", &SMALL, false);
}

#[test]
fn soak_with_replicas_killed_anywhere_leaves_whole_databases() {
    // Most of what a store does is its probe.
    let transport = match kills::all_kills() {
        true => "path,dir",
        false => "path",
    };
    let flags = [&REPLICAS[..], &["--transport", transport]].concat();
    soak("soak-replicas", &flags, false);
}

#[test]
fn soak_tells_the_truth_when_calls_fail() {
    soak("soak", &SMALL, true);
}
