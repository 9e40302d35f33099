//! What lies in a store, as whoever may write to it could put it there.

use creel::chain::name::{Hex, Name, snapshot_id};
use creel::chain::object::{
    BeginDoc, Catalogue, Creel, HoldDoc, ProgressDoc, SEGMENT_HEADER_SIZE, Segment, SnapshotDoc,
    TRAILER_SIZE, hash_of,
};
use creel::format::checksum::crc;
use creel::format::entry::{Entries, Entry};

/// Checksum, hash and trailer are made to fit what the first byte says.
pub const SEALED: u8 = 8;

/// The first byte: which object, and whether its hash is made to fit.
pub fn objects(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    if how & 7 == 0 {
        segment(rest.to_vec(), how & SEALED != 0);
        return;
    }
    let bytes = match how & SEALED {
        0 => rest.to_vec(),
        _ => sealed(rest),
    };
    match how & 7 {
        1 => same(&bytes, Creel::decode, Creel::encode),
        2 => catalogue(&bytes),
        3 => snapshot(&bytes),
        4 => same(&bytes, BeginDoc::decode, BeginDoc::encode),
        5 => same(&bytes, ProgressDoc::decode, ProgressDoc::encode),
        6 => same(&bytes, HoldDoc::decode, HoldDoc::encode),
        _ => name(rest),
    }
}

/// A document with its first line, and the hash of that.
fn sealed(rest: &[u8]) -> Vec<u8> {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = [line, b"\n"].concat();
    let hash = hash_of(&line);
    let seal = format!("{{\"blake3\":\"{}\"}}\n", Hex(&hash));
    [&line[..], seal.as_bytes()].concat()
}

/// What was read is written, and read again as the same.
fn same<D: PartialEq + std::fmt::Debug, E: std::fmt::Debug>(
    bytes: &[u8],
    decode: fn(&[u8]) -> Result<D, E>,
    encode: fn(&D) -> Vec<u8>,
) {
    let Ok(found) = decode(bytes) else {
        return;
    };
    let written = encode(&found);
    let again = decode(&written).expect("what was written can be read");
    assert_eq!(encode(&again), written);
}

fn catalogue(bytes: &[u8]) {
    same(bytes, Catalogue::decode, Catalogue::encode);
    let Ok(found) = Catalogue::decode(bytes) else {
        return;
    };
    for row in &found.snapshots {
        assert!(row.id().is_some(), "a name that was checked");
    }
}

fn snapshot(bytes: &[u8]) {
    same(bytes, SnapshotDoc::decode, SnapshotDoc::encode);
    let Ok(found) = SnapshotDoc::decode(bytes) else {
        return;
    };
    assert!(found.stored_bytes() <= found.image_bytes);
    for part in &found.parts {
        let name = found.part_name(part).expect("parts have names");
        assert_eq!(name.to_string().parse(), Ok(name));
    }
}

/// Made to fit: crc of the header, lengths and magic of the trailer, the hash over all.
fn segment(mut bytes: Vec<u8>, fit: bool) {
    let long_enough = bytes.len() >= SEGMENT_HEADER_SIZE + TRAILER_SIZE;
    if fit && long_enough {
        let sum = crc(&bytes[..124]);
        bytes[124..128].copy_from_slice(&sum.to_le_bytes());
        let end = bytes.len();
        bytes[end - 48..end - 40].copy_from_slice(&(end as u64).to_le_bytes());
        bytes[end - 40..end - 32].copy_from_slice(b"CRELEND1");
        let hash = hash_of(&bytes[..end - 32]);
        bytes[end - 32..].copy_from_slice(&hash);
    }
    let peeked = Segment::peek(&bytes);
    let Ok(found) = Segment::parse(bytes) else {
        return;
    };
    let (facts, lineage) = peeked.expect("a segment has a header");
    assert_eq!(
        (facts.number, lineage),
        (found.facts.number, found.lineage())
    );
    let count = found.facts.after.index - found.facts.before.index;
    assert_eq!(u64::from(found.entries()), count);
    let mut entries = Entries::new(found.body(), found.facts.before);
    let whole = entries.by_ref().take_while(Result::is_ok).count();
    if found.check_history().is_ok() {
        assert_eq!(whole as u64, count);
        assert_eq!(entries.point(), found.facts.after);
    }
    let mut rest = found.body();
    while let Ok(Some((entry, behind))) = Entry::split(rest) {
        assert!(behind.len() < rest.len());
        assert_ne!(entry.history_after(), [0; 16]);
        rest = behind;
    }
}

fn name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(name) = text.parse::<Name>() {
        assert_eq!(name.to_string(), text, "one spelling of each name");
    }
    if let Some(id) = snapshot_id(text) {
        assert_eq!(id.to_string(), text);
    }
}
