//! A server of objects that is killed while somebody follows, and comes back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use creel::chain::store::DirStore;

use super::{Server, s3};
use crate::stub::{Dialect, Stub};

/// Where the server of a child keeps its objects, and where it listens.
const OBJECTS: &str = "CREEL_TEST_OBJECTS";
const LISTEN: &str = "CREEL_TEST_LISTEN";
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Does nothing unless another test began this process for it.
#[test]
fn a_server_to_be_killed() {
    let (Ok(objects), Ok(listen)) = (std::env::var(OBJECTS), std::env::var(LISTEN)) else {
        return;
    };
    let store = DirStore::open(Path::new(&objects), true).unwrap();
    let address: SocketAddr = listen.parse().unwrap();
    let stub = Stub::listening(Dialect::S3, Arc::new(store), address);
    println!("listens on {}", stub.address());
    let _ = std::io::stdin().read_to_end(&mut Vec::new()); // until it is killed
}

fn server(objects: &Path, address: SocketAddr) -> Running {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "cloud::killed::a_server_to_be_killed",
            "--nocapture",
        ])
        .env(OBJECTS, objects)
        .env(LISTEN, address.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = lines.by_ref().map_while(Result::ok);
    assert!(said.any(|line| line.contains("listens on")), "it ended");
    std::thread::spawn(move || lines.for_each(drop));
    Running(child)
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Status and body of a page of the follower.
fn page(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut connection = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

fn until(address: SocketAddr, path: &str, wanted: u16) -> String {
    let begun = Instant::now();
    loop {
        match page(address, path) {
            Some((status, text)) if status == wanted => return text,
            seen => assert!(begun.elapsed() < PATIENCE, "{path}: {seen:?}"),
        }
        std::thread::yield_now();
    }
}

/// A directory that is moved away was the only store that was ever lost to a follower. Requests to a server
/// that is killed are refused, or never answered.
#[test]
fn who_follows_a_server_that_is_killed_goes_on_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (objects, at, own) = (dir.path().join("objects"), free(), free());
    let running = server(&objects, at);
    let found = Server {
        stub: None,
        scheme: "s3",
        environment: s3(at),
    };
    let (a, b, bucket) = (path("a.db"), path("b.db"), found.bucket());
    found.succeeds(&["open", &a, "--create", "--role", "primary", "-q"]);
    found.succeeds(&["put", &a, "first", "1"]);
    found.succeeds(&["replicate", "snapshot", &a, "--to", &bucket, "-q"]);
    found.succeeds(&["replicate", "init", &b, "--from", &bucket, "-q"]);
    let log = dir.path().join("log");
    let mut command = found.command(Path::new(env!("CARGO_BIN_EXE_creel")));
    command.args(["replicate", "follow", &b, "--from", &bucket]);
    command.args(["--http", &own.to_string()]);
    command.stdout(Stdio::null());
    command.stderr(std::fs::File::create(&log).unwrap());
    let mut follower = Running(command.spawn().unwrap());
    until(own, "/replica", 200);
    let said = |words: &str| {
        let text = std::fs::read_to_string(&log).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    };
    let wait_for = |what: &str, holds: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "never: {what}");
            std::thread::yield_now();
        }
    };
    drop(running); // killed, in the middle of whatever it does
    until(own, "/replica", 503);
    wait_for("it is told", &|| said("it is tried again") == 1);
    let kinds = page(own, "/metrics").unwrap().1;
    assert!(
        kinds.contains("creel_store_errors_total{kind=\"unreachable\"}"),
        "{kinds}"
    );
    // What is committed meanwhile is no loss.
    found.succeeds(&["put", &a, "meanwhile", "1"]);
    let _running = server(&objects, at);
    found.succeeds(&["put", &a, "last", "1", "--ack", "published"]);
    let digest = found.digest(Path::new(&a));
    wait_for("it has everything", &|| {
        found.digest(Path::new(&b)) == digest
    });
    until(own, "/lag?max=0", 200);
    wait_for("that is told too", &|| said("can be reached again") == 1);
    let pid = follower.0.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    follower.0.wait().unwrap();
    assert_eq!(said("it is tried again"), 1, "once");
}

/// What fails before a follower has opened its store was counted nowhere.
#[test]
fn a_follower_that_began_while_its_server_was_dead_counted_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (objects, at, own) = (dir.path().join("objects"), free(), free());
    let running = server(&objects, at);
    let found = Server {
        stub: None,
        scheme: "s3",
        environment: s3(at),
    };
    let (a, b, bucket) = (path("a.db"), path("b.db"), found.bucket());
    found.succeeds(&["open", &a, "--create", "--role", "primary", "-q"]);
    found.succeeds(&["replicate", "snapshot", &a, "--to", &bucket, "-q"]);
    found.succeeds(&["replicate", "init", &b, "--from", &bucket, "-q"]);
    drop(running);
    let mut command = found.command(Path::new(env!("CARGO_BIN_EXE_creel")));
    command.args(["replicate", "follow", &b, "--from", &bucket]);
    command.args(["--http", &own.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _follower = Running(command.spawn().unwrap());
    let begun = Instant::now();
    let counted = "creel_store_errors_total{kind=\"unreachable\"}";
    while !until(own, "/metrics", 200).contains(counted) {
        assert!(begun.elapsed() < PATIENCE, "never counted");
        std::thread::yield_now();
    }
    let _running = server(&objects, at);
    until(own, "/replica", 200);
}
