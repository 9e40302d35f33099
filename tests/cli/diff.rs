use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use creel::exchange::frame::{Enc, Header, Position};
use creel::exchange::write::Options;
use predicates::prelude::*;

use crate::support::{Db, base64, creel, flip, json_lines};

fn diff(a: &Path, b: &Path) -> Command {
    let mut command = creel();
    command.arg("diff").arg(a).arg(b);
    command
}

/// A copy of a database beside it.
fn copy(db: &Db, name: &str) -> PathBuf {
    let path = db.dir.path().join(name);
    db.run("backup").arg("-o").arg(&path).assert().success();
    path
}

fn change(path: &Path, args: &[&str]) {
    let mut command = creel();
    command.arg(args[0]).arg(path).args(&args[1..]);
    command.assert().success();
}

/// All entries as a framed export, made by the library.
fn framed(db: &Path) -> Vec<u8> {
    let db = creel::OpenOptions::new().read_only(true).open(db).unwrap();
    let snapshot = db.snapshot().unwrap();
    let position = Position {
        epoch: snapshot.token().epoch,
        index: snapshot.token().index,
        hash: None,
    };
    let header = Header::new(db.info().unwrap().lineage_id, position, Enc::Base64);
    let options = Options {
        header: Some(header),
        ..Options::default()
    };
    let mut out = Vec::new();
    let mut export = options.start(Box::new(&mut out)).unwrap();
    for name in snapshot.keyspaces().unwrap() {
        export.keyspace(&name);
        let keyspace = snapshot.keyspace(&name).unwrap();
        for entry in keyspace.cursor(&creel::KeyRange::all()) {
            let (key, value) = entry.unwrap();
            export.entry(&key, &value).unwrap();
        }
    }
    export.finish().unwrap();
    out
}

fn bare(entries: &[(&str, &str)]) -> String {
    entries
        .iter()
        .map(|(k, v)| {
            let (k, v) = (base64(k.as_bytes()), base64(v.as_bytes()));
            format!("{{\"key\":\"{k}\",\"payload\":\"{v}\"}}\n")
        })
        .collect()
}

#[test]
fn a_database_and_its_backup_are_the_same() {
    let db = Db::filled(500);
    let before = db.bytes();
    let other = copy(&db, "copy.db");
    diff(&db.path, &other)
        .assert()
        .success()
        .stdout("")
        .stderr("the same: 500 entries\n");
    diff(&db.path, &db.path).assert().success();
    assert_eq!(db.bytes(), before);
    assert_eq!(db.files(), ["copy.db", "test.db"]);
}

#[test]
fn each_difference_is_a_line_and_the_status_is_1() {
    let db = Db::filled(100);
    let other = copy(&db, "copy.db");
    change(&other, &["put", "key000007", "other"]);
    change(&other, &["put", "a\tb\n", "new"]);
    change(&other, &["delete", "key000050"]);
    change(&other, &["put", "k", "v", "--keyspace", "fruit"]);
    diff(&db.path, &other)
        .assert()
        .code(1)
        .stdout("+ fruit\tk\n+ a\\tb\\n\n~ key000007\n- key000050\n");
    diff(&other, &db.path)
        .assert()
        .code(1)
        .stdout("- fruit\tk\n- a\\tb\\n\n~ key000007\n+ key000050\n");
    let lines = diff(&db.path, &other).arg("--json").assert().code(1);
    let lines = json_lines(&lines.get_output().stdout);
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|l| l["schema"] == "creel.diff/1"));
    assert_eq!(lines[0]["keyspace"], "fruit");
    assert_eq!(lines[2]["change"], "changed");
    assert_eq!(lines[2]["value_bytes_b"], 5);
    let end = &lines[4];
    assert_eq!((&end["added"], &end["removed"]), (&2.into(), &1.into()));
    assert_eq!(
        (&end["changed"], &end["unchanged"]),
        (&1.into(), &98.into())
    );
    assert_eq!(end["a"]["db_id"], end["b"]["db_id"]);
    diff(&db.path, &other)
        .arg("--summary")
        .assert()
        .code(1)
        .stdout("same\tno\nremoved\t1\nadded\t2\nchanged\t1\nunchanged\t98\n");
    diff(&db.path, &other)
        .arg("-q")
        .assert()
        .code(1)
        .stdout("+ fruit\tk\n+ a\\tb\\n\n~ key000007\n- key000050\n")
        .stderr("");
    diff(&db.path, &other)
        .arg("-qq")
        .assert()
        .code(1)
        .stdout("")
        .stderr("");
    let redacted = diff(&db.path, &other).arg("--redact").assert().code(1);
    let text = String::from_utf8_lossy(&redacted.get_output().stdout).into_owned();
    assert!(
        text.contains("~ <9 bytes") && !text.contains("key0"),
        "{text}"
    );
}

#[test]
fn a_part_can_be_compared() {
    let db = Db::filled(100);
    let other = copy(&db, "copy.db");
    change(&other, &["put", "key000007", "other"]);
    change(&other, &["put", "k", "v", "--keyspace", "fruit"]);
    let part = |args: &[&str]| {
        let mut command = diff(&db.path, &other);
        command.args(args);
        command.assert()
    };
    part(&["--prefix", "key00001"]).success();
    part(&["--prefix", "key00000", "--keyspace", "main"]).code(1);
    part(&["--from", "key000008", "--keyspace", "main"]).success();
    part(&["--keyspace", "fruit"])
        .code(1)
        .stdout("+ fruit\tk\n");
    part(&[
        "--keyspace",
        "main",
        "--to",
        "6b6579303030303037",
        "--enc",
        "hex",
    ])
    .success();
    part(&["--keyspace", "none"]).code(2);
    part(&["--prefix", "zzz", "--keyspace", "main"]).success();
}

#[test]
fn what_is_not_there_is_an_error_and_stays_away() {
    let db = Db::filled(10);
    let missing = db.dir.path().join("missing.db");
    for (a, b) in [(&db.path, &missing), (&missing, &db.path)] {
        diff(a, b)
            .assert()
            .code(5)
            .stdout("")
            .stderr(predicate::str::contains("missing.db"));
        diff(a, b).arg("--jsonl").assert().code(5).stdout("");
    }
    let text = db.file("notes.txt", b"just some text\nin two lines\n");
    diff(&db.path, &text).assert().code(6);
    let empty = db.file("empty.db", b"");
    diff(&db.path, &empty).assert().code(6);
    diff(&db.path, db.dir.path()).assert().code(6);
    assert_eq!(db.files(), ["empty.db", "notes.txt", "test.db"]);
}

#[test]
fn a_damaged_side_is_never_the_same_and_never_just_different() {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    let other = copy(&db, "copy.db");
    let bytes = fs::read(&other).unwrap();
    let at = bytes.windows(9).rposition(|w| w == b"value 200").unwrap();
    flip(&other, at);
    diff(&db.path, &other).assert().code(4);
    diff(&other, &db.path).assert().code(4);
    fs::write(&other, &bytes[..bytes.len() / 2]).unwrap();
    diff(&db.path, &other).assert().code(4);
    // A header that is cut off may leave nothing that shows what the file was.
    fs::write(&other, &bytes[..600]).unwrap();
    diff(&db.path, &other)
        .assert()
        .code(predicate::in_iter([4, 6]));
}

#[test]
fn exports_stand_for_what_they_were_made_from() {
    let db = Db::filled(300);
    change(&db.path, &["put", "k", "v", "--keyspace", "fruit"]);
    let text = framed(&db.path);
    let export = db.file("export.jsonl", &text);
    diff(&db.path, &export).assert().success();
    diff(&export, &export).assert().success();
    let mut packed = zstd_of(&text);
    let small = db.file("packed", &packed);
    diff(&small, &db.path).assert().success();
    // A cut is noticed wherever it is.
    for cut in [1, 100, text.len() / 2, text.len() - 100, text.len() - 1] {
        let part = db.file("part.jsonl", &text[..cut]);
        let code = diff(&db.path, &part).assert().get_output().status.code();
        assert_eq!(code, Some(9), "cut at {cut} of {}", text.len());
    }
    packed.truncate(packed.len() - 1);
    let part = db.file("part.zst", &packed);
    diff(&db.path, &part).assert().code(9);
    let mut changed = text.clone();
    changed[text.len() / 2] ^= 1;
    let changed = db.file("changed.jsonl", &changed);
    diff(&db.path, &changed).assert().code(9);
    diff(&export, Path::new("-"))
        .write_stdin(text.clone())
        .assert()
        .success();
    diff(Path::new("-"), Path::new("-"))
        .write_stdin(text)
        .assert()
        .code(2);
}

fn zstd_of(text: &[u8]) -> Vec<u8> {
    use creel::exchange::compress::{Compression, Output};
    let mut output = Output::new(Vec::new(), Compression::Zstd(1)).unwrap();
    output.write_all(text).unwrap();
    output.finish().unwrap()
}

#[test]
fn exports_without_order_are_sorted_and_the_last_of_several_counts() {
    let db = Db::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let text = bare(&[("c", "3"), ("a", "0"), ("b", "2"), ("a", "1")]);
    let jsonl = db.file("bare.jsonl", text.as_bytes());
    diff(&db.path, &jsonl).assert().success();
    let csv = db.file("out.csv", b"key,value\r\nc,3\r\na,1\r\nb,9\r\n");
    diff(&db.path, &csv).assert().code(1).stdout("~ b\n");
    let named = db.file("dump", b"c\t3\na\t1\nb\t2\n");
    diff(&db.path, &named).assert().code(6);
    diff(&db.path, &named)
        .args(["--format", "tsv"])
        .assert()
        .success();
    let mdb = "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n 61\n 31\n 62\n 32\nDATA=END\n";
    let mdb = db.file("dump.mdb", mdb.as_bytes());
    diff(&db.path, &mdb).assert().code(1).stdout("- c\n");
    let mut bad = text.into_bytes();
    bad.extend_from_slice(b"{\"key\":\"**\",\"payload\":\"\"}\n");
    let bad = db.file("bad.jsonl", &bad);
    diff(&db.path, &bad)
        .assert()
        .code(9)
        .stderr(predicate::str::contains("line 5"));
    diff(&db.path, &jsonl)
        .args(["--format", "xml"])
        .assert()
        .code(2);
}

#[test]
fn a_patch_turns_the_one_into_the_other() {
    let db = Db::filled(400);
    change(&db.path, &["put", "x", "1", "--keyspace", "old"]);
    let other = copy(&db, "copy.db");
    change(&other, &["delete", "--prefix", "key0001", "--yes"]);
    change(&other, &["put", "key000300", "changed"]);
    change(&other, &["put", "\u{1}", ""]);
    change(&other, &["delete", "x", "--keyspace", "old"]);
    change(&other, &["put", "y", "2", "--keyspace", "new"]);
    let patch = diff(&db.path, &other).arg("--jsonl").assert().code(1);
    let patch = patch.get_output().stdout.clone();
    let patch = db.file("patch.jsonl", &patch);
    db.run("import").arg(&patch).assert().success();
    diff(&db.path, &other).assert().success();
    // A patch holds changes; what it belongs to is not known.
    diff(&db.path, &patch).assert().code(9);
    // Cut short it changes nothing.
    let whole = fs::read(&patch).unwrap();
    let cut = db.file("cut.jsonl", &whole[..whole.len() - 30]);
    db.run("import").arg(&cut).assert().code(9);
    diff(&db.path, &other).assert().success();
}

#[test]
fn streams() {
    let db = Db::filled(5000);
    let empty = Db::new();
    let run = |args: &str| {
        let line = format!(
            "'{}' diff '{}' '{}' {args}; echo ${{PIPESTATUS[0]}}",
            env!("CARGO_BIN_EXE_creel"),
            db.path.display(),
            empty.path.display()
        );
        let mut bash = Command::new("bash");
        bash.args(["-c", &line]);
        bash.assert().success()
    };
    // The answer is known, whoever reads on.
    run("| head -1 >/dev/null")
        .stdout("1\n")
        .stderr(predicate::str::contains("error").not());
    run("--jsonl | head -1 >/dev/null")
        .stdout("141\n")
        .stderr("");
    run(">/dev/full").stdout("8\n");
    run("--jsonl >/dev/full").stdout("8\n");
}
