//! What the engine does with what `verify` refuses: it tells of the damage where it meets it, and
//! does nothing worse.

use std::path::Path;

use creel::format::freelist::FreeExtent;
use creel::{
    CheckpointOptions, CreateOptions, Db, Error, Invariant, KeyRange, NoProgress, SyncMode,
};

use crate::breaker::Breaker;
use crate::files::{TestFile, options, rich};

/// Opens a copy, reads all of it, commits and checkpoints twice.
fn use_all(path: &Path) -> creel::Result<()> {
    let db = options().open(path)?;
    let snapshot = db.snapshot()?;
    snapshot.import_positions()?;
    for name in snapshot.keyspaces()? {
        let mut cursor = snapshot.keyspace(&name)?.cursor(&KeyRange::all());
        while cursor.next_entry()?.is_some() {}
    }
    drop(snapshot);
    for round in 0..2 {
        db.put(b"~new", &[round])?;
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)?;
    }
    Ok(())
}

/// The damage is told as damage, or not met; never a panic, an endless walk or another error.
#[track_caller]
pub fn bears(path: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.creel");
    std::fs::copy(path, &copy).unwrap();
    match use_all(&copy) {
        Ok(()) | Err(Error::Corrupt(_) | Error::NotADatabase { .. }) => {}
        // A role or an epoch that was forged.
        Err(Error::Fenced { .. }) => {}
        Err(e) => panic!("not told as damage: {e} ({e:?})"),
    }
}

/// Fails with this invariant where the free list is needed.
#[track_caller]
fn checkpoint_refuses(file: &TestFile, id: Invariant) {
    let db = options().open(&file.path).unwrap();
    db.put(b"~new", b"1").unwrap();
    match db.checkpoint(&CheckpointOptions::default(), &NoProgress) {
        Err(Error::Corrupt(damage)) => assert_eq!(damage.id, id, "{damage}"),
        other => panic!("{other:?}"),
    }
    // And nothing was written that builds on it.
    drop(db);
    let db = Db::open(&file.path).unwrap();
    assert_eq!(db.get(b"~new").unwrap().as_deref(), Some(&b"1"[..]));
}

fn broken(edit: impl FnOnce(&mut Breaker)) -> TestFile {
    let file = rich();
    let mut b = Breaker::new(&file);
    edit(&mut b);
    b.save();
    file
}

const RECORDS: usize = 40;

/// Changes the first record of the free list that is pending, or available.
fn edit_record(b: &mut Breaker, pending: bool, edit: impl FnOnce(&mut FreeExtent)) {
    let page = b.page(b.header().free_head).to_vec();
    let count = usize::from(u16::from_le_bytes([page[18], page[19]]));
    let is = |at: &usize| (page[at + 8..at + 16] != [0; 8]) == pending;
    let at = (0..count).map(|i| RECORDS + 16 * i).find(is).unwrap();
    let word = |at: usize| u32::from_le_bytes(page[at..at + 4].try_into().unwrap());
    let mut record = FreeExtent {
        start: word(at),
        pages: word(at + 4),
        freed_gen: u64::from_le_bytes(page[at + 8..at + 16].try_into().unwrap()),
    };
    edit(&mut record);
    b.edit_free_page(|p| {
        p[at..at + 4].copy_from_slice(&record.start.to_le_bytes());
        p[at + 4..at + 8].copy_from_slice(&record.pages.to_le_bytes());
        p[at + 8..at + 16].copy_from_slice(&record.freed_gen.to_le_bytes());
    });
}

#[test]
fn a_free_list_that_leads_astray_is_refused_by_a_checkpoint() {
    let outside = broken(|b| {
        let last = b.header().page_count;
        b.edit_free_page(|p| p[32..36].copy_from_slice(&last.to_le_bytes()));
    });
    checkpoint_refuses(&outside, Invariant::P6);
    let cycle = broken(|b| {
        let head = b.header().free_head;
        b.edit_free_page(|p| p[32..36].copy_from_slice(&head.to_le_bytes()));
    });
    checkpoint_refuses(&cycle, Invariant::S5);
    let another = broken(|b| b.edit_header(|h| h.free_head_crc ^= 1));
    checkpoint_refuses(&another, Invariant::P3);
    let future = broken(|b| {
        let generation = b.header().generation + 1;
        b.edit_free_page(|p| p[8..16].copy_from_slice(&generation.to_le_bytes()));
    });
    checkpoint_refuses(&future, Invariant::P4);
}

#[test]
fn a_free_list_that_contradicts_itself_is_refused_by_a_checkpoint() {
    let empty = broken(|b| edit_record(b, false, |record| record.pages = 0));
    checkpoint_refuses(&empty, Invariant::P6);
    let header = broken(|b| edit_record(b, false, |record| record.start = 1));
    checkpoint_refuses(&header, Invariant::P6);
    let outside = broken(|b| edit_record(b, true, |record| record.pages = 1 << 30));
    checkpoint_refuses(&outside, Invariant::P6);
    let future = broken(|b| edit_record(b, true, |record| record.freed_gen = 1 << 40));
    checkpoint_refuses(&future, Invariant::S3);
    let sums = broken(|b| b.edit_header(|h| h.free_pending += 1));
    checkpoint_refuses(&sums, Invariant::S4);
    let sums = broken(|b| b.edit_header(|h| h.free_available += 1));
    checkpoint_refuses(&sums, Invariant::S4);
    // The first record again behind itself: neither list rises then.
    let twice = broken(|b| {
        let page = b.page(b.header().free_head).to_vec();
        b.edit_free_page(|p| {
            p[RECORDS + 16..RECORDS + 32].copy_from_slice(&page[RECORDS..RECORDS + 16])
        });
    });
    checkpoint_refuses(&twice, Invariant::S2);
    let twice = broken(|b| {
        let page = b.page(b.header().free_head).to_vec();
        let count = usize::from(u16::from_le_bytes([page[18], page[19]]));
        let last = RECORDS + 16 * (count - 1);
        b.edit_free_page(|p| p[last - 16..last].copy_from_slice(&page[last..last + 16]));
    });
    checkpoint_refuses(&twice, Invariant::S3);
}

#[test]
fn a_file_that_ends_before_its_free_list_is_refused_by_a_checkpoint() {
    let file = rich();
    let b = Breaker::new(&file);
    let head = u64::from(b.header().free_head);
    let size = b.page_size() as u64;
    let db = options().open(&file.path).unwrap();
    db.put(b"~new", b"1").unwrap();
    let cut = std::fs::OpenOptions::new().write(true).open(&file.path);
    cut.unwrap().set_len(head * size + 100).unwrap();
    match db.checkpoint(&CheckpointOptions::default(), &NoProgress) {
        Err(Error::Corrupt(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_checkpoint_below_the_threshold_does_nothing_and_says_so() {
    let file = crate::files::place();
    let db = options().sync(SyncMode::Full);
    let db = db.create(&file.path, &CreateOptions::default()).unwrap();
    db.put(b"a", b"1").unwrap();
    let above = |bytes| CheckpointOptions {
        if_above: Some(bytes),
        ..CheckpointOptions::default()
    };
    let report = db.checkpoint(&above(1 << 20), &NoProgress).unwrap();
    assert!(!report.done);
    assert_eq!(report.reason, "the log is below the threshold");
    assert!(db.checkpoint(&above(10), &NoProgress).unwrap().done);
}
