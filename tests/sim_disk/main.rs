//! The simulated disk itself: a harness that lies proves nothing.

#![allow(clippy::unwrap_used)]

mod names;
#[path = "../support/mod.rs"]
mod support;
mod syncs;

use std::io::{ErrorKind, IoSlice};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use creel::sys::{Access, File, FileSystem, LockMode, Vfs};
use support::sim::{
    CrashChoice, CrashPlan, FaultKind, FaultOn, FaultPlan, IoKind, Repeat, SimDisk, SimDiskSnapshot,
};

const DB: &str = "dir/db";

fn path() -> &'static Path {
    Path::new(DB)
}

/// A disk with one file of `len` bytes of `byte`, all of it durable.
fn disk_with(len: usize, byte: u8) -> (Arc<SimDisk>, Arc<dyn File>) {
    let disk = SimDisk::new(1);
    disk.install(path(), &vec![byte; len]);
    let file = disk.open(path(), Access::Write).unwrap();
    (disk, file)
}

fn after(disk: &SimDisk, choice: CrashChoice) -> Option<Vec<u8>> {
    disk.fork_at_crash(&choice).contents(path())
}

fn fail(on: FaultOn, nth: usize, kind: FaultKind, repeat: Repeat) -> FaultPlan {
    FaultPlan {
        nth,
        kind,
        repeat,
        on,
    }
}

#[test]
fn unsynced_writes_may_be_lost_kept_or_torn_at_sectors() {
    let (disk, file) = disk_with(4096, b'a');
    file.write_at(&[b'b'; 1000], 300).unwrap();
    assert_eq!(
        disk.pending_fragments(),
        3,
        "300..512, 512..1024, 1024..1300"
    );
    let mut new = vec![b'a'; 4096];
    new[300..1300].fill(b'b');
    assert_eq!(disk.contents(path()).unwrap(), new);
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), [b'a'; 4096]);
    assert_eq!(after(&disk, CrashChoice::All).unwrap(), new);
    let mut torn = vec![b'a'; 4096];
    torn[512..1024].fill(b'b');
    assert_eq!(after(&disk, CrashChoice::Only(1)).unwrap(), torn);
    assert_eq!(after(&disk, CrashChoice::Mask(0b010)).unwrap(), torn);
    let mut head = vec![b'a'; 4096];
    head[300..1024].fill(b'b');
    assert_eq!(after(&disk, CrashChoice::Prefix(2)).unwrap(), head);
    assert_eq!(after(&disk, CrashChoice::Missing(2)).unwrap(), head);
    let mut tail = vec![b'a'; 4096];
    tail[512..1300].fill(b'b');
    assert_eq!(after(&disk, CrashChoice::Suffix(2)).unwrap(), tail);
    file.sync().unwrap();
    assert_eq!(disk.pending_fragments(), 0);
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), new);
}

#[test]
fn a_later_write_may_survive_an_earlier_one() {
    let (disk, file) = disk_with(1024, b'a');
    file.write_at(b"1", 0).unwrap();
    file.write_at(b"2", 600).unwrap();
    let image = after(&disk, CrashChoice::Suffix(1)).unwrap();
    assert_eq!((image[0], image[600]), (b'a', b'2'));
    // Of two writes to one sector the later one wins when both survive.
    file.write_at(b"3", 0).unwrap();
    assert_eq!(after(&disk, CrashChoice::All).unwrap()[0], b'3');
    assert_eq!(after(&disk, CrashChoice::Missing(2)).unwrap()[0], b'1');
}

#[test]
fn a_durable_write_is_durable_alone() {
    let (disk, file) = disk_with(8192, b'a');
    file.write_at(b"early", 0).unwrap();
    file.write_at(b"same sector", 4100).unwrap();
    file.write_at(b"next sector", 4608).unwrap();
    file.write_durable_at(&[IoSlice::new(b"com"), IoSlice::new(b"mit")], 4200)
        .unwrap();
    assert_eq!(disk.pending_fragments(), 2);
    let image = after(&disk, CrashChoice::None).unwrap();
    assert_eq!(&image[4200..4206], b"commit");
    assert_eq!(&image[4100..4111], b"same sector");
    assert_eq!(&image[0..5], b"aaaaa");
    assert_eq!(&image[4608..4619], b"aaaaaaaaaaa");
}

#[test]
fn a_durable_write_past_the_end_takes_the_size_along() {
    let (disk, file) = disk_with(512, b'a');
    file.write_at(&[b'b'; 512], 512).unwrap();
    file.write_durable_at(&[IoSlice::new(b"end")], 2048)
        .unwrap();
    let image = after(&disk, CrashChoice::None).unwrap();
    assert_eq!(image.len(), 2051);
    assert_eq!(&image[512..2048], [0; 1536], "not its data");
    assert_eq!(&image[2048..], b"end");
    assert_eq!(disk.pending_fragments(), 1);
}

#[test]
fn a_durable_write_can_be_torn_while_it_runs() {
    let (disk, file) = disk_with(4096, b'a');
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    disk.set_observer(Box::new(move |s: &SimDiskSnapshot| {
        sink.lock().unwrap().push(s.clone())
    }));
    file.write_durable_at(&[IoSlice::new(&[b'b'; 1024])], 1024)
        .unwrap();
    disk.clear_observer();
    let seen = seen.lock().unwrap();
    let kinds: Vec<_> = seen.iter().map(|s| s.call().unwrap().kind).collect();
    assert_eq!(kinds, [IoKind::DurableWrite, IoKind::DurableFlush]);
    assert_eq!(
        [seen[0].pending_fragments(), seen[1].pending_fragments()],
        [0, 2]
    );
    assert_eq!([seen[0].op(), seen[1].op(), disk.ops()], [0, 1, 2]);
    let torn = seen[1]
        .fork_at_crash(&CrashChoice::Only(1))
        .contents(path())
        .unwrap();
    assert_eq!((torn[1024], torn[1536]), (b'a', b'b'));
    let before = seen[0]
        .fork_at_crash(&CrashChoice::All)
        .contents(path())
        .unwrap();
    assert_eq!(
        before, [b'a'; 4096],
        "a snapshot does not change afterwards"
    );
}

#[test]
fn size_and_data_persist_independently() {
    let (disk, file) = disk_with(512, b'a');
    file.write_at(&[b'b'; 1024], 512).unwrap();
    assert_eq!(disk.pending_fragments(), 3);
    assert_eq!(
        after(&disk, CrashChoice::Missing(0)).unwrap(),
        [b'a'; 512],
        "data, no size"
    );
    let image = after(&disk, CrashChoice::Only(0)).unwrap();
    assert_eq!(image.len(), 1536, "size, no data");
    assert!(image[512..].iter().all(|byte| *byte == 0));
}

#[test]
fn size_changes_of_a_file_persist_in_order() {
    let (disk, file) = disk_with(1024, b'a');
    file.set_size(100).unwrap();
    file.set_size(1000).unwrap();
    assert_eq!(disk.pending_fragments(), 2);
    let image = after(&disk, CrashChoice::Only(1)).unwrap();
    assert_eq!(image.len(), 1000);
    assert!(image[..100].iter().all(|byte| *byte == b'a'));
    assert!(
        image[100..].iter().all(|byte| *byte == 0),
        "the cut is implied"
    );
    assert_eq!(after(&disk, CrashChoice::Only(0)).unwrap().len(), 100);
    file.sync().unwrap();
    assert_eq!(after(&disk, CrashChoice::None).unwrap(), image);
}

#[test]
fn locks_belong_to_the_open_file() {
    let (disk, first) = disk_with(10, 0);
    let base = 1 << 62;
    let second = disk.open(path(), Access::Write).unwrap();
    let reader = disk.open(path(), Access::Read).unwrap();
    assert!(first.try_lock(base, 10, LockMode::Exclusive).unwrap());
    assert!(
        first.try_lock(base, 10, LockMode::Exclusive).unwrap(),
        "own locks do not conflict"
    );
    assert!(!second.try_lock(base + 9, 1, LockMode::Shared).unwrap());
    assert!(second.try_lock(base + 10, 1, LockMode::Exclusive).unwrap());
    assert_eq!(second.find_lock(base + 5, 100).unwrap(), Some(base + 5));
    first.unlock(base + 3, 4).unwrap();
    assert_eq!(second.find_lock(base + 3, 4).unwrap(), None);
    assert_eq!(second.find_lock(base + 3, 5).unwrap(), Some(base + 7));
    assert!(
        first.try_lock(base, 3, LockMode::Shared).unwrap(),
        "converted"
    );
    assert!(reader.try_lock(base + 1, 1, LockMode::Shared).unwrap());
    assert!(!first.try_lock(base, 3, LockMode::Exclusive).unwrap());
    assert!(
        reader.try_lock(base + 50, 1, LockMode::Exclusive).is_err(),
        "as the kernel has it"
    );
    assert!(reader.try_lock(base, 0, LockMode::Shared).is_err());
    let snapshot = disk.snapshot();
    drop((second, reader));
    assert!(first.try_lock(base, 20, LockMode::Exclusive).unwrap());
    let fork = snapshot.fork_at_crash(&CrashChoice::All);
    let other = fork.open(path(), Access::Write).unwrap();
    assert!(
        other.try_lock(base, 100, LockMode::Exclusive).unwrap(),
        "no locks in a fork"
    );
}

#[test]
fn a_kill_keeps_the_cache_and_what_is_pending() {
    let (disk, file) = disk_with(512, b'a');
    file.write_at(b"b", 0).unwrap();
    let fork = disk.snapshot().fork_at_kill();
    assert_eq!(fork.contents(path()).unwrap()[0], b'b');
    assert_eq!(after(&fork, CrashChoice::None).unwrap()[0], b'a');
    // The fork lives its own life.
    fork.open(path(), Access::Write)
        .unwrap()
        .write_at(b"c", 1)
        .unwrap();
    assert_eq!(&disk.contents(path()).unwrap()[..2], b"ba");
}

#[test]
fn clock_randomness_and_file_system_are_simulated() {
    let draw = |disk: &SimDisk| {
        let mut bytes = [0; 19];
        disk.random(&mut bytes).unwrap();
        bytes
    };
    let (a, b) = (SimDisk::new(7), SimDisk::new(7));
    let first = draw(&a);
    assert_eq!(first, draw(&b));
    assert_ne!(first, draw(&a));
    assert_ne!(first, draw(&SimDisk::new(8)));
    assert_ne!(
        draw(&a.fork_at_crash(&CrashChoice::All)),
        draw(&a),
        "a fork repeats no salt"
    );
    let now = a.now_us();
    assert_eq!(a.now_us(), now + 1);
    let before = a.elapsed();
    a.pause(Duration::from_secs(3600));
    assert!(a.elapsed() - before > Duration::from_secs(3600));
    assert!(matches!(
        a.file_system(path()).unwrap(),
        FileSystem::Local(_)
    ));
    a.set_file_system(FileSystem::Network("nfs".to_owned()));
    assert!(matches!(
        a.file_system(path()).unwrap(),
        FileSystem::Network(_)
    ));
}

/// The same calls, whatever they are.
fn workload(disk: &SimDisk) {
    let file = disk.open(path(), Access::CreateNew).unwrap();
    disk.sync_dir_of(path()).unwrap();
    for i in 0..40_u64 {
        let mut word = [0; 8];
        disk.random(&mut word).unwrap();
        let word = u64::from_le_bytes(word);
        let bytes = vec![i as u8; (word % 3000) as usize + 1];
        match word >> 32 & 3 {
            0 => file
                .write_durable_at(&[IoSlice::new(&bytes)], word >> 40 & 0xffff)
                .unwrap(),
            1 => file.set_size(word >> 40 & 0x1ffff).unwrap(),
            _ => file.write_at(&bytes, word >> 40 & 0xffff).unwrap(),
        }
        if i % 9 == 8 {
            file.sync().unwrap();
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (a, b) = (SimDisk::new(3), SimDisk::new(3));
    workload(&a);
    workload(&b);
    assert_eq!(a.trace(), b.trace());
    assert_eq!(a.ops(), a.trace().len());
    for choice in CrashPlan::choices(a.pending_fragments(), 5, 500) {
        assert_eq!(after(&a, choice.clone()), after(&b, choice));
    }
}

/// A naive second model: after a crash each byte is one that it was at some time since the last
/// sync of the whole file.
#[test]
fn crashes_invent_no_bytes() {
    let disk = SimDisk::new(9);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    disk.set_observer(Box::new(move |s: &SimDiskSnapshot| {
        sink.lock().unwrap().push(s.clone())
    }));
    workload(&disk);
    disk.clear_observer();
    let mut snapshots = std::mem::take(&mut *seen.lock().unwrap());
    snapshots.push(disk.snapshot());
    assert!(snapshots.len() > 40);
    let byte = |image: &[u8], at: usize| image.get(at).copied().unwrap_or_default();
    let mut history: Vec<Vec<u8>> = Vec::new();
    let (mut states, mut last_call) = (0, None);
    for snapshot in &snapshots {
        let cached = snapshot.fork_at_kill().contents(path()).unwrap_or_default();
        if last_call == Some(IoKind::Sync) {
            history.clear();
        }
        last_call = snapshot.call().map(|call| call.kind);
        let all = snapshot.fork_at_crash(&CrashChoice::All).contents(path());
        assert_eq!(
            all.unwrap_or_default(),
            cached,
            "everything kept is what the cache has"
        );
        history.push(cached);
        for choice in CrashPlan::choices(snapshot.pending_fragments(), states, 64) {
            let fork = snapshot.fork_at_crash(&choice);
            assert_eq!(fork.pending_fragments(), 0);
            let image = fork.contents(path()).unwrap_or_default();
            for at in (states as usize % 97..image.len()).step_by(97) {
                let now = byte(&image, at);
                let known = history.iter().rev().any(|past| byte(past, at) == now);
                assert!(known, "{now} at {at} from {choice:?}, {snapshot:?}");
            }
            states += 1;
        }
    }
    println!("sim_disk states {states} violations 0");
}

#[test]
fn crash_plans_are_complete_where_they_can_be() {
    let list = |n, budget| CrashPlan::choices(n, 1, budget).collect::<Vec<_>>();
    assert_eq!(list(0, 10), [CrashChoice::Mask(0)]);
    assert_eq!(list(12, 4096).len(), 4096);
    let subset = |choice: &CrashChoice, n| (0..n).map(|i| choice.keeps(i, n)).collect::<Vec<_>>();
    let subsets: std::collections::BTreeSet<_> =
        list(6, 64).iter().map(|choice| subset(choice, 6)).collect();
    assert_eq!(subsets.len(), 64);
    let large = list(40, 1000);
    assert_eq!(large.len(), 1000);
    for wanted in [
        CrashChoice::None,
        CrashChoice::All,
        CrashChoice::Only(39),
        CrashChoice::Missing(0),
        CrashChoice::Prefix(20),
        CrashChoice::Suffix(38),
    ] {
        assert!(large.contains(&wanted), "{wanted:?}");
    }
    let random: std::collections::BTreeSet<_> = large
        .iter()
        .filter(|choice| matches!(choice, CrashChoice::Random(_)))
        .map(|choice| subset(choice, 40))
        .collect();
    assert!(random.len() > 700, "{}", random.len());
    assert_eq!(list(2000, 100).len(), 100);
    assert_eq!(list(2000, 1), [CrashChoice::None]);
}

/// How many crash images per second: `cargo test --test sim_disk -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    for (kib, writes) in [(64, 4), (300, 20), (300, 600), (3072, 20)] {
        let (disk, file) = disk_with(kib * 1024, b'a');
        for i in 0..writes {
            file.write_at(&[b'b'; 512], (i * 7919 * 512) % (kib as u64 * 1024))
                .unwrap();
        }
        let snapshot = disk.snapshot();
        let (start, mut states) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_millis(500) {
            states += 1;
            let fork = snapshot.fork_at_crash(&CrashChoice::Random(states));
            assert_eq!(fork.pending_fragments(), 0);
        }
        println!("{kib} KiB, {writes} pending: {} images/s", states * 2);
    }
}
