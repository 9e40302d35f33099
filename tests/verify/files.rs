//! Real files, made by the engine.

use std::path::PathBuf;

use creel::{Batch, CheckpointOptions, CreateOptions, Db, NoProgress, OpenOptions};

/// A directory and the path of a database in it.
pub struct TestFile {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn place() -> TestFile {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.creel");
    TestFile { _dir: dir, path }
}

pub fn options() -> OpenOptions {
    OpenOptions::new()
        .background_checkpoint(false)
        .sync(creel::SyncMode::Off)
}

pub fn small(page_size: u32) -> CreateOptions {
    CreateOptions {
        page_size,
        wal_size: 256 << 10,
        ..CreateOptions::default()
    }
}

pub fn checkpoint(db: &Db) {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
}

pub fn key(i: u32) -> Vec<u8> {
    format!("key/{i:06}").into_bytes()
}

pub fn value(i: u32, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (i.wrapping_mul(31).wrapping_add(at as u32 * 7) >> 2) as u8)
        .collect()
}

/// Puts keys `from..to` with values of `len` bytes in one commit.
pub fn fill(db: &Db, keyspace: &str, from: u32, to: u32, len: usize) {
    let mut batch = Batch::new();
    batch.keyspace(keyspace);
    for i in from..to {
        batch.put(&key(i), &value(i, len));
    }
    db.write(batch).unwrap();
}

/// Three levels of pages, three keyspaces, large values, free space of both kinds, an older
/// tree that differs, and commits in the log.
pub fn rich() -> TestFile {
    rich_with(4096)
}

pub fn rich_with(page_size: u32) -> TestFile {
    let file = place();
    let db = options().create(&file.path, &small(page_size)).unwrap();
    for part in 0..12 {
        fill(&db, "main", part * 1000, part * 1000 + 1000, 100);
        checkpoint(&db);
    }
    fill(&db, "left", 0, 300, 50);
    fill(&db, "right", 0, 300, 50);
    for i in 0..6 {
        db.put(
            format!("large/{i}").as_bytes(),
            &value(i, 3000 + 7000 * i as usize),
        )
        .unwrap();
    }
    checkpoint(&db);
    // Wide enough that both lists have several extents.
    for part in 0..4 {
        let mut batch = Batch::new();
        let step = if part == 0 { 97 } else { 2997 };
        for i in (part..12000).step_by(step) {
            batch.delete(&key(i));
        }
        db.write(batch).unwrap();
        checkpoint(&db);
    }
    for i in 0..20 {
        db.put(&key(i * 13), b"changed since the checkpoint")
            .unwrap();
    }
    db.close().unwrap();
    file
}

/// A file of a few pages: an entry or two of everything.
pub fn tiny() -> TestFile {
    let file = place();
    let create = CreateOptions {
        page_size: 4096,
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    let db = options().create(&file.path, &create).unwrap();
    fill(&db, "main", 0, 60, 100);
    fill(&db, "other", 0, 3, 10);
    db.put(b"large", &value(1, 5000)).unwrap();
    checkpoint(&db);
    db.put(&key(3), b"x").unwrap();
    checkpoint(&db);
    db.put(&key(4), b"y").unwrap();
    db.put(&key(5), b"z").unwrap();
    db.close().unwrap();
    file
}
