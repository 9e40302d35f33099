//! Calls that do less than they were asked to, and a kernel that says something unusual: writes
//! of nothing and of a part, file systems of other machines, readers killed at every call.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::kill::{copy_of, sound, sweep, words};
use crate::support::{Db, is_counting, strace};

/// `creel ARGS` with a changed call, and what strace saw of it.
fn with(strace: &Path, inject: &str, args: &[String]) -> (Output, String) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("calls");
    let call = inject.split(':').next().unwrap();
    let output = Command::new("timeout")
        .arg("20")
        .arg(strace)
        .args(["-f", "-qq", "-o"])
        .arg(&log)
        .args(["-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={inject}")])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(args)
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output, std::fs::read_to_string(log).unwrap())
}

/// A write of nothing that is no error is one all the same: whoever waits for it to get on waits
/// for ever.
#[test]
fn a_write_of_nothing_is_an_error() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(50);
    db.run("put").args(["acked", "1"]).assert().success();
    let image = db.bytes();
    for (inject, verb, rest, status) in [
        (
            "pwritev2:retval=0:when=1",
            "put",
            &["new", "1"] as &[&str],
            14,
        ),
        ("pwritev2:retval=0:when=1+", "put", &["new", "1"], 14),
        ("pwrite64:retval=0:when=1", "checkpoint", &[], 8),
        ("pwrite64:retval=0:when=1+", "compact", &[], 8),
        ("write:retval=0:when=1", "get", &["acked"], 8),
    ] {
        let db = copy_of(&image);
        let before = sound(&copy_of(&image).path);
        let (output, _) = with(&strace, inject, &words(verb, &db.path, rest));
        assert_eq!(
            output.status.code(),
            Some(status),
            "{inject} {verb}: {output:?}"
        );
        assert!(!output.stderr.is_empty(), "{inject} {verb}");
        let found = sound(&db.path);
        let new = found.iter().filter(|(key, _)| key == b"new").count();
        assert_eq!(found.len() - new, before.len(), "{inject} {verb}");
    }
}

/// After a write of eight bytes the rest goes to the place eight bytes on, in a write that is as
/// durable as the first.
#[test]
fn a_short_write_goes_on_where_it_ended() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(50);
    let args = words("put", &db.path, &["new", "1"]);
    let (output, log) = with(&strace, "pwritev2:retval=8:when=1", &args);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let calls: Vec<(u64, u64)> = log
        .lines()
        .map(|line| {
            assert!(line.contains("RWF_DSYNC"), "{line}");
            let len = line.split_once("iov_len=").unwrap().1;
            let len = len.split('}').next().unwrap();
            let place = line.split_once("], 1, ").unwrap().1;
            let place = place.split(',').next().unwrap();
            (place.parse().unwrap(), len.parse().unwrap())
        })
        .collect();
    let [(place, len), (next, rest)] = calls[..] else {
        panic!("{log}");
    };
    assert_eq!((next, rest), (place + 8, len - 8));
}

/// A put has no use for the tree where nothing has to be compared: it maps nothing of the file, and
/// makes one durable write.
#[test]
fn a_put_maps_nothing_and_syncs_once() {
    let Some(strace) = strace().filter(|_| !is_counting()) else {
        return;
    };
    let db = Db::filled(5000);
    db.run("checkpoint").assert().success();
    // A call that never comes: nothing is injected, but these calls are listed.
    let listed = "mmap,pwritev2:error=EIO:when=999";
    let (output, log) = with(&strace, listed, &words("put", &db.path, &["new", "1"]));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let maps = log.lines().filter(|line| line.contains("MAP_SHARED"));
    assert_eq!(maps.collect::<Vec<_>>(), Vec::<&str>::new());
    let writes = log.lines().filter(|line| line.contains("RWF_DSYNC"));
    assert_eq!(writes.count(), 1, "{log}");
    let (_, log) = with(&strace, listed, &words("get", &db.path, &["key000001"]));
    assert!(log.contains("MAP_SHARED"), "a get does: {log}");
}

/// Locks and maps of these cannot be trusted, so nothing is opened there unless that is said.
#[test]
fn a_network_file_system_is_refused() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(50);
    let before = db.bytes();
    // What statfs(2) writes first is the type, in little-endian order.
    for (poked, name) in [("6969000000000000", "nfs"), ("4655736500000000", "fuse")] {
        let inject = format!("statfs:poke_exit=@arg2={poked}");
        for (verb, rest) in [
            ("put", &["new", "1"] as &[&str]),
            ("open", &[]),
            ("checkpoint", &[]),
            ("compact", &[]),
            ("get", &["key000001"]),
        ] {
            let (output, _) = with(&strace, &inject, &words(verb, &db.path, rest));
            assert_eq!(output.status.code(), Some(8), "{verb}: {output:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                said.contains(&format!("({name})")) && said.contains("--force-network"),
                "{said}"
            );
            assert_eq!(db.bytes(), before, "{verb} wrote to it");
        }
        let forced = words("get", &db.path, &["key000001", "--force-network"]);
        let (output, _) = with(&strace, &inject, &forced);
        assert_eq!(output.stdout, b"value 1", "{output:?}");
    }
    let new = db.dir.path().join("new.db");
    let args = words("open", &new, &["--create"]);
    let (output, _) = with(&strace, "statfs:poke_exit=@arg2=6969000000000000", &args);
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    assert!(!new.exists(), "made, and then refused");
}

/// Nothing that a reader takes outlives it: whoever comes next writes, reuses and cuts.
#[test]
fn readers_killed_anywhere_leave_nothing() {
    let Some(_) = strace() else { return };
    let db = Db::filled(300);
    db.run("checkpoint").assert().success();
    db.run("put").args(["new", "in the log"]).assert().success();
    let image = db.bytes();
    let expected = sound(&copy_of(&image).path);
    for (verb, rest) in [("get", &["key000007"] as &[&str]), ("list", &[])] {
        let prepare = || {
            let db = copy_of(&image);
            let args = words(verb, &db.path, rest);
            (db, args)
        };
        sweep(verb, 21, &prepare, &|db, _| {
            assert!(db.bytes() == image, "{verb} writes");
            assert!(sound(&db.path) == expected);
            assert_eq!(db.files(), ["test.db"]);
        });
    }
}
