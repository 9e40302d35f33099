//! Databases made anew from a store, as they were at a moment.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::store::{Site, exit, json, succeeds};

#[test]
fn a_restore_goes_to_an_entry_a_time_or_a_token() {
    let site = Site::new();
    let (a, store) = (site.path("a.db"), site.store());
    let mut tokens = Vec::new();
    for i in 0..4 {
        let key = format!("k{i}");
        let args = ["put", &a, &key, "v", "--ack", "published", "--token"];
        tokens.push(succeeds(&args).trim().to_owned());
    }
    let at = |name: &str, at: &str| {
        let done = json(&["restore", &store, "-o", &site.path(name), "--at", at]);
        done["position"].as_str().unwrap().to_owned()
    };
    let position = at("token.db", &tokens[1]);
    assert!(
        position.starts_with(&tokens[1]),
        "{position} is {}",
        tokens[1]
    );
    assert!(site.has("token.db", "k1") && !site.has("token.db", "k2"));
    let index = tokens[2].split(':').nth(1).unwrap();
    at("index.db", index);
    assert!(site.has("index.db", "k2") && !site.has("index.db", "k3"));
    at("time.db", "2999-01-01T00:00:00Z");
    assert_eq!(site.digest("time.db"), site.digest("a.db"));
    let early = exit(&[
        "restore",
        &store,
        "-o",
        &site.path("x.db"),
        "--at",
        "1999-01-01T00:00:00Z",
    ]);
    assert_eq!(early.0, 5, "{}", early.1);
    let beyond = exit(&["restore", &store, "-o", &site.path("x.db"), "--at", "999"]);
    assert_eq!(beyond.0, 5, "{}", beyond.1);
    let forged = format!("{}:00000000", tokens[1].rsplit_once(':').unwrap().0);
    let lost = exit(&["restore", &store, "-o", &site.path("x.db"), "--at", &forged]);
    assert_eq!(lost.0, 16, "{}", lost.1);
    let lost = exit(&["restore", &store, "--at", &forged, "--dry-run"]);
    assert_eq!(lost.0, 16, "a dry run sees it too: {}", lost.1);
    let planned = json(&["restore", &store, "--at", &tokens[1], "--dry-run"]);
    assert_eq!(
        planned["upto"],
        tokens[1].split(':').nth(1).unwrap().parse::<u64>().unwrap()
    );
    let plan = json(&["restore", &store, "--dry-run"]);
    assert_eq!(plan["output"], Value::Null);
    assert!(!Path::new(&site.path("x.db")).exists());
    let left: Vec<PathBuf> = fs::read_dir(site.dir.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().unwrap().to_str().unwrap().starts_with('.'))
        .collect();
    assert_eq!(left, [] as [PathBuf; 0], "temporary files are removed");
}
