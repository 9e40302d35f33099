use predicates::prelude::*;

use crate::support::creel;

#[test]
fn every_shell_gets_all_verbs_and_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let flag = if shell == "fish" {
            "lock-timeout"
        } else {
            "--lock-timeout"
        };
        creel()
            .args(["completions", shell])
            .assert()
            .success()
            .stderr("")
            .stdout(predicate::str::contains("keyspaces"))
            .stdout(predicate::str::contains(flag));
    }
}

#[test]
fn an_unknown_shell_is_a_usage_error() {
    creel()
        .args(["completions", "csh"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicate::str::contains("zsh"));
}
