//! The bounds of keys, values and batches: what is just inside works, what is just outside is
//! refused by variant, and nothing changes.

use creel::format::leaf::needs_overflow;
use creel::format::max_key_len;
use creel::{
    Batch, CheckpointOptions, CreateOptions, Db, Error, KeyRange, NoProgress, OpenOptions,
};

use crate::scratch::Scratch;

fn with_page_size(scratch: &Scratch, page_size: u32) -> Db {
    let create = CreateOptions {
        page_size,
        ..CreateOptions::default()
    };
    OpenOptions::new()
        .create(scratch.file(&format!("{page_size}.creel")), &create)
        .unwrap()
}

fn checkpoint(db: &Db) {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
}

#[test]
fn keys_of_every_length_up_to_the_longest_and_none_beyond() {
    let scratch = Scratch::new();
    for page_size in [4096, 8192, 16384, 32768, 65536] {
        let db = with_page_size(&scratch, page_size);
        let longest = max_key_len(page_size as usize);
        let too_long = vec![b'k'; longest + 1];
        for result in [db.put(&too_long, b"v"), db.delete(&too_long)] {
            match result {
                Err(Error::Limit {
                    what: creel::Bounded::KeyLength,
                    actual,
                    limit,
                }) => {
                    assert_eq!((actual, limit), (longest as u64 + 1, longest as u64));
                }
                other => panic!("{other:?}"),
            }
        }
        for result in [db.put(b"", b"v"), db.delete(b"")] {
            assert!(matches!(result, Err(Error::Invalid { .. })), "{result:?}");
        }
        assert_eq!(
            db.snapshot().unwrap().token().index,
            0,
            "nothing was written"
        );
        // Reading such a key is no error: it is not there.
        assert_eq!(db.get(&too_long).unwrap(), None);
        assert_eq!(db.get(b"").unwrap(), None);
        let lengths = || {
            (1..=longest)
                .step_by(1 + longest / 97)
                .chain([longest - 1, longest])
        };
        for len in lengths() {
            db.put(&vec![b'k'; len], &len.to_le_bytes()).unwrap();
        }
        let check = |db: &Db| {
            for len in lengths() {
                let found = db.get(&vec![b'k'; len]).unwrap();
                assert_eq!(
                    found.as_deref(),
                    Some(&len.to_le_bytes()[..]),
                    "{len} of {page_size}"
                );
            }
        };
        check(&db);
        checkpoint(&db);
        check(&db);
        db.delete_range(&KeyRange::prefix(&vec![b'k'; longest]))
            .unwrap();
        assert_eq!(db.get(&vec![b'k'; longest]).unwrap(), None);
        checkpoint(&db);
        assert_eq!(db.get(&vec![b'k'; longest]).unwrap(), None);
    }
}

/// First length at which a value goes to pages of its own.
fn threshold(page_size: usize, key_len: usize) -> usize {
    let large = |len: &usize| needs_overflow(page_size, key_len + 4, *len as u64);
    (0..=page_size).find(large).unwrap()
}

#[test]
fn values_of_every_size_around_the_page_boundaries() {
    let scratch = Scratch::new();
    for page_size in [4096, 8192, 16384, 32768, 65536] {
        let db = with_page_size(&scratch, page_size);
        let page = page_size as usize;
        let edge = threshold(page, 5);
        assert!(edge < page);
        let mut sizes = vec![0, 1, edge - 1, edge, edge + 1, 1 << 20];
        for pages in 1..4 {
            // An extent has one page header.
            sizes.extend((pages * page - 34)..=(pages * page - 30));
            sizes.extend((pages * page - 1)..=(pages * page + 1));
        }
        let value = |size: usize| -> Vec<u8> { (0..size).map(|i| (i * 7 + size) as u8).collect() };
        for size in &sizes {
            db.put(format!("k{:04}", size % 9973).as_bytes(), &value(*size))
                .unwrap();
        }
        let check = |db: &Db| {
            for size in &sizes {
                let found = db.get(format!("k{:04}", size % 9973).as_bytes()).unwrap();
                assert!(
                    found == Some(value(*size)),
                    "{size} bytes in pages of {page_size}"
                );
            }
        };
        check(&db);
        checkpoint(&db);
        check(&db);
        let path = db.path().to_owned();
        db.close().unwrap();
        check(&OpenOptions::new().mmap(false).open(&path).unwrap());
    }
}

#[test]
fn a_batch_over_the_limit_is_refused_and_one_below_it_is_committed() {
    const LIMIT: usize = 64 << 20;
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    let large = vec![b'x'; LIMIT];
    match db.put(b"k", &large) {
        Err(Error::Limit {
            what: creel::Bounded::BatchSize,
            actual,
            limit,
        }) => {
            assert_eq!(limit, LIMIT as u64);
            assert!(actual > limit);
        }
        other => panic!("{other:?}"),
    }
    let mut batch = Batch::new();
    for i in 0..65u32 {
        batch.put(&i.to_be_bytes(), &large[..1 << 20]);
    }
    assert!(matches!(
        db.write(batch),
        Err(Error::Limit {
            what: creel::Bounded::BatchSize,
            ..
        })
    ));
    assert_eq!(db.snapshot().unwrap().token().index, 0);
    // The log grows for what is allowed.
    db.put(b"k", &large[..LIMIT - 100]).unwrap();
    assert_eq!(db.get(b"k").unwrap().unwrap().len(), LIMIT - 100);
    checkpoint(&db);
    assert_eq!(db.get(b"k").unwrap().unwrap().len(), LIMIT - 100);
}

/// Each counted delete looked through all operations of the batch before it: 20,000 took minutes,
/// under the writer lock.
#[test]
fn many_counted_deletes_in_one_batch_take_no_time_to_speak_of() {
    const COUNT: u32 = 20_000;
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    let (mut puts, mut deletes) = (Batch::new(), Batch::new());
    deletes.count_deleted(true);
    for i in 0..COUNT {
        puts.put(&i.to_be_bytes(), b"v");
        // Half of them twice, and a tenth of those that are not there.
        deletes.delete(&(i / 2 * 2).to_be_bytes());
        if i % 10 == 0 {
            deletes.delete(&(COUNT + i).to_be_bytes());
        }
    }
    db.write(puts).unwrap();
    let start = std::time::Instant::now();
    assert_eq!(db.write(deletes).unwrap().deleted, u64::from(COUNT / 2));
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    assert_eq!(db.len().unwrap(), u64::from(COUNT / 2));
}

/// Counts come from the branches, whatever ranges the log deletes.
#[test]
fn counting_after_deletes_of_ranges_does_not_walk_what_is_left() {
    const COUNT: u32 = 200_000;
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    let rows = (0..COUNT).map(|i| Ok((i.to_be_bytes(), *b"v")));
    db.bulk_load("main", rows, &NoProgress).unwrap();
    let range = |from: u32, to: u32| KeyRange::from_to(&from.to_be_bytes(), &to.to_be_bytes());
    let mut batch = Batch::new();
    batch.delete_range(&range(100, 300));
    batch.put(&200u32.to_be_bytes(), b"again");
    batch.put(&7u32.to_be_bytes(), b"another");
    db.write(batch).unwrap();
    let before = db.snapshot().unwrap();
    let mut batch = Batch::new();
    batch.delete_range(&range(250, 1000));
    batch.delete(&5u32.to_be_bytes());
    batch.put(&(COUNT + 1).to_be_bytes(), b"new");
    db.write(batch).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..500 {
        let all = u64::from(COUNT) - 900 + 1;
        assert_eq!(db.len().unwrap(), all - 1 + 1);
        let main = db.snapshot().unwrap().keyspace("main").unwrap();
        assert_eq!(main.count(&range(0, COUNT)).unwrap(), all - 1);
        assert_eq!(main.count(&range(150, 260)).unwrap(), 1);
        assert_eq!(main.count(&range(299, 1001)).unwrap(), 1);
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    let main = before.keyspace("main").unwrap();
    let old = u64::from(COUNT) - 200 + 1;
    assert_eq!(main.count(&KeyRange::all()).unwrap(), old);
}
