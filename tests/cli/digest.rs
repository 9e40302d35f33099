use std::fs;
use std::path::Path;

use predicates::prelude::*;

use crate::support::{Db, creel, flip, json_error, json_lines, stdout, unbase64};

fn digest(path: &Path, args: &[&str]) -> String {
    let mut command = creel();
    command.arg("digest").arg(path).args(args);
    stdout(command)[..64].to_owned()
}

fn export(db: &Db, name: &str, args: &[&str]) -> std::path::PathBuf {
    let path = db.dir.path().join(name);
    db.run("export")
        .arg("-o")
        .arg(&path)
        .args(args)
        .assert()
        .success();
    path
}

/// Three keyspaces, one before `main` and one behind it.
fn three() -> Db {
    let db = Db::filled(500);
    for name in ["fruit", "zoo"] {
        for (key, value) in [("a", "1"), ("b", "\u{e9}")] {
            db.run("put")
                .args([key, value, "--keyspace", name])
                .assert()
                .success();
        }
    }
    db
}

#[test]
fn the_line_is_that_of_sha256sum() {
    let db = Db::with(&[("apple", "red")]);
    let line = stdout(db.run("digest"));
    // This very line stands in docs/exchange.md.
    let known = "537c2e2f39a1f51ca9a1c9aaee7f1e1d4041ec4c705b64346931e94b8b45fd7b";
    assert_eq!(line, format!("{known}  {}\n", db.path.display()));
    let empty = "7efe82fb37b014510765184caf3165ac8d29be14fd9c86f6816ad7d334fe23dd";
    assert_eq!(digest(&db.path, &["--prefix", "b"]), empty);
    assert_eq!(digest(&Db::new().path, &[]), empty);
}

#[test]
fn the_same_for_the_database_its_copies_and_its_exports() {
    let db = three();
    let before = digest(&db.path, &[]);
    let bytes = db.bytes();
    let mut same = vec![
        export(&db, "a.jsonl", &[]),
        export(&db, "bare", &["--bare"]),
        export(&db, "auto.zst", &["--enc", "auto"]),
        export(&db, "hex.gz", &["--enc", "hex"]),
        export(&db, "dump", &["--format", "mdb"]),
        export(&db, "print", &["--format", "mdb", "--enc", "print"]),
    ];
    assert!(db.bytes() == bytes, "the database was written to");
    db.run("checkpoint").assert().success();
    same.push(db.path.clone());
    let dense = db.dir.path().join("dense.db");
    db.run("compact").arg("-o").arg(&dense).assert().success();
    same.push(dense);
    for path in &same {
        assert_eq!(digest(path, &[]), before, "{}", path.display());
    }
    let mut all = creel();
    all.arg("digest").args(&same);
    assert_eq!(stdout(all).matches(&before).count(), same.len());
    db.run("put")
        .args(["key000001", "other"])
        .assert()
        .success();
    assert_ne!(digest(&db.path, &[]), before);
}

#[test]
fn formats_of_one_keyspace_have_its_digest() {
    let db = three();
    for keyspace in ["fruit", "main"] {
        let only = ["--keyspace", keyspace];
        let expected = digest(&db.path, &only);
        for (format, enc) in [
            ("csv", None),
            ("csv", Some("hex")),
            ("csv", Some("base64")),
            ("tsv", None),
            ("raw", None),
        ] {
            let mut args = vec!["--format", format, "--keyspace", keyspace];
            args.extend(enc.iter().flat_map(|e| ["--enc", e]));
            let path = export(&db, &format!("{keyspace}{enc:?}.{format}.gz"), &args);
            assert_eq!(digest(&path, &only), expected, "{format} {enc:?}");
        }
    }
    let unnamed = export(&db, "unnamed", &["--format", "tsv", "--keyspace", "main"]);
    let mut command = creel();
    command.arg("digest").arg(&unnamed);
    // Without name or beginning that tells, it is taken for a database.
    command.assert().code(6);
    assert_eq!(
        digest(&unnamed, &["--format", "tsv"]),
        digest(&db.path, &["--keyspace", "main"])
    );
}

#[test]
fn a_selection_of_an_export_is_that_of_the_database() {
    let db = three();
    let path = export(&db, "all.jsonl", &[]);
    for args in [
        &["--keyspace", "zoo"][..],
        &["--prefix", "key0001"],
        &["--from", "b", "--to", "key000300"],
        &["--keyspace", "fruit", "--from", "b"],
    ] {
        let part = digest(&db.path, args);
        assert_eq!(digest(&path, args), part, "{args:?}");
        let exported = export(&db, "part.jsonl", &[args, &["--force"]].concat());
        assert_eq!(digest(&exported, &[]), part, "{args:?}");
    }
}

#[test]
fn standard_input() {
    let db = three();
    let whole = fs::read(export(&db, "a.gz", &[])).unwrap();
    let mut command = creel();
    command.args(["digest", "-"]).write_stdin(whole);
    assert_eq!(stdout(command), format!("{}  -\n", digest(&db.path, &[])));
    creel()
        .args(["digest", "-"])
        .write_stdin("key,value\r\n")
        .assert()
        .code(2)
        .stderr(predicate::str::contains("--format"));
    creel().arg("digest").assert().code(2);
}

#[test]
fn json() {
    let db = three();
    let path = export(&db, "a.jsonl", &[]);
    let mut command = creel();
    command.arg("digest").arg(&db.path).arg(&path).arg("--json");
    let lines = json_lines(stdout(command).as_bytes());
    assert_eq!(lines.len(), 2);
    for (line, kind) in lines.iter().zip(["database", "export"]) {
        assert_eq!(line["schema"], "creel.digest/1");
        assert_eq!(line["record"], "digest");
        assert_eq!(line["kind"], kind);
        assert_eq!(line["entries"], 504);
        assert_eq!(line["digest"], digest(&db.path, &[]));
        assert_eq!(line["position"], lines[0]["position"]);
    }
    assert_eq!(lines[0]["bytes"], lines[1]["bytes"]);
}

/// Bytes of the file as it lies there, packed or not.
#[test]
fn progress_tells_the_share_of_the_file() {
    let db = Db::filled(30_000);
    for name in ["a.jsonl", "a.jsonl.gz"] {
        let path = export(&db, name, &[]);
        let size = fs::metadata(&path).unwrap().len();
        let mut command = creel();
        command.arg("digest").arg(&path);
        command.args(["--progress", "json", "--progress-interval", "0s"]);
        let lines = json_lines(&command.assert().success().get_output().stderr);
        assert!(!lines.is_empty(), "{name}");
        for line in &lines {
            assert_eq!(
                (&line["total"], &line["unit"]),
                (&size.into(), &"bytes".into())
            );
            assert!(line["done"].as_u64().unwrap() <= size);
        }
    }
}

#[test]
fn ranges_are_cut_by_keys_and_add_up() {
    let db = three();
    let mut command = db.run("digest");
    command.args(["--ranges", "8", "--json"]);
    let lines = json_lines(stdout(command).as_bytes());
    let (total, ranges) = lines.split_last().unwrap();
    assert_eq!(total["record"], "digest");
    let bits = total["bits"].to_string();
    assert!((8..40).contains(&ranges.len()), "{}", ranges.len());
    let entries = ranges.iter().map(|r| r["entries"].as_u64().unwrap());
    assert_eq!(entries.sum::<u64>(), 504);
    for range in ranges {
        assert_eq!(range["record"], "range");
        let mut args = vec!["--enc".to_owned(), "base64".to_owned()];
        args.extend([
            "--keyspace".into(),
            range["keyspace"].as_str().unwrap().into(),
        ]);
        for (flag, field) in [("--from", "from_b64"), ("--to", "to_b64")] {
            if let Some(key) = range[field].as_str() {
                args.extend([flag.to_owned(), key.to_owned()]);
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(range["digest"], digest(&db.path, &args), "{args:?}");
    }
    // An export is cut alike: by the same number, or by counting first.
    let path = export(&db, "a.jsonl", &[]);
    let text = |args: &[&str]| {
        let mut command = creel();
        command.arg("digest").args(args);
        let text = stdout(command);
        text.lines()
            .rev()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (db_path, export) = (db.path.to_str().unwrap(), path.to_str().unwrap());
    let ours = text(&[db_path, "--ranges", "8"]);
    assert_eq!(ours.len(), ranges.len());
    assert_eq!(text(&[export, "--ranges", "8"]), ours);
    assert_eq!(text(&[export, "--bits", &bits]), ours);
    creel()
        .args(["digest", "-", "--ranges", "8"])
        .write_stdin(fs::read(&path).unwrap())
        .assert()
        .code(2)
        .stderr(predicate::str::contains("--bits"));
}

#[test]
fn ranges_show_where_two_copies_differ() {
    let db = Db::filled(5000);
    let copy = db.dir.path().join("copy.db");
    db.run("compact").arg("-o").arg(&copy).assert().success();
    db.run("delete").arg("key002345").assert().success();
    let ranges = |path: &Path| {
        let mut command = creel();
        command
            .arg("digest")
            .arg(path)
            .args(["--bits", "7", "--json"]);
        let lines = json_lines(stdout(command).as_bytes());
        let named = lines.into_iter().filter(|l| l["record"] == "range");
        named.collect::<Vec<_>>()
    };
    let (ours, theirs) = (ranges(&db.path), ranges(&copy));
    let differing: Vec<_> = theirs.iter().filter(|r| !ours.contains(r)).collect();
    assert!(theirs.len() > 20 && (1..=2).contains(&differing.len()));
    let holds = |r: &&&serde_json::Value| {
        let from = unbase64(&r["from_b64"]);
        let to = r["to_b64"].as_str().map(|_| unbase64(&r["to_b64"]));
        let key = b"key002345".to_vec();
        from <= key && to.is_none_or(|to| to > key)
    };
    assert!(differing.iter().any(|r| holds(&r)));
}

/// Two hosts exchange a few lines, and look closer at what differs.
#[test]
fn a_list_of_ranges_is_held_against_another_copy() {
    let db = three();
    let copy = db.dir.path().join("copy.db");
    db.run("compact").arg("-o").arg(&copy).assert().success();
    let list = |name: &str, args: &[&str]| {
        let mut command = db.run("digest");
        command.args(["-q", "--ranges", "8"]).args(args);
        db.file(name, stdout(command).as_bytes())
    };
    let check = |list: &Path, args: &[&str]| {
        let mut command = creel();
        command.args(["digest", "--check"]).arg(list).arg(&copy);
        command.args(args);
        command
    };
    let whole = list("whole", &[]);
    let ok = format!("{}: OK\n", copy.display());
    check(&whole, &[]).assert().success().stdout(ok.clone());
    let change = |args: &[&str]| {
        let mut command = creel();
        command
            .arg(args[0])
            .arg(&copy)
            .args(&args[1..])
            .assert()
            .success();
    };
    change(&["put", "key000234", "changed"]);
    let output = check(&whole, &[]).assert().code(1).get_output().clone();
    let text = String::from_utf8(output.stdout).unwrap();
    let line: Vec<&str> = text.lines().next().unwrap().split('\t').collect();
    assert_eq!(
        (line[0], line[1], line.len()),
        ("differs", "main", 6),
        "{text}"
    );
    assert!(line[2] <= "key000234" && (line[3].is_empty() || line[3] > "key000234"));
    assert_eq!(line[4], line[5], "as many entries: {text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    // What it says to do next leads to a smaller range.
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("--from '{}'", line[2])), "{said}");
    let part = ["--keyspace", "main", "--from", line[2]];
    let closer = check(&list("part", &part), &part)
        .arg("--json")
        .assert()
        .code(1);
    let lines = json_lines(&closer.get_output().stdout);
    let differing: Vec<_> = lines
        .iter()
        .filter(|l| l["record"] == "range_check" && l["same"] == false)
        .collect();
    assert_eq!(differing.len(), 1, "{lines:?}");
    assert!(
        lines
            .iter()
            .filter(|l| l["record"] == "range_check")
            .count()
            > 4
    );

    // Keys before the first border, a keyspace more and one less.
    change(&["put", "key000234", "value 234"]);
    let again = check(&whole, &[]).assert().code(0);
    assert_eq!(String::from_utf8_lossy(&again.get_output().stdout), ok);
    change(&["put", "a", "1"]);
    change(&["put", "x", "1", "--keyspace", "more"]);
    change(&["delete", "--keyspace", "zoo", "a", "b"]);
    let output = check(&whole, &[]).assert().code(1).get_output().clone();
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|l| l.split('\t').nth(1)).collect();
    assert_eq!(names, ["main", "zoo", "more"], "{text}");
    let gone = text.lines().find(|l| l.contains("\tzoo\t")).unwrap();
    assert!(gone.ends_with("\t2\t0"), "{gone}");

    // A list that is cut, or is of several, is not believed.
    let bytes = fs::read(&whole).unwrap();
    let last = bytes.len() - bytes.split(|b| *b == b'\n').rev().nth(1).unwrap().len() - 1;
    check(&db.file("cut", &bytes[..last]), &[]).assert().code(9);
    check(&db.file("cut", &bytes[100..]), &[]).assert().code(9);
    // Without its first range it was "OK", behind a line that said where it differs.
    let first = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    check(&db.file("torn", &bytes[first..]), &[])
        .assert()
        .code(1);
    check(&db.file("two", &[&bytes[..], &bytes].concat()), &[])
        .assert()
        .code(2);
}

#[test]
fn check_compares_and_never_takes_an_error_for_a_difference() {
    let db = three();
    let path = export(&db, "a.jsonl", &[]);
    let mut list = creel();
    list.arg("digest").arg(&db.path).arg(&path);
    let list = db.file("list", stdout(list).as_bytes());
    let check = |list: &Path| {
        let mut command = creel();
        command.args(["digest", "--check"]).arg(list);
        command
    };
    let names = (db.path.display(), path.display());
    check(&list)
        .assert()
        .success()
        .stdout(format!("{}: OK\n{}: OK\n", names.0, names.1));
    db.run("put").args(["new", "1"]).assert().success();
    check(&list)
        .assert()
        .code(1)
        .stdout(format!("{}: FAILED\n{}: OK\n", names.0, names.1));
    check(&list)
        .arg("-q")
        .assert()
        .code(1)
        .stdout(format!("{}: FAILED\n", names.0));
    let output = check(&list)
        .arg("--json")
        .assert()
        .code(1)
        .get_output()
        .clone();
    let lines = json_lines(&output.stdout);
    assert_eq!(
        (&lines[0]["same"], &lines[1]["same"]),
        (&false.into(), &true.into())
    );
    flip(&path, 300);
    check(&list).assert().code(9);
    fs::remove_file(&path).unwrap();
    check(&list).assert().code(5);
    for bad in [&b""[..], b"\n", b"abc  test.db\n", &[b'0'; 64]] {
        check(&db.file("bad", bad)).assert().code(9);
    }
    // The list may come from a pipe.
    let line = stdout(db.run("digest"));
    check(Path::new("-")).write_stdin(line).assert().success();
}

#[test]
#[cfg(unix)]
fn strange_names_come_back() {
    let db = Db::with(&[("a", "1")]);
    let strange = db.dir.path().join("a\nb\\c");
    fs::rename(&db.path, &strange).unwrap();
    let mut command = creel();
    command.arg("digest").arg(&strange);
    let line = stdout(command);
    assert!(
        line.starts_with('\\') && line.ends_with("a\\nb\\\\c\n"),
        "{line}"
    );
    let list = db.file("list", line.as_bytes());
    creel()
        .args(["digest", "--check"])
        .arg(list)
        .assert()
        .success();
}

#[test]
fn damaged_exports_have_no_digest() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    for (name, args) in [("a.jsonl", &[][..]), ("a.raw", &["--format", "raw"])] {
        let whole = fs::read(export(&db, name, args)).unwrap();
        let paths = [whole.len() / 2, whole.len() - 1].map(|end| {
            let cut = db.file(&format!("cut{end}-{name}"), &whole[..end]);
            let changed = db.file(&format!("changed{end}-{name}"), &whole);
            flip(&changed, end - 3);
            [cut, changed]
        });
        for path in paths.as_flattened() {
            let mut command = creel();
            command.arg("digest").arg(path);
            let error = json_error(command, 9);
            assert!(error["detail"]["line"].is_u64(), "{error}");
        }
        let joined = db.file(&format!("joined-{name}"), &[whole.clone(), whole].concat());
        creel().arg("digest").arg(joined).assert().code(9);
    }
}

#[test]
fn what_is_out_of_order_is_sorted() {
    let line = |(ks, key, value): (&str, &str, &str)| {
        format!("{{\"ks\":\"{ks}\",\"key_utf8\":\"{key}\",\"payload_utf8\":\"{value}\"}}\n")
    };
    let db = Db::new();
    for [ks, key, value] in [
        ["main", "a", "1"],
        ["main", "b", "2"],
        ["before", "z", "3"],
        ["zoo", "a", "4"],
    ] {
        db.run("put")
            .args([key, value, "--keyspace", ks])
            .assert()
            .success();
    }
    // Of several records with one key the last one counts, as it does for import.
    let records = [
        ("zoo", "a", "4"),
        ("main", "b", "0"),
        ("before", "z", "3"),
        ("main", "a", "1"),
        ("main", "b", "2"),
    ];
    let bare = db.file("bare.jsonl", records.map(line).concat().as_bytes());
    let expected = digest(&db.path, &[]);
    assert_eq!(digest(&bare, &[]), expected);
    // A dump has main first, and comes through a pipe too.
    let dump = db.dir.path().join("dump.mdb");
    let mut export = db.run("export");
    export.args(["--format", "mdb", "-o"]).arg(&dump);
    export.assert().success();
    assert_eq!(digest(&dump, &[]), expected);
    let piped = creel()
        .args(["digest", "-"])
        .write_stdin(fs::read(&dump).unwrap())
        .assert()
        .success();
    let piped = String::from_utf8(piped.get_output().stdout.clone()).unwrap();
    assert_eq!(piped.split(' ').next().unwrap(), expected);
    // Ranges to delete have no place among sorted keys.
    let ranges = db.file(
        "ranges.jsonl",
        b"{\"op\":\"del_range\",\"from\":\"YQ==\"}\n",
    );
    creel().arg("digest").arg(ranges).assert().code(9);
}
