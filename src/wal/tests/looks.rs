//! How far is looked behind the end of the log, and what is found there.

use std::sync::Arc;

use super::{group, log};
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::mark::Mark;
use crate::format::region::REGION_HEADER_SIZE;
use crate::sys::File;
use crate::wal::Extent;
use crate::wal::append::{self, Durability, Encoded, write};
use crate::wal::scan::{ScanEnd, find_next, find_orphan, find_word, scan, scan_on, scan_to_mark};
use crate::wal::tail::Tail;
use crate::wal::window::Window;

const FROM: u64 = REGION_HEADER_SIZE as u64;

const LARGE: Extent = Extent {
    start: 4096,
    len: 512 << 10,
};

/// A long region with one entry that nothing proves.
struct Long {
    _dir: tempfile::TempDir,
    file: Arc<dyn File>,
    empty: Tail,
    one: Tail,
}

fn long() -> Long {
    let (dir, file, tail) = log(LARGE.start + LARGE.len);
    let empty = Tail {
        extent: LARGE,
        ..tail
    };
    let mut one = group(&empty, b"one");
    write(file.as_ref(), &empty, &mut one, Durability::Later).unwrap();
    Long {
        _dir: dir,
        file,
        empty,
        one: one.tail,
    }
}

#[derive(Clone, Copy)]
enum How {
    Far,
    ToMark,
    On,
}

impl Long {
    /// A frame that stands at a place and promises everything before another one.
    fn frame(&self, end: u64, proven: u64) -> Encoded {
        let there = Tail {
            end,
            proven,
            ..self.one.clone()
        };
        group(&there, b"another")
    }

    fn put(&self, end: u64, proven: u64) {
        let frame = self.frame(end, proven);
        self.file.write_at(&frame.bytes, LARGE.start + end).unwrap();
    }

    fn put_mark(&self, end: u64) {
        let there = Tail {
            end,
            ..self.one.clone()
        };
        append::leave_mark(self.file.as_ref(), &there);
    }

    /// Nothing behind the entry.
    fn clean(&self) {
        let zeros = vec![0; (LARGE.len - self.one.end) as usize];
        self.file
            .write_at(&zeros, LARGE.start + self.one.end)
            .unwrap();
    }

    fn scan(&self, how: How) -> Result<ScanEnd> {
        let (file, region, link) = (self.file.as_ref(), &self.empty.region, self.empty.link);
        match how {
            How::Far => scan(file, LARGE, region, FROM, link, &mut |_, _| Ok(())),
            How::ToMark => scan_to_mark(file, LARGE, region, FROM, link, &mut |_, _| Ok(())),
            How::On => scan_on(file, LARGE, region, FROM, link, &mut |_, _| Ok(())),
        }
    }

    /// True where the log ends behind the entry; else what is damaged there.
    fn ends(&self, how: How) -> std::result::Result<bool, Invariant> {
        match self.scan(how) {
            Ok(end) => {
                assert_eq!((end.end, end.frames), (self.one.end, 1));
                Ok(end.marked)
            }
            Err(Error::Corrupt(damage)) => {
                assert_eq!(damage.offset, Some(LARGE.start + self.one.end));
                Err(damage.id)
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_later_frame_proves_the_end_wrong_only_if_it_promises_more() {
    let long = long();
    let end = long.one.end;
    for place in [end + 8, end + 72, end + 5000, end + 100_000] {
        for (promise, refused) in [(0, false), (end - 8, false), (end, false), (end + 8, true)] {
            long.clean();
            long.put(place, promise);
            let expected = if refused {
                Err(Invariant::W6)
            } else {
                Ok(false)
            };
            assert_eq!(long.ends(How::Far), expected, "{place} {promise}");
        }
    }
    // One that promises nothing does not hide those behind it.
    for place in [end + 8, end + 4000, end + 100_000] {
        long.clean();
        long.put(place, 0);
        assert_eq!(long.ends(How::Far), Ok(false));
        long.put(place + 200, end);
        assert_eq!(long.ends(How::Far), Ok(false));
        long.put(place + 400, end + 8);
        assert_eq!(long.ends(How::Far), Err(Invariant::W6), "{place}");
    }
    // A mark promises all that is before it.
    long.clean();
    long.put_mark(end + 8);
    assert_eq!(long.ends(How::Far), Err(Invariant::W6));
}

/// Where a mark vouches for the end, opening looks past a sector or page that went back, and not
/// through the whole region.
#[test]
fn behind_a_mark_opening_looks_a_little_further_and_a_check_everywhere() {
    let long = long();
    let end = long.one.end;
    for how in [How::Far, How::ToMark, How::On] {
        long.clean();
        assert_eq!(long.ends(how), Ok(false));
        long.put_mark(end);
        assert_eq!(long.ends(how), Ok(true));
    }
    for near in [end + 16, end + 4096, end + (16 << 10) - 8] {
        long.clean();
        long.put_mark(end);
        long.put(near, near);
        for how in [How::Far, How::ToMark] {
            assert_eq!(long.ends(how), Err(Invariant::W6), "{near}");
        }
    }
    for far in [end + (16 << 10), end + (17 << 10), end + (60 << 10)] {
        long.clean();
        long.put_mark(end);
        long.put(far, far);
        assert_eq!(long.ends(How::ToMark), Ok(true), "{far}");
        assert_eq!(long.ends(How::Far), Err(Invariant::W6), "{far}");
    }
    let far = end + (300 << 10);
    long.clean();
    long.put(far, far);
    // Nobody vouches for the end.
    assert_eq!(long.ends(How::ToMark), Err(Invariant::W6));
    long.put_mark(end);
    assert_eq!(long.ends(How::Far), Err(Invariant::W6));
    assert_eq!(long.ends(How::ToMark), Ok(true));
}

/// Whoever saw the end before looks further only where something new stands there.
#[test]
fn a_second_look_goes_further_only_where_something_new_stands() {
    let long = long();
    let end = long.one.end;
    let far = end + (100 << 10);
    long.put(far, far);
    assert_eq!(long.ends(How::Far), Err(Invariant::W6));
    assert_eq!(long.ends(How::On), Ok(false));
    // The beginning of a frame, which may be torn.
    let torn = long.frame(end, 0);
    long.file
        .write_at(&torn.bytes[..40], LARGE.start + end)
        .unwrap();
    assert_eq!(long.ends(How::On), Err(Invariant::W6));
    // A whole frame that does not continue this log.
    let stray = Tail {
        link: long.empty.link,
        ..long.one.clone()
    };
    let stray = group(&stray, b"stray");
    long.file.write_at(&stray.bytes, LARGE.start + end).unwrap();
    assert_eq!(long.ends(How::On), Err(Invariant::W3));
    // Neither means anything without a promise.
    long.clean();
    long.file
        .write_at(&torn.bytes[..40], LARGE.start + end)
        .unwrap();
    assert_eq!(long.scan(How::On).unwrap().torn_bytes, 8);
    long.clean();
    long.file.write_at(&stray.bytes, LARGE.start + end).unwrap();
    assert_eq!(long.ends(How::On), Ok(false));
}

/// A frame continues the log by its index and by the checksum of the one before it, not by one of them.
#[test]
fn a_frame_with_one_right_link_is_not_the_next() {
    let long = long();
    let put = |next_index, prev_crc| {
        let mut there = long.one.clone();
        (there.link.next_index, there.link.prev_crc) = (next_index, prev_crc);
        let frame = group(&there, b"two");
        long.file
            .write_at(&frame.bytes, LARGE.start + there.end)
            .unwrap();
        long.scan(How::Far).unwrap().frames
    };
    let (index, crc) = (long.one.link.next_index, long.one.link.prev_crc);
    assert_eq!(put(index + 1, crc), 1);
    assert_eq!(put(index - 1, crc), 1);
    assert_eq!(put(index, crc ^ 1), 1);
    assert_eq!(put(index, crc), 2);
}

#[test]
fn a_word_is_found_where_it_first_stands_and_nowhere_between() {
    let (one, other) = (0x1234_5678_u32, !0x1234_5678_u32);
    let naive = |bytes: &[u8]| {
        let words = bytes.chunks_exact(8);
        let mut starts = words.map(|word| u32::from_le_bytes(*word.first_chunk().unwrap()));
        starts.position(|word| word == one || word == other)
    };
    for len in [0, 7, 8, 9, 63, 64, 65, 72, 128, 200, 264, 320] {
        let none = vec![0; len];
        assert_eq!(find_word(&none, one, other), None, "{len}");
        for at in 0..len.saturating_sub(3) {
            for word in [one, other] {
                let mut bytes = none.clone();
                bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
                assert_eq!(find_word(&bytes, one, other), naive(&bytes), "{len} {at}");
                // The same once more, so that the two cancel each other out.
                let again = at + 24;
                if again + 4 <= len {
                    bytes[again..again + 4].copy_from_slice(&word.to_le_bytes());
                }
                assert_eq!(find_word(&bytes, one, other), naive(&bytes), "{len} {at}");
            }
        }
    }
}

#[test]
fn frames_and_orphans_are_found_far_into_a_region() {
    let long = long();
    let end = long.one.end;
    for place in [end + 8, 4088, 4096, 70_000, 200_000, LARGE.len - 200] {
        long.clean();
        long.put(place, end);
        let found = find_next(long.file.as_ref(), LARGE, &long.empty.region, end).unwrap();
        assert_eq!(found.map(|placed| placed.offset), Some(place));
        let orphan = |last| find_orphan(long.file.as_ref(), LARGE, last).unwrap();
        assert_eq!(orphan(1), Some(place), "{place}");
        assert_eq!(orphan(2), None, "{place}");
    }
    // The first write to a region may promise its header, and nothing more.
    for (promise, is_orphan) in [
        (0, false),
        (FROM - 8, false),
        (FROM, false),
        (FROM + 8, true),
    ] {
        long.clean();
        long.put(5000, promise);
        let found = find_orphan(long.file.as_ref(), LARGE, 1).unwrap();
        assert_eq!(found.is_some(), is_orphan, "{promise}");
    }
}

/// A mark is found at its own place and no other.
#[test]
fn a_mark_that_was_moved_is_none() {
    let long = long();
    let end = long.one.end;
    let mark = Mark {
        own_units: ((end + 64) / 8) as u32,
        prev_crc: 1,
    };
    let bytes = mark.encode(long.empty.region.salt);
    for (place, refused) in [(end + 56, false), (end + 64, true), (end + 72, false)] {
        long.clean();
        long.file.write_at(&bytes, LARGE.start + place).unwrap();
        let expected = if refused {
            Err(Invariant::W6)
        } else {
            Ok(false)
        };
        assert_eq!(long.ends(How::Far), expected);
    }
}

/// What stands behind the region belongs to somebody else.
#[test]
fn a_window_ends_where_its_region_does() {
    let (_dir, file, _) = log(0);
    let extent = Extent {
        start: 4096,
        len: 20_480,
    };
    file.write_at(&vec![1; extent.len as usize], extent.start)
        .unwrap();
    file.write_at(&vec![2; 300_000], extent.start + extent.len)
        .unwrap();
    for at in [0, 8, 4096, 9000, 16_384, 20_000, 20_472] {
        let mut window = Window::new(file.as_ref(), extent);
        for at in [at, (at / 2) & !7, at] {
            let rest = window.chunk(at).unwrap().unwrap();
            assert!(rest.len() as u64 <= extent.len - at, "{at}");
            assert!(rest.iter().all(|byte| *byte == 1), "{at}");
        }
    }
}
