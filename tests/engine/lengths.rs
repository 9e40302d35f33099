//! `len` counts along with the commits; walking the keyspace must always give the same.

use creel::{
    Batch, CheckpointOptions, CreateOptions, Db, Error, KeyRange, NoProgress, OpenOptions, Snapshot,
};

use crate::rng::Rng;
use crate::scratch::Scratch;

const NAMES: [&str; 3] = ["main", "a", "b"];

/// Asks one keyspace of a snapshot, or all.
fn check(snapshot: &Snapshot, names: &[&str], what: &str) {
    for name in names {
        let keyspace = match snapshot.keyspace(name) {
            Ok(keyspace) => keyspace,
            Err(Error::NoKeyspace { .. }) => continue,
            Err(e) => panic!("{what}: {e}"),
        };
        let walked = keyspace.cursor(&KeyRange::all()).count() as u64;
        assert_eq!(keyspace.len().unwrap(), walked, "{what}: len of {name}");
    }
}

fn some_batch(rng: &mut Rng) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..rng.between(1, 4) {
        let name = *rng.pick(&NAMES);
        let key = [rng.below(60) as u8];
        match rng.below(40) {
            0 => {
                let to = creel::KeyBound::Excluded(vec![key[0].saturating_add(9)]);
                let from = creel::KeyBound::Included(key.to_vec());
                batch.delete_range(&KeyRange { from, to });
            }
            1 if name != "main" => {
                // Made by the put where there is none.
                batch.keyspace(name).put(&key, b"v").drop_keyspace();
            }
            2..14 if name == "main" => {
                batch.keyspace(name).delete(&key);
            }
            _ => {
                batch.keyspace(name).put(&key, b"v");
            }
        }
        batch.keyspace("main");
    }
    batch
}

#[test]
fn a_length_is_what_a_walk_counts() {
    for seed in 0..60 {
        let scratch = Scratch::new();
        let path = scratch.file("a.creel");
        let mut db = Db::create(&path).unwrap();
        // As another process would: it learns of what the first commits from the file.
        let other = Db::open(&path).unwrap();
        let mut rng = Rng::new(seed);
        let mut kept: Vec<Snapshot> = Vec::new();
        for step in 0..120 {
            let what = format!("seed {seed}, step {step}");
            let writer = if rng.chance(30) { &other } else { &db };
            writer.write(some_batch(&mut rng)).unwrap();
            match rng.below(24) {
                0 => {
                    writer
                        .checkpoint(&CheckpointOptions::default(), &NoProgress)
                        .unwrap();
                }
                1 => db = Db::open(&path).unwrap(),
                2 => kept.clear(),
                3..6 => kept.push(db.snapshot().unwrap()),
                _ => {}
            }
            // Not each time, so that much or little has changed since.
            if rng.chance(50) {
                let some = [*rng.pick(&NAMES)];
                check(&db.snapshot().unwrap(), &some, &what);
            }
            if rng.chance(20) {
                check(&other.snapshot().unwrap(), &NAMES, &what);
            }
            if !kept.is_empty() && rng.chance(20) {
                check(rng.pick(&kept), &NAMES, &format!("{what}, an older one"));
            }
        }
    }
}

/// Writers commit and checkpoint while others count: every length is that of its snapshot.
#[test]
fn lengths_are_right_while_others_commit() {
    let scratch = Scratch::new();
    let db = OpenOptions::new()
        .sync(creel::SyncMode::Off)
        .create(scratch.file("a.creel"), &CreateOptions::default())
        .unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    check(&db.snapshot().unwrap(), &["main"], "beside a writer");
                }
            });
        }
        let mut rng = Rng::new(5);
        for step in 0..600 {
            let key = [rng.below(200) as u8];
            match rng.below(3) {
                0 => drop(db.delete(&key).unwrap()),
                _ => drop(db.put(&key, b"v").unwrap()),
            }
            if step % 97 == 50 {
                db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                    .unwrap();
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    check(&db.snapshot().unwrap(), &["main"], "afterwards");
}
