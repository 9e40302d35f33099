//! A file that is being written to: one moment of it.

use std::sync::Arc;

use creel::salvage::{Salvage, SalvageOptions};
use creel::store::locks::{WRITER, try_hold};
use creel::sys::{Access, LockMode, OsVfs, Vfs};
use creel::{Db, NoProgress};

use crate::world::{World, key, put, puts, value};

fn options() -> SalvageOptions {
    SalvageOptions::default()
}

#[test]
fn commits_and_checkpoints_meanwhile_do_not_show() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 800, 0));
    world.checkpoint();
    world.commit(vec![put("main", b"a", b"1")]);
    let image = world.so_far();
    let new = tempfile::tempdir().unwrap();
    let new = new.path().join("new.db");
    let salvage = Salvage::survey(&world.path(), &new, &options(), &NoProgress).unwrap();
    assert!(salvage.report().pinned && salvage.report().complete);
    for round in 1..6 {
        let spread = (0..800)
            .step_by(40)
            .map(|i| put("main", &key(i), &value(i, round, 60)));
        world.commit(spread.collect());
        world.checkpoint();
    }
    let saved = salvage.write(&new, false, &NoProgress).unwrap();
    assert_eq!(saved.entries, 801);
    let db = Db::open(&new).unwrap();
    assert_eq!(db.get(b"a").unwrap(), Some(b"1".to_vec()));
    let old = &image.newest()[&("main".to_owned(), key(40))];
    assert_eq!(db.get(&key(40)).unwrap().as_ref(), Some(old));
    drop(salvage);
    assert_ne!(world.db().get(&key(40)).unwrap().as_ref(), Some(old));
}

#[test]
fn a_writer_at_work_is_mentioned() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 20, 0));
    let vfs: Arc<dyn Vfs> = Arc::new(OsVfs);
    let file = vfs.open(&world.path(), Access::Write).unwrap();
    let near = std::env::temp_dir().join("creel-near");
    let active = || {
        let found = Salvage::survey(&world.path(), &near, &options(), &NoProgress).unwrap();
        found.report().writer_active
    };
    assert!(!active());
    let held = try_hold(&file, WRITER, LockMode::Exclusive)
        .unwrap()
        .unwrap();
    assert!(active());
    drop(held);
    assert!(!active());
}
