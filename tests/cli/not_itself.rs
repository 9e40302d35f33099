//! Outputs that are named like what a command works on: never in its place, not with `--force`.

use std::fs;

use crate::import::record;
use crate::support::{Db, creel, json_error};

/// `get DB KEY -o DB --force` left a value where the database had been.
#[test]
fn a_value_never_takes_the_place_of_its_database() {
    let db = Db::with(&[("a", "1")]);
    std::os::unix::fs::symlink("test.db", db.dir.path().join("link")).unwrap();
    let before = db.bytes();
    for name in ["test.db", "link", "./test.db"] {
        let mut command = db.run("get");
        command.args(["a", "-o", name, "--force"]);
        command.current_dir(&db.dir);
        assert_eq!(json_error(command, 2)["code"], "usage", "{name}");
    }
    assert_eq!(db.bytes(), before);
}

/// `import DB FILE --rejects DB --force` left bad lines where the database had been.
#[test]
fn bad_lines_take_the_place_neither_of_the_database_nor_of_the_input() {
    let db = Db::with(&[("a", "1")]);
    let text = [&record("b", "2"), "x\n"].concat();
    let input = db.file("in.jsonl", text.as_bytes());
    std::os::unix::fs::symlink("test.db", db.dir.path().join("link")).unwrap();
    let before = db.bytes();
    for name in ["test.db", "link", "in.jsonl"] {
        let mut command = db.run("import");
        command.args(["in.jsonl", "--force", "--rejects", name]);
        command.current_dir(&db.dir);
        assert_eq!(json_error(command, 2)["code"], "usage", "{name}");
    }
    assert_eq!(db.bytes(), before);
    assert_eq!(fs::read(&input).unwrap(), text.as_bytes());
    // The database that is to be made is not there yet.
    let mut command = creel();
    command.args(["import", "new.db", "in.jsonl", "--create", "--force"]);
    command.args(["--rejects", "./new.db"]).current_dir(&db.dir);
    assert_eq!(json_error(command, 2)["code"], "usage");
    assert_eq!(db.files(), ["in.jsonl", "link", "test.db"]);
}

/// Both made a file of that name.
#[test]
fn a_dash_is_standard_output_or_refused() {
    let db = Db::with(&[("a", "1")]);
    let mut command = db.run("get");
    command.args(["a", "-o", "-"]).current_dir(&db.dir);
    command.assert().code(0).stdout("1");
    let mut command = db.run("import");
    command.args(["--rejects", "-"]).current_dir(&db.dir);
    command.write_stdin("x\n").assert().code(2);
    assert_eq!(db.files(), ["test.db"]);
}
