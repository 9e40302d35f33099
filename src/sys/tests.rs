//! The operating system's side of the contracts.

mod processes;
#[path = "../../tests/support/skip.rs"]
mod skip;

use std::fs;
use std::io::{ErrorKind, IoSlice};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use super::holder::HeldLock;
use super::*;

/// Where the engine keeps its locks.
const BASE: u64 = 1 << 62;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn create(path: &Path) -> Arc<dyn File> {
    OsVfs.open(path, Access::CreateNew).unwrap()
}

#[test]
fn written_bytes_come_back() {
    let dir = folder();
    let path = dir.path().join("db");
    let file = create(&path);
    file.write_at(b"hello world", 5).unwrap();
    file.write_durable_at(
        &[IoSlice::new(b""), IoSlice::new(b"HE"), IoSlice::new(b"LLO")],
        5,
    )
    .unwrap();
    file.write_durable_at(&[], 5).unwrap();
    file.sync().unwrap();
    file.start_writeback(0, 16);
    file.drop_cache(0, 16);
    assert_eq!(file.size().unwrap(), 16);
    let mut buf = [9; 32];
    assert_eq!(file.read_at(&mut buf, 0).unwrap(), 16);
    assert_eq!(&buf[..16], b"\0\0\0\0\0HELLO world");
    assert_eq!(file.read_at(&mut buf, 16).unwrap(), 0);
    file.set_size(6).unwrap();
    assert_eq!(OsVfs.open(&path, Access::Read).unwrap().size().unwrap(), 6);
    let reader = OsVfs.open(&path, Access::Read).unwrap();
    assert!(reader.write_at(b"x", 0).is_err());
    // The tail of the log is proven durable through a descriptor that can only read.
    reader.sync().unwrap();
}

#[test]
fn durable_write_takes_more_buffers_than_one_call_can() {
    let dir = folder();
    let file = create(&dir.path().join("db"));
    let bytes: Vec<u8> = (0..3000_u32).flat_map(u32::to_le_bytes).collect();
    let bufs: Vec<_> = bytes.chunks(4).map(IoSlice::new).collect();
    file.write_durable_at(&bufs, 100).unwrap();
    let mut back = vec![0; bytes.len()];
    assert_eq!(file.read_at(&mut back, 100).unwrap(), bytes.len());
    assert_eq!(back, bytes);
}

#[test]
fn zeros_are_really_written() {
    let dir = folder();
    let path = dir.path().join("db");
    let file = create(&path);
    let len = (2 << 20) + 777;
    file.write_at(b"old", 10).unwrap();
    allocate_zeroed(&*file, 0, len).unwrap();
    file.sync().unwrap();
    assert_eq!(fs::read(&path).unwrap(), vec![0; len as usize]);
    assert!(fs::metadata(&path).unwrap().blocks() * 512 >= len);
    assert!(allocate_zeroed(&*file, u64::MAX, 2).is_err());
    allocate_zeroed(&*file, 0, 0).unwrap();
}

#[test]
fn locks_exclude_two_opens_of_one_process() {
    let dir = folder();
    let path = dir.path().join("db");
    let first = create(&path);
    let second = OsVfs.open(&path, Access::Write).unwrap();
    assert!(first.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    assert!(!second.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    assert!(!second.try_lock(BASE, 1, LockMode::Shared).unwrap());
    // An unrelated open and close leaves the lock alone (it would drop a classic one).
    drop(OsVfs.open(&path, Access::Read).unwrap());
    assert!(!second.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    first.unlock(BASE, 1).unwrap();
    assert!(second.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    drop(second);
    assert!(first.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    assert!(
        first.try_lock(BASE, 0, LockMode::Shared).is_err(),
        "0 would mean: to the end"
    );
    assert!(first.try_lock(u64::MAX - 1, 1, LockMode::Shared).is_err());
}

#[test]
fn shared_locks_are_found_and_narrowed() {
    let dir = folder();
    let path = dir.path().join("db");
    let writer = create(&path);
    let pins = BASE + (1 << 32);
    let readers: Vec<_> = [40, 10, 10]
        .into_iter()
        .map(|generation| {
            let reader = OsVfs.open(&path, Access::Read).unwrap();
            assert!(
                reader
                    .try_lock(pins + generation, 1, LockMode::Shared)
                    .unwrap()
            );
            reader
        })
        .collect();
    let mut end = pins + 100;
    while let Some(found) = writer.find_lock(pins, end - pins).unwrap() {
        end = found;
        if end == pins {
            break;
        }
    }
    assert_eq!(end, pins + 10);
    assert_eq!(writer.find_lock(pins + 11, 29).unwrap(), None);
    drop(readers);
    assert_eq!(writer.find_lock(pins, 100).unwrap(), None);
    // A lock that begins before the range is reported inside the range.
    let wide = OsVfs.open(&path, Access::Read).unwrap();
    assert!(wide.try_lock(pins, 50, LockMode::Shared).unwrap());
    assert_eq!(writer.find_lock(pins + 20, 5).unwrap(), Some(pins + 20));
    // A file does not see its own locks.
    assert!(writer.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    assert_eq!(writer.find_lock(BASE, 1).unwrap(), None);
}

#[test]
fn a_map_keeps_the_locks_of_a_closed_file() {
    let dir = folder();
    let path = dir.path().join("db");
    let file = create(&path);
    file.write_at(&[1; 4096], 0).unwrap();
    let map = file.map(4096).unwrap().unwrap();
    assert!(file.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    drop(file);
    let other = OsVfs.open(&path, Access::Write).unwrap();
    assert!(!other.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
    drop(map);
    assert!(other.try_lock(BASE, 1, LockMode::Exclusive).unwrap());
}

#[test]
fn a_map_survives_growth_and_tells_of_missing_pages() {
    let dir = folder();
    let file = create(&dir.path().join("db"));
    file.write_at(&[1; 4096], 0).unwrap();
    let map = file.map(3 * 4096).unwrap().unwrap();
    map.advise_random();
    map.advise_sequential();
    assert_eq!(map.len(), 3 * 4096);
    map.populate(0, 4096).unwrap();
    map.populate(100, 1).unwrap();
    // Kernels before 5.14 cannot tell; this test must not end by a signal there.
    if let Err(error) = map.populate(4096, 4096) {
        assert_eq!(error.raw_os_error(), Some(libc::EFAULT));
    }
    file.write_at(&0x0807_0605_0403_0201_u64.to_le_bytes(), 2 * 4096)
        .unwrap();
    map.populate(0, 3 * 4096).unwrap();
    assert_eq!(map.bytes()[4095], 1);
    assert_eq!(map.bytes()[4096], 0);
    assert_eq!(map.volatile_u32(2 * 4096 + 4), Some(0x0807_0605));
    assert_eq!(map.volatile_u64(2 * 4096), Some(0x0807_0605_0403_0201));
    assert_eq!(map.volatile_u64(2 * 4096 + 4), None, "not aligned");
    assert_eq!(map.volatile_u32(3 * 4096), None, "outside");
    assert_eq!(map.volatile_u32(usize::MAX), None);
    assert_eq!(
        map.populate(4096, 3 * 4096).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert!(file.map(0).unwrap().is_some_and(|map| map.is_empty()));
}

#[test]
fn links_are_followed_for_opening_but_not_for_creating() {
    let dir = folder();
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    symlink(&target, &link).unwrap();
    let refused = OsVfs.open(&link, Access::CreateNew).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert!(!target.exists());
    let file = create(&target);
    let found = OsVfs.identity(&link).unwrap();
    assert!(found.same_file(&file.identity().unwrap()));
    assert_eq!(found.links, 1);
    fs::hard_link(&target, dir.path().join("alias")).unwrap();
    assert_eq!(file.identity().unwrap().links, 2);
    OsVfs
        .open(&link, Access::Write)
        .unwrap()
        .write_at(b"x", 0)
        .unwrap();
    assert_eq!(
        OsVfs.open(&target, Access::CreateNew).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
}

#[test]
fn only_regular_files_are_opened() {
    let dir = folder();
    let fifo = dir.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    for access in [Access::Read, Access::Write] {
        assert_eq!(
            OsVfs.open(&fifo, access).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            OsVfs.open(dir.path(), access).unwrap_err().kind(),
            ErrorKind::IsADirectory
        );
    }
    let missing = OsVfs
        .open(&dir.path().join("none"), Access::Write)
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn rename_new_never_replaces() {
    let dir = folder();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    fs::write(&a, "a").unwrap();
    fs::write(&b, "b").unwrap();
    assert_eq!(
        OsVfs.rename_new(&a, &b).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(fs::read(&b).unwrap(), b"b");
    OsVfs.rename(&a, &b).unwrap();
    OsVfs.sync_dir_of(&b).unwrap();
    assert_eq!(fs::read(&b).unwrap(), b"a");
    OsVfs.rename_new(&b, &a).unwrap();
    assert_eq!(fs::read(&a).unwrap(), b"a");
    OsVfs.remove(&a).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn scratch_files_have_no_name() {
    let dir = folder();
    let scratch = OsVfs.open_scratch(&dir.path().join("db")).unwrap();
    scratch.write_at(b"gone", 0).unwrap();
    assert_eq!(scratch.size().unwrap(), 4);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn network_file_systems_are_told_apart() {
    for (magic, name) in [
        (0x6969, "nfs"),
        (0xff53_4d42, "cifs"),
        (0x6573_5546, "fuse"),
    ] {
        assert_eq!(
            fsinfo::classify(magic),
            FileSystem::Network(name.to_owned())
        );
    }
    assert_eq!(
        fsinfo::classify(0xef53),
        FileSystem::Local("ext4".to_owned())
    );
    assert!(matches!(
        fsinfo::classify(0x1234_5678),
        FileSystem::Local(_)
    ));
    let dir = folder();
    let here = OsVfs.file_system(dir.path()).unwrap();
    assert_eq!(
        OsVfs
            .file_system(&dir.path().join("to be created"))
            .unwrap(),
        here
    );
    assert_eq!(OsVfs.file_system(Path::new("/proc/self/stat/x")).ok(), None);
}

#[test]
fn clocks_and_randomness() {
    let (mut a, mut b) = ([0; 300], [0; 300]);
    OsVfs.random(&mut a).unwrap();
    OsVfs.random(&mut b).unwrap();
    assert_ne!(a, b);
    let before = OsVfs.elapsed();
    OsVfs.pause(Duration::from_millis(2));
    assert!(OsVfs.elapsed() >= before + Duration::from_millis(2));
    assert!(OsVfs.now_us() > 1_700_000_000_000_000);
}

#[test]
fn lock_lines_of_the_kernel_are_understood() {
    let held = HeldLock::parse("lock:\t1: OFDLCK ADVISORY  WRITE -1 fe:00:131 100 200").unwrap();
    assert!(held.covers(100) && held.covers(200) && !held.covers(99) && !held.covers(201));
    let held = HeldLock::parse("lock:\t2: POSIX  ADVISORY  READ  77 00:2c:9 5 EOF").unwrap();
    assert!(held.covers(u64::MAX) && !held.covers(4));
    assert_eq!(
        HeldLock::parse("lock:\t1: FLOCK  ADVISORY  WRITE 77 00:2c:9 0 EOF"),
        None
    );
    assert_eq!(
        HeldLock::parse("lock:\t1: -> OFDLCK ADVISORY WRITE -1 00:2c:9 0 EOF"),
        None
    );
    assert_eq!(HeldLock::parse("lock:\t1: OFDLCK ADVISORY"), None);
    assert_eq!(HeldLock::parse("pos:\t0"), None);
}
