use std::fs;

use predicates::prelude::*;

use crate::support::{Db, base64, json, json_lines, stdout, unbase64};

#[test]
fn a_pipe_gets_the_exact_bytes() {
    let db = Db::with(&[("k", "line\n\x1b[31mred")]);
    assert_eq!(db.get("k"), b"line\n\x1b[31mred");
}

#[test]
fn an_absent_key_is_exit_1_without_a_word() {
    let db = Db::new();
    db.run("get")
        .arg("nope")
        .assert()
        .code(1)
        .stdout("")
        .stderr("");
    db.run("get")
        .args(["nope", "-v"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(predicate::str::contains("nope"));
}

#[test]
fn a_missing_file_is_exit_5_with_the_next_command() {
    crate::support::creel()
        .args(["get", "/no/such.db", "k"])
        .assert()
        .code(5)
        .stdout("")
        .stderr(predicate::str::contains("creel open /no/such.db --create"));
}

#[test]
fn another_file_is_exit_6() {
    let db = Db::new();
    let other = db.file("other", &[b'x'; 100_000]);
    crate::support::creel()
        .arg("get")
        .arg(other)
        .arg("k")
        .assert()
        .code(6);
    let empty = db.file("empty", b"");
    crate::support::creel()
        .arg("get")
        .arg(&empty)
        .arg("k")
        .assert()
        .code(6);
    assert_eq!(fs::read(empty).unwrap(), b"", "an empty file stays empty");
}

#[test]
fn a_directory_is_no_database() {
    let db = Db::new();
    let output = crate::support::creel()
        .arg("get")
        .arg(db.dir.path())
        .arg("k")
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(6 | 8)), "{output:?}");
}

#[test]
fn default_stands_in_for_an_absent_key() {
    let db = Db::with(&[("k", "v")]);
    db.run("get")
        .args(["nope", "--default", "d"])
        .assert()
        .success()
        .stdout("d");
    db.run("get")
        .args(["k", "--default", "d"])
        .assert()
        .success()
        .stdout("v");
}

#[test]
fn newline_is_added_only_when_asked() {
    let db = Db::with(&[("k", "v")]);
    db.run("get")
        .args(["k", "--newline"])
        .assert()
        .success()
        .stdout("v\n");
}

#[test]
fn parts_of_a_value() {
    let db = Db::with(&[("k", "0123456789")]);
    for (offset, length, part) in [
        ("0", "3", "012"),
        ("8", "5", "89"),
        ("10", "1", ""),
        ("99", "1", ""),
        ("3", "0", ""),
    ] {
        db.run("get")
            .args(["k", "--offset", offset, "--length", length])
            .assert()
            .success()
            .stdout(part);
    }
    db.run("get")
        .args(["k", "--offset", "4"])
        .assert()
        .success()
        .stdout("456789");
}

#[test]
fn several_keys_are_json_lines_in_the_order_asked() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let output = db
        .run("get")
        .args(["b", "nope", "a"])
        .assert()
        .code(1)
        .get_output()
        .clone();
    let lines = json_lines(&output.stdout);
    assert_eq!(lines.len(), 3);
    let found: Vec<bool> = lines
        .iter()
        .map(|l| l["found"].as_bool().unwrap())
        .collect();
    assert_eq!(found, [true, false, true]);
    assert_eq!(unbase64(&lines[0]["value_b64"]), b"2");
    assert!(lines[1]["value_bytes"].is_null());
    assert!(lines.iter().all(|l| l["schema"] == "creel.get/1"));
}

#[test]
fn json_of_one_key() {
    let db = Db::with(&[("k", "\u{e9}")]);
    let mut command = db.run("get");
    command.arg("k");
    let record = json(command);
    assert_eq!(record["key_b64"], base64(b"k"));
    assert_eq!(record["value_bytes"], 2);
    let mut command = db.run("get");
    command.args(["k", "--out", "json"]);
    assert!(stdout(command).contains("\"found\":true"));
}

#[test]
fn keys_from_standard_input_are_as_list_prints_them() {
    let db = Db::new();
    db.run("put")
        .args(["--enc", "escape", "a\\tb\\x00", "1"])
        .assert()
        .success();
    db.run("put").args(["plain", "2"]).assert().success();
    let mut list = db.run("list");
    list.arg("--keys-only");
    let keys = stdout(list);
    let output = db
        .run("get")
        .args(["--keys-from", "-"])
        .write_stdin(keys)
        .assert()
        .success()
        .get_output()
        .clone();
    let values: Vec<Vec<u8>> = json_lines(&output.stdout)
        .iter()
        .map(|l| unbase64(&l["value_b64"]))
        .collect();
    assert_eq!(values, [b"1", b"2"]);
}

#[test]
fn a_bad_line_in_a_file_of_keys_is_exit_9_with_its_number() {
    let db = Db::new();
    db.run("get")
        .args(["--keys-from", "-"])
        .write_stdin("a\n\nb\n")
        .assert()
        .code(9)
        .stdout("")
        .stderr(predicate::str::contains(":2:"));
}

#[test]
fn output_file_is_whole_and_never_replaced_by_accident() {
    let db = Db::with(&[("k", "new")]);
    let path = db.file("out", b"old");
    db.run("get").arg("k").arg("-o").arg(&path).assert().code(8);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    db.run("get")
        .arg("k")
        .arg("-o")
        .arg(&path)
        .arg("--force")
        .assert()
        .success()
        .stdout("");
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(db.files(), ["out", "test.db"], "no temporary file stays");
}

#[test]
fn an_absent_key_makes_no_output_file() {
    let db = Db::new();
    let path = db.dir.path().join("out");
    db.run("get")
        .arg("nope")
        .arg("-o")
        .arg(&path)
        .assert()
        .code(1);
    assert!(!path.exists());
}

#[test]
fn a_full_device_as_output_file_is_exit_8() {
    let db = Db::with(&[("k", "v")]);
    if std::path::Path::new("/dev/full").exists() {
        db.run("get")
            .args(["k", "-o", "/dev/full"])
            .assert()
            .code(8);
    }
}

#[test]
fn redact_shows_no_bytes() {
    let db = Db::with(&[("secret-key", "secret-value")]);
    let mut command = db.run("get");
    command.args(["secret-key", "--redact"]);
    let text = stdout(command);
    assert!(
        text.contains("12 bytes") && !text.contains("secret"),
        "{text}"
    );
    let mut command = db.run("get");
    command.args(["secret-key", "--redact"]);
    let record = json(command);
    assert!(record.get("key_b64").is_none() && record.get("value_b64").is_none());
}

#[test]
fn no_key_at_all_is_a_usage_error() {
    let db = Db::new();
    db.run("get").assert().code(2);
}

#[test]
fn an_unknown_keyspace_is_exit_1_and_says_so() {
    let db = Db::new();
    db.run("get")
        .args(["k", "--keyspace", "users"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("users"));
}

/// A keyspace comes with the first put into it; until then a script got exit 1 instead of its default.
#[test]
fn default_stands_in_for_a_key_of_a_keyspace_to_come() {
    let db = Db::new();
    let get = |args: &[&str]| {
        let mut command = db.run("get");
        command.args(args).args(["--keyspace", "counters"]);
        command
    };
    assert_eq!(stdout(get(&["visits", "--default", "0"])), "0");
    let record = json(get(&["visits", "--default", "0"]));
    assert_eq!(record["found"], false);
    assert_eq!(record["value_b64"], base64(b"0"));
    get(&["visits"]).assert().code(1).stdout("");
}

/// All keys were kept in memory before the first was answered.
#[test]
fn keys_without_end_are_answered_in_bounded_memory() {
    let db = Db::with(&[("k", "v")]);
    let mut lines = "k\n".repeat(300_000);
    lines.push_str("none\n\n");
    let mut command = db.run("get");
    command.args(["--keys-from", "-"]).write_stdin(lines);
    let output = command.assert().code(9).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("-:300002:"), "{said}");
    assert!(said.contains("are answered"), "{said}");
    let answers = output
        .stdout
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty());
    let found = br#""found":true,"value_b64":"dg==""#;
    let right = answers.filter(|l| l.windows(found.len()).any(|w| w == found));
    assert!(right.count() > 200_000);
}
