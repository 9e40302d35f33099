//! A database in use: a healthy one is never called damaged.

use std::sync::atomic::{AtomicBool, Ordering};

use creel::{Depth, Severity, Verdict};

use crate::check;
use crate::files::{checkpoint, fill, key, options, place, small, value};

#[test]
fn a_database_under_load_is_clean() {
    let file = place();
    let db = options()
        .checkpoint_at(None)
        .create(&file.path, &small(4096))
        .unwrap();
    fill(&db, "main", 0, 2000, 100);
    checkpoint(&db);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut i = 0u32;
            while !done.load(Ordering::Relaxed) {
                db.put(&key(i % 2500), &value(i, 100 + i as usize % 2000))
                    .unwrap();
                if i % 200 == 199 {
                    checkpoint(&db);
                }
                i += 1;
            }
        });
        let mut verdicts = Vec::new();
        for round in 0..60 {
            let level = [Depth::Quick, Depth::Full, Depth::Deep][round % 3];
            let report = check(&file.path, level);
            let damage = report
                .findings
                .iter()
                .find(|f| f.severity == Severity::Damage);
            if damage.is_some() || report.verdict > Verdict::Recoverable {
                done.store(true, Ordering::Relaxed);
                panic!("round {round}: {:#?}", report.findings);
            }
            verdicts.push(report.verdict);
        }
        done.store(true, Ordering::Relaxed);
        let clean = verdicts.iter().filter(|v| **v == Verdict::Clean).count();
        assert!(clean > 50, "{clean} of {} were clean", verdicts.len());
    });
    assert_eq!(check(&file.path, Depth::Deep).verdict, Verdict::Clean);
}

#[test]
fn a_pin_of_verify_is_gone_afterwards() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    fill(&db, "main", 0, 100, 100);
    checkpoint(&db);
    check(&file.path, Depth::Full);
    assert_eq!(
        creel::info(&file.path).unwrap().oldest_pin,
        Some(2),
        "only the writer's own"
    );
    db.close().unwrap();
    assert_eq!(creel::info(&file.path).unwrap().oldest_pin, None);
}
