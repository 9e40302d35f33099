//! How much of the archived log is kept: a function of what the file says of itself, without the file.

use super::facts::Facts;
use super::kept::KEPT_BYTES;
use crate::format::local::ArchiveRecord;

/// Who needs old log, besides what the facts say.
#[derive(Debug, Default, Clone, Copy)]
pub struct Needs {
    /// A copy on its way goes on behind this entry.
    pub pinned: Option<u64>,
    /// And a tree that is kept to go back to behind this one.
    pub oldest_tree: Option<u64>,
}

/// How many of the oldest parts need not be kept.
pub fn expired(
    list: &[ArchiveRecord],
    facts: &Facts,
    needs: &Needs,
    newest: u64,
    page_size: u64,
    now_us: u64,
) -> usize {
    let keep = &facts.retention;
    let bytes_of = |record: &ArchiveRecord| u64::from(record.pages) * page_size;
    let mut bytes: u64 = list.iter().map(bytes_of).sum();
    let held = |record: &ArchiveRecord, bytes: u64| {
        facts.holds.iter().any(|hold| {
            hold.index < record.last_index && bytes <= hold.max_bytes && now_us < hold.expires_us
        })
    };
    let pinned = |record: &ArchiveRecord, bytes: u64| {
        bytes <= KEPT_BYTES && needs.pinned.is_some_and(|index| index < record.last_index)
    };
    // How much that can be is what the tree was kept by.
    let behind_tree = |record: &ArchiveRecord| {
        needs
            .oldest_tree
            .is_some_and(|index| index < record.last_index)
    };
    let unpublished = |record: &ArchiveRecord| {
        let published = facts.published.map_or(0, |(point, _)| point.index);
        !facts.publish.is_empty() && record.last_index > published
    };
    let mut gone = 0;
    for record in list {
        let young = now_us.saturating_sub(record.archived_us) / 1000 < keep.time_ms;
        let needed = newest - record.last_index < keep.min_entries || young;
        let wanted = needed && bytes <= keep.max_bytes;
        // What is published nowhere is kept in any case: there is no other copy of it.
        let others = held(record, bytes) || pinned(record, bytes) || unpublished(record);
        if wanted || others || behind_tree(record) {
            break;
        }
        bytes -= bytes_of(record);
        gone += 1;
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Hold, Retention};
    use super::*;
    use crate::format::entry::Point;

    fn list() -> Vec<ArchiveRecord> {
        (0..5u64)
            .map(|i| ArchiveRecord {
                first_index: i * 100 + 1,
                last_index: i * 100 + 100,
                start_page: 10 + i as u32,
                pages: 2,
                end: 8000,
                region_seq: i + 1,
                archived_us: i * 1_000_000,
            })
            .collect()
    }

    fn gone(facts: &Facts, newest: u64) -> usize {
        expired(&list(), facts, &Needs::default(), newest, 4096, 4_000_000)
    }

    #[test]
    fn what_a_copy_on_its_way_needs_stays_up_to_a_limit() {
        let facts = Facts {
            retention: Retention {
                min_entries: 0,
                ..Retention::default()
            },
            ..Facts::default()
        };
        let gone = |pinned, page_size| {
            let needs = Needs {
                pinned,
                ..Needs::default()
            };
            expired(&list(), &facts, &needs, 5000, page_size, 4_000_000)
        };
        assert_eq!(gone(None, 4096), 5);
        assert_eq!(gone(Some(0), 4096), 0);
        assert_eq!(gone(Some(199), 4096), 1);
        assert_eq!(gone(Some(200), 4096), 2);
        assert_eq!(gone(Some(500), 4096), 5);
        // Two pages each: of more than the limit so many go that the rest is within it.
        let page_size = KEPT_BYTES / 6;
        assert_eq!(gone(Some(0), page_size), 2);
        let needs = Needs {
            oldest_tree: Some(250),
            ..Needs::default()
        };
        assert_eq!(expired(&list(), &facts, &needs, 5000, 4096, 4_000_000), 2);
        let exact = Needs {
            oldest_tree: Some(300),
            ..Needs::default()
        };
        assert_eq!(expired(&list(), &facts, &exact, 5000, 4096, 4_000_000), 3);
    }

    #[test]
    fn what_is_old_enough_goes_unless_somebody_needs_it() {
        let mut facts = Facts {
            retention: Retention {
                min_entries: 250,
                ..Retention::default()
            },
            ..Facts::default()
        };
        assert_eq!(gone(&facts, 500), 2);
        assert_eq!(gone(&facts, 5000), 5);
        facts.retention.time_ms = 1500;
        assert_eq!(gone(&facts, 5000), 3); // archived 2 seconds ago
        facts.retention.max_bytes = 8192;
        assert_eq!(gone(&facts, 5000), 4); // one part alone is within the bytes
        facts.retention = Retention {
            min_entries: 0,
            ..Retention::default()
        };
        let hold = |index, max_bytes, expires_us| Hold {
            name: "b".into(),
            index,
            max_bytes,
            expires_us,
        };
        facts.holds = vec![hold(150, 1 << 20, 9_000_000)];
        assert_eq!(gone(&facts, 5000), 1);
        facts.holds = vec![hold(150, 3 * 8192, 9_000_000)];
        assert_eq!(gone(&facts, 5000), 2); // beyond its bytes
        facts.holds = vec![hold(150, 1 << 20, 3_000_000)];
        assert_eq!(gone(&facts, 5000), 5); // beyond its time
        facts.publish = "dir:x".into();
        assert_eq!(gone(&facts, 5000), 0);
        let point = Point {
            index: 320,
            epoch: 1,
            history: [0; 16],
        };
        facts.published = Some((point, 4));
        assert_eq!(gone(&facts, 5000), 3);
    }

    #[test]
    fn what_is_exactly_at_a_limit() {
        let keeping = |retention| Facts {
            retention,
            ..Facts::default()
        };
        let none = Retention {
            min_entries: 0,
            ..Retention::default()
        };
        let entries = |min_entries| {
            keeping(Retention {
                min_entries,
                ..none
            })
        };
        assert_eq!((gone(&entries(100), 500), gone(&entries(101), 500)), (4, 3));
        let time = |time_ms| keeping(Retention { time_ms, ..none });
        assert_eq!((gone(&time(2000), 5000), gone(&time(2001), 5000)), (3, 2));
        let bytes = |max_bytes| {
            keeping(Retention {
                min_entries: u64::MAX,
                max_bytes,
                ..none
            })
        };
        let three = 3 * 2 * 4096;
        assert_eq!(
            (gone(&bytes(three), 500), gone(&bytes(three - 1), 500)),
            (2, 3)
        );
        let held = |index, max_bytes, expires_us| Facts {
            holds: vec![Hold {
                name: "b".into(),
                index,
                max_bytes,
                expires_us,
            }],
            ..keeping(none)
        };
        let all = 5 * 2 * 4096;
        assert_eq!(gone(&held(199, all, u64::MAX), 5000), 1);
        assert_eq!(gone(&held(200, all, u64::MAX), 5000), 2);
        assert_eq!(gone(&held(0, all, 4_000_001), 5000), 0);
        assert_eq!(gone(&held(0, all, 4_000_000), 5000), 5);
        assert_eq!(gone(&held(0, all - 1, u64::MAX), 5000), 1);
        let published = |index| Facts {
            publish: "dir:x".into(),
            published: Some((
                Point {
                    index,
                    epoch: 1,
                    history: [0; 16],
                },
                4,
            )),
            ..keeping(none)
        };
        assert_eq!(
            (gone(&published(300), 5000), gone(&published(299), 5000)),
            (3, 2)
        );
    }
}
