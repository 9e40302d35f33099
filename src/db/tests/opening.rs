//! What an open refuses, what it keeps in memory, and what it makes of headers and marks.

use std::sync::Arc;

use super::parts::new;
use super::stepped::Stepped;
use crate::db::newfile::NewFile;
use crate::db::open::apply_entry;
use crate::db::{CreateOptions, Db, Interest, OpenOptions};
use crate::error::Error;
use crate::format::Invariant;
use crate::format::frame::{EntryHeader, EntryKind, Envelope, FrameHeader};
use crate::format::op::Op;
use crate::sys::Vfs;
use crate::wal::scan::Placed;

#[test]
fn a_file_that_is_shorter_than_its_header_says_is_refused() {
    let (_dir, db) = new();
    db.put(b"k", b"v").unwrap();
    let path = db.path().to_owned();
    let info = db.info().unwrap();
    let whole = info.page_count * 4096;
    db.close().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let size = file.metadata().unwrap().len();
    assert!(size >= whole);
    file.set_len(whole).unwrap();
    drop(Db::open(&path).unwrap());
    file.set_len(whole - 1).unwrap();
    match Db::open(&path) {
        Err(Error::Corrupt(damage)) => assert_eq!(damage.id, Invariant::H7),
        other => panic!("{other:?}"),
    }
    file.set_len(whole).unwrap();
    assert_eq!(Db::open(&path).unwrap().len().unwrap(), 1);
}

#[test]
fn a_file_system_over_a_network_is_refused_unless_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let far = Stepped {
        network: true,
        ..Stepped::default()
    };
    let refused = far.options().create(&path, &CreateOptions::default());
    assert!(matches!(refused, Err(Error::NetworkFileSystem { .. })));
    assert!(!path.exists(), "a file that nobody may open is not made");
    let allowed = far.options().allow_network(true);
    drop(allowed.create(&path, &CreateOptions::default()).unwrap());
    for options in [far.options(), far.options().read_only(true)] {
        match options.open(&path) {
            Err(Error::NetworkFileSystem { kind, .. }) => assert_eq!(kind, "nfs"),
            other => panic!("{other:?}"),
        }
    }
    drop(far.options().allow_network(true).open(&path).unwrap());
    drop(Db::open(&path).unwrap());
}

#[test]
fn a_handle_keeps_in_memory_what_it_is_interested_in() {
    let (dir, db) = new();
    for i in 0..6u8 {
        db.put(&[i], b"v").unwrap();
    }
    db.close().unwrap();
    let path = dir.path().join("a.creel");
    for (interest, keys) in [
        (Interest::All, 6),
        (Interest::Keys(vec![vec![1], vec![4], vec![9]]), 2),
        (Interest::None, 0),
    ] {
        let options = OpenOptions::new().background_checkpoint(false);
        let db = options.interest(interest.clone()).open(&path).unwrap();
        let view = db.inner.view.load();
        assert_eq!(view.active.keys(), keys, "{interest:?}");
    }
}

#[test]
fn of_an_entry_a_handle_takes_its_keys_and_what_concerns_all() {
    let (a, b) = (b"a".as_slice(), b"b".as_slice());
    let put = |key| Op::Put {
        keyspace: 1,
        key,
        value: b"v",
    };
    let delete = |key| Op::Delete { keyspace: 2, key };
    let range = Op::DeleteRange {
        keyspace: 1,
        from: b,
        to: b"c",
    };
    let made = Op::CreateKeyspace { id: 2, name: b };
    let ops = [made, put(a), put(b), delete(a), delete(b), range];
    let mut payload = Vec::new();
    ops.iter().for_each(|op| op.encode(&mut payload));
    let placed = Placed {
        offset: 64,
        header: FrameHeader {
            envelope: Envelope {
                own_units: 0,
                synced_units: 0,
                durable_gen: 0,
                prev_crc: 0,
            },
            entry: EntryHeader {
                payload_len: payload.len() as u32,
                kind: EntryKind::Commit,
                index: 7,
                epoch: 1,
                op_count: ops.len() as u32,
                time_us: 0,
                history_before: [0; 16],
            },
            header_crc: 0,
        },
    };
    let taken = |interest: &Interest| {
        let mut taken = Vec::new();
        let mut take = |op: &Op<'_>| taken.push(format!("{op:?}"));
        apply_entry(&mut take, &placed, &payload, interest).unwrap();
        taken
    };
    let told = |which: &[usize]| -> Vec<String> {
        which.iter().map(|i| format!("{:?}", ops[*i])).collect()
    };
    assert_eq!(taken(&Interest::All), told(&[0, 1, 2, 3, 4, 5]));
    assert_eq!(
        taken(&Interest::Keys(vec![a.to_vec()])),
        told(&[0, 1, 3, 5])
    );
    assert_eq!(taken(&Interest::Keys(Vec::new())), told(&[0, 5]));
    assert!(taken(&Interest::None).is_empty());
}

#[test]
fn a_new_file_that_is_not_published_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let dest = dir.path().join("new.creel");
    let count = || std::fs::read_dir(dir.path()).unwrap().count();
    // Stepped has no files without a name.
    let vfs: Arc<dyn Vfs> = Arc::new(Stepped::default());
    let new = NewFile::create(&dest, &vfs).unwrap();
    assert_eq!((count(), dest.exists()), (1, false));
    drop(new);
    assert_eq!(count(), 0);
    NewFile::create(&dest, &vfs)
        .unwrap()
        .publish(false)
        .unwrap();
    assert_eq!((count(), dest.exists()), (1, true));
    let taken = NewFile::create(&dest, &vfs).unwrap().publish(false);
    assert!(matches!(taken, Err(Error::Exists { .. })), "{taken:?}");
    NewFile::create(&dest, &vfs).unwrap().publish(true).unwrap();
    assert_eq!(count(), 1);
}

#[test]
fn a_copy_goes_over_another_file_where_asked_and_never_over_its_own() {
    let (dir, db) = new();
    let other = dir.path().join("other");
    let check = |path: &std::path::Path, replace| db.inner.check_destination(path, replace);
    check(&other, false).unwrap();
    check(&other, true).unwrap();
    std::fs::write(&other, b"something").unwrap();
    let refused = check(&other, false);
    assert!(matches!(refused, Err(Error::Exists { .. })), "{refused:?}");
    check(&other, true).unwrap();
    // Whatever its name is.
    let link = dir.path().join("link");
    std::fs::hard_link(db.path(), &link).unwrap();
    for own in [db.path(), &link] {
        for replace in [false, true] {
            let refused = check(own, replace);
            assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
        }
    }
}

#[test]
fn a_path_that_cannot_be_looked_at_was_called_another_file() {
    let (dir, db) = new();
    let (path, away) = (db.path().to_owned(), dir.path().join("away"));
    std::fs::rename(&path, &away).unwrap();
    let refused = |db: &Db| match db.put(b"k", b"v").unwrap_err() {
        Error::Replaced { .. } => "replaced",
        Error::Io { .. } => "not looked at",
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&db), "replaced", "nothing is there");
    std::fs::write(&path, b"another one").unwrap();
    assert_eq!(refused(&db), "replaced");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert_eq!(refused(&db), "not looked at");
    std::fs::rename(&away, &path).unwrap();
    db.put(b"k", b"v").unwrap();
}
