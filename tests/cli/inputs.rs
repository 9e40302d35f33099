//! Keys, values and files that are refused, or come in another encoding; reports about damage.

use std::fs::{self, File};

use predicates::prelude::*;

use crate::support::{Db, flip, json, json_error};

#[test]
fn an_empty_key_is_refused_wherever_it_comes_from() {
    let db = Db::with(&[("a", "1")]);
    let empty = db.file("empty", b"");
    let mut get = db.run("get");
    get.arg("");
    let refused = json_error(get, 2);
    assert_eq!(refused["message"], "the key is empty");
    let mut get = db.run("get");
    get.arg("--key-file").arg(empty);
    assert_eq!(json_error(get, 2)["message"], "the key is empty");
    assert_eq!(db.list(), "a\t1\n");
}

#[test]
fn a_file_may_hold_a_value_in_another_encoding() {
    let db = Db::new();
    let put = |name: &str, text: &[u8]| {
        let file = db.file(name, text);
        let mut put = db.run("put");
        put.args(["6b", "--enc", "hex", "--value-file"]).arg(file);
        put
    };
    for text in [&b"6869"[..], b"6869\n", b"6869\r\n"] {
        put("good", text).assert().success();
        assert_eq!(db.get("k"), b"hi");
    }
    for text in [&b"zz\n"[..], b"686\n", b"68\n\n"] {
        let refused = json_error(put("bad", text), 9);
        let message = refused["message"].as_str().unwrap();
        assert!(
            message.ends_with("the value cannot be decoded"),
            "{message}"
        );
        assert_eq!(db.get("k"), b"hi");
    }
}

#[test]
fn a_value_beyond_the_limit_is_refused_before_it_is_all_read() {
    let db = Db::new();
    let path = db.file("big", b"");
    // A gigabyte that takes no room.
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let mut put = db.run("put");
    put.arg("k").arg("--value-file").arg(&path);
    let refused = json_error(put, 2);
    assert_eq!(refused["message"], "the value is larger than 64 MiB");
    assert_eq!(db.list(), "");
}

#[test]
fn a_directory_is_no_value() {
    let db = Db::new();
    let mut put = db.run("put");
    put.arg("k").arg("--value-file").arg(db.dir.path());
    let refused = json_error(put, 8);
    let message = refused["message"].as_str().unwrap();
    assert!(message.ends_with("is a directory"), "{message}");
}

#[test]
fn an_output_needs_a_name() {
    let db = Db::with(&[("a", "1")]);
    for (name, why) in [("-", ""), ("..", "names no file"), ("/", "names no file")] {
        let mut get = db.run("get");
        get.args(["a", "-o", name, "--force"]);
        let output = get.output().unwrap();
        assert_ne!(output.status.code(), Some(101));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(why), "{name}: {told}");
    }
}

#[test]
fn what_cannot_be_an_export_is_told_from_what_cannot_be_read() {
    let db = Db::with(&[("a", "1")]);
    // Both headers are there.
    db.run("checkpoint").assert().success();
    let digest = || {
        let mut digest = crate::support::creel();
        digest.arg("digest");
        digest
    };
    let mut piped = digest();
    piped.arg("-").write_stdin(db.bytes());
    let refused = json_error(piped, 2);
    assert_eq!(refused["message"], "a database cannot be read from a pipe");
    let bad = db.file("bad.zst", b"\x28\xb5\x2f\xfdgarbage");
    let mut damaged = digest();
    damaged.arg(&bad);
    let refused = json_error(damaged, 9);
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.ends_with("cannot be read as an export"),
        "{message}"
    );
    digest().arg(db.dir.path().join("none")).assert().code(5);
}

/// Changes have no place in ranges of keys.
#[test]
fn an_export_of_changes_has_no_ranges() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let mut info = db.run("export");
    info.args(["-o", "all.jsonl"]).current_dir(db.dir.path());
    info.assert().success();
    let all = fs::read_to_string(db.dir.path().join("all.jsonl")).unwrap();
    let head: serde_json::Value = serde_json::from_str(all.lines().next().unwrap()).unwrap();
    let at = &head["creel"]["position"];
    let since = format!("{}:{}", at["epoch"], at["index"]);
    db.run("delete").arg("a").assert().success();
    let changes = db.dir.path().join("changes.jsonl");
    let mut export = db.run("export");
    export.args(["--since", &since, "-o"]).arg(&changes);
    export.assert().success();
    let mut digest = crate::support::creel();
    digest.arg("digest").arg(&changes).args(["--ranges", "4"]);
    let refused = json_error(digest, 9);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("export of changes"), "{message}");
}

#[test]
fn reports_for_machines_name_the_damage() {
    let db = Db::with(&[("a", "1"), ("long", &"y".repeat(300))]);
    db.run("checkpoint").assert().success();
    let at = db.bytes().windows(9).rposition(|w| w == b"yyyyyyyyy");
    flip(&db.path, at.unwrap());
    let report = |form: &str| {
        let mut verify = db.run("verify");
        verify.args(["--report", form]).assert().code(4)
    };
    report("junit")
        .stdout(predicate::str::contains("failures=\"1\""))
        .stdout(predicate::str::contains(
            "    <failure message=\"checksum is",
        ));
    report("github")
        .stdout(predicate::str::starts_with("::error file="))
        .stdout(predicate::str::contains(
            ",title=creel verify P1::checksum is",
        ))
        .stdout(predicate::str::contains(": damaged (1 findings"));
    // A note is none: an unfinished entry at the end of the log is dropped by the next open.
    let db = Db::with(&[("a", "1")]);
    let other = Db::with(&[("a", "2")]);
    for (form, told) in [
        ("junit", "<failure message=\""),
        ("github", "::error file="),
    ] {
        let mut verify = db.run("verify");
        verify.arg("--against").arg(&other.path);
        let output = verify.args(["--report", form]).output().unwrap();
        assert_ne!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(told), "{text}");
        assert!(text.contains("holds something else"), "{text}");
    }
}

#[test]
fn work_in_the_background_keeps_the_options() {
    let db = Db::with(&[("a", &"x".repeat(5000))]);
    let generation = || json(db.run("info"))["generation"].as_u64().unwrap();
    let begun = std::time::Instant::now();
    for (sync, above) in [("normal", "1KiB"), ("off", "0%"), ("full", "100")] {
        db.run("put")
            .args(["a", &"x".repeat(9000)])
            .assert()
            .success();
        let before = generation();
        let mut start = db.run("checkpoint");
        start.args(["--background", "--sync", sync, "--if-wal-above", above]);
        start.args(["--lock-timeout", "30s", "--allow-hard-links"]);
        let report = json(start);
        assert!(report["background_pid"].as_u64().unwrap() > 1);
        while generation() == before {
            assert!(begun.elapsed().as_secs() < 60, "nothing was checkpointed");
            std::thread::yield_now();
        }
    }
    let mut start = db.run("checkpoint");
    start.args(["--background", "--if-wal-above", "1MiB"]);
    let report = json(start);
    assert!(report["background_pid"].is_null(), "{report}");
}
