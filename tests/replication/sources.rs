//! The same options from every kind of source: a file, a server, a store.

use std::io::{PipeReader, PipeWriter, pipe};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::{Process, World, creel, text};

fn token(world: &World, key: &str, words: &[&str]) -> String {
    let a = world.path("a.db");
    let put = ["put", a.to_str().unwrap(), key, "value", "--token"];
    let said = world.ok(&[&put[..], words].concat(), &[]);
    said.trim().to_owned()
}

/// Pulls, and gives what was said as JSON.
fn pull(world: &World, status: i32, words: &[&str]) -> Value {
    let output = world.replicate("pull", "b.db", &[&["--json"], words].concat());
    assert_eq!(
        output.status.code(),
        Some(status),
        "{words:?}: {}",
        text(&output)
    );
    let first = output
        .stdout
        .split(|b| *b == b'\n')
        .next()
        .unwrap_or_default();
    serde_json::from_slice(first).unwrap_or(Value::Null)
}

fn goes_as_far_as_it_is_told(world: &World, from: &str, ack: &[&str]) {
    world.replicate_to(0, "init", "b.db", &["--from", from]);
    let began = world.position("b.db").index;
    let tokens: Vec<String> = ["one", "two", "three"]
        .iter()
        .map(|key| token(world, key, ack))
        .collect();
    // Nothing is changed by asking; the source is the one that the copy was made from.
    let dry = pull(world, 0, &["--dry-run"]);
    assert_eq!(dry["source_index"], began + 3, "{from}: {dry}");
    assert_eq!(
        (&dry["dry_run"], &dry["reseed"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(world.position("b.db").index, began);
    let done = pull(world, 0, &["--until", &tokens[1]]);
    assert_eq!(
        (&done["entries"], &done["limited"]),
        (&2.into(), &false.into()),
        "{from}"
    );
    assert_eq!(world.position("b.db").index, began + 2);
    // It is there already.
    assert_eq!(pull(world, 0, &["--until", &tokens[0]])["entries"], 0);
    // One that comes too late, and one of another history.
    let (position, _) = tokens[2].rsplit_once(':').unwrap();
    let other = format!("{position}:00000000");
    pull(world, 16, &["--until", &other]);
    let late = format!("1:{}:00000000", began + 9);
    pull(world, 12, &["--until", &late, "--timeout", "200ms"]);
    pull(world, 0, &["--verify"]);
    world.same("b.db", "a.db");
}

#[test]
fn a_pull_goes_to_a_commit_from_a_file() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let a = world.path("a.db");
    goes_as_far_as_it_is_told(&world, a.to_str().unwrap(), &[]);
}

#[test]
fn a_pull_goes_to_a_commit_from_a_server() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    goes_as_far_as_it_is_told(&world, &served.address, &[]);
}

#[test]
fn a_pull_goes_to_a_commit_from_a_store() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let store = format!("dir:{}", world.path("chain").display());
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store]);
    goes_as_far_as_it_is_told(&world, &store, &["--ack", "published"]);
}

#[test]
fn a_file_is_followed_until_the_end_is_wished() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let a = world.path("a.db");
    let from = a.to_str().unwrap();
    world.replicate_to(0, "init", "b.db", &["--from", from]);
    let follower = world.follow("b.db", from, &[]);
    for n in 0..20 {
        world.put("a.db", &format!("key {n}"), "value");
    }
    world.wait_for("b.db", "a.db");
    // More than what is kept: a new copy, without a word from anybody.
    follower.terminate();
    world.replicate_to(
        0,
        "keep",
        "a.db",
        &["--retain-min", "0", "--retain-max-bytes", "0"],
    );
    let db = world.writer("a.db");
    for n in 0..300u32 {
        db.put(&n.to_le_bytes(), &[7; 1000]).unwrap();
    }
    db.close().unwrap();
    for _ in 0..3 {
        world.put("a.db", "key", "again");
        world.ok(&["checkpoint"], &[&a]);
    }
    world.replicate_to(11, "pull", "b.db", &[]);
    let follower = world.follow("b.db", from, &[]);
    world.wait_for("b.db", "a.db");
    world.put("a.db", "key", "and on");
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}

#[test]
fn a_copy_is_made_anew_when_that_is_asked_for() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let id = |name: &str| world.open(name).info().unwrap().file_id;
    let before = id("b.db");
    world.put("a.db", "key", "other");
    world.replicate_to(0, "reseed", "b.db", &["--verify"]);
    assert_ne!(id("b.db"), before);
    world.same("b.db", "a.db");
    // The new copy knows where it comes from.
    world.put("a.db", "key", "third");
    world.replicate_to(0, "pull", "b.db", &[]);
    world.same("b.db", "a.db");
}

#[test]
fn a_store_is_restored_as_a_drill() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let store = format!("dir:{}", world.path("chain").display());
    let a = world.path("a.db");
    let against = ["--against", a.to_str().unwrap()];
    let drill = |words: &[&str]| {
        let output = creel()
            .args(["drill", &store, "--json"])
            .args(words)
            .output();
        let output = output.unwrap();
        let line: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), line)
    };
    assert_eq!(drill(&[]).0, Some(5), "there is no store yet");
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store]);
    let (code, line) = drill(&against);
    assert_eq!((code, &line["kind"]), (Some(0), &"store".into()), "{line}");
    assert_eq!(line["position"]["index"], 1);
    world.put("a.db", "key", "newer");
    assert_eq!(drill(&against).0, Some(1));
    assert_eq!(drill(&[]).0, Some(0));
    let segments = world.path("chain").join("snap");
    let mut folders = std::fs::read_dir(segments).unwrap();
    let folder = folders.next().unwrap().unwrap().path();
    let mut parts = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let part = parts
        .find(|p| p.extension().is_none_or(|e| e != "json"))
        .unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    assert_eq!(drill(&[]).0, Some(4));
}

#[test]
fn a_command_of_the_operator_runs_once_the_copy_is_primary() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let store = format!("dir:{}", world.path("chain").display());
    let told = world.path("told");
    let hook = format!("echo $CREEL_EPOCH $CREEL_TOKEN > '{}'", told.display());
    let a = world.path("a.db");
    let promote = ["promote", "--yes", "--accept-loss", "--on-promote", &hook];
    world.ok(&promote, &[&a]);
    assert!(
        std::fs::read_to_string(&told)
            .unwrap()
            .starts_with("2 2:2:")
    );
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store]);
    world.ok(&promote, &[&a]);
    assert!(
        std::fs::read_to_string(&told)
            .unwrap()
            .starts_with("3 3:3:")
    );
    // That it fails is told, and undoes nothing.
    let output = world.run(&["promote", "--yes", "--on-promote", "exit 3"], &[&a]);
    assert_eq!(output.status.code(), Some(8));
    assert!(
        text(&output).contains("epoch 4 has begun"),
        "{}",
        text(&output)
    );
    assert_eq!(world.position("a.db").epoch, 4);
}

/// `dir:store` was kept in the file as it was given, and not found from another directory.
#[test]
fn a_store_named_by_a_relative_path_was_lost_elsewhere() {
    let world = World::new();
    let elsewhere = world.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    world.create("a.db");
    let run = |dir: &Path, words: &[&str]| {
        let output = creel().current_dir(dir).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        text(&output)
    };
    let here = world.dir.path();
    run(
        here,
        &["replicate", "snapshot", "a.db", "--to", "dir:store"],
    );
    run(here, &["replicate", "init", "b.db", "--from", "dir:store"]);
    run(here, &["replicate", "init", "c.db", "--from", "a.db"]);
    let put = ["put", "../a.db", "key", "value", "--ack", "published"];
    run(&elsewhere, &put);
    run(&elsewhere, &["replicate", "pull", "../b.db"]);
    world.same("b.db", "a.db");
    run(&elsewhere, &["replicate", "pull", "../c.db"]);
    run(here, &["promote", "b.db", "--yes"]);
    run(
        &elsewhere,
        &["put", "../b.db", "key", "2", "--ack", "published"],
    );
    run(
        here,
        &["replicate", "rejoin", "a.db", "--from", "dir:store"],
    );
    run(&elsewhere, &["replicate", "pull", "../a.db"]);
    world.same("a.db", "b.db");
    run(here, &["replicate", "mirror", "dir:store", "dir:mirror"]);
    let told = run(&elsewhere, &["replicate", "status", "dir:../mirror"]);
    let of = format!("dir:{}", world.path("store").display());
    assert!(told.contains(&of), "{told}");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

/// The copy was made and whole, and the command said that the source cannot be reached.
#[test]
fn a_copy_through_a_pipe_was_whole_and_called_a_failure() {
    let world = World::new();
    world.create("a.db");
    let through = |verb: &str| {
        let (to_server, from_copy) = pipe().unwrap();
        let (to_copy, from_server) = pipe().unwrap();
        let start = |mut command: Command, input: PipeReader, output: PipeWriter| {
            let command = command.stdin(input).stdout(output);
            command.stderr(Stdio::piped()).spawn().unwrap()
        };
        let server = world.spawn("serve", "a.db", &["--stdio"]);
        let mut server = start(server, to_server, from_server);
        let copy = world.spawn(verb, "b.db", &["--from", "-"]);
        let output = start(copy, to_copy, from_copy).wait_with_output().unwrap();
        assert!(output.status.success(), "{verb}: {}", text(&output));
        server.wait().unwrap();
        world.same("b.db", "a.db");
    };
    world.put("a.db", "key", "1");
    through("init");
    world.put("a.db", "key", "2");
    through("pull");
}

/// It tried for ever to open a pipe again that can be there only once.
#[test]
fn following_a_pipe_that_has_ended_never_ended() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "1");
    let a = world.path("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    let follow = |name: &str| {
        let (to_server, from_copy) = pipe().unwrap();
        let (to_copy, from_server) = pipe().unwrap();
        let mut server = world.spawn("serve", name, &["--stdio"]);
        let server = server.stdin(to_server).stdout(from_server);
        let server = server.stderr(Stdio::null()).spawn().unwrap();
        let mut copy = world.spawn("follow", "b.db", &["--from", "-"]);
        let copy = copy.stdin(to_copy).stdout(from_copy);
        let copy = copy.stderr(Stdio::null()).spawn().unwrap();
        (Process { child: server }, Process { child: copy })
    };
    for (key, polite) in [("2", true), ("3", false)] {
        let (mut server, mut copy) = follow("a.db");
        world.put("a.db", key, "value");
        world.wait_for("b.db", "a.db");
        server.signal(if polite { "-TERM" } else { "-KILL" });
        server.wait();
        assert_eq!(copy.wait(), (Some(0), None), "it had everything");
        world.same("b.db", "a.db");
    }
    // What is refused is refused as a pull would be.
    world.create("x.db");
    let (mut server, mut copy) = follow("x.db");
    assert_eq!(copy.wait(), (Some(15), None));
    server.wait();
}
