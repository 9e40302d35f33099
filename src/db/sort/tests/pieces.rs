//! Parts of the sorter by themselves: records, readers of runs, the tournament.

use std::sync::Arc;

use super::super::merge::Merge;
use super::super::record::{self, common};
use super::super::run::{Place, Reader, Run};
use super::Duplicates;
use crate::error::{Error, Result};
use crate::sys::{File, OsVfs, Vfs};

fn full(key: u64) -> Vec<u8> {
    [&1u32.to_be_bytes()[..], &key.to_be_bytes()].concat()
}

fn bytes_of(keys: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for key in keys {
        record::push(&mut bytes, None, 1, &key.to_be_bytes(), Some(b"value"));
    }
    bytes
}

fn run(keys: &[u64], place: Place) -> Run {
    Run {
        first: full(keys[0]),
        last: full(keys[keys.len() - 1]),
        place,
    }
}

fn scratch(bytes: &[u8]) -> Arc<dyn File> {
    let dir = tempfile::tempdir().unwrap();
    let file = OsVfs.open_scratch(&dir.path().join("db")).unwrap();
    file.write_at(bytes, 0).unwrap();
    file
}

/// The keys of a run that should stand in so many bytes of a file.
fn read(file: &Arc<dyn File>, len: u64, chunk: usize) -> Result<Vec<Vec<u8>>> {
    let place = Place::Disk(Arc::clone(file), 0..len);
    let mut reader = Reader::new(run(&[1, 2], place), chunk, false)?;
    let mut keys = Vec::new();
    while !reader.is_done() {
        assert_eq!(reader.value(), Some(&b"value"[..]));
        keys.push(reader.key().to_vec());
        reader.advance()?;
    }
    Ok(keys)
}

#[test]
fn equal_bytes_are_counted_at_the_front() {
    for (a, b, count) in [
        (&b""[..], &b""[..], 0),
        (b"abc", b"", 0),
        (b"abc", b"abc", 3),
        (b"abc", b"abcd", 3),
        (b"abc", b"abd", 2),
        (b"abc", b"xbc", 0),
    ] {
        assert_eq!((common(a, b), common(b, a)), (count, count));
    }
}

#[test]
fn a_run_that_was_cut_short_is_no_shorter_run() {
    let keys = [1, 2, 3];
    let bytes = bytes_of(&keys);
    let (len, one) = (bytes.len() as u64, bytes.len() as u64 / 3);
    let file = scratch(&bytes);
    let cut_short = |found: Result<Vec<Vec<u8>>>| match found {
        Err(Error::Io { source, .. }) => source.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    };
    for chunk in [1, 7, 20, 4096] {
        assert_eq!(read(&file, len, chunk).unwrap(), keys.map(full));
        assert_eq!(read(&file, 2 * one, chunk).unwrap(), [1, 2].map(full));
        // In the middle of a record, and behind the end of the file.
        for len in [len - 1, 2 * one + 1, len + 1, len + one] {
            assert!(cut_short(read(&file, len, chunk)), "{len} by {chunk}");
        }
    }
}

#[test]
fn a_reader_tells_eight_bytes_of_its_key_and_the_most_at_its_end() {
    let keys = [0x0102_0304_0506_0708, u64::MAX - 1];
    let place = Place::Memory(vec![bytes_of(&keys)]);
    let mut reader = Reader::new(run(&keys, place), 4096, false).unwrap();
    assert_eq!(reader.head(4), keys[0]);
    assert_eq!(reader.head(0), 0x0000_0001_0102_0304);
    assert_eq!(reader.head(8), 0x0506_0708 << 32, "zeros behind the end");
    reader.advance().unwrap();
    assert_eq!(reader.head(4), keys[1]);
    reader.advance().unwrap();
    assert!(reader.is_done());
    assert_eq!(reader.head(4), u64::MAX);
}

#[test]
fn any_number_of_runs_is_merged() {
    for count in 0..9u64 {
        let keys = |i: u64| (0..20).map(|n| n * count + i).collect::<Vec<u64>>();
        let runs = (0..count).map(|i| {
            let keys = keys(i);
            run(&keys, Place::Memory(vec![bytes_of(&keys)]))
        });
        let mut merge = Merge::new(runs.collect(), 4096, Duplicates::Last).unwrap();
        assert_eq!(merge.runs() as u64, count);
        for key in 0..20 * count {
            assert!(merge.next().unwrap());
            assert_eq!(merge.key(), full(key));
        }
        assert!(!merge.next().unwrap());
        assert_eq!(merge.dropped(), 0);
    }
}
