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

#[test]
fn a_key_of_any_bytes_may_come_from_a_file() {
    let db = Db::new();
    let key = db.file("key", b"a\0b\n");
    db.run("exists")
        .arg("--key-file")
        .arg(&key)
        .assert()
        .code(1);
    db.run("put")
        .arg("--key-file")
        .arg(&key)
        .arg("v")
        .assert()
        .success();
    db.run("exists")
        .arg("--key-file")
        .arg(&key)
        .assert()
        .code(0);
    db.run("exists")
        .args(["--key-file", "-"])
        .write_stdin(&b"a\0b\n"[..])
        .assert()
        .code(0);
    db.run("exists").assert().code(2);
    db.run("exists")
        .arg("k")
        .arg("--key-file")
        .arg(&key)
        .assert()
        .code(2);
    let delete = |rest: &[&str]| {
        let mut command = db.run("delete");
        command.arg("--key-file").arg(&key).args(rest);
        command
    };
    delete(&["--dry-run", "--must-exist"])
        .assert()
        .success()
        .stdout("1\n");
    delete(&["--must-exist"]).assert().success();
    delete(&["--must-exist"]).assert().code(1);
    delete(&["--dry-run", "--must-exist"]).assert().code(1);
    delete(&[]).assert().success();
    delete(&["other"]).assert().code(2);
    assert_eq!(db.list(), "");
}
