//! What the path names: another file now, several names for one, a file that may only be read.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use creel::{CheckpointOptions, Db, Error, NoProgress, OpenOptions};

use super::parent::Child;
use crate::scratch::Scratch;

fn created(path: &Path) -> Db {
    let db = Db::create(path).unwrap();
    db.put(b"a", b"1").unwrap();
    db
}

/// Commits and checkpoints are refused, and the old file keeps every byte as it was.
fn expect_replaced(db: &Db, old: &Path) {
    let before = fs::read(old).unwrap();
    assert!(matches!(db.put(b"lost", b"2"), Err(Error::Replaced { .. })));
    assert!(matches!(db.delete(b"a"), Err(Error::Replaced { .. })));
    let done = db.checkpoint(&CheckpointOptions::default(), &NoProgress);
    assert!(matches!(done, Err(Error::Replaced { .. })), "{done:?}");
    let entries = (0..3u32).map(|i| Ok((i.to_be_bytes(), b"v")));
    let done = db.bulk_load("main", entries, &NoProgress);
    assert!(matches!(done, Err(Error::Replaced { .. })), "{done:?}");
    assert!(
        fs::read(old).unwrap() == before,
        "written to a file that nobody will open again"
    );
}

#[test]
fn a_writer_whose_file_was_replaced_by_rename_writes_nothing() {
    let scratch = Scratch::new();
    let (path, old, new) = (
        scratch.file("a.creel"),
        scratch.file("old"),
        scratch.file("new"),
    );
    let db = created(&path);
    drop(created(&new));
    // The old file keeps a name, so that it can be looked at.
    fs::hard_link(&path, &old).unwrap();
    fs::rename(&new, &path).unwrap();
    expect_replaced(&db, &old);
    // What was open for reading goes on being readable.
    assert_eq!(db.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(
        Db::open(&path)
            .unwrap()
            .put(b"b", b"2")
            .unwrap()
            .token
            .index,
        2
    );
}

#[test]
fn a_writer_whose_file_was_removed_or_moved_writes_nothing() {
    let scratch = Scratch::new();
    let (path, old) = (scratch.file("a.creel"), scratch.file("old"));
    let db = created(&path);
    fs::rename(&path, &old).unwrap();
    expect_replaced(&db, &old);
    // Back again: it is the same file, and nothing was lost.
    fs::rename(&old, &path).unwrap();
    db.put(b"b", b"2").unwrap();
}

#[test]
fn a_file_with_two_names_is_written_only_where_that_is_allowed() {
    let scratch = Scratch::new();
    let (path, alias) = (scratch.file("a.creel"), scratch.file("b.creel"));
    drop(created(&path));
    fs::hard_link(&path, &alias).unwrap();
    for name in [&path, &alias] {
        match Db::open(name) {
            Err(Error::HardLinked { links: 2, .. }) => {}
            other => panic!("{other:?}"),
        }
        let reader = OpenOptions::new().read_only(true).open(name).unwrap();
        assert_eq!(reader.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    }
    let allowed = OpenOptions::new().allow_hard_links(true);
    let (one, two) = (
        allowed.clone().open(&path).unwrap(),
        allowed.open(&alias).unwrap(),
    );
    one.put(b"b", b"2").unwrap();
    assert_eq!(two.get(b"b").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(two.put(b"c", b"3").unwrap().token.index, 3);
}

#[test]
fn a_symbolic_link_is_the_file_itself_and_excludes_other_writers() {
    let scratch = Scratch::new();
    let (path, link) = (scratch.file("a.creel"), scratch.file("link.creel"));
    drop(created(&path));
    symlink(&path, &link).unwrap();
    let mut child = Child::start(&link);
    child.open("hold");
    let direct = OpenOptions::new()
        .lock_timeout(Duration::ZERO)
        .open(&path)
        .unwrap();
    assert!(matches!(direct.put(b"b", b"2"), Err(Error::Busy { .. })));
    assert_eq!(child.ask("put c 0"), "2");
    assert!(direct.get(b"c").unwrap().is_some());
    child.ask("close");
    assert_eq!(direct.put(b"b", b"2").unwrap().token.index, 3);
}

#[test]
fn a_file_without_write_permission_in_a_read_only_directory_can_be_read() {
    const NOBODY: u32 = 65534;
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    drop(created(&path));
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    mode(&path, 0o444).unwrap();
    mode(scratch.path(), 0o555).unwrap();
    // Permissions mean nothing to root, so root lets somebody else look.
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    match Child::start_as(&path, root.then_some(NOBODY)) {
        Ok(mut child) => {
            assert_eq!(child.ask("open"), "error Io PermissionDenied");
            child.open("read-only");
            assert_eq!(child.ask("get a"), "1");
            child.ask("snapshot");
            assert_eq!(child.ask("digest").split(' ').next(), Some("1"));
            assert_eq!(child.ask("put b 0"), "error ReadOnly");
            assert_eq!(child.ask("checkpoint"), "error ReadOnly");
        }
        Err(e) => crate::skip::skipped("nobody", &format!("permissions: {e}")),
    }
    mode(scratch.path(), 0o755).unwrap();
}
