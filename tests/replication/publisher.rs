//! What a server does with the store that it publishes to.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::world::{PATIENCE, Process, World, creel, text};

fn publish(world: &World, words: &[&str]) -> Process {
    let mut command: Command = creel();
    command
        .args(["replicate", "serve", "-q"])
        .arg(world.path("a.db"))
        .args(["--publish", &store(world), "--linger", "1ms"])
        .args(words);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let process = Process { child };
    assert!(out.lines().any(|line| line.unwrap() == "ready"));
    process
}

fn store(world: &World) -> String {
    format!("dir:{}", world.path("chain").display())
}

fn status(world: &World) -> Value {
    let a = world.path("a.db");
    let said = world.ok(&["replicate", "status", "--json"], &[&a]);
    serde_json::from_str(&said).unwrap()
}

fn put(world: &World, key: &str) -> (Option<i32>, String) {
    let output = world.run(
        &["put"],
        &[&world.path("a.db"), Path::new(key), Path::new("v")],
    );
    (output.status.code(), text(&output))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
    }
}

fn segments(world: &World) -> Vec<String> {
    let files = std::fs::read_dir(world.path("chain").join("log"));
    // The folder comes with the first segment.
    let mut names: Vec<String> = files
        .into_iter()
        .flatten()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[test]
fn writes_wait_while_too_much_is_unpublished() {
    let world = World::new();
    world.create("a.db");
    let server = publish(&world, &["--max-unpublished", "64MiB,300ms"]);
    assert_eq!(put(&world, "one").0, Some(0));
    until("it is published", || {
        status(&world)["unpublished_entries"] == 0
    });
    // The store goes away.
    let (chain, away) = (world.path("chain"), world.path("away"));
    std::fs::rename(&chain, &away).unwrap();
    let mut said = String::new();
    until("writes are refused", || {
        let (code, text) = put(&world, "more");
        said = text;
        assert!(matches!(code, Some(0 | 12)), "{code:?}: {said}");
        code == Some(12)
    });
    assert!(said.contains("--max-unpublished"), "{said}");
    let seen = status(&world);
    assert_eq!(seen["held_back"], true);
    assert!(seen["unpublished_entries"].as_u64().unwrap() > 0, "{seen}");
    assert!(seen["unpublished_bytes"].as_u64().unwrap() > 0, "{seen}");
    let of = |seen: &Value| {
        let rows = seen["errors"].as_array().unwrap().iter();
        rows.map(|row| row["of"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    until("the reason is told", || {
        of(&status(&world)).contains(&"publish".to_owned())
    });
    // Reading goes on, and writing too once the store is back.
    world.ok(&["get"], &[&world.path("a.db"), Path::new("one")]);
    std::fs::rename(&away, &chain).unwrap();
    until("writes are taken again", || {
        put(&world, "again").0 == Some(0)
    });
    until("all is published", || {
        status(&world)["unpublished_entries"] == 0
    });
    // Without a publisher somebody has to say so.
    std::fs::rename(&chain, &away).unwrap();
    until("writes are refused again", || {
        put(&world, "late").0 == Some(12)
    });
    server.kill();
    assert_eq!(put(&world, "alone").0, Some(12));
    world.replicate_to(0, "keep", "a.db", &["--resume"]);
    assert_eq!(put(&world, "alone").0, Some(0));
    world.verify("a.db");
}

#[test]
fn a_server_removes_what_nobody_needs() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store(&world)]);
    let policy = [
        "replicate",
        "gc",
        &store(&world),
        "--retain",
        "0s",
        "--retain-min",
        "0",
    ];
    world.ok(&policy, &[]);
    let words = ["--gc-every", "50ms", "--snapshot-every", "4KiB"];
    let server = publish(&world, &words);
    let mut n = 0;
    until("the first segment is gone", || {
        n += 1;
        world.put("a.db", &format!("key {n}"), &"x".repeat(1000));
        let names = segments(&world);
        names
            .first()
            .is_some_and(|first| !first.ends_with("0001.seg"))
    });
    server.terminate();
    let verified = creel()
        .args(["replicate", "verify", &store(&world), "--deep"])
        .output();
    let verified = verified.unwrap();
    assert!(verified.status.success(), "{}", text(&verified));
    world.replicate_to(0, "init", "b.db", &["--from", &store(&world)]);
    world.same("b.db", "a.db");
}

#[test]
fn segments_have_the_size_that_was_asked_for() {
    let world = World::new();
    world.create("a.db");
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store(&world)]);
    for n in 0..20 {
        world.put("a.db", &format!("key {n}"), &"x".repeat(1000));
    }
    let server = publish(&world, &["--segment-max-bytes", "4KiB"]);
    until("all is published", || {
        status(&world)["unpublished_entries"] == 0
    });
    server.terminate();
    let sizes = segments(&world).into_iter().map(|name| {
        let path = world.path("chain").join("log").join(name);
        std::fs::metadata(path).unwrap().len()
    });
    let sizes: Vec<u64> = sizes.collect();
    assert!(sizes.len() >= 5, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size < 5000), "{sizes:?}");
    let refused = creel()
        .args([
            "replicate",
            "serve",
            "--publish",
            &store(&world),
            "--segment-max-bytes",
            "1GiB",
        ])
        .arg(world.path("a.db"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// A copy that has nothing but the store learns there whether the primary is alive.
#[test]
fn who_publishes_says_so_in_the_store() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let _server = publish(&world, &[]);
    until("it says so", || {
        let seen = world.ok(&["replicate", "status", "--json", &store(&world)], &[]);
        let seen: Value = serde_json::from_str(&seen).unwrap();
        let node = &seen["nodes"][0];
        node["role"] == "primary" && node["lag_entries"] == 0
    });
}

/// It found the fence only where it had something to publish: until then it served what was no primary any more.
#[test]
fn a_deposed_primary_without_writes_went_on_serving() {
    let world = World::new();
    world.primary("64KiB");
    let store = store(&world);
    let mut server = publish(&world, &[]);
    world.put("a.db", "key", "value");
    until("it has published", || !segments(&world).is_empty());
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    world.ok(
        &["promote", "--yes", "--store", &store],
        &[&world.path("b.db")],
    );
    assert_eq!(server.wait(), (Some(10), None));
    // And remembers it.
    assert_eq!(
        world
            .ok(&["info", "--get", "role"], &[&world.path("a.db")])
            .trim(),
        "primary"
    );
    let output = world.replicate("serve", "a.db", &["--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(10));
    world.put("b.db", "key", "other");
    world.replicate_to(0, "rejoin", "a.db", &["--from", &store]);
}

/// They were taken and did nothing.
#[test]
fn options_of_publishing_without_a_store_were_taken() {
    let world = World::new();
    world.create("a.db");
    for option in [
        &["--snapshot-every", "1MiB"][..],
        &["--segment-max-bytes", "1MiB"],
        &["--linger", "1s"],
        &["--gc-every", "1h"],
        &["--max-unpublished", "1MiB,1s"],
        &["--store-timeout", "1s"],
        &["--unsafe-no-fencing"],
    ] {
        let words = [&["--listen", "127.0.0.1:0"], option].concat();
        let said = world.replicate_to(2, "serve", "a.db", &words);
        assert!(said.contains("--publish"), "{option:?}: {said}");
    }
}
