//! `-v`, `-vv`, `CREEL_LOG` and `--log-format`.

use predicates::prelude::*;

use crate::support::{Db, creel, json_error, json_lines};

fn stderr(command: &mut assert_cmd::Command) -> String {
    let output = command.assert().success().get_output().clone();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn nothing_is_said_unless_it_is_asked_for() {
    let db = Db::new();
    assert_eq!(stderr(db.run("put").args(["a", "1"])), "");
    let said = stderr(db.run("put").args(["a", "1", "-v"]));
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("info open: opened for writing path="),
        "{said}"
    );
    assert!(lines[0].contains("log_entries=1"), "{said}");
    assert_eq!(lines[1], "info commit: committed position=1:2");
    assert_eq!(stderr(db.run("put").args(["a", "1", "-v", "-qq"])), "");
    let more = stderr(db.run("checkpoint").args(["-vv"]));
    assert!(
        more.contains("info checkpoint: done generation=2"),
        "{more}"
    );
    assert!(more.contains("debug checkpoint: in detail"), "{more}");
    let less = stderr(db.run("checkpoint").args(["-v"]));
    assert!(!less.contains("debug"), "{less}");
}

#[test]
fn a_filter_chooses_targets_and_levels() {
    let db = Db::new();
    let said = |filter: &str, args: &[&str]| {
        stderr(
            db.run("put")
                .args(["a", "1"])
                .args(args)
                .env("CREEL_LOG", filter),
        )
    };
    let commit = said("commit=info", &[]);
    assert!(
        commit.starts_with("info commit: ") && commit.lines().count() == 1,
        "{commit}"
    );
    assert!(!said("open=off", &["-v"]).contains("open:"));
    assert_eq!(said("warn", &[]), "");
    assert_eq!(said("", &[]), "");
    for filter in ["loud", "open=loud", "nothing=info"] {
        let mut command = db.run("list");
        command.env("CREEL_LOG", filter);
        assert!(
            json_error(command, 2)["message"]
                .as_str()
                .unwrap()
                .contains("CREEL_LOG")
        );
    }
}

#[test]
fn json_lines_for_programs() {
    let db = Db::new();
    let mut put = db.run("put");
    let output = put
        .args(["a", "1", "-v", "--log-format", "json"])
        .assert()
        .success();
    let events = json_lines(&output.get_output().stderr);
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(event["schema"], "creel.log/1");
        assert_eq!(event["level"], "info");
        assert!(event["time_ms"].as_u64().unwrap() > 1_600_000_000_000);
    }
    assert_eq!(events[1]["target"], "commit");
    assert_eq!(events[1]["fields"]["position"], "1:1");
    let mut list = db.run("list");
    let output = list.args(["--json", "-v"]).assert().success();
    assert_eq!(json_lines(&output.get_output().stderr)[0]["target"], "open");
    db.run("list")
        .args(["--log-format", "xml"])
        .assert()
        .code(2);
}

#[test]
fn a_session_that_did_not_end_well_is_a_warning() {
    let db = Db::with(&[("a", "first"), ("b", "second")]);
    let mut bytes = db.bytes();
    let from = bytes.windows(6).rposition(|w| w == b"second").unwrap();
    bytes[from..from + 64].fill(0);
    std::fs::write(&db.path, &bytes).unwrap();
    db.run("list")
        .env("CREEL_LOG", "open=warn")
        .assert()
        .success()
        .stdout("a\tfirst\n")
        .stderr(predicate::str::starts_with("warn open: "))
        .stderr(predicate::str::contains("torn_bytes="));
}

#[test]
fn the_new_commands_say_what_they_do() {
    let db = Db::filled(50);
    let copy = db.dir.path().join("copy.db");
    let said = stderr(db.run("backup").arg("-o").arg(&copy).arg("-v"));
    assert!(said.contains("info backup: written position=1:1"), "{said}");
    let mut diff = creel();
    diff.arg("diff").arg(&db.path).arg(&copy).arg("-v");
    assert!(stderr(&mut diff).contains("info diff: reading"));
    let said = stderr(db.run("drill").arg("-v"));
    assert!(said.contains("info drill: restored bytes="), "{said}");
    assert!(said.contains("info drill: verified"), "{said}");
    let said = stderr(db.run("verify").args(["--self-test", "3", "-vv"]));
    assert_eq!(said.matches("debug verify: flipped").count(), 3, "{said}");
}
