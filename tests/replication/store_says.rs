//! What the commands about a store say, and what they do not take.

use std::fs;

use crate::store::{Site, creel, exit, succeeds};

/// A tab was printed as a backslash and a letter, so that no tool could take the lines apart.
#[test]
fn findings_of_verify_had_no_columns() {
    let site = Site::new();
    site.publish("a.db", "k");
    let segment = site.dir.path().join("store/log").join(&site.segments()[0]);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[150] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let output = creel(&["replicate", "verify", &site.store()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find(|line| line.starts_with("damage"));
    let columns: Vec<&str> = line
        .unwrap_or_else(|| panic!("{said}"))
        .split('\t')
        .collect();
    assert_eq!(columns.len(), 3, "{columns:?}");
    assert!(columns[1].starts_with("log/"), "{columns:?}");
}

/// It kept nothing, or what nobody had written yet.
#[test]
fn a_hold_beyond_the_newest_entry_was_taken() {
    let site = Site::new();
    let store = site.store();
    let said = succeeds(&["replicate", "hold", &store, "first"]);
    let newest = said.trim().rsplit(' ').next().unwrap().to_owned();
    let newest: u64 = newest.parse().unwrap();
    let beyond = (newest + 1).to_string();
    let (code, text) = exit(&["replicate", "hold", &store, "late", "--at", &beyond]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains(&format!("the newest is {newest}")), "{text}");
    let at = newest.to_string();
    succeeds(&["replicate", "hold", &store, "late", "--at", &at]);
}

/// "a snapshot that old; the oldest is of entry 1 is not in the store"
#[test]
fn a_moment_that_is_not_there_was_told_in_half_a_sentence() {
    let site = Site::new();
    let output = site.path("x.db");
    for (at, words) in [
        ("0", "a snapshot that old (the oldest is of entry "),
        ("99", "entry 99 (the chain ends at "),
    ] {
        let (code, text) = exit(&["restore", &site.store(), "-o", &output, "--at", at]);
        assert_eq!(code, 5, "{text}");
        assert!(text.contains(words), "{text}");
        assert!(text.contains(") is not in the store"), "{text}");
    }
}
