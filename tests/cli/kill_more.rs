//! SIGKILL at every system call of the other commands that write; see `kill`.
#![cfg(target_os = "linux")]

use std::path::Path;

use crate::kill::{copy_of, sound, sweep, words};
use crate::support::{Db, digest_of, strace};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn entries(path: &Path) -> Entries {
    sound(path)
}

/// Sweeps a command that makes one change, which must be there whole or not at all.
fn whole_or_not(name: &str, db: &Db, verb: &str, rest: &[&str]) {
    let Some(_) = strace() else { return };
    let image = db.bytes();
    let before = entries(&copy_of(&image).path);
    let done = copy_of(&image);
    done.run(verb).args(rest).assert().success();
    let after = entries(&done.path);
    assert_ne!(before, after, "{name} changes nothing");
    let prepare = || {
        let db = copy_of(&image);
        let args = words(verb, &db.path, rest);
        (db, args)
    };
    sweep(name, 41, &prepare, &|db, acknowledged| {
        let found = entries(&db.path);
        assert!(
            found == after || (found == before && !acknowledged),
            "{name}: {} entries, acknowledged {acknowledged}",
            found.len()
        );
        assert_eq!(db.files(), ["test.db"], "{name}");
    });
}

#[test]
fn delete_killed_anywhere() {
    let db = Db::filled(300);
    whole_or_not("delete", &db, "delete", &["key000007", "key000008"]);
    let range = ["--prefix", "key0001", "--yes"];
    whole_or_not("delete-range", &db, "delete", &range);
}

#[test]
fn batch_killed_anywhere() {
    let Some(_) = strace() else { return };
    let db = Db::filled(100);
    let mut text = String::from("del\tkey000003\n");
    for i in 0..300 {
        text.push_str(&format!("put\tnew{i:05}\tvalue {i}\n"));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.batch");
    std::fs::write(&file, text).unwrap();
    whole_or_not("batch", &db, "batch", &[file.to_str().unwrap()]);
}

/// A file with much free space in it.
fn sparse() -> Db {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    let range = ["--from", "key000200", "--to", "key002900", "--yes"];
    db.run("delete").args(range).assert().success();
    db.run("checkpoint").assert().success();
    db
}

#[test]
fn compact_killed_anywhere() {
    let Some(_) = strace() else { return };
    let image = sparse().bytes();
    let before = entries(&copy_of(&image).path);
    let prepare = || {
        let db = copy_of(&image);
        let args = words("compact", &db.path, &[]);
        (db, args)
    };
    sweep("compact", 151, &prepare, &|db, _| {
        assert!(entries(&db.path) == before, "compact changes contents");
    });
}

#[test]
fn compact_into_a_new_file_killed_anywhere() {
    let Some(_) = strace() else { return };
    let image = sparse().bytes();
    let before = entries(&copy_of(&image).path);
    let prepare = || {
        let db = copy_of(&image);
        let new = db.dir.path().join("new.db");
        let args = words("compact", &db.path, &["-o", new.to_str().unwrap()]);
        (db, args)
    };
    sweep("compact-new", 41, &prepare, &|db, done| {
        let new = db.dir.path().join("new.db");
        assert!(new.exists() || !done);
        if new.exists() {
            assert!(entries(&new) == before, "half a copy");
        }
        assert!(entries(&db.path) == before);
    });
}

/// Killed, gone on with, killed again: in the end it is what one run gives.
#[test]
fn import_killed_twice_goes_on_to_the_same_end() {
    let Some(_) = strace() else { return };
    let text: String = (0..200)
        .map(|i| format!("{{\"key_utf8\":\"k{i:05}\",\"payload_utf8\":\"{i}\"}}\n"))
        .collect();
    let args = |db: &Db, file: &Path| {
        let rest = ["--batch", "50", "--resume", "--no-checkpoint"];
        let mut args = words("import", &db.path, &[file.to_str().unwrap()]);
        args.extend(rest.map(str::to_owned));
        args
    };
    let fresh = Db::new();
    let file = fresh.file("in.jsonl", text.as_bytes());
    let whole = copy_of(&fresh.bytes());
    let run = |db: &Db| {
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
            .args(args(db, &file))
            .output()
            .unwrap()
            .status;
        assert!(status.success(), "{status}");
    };
    run(&whole);
    let expected = digest_of(&whole.path);
    let image = fresh.bytes();
    let prepare = || {
        let db = copy_of(&image);
        let args = args(&db, &file);
        (db, args)
    };
    sweep("import-twice", 41, &prepare, &|db, done| {
        if done {
            assert_eq!(digest_of(&db.path), expected);
        }
        // Killed once more in the middle of its own resuming.
        let again = std::process::Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=pwritev2"])
            .args(["-e", "inject=pwritev2:signal=KILL:when=2"])
            .arg(env!("CARGO_BIN_EXE_creel"))
            .args(args(db, &file))
            .output()
            .unwrap();
        drop(again);
        run(db);
        assert_eq!(digest_of(&db.path), expected);
    });
}

/// A database that `--create` makes has its name with its first commit: no empty one is left.
#[test]
fn import_that_makes_the_file_killed_anywhere() {
    let Some(_) = strace() else { return };
    let text: String = (0..200)
        .map(|i| format!("{{\"key_utf8\":\"k{i:05}\",\"payload_utf8\":\"{i}\"}}\n"))
        .collect();
    let source = Db::new();
    let file = source.file("in.jsonl", text.as_bytes());
    let file = file.to_str().unwrap();
    for (name, rest) in [
        ("import-creates", &[][..]),
        ("import-creates-sorted", &["--sorted"]),
        ("import-creates-batch", &["--batch", "50"]),
    ] {
        let args = |path: &Path| {
            let mut args = words("import", path, &[file, "--create", "--resume"]);
            args.extend(rest.iter().map(ToString::to_string));
            args
        };
        let prepare = || {
            let db = Db::new();
            std::fs::remove_file(&db.path).unwrap();
            let args = args(&db.path);
            (db, args)
        };
        sweep(name, 41, &prepare, &|db, done| {
            match db.files().as_slice() {
                [] => assert!(!done, "{rest:?}: imported, and there is no file"),
                [name] => assert_eq!(name, "test.db", "{rest:?}"),
                more => panic!("{rest:?}: {more:?}"),
            }
            if db.path.exists() {
                let found = db.list().lines().count();
                let part = rest.contains(&"--batch") && !done;
                assert!(
                    found == 200 || (part && found >= 50 && found.is_multiple_of(50)),
                    "{rest:?}: {found} entries, acknowledged {done}"
                );
            }
            let again = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
                .args(args(&db.path))
                .output()
                .unwrap();
            assert!(again.status.success(), "{rest:?}: {again:?}");
            assert_eq!(db.list().lines().count(), 200, "{rest:?}");
        });
    }
}
