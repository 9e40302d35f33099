//! Ordinary accidents, and the status that a script gets to see for each: never 0 where something
//! is wrong or missing, never a crash or an endless loop on a damaged file.

use std::fs;
use std::process::Stdio;

use crate::import::{import, record, report};
use crate::support::{Db, creel, stdout};

/// The output of a command that ends with this status.
fn ends(mut command: assert_cmd::Command, code: i32) -> String {
    let assert = command.assert().code(code);
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

fn filled() -> Db {
    let db = Db::filled(300);
    db.run("checkpoint").assert().success();
    db
}

/// A database with a page of noise in the middle.
fn damaged() -> Db {
    let db = filled();
    let mut bytes = db.bytes();
    let info = creel::info(&db.path).unwrap();
    let page = info.page_size as usize;
    let last = bytes.len() / page - 1;
    let noise = last.saturating_sub(6) * page..last * page;
    for (at, byte) in bytes[noise].iter_mut().enumerate() {
        *byte ^= (at * 31 + 7) as u8;
    }
    fs::write(&db.path, bytes).unwrap();
    db
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
fn exporting_a_damaged_database() {
    let db = damaged();
    for args in [
        &[][..],
        &["--format", "csv"],
        &["--format", "mdb"],
        &["--bare"],
    ] {
        let mut command = db.run("export");
        command.args(args);
        ends(command, 4);
    }
    let mut command = db.run("export");
    command.arg("-o").arg(db.dir.path().join("out.jsonl"));
    ends(command, 4);
    assert_eq!(
        db.files(),
        ["test.db"],
        "half an export stays under its name"
    );
}

#[test]
#[cfg(unix)]
fn writing_to_a_full_device() {
    let db = filled();
    for args in [
        &["export"][..],
        &["export", "--format", "csv"],
        &["export", "--bare"],
        &["list"],
        &["list", "--keys-only"],
        &["get", "key000001"],
        &["digest"],
        &["stats"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg(args[0])
            .arg(&db.path)
            .args(&args[1..])
            .stdout(full)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(8), "{args:?}");
    }
}

#[test]
fn loading_a_dump_cut_in_half_between_two_records() {
    let db = filled();
    let copy = Db::new();
    let text = exported(&db, &[]);
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    ends(import(&copy, &lines[..150].concat(), &[]), 9);
    let dump = exported(&db, &["--format", "mdb"]);
    let lines: Vec<&[u8]> = dump.split_inclusive(|b| *b == b'\n').collect();
    let header = lines.iter().position(|l| *l == b"HEADER=END\n").unwrap() + 1;
    ends(
        import(&copy, &lines[..header + 100].concat(), &["--format", "mdb"]),
        9,
    );
    // Between a key and its value.
    ends(
        import(&copy, &lines[..header + 101].concat(), &["--format", "mdb"]),
        9,
    );
    let mut without_value = lines.clone();
    without_value.remove(header + 101);
    ends(
        import(&copy, &without_value.concat(), &["--format", "mdb"]),
        9,
    );
    let raw = exported(&db, &["--format", "raw"]);
    ends(
        import(&copy, &raw[..raw.len() / 2], &["--format", "raw"]),
        9,
    );
    assert_eq!(copy.list(), "", "something of it was loaded");
    // A format that cannot know is told what to expect.
    let tsv = exported(&db, &["--format", "tsv"]);
    let lines: Vec<&[u8]> = tsv.split_inclusive(|b| *b == b'\n').collect();
    let half = lines[..150].concat();
    ends(
        import(&copy, &half, &["--format", "tsv", "--expect", "300"]),
        9,
    );
    assert_eq!(copy.list(), "");
}

#[test]
fn loading_a_dump_whose_trailer_claims_more_records() {
    let db = filled();
    let copy = Db::new();
    let text = String::from_utf8(exported(&db, &[])).unwrap();
    let claimed = text.replace("\"records\":300", "\"records\":999");
    assert_ne!(claimed, text);
    let said = ends(import(&copy, claimed.as_bytes(), &[]), 9);
    assert!(said.contains("999") && said.contains("300"), "{said}");
    let mut raw = exported(&db, &["--format", "raw"]);
    let at = raw.len() - 12;
    raw[at] ^= 1;
    ends(import(&copy, &raw, &["--format", "raw"]), 9);
    assert_eq!(copy.list(), "");
}

#[test]
fn loading_lines_that_are_not_what_they_should_be() {
    let db = Db::new();
    let dump = "VERSION=3\nformat=bytevalue\nHEADER=END\n 61\n 31\n zz\n 32\n 63\n 33\nDATA=END\n";
    let good = record("a", "1");
    for (text, format) in [
        (dump.to_owned(), "mdb"),
        ("a\t1\nno tab here\nc\t3\n".to_owned(), "tsv"),
        ("a,1\nno comma here\nc,3\n".to_owned(), "csv"),
        (format!("{good}not json\n{}", record("c", "3")), "jsonl"),
    ] {
        let said = ends(import(&db, text.as_bytes(), &["--format", format]), 9);
        assert!(said.contains("nothing was changed"), "{format}: {said}");
        assert_eq!(db.list(), "", "{format}: the lines before it were loaded");
        // Passing over it is a wish, and still not 0.
        let args = ["--format", format, "--on-error", "skip"];
        ends(import(&db, text.as_bytes(), &args), 3);
        assert_eq!(db.list(), "a\t1\nc\t3\n", "{format}");
        db.run("delete")
            .args(["--prefix", "", "--from", "a", "--yes"])
            .assert()
            .success();
    }
}

#[test]
fn looking_for_what_is_not_there() {
    let db = filled();
    let mut command = db.run("get");
    command.arg("missing");
    ends(command, 1);
    let mut command = db.run("exists");
    command.arg("missing");
    ends(command, 1);
    let mut command = db.run("put");
    command.args(["key000001", "x", "--if-absent"]);
    ends(command, 1);
    let mut command = db.run("delete");
    command.args(["missing", "--must-exist"]);
    ends(command, 1);
    let missing = db.dir.path().join("missing.db");
    for verb in [
        "get", "list", "export", "import", "verify", "stats", "digest", "info",
    ] {
        let mut command = creel();
        command.arg(verb).arg(&missing);
        if verb == "get" {
            command.arg("k");
        }
        command.write_stdin("");
        ends(command, 5);
        assert!(!missing.exists(), "{verb} made the file");
    }
}

#[test]
fn checking_a_damaged_file() {
    let db = damaged();
    for args in [
        &["verify"][..],
        &["verify", "--level", "deep"],
        &["verify", "--json"],
    ] {
        let mut command = db.run(args[0]);
        command.args(&args[1..]);
        ends(command, 4);
    }
    for args in [
        &["list"][..],
        &["digest"],
        &["export"],
        &["stats", "--exact"],
        &["compact"],
    ] {
        let mut command = db.run(args[0]);
        command.args(&args[1..]);
        ends(command, 4);
    }
}

/// Whatever is wrong with a file: an answer, soon, and not 0 from those who read all of it.
#[test]
fn every_command_on_files_cut_short_or_full_of_noise() {
    let db = filled();
    let whole = db.bytes();
    let mut files: Vec<Vec<u8>> = [1, 100, 600, 4096, 5000, whole.len() / 2, whole.len() - 1]
        .iter()
        .map(|n| whole[..*n].to_vec())
        .collect();
    for step in [3, 7, 13] {
        let mut noise = whole.clone();
        for at in (4096..noise.len()).step_by(step) {
            noise[at] = noise[at].wrapping_mul(29).wrapping_add(at as u8);
        }
        files.push(noise);
    }
    files.push(vec![0; 20_000]);
    for (i, bytes) in files.iter().enumerate() {
        fs::write(&db.path, bytes).unwrap();
        for args in [
            &["verify"][..],
            &["list"],
            &["export"],
            &["digest"],
            &["stats"],
            &["compact"],
            &["checkpoint"],
            &["info"],
            &["import"],
            &["get", "key000100"],
        ] {
            let mut command = db.run(args[0]);
            command.args(&args[1..]).write_stdin(record("a", "1"));
            let output = command.output().unwrap();
            let code = output.status.code();
            assert!(code.is_some(), "file {i}, {args:?}: {output:?}");
            assert_ne!(code, Some(70), "file {i}, {args:?}: {output:?}");
            if ["verify", "export", "digest", "list"].contains(&args[0]) {
                assert_ne!(code, Some(0), "file {i}, {args:?}");
            }
        }
    }
}

#[test]
fn reading_commands_leave_a_file_with_an_open_log_alone() {
    let db = Db::filled(50);
    let before = db.bytes();
    for args in [
        &["verify"][..],
        &["list"],
        &["export"],
        &["digest"],
        &["stats"],
        &["info"],
        &["import", "--dry-run"],
    ] {
        let mut command = db.run(args[0]);
        command.args(&args[1..]).write_stdin(record("a", "1"));
        command.assert().success();
        assert_eq!(db.bytes(), before, "{args:?} wrote to the file");
    }
    // An empty file is not turned into a database by looking at it.
    let empty = db.file("empty.db", b"");
    for verb in ["verify", "list", "import"] {
        let mut command = creel();
        command.arg(verb).arg(&empty).write_stdin("");
        command.assert().failure();
        assert_eq!(fs::read(&empty).unwrap(), b"");
    }
}

#[test]
fn what_was_loaded_is_what_was_dumped() {
    let db = filled();
    let copy = Db::new();
    report(&copy, &exported(&db, &[]), &[]);
    let digest = |db: &Db| {
        stdout(db.run("digest"))
            .split(' ')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(digest(&copy), digest(&db));
}
