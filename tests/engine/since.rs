//! Changes since a position: applied to the state at that position they give the present state.

use std::collections::BTreeMap;

use creel::{
    Batch, Changes, CheckpointOptions, CreateOptions, Db, Error, KeyRange, Keyspace, NoProgress,
    OpenOptions, Position, SyncMode,
};

use crate::rng::Rng;
use crate::scratch::Scratch;

pub type State = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

fn entries(keyspace: &Keyspace) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let cursor = keyspace.cursor(&KeyRange::all());
    cursor.map(|entry| entry.unwrap()).collect()
}

/// Keyspaces with entries, and the position.
pub fn state(db: &Db) -> (State, Position) {
    let snapshot = db.snapshot().unwrap();
    let position = snapshot.position().unwrap();
    assert_eq!(position.token(), snapshot.token());
    let names = snapshot.keyspaces().unwrap().into_iter();
    let all = names.map(|name| (name.clone(), entries(&snapshot.keyspace(&name).unwrap())));
    (all.filter(|(_, e)| !e.is_empty()).collect(), position)
}

fn has(range: &KeyRange, key: &[u8]) -> bool {
    use creel::KeyBound::{Excluded, Included, Unbounded};
    let from = match &range.from {
        Unbounded => true,
        Included(from) => key >= from.as_slice(),
        Excluded(from) => key > from.as_slice(),
    };
    let to = match &range.to {
        Unbounded => true,
        Included(to) => key <= to.as_slice(),
        Excluded(to) => key < to.as_slice(),
    };
    from && to
}

/// The keys that changed, by keyspace.
fn keys(changes: &mut Changes) -> Vec<Vec<Vec<u8>>> {
    let mut all = vec![Vec::new(); changes.keyspaces.len()];
    let mut before = 0;
    while let Some((number, key)) = changes.keys.next_key().unwrap() {
        assert!(number >= before);
        before = number;
        all[number].push(key.to_vec());
    }
    all
}

fn apply(state: &mut State, mut changes: Changes) {
    let keys = keys(&mut changes);
    for (changed, keys) in changes.keyspaces.iter().zip(keys) {
        let space = state.entry(changed.name.clone()).or_default();
        if changed.dropped {
            space.clear();
        }
        space.retain(|key, _| !changed.ranges.iter().any(|range| has(range, key)));
        let now = changes.snapshot.keyspace(&changed.name);
        assert!(keys.is_sorted_by(|a, b| a < b));
        for key in keys {
            match now.as_ref().unwrap().get(&key).unwrap() {
                Some(value) => space.insert(key, value),
                None => space.remove(&key),
            };
        }
    }
    state.retain(|_, space| !space.is_empty());
}

pub fn random_commit(rng: &mut Rng, db: &Db) {
    let mut batch = Batch::new();
    let snapshot = db.snapshot().unwrap();
    for _ in 0..rng.between(1, 6) {
        let name = *rng.pick(&["main", "fruit", "a b"]);
        batch.keyspace(name);
        let exists = snapshot.keyspace(name).is_ok();
        let key = format!("k{:02}", rng.below(40));
        match rng.below(12) {
            0 if exists => {
                let to = format!("k{:02}", rng.below(60));
                batch.delete_range(&KeyRange::from_to(key.as_bytes(), to.as_bytes()));
            }
            1..=3 if exists => {
                batch.delete(key.as_bytes());
            }
            4 => {
                batch.import_position(key.as_bytes(), Some(b"record"));
            }
            5 if exists && name != "main" && batch.is_empty() => {
                batch.drop_keyspace();
                if rng.chance(50) {
                    batch.put(key.as_bytes(), b"made anew");
                }
                break;
            }
            _ => {
                let value = vec![rng.below(256) as u8; rng.below(300)];
                batch.put(key.as_bytes(), &value);
            }
        }
    }
    db.write(batch).unwrap();
}

#[test]
fn changes_lead_from_any_position_that_is_retained_to_the_present() {
    let (mut told, mut refused) = (0, 0);
    for seed in 1..=6 {
        let mut rng = Rng::new(seed);
        let scratch = Scratch::new();
        let path = scratch.file("a.creel");
        let create = CreateOptions {
            wal_size: 64 << 10,
            ..CreateOptions::default()
        };
        let options = || OpenOptions::new().background_checkpoint(false);
        let mut db = options().create(&path, &create).unwrap();
        let mut seen: Vec<(State, Position)> = vec![state(&db)];
        for step in 0..400 {
            match rng.below(60) {
                0 => {
                    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                        .unwrap();
                }
                1 => {
                    drop(db);
                    let sync = *rng.pick(&[SyncMode::Full, SyncMode::Normal, SyncMode::Off]);
                    db = options().sync(sync).open(&path).unwrap();
                }
                2 if rng.below(6) == 0 => {
                    let rows = (0..20u32).map(|i| Ok((format!("k{i:02}"), b"bulk")));
                    db.bulk_load("fruit", rows, &NoProgress).unwrap();
                }
                _ => random_commit(&mut rng, &db),
            }
            if rng.below(10) == 0 {
                seen.push(state(&db));
            }
            if step % 50 != 49 {
                continue;
            }
            let (now, here) = state(&db);
            for (before, position) in &seen {
                match db.changes_since(position) {
                    Ok(changes) => {
                        let mut after = before.clone();
                        assert_eq!(changes.position, here);
                        apply(&mut after, changes);
                        assert!(after == now, "seed {seed}, step {step}, since {position}");
                        told += 1;
                    }
                    Err(Error::NotRetained { index, oldest }) => {
                        assert_eq!(index, position.index);
                        assert!(index < oldest && oldest <= here.index);
                        refused += 1;
                    }
                    Err(e) => panic!("seed {seed}, step {step}, since {position}: {e:?}"),
                }
            }
        }
    }
    assert!(
        told > 300 && refused > 300,
        "{told} told, {refused} refused"
    );
}

#[test]
fn positions_of_another_history_are_refused() {
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    let (_, start) = state(&db);
    assert_eq!(start.index, 0);
    db.put(b"a", b"1").unwrap();
    let (_, first) = state(&db);
    db.put(b"b", b"2").unwrap();
    let (_, second) = state(&db);
    for position in [start, first, second] {
        db.changes_since(&position).unwrap();
        let without = Position {
            hash: None,
            ..position
        };
        db.changes_since(&without).unwrap();
        for other in [
            Position {
                hash: Some([7; 16]),
                ..position
            },
            Position {
                epoch: 2,
                ..without
            },
            Position {
                index: 3,
                ..position
            },
        ] {
            let refused = db.changes_since(&other);
            assert!(
                matches!(refused, Err(Error::Diverged { .. })),
                "{other}: {refused:?}"
            );
        }
    }
    // The same commits in another database are another history.
    let other = Db::create(scratch.file("b.creel")).unwrap();
    other.put(b"a", b"1").unwrap();
    let refused = other.changes_since(&first);
    assert!(
        matches!(refused, Err(Error::Diverged { .. })),
        "{refused:?}"
    );
    // A dense copy goes on with the history of the original.
    db.copy_dense(&scratch.file("c.creel"), &NoProgress)
        .unwrap();
    let copy = Db::open(scratch.file("c.creel")).unwrap();
    assert_eq!(state(&copy), state(&db));
    copy.put(b"c", b"3").unwrap();
    let mut changes = copy.changes_since(&second).unwrap();
    assert_eq!(keys(&mut changes), [[b"c"]]);
    let refused = copy.changes_since(&first);
    assert!(
        matches!(
            refused,
            Err(Error::NotRetained {
                index: 1,
                oldest: 2
            })
        ),
        "{refused:?}"
    );
}

/// A reader without write permission, beside a writer that does not sync.
#[test]
fn a_reader_makes_what_it_tells_of_durable_first() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    drop(Db::create(&path).unwrap());
    let lazy = OpenOptions::new()
        .sync(SyncMode::Normal)
        .open(&path)
        .unwrap();
    lazy.put(b"a", b"1").unwrap();
    let reader = OpenOptions::new().read_only(true).open(&path).unwrap();
    let snapshot = reader.snapshot().unwrap();
    lazy.put(b"b", b"2").unwrap();
    let position = snapshot.position().unwrap();
    assert_eq!(position.index, 1);
    let mut changes = lazy.changes_since(&position).unwrap();
    assert_eq!(keys(&mut changes), [[b"b"]]);
    // While somebody keeps the writer lock, nobody can tell whether he will succeed.
    let holder = OpenOptions::new().sync(SyncMode::Normal).hold_lock(true);
    drop(lazy);
    let holder = holder.open(&path).unwrap();
    holder.put(b"c", b"3").unwrap();
    let hurried = OpenOptions::new()
        .read_only(true)
        .lock_timeout(std::time::Duration::ZERO);
    let hurried = hurried.open(&path).unwrap();
    let refused = hurried.snapshot().unwrap().position();
    assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
    assert_eq!(holder.snapshot().unwrap().position().unwrap().index, 3);
    assert_eq!(hurried.snapshot().unwrap().position().unwrap().index, 3);
}

/// What the log holds, and whether the last writer ended as it should.
#[test]
fn the_log_is_described_without_opening_the_database() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    let db = Db::create(&path).unwrap();
    let look = || creel::log_info(&path).unwrap();
    assert!(look().is_clean());
    db.put(b"a", b"1").unwrap();
    db.delete(b"a").unwrap();
    db.delete_range(&KeyRange::all()).unwrap();
    let log = look();
    assert!(log.is_clean(), "{log:?}");
    assert_eq!(db.log_info().unwrap(), log);
    let counts = (log.entries, log.puts, log.deletes, log.range_deletes);
    assert_eq!(counts, (3, 1, 1, 1));
    assert_eq!(
        (log.checkpoint_index, log.last_index, log.oldest_position),
        (0, 3, 0)
    );
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let log = look();
    assert!(log.is_clean(), "{log:?}");
    assert_eq!(
        (log.entries, log.last_index, log.oldest_position),
        (0, 3, 0)
    );
    let rows = [("k", "v")].map(Ok);
    db.bulk_load("main", rows.into_iter(), &NoProgress).unwrap();
    let log = look();
    assert!(log.is_clean(), "{log:?}");
    assert_eq!((log.last_index, log.oldest_position), (4, 4));
    let lazy = OpenOptions::new()
        .sync(SyncMode::Normal)
        .open(&path)
        .unwrap();
    lazy.put(b"b", b"2").unwrap();
    assert!(
        !look().is_clean(),
        "nobody knows whether that commit is durable"
    );
    db.put(b"c", b"3").unwrap();
    assert!(look().is_clean());
    let end = {
        let log = look();
        let info = db.info().unwrap();
        let start = u64::from(info.regions[log.active_region].start_page) * 4096;
        start + log.active_used
    };
    drop((db, lazy));
    // Half a frame, as a power cut leaves it.
    let mut bytes = std::fs::read(&path).unwrap();
    let whole = bytes.clone();
    let at = end as usize;
    let db = Db::open(&path).unwrap();
    db.put(b"d", &[4; 400]).unwrap();
    drop(db);
    let after = std::fs::read(&path).unwrap();
    bytes[at..at + 200].copy_from_slice(&after[at..at + 200]);
    std::fs::write(&path, &bytes).unwrap();
    let log = look();
    assert_eq!((log.torn_at, log.last_index), (Some(end), 6), "{log:?}");
    assert!(!log.is_clean() && log.torn_bytes > 400);
    assert!(std::fs::read(&path).unwrap() == bytes);
    std::fs::write(&path, &whole).unwrap();
    assert!(look().is_clean());
}
