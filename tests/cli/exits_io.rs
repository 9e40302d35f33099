//! Exit status 8: directories, disks and limits that refuse.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::support::{Db, creel, skipped};

#[test]
fn exit_8_for_a_directory_that_cannot_be_written() {
    let db = Db::with(&[("k", "v")]);
    db.run("checkpoint").assert().success();
    let creel = db.dir.path().join("creel");
    fs::copy(env!("CARGO_BIN_EXE_creel"), &creel).unwrap();
    for (path, mode) in [
        (creel.as_path(), 0o755),
        (&db.path, 0o444),
        (db.dir.path(), 0o555),
    ] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    // Root may write anywhere, so somebody else has to try.
    let root =
        fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    let run = |args: &[&str]| {
        let mut command = Command::new(&creel);
        if root {
            command.uid(65534).gid(65534);
        }
        for arg in args {
            match *arg {
                "DB" => command.arg(&db.path),
                "NEW" => command.arg(db.dir.path().join("new.db")),
                other => command.arg(other),
            };
        }
        loop {
            // A child that another test is just starting may still hold the fresh copy open.
            match command.stdin(Stdio::null()).output() {
                Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                output => return output.unwrap(),
            }
        }
    };
    for args in [
        &["put", "DB", "k", "w"] as &[&str],
        &["delete", "DB", "k"],
        &["batch", "DB"],
        &["checkpoint", "DB"],
        &["compact", "DB"],
        &["compact", "DB", "-o", "NEW"],
        &["open", "NEW", "--create"],
        &["get", "DB", "k", "-o", "NEW"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(8), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    for args in [
        &["get", "DB", "k"] as &[&str],
        &["exists", "DB", "k"],
        &["list", "DB"],
        &["info", "DB"],
        &["keyspaces", "DB"],
        &["stats", "DB"],
        &["verify", "DB", "--strict"],
        &["inspect", "DB", "header"],
        &["checkpoint", "DB", "--dry-run"],
        &["compact", "DB", "--dry-run"],
        &["open", "DB", "--read-only"],
    ] {
        let output = run(args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?} only reads: {output:?}"
        );
    }
    fs::set_permissions(db.dir.path(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(db.files(), ["creel", "test.db"], "nothing is left behind");
}

/// A file system of a megabyte, gone at the end.
pub struct Small(pub tempfile::TempDir);

impl Small {
    pub fn mount(size: &str) -> Option<Small> {
        let dir = tempfile::tempdir().unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "creel-test"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        done.is_ok_and(|s| s.success()).then_some(Small(dir))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn exit_8_for_a_full_disk_and_nothing_is_lost() {
    let Some(small) = Small::mount("3m") else {
        return skipped("mount", "a small tmpfs cannot be mounted here");
    };
    let path = small.0.path().join("test.db");
    let run = |args: &[&str]| {
        let mut command = creel();
        command.arg(args[0]).arg(&path).args(&args[1..]);
        command
    };
    run(&["open", "--create"]).assert().success();
    // Big values until no more fit.
    let value = "v".repeat(50_000);
    let mut acknowledged = 0;
    loop {
        let key = format!("k{acknowledged:04}");
        let output = run(&["put", &key]).arg(&value).output().unwrap();
        match output.status.code() {
            Some(0) => acknowledged += 1,
            Some(8) => {
                let text = String::from_utf8_lossy(&output.stderr);
                assert!(
                    text.contains("No space left") || text.contains("no storage space"),
                    "{text}"
                );
                break;
            }
            _ => panic!("{output:?}"),
        }
        assert!(acknowledged < 1000, "the disk is never full");
    }
    assert!(acknowledged > 10);
    let count = run(&["list", "--count"])
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    assert_eq!(
        String::from_utf8(count).unwrap().trim(),
        acknowledged.to_string()
    );
    run(&["verify", "--level", "deep"]).assert().success();
    let other = small.0.path().join("other.db");
    creel()
        .arg("open")
        .arg(&other)
        .args(["--create", "--wal-size", "4MiB"])
        .assert()
        .code(8);
    let copy = small.0.path().join("copy.db");
    run(&["compact", "-o"]).arg(&copy).assert().code(8);
    let names: Vec<_> = fs::read_dir(small.0.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["test.db"], "a failed file leaves nothing behind");
    // Room again: everything goes on.
    run(&["delete", "--prefix", "k", "--yes"])
        .assert()
        .success();
    for _ in 0..4 {
        run(&["put", "again", "1"]).assert().success();
        run(&["checkpoint"]).assert().success();
    }
    run(&["put", "large"]).arg(&value).assert().success();
    run(&["verify", "--level", "deep"]).assert().success();
}

#[test]
fn exit_8_for_a_file_size_limit() {
    let db = Db::new();
    let path = db.dir.path().join("limited.db");
    let script = "ulimit -f 64; exec \"$1\" open \"$2\" --create";
    let output = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_creel")])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    assert_eq!(db.files(), ["test.db"]);
}
