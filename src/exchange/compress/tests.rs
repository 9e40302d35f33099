use std::io::{self, Read, Write};

use super::*;
use crate::exchange::error::Error;

const KINDS: [Compression; 3] = [Compression::None, Compression::Zstd(3), Compression::Gzip];

fn pack(bytes: &[u8], compression: Compression) -> Vec<u8> {
    let mut output = Output::new(Vec::new(), compression).unwrap();
    for piece in bytes.chunks(777) {
        output.write_all(piece).unwrap();
    }
    output.finish().unwrap()
}

/// Reads everything, in small pieces.
fn unpack(packed: &[u8]) -> Result<Vec<u8>, Error> {
    let mut input = Input::open(packed)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 300];
    loop {
        match input.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(error) => {
                let again = input.read(&mut piece);
                assert!(again.is_err(), "an error is not followed by an end");
                return Err(error.into());
            }
        }
    }
}

/// Bytes that compress a little.
fn sample(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            b'a' + (state >> 60) as u8
        })
        .collect()
}

#[test]
fn bytes_come_back() {
    for length in [0, 1, 2, 3, 5, 6, 7, 1000, 300_000] {
        let bytes = sample(length);
        for kind in KINDS {
            let packed = pack(&bytes, kind);
            assert_eq!(unpack(&packed).unwrap(), bytes, "{kind:?} {length}");
            if length > 10 {
                let input = Input::open(packed.as_slice()).unwrap();
                assert_eq!(input.compression().name(), kind.name());
            }
        }
    }
}

#[test]
fn several_frames_and_members_are_one_stream() {
    let (one, two) = (sample(1000), sample(50));
    for kind in KINDS {
        let joined = [pack(&one, kind), pack(&two, kind)].concat();
        assert_eq!(
            unpack(&joined).unwrap(),
            [one.clone(), two.clone()].concat()
        );
    }
    // A skippable frame in front, as some tools write it.
    let mut packed = vec![0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    packed.extend(pack(&one, Compression::Zstd(1)));
    assert_eq!(unpack(&packed).unwrap(), one);
}

#[test]
fn every_cut_is_an_error_of_its_kind() {
    let bytes = sample(2000);
    for kind in [Compression::Zstd(3), Compression::Gzip] {
        let packed = pack(&bytes, kind);
        let joined = [packed.clone(), packed.clone()].concat();
        for end in 4..joined.len() {
            if end == packed.len() {
                continue; // whole frames: the trailer inside has to tell
            }
            match unpack(&joined[..end]) {
                Err(Error::CutCompressed { by }) => assert_eq!(by, kind.name()),
                other => panic!("{kind:?} cut at {end}: {other:?}"),
            }
        }
    }
}

#[test]
fn other_contents_never_come_out() {
    let bytes = sample(500);
    for kind in [Compression::Zstd(3), Compression::Gzip] {
        let packed = pack(&bytes, kind);
        for at in 0..packed.len() {
            for bit in 0..8 {
                let mut changed = packed.clone();
                changed[at] ^= 1 << bit;
                match unpack(&changed) {
                    // Some bits say nothing about the contents, such as gzip's time.
                    Ok(found) if found == bytes => {}
                    // No magic any more: the text reader refuses it.
                    Ok(found) => assert_eq!(found, changed, "{kind:?} {at}"),
                    Err(Error::Io(e)) => panic!("{kind:?} {at}: {e}"),
                    Err(_) => {}
                }
            }
        }
    }
}

#[test]
fn rubbish_behind_the_end_is_an_error() {
    for kind in [Compression::Zstd(3), Compression::Gzip] {
        let mut packed = pack(b"text", kind);
        packed.extend_from_slice(b"rubbish behind");
        assert!(
            matches!(unpack(&packed), Err(Error::BadCompressed { .. })),
            "{kind:?}"
        );
    }
}

#[test]
fn other_compressions_are_named() {
    for (magic, name) in [
        (&b"\xfd7zXZ\0...."[..], "xz"),
        (b"\x04\x22\x4d\x18....", "lz4"),
    ] {
        match Input::open(magic).map_err(Error::from) {
            Err(Error::ForeignCompression { by }) => assert_eq!(by, name),
            _ => panic!("{name}"),
        }
    }
}

#[test]
fn a_bomb_costs_no_memory() {
    // 64 MiB of zeros in a few kilobytes.
    let zeros = vec![0; 1 << 20];
    for kind in [Compression::Zstd(1), Compression::Gzip] {
        let mut output = Output::new(Vec::new(), kind).unwrap();
        for _ in 0..64 {
            output.write_all(&zeros).unwrap();
        }
        let packed = output.finish().unwrap();
        assert!(packed.len() < 100_000);
        let mut input = Input::open(packed.as_slice()).unwrap();
        let mut buffer = vec![1; 100_000];
        let mut total = 0;
        loop {
            let n = input.read(&mut buffer).unwrap();
            if n == 0 {
                break;
            }
            assert!(buffer[..n].iter().all(|b| *b == 0));
            total += n;
        }
        assert_eq!(total, 64 << 20);
    }
}

#[test]
fn a_window_beyond_the_bound_is_refused() {
    // A frame header that asks for a window of 2 GiB.
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0, 0, 0, 0];
    assert!(matches!(
        unpack(&header),
        Err(Error::BadCompressed { by: "zstd", .. })
    ));
}

/// Fails after its bytes.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::from_raw_os_error(5)),
            n => Ok(n),
        }
    }
}

#[test]
fn a_failing_source_is_not_blamed_on_the_data() {
    for kind in KINDS {
        let packed = pack(&sample(2000), kind);
        let mut input = Input::open(Failing(&packed[..packed.len() / 2])).unwrap();
        let error = io::copy(&mut input, &mut io::sink()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(5), "{kind:?}");
        assert!(matches!(Error::from(error), Error::Io(_)));
        if kind != Compression::None {
            assert!(input.read(&mut [0; 8]).is_err());
        }
    }
}

#[test]
fn names() {
    for (text, expected) in [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd(3)),
        ("zstd:19", Compression::Zstd(19)),
    ] {
        assert_eq!(text.parse(), Ok(expected));
    }
    for text in ["", "zstd:", "zstd:0", "zstd:20", "zstd:-1", "lz4", "ZSTD"] {
        assert_eq!(text.parse::<Compression>(), Err(NotACompression), "{text}");
    }
    for (path, name) in [
        ("a.jsonl.zst", "zstd"),
        ("a.GZ", "gzip"),
        ("a.jsonl", "none"),
        ("zst", "none"),
    ] {
        assert_eq!(Compression::of_path(Path::new(path)).name(), name, "{path}");
    }
}
