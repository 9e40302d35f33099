use predicates::prelude::*;

use crate::support::{creel, json, json_lines};

fn explain(code: &str) -> serde_json::Value {
    let mut command = creel();
    command.args(["explain", code]);
    json(command)
}

#[test]
fn numbers_names_codes_and_invariants() {
    assert_eq!(explain("7")["name"], "busy");
    assert_eq!(explain("not-found")["exit"], 5);
    assert_eq!(explain("outcome_unknown")["exit"], 14);
    assert_eq!(explain("p3")["name"], "P3");
    assert_eq!(explain("url-base64")["kind"], "input fault");
    assert_eq!(explain("P3")["kind"], "invariant");
}

#[test]
fn every_code_has_cause_consequence_and_next_step() {
    let output = creel()
        .args(["explain", "--all", "--json"])
        .assert()
        .success()
        .get_output()
        .clone();
    let all = json_lines(&output.stdout);
    let count = |kind: &str| all.iter().filter(|e| e["kind"] == kind).count();
    assert_eq!(count("exit status"), 24);
    assert_eq!(count("invariant"), creel::Invariant::ALL.len());
    let faults = creel::exchange::read::FaultCode::ALL.len();
    assert_eq!(count("input fault"), faults);
    assert!(count("error code") >= 23);
    for text in &all {
        assert_eq!(text["schema"], "creel.explain/1");
        for part in ["name", "cause", "consequence", "next", "retry"] {
            let said = text[part].as_str().unwrap();
            assert!(!said.trim().is_empty(), "{text}: {part}");
        }
        // What is listed is also found, and says the same.
        let name = text["name"].as_str().unwrap();
        let found = explain(name);
        if found["kind"] == text["kind"] {
            assert_eq!(&found, text, "{name}");
        }
        // An exit status of the same name is found by its number.
        let number = text["exit"].to_string();
        if text["kind"] == "exit status" {
            assert_eq!(&explain(&number), text, "{number}");
        }
    }
    let shown = creel().args(["explain", "--all"]).output().unwrap();
    let lines = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(lines.lines().count(), all.len());
}

#[test]
fn an_invariant_is_explained_as_in_the_documents() {
    let text = explain("P6");
    let next = text["next"].as_str().unwrap();
    assert!(
        next.contains("restore") && next.contains("defect"),
        "{next}"
    );
    assert!(!next.contains("As P1"), "{next}");
}

#[test]
fn without_a_code_the_whole_table() {
    let output = creel()
        .args(["explain", "--json"])
        .assert()
        .success()
        .get_output()
        .clone();
    assert_eq!(json_lines(&output.stdout).len(), 24);
    creel()
        .arg("explain")
        .assert()
        .success()
        .stdout(predicate::str::contains("7\tbusy\t"));
}

#[test]
fn an_unknown_code_is_exit_1() {
    for code in ["99", "nonsense", "Z9", "\x1b[31m"] {
        creel()
            .args(["explain", code])
            .assert()
            .code(1)
            .stdout("")
            .stderr(predicate::str::contains("\x1b").not());
    }
}
