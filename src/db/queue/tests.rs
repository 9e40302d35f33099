//! Who leads, and who is told what came of his batch.

use super::*;
use crate::db::{CreateOptions, Db, OpenOptions};

fn new() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions::new().background_checkpoint(false);
    let path = dir.path().join("a.creel");
    let db = options.create(path, &CreateOptions::default()).unwrap();
    (dir, db)
}

fn put(key: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(key, b"v");
    batch
}

#[test]
fn who_has_his_answer_does_not_lead() {
    let (_dir, db) = new();
    let commit = db.put(b"k", b"v").unwrap();
    let ticket = Ticket::default();
    ticket.finish(Ok(commit));
    // Even where he was asked to as well.
    ticket.lead();
    let answer = ticket.wait().unwrap().unwrap();
    assert_eq!(answer.token, commit.token);
    assert!(ticket.wait().is_none(), "there is one answer");
}

#[test]
fn the_first_who_waits_is_the_next_writer() {
    let (_dir, db) = new();
    let tickets: Vec<Arc<Ticket>> = (0..3).map(|_| Arc::default()).collect();
    lock(&db.inner.queue).waiting = tickets.clone();
    lock(&db.inner.queue).busy = true;
    db.inner.hand_over(4);
    let leads = tickets.iter().map(|ticket| lock(&ticket.state).leader);
    assert!(leads.eq([true, false, false]));
    {
        let mut queue = lock(&db.inner.queue);
        assert_eq!((queue.busy, queue.expected), (true, 4 + 3));
        queue.waiting.clear();
    }
    db.inner.hand_over(1);
    let queue = lock(&db.inner.queue);
    assert_eq!((queue.busy, queue.expected), (false, 1));
}

#[test]
fn a_leader_serves_all_who_wait_and_himself() {
    let (_dir, db) = new();
    let ticket = |key: &[u8]| {
        let ticket = Arc::new(Ticket::default());
        lock(&ticket.state).batch = Some(put(key));
        ticket
    };
    let tickets = [ticket(b"a"), ticket(b"b"), ticket(b"c")];
    let mut queue = lock(&db.inner.queue);
    queue.waiting = tickets.to_vec();
    (queue.busy, queue.expected) = (true, 3);
    let mine = db.inner.lead(queue, &tickets[1]).unwrap();
    assert_eq!(mine.token.index, 2);
    for (ticket, index) in [(&tickets[0], 1), (&tickets[2], 3)] {
        assert_eq!(ticket.wait().unwrap().unwrap().token.index, index);
    }
    assert_eq!(db.len().unwrap(), 3);
    let queue = lock(&db.inner.queue);
    assert!(queue.waiting.is_empty() && !queue.busy);
    assert_eq!(queue.expected, 3);
}

#[test]
fn a_write_alone_or_where_others_are_expected_ends_the_same() {
    let (_dir, db) = new();
    for (expected, index) in [(0, 1), (1, 2), (2, 3), (9, 4)] {
        lock(&db.inner.queue).expected = expected;
        let commit = db.write(put(b"k")).unwrap();
        assert_eq!(commit.token.index, index);
        let queue = lock(&db.inner.queue);
        assert!(queue.waiting.is_empty() && !queue.busy);
        assert_eq!(queue.expected, 1);
    }
}

#[test]
fn a_write_begins_a_checkpoint_where_that_is_wanted_and_due() {
    let whens = [
        (true, Some(4096), true),
        (true, None, false),
        (false, Some(4096), false),
    ];
    for ((background, at, begins), at_once) in
        whens.into_iter().flat_map(|w| [(w, false), (w, true)])
    {
        let dir = tempfile::tempdir().unwrap();
        let options = OpenOptions::new()
            .background_checkpoint(background)
            .checkpoint_at(at);
        let path = dir.path().join("a.creel");
        let db = options.create(path, &CreateOptions::default()).unwrap();
        let mut batch = put(b"k");
        batch.put(b"long", &[7; 10_000]);
        let results = match at_once {
            true => db.write_all(vec![put(b"j"), batch]),
            false => vec![db.write(batch)],
        };
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(
            lock(&db.inner.background).is_some(),
            begins,
            "{background} {at:?} {at_once}"
        );
        // What fails begins nothing.
        db.close().unwrap();
    }
}

#[test]
fn a_commit_waits_for_those_of_the_last_group_but_not_for_ever() {
    let (_dir, db) = new();
    lock(&db.inner.queue).expected = 3;
    let alone = db.put(b"k", b"v").unwrap();
    assert_eq!(db.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(alone.token.index, 1);
    let queue = lock(&db.inner.queue);
    assert_eq!((queue.busy, queue.expected), (false, 1));
}

#[test]
fn batches_that_come_at_once_share_a_sync_and_have_results_of_their_own() {
    let (_dir, vfs, db) = crate::db::tests::watched::watched();
    db.put(b"there", b"v").unwrap();
    vfs.take();
    let mut conditional = put(b"c");
    conditional.require_absent(b"there");
    let mut empty_key = Batch::new();
    empty_key.put(b"", b"v");
    let batches = vec![put(b"a"), conditional, empty_key, put(b"b")];
    let results = db.write_all(batches);
    let indexes = results
        .iter()
        .map(|r| r.as_ref().ok().map(|c| c.token.index));
    assert!(indexes.eq([Some(2), None, None, Some(3)]), "{results:?}");
    assert!(matches!(results[1], Err(Error::Precondition { .. })));
    assert_eq!(crate::db::tests::watched::waits(&vfs.take()), 1);
    assert_eq!(db.get(b"b").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(db.get(b"c").unwrap(), None);
    assert!(db.write_all(Vec::new()).is_empty());
    let queue = lock(&db.inner.queue);
    assert!(!queue.busy && queue.waiting.is_empty());
}
