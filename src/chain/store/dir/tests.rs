use super::*;
use crate::chain::store::MAX_LIST;

fn store() -> (tempfile::TempDir, DirStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = DirStore::open(&dir.path().join("s"), true).unwrap();
    (dir, store)
}

fn seg(n: u64) -> String {
    format!("log/{n:020}.seg")
}

#[test]
fn an_object_is_made_once_and_read_back() {
    let (_dir, store) = store();
    let name = seg(1);
    assert_eq!(store.get(&name, 99).unwrap(), None);
    assert_eq!(store.head(&name).unwrap(), None);
    assert_eq!(store.create(&name, b"first").unwrap(), Created::Created);
    assert_eq!(store.create(&name, b"other").unwrap(), Created::Exists);
    assert_eq!(store.get(&name, 5).unwrap().unwrap(), b"first");
    assert_eq!(store.head(&name).unwrap(), Some(5));
    assert_eq!(store.get_range(&name, 1, 3).unwrap().unwrap(), b"irs");
    assert_eq!(store.get_range(&name, 9, 3).unwrap().unwrap(), b"");
    let too_large = store.get(&name, 4).unwrap_err();
    assert_eq!(too_large.kind, StoreErrorKind::TooLarge);
    store.delete(&name).unwrap();
    store.delete(&name).unwrap();
    assert_eq!(store.get(&name, 99).unwrap(), None);
}

#[test]
fn of_many_racers_one_creates() {
    let (_dir, store) = store();
    for round in 0..20 {
        let name = seg(round);
        let barrier = std::sync::Barrier::new(8);
        let wins: Vec<u8> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8u8)
                .map(|racer| {
                    let (store, name, barrier) = (&store, &name, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let made = store.create(name, &[racer; 100]).unwrap();
                        (made == Created::Created).then_some(racer)
                    })
                })
                .collect();
            racers
                .into_iter()
                .filter_map(|r| r.join().unwrap())
                .collect()
        });
        assert_eq!(wins.len(), 1, "round {round}: {wins:?}");
        assert_eq!(store.get(&name, 100).unwrap().unwrap(), vec![wins[0]; 100]);
    }
}

#[test]
fn listings_rise_and_leave_out_what_is_no_object() {
    let (dir, store) = store();
    for n in [5, 3, 9, 1] {
        store.create(&seg(n), b"x").unwrap();
    }
    store.create("snap/a/p1", b"x").unwrap();
    store.create("snap/a-b/p1", b"x").unwrap();
    let root = dir.path().join("s");
    fs::write(root.join("log/.tmp-1"), b"x").unwrap();
    fs::write(root.join("log/with space"), b"x").unwrap();
    fs::create_dir(root.join("log/folder.seg")).unwrap();
    let all = store.list_after("log/", "", MAX_LIST).unwrap();
    assert_eq!(all, [seg(1), seg(3), seg(5), seg(9)]);
    assert_eq!(store.list_after("log/", &seg(3), 1).unwrap(), [seg(5)]);
    assert!(store.list_after("log/", &seg(9), 9).unwrap().is_empty());
    assert!(store.list_after("cat/", "", 9).unwrap().is_empty());
    let snaps = store.list_after("snap/", "", 9).unwrap();
    assert_eq!(snaps, ["snap/a-b/p1", "snap/a/p1"]);
    assert_eq!(store.list_after("snap/a/", "", 9).unwrap(), ["snap/a/p1"]);
    store.delete("snap/a/p1").unwrap();
    assert!(!root.join("snap/a").exists());
    store.create("snap/a/p2", b"x").unwrap();
}

#[cfg(unix)]
#[test]
fn links_and_pipes_in_the_place_of_objects_are_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (dir, store) = store();
    let outside = dir.path().join("outside");
    fs::write(&outside, b"secret").unwrap();
    store.create(&seg(1), b"x").unwrap();
    let root = dir.path().join("s");
    let mode = fs::metadata(root.join(seg(1)))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    symlink(&outside, root.join(seg(2))).unwrap();
    assert!(store.get(&seg(2), 99).is_err());
    assert!(store.get_range(&seg(2), 0, 9).is_err());
    assert!(store.head(&seg(2)).is_err());
    assert_eq!(store.create(&seg(2), b"y").unwrap(), Created::Exists);
    assert_eq!(fs::read(&outside).unwrap(), b"secret");
    symlink(dir.path(), root.join("cat")).unwrap();
    assert!(store.create("cat/x.json", b"y").is_err());
    assert!(!dir.path().join("x.json").exists());
    // The number is taken, and reading it says by what.
    let listed = store.list_after("log/", "", 9).unwrap();
    assert_eq!(listed, [seg(1), seg(2)]);
}

/// Only the last part of a path was looked at: through `log -> elsewhere` everything was read and listed.
#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_folder_was_followed() {
    use std::os::unix::fs::symlink;
    let (dir, store) = store();
    let part = "snap/00000000000000000812-0000000003-9f31c0aa/begin.json";
    let floor = "floor/00000000000000000001.json";
    for name in [&seg(1), "hold/a.json", floor, part] {
        store.create(name, b"x").unwrap();
    }
    let root = dir.path().join("s");
    let id = part.strip_suffix("/begin.json").unwrap();
    let folders = [
        ("log", seg(1)),
        ("hold", "hold/a.json".into()),
        ("floor", floor.into()),
        (id, part.into()),
    ];
    for (folder, name) in folders {
        fs::rename(root.join(folder), root.join("away")).unwrap();
        symlink(root.join("away"), root.join(folder)).unwrap();
        let next = format!("{folder}/new.json");
        let errors = [
            store.get(&name, 99).unwrap_err(),
            store.get_range(&name, 0, 9).unwrap_err(),
            store.head(&name).unwrap_err(),
            store.create(&name, b"y").unwrap_err(),
            store.create(&next, b"y").unwrap_err(),
            store.put(&next, b"y").unwrap_err(),
            store.delete(&name).unwrap_err(),
            store.list_after(&format!("{folder}/"), "", 9).unwrap_err(),
            store.list_after("", "", 9).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind, StoreErrorKind::Odd, "{error}");
            assert!(error.to_string().contains("a link"), "{error}");
        }
        assert_eq!(fs::read_dir(root.join("away")).unwrap().count(), 1);
        fs::remove_file(root.join(folder)).unwrap();
        fs::rename(root.join("away"), root.join(folder)).unwrap();
        assert_eq!(store.get(&name, 9).unwrap().unwrap(), b"x");
    }
    // The store itself may be reached through a link.
    symlink(&root, dir.path().join("link")).unwrap();
    let linked = DirStore::open(&dir.path().join("link"), false).unwrap();
    assert_eq!(linked.list_after("log/", "", 9).unwrap(), [seg(1)]);
}

#[test]
fn files_of_killed_processes_are_swept_after_a_day() {
    let (dir, store) = store();
    store.create(&seg(1), b"x").unwrap();
    let left = dir.path().join("s/log/.tmp-00");
    fs::write(&left, b"half").unwrap();
    let now = SystemTime::now();
    assert_eq!(store.sweep(now).unwrap(), 0);
    assert_eq!(
        store.sweep(now + STALE + Duration::from_secs(60)).unwrap(),
        1
    );
    assert!(!left.exists());
    assert_eq!(store.get(&seg(1), 9).unwrap().unwrap(), b"x");
}

#[test]
fn a_missing_directory_is_no_store() {
    let dir = tempfile::tempdir().unwrap();
    let missing = DirStore::open(&dir.path().join("none"), false).unwrap_err();
    assert_eq!(missing.kind, StoreErrorKind::NoStore);
    let nested = DirStore::open(&dir.path().join("a/b"), true).unwrap_err();
    assert_eq!(nested.kind, StoreErrorKind::Io);
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    assert_eq!(
        DirStore::open(&file, true).unwrap_err().kind,
        StoreErrorKind::NoStore
    );
}

/// The system reports a failed write-back once: a sync that succeeds later says nothing of it.
#[test]
fn after_a_failed_sync_of_the_folder_nothing_counts_as_made() {
    thread_local! {
        static FAIL: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    fn once(folder: &Folder) -> io::Result<()> {
        match FAIL.replace(false) {
            true => Err(io::Error::other("no more space in the journal")),
            false => folder.sync(),
        }
    }
    let (dir, mut store) = store();
    store.create(&seg(1), b"one").unwrap();
    store.sync = once;
    FAIL.set(true);
    let error = store.create(&seg(2), b"two").unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Poisoned);
    assert!(!error.is_retryable());
    // It stands there, which proves nothing; nor does anything that comes later.
    for name in [seg(2), seg(1), seg(3)] {
        let error = store.create(&name, b"two").unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Poisoned, "{name}");
    }
    assert!(store.put("progress/x.json", b"x").is_err());
    // Whoever asks anew reads what is there.
    assert_eq!(store.get(&seg(2), 9).unwrap().unwrap(), b"two");
    let again = DirStore::open(&dir.path().join("s"), false).unwrap();
    assert_eq!(again.create(&seg(2), b"two").unwrap(), Created::Exists);
}

/// A device was unmounted: segments went into the empty directory below, and counted as published.
#[test]
fn what_stands_in_the_place_of_the_store_is_no_store() {
    let (dir, first) = store();
    first.create("creel.json", b"this one").unwrap();
    let again = DirStore::open(&dir.path().join("s"), false).unwrap();
    assert_eq!(again.get("creel.json", 99).unwrap().unwrap(), b"this one");
    let (place, away) = (dir.path().join("s"), dir.path().join("away"));
    for store in [first, again] {
        let (old, new) = match store.head(&seg(1)).unwrap() {
            None => (seg(9), seg(1)),
            Some(_) => (seg(1), seg(2)),
        };
        for other in [None, Some(&b"that one"[..])] {
            fs::rename(&place, &away).unwrap();
            fs::create_dir(&place).unwrap();
            if let Some(other) = other {
                fs::write(place.join("creel.json"), other).unwrap();
            }
            let errors = [
                store.create(&new, b"x").unwrap_err(),
                store.put("progress/x.json", b"x").unwrap_err(),
                store.get(&old, 99).unwrap_err(),
                store.list_after("log/", "", 9).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind, StoreErrorKind::Io);
                assert!(error.detail.contains("creel.json"), "{error}");
            }
            let left = fs::read_dir(&place).unwrap().count();
            assert_eq!(left, usize::from(other.is_some()));
            fs::remove_dir_all(&place).unwrap();
            fs::rename(&away, &place).unwrap();
        }
        assert_eq!(store.create(&new, b"x").unwrap(), Created::Created);
        assert!(store.list_after("log/", "", 9).unwrap().contains(&new));
    }
}
