//! Segments that are lost or damaged: who stops, who is passed by, and what mends it.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::store::{Site, creel, exit, json, succeeds};

fn object(site: &Site, number: u64) -> PathBuf {
    let name = format!("store/log/{number:020}.seg");
    site.dir.path().join(name)
}

/// Changes a byte of the body: the header stays readable.
fn flip(site: &Site, number: u64) {
    let mut bytes = fs::read(object(site, number)).unwrap();
    bytes[140] ^= 1;
    fs::write(object(site, number), bytes).unwrap();
}

/// Waits for something that another process does.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed().as_secs() < 60, "{what} does not happen");
        std::thread::yield_now();
    }
}

/// Copies with a hole before them: `b.db` to `d.db` have what the first segment has.
fn before_a_hole() -> Site {
    let site = Site::with_copy();
    site.publish("a.db", "k1");
    for name in ["b.db", "d.db"] {
        let path = site.path(name);
        if name != "b.db" {
            succeeds(&["replicate", "init", &path, "--from", &site.store(), "-q"]);
        }
        succeeds(&["replicate", "pull", &path, "-q"]);
    }
    for i in 2..5 {
        site.publish("a.db", &format!("k{i}"));
    }
    site
}

/// It took the snapshot from before the hole again and again, in silence, and looked healthy.
#[test]
fn a_lost_segment_made_a_follower_take_one_copy_after_another() {
    let site = before_a_hole();
    let (a, b, c, store) = (
        site.path("a.db"),
        site.path("b.db"),
        site.path("c.db"),
        site.store(),
    );
    fs::remove_file(object(&site, 2)).unwrap();
    for words in [&["pull", &b][..], &["pull", &b, "--reseed", "auto"]] {
        let (code, text) = exit(&[&["replicate"], words].concat());
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("segment 2 is missing"), "{text}");
        assert!(text.contains("creel replicate snapshot PRIMARY"), "{text}");
        assert!(!text.contains("not kept any more"), "{text}");
    }
    let (code, text) = exit(&["replicate", "pull", &b, "--dry-run"]);
    assert_eq!(code, 4, "{text}");
    let (code, text) = exit(&["replicate", "follow", &b]);
    assert_eq!(code, 4, "{text}");
    assert!(!text.contains("a new copy"), "{text}");
    let check = ["replicate", "status", &b, "--check", "replica"];
    assert_eq!(exit(&check).0, 1);
    let (code, text) = exit(&["replicate", "init", &c, "--from", &store]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("the copy is there, up to entry"), "{text}");
    let said = json(&["replicate", "status", &b]);
    let reason = said["reseed"].as_str().unwrap();
    assert!(reason.contains("segment 2 is missing"), "{said}");
    assert_eq!(said["phase"], "needs_reseed", "{said}");
    // A snapshot above it, and the follower takes one copy and says so.
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    let follower = creel(&["replicate", "follow", &b])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the new copy", || site.has("b.db", "k4"));
    site.publish("a.db", "later");
    until("what comes behind it", || site.has("b.db", "later"));
    terminate(&follower.id().to_string());
    let output = follower.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.matches("a new copy is taken").count(), 1, "{text}");
    assert!(
        text.contains("segment 2 is missing; a newer snapshot passes it by"),
        "{text}"
    );
    // What init left goes on, too.
    let done = json(&[
        "replicate",
        "pull",
        &c,
        "--from",
        &store,
        "--reseed",
        "auto",
    ]);
    assert_eq!(done["new_copies"], 1, "{done}");
    assert_eq!(site.digest("c.db"), site.digest("a.db"));
    assert_eq!(exit(&check).0, 0);
}

fn terminate(id: &str) {
    let status = std::process::Command::new("kill")
        .args(["-TERM", id])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The snapshot above it was there, and the hint said to make one.
#[test]
fn a_damaged_segment_below_a_snapshot_stopped_copies_for_ever() {
    let site = before_a_hole();
    let (a, b, d, store) = (
        site.path("a.db"),
        site.path("b.db"),
        site.path("d.db"),
        site.store(),
    );
    flip(&site, 2);
    let pull = ["replicate", "pull", &b];
    let (code, text) = exit(&[&pull[..], &["--reseed", "auto"]].concat());
    assert_eq!(code, 4, "no snapshot passes it by: {text}");
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    let (code, text) = exit(&pull);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("segment 2 is damaged"), "{text}");
    assert!(text.contains("--reseed auto"), "{text}");
    let said = json(&["replicate", "status", &b]);
    let reason = said["reseed"].as_str().unwrap();
    assert!(reason.contains("segment 2 is damaged"), "{said}");
    for what in ["replica", "lag=1000", "age=1h"] {
        let check = ["replicate", "status", &b, "--check", what];
        assert_eq!(exit(&check).0, 1, "{what}");
    }
    let done = json(&[&pull[..], &["--reseed", "auto"]].concat());
    assert_eq!(done["new_copies"], 1, "{done}");
    let done = json(&["replicate", "reseed", &d]);
    assert_eq!(done["new_copies"], 1, "{done}");
    site.publish("a.db", "later");
    for name in ["b.db", "d.db"] {
        succeeds(&["replicate", "pull", &site.path(name), "-q"]);
        assert_eq!(site.digest(name), site.digest("a.db"), "{name}");
    }
}

/// Only `lag` failed: for the others it was in contact, and followed.
#[test]
fn a_copy_before_a_damaged_segment_that_nothing_passes_looked_as_if_it_could_go_on() {
    let site = before_a_hole();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let checks = |expected: i32| {
        for what in ["replica", "lag=1000", "age=1h"] {
            let check = ["replicate", "status", &b, "--check", what];
            assert_eq!(exit(&check).0, expected, "{what}");
        }
    };
    checks(0);
    // Not what it needs next: it can go on, up to there.
    flip(&site, 3);
    checks(0);
    assert_eq!(exit(&["replicate", "pull", &b]).0, 4);
    checks(1);
    let said = json(&["replicate", "status", &b]);
    let reason = said["reseed"].as_str().unwrap();
    assert!(reason.contains("segment 3 is damaged"), "{said}");
    assert!(reason.contains("no newer snapshot passes it by"), "{said}");
    assert_eq!(said["phase"], "needs_reseed", "{said}");
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    checks(1);
    succeeds(&["replicate", "pull", &b, "--reseed", "auto", "-q"]);
    checks(0);
    // The same where the chain ends with it.
    site.publish("a.db", "last");
    let last = u64::try_from(site.segments().len()).unwrap();
    flip(&site, last);
    checks(1);
}

/// All checks held for a copy of which the table said that it needs a new one.
#[test]
fn a_copy_below_the_floor_passed_all_checks() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    fs::remove_dir_all(site.dir.path().join("store/progress")).unwrap();
    for i in 0..3 {
        site.publish("a.db", &format!("k{i}"));
    }
    let checks = ["replica", "lag=1000", "age=1h"];
    let check = |what: &str| exit(&["replicate", "status", &b, "--check", what]).0;
    for what in checks {
        assert_eq!(check(what), 0, "{what}");
    }
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    let keep = ["--retain", "0s", "--retain-min", "0", "-q"];
    succeeds(&[&["replicate", "gc", &store], &keep[..]].concat());
    site.verify_store();
    for what in checks {
        assert_eq!(check(what), 1, "{what}");
    }
    let said = json(&["replicate", "status", &b]);
    assert_eq!(said["phase"], "needs_reseed", "{said}");
    assert!(said["reseed"].as_str().unwrap().contains("not kept"));
    // It says so in the store, where nobody waits for it.
    assert_eq!(exit(&["replicate", "pull", &b]).0, 11);
    let seen = json(&["replicate", "status", &store]);
    let rows = seen["nodes"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["needs_reseed"] == true), "{seen}");
    let lag = ["replicate", "status", &store, "--check", "lag=1000"];
    assert_eq!(exit(&lag).0, 1);
    succeeds(&["replicate", "pull", &b, "--reseed", "auto", "-q"]);
    for what in checks {
        assert_eq!(check(what), 0, "{what}");
    }
}

/// What stands at the end of the chain of another database, under the next number.
fn foreign(site: &Site) -> Vec<u8> {
    let other = Site::new();
    for i in 0..4 {
        other.publish("a.db", &format!("k{i}"));
    }
    let last = other.segments().len() as u64;
    assert_eq!(last, site.segments().len() as u64 + 1);
    fs::read(object(&other, last)).unwrap()
}

/// Status showed nothing at all, and the cure that was named failed like all else.
#[test]
fn a_damaged_end_of_the_chain_was_not_to_be_cured_by_what_was_said() {
    let cases: [(&str, &str); 3] = [
        ("flipped", "no epoch began with it"),
        ("random", "does not tell whether an epoch began"),
        ("foreign", "it belongs to the lineage"),
    ];
    for (what, claim) in cases {
        let site = Site::with_copy();
        let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
        for i in 0..3 {
            site.publish("a.db", &format!("k{i}"));
        }
        let number = match what {
            "flipped" => 3,
            _ => 4,
        };
        match what {
            "flipped" => flip(&site, 3),
            "random" => {
                let bytes: Vec<u8> = (0..300u32).map(|i| (i * i * 7 + 13) as u8).collect();
                fs::write(object(&site, 4), bytes).unwrap();
            }
            _ => fs::write(object(&site, 4), foreign(&site)).unwrap(),
        }
        let name = format!("log/{number:020}.seg");
        let all = [
            &["put", &a, "x", "y", "--ack", "published"][..],
            &["replicate", "snapshot", &a, "--to", &store],
            &["promote", &b, "--yes"],
            &["replicate", "init", &site.path("c.db"), "--from", &store],
        ];
        for words in all {
            let (code, text) = exit(words);
            assert_eq!(code, 4, "{what}: {text}");
            assert!(text.contains(&name), "{what}: {text}");
            assert!(text.contains("move it away by hand"), "{what}: {text}");
        }
        let seen = json(&["replicate", "status", &store]);
        let errors = seen["errors"].as_array().unwrap();
        assert_eq!(errors[0]["of"], name, "{seen}");
        let text = errors[0]["text"].as_str().unwrap();
        assert!(text.contains(claim), "{what}: {text}");
        assert_eq!(seen["last_segment"], number - 1, "{seen}");
        let lag = ["replicate", "status", &store, "--check", "lag=1000"];
        assert_eq!(exit(&lag).0, 1, "{what}");
        // What the page says helps: the primary writes again what only that segment had.
        fs::rename(object(&site, number), site.path("away.seg")).unwrap();
        succeeds(&["put", &a, "last", "1", "--ack", "published"]);
        site.verify_store();
        succeeds(&["replicate", "pull", &b, "-q"]);
        assert_eq!(site.digest("b.db"), site.digest("a.db"), "{what}");
        assert!(site.has("b.db", "k2") && site.has("b.db", "last"));
        assert_eq!(exit(&lag).0, 0, "{what}");
    }
}

/// The fence is what stops an old primary: nobody is told to move it away.
#[test]
fn a_damaged_fence_at_the_end_is_called_one() {
    let site = Site::with_copy();
    let (b, store) = (site.path("b.db"), site.store());
    site.publish("a.db", "k");
    succeeds(&["promote", &b, "--yes", "-q"]);
    let fence = site.segments().len() as u64;
    flip(&site, fence);
    let seen = json(&["replicate", "status", &store]);
    let text = seen["errors"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("epoch 2 began with it: it must stay"),
        "{text}"
    );
    // The chain goes on in another store, as the page says, and the old primary is refused there.
    let next = format!("dir:{}", site.path("next"));
    let instead = ["--instead", "--accept-loss", "-q"];
    let snapshot = ["replicate", "snapshot", &b, "--to", &next];
    succeeds(&[&snapshot[..], &instead].concat());
    succeeds(&["put", &b, "new", "1", "--ack", "published"]);
    succeeds(&["replicate", "verify", &next, "-q"]);
    let (code, text) = exit(&["put", &site.path("a.db"), "old", "1", "--ack", "published"]);
    assert_eq!(code, 4, "{text}");
}
