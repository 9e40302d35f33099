//! Limits of batches, keyspaces and facts: what is exactly at them, and one more.

use std::sync::atomic::Ordering;

use super::watched::watched;
use crate::db::evaluate::Evaluator;
use crate::db::facts::MAX_UNFOLDED;
use crate::db::view::{Layers, NEWEST};
use crate::db::{Batch, Db, Facts, Hold, IdentityChange};
use crate::delta::Delta;
use crate::error::{Bounded, Error, Result};
use crate::format::frame::MAX_PAYLOAD;
use crate::format::header::Role;
use crate::format::op::Op;

const MOST: usize = MAX_PAYLOAD as usize;

fn layers(db: &Db) -> Layers {
    db.inner.view.load().layers(NEWEST)
}

/// What was bounded, with how much there was and may be.
fn limit<T: std::fmt::Debug>(result: Result<T>) -> (Bounded, u64, u64) {
    match result {
        Err(Error::Limit {
            what,
            actual,
            limit,
        }) => (what, actual, limit),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch_weighs_its_bytes_and_24_for_each_operation() {
    let mut batch = Batch::new();
    assert_eq!(batch.weight(), 0);
    batch.reserve(2, 100).put(b"key", b"value");
    assert_eq!((batch.len(), batch.weight()), (1, 8 + 24));
    batch.delete(b"other").require_absent(b"third");
    assert_eq!((batch.len(), batch.weight()), (2, 18 + 3 * 24));
    assert_eq!(batch.reserve(1, 1).len(), 2);
}

#[test]
fn a_batch_may_weigh_as_much_as_a_payload_and_no_byte_more() {
    let (_dir, _, db) = watched();
    let page_size = layers(&db).tree.header().page_size();
    let check = |len: usize| {
        let mut batch = Batch::new();
        batch.put(b"k", &vec![0; len]);
        batch.check(page_size)
    };
    check(MOST - 25).unwrap();
    let most = u64::from(MAX_PAYLOAD);
    assert_eq!(
        limit(check(MOST - 24)),
        (Bounded::BatchSize, most + 1, most)
    );
}

#[test]
fn a_payload_may_be_as_long_as_its_limit_and_no_byte_longer() {
    let (_dir, _, db) = watched();
    let prepare = |len: usize| {
        let mut batch = Batch::new();
        batch.put(b"k", &vec![0; len]);
        let mut evaluator = Evaluator::new(layers(&db), false, 0);
        let prepared = evaluator.prepare(&batch);
        prepared.map(|prepared| prepared.payload.len())
    };
    let over = prepare(MOST - 100).unwrap() - (MOST - 100);
    assert_eq!(prepare(MOST - over).unwrap(), MOST);
    let most = u64::from(MAX_PAYLOAD);
    assert_eq!(
        limit(prepare(MOST - over + 1)),
        (Bounded::BatchSize, most + 1, most)
    );
}

#[test]
fn what_was_put_before_a_keyspace_was_named_is_in_main() {
    let (_dir, _, db) = watched();
    let mut batch = Batch::new();
    batch
        .put(b"first", b"1")
        .keyspace("other")
        .put(b"second", b"1");
    batch.keyspace("main").put(b"third", b"1");
    db.write(batch).unwrap();
    let snapshot = db.snapshot().unwrap();
    assert_eq!(snapshot.keyspace("main").unwrap().len().unwrap(), 2);
    assert_eq!(snapshot.keyspace("other").unwrap().len().unwrap(), 1);
    assert!(db.get(b"first").unwrap().is_some());
}

#[test]
fn the_last_keyspace_id_but_one_is_the_last_that_is_given() {
    let (_dir, _, db) = watched();
    let put_after = |id: u32| {
        let table = std::sync::Arc::new(Delta::new());
        let op = Op::CreateKeyspace { id, name: b"last" };
        table.writer().apply(1, &op, 0);
        let mut layers = layers(&db);
        layers.tables.insert(0, table);
        let mut batch = Batch::new();
        batch.keyspace("another").put(b"k", b"v");
        Evaluator::new(layers, false, 1).prepare(&batch)
    };
    assert_eq!(put_after(u32::MAX - 2).unwrap().op_count, 2);
    let most = u64::from(u32::MAX);
    let expected = (Bounded::Keyspaces, most, most - 1);
    assert_eq!(limit(put_after(u32::MAX - 1)), expected);
    assert_eq!(limit(put_after(u32::MAX)), expected);
}

#[test]
fn facts_have_limits_in_each_of_their_parts() {
    let (_dir, _, db) = watched();
    let hold = |name: usize| Hold {
        name: "n".repeat(name),
        index: 0,
        max_bytes: 0,
        expires_us: 0,
    };
    let source = |len| Facts {
        source: "s".repeat(len),
        ..Facts::default()
    };
    let publish = |len| Facts {
        publish: "p".repeat(len),
        ..Facts::default()
    };
    let control = |len| Facts {
        control: "c".repeat(len),
        ..Facts::default()
    };
    let holds = |count, name| Facts {
        holds: vec![hold(name); count],
        ..Facts::default()
    };
    for facts in [source(1024), publish(1024), control(1024), holds(256, 128)] {
        db.set_facts(&facts).unwrap();
        assert_eq!(db.facts().unwrap(), facts);
    }
    let known = db.facts().unwrap();
    for facts in [source(1025), publish(1025), control(1025)] {
        assert_eq!(limit(db.set_facts(&facts)), (Bounded::Address, 1025, 1024));
    }
    assert_eq!(
        limit(db.set_facts(&holds(257, 1))),
        (Bounded::Holds, 257, 256)
    );
    let long = db.set_facts(&holds(1, 129));
    assert_eq!(limit(long), (Bounded::HoldName, 129, 128));
    assert_eq!(db.facts().unwrap(), known);
}

#[test]
fn a_checkpoint_waits_for_a_publisher_until_the_log_is_too_long() {
    let (_dir, _, db) = watched();
    let facts = Facts {
        publish: "dir:somewhere".into(),
        ..Facts::default()
    };
    db.set_facts(&facts).unwrap();
    db.put(b"a", b"1").unwrap();
    assert!(!db.inner.is_gated()); // it keeps no log
    let change = IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
    assert!(db.inner.is_gated());
    let used = &db.inner.log_used;
    used.store(MAX_UNFOLDED, Ordering::Relaxed);
    assert!(db.inner.is_gated());
    used.store(MAX_UNFOLDED + 1, Ordering::Relaxed);
    assert!(!db.inner.is_gated());
    used.store(0, Ordering::Relaxed);
    db.note_published(0);
    assert!(db.inner.is_gated());
    db.note_published(1);
    assert!(!db.inner.is_gated());
}

#[test]
fn a_log_in_doubt_is_looked_at_five_times_and_a_clean_one_once() {
    let (_dir, vfs, db) = watched();
    let normal = vfs
        .options()
        .sync(crate::db::SyncMode::Normal)
        .open(db.path());
    let normal = normal.unwrap();
    let looks = || {
        let (before, _) = vfs.paused();
        let clean = db.log_info().unwrap().is_clean();
        (clean, vfs.paused().0 - before + 1)
    };
    db.put(b"a", b"1").unwrap();
    assert_eq!(looks(), (true, 1));
    normal.put(b"b", b"1").unwrap();
    assert_eq!(looks(), (false, 5));
    db.put(b"c", b"1").unwrap();
    assert_eq!(looks(), (true, 1));
}
