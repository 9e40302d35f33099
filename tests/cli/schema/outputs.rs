//! Runs that print JSON: all commands, and options that change what is in the objects.

use std::fs;

use serde_json::Value;

use crate::exits::Holder;
use crate::support::{Db, creel, json_lines};

use super::copies::{copies, files_that_follow, statuses, store_away, stores};

/// What was run, and one object that it printed.
pub type Printed = (String, Value);

/// Every object of every run.
pub fn all() -> Vec<Printed> {
    let mut printed = Vec::new();
    for part in [
        data,
        reports,
        exchange,
        comparisons,
        copies,
        files_that_follow,
        stores,
        statuses,
        store_away,
        damage,
        losses,
        errors,
        itself,
        soaks,
    ] {
        part(&mut printed);
    }
    printed
}

/// Runs `creel VERB DB ARGS --json` and keeps what both streams say.
pub(super) fn run(printed: &mut Vec<Printed>, db: &Db, verb: &str, args: &[&str]) {
    let mut command = db.run(verb);
    command.args(args);
    keep(printed, command, &format!("{verb} {args:?}"));
}

pub(super) fn keep(printed: &mut Vec<Printed>, mut command: assert_cmd::Command, name: &str) {
    let output = command.arg("--json").output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    let objects = json_lines(&both);
    assert!(!objects.is_empty(), "{name}: nothing was printed");
    printed.extend(objects.into_iter().map(|object| (name.to_owned(), object)));
}

/// Commands on keys and values.
fn data(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("user:1", "Anna"), ("user:2", "Bo"), ("x", "y")]);
    run(printed, &db, "put", &["k", "v"]);
    for args in [&["k", "absent"] as &[&str], &["k"], &["k", "--redact"]] {
        run(printed, &db, "get", args);
    }
    run(printed, &db, "exists", &["k"]);
    run(printed, &db, "exists", &["absent"]);
    for args in [
        &[] as &[&str],
        &["--limit", "1"],
        &["--keys-only"],
        &["--count"],
        &["--redact"],
        &["--prefix", "nothing"],
    ] {
        run(printed, &db, "list", args);
    }
    run(printed, &db, "delete", &["--prefix", "user:", "--dry-run"]);
    run(printed, &db, "delete", &["x"]);
    let empty = db.file("empty", b"");
    run(printed, &db, "batch", &[empty.to_str().unwrap()]);
    let lines = db.file("lines", b"{\"op\":\"del\",\"key\":\"YQ==\"}\n");
    run(printed, &db, "batch", &[lines.to_str().unwrap()]);
    run(printed, &db, "keyspaces", &[]);
}

/// Test runs: one with faults, one that breaks, one with enough samples for a trend.
fn soaks(printed: &mut Vec<Printed>) {
    for args in [
        "--ops 9000 --faults eio,bitflip,conn-drop --fault-every 2000 --cycles 2",
        "--ops 9000 --plant wrong-value --checkpoint-every 0 --reopen-every 4000",
        "--mode store --ops 60000 --sample-every 5ms --bounds memory-growth=1GiB --keys 100 --checkpoint-every 500",
        "--ops 0",
        "--self-test",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = creel();
        command.args(["soak", "--seed", "3"]).args(args.split(' '));
        command.env("TMPDIR", dir.path());
        command.timeout(std::time::Duration::from_secs(900)); // the self-test is 21 runs
        keep(printed, command, args);
    }
}

/// Commands on the file.
fn reports(printed: &mut Vec<Printed>) {
    let db = Db::filled(3000);
    run(printed, &db, "open", &[]);
    let other = Db::new();
    fs::remove_file(&other.path).unwrap();
    run(printed, &other, "open", &["--create", "--role", "primary"]);
    run(printed, &db, "info", &[]);
    run(printed, &db, "checkpoint", &["--dry-run"]);
    run(printed, &db, "checkpoint", &["--background"]);
    run(printed, &db, "checkpoint", &[]);
    let all = [
        "--biggest",
        "3",
        "--prefixes",
        "0",
        "--histogram",
        "--exact",
    ];
    run(printed, &db, "stats", &[]);
    run(printed, &db, "stats", &all);
    run(printed, &db, "stats", &[&all[..], &["--redact"]].concat());
    run(printed, &db, "inspect", &["header"]);
    run(printed, &db, "doctor", &[]);
    let copy = db.dir.path().join("copy");
    run(printed, &db, "compact", &["-o", copy.to_str().unwrap()]);
    run(printed, &db, "compact", &["--dry-run"]);
    let copy = db.dir.path().join("backup");
    run(printed, &db, "backup", &["-o", copy.to_str().unwrap()]);
    let often = ["--progress", "json", "--progress-interval", "0s"];
    run(printed, &db, "verify", &often);
    run(printed, &db, "verify", &["-vv"]);
}

/// Data in and out, and its bad lines.
fn exchange(printed: &mut Vec<Printed>) {
    let db = Db::filled(2000);
    let path = |name: &str| db.dir.path().join(name).to_str().unwrap().to_owned();
    let (whole, delta) = (path("whole.jsonl"), path("delta.jsonl"));
    run(printed, &db, "export", &["-o", &whole]);
    let info = crate::support::json(db.run("keyspaces"));
    assert_eq!(info["keyspaces"][0]["entries"], 2000);
    let last = crate::support::json(db.run("checkpoint"));
    assert_eq!(last["done"], true);
    db.run("put").args(["after", "it"]).assert().success();
    run(printed, &db, "export", &["-o", &delta, "--since", "1:1"]);
    let other = Db::new();
    let often = ["--progress", "json", "--progress-interval", "0s"];
    run(
        printed,
        &other,
        "import",
        &[&[&whole[..]], &often[..]].concat(),
    );
    run(printed, &other, "import", &[&whole, "--resume"]);
    let text = "{\"key_utf8\":\"a\",\"payload_utf8\":\"1\"}\n{\"key\":\"*\"}\n";
    let bad = db.file("bad", text.as_bytes());
    let bad = bad.to_str().unwrap();
    let rejects = path("rejects");
    let aside = ["--on-error", "reject", "--rejects", &rejects];
    run(printed, &other, "import", &[&[bad], &aside[..]].concat());
    for args in [
        &[] as &[&str],
        &["--batch", "1"],
        &["--expect", "7", "--on-error", "skip"],
        &["--max-errors", "0", "--on-error", "skip"],
    ] {
        run(printed, &other, "import", &[&[bad], args].concat());
    }
}

/// Digests, differences, drills, and what verify compares.
fn comparisons(printed: &mut Vec<Printed>) {
    let db = Db::filled(2000);
    let export = db.dir.path().join("export.jsonl");
    let export = export.to_str().unwrap();
    db.run("export").args(["-o", export]).assert().success();
    let list = db.run("digest").output().unwrap().stdout;
    let list = db.file("digests", &list);
    run(printed, &db, "digest", &[export]);
    run(printed, &db, "digest", &["--ranges", "4"]);
    let mut check = creel();
    check.args(["digest", "--check"]).arg(list);
    keep(printed, check, "digest --check");
    let mut ranges = db.run("digest");
    let ranges = ranges.args(["--ranges", "4"]).output().unwrap().stdout;
    let mut check = creel();
    check.args(["digest", "--check"]);
    check.arg(db.file("ranges", &ranges));
    keep(printed, check, "digest --check of ranges");
    run(printed, &db, "diff", &[export]);
    run(printed, &db, "drill", &["--against", export]);
    run(
        printed,
        &db,
        "verify",
        &["--against", export, "--level", "deep"],
    );
    run(printed, &db, "verify", &["--self-test", "5"]);
    db.run("checkpoint").assert().success();
    run(printed, &db, "verify", &["--sample", "50%"]);
    db.run("put")
        .args(["key000001", "other"])
        .assert()
        .success();
    db.run("put").args(["new", "one"]).assert().success();
    run(printed, &db, "diff", &[export]);
    run(printed, &db, "diff", &[export, "--redact"]);
    run(printed, &db, "drill", &[]);
    let cut = db.file("cut.jsonl", b"{\"creel\":{\"format\":\"creel-jsonl/1\"}}\n");
    let mut drill = creel();
    drill.arg("drill").arg(cut);
    keep(printed, drill, "drill of a cut export");
}

/// Verdicts on a file with a changed byte in a leaf.
fn damage(printed: &mut Vec<Printed>) {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    let mut bytes = db.bytes();
    let at = bytes.windows(9).rposition(|w| w == b"value 150").unwrap();
    bytes[at] ^= 1;
    fs::write(&db.path, &bytes).unwrap();
    run(printed, &db, "verify", &[]);
    run(printed, &db, "verify", &["--redact", "--level", "deep"]);
    run(printed, &db, "list", &["--count", "--glob", "*9"]);
    run(printed, &db, "list", &[]);
    for slot in [0, 8192] {
        bytes[slot + 100] ^= 1;
        fs::write(&db.path, &bytes).unwrap();
        run(printed, &db, "info", &[]);
    }
}

/// Salvage of a file that lost a leaf, which no log has, and a commit in the middle of the log.
fn losses(printed: &mut Vec<Printed>) {
    let db = Db::new();
    let line = |i| format!("{{\"key_utf8\":\"key{i:05}\",\"payload_utf8\":\"value {i}\"}}\n");
    let lines: String = (0..3000).map(line).collect();
    let input = db.file("input", lines.as_bytes());
    db.run("import").arg(input).assert().success();
    for key in ["first", "second", "third"] {
        db.run("put").args([key, "in the log"]).assert().success();
    }
    let mut bytes = db.bytes();
    for part in [&b"value 150"[..], b"second"] {
        let at = bytes.windows(part.len()).rposition(|w| w == part).unwrap();
        bytes[at] ^= 1;
    }
    fs::write(&db.path, bytes).unwrap();
    let path = |name: &str| db.dir.path().join(name).to_str().unwrap().to_owned();
    let (saved, lost) = (path("saved"), path("lost"));
    run(printed, &db, "salvage", &["-o", &saved]);
    for args in [&["--dry-run"] as &[&str], &["--dry-run", "--redact"]] {
        let to = ["--lost", &lost, "--force"];
        run(printed, &db, "salvage", &[args, &to].concat());
        let lines = json_lines(&fs::read(&lost).unwrap());
        printed.extend(lines.into_iter().map(|l| ("--lost".to_owned(), l)));
    }
}

/// Errors with every kind of detail.
fn errors(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("k", "v")]);
    run(printed, &db, "put", &["k", "w", "--if-absent"]);
    run(printed, &db, "put", &[&"k".repeat(2000), "v"]);
    run(printed, &db, "delete", &["k", "--expect", "2"]);
    run(printed, &db, "list", &["--keyspace", "nothing"]);
    let lines = b"{\"op\":\"del\",\"key\":\"YQ==\"}\n{}\n";
    let file = db.file("lines", lines);
    let file = file.to_str().unwrap();
    run(printed, &db, "batch", &[file, "--every", "1"]);
    run(printed, &db, "batch", &[file]);
    let keys = db.file("keys", b"a\n\\q\n");
    run(
        printed,
        &db,
        "get",
        &["--keys-from", keys.to_str().unwrap()],
    );
    run(printed, &db, "frobnicate", &[]);
    let holder = Holder::of(&db);
    run(printed, &db, "put", &["k", "w", "--lock-timeout", "0"]);
    drop(holder);
    fs::remove_file(&db.path).unwrap();
    run(printed, &db, "get", &["k"]);
}

/// Commands about creel itself.
fn itself(printed: &mut Vec<Printed>) {
    for args in [&["explain", "--all"] as &[&str], &["schema"], &["version"]] {
        let mut command = creel();
        command.args(args);
        keep(printed, command, &format!("{args:?}"));
    }
}
