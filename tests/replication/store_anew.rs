//! Copies that are made anew from a store, or go back: what is saved, what is refused, what stays.

use std::path::Path;

use crate::store::{Site, exit, json, succeeds};

fn saved(report: &serde_json::Value) -> Vec<String> {
    let files = report["saved"].as_array().unwrap();
    files
        .iter()
        .map(|file| file.as_str().unwrap().to_owned())
        .collect()
}

/// It was compared with the snapshot that the new copy begins with, not with the chain behind that.
#[test]
fn a_copy_made_anew_from_a_store_saved_what_the_chain_has() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    for n in 0..3 {
        let key = format!("key {n}");
        succeeds(&["put", &a, &key, "1", "--ack", "published"]);
    }
    succeeds(&["replicate", "pull", &b, "-q"]);
    let report = json(&["replicate", "reseed", &b]);
    assert_eq!(
        (&report["new_copies"], saved(&report).len()),
        (&1.into(), 0),
        "{report}"
    );
    assert!(!Path::new(&site.path("b.db.diverged")).exists());
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    // Of a deposed primary that went on, only what the chain lacks is saved: behind many segments, the
    // last of which has entries of both.
    succeeds(&["replicate", "pull", &b, "-q"]);
    succeeds(&["put", &a, "own 1", "1"]);
    succeeds(&["put", &a, "own 2", "2"]);
    succeeds(&["promote", &b, "--yes", "-q"]);
    for n in 0..3 {
        let key = format!("new {n}");
        succeeds(&["put", &b, &key, "1", "--ack", "published"]);
    }
    let from = ["--from", &store, "--reseed", "force"];
    let report = json(&[&["replicate", "pull", &a][..], &from].concat());
    let files = saved(&report);
    assert_eq!(files.len(), 1, "{report}");
    let shown = succeeds(&["log", "show", &files[0]]);
    assert!(
        shown.contains("own 1") && shown.contains("own 2"),
        "{shown}"
    );
    assert!(
        !shown.contains("key") && !shown.contains("still"),
        "{shown}"
    );
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
}

/// A path as the source was refused, a store was not: nobody was primary any more.
#[test]
fn a_primary_was_replaced_by_its_own_past_from_a_store() {
    let site = Site::with_copy();
    let (a, store) = (site.path("a.db"), site.store());
    for more in [None, Some("published"), Some("local")] {
        if let Some(ack) = more {
            succeeds(&["put", &a, ack, "1", "--ack", ack]);
        }
        let before = site.digest("a.db");
        for words in [&["pull"][..], &["reseed"]] {
            let mut all = [&["replicate"], words, &[&a, "--from", &store]].concat();
            if words == ["pull"] {
                all.extend(["--reseed", "force"]);
            }
            let (code, text) = exit(&all);
            assert_eq!(code, 10, "{text}");
            assert!(text.contains("nobody would be primary"), "{text}");
        }
        assert_eq!(site.digest("a.db"), before);
        assert!(!Path::new(&site.path("a.db.diverged")).exists());
        succeeds(&["put", &a, "still", "primary", "--ack", "published"]);
    }
    let other = site.path("other.db");
    succeeds(&["open", &other, "--create", "--role", "primary", "-q"]);
    let all = ["replicate", "reseed", &other, "--from", &store];
    assert_eq!(exit(&all).0, 15, "another database");
}

/// What it keeps of its log, and who may read it, was as of a new file.
#[cfg(unix)]
#[test]
fn what_was_said_of_a_copy_was_forgotten_when_a_store_made_it_anew() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::with_copy();
    let b = site.path("b.db");
    succeeds(&["replicate", "keep", &b, "--retain-min", "77", "-q"]);
    std::fs::set_permissions(&b, PermissionsExt::from_mode(0o640)).unwrap();
    let before = json(&["replicate", "keep", &b]);
    assert_eq!(before["retain_min"], 77, "{before}");
    succeeds(&["replicate", "reseed", &b, "-q"]);
    let after = json(&["replicate", "keep", &b]);
    assert_eq!(after["retain_min"], 77, "{after}");
    let mode = std::fs::metadata(&b).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let left = std::fs::read_dir(site.dir.path()).unwrap();
    let mut names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.contains("seed")));
    // The source stays, too.
    succeeds(&["replicate", "pull", &b, "-q"]);
}

/// Two copies: one is promoted, the other one has taken what the old primary never published, as that one
/// has. Both go back, and what they had is saved by both.
#[test]
fn two_copies_of_a_store_rejoin_the_third() {
    let site = Site::with_copy();
    let (a, b, c, store) = (
        site.path("a.db"),
        site.path("b.db"),
        site.path("c.db"),
        site.store(),
    );
    succeeds(&["replicate", "init", &c, "--from", &store, "-q"]);
    succeeds(&["put", &a, "shared", "1", "--ack", "published"]);
    for copy in [&b, &c] {
        succeeds(&["replicate", "pull", copy, "-q"]);
    }
    // From the file itself, as over a connection: the store has none of it.
    succeeds(&["put", &a, "taken", "1"]);
    succeeds(&["replicate", "pull", &c, "--from", &a, "-q"]);
    succeeds(&["put", &a, "alone", "1"]);
    succeeds(&["promote", &b, "--yes", "-q"]);
    succeeds(&["put", &b, "new", "1", "--ack", "published"]);
    // Neither is fed before it has gone back.
    let (code, text) = exit(&["replicate", "pull", &c, "--from", &store]);
    assert_eq!(code, 15, "{text}");
    assert!(text.contains("creel replicate rejoin"), "{text}");
    for (path, lost) in [(&c, &["taken"][..]), (&a, &["taken", "alone"])] {
        let would = json(&["replicate", "rejoin", path, "--from", &store, "--dry-run"]);
        let done = json(&["replicate", "rejoin", path, "--from", &store]);
        assert_eq!(done["diverged"], lost.len(), "{done}");
        assert_eq!(would["diverged"], lost.len(), "{would}");
        let files = done["saved"].as_array().unwrap();
        let file = files[0].as_str().or(files[0]["path"].as_str()).unwrap();
        let shown = succeeds(&["log", "show", file]);
        assert!(lost.iter().all(|key| shown.contains(key)), "{shown}");
        assert!(!shown.contains("shared"), "{shown}");
    }
    // From then on both follow, and the store knows all three.
    succeeds(&["put", &b, "last", "1", "--ack", "published"]);
    for copy in [&a, &c] {
        succeeds(&["replicate", "pull", copy, "-q"]);
    }
    for name in ["a.db", "c.db"] {
        assert_eq!(site.digest(name), site.digest("b.db"), "{name}");
    }
    let seen = json(&["replicate", "status", &store]);
    let rows = seen["nodes"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{seen}");
    for row in rows {
        assert_eq!(
            (&row["lag_entries"], &row["history_same"]),
            (&0.into(), &true.into()),
            "{row}"
        );
    }
    site.verify_store();
}
