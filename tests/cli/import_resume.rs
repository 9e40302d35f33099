//! Imports that end in the middle: killed at every call, interrupted, cut off; and how `--resume`
//! makes a whole of it.

use std::fs;

use serde_json::Value;

use crate::import::{counts, import, record, refused, report};
use crate::support::{Db, json, json_error, stdout};

fn records(range: std::ops::Range<usize>) -> String {
    range
        .map(|i| record(&format!("k{i:05}"), &format!("v{i}")))
        .collect()
}

fn digest(db: &Db) -> String {
    stdout(db.run("digest"))
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn a_finished_import_changes_nothing_again() {
    for args in [&["--resume"][..], &["--resume", "--batch", "7"]] {
        let db = Db::new();
        let text = records(0..50);
        assert_eq!(counts(&report(&db, text.as_bytes(), args))[0], 50);
        db.run("put")
            .args(["k00000", "changed since"])
            .assert()
            .success();
        let before = db.bytes();
        let again = report(&db, text.as_bytes(), args);
        assert_eq!(counts(&again), [0; 7]);
        assert_eq!(again["finished_before"], true);
        assert_eq!(again["skipped"], 50);
        assert_eq!(db.bytes(), before);
        // Without --resume it is imported anew.
        let plain = report(&db, text.as_bytes(), &args[1..]);
        assert_eq!(counts(&plain), [0, 1, 49, 0, 0, 0, 0]);
    }
}

/// Of several files in one step, the second run made a commit with nothing in it.
#[test]
fn a_finished_step_of_several_files_changes_nothing_again() {
    let db = Db::new();
    let files = [0..50, 50..90].map(|range| {
        let name = format!("{}.jsonl", range.start);
        db.file(&name, records(range).as_bytes())
    });
    let run = || {
        let mut command = db.run("import");
        command.args(&files).args(["--atomic", "--resume"]);
        json(command)
    };
    assert_eq!(counts(&run())[0], 90);
    let before = db.bytes();
    let again = run();
    assert_eq!(counts(&again), [0; 7]);
    assert_eq!(again["finished_before"], true);
    assert_eq!(db.bytes(), before);
    // One of them has grown: only what is new comes in.
    fs::write(&files[1], records(50..95)).unwrap();
    let grown = run();
    assert_eq!(counts(&grown)[0], 5);
    assert_eq!(grown["finished_before"], false);
}

#[test]
fn a_bad_line_in_the_middle_is_repaired_and_resumed() {
    let db = Db::new();
    let good = records(0..100);
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let broken = [&lines[..65].concat(), "x\n", &lines[65..].concat()].concat();
    let error = json_error(import(&db, broken.as_bytes(), &["--batch", "10"]), 9);
    assert_eq!(error["detail"]["line"], 66);
    assert_eq!(error["detail"]["committed_line"], 60);
    let state = error["state"].as_str().unwrap();
    assert!(
        state.starts_with("lines 1 to 60 of standard input are committed"),
        "{state}"
    );
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .ends_with("--resume goes on from there")
    );
    assert_eq!(db.list().lines().count(), 60);
    let resumed = report(&db, good.as_bytes(), &["--batch", "10", "--resume"]);
    assert_eq!(counts(&resumed)[0], 40);
    assert_eq!(resumed["skipped"], 60);
    assert_eq!(db.list().lines().count(), 100);
    // In one step as well.
    let db = Db::new();
    json_error(import(&db, broken.as_bytes(), &["--batch", "10"]), 9);
    assert_eq!(counts(&report(&db, good.as_bytes(), &["--resume"]))[0], 40);
}

#[test]
fn another_input_is_not_taken_for_the_same() {
    let db = Db::new();
    // The same beginning, longer than what tells inputs apart.
    let text = records(0..4000);
    assert!(text.len() > 100_000);
    report(&db, text.as_bytes(), &["--batch", "1k"]);
    let mut changed = text.clone().into_bytes();
    let at = changed.len() - 10;
    changed[at] ^= 1;
    let error = refused(&db, &changed, &["--resume"]);
    assert_eq!(error["detail"]["fault"], "other_input");
    let error = refused(&db, &text.as_bytes()[..90_000], &["--resume"]);
    assert_eq!(error["detail"]["fault"], "other_input");
    // A file that has grown goes on.
    let grown = records(0..4010);
    let found = report(&db, grown.as_bytes(), &["--resume"]);
    assert_eq!(counts(&found)[0], 10);
    // Read in another way it is another input.
    let mine = ["--resume", "--keyspace", "mine"];
    assert_eq!(counts(&report(&db, text.as_bytes(), &mine))[0], 4000);
}

#[test]
fn rejects_are_complete_after_a_resumed_import() {
    let db = Db::new();
    let path = db.dir.path().join("bad.jsonl");
    let good = records(0..40);
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let first = [&lines[..5].concat(), "x\n", &lines[5..25].concat()].concat();
    let text = [&first, "{\"key\":"].concat();
    let args = ["--batch", "10", "--on-error", "skip", "--max-errors", "1"];
    json_error(import(&db, text.as_bytes(), &args), 13);
    assert_eq!(db.list().lines().count(), 20);
    let text = [&first, "y\n", &lines[25..].concat()].concat();
    let args = [
        "--batch",
        "10",
        "--resume",
        "--rejects",
        path.to_str().unwrap(),
    ];
    let assert = import(&db, text.as_bytes(), &args)
        .arg("--json")
        .assert()
        .code(3);
    let found: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(counts(&found), [20, 0, 0, 0, 0, 0, 2]);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    assert_eq!(db.list().lines().count(), 40);
}

#[test]
fn old_positions_are_forgotten() {
    let db = Db::new();
    let files: Vec<_> = (0..140)
        .map(|i| db.file(&format!("f{i}.tsv"), format!("k{i}\t1\n").as_bytes()))
        .collect();
    let mut command = db.run("import");
    command.args(&files);
    assert_eq!(json(command)["records"], 140);
    let engine = creel::Db::open(&db.path).unwrap();
    let positions = engine.snapshot().unwrap().import_positions().unwrap();
    assert_eq!(positions.len(), 128);
    engine.close().unwrap();
    // The newest are the ones that are known.
    let mut command = db.run("import");
    command.arg(&files[139]).arg("--resume");
    assert_eq!(json(command)["finished_before"], true);
}

#[cfg(target_os = "linux")]
mod killed {
    use super::*;
    use crate::kill::{copy_of, sound, sweep, words};
    use crate::support::strace;

    /// A file of records beside a prepared database.
    fn prepared(image: &[u8], text: &str, args: &[&str]) -> (Db, Vec<String>) {
        let db = copy_of(image);
        let file = db.file("in.jsonl", text.as_bytes());
        let rest = [&[file.to_str().unwrap()], args].concat();
        let words = words("import", &db.path, &rest);
        (db, words)
    }

    /// No file of another name stays, whatever happens.
    fn no_strays(db: &Db) {
        assert_eq!(db.files(), ["in.jsonl", "test.db"]);
    }

    #[test]
    fn one_step_killed_anywhere_is_all_or_nothing() {
        let Some(_) = strace() else { return };
        let text = records(0..300);
        let image = Db::filled(50).bytes();
        let prepare = || prepared(&image, &text, &["--no-checkpoint"]);
        sweep("import-step", 21, &prepare, &|db, done| {
            let found = sound(&db.path);
            let all = found.len() == 350;
            assert!(
                all || (found.len() == 50 && !done),
                "{} entries",
                found.len()
            );
            no_strays(db);
        });
    }

    #[test]
    fn batches_killed_anywhere_go_on_to_the_same_end() {
        let Some(_) = strace() else { return };
        let text = records(0..400);
        let image = Db::new().bytes();
        let whole = copy_of(&image);
        report(&whole, text.as_bytes(), &[]);
        let expected = digest(&whole);
        let prepare = || prepared(&image, &text, &["--batch", "100", "--no-checkpoint"]);
        sweep("import-batches", 21, &prepare, &|db, _| {
            let found = stdout(db.run("list")).lines().count();
            assert_eq!(found % 100, 0, "part of a batch");
            let mut command = db.run("import");
            command.arg(db.dir.path().join("in.jsonl"));
            command.args(["--batch", "100", "--resume"]);
            let report = json(command);
            assert_eq!(report["skipped"], found);
            assert_eq!(counts(&report)[0] as usize, 400 - found);
            assert_eq!(digest(db), expected);
            no_strays(db);
        });
    }
}

#[cfg(unix)]
mod interrupted {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::process::ExitStatusExt;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    fn start(path: &Path, args: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("import")
            .arg(path)
            .args(args)
            .args(["--progress", "json", "--progress-interval", "1ns"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Sends a signal and returns what was said until the end.
    fn stop(child: Child, signal: i32) -> String {
        let sent = Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(signal), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[test]
    fn a_signal_asks_for_a_line_of_progress() {
        let db = Db::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg("import")
            .arg(&db.path)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(records(0..20_000).as_bytes()).unwrap();
        let sent = Command::new("kill")
            .args(["-USR1", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        assert!(
            line.starts_with("import: ") && line.contains("iB/s"),
            "{line}"
        );
        drop(stdin);
        assert!(child.wait().unwrap().success());
        assert_eq!(
            lines.next().unwrap().unwrap().split(' ').next(),
            Some("imported")
        );
    }

    #[test]
    fn one_step_that_is_interrupted_leaves_nothing() {
        for signal in [2, 15] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("new.db");
            for args in [&["--create"][..], &["--create", "--sorted"]] {
                let mut child = start(&path, args);
                let mut stdin = child.stdin.take().unwrap();
                // More than a pipe holds: when it is written, some of it has been read.
                stdin.write_all(records(0..20_000).as_bytes()).unwrap();
                let said = stop(child, signal);
                assert!(said.contains("state: nothing was changed"), "{said}");
                assert!(!path.exists(), "{args:?}");
                assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
                drop(stdin);
            }
        }
    }

    #[test]
    fn batches_that_are_interrupted_stay_and_say_so() {
        for signal in [2, 15] {
            let db = Db::new();
            let mut child = start(&db.path, &["--batch", "100"]);
            let mut stdin = child.stdin.take().unwrap();
            let text = records(0..20_000);
            stdin.write_all(text.as_bytes()).unwrap();
            let begun = Instant::now();
            while db.run("exists").arg("k00099").ok().is_err() {
                assert!(begun.elapsed() < Duration::from_secs(20), "no commit");
            }
            let said = stop(child, signal);
            drop(stdin);
            assert!(said.contains("are committed, as of position 1:"), "{said}");
            assert!(said.contains("--resume goes on from there"), "{said}");
            let found = db.list().lines().count();
            assert_eq!(found % 100, 0);
            let rest = report(&db, text.as_bytes(), &["--batch", "100", "--resume"]);
            assert_eq!(counts(&rest)[0] as usize, 20_000 - found);
            let whole = Db::new();
            report(&whole, text.as_bytes(), &[]);
            assert_eq!(digest(&db), digest(&whole));
            assert_eq!(db.files(), ["test.db"]);
        }
    }
}
