//! Calls that fail, syncs above all.

use super::support::sim::*;
use super::*;

#[test]
fn a_failed_sync_that_keeps_the_cache_lies_until_it_is_dropped() {
    let (disk, file) = disk_with(8192, b'a');
    file.write_at(&[b'b'; 4096], 0).unwrap();
    disk.set_fault(fail(
        FaultOn::Sync,
        1,
        FaultKind::SyncKeepsNew,
        Repeat::Once,
    ));
    assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(libc::EIO));
    assert_eq!(disk.fault_hits(), 1);
    file.sync().unwrap();
    assert_eq!(
        after(&disk, CrashChoice::All).unwrap(),
        [b'a'; 8192],
        "the retry meant nothing"
    );
    let mut buf = [0; 1];
    file.read_at(&mut buf, 0).unwrap();
    assert_eq!(buf, *b"b", "the cache has it");
    file.drop_cache(0, 100);
    file.drop_cache(1, 4096);
    file.read_at(&mut buf, 0).unwrap();
    assert_eq!(buf, *b"b", "parts of a page are not dropped");
    file.drop_cache(0, 4096);
    file.read_at(&mut buf, 0).unwrap();
    assert_eq!(buf, *b"a", "the medium never had it");
}

#[test]
fn rewriting_after_a_failed_sync_persists() {
    let (disk, file) = disk_with(4096, b'a');
    disk.set_fault(fail(
        FaultOn::Sync,
        1,
        FaultKind::SyncKeepsNew,
        Repeat::Once,
    ));
    let frame = [b'b'; 700];
    file.write_durable_at(&[IoSlice::new(&frame)], 0)
        .unwrap_err();
    assert_eq!(after(&disk, CrashChoice::All).unwrap(), [b'a'; 4096]);
    file.drop_cache(512, 0);
    file.write_durable_at(&[IoSlice::new(&frame)], 0).unwrap();
    assert_eq!(&after(&disk, CrashChoice::None).unwrap()[..700], frame);
}

#[test]
fn a_failed_sync_may_revert_the_cache() {
    let (disk, file) = disk_with(4096, b'a');
    file.write_at(&[b'b'; 600], 0).unwrap();
    disk.set_fault(fail(FaultOn::Sync, 1, FaultKind::SyncReverts, Repeat::Once));
    file.sync().unwrap_err();
    assert_eq!(disk.contents(path()).unwrap(), [b'a'; 4096]);
    file.sync().unwrap();
    assert_eq!(after(&disk, CrashChoice::All).unwrap(), [b'a'; 4096]);
}

#[test]
fn pages_with_pending_writes_stay_in_the_cache() {
    let (disk, file) = disk_with(4096, b'a');
    file.write_at(b"b", 0).unwrap();
    file.drop_cache(0, 4096);
    assert_eq!(disk.contents(path()).unwrap()[0], b'b');
}

#[test]
fn faults_strike_the_planned_call() {
    let (disk, file) = disk_with(4096, b'a');
    disk.set_fault(fail(
        FaultOn::Write,
        2,
        FaultKind::Errno(libc::ENOSPC),
        Repeat::Once,
    ));
    file.write_at(b"1", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(
        file.write_at(b"2", 1).unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    file.write_at(b"3", 2).unwrap();
    assert_eq!(&disk.contents(path()).unwrap()[..3], b"1a3");

    disk.set_fault(fail(
        FaultOn::Write,
        1,
        FaultKind::ShortWriteThenError(5),
        Repeat::Forever,
    ));
    file.write_at(b"4444", 0).unwrap_err();
    file.write_durable_at(&[IoSlice::new(b"55")], 10)
        .unwrap_err();
    assert_eq!(&disk.contents(path()).unwrap()[..12], b"443aaaaaaa5a");
    assert_eq!(disk.fault_hits(), 2);
    disk.clear_fault();
    file.write_at(b"6", 0).unwrap();

    let kind = FaultKind::Errno(libc::EINTR);
    let calls: [(FaultOn, &dyn Fn() -> std::io::Result<()>); 8] = [
        (FaultOn::Read, &|| file.read_at(&mut [0], 0).map(|_| ())),
        (FaultOn::Sync, &|| file.sync()),
        (FaultOn::Sync, &|| {
            file.write_durable_at(&[IoSlice::new(b"7")], 0)
        }),
        (FaultOn::SetSize, &|| file.set_size(10)),
        (FaultOn::Rename, &|| disk.rename(path(), Path::new("b"))),
        (FaultOn::DirSync, &|| disk.sync_dir_of(path())),
        (FaultOn::Remove, &|| disk.remove(path())),
        (FaultOn::Create, &|| {
            disk.open(Path::new("c"), Access::CreateNew).map(|_| ())
        }),
    ];
    for (on, call) in calls {
        for on in [on, FaultOn::Any] {
            disk.set_fault(fail(on, 1, kind, Repeat::Forever));
            assert_eq!(call().unwrap_err().kind(), ErrorKind::Interrupted, "{on:?}");
        }
    }
    disk.clear_fault();
    assert_eq!(disk.paths(), [path()]);
    assert_eq!(file.size().unwrap(), 4096);
}

#[test]
fn any_counts_both_halves_of_a_durable_write() {
    let (disk, file) = disk_with(512, b'a');
    disk.set_fault(fail(
        FaultOn::Any,
        2,
        FaultKind::Errno(libc::EIO),
        Repeat::Once,
    ));
    file.write_durable_at(&[IoSlice::new(b"b")], 0).unwrap_err();
    assert_eq!(disk.contents(path()).unwrap()[0], b'b');
    assert_eq!(
        disk.pending_fragments(),
        1,
        "unlike the other two kinds this loses nothing"
    );
}
