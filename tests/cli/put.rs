use predicates::prelude::*;

use crate::support::{Db, json, json_error, stdout};

#[test]
fn put_is_silent_and_get_gives_it_back() {
    let db = Db::new();
    db.run("put")
        .args(["greeting", "hello"])
        .assert()
        .success()
        .stdout("")
        .stderr("");
    assert_eq!(db.get("greeting"), b"hello");
}

#[test]
fn an_empty_value_is_a_value() {
    let db = Db::with(&[("k", "")]);
    db.run("get").arg("k").assert().success().stdout("");
    db.run("exists").arg("k").assert().success();
}

#[test]
fn an_empty_key_is_a_usage_error() {
    let db = Db::new();
    db.run("put")
        .args(["", "v"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("empty"));
}

#[test]
fn a_key_over_the_limit_is_a_usage_error_that_names_the_limit() {
    let db = Db::new();
    let error = {
        let mut command = db.run("put");
        command.args([&"k".repeat(5000), "v"]);
        json_error(command, 2)
    };
    assert_eq!(error["detail"]["actual"], 5000);
    assert!(error["detail"]["limit"].as_u64().unwrap() < 4096);
}

#[test]
fn a_word_that_starts_with_a_dash_needs_two_dashes() {
    let db = Db::new();
    db.run("put").args(["-k", "v"]).assert().code(2);
    db.run("put").args(["--", "-k", "-v"]).assert().success();
    db.run("get")
        .args(["--", "-k"])
        .assert()
        .success()
        .stdout("-v");
}

#[test]
fn a_lone_dash_is_a_value_like_any_other() {
    let db = Db::with(&[("k", "-")]);
    assert_eq!(db.get("k"), b"-");
}

#[test]
fn value_from_a_file_is_exact() {
    let db = Db::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let file = db.file("value", &bytes);
    db.run("put")
        .arg("k")
        .arg("--value-file")
        .arg(file)
        .assert()
        .success();
    assert_eq!(db.get("k"), bytes);
}

#[test]
fn value_from_standard_input_is_exact() {
    let db = Db::new();
    db.run("put")
        .args(["k", "--value-file", "-"])
        .write_stdin(&b"a\0b\xff\n"[..])
        .assert()
        .success();
    assert_eq!(db.get("k"), b"a\0b\xff\n");
}

#[test]
fn key_from_a_file_with_the_value_as_a_word() {
    let db = Db::new();
    let file = db.file("key", b"\0key\n");
    db.run("put")
        .arg("value")
        .arg("--key-file")
        .arg(&file)
        .assert()
        .success();
    db.run("get")
        .args(["--enc", "hex", "006b65790a"])
        .assert()
        .success()
        .stdout("value");
    db.run("get")
        .arg("--key-file")
        .arg(&file)
        .assert()
        .success()
        .stdout("value");
}

#[test]
fn standard_input_is_used_only_once() {
    let db = Db::new();
    db.run("put")
        .args(["--key-file", "-", "--value-file", "-"])
        .write_stdin("x")
        .assert()
        .code(2)
        .stderr(predicate::str::contains("standard input"));
}

#[test]
fn a_value_given_twice_or_never_is_a_usage_error() {
    let db = Db::new();
    db.run("put")
        .args(["k", "v", "--value-file", "-"])
        .assert()
        .code(2);
    db.run("put")
        .arg("k")
        .assert()
        .code(2)
        .stderr(predicate::str::contains("--value-file"));
    db.run("put").assert().code(2);
}

#[test]
fn a_missing_value_file_is_exit_5_and_names_it() {
    let db = Db::new();
    db.run("put")
        .args(["k", "--value-file", "/no/such/file"])
        .assert()
        .code(5)
        .stderr(predicate::str::contains("/no/such/file"));
    db.run("exists").arg("k").assert().code(1);
}

#[test]
fn a_directory_as_value_file_is_exit_8() {
    let db = Db::new();
    db.run("put")
        .args(["k", "--value-file", "/"])
        .assert()
        .code(8);
}

#[test]
fn every_encoding_stores_the_same_bytes() {
    for (enc, text) in [
        ("hex", "00ff0a5c"),
        ("base64", "AP8KXA=="),
        ("escape", "\\x00\\xff\\n\\\\"),
    ] {
        let db = Db::new();
        db.run("put")
            .args(["--enc", enc, text, text])
            .assert()
            .success();
        db.run("get")
            .args(["--enc", enc, text])
            .assert()
            .success()
            .stdout(&b"\0\xff\n\\"[..]);
        let mut out = db.run("get");
        out.args(["--enc", enc, text, "--out", enc]);
        assert_eq!(stdout(out), text);
    }
}

#[test]
fn keys_and_values_have_encodings_of_their_own() {
    let db = Db::new();
    db.run("put")
        .args(["6b", "dg==", "--key-enc", "hex", "--val-enc", "base64"])
        .assert()
        .success();
    assert_eq!(db.get("k"), b"v");
}

#[test]
fn text_that_is_not_in_the_encoding_is_a_usage_error_with_its_place() {
    let db = Db::new();
    db.run("put")
        .args(["--enc", "hex", "0g", "00"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("byte 0"));
    db.run("put")
        .args(["--enc", "base64", "a", "YQ=="])
        .assert()
        .code(2);
    db.run("put")
        .args(["--enc", "escape", "\\q", "v"])
        .assert()
        .code(2);
}

#[cfg(unix)]
#[test]
fn arguments_are_raw_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let db = Db::new();
    // All bytes but zero, which no argument can hold.
    let bytes: Vec<u8> = (1..=255).collect();
    let word = OsStr::from_bytes(&bytes);
    db.run("put").arg(word).arg(word).assert().success();
    db.run("get").arg(word).assert().success().stdout(bytes);
}

#[test]
fn if_absent_stores_once() {
    let db = Db::new();
    db.run("put")
        .args(["k", "1", "--if-absent"])
        .assert()
        .success();
    db.run("put")
        .args(["k", "2", "--if-absent"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("exists already"));
    assert_eq!(db.get("k"), b"1");
}

#[test]
fn if_exists_does_not_create() {
    let db = Db::new();
    db.run("put")
        .args(["k", "1", "--if-exists"])
        .assert()
        .code(1);
    db.run("exists").arg("k").assert().code(1);
    db.run("put").args(["k", "1"]).assert().success();
    db.run("put")
        .args(["k", "2", "--if-exists"])
        .assert()
        .success();
    assert_eq!(db.get("k"), b"2");
}

#[test]
fn if_equals_compares_and_sets() {
    let db = Db::with(&[("k", "1")]);
    db.run("put")
        .args(["k", "2", "--if-equals", "0"])
        .assert()
        .code(1);
    assert_eq!(db.get("k"), b"1");
    db.run("put")
        .args(["k", "2", "--if-equals", "1"])
        .assert()
        .success();
    assert_eq!(db.get("k"), b"2");
    db.run("put")
        .args(["absent", "2", "--if-equals", ""])
        .assert()
        .code(1);
}

#[test]
fn conditions_exclude_each_other() {
    let db = Db::new();
    db.run("put")
        .args(["k", "v", "--if-absent", "--if-exists"])
        .assert()
        .code(2);
}

#[test]
fn the_token_rises() {
    let db = Db::new();
    let token = |value: &str| {
        let mut command = db.run("put");
        command.args(["k", value, "--token"]);
        let token: creel::Receipt = stdout(command).trim_end().parse().unwrap();
        token
    };
    let (first, second) = (token("1"), token("2"));
    assert_eq!((first.epoch, first.index + 1), (1, second.index));
    // The history is part of it: eight digits.
    assert_eq!(first.to_string().rsplit(':').next().unwrap().len(), 8);
    assert_ne!(first.to_string()[4..], second.to_string()[4..]);
}

#[test]
fn json_report() {
    let db = Db::new();
    let mut command = db.run("put");
    command.args(["key", "value"]);
    let report = json(command);
    assert_eq!(report["schema"], "creel.put/1");
    assert_eq!(report["key_bytes"], 3);
    assert_eq!(report["value_bytes"], 5);
    assert!(report["position"]["epoch"].is_u64() && report["position"]["index"].is_u64());
}

#[test]
fn read_only_refuses_to_write() {
    let db = Db::new();
    db.run("put")
        .args(["k", "v", "--read-only"])
        .assert()
        .code(2);
    db.run("exists").arg("k").assert().code(1);
}

#[test]
fn put_does_not_make_a_file() {
    let db = Db::new();
    let path = db.dir.path().join("other.db");
    let error = {
        let mut command = crate::support::creel();
        command.arg("put").arg(&path).args(["k", "v"]);
        json_error(command, 5)
    };
    assert_eq!(error["code"], "not_found");
    assert!(!path.exists());
}

#[test]
fn every_sync_mode_stores() {
    let db = Db::new();
    for mode in ["full", "normal", "off"] {
        db.run("put")
            .args([mode, "v", "--sync", mode])
            .assert()
            .success();
        assert_eq!(db.get(mode), b"v");
    }
    db.run("put")
        .args(["k", "v", "--sync", "often"])
        .assert()
        .code(2);
}

/// The hint of every bound spoke of keys.
#[test]
fn what_is_too_large_has_a_hint_of_its_own() {
    let db = Db::new();
    let large = db.file("large", &vec![b'x'; 64 << 20]);
    let larger = db.file("larger", &vec![b'x'; (64 << 20) + 1]);
    let hint = |args: &[&str]| {
        let mut command = db.run("put");
        command.args(args);
        json_error(command, 2)["hint"].as_str().unwrap().to_owned()
    };
    let file = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    assert!(hint(&[&"k".repeat(961), "v"]).contains("--page-size"));
    assert!(hint(&["k", "v", "--keyspace", &"n".repeat(256)]).contains("shorter name"));
    assert!(hint(&["k", "--value-file", &file(&large)]).contains("creel import"));
    assert!(hint(&["k", "--value-file", &file(&larger)]).contains("creel import"));
    let mut batch = db.run("batch");
    let line = format!(
        r#"{{"op":"put","key_utf8":"{}","value_utf8":""}}"#,
        "k".repeat(961)
    );
    batch.write_stdin(line);
    let hint = json_error(batch, 2)["hint"].to_string();
    assert!(hint.contains("--page-size"), "{hint}");
}
