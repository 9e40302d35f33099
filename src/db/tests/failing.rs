//! Each single call to the system fails once: it is told or does no harm, and what was acknowledged is there.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::watched::{Watched, small};
use crate::db::handle::lock;
use crate::db::{Batch, CheckpointOptions, Db, Facts, Interest, OpenOptions, SyncMode};
use crate::error::{Error, Result};
use crate::progress::NoProgress;

fn plain() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

/// A log that goes on in the second region, with an end that nobody has proven.
fn image(dir: &Path) -> Vec<u8> {
    let path = dir.join("image.creel");
    let db = plain()
        .sync(SyncMode::Normal)
        .create(&path, &small())
        .unwrap();
    db.put(b"folded", b"v").unwrap();
    super::checkpoint(&db);
    for i in 0..38u8 {
        db.put(&[b'i', i], &[i; 3000]).unwrap();
    }
    assert!(lock(&db.inner.log).tail.doubtful().is_some());
    drop(db);
    std::fs::read(path).unwrap()
}

/// What a handle does in its life, and the keys that it was told are there.
fn life(vfs: &Watched, path: &Path, acknowledged: &mut Vec<Vec<u8>>) -> Result<()> {
    let options = vfs.options().interest(Interest::Keys(vec![b"a".to_vec()]));
    let db = options.open(path)?;
    let put = |db: &Db, key: &[u8], acknowledged: &mut Vec<Vec<u8>>| {
        db.put(key, &[7; 3000])?;
        acknowledged.push(key.to_vec());
        Ok::<_, Error>(())
    };
    put(&db, b"a", acknowledged)?;
    assert_eq!(db.get(b"folded")?.as_deref(), Some(&b"v"[..]));
    let mut batch = Batch::new();
    batch.require_absent(b"b").put(b"b", b"v");
    db.write(batch)?;
    acknowledged.push(b"b".to_vec());
    // Beyond the end of the region, and the other one is full.
    for i in 0..6u8 {
        put(&db, &[b'p', i], acknowledged)?;
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)?;
    put(&db, b"c", acknowledged)?;
    // Somebody else has folded and written meanwhile.
    let other = plain().open(path)?;
    other.checkpoint(&CheckpointOptions::default(), &NoProgress)?;
    put(&other, b"d", acknowledged)?;
    drop(other);
    assert!(db.get(b"d")?.is_some());
    db.set_facts(&Facts::default())?;
    let dry = CheckpointOptions {
        dry_run: true,
        ..CheckpointOptions::default()
    };
    assert!(!db.checkpoint(&dry, &NoProgress)?.done);
    db.durable_position()?;
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)?;
    db.close()
}

#[test]
fn each_call_that_fails_is_told_or_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(dir.path());
    let path = dir.path().join("a.creel");
    let (mut told, mut harmless) = (0, 0);
    for number in 1.. {
        std::fs::write(&path, &image).unwrap();
        let vfs = Watched::default();
        let failed = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&failed);
        vfs.before_call(move |call| {
            if call == number {
                note.store(true, Ordering::Relaxed);
                return Err(ErrorKind::PermissionDenied.into());
            }
            Ok(())
        });
        let mut acknowledged = Vec::new();
        let lived = life(&vfs, &path, &mut acknowledged);
        match &lived {
            Ok(()) if !failed.load(Ordering::Relaxed) => break,
            Ok(()) => harmless += 1,
            // Who cannot see which file has the name takes it for another one.
            Err(Error::Replaced { .. }) => told += 1,
            Err(Error::Io { source, .. } | Error::OutcomeUnknown { source }) => {
                assert_eq!(source.kind(), ErrorKind::PermissionDenied, "{number}");
                told += 1;
            }
            other => panic!("{number}: {other:?}"),
        }
        let db = plain().open(&path).unwrap();
        for key in &acknowledged {
            assert!(db.get(key).unwrap().is_some(), "{number}: {lived:?}");
        }
        assert_eq!(db.get(&[b'i', 37]).unwrap().unwrap(), [37; 3000]);
        db.put(b"next", b"v").unwrap();
        super::checkpoint(&db);
        assert!(db.len().unwrap() >= 40 + acknowledged.len() as u64);
    }
    // Marks, hints and locks that are given back are of those that nobody needs.
    assert!(told > 200 && harmless < told, "{told} {harmless}");
}
