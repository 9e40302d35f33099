//! Neighbours' tools, each tried as Debian has it, and a corpus that is not ours. What is not
//! installed is skipped, and says so.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::import::{counts, import};
use crate::support::{Db, json, skipped, stdout};

/// True where a program can be started.
fn have(program: &str) -> bool {
    let found = Command::new(program)
        .arg("-V")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        skipped("peers", &format!("{program} is not installed"));
    }
    found
}

/// Runs a line in a shell, in the directory of the database.
fn shell(db: &Db, line: &str) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_creel")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-e", "-c", line])
        .current_dir(db.dir.path())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every byte in keys and values, but those left out.
fn every_byte(but: &[u8]) -> Db {
    let db = Db::new();
    let lines: String = (0..=255)
        .filter(|i| !but.contains(i))
        .map(|i| format!("put\tkey\\x{i:02x}\\xff\tvalue\\x{i:02x}\\n\n"))
        .collect();
    db.run("batch").write_stdin(lines).assert().success();
    db
}

#[test]
fn lmdb_in_both_directions() {
    if !have("mdb_load") || !have("mdb_dump") {
        return;
    }
    // `mdb_dump -p` writes a backslash as it stands, so that its own loader refuses it.
    for (enc, dump, but) in [("hex", "", &[][..]), ("print", "-p", b"\\")] {
        let db = every_byte(but);
        let env = format!("env-{enc}");
        shell(
            &db,
            &format!(
                "mkdir {env}; creel export test.db --format mdb --enc {enc} | mdb_load {env}; \
                 mdb_dump {dump} {env} > back-{enc}.mdb"
            ),
        );
        let copy = Db::new();
        let text = fs::read(db.dir.path().join(format!("back-{enc}.mdb"))).unwrap();
        let report = json(import(&copy, &text, &[]));
        assert_eq!(counts(&report)[0], 256 - but.len() as u64);
        assert_eq!(report["trailer"], "matched");
        assert_eq!(copy.list(), db.list(), "{enc}");
    }
}

#[test]
fn named_databases_of_lmdb_become_keyspaces() {
    if !have("mdb_load") || !have("mdb_dump") {
        return;
    }
    let db = every_byte(&[]);
    db.run("put")
        .args(["apple", "red", "--keyspace", "fruit"])
        .assert()
        .success();
    shell(
        &db,
        "mkdir env; creel export test.db --format mdb --keyspace fruit | mdb_load -s fruit env; \
         mdb_dump -a env > all.mdb",
    );
    let copy = Db::new();
    copy.run("import")
        .arg(db.dir.path().join("all.mdb"))
        .assert()
        .success();
    let mut get = copy.run("get");
    get.args(["apple", "--keyspace", "fruit"]);
    assert_eq!(stdout(get), "red");
}

#[test]
fn sqlite_in_both_directions() {
    if !have("sqlite3") {
        return;
    }
    let db = Db::new();
    let text = "a,1\nb,\"two, \"\"three\"\"\nlines\"\n\u{e9},\n";
    import(&db, text.as_bytes(), &["--format", "csv"])
        .assert()
        .success();
    shell(
        &db,
        "creel export test.db --format csv --bare > out.csv; \
         sqlite3 t.sqlite 'create table t(k,v)' '.mode csv' '.import out.csv t'; \
         sqlite3 -csv t.sqlite 'select k, v from t order by k desc' > back.csv; \
         sqlite3 -header -csv t.sqlite 'select k as key, v as value from t' > named.csv",
    );
    for name in ["back.csv", "named.csv"] {
        let copy = Db::new();
        copy.run("import")
            .arg(db.dir.path().join(name))
            .assert()
            .success();
        assert_eq!(copy.list(), db.list(), "{name}");
    }
    let count = shell(&db, "sqlite3 t.sqlite 'select count(*) from t'");
    assert_eq!(count.trim(), "3");
}

/// The corpus in the repository is what its script makes of the other one.
#[test]
fn the_packages_as_json_are_those_of_the_table() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let output = Command::new("sh")
        .arg(data.join("packages-jsonl.sh"))
        .stdin(fs::File::open(data.join("packages.tsv")).unwrap())
        .output()
        .unwrap();
    assert!(output.stdout == fs::read(data.join("packages.jsonl")).unwrap());
}

/// The package index of Debian: tens of thousands of records that nobody wrote for this test.
#[test]
fn the_package_index_of_debian() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/debian-index.sh");
    let db = Db::new();
    let corpus = db.dir.path().join("index.jsonl");
    let output = Command::new("sh")
        .arg(script)
        .stdout(fs::File::create(&corpus).unwrap())
        .stderr(Stdio::piped())
        .output();
    let lines = fs::read(&corpus)
        .unwrap()
        .iter()
        .filter(|b| **b == b'\n')
        .count();
    if !output.is_ok_and(|o| o.status.success()) || lines < 60_000 {
        return skipped("packages", &format!("{lines} records are there"));
    }
    let mut command = db.run("import");
    command.arg(&corpus).args(["--field-map", "key=id"]);
    let report = json(command);
    assert_eq!(counts(&report), [lines as u64, 0, 0, 0, 0, 0, 0]);
    let text = shell(
        &db,
        "creel export test.db -o one.jsonl; tail -n +2 one.jsonl | head -n -1",
    );
    let copy = Db::new();
    copy.run("import")
        .arg(db.dir.path().join("one.jsonl"))
        .assert()
        .success();
    let digest = |db: &Db| {
        stdout(db.run("digest"))
            .split(' ')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(digest(&copy), digest(&db));
    fs::copy(&copy.path, db.dir.path().join("copy.db")).unwrap();
    let again = shell(
        &db,
        "creel export copy.db -o two.jsonl; tail -n +2 two.jsonl | head -n -1",
    );
    assert!(again == text, "the second export differs from the first");
    copy.run("verify")
        .args(["--level", "deep"])
        .assert()
        .success();
}
