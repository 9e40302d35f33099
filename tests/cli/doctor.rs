use std::path::Path;
use std::process::Command;

use predicates::prelude::*;
use serde_json::Value;

use crate::support::{Db, creel, json, json_error};

/// What every report has.
const CHECKS: [&str; 14] = [
    "kernel",
    "memory_page",
    "clock",
    "file_size_limit",
    "file_system",
    "free_space",
    "quota",
    "names",
    "large_files",
    "locks",
    "lock_holder",
    "sync",
    "map",
    "reflink",
];

fn status(report: &Value, name: &str) -> String {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|c| c["name"] == name);
    check.unwrap_or_else(|| panic!("{name}: {report}"))["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_healthy_directory_passes_and_nothing_is_left_there() {
    let db = Db::with(&[("k", "v")]);
    let (files, bytes) = (db.files(), db.bytes());
    let report = json(db.run("doctor"));
    assert_eq!(report["ok"], true);
    for name in CHECKS.into_iter().chain(["database"]) {
        assert_ne!(status(&report, name), "fail", "{report}");
    }
    for name in ["names", "locks", "map", "database"] {
        assert_eq!(status(&report, name), "ok", "{report}");
    }
    assert_eq!((db.files(), db.bytes()), (files, bytes));
    let output = creel()
        .arg("doctor")
        .current_dir(&db.dir)
        .assert()
        .code(0)
        .get_output()
        .stdout
        .clone();
    let text = String::from_utf8(output).unwrap();
    let names: Vec<&str> = text
        .lines()
        .map(|l| l.split('\t').nth(1).unwrap())
        .collect();
    assert_eq!(names, CHECKS);
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), 5, "{line}");
        assert!(["ok", "warn", "fail"].contains(&fields[0]), "{line}");
        let full = fields[1..4].iter().all(|f| !f.is_empty());
        assert!(
            full && (fields[0] == "ok") == fields[4].is_empty(),
            "{line}"
        );
    }
    assert_eq!(db.files().len(), 1);
}

#[test]
fn a_file_that_is_no_database_fails() {
    let db = Db::new();
    let other = db.file("other", b"something else");
    creel()
        .arg("doctor")
        .arg(&other)
        .assert()
        .code(1)
        .stdout(predicate::str::contains("fail\tdatabase\t"));
    creel()
        .args(["doctor", "-q"])
        .arg(&other)
        .assert()
        .code(1)
        .stdout("")
        .stderr("");
    let gone = db.dir.path().join("not-yet.db");
    creel().arg("doctor").arg(gone).assert().code(0);
}

#[test]
fn hard_links_are_told() {
    let db = Db::new();
    std::fs::hard_link(&db.path, db.dir.path().join("second")).unwrap();
    let report = json(db.run("doctor"));
    assert_eq!(status(&report, "database"), "warn");
}

#[test]
fn places_where_nothing_can_be_tried_are_errors() {
    let mut command = creel();
    command.args(["doctor", "/no/such/directory/x"]);
    assert_eq!(json_error(command, 5)["code"], "not_found");
    if cfg!(target_os = "linux") {
        let mut command = creel();
        command.args(["doctor", "/proc"]);
        assert_eq!(json_error(command, 8)["state"], "nothing was changed");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_limit_on_the_size_of_files_is_found() {
    let db = Db::new();
    let script = "ulimit -f 20000; exec \"$1\" doctor \"$2\"";
    let output = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_creel")])
        .arg(db.dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("warn\tfile_size_limit\t"), "{text}");
}

/// Runs it with system calls that lie; `None` without strace.
#[cfg(target_os = "linux")]
fn with_lies(directory: &Path, lies: &[&str]) -> Option<(std::process::ExitStatus, String)> {
    let mut command = Command::new(crate::support::strace()?);
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    for lie in lies {
        command.arg("-e").arg(format!("inject={lie}"));
    }
    let output = command
        .arg(env!("CARGO_BIN_EXE_creel"))
        .arg("doctor")
        .arg(directory)
        .output()
        .unwrap();
    Some((output.status, String::from_utf8(output.stdout).unwrap()))
}

#[test]
#[cfg(target_os = "linux")]
fn what_does_not_work_is_found_out() {
    for (lies, line, exit) in [
        (
            &["fcntl:error=ENOLCK"] as &[&str],
            "fail\tlocks\tno lock",
            1,
        ),
        (
            &["fcntl:retval=0"],
            "fail\tlocks\ttwo opens of one file held",
            1,
        ),
        (&["renameat2:retval=0"], "fail\tnames\ta rename", 1),
        (&["pwritev2:error=EIO"], "fail\tsync\t", 1),
        (&["pwritev2:error=EOPNOTSUPP"], "warn\tsync\t", 0),
        (&["fallocate:error=EDQUOT"], "fail\tquota\t", 1),
        (&["fallocate:error=EOPNOTSUPP"], "ok\tquota\tnot told", 0),
        (&["uname:error=EFAULT"], "warn\tkernel\tunknown", 0),
    ] {
        let db = Db::new();
        let Some((status, text)) = with_lies(db.dir.path(), lies) else {
            return;
        };
        assert_eq!(status.code(), Some(exit), "{lies:?}: {text}");
        assert!(text.contains(line), "{lies:?}: {text}");
        assert_eq!(db.files(), ["test.db"], "{lies:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_leaves_nothing_behind() {
    use std::os::unix::process::ExitStatusExt;

    for call in ["statfs", "renameat2", "fallocate"] {
        let db = Db::new();
        let lie = format!("{call}:signal=SIGINT:when=1");
        let Some((status, _)) = with_lies(db.dir.path(), &[&lie]) else {
            return;
        };
        let ended = status.signal() == Some(2) || status.code() == Some(130);
        assert!(ended, "{call}: {status}");
        assert_eq!(db.files(), ["test.db"], "{call}");
    }
}
