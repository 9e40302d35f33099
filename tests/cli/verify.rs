use std::fs;

use predicates::prelude::*;

use crate::support::{Db, creel, flip, json, json_lines};

#[test]
fn a_clean_file_is_clean_at_every_level() {
    let db = Db::filled(1000);
    db.run("checkpoint").assert().success();
    for level in ["quick", "full", "deep"] {
        let mut command = db.run("verify");
        command.args(["--level", level, "--strict"]);
        let report = json(command);
        assert_eq!(report["schema"], "creel.verify/1");
        assert_eq!(report["verdict"], "clean", "{report}");
        assert_eq!(report["level"], level);
        assert!(!report["checked"].as_array().unwrap().is_empty());
    }
}

#[test]
fn verify_never_writes() {
    let db = Db::filled(500);
    let before = db.bytes();
    db.run("verify")
        .args(["--level", "deep"])
        .assert()
        .success();
    assert_eq!(db.bytes(), before);
    assert_eq!(db.files(), ["test.db"]);
}

#[test]
fn damage_is_exit_4_with_an_id() {
    let db = Db::filled(5000);
    db.run("checkpoint").assert().success();
    // The last page in use belongs to the tree.
    let info = json(db.run("info"));
    let page_size = info["page_size"].as_u64().unwrap() as usize;
    let bytes = db.bytes();
    let full = (0..bytes.len() / page_size)
        .rev()
        .find(|p| {
            bytes[p * page_size..][..page_size]
                .windows(7)
                .any(|w| w == b"value 4")
        })
        .unwrap();
    flip(&db.path, full * page_size + page_size / 2);
    let output = db
        .run("verify")
        .arg("--json")
        .assert()
        .code(4)
        .get_output()
        .clone();
    let report = &json_lines(&output.stdout)[0];
    assert_eq!(report["verdict"], "damaged");
    assert_eq!(report["findings"][0]["page"], full);
    assert!(
        report["findings"][0]["id"]
            .as_str()
            .unwrap()
            .starts_with('P')
    );
    let finding = &report["findings"][0];
    for field in ["consequence", "advice"] {
        assert!(
            !finding[field].as_str().unwrap().is_empty(),
            "{field}: {finding}"
        );
    }
    let keys = [&finding["key_from_b64"], &finding["key_to_b64"]];
    assert!(keys.iter().any(|key| key.is_string()), "{finding}");
    assert!(
        finding["records_unreachable"].as_u64() > Some(0),
        "{finding}"
    );
    db.run("verify").assert().code(4).stdout(
        predicate::str::contains("\n  means: ").and(predicate::str::contains("\n  keys: ")),
    );
    db.run("list")
        .assert()
        .code(4)
        .stderr(predicate::str::contains("creel salvage"));
}

#[test]
fn wrong_files() {
    let db = Db::new();
    creel().args(["verify", "/no/such.db"]).assert().code(5);
    let other = db.file("other", &[1; 20_000]);
    creel()
        .arg("verify")
        .arg(&other)
        .assert()
        .code(predicate::in_iter([4, 6]));
    assert_eq!(fs::read(other).unwrap(), [1; 20_000]);
}

#[test]
fn the_log_may_be_required_to_reach_an_index() {
    let db = Db::with(&[("k", "v")]);
    db.run("verify")
        .args(["--expect-index", "1"])
        .assert()
        .success();
    db.run("verify")
        .args(["--expect-index", "999999"])
        .assert()
        .code(4);
}

#[test]
fn junit_report() {
    let db = Db::filled(10);
    db.run("verify")
        .args(["--report", "junit"])
        .assert()
        .success()
        .stdout(predicate::str::starts_with("<?xml"))
        .stdout(predicate::str::contains("failures=\"0\""))
        .stdout(predicate::str::contains("H1: "));
}

#[test]
fn github_report_appends_to_the_step_summary() {
    let db = Db::filled(10);
    let summary = db.file("summary.md", b"before\n");
    db.run("verify")
        .args(["--report", "github"])
        .env("GITHUB_STEP_SUMMARY", &summary)
        .assert()
        .success()
        .stdout(predicate::str::contains("clean"));
    let text = fs::read_to_string(summary).unwrap();
    assert!(
        text.starts_with("before\n") && text.contains("clean"),
        "{text}"
    );
}
