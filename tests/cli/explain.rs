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
    assert_eq!(explain("P3")["kind"], "invariant");
}

#[test]
fn every_part_is_there() {
    for code in [
        "0", "1", "14", "143", "H1", "T11", "W6", "R4", "io", "stdout",
    ] {
        let text = explain(code);
        assert_eq!(text["schema"], "creel.explain/1");
        for part in ["cause", "consequence", "next", "retry"] {
            assert!(!text[part].as_str().unwrap().is_empty(), "{code} {part}");
        }
    }
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
