//! No byte changes unseen, but for what is declared slack: log bytes that nothing needs,
//! and free pages.

use std::collections::BTreeSet;

use creel::format::header::first_page;
use creel::{Depth, NoProgress, Verdict, VerifyOptions};

use crate::breaker::Breaker;
use crate::check;
use crate::files::{self, TestFile};

/// Bytes of the file that may change: free pages, and the log outside the entries that are
/// needed to open the file.
fn slack(b: &Breaker) -> Vec<std::ops::Range<usize>> {
    let header = b.header();
    let size = b.page_size();
    let pages = |start: u32, pages: u32| start as usize * size..(start + pages) as usize * size;
    let mut ranges = Vec::new();
    let chain = if header.free_head == 0 {
        Vec::new()
    } else {
        vec![header.free_head]
    };
    for id in &chain {
        let (_, records) = creel::format::freelist::read_free_page(b.page(*id)).unwrap();
        ranges.extend(records.iter().map(|r| pages(r.start, r.pages)));
    }
    let (active, start, _) = b.active();
    let end = b.frames().last().map_or(start + 128, |(at, f)| {
        at + creel::format::frame::frame_len(f.entry.payload_len) as usize
    });
    let region = header.regions[active];
    ranges.push(end..pages(region.start_page, region.pages).end);
    let other = header.regions[active ^ 1];
    let all = pages(other.start_page, other.pages);
    ranges.push(all.start + 128..all.end);
    ranges
}

fn flip(file: &TestFile, level: Depth, step: usize) {
    let b = Breaker::new(file);
    let slack = slack(&b);
    let is_slack = |at: usize| slack.iter().any(|r| r.contains(&at));
    let quiet = signature(file, level);
    let mut bytes = b.bytes.clone();
    // Every byte of the headers and region headers, a sample of the rest.
    let first = first_page(b.page_size()) as usize * b.page_size();
    let regions = b
        .header()
        .regions
        .map(|r| r.start_page as usize * b.page_size());
    let dense = |at: usize| at < 512 || regions.iter().any(|&r| (r..r + 128).contains(&at));
    let (mut tried, mut unseen) = (0, Vec::new());
    for at in (0..bytes.len()).filter(|&at| dense(at) || at % step == at / first % step) {
        if is_slack(at) && at % 16 != 0 {
            continue;
        }
        bytes[at] ^= 1 << (at % 8);
        write_at(file, &bytes, at);
        tried += 1;
        let seen = signature(file, level) != quiet;
        bytes[at] ^= 1 << (at % 8);
        write_at(file, &bytes, at);
        if !seen && !is_slack(at) {
            unseen.push(at);
        }
    }
    println!("flips {tried} unseen {}", unseen.len());
    assert!(unseen.is_empty(), "unseen flips at {unseen:?}");
    assert_eq!(signature(file, level), quiet);
}

fn write_at(file: &TestFile, bytes: &[u8], at: usize) {
    use std::os::unix::fs::FileExt;
    let f = std::fs::OpenOptions::new()
        .write(true)
        .open(&file.path)
        .unwrap();
    f.write_all_at(&bytes[at..at + 1], at as u64).unwrap();
}

/// What a report says, as far as a reader of it could tell two files apart.
fn signature(file: &TestFile, level: Depth) -> (Verdict, Vec<String>) {
    let options = VerifyOptions {
        level,
        ..VerifyOptions::default()
    };
    match creel::verify(&file.path, &options, &NoProgress) {
        Ok(report) => {
            let list = report
                .findings
                .iter()
                .map(|f| format!("{} {}", f.id, f.detail))
                .collect();
            (report.verdict, list)
        }
        Err(e) => (Verdict::Unreadable, vec![e.to_string()]),
    }
}

fn step() -> usize {
    match std::env::var("CREEL_TEST_ALL_FLIPS") {
        Ok(_) => 1,
        Err(_) => 101,
    }
}

#[test]
fn every_flip_in_a_small_file_is_found_at_level_full() {
    flip(&files::tiny(), Depth::Full, step());
}

#[test]
fn a_historic_page_image_put_back_is_found() {
    // Row 8 of the fault matrix: a lost write leaves an older page with a right checksum.
    let file = files::place();
    let db = files::options()
        .create(&file.path, &files::small(4096))
        .unwrap();
    files::fill(&db, "main", 0, 400, 100);
    files::checkpoint(&db);
    let mut images = vec![std::fs::read(&file.path).unwrap()];
    for round in 0..6 {
        db.put(&files::key(round * 60), b"new").unwrap();
        files::checkpoint(&db);
        images.push(std::fs::read(&file.path).unwrap());
    }
    db.close().unwrap();
    let now = Breaker::new(&file);
    let (mut tried, mut found) = (0, 0);
    let live: BTreeSet<u32> = now.tree_pages().into_iter().map(|p| p.0).collect();
    for image in &images {
        for &page in &live {
            let range = page as usize * 4096..(page as usize + 1) * 4096;
            let Some(old) = image.get(range.clone()) else {
                continue;
            };
            if old == &now.bytes[range.clone()] {
                continue;
            }
            let mut bytes = now.bytes.clone();
            bytes[range].copy_from_slice(old);
            std::fs::write(&file.path, &bytes).unwrap();
            tried += 1;
            found += u32::from(check(&file.path, Depth::Full).verdict == Verdict::Damaged);
        }
    }
    assert!(tried > 20, "{tried}");
    assert_eq!(found, tried);
}

#[test]
fn swapped_pages_are_found() {
    // Row 9: misdirected writes.
    let file = files::tiny();
    let b = Breaker::new(&file);
    let pages: Vec<u32> = b.tree_pages().into_iter().map(|p| p.0).collect();
    for (i, &x) in pages.iter().enumerate() {
        for &y in &pages[i + 1..] {
            let mut c = Breaker::new(&file);
            let (one, two) = (b.page(x).to_vec(), b.page(y).to_vec());
            c.page_mut(x).copy_from_slice(&two);
            c.page_mut(y).copy_from_slice(&one);
            let other = files::place();
            std::fs::write(&other.path, &c.bytes).unwrap();
            assert_eq!(check(&other.path, Depth::Full).verdict, Verdict::Damaged);
        }
    }
}
