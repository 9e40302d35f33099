use std::fs;

use creel::digest::ContentDigest;
use creel::exchange::frame::{Header, Trailer};
use predicates::prelude::*;
use serde_json::Value;

use crate::support::{Db, base64, creel, json, json_error, json_lines, stdout, unbase64};

fn export(db: &Db, args: &[&str]) -> Vec<u8> {
    let mut command = db.run("export");
    command.args(args);
    command.assert().success().get_output().stdout.clone()
}

fn text(db: &Db, args: &[&str]) -> String {
    String::from_utf8(export(db, args)).unwrap()
}

fn digest(db: &Db, args: &[&str]) -> String {
    let mut command = db.run("digest");
    command.args(args);
    stdout(command)[..64].to_owned()
}

/// Entries of two keyspaces, in the tree and in the log, with every byte in keys and values.
fn mixed() -> Db {
    let db = Db::new();
    let mut lines = String::new();
    for i in 0..=255_u8 {
        let all: String = (0..=i).map(|b| format!("\\x{b:02x}")).collect();
        lines.push_str(&format!("put\tk\\x{i:02x}\t{all}\n"));
    }
    db.run("batch").write_stdin(lines).assert().success();
    db.run("checkpoint").assert().success();
    for args in [
        &["put", "in the log", "1"][..],
        &["put", "fruit", "red", "--keyspace", "fr\u{fc}it"],
        &["put", "gone", "1", "--keyspace", "empty"],
        &["delete", "gone", "--keyspace", "empty"],
        &["delete", "k\n"],
    ] {
        db.run(args[0]).args(&args[1..]).assert().success();
    }
    db
}

/// Keyspace, key and value of each record.
fn records(lines: &[Value]) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let record = |line: &Value| {
        let name = line.get("ks").map_or("main", |n| n.as_str().unwrap());
        let (key, value) = (unbase64(&line["key"]), unbase64(&line["payload"]));
        (name.to_owned(), key, value)
    };
    lines.iter().map(record).collect()
}

#[test]
fn header_records_in_order_and_a_trailer_that_matches() {
    let db = mixed();
    let before = db.bytes();
    let bytes = export(&db, &[]);
    assert_eq!(db.bytes(), before, "the database was written to");
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let header = Header::parse(lines[0]).unwrap();
    let info = json(db.run("info"));
    assert_eq!(
        info["db_id"],
        format!("{:032x}", u128::from_be_bytes(header.db))
    );
    assert!(header.position.index > 0 && header.since.is_none());
    let trailer = Trailer::parse(lines[lines.len() - 1]).unwrap();
    let body = &bytes[..bytes.len() - lines[lines.len() - 1].len()];
    assert_eq!(trailer.bytes, body.len() as u64);
    assert_eq!(trailer.crc32c, crc32c::crc32c(body));
    let found = records(&json_lines(&body[lines[0].len()..]));
    assert!(found.is_sorted() && found.len() == 257);
    assert_eq!(trailer.records, 257);
    assert_eq!(found[0].0, "fr\u{fc}it");
    assert_eq!(trailer.first_key.as_ref(), Some(&found[0].1));
    assert_eq!(trailer.last_key.as_ref(), Some(&found[256].1));
    let mut hash = ContentDigest::new();
    for (name, key, value) in &found {
        hash.keyspace(name);
        hash.entry(key, value);
    }
    assert_eq!(trailer.digest, hash.finish());
    assert_eq!(trailer.digest.to_string(), digest(&db, &[]));
}

#[test]
fn an_empty_database_is_an_export_too() {
    let db = Db::new();
    let lines = json_lines(&export(&db, &[]));
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["creel_end"]["records"], 0);
    assert_eq!(lines[1]["creel_end"]["first_key"], Value::Null);
    assert_eq!(lines[1]["creel_end"]["digest"], digest(&db, &[]));
    assert_eq!(text(&db, &["--bare"]), "");
    assert_eq!(text(&db, &["--format", "csv"]), "key,value\r\n");
    assert_eq!(text(&db, &["--format", "tsv"]), "");
    assert_eq!(export(&db, &["--format", "raw"]).len(), 12 + 20);
    assert!(text(&db, &["--format", "mdb"]).ends_with("HEADER=END\nDATA=END\n"));
}

#[test]
fn bare_is_records_only() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    assert_eq!(
        text(&db, &["--bare"]),
        "{\"key\":\"YQ==\",\"payload\":\"MQ==\"}\n{\"key\":\"Yg==\",\"payload\":\"Mg==\"}\n"
    );
    assert_eq!(text(&db, &["--bare", "--format", "csv"]), "a,1\r\nb,2\r\n");
    for format in ["mdb", "tsv", "raw"] {
        db.run("export")
            .args(["--bare", "--format", format])
            .assert()
            .code(2);
    }
}

#[test]
fn encodings() {
    let db = Db::with(&[("a", "\u{e9}\""), ("b", "1\n2")]);
    assert_eq!(
        text(&db, &["--bare", "--enc", "utf8"]),
        "{\"key_utf8\":\"a\",\"payload_utf8\":\"\u{e9}\\\"\"}\n\
         {\"key_utf8\":\"b\",\"payload_utf8\":\"1\\n2\"}\n"
    );
    assert_eq!(
        text(&db, &["--bare", "--enc", "auto"]),
        "{\"key_utf8\":\"a\",\"payload_utf8\":\"\u{e9}\\\"\"}\n\
         {\"key_utf8\":\"b\",\"payload\":\"MQoy\"}\n"
    );
    assert_eq!(
        text(&db, &["--bare", "--enc", "hex"]),
        "{\"key_hex\":\"61\",\"payload_hex\":\"c3a922\"}\n\
         {\"key_hex\":\"62\",\"payload_hex\":\"310a32\"}\n"
    );
    let header = text(&db, &["--enc", "auto"]);
    assert!(header.contains("\"enc\":\"auto\""));
    // The digest does not depend on how bytes are written.
    for enc in ["base64", "utf8", "hex", "auto"] {
        let lines = json_lines(&export(&db, &["--enc", enc]));
        assert_eq!(lines[3]["creel_end"]["digest"], digest(&db, &[]));
    }
    for (format, enc) in [("csv", "auto"), ("raw", "hex"), ("jsonl", "print")] {
        db.run("export")
            .args(["--format", format, "--enc", enc])
            .assert()
            .code(2)
            .stderr(predicate::str::contains("--enc"));
    }
}

#[test]
fn bytes_that_a_format_cannot_hold_leave_no_file() {
    let db = mixed();
    for (format, enc) in [("jsonl", "utf8"), ("csv", "utf8")] {
        let args = ["--keyspace", "main", "--format", format, "--enc", enc];
        let mut command = db.run("export");
        command.args(args).args(["-o", "out"]).current_dir(&db.dir);
        let error = json_error(command, 9);
        assert_eq!(error["code"], "bad_input");
        assert_eq!(error["state"], "no file was left behind");
        assert_eq!(db.files(), ["test.db"]);
    }
}

#[test]
fn a_part_of_the_keys() {
    let db = Db::with(&[("a", "1"), ("ab", "2"), ("b", "3"), ("c", "4")]);
    let keys = |args: &[&str]| {
        let mut all = vec!["--format", "tsv"];
        all.extend(args);
        let text = text(&db, &all);
        let keys = text
            .lines()
            .map(|l| l.split('\t').next().unwrap().to_owned());
        keys.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(keys(&["--prefix", "a"]), "a ab");
    assert_eq!(keys(&["--from", "ab", "--to", "c"]), "ab b");
    assert_eq!(keys(&["--prefix", "6162", "--key-enc", "hex"]), "ab");
    assert_eq!(keys(&["--from", "c", "--to", "b"]), "");
    let header = json_lines(&export(&db, &["--prefix", "a", "--to", "b"]))[0].clone();
    assert_eq!(header["creel"]["prefix"], base64(b"a"));
    assert_eq!(header["creel"]["to"], base64(b"b"));
    assert!(header["creel"].get("from").is_none());
    let lines = json_lines(&export(&db, &["--prefix", "a"]));
    let stated = &lines[3]["creel_end"]["digest"];
    assert_eq!(stated, &digest(&db, &["--prefix", "a"]));
    assert_ne!(stated, &digest(&db, &[]));
}

#[test]
fn all_keyspaces_or_one() {
    let db = mixed();
    let count = |args: &[&str]| json_lines(&export(&db, args)).len();
    assert_eq!(count(&["--bare"]), 257);
    assert_eq!(count(&["--bare", "--keyspace", "main"]), 256);
    let one = json_lines(&export(&db, &["--keyspace", "fr\u{fc}it"]));
    assert_eq!(one[0]["creel"]["keyspace"], "fr\u{fc}it");
    assert_eq!(one[1]["ks"], "fr\u{fc}it");
    assert_eq!(count(&["--bare", "--keyspace", "empty"]), 0);
    db.run("export")
        .args(["--keyspace", "nowhere"])
        .assert()
        .code(1);
}

#[test]
fn formats_of_one_keyspace_name_the_others() {
    let db = mixed();
    for format in ["csv", "tsv", "raw"] {
        db.run("export")
            .args(["--format", format])
            .assert()
            .code(2)
            .stdout("")
            .stderr(predicate::str::contains("fr\u{fc}it, main"))
            .stderr(predicate::str::contains("--keyspace"));
        export(&db, &["--format", format, "--keyspace", "fr\u{fc}it"]);
        // Only one of them has such keys.
        export(&db, &["--format", format, "--prefix", "fruit"]);
    }
}

#[test]
fn tsv_is_what_list_prints() {
    let db = mixed();
    assert_eq!(
        text(&db, &["--format", "tsv", "--keyspace", "main"]),
        db.list()
    );
}

#[test]
fn a_file_appears_whole_and_replaces_nothing_unasked() {
    let db = Db::with(&[("a", "1")]);
    let out = db.dir.path().join("out.jsonl");
    db.run("export")
        .arg("-o")
        .arg(&out)
        .assert()
        .success()
        .stdout("");
    assert_eq!(fs::read(&out).unwrap(), export(&db, &[]));
    db.run("put").args(["b", "2"]).assert().success();
    let mut again = db.run("export");
    again.arg("-o").arg(&out);
    assert_eq!(json_error(again, 8)["code"], "exists");
    assert_ne!(fs::read(&out).unwrap(), export(&db, &[]));
    db.run("export")
        .arg("-o")
        .arg(&out)
        .arg("--force")
        .assert()
        .success();
    assert_eq!(fs::read(&out).unwrap(), export(&db, &[]));
    assert_eq!(db.files(), ["out.jsonl", "test.db"]);
    assert_eq!(export(&db, &["-o", "-"]), export(&db, &[]));
}

#[test]
fn an_export_never_takes_the_place_of_its_database() {
    let db = Db::with(&[("a", "1")]);
    fs::hard_link(&db.path, db.dir.path().join("other")).unwrap();
    let before = db.bytes();
    for name in ["test.db", "other"] {
        let mut command = db.run("export");
        command.args(["--force", "-o", name]).current_dir(&db.dir);
        assert_eq!(json_error(command, 2)["code"], "usage");
    }
    assert_eq!(db.bytes(), before);
}

#[test]
fn the_name_of_the_file_chooses_the_compression() {
    let db = mixed();
    let plain = export(&db, &[]);
    for (name, args, magic) in [
        ("a.jsonl.zst", &[][..], &[0x28, 0xb5, 0x2f, 0xfd][..]),
        ("a.gz", &[], &[0x1f, 0x8b]),
        ("b.gz", &["--compress", "zstd:9"], &[0x28, 0xb5]),
        ("c.zst", &["--compress", "none"], b"{"),
    ] {
        let out = db.dir.path().join(name);
        let mut command = db.run("export");
        command.arg("-o").arg(&out).args(args);
        let report = json(command);
        let bytes = fs::read(&out).unwrap();
        assert!(bytes.starts_with(magic), "{name}");
        assert_eq!(report["stored_bytes"], bytes.len());
        assert_eq!(report["bytes"], plain.len());
        let mut unpacked = Vec::new();
        let mut input = creel::exchange::compress::Input::open(bytes.as_slice()).unwrap();
        std::io::Read::read_to_end(&mut input, &mut unpacked).unwrap();
        assert_eq!(unpacked, plain, "{name}");
    }
    db.run("export").args(["--compress", "xz"]).assert().code(2);
}

#[test]
fn the_report_goes_where_the_data_does_not() {
    let db = mixed();
    let output = db.run("export").arg("--json").output().unwrap();
    let report = json_lines(&output.stderr)[0].clone();
    assert_eq!(report["schema"], "creel.export/1");
    assert_eq!(report["records"], 257);
    assert_eq!(report["keyspaces"], 2);
    assert_eq!(report["digest"], digest(&db, &[]));
    assert_eq!(report["framed"], true);
    assert_eq!(report["output"], Value::Null);
    assert_eq!(report["bytes"], output.stdout.len());
    let out = db.dir.path().join("out");
    let mut command = db.run("export");
    command.arg("-o").arg(&out).args(["--format", "mdb"]);
    let report = json(command);
    assert_eq!(report["output"], out.to_str().unwrap());
    assert_eq!(report["format"], "mdb");
    assert_eq!(report["framed"], false);
    // A dump has `main` first; the digest is that of the usual order all the same.
    assert_eq!(report["digest"], digest(&db, &[]));
    // For people one line, and none with -q.
    db.run("export")
        .assert()
        .success()
        .stderr(predicate::str::contains("exported 257 records"));
    db.run("export").arg("-q").assert().success().stderr("");
}

#[test]
fn long_values_in_every_format() {
    let db = Db::new();
    let long: Vec<u8> = (0..3_000_001_u32).map(|i| (i % 95 + 32) as u8).collect();
    let file = db.file("long", &long);
    db.run("put")
        .args(["long", "--value-file"])
        .arg(&file)
        .assert()
        .success();
    db.run("checkpoint").assert().success();
    let line = json_lines(&export(&db, &["--bare"]))[0].clone();
    assert!(unbase64(&line["payload"]) == long);
    let line = json_lines(&export(&db, &["--bare", "--enc", "auto"]))[0].clone();
    assert!(line["payload_utf8"].as_str().unwrap().as_bytes() == long);
    assert!(text(&db, &["--format", "tsv"]) == db.list());
    let raw = export(&db, &["--format", "raw"]);
    assert!(raw[24..24 + long.len()] == long);
    for format in ["jsonl", "csv", "tsv", "raw", "mdb"] {
        let bytes = export(&db, &["--format", format]);
        let mut command = creel();
        command.args(["digest", "-", "--format", format]);
        let line = stdout({
            command.write_stdin(bytes);
            command
        });
        assert_eq!(line[..64], digest(&db, &[]), "{format}");
    }
}

#[test]
fn everything_is_of_one_moment() {
    use std::io::Read;
    let db = Db::filled(20_000);
    let expected = digest(&db, &[]);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("export")
        .arg(&db.path)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut bytes = vec![0; 100];
    stdout.read_exact(&mut bytes).unwrap();
    // The pipe is full by now or soon: the end has not been read.
    db.run("put").args(["zzz", "later"]).assert().success();
    db.run("delete")
        .args(["--prefix", "key01", "--yes"])
        .assert()
        .success();
    db.run("checkpoint").assert().success();
    stdout.read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    let lines = json_lines(&bytes);
    let end = &lines[lines.len() - 1]["creel_end"];
    assert_eq!(end["records"], 20_000);
    assert_eq!(end["digest"], expected);
    assert_ne!(digest(&db, &[]), expected);
}

#[test]
fn what_is_no_database_exports_nothing() {
    let db = Db::new();
    let other = db.file("zeros", &[0; 40_000]);
    for (path, code) in [("zeros", 6), ("nowhere", 5)] {
        creel()
            .arg("export")
            .arg(db.dir.path().join(path))
            .args(["-o", "out"])
            .current_dir(&db.dir)
            .assert()
            .code(code);
        assert!(!db.dir.path().join("out").exists());
    }
    drop(other);
}

#[test]
fn damage_is_told_and_leaves_no_file() {
    let db = Db::filled(5000);
    db.run("checkpoint").assert().success();
    let bytes = db.bytes();
    let value = b"value 2500";
    for at in (0..bytes.len()).filter(|at| bytes[*at..].starts_with(value)) {
        crate::support::flip(&db.path, at);
    }
    db.run("export")
        .args(["-o", "out"])
        .current_dir(&db.dir)
        .assert()
        .code(4);
    assert_eq!(db.files(), ["test.db"]);
}
