//! Writes that count once copies have them.

use std::io::{Read, Write};
use std::path::Path;

use creel::Db;

use crate::world::{Process, World, text};

fn put(world: &World, key: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["put"];
    all.extend(words);
    let output = world.run(
        &all,
        &[&world.path("a.db"), Path::new(key), Path::new("value")],
    );
    (output.status.code(), text(&output))
}

fn has(world: &World, copy: &str, key: &str) -> bool {
    world.open(copy).get(key.as_bytes()).unwrap().is_some()
}

/// K10, A4: a write was confirmed before anything was durable anywhere.
#[test]
fn a_confirmed_write_is_on_so_many_copies() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "first", "value");
    let served = world.serve_local("a.db");
    for copy in ["b.db", "c.db"] {
        world.replicate_to(0, "init", copy, &["--from", &served.address]);
    }
    let first = world.follow("b.db", &served.address, &[]);
    let second = world.follow("c.db", &served.address, &[]);
    for i in 0..20 {
        let key = format!("both {i}");
        let (status, said) = put(&world, &key, &["--ack", "replica:2"]);
        assert_eq!(status, Some(0), "{said}");
        assert!(
            has(&world, "b.db", &key) && has(&world, "c.db", &key),
            "{key}"
        );
    }
    // One is gone without a word: the other alone is not enough.
    second.kill();
    let words = ["--ack", "replica:2", "--ack-timeout", "300ms", "--json"];
    let (status, said) = put(&world, "alone", &words);
    assert_eq!(status, Some(14), "{said}");
    assert!(said.contains("\"holders\":1"), "{said}");
    assert!(
        said.contains("\"token\":\"1:"),
        "it can be asked for: {said}"
    );
    let (status, _) = put(&world, "one", &["--ack", "replica:1"]);
    assert_eq!(status, Some(0));
    let words = [
        "--ack",
        "replica:2",
        "--ack-timeout",
        "1ms",
        "--on-ack-timeout",
        "degrade",
    ];
    let (status, said) = put(&world, "less", &words);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains(" of 2 copies"), "{said}"); // 0 or 1 within so short a time
    // That it was not waited for is remembered where the copies are known.
    let seen = world.ok(&["replicate", "status", "--json"], &[&world.path("a.db")]);
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["degraded"], 1, "{seen}");
    // The other one comes back and gets everything that was not confirmed.
    let again = world.follow("c.db", &served.address, &[]);
    let (status, said) = put(&world, "again", &["--ack", "replica:2"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(has(&world, "c.db", "alone"));
    first.terminate();
    again.terminate();
}

#[test]
fn nothing_is_written_where_nobody_can_confirm() {
    let world = World::new();
    world.create("a.db");
    let before = world.position("a.db").index;
    let (status, said) = put(&world, "key", &["--ack", "replica:1"]);
    assert_eq!(status, Some(12), "{said}");
    // A server that was killed leaves its address behind.
    let served = world.serve_local("a.db");
    served.process.kill();
    assert!(!world.open("a.db").facts().unwrap().control.is_empty());
    let (status, said) = put(&world, "key", &["--ack", "replica:1"]);
    assert_eq!(status, Some(12), "{said}");
    assert_eq!(world.position("a.db").index, before);
    // One that ended as it should takes it back.
    world.serve_local("a.db").process.terminate();
    assert!(world.open("a.db").facts().unwrap().control.is_empty());
}

/// It died in the middle of the write, and its address stayed in the file.
#[test]
fn a_signal_while_the_address_is_printed_does_not_skip_the_goodbye() {
    let world = World::new();
    world.create("a.db");
    let (mut read, mut write) = std::io::pipe().unwrap();
    // A pipe holds so much; what comes then has to wait.
    write.write_all(&[b'.'; 64 << 10]).unwrap();
    let mut command = world.spawn("serve", "a.db", &["--listen", "127.0.0.1:0"]);
    let child = command.stdout(write).spawn().unwrap();
    drop(command); // it has the other end of the pipe
    let mut process = Process { child };
    let begun = std::time::Instant::now();
    while world.open("a.db").facts().unwrap().control.is_empty() {
        assert!(begun.elapsed().as_secs() < 60, "nothing is announced");
        std::thread::yield_now();
    }
    process.signal("-TERM");
    let mut said = String::new();
    read.read_to_string(&mut said).unwrap();
    assert_eq!(process.wait(), (None, Some(15)));
    assert!(said.ends_with("\nready\n"), "{}", said.trim_matches('.'));
    assert!(world.open("a.db").facts().unwrap().control.is_empty());
}

#[test]
fn batches_and_deletes_wait_too() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    let lines = world.path("lines");
    std::fs::write(&lines, "put\tx\t1\nput\ty\t2\n").unwrap();
    let a = world.path("a.db");
    let run = |words: &[&str], paths: &[&Path]| {
        let words: Vec<&str> = words
            .iter()
            .copied()
            .chain(["--ack", "replica:1"])
            .collect();
        world.ok(&words, paths);
    };
    run(&["batch"], &[&a, &lines]);
    assert!(has(&world, "b.db", "x"));
    run(&["delete"], &[&a, Path::new("key")]);
    assert!(!has(&world, "b.db", "key"));
    follower.terminate();
}

/// Whoever can read the file can ask; a follower gets nothing there.
#[test]
fn the_door_for_commands_lets_no_follower_in() {
    let world = World::new();
    world.create("a.db");
    let served = world.serve_local("a.db");
    let control = Db::open(world.path("a.db"))
        .unwrap()
        .facts()
        .unwrap()
        .control;
    let (address, secret) = control.split_once(' ').unwrap();
    let file = world.path("secret");
    std::fs::write(&file, secret).unwrap();
    let status = std::process::Command::new("chmod")
        .arg("600")
        .arg(&file)
        .status();
    assert!(status.unwrap().success());
    let from = format!("tcp://{address}");
    let file = file.to_str().unwrap();
    world.replicate_to(
        8,
        "init",
        "b.db",
        &["--from", &from, "--from-token-file", file],
    );
    world.replicate_to(8, "init", "b.db", &["--from", &from]);
    served.process.terminate();
}

fn status(world: &World, name: &str) -> serde_json::Value {
    let said = world.replicate_to(0, "status", name, &["--json"]);
    serde_json::from_str(&said).unwrap()
}

/// Of two processes that served a file only the last one was asked who has a commit, and one that served a copy hid
/// how the copy followed.
#[test]
fn a_second_server_hid_what_the_first_one_knows() {
    let world = World::new();
    world.create("a.db");
    let first = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &first.address]);
    let follower = world.follow("b.db", &first.address, &[]);
    let second = world.serve_local("a.db");
    let words = ["put", "--ack", "replica:1", "--ack-timeout", "60s"];
    let (key, value) = (Path::new("key"), Path::new("value"));
    world.ok(&words, &[&world.path("a.db"), key, value]);
    let told = status(&world, "a.db");
    let rows = told["followers"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{told}");
    assert_eq!(rows[0]["connected"], true, "{told}");
    let beside = world.serve_local("b.db");
    let told = status(&world, "b.db");
    let phase = told["phase"].as_str();
    assert!(matches!(phase, Some("streaming" | "catching_up")), "{told}");
    // Who was killed is forgotten when the next one comes; who ends takes back what he wrote.
    let doors = |name| {
        let control = world.open(name).facts().unwrap().control;
        control.lines().count()
    };
    assert_eq!((doors("a.db"), doors("b.db")), (2, 2));
    second.process.kill();
    let third = world.serve_local("a.db");
    assert_eq!(doors("a.db"), 2);
    third.process.terminate();
    assert_eq!(doors("a.db"), 1);
    world.ok(&words, &[&world.path("a.db"), key, key]);
    beside.process.terminate();
    follower.terminate();
    first.process.terminate();
    assert_eq!((doors("a.db"), doors("b.db")), (0, 0));
}
