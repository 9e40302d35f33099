//! Reading through a map that is longer than the file has become.

use creel::format::frame::frame_len;
use creel::{Batch, CheckpointOptions, CreateOptions, Db, KeyRange, NoProgress, OpenOptions};

use crate::scratch::Scratch;

fn checkpoint(db: &Db) {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
}

/// Start and end in the file of the region that takes commits.
fn active_region(db: &Db) -> (u64, u64) {
    let info = db.info().unwrap();
    let region = info.regions.iter().max_by_key(|r| r.region_seq).unwrap();
    let start = u64::from(region.start_page) * u64::from(info.page_size);
    (start, start + region.bytes)
}

/// Whether something was appended was looked up in the map behind the last frame, even where the
/// region was full. Where the file ends there, that place is beyond it: SIGBUS.
#[test]
fn a_full_region_at_the_end_of_a_file_that_was_cut_is_not_looked_beyond() {
    let scratch = Scratch::new();
    let create = CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    // Background checkpoints are not due, but regions keep the size that they have grown to.
    let options = OpenOptions::new().checkpoint_at(None);
    let db = options.create(scratch.file("a.creel"), &create).unwrap();
    for round in 0..6u8 {
        let mut batch = Batch::new();
        for i in 0..50u8 {
            batch.put(&[b'a', round, i], &[round; 1000]);
        }
        db.write(batch).unwrap();
        checkpoint(&db);
    }
    // Too long for a region: a larger one comes behind everything else.
    db.put(b"large", &[1; 100_000]).unwrap();
    checkpoint(&db);
    db.put(b"large", &[2; 10]).unwrap();
    checkpoint(&db);
    assert!(
        db.get(b"large").unwrap().is_some(),
        "the map is made here at the latest"
    );
    db.delete_range(&KeyRange::all()).unwrap();
    // What is behind that region comes free and goes.
    let full = (0..20).any(|i| {
        db.put(b"again", &[i; 10]).unwrap();
        checkpoint(&db);
        let (_, end) = active_region(&db);
        std::fs::metadata(db.path()).unwrap().len() == end
    });
    assert!(full, "{:?}", db.info());
    let (start, end) = active_region(&db);
    db.put(b"k", b"v").unwrap();
    let dry = CheckpointOptions {
        dry_run: true,
        ..CheckpointOptions::default()
    };
    let used = db.checkpoint(&dry, &NoProgress).unwrap().wal_bytes_before;
    let room = end - start - 128 - used;
    // Tag, keyspace, length of the key, key, three bytes of length of the value.
    let value = room - frame_len(0) - 7;
    assert_eq!(frame_len(value as u32 + 7), room);
    db.put(b"f", &vec![3; value as usize]).unwrap();
    let used = db.checkpoint(&dry, &NoProgress).unwrap().wal_bytes_before;
    assert_eq!(start + 128 + used, end, "the region is full");
    assert_eq!(db.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    db.put(b"k", b"w").unwrap();
    assert_eq!(db.get(b"k").unwrap().as_deref(), Some(&b"w"[..]));
}
