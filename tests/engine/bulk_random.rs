//! Random bulk steps, between commits and checkpoints, against a map per keyspace.

use std::collections::BTreeMap;

use creel::{
    Batch, CheckpointOptions, CreateOptions, KeyRange, NoProgress, OpenOptions, SyncMode, Verdict,
    VerifyOptions,
};

use crate::bulk::{All, Script, all, run};
use crate::rng::Rng;
use crate::scratch::Scratch;

const NAMES: [&str; 4] = ["main", "fruit", "zoo", "a b"];

fn key(rng: &mut Rng) -> String {
    format!("k{:04}", rng.below(3000))
}

/// A script and what the content is after it.
fn script(rng: &mut Rng, before: &All) -> (Script, All) {
    let mut after = before.clone();
    let mut script = Script::default();
    let mut names = NAMES.to_vec();
    names.sort_by_key(|_| rng.next());
    for name in names {
        if rng.chance(30) {
            continue;
        }
        let at = script.changes.len();
        if name != "main" && after.contains_key(name) && rng.chance(20) {
            script.drops.push((at, name));
            after.remove(name);
        }
        let mut changes = BTreeMap::new();
        let most = *rng.pick(&[3, 40, 1500]);
        for _ in 0..rng.between(1, most) {
            let len = *rng.pick(&[5, 90, 400, 6000]);
            let value = rng.chance(75).then(|| "v".repeat(rng.below(len)));
            changes.insert(key(rng), value);
        }
        for _ in 0..rng.below(3) {
            let (a, b) = (key(rng), key(rng));
            let range = KeyRange::from_to(a.as_bytes(), b.as_bytes());
            script.ranges.push((at, name, range));
            let space = after.entry(name.into()).or_default();
            space.retain(|k, _| *k < a || *k >= b);
        }
        let made = changes.values().any(Option::is_some) || before.contains_key(name);
        let space = after.entry(name.into()).or_default();
        for (key, value) in changes {
            match &value {
                Some(value) => space.insert(key.clone(), value.clone()),
                None => space.remove(&key),
            };
            script.changes.push((name, key, value));
        }
        let dropped = script.drops.iter().any(|(_, n)| *n == name);
        let puts = |c: &(&str, String, Option<String>)| c.0 == name && c.2.is_some();
        if !made || dropped && !script.changes.iter().any(puts) {
            after.remove(name);
        }
    }
    (script, after)
}

#[test]
fn random_steps_behave_like_a_map() {
    for seed in 1..=5 {
        let mut rng = Rng::new(seed);
        let scratch = Scratch::new();
        let path = scratch.file("a.creel");
        let create = CreateOptions {
            page_size: *rng.pick(&[4096, 65536]),
            wal_size: 64 << 10,
            ..CreateOptions::default()
        };
        let mmap = rng.chance(60);
        let options = || {
            OpenOptions::new()
                .background_checkpoint(false)
                .sync(SyncMode::Off)
                .mmap(mmap)
        };
        let mut db = options().create(&path, &create).unwrap();
        let mut state = all(&db);
        for round in 0..40 {
            match rng.below(6) {
                0 => {
                    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                        .unwrap();
                }
                1 => {
                    drop(db);
                    db = options().open(&path).unwrap();
                }
                2 | 3 => {
                    let mut batch = Batch::new();
                    for _ in 0..rng.between(1, 60) {
                        let name = *rng.pick(&NAMES);
                        let (key, value) = (key(&mut rng), "w".repeat(rng.below(200)));
                        batch.keyspace(name).put(key.as_bytes(), value.as_bytes());
                        state.entry(name.into()).or_default().insert(key, value);
                    }
                    db.write(batch).unwrap();
                }
                _ => {
                    let (script, after) = script(&mut rng, &state);
                    let report = run(&db, &script).unwrap();
                    let count = |all: &All| all.values().map(|s| s.len() as i64).sum::<i64>();
                    assert_eq!(report.added(), count(&after) - count(&state), "{report:?}");
                    state = after;
                }
            }
            assert!(all(&db) == state, "seed {seed}, round {round}");
        }
        let report = creel::verify(&path, &VerifyOptions::default(), &NoProgress).unwrap();
        assert_eq!(report.verdict, Verdict::Clean, "seed {seed}: {report:?}");
    }
}
