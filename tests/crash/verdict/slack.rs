//! Which bytes are slack, computed here from the bytes of the file and the formats alone, and not by what is tested.

use std::ops::Range;

use creel::format::frame::FrameHeader;
use creel::format::freelist::read_free_page;
use creel::format::header::{Header, SlotState};
use creel::format::region::{REGION_HEADER_SIZE, RegionHeader};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};

use super::subject::{PAGE, Subject};

fn newest(bytes: &[u8]) -> Header {
    let slot = |slot: usize| {
        let at = SLOT_OFFSETS[slot] as usize;
        match Header::decode(bytes[at..at + SLOT_SIZE].try_into().unwrap(), slot) {
            SlotState::Valid(header, _) => Some(*header),
            _ => None,
        }
    };
    let both = [slot(0), slot(1)].into_iter().flatten();
    both.max_by_key(|header| header.generation).unwrap()
}

/// Where the frames of a region end.
fn end_of_frames(bytes: &[u8], start: usize, region: &RegionHeader) -> usize {
    let mut at = start + REGION_HEADER_SIZE;
    while let Some(frame) = FrameHeader::decode(&bytes[at..], region.salt) {
        let fits = frame.envelope.own_units as usize * 8 == at - start;
        if !fits || frame.check_body(&bytes[at..]).is_none() {
            break;
        }
        at += frame.frame_len() as usize;
    }
    at
}

fn of(bytes: &[u8]) -> Vec<Range<u64>> {
    let header = newest(bytes);
    let page = PAGE as usize;
    let mut ranges = Vec::new();
    let mut next = header.free_head;
    while next != 0 {
        let at = next as usize * page;
        let ((following, _), records) = read_free_page(&bytes[at..at + page]).unwrap();
        let pages = |start: u32, count: u32| {
            start as usize * page..(start as usize + count as usize) * page
        };
        ranges.extend(records.iter().map(|r| pages(r.start, r.pages)));
        next = following;
    }
    let regions = header.regions.map(|r| {
        let start = r.start_page as usize * page;
        let end = start + r.pages as usize * page;
        (start, end, RegionHeader::decode(&bytes[start..]))
    });
    let seq = |i: usize| regions[i].2.as_ref().map_or(0, |r| r.region_seq);
    let active = usize::from(seq(1) > seq(0));
    let (start, end, region) = &regions[active];
    let region = region.as_ref().unwrap();
    ranges.push(end_of_frames(bytes, *start, region)..*end);
    let (start, end, other) = &regions[active ^ 1];
    // What the other one has is needed as long as the tree does not have it.
    let needed = region.first_index > header.checkpoint_index + 1 || header.keeps_log();
    let used = match other {
        Some(other) if needed => end_of_frames(bytes, *start, other),
        _ => start + REGION_HEADER_SIZE,
    };
    ranges.push(used..*end);
    ranges.push(header.page_count as usize * page..bytes.len());
    let ranges = ranges.into_iter().filter(|range| !range.is_empty());
    let mut ranges: Vec<Range<u64>> = ranges.map(|r| r.start as u64..r.end as u64).collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

#[test]
fn what_is_declared_slack_is_what_the_formats_say() {
    for subject in [Subject::everything(), Subject::both_regions()] {
        let own = of(&subject.bytes);
        let bytes =
            |ranges: &[Range<u64>]| -> Vec<u64> { ranges.iter().cloned().flatten().collect() };
        assert_eq!(bytes(&own), bytes(&subject.slack), "{}", subject.name);
        assert!(bytes(&own).len() > 50_000, "{}", subject.name);
    }
}
