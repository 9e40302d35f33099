//! The bucket policy of docs/operations.md, obeyed by a server of our own.

use std::path::Path;
use std::sync::{Arc, Mutex};

use creel::chain::name::Name;
use creel::chain::store::{Created, MemoryStore, Store, StoreError, StoreErrorKind};
use serde_json::Value;

use super::Server;
use super::round::{Fencing, whole_round};
use crate::stub::Dialect;

/// The patterns of the statement that is called so, without bucket and prefix.
fn patterns() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let document = std::fs::read_to_string(path).unwrap();
    let block = document.split("```json\n").nth(1).unwrap();
    let policy: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let only = statements
        .iter()
        .find(|s| s["Sid"] == "CreateOnly")
        .unwrap();
    assert_eq!(
        (&only["Effect"], &only["Action"]),
        (&"Deny".into(), &"s3:PutObject".into())
    );
    assert_eq!(only["Condition"]["Null"]["s3:if-none-match"], "true");
    let names = only["Resource"].as_array().unwrap().iter();
    let names = names.map(|name| {
        let name = name.as_str().unwrap();
        name.strip_prefix("arn:aws:s3:::bucket/db/")
            .unwrap()
            .to_owned()
    });
    names.collect()
}

/// A star stands for anything, slashes too.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|name| {
            let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.any(|at| name.get(at..).is_some_and(|tail| matches(rest, tail)))
        }),
    }
}

/// A bucket with that policy.
#[derive(Debug)]
struct Ruled {
    inner: MemoryStore,
    patterns: Vec<String>,
    /// Created, overwritten or made without the condition, and refused.
    calls: Mutex<[Vec<String>; 3]>,
}

impl Ruled {
    fn new() -> Ruled {
        Ruled {
            inner: MemoryStore::new(),
            patterns: patterns(),
            calls: Mutex::default(),
        }
    }

    fn covers(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, name))
    }

    fn note(&self, which: usize, name: &str) {
        self.calls.lock().unwrap()[which].push(name.to_owned());
    }

    fn noted(&self, which: usize) -> Vec<String> {
        self.calls.lock().unwrap()[which].clone()
    }
}

impl Store for Ruled {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        self.note(0, name);
        self.inner.create(name, bytes)
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(name, limit)
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get_range(name, offset, len)
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.inner.head(name)
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.inner.list_after(prefix, after, limit)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.note(1, name);
        if self.covers(name) {
            self.note(2, name);
            let kind = StoreErrorKind::Unauthorised;
            return Err(StoreError::new(kind, "write", name, "the policy"));
        }
        self.inner.put(name, bytes)
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.inner.delete(name)
    }

    fn address(&self) -> String {
        "a bucket with a policy".to_owned()
    }
}

#[test]
fn the_policy_of_the_bucket_lets_creel_do_everything_and_covers_what_is_created_once() {
    let store = Arc::new(Ruled::new());
    let server = Server::start(Dialect::S3, Arc::clone(&store) as Arc<dyn Store>);
    whole_round(&server, Fencing::Sure);
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("again.db");
    let (db, bucket) = (db.to_str().unwrap(), server.bucket());
    server.succeeds(&["replicate", "init", db, "--from", &bucket, "-q"]);
    server.succeeds(&["promote", db, "--yes", "-q"]);
    let snapshot = ["replicate", "snapshot", db, "--to", &bucket, "-q"];
    server.succeeds(&snapshot);
    // The same once more, over what an upload that did not come to its end has left.
    let names = store.inner.list_after("snap/", "", 100).unwrap();
    let whole = names.iter().rfind(|name| name.ends_with("/snapshot.json"));
    store.inner.delete(whole.expect("a snapshot")).unwrap();
    server.succeeds(&snapshot);
    server.succeeds(&["replicate", "hold", &bucket, "mine", "-q"]);
    server.succeeds(&["replicate", "hold", &bucket, "mine", "-q"]);
    server.succeeds(&["replicate", "gc", &bucket, "--retain", "0s", "-q"]);
    assert_eq!(store.noted(2), [""; 0], "nothing is refused");
    let overwritten = store.noted(1);
    for (pattern, kind) in [("progress/*", 1), ("hold/*", 2), ("snap/*/begin.json", 1)] {
        let found = overwritten.iter().filter(|name| matches(pattern, name));
        assert!(found.count() >= kind, "{pattern}: {overwritten:?}");
    }
    let created = store.noted(0).into_iter().map(|text| {
        // The probe had a prefix of its own.
        let own = text.strip_prefix("x/").unwrap_or(&text);
        (
            text.clone(),
            own.parse::<Name>().expect("a name of the chain"),
        )
    });
    let mut kinds = [0; 5];
    for (text, name) in created {
        let (kind, once) = match name {
            Name::Creel => (0, true),
            Name::Segment(_) => (1, true),
            Name::Catalogue(_) => (2, true),
            Name::Snapshot(_) => (3, true),
            Name::Part(..) => (4, true),
            // Only where `gc` found something that nobody wants.
            Name::Floor(_) => (0, true),
            _ => (0, false),
        };
        assert_eq!(store.covers(&text), once, "{text}");
        kinds[kind] += usize::from(once);
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    assert!(store.covers(&Name::Floor(1).to_string()));
    // And whoever does not ask for the condition is refused.
    let first = store.inner.list_after("log/", "", 1).unwrap().remove(0);
    let before = store.inner.get(&first, u64::MAX).unwrap();
    store.put(&first, b"another").unwrap_err();
    assert_eq!(store.inner.get(&first, u64::MAX).unwrap(), before);
}
