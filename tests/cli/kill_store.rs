//! SIGKILL, and calls that fail, in the commands that write to a store, and in those that note something in
//! a file: run again, each comes to its end, and everything can be restored.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use crate::kill::copy_of;
use crate::kill_copies::{Effort, both_ways, ends, pair, put, text, whole};
use crate::support::{Db, creel, digest_of, json};

/// Requests to a store are not made again for long.
const SOON: [&str; 2] = ["--store-timeout", "200ms"];

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|word| (*word).to_owned()).collect()
}

fn succeeds(args: &[String]) {
    ends(0, &args.iter().map(String::as_str).collect::<Vec<_>>());
}

fn store(db: &Db) -> String {
    format!("dir:{}", text(&db.dir.path().join("store")))
}

fn other(db: &Db) -> String {
    format!("dir:{}", text(&db.dir.path().join("other")))
}

fn snapshot(db: &Db) -> Vec<String> {
    let (path, to) = (text(&db.path), store(db));
    words(&[
        "replicate",
        "snapshot",
        &path,
        "--to",
        &to,
        // Both were copied to another place.
        "--instead",
        "--accept-loss",
        SOON[0],
        SOON[1],
    ])
}

/// A database with a store that has three snapshots, a segment behind each, and a hold.
fn published() -> Db {
    let db = Db::filled(60);
    succeeds(&snapshot(&db));
    for i in 0..2 {
        assert_eq!(put(&db.path, &format!("later {i}")), 0);
        succeeds(&snapshot(&db));
    }
    ends(0, &["replicate", "hold", &store(&db), "known", "--at", "1"]);
    db
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// The same somewhere else. The file knows no address of its store.
fn moved(base: &Db) -> Db {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(base.dir.path(), dir.path());
    let path = dir.path().join("test.db");
    Db { dir, path }
}

/// Everything in the store is whole, and gives this.
fn gives(store: &str, digest: &str) {
    ends(0, &["replicate", "verify", store, "--deep", "-q"]);
    let dir = tempfile::tempdir().unwrap();
    let restored = dir.path().join("r.db");
    ends(0, &["restore", store, "-o", &text(&restored), "-q"]);
    assert_eq!(digest_of(&restored), digest);
}

/// Sweeps a command on a copy of `base`, after which the same once more ends with one of these; and the
/// store gives what it gave.
fn on_store(
    name: &str,
    base: &Db,
    args: &dyn Fn(&Db) -> Vec<String>,
    again: &[i32],
    check: &dyn Fn(&Db, bool),
) {
    let effort = match name {
        "mirror-on" => Effort::KILLS,
        _ => Effort::SMALL,
    };
    let digest = digest_of(&base.path);
    let prepare = || {
        let db = moved(base);
        let args = args(&db);
        (db, args)
    };
    both_ways(name, effort, &prepare, &|db, done| {
        check(db, done);
        let output = creel().args(args(db)).output().unwrap();
        let status = output.status.code().unwrap();
        assert!(again.contains(&status), "again: {output:?}");
        gives(&store(db), &digest);
    });
}

/// Names of the holds of a store.
fn holds(db: &Db) -> Vec<String> {
    let mut status = creel();
    status.args(["replicate", "status", &store(db)]);
    let report = json(status);
    let holds = report["holds"].as_array().unwrap().iter();
    holds
        .map(|hold| hold["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_hold_killed_anywhere_is_there_or_not() {
    let args = |db: &Db| words(&["replicate", "hold", &store(db), "new", SOON[0], SOON[1]]);
    on_store("hold", &published(), &args, &[0], &|db, done| {
        let holds = holds(db);
        assert!(holds.contains(&"known".to_owned()), "{holds:?}");
        assert!(holds.contains(&"new".to_owned()) || !done, "{holds:?}");
    });
}

#[test]
fn a_hold_forgotten_killed_anywhere_is_there_or_not() {
    let args = |db: &Db| words(&["replicate", "forget", &store(db), "known", SOON[0], SOON[1]]);
    // 1: it is gone already.
    on_store("forget", &published(), &args, &[0, 1], &|db, done| {
        assert!(holds(db).is_empty() || !done);
    });
}

#[test]
fn gc_killed_anywhere_leaves_what_is_needed() {
    let base = published();
    ends(0, &["replicate", "forget", &store(&base), "known"]);
    let args = |db: &Db| {
        let keep = ["--retain", "0s", "--retain-min", "1"];
        words(&[&["replicate", "gc", &store(db)], &keep[..], &SOON].concat())
    };
    let digest = digest_of(&base.path);
    on_store("gc", &base, &args, &[0], &|db, _| {
        gives(&store(db), &digest)
    });
}

#[test]
fn mirror_killed_anywhere_comes_to_its_end() {
    let base = published();
    let digest = digest_of(&base.path);
    let args = |db: &Db| {
        words(&[
            "replicate",
            "mirror",
            &store(db),
            &other(db),
            SOON[0],
            SOON[1],
        ])
    };
    let check = |db: &Db, done: bool| {
        if !done {
            succeeds(&args(db));
        }
        gives(&other(db), &digest);
    };
    on_store("mirror", &base, &args, &[0], &check);
    // And where there is an older copy already.
    succeeds(&args(&base));
    assert_eq!(put(&base.path, "even later"), 0);
    succeeds(&snapshot(&base));
    let digest = digest_of(&base.path);
    let check = |db: &Db, done: bool| {
        if !done {
            succeeds(&args(db));
        }
        gives(&other(db), &digest);
    };
    on_store("mirror-on", &base, &args, &[0], &check);
}

#[test]
fn a_snapshot_killed_anywhere_comes_to_its_end() {
    let base = published();
    assert_eq!(put(&base.path, "even later"), 0);
    on_store("snapshot", &base, &snapshot, &[0], &|db, done| {
        whole(&db.path);
        if done {
            gives(&store(db), &digest_of(&db.path));
        }
    });
}

#[test]
fn a_probe_killed_anywhere_leaves_the_store_as_it_was() {
    let args = |db: &Db| {
        let few = ["--rounds", "1", "--racers", "2"];
        words(&[&["replicate", "probe", &store(db)], &few[..], &SOON].concat())
    };
    on_store("probe", &published(), &args, &[0], &|_, _| {});
}

#[test]
fn a_store_that_is_looked_at_tells_the_truth_when_calls_fail() {
    let base = published();
    let before = json_of_status(&base);
    for (name, verb, rest) in [
        ("status", "status", &[] as &[&str]),
        ("verify-store", "verify", &["--deep"]),
    ] {
        let prepare = || {
            let db = moved(&base);
            let place = store(&db);
            let args = [&["replicate", verb, &place], rest, &["-q"]].concat();
            let args = words(&args);
            (db, args)
        };
        both_ways(name, Effort::ERRORS, &prepare, &|db, _| {
            assert_eq!(json_of_status(db), before, "{verb} writes");
        });
    }
}

/// What a store says of itself, but for its place and the time.
fn json_of_status(db: &Db) -> Vec<String> {
    let mut status = creel();
    status.args(["replicate", "status", &store(db)]);
    let report = json(status);
    let names = [
        "position",
        "first_segment",
        "last_segment",
        "snapshots",
        "holds",
    ];
    names.map(|name| report[name].to_string()).to_vec()
}

#[test]
fn what_is_kept_killed_anywhere_is_as_before_or_as_asked() {
    let (image, _) = pair();
    let args = |db: &Db| {
        let keep = ["--retain-min", "5000", "--hold", "copy", "--at", "1"];
        words(&[&["replicate", "keep", &text(&db.path)], &keep[..]].concat())
    };
    let digest = digest_of(&copy_of(&image).path);
    let prepare = || {
        let db = copy_of(&image);
        let args = args(&db);
        (db, args)
    };
    let kept = |db: &Db| {
        let mut keep = creel();
        keep.args(["replicate", "keep", &text(&db.path)]);
        let report = json(keep);
        let holds = report["holds"].as_array().unwrap().len();
        (report["retain_min"].as_u64().unwrap(), holds)
    };
    let before = kept(&prepare().0);
    both_ways("keep", Effort::SMALL, &prepare, &|db, done| {
        whole(&db.path);
        let now = kept(db);
        assert!(now == (5000, 1) || (now == before && !done), "{now:?}");
        succeeds(&args(db));
        assert_eq!(kept(db), (5000, 1));
        assert_eq!(digest_of(&db.path), digest);
    });
}

#[test]
fn a_noted_check_killed_anywhere_changes_nothing_else() {
    let (image, _) = pair();
    let digest = digest_of(&copy_of(&image).path);
    let prepare = || {
        let db = copy_of(&image);
        let args = words(&["verify", &text(&db.path), "--note"]);
        (db, args)
    };
    let noted = |db: &Db| {
        let asked = ["--check", "verified=1d", "-q"];
        let output = creel()
            .args(["replicate", "status", &text(&db.path)])
            .args(asked)
            .output();
        output.unwrap().status.code()
    };
    both_ways("verify-note", Effort::SMALL, &prepare, &|db, done| {
        whole(&db.path);
        assert!(noted(db) == Some(0) || !done);
        ends(0, &["verify", &text(&db.path), "--note", "-q"]);
        assert_eq!((noted(db), digest_of(&db.path)), (Some(0), digest.clone()));
        assert_eq!(put(&db.path, "after"), 0);
    });
}

#[test]
fn a_drill_killed_anywhere_changes_nothing() {
    let (image, _) = pair();
    let prepare = || {
        let db = copy_of(&image);
        let place = text(db.dir.path());
        let args = words(&["drill", &text(&db.path), "--dir", &place, "-q"]);
        (db, args)
    };
    both_ways("drill", Effort::KILLS, &prepare, &|db, done| {
        assert!(db.bytes() == image, "it was written to");
        assert!(!done || db.files() == ["test.db"], "{:?}", db.files());
        ends(0, &["drill", &text(&db.path), "-q"]);
    });
}

#[test]
fn a_drill_of_a_store_killed_anywhere_is_noted_or_not() {
    let args = |db: &Db| {
        let (store, place) = (store(db), text(&db.dir.path().join("scratch")));
        let note = ["--note", "--dir", &place, SOON[0], SOON[1]];
        words(&[&["drill", &store], &note[..]].concat())
    };
    let base = published();
    fs::create_dir(base.dir.path().join("scratch")).unwrap();
    fs::write(base.dir.path().join("scratch/known"), "").unwrap();
    let noted = |db: &Db| {
        let asked = ["--check", "drilled=1d", "-q"];
        let status = creel()
            .args(["replicate", "status", &store(db)])
            .args(asked)
            .output();
        status.unwrap().status.code() == Some(0)
    };
    let before = json_of_status(&base);
    assert!(!noted(&base));
    on_store("drill-note", &base, &args, &[0], &|db, done| {
        assert!(noted(db) || !done);
        assert_eq!(json_of_status(db), before, "more than a note");
        // What cannot be removed, or not any more, says what it is.
        for entry in fs::read_dir(db.dir.path().join("scratch")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name == "known" || name.starts_with("creel-"), "{name}");
        }
        succeeds(&args(db));
        assert!(noted(db));
    });
}

#[test]
fn reseed_killed_anywhere_leaves_the_old_copy_or_the_new_one() {
    let (primary, copy) = pair();
    let args = |db: &Db| {
        let (copy, from) = (text(&db.dir.path().join("copy.db")), text(&db.path));
        words(&["replicate", "reseed", &copy, "--from", &from, "-q"])
    };
    let prepare = || {
        let db = copy_of(&primary);
        db.file("copy.db", &copy);
        let args = args(&db);
        (db, args)
    };
    let old = digest_of(&prepare().0.dir.path().join("copy.db"));
    both_ways("reseed", Effort::SMALL, &prepare, &|db, done| {
        let copy = db.dir.path().join("copy.db");
        whole(&copy);
        let (now, new) = (digest_of(&copy), digest_of(&db.path));
        assert!(now == new || (now == old && !done), "neither old nor new");
        assert_eq!(put(&copy, "its own"), 10, "a copy that can be written");
        succeeds(&args(db));
        assert_eq!(digest_of(&copy), new);
    });
}
