//! Files that are no database, or not all of one: typed errors, no panic, no change.

use std::fs;
use std::path::Path;

use creel::{CheckpointOptions, CreateOptions, Db, Error, KeyRange, NoProgress, OpenOptions};

use crate::rng::Rng;
use crate::scratch::Scratch;

/// Reads everything; gives the number of entries.
fn read_all(path: &Path, mmap: bool) -> Result<usize, Error> {
    let db = OpenOptions::new().read_only(true).mmap(mmap).open(path)?;
    let snapshot = db.snapshot()?;
    let cursor = snapshot.keyspace("main")?.cursor(&KeyRange::all());
    Ok(cursor.collect::<Result<Vec<_>, _>>()?.len())
}

#[test]
fn what_is_no_database_is_refused_by_variant() {
    let scratch = Scratch::new();
    let missing = scratch.file("missing");
    for options in [OpenOptions::new(), OpenOptions::new().read_only(true)] {
        let open = |path: &Path| options.clone().open(path).unwrap_err();
        assert!(matches!(open(&missing), Error::NotFound { .. }));
        assert!(!missing.exists(), "opening does not create");
        let error = open(scratch.path());
        assert!(
            matches!(error, Error::NotADatabase { .. }),
            "a directory: {error:?}"
        );
        let through = missing.join("x");
        assert!(matches!(open(&through), Error::NotFound { .. }));
        let mut rng = Rng::new(5);
        let noise: Vec<u8> = (0..100_000).map(|_| rng.next() as u8).collect();
        let contents = [
            vec![],
            vec![0],
            vec![0; 511],
            vec![0; 512],
            vec![0; 16_384],
            vec![0; 1 << 20],
            b"SQLite format 3\0".repeat(2000),
            b"{\"k\": 1}\n".repeat(5000),
            noise[..20].to_vec(),
            noise,
        ];
        for content in contents {
            let path = scratch.file("garbage");
            fs::write(&path, &content).unwrap();
            let error = open(&path);
            let head = &content[..content.len().min(8)];
            let what = format!("{} bytes like {head:?}: {error:?}", content.len());
            assert!(matches!(error, Error::NotADatabase { .. }), "{what}");
            assert!(fs::read(&path).unwrap() == content, "{what}: changed");
        }
    }
}

/// A file with a tree, large values, free pages and commits in the log.
fn sample(scratch: &Scratch) -> Vec<u8> {
    let path = scratch.file("sample.creel");
    let create = CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    let db = OpenOptions::new()
        .background_checkpoint(false)
        .create(&path, &create)
        .unwrap();
    for round in 0..4u8 {
        for i in 0..100u32 {
            db.put(&i.to_be_bytes(), &vec![round; i as usize]).unwrap();
        }
        db.put(b"large", &vec![round; 20_000]).unwrap();
        if round < 3 {
            db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                .unwrap();
        }
    }
    drop(db);
    fs::read(&path).unwrap()
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let scratch = Scratch::new();
    let whole = sample(&scratch);
    let path = scratch.file("cut.creel");
    fs::write(&path, &whole).unwrap();
    assert_eq!(read_all(&path, true).unwrap(), 101);
    // Many lengths in the header zone, then those around every page and some between.
    let lengths = (0..17_000)
        .step_by(67)
        .chain((16_384..whole.len()).step_by(4_001));
    let around = (4..=whole.len() / 4096).flat_map(|p| [p * 4096 - 1, p * 4096, p * 4096 + 1]);
    for len in lengths.chain(around).filter(|len| *len < whole.len()) {
        fs::write(&path, &whole[..len]).unwrap();
        let error = Db::open(&path).map(drop).unwrap_err();
        match error {
            // As long as the magic is there it is known for what it was.
            Error::NotADatabase { .. } if len < 8 => {}
            Error::Corrupt(_) if len >= 8 => {}
            other => panic!("{len} bytes: {other:?}"),
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), len as u64, "changed");
    }
}

#[test]
fn a_file_with_something_behind_it_is_read_as_it_was() {
    let scratch = Scratch::new();
    let mut longer = sample(&scratch);
    longer.extend(vec![0xa5; 10_000]);
    let path = scratch.file("longer.creel");
    fs::write(&path, &longer).unwrap();
    assert_eq!(read_all(&path, true).unwrap(), 101);
    let db = Db::open(&path).unwrap();
    for i in 0..1000u32 {
        db.put(&i.to_be_bytes(), &[1; 200]).unwrap();
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    db.close().unwrap();
    assert_eq!(read_all(&path, true).unwrap(), 1001);
}

/// A byte changed anywhere: an error by variant, or the right answer, never a wrong one.
#[test]
fn a_damaged_byte_gives_an_error_or_the_right_answer() {
    let scratch = Scratch::new();
    let whole = sample(&scratch);
    let path = scratch.file("damaged.creel");
    let wanted: Vec<Vec<u8>> = (0..100u32).map(|i| vec![3; i as usize]).collect();
    let mut rng = Rng::new(11);
    let (mut refused, mut right, mut older) = (0, 0, 0);
    for round in 0..1500 {
        let mut bytes = whole.clone();
        // Mostly where something is written.
        let at = loop {
            let at = rng.below(bytes.len());
            if bytes[at] != 0 || rng.chance(1) {
                break at;
            }
        };
        bytes[at] ^= 1 << rng.below(8);
        fs::write(&path, &bytes).unwrap();
        let mut read = || -> Result<(), Error> {
            let db = OpenOptions::new()
                .read_only(true)
                .mmap(round % 3 > 0)
                .open(&path)?;
            let clean = db.recovery().is_clean();
            for (i, value) in wanted.iter().enumerate() {
                let found = db.get(&(i as u32).to_be_bytes())?;
                if found.as_ref() == Some(value) {
                    continue;
                }
                // Only the newest commits may go, and then opening says so.
                assert!(
                    !clean,
                    "byte {at}: wrong value of {i}, and recovery said nothing"
                );
                assert_eq!(found, Some(vec![2; i]), "byte {at}: neither new nor old");
                older += 1;
            }
            Ok(())
        };
        match read() {
            Ok(()) => right += 1,
            Err(Error::Corrupt(_) | Error::NotADatabase { .. }) => refused += 1,
            Err(e) => panic!("byte {at}: {e:?}"),
        }
    }
    println!("{refused} refused, {right} right, {older} values older than the newest");
    assert!(refused > 0 && right > 0);
}
