//! Out and in again: what comes back is what went in, byte for byte.

use std::fs;

use creel::{Batch, Db as Engine};

use crate::import::{import, refused};
use crate::support::{Db, stdout};

/// Pseudo-random bytes: the same in every run.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn take(&mut self, most: u64) -> Vec<u8> {
        let len = self.next() % most;
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Random binary records in several keyspaces.
fn random(count: usize) -> Db {
    let db = Db::new();
    let engine = Engine::open(&db.path).unwrap();
    let mut bytes = Bytes(11);
    let mut batch = Batch::new();
    for i in 0..count {
        batch.keyspace(["main", "zoo", "apple"][i % 3]);
        let mut key = bytes.take(60);
        key.push(i as u8);
        let most = if i % 100 == 0 { 20_000 } else { 200 };
        batch.put(&key, &bytes.take(most));
    }
    engine.write(batch).unwrap();
    engine.close().unwrap();
    db
}

/// All but the bound on the file's size in a dump, which is another one for another file.
fn body(text: &[u8]) -> Vec<&[u8]> {
    let lines = text.split(|b| *b == b'\n');
    lines.filter(|l| !l.starts_with(b"mapsize=")).collect()
}

fn exported(db: &Db, args: &[&str]) -> Vec<u8> {
    let mut command = db.run("export");
    command
        .args(args)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone()
}

#[test]
fn ten_thousand_random_records_come_back_byte_for_byte() {
    let db = random(10_000);
    let digest = |db: &Db| {
        let line = stdout(db.run("digest"));
        line.split(' ').next().unwrap().to_owned()
    };
    for args in [
        &["--bare"][..],
        &["--bare", "--enc", "auto"],
        &["--bare", "--enc", "hex"],
        &["--format", "mdb"],
        &["--format", "mdb", "--enc", "print"],
        &[],
    ] {
        let text = exported(&db, args);
        let copy = Db::new();
        import(&copy, &text, &[]).assert().success();
        assert_eq!(digest(&copy), digest(&db), "{args:?}");
        let again = exported(&copy, args);
        if args.is_empty() {
            // The header names another database; all records and the digest are the same.
            let records = |text: &[u8]| {
                let lines = text.split(|b| *b == b'\n').skip(1);
                lines.map(<[u8]>::to_vec).collect::<Vec<_>>()
            };
            let (mut one, mut two) = (records(&text), records(&again));
            one.truncate(one.len() - 2);
            two.truncate(two.len() - 2);
            assert!(one == two);
        } else {
            assert!(body(&again) == body(&text), "{args:?} differ");
        }
        copy.run("verify")
            .args(["--level", "deep"])
            .assert()
            .success();
    }
    for (format, more) in [
        ("raw", &[][..]),
        ("tsv", &[]),
        ("csv", &["--enc", "base64"]),
        ("csv", &["--enc", "hex"]),
    ] {
        let args = [&["--format", format, "--keyspace", "zoo"], more].concat();
        let text = exported(&db, &args);
        let copy = Db::new();
        import(&copy, &text, &["--format", format, "--keyspace", "zoo"])
            .assert()
            .success();
        assert!(exported(&copy, &args) == text, "{args:?} differ");
    }
}

#[test]
fn an_export_of_any_order_of_keyspaces_streams() {
    let db = random(300);
    let text = exported(&db, &[]);
    let copy = Db::new();
    // The ids of these are in another order than their names.
    for name in ["zoo", "middle", "apple"] {
        copy.run("put")
            .args(["x", "1", "--keyspace", name])
            .assert()
            .success();
    }
    let file = copy.file("in.jsonl", &text);
    copy.run("import").arg(&file).assert().success();
    let list = |db: &Db, name: &str| {
        let mut command = db.run("list");
        command.args(["--keyspace", name]);
        stdout(command)
    };
    assert_eq!(list(&copy, "main"), list(&db, "main"));
    assert_eq!(
        list(&copy, "zoo").lines().count(),
        list(&db, "zoo").lines().count() + 1
    );
    copy.run("verify")
        .args(["--level", "deep"])
        .assert()
        .success();
    let _ = fs::remove_file(file);
}

/// It was said to be in line 1, whatever had been unpacked before it.
#[test]
fn where_packed_input_is_cut_or_damaged() {
    let source = Db::filled(100);
    for (compress, behind) in [
        ("gzip", &b"\x1f\x8b\x08xx"[..]),
        ("zstd", b"\x28\xb5\x2f\xfd"),
    ] {
        let packed = exported(&source, &["--bare", "--compress", compress]);
        let len = exported(&source, &["--bare"]).len();
        let db = Db::new();
        // All of the text is there; what follows it is not what it has to be.
        for input in [&packed[..packed.len() - 1], &[&packed[..], behind].concat()] {
            let error = refused(&db, input, &[]);
            let detail = &error["detail"];
            assert_eq!(detail["line"], 101, "{error}");
            assert_eq!((&detail["byte"], &detail["at"]), (&len.into(), &len.into()));
        }
        // In the middle of a line.
        let error = refused(&db, &packed[..packed.len() / 2], &[]);
        let detail = ["line", "byte", "at"].map(|name| error["detail"][name].as_u64().unwrap());
        let before = &exported(&source, &["--bare"])[..usize::try_from(detail[2]).unwrap()];
        let lines: Vec<&[u8]> = before.split_inclusive(|b| *b == b'\n').collect();
        let whole = lines.iter().filter(|l| l.ends_with(b"\n")).count();
        assert_eq!(detail[0], whole as u64 + 1, "{error}");
        assert_eq!(detail[1], lines[..whole].concat().len() as u64, "{error}");
    }
}
