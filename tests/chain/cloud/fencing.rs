//! A store that cannot decide who is primary: refused, unless somebody says that they know. Then everything that
//! looks at it says so.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use creel::chain::store::{MemoryStore, Store};
use serde_json::Value;

use super::{Server, for_each_cloud};
use crate::flawed::{Flaw, Flawed};

const UNSAFE: &str = "--unsafe-no-fencing";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn a_store_that_ignores_the_condition_is_used_only_by_those_who_say_so() {
    for_each_cloud(|dialect| {
        let objects = MemoryStore::new();
        let server = Server::start(
            dialect,
            Arc::new(Flawed {
                inner: Arc::new(objects.clone()),
                flaw: Flaw::Ignored,
            }),
        );
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (db, copy, bucket) = (path("a.db"), path("b.db"), server.bucket());
        server.succeeds(&["open", &db, "--create", "-q"]);
        server.succeeds(&["put", &db, "a", "1"]);
        let args = ["replicate", "snapshot", &db, "--to", &bucket];
        refused(&server, &args);
        let role = server.succeeds(&["info", &db, "--get", "role"]);
        assert_eq!(role.trim(), "standalone", "nothing is changed");
        refused(&server, &["replicate", "serve", &db, "--publish", &bucket]);
        let left = objects.list_after("", "", 9).unwrap();
        assert!(left.is_empty(), "nothing is published: {left:?}");

        let begun = server.succeeds(&[&args[..], &[UNSAFE, "--json"]].concat());
        let begun = json(&begun);
        assert_eq!(
            (&begun["created"], &begun["fencing"]),
            (&true.into(), &"none".into())
        );
        // It is written in the store: whoever comes later needs not say it again, and is told.
        let again = server.succeeds(&args);
        assert!(again.contains("fencing\tnone\n"), "{again}");
        said_by_everybody(&server);
        served(&server, &db);

        server.succeeds(&["put", &db, "b", "2", "--ack", "published"]);
        server.succeeds(&["replicate", "init", &copy, "--from", &bucket, "-q"]);
        let status = server.succeeds(&["replicate", "status", &copy, "--json"]);
        assert_eq!(json(&status)["fencing"], "none");
        promoted(&server, &copy);
        // What came after the promotion is fenced here too: only what is under way at the same moment is not.
        let (code, text) = server.exit(&["put", &db, "c", "3", "--ack", "published"]);
        assert_eq!(code, 10, "{text}");
        server.succeeds(&["put", &copy, "c", "3", "--ack", "published"]);
        server.succeeds(&["replicate", "rejoin", &db, "--from", &bucket, "-q"]);
        assert_eq!(
            server.digest(Path::new(&copy)),
            server.digest(Path::new(&db))
        );
    });
}

/// With the status and the words that `creel explain` has.
fn refused(server: &Server, args: &[&str]) {
    let (code, text) = server.exit(args);
    assert_eq!(code, 8, "{text}");
    assert!(text.contains("cannot fence"), "{text}");
    assert!(text.contains(UNSAFE), "{text}");
    let (_, text) = server.exit(&[args, &["--json"]].concat());
    assert_eq!(json(text.lines().last().unwrap())["code"], "unfit_store");
}

fn said_by_everybody(server: &Server) {
    let bucket = server.bucket();
    let status = server.succeeds(&["replicate", "status", &bucket, "--json"]);
    assert_eq!(json(&status)["fencing"], "none");
    let status = server.succeeds(&["replicate", "status", &bucket]);
    assert!(status.contains("fencing\tnone\n"), "{status}");
    let output = server.creel(&["replicate", "probe", &bucket, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let probe = json(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(probe["fit"], false);
    assert!(!probe["faults"].as_array().unwrap().is_empty(), "{probe}");
}

fn served(server: &Server, db: &str) {
    let mut command = server.command(Path::new(env!("CARGO_BIN_EXE_creel")));
    command.args(["replicate", "serve", db, "--publish", &server.bucket()]);
    command.args(["--listen", "127.0.0.1:0"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line == "ready");
    let status = server.creel(&["replicate", "status", db, "--json"]);
    let told = server.creel(&["replicate", "status", db]);
    let pid = child.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    child.wait().unwrap();
    assert!(ready, "{said}");
    assert!(said.contains("fencing: none"), "{said}");
    let status = json(std::str::from_utf8(&status.stdout).unwrap());
    assert_eq!(status["fencing"], "none", "{status}");
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("fencing\tnone\n"), "{told}");
}

/// Nobody is promised what this store cannot keep.
fn promoted(server: &Server, copy: &str) {
    let checks = server.succeeds(&["promote", copy, "--dry-run", "--json"]);
    let checks = json(&checks)["checks"].clone();
    let fencing = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == "fencing");
    assert_eq!(fencing.unwrap()["result"], "accepted", "{checks}");
    let told = server.succeeds(&["promote", copy, "--yes"]);
    assert!(told.contains("fencing: none"), "{told}");
    assert!(told.contains("primary of epoch 2"), "{told}");
}
