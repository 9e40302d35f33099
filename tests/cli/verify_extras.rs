//! `verify --sample`, `--against`, `--self-test`.

use std::collections::BTreeSet;
use std::fs;

use predicates::prelude::*;
use serde_json::Value;

use crate::support::{Db, flip, json, json_lines};

fn verified(db: &Db, args: &[&str]) -> Value {
    let mut command = db.run("verify");
    command.args(args);
    json(command)
}

/// A database with a few hundred leaves.
fn large() -> Db {
    let db = Db::filled(30_000);
    db.run("checkpoint").assert().success();
    db
}

#[test]
fn the_parts_of_a_sample_together_find_every_damaged_leaf() {
    let db = large();
    let whole = verified(&db, &["--sample", "1/1"]);
    let leaves = whole["sample"]["leaves"].as_u64().unwrap();
    assert!(leaves > 100);
    assert_eq!(whole["sample"]["leaves_checked"], leaves);
    let parts = (1..=7).map(|n| format!("{n}/7"));
    let checked = |part: &str| {
        let report = verified(&db, &["--sample", part]);
        assert_eq!(report["sample"]["leaves"], leaves);
        report["sample"]["leaves_checked"].as_u64().unwrap()
    };
    let sum: u64 = parts.clone().map(|part| checked(&part)).sum();
    assert_eq!(sum, leaves);
    assert!(checked("2/7") < leaves / 3);
    // Damage in one leaf is found by exactly one part.
    let bytes = db.bytes();
    for needle in ["value 12345", "value 29999", "value 100"] {
        let at = bytes
            .windows(needle.len())
            .rposition(|w| w == needle.as_bytes());
        flip(&db.path, at.unwrap());
        let found: Vec<Option<i32>> = parts
            .clone()
            .map(|part| {
                let mut command = db.run("verify");
                command.args(["--sample", &part]);
                command.output().unwrap().status.code()
            })
            .collect();
        let damaged = found.iter().filter(|code| **code == Some(4)).count();
        let clean = found.iter().filter(|code| **code == Some(0)).count();
        assert_eq!((damaged, clean), (1, 6), "{needle}: {found:?}");
        fs::write(&db.path, &bytes).unwrap();
    }
}

#[test]
fn a_share_follows_from_its_seed_and_says_what_it_saw() {
    let db = large();
    let seen = |args: &[&str]| verified(&db, args)["sample"]["leaves_checked"].clone();
    let a = seen(&["--sample", "40%", "--seed", "1"]);
    assert_eq!(a, seen(&["--sample", "40%", "--seed", "1"]));
    let others: BTreeSet<u64> = (2..8)
        .map(|seed| seen(&["--sample", "40%", "--seed", &seed.to_string()]))
        .filter_map(|n| n.as_u64())
        .collect();
    assert!(others.len() > 1, "the seed changes nothing");
    let size = verified(&db, &["--sample", "300KiB", "--seed", "3"]);
    let checked = size["sample"]["leaves_checked"].as_u64().unwrap() * 4096;
    assert!((100_000..700_000).contains(&checked), "{checked}");
    db.run("verify")
        .args(["--sample", "40%", "--seed", "1"])
        .assert()
        .success()
        .stdout(predicate::str::contains("coverage\t"))
        .stdout(predicate::str::contains("seed\t1\n"));
    assert!(verified(&db, &["--sample", "40%"])["sample"]["seed"].is_u64());
    // Having looked at nothing is no proof of anything.
    db.run("verify")
        .args(["--sample", "1", "--seed", "1"])
        .assert()
        .code(23);
}

#[test]
fn nonsense_is_a_usage_error() {
    let db = Db::filled(10);
    for args in [
        &["--sample", "8/7"] as &[&str],
        &["--sample", "0%"],
        &["--sample", "5%", "--level", "quick"],
        &["--self-test", "5", "--level", "quick"],
        &["--sample", "5%", "--against", "x"],
        &["--sample", "5%", "--self-test", "5"],
        &["--seed", "5"],
    ] {
        db.run("verify").args(args).assert().code(2);
    }
}

#[test]
fn contents_are_compared_with_another_database_or_an_export() {
    let db = Db::filled(200);
    let export = db.dir.path().join("e.jsonl.gz");
    db.run("export").arg("-o").arg(&export).assert().success();
    let copy = db.dir.path().join("copy.db");
    db.run("compact").arg("-o").arg(&copy).assert().success();
    for other in [&export, &copy] {
        let report = verified(&db, &["--against", other.to_str().unwrap()]);
        assert_eq!(report["against"]["same"], true);
    }
    db.run("put").args(["new", "1"]).assert().success();
    for other in [&export, &copy] {
        let output = db
            .run("verify")
            .args(["--against", other.to_str().unwrap(), "--json"])
            .assert()
            .code(1);
        let report = &json_lines(&output.get_output().stdout)[0];
        assert_eq!(report["verdict"], "clean");
        assert_eq!(report["against"]["same"], false);
        db.run("verify")
            .args(["--against", other.to_str().unwrap(), "--report", "junit"])
            .assert()
            .code(1)
            .stdout(predicate::str::contains("failures=\"1\""));
    }
    db.run("verify")
        .args(["--against", "/no/such.db"])
        .assert()
        .code(5)
        .stdout("");
}

#[test]
fn the_self_test_catches_every_bit_that_checksums_cover() {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    let large = "x".repeat(20_000);
    db.run("put").args(["large", &large]).assert().success();
    db.run("checkpoint").assert().success();
    db.run("put").args(["new", "in the log"]).assert().success();
    let before = db.bytes();
    let temporary = tempfile::tempdir().unwrap();
    for (level, flips) in [("full", 150), ("deep", 50)] {
        let mut command = db.run("verify");
        command
            .args(["--self-test", &flips.to_string(), "--seed", "42"])
            .args(["--level", level])
            .env("TMPDIR", temporary.path());
        let test = json(command)["self_test"].clone();
        assert_eq!(test["missed"], 0, "{test}");
        assert_eq!(test["caught"], flips);
        // The log regions are 512 KiB each and nearly empty; the rest is in use.
        let covered = test["covered_bytes"].as_u64().unwrap();
        let slack = test["slack_bytes"].as_u64().unwrap();
        assert!((900_000..1_200_000).contains(&slack), "{test}");
        assert!(covered > 90_000, "{test}");
        assert_eq!(test["seed"], 42);
    }
    assert_eq!(db.bytes(), before);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    db.run("verify")
        .args(["--self-test", "0"])
        .assert()
        .code(23);
}
