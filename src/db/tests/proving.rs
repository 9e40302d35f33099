//! What is handed out is on the medium, and a walk of the log does not wait for who holds it.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::checkpoint;
use super::watched::Watched;
use crate::db::handle::lock;
use crate::db::newfile::NewFile;
use crate::db::{CreateOptions, Db, OpenOptions, SyncMode};
use crate::error::Error;
use crate::sys::Vfs;

fn plain() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

fn new(options: OpenOptions) -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = options.create(path, &CreateOptions::default()).unwrap();
    (dir, db)
}

#[test]
fn a_walk_does_not_wait_for_who_holds_the_log_or_writes() {
    let (_dir, db) = new(plain());
    for i in 0..3_u8 {
        db.put(&[i], b"v").unwrap();
    }
    let generation = || db.inner.view.load().tree.header().generation;
    let known = generation();
    let walked = || {
        // Each entry comes with what is before it.
        let mut last = 0;
        let began = db.inner.walk_log(0, |point, _, _| {
            last = point.index;
            Ok(true)
        });
        (began.unwrap().index, last)
    };
    let other = plain().open(db.path()).unwrap();
    checkpoint(&other);
    {
        let mut log = lock(&db.inner.log);
        assert_eq!(walked(), (0, 2), "somebody holds it");
        log.writing = true;
    }
    assert_eq!(walked(), (0, 2), "a commit is being written");
    assert_eq!(generation(), known);
    lock(&db.inner.log).writing = false;
    assert_eq!(walked(), (0, 2));
    assert!(
        generation() > known,
        "the checkpoint of the other handle counts"
    );
}

/// Commits that a medium never took were a part of the log that is not kept any longer.
#[test]
fn commits_that_the_medium_lost_were_called_not_retained() {
    for replaced in [false, true] {
        let (_dir, writer) = new(plain().sync(SyncMode::Off));
        writer.put(b"a", b"1").unwrap();
        let path = writer.path().to_owned();
        let place = |db: &Db| {
            let log = lock(&db.inner.log);
            log.tail.extent.start + log.tail.end
        };
        let begin = place(&writer);
        let bytes = |len: u64| {
            let mut file = std::fs::File::open(&path).unwrap();
            let mut bytes = vec![0; len as usize];
            file.seek(SeekFrom::Start(begin)).unwrap();
            file.read_exact(&mut bytes).unwrap();
            bytes
        };
        // Another commit at the same index, as a second writer after a crash might have made.
        let copy = path.with_extension("copy");
        std::fs::copy(&path, &copy).unwrap();
        writer.put(b"b", b"2").unwrap();
        let len = place(&writer) - begin;
        let before = match replaced {
            false => vec![0; len as usize],
            true => {
                let other = plain().sync(SyncMode::Off).open(&copy).unwrap();
                other.put(b"b", b"3").unwrap();
                assert_eq!(place(&other), begin + len);
                let mut file = std::fs::File::open(&copy).unwrap();
                let mut bytes = vec![0; len as usize];
                file.seek(SeekFrom::Start(begin)).unwrap();
                file.read_exact(&mut bytes).unwrap();
                bytes
            }
        };
        let there = bytes(len);
        assert_ne!(there, before);

        let vfs = Watched::default();
        let reader = vfs.options().read_only(true).open(&path).unwrap();
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(snapshot.token().index, 2);
        let medium = path.clone();
        vfs.in_sync(move || {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .open(&medium)
                .unwrap();
            file.seek(SeekFrom::Start(begin)).unwrap();
            file.write_all(&before).unwrap();
        });
        let refused = snapshot.position().unwrap_err();
        assert!(
            matches!(&refused, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::InvalidData),
            "{replaced}: {refused:?}"
        );
    }
}

#[test]
fn a_new_file_replaces_what_has_its_name_and_nothing_else_stands_in_its_way() {
    let vfs: Arc<dyn Vfs> = Arc::new(crate::sys::OsVfs);
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let dest = inside.join("a");
    let begin = || NewFile::create(&dest, &vfs).unwrap();
    begin().publish(true).unwrap();
    begin().publish(true).unwrap();
    let exists = begin().publish(false).unwrap_err();
    assert!(matches!(exists, Error::Exists { .. }), "{exists:?}");
    let late = begin();
    std::fs::remove_dir_all(&inside).unwrap();
    let gone = late.publish(true).unwrap_err();
    assert!(
        matches!(&gone, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound),
        "{gone:?}"
    );
}
