//! What going back begins with: an older tree under the newest header, and the log behind it.

use super::*;
use crate::db::{CheckpointOptions, CreateOptions, Db, OpenOptions};
use crate::format::header::Role;
use crate::progress::NoProgress;

/// A primary with a checkpoint behind each of these entries, but for the last ones.
fn new() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let create = CreateOptions {
        role: Role::Primary,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options.create(dir.path().join("a.creel"), &create).unwrap();
    for round in 0..3u8 {
        for i in 0..4u8 {
            db.put(&[round, i], &[i; 200]).unwrap();
        }
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
    }
    db.put(b"last", b"v").unwrap();
    (dir, db)
}

#[test]
fn an_older_tree_is_what_its_record_says_under_the_newest_header() {
    let (_dir, db) = new();
    let newest = Arc::clone(&db.inner.view.load().tree);
    let header = newest.header();
    let trees = usable(&newest).unwrap();
    assert!(trees.len() > 1, "{trees:?}");
    for record in &trees {
        let tree = db.inner.older_tree(&newest, header, record).unwrap();
        let found = tree.header();
        let expected = Header {
            checkpoint_index: record.checkpoint_index,
            history: record.history,
            entry_count: record.entry_count,
            logical_bytes: record.logical_bytes,
            content_sum: record.content_sum,
            root_page: record.root_page,
            root_crc: record.root_crc,
            root_height: record.root_height,
            ..header.clone()
        };
        assert_eq!(*found, expected);
        assert_ne!(found.history, header.history);
        assert!(found.checkpoint_index < header.checkpoint_index);
    }
}

#[test]
fn the_log_from_a_tree_leads_to_an_entry_or_is_not_retained() {
    let (_dir, db) = new();
    let newest = Arc::clone(&db.inner.view.load().tree);
    let record = usable(&newest).unwrap()[1];
    let from = record.checkpoint_index;
    let last = db.position().unwrap().index;
    let read = |to| {
        let table = Delta::new();
        db.inner.log_from_tree(&record, to, &table)?;
        Ok(table.keys())
    };
    assert_eq!(read(from).unwrap(), 0);
    // Behind the tree stands the marker of its checkpoint.
    assert_eq!(read(from + 3).unwrap(), 2);
    assert_eq!((from, last), (4, 16));
    assert_eq!(read(last).unwrap(), 2 * 4 + 1);
    let refused: Error = read(last + 5).unwrap_err();
    let Error::NotRetained { index, oldest } = refused else {
        panic!("{refused}");
    };
    assert_eq!((index, oldest), (last + 5, last + 6));
}
