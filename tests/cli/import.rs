//! `creel import`: what comes in, from which formats, and what is said about it.

use std::fs;

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;

use crate::support::{Db, base64, creel, json, json_error, stdout};

/// A line as creel writes it.
pub fn record(key: &str, value: &str) -> String {
    let (key, value) = (base64(key.as_bytes()), base64(value.as_bytes()));
    format!("{{\"key\":\"{key}\",\"payload\":\"{value}\"}}\n")
}

/// `creel import DB` of a text, with more arguments.
pub fn import(db: &Db, text: &[u8], args: &[&str]) -> Command {
    let mut command = db.run("import");
    command.args(args).write_stdin(text.to_vec());
    command
}

/// The report of an import that succeeds.
pub fn report(db: &Db, text: &[u8], args: &[&str]) -> Value {
    json(import(db, text, args))
}

/// The numbers of a report, in the order in which the summary has them.
pub fn counts(report: &Value) -> [u64; 7] {
    [
        "inserted",
        "replaced",
        "unchanged",
        "deleted",
        "kept",
        "superseded",
        "rejected",
    ]
    .map(|name| report[name].as_u64().unwrap())
}

/// The counts of a failed import, and where the database stands.
pub fn refused(db: &Db, text: &[u8], args: &[&str]) -> Value {
    let before = db.bytes();
    let error = json_error(import(db, text, args), 9);
    assert_eq!(db.bytes(), before, "the file was changed");
    assert_eq!(error["state"], "nothing was changed");
    error
}

#[test]
fn records_come_in_any_order() {
    let db = Db::new();
    let text = [record("b", "2"), record("a", "1"), record("c", "")].concat();
    let report = report(&db, text.as_bytes(), &[]);
    assert_eq!(counts(&report), [3, 0, 0, 0, 0, 0, 0]);
    assert_eq!(report["schema"], "creel.import/1");
    assert_eq!(report["records"], 3);
    assert_eq!(report["lines"], 3);
    assert_eq!(report["bytes"], text.len());
    assert_eq!(report["commits"], 1);
    assert_eq!(report["trailer"], "none");
    assert_eq!(report["files"][0], "standard input");
    assert_eq!(db.list(), "a\t1\nb\t2\nc\t\n");
    db.run("verify").assert().success();
}

#[test]
fn the_summary_has_every_count() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let text = [record("a", "1"), record("b", "x"), record("c", "3")].concat();
    let text = format!("{text}{{\"op\":\"del\",\"key_utf8\":\"a\"}}\n");
    let assert = import(&db, text.as_bytes(), &[]).assert().success();
    let shown = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(
        shown.starts_with("imported 4 records (4 lines, "),
        "{shown}"
    );
    let second = "  inserted 1, replaced 1, unchanged 0, deleted 1, kept 0, superseded 1, \
                  rejected 0";
    assert_eq!(shown.lines().nth(1), Some(second));
    assert!(
        shown.contains("trailer: none; committed as position 1:"),
        "{shown}"
    );
    assert!(assert.get_output().stdout.is_empty());
    import(&db, text.as_bytes(), &["-q"])
        .assert()
        .success()
        .stderr("");
}

#[test]
fn a_database_is_made_only_with_create() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.db");
    let run = |args: &[&str], text: &str| {
        let mut command = creel();
        command.arg("import").arg(&path).args(args);
        command.write_stdin(text.to_owned());
        command
    };
    run(&[], "")
        .assert()
        .code(5)
        .stderr(predicate::str::contains("--create"));
    run(&["--create"], "nonsense\n").assert().code(9);
    assert!(!path.exists(), "a file that was made in vain stays");
    run(&["--create", "--dry-run"], &record("a", "1"))
        .assert()
        .success();
    assert!(!path.exists(), "a dry run makes a file");
    run(&["--create"], &record("a", "1")).assert().success();
    // It exists now: that is fine.
    run(&["--create"], &record("b", "2")).assert().success();
    let db = Db { dir, path };
    assert_eq!(db.list(), "a\t1\nb\t2\n");
}

#[test]
fn lines_of_list_and_batch_come_in() {
    let db = Db::filled(50);
    db.run("put").args(["\u{e9}\n", "\t"]).assert().success();
    let other = Db::new();
    let mut list = db.run("list");
    list.arg("--json");
    report(&other, stdout(list).as_bytes(), &[]);
    assert_eq!(other.list(), db.list());
    let lines = "{\"op\":\"put\",\"key_utf8\":\"x\",\"value_hex\":\"00\",\"ks\":\"k\"}\n\
                 {\"op\":\"del\",\"key_utf8\":\"key000001\"}\n";
    let report = report(&other, lines.as_bytes(), &[]);
    assert_eq!(counts(&report), [1, 0, 0, 1, 0, 0, 0]);
    let mut list = other.run("list");
    list.args(["--keyspace", "k"]);
    assert_eq!(stdout(list), "x\t\\x00\n");
}

#[test]
fn other_formats() {
    let db = Db::new();
    report(&db, b"a\t1\nb\\t\t\\x00\n", &["--format", "tsv"]);
    report(&db, b"c,\"3\n\"\n", &["--format", "csv"]);
    report(
        &db,
        b"k;v\nd,34\n",
        &["--format", "csv", "--header", "--enc", "raw"],
    );
    report(&db, b"65,35\n", &["--format", "csv", "--enc", "hex"]);
    let dump = "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n 66\n 36\nDATA=END\n";
    let found = report(&db, dump.as_bytes(), &["--format", "mdb"]);
    assert_eq!(found["trailer"], "matched");
    report(&db, b"{\"id\":7,\"x\":[1]}\n", &["--field-map", "key=id"]);
    let expected = "7\t{\"id\":7,\"x\":[1]}\na\t1\nb\\t\t\\x00\nc\t3\\n\nd\t34\ne\t5\nf\t6\n";
    assert_eq!(db.list(), expected);
    // The end of the name tells too.
    let file = db.file("more.tsv", b"g\t7\n");
    db.run("import").arg(&file).assert().success();
    assert_eq!(db.get("g"), b"7");
}

#[test]
fn compressed_inputs_are_known_by_their_first_bytes() {
    let db = Db::filled(500);
    for (name, args) in [
        ("a.gz", ["--compress", "gzip"]),
        ("b", ["--compress", "zstd"]),
    ] {
        let path = db.dir.path().join(name);
        db.run("export")
            .arg("-o")
            .arg(&path)
            .args(args)
            .assert()
            .success();
        // Under a name that says nothing.
        let plain = db.dir.path().join("plain");
        fs::rename(&path, &plain).unwrap();
        let other = Db::new();
        let report = json({
            let mut command = other.run("import");
            command.arg(&plain);
            command
        });
        assert_eq!(report["trailer"], "matched");
        assert_eq!(other.list(), db.list());
        let bytes = fs::read(&plain).unwrap();
        for cut in [7, bytes.len() / 2, bytes.len() - 1] {
            refused(&Db::new(), &bytes[..cut], &[]);
        }
    }
    let foreign = b"\xfd7zXZ\0...";
    let error = refused(&db, foreign, &[]);
    assert_eq!(error["detail"]["fault"], "unsupported");
}

#[test]
fn keyspaces_are_kept_apart() {
    let db = Db::new();
    let text = "{\"key_utf8\":\"a\",\"payload_utf8\":\"1\"}\n\
                {\"ks\":\"apple\",\"key_utf8\":\"a\",\"payload_utf8\":\"2\"}\n\
                {\"ks\":\"zoo\",\"key_utf8\":\"a\",\"payload_utf8\":\"3\"}\n";
    report(&db, text.as_bytes(), &["--keyspace", "mine"]);
    let get = |ks: &str| {
        let mut command = db.run("get");
        command.args(["a", "--keyspace", ks]);
        stdout(command)
    };
    assert_eq!([get("mine"), get("apple"), get("zoo")], ["1", "2", "3"]);
    db.run("get").arg("a").assert().code(1);
    let long = "k".repeat(300);
    import(&db, text.as_bytes(), &["--keyspace", &long])
        .assert()
        .code(2);
}

#[test]
fn keys_that_exist() {
    let start = || Db::with(&[("a", "1"), ("b", "2")]);
    let text = [record("a", "1"), record("b", "x"), record("c", "3")].concat();
    let text = text.as_bytes();
    for more in [&[][..], &["--sorted"], &["--batch", "2"]] {
        let with = |how: &'static str| [&["--if-exists", how], more].concat();
        let db = start();
        assert_eq!(
            counts(&report(&db, text, &with("overwrite"))),
            [1, 1, 1, 0, 0, 0, 0]
        );
        assert_eq!(db.list(), "a\t1\nb\tx\nc\t3\n");
        let db = start();
        assert_eq!(
            counts(&report(&db, text, &with("keep"))),
            [1, 0, 0, 0, 2, 0, 0]
        );
        assert_eq!(db.list(), "a\t1\nb\t2\nc\t3\n");
        let error = json_error(import(&start(), text, &with("error")), 9);
        assert_eq!(error["detail"]["fault"], "key_exists", "{more:?}");
        assert_eq!(error["detail"]["line"], 1);
        let error = json_error(import(&start(), text, &with("same")), 9);
        assert_eq!(error["detail"]["fault"], "value_differs");
        assert_eq!(error["detail"]["line"], 2);
        assert_eq!(error["detail"]["byte"], record("a", "1").len());
        let db = start();
        let skip = [&with("same")[..], &["--on-error", "skip"]].concat();
        let output = import(&db, text, &skip).arg("--json").assert().code(3);
        let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        assert_eq!(counts(&report), [1, 0, 1, 0, 0, 0, 1], "{more:?}");
        assert_eq!(db.list(), "a\t1\nb\t2\nc\t3\n");
    }
}

#[test]
fn keys_that_come_twice() {
    let lines = [
        record("b", "1"),
        record("a", "1"),
        record("b", "2"),
        record("b", "3"),
    ];
    let text = lines.concat();
    let sorted = [
        record("a", "1"),
        record("b", "1"),
        record("b", "2"),
        record("b", "3"),
    ]
    .concat();
    for (text, more) in [(&text, None), (&sorted, Some("--sorted"))] {
        let text = text.as_bytes();
        let with = |args: &[&'static str]| args.iter().copied().chain(more).collect::<Vec<_>>();
        let db = Db::new();
        assert_eq!(
            counts(&report(&db, text, &with(&[]))),
            [2, 0, 0, 0, 0, 2, 0]
        );
        assert_eq!(db.get("b"), b"3");
        let db = Db::new();
        let found = report(&db, text, &with(&["--duplicates", "first"]));
        assert_eq!(counts(&found), [2, 0, 0, 0, 0, 2, 0]);
        assert_eq!(db.get("b"), b"1");
        let error = refused(&Db::new(), text, &with(&["--duplicates", "error"]));
        assert_eq!(error["detail"]["fault"], "duplicate_key");
        assert_eq!(error["detail"]["line"], 3);
        let db = Db::new();
        let skip = with(&["--duplicates", "error", "--on-error", "skip"]);
        import(&db, text, &skip).assert().code(3);
        assert_eq!(db.list(), "a\t1\nb\t1\n");
    }
    // Where a batch ends between them.
    for (which, kept) in [("first", b"1"), ("last", b"3")] {
        let db = Db::new();
        let args = ["--sorted", "--batch", "2", "--duplicates", which];
        report(&db, sorted.as_bytes(), &args);
        assert_eq!(db.get("b"), kept, "{which}");
    }
    let error = ["--sorted", "--batch", "2", "--duplicates", "error"];
    let error = json_error(import(&Db::new(), sorted.as_bytes(), &error), 9);
    assert_eq!(
        (&error["detail"]["line"], &error["detail"]["fault"]),
        (&3.into(), &"duplicate_key".into())
    );
    let db = Db::new();
    let found = report(&db, text.as_bytes(), &["--batch", "10"]);
    assert_eq!(counts(&found), [2, 0, 0, 0, 0, 2, 0]);
    import(&db, b"", &["--batch", "10", "--duplicates", "first"])
        .assert()
        .code(2);
}

#[test]
fn promised_order_is_kept() {
    let db = Db::new();
    let text = [record("b", "1"), record("a", "2")].concat();
    let error = refused(&db, text.as_bytes(), &["--sorted"]);
    assert_eq!(error["detail"]["fault"], "out_of_order");
    assert_eq!(error["detail"]["line"], 2);
    report(&db, text.as_bytes(), &[]);
}

#[test]
fn several_files_are_steps_of_their_own_unless_atomic() {
    let files = |db: &Db| {
        let good = db.file("good.jsonl", record("a", "1").as_bytes());
        let bad = db.file("bad.jsonl", b"x\n");
        [good, bad]
    };
    let db = Db::new();
    let mut command = db.run("import");
    command.args(files(&db));
    let error = json_error(command, 9);
    let state = error["state"].as_str().unwrap();
    assert!(state.starts_with("the files before "), "{state}");
    assert_eq!(db.list(), "a\t1\n");
    let db = Db::new();
    let mut command = db.run("import");
    command.args(files(&db)).arg("--atomic");
    assert_eq!(json_error(command, 9)["state"], "nothing was changed");
    assert_eq!(db.list(), "");
    let more = db.file("more.jsonl", record("0", "2").as_bytes());
    let mut command = db.run("import");
    command.arg(files(&db)[0].clone()).arg(more).arg("--atomic");
    let report = json(command);
    assert_eq!(
        (&report["commits"], &report["lines"]),
        (&1.into(), &2.into())
    );
    assert_eq!(db.list(), "0\t2\na\t1\n");
    // A file that is missing is noticed before anything is done.
    let missing = db.dir.path().join("missing.jsonl");
    let [good, _] = files(&db);
    fs::write(&good, record("new", "1")).unwrap();
    db.run("import").arg(good).arg(missing).assert().code(5);
    assert_eq!(db.list(), "0\t2\na\t1\n");
}

#[test]
fn an_expected_number_of_records() {
    let db = Db::new();
    let text = [record("a", "1"), record("b", "2")].concat();
    let error = refused(&db, text.as_bytes(), &["--expect", "3"]);
    assert_eq!(error["detail"]["fault"], "record_count");
    refused(&db, text.as_bytes(), &["--expect", "1"]);
    report(&db, text.as_bytes(), &["--expect", "2"]);
}

#[test]
fn a_dry_run_finds_everything_and_writes_nothing() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    db.run("checkpoint").assert().success();
    let before = (db.bytes(), db.files());
    let text = [
        record("b", "x"),
        record("a", "1"),
        record("c", "3"),
        record("c", "4"),
    ]
    .concat();
    for more in [&[][..], &["--batch", "2"]] {
        let args = [&["--dry-run"], more].concat();
        let report = report(&db, text.as_bytes(), &args);
        assert_eq!(counts(&report), [1, 1, 1, 0, 0, 1, 0]);
        assert_eq!(report["dry_run"], true);
        assert_eq!(report["commits"], 0);
    }
    let rejects = db.dir.path().join("bad.jsonl");
    let bad = format!("{text}x\n");
    let args = ["--dry-run", "--rejects", rejects.to_str().unwrap()];
    import(&db, bad.as_bytes(), &args).assert().code(3);
    import(&db, bad.as_bytes(), &["--dry-run"]).assert().code(9);
    let twice = ["--dry-run", "--duplicates", "error"];
    import(&db, text.as_bytes(), &twice).assert().code(9);
    assert_eq!((db.bytes(), db.files()), before);
    // Where nothing is written, --read-only has nothing against it.
    import(&db, text.as_bytes(), &["--dry-run", "--read-only"])
        .assert()
        .success();
    import(&db, text.as_bytes(), &["--read-only"])
        .assert()
        .code(2);
}

#[test]
fn changes_come_in_as_one_step_or_in_batches() {
    let lines = "{\"op\":\"drop\",\"ks\":\"gone\"}\n\
                 {\"op\":\"drop\",\"ks\":\"again\"}\n\
                 {\"ks\":\"again\",\"key_utf8\":\"n\",\"payload_utf8\":\"1\"}\n\
                 {\"op\":\"del_range\",\"from_utf8\":\"key000010\",\"to_utf8\":\"key000020\"}\n\
                 {\"op\":\"del_range\",\"from_utf8\":\"key000090\"}\n\
                 {\"key_utf8\":\"key000015\",\"payload_utf8\":\"back\"}\n\
                 {\"op\":\"del\",\"key_utf8\":\"key000030\"}\n\
                 {\"op\":\"del\",\"key_utf8\":\"missing\"}\n";
    let start = || {
        let db = Db::filled(100);
        for ks in ["gone", "again"] {
            db.run("put")
                .args(["k", "v", "--keyspace", ks])
                .assert()
                .success();
        }
        db
    };
    let mut lists = Vec::new();
    // What counts is the net effect of a step: key000015 gets another value.
    let net = [1, 1, 0, 22, 0, 0, 0];
    for (args, expected) in [
        (&[][..], net),
        (&["--batch", "100"], net),
        (&["--batch", "1"], [2, 0, 0, 23, 0, 0, 0]),
    ] {
        let db = start();
        let dry = report(&db, lines.as_bytes(), &["--dry-run"]);
        assert_eq!(counts(&dry), net);
        let found = report(&db, lines.as_bytes(), args);
        assert_eq!(counts(&found), expected, "{args:?}");
        assert_eq!(stdout(db.run("keyspaces")).lines().count(), 2);
        assert_eq!(db.get("key000015"), b"back");
        lists.push(db.list());
        db.run("verify").assert().success();
    }
    assert!(lists.iter().all(|list| *list == lists[0]));
    assert_eq!(lists[0].lines().count(), 80);
    let late = "{\"key_utf8\":\"a\",\"payload\":\"\"}\n{\"op\":\"del_range\",\"from\":\"\"}\n";
    let error = refused(&start(), late.as_bytes(), &[]);
    assert_eq!(error["detail"]["fault"], "late_range");
    assert_eq!(error["detail"]["line"], 2);
}

#[test]
fn arguments_that_make_no_sense() {
    let db = Db::new();
    for args in [
        &["--on-error", "reject"][..],
        &["--on-error", "skip", "--rejects", "f"],
        &["--max-errors", "1"],
        &["--atomic", "--batch", "1"],
        &["--batch", "0"],
        &["--field-map", "id"],
        &["--field-map", "key=a", "--format", "csv"],
        &["--max-line", "2GiB"],
        &["--format", "xml"],
        &["--enc", "print"],
    ] {
        import(&db, b"", args).assert().code(2);
    }
}

#[test]
fn progress_tells_bytes_and_pace() {
    let db = Db::new();
    let text: String = (0..20_000)
        .map(|i| record(&format!("k{i:06}"), "v"))
        .collect();
    let file = db.file("in.jsonl", text.as_bytes());
    let show = |how: &str| {
        let mut command = db.run("import");
        let args = ["--progress", how, "--progress-interval", "0", "-q"];
        command.arg(&file).args(args);
        let assert = command.assert().success();
        String::from_utf8(assert.get_output().stderr.clone()).unwrap()
    };
    let plain = show("plain");
    assert!(
        plain.contains("import: ") && plain.contains("iB/s"),
        "{plain}"
    );
    assert!(plain.lines().any(|l| l.contains("(100%)")), "{plain}");
    let lines: Vec<Value> = crate::support::json_lines(show("json").as_bytes());
    let first = &lines[0];
    assert_eq!(first["schema"], "creel.progress/1");
    assert_eq!(
        (&first["label"], &first["unit"]),
        (&"import".into(), &"bytes".into())
    );
    assert_eq!(first["total"], text.len());
}
