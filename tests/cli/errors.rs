//! System calls that fail, one at a time, once or from then on, in every command that touches a
//! file: the exit status tells the truth, and once calls succeed again nothing confirmed is lost.
//!
//! `CREEL_ERRORS=all` lets every call fail; without it a sample does.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)]

use std::path::Path;

use crate::failing::{CALLS, Case, DATABASE, MAPS, Says};
use crate::kills;
use crate::support::{Db, strace};

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// `creel VERB DB REST`.
fn on_db(verb: &str, db: &Path, rest: &[&str]) -> Vec<String> {
    crate::kill::words(verb, db, rest)
}

#[test]
fn commands_that_write_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(120);
    db.run("checkpoint").assert().success();
    db.run("put").args(["acked", "1"]).assert().success();
    let image = db.bytes();
    let lines = db.file("lines", b"put\tnew\tvalue\ndel\tkey000003\n");
    let records = db.file(
        "in.jsonl",
        b"{\"key_utf8\":\"new\",\"payload_utf8\":\"1\"}\n",
    );
    let (lines, records) = (text(&lines), text(&records));
    let case = |name, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: true,
            says: Says::Text,
            sparse: 1,
            on: None,
            calls: CALLS,
        };
        case.sweep(&strace)
    };
    let mut cases = case("put", &|db, _| on_db("put", db, &["new", "value"]));
    cases += case("delete", &|db, _| {
        on_db("delete", db, &["--prefix", "key00001", "--yes"])
    });
    cases += case("batch", &|db, _| on_db("batch", db, &[&lines]));
    cases += case("import", &|db, _| on_db("import", db, &[&records]));
    cases += case("import-batch", &|db, _| {
        on_db("import", db, &[&records, "--batch", "10"])
    });
    // A thread of its own reads what is imported.
    let input = Path::new(&records);
    let reads = Case {
        name: "import-input",
        args: &|db, _| on_db("import", db, &[&records]),
        image: &image,
        writes: true,
        says: Says::Text,
        sparse: 1,
        on: Some(input),
        calls: CALLS,
    };
    cases += reads.sweep(&strace);
    println!("errors in commands that write: {cases}");
    assert!(kills::is_replay() || cases > 200, "only {cases} cases");
}

#[test]
fn commands_that_move_pages_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(800);
    db.run("checkpoint").assert().success();
    let range = ["--from", "key000100", "--to", "key000700", "--yes"];
    db.run("delete").args(range).assert().success();
    let image = db.bytes();
    let case = |name, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: false,
            says: Says::Json,
            sparse: 1,
            on: None,
            calls: CALLS,
        };
        case.sweep(&strace)
    };
    let mut cases = case("checkpoint", &|db, _| on_db("checkpoint", db, &[]));
    cases += case("compact", &|db, _| on_db("compact", db, &[]));
    cases += case("compact-new", &|db, made| {
        on_db("compact", db, &["-o", &text(made)])
    });
    cases += case("backup", &|db, made| {
        on_db("backup", db, &["-o", &text(made)])
    });
    cases += case("salvage", &|db, made| {
        on_db("salvage", db, &["-o", &text(made)])
    });
    cases += case("open-create", &|_, made| on_db("open", made, &["--create"]));
    println!("errors in commands that move pages: {cases}");
    assert!(kills::is_replay() || cases > 200, "only {cases} cases");
}

#[test]
fn commands_that_read_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(200);
    db.run("checkpoint").assert().success();
    db.run("put").args(["acked", "1"]).assert().success();
    let image = db.bytes();
    let case = |name, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: false,
            says: Says::Text,
            sparse: 1,
            on: None,
            calls: CALLS,
        };
        case.sweep(&strace)
    };
    let mut cases = case("get", &|db, _| on_db("get", db, &["key000007"]));
    cases += case("exists", &|db, _| on_db("exists", db, &["key000007"]));
    cases += case("list", &|db, _| on_db("list", db, &[]));
    cases += case("export", &|db, _| on_db("export", db, &["-q"]));
    cases += case("digest", &|db, _| on_db("digest", db, &["-q"]));
    cases += case("keyspaces", &|db, _| on_db("keyspaces", db, &[]));
    cases += case("diff", &|db, _| on_db("diff", db, &[&text(db)]));
    for (name, verb) in [("list-map", "list"), ("export-map", "export")] {
        let maps = Case {
            name,
            args: &|db, _| on_db(verb, db, &["-q"]),
            image: &image,
            writes: false,
            says: Says::Text,
            sparse: 1,
            on: Some(Path::new(DATABASE)),
            calls: MAPS,
        };
        cases += maps.sweep(&strace);
    }
    println!("errors in commands that read: {cases}");
    assert!(kills::is_replay() || cases > 200, "only {cases} cases");
}

/// A command that reads, and what else it reads.
pub fn sweep_reading(name: &'static str, image: &[u8], args: &dyn Fn(&Path) -> Vec<String>) {
    let Some(strace) = strace() else { return };
    let case = Case {
        name,
        args: &|db, _| args(db),
        image,
        writes: false,
        says: Says::Text,
        sparse: 2,
        on: None,
        calls: CALLS,
    };
    let cases = case.sweep(&strace);
    assert!(kills::is_replay() || cases > 8, "only {cases} cases");
}

#[test]
fn commands_that_look_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(200);
    db.run("checkpoint").assert().success();
    db.run("put").args(["acked", "1"]).assert().success();
    let image = db.bytes();
    let case = |name, says, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: false,
            says,
            sparse: 2,
            on: None,
            calls: CALLS,
        };
        case.sweep(&strace)
    };
    let mut cases = case("verify", Says::Json, &|db, _| {
        on_db("verify", db, &["--level", "deep"])
    });
    cases += case("info", Says::Text, &|db, _| {
        on_db("info", db, &["--get", "state"])
    });
    cases += case("stats", Says::Json, &|db, _| {
        on_db("stats", db, &["--exact"])
    });
    cases += case("inspect", Says::Text, &|db, _| {
        on_db("inspect", db, &["header"])
    });
    cases += case("drill", Says::Json, &|db, _| on_db("drill", db, &[]));
    println!("errors in commands that look: {cases}");
    assert!(kills::is_replay() || cases > 100, "only {cases} cases");
}
