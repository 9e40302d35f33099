//! Files that become others while they are opened.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use creel::{CheckpointOptions, Db, Error, NoProgress};

use crate::hook::HookVfs;
use crate::replica::{options, small};
use crate::scratch::Scratch;

/// Two databases; the second one takes the name of the first where that is said.
fn two(scratch: &Scratch) -> (Db, impl FnMut() + Send + use<>) {
    let (first, second) = (scratch.file("a.creel"), scratch.file("b.creel"));
    let db = options().create(&first, &small()).unwrap();
    db.put(b"key", b"first").unwrap();
    let other = options().create(&second, &small()).unwrap();
    other.put(b"key", b"second").unwrap();
    let replace = move || {
        if second.exists() {
            std::fs::rename(&second, &first).unwrap();
        }
    };
    (db, replace)
}

/// Its locks would be of one file and its data of another.
#[test]
fn a_file_replaced_between_two_looks_is_not_opened() {
    let scratch = Scratch::new();
    let (db, replace) = two(&scratch);
    let hook = HookVfs::default();
    hook.after_open(replace);
    let opened = || options().vfs(Arc::new(hook.clone())).open(db.path());
    let refused = opened();
    assert!(
        matches!(refused, Err(Error::Replaced { .. })),
        "{refused:?}"
    );
    assert_eq!(opened().unwrap().get(b"key").unwrap().unwrap(), b"second");
}

#[test]
fn a_file_replaced_while_its_lock_was_waited_for_is_not_opened() {
    let scratch = Scratch::new();
    let (db, mut replace) = two(&scratch);
    let path = db.path().to_owned();
    db.close().unwrap();
    let holder = options().hold_lock(true).open(&path).unwrap();
    let hook = HookVfs::default();
    let mut holder = Some(holder);
    hook.in_pause(move || {
        replace();
        drop(holder.take());
    });
    let waiting = options()
        .hold_lock(true)
        .lock_timeout(Duration::from_secs(60))
        .vfs(Arc::new(hook));
    let refused = waiting.open(&path);
    assert!(
        matches!(refused, Err(Error::Replaced { .. })),
        "{refused:?}"
    );
    let now = Db::open(&path).unwrap();
    assert_eq!(now.get(b"key").unwrap().unwrap(), b"second");
}

/// It is looked at so often, and not for ever.
#[test]
fn a_file_with_another_header_at_each_look_is_busy() {
    for changes in [3, usize::MAX] {
        let scratch = Scratch::new();
        let db = options().create(scratch.file("a.creel"), &small()).unwrap();
        let path = db.path().to_owned();
        let hook = HookVfs::default();
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        hook.before_pin(move || {
            if counted.fetch_add(1, Ordering::Relaxed) < changes {
                db.put(b"key", b"value").unwrap();
                db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                    .unwrap();
            }
        });
        let opened = options().vfs(Arc::new(hook)).open(&path);
        let looks = looks.load(Ordering::Relaxed);
        if changes == 3 {
            assert_eq!(opened.unwrap().get(b"key").unwrap().unwrap(), b"value");
            assert_eq!(looks, 4);
            continue;
        }
        let Err(Error::Io { source, .. }) = opened else {
            panic!("{opened:?}");
        };
        assert_eq!(source.kind(), ErrorKind::ResourceBusy);
        assert_eq!(looks, 20);
    }
}
