//! Copies made anew from a store.

use std::sync::Arc;

use creel::chain::object::Creel;
use creel::chain::store::{MemoryStore, Store};
use creel::chain::{Chain, RestoreTo, Tries};
use creel::replica::store::{
    Publishing, PullWish, Replace, SnapshotOptions, fetch_copy, pull, upload_snapshot,
};
use creel::{Db, IdentityChange, NoProgress, OpenOptions, Role};

/// Between the renaming of a new copy and the pull behind it, readers saw the moment of the snapshot, which was
/// older than what they had seen before.
#[test]
fn a_copy_that_was_made_anew_went_back_to_its_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let tries = &mut Tries(0);
    let primary = Db::create(dir.path().join("a.db")).unwrap();
    let role = IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    };
    primary.set_identity(&role).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let begins = creel::replica::slot::durable_point(&primary).unwrap();
    let creel = Creel::new(primary.info().unwrap().lineage_id, begins.into(), 1);
    let chain = Chain::create(store, &creel, tries).unwrap();
    let mut publishing = Publishing::open(&primary, chain.clone(), tries).unwrap();
    primary.put(b"key", b"in the snapshot").unwrap();
    let options = SnapshotOptions::default();
    upload_snapshot(&primary, &mut publishing, &options, tries, &NoProgress).unwrap();
    primary.put(b"key", b"behind it").unwrap();
    let newest = primary.durable_position().unwrap();
    publishing.upto(newest.index, tries).unwrap();
    let copy = dir.path().join("b.db");
    let snapshot = chain
        .plan_restore(RestoreTo::Newest, tries)
        .unwrap()
        .snapshot;
    fetch_copy(
        &chain,
        &snapshot,
        &copy,
        Replace::Nothing,
        tries,
        &NoProgress,
    )
    .unwrap();
    let db = OpenOptions::new().open(&copy).unwrap();
    pull(&db, &chain, &PullWish::default(), tries, &NoProgress).unwrap();
    assert_eq!(db.position().unwrap().index, newest.index);
    db.close().unwrap();
    for how in [Replace::Behind, Replace::Forced] {
        fetch_copy(&chain, &snapshot, &copy, how, tries, &NoProgress).unwrap();
        let db = OpenOptions::new().open(&copy).unwrap();
        assert_eq!(db.position().unwrap().index, newest.index, "{how:?}");
        assert_eq!(db.get(b"key").unwrap().as_deref(), Some(&b"behind it"[..]));
        db.close().unwrap();
    }
}
