//! Whole files of many shapes.

use creel::{Batch, Db, Depth, FenceWish, KeyRange, NoProgress, Verdict, VerifyOptions};

use crate::files::{self, checkpoint, fill, key, options, place, small, value};
use crate::{check, expect_clean};

#[test]
fn an_empty_file_is_clean() {
    let file = place();
    Db::create(&file.path).unwrap().close().unwrap();
    let report = expect_clean(&file.path);
    assert_eq!(
        (report.entries, report.frames, report.generation),
        (0, 0, 1)
    );
}

#[test]
fn one_key_is_clean_in_the_log_and_in_the_tree() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    db.put(b"k", b"v").unwrap();
    let report = expect_clean(&file.path);
    assert_eq!(
        (report.entries, report.frames, report.last_index),
        (0, 1, 1)
    );
    checkpoint(&db);
    let report = expect_clean(&file.path);
    assert_eq!(
        (report.entries, report.frames, report.last_index),
        (1, 0, 1)
    );
}

#[test]
fn every_page_size_is_clean() {
    for shift in 12..=16 {
        let file = files::rich_with(1 << shift);
        let report = expect_clean(&file.path);
        assert!(report.entries > 11_000 && report.frames == 20, "{report:?}");
        assert!(
            report.pinned && report.lossless_fallback,
            "{:?}",
            report.notes
        );
    }
}

#[test]
fn large_values_are_clean() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    for (i, len) in [900, 1000, 1100, 4063, 4064, 4065, 100_000, 3 << 20]
        .into_iter()
        .enumerate()
    {
        db.put(&key(i as u32), &value(i as u32, len)).unwrap();
    }
    checkpoint(&db);
    let report = expect_clean(&file.path);
    assert_eq!(report.entries, 8);
    assert!(report.pages > 800);
}

#[test]
fn dropped_and_emptied_keyspaces_are_clean() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    fill(&db, "a", 0, 500, 60);
    fill(&db, "b", 0, 500, 60);
    checkpoint(&db);
    db.write({
        let mut batch = Batch::new();
        batch.keyspace("a").drop_keyspace();
        batch
    })
    .unwrap();
    fill(&db, "a", 0, 10, 60);
    expect_clean(&file.path);
    checkpoint(&db);
    expect_clean(&file.path);
    let mut batch = Batch::new();
    batch.keyspace("b").delete_range(&KeyRange::all());
    db.write(batch).unwrap();
    expect_clean(&file.path);
    checkpoint(&db);
    assert_eq!(expect_clean(&file.path).entries, 10);
}

#[test]
fn many_checkpoints_and_a_grown_log_are_clean() {
    let file = place();
    let db = options()
        .checkpoint_at(None)
        .create(&file.path, &small(4096))
        .unwrap();
    for round in 0..40u32 {
        fill(&db, "main", round * 37 % 900, round * 37 % 900 + 100, 200);
        if round % 3 == 0 {
            checkpoint(&db);
        }
        if round % 7 == 0 {
            expect_clean(&file.path);
        }
    }
    fill(&db, "main", 0, 3000, 300); // larger than a region
    expect_clean(&file.path);
}

#[test]
fn the_level_decides_what_is_counted() {
    let file = files::rich();
    for level in [Depth::Quick, Depth::Full, Depth::Deep] {
        let report = check(&file.path, level);
        for (id, times) in &report.checked {
            use creel::Invariant::*;
            let absent = matches!(id, R1 | R2 | R4 | S7);
            assert!(*times > 0 || absent, "{level:?}: {id} was never checked");
        }
        let quick = creel::Invariant::ALL
            .iter()
            .filter(|i| i.depth() <= level)
            .count();
        assert!(report.checked.len() >= quick);
    }
}

#[test]
fn an_expected_index_that_is_not_there_is_damage() {
    let file = files::tiny();
    let last = check(&file.path, Depth::Quick).last_index;
    for (index, verdict) in [(last, Verdict::Clean), (last + 1, Verdict::Damaged)] {
        let options = VerifyOptions {
            expect_index: Some(index),
            ..VerifyOptions::default()
        };
        let report = creel::verify(&file.path, &options, &NoProgress).unwrap();
        assert_eq!(report.verdict, verdict);
    }
}

#[test]
fn bytes_behind_the_last_page_are_a_note() {
    let file = files::tiny();
    let mut bytes = std::fs::read(&file.path).unwrap();
    bytes.extend_from_slice(&[7; 10_000]);
    std::fs::write(&file.path, bytes).unwrap();
    let report = check(&file.path, Depth::Deep);
    assert_eq!(report.verdict, Verdict::Clean);
    assert_eq!(crate::ids(&report), [creel::Invariant::H7]);
}

#[test]
fn bulk_loads_and_compacted_files_are_clean() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    fill(&db, "main", 0, 4000, 100);
    checkpoint(&db);
    for i in 0..3000 {
        db.delete(&key(i)).unwrap();
    }
    checkpoint(&db);
    let options = creel::CompactOptions::default();
    db.compact(&options, &NoProgress).unwrap();
    expect_clean(&file.path);
    let copy = place();
    db.copy_dense(&copy.path, &NoProgress).unwrap();
    let report = expect_clean(&copy.path);
    assert_eq!(report.entries, 1000);
}

/// Verify called the epoch table damaged as soon as it filled two leaves, which it reads in the
/// order of the file.
#[test]
fn an_epoch_table_of_several_leaves_is_clean() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    for epoch in 2..60u32 {
        let wish = FenceWish {
            name: "n".repeat(200),
            reason: "r".repeat(200),
            ..FenceWish::default()
        };
        let entry = db.prepare_fence(&wish).unwrap();
        db.install_fence(&entry).unwrap();
        fill(&db, "main", epoch * 10, epoch * 10 + 10, 100);
        checkpoint(&db);
        expect_clean(&file.path);
    }
    assert_eq!(db.epochs().unwrap().len(), 58);
    db.close().unwrap();
    expect_clean(&file.path);
}
