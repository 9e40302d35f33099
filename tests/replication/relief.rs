//! A source that delivers damage, and another one that has the same log: what is damaged is refused and counted,
//! and the copy goes on with the other.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use serde_json::Value;

use crate::health::{metric, until};
use crate::world::{PATIENCE, Process, Served, World, free_address, text};

/// A value that is found again in a file.
const MARK: &str = "a value that is found again in the file it stands in";

/// `a.db`, published and served, with a copy `b.db` that lacks the last commit.
fn published(world: &World) -> (Served, String) {
    world.create("a.db");
    world.put("a.db", "first", "1");
    let store = format!("dir:{}", world.path("store").display());
    world.ok(
        &["replicate", "snapshot", "--to", &store],
        &[&world.path("a.db")],
    );
    let served = world.serve("a.db", &["--listen", "127.0.0.1:0", "--publish", &store]);
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    let key = Path::new("marked");
    world.replicate_to(0, "init", "c.db", &["--from", &store]);
    world.ok(&["put"], &[&world.path("a.db"), key, Path::new(MARK)]);
    // By the server, which looks at nothing that it made itself.
    let begun = Instant::now();
    while having(&world.path("store"), MARK).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "nothing is published");
        std::thread::yield_now();
    }
    (served, store)
}

/// The files below a path that have a value, with their bytes and where it stands.
fn having(below: &Path, value: &str) -> Vec<(PathBuf, Vec<u8>, usize)> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        // What is being written has such a name.
        if path
            .file_name()
            .unwrap()
            .as_encoded_bytes()
            .starts_with(b".")
        {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let at = bytes
            .windows(value.len())
            .position(|w| w == value.as_bytes());
        found.extend(at.map(|at| (path, bytes, at)));
    }
    found
}

/// Changes a bit of a value in the one file below a path that has it.
fn flip(below: &Path, value: &str) {
    let mut found = having(below, value);
    assert_eq!(found.len(), 1, "{found:?}");
    let (path, mut bytes, at) = found.remove(0);
    bytes[at + 3] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

/// Follows with `--http`.
fn follow(world: &World, from: &str, other: &str) -> (Process, String) {
    let words = ["--from", from, "--other", other, "--http", "127.0.0.1:0"];
    let mut command = world.spawn("follow", "b.db", &words);
    let command = command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    (Process { child }, line.trim_end().to_owned())
}

/// One pull goes on from the other source, within the limits that it was given, and says so. `c.db` is as `b.db`
/// was.
fn pulled(world: &World, from: &str, other: &str) {
    let given = ["--from", from, "--other", other, "--json"];
    let before = world.position("c.db");
    let only = [&given[..], &["--dry-run"]].concat();
    world.replicate("pull", "c.db", &only);
    assert_eq!(world.position("c.db"), before, "nothing was done");
    let limited = [&given[..], &["--max-frames", "1"]].concat();
    let limited = world.replicate("pull", "c.db", &limited);
    let report = json(&limited);
    assert_eq!(world.position("c.db").index, before.index + 1, "{report}");
    assert_eq!(report["entries"], 1, "{report}");
    let output = world.replicate("pull", "c.db", &given);
    assert!(output.status.success(), "{}", text(&output));
    let second = json(&output);
    let sum = |name| report[name].as_u64().unwrap() + second[name].as_u64().unwrap();
    assert!(sum("other_source_entries") > 0, "{report} {second}");
    assert!(sum("damaged") > 0, "{report} {second}");
    let came = world.position("c.db").index - before.index;
    assert_eq!(sum("entries"), came, "{report} {second}");
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(output)))
}

/// A source that cannot be reached is no damage, and a pipe is no other source.
#[test]
fn a_pull_goes_elsewhere_only_for_damage() {
    let world = World::new();
    let (served, store) = published(&world);
    let nobody = format!("tcp://{}", free_address());
    let before = world.position("b.db");
    let words = ["--from", &nobody, "--other", &store];
    world.replicate_to(12, "pull", "b.db", &words);
    assert_eq!(world.position("b.db"), before);
    let words = ["--from", &served.address, "--other", "-"];
    world.replicate_to(2, "pull", "b.db", &words);
    // Where both have the same damage, the status is that of the other one.
    flip(&world.path("store"), MARK);
    let words = ["--from", &store, "--other", &store];
    let said = world.replicate_to(4, "pull", "b.db", &words);
    assert!(said.contains("before that"), "{said}");
    assert_eq!(world.position("b.db"), before);
}

fn count(http: &str, name: &str) -> f64 {
    metric(&until(http, "/metrics", 200), name)
}

/// It has everything, by way of the other source.
fn relieved(world: &World, (follower, http): (Process, String)) {
    world.wait_for("b.db", "a.db");
    let begun = Instant::now();
    while count(&http, "creel_other_source_entries_total") == 0.0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is counted");
        std::thread::yield_now();
    }
    assert!(count(&http, "creel_damaged_total") > 0.0);
    let status: Value =
        serde_json::from_str(&world.replicate_to(0, "status", "b.db", &["--json"])).unwrap();
    assert!(status["damaged"].as_u64() > Some(0), "{status}");
    assert!(
        status["other_source_entries"].as_u64() > Some(0),
        "{status}"
    );
    let told = world.replicate_to(0, "status", "b.db", &[]);
    assert!(told.contains("other_source_entries\t"), "{told}");
    follower.terminate();
    world.same("b.db", "a.db");
}

#[test]
fn what_a_store_delivers_damaged_comes_from_the_server() {
    let world = World::new();
    let (served, store) = published(&world);
    flip(&world.path("store"), MARK);
    let before = world.position("b.db");
    let said = world.replicate("pull", "b.db", &["--from", &store]);
    assert!(!said.status.success(), "{said:?}");
    assert_eq!(world.position("b.db"), before, "nothing of it is applied");
    pulled(&world, &store, &served.address);
    let follower = follow(&world, &store, &served.address);
    relieved(&world, follower);
}

/// A wire that changes one bit of each connection, always behind the same number of bytes.
fn damaged_wire(to: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let to = to.strip_prefix("tcp://").unwrap().to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&to) else {
                return;
            };
            let (mut up, mut up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut up, &mut up_to));
            std::thread::spawn(move || damage(server, client));
        }
    });
    format!("tcp://{address}")
}

fn damage(mut from: TcpStream, mut to: TcpStream) {
    const BEHIND: usize = 3000;
    let (mut sent, mut bytes) = (0, [0; 512]);
    while let Ok(got) = from.read(&mut bytes) {
        let part = &mut bytes[..got];
        if part.is_empty() {
            break;
        }
        if let Some(byte) = BEHIND.checked_sub(sent).and_then(|at| part.get_mut(at)) {
            *byte ^= 1;
        }
        sent += part.len();
        if to.write_all(part).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn what_a_server_delivers_damaged_comes_from_the_store() {
    let world = World::new();
    let (served, store) = published(&world);
    let large = "x".repeat(9000);
    world.ok(
        &["put", "--ack", "published"],
        &[&world.path("a.db"), Path::new("large"), Path::new(&large)],
    );
    let wire = damaged_wire(&served.address);
    let before = world.position("b.db").index;
    world.replicate_to(12, "pull", "b.db", &["--from", &wire]);
    assert!(
        world.position("b.db").index <= before + 1,
        "the large one is not here"
    );
    pulled(&world, &wire, &store);
    let follower = follow(&world, &wire, &store);
    relieved(&world, follower);
}

#[test]
fn what_a_file_has_damaged_comes_from_the_store() {
    let world = World::new();
    let (served, store) = published(&world);
    served.process.terminate();
    let damaged: PathBuf = world.path("damaged/a.db");
    fs::create_dir(world.path("damaged")).unwrap();
    fs::copy(world.path("a.db"), &damaged).unwrap();
    // Behind what the store has, and in front of what was synced after it: no file to read from.
    for value in ["1", "another value that is found again", "3"] {
        world.ok(&["put"], &[&damaged, Path::new("key"), Path::new(value)]);
    }
    flip(&damaged, "another value that is found again");
    let from = damaged.to_str().unwrap();
    world.replicate_to(4, "pull", "b.db", &["--from", from]);
    pulled(&world, from, &store);
    let follower = follow(&world, from, &store);
    relieved(&world, follower);
}
