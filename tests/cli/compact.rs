use std::time::{Duration, Instant};

use crate::exits_io::Small;
use crate::support::{Db, creel, json, json_error, skipped, stdout};

fn holey() -> Db {
    let db = Db::filled(20_000);
    db.run("checkpoint").assert().success();
    db.run("delete")
        .args(["--prefix", "key01", "--yes"])
        .assert()
        .success();
    db.run("checkpoint").assert().success();
    db
}

#[test]
fn in_place_keeps_the_data_and_frees_space() {
    let db = holey();
    let before = db.list();
    let report = json(db.run("compact"));
    assert_eq!(report["schema"], "creel.compact/1");
    assert_eq!(report["content_sum_before"], report["content_sum_after"]);
    assert!(report["bytes_after"].as_u64() <= report["bytes_before"].as_u64());
    assert_eq!(report["bytes_after"], db.bytes().len());
    assert_eq!(db.list(), before);
    db.run("verify")
        .args(["--level", "deep"])
        .assert()
        .success();
}

#[test]
fn dense_copy_leaves_the_source_alone() {
    let db = holey();
    let before = db.bytes();
    let copy = db.dir.path().join("copy.db");
    let mut command = db.run("compact");
    command.arg("-o").arg(&copy);
    let report = json(command);
    assert_eq!(report["done"], true);
    assert_eq!(report["verified"], true);
    assert_eq!(db.bytes(), before);
    let mut list = creel();
    list.arg("list").arg(&copy);
    assert_eq!(stdout(list), db.list());
    let mut again = db.run("compact");
    again.arg("-o").arg(&copy);
    assert_eq!(json_error(again, 8)["code"], "exists");
    db.run("put").args(["new", "1"]).assert().success();
    let mut forced = db.run("compact");
    forced.arg("-o").arg(&copy).arg("--force");
    assert_eq!(json(forced)["done"], true);
    let mut list = creel();
    list.arg("list").arg(&copy);
    assert_eq!(stdout(list), db.list());
    assert_eq!(db.files(), ["copy.db", "test.db"]);
    // Whatever it is called, the database does not replace itself.
    let before = db.bytes();
    for itself in [db.path.clone(), db.dir.path().join("link.db")] {
        if !itself.exists() {
            std::os::unix::fs::symlink(&db.path, &itself).unwrap();
        }
        db.run("compact")
            .arg("-o")
            .arg(&itself)
            .arg("--force")
            .assert()
            .code(2);
    }
    assert_eq!(db.bytes(), before);
}

/// What is left stands at the end of the file, behind free space.
fn sparse() -> Db {
    let db = Db::new();
    let value = "v".repeat(250);
    let put: String = (0..6000)
        .map(|i| format!("put\tkey{i:06}\t{value}\n"))
        .collect();
    db.run("batch").write_stdin(put).assert().success();
    db.run("checkpoint").assert().success();
    let delete: String = (0..6000)
        .filter(|i| *i < 3800)
        .map(|i| format!("del\tkey{i:06}\n"))
        .collect();
    db.run("batch").write_stdin(delete).assert().success();
    db.run("checkpoint").assert().success();
    db
}

#[test]
fn a_rate_slows_the_copy_and_the_move_down() {
    let db = sparse();
    let copy = db.dir.path().join("copy.db");
    let start = Instant::now();
    let mut slow = db.run("compact");
    slow.args(["--rate", "1MB/s", "-o"]).arg(&copy);
    // Pages only: the empty log regions are not written for this.
    let written = json(slow)["bytes_after"].as_u64().unwrap() - (1 << 20);
    assert!(written > 400_000, "{written}");
    let least = Duration::from_secs_f64(written as f64 / 1e6 * 0.9);
    assert!(
        start.elapsed() >= least,
        "{written} in {:?}",
        start.elapsed()
    );
    let before = db.list();
    let start = Instant::now();
    let report = json({
        let mut slow = db.run("compact");
        slow.args(["--rate", "1MB/s"]);
        slow
    });
    assert_eq!(report["done"], true);
    assert!(
        start.elapsed() > Duration::from_millis(300),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(db.list(), before);
}

#[test]
fn a_slow_compaction_keeps_no_writer_waiting() {
    let db = sparse();
    let before = db.list().lines().count();
    let mut slow = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("compact")
        .arg(&db.path)
        .args(["--rate", "250KB/s", "-q"])
        .spawn()
        .unwrap();
    // More than fits the log while it lasts: the compaction has to make way.
    let value = "v".repeat(30_000);
    for i in 0..60 {
        db.run("put")
            .args([&format!("meanwhile{i}"), &value, "--lock-timeout", "3s"])
            .assert()
            .success();
    }
    let ended = slow.wait().unwrap();
    assert!(ended.success(), "commits of others are no damage: {ended}");
    assert_eq!(db.list().lines().count(), before + 60);
    db.run("verify").assert().success();
}

#[test]
fn a_copy_for_which_there_is_no_room_is_not_begun() {
    let Some(small) = Small::mount("1m") else {
        return skipped("mount", "a small tmpfs cannot be mounted here");
    };
    let db = holey();
    let copy = small.0.path().join("copy.db");
    let mut command = db.run("compact");
    command.arg("-o").arg(&copy);
    let error = json_error(command, 8);
    assert_eq!(error["state"], "no file was made");
    let (needed, available) = (
        &error["detail"]["needed_bytes"],
        &error["detail"]["available_bytes"],
    );
    assert!(needed.as_u64().unwrap() > 1 << 20, "{error}");
    assert!(available.as_u64().unwrap() <= 1 << 20, "{error}");
    assert_eq!(std::fs::read_dir(small.0.path()).unwrap().count(), 0);
}

#[test]
fn dry_run_writes_nothing() {
    let db = holey();
    let before = db.bytes();
    let mut command = db.run("compact");
    command.arg("--dry-run");
    assert_eq!(json(command)["done"], false);
    assert_eq!(db.bytes(), before);
}

#[test]
fn below_the_gain_nothing_is_done() {
    let db = Db::filled(100);
    let mut command = db.run("compact");
    command.args(["--min-gain", "99%"]);
    let report = json(command);
    assert_eq!(report["done"], false);
    assert!(!report["reason"].as_str().unwrap().is_empty());
}

#[test]
fn nonsense_is_a_usage_error() {
    let db = Db::new();
    for args in [["--min-gain", "10"], ["--rate", "fast"], ["--rate", "0"]] {
        db.run("compact").args(args).assert().code(2);
    }
    db.run("compact")
        .args(["-o", "x.db", "--dry-run"])
        .assert()
        .code(2);
}

/// `compact -o /dev/null --force` put a file in the place of the device, with exit 0.
#[test]
fn a_device_or_pipe_is_not_replaced_even_with_force() {
    use std::os::unix::fs::FileTypeExt;
    let db = Db::filled(100);
    let pipe = db.dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // A name of a device that nothing is lost with: the link goes, if anything.
    let device = db.dir.path().join("device");
    std::os::unix::fs::symlink("/dev/full", &device).unwrap();
    for verb in ["compact", "salvage"] {
        for place in [&pipe, &device, &db.dir.path().to_path_buf()] {
            let mut command = db.run(verb);
            command.arg("-o").arg(place).arg("--force");
            let error = json_error(command, 8);
            let causes = error["causes"].to_string();
            assert!(causes.contains("no regular file"), "{verb}: {error}");
        }
    }
    let about = std::fs::symlink_metadata(&pipe).unwrap();
    assert!(about.file_type().is_fifo());
    assert!(std::fs::symlink_metadata(&device).unwrap().is_symlink());
    assert_eq!(db.files(), ["device", "pipe", "test.db"]);
}

/// It made a file of that name.
#[test]
fn a_dash_is_not_the_name_of_a_copy() {
    let db = Db::filled(10);
    for verb in ["compact", "salvage"] {
        let mut command = db.run(verb);
        command.current_dir(db.dir.path()).args(["-o", "-"]);
        json_error(command, 2);
    }
    assert_eq!(db.files(), ["test.db"]);
}
