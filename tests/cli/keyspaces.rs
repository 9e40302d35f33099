use crate::support::{Db, json, stdout};

#[test]
fn keyspaces_do_not_mix() {
    let db = Db::with(&[("k", "main")]);
    db.run("put")
        .args(["k", "users", "--keyspace", "users"])
        .assert()
        .success();
    assert_eq!(db.get("k"), b"main");
    db.run("get")
        .args(["k", "--keyspace", "users"])
        .assert()
        .success()
        .stdout("users");
    db.run("delete")
        .args(["--prefix", "", "--yes", "--keyspace", "users"])
        .assert()
        .success();
    assert_eq!(db.list(), "k\tmain\n");
}

#[test]
fn main_is_always_there() {
    let db = Db::new();
    assert_eq!(stdout(db.run("keyspaces")), "main\t0\n");
}

#[test]
fn json_report() {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    db.run("put")
        .args(["k", "v", "--keyspace", "users"])
        .assert()
        .success();
    let report = json(db.run("keyspaces"));
    assert_eq!(report["schema"], "creel.keyspaces/1");
    let list = report["keyspaces"].as_array().unwrap();
    assert_eq!(list[0]["name"], "main");
    assert_eq!(list[0]["entries"], 2);
    assert_eq!(list[1]["name"], "users");
    assert_eq!(list[1]["entries"], 1);
}
