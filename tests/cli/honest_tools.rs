//! The same promise as in `honest.rs`, for the commands that check, compare, copy and repair:
//! damage has its status, a verdict says what it covers, nothing crashes, hangs or writes.

use std::fs;
use std::path::Path;

use predicates::prelude::*;

use crate::support::{Db, creel, flip, json};

/// A database with its entries in the tree and one in the log.
fn used() -> Db {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    for key in ["first", "second", "last"] {
        let value = if key == "last" { "in the log" } else { "also" };
        db.run("put").args([key, value]).assert().success();
    }
    db
}

fn run(verb: &str, path: &Path, args: &[&str]) -> assert_cmd::Command {
    let mut command = creel();
    command.arg(verb).arg(path).args(args);
    command
}

/// The status; a death by signal is a failure of the test.
fn status(mut command: assert_cmd::Command) -> i32 {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(code.is_some(), "{command:?}: {:?}, {stderr}", output.status);
    assert_ne!(code, Some(70), "{command:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
    code.unwrap()
}

/// Checks that print "Corruption" or "ok" and end with 0: here one flipped byte in any page of the
/// tree is 4, wherever it is.
#[test]
fn checking_finds_a_damaged_block_wherever_it_is() {
    let db = used();
    let bytes = db.bytes();
    let info = json(db.run("info"));
    let page = info["page_size"].as_u64().unwrap() as usize;
    let first = info["regions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["start_page"].as_u64().unwrap() as usize * page + 512 * 1024)
        .max();
    let mut tried = 0;
    for start in (first.unwrap()..bytes.len()).step_by(page) {
        for at in [start + 5, start + page / 2, start + page - 1] {
            flip(&db.path, at);
            assert_eq!(status(db.run("verify")), 4, "byte {at}");
            flip(&db.path, at);
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    assert_eq!(status(db.run("verify")), 0);
}

/// Integrity checks whose status depends on the kind of damage, or is 0 for all of them.
#[test]
fn every_kind_of_damage_has_the_same_status() {
    let db = used();
    let whole = db.bytes();
    let info = json(db.run("info"));
    let regions = info["regions"].as_array().unwrap();
    let active = regions.iter().max_by_key(|r| r["region_seq"].as_u64());
    let region = active.unwrap()["start_page"].as_u64().unwrap() as usize * 4096;
    let in_log = whole.windows(10).rposition(|w| w == b"in the log");
    let both_headers = |b: &mut Vec<u8>| {
        b[100] ^= 1;
        b[8192 + 100] ^= 1;
    };
    type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);
    let kinds: &[(&str, Damage<'_>)] = &[
        ("both headers", &both_headers),
        ("between the headers", &|b| b[5000] = 1),
        ("a log entry", &|b| b[in_log.unwrap()] ^= 1),
        ("cut off", &|b| b.truncate(b.len() - 4096)),
        ("a page of noise", &|b| {
            let at = b.len() - 3 * 4096;
            for (i, byte) in b[at..at + 4096].iter_mut().enumerate() {
                *byte = (i * 37) as u8;
            }
        }),
        ("two pages exchanged", &|b| {
            let at = b.len() - 4 * 4096;
            let page = b[at..at + 4096].to_vec();
            b.copy_within(at + 4096..at + 8192, at);
            b[at + 4096..at + 8192].copy_from_slice(&page);
        }),
        ("the log's own header", &|b| b[region + 20] ^= 1),
    ];
    for (what, damage) in kinds {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&db.path, &bytes).unwrap();
        for level in ["full", "deep"] {
            let code = status(run("verify", &db.path, &["--level", level]));
            assert_eq!(code, 4, "{what}, {level}");
        }
        assert_eq!(
            fs::read(&db.path).unwrap(),
            bytes,
            "verify wrote to the file"
        );
    }
}

/// A check that does not read the data and says "no errors were found".
#[test]
fn a_check_of_less_than_everything_says_how_much_it_saw() {
    let db = used();
    let at = db.bytes();
    let at = at.windows(10).rposition(|w| w == b"value 2000").unwrap();
    flip(&db.path, at);
    db.run("verify").assert().code(4);
    db.run("verify")
        .args(["--level", "quick"])
        .assert()
        .success()
        .stdout(predicate::str::contains("level\tquick"));
    let mut verdicts = Vec::new();
    for part in ["1/2", "2/2"] {
        let output = db.run("verify").args(["--sample", part]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("coverage\t"), "{text}");
        verdicts.push(output.status.code().unwrap());
    }
    verdicts.sort_unstable();
    assert_eq!(verdicts, [0, 4], "one half has the damage");
}

/// A comparison that creates the missing file, and one that prints nothing for a damaged one.
#[test]
fn comparing_with_a_missing_or_damaged_file() {
    let db = used();
    let missing = db.dir.path().join("missing.db");
    for verb in ["diff", "verify"] {
        let mut command = db.run(verb);
        if verb == "verify" {
            command.arg("--against");
        }
        command.arg(&missing);
        assert_eq!(status(command), 5, "{verb}");
        assert!(!missing.exists(), "{verb} created the file");
    }
    let copy = db.dir.path().join("copy.db");
    db.run("backup").arg("-o").arg(&copy).assert().success();
    let bytes = fs::read(&copy).unwrap();
    let at = bytes.windows(10).rposition(|w| w == b"value 2000").unwrap();
    flip(&copy, at);
    let copy = copy.to_str().unwrap();
    for args in [&[copy] as &[&str], &[copy, "--summary"], &[copy, "--jsonl"]] {
        let output = run("diff", &db.path, args).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(status(run("verify", &db.path, &["--against", copy])), 4);
}

/// A repair that prints OK and leaves an empty database.
#[test]
fn a_repair_that_loses_something_says_so() {
    let db = used();
    // Until the log has forgotten the entries, they are saved from there.
    for round in ["1", "2", "3"] {
        db.run("put").args(["round", round]).assert().success();
        db.run("checkpoint").assert().success();
    }
    let at = db.bytes();
    let at = at.windows(10).rposition(|w| w == b"value 2000").unwrap();
    flip(&db.path, at);
    let before = db.bytes();
    let saved = db.dir.path().join("saved.db");
    db.run("salvage").arg("-o").arg(&saved).assert().code(3);
    assert_eq!(db.bytes(), before);
    run("verify", &saved, &["--level", "deep"])
        .assert()
        .success();
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let noise = db.file("noise.db", &noise);
    let code = status({
        let mut command = run("salvage", &noise, &["-o"]);
        command.arg(db.dir.path().join("nothing.db"));
        command
    });
    assert!([4, 6].contains(&code), "{code}");
    assert!(!db.dir.path().join("nothing.db").exists());
}

/// Faults, stacks, endless loops and empty files that become databases.
#[test]
fn files_cut_short_or_full_of_noise_end_every_tool_in_time() {
    let db = used();
    let whole = db.bytes();
    let other = Db::filled(10);
    let out = db.dir.path().join("out.db");
    let tools: &[(&str, &[&str])] = &[
        ("verify", &["--level", "deep"]),
        ("verify", &["--sample", "50%"]),
        ("diff", &[other.path.to_str().unwrap()]),
        ("drill", &[]),
        ("backup", &["-o", out.to_str().unwrap()]),
        ("info", &[]),
        ("stats", &["--exact"]),
        ("checkpoint", &["--dry-run"]),
        ("compact", &["--dry-run"]),
    ];
    let mut files: Vec<(String, Vec<u8>)> = [0, 1, 511, 512, 8200, 16384, 500_000]
        .iter()
        .chain(&[whole.len() - 1, whole.len() - 5000])
        .map(|&len| (format!("cut at {len}"), whole[..len].to_vec()))
        .collect();
    for step in [4096, 40_960] {
        let mut bytes = whole.clone();
        for start in (16384..bytes.len()).step_by(step * 2) {
            let end = (start + step).min(bytes.len());
            for (i, byte) in bytes[start..end].iter_mut().enumerate() {
                *byte = ((i * i + start) >> 3) as u8;
            }
        }
        files.push((format!("noise every {step}"), bytes));
    }
    for (what, bytes) in files {
        let bad = db.file("bad.db", &bytes);
        for (verb, args) in tools {
            // The limit of time is that of `creel()`.
            let code = status(run(verb, &bad, args));
            let told = [4, 6, 23].contains(&code);
            // What reads only headers may find nothing wrong.
            let lenient = ["info", "checkpoint", "compact"].contains(verb);
            assert!(
                told || lenient && code == 0,
                "{verb} of a file {what}: {code}"
            );
            assert_eq!(fs::read(&bad).unwrap(), bytes, "{verb} wrote to it");
            assert!(!out.exists(), "{verb} of a file {what} made a backup");
        }
    }
}

/// Checks that fold or delete a log that was left over.
#[test]
fn tools_that_read_leave_the_file_and_its_directory_alone() {
    let db = used();
    let before = db.bytes();
    let other = Db::filled(10);
    let other = other.path.to_str().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    for (verb, args) in [
        ("verify", &["--level", "deep"] as &[&str]),
        ("verify", &["--against", other]),
        ("verify", &["--self-test", "3"]),
        ("diff", &[other]),
        ("drill", &[]),
        ("backup", &["-o", "-"]),
        ("info", &[]),
        ("stats", &[]),
        ("checkpoint", &["--dry-run"]),
        ("compact", &["--dry-run"]),
    ] {
        let mut command = run(verb, &db.path, args);
        command.env("TMPDIR", temporary.path());
        let code = status(command);
        assert!([0, 1].contains(&code), "{verb}: {code}");
        assert_eq!(db.bytes(), before, "{verb} {args:?}");
        assert_eq!(db.files(), ["test.db"], "{verb} {args:?}");
        let left = fs::read_dir(temporary.path()).unwrap().count();
        assert_eq!(left, 0, "{verb} {args:?}");
    }
}

/// A full device behind standard output.
#[cfg(target_os = "linux")]
#[test]
fn reports_and_streams_to_a_full_device() {
    let db = used();
    let other = Db::filled(10);
    let other = other.path.to_str().unwrap();
    for (verb, args) in [
        ("verify", &[] as &[&str]),
        ("diff", &[other]),
        ("diff", &[other, "--jsonl"]),
        ("diff", &[other, "--json", "--summary"]),
        ("drill", &[]),
        ("drill", &["--json"]),
        ("backup", &["-o", "-"]),
        ("info", &[]),
        ("checkpoint", &["--dry-run"]),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg(verb)
            .arg(&db.path)
            .args(args)
            .stdout(full.unwrap())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(8), "{verb} {args:?}");
    }
}
