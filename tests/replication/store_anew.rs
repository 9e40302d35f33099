//! Copies that are made anew from a store: what is saved, what is refused, what stays.

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
