//! What a copy costs its primary: nothing of its file, no pause, no second sync.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use creel::Batch;

use crate::world::{World, creel, text};

/// K9: making a copy rewrote the header of a primary that others were writing to. K12: a log of
/// another size than the default could not be copied.
#[test]
fn a_copy_changes_no_byte_of_its_source() {
    for wal_size in ["64KiB", "1MiB", "24MiB"] {
        let world = World::new();
        world.create_with("a.db", wal_size);
        for i in 0..20 {
            world.put("a.db", &format!("key {i}"), &"x".repeat(1000));
        }
        world.ok(&["checkpoint"], &[&world.path("a.db")]);
        world.put("a.db", "in the log", "value");
        let path = world.path("a.db").to_str().unwrap().to_owned();
        let unchanged = |name: &str, from: &str| {
            let before = fs::read(&path).unwrap();
            world.replicate_to(0, "init", name, &["--from", from]);
            world.replicate_to(0, "pull", name, &["--from", from]);
            let after = fs::read(&path).unwrap();
            assert!(after == before, "{wal_size}, {from}: written to");
            world.same(name, "a.db");
        };
        unchanged("b.db", &path);
        // A server says in the file where it can be asked, before it is ready.
        let served = world.serve_local("a.db");
        unchanged("c.db", &served.address);
    }
}

/// Ends a loop, however the test ends.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// K13: a copy could only be made of a primary that was quiet, and lacked the names that were
/// defined meanwhile.
#[test]
fn a_copy_is_made_while_its_primary_is_written_to() {
    let world = World::new();
    let create = ["open", "--create", "--role", "primary"];
    world.ok(&create, &[&world.path("a.db")]);
    world.put("a.db", "first", "value");
    // What is written while the copy is on its way is kept for it.
    world.replicate_to(0, "keep", "a.db", &["--retain-min", "10M"]);
    let served = world.serve_local("a.db");
    let (stop, written) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let db = world.writer("a.db");
            let mut i = 0u32;
            while !stop.load(Ordering::Relaxed) {
                let mut batch = Batch::new();
                batch.put(&(i % 50).to_be_bytes(), &i.to_be_bytes());
                batch.keyspace(&format!("space {}", i % 40));
                batch.put(&i.to_be_bytes(), b"value");
                db.write(batch).unwrap();
                i += 1;
                written.store(i, Ordering::Relaxed);
            }
            db.close().unwrap();
        });
        let _ends = Ends(&stop);
        let path = world.path("a.db").to_str().unwrap().to_owned();
        for (name, from) in [("b.db", &served.address), ("c.db", &path)] {
            let before = written.load(Ordering::Relaxed);
            world.replicate_to(0, "init", name, &["--from", from]);
            while written.load(Ordering::Relaxed) < before + 100 {
                std::thread::yield_now();
            }
        }
    });
    for (name, from) in [("b.db", served.address.as_str()), ("c.db", &served.address)] {
        world.replicate_to(0, "pull", name, &["--from", from]);
        world.same(name, "a.db");
        let names = |name: &str| world.ok(&["keyspaces"], &[&world.path(name)]);
        assert_eq!(names(name), names("a.db"));
    }
}

/// K23: 2.9 syncs a commit, where somebody followed.
#[test]
fn a_commit_that_is_followed_costs_one_sync() {
    let world = World::new();
    world.ok(
        &["open", "--create", "--role", "primary"],
        &[&world.path("a.db")],
    );
    world.put("a.db", "first", "value");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    world.put("a.db", "second", "value");
    world.wait_for("b.db", "a.db");
    let log = world.path("calls");
    let traced = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=pwritev2,fsync,fdatasync,sync_file_range",
            "-o",
        ])
        .arg(&log)
        .arg(creel().get_program())
        .arg("put")
        .arg(world.path("a.db"))
        .args(["third", "value"])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = traced else {
        crate::skip::skipped("strace", "it is not installed");
        return;
    };
    if text(&output).contains("ptrace") {
        crate::skip::skipped("strace", &format!("it is not allowed: {}", text(&output)));
        return;
    }
    assert!(output.status.success(), "{}", text(&output));
    let calls = fs::read_to_string(log).unwrap();
    let syncs = calls.lines().filter(|line| {
        line.contains("RWF_DSYNC") || line.contains("fsync(") || line.contains("fdatasync(")
    });
    assert_eq!(syncs.count(), 1, "{calls}");
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}
