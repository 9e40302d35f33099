//! Imports that count once copies, or the store, have them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::store::{Site, creel, exit, json, succeeds};
use crate::world::{World, text};

fn records(keys: std::ops::Range<u32>) -> String {
    keys.map(|i| format!("{{\"key_utf8\":\"k{i:05}\",\"payload_utf8\":\"v{i}\"}}\n"))
        .collect()
}

fn import(world: &World, file: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["import"];
    all.extend(words);
    let output = world.run(&all, &[&world.path("a.db"), &world.path(file)]);
    (output.status.code(), text(&output))
}

/// Both ways into the database: one entry that copies are made anew for, and batches in the log.
#[test]
fn a_confirmed_import_is_on_the_copies() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "first", "value");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    let ack = ["--ack", "replica:1", "--ack-timeout", "60s"];
    fs::write(world.path("one"), records(0..2000)).unwrap();
    let (status, said) = import(&world, "one", &ack);
    assert_eq!(status, Some(0), "{said}");
    world.same("b.db", "a.db");
    fs::write(world.path("two"), records(2000..3000)).unwrap();
    let batches = [&ack[..], &["--batch", "100"]].concat();
    let (status, said) = import(&world, "two", &batches);
    assert_eq!(status, Some(0), "{said}");
    world.same("b.db", "a.db");
    assert_eq!(world.open("b.db").len().unwrap(), 3001);

    // A copy that does not answer: committed here, and not known to be there.
    follower.signal("-STOP");
    fs::write(world.path("three"), records(3000..3100)).unwrap();
    let short = ["--ack", "replica:1", "--ack-timeout", "300ms", "--json"];
    let (status, said) = import(&world, "three", &[&short[..], &["--batch", "50"]].concat());
    assert_eq!(status, Some(14), "{said}");
    assert!(said.contains("\"code\":\"not_confirmed\""), "{said}");
    assert!(said.contains("\"token\":\"1:"), "{said}");
    assert!(said.contains("\"records\":100"), "{said}");
    assert!(world.open("a.db").get(b"k03099").unwrap().is_some());
    // The same again with --resume imports nothing, and waits for what is there.
    let again = ["--batch", "50", "--resume", "--json"];
    let (status, said) = import(&world, "three", &[&short[..4], &again].concat());
    assert_eq!(status, Some(14), "{said}");
    follower.signal("-CONT");
    let (status, said) = import(&world, "three", &[&ack[..], &again].concat());
    assert_eq!(status, Some(0), "{said}");
    world.same("b.db", "a.db");
    follower.terminate();
}

#[test]
fn nothing_is_imported_where_nobody_can_confirm() {
    let world = World::new();
    world.create("a.db");
    fs::write(world.path("in"), records(0..10)).unwrap();
    let before = world.position("a.db").index;
    for more in [&[][..], &["--batch", "5"]] {
        let (status, said) = import(&world, "in", &[&["--ack", "replica:1"], more].concat());
        assert_eq!(status, Some(12), "{said}");
        let (status, said) = import(&world, "in", &[&["--ack", "published"], more].concat());
        assert_eq!(status, Some(2), "{said}");
    }
    assert_eq!(world.position("a.db").index, before);
    // A database that was to be made for it is not.
    let new = world.path("new.db");
    let words = ["import", "--create", "--ack", "published"];
    let output = world.run(&words, &[&new, &world.path("in")]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(!new.exists());
}

/// What a copy that knows nothing but the store gets of an import.
#[test]
fn a_published_import_can_be_restored_from_the_store() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let file = site.path("in");
    fs::write(&file, records(0..5000)).unwrap();
    let done = json(&["import", &a, &file, "--ack", "published"]);
    assert_eq!(done["inserted"], 5000);
    let hash = done["position"]["hash"].as_str().unwrap();
    assert_eq!(hash.len(), 32, "{done}");
    let restored = site.path("r.db");
    succeeds(&["restore", &store, "-o", &restored, "-q"]);
    assert_eq!(site.digest("r.db"), site.digest("a.db"));
    // A copy gets there as well.
    succeeds(&[
        "replicate",
        "pull",
        &b,
        "--from",
        &store,
        "--reseed",
        "auto",
        "-q",
    ]);
    assert_eq!(site.digest("b.db"), site.digest("a.db"));
    // Batches are in the log and need no snapshot.
    let snapshots = || {
        fs::read_dir(Path::new(&site.path("store")).join("snap"))
            .unwrap()
            .count()
    };
    let before = snapshots();
    fs::write(&file, records(5000..5100)).unwrap();
    let words = [
        "import",
        &a,
        &file,
        "--ack",
        "published",
        "--batch",
        "10",
        "--token",
        "-q",
    ];
    let token = succeeds(&words);
    assert_eq!(snapshots(), before);
    succeeds(&["replicate", "pull", &b, "--from", &store, "-q"]);
    let got = succeeds(&["get", &b, "k05099", "--wait-for", token.trim()]);
    assert_eq!(got, "v5099");
    site.verify_store();
}

/// Another copy has become the primary: nothing is imported, however it is done.
#[test]
fn a_former_primary_imports_nothing() {
    let site = Site::with_copy();
    let (a, b) = (site.path("a.db"), site.path("b.db"));
    let file = site.path("in");
    fs::write(&file, records(0..100)).unwrap();
    succeeds(&["promote", &b, "--yes", "-q"]);
    let before = site.digest("a.db");
    for more in [&[][..], &["--batch", "10"]] {
        let words = [&["import", &a, &file, "--ack", "published", "--json"], more].concat();
        let (code, said) = exit(&words);
        assert_eq!(code, 10, "{said}");
        assert_eq!(site.digest("a.db"), before);
    }
    // What is waited for in vain is told in JSON as everything is.
    let output = creel(&["import", &b, &file, "--ack", "replica:1", "--json"])
        .output()
        .unwrap();
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["exit"], 12, "{error}");
}
