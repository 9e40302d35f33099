//! Reads, of one key and of ranges.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use creel::{KeyRange, NoProgress, OpenOptions, VerifyOptions};

use crate::data::{Bench, loaded, median, mix, per, random_key, show};

pub fn reads(b: &Bench) {
    if !["get", "range", "scan", "len", "open", "compact", "verify"]
        .iter()
        .any(|r| b.wants(r))
    {
        return;
    }
    let db = loaded(b, "reads.creel");
    let snapshot = db.snapshot().unwrap();
    let main = snapshot.keyspace("main").unwrap();
    let rounds = 300_000u64;
    if b.wants("get") {
        for _ in 0..2 {
            let start = Instant::now();
            for i in 0..rounds {
                let key = random_key(mix(i) % b.n);
                black_box(main.get_with(&key, |v| v.len()).unwrap().unwrap());
            }
            let keys = Instant::now();
            for i in 0..rounds {
                black_box(random_key(mix(i) % b.n));
            }
            let took = (keys - start).saturating_sub(keys.elapsed());
            show("get-random", per(took, rounds));
        }
        let counter = AtomicU64::new(0);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for t in 0..2u64 {
                let (main, counter) = (&main, &counter);
                scope.spawn(move || {
                    for i in 0..rounds {
                        let key = random_key(mix(i + t * 7_777_777) % b.n);
                        main.get_with(&key, |v| black_box(v.len()))
                            .unwrap()
                            .unwrap();
                    }
                    counter.fetch_add(rounds, Ordering::Relaxed);
                });
            }
        });
        show(
            "get-threads (2)",
            per(start.elapsed(), counter.load(Ordering::Relaxed)),
        );
        let start = Instant::now();
        for i in 0..rounds {
            let key = random_key(mix(i) % b.n);
            let snapshot = db.snapshot().unwrap();
            black_box(snapshot.get(&key).unwrap().unwrap());
        }
        show("get-snapshot-each", per(start.elapsed(), rounds));
        let start = Instant::now();
        for i in 0..rounds {
            let key = random_key(mix(i) % b.n);
            black_box(db.get(&key).unwrap().unwrap());
        }
        show("get-db", per(start.elapsed(), rounds));
    }
    if b.wants("range") {
        let start = Instant::now();
        for i in 0..rounds {
            let key = random_key(mix(i) % b.n);
            let from = KeyRange {
                from: creel::KeyBound::Included(key.to_vec()),
                ..KeyRange::all()
            };
            let mut cursor = main.cursor(&from);
            for _ in 0..10 {
                black_box(cursor.next_entry().unwrap());
            }
        }
        show("range-10", per(start.elapsed(), rounds));
    }
    if b.wants("scan") {
        for _ in 0..3 {
            let start = Instant::now();
            let mut cursor = main.cursor(&KeyRange::all());
            let mut bytes = 0u64;
            while let Some((key, value)) = cursor.next_entry().unwrap() {
                bytes += (key.len() + value.len()) as u64;
            }
            let speed = bytes as f64 / start.elapsed().as_secs_f64() / 1e9;
            show(
                "scan",
                format!("{speed:.2} GB/s, {}", per(start.elapsed(), b.n)),
            );
        }
    }
    if b.wants("len") {
        let start = Instant::now();
        for _ in 0..1000 {
            black_box(main.len().unwrap());
        }
        show("len", per(start.elapsed(), 1000));
    }
    drop((main, snapshot));
    let path = db.path().to_owned();
    drop(db);
    if b.wants("open") {
        let times = (0..101).map(|i| {
            let start = Instant::now();
            let db = OpenOptions::new().read_only(true).open(&path).unwrap();
            black_box(db.get(&random_key(i)).unwrap().unwrap());
            start.elapsed()
        });
        show("open-first-get", format!("{:?}", median(times.collect())));
    }
    if b.wants("verify") {
        for _ in 0..2 {
            let start = Instant::now();
            let report = creel::verify(&path, &VerifyOptions::default(), &NoProgress).unwrap();
            assert!(report.findings.is_empty(), "{:?}", report.findings);
            let speed = std::fs::metadata(&path).unwrap().len() as f64;
            let speed = speed / start.elapsed().as_secs_f64() / 1e9;
            show(
                "verify-full",
                format!("{speed:.2} GB/s, {:?}", start.elapsed()),
            );
        }
    }
    if b.wants("compact") {
        crate::load::compact(b);
    }
}
