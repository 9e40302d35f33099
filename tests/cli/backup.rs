use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use creel::{CheckpointOptions, Depth, NoProgress, OpenOptions, Verdict, VerifyOptions};
use predicates::prelude::*;

use crate::support::{Db, creel, json, json_error, json_lines, stdout};

fn list(path: &Path) -> String {
    let mut command = creel();
    command.arg("list").arg(path);
    stdout(command)
}

fn deep_clean(path: &Path) {
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(path, &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
}

/// Entries in the tree, free pages, and entries in the log.
fn used() -> Db {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    db.run("delete")
        .args(["--prefix", "key001", "--yes"])
        .assert()
        .success();
    db.run("checkpoint").assert().success();
    db.run("put").args(["new", "in the log"]).assert().success();
    db
}

#[test]
fn the_copy_is_the_same_database_in_a_file_of_its_own() {
    let db = used();
    let before = db.bytes();
    let copy = db.dir.path().join("copy.db");
    let mut command = db.run("backup");
    command.arg("-o").arg(&copy);
    let report = json(command);
    assert_eq!(report["schema"], "creel.backup/1");
    assert_eq!(report["verified"], "full");
    assert_eq!(report["bytes"], fs::metadata(&copy).unwrap().len());
    assert_eq!(db.bytes(), before, "the database was written to");
    assert_eq!(db.files(), ["copy.db", "test.db"]);
    assert_eq!(list(&copy), db.list());
    deep_clean(&copy);
    let (ours, mut info) = (json(db.run("info")), creel());
    info.arg("info").arg(&copy);
    let theirs = json(info);
    assert_eq!(ours["db_id"], theirs["db_id"]);
    assert_ne!(ours["file_id"], theirs["file_id"]);
    assert_eq!(report["file_id"], theirs["file_id"]);
    assert_eq!(ours["content_sum"], theirs["content_sum"]);
    assert_eq!(ours["checkpoint_index"], theirs["checkpoint_index"]);
}

#[test]
fn every_backup_of_a_database_in_use_is_a_prefix_of_its_commits() {
    let db = Db::new();
    let stop = AtomicBool::new(false);
    let backups = 12;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let writer = OpenOptions::new()
                .sync(creel::SyncMode::Normal)
                .checkpoint_at(Some(64 << 10))
                .open(&db.path)
                .unwrap();
            let mut i = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                // Each commit takes the one before the last back, so that pages become free.
                let mut batch = creel::Batch::new();
                batch.put(&i.to_be_bytes(), &vec![i as u8; 200 + i as usize % 3000]);
                batch.put(b"newest", &i.to_be_bytes());
                if i >= 500 {
                    batch.delete(&(i - 500).to_be_bytes());
                }
                writer.write(batch).unwrap();
                i += 1;
            }
            writer.close().unwrap();
        });
        scope.spawn(|| {
            let other = OpenOptions::new().open(&db.path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                let options = CheckpointOptions::default();
                match other.checkpoint(&options, &NoProgress) {
                    Ok(_) | Err(creel::Error::Busy { .. }) => {}
                    Err(e) => panic!("{e}"),
                }
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for n in 0..backups {
                one_backup(&db, n);
            }
        }));
        stop.store(true, Ordering::Relaxed);
        done.unwrap();
    });
}

/// Makes a backup, slowly every other time, and looks for a hole in it.
fn one_backup(db: &Db, n: usize) {
    let copy = db.dir.path().join(format!("copy{n}.db"));
    let mut command = db.run("backup");
    command.arg("-o").arg(&copy);
    if n % 2 == 1 {
        command.args(["--rate", "4MB/s"]);
    }
    let report = json(command);
    deep_clean(&copy);
    let copy = OpenOptions::new().read_only(true).open(&copy).unwrap();
    assert!(copy.recovery().is_clean());
    let snapshot = copy.snapshot().unwrap();
    assert_eq!(report["position"]["index"], snapshot.token().index);
    let main = snapshot.keyspace("main").unwrap();
    let mut keys = main.cursor(&creel::KeyRange::all());
    let mut numbers = Vec::new();
    let mut newest = None;
    while let Some((key, value)) = keys.next_entry().unwrap() {
        match <[u8; 4]>::try_from(key) {
            Ok(key) => {
                let i = u32::from_be_bytes(key);
                assert!(value == vec![i as u8; 200 + i as usize % 3000], "entry {i}");
                numbers.push(i);
            }
            Err(_) => newest = Some(u32::from_be_bytes(value.try_into().unwrap())),
        }
    }
    // One entry a commit, the first at index 1.
    let newest = newest.map_or(0, |i| i + 1);
    assert_eq!(u64::from(newest), snapshot.token().index);
    let expected: Vec<u32> = (newest.saturating_sub(500)..newest).collect();
    assert_eq!(numbers, expected, "backup {n}");
}

#[test]
fn an_existing_file_stays_unless_force_is_given() {
    let db = used();
    let copy = db.file("copy.db", b"precious");
    let mut command = db.run("backup");
    command.arg("-o").arg(&copy);
    assert_eq!(json_error(command, 8)["code"], "exists");
    assert_eq!(fs::read(&copy).unwrap(), b"precious");
    db.run("backup")
        .arg("-o")
        .arg(&copy)
        .arg("--force")
        .assert()
        .success();
    deep_clean(&copy);
    assert_eq!(db.files(), ["copy.db", "test.db"]);
}

#[test]
fn the_database_is_never_its_own_backup() {
    let db = used();
    let before = db.bytes();
    let link = db.dir.path().join("link.db");
    std::os::unix::fs::symlink(&db.path, &link).unwrap();
    for name in [&db.path, &link] {
        for force in [&["--force"][..], &[]] {
            let mut command = db.run("backup");
            command.arg("-o").arg(name).args(force);
            command.assert().code(2);
        }
    }
    assert_eq!(db.bytes(), before);
}

#[test]
fn a_pipe_gets_the_whole_file_and_a_closed_one_ends_by_the_signal() {
    let db = used();
    let output = db.run("backup").args(["-o", "-"]).assert().success();
    let output = output.get_output().clone();
    let copy = db.file("copy.db", &output.stdout);
    deep_clean(&copy);
    assert_eq!(list(&copy), db.list());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not verified"));
    let output = db.run("backup").args(["-o", "-", "--json"]).assert();
    let output = output.success().get_output().clone();
    let report = &json_lines(&output.stderr)[0];
    assert_eq!(report["schema"], "creel.backup/1");
    assert_eq!(report["bytes"], output.stdout.len());
    assert!(report["verified"].is_null());

    let closed = format!(
        "'{}' backup '{}' -o - | head -c 1000 >/dev/null; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_creel"),
        db.path.display()
    );
    let mut bash = assert_cmd::Command::new("bash");
    bash.args(["-c", &closed]);
    bash.assert().success().stdout("141\n").stderr("");
}

/// Both parts of the work count bytes, each from its beginning.
#[test]
fn progress_tells_bytes_and_pace_of_copy_and_check() {
    let db = Db::filled(3000);
    let mut command = db.run("backup");
    command.arg("-o").arg(db.dir.path().join("copy.db"));
    command.args(["--progress", "plain", "--progress-interval", "0s"]);
    let assert = command.assert().success();
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    for part in ["backup: ", "verify: "] {
        let lines: Vec<&str> = text.lines().filter(|l| l.starts_with(part)).collect();
        assert!(lines.len() > 1, "{text}");
        let last = lines[lines.len() - 1];
        assert!(last.contains("iB/s") && last.contains(" s left"), "{last}");
    }
    assert!(text.contains("(100%)"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_exit_8_and_leaves_nothing() {
    let db = used();
    for to in ["/dev/full", "-"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("backup")
            .arg(&db.path)
            .args(["-o", to])
            .stdout(full.unwrap())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(8), "{to}");
    }
    let limited = format!(
        "ulimit -f 500; '{}' backup '{}' -o '{}'",
        env!("CARGO_BIN_EXE_creel"),
        db.path.display(),
        db.dir.path().join("copy.db").display()
    );
    let mut bash = assert_cmd::Command::new("bash");
    bash.args(["-c", &limited]);
    bash.assert()
        .code(8)
        .stderr(predicate::str::contains("copy.db"))
        .stderr(predicate::str::contains("no backup was made"));
    assert_eq!(db.files(), ["test.db"]);
}

#[test]
fn ctrl_c_ends_it_by_the_signal_and_leaves_nothing() {
    use std::os::unix::process::ExitStatusExt;
    let db = used();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("backup")
        .arg(&db.path)
        .arg("-o")
        .arg(db.dir.path().join("copy.db"))
        .args(["--rate", "50kB/s"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let start = std::time::Instant::now();
    let pid = child.id().to_string();
    // The copy has no name yet, but it is open.
    let is_copy = |fd: std::io::Result<fs::DirEntry>| {
        let target = fs::read_link(fd.unwrap().path()).unwrap_or_default();
        target.starts_with(db.dir.path()) && target != db.path
    };
    let open = |pid: &str| {
        fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .any(is_copy)
    };
    while !open(&pid) {
        assert!(start.elapsed().as_secs() < 20, "no file is made");
    }
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    assert_eq!(db.files(), ["test.db"]);
}

#[test]
fn a_damaged_database_gives_no_backup() {
    let db = used();
    let mut bytes = db.bytes();
    let at = bytes.windows(9).rposition(|w| w == b"value 200").unwrap();
    bytes[at] ^= 1;
    fs::write(&db.path, &bytes).unwrap();
    let copy = db.dir.path().join("copy.db");
    db.run("backup")
        .arg("-o")
        .arg(&copy)
        .assert()
        .code(4)
        .stderr(predicate::str::contains("creel verify"));
    assert_eq!(db.files(), ["test.db"]);
    // Without the check the copy is as good as the original.
    db.run("backup")
        .arg("-o")
        .arg(&copy)
        .arg("--no-verify")
        .assert()
        .success();
    creel().arg("verify").arg(&copy).assert().code(4);
}

#[test]
fn what_cannot_be_backed_up_or_makes_no_sense() {
    let db = used();
    let out = db.dir.path().join("copy.db");
    let other = db.file("text", b"no database");
    let backup = |from: &Path| {
        let mut command = creel();
        command.arg("backup").arg(from).arg("-o").arg(&out);
        command
    };
    backup(Path::new("/no/such.db")).assert().code(5);
    backup(&other).assert().code(6);
    backup(&db.path).args(["--rate", "fast"]).assert().code(2);
    db.run("backup").assert().code(2);
    db.run("backup")
        .args(["-o", "-", "--reflink", "always"])
        .assert()
        .code(2);
    db.run("backup")
        .args(["-o", "/no/such/directory/copy.db"])
        .assert()
        .code(8);
    assert!(!out.exists());
}

#[cfg(target_os = "linux")]
mod file_systems {
    use super::*;
    use crate::support::skipped;

    /// An image mounted as a file system, until dropped.
    struct Mounted(tempfile::TempDir);

    impl Mounted {
        fn new(make: &str) -> Option<Mounted> {
            let dir = tempfile::tempdir().unwrap();
            let script = format!(
                "cd '{}' && truncate -s 120M image && {make} image && mkdir at && mount -o loop image at",
                dir.path().display()
            );
            let made = std::process::Command::new("sh")
                .args(["-c", &script])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status();
            match made.is_ok_and(|s| s.success()) {
                true => Some(Mounted(dir)),
                false => {
                    skipped(
                        "mount",
                        &format!("{make} and the right to mount are needed"),
                    );
                    None
                }
            }
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            let at = self.0.path().join("at");
            let _ = std::process::Command::new("umount").arg(at).status();
        }
    }

    fn shared(from: &Path, to: &Path, reflink: &str) -> u64 {
        let mut command = creel();
        command.arg("backup").arg(from).arg("-o").arg(to);
        command.args(["--reflink", reflink]);
        let report = json(command);
        deep_clean(to);
        assert_eq!(list(from), list(to));
        report["bytes_shared"].as_u64().unwrap()
    }

    #[test]
    fn storage_is_shared_where_the_file_system_can() {
        let Some(mounted) = Mounted::new("mkfs.btrfs -q") else {
            return;
        };
        let at = mounted.0.path().join("at");
        let db = used();
        let original = at.join("a.db");
        fs::write(&original, db.bytes()).unwrap();
        assert!(shared(&original, &at.join("b.db"), "always") > 0);
        assert!(shared(&original, &at.join("c.db"), "auto") > 0);
        assert_eq!(shared(&original, &at.join("d.db"), "never"), 0);
        // Changing the one does not change the other.
        let before = list(&at.join("b.db"));
        let mut delete = creel();
        delete.arg("delete").arg(&original);
        delete.args(["--prefix", "key", "--yes"]).assert().success();
        creel().arg("checkpoint").arg(&original).assert().success();
        assert_eq!(list(&at.join("b.db")), before);
        deep_clean(&at.join("b.db"));
        // Another file system shares nothing with this one.
        assert_eq!(shared(&original, &db.dir.path().join("e.db"), "auto"), 0);
    }

    #[test]
    fn where_it_cannot_the_bytes_are_copied_or_the_command_fails() {
        let Some(mounted) = Mounted::new("mkfs.ext4 -q") else {
            return;
        };
        let at = mounted.0.path().join("at");
        let db = used();
        let original = at.join("a.db");
        fs::write(&original, db.bytes()).unwrap();
        assert_eq!(shared(&original, &at.join("b.db"), "auto"), 0);
        let mut command = creel();
        command.arg("backup").arg(&original);
        command.arg("-o").arg(at.join("c.db"));
        command.args(["--reflink", "always"]);
        command
            .assert()
            .code(8)
            .stderr(predicate::str::contains("--reflink always"));
        assert!(!at.join("c.db").exists());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn backup_killed_anywhere() {
    use crate::kill::{copy_of, only, sweep, words};
    let Some(_) = crate::support::strace() else {
        return;
    };
    let db = used();
    let image = db.bytes();
    let before = db.list();
    let prepare = || {
        let db = copy_of(&image);
        let copy = db.dir.path().join("copy.db");
        let args = words("backup", &db.path, &["-o", copy.to_str().unwrap()]);
        (db, args)
    };
    sweep("backup", 31, &prepare, &|db, done| {
        let copy = db.dir.path().join("copy.db");
        assert!(db.bytes() == image, "the database was written to");
        assert!(copy.exists() || !done);
        only(db, &["test.db", "copy.db"]);
        if copy.exists() {
            deep_clean(&copy);
            assert_eq!(list(&copy), before);
        } else {
            // What was left does not stand in the way.
            db.run("backup").arg("-o").arg(&copy).assert().success();
        }
    });
}
