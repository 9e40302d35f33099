//! A database, a store in a directory, and copies, as an operator works with them.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with databases and a store.
pub struct Site {
    pub dir: TempDir,
}

pub fn creel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command
        .args(args)
        .env_remove("CREEL_DB")
        .env_remove("LD_LIBRARY_PATH");
    command
}

/// Exit status and standard error.
pub fn exit(args: &[&str]) -> (i32, String) {
    let output: Output = creel(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

pub fn succeeds(args: &[&str]) -> String {
    let output = creel(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

pub fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(&[args, &["--json"]].concat())).unwrap()
}

impl Site {
    /// `a.db`, published to the store, and nothing else.
    pub fn new() -> Site {
        Site::in_dir(tempfile::tempdir().unwrap())
    }

    pub fn in_dir(dir: TempDir) -> Site {
        let site = Site { dir };
        let a = site.path("a.db");
        succeeds(&["open", &a, "--create", "-q"]);
        succeeds(&["put", &a, "first", "1"]);
        succeeds(&["replicate", "snapshot", &a, "--to", &site.store(), "-q"]);
        site
    }

    /// The same with a copy `b.db`.
    pub fn with_copy() -> Site {
        Site::new().and_copy()
    }

    pub fn and_copy(self) -> Site {
        let site = self;
        succeeds(&[
            "replicate",
            "init",
            &site.path("b.db"),
            "--from",
            &site.store(),
            "-q",
        ]);
        site
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn store(&self) -> String {
        format!("dir:{}", self.path("store"))
    }

    /// What a digest says of a database.
    pub fn digest(&self, name: &str) -> String {
        let text = succeeds(&["digest", &self.path(name)]);
        text.split(' ').next().unwrap().to_owned()
    }

    pub fn publish(&self, name: &str, key: &str) {
        succeeds(&["put", &self.path(name), key, "v", "--ack", "published"]);
    }

    pub fn has(&self, name: &str, key: &str) -> bool {
        exit(&["exists", &self.path(name), key]).0 == 0
    }

    pub fn segments(&self) -> Vec<String> {
        let folder = fs::read_dir(self.dir.path().join("store/log"));
        let names = folder.map(|f| f.map(|e| e.unwrap().file_name().into_string().unwrap()));
        let mut names: Vec<String> = names.map(Iterator::collect).unwrap_or_default();
        names.retain(|name| name.ends_with(".seg"));
        names.sort();
        names
    }

    /// The store is whole, and deep down too.
    pub fn verify_store(&self) {
        succeeds(&["replicate", "verify", &self.store(), "--deep", "-q"]);
    }
}

#[test]
fn published_commits_reach_copies_and_restores() {
    let site = Site::with_copy();
    for i in 0..3 {
        site.publish("a.db", &format!("k{i}"));
    }
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let pulled = json(&["replicate", "pull", &b, "--from", &store]);
    assert_eq!(
        (&pulled["entries"], &pulled["caught_up"]),
        (&3.into(), &true.into())
    );
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    let again = json(&["replicate", "pull", &b, "--from", &store]);
    assert_eq!(again["entries"], 0);
    // A replica refuses writes of its own.
    let (code, _) = exit(&["put", &b, "x", "y"]);
    assert_eq!(code, 10);
    // One entry at a time.
    for i in 3..6 {
        site.publish("a.db", &format!("k{i}"));
    }
    let (code, _) = exit(&[
        "replicate",
        "pull",
        &b,
        "--from",
        &store,
        "--max-frames",
        "1",
    ]);
    assert_eq!(code, 13);
    succeeds(&["replicate", "pull", &b, "--from", &store, "-q"]);
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    let c = site.path("c.db");
    let restored = json(&["restore", &store, "-o", &c]);
    assert_eq!(site.digest("a.db"), site.digest("c.db"));
    assert_ne!(
        restored["lineage"],
        json(&["replicate", "verify", &store])["lineage"]
    );
    // It is a database on its own.
    succeeds(&["put", &c, "own", "1"]);
    let (code, text) = exit(&["replicate", "snapshot", &c, "--to", &store]);
    assert_eq!(code, 15, "{text}");
    let (code, _) = exit(&["restore", &store, "-o", &c]);
    assert_eq!(code, 8);
    assert!(site.has("c.db", "own"), "an existing file is left alone");
    assert!(a.ends_with("a.db"));
    site.verify_store();
}

#[test]
fn a_fail_over_loses_nothing_that_was_published_and_saves_the_rest() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    site.publish("a.db", "kept");
    let look = json(&["promote", &b, "--dry-run"]);
    assert_eq!(
        (&look["promoted"], &look["token"]),
        (&false.into(), &Value::Null)
    );
    let (code, _) = exit(&["promote", &b, "--expect-epoch", "7", "--yes"]);
    assert_eq!(code, 10);
    let done = json(&[
        "promote",
        &b,
        "--expect-epoch",
        "1",
        "--reason",
        "drill",
        "--yes",
    ]);
    assert_eq!((&done["epoch"], &done["pulled"]), (&2.into(), &1.into()));
    assert!(site.has("b.db", "kept"));
    // The old primary does not know it yet: what it commits for itself stays here.
    succeeds(&["put", &a, "local1", "x"]);
    succeeds(&["put", &a, "local2", "x"]);
    let before = fs::read(&a).unwrap();
    let (code, text) = exit(&["put", &a, "late", "x", "--ack", "published"]);
    assert_eq!(code, 10, "{text}");
    assert!(!site.has("a.db", "late"));
    drop(before);
    // Now it does.
    let (code, _) = exit(&["put", &a, "later", "x"]);
    assert_eq!(code, 10);
    site.publish("b.db", "new");
    let done = json(&["replicate", "rejoin", &a, "--from", &store]);
    assert_eq!(done["diverged"], 2);
    let saved = Path::new(done["saved"][0]["path"].as_str().unwrap());
    let bytes = fs::read(saved).unwrap();
    let segment = creel::chain::object::Segment::parse(bytes).unwrap();
    segment.check_history().unwrap();
    assert_eq!(segment.entries(), 2);
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    assert!(!site.has("a.db", "local1") && site.has("a.db", "new"));
    succeeds(&["verify", &a, "--level", "deep", "-q"]);
    let (code, _) = exit(&["put", &a, "x", "y"]);
    assert_eq!(code, 10, "it is a replica now");
    // And back again.
    succeeds(&["promote", &a, "--yes", "-q"]);
    site.publish("a.db", "again");
    let (code, _) = exit(&["put", &b, "no", "x", "--ack", "published"]);
    assert_eq!(code, 10);
    succeeds(&["replicate", "rejoin", &b, "--from", &store, "-q"]);
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    site.verify_store();
}

#[test]
fn of_promotions_at_once_one_succeeds() {
    let site = Site::with_copy();
    let store = site.store();
    for name in ["c.db", "d.db"] {
        succeeds(&[
            "replicate",
            "init",
            &site.path(name),
            "--from",
            &store,
            "-q",
        ]);
    }
    let racers: Vec<Child> = ["b.db", "c.db", "d.db"]
        .iter()
        .map(|name| {
            let path = site.path(name);
            let mut command = creel(&["promote", &path, "--expect-epoch", "1", "--yes", "-q"]);
            command.stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let codes: Vec<_> = racers
        .into_iter()
        .map(|mut r| r.wait().unwrap().code().unwrap())
        .collect();
    let winners = codes.iter().filter(|code| **code == 0).count();
    assert_eq!(winners, 1, "{codes:?}");
    assert!(codes.iter().all(|code| [0, 10].contains(code)), "{codes:?}");
    site.verify_store();
}

#[test]
fn a_promotion_publishes_what_only_the_copy_has() {
    let site = Site::with_copy();
    let (a, b) = (site.path("a.db"), site.path("b.db"));
    // The copy gets commits from the file itself, which the store does not have.
    succeeds(&["put", &a, "direct", "x"]);
    let source = creel::Db::open(&a).unwrap();
    let copy = creel::Db::open(&b).unwrap();
    let mut reader = source.log_reader(&copy.position().unwrap()).unwrap();
    copy.apply(&reader.read(100, 1 << 20).unwrap()).unwrap();
    source.close().unwrap();
    copy.close().unwrap();
    let done = json(&["promote", &b, "--yes"]);
    assert_eq!(done["adopted"], 1);
    // So the old primary has nothing that the new one lacks.
    let rejoined = json(&["replicate", "rejoin", &a, "--from", &site.store()]);
    assert_eq!(rejoined["diverged"], 0);
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    site.verify_store();
}

#[test]
fn a_sleeping_copy_is_told_to_start_again() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    // A primary of an earlier day, with a commit that only it has.
    let old = site.path("old.db");
    fs::copy(&a, &old).unwrap();
    succeeds(&["put", &old, "mine", "alone"]);
    // Of the copy's word nothing is left, so nobody waits for it.
    fs::remove_dir_all(site.dir.path().join("store/progress")).unwrap();
    for i in 0..4 {
        site.publish("a.db", &format!("k{i}"));
    }
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    site.publish("a.db", "k9");
    let gc = [
        "replicate",
        "gc",
        &store,
        "--retain",
        "0s",
        "--retain-min",
        "0",
    ];
    let would = json(&[&gc[..], &["--dry-run"]].concat());
    assert_eq!(would["segments_removed"], 0);
    let done = json(&gc);
    assert_eq!(done["segments_removed"], 4, "{done}");
    site.verify_store();
    let before = site.digest("b.db");
    let (code, text) = exit(&["replicate", "pull", &b, "--from", &store]);
    assert_eq!(code, 11, "{text}");
    assert!(text.contains("--reseed auto"), "{text}");
    assert_eq!(
        site.digest("b.db"),
        before,
        "the old copy can still be read"
    );
    let done = json(&[
        "replicate",
        "pull",
        &b,
        "--from",
        &store,
        "--reseed",
        "auto",
    ]);
    assert_eq!(done["new_copies"], 1);
    assert_eq!(site.digest("b.db"), site.digest("a.db"));

    let before = site.digest("old.db");
    let pull = ["replicate", "pull", &old, "--from", &store, "--reseed"];
    let (code, text) = exit(&[&pull[..], &["auto"]].concat());
    assert!(code == 10 || code == 15, "{code}: {text}");
    assert_eq!(site.digest("old.db"), before, "nothing was replaced");
    let done = json(&[&pull[..], &["force"]].concat());
    assert!(!done["saved"].as_array().unwrap().is_empty(), "{done}");
    assert_eq!(site.digest("old.db"), site.digest("a.db"));
}

#[test]
fn holds_and_mirrors_by_command() {
    let site = Site::with_copy();
    let (store, mirror) = (site.store(), format!("dir:{}", site.path("mirror")));
    let hold = json(&["replicate", "hold", &store, "audit", "--reason", "x"]);
    let gc = json(&["replicate", "gc", &store, "--dry-run"]);
    let index = hold["index"].clone();
    let found = gc["holds"].as_array().map(|holds| holds.len());
    assert!(index.as_u64().is_some());
    // Without anything to remove nobody is asked.
    assert_eq!(found, Some(0), "{gc}");
    assert_eq!(
        json(&["replicate", "forget", &store, "audit"])["held"],
        false
    );
    assert_eq!(exit(&["replicate", "forget", &store, "audit"]).0, 1);
    assert_eq!(exit(&["replicate", "hold", &store, "No Name"]).0, 2);
    site.publish("a.db", "k");
    let copied = json(&["replicate", "mirror", &store, &mirror]);
    assert_eq!(
        (&copied["segments"], &copied["snapshots"]),
        (&1.into(), &1.into())
    );
    succeeds(&["replicate", "verify", &mirror, "--deep", "-q"]);
    // Nothing is removed there that the first store has.
    let refused = exit(&["replicate", "hold", &mirror, "late"]);
    assert_eq!(refused.0, 10, "{}", refused.1);
    assert!(refused.1.contains(&store), "{}", refused.1);
    succeeds(&[
        "replicate",
        "pull",
        &site.path("b.db"),
        "--from",
        &mirror,
        "-q",
    ]);
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    let (code, text) = exit(&["promote", &site.path("b.db"), "--store", &mirror, "--yes"]);
    assert_eq!(code, 10, "{text}");
    let (code, _) = exit(&["replicate", "snapshot", &site.path("a.db"), "--to", &mirror]);
    assert_eq!(code, 10);
}

#[test]
fn verify_finds_what_is_damaged() {
    let site = Site::new();
    site.publish("a.db", "k");
    site.verify_store();
    let segment = site.dir.path().join("store/log").join(&site.segments()[0]);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[150] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let (code, text) = exit(&["replicate", "verify", &site.store()]);
    assert_eq!(code, 4, "{text}");
    let (code, _) = exit(&[
        "replicate",
        "init",
        &site.path("x.db"),
        "--from",
        &site.store(),
    ]);
    assert_eq!(code, 4);
    let empty = format!("dir:{}", site.path("none"));
    assert_eq!(exit(&["replicate", "verify", &empty]).0, 5);
    assert_eq!(exit(&["replicate", "verify", "ftp://x"]).0, 2);
}

/// A store to which a newer creel publishes: the copy stops before what it cannot read.
#[test]
fn a_segment_of_a_newer_format_is_left_alone() {
    let site = Site::with_copy();
    let (b, store) = (site.path("b.db"), site.store());
    site.publish("a.db", "known");
    site.publish("a.db", "newer");
    let newest = site.segments().pop().unwrap();
    let segment = site.dir.path().join("store/log").join(newest);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[8] = 2;
    let sum = creel::format::checksum::crc(&bytes[..124]).to_le_bytes();
    bytes[124..128].copy_from_slice(&sum);
    let end = bytes.len() - 32;
    let hash = *blake3::hash(&bytes[..end]).as_bytes();
    bytes[end..].copy_from_slice(&hash);
    fs::write(&segment, bytes).unwrap();
    for _ in 0..2 {
        let (code, text) = exit(&["replicate", "pull", &b, "--from", &store]);
        assert_eq!(code, 6, "{text}");
        assert!(site.has("b.db", "known") && !site.has("b.db", "newer"));
    }
    succeeds(&["verify", &b, "--level", "deep", "-q"]);
}

#[test]
fn a_bulk_import_is_published_with_a_snapshot() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let lines: String = (0..50)
        .map(|i| format!("{{\"id\":\"b{i}\",\"x\":{i}}}\n"))
        .collect();
    let file = site.path("lines.jsonl");
    fs::write(&file, lines).unwrap();
    succeeds(&["import", &a, &file, "--field-map", "key=id", "-q"]);
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    let done = json(&[
        "replicate",
        "pull",
        &b,
        "--from",
        &store,
        "--reseed",
        "auto",
    ]);
    assert_eq!(site.digest("a.db"), site.digest("b.db"), "{done}");
    site.publish("a.db", "after");
    succeeds(&["replicate", "pull", &b, "--from", &store, "-q"]);
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    site.verify_store();
}

#[cfg(not(feature = "cloud"))]
#[test]
fn a_build_without_clouds_says_so() {
    let (code, text) = exit(&["replicate", "probe", "s3://bucket/x"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("without the feature cloud"), "{text}");
}
