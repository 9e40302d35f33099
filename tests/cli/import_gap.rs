//! Changes lead on from a position: what came before them has to be there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Db, creel, json, json_error, json_lines, stdout};

/// A database that is written to, and one that follows it by exports.
struct Pair {
    db: Db,
    copy: PathBuf,
}

impl Pair {
    fn new() -> Pair {
        let db = Db::with(&[("a", "1"), ("b", "2")]);
        let copy = db.dir.path().join("copy.db");
        Pair { db, copy }
    }

    /// An export of everything or, since a position, of what changed; and the position after it.
    fn export(&self, name: &str, args: &[&str]) -> (PathBuf, String) {
        let out = self.db.dir.path().join(name);
        let mut command = self.db.run("export");
        command.args(args).arg("-o").arg(&out);
        let position = json(command)["position"].clone();
        let parts = ["epoch", "index"].map(|part| position[part].to_string());
        let hash = position["hash"].as_str().unwrap();
        (out, format!("{}:{}:{hash}", parts[0], parts[1]))
    }

    fn put(&self, key: &str, value: &str) {
        self.db.run("put").args([key, value]).assert().success();
    }

    fn import(&self, file: &Path, args: &[&str]) {
        self.command(file, args).assert().success();
    }

    fn command(&self, file: &Path, args: &[&str]) -> assert_cmd::Command {
        let mut command = creel();
        command.arg("import").arg(&self.copy).arg(file).args(args);
        command
    }

    fn refused(&self, file: &Path, exit: i32) -> Value {
        let before = fs::read(&self.copy).unwrap();
        let error = json_error(self.command(file, &[]), exit);
        assert_eq!(error["state"], "nothing was changed");
        assert!(fs::read(&self.copy).unwrap() == before, "it was written to");
        error
    }

    fn is_same(&self) -> bool {
        let digest = |path: &Path| {
            let mut command = creel();
            command.arg("digest").arg(path);
            stdout(command)[..64].to_owned()
        };
        digest(&self.db.path) == digest(&self.copy)
    }
}

#[test]
fn a_delta_behind_a_gap_is_refused() {
    let pair = Pair::new();
    let (whole, start) = pair.export("whole", &[]);
    pair.put("c", "3");
    let (first, middle) = pair.export("first", &["--since", &start]);
    pair.put("d", "4");
    let (second, end) = pair.export("second", &["--since", &middle]);
    pair.import(&whole, &["--create"]);
    // The one in between was left out.
    let error = pair.refused(&second, 11);
    assert_eq!(error["code"], "gap");
    assert_eq!(error["detail"]["here"], start);
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains(&format!("--since {start}")), "{hint}");
    // Each for itself, and each of them twice: the second time changes nothing.
    for file in [&first, &first, &second, &second] {
        pair.import(file, &[]);
    }
    assert!(pair.is_same());
    // Going back would undo what came after it.
    let error = pair.refused(&first, 11);
    assert_eq!(error["detail"]["here"], end);
    pair.import(&first, &["--resume"]);
    assert!(pair.is_same());
    // A dry run says the same, and nothing is refused where that is asked for.
    assert_eq!(
        json_error(pair.command(&first, &["--dry-run"]), 11)["code"],
        "gap"
    );
    let batches = pair.command(&first, &["--batch", "1"]);
    assert_eq!(json_error(batches, 11)["code"], "gap");
    pair.import(&first, &["--allow-gap"]);
    pair.import(&second, &["--batch", "1"]);
    assert!(pair.is_same());
}

#[test]
fn a_delta_needs_what_it_leads_on_from() {
    let pair = Pair::new();
    let (_, start) = pair.export("whole", &[]);
    let (everything, _) = pair.export("everything", &["--since", "1:0"]);
    pair.put("c", "3");
    let (delta, _) = pair.export("delta", &["--since", &start]);
    let new = ["--create"];
    let error = json_error(pair.command(&delta, &new), 11);
    assert_eq!(error["code"], "gap");
    assert!(error["detail"].get("here").is_none());
    assert!(!pair.copy.exists(), "it was made for nothing");
    // From the beginning on there is nothing to lead on from.
    pair.import(&everything, &new);
    pair.import(&delta, &[]);
    assert!(pair.is_same());
}

#[test]
fn another_history_is_told_from_a_gap() {
    let pair = Pair::new();
    // Two copies of one file go on each by itself.
    let fork = pair.db.dir.path().join("fork.db");
    fs::copy(&pair.db.path, &fork).unwrap();
    pair.put("c", "3");
    let (whole, _) = pair.export("whole", &[]);
    pair.import(&whole, &["--create"]);
    let put = |value: &str| {
        let mut command = creel();
        command.arg("put").arg(&fork).args(["d", value]);
        command.assert().success();
    };
    put("4");
    let mut command = creel();
    command.arg("digest").arg(&fork);
    let there = json(command)["position"].clone();
    let since = format!("1:{}:{}", there["index"], there["hash"].as_str().unwrap());
    put("5");
    let delta = pair.db.dir.path().join("delta");
    let mut command = creel();
    command
        .arg("export")
        .arg(&fork)
        .args(["--since", &since, "-o"]);
    command.arg(&delta).assert().success();
    assert_eq!(pair.refused(&delta, 15)["code"], "diverged");
}

#[test]
fn a_step_of_several_files_leads_on_from_file_to_file() {
    let pair = Pair::new();
    let (whole, start) = pair.export("whole", &[]);
    pair.put("b", "5");
    let (first, middle) = pair.export("first", &["--since", &start]);
    pair.db.run("delete").arg("a").assert().success();
    let (second, _) = pair.export("second", &["--since", &middle]);
    let all = |files: &[&PathBuf], args: &[&str]| {
        let mut command = creel();
        command.arg("import").arg(&pair.copy).args(files).args(args);
        command
    };
    let mut gap = all(&[&whole, &second], &["--create", "--atomic"]);
    gap.assert().code(11);
    assert!(!pair.copy.exists());
    let mut whole = all(&[&whole, &first, &second], &["--create", "--atomic"]);
    whole.assert().success();
    assert!(pair.is_same());
}

#[test]
fn what_was_left_out_leaves_no_position() {
    let pair = Pair::new();
    let (whole, start) = pair.export("whole", &[]);
    pair.put("a", "6");
    pair.put("c", "3");
    let (delta, _) = pair.export("delta", &["--since", &start]);
    pair.import(&whole, &["--create"]);
    // A value that stays as it was: these are not the contents of that position.
    pair.import(&delta, &["--if-exists", "keep"]);
    assert_eq!(pair.refused(&delta, 11)["code"], "gap");
    pair.import(&whole, &[]);
    pair.import(&delta, &[]);
    assert!(pair.is_same());
}

#[test]
fn a_patch_fits_the_database_that_it_was_made_for() {
    let pair = Pair::new();
    let other = Db::with(&[("a", "9")]);
    let diff = |from: &Path, to: &Path, name: &str| {
        let mut command = creel();
        command.arg("diff").args([from, to]).args(["--jsonl", "-q"]);
        let patch = command.assert().code(1).get_output().stdout.clone();
        pair.db.file(name, &patch)
    };
    let patch = diff(&pair.db.path, &other.path, "patch");
    // It says of which position it is, with the hash that tells histories apart.
    let header = &json_lines(&fs::read(&patch).unwrap())[0]["creel"];
    assert_eq!(header["since"]["hash"].as_str().unwrap().len(), 32);
    assert_eq!(header["since"], header["position"]);
    pair.put("b", "7");
    // Something was written in between.
    let mut late = pair.db.run("import");
    late.arg(&patch);
    assert_eq!(json_error(late, 11)["code"], "gap");
    let patch = diff(&pair.db.path, &other.path, "patch");
    pair.db.run("import").arg(&patch).assert().success();
    creel()
        .arg("diff")
        .args([&pair.db.path, &other.path])
        .assert()
        .success();
}
