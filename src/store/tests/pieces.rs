//! How new pages reach the file: together, in large pieces, and each at its own place.

use std::sync::Mutex;

use super::{PAGE, file, header};
use crate::error::Error;
use crate::progress::Progress;
use crate::store::space::Space;
use crate::store::writer::PageWriter;
use crate::tree::PageWrite;

const PIECE: u64 = 1 << 20;

/// Bytes that were written at each report, and a wish to stop.
#[derive(Default)]
struct Reports {
    all: Mutex<Vec<u64>>,
    stop_at: Option<usize>,
}

impl Progress for Reports {
    fn report(&self, done: u64, total: Option<u64>) {
        assert_eq!(total, None);
        self.all.lock().unwrap().push(done);
    }
    fn stopped(&self) -> bool {
        Some(self.all.lock().unwrap().len()) == self.stop_at
    }
}

/// Writes extents of these many pages from a first page on, and tells what was reported when.
fn written(first: u32, extents: &[u32]) -> Vec<u64> {
    let (_dir, file) = file(0);
    let reports = Reports::default();
    let mut space = Space::fresh(&header(1, first));
    let mut writer = PageWriter::new(&file, &mut space, PAGE, 7);
    assert_eq!(writer.generation(), 7);
    writer.watch(&reports);
    let mut expected = Vec::new();
    for (i, pages) in extents.iter().enumerate() {
        let at = writer.allocate(*pages).unwrap();
        assert_eq!(
            u64::from(at) * PAGE as u64,
            u64::from(first) * PAGE as u64 + expected.len() as u64
        );
        // A head and a value that does not fill its last page.
        let byte = (i % 100) as u8;
        let head = [byte + 1; 32];
        let value = vec![byte + 101; *pages as usize * PAGE - 32 - 5];
        writer.write(at, &[&head, &value]).unwrap();
        expected.extend_from_slice(&head);
        expected.extend_from_slice(&value);
        expected.extend_from_slice(&[0; 5]);
        assert_eq!(writer.written(), expected.len() as u64);
    }
    writer.flush().unwrap();
    writer.flush().unwrap();
    assert_eq!(writer.written(), expected.len() as u64);
    let mut bytes = vec![0; expected.len()];
    let start = u64::from(first) * PAGE as u64;
    assert_eq!(file.read_at(&mut bytes, start).unwrap(), expected.len());
    assert!(bytes == expected);
    assert_eq!(file.size().unwrap(), start + expected.len() as u64);
    reports.all.into_inner().unwrap()
}

#[test]
fn pages_are_written_in_pieces_that_end_where_a_mebibyte_does() {
    let page = PAGE as u64;
    // 256 pages are a mebibyte.
    assert_eq!(written(256, &[1; 3]), [3 * page]);
    assert_eq!(written(256, &[1; 256]), [PIECE]);
    assert_eq!(written(256, &[1; 600]), [PIECE, 2 * PIECE, 600 * page]);
    // The first piece is shorter where it begins inside one.
    assert_eq!(
        written(200, &[1; 320]),
        [56 * page, 56 * page + PIECE, 320 * page]
    );
    // Nothing ends at a mebibyte here: pieces are cut before they grow much longer than two.
    assert_eq!(
        written(255, &[2; 600]),
        [512 * page, 1024 * page, 1200 * page]
    );
    // A large value is written in one.
    assert_eq!(written(256, &[1, 1000, 1]), [1001 * page, 1002 * page]);
}

#[test]
fn pages_that_do_not_follow_each_other_are_each_at_their_place() {
    let (_dir, file) = file(0);
    let reports = Reports::default();
    let mut space = Space::fresh(&header(1, 100));
    let mut writer = PageWriter::new(&file, &mut space, PAGE, 2);
    writer.watch(&reports);
    // One behind the other, apart, before, and over what was written already.
    for (i, page) in [20u32, 21, 30, 10, 11, 12, 30].into_iter().enumerate() {
        writer.write(page, &[&[i as u8 + 1; PAGE]]).unwrap();
    }
    writer.flush().unwrap();
    writer.write(31, &[&[9; PAGE]]).unwrap();
    writer.flush().unwrap();
    let pages = [2, 3, 6, 7, 8].map(|n| n * PAGE as u64);
    assert_eq!(*reports.all.lock().unwrap(), pages);
    let at = |page: u64| {
        let mut byte = [0; 2];
        file.read_at(&mut byte[..1], page * PAGE as u64).unwrap();
        file.read_at(&mut byte[1..], (page + 1) * PAGE as u64 - 1)
            .unwrap();
        assert_eq!(byte[0], byte[1], "page {page}");
        byte[0]
    };
    let found = [10, 11, 12, 20, 21, 30, 31, 13, 22].map(at);
    assert_eq!(found, [4, 5, 6, 1, 2, 7, 9, 0, 0]);
}

#[test]
fn who_is_asked_to_stop_stops_between_two_pieces() {
    let (_dir, file) = file(0);
    let reports = Reports {
        stop_at: Some(2),
        ..Reports::default()
    };
    let mut space = Space::fresh(&header(1, 256));
    let mut writer = PageWriter::new(&file, &mut space, PAGE, 2);
    writer.watch(&reports);
    let mut pages = 0;
    let stopped = loop {
        let at = writer.allocate(1).unwrap();
        match writer.write(at, &[&[1; PAGE]]) {
            Ok(()) => pages += 1,
            Err(stopped) => break stopped,
        }
    };
    assert!(matches!(stopped, Error::Interrupted), "{stopped}");
    assert_eq!(pages, 512);
}
