//! `get --wait-for`: read your writes, on whichever copy.

use crate::support::{Db, stdout};

fn put(db: &Db, key: &str, value: &str) -> String {
    let mut command = db.run("put");
    command.args([key, value, "--token"]);
    stdout(command).trim_end().to_owned()
}

#[test]
fn a_commit_that_is_there_is_read_at_once() {
    let db = Db::new();
    let token = put(&db, "k", "v");
    let (position, _) = token.rsplit_once(':').unwrap();
    for token in [&token, position] {
        let mut command = db.run("get");
        command.args(["k", "--wait-for", token]);
        assert_eq!(stdout(command), "v");
    }
}

#[test]
fn one_that_does_not_come_is_exit_12() {
    let db = Db::new();
    put(&db, "k", "v");
    let late = db
        .run("get")
        .args(["k", "--wait-for", "1:99", "--timeout", "10ms"])
        .assert();
    let text = late.code(12).stdout("").get_output().stderr.clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("commit 1:99 is not here"), "{text}");
}

#[test]
fn another_commit_at_its_place_is_exit_16() {
    let db = Db::new();
    let token = put(&db, "k", "v");
    let other = format!("{}:00000000", token.rsplit_once(':').unwrap().0);
    let lost = db.run("get").args(["k", "--wait-for", &other]).assert();
    let text = lost.code(16).stdout("").get_output().stderr.clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("another commit here"), "{text}");
}

#[test]
fn no_token_at_all_is_exit_2() {
    let db = Db::new();
    for bad in ["", "k", "1:2:3", "1:2:zzzzzzzz"] {
        db.run("get")
            .args(["k", "--wait-for", bad])
            .assert()
            .code(2);
    }
    db.run("get")
        .args(["k", "--timeout", "1s"])
        .assert()
        .code(2);
}
