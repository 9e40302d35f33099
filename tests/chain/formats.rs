//! Objects come back as they were written; anything else is refused; the bytes stay the same.

use std::fmt::Write as _;
use std::path::PathBuf;

use creel::chain::name::{HoldName, SnapshotId};
use creel::chain::object::{
    BeginDoc, Catalogue, Creel, Damage, EpochRow, Facts, FloorRow, HoldDoc, NodeRole, PartRow,
    PointRow, ProbeResult, ProgressDoc, Segment, SnapshotDoc, SnapshotRow, Verdict,
};
use creel::format::entry::Point;

use crate::log::{self, LINEAGE, fence, note, notes, start, writer};

const NONCE: [u8; 16] = *b"nonce of a write";

/// A segment of epoch 1, and the fence segment behind it with one adopted entry.
fn segments() -> [Segment; 2] {
    let (body, after) = notes(&start(), 3, "entry");
    let first = Segment::build(&writer(1, 1), 1, NONCE, start(), &body).unwrap();
    let mut body = Vec::new();
    let adopted = note(&mut body, &after, b"adopted");
    fence(&mut body, &adopted, b"fence record");
    let second = Segment::build(&writer(2, 9), 2, NONCE, after, &body).unwrap();
    [first, second]
}

fn at() -> PointRow {
    segments()[0].facts.after.into()
}

fn creel() -> Creel {
    let mut creel = Creel::new(LINEAGE, start().into(), 1_700_000_000_000_000);
    creel.probe = Some(ProbeResult {
        verdict: Verdict::Fit,
        time_us: 1_700_000_000_000_001,
        rounds: 32,
        racers: 8,
        create_p50_us: 812,
        faults: Vec::new(),
    });
    creel
}

fn progress() -> ProgressDoc {
    let mut progress = ProgressDoc::new([7; 16], LINEAGE, NodeRole::Replica, at());
    progress.program = "0.1.0".into();
    progress
}

fn hold() -> HoldDoc {
    let mut hold = HoldDoc::new(&HoldName::new("nightly").unwrap(), LINEAGE, 3);
    hold.reason = "drill of \u{fc}bung".into();
    hold
}

fn snapshot() -> SnapshotDoc {
    let mut snapshot = SnapshotDoc::new(LINEAGE, [7; 16], at());
    snapshot.image_bytes = 20;
    snapshot.part_bytes = 16;
    snapshot.base = Some(SnapshotId::of(1, 1, &[9; 16]).to_string());
    let part = |number, bytes, in_base| PartRow {
        hash: [number as u8; 32],
        bytes,
        in_base,
        number,
    };
    snapshot.parts = vec![part(0, 16, true), part(1, 4, false)];
    snapshot
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::first(LINEAGE, [7; 16], start().into());
    let facts = segments()[1].facts;
    catalogue.tail = 2;
    catalogue.epochs.push(EpochRow {
        epoch: 2,
        number: 2,
        before: Point {
            index: 4,
            epoch: 1,
            history: [4; 16],
        }
        .into(),
        after: facts.after.into(),
        node: [2; 16],
        time_us: 1_700_000_000_000_002,
        name: "host-b".into(),
        reason: "drill".into(),
        lost: Some((5, 6)),
    });
    catalogue.snapshots.push(SnapshotRow {
        folder: snapshot().id().to_string(),
        at: at(),
        number: 2,
        entry_time_us: 5,
        time_us: 6,
        image_bytes: 20,
        stored_bytes: 4,
        base: snapshot().base,
    });
    catalogue.floor = FloorRow {
        number: 2,
        before: at(),
    };
    catalogue
}

/// A name, the bytes, and whether bytes decode to what they were encoded from.
type Sample = (&'static str, Vec<u8>, fn(&[u8]) -> Result<(), Damage>);

fn samples() -> Vec<Sample> {
    let [segment, fence] = segments();
    let parse = |bytes: &[u8]| {
        Segment::parse(bytes.to_vec()).map(|found| assert!(segments().contains(&found)))
    };
    vec![
        ("segment", segment.bytes().to_vec(), parse),
        ("fence", fence.bytes().to_vec(), parse),
        ("creel", creel().encode(), |b| {
            Creel::decode(b).map(|found| assert_eq!(found, creel()))
        }),
        ("progress", progress().encode(), |b| {
            ProgressDoc::decode(b).map(|found| assert_eq!(found, progress()))
        }),
        ("hold", hold().encode(), |b| {
            HoldDoc::decode(b).map(|found| assert_eq!(found, hold()))
        }),
        ("begin", BeginDoc::new([7; 16], NONCE, 5).encode(), |b| {
            BeginDoc::decode(b).map(|found| assert_eq!(found, BeginDoc::new([7; 16], NONCE, 5)))
        }),
        ("snapshot", snapshot().encode(), |b| {
            SnapshotDoc::decode(b).map(|found| assert_eq!(found, snapshot()))
        }),
        ("catalogue", catalogue().encode(), |b| {
            Catalogue::decode(b).map(|found| assert_eq!(found, catalogue()))
        }),
    ]
}

#[test]
fn objects_come_back_as_they_were_written() {
    for (name, bytes, decode) in samples() {
        decode(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    for segment in segments() {
        segment.check_history().unwrap();
        assert_eq!(segment.lineage(), LINEAGE);
        let (peeked, _) = Segment::peek(segment.bytes()).unwrap();
        let after = Point {
            history: [0; 16],
            ..segment.facts.after
        };
        assert_eq!(
            peeked,
            Facts {
                after,
                ..segment.facts
            }
        );
    }
}

#[test]
fn every_changed_byte_is_refused() {
    for (name, bytes, decode) in samples() {
        for at in 0..bytes.len() {
            for change in [1, 0x20, 0x80, 0xff] {
                let mut bad = bytes.clone();
                bad[at] ^= change;
                assert!(decode(&bad).is_err(), "{name}: byte {at} ^ {change}");
            }
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    for (name, bytes, decode) in samples() {
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{name}: cut at {end}");
        }
        let longer = [&bytes[..], b"\n"].concat();
        assert!(decode(&longer).is_err(), "{name}: longer");
        let twice = [&bytes[..], &bytes[..]].concat();
        assert!(decode(&twice).is_err(), "{name}: twice");
    }
}

#[test]
fn the_bytes_are_the_golden_ones() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/chain/golden");
    for (name, bytes, _) in samples() {
        let mut text = String::new();
        if std::str::from_utf8(&bytes).is_ok() && bytes.starts_with(b"{") {
            text = String::from_utf8(bytes).unwrap();
        } else {
            for (i, line) in bytes.chunks(32).enumerate() {
                write!(text, "{:08x} ", i * 32).unwrap();
                line.iter().for_each(|b| write!(text, "{b:02x}").unwrap());
                text.push('\n');
            }
        }
        let path = folder.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(stored, text, "{name} is not what was stored");
    }
}

/// Seals a document that was changed on purpose, as a hostile writer could.
fn sealed(line: &str) -> Vec<u8> {
    let line = format!("{line}\n");
    let hash = blake3::hash(line.as_bytes()).to_hex();
    format!("{line}{{\"blake3\":\"{hash}\"}}\n").into_bytes()
}

fn line_of(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().next().unwrap().to_owned()
}

#[test]
fn sealed_nonsense_is_refused() {
    let snapshot = line_of(&snapshot().encode());
    let catalogue = line_of(&catalogue().encode());
    let change = |line: &str, from: &str, to: &str| {
        assert!(line.contains(from), "{from} in {line}");
        sealed(&line.replacen(from, to, 1))
    };
    for (from, to) in [
        ("\"image_bytes\":20", "\"image_bytes\":21"),
        ("\"bytes\":16", "\"bytes\":15"),
        ("\"part_bytes\":16", "\"part_bytes\":0"),
        ("\"part_bytes\":16", "\"part_bytes\":18446744073709551615"),
        ("\"number\":1", "\"number\":18446744073709551615"),
        ("\"base\":\"", "\"base\":\"../"),
        ("\"version\":1", "\"version\":2"),
        ("\"creel\":\"snapshot\"", "\"creel\":\"catalogue\""),
        ("\"index\":3", "\"index\":18446744073709551615"),
    ] {
        assert!(
            SnapshotDoc::decode(&change(&snapshot, from, to)).is_err(),
            "{to}"
        );
    }
    for (from, to) in [
        ("\"folder\":\"", "\"folder\":\"../"),
        ("\"epoch\":2,\"number\":2", "\"epoch\":3,\"number\":2"),
        ("\"min_reader\":1", "\"min_reader\":2"),
        ("\"tail\":2", "\"tail\":18446744073709551615"),
        ("\"n\":1", "\"n\":0"),
    ] {
        assert!(
            Catalogue::decode(&change(&catalogue, from, to)).is_err(),
            "{to}"
        );
    }
    let newer = SnapshotDoc::decode(&change(&snapshot, "\"version\":1", "\"version\":2"));
    assert!(newer.unwrap_err().newer);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Creel::decode(&sealed(&deep)).is_err());
}

/// Puts right all checksums of a segment that was changed on purpose.
fn reseal(bytes: &mut [u8]) {
    let sum = crc32c::crc32c(&bytes[..124]);
    bytes[124..128].copy_from_slice(&sum.to_le_bytes());
    let at = bytes.len() - 32;
    let hash = blake3::hash(&bytes[..at]);
    bytes[at..].copy_from_slice(hash.as_bytes());
}

/// A whole entry of another kind is of a newer version; with a wrong checksum it is damage.
#[test]
fn a_segment_with_a_newer_entry_was_called_damaged() {
    let [segment, _] = segments();
    let mut bytes = segment.bytes().to_vec();
    let (at, len) = (128, u32::from_le_bytes(bytes[128..132].try_into().unwrap()));
    bytes[at + 4] = 0x40;
    reseal(&mut bytes);
    assert!(!Segment::parse(bytes.clone()).unwrap_err().newer);
    let end = at + 48 + len as usize;
    let sum = creel::format::checksum::crc(&bytes[at..end]).to_le_bytes();
    bytes[end..end + 4].copy_from_slice(&sum);
    reseal(&mut bytes);
    let damage = Segment::parse(bytes).unwrap_err();
    assert!(damage.newer, "{damage}");
}

#[test]
fn sealed_segments_that_contradict_themselves_are_refused() {
    let [segment, fence] = segments();
    let bytes = segment.bytes().to_vec();
    let trailer = bytes.len() - 80;
    let cases: &[(usize, u8)] = &[
        (8, 2),                // version
        (10, 1),               // a fence that is none
        (10, 2),               // unknown flag
        (12, 7),               // epoch
        (32, 0),               // number 0
        (40, 2),               // first index
        (48, 9),               // last index
        (120, 2),              // epoch before
        (128, 0xff),           // length of the first entry
        (128 + 4, 2),          // a fence among the entries
        (128 + 8, 9),          // its index
        (128 + 16, 9),         // its epoch
        (trailer + 16, 0xff),  // length of the body
        (trailer + 16 + 7, 1), // far too long
        (trailer + 24, 0xff),  // length of the index
        (trailer + 28, 1),     // number of entries
        (trailer + 32, 1),     // length of all
        (trailer - 8, 1),      // offset in the index
    ];
    for &(at, byte) in cases {
        let mut bad = bytes.clone();
        bad[at] = byte;
        reseal(&mut bad);
        assert!(Segment::parse(bad).is_err(), "byte {at} = {byte}");
    }
    let mut same = bytes.clone();
    reseal(&mut same);
    Segment::parse(same).unwrap();
    // What is left to whoever applies it: another history, behind proper checksums.
    for (at, byte) in [(104, 0), (trailer, 0), (128 + 48, b'X')] {
        let mut bad = bytes.clone();
        bad[at] ^= 1 | byte;
        reseal(&mut bad);
        if let Ok(parsed) = Segment::parse(bad) {
            assert!(parsed.check_history().is_err(), "byte {at}");
        }
    }
    let mut unfenced = fence.bytes().to_vec();
    unfenced[10] = 0;
    unfenced[120] = 2;
    reseal(&mut unfenced);
    assert!(Segment::parse(unfenced).is_err());
}

#[test]
fn segments_that_make_no_sense_are_not_built() {
    let build = |before: Point, body: &[u8]| Segment::build(&writer(1, 1), 1, NONCE, before, body);
    let (body, after) = notes(&start(), 2, "x");
    assert!(build(start(), &[]).is_err());
    assert!(build(after, &body).is_err());
    assert!(build(start(), &body[..body.len() - 1]).is_err());
    let mut behind = Vec::new();
    let point = log::fence(&mut behind, &start(), b"f");
    note(&mut behind, &point, b"behind the fence");
    assert!(build(start(), &behind).is_err());
    assert!(build(start(), &vec![0; (64 << 20) + 100]).is_err());
}

#[test]
fn a_segment_of_many_entries_has_an_index() {
    let (body, after) = notes(&start(), 5000, &"x".repeat(50));
    let segment = Segment::build(&writer(1, 1), 1, NONCE, start(), &body).unwrap();
    assert_eq!(segment.entries(), 5000);
    assert_eq!(segment.facts.after, after);
    let overhead = segment.bytes().len() - body.len();
    assert_eq!((overhead - 128 - 80) / 16, body.len().div_ceil(64 << 10));
    assert_eq!(Segment::parse(segment.bytes().to_vec()).unwrap(), segment);
}
