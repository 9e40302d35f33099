use predicates::prelude::*;

use crate::support::{Db, base64, json, json_lines, stdout, unbase64};

fn list(db: &Db, args: &[&str]) -> String {
    let mut command = db.run("list");
    command.args(args);
    stdout(command)
}

fn abc() -> Db {
    Db::with(&[("a", "1"), ("ab", "2"), ("b", "3"), ("c", "4")])
}

#[test]
fn an_empty_database_lists_nothing() {
    let db = Db::new();
    assert_eq!(db.list(), "");
    assert_eq!(list(&db, &["--count"]), "0\n");
}

#[test]
fn entries_come_in_unsigned_byte_order() {
    let db = Db::new();
    for key in ["ff", "80", "7f", "61", "6100", "00"] {
        db.run("put")
            .args(["--key-enc", "hex", key, "v"])
            .assert()
            .success();
    }
    assert_eq!(
        list(&db, &["--keys-only", "--out", "hex"]),
        "00\n61\n6100\n7f\n80\nff\n"
    );
}

#[test]
fn what_is_printed() {
    let db = abc();
    assert_eq!(list(&db, &["--limit", "2"]), "a\t1\nab\t2\n");
    assert_eq!(list(&db, &["--keys-only"]), "a\nab\nb\nc\n");
    assert_eq!(list(&db, &["--values"]), "1\n2\n3\n4\n");
    assert_eq!(list(&db, &["--sizes", "--prefix", "b"]), "b\t1\n");
    assert_eq!(list(&db, &["--count"]), "4\n");
    db.run("list")
        .args(["--count", "--values"])
        .assert()
        .code(2);
}

#[test]
fn ranges() {
    let db = abc();
    assert_eq!(list(&db, &["--keys-only", "--prefix", "a"]), "a\nab\n");
    assert_eq!(
        list(&db, &["--keys-only", "--from", "ab", "--to", "c"]),
        "ab\nb\n"
    );
    assert_eq!(list(&db, &["--keys-only", "--after", "ab"]), "b\nc\n");
    assert_eq!(
        list(&db, &["--keys-only", "--prefix", "a", "--after", "a"]),
        "ab\n"
    );
    assert_eq!(list(&db, &["--keys-only", "--from", "x", "--to", "b"]), "");
    assert_eq!(list(&db, &["--count", "--from", "b"]), "2\n");
}

#[test]
fn reverse_is_the_mirror() {
    let db = abc();
    assert_eq!(list(&db, &["--keys-only", "--reverse"]), "c\nb\nab\na\n");
    assert_eq!(list(&db, &["--reverse", "--limit", "1"]), "c\t4\n");
    assert_eq!(
        list(&db, &["--keys-only", "--reverse", "--after", "b"]),
        "ab\na\n"
    );
}

#[test]
fn globs_match_bytes() {
    let db = Db::with(&[
        ("log:1:x", ""),
        ("log:2:y", ""),
        ("log:10:x", ""),
        ("other", ""),
    ]);
    assert_eq!(
        list(&db, &["--keys-only", "--glob", "log:*:x"]),
        "log:10:x\nlog:1:x\n"
    );
    assert_eq!(
        list(&db, &["--keys-only", "--glob", "log:[2-9]:?"]),
        "log:2:y\n"
    );
    assert_eq!(list(&db, &["--count", "--glob", "*"]), "4\n");
    db.run("list").args(["--glob", "[a"]).assert().code(2);
}

#[test]
fn one_line_is_one_entry_for_any_bytes() {
    let db = Db::new();
    db.run("put")
        .args(["--enc", "escape", "a\\n\\t\\\\", "\\x1b[2J\\x00\\xff"])
        .assert()
        .success();
    assert_eq!(db.list(), "a\\n\\t\\\\\t\\x1b[2J\\x00\\xff\n");
}

#[test]
fn null_separates_raw_fields_and_refuses_null_bytes() {
    let db = Db::with(&[("a\nb", "1")]);
    assert_eq!(list(&db, &["-0"]), "a\nb\x001\x00");
    db.run("put")
        .args(["--enc", "hex", "7a00", "00"])
        .assert()
        .success();
    db.run("list")
        .arg("-0")
        .assert()
        .code(9)
        .stderr(predicate::str::contains("zero byte"));
}

#[test]
fn json_lines_with_a_summary_for_paging() {
    let db = abc();
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    for page in 0..5 {
        let mut command = db.run("list");
        command.args(["--json", "--limit", "2", "--enc", "base64"]);
        if let Some(after) = &after {
            command.args(["--after", after]);
        }
        let lines = json_lines(stdout(command).as_bytes());
        let (end, entries) = lines.split_last().unwrap();
        assert!(lines.iter().all(|l| l["schema"] == "creel.list/1"));
        assert_eq!(end["record"], "end");
        assert_eq!(end["entries"], entries.len());
        assert!(end["position"]["index"].is_u64());
        all.extend(entries.iter().map(|e| unbase64(&e["key_b64"])));
        match end["next_after_b64"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => {
                assert_eq!((page, &end["more"]), (1, &serde_json::Value::Bool(false)));
                break;
            }
        }
    }
    assert_eq!(all, [&b"a"[..], b"ab", b"b", b"c"]);
}

#[test]
fn json_of_keys_only_has_no_value() {
    let db = abc();
    let lines = json_lines(list(&db, &["--json", "--keys-only", "--limit", "1"]).as_bytes());
    assert_eq!(lines[0]["key_b64"], base64(b"a"));
    assert!(lines[0].get("value_b64").is_none());
    assert_eq!(lines[0]["value_bytes"], 1);
}

#[test]
fn aliases() {
    let db = abc();
    for name in ["scan", "keys"] {
        assert_eq!(stdout(db.run(name)), db.list());
    }
}

#[test]
fn redact_shows_no_bytes() {
    let db = Db::with(&[("secret", "secret")]);
    for args in [
        &["--redact"][..],
        &["--redact", "--json"],
        &["--redact", "-0"],
    ] {
        let text = list(&db, args);
        assert!(
            !text.contains("secret") && !text.contains(&base64(b"secret")),
            "{text}"
        );
    }
}

#[test]
fn large_lists_are_complete() {
    let db = Db::filled(20_000);
    let text = db.list();
    assert_eq!(text.lines().count(), 20_000);
    assert!(text.lines().is_sorted());
    assert_eq!(list(&db, &["--count"]), "20000\n");
    assert_eq!(list(&db, &["--count", "--glob", "key01*"]), "10000\n");
}

#[test]
fn listing_never_changes_the_file() {
    let db = abc();
    let before = db.bytes();
    db.list();
    assert_eq!(db.bytes(), before);
    assert_eq!(db.files(), ["test.db"]);
}

/// `--after ''` is refused, so an empty key led nowhere.
#[test]
fn a_page_of_nothing_names_no_key_to_go_on_after() {
    let db = Db::with(&[("a", "1")]);
    let mut command = db.run("list");
    command.args(["--limit", "0"]);
    let end = json(command);
    assert_eq!(end["more"], true);
    assert!(end["next_after_b64"].is_null(), "{end}");
    db.run("list").args(["-0", "--json"]).assert().code(2);
}
