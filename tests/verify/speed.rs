//! How fast a full check is. Ignored: figures mean something only when optimized and alone.
//!
//! `cargo test --release --test verify speed -- --ignored --nocapture`

use std::time::Instant;

use creel::{Batch, Depth, NoProgress, Verdict, VerifyOptions};

use crate::files::{checkpoint, fill, key, options, place, small};

fn measure(name: &str, path: &std::path::Path) {
    for level in [Depth::Quick, Depth::Full] {
        let mut best = f64::MAX;
        let mut bytes = 0;
        for _ in 0..5 {
            let start = Instant::now();
            let wanted = VerifyOptions {
                level,
                ..VerifyOptions::default()
            };
            let report = creel::verify(path, &wanted, &NoProgress).unwrap();
            best = best.min(start.elapsed().as_secs_f64());
            bytes = report.bytes;
            assert_eq!(report.verdict, Verdict::Clean);
        }
        let rate = bytes as f64 / best / 1e9;
        println!(
            "{name} {level:?}: {:.1} ms, {rate:.2} GB/s of {} MB",
            best * 1e3,
            bytes / 1_000_000
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn speed_of_a_full_check() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    let entries = (0..1_000_000u32).map(|i| Ok((format!("key/{i:020}"), [i as u8; 150])));
    db.bulk_load("main", entries, &NoProgress).unwrap();
    measure("sequential", &file.path);
    for round in 0..10u32 {
        let mut batch = Batch::new();
        for i in 0..10_000u32 {
            let at = (round * 10_000 + i).wrapping_mul(2_654_435_761) % 1_000_000;
            batch.put(format!("key/{at:020}").as_bytes(), &[1; 150]);
        }
        db.write(batch).unwrap();
        checkpoint(&db);
    }
    measure("scattered", &file.path);
    db.close().unwrap();
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    for i in 0..200 {
        db.put(&key(i), &vec![i as u8; 1 << 20]).unwrap();
        if i % 20 == 19 {
            checkpoint(&db);
        }
    }
    fill(&db, "main", 1000, 2000, 100);
    checkpoint(&db);
    measure("large values", &file.path);
}
