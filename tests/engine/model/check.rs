//! Comparing what the engine says with the reference.

use std::path::Path;

use creel::{Db, Depth, KeyRange, NoProgress, Snapshot, Verdict, VerifyOptions};

use super::hold::{HeldCursor, expected};
use super::reference::{Space, State};
use crate::rng::Rng;

/// Long bytes make unreadable failures.
pub fn short(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(24)];
    format!(
        "{:?}+{}",
        String::from_utf8_lossy(head),
        bytes.len() - head.len()
    )
}

/// Every entry of every keyspace, forwards, with the number of entries.
pub fn whole(snapshot: &Snapshot, state: &State, what: &str) {
    let names: Vec<String> = state.0.keys().cloned().collect();
    assert_eq!(snapshot.keyspaces().unwrap(), names, "{what}: keyspaces");
    for (name, space) in &state.0 {
        let keyspace = snapshot.keyspace(name).unwrap();
        let mut cursor = keyspace.cursor(&KeyRange::all());
        for (key, value) in space {
            let found = cursor.next_entry().unwrap();
            let Some((k, v)) = found else {
                panic!("{what}: {name} ends before {}", short(key));
            };
            assert_eq!(short(k), short(key), "{what}: next key of {name}");
            assert!(
                v == &value[..],
                "{what}: value of {} is {}",
                short(key),
                short(v)
            );
        }
        let more = cursor.next_entry().unwrap().map(|(k, _)| short(k));
        assert_eq!(more, None, "{what}: {name} goes on");
        assert_eq!(
            keyspace.len().unwrap(),
            space.len() as u64,
            "{what}: len of {name}"
        );
        assert_eq!(
            keyspace.is_empty().unwrap(),
            space.is_empty(),
            "{what}: {name} empty"
        );
    }
}

/// A new snapshot of a handle against the present state.
pub fn handle(db: &Db, state: &State, last_index: u64, what: &str) {
    let snapshot = db.snapshot().unwrap();
    assert_eq!(
        snapshot.token().index,
        last_index,
        "{what}: token of a new snapshot"
    );
    whole(&snapshot, state, what);
}

/// A range by cursor (from both ends, in any mixture) and by count.
pub fn range(rng: &mut Rng, snapshot: &Snapshot, name: &str, space: &Space, range: &KeyRange) {
    let keyspace = snapshot.keyspace(name).unwrap();
    let wanted = expected(space, range);
    assert_eq!(
        keyspace.count(range).unwrap(),
        wanted.len() as u64,
        "count of {range:?}"
    );
    let backwards = *rng.pick(&[0, 100, 50]);
    let mut held = HeldCursor {
        cursor: keyspace.cursor(range),
        rest: wanted,
    };
    while held.step(rng.chance(backwards), rng.chance(30)) {}
    held.step(true, false);
    held.step(false, false);
}

/// Single keys, present and absent.
pub fn keys(snapshot: &Snapshot, name: &str, space: &Space, wanted: &[Vec<u8>]) {
    let keyspace = snapshot.keyspace(name).unwrap();
    for key in wanted {
        let found = keyspace.get(key).unwrap();
        let stored = space.get(key).map(|v| v.to_vec());
        assert!(
            found == stored,
            "{} in {name}: {:?}",
            short(key),
            found.as_deref().map(short)
        );
        assert_eq!(keyspace.contains(key).unwrap(), stored.is_some());
    }
}

/// Every invariant of the file.
pub fn file(path: &Path, what: &str) {
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(path, &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{what}: {report:?}");
}
