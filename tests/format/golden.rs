//! Golden vectors: the bytes of one sample of every structure, with their description. They
//! change only with a new version of the format. `UPDATE_GOLDEN=1` writes them anew.

use std::fmt::Write;
use std::path::PathBuf;

use creel::format::attest::Attest;
use creel::format::describe;
use creel::format::entry::Entry;
use creel::format::frame::EntryKind;
use creel::format::op::Op;

use crate::samples;

const LINE: usize = 32;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/format/golden")
}

/// The bytes, 32 a line; lines of zeros are left out.
fn hex_lines(bytes: &[u8]) -> String {
    let mut out = format!("bytes {}\n", bytes.len());
    for (i, line) in bytes.chunks(LINE).enumerate() {
        if line.iter().any(|&b| b != 0) {
            write!(out, "{:08x} ", i * LINE).unwrap();
            line.iter().for_each(|b| write!(out, "{b:02x}").unwrap());
            out.push('\n');
        }
    }
    out
}

/// The bytes that a golden file holds.
fn parse(text: &str) -> Vec<u8> {
    let mut lines = text.lines();
    let len = lines.next().unwrap().strip_prefix("bytes ").unwrap();
    let mut bytes = vec![0; len.parse().unwrap()];
    for line in lines.take_while(|line| !line.is_empty()) {
        let (at, hex) = line.split_once(' ').unwrap();
        let at = usize::from_str_radix(at, 16).unwrap();
        for (i, pair) in hex.as_bytes().chunks(2).enumerate() {
            let pair = std::str::from_utf8(pair).unwrap();
            bytes[at + i] = u8::from_str_radix(pair, 16).unwrap();
        }
    }
    bytes
}

/// Compares what the encoder gives with the golden file, and describes the file's own bytes.
fn golden(name: &str, encoded: &[u8], describe: impl Fn(&[u8]) -> String) {
    let path = folder().join(format!("{name}.txt"));
    let text = format!("{}\n{}", hex_lines(encoded), describe(encoded));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(
        stored == text,
        "{name} is not what was stored; now it is\n{text}"
    );
    let bytes = parse(&stored);
    assert!(bytes == encoded, "{name}: the stored bytes differ");
    let described = describe(&bytes);
    assert!(!described.contains("malformed"), "{described}");
    assert!(
        described.ends_with("check: ok\n") || described.contains("blank"),
        "{described}"
    );
}

#[test]
fn header_slots() {
    for (size, shift) in [("4k", 12), ("64k", 16)] {
        let new = samples::new_header(shift).encode();
        golden(&format!("header-new-{size}"), &new, |b| {
            describe::header_slot(b, 1)
        });
        let full = samples::full_header(shift).encode();
        golden(&format!("header-full-{size}"), &full, |b| {
            describe::header_slot(b, 0)
        });
    }
    golden("header-blank", &[0; 512], |b| describe::header_slot(b, 0));
}

#[test]
fn region_header() {
    let bytes = samples::region_header().encode();
    golden("region-header", &bytes, |b| describe::region(b, 16384));
}

#[test]
fn frames() {
    let describe = |b: &[u8]| describe::frame(b, Some(samples::SALT), 16512);
    for (name, op) in samples::ops() {
        golden(
            &format!("frame-{name}"),
            &samples::commit_frame(&[op]),
            describe,
        );
    }
    let ops: Vec<Op<'_>> = samples::ops().into_iter().map(|(_, op)| op).collect();
    golden("frame-batch", &samples::commit_frame(&ops), describe);
    let said = Attest {
        index: 5,
        content_sum: 0x2122_2324,
    };
    let attest = samples::frame(EntryKind::Attest, &Attest::encode(Some(&said)), 0);
    golden("frame-attest", &attest, describe);
    let fence = samples::fence_record().to_entry();
    let (entry, _) = Entry::split(&fence).unwrap().unwrap();
    let frame = samples::frame(EntryKind::Fence, entry.payload(), 1);
    // The frame is the entry, byte for byte, with an envelope before it.
    assert!(frame[32..].starts_with(&fence));
    golden("frame-fence", &frame, describe);
}

#[test]
fn pages() {
    for (size, page_size) in [("4k", 4096), ("64k", 65536)] {
        for (name, page_id, bytes) in samples::pages(page_size) {
            let describe = |b: &[u8]| describe::page(b, page_id, page_size);
            golden(&format!("{name}-{size}"), &bytes, describe);
        }
    }
}

#[test]
fn every_golden_file_belongs_to_a_sample() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return; // the other tests are writing them
    }
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 5 + 1 + 8 + 12, "{names:?}");
}
