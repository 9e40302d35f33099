//! Stores that go away or lose objects, and crowds at the door.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::store::{Site, creel, exit, json, succeeds};
use crate::world::{World, ready};

/// The bucket has lost an object: it is named, copies say what they need, and a snapshot above the gap
/// is all that it takes.
#[test]
fn a_lost_segment_is_named_and_a_snapshot_above_it_mends_the_store() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    for i in 0..5 {
        site.publish("a.db", &format!("k{i}"));
    }
    let segments = site.segments();
    let lost = &segments[segments.len() - 3];
    std::fs::remove_file(site.dir.path().join("store/log").join(lost)).unwrap();
    let verified = creel(&["replicate", "verify", &store]).output().unwrap();
    let said = crate::world::text(&verified);
    assert_eq!(verified.status.code(), Some(4), "{said}");
    let number: u64 = lost.trim_end_matches(".seg").parse().unwrap();
    assert!(
        said.contains(&format!("segment {number} is missing")),
        "{said}"
    );
    // Nothing behind the gap is applied, and what was there stays.
    let before = site.digest("b.db");
    let (code, text) = exit(&["replicate", "pull", &b]);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.contains(&format!("segment {number} is missing")),
        "{text}"
    );
    assert!(!site.has("b.db", "k4"));
    assert!(site.digest("b.db") == before || site.has("b.db", "k0"));
    // The primary goes on: it publishes behind the end.
    site.publish("a.db", "later");
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    let done = json(&["replicate", "pull", &b, "--reseed", "auto"]);
    assert_eq!(done["new_copies"], 1, "{done}");
    assert_eq!(site.digest("b.db"), site.digest("a.db"));
    site.publish("a.db", "last");
    succeeds(&["replicate", "pull", &b, "-q"]);
    assert_eq!(site.digest("b.db"), site.digest("a.db"));
    succeeds(&["restore", &store, "-o", &site.path("r.db"), "-q"]);
    assert_eq!(site.digest("r.db"), site.digest("a.db"));
}

/// A device was unmounted under a primary that publishes: it went on in the empty directory, and called that published.
#[test]
fn an_empty_directory_in_the_place_of_the_store_took_segments() {
    let site = Site::with_copy();
    let (a, store) = (site.path("a.db"), site.store());
    let (chain, away) = (site.dir.path().join("store"), site.dir.path().join("away"));
    let words = ["replicate", "serve", &a, "--listen", "127.0.0.1:0"];
    let mut command = crate::world::creel();
    command
        .args(words)
        .args(["--publish", &store, "--linger", "1ms"]);
    let served = ready(command);
    let seen = || json(&["replicate", "status", &a]);
    // A session that was begun before confirms nothing there either.
    let mut session = crate::world::creel();
    session.args(["batch", &a, "--every", "1", "--ack", "published"]);
    session.args(["--ack-timeout", "100ms"]);
    session.stdin(Stdio::piped()).stdout(Stdio::piped());
    let session = session.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = session.stdin.as_ref().unwrap();
    lines.write_all(b"put\tone\t1\n").unwrap();
    until("the session commits", || site.has("a.db", "one"));
    let target = seen()["position"]["index"].clone();
    until("the server knows", || seen()["published_index"] == target);
    std::fs::rename(&chain, &away).unwrap();
    std::fs::create_dir(&chain).unwrap();
    lines.write_all(b"put\ttwo\t2\n").unwrap();
    let output = session.wait_with_output().unwrap();
    let said = crate::world::text(&output);
    assert!(matches!(output.status.code(), Some(8 | 14)), "{said}");
    succeeds(&["put", &a, "three", "3"]);
    until("it is told", || {
        seen()["errors"] != Value::Array(Vec::new())
    });
    assert_eq!(seen()["published_index"], target, "{}", seen());
    assert_eq!(std::fs::read_dir(&chain).unwrap().count(), 0);
    std::fs::remove_dir(&chain).unwrap();
    std::fs::rename(&away, &chain).unwrap();
    until("it goes on", || seen()["unpublished_entries"] == 0);
    served.process.terminate();
    succeeds(&["replicate", "verify", &store, "-q"]);
    succeeds(&["replicate", "pull", &site.path("b.db"), "-q"]);
    assert_eq!(site.digest("b.db"), site.digest("a.db"));
}

/// What is published waits; those who follow over TCP get everything meanwhile.
#[test]
fn those_who_follow_get_every_commit_while_the_store_is_away() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let chain = world.path("chain");
    let store = format!("dir:{}", chain.display());
    let words = ["--listen", "127.0.0.1:0", "--publish", &store];
    let served = world.serve("a.db", &[&words[..], &["--linger", "1ms"]].concat());
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    let away = world.path("away");
    std::fs::rename(&chain, &away).unwrap();
    let seen = || -> Value {
        let a = world.path("a.db");
        serde_json::from_str(&world.ok(&["replicate", "status", "--json"], &[&a])).unwrap()
    };
    for i in 0..30 {
        world.put("a.db", &format!("key {i}"), "value");
    }
    world.wait_for("b.db", "a.db");
    assert!(
        seen()["unpublished_entries"].as_u64() >= Some(30),
        "{}",
        seen()
    );
    // One commit more only shows that following goes on behind the failure of publishing.
    until("the failure is told", || {
        seen()["errors"].to_string().contains("publish")
    });
    world.put("a.db", "behind", "it");
    world.wait_for("b.db", "a.db");
    std::fs::rename(&away, &chain).unwrap();
    until("all is published", || seen()["unpublished_entries"] == 0);
    follower.terminate();
    world.same("b.db", "a.db");
    world.ok(&["replicate", "verify", "--deep", &store], &[]);
    world.replicate_to(0, "init", "c.db", &["--from", &store]);
    world.same("c.db", "a.db");
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < crate::world::PATIENCE, "never: {what}");
    }
}

/// Most memory that a process has ever had, KiB.
#[cfg(target_os = "linux")]
fn most_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let words = line.unwrap().split_whitespace();
    words.clone().nth(1).unwrap().parse().unwrap()
}

/// Lets this process have so many files open. Gives how many it may have.
#[cfg(target_os = "linux")]
fn allow_files(wanted: usize) -> usize {
    let pid = std::process::id().to_string();
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new("prlimit");
        command.args(["--pid", &pid]).args(words).output()
    };
    // Beyond what is allowed it changes nothing.
    let _ = run(&[&format!("--nofile={wanted}:{wanted}")]);
    let _ = run(&[&format!("--nofile={wanted}:")]);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.unwrap().split_whitespace().nth(3).unwrap();
    soft.parse().unwrap_or(usize::MAX)
}

/// Ten thousand at the door at once, each with the beginning of a frame that claims to be as long as can
/// be: none gets memory for it, and who is known is served all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_crowd_of_strangers_costs_little_memory_and_hinders_nobody() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let words = ["serve", "-q", "--listen", "127.0.0.1:0"];
    let mut serve = crate::world::creel();
    serve.arg("replicate").args(words).arg(world.path("a.db"));
    let served = ready(serve);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    world.put("a.db", "key", "one");
    world.wait_for("b.db", "a.db");
    let pid = served.process.child.id();
    let before = most_memory(pid);
    let to = served.address.strip_prefix("tcp://").unwrap();
    const CROWD: usize = 10_000;
    // The other tests of this program have files, too.
    let stay = allow_files(2 * CROWD).saturating_sub(2000).min(CROWD);
    if stay < CROWD {
        crate::world::skipped(
            "files",
            &format!("of {CROWD} connections only {stay} are open at once (ulimit -n)"),
        );
    }
    let to: std::net::SocketAddr = to.parse().unwrap();
    let soon = std::time::Duration::from_millis(20);
    let mut open = Vec::new();
    for round in 0..CROWD {
        let mut stream = loop {
            // Where the queue is full the system says nothing, and asks again after a second.
            match TcpStream::connect_timeout(&to, soon) {
                Ok(stream) => break stream,
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::TimedOut),
            }
        };
        let bomb = [0xff; 4096];
        let _ = stream.write_all(&bomb[..(round * 7) % bomb.len()]);
        open.push(stream);
        if open.len() > stay {
            open.drain(..stay / 2);
        }
        if round % 2500 == 0 {
            let value = round.to_string();
            world.ok(
                &["put"],
                &[&world.path("a.db"), Path::new("key"), Path::new(&value)],
            );
            world.wait_for("b.db", "a.db");
        }
    }
    let grown = most_memory(pid).saturating_sub(before);
    // A few MiB; where a busy machine lets threads end late there are more of them.
    assert!(grown < 96 << 10, "{grown} KiB more");
    drop(open);
    world.put("a.db", "key", "last");
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}
