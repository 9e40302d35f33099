//! Frames and messages byte by byte. `UPDATE_GOLDEN=1` writes the golden bytes anew.

use std::fmt::Write;
use std::path::PathBuf;

use creel::stream::WireError;
use creel::stream::frame::{
    BODY_FOLLOWER, BODY_LARGE, BODY_MAX, BODY_STRANGER, Deframer, FLAG_LARGE, Framer, HEADER_SIZE,
    Kind,
};
use creel::stream::message::Message;

use crate::samples;

fn frame(message: &Message) -> Vec<u8> {
    message.frame(&mut Framer::default())
}

fn read(bytes: &[u8]) -> Result<Option<Message>, WireError> {
    let mut rest = bytes;
    let frame = Deframer::default().next_frame(&mut rest)?;
    frame.map(Message::decode).transpose()
}

#[test]
fn golden_frames() {
    let mut text = String::new();
    for (name, message) in samples::all() {
        write!(text, "{name} ").unwrap();
        for byte in frame(&message) {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stream/golden/frames.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert!(stored == text, "the frames changed; now they are\n{text}");
    for (line, (name, message)) in stored.lines().zip(samples::all()) {
        let (stored_name, hex) = line.split_once(' ').unwrap();
        assert_eq!(stored_name, name);
        let pairs = hex
            .as_bytes()
            .chunks(2)
            .map(|p| std::str::from_utf8(p).unwrap());
        let bytes: Vec<u8> = pairs.map(|p| u8::from_str_radix(p, 16).unwrap()).collect();
        assert_eq!(read(&bytes), Ok(Some(message)), "{name}");
    }
}

#[test]
fn every_kind_has_a_sample() {
    let seen: Vec<Kind> = samples::all().iter().map(|(_, m)| m.kind()).collect();
    for kind in Kind::ALL {
        assert!(seen.contains(&kind), "{kind:?}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for (name, message) in samples::all() {
        let good = frame(&message);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // A length that grew waits for bytes that never come.
                let outcome = read(&bad);
                assert!(
                    matches!(outcome, Err(_) | Ok(None)),
                    "{name}: bit {bit} of byte {at} gives {outcome:?}"
                );
                if outcome == Ok(None) {
                    assert!(at < 3, "{name}: only a length waits, not byte {at}");
                }
            }
        }
    }
}

#[test]
fn a_cut_frame_waits_and_says_nothing() {
    for (name, message) in samples::all() {
        let good = frame(&message);
        for at in 0..good.len() {
            assert_eq!(read(&good[..at]), Ok(None), "{name} cut at {at}");
        }
        // And byte by byte it arrives as well as at once.
        let mut deframer = Deframer::default();
        let (last, before) = good.split_last().unwrap();
        for (at, byte) in before.iter().enumerate() {
            let outcome = deframer.next_frame(&mut &[*byte][..]);
            assert!(outcome.unwrap().is_none(), "{name} at {at}");
        }
        let frame = deframer.next_frame(&mut &[*last][..]).unwrap().unwrap();
        assert_eq!(Message::decode(frame), Ok(message), "{name}");
        assert_eq!(deframer.waiting(), 0);
    }
}

#[test]
fn a_body_that_is_cut_or_longer_is_malformed() {
    // The checksum is right: only the message's own bounds can tell.
    let open = [
        Kind::Entries,
        Kind::SnapPart,
        Kind::SnapEarly,
        Kind::StatusAsk,
        Kind::Status,
    ];
    for (name, message) in samples::all() {
        let kind = message.kind();
        let body = frame(&message)[HEADER_SIZE..].to_vec();
        let outcome = |body: &[u8]| read(&Framer::default().frame(kind, 0, body));
        for at in 0..body.len() {
            let cut = outcome(&body[..at]);
            if open.contains(&kind) {
                assert_ne!(cut, Ok(Some(message.clone())), "{name}");
            } else {
                assert!(cut.is_err(), "{name} cut at {at}");
            }
        }
        if !open.contains(&kind) {
            let longer = [body.as_slice(), b"x"].concat();
            assert!(outcome(&longer).is_err(), "{name} with a byte more");
        }
    }
}

fn header(len: u32, kind: Kind, flags: u8) -> Vec<u8> {
    let mut head = Framer::default().frame(kind, flags, b"")[..HEADER_SIZE].to_vec();
    head[..4].copy_from_slice(&len.to_le_bytes());
    head
}

/// A8, K24 and the like begin with sizes that nobody checks.
#[test]
fn lengths_are_checked_before_a_byte_of_the_body() {
    let outcome = |len, kind, flags, trusted| {
        let mut deframer = Deframer::default();
        if trusted {
            deframer.trust();
        }
        // Eight bytes are enough to refuse it.
        deframer.next_frame(&mut &header(len, kind, flags)[..8])
    };
    let long = |len, limit| Err(WireError::TooLong { len, limit });
    assert_eq!(outcome(BODY_STRANGER, Kind::Hello, 0, false), Ok(None));
    for len in [BODY_STRANGER + 1, u32::MAX] {
        assert_eq!(
            outcome(len, Kind::Hello, 0, false),
            long(len, BODY_STRANGER)
        );
        let entries = outcome(len, Kind::Entries, FLAG_LARGE, false);
        assert_eq!(
            entries,
            long(len, BODY_STRANGER),
            "a stranger has no large entries"
        );
    }
    assert_eq!(outcome(BODY_MAX, Kind::SnapPart, 0, true), Ok(None));
    let over = BODY_MAX + 1;
    assert_eq!(outcome(over, Kind::SnapPart, 0, true), long(over, BODY_MAX));
    assert_eq!(outcome(over, Kind::Entries, 0, true), long(over, BODY_MAX));
    assert_eq!(outcome(over, Kind::Entries, FLAG_LARGE, true), Ok(None));
    let over = BODY_LARGE + 1;
    assert_eq!(
        outcome(over, Kind::Entries, FLAG_LARGE, true),
        long(over, BODY_LARGE)
    );
    assert_eq!(
        outcome(8, Kind::Ack, FLAG_LARGE, true),
        Err(WireError::Reserved)
    );
    // A leader takes no log: whoever follows cannot make it keep megabytes.
    let mut deframer = Deframer::default();
    deframer.trust_follower();
    assert_eq!(
        deframer.next_frame(&mut &header(BODY_FOLLOWER + 1, Kind::Entries, FLAG_LARGE)[..8]),
        long(BODY_FOLLOWER + 1, BODY_FOLLOWER)
    );
}

#[test]
fn a_frame_twice_or_one_too_few_is_noticed() {
    let mut framer = Framer::default();
    let first = Message::Bye.frame(&mut framer);
    let second = Message::Bye.frame(&mut framer);
    let run = |frames: &[&Vec<u8>]| {
        let mut deframer = Deframer::default();
        let frames: Vec<u8> = frames.iter().flat_map(|f| f.iter().copied()).collect();
        let mut rest = &frames[..];
        let mut seen = 0;
        loop {
            match deframer.next_frame(&mut rest) {
                Ok(Some(_)) => seen += 1,
                Ok(None) => return Ok(seen),
                Err(error) => return Err(error),
            }
        }
    };
    assert_eq!(run(&[&first, &second]), Ok(2));
    let twice = WireError::Sequence {
        expected: 1,
        found: 0,
    };
    assert_eq!(run(&[&first, &first]), Err(twice));
    let missing = WireError::Sequence {
        expected: 0,
        found: 1,
    };
    assert_eq!(run(&[&second]), Err(missing));
}

#[test]
fn what_is_kept_grows_with_what_came() {
    let mut deframer = Deframer::default();
    deframer.trust();
    let head = header(BODY_LARGE, Kind::Entries, FLAG_LARGE);
    assert_eq!(deframer.next_frame(&mut &head[..]), Ok(None));
    assert_eq!(deframer.waiting(), HEADER_SIZE);
}
