//! The program against a server of each kind, as an operator runs it.

use std::path::Path;
use std::sync::Arc;

use creel::chain::store::{MemoryStore, Store};
use serde_json::Value;

use super::{DIALECTS, Server, for_each_cloud};
use crate::faulty::Faulty;
use crate::flawed::{Flaw, Flawed};
use crate::rng;
use crate::stub::{Dialect, Stub};

#[test]
fn probe_publish_restore_and_promote_over_each_cloud() {
    for_each_cloud(|dialect| {
        let server = Server::start(dialect, Arc::new(MemoryStore::new()));
        whole_round(&server, Fencing::Sure);
    });
}

#[test]
fn the_same_with_fifteen_of_a_hundred_requests_failing() {
    let seed = rng::seed("the_same_with_faults");
    for_each_cloud(|dialect| {
        let faulty = Faulty::new(Arc::new(MemoryStore::new()), 15, seed);
        whole_round(&Server::start(dialect, Arc::new(faulty)), Fencing::Sure);
    });
}

/// Whether the probe has to find that a server is fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    Sure,
    /// It may win a race that it should not.
    Perhaps,
}

/// Everything that is done with a store: as an operator does it, and a fail-over.
pub fn whole_round(server: &Server, fencing: Fencing) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (db, copy, restored) = (path("a.db"), path("copy.db"), path("restored.db"));
    let bucket = server.bucket();
    let store = bucket.as_str();
    let scratch = format!("{store}/x");
    let probe = server.creel(&["replicate", "probe", &scratch, "--json"]);
    let told = String::from_utf8_lossy(&[probe.stdout, probe.stderr].concat()).into_owned();
    let found = probe.status.code();
    assert!(
        found == Some(0) || (fencing == Fencing::Perhaps && found == Some(1)),
        "{told}"
    );
    server.succeeds(&["open", &text(&db), "--create", "-q"]);
    server.succeeds(&["put", &text(&db), "a", "1"]);
    let snapshot = ["replicate", "snapshot", &text(&db), "--to", store, "-q"];
    match fencing {
        Fencing::Sure => server.succeeds(&snapshot),
        Fencing::Perhaps => server.succeeds(&[&snapshot[..], &["--unsafe-no-fencing"]].concat()),
    };
    for i in 0..5 {
        let (key, value) = (format!("k{i}"), "v".repeat(1000));
        server.succeeds(&[
            "put",
            &text(&db),
            &key,
            &value,
            "--ack",
            "published",
            "--ack-timeout",
            "10m",
        ]);
    }
    server.succeeds(&["replicate", "init", &text(&copy), "--from", store, "-q"]);
    assert_eq!(server.digest(&copy), server.digest(&db));
    server.succeeds(&[
        "put",
        &text(&db),
        "late",
        "x",
        "--ack",
        "published",
        "--ack-timeout",
        "10m",
    ]);
    server.succeeds(&["replicate", "pull", &text(&copy), "--from", store, "-q"]);
    assert_eq!(server.digest(&copy), server.digest(&db));
    server.succeeds(&["restore", store, "-o", &text(&restored), "-q"]);
    assert_eq!(server.digest(&restored), server.digest(&db));
    server.succeeds(&["replicate", "verify", store, "--deep", "-q"]);
    // Another copy is promoted: the old primary is refused, and changes nothing.
    server.succeeds(&["promote", &text(&copy), "--yes", "-q"]);
    let before = std::fs::read(&db).unwrap();
    let (code, why) = server.exit(&[
        "put",
        &text(&db),
        "lost",
        "x",
        "--ack",
        "published",
        "--ack-timeout",
        "10m",
    ]);
    assert_eq!(code, 10, "{why}");
    let (code, _) = server.exit(&["get", &text(&db), "lost"]);
    assert_eq!(code, 1);
    assert_eq!(std::fs::read(&db).unwrap().len(), before.len());
    server.succeeds(&[
        "put",
        &text(&copy),
        "new",
        "x",
        "--ack",
        "published",
        "--ack-timeout",
        "10m",
    ]);
    server.succeeds(&["replicate", "rejoin", &text(&db), "--from", store, "-q"]);
    assert_eq!(server.digest(&copy), server.digest(&db));
    let mirror = format!("dir:{}", text(&path("mirror")));
    server.succeeds(&["replicate", "mirror", store, &mirror, "-q"]);
    server.succeeds(&["replicate", "verify", &mirror, "--deep", "-q"]);
}

#[test]
fn servers_that_cannot_fence_are_refused() {
    for (dialect, flaw) in DIALECTS
        .into_iter()
        .flat_map(|dialect| [(dialect, Flaw::Ignored), (dialect, Flaw::NotAtomic)])
    {
        let store: Arc<dyn Store> = Arc::new(Flawed {
            inner: Arc::new(MemoryStore::new()),
            flaw,
        });
        let server = Server::start(dialect, store);
        let bucket = server.bucket();
        let (code, text) = server.exit(&["replicate", "probe", &bucket]);
        assert_eq!(code, 1, "{dialect:?}, {flaw:?}: {text}");
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("a.db");
        let db = db.to_str().unwrap();
        server.succeeds(&["open", db, "--create", "-q"]);
        let args = ["replicate", "snapshot", db, "--to", &bucket];
        let (code, text) = server.exit(&args);
        assert_eq!(code, 8, "{dialect:?}, {flaw:?}: {text}");
        assert!(text.contains("cannot fence"), "{text}");
    }
}

/// Where Google's own tools look for an emulator, creel does.
#[test]
fn the_emulator_of_googles_tools_is_found() {
    let stub = Stub::speaking(Dialect::Gcs, Arc::new(MemoryStore::new()));
    let host = stub.address().to_string();
    let server = Server {
        stub: Some(stub),
        scheme: "gs",
        environment: vec![("STORAGE_EMULATOR_HOST", host)],
    };
    let found = server.succeeds(&["replicate", "probe", "gs://bucket", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["fit"], true, "{found}");
}
