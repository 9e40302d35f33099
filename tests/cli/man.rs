use predicates::prelude::*;

use crate::support::{Db, creel, stdout};

#[test]
fn one_page_or_all_of_them() {
    let mut command = creel();
    command.arg("man");
    assert!(stdout(command).starts_with(".TH \"CREEL\" 1 "));
    for name in ["list", "scan"] {
        let mut command = creel();
        command.args(["man", name]);
        assert!(stdout(command).starts_with(".TH \"CREEL\\-LIST\" 1 "));
    }
    let db = Db::new();
    creel()
        .args(["man", "--out"])
        .arg(db.dir.path())
        .assert()
        .success()
        .stdout("");
    let files = db.files();
    for name in ["creel.1", "creel-put.1", "creel-doctor.1", "creel-schema.1"] {
        assert!(files.iter().any(|f| f == name), "{name}: {files:?}");
    }
    assert!(
        !files
            .iter()
            .any(|f| f.contains("completions") || f.contains(".tmp"))
    );
}

#[test]
fn what_cannot_be_done_is_told() {
    creel()
        .args(["man", "frobnicate"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(predicate::str::contains("no command"));
    creel()
        .args(["man", "--out", "/no/such/directory"])
        .assert()
        .code(8);
    creel()
        .args(["man", "put", "--out", "/tmp"])
        .assert()
        .code(2);
}

#[test]
fn packagers_commands_are_not_in_the_list_but_have_help() {
    creel()
        .arg("--help")
        .assert()
        .success()
        .stdout(predicate::str::contains("completions").not());
    for verb in ["man", "completions"] {
        creel()
            .args([verb, "--help"])
            .assert()
            .success()
            .stdout(predicate::str::contains("Examples:"));
    }
}
