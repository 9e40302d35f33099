//! A copy from its first byte to its last: headers, log regions, pages, and what is free.

use super::free::Free;
use crate::error::{Corruption, Result};
use crate::format::Invariant;
use crate::format::bytes::patch;
use crate::format::header::{Header, first_page};
use crate::wal::extents;

/// Consecutive bytes of the copy.
#[derive(Debug)]
pub(super) struct Part {
    pub at: u64,
    pub len: u64,
    pub what: What,
}

/// Where the bytes come from.
#[derive(Debug)]
pub(super) enum What {
    /// These, and zeros after them. Written, so that no later commit has to allocate.
    Bytes(Vec<u8>),
    /// The same place of the database.
    Pages,
    /// Nothing is there: a hole in a file, zeros in a stream.
    Nothing,
}

/// The whole copy.
#[derive(Debug)]
pub(super) struct Layout {
    /// Older first. Both name the same tree, so either will do.
    pub headers: [Header; 2],
    /// In the order of the file.
    pub parts: Vec<Part>,
    /// Length.
    pub bytes: u64,
}

impl Layout {
    /// Lays out what this header describes. Free pages are left out.
    pub fn new(header: Header, logs: &[Vec<u8>; 2], free: Free) -> Result<Layout> {
        let page_size = header.page_size() as u64;
        let next = Header {
            generation: header.generation + 1,
            prev_header_crc: header.crc(),
            ..header.clone()
        };
        let zone = u64::from(first_page(header.page_size())) * page_size;
        let mut zone_bytes = vec![0; zone as usize];
        let headers = [header, next];
        for header in &headers {
            let at = header.slot_offset() as usize;
            patch(&mut zone_bytes, at, &header.encode());
        }
        let bytes = |at, len, bytes: Vec<u8>| Part {
            at,
            len,
            what: What::Bytes(bytes),
        };
        let [header, _] = &headers;
        let mut given = vec![bytes(0, zone, zone_bytes)];
        for (extent, log) in extents(header).into_iter().zip(logs) {
            given.push(bytes(extent.start, extent.len, log.clone()));
        }
        for (page, content) in free.chain {
            given.push(bytes(u64::from(page) * page_size, page_size, content));
        }
        given.extend(free.runs.iter().map(|run| Part {
            at: u64::from(run.start) * page_size,
            len: u64::from(run.pages) * page_size,
            what: What::Nothing,
        }));
        given.sort_by_key(|part| part.at);
        let end = u64::from(header.page_count) * page_size;
        Ok(Layout {
            parts: fill_gaps(given, end)?,
            headers,
            bytes: end,
        })
    }
}

/// What lies between the given parts are pages in use.
fn fill_gaps(given: Vec<Part>, end: u64) -> Result<Vec<Part>> {
    let mut parts = Vec::with_capacity(given.len() * 2);
    let mut at = 0;
    for part in given {
        if part.at < at {
            let text = "a free page belongs to the log or is listed twice";
            return Err(Corruption::new(Invariant::S1, text).at(part.at).into());
        }
        push_pages(&mut parts, at, part.at);
        at = part.at + part.len;
        parts.push(part);
    }
    push_pages(&mut parts, at, end);
    Ok(parts)
}

fn push_pages(parts: &mut Vec<Part>, from: u64, to: u64) {
    if from < to {
        parts.push(Part {
            at: from,
            len: to - from,
            what: What::Pages,
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn part(at: u64, len: u64) -> Part {
        Part {
            at,
            len,
            what: What::Nothing,
        }
    }

    #[test]
    fn what_nobody_says_otherwise_of_are_pages_and_no_part_is_empty() {
        let given = vec![part(0, 10), part(10, 5), part(20, 10)];
        let parts = fill_gaps(given, 30).unwrap();
        let told: Vec<_> = parts
            .iter()
            .map(|part| (part.at, part.len, matches!(part.what, What::Pages)))
            .collect();
        let expected = [
            (0, 10, false),
            (10, 5, false),
            (15, 5, true),
            (20, 10, false),
        ];
        assert_eq!(told, expected);
        let parts = fill_gaps(vec![part(5, 5)], 12).unwrap();
        let told: Vec<_> = parts.iter().map(|part| (part.at, part.len)).collect();
        assert_eq!(told, [(0, 5), (5, 5), (10, 2)]);
        assert!(fill_gaps(vec![part(0, 11), part(10, 5)], 30).is_err());
    }
}
