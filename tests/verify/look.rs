//! `stats` and `inspect`.

use creel::{Error, Inspect, NoProgress, StatsOptions, inspect};

use crate::breaker::Breaker;
use crate::files::{checkpoint, fill, key, options, place, rich, small, tiny, value};

#[test]
fn exact_statistics_add_up() {
    let file = rich();
    let db = options().read_only(true).open(&file.path).unwrap();
    let exact = StatsOptions {
        exact: true,
        delimiter: Some(b'/'),
        biggest: 3,
        ..StatsOptions::default()
    };
    let stats = db.stats(&exact, &NoProgress).unwrap();
    let header = Breaker::new(&file).header();
    assert!(stats.exact);
    assert_eq!(
        (stats.entries, stats.logical_bytes),
        (header.entry_count, header.logical_bytes)
    );
    let pages = stats.pages;
    let all = 4 + pages.leaf + pages.branch + pages.overflow + pages.free_list + pages.log;
    assert_eq!(
        all + pages.available + pages.pending,
        u64::from(header.page_count)
    );
    assert_eq!(pages.free_list, 1);
    assert_eq!(
        stats.keyspaces.iter().map(|k| k.1).sum::<u64>(),
        stats.entries
    );
    assert_eq!(
        stats.prefixes.iter().map(|p| p.1).sum::<u64>(),
        stats.entries
    );
    assert_eq!(
        stats.prefixes.iter().map(|p| p.2).sum::<u64>(),
        stats.logical_bytes
    );
    assert_eq!(stats.prefixes[0].0, b"key/");
    assert_eq!(stats.biggest[0], (b"large/5".to_vec(), 7 + 38_000));
    assert_eq!((stats.key_length.min, stats.key_length.max), (7, 10));
    assert_eq!(
        (stats.value_length.p50, stats.value_length.max),
        (100, 38_000)
    );
    assert!(stats.leaf_fill_percent > 40.0 && stats.leaf_fill_percent <= 100.0);
    assert!(stats.expected_compact_bytes < stats.file_bytes);
    assert!(stats.live_bytes > stats.logical_bytes * 9 / 10);
}

#[test]
fn a_sample_is_near_and_says_how_near() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    for part in 0..20 {
        fill(
            &db,
            "main",
            part * 2000,
            part * 2000 + 2000,
            20 + 40 * part as usize,
        );
    }
    checkpoint(&db);
    let exact = StatsOptions {
        exact: true,
        ..StatsOptions::default()
    };
    let exact = db.stats(&exact, &NoProgress).unwrap();
    for seed in 0..10 {
        let sample = StatsOptions {
            sample_pages: 300,
            seed,
            ..StatsOptions::default()
        };
        let stats = db.stats(&sample, &NoProgress).unwrap();
        assert!(!stats.exact && stats.sampled_pages == 300);
        let near = |a: f64, b: f64, what: &str| {
            let off = (a - b).abs() / b.max(1.0);
            assert!(
                off < stats.error_percent / 100.0,
                "{what}: {a} for {b} (seed {seed})"
            );
        };
        near(stats.pages.leaf as f64, exact.pages.leaf as f64, "leaves");
        near(
            stats.value_length.mean,
            exact.value_length.mean,
            "mean value",
        );
        near(
            stats.expected_compact_bytes as f64,
            exact.expected_compact_bytes as f64,
            "compact",
        );
        near(stats.leaf_fill_percent, exact.leaf_fill_percent, "fill");
        assert_eq!(stats.keyspaces, exact.keyspaces);
        assert_eq!(
            stats,
            db.stats(&sample, &NoProgress).unwrap(),
            "the same seed, the same sample"
        );
    }
}

#[test]
fn an_empty_database_has_statistics() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    for exact in [true, false] {
        let wanted = StatsOptions {
            exact,
            ..StatsOptions::default()
        };
        let stats = db.stats(&wanted, &NoProgress).unwrap();
        assert_eq!((stats.entries, stats.pages.leaf), (0, 0));
        assert_eq!(stats.keyspaces, [("main".to_owned(), 0)]);
    }
}

#[test]
fn the_expected_size_is_what_a_dense_file_has() {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    for i in 0..3000u32 {
        let at = i.wrapping_mul(2_654_435_761) % 3000;
        db.put(&key(at), &value(at, 150)).unwrap();
        if i % 500 == 499 {
            checkpoint(&db);
        }
    }
    let wanted = StatsOptions {
        exact: true,
        ..StatsOptions::default()
    };
    let loose = db.stats(&wanted, &NoProgress).unwrap();
    let copy = place();
    db.copy_dense(&copy.path, &NoProgress).unwrap();
    let dense = options().read_only(true).open(&copy.path).unwrap();
    let dense = dense.stats(&wanted, &NoProgress).unwrap();
    let tree = (dense.pages.leaf + dense.pages.branch) * 4096;
    let fixed = (4 + loose.pages.log) * 4096;
    let guess = loose.expected_compact_bytes - fixed;
    let off = (guess as f64 - tree as f64).abs() / tree as f64;
    assert!(off < 0.05, "{guess} expected, {tree} in fact");
}

#[test]
fn every_structure_can_be_dumped() {
    let file = tiny();
    let b = Breaker::new(&file);
    for slot in [0, 1] {
        let text = inspect(&file.path, Inspect::Header(slot)).unwrap();
        assert!(text.contains("generation = "), "{text}");
    }
    for (page, _) in b.tree_pages() {
        let text = inspect(&file.path, Inspect::Page(page)).unwrap();
        assert!(
            text.contains(&format!("{page}")) && !text.contains("malformed"),
            "{text}"
        );
    }
    let (index, last) = (
        b.frames()[0].1.entry.index,
        b.frames().last().unwrap().1.entry.index,
    );
    for index in index..=last {
        let text = inspect(&file.path, Inspect::Frame(index)).unwrap();
        assert!(text.contains(&format!("index = {index}")), "{text}");
    }
    let text = inspect(&file.path, Inspect::Region(b.active().0 as u8)).unwrap();
    assert!(
        text.contains(&format!("entries {index} to {last}")),
        "{text}"
    );
    let text = inspect(&file.path, Inspect::FreeList).unwrap();
    assert!(
        text.contains(&format!("page {}", b.header().free_head)),
        "{text}"
    );
}

#[test]
fn what_is_not_there_is_told() {
    let file = tiny();
    for what in [
        Inspect::Header(2),
        Inspect::Page(1 << 20),
        Inspect::Frame(9999),
        Inspect::Region(2),
    ] {
        assert!(
            matches!(inspect(&file.path, what), Err(Error::Invalid { .. })),
            "{what:?}"
        );
    }
    let missing = file.path.with_extension("missing");
    assert!(matches!(
        inspect(&missing, Inspect::Page(0)),
        Err(Error::NotFound { .. })
    ));
}
