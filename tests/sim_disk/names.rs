//! Names of files: when they are durable, and what of.

use std::path::Path;

use creel::sys::{Access, Vfs};

use super::support::sim::{CrashChoice, SimDisk};
use super::{after, path};

#[test]
fn names_are_durable_after_the_directory_is_synced() {
    let disk = SimDisk::new(1);
    let temporary = Path::new("dir/./tmp");
    let file = disk.open(temporary, Access::CreateNew).unwrap();
    file.write_at(b"new", 0).unwrap();
    file.sync().unwrap();
    assert!(
        disk.fork_at_crash(&CrashChoice::None).paths().is_empty(),
        "the file may be absent"
    );
    disk.sync_dir_of(temporary).unwrap();
    assert_eq!(
        disk.fork_at_crash(&CrashChoice::None).paths(),
        [Path::new("dir/tmp")]
    );

    disk.install(path(), b"old");
    let old = disk.open(path(), Access::Read).unwrap();
    disk.rename(temporary, path()).unwrap();
    assert_eq!(disk.contents(path()).unwrap(), b"new");
    assert_eq!(old.size().unwrap(), 3);
    assert_eq!(
        old.identity().unwrap().links,
        0,
        "an open file keeps its bytes"
    );
    assert!(
        !old.identity()
            .unwrap()
            .same_file(&disk.identity(path()).unwrap())
    );
    assert!(
        file.identity()
            .unwrap()
            .same_file(&disk.identity(path()).unwrap())
    );
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), b"old");
    assert_eq!(after(&disk, CrashChoice::All).unwrap(), b"new");
    disk.sync_dir_of(Path::new("elsewhere/x")).unwrap();
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), b"old");
    disk.sync_dir_of(path()).unwrap();
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), b"new");
    assert_eq!(disk.fork_at_crash(&CrashChoice::None).paths(), [path()]);

    disk.remove(path()).unwrap();
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), b"new");
    assert_eq!(after(&disk, CrashChoice::All), None);
}

#[test]
fn a_rename_may_survive_without_the_data() {
    let disk = SimDisk::new(1);
    let temporary = Path::new("dir/tmp");
    disk.open(temporary, Access::CreateNew)
        .unwrap()
        .write_at(b"data", 0)
        .unwrap();
    disk.rename(temporary, path()).unwrap();
    disk.sync_dir_of(path()).unwrap();
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), b"");
}

#[test]
fn nothing_is_pending_for_a_file_that_is_gone() {
    let disk = SimDisk::new(1);
    let file = disk.open(path(), Access::CreateNew).unwrap();
    file.write_at(&[1; 5000], 0).unwrap();
    disk.remove(path()).unwrap();
    disk.sync_dir_of(path()).unwrap();
    file.write_at(&[2; 5000], 0).unwrap();
    drop(file);
    assert_eq!(disk.pending_fragments(), 0);
    let scratch = disk.open_scratch(path()).unwrap();
    scratch.write_at(&[3; 5000], 100).unwrap();
    let mut buf = [0; 2];
    assert_eq!(scratch.read_at(&mut buf, 99).unwrap(), 2);
    assert_eq!(buf, [0, 3]);
    assert_eq!(disk.pending_fragments(), 0);
    assert!(disk.paths().is_empty());
}

#[test]
fn what_was_synced_only_without_a_name_is_lost_when_the_name_is_made_durable() {
    let disk = SimDisk::new(0);
    let (file, nameless) = disk.open_nameless(path()).unwrap();
    file.write_at(b"whole", 0).unwrap();
    file.sync().unwrap();
    disk.link_nameless(&nameless, path()).unwrap();
    assert_eq!(after(&disk, CrashChoice::All).unwrap(), b"whole");
    disk.sync_dir_of(path()).unwrap();
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), b"");
    file.sync().unwrap();
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), b"whole");
}
