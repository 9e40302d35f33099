//! SIGKILL, and calls that fail, in the commands that make copies and change who writes; see `kill`
//! and `errors`. Not at every call, unless there is `CREEL_KILLS=all` or `CREEL_ERRORS=all`.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};

use creel::{NoProgress, Verdict, VerifyOptions};

use crate::errors::sweep_reading;
use crate::failing::{FEWEST, fail_every, injected};
use crate::kill::copy_of;
use crate::kills::{self, Share};
use crate::support::{Db, creel, digest_of, stdout, strace};

/// How much of it is done; all of it with `CREEL_KILLS=all` and `CREEL_ERRORS=all`.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    kills: Option<Share>,
    /// Every so many calls fail.
    errors: Option<usize>,
}

impl Effort {
    pub const USUAL: Effort = Effort {
        kills: Some(Share::Step(9)),
        errors: Some(36),
    };
    pub const SMALL: Effort = Effort {
        kills: Some(Share::AtMost(3)),
        errors: Some(FEWEST),
    };
    pub const KILLS: Effort = Effort {
        errors: None,
        ..Effort::SMALL
    };
    pub const ERRORS: Effort = Effort {
        kills: None,
        ..Effort::SMALL
    };
    pub const FEW_ERRORS: Effort = Effort {
        errors: Some(4 * FEWEST),
        ..Effort::ERRORS
    };
}

/// Killed, and with calls that fail.
pub fn both_ways(
    name: &str,
    effort: Effort,
    prepare: &dyn Fn() -> (Db, Vec<String>),
    check: &dyn Fn(&Db, bool),
) {
    let Some(strace) = strace() else { return };
    if let Some(share) = effort.kills {
        kills::sweep(name, share, 8, prepare, check);
    }
    if let Some(step) = effort.errors {
        let step = std::env::var_os("CREEL_ERRORS").map_or(step, |_| 1);
        let errors = fail_every(name, step, &strace, prepare, check);
        kills::at_least(name, errors, 8);
    }
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// `creel VERB.. ARGS..`, which must end with this status.
pub fn ends(code: i32, args: &[&str]) {
    let output = creel().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
}

/// The status of a put.
pub fn put(db: &Path, key: &str) -> i32 {
    let command = creel().args(["put", &text(db), key, "1"]).output();
    command.unwrap().status.code().unwrap()
}

pub fn whole(path: &Path) {
    let report = creel::verify(path, &VerifyOptions::default(), &NoProgress).unwrap();
    assert!(report.verdict <= Verdict::Recoverable, "{report:?}");
}

/// A primary with more than its copy has, and the copy: the bytes of both.
pub fn pair() -> (Vec<u8>, Vec<u8>) {
    let db = Db::filled(100);
    let copy = db.dir.path().join("copy.db");
    ends(
        0,
        &[
            "replicate",
            "init",
            &text(&copy),
            "--from",
            &text(&db.path),
            "-q",
        ],
    );
    for i in 0..5 {
        assert_eq!(put(&db.path, &format!("later {i}")), 0);
    }
    (db.bytes(), fs::read(copy).unwrap())
}

/// `test.db` and `copy.db` beside each other.
fn both((primary, copy): &(Vec<u8>, Vec<u8>)) -> (Db, PathBuf) {
    let db = copy_of(primary);
    let copy = db.file("copy.db", copy);
    (db, copy)
}

fn copy_in(db: &Db) -> PathBuf {
    db.dir.path().join("copy.db")
}

#[test]
fn a_copy_that_is_made_is_killed_anywhere() {
    let (primary, _) = pair();
    let args = |db: &Db| {
        [
            "replicate",
            "init",
            &text(&copy_in(db)),
            "--from",
            &text(&db.path),
        ]
        .map(str::to_owned)
    };
    let prepare = || {
        let db = copy_of(&primary);
        let args = args(&db).to_vec();
        (db, args)
    };
    both_ways("init", Effort::USUAL, &prepare, &|db, done| {
        assert!(copy_in(db).exists() || !done);
        if !copy_in(db).exists() {
            ends(0, &args(db).each_ref().map(String::as_str));
        }
        whole(&copy_in(db));
        assert_eq!(digest_of(&copy_in(db)), digest_of(&db.path));
    });
}

#[test]
fn pull_killed_anywhere() {
    let files = pair();
    let prepare = || {
        let (db, copy) = both(&files);
        let args = ["replicate", "pull", &text(&copy), "--from", &text(&db.path)];
        let args = args.map(str::to_owned).to_vec();
        (db, args)
    };
    both_ways("pull", Effort::USUAL, &prepare, &|db, done| {
        let copy = copy_in(db);
        whole(&copy);
        if !done {
            ends(
                0,
                &["replicate", "pull", &text(&copy), "--from", &text(&db.path)],
            );
        }
        assert_eq!(digest_of(&copy), digest_of(&db.path));
        assert_eq!(put(&copy, "its own"), 10, "a copy that can be written");
    });
}

#[test]
fn of_two_files_one_can_be_written_where_promote_is_killed_anywhere() {
    let files = pair();
    let args = |db: &Db| {
        let (copy, old) = (text(&copy_in(db)), text(&db.path));
        [
            "promote",
            &copy,
            "--old-primary",
            &old,
            "--yes",
            "--accept-loss",
        ]
        .map(str::to_owned)
    };
    let prepare = || {
        let (db, _) = both(&files);
        let args = args(&db).to_vec();
        (db, args)
    };
    both_ways("promote", Effort::USUAL, &prepare, &|db, done| {
        let copy = copy_in(db);
        whole(&db.path);
        whole(&copy);
        let promoted = put(&copy, "new");
        assert!(
            promoted == 0 || (promoted == 10 && !done),
            "exit {promoted}"
        );
        if promoted == 0 {
            assert_eq!(put(&db.path, "late"), 10, "two primaries");
        }
        if promoted != 0 {
            ends(0, &args(db).each_ref().map(String::as_str));
            assert_eq!((put(&copy, "new"), put(&db.path, "late")), (0, 10));
        }
    });
}

/// A former primary with commits of its own, and the new one.
fn parted() -> (Vec<u8>, Vec<u8>) {
    let (db, copy) = both(&pair());
    ends(
        0,
        &["promote", &text(&copy), "--yes", "--accept-loss", "-q"],
    );
    assert_eq!(put(&copy, "only new"), 0);
    (db.bytes(), fs::read(copy).unwrap())
}

/// Files of commits that `rejoin` has saved.
fn saved(db: &Db) -> Vec<PathBuf> {
    let folders = db
        .files()
        .into_iter()
        .filter(|name| name.contains("diverged"));
    let files = folders.flat_map(|name| fs::read_dir(db.dir.path().join(name)).unwrap());
    files.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn rejoin_killed_anywhere_has_saved_what_it_takes_back() {
    let files = parted();
    let args = |db: &Db| {
        [
            "replicate",
            "rejoin",
            &text(&db.path),
            "--from",
            &text(&copy_in(db)),
        ]
        .map(str::to_owned)
    };
    let prepare = || {
        let (db, _) = both(&files);
        let args = args(&db).to_vec();
        (db, args)
    };
    both_ways("rejoin", Effort::USUAL, &prepare, &|db, done| {
        whole(&db.path);
        if !done {
            ends(0, &args(db).each_ref().map(String::as_str));
        }
        ends(
            0,
            &[
                "replicate",
                "pull",
                &text(&db.path),
                "--from",
                &text(&copy_in(db)),
            ],
        );
        assert_eq!(digest_of(&db.path), digest_of(&copy_in(db)));
        let shown = saved(db).into_iter().map(|file| {
            let mut show = creel();
            show.args(["log", "show"]).arg(file);
            stdout(show)
        });
        let shown: String = shown.collect();
        for i in 0..5 {
            assert!(shown.contains(&format!("put later {i}")), "{shown}");
        }
    });
}

#[test]
fn saved_commits_made_again_killed_anywhere() {
    let (db, copy) = both(&parted());
    ends(
        0,
        &[
            "replicate",
            "rejoin",
            &text(&db.path),
            "--from",
            &text(&copy),
            "-q",
        ],
    );
    let commits = fs::read(&saved(&db)[0]).unwrap();
    let image = fs::read(&copy).unwrap();
    let args = |db: &Db| {
        let file = text(&db.dir.path().join("saved"));
        [
            "log",
            "reapply",
            &text(&db.path),
            &file,
            "--on-conflict",
            "overwrite",
        ]
        .map(str::to_owned)
    };
    let prepare = || {
        let db = copy_of(&image);
        db.file("saved", &commits);
        let args = args(&db).to_vec();
        (db, args)
    };
    let (reference, words) = prepare();
    ends(0, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let expected = digest_of(&reference.path);
    both_ways("reapply", Effort::USUAL, &prepare, &|db, done| {
        whole(&db.path);
        if !done {
            ends(0, &args(db).each_ref().map(String::as_str));
        }
        assert_eq!(digest_of(&db.path), expected);
    });
    let file = text(&reference.dir.path().join("saved"));
    sweep_reading("log-show", &image, &|_| {
        ["log", "show", &file].map(str::to_owned).to_vec()
    });
    sweep_reading("log-diff", &image, &|db| {
        ["log", "diff", &text(db), &file]
            .map(str::to_owned)
            .to_vec()
    });
}

#[test]
fn restore_killed_anywhere_makes_the_whole_file_or_none() {
    let db = Db::filled(100);
    let store = format!("dir:{}", text(&db.dir.path().join("store")));
    ends(
        0,
        &[
            "replicate",
            "snapshot",
            &text(&db.path),
            "--to",
            &store,
            "-q",
        ],
    );
    let expected = digest_of(&db.path);
    let prepare = || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        let args = ["restore", &store, "-o", &text(&path)]
            .map(str::to_owned)
            .to_vec();
        (Db { dir, path }, args)
    };
    both_ways("restore", Effort::USUAL, &prepare, &|new, done| {
        assert!(new.path.exists() || !done);
        if !new.path.exists() {
            ends(0, &["restore", &store, "-o", &text(&new.path), "-q"]);
        }
        whole(&new.path);
        assert_eq!(digest_of(&new.path), expected);
    });
}

/// It ended with 10, as if the copy had been fenced.
#[test]
fn restore_without_room_is_no_fence() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(10);
    let store = format!("dir:{}", text(&db.dir.path().join("store")));
    let snapshot = ["replicate", "snapshot", &text(&db.path), "--to", &store];
    ends(0, &snapshot);
    let new = text(&db.dir.path().join("new.db"));
    let output = injected(&strace, "write:error=ENOSPC:when=1")
        .args(["restore", &store, "-o", &new])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    assert!(!Path::new(&new).exists());
}
