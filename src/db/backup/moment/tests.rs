#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may panic

use super::super::super::Db;
use super::*;

fn database() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::create(dir.path().join("a.creel")).unwrap();
    for i in 0..3u8 {
        db.put(&[i], b"value").unwrap();
    }
    (dir, db)
}

#[test]
fn log_bytes_are_all_there_or_it_is_told_where_the_file_ends() {
    let (_dir, db) = database();
    let file = db.inner.file.as_ref();
    let size = file.size().unwrap();
    let whole = std::fs::read(db.path()).unwrap();
    let extent = Extent {
        start: size - 4096,
        len: 4096,
    };
    let start = extent.start as usize;
    for len in [1, 4095, 4096] {
        let bytes = read_bytes(file, extent, len).unwrap();
        assert_eq!(bytes, whole[start..start + len as usize]);
    }
    let damage = |extent, len| match read_bytes(file, extent, len) {
        Err(Error::Corrupt(damage)) => (damage.id, damage.offset),
        other => panic!("{other:?}"),
    };
    let outside = (Invariant::W5, Some(extent.start));
    assert_eq!(damage(extent, 4097), outside);
    assert_eq!(damage(extent, u64::MAX), outside);
    let beyond = Extent {
        len: 8192,
        ..extent
    };
    assert_eq!(read_bytes(file, beyond, 4096).unwrap().len(), 4096);
    assert_eq!(damage(beyond, 4097), (Invariant::H7, Some(size)));
    assert_eq!(damage(beyond, 8192), (Invariant::H7, Some(size)));
}

#[test]
fn a_mark_stands_behind_the_log_of_a_copy_where_there_is_room_for_it() {
    let (_dir, db) = database();
    let mut tail = lock(&db.inner.log).tail.clone();
    let bytes = vec![7; 4000];
    for (len, there) in [(4015, false), (4016, true), (4017, true), (4000, false)] {
        tail.extent.len = len;
        let mut log = bytes.clone();
        leave_mark(&mut log, &tail);
        assert!(log.starts_with(&bytes));
        let mark = Mark::decode(&log[4000..], tail.region.salt);
        let expected = there.then_some(Mark {
            own_units: 500,
            prev_crc: tail.link.prev_crc,
        });
        assert_eq!(mark, expected, "{len}");
        assert_eq!(log.len(), 4000 + if there { MARK_SIZE } else { 0 });
    }
}

#[test]
fn the_header_of_a_copy_is_told_of_its_regions() {
    let (_dir, db) = database();
    let log = lock(&db.inner.log);
    let region = RegionHeader {
        region_seq: 12,
        first_index: 345,
        ..log.tail.region
    };
    for bytes in [Vec::new(), vec![9; 1000]] {
        let mut header = log.current.header.clone();
        header.file_id = [4; 16];
        header.regions[1].zero_filled = false;
        let before = header.regions;
        let with = with_header(bytes.clone(), region, &mut header, 1);
        assert_eq!(with.len(), bytes.len().max(REGION_HEADER_SIZE));
        let found = RegionHeader::decode(&with).unwrap();
        assert_eq!((found.region_seq, found.first_index), (12, 345));
        assert_eq!(found.file_id_low, 0x0404_0404);
        assert_eq!(found.salt, region.salt);
        let slot = header.regions[1];
        assert_eq!((slot.region_seq, slot.first_index), (12, 345));
        assert!(slot.zero_filled);
        assert_eq!(
            (slot.start_page, slot.pages),
            (before[1].start_page, before[1].pages)
        );
        assert_eq!(header.regions[0], before[0]);
    }
}

#[test]
fn a_long_region_goes_back_to_its_first_length_unless_more_is_needed() {
    let slot = |pages| RegionSlot {
        start_page: 100,
        pages,
        region_seq: 1,
        first_index: 1,
        zero_filled: true,
        base_pages: 16,
    };
    let shortened = |pages, used| {
        let mut slot = slot(pages);
        let free = shorten(&mut slot, used, 4096);
        (slot.pages, free.map(|run| (run.start, run.pages)))
    };
    assert_eq!(shortened(64, 100), (16, Some((116, 48))));
    assert_eq!(shortened(17, 100), (16, Some((116, 1))));
    assert_eq!(shortened(16, 100), (16, None));
    assert_eq!(shortened(64, 20 * 4096), (20, Some((120, 44))));
    assert_eq!(shortened(64, 20 * 4096 + 1), (21, Some((121, 43))));
    assert_eq!(shortened(64, 64 * 4096), (64, None));
}
