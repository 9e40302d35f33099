//! Out and in again: every format, whole databases and changes.

use std::fs;
use std::path::{Path, PathBuf};

use creel::{Batch, Db as Engine, KeyBound, KeyRange};

use crate::support::{Db, creel, json, json_error, json_lines, stdout};

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

fn export(db: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = creel();
    command.arg("export").arg(db).args(args);
    command.assert().success().get_output().stdout.clone()
}

fn import(db: &Path, args: &[&str], bytes: Vec<u8>) {
    let mut command = creel();
    command.arg("import").arg(db).args(args).arg("-");
    command.write_stdin(bytes).assert().success();
}

fn digest(path: &Path, args: &[&str]) -> String {
    let mut command = creel();
    command.arg("digest").arg(path).args(args);
    stdout(command)[..64].to_owned()
}

/// 10,000 records of random bytes in these keyspaces, some of them in the log.
fn random(keyspaces: &[&str]) -> Db {
    let db = Db::new();
    let engine = Engine::open(&db.path).unwrap();
    let mut random = Random(0x5eed);
    let mut count = 0;
    while count < 10_000 {
        let mut batch = Batch::new();
        for _ in 0..500 {
            let name = keyspaces[random.below(keyspaces.len() as u64) as usize];
            let mut key = random.bytes(40);
            key.push(random.below(256) as u8);
            // Some values are large enough for pages of their own.
            let most = if random.below(50) == 0 { 9000 } else { 120 };
            batch.keyspace(name).put(&key, &random.bytes(most));
        }
        engine.write(batch).unwrap();
        count += 500;
    }
    engine.close().unwrap();
    db
}

#[test]
fn ten_thousand_records_of_random_bytes_come_back_in_every_format() {
    let several = random(&["main", "a", "zoo \u{e9}\"\\"]);
    let one = random(&["main"]);
    let cases: &[(&Db, &[&str])] = &[
        (&several, &["--format", "jsonl"]),
        (&several, &["--format", "jsonl", "--enc", "hex"]),
        (&several, &["--format", "jsonl", "--enc", "auto"]),
        (&several, &["--format", "mdb"]),
        (&several, &["--format", "mdb", "--enc", "print"]),
        (&one, &["--format", "csv", "--enc", "hex"]),
        (&one, &["--format", "csv", "--enc", "base64"]),
        (&one, &["--format", "tsv"]),
        (&one, &["--format", "raw"]),
    ];
    for (i, (db, args)) in cases.iter().enumerate() {
        let copy = db.dir.path().join(format!("copy{i}.db"));
        let bytes = export(&db.path, args);
        import(&copy, &["--create", args[0], args[1]], bytes.clone());
        assert_eq!(digest(&copy, &[]), digest(&db.path, &[]), "{args:?}");
        // Headers name the database and the position; all else is the same to the byte.
        let again = export(&copy, args);
        let body = |bytes: &[u8]| {
            let framed = bytes.starts_with(b"{\"creel\"");
            let lines = bytes.split_inclusive(|b| *b == b'\n');
            let lines: Vec<&[u8]> = lines.collect();
            match framed {
                true => lines[1..lines.len() - 1].concat(),
                false => lines.concat(),
            }
        };
        let body_is_same = if args[1] == "mdb" {
            // The address space that a dump asks for follows from the file's size.
            let plain = |b: &[u8]| {
                let keep = |l: &&[u8]| !l.starts_with(b"mapsize=");
                b.split(|b| *b == b'\n')
                    .filter(keep)
                    .collect::<Vec<_>>()
                    .concat()
            };
            plain(&again) == plain(&bytes)
        } else {
            body(&again) == body(&bytes)
        };
        assert!(body_is_same, "{args:?}");
    }
}

fn position(export: &[u8]) -> String {
    let header = json_lines(export.split_inclusive(|b| *b == b'\n').next().unwrap())[0].clone();
    let p = &header["creel"]["position"];
    format!(
        "{}:{}:{}",
        p["epoch"],
        p["index"],
        p["hash"].as_str().unwrap()
    )
}

/// A few commits of every kind.
fn change(engine: &Engine, random: &mut Random) {
    const NAMES: [&str; 4] = ["main", "a", "b", "zoo"];
    let key = |random: &mut Random| format!("key{:02}", random.below(60)).into_bytes();
    for _ in 0..1 + random.below(4) {
        let mut batch = Batch::new();
        for _ in 0..1 + random.below(8) {
            batch.keyspace(NAMES[random.below(4) as usize]);
            match random.below(20) {
                0 => batch.drop_keyspace(),
                1..4 => batch.delete_range(&KeyRange {
                    from: KeyBound::Included(key(random)),
                    to: KeyBound::Excluded(key(random)),
                }),
                4 => batch.delete_range(&KeyRange {
                    from: KeyBound::Excluded(key(random)),
                    to: KeyBound::Unbounded,
                }),
                5..9 => batch.delete(&key(random)),
                _ => batch.put(&key(random), &random.bytes(20)),
            };
        }
        // Dropping what is not there is refused; nothing changes then.
        let _ = engine.write(batch);
    }
}

#[test]
fn changes_lead_from_one_position_to_the_next() {
    for seed in 1..=6 {
        let db = Db::new();
        let mut random = Random(seed * 77_777);
        let engine = Engine::open(&db.path).unwrap();
        change(&engine, &mut random);
        let copy = db.dir.path().join("copy.db");
        let part = db.dir.path().join("part.db");
        let whole = export(&db.path, &[]);
        import(&copy, &["--create"], whole.clone());
        import(&part, &["--create"], whole.clone());
        let mut known = position(&whole);
        for round in 0..8 {
            change(&engine, &mut random);
            let changes = export(&db.path, &["--since", &known]);
            let file = db.file("changes.jsonl", &changes);
            // A delta states its own digest.
            let lines = json_lines(&changes);
            let stated = lines[lines.len() - 1]["creel_end"]["digest"].clone();
            assert_eq!(stated, digest(&file, &[]), "seed {seed} round {round}");
            assert_eq!(lines[0]["creel"]["since"]["index"].to_string(), {
                known.split(':').nth(1).unwrap()
            });
            import(&copy, &[], changes.clone());
            let expected = digest(&db.path, &[]);
            assert_eq!(digest(&copy, &[]), expected, "seed {seed} round {round}");
            // Once more changes nothing.
            import(&copy, &[], changes.clone());
            assert_eq!(digest(&copy, &[]), expected, "seed {seed} round {round}");
            // A part of the keys is kept up by a part of the changes.
            let some = ["--from", "key1", "--to", "key45"];
            let selected = export(
                &db.path,
                &[&["--since", known.as_str()], &some[..]].concat(),
            );
            import(&part, &[], selected);
            let (ours, theirs) = (digest(&db.path, &some), digest(&part, &some));
            assert_eq!(theirs, ours, "seed {seed} round {round}");
            known = position(&changes);
        }
        let nothing = export(&db.path, &["--since", &known]);
        assert_eq!(json_lines(&nothing).len(), 2);
    }
}

#[test]
fn one_keyspace_of_the_changes() {
    let db = Db::with(&[("a", "1")]);
    let known = position(&export(&db.path, &[]));
    for args in [
        &["put", "b", "2"][..],
        &["put", "c", "3", "--keyspace", "fruit"],
    ] {
        db.run(args[0]).args(&args[1..]).assert().success();
    }
    let only = |name: &str| {
        let args = ["--since", &known, "--bare", "--keyspace", name];
        String::from_utf8(export(&db.path, &args)).unwrap()
    };
    assert_eq!(only("main"), "{\"key\":\"Yg==\",\"payload\":\"Mg==\"}\n");
    assert_eq!(
        only("fruit"),
        "{\"ks\":\"fruit\",\"key\":\"Yw==\",\"payload\":\"Mw==\"}\n"
    );
    let mut command = db.run("export");
    command.args(["--since", &known, "--keyspace", "nowhere"]);
    assert_eq!(json_error(command, 1)["code"], "no_keyspace");
}

#[test]
fn positions_that_the_log_does_not_have() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let since = |position: &str, exit: i32| {
        let out: PathBuf = db.dir.path().join("out");
        let mut command = db.run("export");
        command.args(["--since", position, "-o"]).arg(&out);
        let error = json_error(command, exit);
        assert!(!out.exists());
        error["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(since("1:999", 15), "diverged");
    assert_eq!(since("7:1", 15), "diverged");
    let forged = format!("1:1:{:032x}", 1);
    assert_eq!(since(&forged, 15), "diverged");
    for bad in ["1", "x:1", "1:2:zz", "-1:2"] {
        db.run("export")
            .arg(format!("--since={bad}"))
            .assert()
            .code(2);
    }
    for format in ["csv", "mdb", "tsv", "raw"] {
        db.run("export")
            .args(["--since", "1:1", "--format", format])
            .assert()
            .code(2);
    }
    // What a bulk step brought does not stand in the log.
    let known = position(&export(&db.path, &[]));
    let line = "{\"key\":\"eg==\",\"payload\":\"\"}\n";
    import(&db.path, &[], line.into());
    assert_eq!(since(&known, 11), "not_retained");
}

#[test]
fn the_position_of_the_report_can_be_gone_on_from() {
    let db = Db::with(&[("a", "1")]);
    let out = db.dir.path().join("out");
    let mut command = db.run("export");
    command.arg("-o").arg(&out);
    let first = json(command)["position"].clone();
    let header = json_lines(&fs::read(&out).unwrap())[0].clone();
    assert_eq!(header["creel"]["position"], first);
    assert_eq!(json(db.run("digest"))["position"], first);
    db.run("put").args(["b", "2"]).assert().success();
    let short = format!("{}:{}", first["epoch"], first["index"]);
    let changes = json_lines(&export(&db.path, &["--since", &short]));
    assert_eq!(changes.len(), 3);
    assert!(changes[0]["creel"]["since"].get("hash").is_none());
}
