//! What is seen of commits that no fail-over can lose; promotions in one very state; checks that
//! are noted; contents compared with the store.

use std::path::Path;

use crate::forge;
use crate::store::{Site, exit, json, succeeds};

#[test]
fn only_what_the_store_has_is_read() {
    let site = Site::new();
    let a = site.path("a.db");
    let published = |key: &str| {
        let output = crate::store::creel(&["get", &a, key, "--read", "published"]);
        let output = { output }.output().unwrap();
        (output.status.code().unwrap(), output.stdout)
    };
    succeeds(&["put", &a, "key", "1", "--ack", "published"]);
    assert_eq!(published("key"), (0, b"1".to_vec()));
    succeeds(&["put", &a, "key", "2"]);
    succeeds(&["put", &a, "new", "x"]);
    assert_eq!(published("key"), (0, b"1".to_vec()), "the version before");
    assert_eq!(published("new").0, 1);
    assert_eq!(exit(&["exists", &a, "new", "--read", "published"]).0, 1);
    let listed = succeeds(&["list", &a, "--read", "published"]);
    assert_eq!(listed, "first\t1\nkey\t1\n");
    let end = succeeds(&[
        "list",
        &a,
        "--read",
        "published",
        "--json",
        "--prefix",
        "none",
    ]);
    let all = succeeds(&["list", &a, "--json", "--prefix", "none"]);
    let index = |text: &str| {
        let end: serde_json::Value = serde_json::from_str(text).unwrap();
        end["position"]["index"].as_u64().unwrap()
    };
    assert_eq!(index(&end) + 2, index(&all));
    assert_eq!(succeeds(&["get", &a, "key"]), "2");
    // Folded before the store has it: the state between is nowhere any more.
    succeeds(&["checkpoint", &a, "-q"]);
    let (code, text) = exit(&["get", &a, "key", "--read", "published"]);
    assert_eq!(code, 12, "{text}");
    succeeds(&["put", &a, "last", "x", "--ack", "published"]);
    assert_eq!(published("key"), (0, b"2".to_vec()));
    let (code, _) = exit(&["get", &a, "key", "--read", "published", "--wait-for", "1:1"]);
    assert_eq!(code, 2);
    let other = site.path("other.db");
    succeeds(&["open", &other, "--create", "-q"]);
    let (code, text) = exit(&["list", &other, "--read", "published"]);
    assert_eq!(code, 2, "{text}");
}

/// Its file knew what was published when it was last served, and the store showed it behind its own segments.
#[test]
fn a_primary_that_only_writes_published_was_shown_as_it_had_been() {
    let site = Site::with_copy();
    let (b, store) = (site.path("b.db"), site.store());
    succeeds(&["promote", &b, "--yes", "-q"]);
    let index = |value: &serde_json::Value| value.as_u64().unwrap();
    let status = || json(&["replicate", "status", &b]);
    for n in 0..3 {
        let key = format!("key {n}");
        succeeds(&["put", &b, &key, "1", "--ack", "published"]);
        let seen = status();
        assert_eq!(seen["published_index"], seen["position"]["index"], "{seen}");
        assert_eq!(seen["unpublished_entries"], 0);
        assert_eq!(seen["fencing"], "fit");
        assert!(seen["store_contact_ms"].is_u64(), "{seen}");
    }
    succeeds(&["put", &b, "alone", "1"]);
    assert_eq!(status()["unpublished_entries"], 1);
    let seen = json(&["replicate", "status", &store]);
    let rows = seen["nodes"].as_array().unwrap();
    let primary = rows.iter().find(|row| row["role"] == "primary").unwrap();
    assert_eq!(primary["position"], seen["position"], "{seen}");
    assert_eq!(primary["lag_entries"], 0);
    // With the store away it is what the file knows, which is not much less, and that is said.
    for n in 0..16 {
        let key = format!("more {n}");
        succeeds(&["put", &b, &key, "1", "--ack", "published"]);
    }
    let published = index(&status()["published_index"]);
    let chain = site.dir.path().join("store");
    std::fs::rename(&chain, site.dir.path().join("away")).unwrap();
    let seen = status();
    let known = index(&seen["published_index"]);
    assert!(known <= published && known + 16 > published, "{seen}");
    assert_eq!(seen["errors"][0]["of"], "publish", "{seen}");
    // A question does not wait for a store that has nothing to say about it.
    succeeds(&["replicate", "status", &b, "--check", "primary"]);
    std::fs::rename(site.dir.path().join("away"), &chain).unwrap();
    // The old primary's end is not that of the store.
    let seen = json(&["replicate", "status", &site.path("a.db")]);
    let text = seen["errors"][0]["text"].as_str().unwrap();
    assert!(text.contains("goes on with commits"), "{seen}");
}

#[test]
fn a_deposed_primary_says_that_the_store_goes_on_without_it() {
    let site = Site::with_copy();
    let (a, b) = (site.path("a.db"), site.path("b.db"));
    succeeds(&["promote", &b, "--yes", "-q"]);
    succeeds(&["put", &b, "new", "1", "--ack", "published"]);
    succeeds(&["put", &a, "alone", "1"]);
    let (code, text) = exit(&["get", &a, "first", "--read", "published"]);
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("creel replicate rejoin"), "{text}");
    // A copy of the store has nothing that the store lacks.
    succeeds(&["replicate", "rejoin", &a, "--from", &site.store(), "-q"]);
    assert_eq!(succeeds(&["get", &a, "new", "--read", "published"]), "1");
}

#[test]
fn a_promotion_happens_in_the_state_that_was_expected_or_not_at_all() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let seen = json(&["replicate", "status", &store]);
    let index = seen["position"]["index"].as_u64().unwrap();
    let expect = |index: u64, more: &[&str]| {
        let index = index.to_string();
        let words = [
            "promote",
            &b,
            "--expect-epoch",
            "1",
            "--expect-index",
            &index,
        ];
        exit(&[&words[..], more].concat())
    };
    succeeds(&["put", &a, "more", "1", "--ack", "published"]);
    let (code, text) = expect(index, &["--yes"]);
    assert_eq!(code, 10, "{text}");
    assert!(
        text.contains(&format!("ends at entry {}", index + 1)),
        "{text}"
    );
    assert_eq!(expect(index, &["--dry-run"]).0, 10);
    assert_eq!(expect(index + 1, &["--dry-run"]).0, 0);
    assert_eq!(json(&["info", &b])["role"], "replica");
    assert_eq!(expect(index + 1, &["--yes"]).0, 0);
    assert_eq!(json(&["info", &b])["role"], "primary");
    // Without a store it is the copy's own newest entry.
    let (c, d) = (site.path("c.db"), site.path("d.db"));
    succeeds(&["open", &c, "--create", "-q"]);
    succeeds(&["put", &c, "key", "1"]);
    succeeds(&["replicate", "init", &d, "--from", &c, "-q"]);
    let promote = ["promote", &d, "--yes", "--accept-loss", "--expect-index"];
    let (code, text) = exit(&[&promote[..], &["2"]].concat());
    assert_eq!(code, 10, "{text}");
    assert_eq!(exit(&[&promote[..], &["1"]].concat()).0, 0);
}

#[test]
fn a_check_that_passed_is_noted_where_that_is_asked_for() {
    let site = Site::with_copy();
    let (b, store) = (site.path("b.db"), site.store());
    for (target, verify) in [
        (&b, &["verify", &b, "--level", "deep", "-q"][..]),
        (&store, &["replicate", "verify", &store, "--deep", "-q"][..]),
    ] {
        let fresh = |age: &str| {
            let check = format!("verified={age}");
            exit(&["replicate", "status", target, "--check", &check]).0
        };
        succeeds(verify);
        assert_eq!(fresh("1h"), 1, "not noted: nothing was asked to");
        succeeds(&[verify, &["--note"]].concat());
        assert_eq!(fresh("1h"), 0);
        assert_eq!(fresh("0s"), 1);
        let status = json(&["replicate", "status", target]);
        assert!(status["verified_ms"].as_u64().unwrap() > 1_600_000_000_000);
    }
    // What does not pass is not noted, and the note before it stays as old as it is.
    let before = json(&["replicate", "status", &b])["verified_ms"].clone();
    forge::header(Path::new(&b), |header| header.content_sum ^= 1);
    let (code, _) = exit(&["verify", &b, "--level", "deep", "--note", "-q"]);
    assert_eq!(code, 4);
    assert_eq!(json(&["replicate", "status", &b])["verified_ms"], before);
    assert_eq!(exit(&["verify", &b, "--level", "quick", "--note"]).0, 2);
}

#[test]
fn a_drill_that_passed_is_noted_where_that_is_asked_for() {
    let site = Site::new();
    let (a, store) = (site.path("a.db"), site.store());
    let fresh = |age: &str| {
        let check = format!("drilled={age}");
        exit(&["replicate", "status", &store, "--check", &check]).0
    };
    succeeds(&["drill", &store, "-q"]);
    assert_eq!(fresh("1h"), 1, "not noted: nothing was asked to");
    assert!(json(&["replicate", "status", &store])["drilled_ms"].is_null());
    succeeds(&["drill", &store, "--note", "-q"]);
    assert_eq!((fresh("1h"), fresh("0s")), (0, 1));
    let noted = json(&["replicate", "status", &store])["drilled_ms"].clone();
    assert!(noted.as_u64().unwrap() > 1_600_000_000_000);
    // Other contents than were to be there are no drill that passed.
    succeeds(&["put", &a, "more", "1"]);
    assert_eq!(
        exit(&["drill", &store, "--against", &a, "--note", "-q"]).0,
        1
    );
    assert_eq!(json(&["replicate", "status", &store])["drilled_ms"], noted);
    assert_eq!(
        exit(&["drill", &a, "--note"]).0,
        2,
        "a file is not written to"
    );
}

#[test]
fn the_first_range_that_differs_from_the_store_is_named() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    succeeds(&["put", &a, "second", "needle", "--ack", "published"]);
    succeeds(&["replicate", "pull", &b, "-q"]);
    succeeds(&["checkpoint", &b, "-q"]);
    let compare = ["replicate", "verify", &store, "--range-digests", &b];
    let same = json(&compare);
    assert_eq!(same["compared"]["same"], true);
    assert_eq!(same["compared"]["first"], serde_json::Value::Null);
    forge::value(Path::new(&b), b"needle", b"noodle");
    let (code, text) = exit(&compare);
    assert_eq!(code, 15, "{text}");
    let output = crate::store::creel(&[&compare[..], &["--json"]].concat());
    let output = { output }.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = &report["compared"];
    assert_eq!(
        (&found["same"], &found["differing_ranges"]),
        (&false.into(), &1.into())
    );
    assert_eq!(found["first"]["keyspace"], "main");
    // A copy with commits that the store lacks is not judged.
    succeeds(&["put", &a, "third", "1"]);
    let (code, _) = exit(&["replicate", "verify", &store, "--range-digests", &a]);
    assert!(code != 0 && code != 15, "{code}");
}

/// It was shown with the last position that its file had noted, and with commits that nobody else has.
#[test]
fn a_deposed_primary_does_not_say_how_far_it_is_published() {
    let site = Site::with_copy();
    let (a, b) = (site.path("a.db"), site.path("b.db"));
    succeeds(&["put", &a, "second", "1", "--ack", "published"]);
    let before = json(&["replicate", "status", &a]);
    assert_eq!(before["unpublished_entries"], 0, "{before}");
    succeeds(&["promote", &b, "--yes", "-q"]);
    let after = json(&["replicate", "status", &a]);
    assert!(after["published_index"].is_null(), "{after}");
    assert!(after["unpublished_entries"].is_null(), "{after}");
    assert_eq!(after["errors"][0]["of"], "publish", "{after}");
}
