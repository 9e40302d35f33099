//! Files that an earlier build has written. `tests/data/files` has their bytes, 32 a line, without lines
//! of zeros. They are never written anew: every later build reads them as they are.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{Db, creel, json, stdout};

/// A file of format 1.0 of 2026-11, and the digest that its build printed.
struct Older {
    name: &'static str,
    digest: &'static str,
    entries: u64,
    verdict: &'static str,
}

const FILES: [Older; 3] = [
    // A tree with branches, a large value, three keyspaces, two headers; five commits in the log
    // that put, delete, delete a range and do several things at once.
    Older {
        name: "plain-1.0",
        digest: "d0002df4479a3733e0f3dde733fa93e68f830097b5c540e5b199d23c9f81b3bf",
        entries: 398,
        verdict: "clean",
    },
    // Pages of 16 KiB and a key of 3,000 bytes.
    Older {
        name: "wide-1.0",
        digest: "d8068045d89ae28f3a10939acd8cacf6f82da66119f5101a2f65a292f2cab791",
        entries: 3,
        verdict: "clean",
    },
    // Its writer stopped in the middle of a log entry.
    Older {
        name: "torn-1.0",
        digest: "a650556ce08db61cc2ff4c0564a12a9c8b4fb9d0596efc79931d0b41a9835794",
        entries: 2,
        verdict: "recoverable",
    },
];

fn bytes_of(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data/files"]
        .iter()
        .collect();
    let text = fs::read_to_string(path.join(format!("{name}.txt"))).unwrap();
    let mut lines = text.lines();
    let len = lines.next().unwrap().strip_prefix("bytes ").unwrap();
    let mut bytes = vec![0; len.parse().unwrap()];
    for line in lines {
        let (at, hex) = line.split_once(' ').unwrap();
        let at = usize::from_str_radix(at, 16).unwrap();
        for (i, pair) in hex.as_bytes().chunks(2).enumerate() {
            let pair = std::str::from_utf8(pair).unwrap();
            bytes[at + i] = u8::from_str_radix(pair, 16).unwrap();
        }
    }
    bytes
}

fn open(older: &Older) -> Db {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("test.db");
    fs::write(&path, bytes_of(older.name)).unwrap();
    Db { dir, path }
}

fn digest(path: &Path) -> String {
    let mut command = creel();
    command.arg("digest").arg(path);
    stdout(command).split(' ').next().unwrap().to_owned()
}

fn verdict(db: &Db) -> String {
    let mut command = db.run("verify");
    command.args(["--level", "deep"]);
    json(command)["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_of_an_earlier_build_is_read_and_verified_as_it_is() {
    for older in &FILES {
        let db = open(older);
        let before = db.bytes();
        assert_eq!(digest(&db.path), older.digest, "{}", older.name);
        assert_eq!(verdict(&db), older.verdict, "{}", older.name);
        let keyspaces = stdout(db.run("keyspaces"));
        let counts = keyspaces.lines().map(|l| l.split_once('\t').unwrap().1);
        let entries: u64 = counts.map(|n| n.parse::<u64>().unwrap()).sum();
        assert_eq!(entries, older.entries, "{}", older.name);
        assert_eq!(json(db.run("info"))["format"], "1.0");
        assert_eq!(db.bytes(), before, "{}: reading wrote", older.name);
    }
    let db = open(&FILES[0]);
    let large: Vec<u8> = (0..24).flat_map(|_| 0..=255).collect();
    assert_eq!(db.get("large"), large);
    assert_eq!(db.get("empty"), b"");
    assert_eq!(db.get("key020"), b"changed");
    assert_eq!(db.get("key021"), b"value number 021");
    for gone in ["key010", "key019", "key030"] {
        db.run("exists").arg(gone).assert().code(1);
    }
    let mut fruit = db.run("list");
    fruit.args(["--keyspace", "fruit"]);
    assert_eq!(stdout(fruit), "b\t2\n");
    assert!(db.list().starts_with("\\x00\\xff\\n\todd\nagain\t1\n"));
    let torn = open(&FILES[2]);
    assert_eq!(torn.list(), "kept\t1\nlog\t2\n");
    let recovery = &json(torn.run("open"))["recovery"];
    assert_eq!(recovery["torn_bytes"], 144);
}

#[test]
fn a_file_of_an_earlier_build_is_written_on() {
    for older in &FILES {
        let db = open(older);
        db.run("put").args(["new", "1"]).assert().success();
        assert_eq!(verdict(&db), "clean", "{}", older.name);
        db.run("delete").arg("new").assert().success();
        assert_eq!(digest(&db.path), older.digest, "{}", older.name);
        db.run("checkpoint").assert().success();
        db.run("compact").assert().success();
        assert_eq!(digest(&db.path), older.digest, "{}", older.name);
        let copy = db.dir.path().join("copy.db");
        db.run("compact").arg("-o").arg(&copy).assert().success();
        assert_eq!(digest(&copy), older.digest, "{}", older.name);
        assert_eq!(verdict(&db), "clean", "{}", older.name);
    }
}
