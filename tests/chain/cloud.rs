//! The program against an S3 server in this process, as an operator runs it.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use creel::chain::store::{MemoryStore, Store};
use serde_json::Value;

use crate::faulty::Faulty;
use crate::flawed::{Flaw, Flawed};
use crate::rng;
use crate::stub::Stub;

/// Runs `creel` with credentials for the server.
fn creel(stub: &Stub, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command
        .args(args)
        .env("AWS_ENDPOINT", format!("http://{}", stub.address()))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("CREEL_DB");
    command.output().unwrap()
}

fn succeeds(stub: &Stub, args: &[&str]) -> String {
    let output = creel(stub, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn exit(stub: &Stub, args: &[&str]) -> (i32, String) {
    let output = creel(stub, args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), text)
}

fn digest(stub: &Stub, path: &Path) -> String {
    let text = succeeds(stub, &["digest", path.to_str().unwrap()]);
    text.split(' ').next().unwrap().to_owned()
}

#[test]
fn probe_publish_restore_and_pull_over_s3() {
    let stub = Stub::start(Arc::new(MemoryStore::new()));
    whole_round(&stub);
}

#[test]
fn the_same_with_fifteen_of_a_hundred_requests_failing() {
    let seed = rng::seed("the_same_with_faults");
    let faulty = Faulty::new(Arc::new(MemoryStore::new()), 15, seed);
    let stub = Stub::start(Arc::new(faulty));
    whole_round(&stub);
}

fn whole_round(stub: &Stub) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (db, copy, restored) = (path("a.db"), path("copy.db"), path("restored.db"));
    let store = "s3://bucket";
    let found: Value = serde_json::from_str(&succeeds(
        stub,
        &["replicate", "probe", "s3://bucket/x", "--json"],
    ))
    .unwrap();
    assert_eq!(found["fit"], true, "{found}");
    succeeds(stub, &["open", &text(&db), "--create", "-q"]);
    succeeds(stub, &["put", &text(&db), "a", "1"]);
    succeeds(
        stub,
        &["replicate", "snapshot", &text(&db), "--to", store, "-q"],
    );
    for i in 0..5 {
        let (key, value) = (format!("k{i}"), "v".repeat(1000));
        succeeds(
            stub,
            &["put", &text(&db), &key, &value, "--ack", "published"],
        );
    }
    succeeds(
        stub,
        &["replicate", "init", &text(&copy), "--from", store, "-q"],
    );
    assert_eq!(digest(stub, &copy), digest(stub, &db));
    succeeds(
        stub,
        &["put", &text(&db), "late", "x", "--ack", "published"],
    );
    succeeds(
        stub,
        &["replicate", "pull", &text(&copy), "--from", store, "-q"],
    );
    assert_eq!(digest(stub, &copy), digest(stub, &db));
    succeeds(stub, &["restore", store, "-o", &text(&restored), "-q"]);
    assert_eq!(digest(stub, &restored), digest(stub, &db));
    succeeds(stub, &["replicate", "verify", store, "--deep", "-q"]);
    // Another copy is promoted: the old primary is refused, and changes nothing.
    succeeds(stub, &["promote", &text(&copy), "--yes", "-q"]);
    let before = std::fs::read(&db).unwrap();
    let (code, why) = exit(
        stub,
        &["put", &text(&db), "lost", "x", "--ack", "published"],
    );
    assert_eq!(code, 10, "{why}");
    let (code, _) = exit(stub, &["get", &text(&db), "lost"]);
    assert_eq!(code, 1);
    assert_eq!(std::fs::read(&db).unwrap().len(), before.len());
    succeeds(
        stub,
        &["put", &text(&copy), "new", "x", "--ack", "published"],
    );
    succeeds(
        stub,
        &["replicate", "rejoin", &text(&db), "--from", store, "-q"],
    );
    assert_eq!(digest(stub, &copy), digest(stub, &db));
    let mirror = format!("dir:{}", text(&path("mirror")));
    succeeds(stub, &["replicate", "mirror", store, &mirror, "-q"]);
    succeeds(stub, &["replicate", "verify", &mirror, "--deep", "-q"]);
}

#[test]
fn servers_that_cannot_fence_are_refused() {
    for flaw in [Flaw::Ignored, Flaw::NotAtomic] {
        let store: Arc<dyn Store> = Arc::new(Flawed {
            inner: Arc::new(MemoryStore::new()),
            flaw,
        });
        let stub = Stub::start(store);
        let (code, text) = exit(&stub, &["replicate", "probe", "s3://bucket"]);
        assert_eq!(code, 1, "{flaw:?}: {text}");
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("a.db");
        let db = db.to_str().unwrap();
        succeeds(&stub, &["open", db, "--create", "-q"]);
        let args = ["replicate", "snapshot", db, "--to", "s3://bucket"];
        let (code, text) = exit(&stub, &args);
        assert_eq!(code, 8, "{flaw:?}: {text}");
        assert!(text.contains("cannot fence"), "{text}");
    }
}

/// An S3 server that somebody else wrote: `pip install 'moto[server]'`.
#[test]
fn an_independent_s3_server_agrees() {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    let installed = Command::new("moto_server").arg("--help").output();
    if !installed.is_ok_and(|output| output.status.success()) {
        let why = "SKIPPED: moto_server is not installed; pip install 'moto[server]'\n";
        let _ = std::io::stderr().write_all(why.as_bytes());
        return;
    }
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut server = Command::new("moto_server")
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // It says on which address it runs once it does.
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let runs = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains("Running on"));
    assert!(runs, "moto_server did not start");
    std::thread::spawn(move || lines.for_each(drop));
    let mut bucket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request =
        "PUT /bucket HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    bucket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    bucket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let stub = Stub::elsewhere(([127, 0, 0, 1], port).into());
    let done = std::panic::catch_unwind(|| whole_round(&stub));
    server.kill().unwrap();
    server.wait().unwrap();
    if let Err(why) = done {
        std::panic::resume_unwind(why);
    }
}
