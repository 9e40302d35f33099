use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use predicates::prelude::*;
use serde_json::Value;

use crate::kill::{copy_of, only, sweep, words};
use crate::support::{Db, creel, flip, json, json_error, json_lines, strace, unbase64};

/// 5000 entries in a tree that both headers share but for a few pages.
fn settled() -> Db {
    let db = Db::filled(5000);
    for key in ["a", "b", "c"] {
        db.run("checkpoint").assert().success();
        db.run("put").args([key, "1"]).assert().success();
    }
    db
}

/// The same with one leaf damaged: the page that holds this text.
fn damaged(text: &[u8]) -> Db {
    let db = settled();
    let bytes = db.bytes();
    let holds = |page: &[u8]| page[16] == 1 && page.windows(text.len()).any(|w| w == text);
    let page = bytes.chunks(4096).rposition(holds).unwrap();
    flip(&db.path, page * 4096 + 2000);
    db
}

fn new_of(db: &Db) -> PathBuf {
    db.dir.path().join("new.db")
}

fn salvage(db: &Db, rest: &[&str], exit: i32) -> Output {
    let mut command = db.run("salvage");
    command.arg("-o").arg(new_of(db)).args(rest);
    command.assert().code(exit).get_output().clone()
}

fn records(output: &Output) -> Vec<Value> {
    json_lines(&output.stdout)
}

fn list(path: &Path) -> String {
    let output = creel()
        .arg("list")
        .arg(path)
        .assert()
        .success()
        .get_output()
        .clone();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_sound_file_is_copied_and_said_to_be_sound() {
    let db = settled();
    let before = db.bytes();
    let output = salvage(&db, &["--json"], 0);
    let [plan, result] = &records(&output)[..] else {
        panic!("two records")
    };
    assert_eq!(
        (&plan["schema"], &plan["record"]),
        (&"creel.salvage/1".into(), &"plan".into())
    );
    assert_eq!(plan["step"], "copy");
    assert_eq!(plan["complete"], true);
    assert_eq!(plan["verdict"], "clean");
    assert_eq!(plan["entries"], 5003);
    assert_eq!(plan["keyspaces"][0]["name"], "main");
    assert_eq!(plan["pinned"], true);
    assert_eq!(
        (&result["record"], &result["verified"]),
        (&"result".into(), &true.into())
    );
    assert_eq!(result["continues_history"], true);
    assert_eq!(result["output"], new_of(&db).to_str().unwrap());
    assert_eq!(list(&new_of(&db)), db.list());
    assert_eq!(db.bytes(), before);
    assert_eq!(db.files(), ["new.db", "test.db"]);
    fs::remove_file(new_of(&db)).unwrap();
    let text = salvage(&db, &[], 0);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("nothing needed to be salvaged"), "{text}");
}

#[test]
fn a_loss_is_status_3_and_told_by_range() {
    let db = damaged(b"value 2500");
    let before = db.bytes();
    let lost = db.dir.path().join("lost.jsonl");
    let output = salvage(
        &db,
        &["--json", "--no-scrape", "--lost", lost.to_str().unwrap()],
        3,
    );
    let plan = &records(&output)[0];
    assert_eq!(
        (&plan["step"], &plan["complete"]),
        (&"reachable".into(), &false.into())
    );
    let count = plan["lost_entries"].as_u64().unwrap();
    assert!(count > 20, "{plan}");
    assert_eq!(plan["entries"], 5003 - count);
    assert_eq!(records(&output)[1]["continues_history"], false);
    let lines = json_lines(&fs::read(&lost).unwrap());
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["schema"], "creel.lost/1");
    assert_eq!(lines[0]["keyspace"], "main");
    assert_eq!(lines[0]["invariant"], "P1");
    assert_eq!(lines[0], plan["lost"][0]);
    let (from, to) = (
        unbase64(&lines[0]["from_b64"]),
        unbase64(&lines[0]["to_b64"]),
    );
    assert!(from.as_slice() <= &b"key002500"[..] && to.as_slice() > &b"key002500"[..]);
    // Exactly the entries of the range are missing.
    let is_lost = |line: &&str| {
        let key = line.split('\t').next().unwrap().as_bytes();
        from.as_slice() <= key && key < to.as_slice()
    };
    let all = settled().list();
    let (gone, kept): (Vec<_>, Vec<_>) = all.lines().partition(is_lost);
    assert_eq!(gone.len() as u64, count);
    assert_eq!(list(&new_of(&db)).lines().collect::<Vec<_>>(), kept);
    assert_eq!(db.bytes(), before);
    creel()
        .args(["verify", "--level", "deep", "--strict"])
        .arg(new_of(&db))
        .assert()
        .success();
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let db = damaged(b"value 2500");
    let real = records(&salvage(&db, &["--json"], 3))[0].clone();
    fs::remove_file(new_of(&db)).unwrap();
    let output = db
        .run("salvage")
        .args(["--dry-run", "--json"])
        .assert()
        .code(3);
    let mut dry = records(output.get_output())[0].clone();
    assert_eq!(dry["dry_run"], true);
    dry["dry_run"] = false.into();
    assert_eq!(dry, real);
    assert_eq!(db.files(), ["test.db"]);
    let sound = settled();
    sound.run("salvage").arg("--dry-run").assert().success();
}

#[test]
fn people_read_ranges_and_steps() {
    let db = damaged(b"value 2500");
    let text = String::from_utf8(salvage(&db, &["--no-scrape"], 3).stdout).unwrap();
    for part in [
        "lost range: main, from key0024",
        "entries (P1: checksum is",
        "step\treachable: what the newest tree still reaches, and the log",
        "complete\tno",
        "history\tnew",
        "verified\tyes",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let text = String::from_utf8(salvage(&db, &["--force", "--redact"], 3).stdout).unwrap();
    assert!(!text.contains("key00"), "{text}");
    let quiet = salvage(&db, &["--force", "-q"], 3);
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty());
}

#[test]
fn a_lost_commit_is_told_and_can_be_insisted_on() {
    let db = settled();
    for key in ["d", "e", "f"] {
        db.run("put").args([key, "unlikely"]).assert().success();
    }
    let bytes = db.bytes();
    let at = bytes.windows(8).position(|w| w == b"unlikely").unwrap();
    flip(&db.path, at);
    db.run("get")
        .arg("f")
        .assert()
        .code(4)
        .stderr(predicate::str::contains("creel salvage"));
    let plan = records(&salvage(&db, &["--json"], 3))[0].clone();
    assert_eq!(plan["step"], "log");
    assert_eq!(plan["commits_lost"], 3);
    assert_eq!(plan["lost_commits"][0]["readable"], false);
    assert_eq!(plan["lost_commits"][1]["readable"], true);
    assert_eq!(plan["may_be_stale"], true);
    assert!(!list(&new_of(&db)).contains("unlikely"));
    let text = String::from_utf8(salvage(&db, &["--force"], 3).stdout).unwrap();
    assert!(text.contains("--prefer newest applies them"), "{text}");
    let plan = records(&salvage(
        &db,
        &["--json", "--force", "--prefer", "newest"],
        3,
    ))[0]
        .clone();
    assert_eq!(
        (&plan["commits_lost"], &plan["commits_out_of_order"]),
        (&1.into(), &2.into())
    );
    assert_eq!(list(&new_of(&db)).matches("unlikely").count(), 2);
}

#[test]
fn files_that_give_nothing() {
    let db = settled();
    creel()
        .args(["salvage", "/no/such.db", "-o"])
        .arg(new_of(&db))
        .assert()
        .code(5);
    let other = db.file("other", &[1; 20_000]);
    let error = {
        let mut command = creel();
        command
            .arg("salvage")
            .arg(&other)
            .arg("-o")
            .arg(new_of(&db));
        json_error(command, 6)
    };
    assert_eq!(error["code"], "not_a_db");
    let headless = db.file("head", &db.bytes()[..16384]);
    let output = creel()
        .arg("salvage")
        .arg(&headless)
        .arg("-o")
        .arg(new_of(&db))
        .assert()
        .code(4);
    let stderr = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(
        stderr.contains("nothing can be saved") && stderr.contains("restore"),
        "{stderr}"
    );
    assert!(!new_of(&db).exists());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let db = settled();
    let before = db.bytes();
    db.run("salvage").assert().code(2);
    let own = db.path.to_str().unwrap().to_owned();
    db.run("salvage").args(["-o", &own]).assert().code(2);
    db.run("salvage")
        .args(["-o", &own, "--force"])
        .assert()
        .code(2);
    db.run("salvage")
        .args(["--dry-run", "--lost", &own, "--force"])
        .assert()
        .code(2);
    let there = db.file("there.db", b"precious");
    let there = there.to_str().unwrap();
    let error = {
        let mut command = db.run("salvage");
        command.args(["-o", there]);
        json_error(command, 8)
    };
    assert_eq!(error["code"], "exists");
    db.run("salvage")
        .args(["-o", "x.db", "--lost", "x.db"])
        .assert()
        .code(2);
    db.run("salvage")
        .args(["--dry-run", "--lost", there])
        .assert()
        .code(8);
    assert_eq!(fs::read(there).unwrap(), b"precious");
    db.run("salvage")
        .args(["-o", there, "--force"])
        .assert()
        .success();
    assert_eq!(list(Path::new(there)), db.list());
    assert_eq!(db.bytes(), before);
}

/// The report comes first; the file that did not fit is gone.
#[test]
fn a_full_disk_leaves_the_report_and_nothing_else() {
    let db = damaged(b"value 2500");
    let script = "ulimit -f 600; exec \"$1\" salvage \"$2\" -o \"$3\" --no-scrape";
    let output = std::process::Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_creel")])
        .args([&db.path, &new_of(&db)])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("lost range")
    );
    assert_eq!(db.files(), ["test.db"]);
    // Scraping needs no room beside the database for what fits into memory.
    let script = "ulimit -f 0; exec \"$1\" salvage \"$2\" --dry-run";
    let output = std::process::Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_creel")])
        .arg(&db.path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
#[cfg(unix)]
fn a_signal_in_the_middle_leaves_nothing() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};
    let db = Db::filled(20_000);
    db.run("checkpoint").assert().success();
    let image = db.bytes();
    // True where the signal came before all was done.
    let signalled = |name: &str, number: i32, part: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("salvage")
            .args([&db.path, Path::new("-o"), &new_of(&db)])
            .args(["--progress", "plain", "--progress-interval", "0s"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.find(|line| line.as_ref().unwrap().starts_with(part));
        assert!(first.unwrap().unwrap().contains("iB/s"));
        let id = child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
        for line in lines {
            line.unwrap();
        }
        let status = child.wait().unwrap();
        let is_done = status.success();
        assert!(is_done || status.signal() == Some(number), "{part}{status}");
        if new_of(&db).exists() {
            // What has the name is whole.
            let verify = [Path::new("verify"), &new_of(&db)];
            creel().args(verify).assert().success();
            fs::remove_file(new_of(&db)).unwrap();
        } else {
            assert!(!is_done);
        }
        assert_eq!(db.files(), ["test.db"]);
        !is_done
    };
    for (name, number) in [("-INT", 2), ("-TERM", 15)] {
        // The third part of the work, and the fourth.
        for part in ["write: ", "verify: "] {
            let came = (0..50).any(|_| signalled(name, number, part));
            assert!(came, "{name} {part}: always too late");
        }
    }
    assert!(db.bytes() == image);
}

#[test]
#[cfg(target_os = "linux")]
fn killed_anywhere_there_is_the_whole_new_file_or_none() {
    let Some(_) = strace() else { return };
    let small = Db::new();
    let path = small.dir.path().join("small.db");
    creel()
        .arg("open")
        .arg(&path)
        .args(["--create", "--wal-size", "64KiB"])
        .assert()
        .success();
    let lines: String = (0..150)
        .map(|i| format!("put\tkey{i:03}\tvalue {i}\n"))
        .collect();
    creel()
        .arg("batch")
        .arg(&path)
        .write_stdin(lines)
        .assert()
        .success();
    creel().arg("checkpoint").arg(&path).assert().success();
    let image = fs::read(&path).unwrap();
    let expected = list(&path);
    let prepare = || {
        let db = copy_of(&image);
        let new = db.dir.path().join("new.db");
        let args = words("salvage", &db.path, &["-o", new.to_str().unwrap()]);
        (db, args)
    };
    sweep("salvage", 61, &prepare, &|db, done| {
        assert_eq!(db.bytes(), image);
        let new = db.dir.path().join("new.db");
        assert!(new.exists() || !done);
        only(db, &["test.db", "new.db"]);
        if new.exists() {
            assert_eq!(list(&new), expected);
        }
    });
}

#[test]
fn json_has_no_surprises_for_an_empty_database() {
    let db = Db::new();
    let mut command = db.run("salvage");
    command.arg("--dry-run");
    let plan = json(command);
    assert_eq!(
        (&plan["entries"], &plan["complete"]),
        (&0.into(), &true.into())
    );
    assert_eq!(plan["lost"].as_array().unwrap().len(), 0);
}
