use crate::support::{Db, json, json_lines};

#[test]
fn the_status_is_the_answer() {
    let db = Db::with(&[("k", "v")]);
    db.run("exists")
        .arg("k")
        .assert()
        .success()
        .stdout("")
        .stderr("");
    db.run("exists")
        .arg("nope")
        .assert()
        .code(1)
        .stdout("")
        .stderr("");
}

#[test]
fn json_says_it_too() {
    let db = Db::with(&[("k", "v")]);
    let mut command = db.run("exists");
    command.arg("k");
    assert_eq!(json(command)["exists"], true);
    let output = db
        .run("exists")
        .args(["nope", "--json"])
        .assert()
        .code(1)
        .get_output()
        .clone();
    assert_eq!(json_lines(&output.stdout)[0]["exists"], false);
}

#[test]
fn an_error_is_never_a_no() {
    crate::support::creel()
        .args(["exists", "/no/such.db", "k"])
        .assert()
        .code(5);
}
