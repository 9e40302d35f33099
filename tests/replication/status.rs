//! What `replicate status` says, and what it answers to scripts.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use crate::world::{PATIENCE, Process, World, creel, text};

fn status(world: &World, target: &str, words: &[&str]) -> Value {
    let output = creel()
        .args(["replicate", "status", "--json"])
        .arg(target)
        .args(words)
        .current_dir(world.dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check(world: &World, target: &str, what: &[&str]) -> Option<i32> {
    let mut command = creel();
    command.args(["replicate", "status"]).arg(target);
    for what in what {
        command.args(["--check", what]);
    }
    let output = command.current_dir(world.dir.path()).output().unwrap();
    output.status.code()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
    }
}

#[test]
fn a_copy_of_a_file_says_how_far_it_is_behind() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let a = world.path("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    let same = status(&world, "b.db", &[]);
    assert_eq!(
        (&same["lag_entries"], &same["lag_bytes"]),
        (&0.into(), &0.into())
    );
    assert_eq!(same["lag_ms"], 0, "an idle source is not behind");
    assert_eq!(
        check(&world, "b.db", &["replica", "lag=0", "age=1m"]),
        Some(0)
    );
    assert_eq!(check(&world, "b.db", &["headroom=1MiB"]), Some(0));
    for n in 0..3 {
        world.put("a.db", &format!("key {n}"), &"x".repeat(1000));
    }
    let behind = status(&world, "b.db", &[]);
    assert_eq!(behind["lag_entries"], 3);
    let bytes = behind["lag_bytes"].as_u64().unwrap();
    assert!((3000..4000).contains(&bytes), "{bytes}");
    assert!(behind["lag_ms"].as_u64().unwrap() < 600_000);
    assert_eq!(
        behind["headroom_bytes"].as_u64().unwrap() + bytes,
        same["headroom_bytes"].as_u64().unwrap()
    );
    assert_eq!(check(&world, "b.db", &["lag=3"]), Some(0));
    assert_eq!(check(&world, "b.db", &["lag=2"]), Some(1));
    // More is missing than what is kept at least.
    world.replicate_to(0, "keep", "a.db", &["--retain-min", "2"]);
    assert_eq!(status(&world, "b.db", &[])["headroom_bytes"], 0);
    assert_eq!(check(&world, "b.db", &["headroom=1"]), Some(1));
    assert_eq!(check(&world, "b.db", &["up"]), Some(2));
}

#[test]
fn server_and_follower_are_asked() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let alone = status(&world, "b.db", &[]);
    assert_eq!(
        (&alone["served"], &alone["phase"]),
        (&false.into(), &Value::Null)
    );
    assert_eq!(alone["lag_entries"], 0, "the server was asked: {alone}");
    let follower = world.follow("b.db", &served.address, &[]);
    until("the follower streams", || {
        status(&world, "b.db", &[])["phase"] == "streaming"
    });
    assert_eq!(
        check(&world, "b.db", &["replica", "lag=0", "age=1m"]),
        Some(0)
    );
    let id = &status(&world, "b.db", &[])["file_id"];
    until("it is known at the server", || {
        let primary = status(&world, "a.db", &[]);
        assert_eq!(primary["served"], true);
        let row = &primary["followers"][0];
        row["node"] == *id && row["connected"] == true && row["position"]["index"] == 1
    });
    follower.kill();
    world.put("a.db", "more", "value");
    until("it is gone", || {
        let row = &status(&world, "a.db", &[])["followers"][0];
        row["connected"] == false && row["lag_entries"] == 1 && !row["lag_bytes"].is_null()
    });
    let row = &status(&world, "a.db", &[])["followers"][0];
    assert!(row["lag_bytes"].as_u64().unwrap() > 0, "{row}");
    assert!(row["headroom_bytes"].as_u64().unwrap() > 0, "{row}");
    // The killed process left its address behind; nobody answers there.
    let behind = status(&world, "b.db", &[]);
    assert_eq!(
        (&behind["served"], &behind["lag_entries"]),
        (&false.into(), &1.into())
    );
    served.process.terminate();
    let lost = status(&world, "b.db", &[]);
    assert_eq!(
        (&lost["lag_entries"], &lost["contact_ms"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(lost["errors"][0]["of"], "source");
    assert_eq!(check(&world, "b.db", &["lag=1000"]), Some(1));
    assert_eq!(check(&world, "b.db", &["age=1h"]), Some(1));
}

/// What is said of a rate: what was made durable in the time, and with it when the rest is there.
fn check_rate(row: &Value) -> bool {
    let lag = row["lag_entries"].as_u64().unwrap();
    let left = &row["eta_s"];
    match row["entries_per_s"].as_f64() {
        _ if lag == 0 => assert_eq!(left, 0, "{row}"),
        Some(rate) if rate > 0.0 => assert_eq!(left, (lag as f64 / rate).ceil() as u64, "{row}"),
        _ => assert!(left.is_null(), "{row}"),
    }
    row["entries_per_s"].as_f64().is_some_and(|rate| rate > 0.0)
}

#[test]
fn how_fast_a_copy_is_and_when_it_arrives() {
    let world = World::new();
    world.create("a.db");
    for n in 0..200 {
        world.put("a.db", &format!("before {n}"), "value");
    }
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let none = status(&world, "b.db", &[]);
    assert!(
        none["entries_per_s"].is_null() && none["eta_s"] == 0,
        "{none}"
    );
    let begun = Instant::now();
    let follower = world.follow("b.db", &served.address, &[]);
    let (mut n, mut most) = (0, 0.0f64);
    until("both know a rate", || {
        n += 1;
        world.put("a.db", &format!("key {n}"), "value");
        let own = status(&world, "b.db", &[]);
        let primary = status(&world, "a.db", &[]);
        let Some(row) = primary["followers"].as_array().unwrap().first() else {
            return false;
        };
        most = most.max(row["entries_per_s"].as_f64().unwrap_or(0.0));
        assert!(row["received_index"].as_u64() >= row["position"]["index"].as_u64());
        check_rate(row) & check_rate(&own)
    });
    // What the copy had when it came is no speed.
    let fastest = f64::from(n) / begun.elapsed().as_secs_f64().min(1.0);
    assert!(most <= fastest + 0.1, "{most}, {n} entries");
    until("it has everything", || {
        let row = &status(&world, "a.db", &[])["followers"][0];
        row["lag_entries"] == 0 && row["lag_ms"] == 0 && row["eta_s"] == 0
    });
    follower.kill();
    world.put("a.db", "more", "value");
    until("what is missing gets older", || {
        let row = &status(&world, "a.db", &[])["followers"][0];
        check_rate(row);
        row["lag_entries"] == 1 && row["lag_ms"].as_u64().is_some_and(|ms| ms > 0)
    });
}

#[test]
fn how_fast_a_copy_is_that_the_store_alone_knows() {
    let world = World::new();
    world.create("a.db");
    let store = format!("dir:{}", world.path("chain").display());
    world.put("a.db", "key", "value");
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store]);
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    let id = status(&world, "b.db", &[])["file_id"].clone();
    let mut n = 0;
    until("its last words tell", || {
        n += 1;
        let put = ["put", "--ack", "published", "--ack-timeout", "60s"];
        let key = format!("key {n}");
        let a = world.path("a.db");
        let output = creel().args(put).arg(&a).args([&key, "value"]).output();
        assert!(output.unwrap().status.success());
        world.replicate_to(0, "pull", "b.db", &[]);
        let seen = status(&world, &store, &[]);
        let rows = seen["nodes"].as_array().unwrap();
        rows.iter().any(|row| row["node"] == id && check_rate(row))
    });
}

#[test]
fn a_store_tells_of_all_who_use_it() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let store = format!("dir:{}", world.path("chain").display());
    let here = "dir:chain";
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store]);
    assert_eq!(check(&world, here, &["lag=9"]), Some(1), "there is no copy");
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    world.replicate_to(0, "init", "c.db", &["--from", &store]);
    assert_eq!(
        check(&world, here, &["lag=0", "age=1h", "headroom=1MiB"]),
        Some(0)
    );
    let a = world.path("a.db");
    let put = |key: &str| {
        let words = [
            "put",
            a.to_str().unwrap(),
            key,
            "value",
            "--ack",
            "published",
        ];
        world.ok(&words, &[]);
    };
    put("one");
    put("two");
    world.replicate_to(0, "pull", "b.db", &[]);
    let hold = creel()
        .args([
            "replicate",
            "hold",
            &store,
            "audit",
            "--at",
            "1",
            "--reason",
            "case 7",
        ])
        .status();
    assert!(hold.unwrap().success());
    let seen = status(&world, here, &[]);
    assert_eq!(seen["schema"], "creel.store_status/1");
    assert_eq!(
        (&seen["position"]["index"], &seen["fencing"]),
        (&3.into(), &"fit".into())
    );
    let mut lags: Vec<u64> = seen["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["lag_entries"].as_u64().unwrap())
        .collect();
    lags.sort_unstable();
    assert_eq!(lags, [0, 2]);
    let hold = &seen["holds"][0];
    assert_eq!(
        (&hold["name"], &hold["index"]),
        (&"audit".into(), &1.into())
    );
    assert!(hold["kept_bytes"].as_u64().unwrap() > 0);
    assert_eq!(check(&world, here, &["lag=2"]), Some(0));
    assert_eq!(check(&world, here, &["lag=1"]), Some(1));
    assert_eq!(check(&world, here, &["primary"]), Some(2));
    what_a_copy_sees(&world, here, &store, put);
}

/// The same from the copy's side, until the store has nothing for it any more.
fn what_a_copy_sees(world: &World, here: &str, store: &str, put: impl Fn(&str)) {
    let behind = status(world, "c.db", &[]);
    assert_eq!(behind["lag_entries"], 2);
    assert!(behind["lag_bytes"].as_u64().unwrap() > 0);
    assert!(behind["headroom_bytes"].as_u64().unwrap() > 0);
    // A copy that the log does not reach any more.
    world.replicate_to(0, "snapshot", "a.db", &["--to", store]);
    put("three");
    let words = [
        "replicate",
        "forget",
        here,
        behind["file_id"].as_str().unwrap(),
    ];
    assert_eq!(said(world, &words), Some(0));
    assert_eq!(
        said(world, &["replicate", "forget", here, "audit"]),
        Some(0)
    );
    let words = [
        "replicate",
        "gc",
        here,
        "--retain",
        "0s",
        "--retain-min",
        "0",
    ];
    assert_eq!(said(world, &words), Some(0));
    let gone = status(world, "c.db", &[]);
    assert_eq!(gone["headroom_bytes"], 0, "{gone}");
    assert!(gone["reseed"].is_string());
    assert_eq!(check(world, "dir:nowhere", &["lag=1"]), Some(5));
}

fn said(world: &World, words: &[&str]) -> Option<i32> {
    let mut command = creel();
    let output = command.args(words).current_dir(world.dir.path()).output();
    output.unwrap().status.code()
}

#[test]
fn watching_shows_it_again_until_it_is_ended() {
    let world = World::new();
    world.create("a.db");
    let mut child = creel()
        .args([
            "replicate",
            "status",
            "--json",
            "--watch",
            "--interval",
            "10ms",
        ])
        .arg(world.path("a.db"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut process = Process { child };
    let mut index = || {
        let line = lines.next().unwrap().unwrap();
        let seen: Value = serde_json::from_str(&line).unwrap();
        seen["position"]["index"].as_u64().unwrap()
    };
    assert_eq!(index(), 0);
    world.put("a.db", "key", "value");
    until("the commit is shown", || index() == 1);
    process.signal("-TERM");
    assert_eq!(process.wait(), (None, Some(15)));
}

/// A chain is begun before it has its first snapshot.
#[test]
fn a_store_without_a_snapshot_yet_says_so() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let store = |name: &str| format!("dir:{}", world.path(name).display());
    let a = world.path("a.db");
    world.ok(&["replicate", "snapshot", "--to", &store("whole")], &[&a]);
    std::fs::create_dir(world.path("begun")).unwrap();
    let creel = "creel.json";
    std::fs::copy(
        world.path("whole").join(creel),
        world.path("begun").join(creel),
    )
    .unwrap();
    let said = world.replicate_to(12, "init", "b.db", &["--from", &store("begun")]);
    assert!(said.contains("no snapshot yet"), "{said}");
    assert!(!world.path("b.db").exists());
    world.replicate_to(0, "init", "b.db", &["--from", &store("whole")]);
    world.same("b.db", "a.db");
}

/// They ended with 5, as a file that is missing.
#[test]
fn a_store_in_which_nobody_has_begun_was_called_missing() {
    let world = World::new();
    let store = |name: &str| format!("dir:{}", world.path(name).display());
    std::fs::create_dir(world.path("empty")).unwrap();
    for name in ["empty", "nowhere"] {
        let said = world.replicate_to(12, "init", "b.db", &["--from", &store(name)]);
        assert!(said.contains("nothing has been published"), "{said}");
        assert!(said.contains("creel replicate snapshot"), "{said}");
        assert!(!world.path("b.db").exists());
    }
    assert!(!world.path("nowhere").exists());
}

/// Only their numbers were shown: whether it is the same log, what readers see, which snapshot there is.
#[test]
fn status_did_not_say_whether_histories_were_compared() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let (a, store) = (world.path("a.db"), world.path("store"));
    let store = format!("dir:{}", store.display());
    world.ok(&["replicate", "snapshot", "--to", &store], &[&a]);
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    for (target, same) in [("b.db", Value::Bool(true)), ("a.db", Value::Null)] {
        let seen = status(&world, target, &[]);
        assert_eq!(
            seen["history_same"], same,
            "{target}: nobody is the primary's source"
        );
        assert_eq!(seen["newest_snapshot"]["index"], 1, "{target}: {seen}");
        assert!(
            seen["store_errors"].is_null(),
            "nobody publishes or follows"
        );
    }
    let seen = status(&world, &store, &[]);
    assert_eq!(seen["nodes"][0]["history_same"], true, "{seen}");
    // What the chain has not is no other history; where it has another entry, that is told.
    world.ok(&["promote", "--yes"], &[&world.path("b.db")]);
    let place = |name: &str| world.path(name);
    std::fs::copy(place("a.db"), place("old.db")).unwrap();
    world.put("old.db", "alone", "1");
    let old = status(&world, "old.db", &["--from", &store]);
    assert_eq!(old["history_same"], false, "{old}");
    // Of a connection: what the other side says, and that it was compared.
    let served = world.serve_local("b.db");
    world.replicate_to(0, "init", "c.db", &["--from", &served.address]);
    let follower = world.follow("c.db", &served.address, &[]);
    world.put("b.db", "more", "1");
    world.wait_for("c.db", "b.db");
    let index = world.position("b.db").index;
    until("it has said what its readers see", || {
        let seen = status(&world, "b.db", &[]);
        let row = &seen["followers"][0];
        row["applied_index"] == index && row["history_same"] == true
    });
    assert_eq!(status(&world, "c.db", &[])["history_same"], true);
    follower.terminate();
}

#[test]
fn a_promoted_copy_had_no_name_in_its_store() {
    let world = World::new();
    world.create("a.db");
    let store = format!("dir:{}", world.path("store").display());
    let a = world.path("a.db");
    world.ok(&["replicate", "snapshot", "--to", &store], &[&a]);
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    world.ok(&["promote", "--yes"], &[&world.path("b.db")]);
    let said = world.ok(&["replicate", "status", &store, "--json"], &[]);
    let seen: Value = serde_json::from_str(&said).unwrap();
    let nodes = seen["nodes"].as_array().unwrap();
    let new = nodes.iter().find(|node| node["position"]["epoch"] == 2);
    let name = new.unwrap()["name"].as_str().unwrap();
    assert!(!name.is_empty(), "{seen}");
}
