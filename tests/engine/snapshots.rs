//! Snapshots and what is made from them: they never change, whatever is let go in between.

use creel::{
    Batch, CheckpointOptions, CopyOptions, CreateOptions, Db, Depth, Error, KeyRange, NoProgress,
    OpenOptions, Progress,
};

use crate::scratch::Scratch;

fn checkpoint(db: &Db) {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
}

fn fill(db: &Db, count: u32, value: &[u8]) {
    let mut batch = Batch::new();
    for i in 0..count {
        batch.put(format!("k{i:05}").as_bytes(), value);
    }
    db.write(batch).unwrap();
}

/// The cursor alone did not keep the versions that it reads: later commits took them away.
#[test]
fn a_cursor_goes_on_after_its_snapshot_is_dropped() {
    for folded in [false, true] {
        let scratch = Scratch::new();
        let db = Db::create(scratch.file("a.creel")).unwrap();
        fill(&db, 500, b"old");
        if folded {
            checkpoint(&db);
        }
        let cursor = |range: KeyRange| {
            db.snapshot()
                .unwrap()
                .keyspace("main")
                .unwrap()
                .cursor(&range)
        };
        let (all, mut begun) = (cursor(KeyRange::all()), cursor(KeyRange::all()));
        begun.next_entry().unwrap();
        let none = cursor(KeyRange::prefix(b"z"));
        fill(&db, 500, b"new");
        db.delete_range(&KeyRange::prefix(b"k000")).unwrap();
        db.put(b"z", b"new").unwrap();
        checkpoint(&db);
        db.delete_range(&KeyRange::all()).unwrap();
        assert_eq!(
            all.map(|e| e.unwrap().1).filter(|v| v == b"old").count(),
            500
        );
        assert_eq!(
            begun.map(|e| e.unwrap().1).filter(|v| v == b"old").count(),
            499
        );
        assert_eq!(none.count(), 0);
        assert!(db.is_empty().unwrap());
    }
}

/// A first read trusted what had been read in at opening, however long ago that was.
#[test]
fn the_first_read_sees_what_another_handle_committed_since_opening() {
    for background in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.file("a.creel");
        let writer = Db::create(&path).unwrap();
        let options = OpenOptions::new().background_checkpoint(background);
        let readers = [
            options.clone().open(&path).unwrap(),
            options.clone().read_only(true).open(&path).unwrap(),
            options.mmap(false).open(&path).unwrap(),
        ];
        writer.put(b"a", b"1").unwrap();
        for reader in &readers {
            assert_eq!(reader.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
        }
    }
}

/// Overwrites everything as soon as the copy has begun.
struct Overwrite<'a>(&'a Db);

impl Progress for Overwrite<'_> {
    fn report(&self, _done: u64, _total: Option<u64>) {
        if self.0.get(b"k02999").unwrap().as_deref() != Some(b"new") {
            fill(self.0, 3000, b"new");
        }
    }
}

/// A dense copy read without holding a snapshot: what was committed meanwhile took the versions
/// away that it had still to read.
#[test]
fn a_copy_is_of_one_moment_whatever_is_committed_meanwhile() {
    let scratch = Scratch::new();
    // Without checkpoints all of it stays in the table that commits change.
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options
        .create(scratch.file("a.creel"), &CreateOptions::default())
        .unwrap();
    fill(&db, 3000, &[b'o'; 1000]);
    let copy = scratch.file("b.creel");
    db.copy_dense(&copy, &Overwrite(&db)).unwrap();
    assert_eq!(db.get(b"k02999").unwrap().as_deref(), Some(&b"new"[..]));
    let copy = Db::open(&copy).unwrap().snapshot().unwrap();
    let cursor = copy.keyspace("main").unwrap().cursor(&KeyRange::all());
    let old = cursor.filter(|e| e.as_ref().unwrap().1 == [b'o'; 1000]);
    assert_eq!(old.count(), 3000);
}

/// Asks to stop as soon as the check of what was written begins.
struct StopAtCheck(std::sync::atomic::AtomicBool);

impl Progress for StopAtCheck {
    fn report(&self, _done: u64, _total: Option<u64>) {}

    fn begin(&self, part: &'static str) {
        self.0
            .store(part == "verify", std::sync::atomic::Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// `compact -o NEW --force` had put its copy in the place of NEW before the copy was checked: a signal
/// then left it there, unchecked.
#[test]
fn a_dense_copy_has_no_name_before_it_was_checked() {
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    fill(&db, 3000, b"value");
    let copy = scratch.file("b.creel");
    std::fs::write(&copy, b"what was there").unwrap();
    let options = CopyOptions {
        replace: true,
        verify: Some(Depth::Deep),
        ..CopyOptions::default()
    };
    let stop = StopAtCheck(false.into());
    let stopped = db.copy_dense_with(&copy, &options, &stop);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    assert!(stop.stopped(), "it was checked");
    assert_eq!(std::fs::read(&copy).unwrap(), b"what was there");
    let names = std::fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(names, 2, "nothing is left behind");
    db.copy_dense_with(&copy, &options, &NoProgress).unwrap();
    let copy = Db::open(&copy).unwrap().snapshot().unwrap();
    assert_eq!(copy.keyspace("main").unwrap().len().unwrap(), 3000);
}
