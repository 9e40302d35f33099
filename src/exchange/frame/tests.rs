use super::*;
use crate::exchange::error::{Error, Result};

/// Reads a framed text of records `KEY=VALUE` strictly, as a reader of any format would.
fn read(text: &[u8]) -> Result<Trailer> {
    let mut tally = Tally::new();
    let mut lines = text.split_inclusive(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    if kind(first) != Line::Header {
        return Err(Error::NoHeader);
    }
    Header::parse(first)?;
    tally.text(first);
    for line in lines.by_ref() {
        if kind(line) == Line::Trailer {
            let trailer = Trailer::parse(line)?;
            trailer.check(&tally.finish())?;
            return match lines.next() {
                Some(_) => Err(Error::AfterTrailer),
                None => Ok(trailer),
            };
        }
        tally.text(line);
        let record = line.trim_ascii_end();
        let at = record.iter().position(|b| *b == b'=').unwrap_or(0);
        tally.entry(&record[..at], &record[at..]);
    }
    Err(Error::NoTrailer)
}

fn header() -> Header {
    let hash = Some(*b"0123456789abcdef");
    let position = Position {
        epoch: 3,
        index: 812,
        hash,
    };
    Header::new([0xa5; 16], position, Enc::Base64)
}

fn file(records: &[&str]) -> Vec<u8> {
    let mut text = Vec::new();
    header().render(&mut text).unwrap();
    let mut tally = Tally::new();
    for record in records {
        text.extend_from_slice(record.as_bytes());
        text.push(b'\n');
        let (key, value) = record.split_at(record.find('=').unwrap());
        tally.entry(key.as_bytes(), value.as_bytes());
    }
    tally.text(&text);
    tally.finish().render(&mut text).unwrap();
    text
}

#[test]
fn lines_look_as_documented() {
    let text = String::from_utf8(file(&["a=1", "b=2"])).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "{\"creel\":{\"format\":\"creel-jsonl/1\",\"db\":\"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\",\
         \"position\":{\"epoch\":3,\"index\":812,\"hash\":\"30313233343536373839616263646566\"},\
         \"order\":\"key-asc\",\"enc\":\"base64\"}}"
    );
    assert_eq!(
        lines[3],
        "{\"creel_end\":{\"records\":2,\"bytes\":195,\"crc32c\":\"28befbf4\",\"digest\":\
         \"9e67606ffb6ab71fbce0371850538fd8c8ae6e3c540b8b110cb4c21012dcd813\",\
         \"first_key\":\"YQ==\",\"last_key\":\"Yg==\"}}"
    );
    let empty = String::from_utf8(file(&[])).unwrap();
    assert!(empty.ends_with("\"first_key\":null,\"last_key\":null}}\n"));
}

#[test]
fn every_changed_byte_is_found() {
    for records in [&["a=1", "b=2", "cc=3"][..], &[]] {
        let text = file(records);
        read(&text).unwrap();
        let mut changed = text.clone();
        for at in 0..text.len() {
            for byte in (0..=255).filter(|b| *b != text[at]) {
                changed[at] = byte;
                assert!(read(&changed).is_err(), "byte {at} = {byte:#x}");
            }
            changed[at] = text[at];
        }
    }
}

#[test]
fn every_cut_is_found() {
    let text = file(&["a=1", "b=2", "cc=3"]);
    for end in 0..text.len() {
        assert!(read(&text[..end]).is_err(), "cut at {end}");
    }
    let end = text.len() - 1;
    assert!(matches!(read(&text[..end]), Err(Error::Unterminated)));
    let start = text.iter().position(|b| *b == b'\n').unwrap() + 1;
    assert!(matches!(read(&text[start..]), Err(Error::NoHeader)));
}

#[test]
fn every_left_out_added_or_doubled_byte_is_found() {
    let text = file(&["a=1", "b=2", "cc=3"]);
    for at in 0..text.len() {
        let mut less = text.clone();
        let byte = less.remove(at);
        assert!(read(&less).is_err() || less == text, "without byte {at}");
        let mut more = text.clone();
        more.insert(at, byte);
        assert!(read(&more).is_err(), "byte {at} twice");
    }
    let mut more = text.clone();
    more.push(b'\n');
    assert!(matches!(read(&more), Err(Error::AfterTrailer)));
}

#[test]
fn joined_files_are_found() {
    let text = file(&["a=1"]);
    let twice = [text.clone(), text].concat();
    assert!(matches!(read(&twice), Err(Error::AfterTrailer)));
}

#[test]
fn each_field_of_the_trailer_is_compared() {
    let mut tally = Tally::new();
    tally.text(b"text");
    tally.entry(b"a", b"1");
    tally.entry(b"b", b"2");
    let found = tally.finish();
    type Change = fn(&mut Trailer);
    let changes: [(&str, Change); 6] = [
        ("records", |t| t.records = 3),
        ("bytes", |t| t.bytes = 5),
        ("crc32c", |t| t.crc32c ^= 1),
        ("digest", |t| t.digest.0[31] ^= 1),
        ("first_key", |t| t.first_key = None),
        ("last_key", |t| t.last_key = Some(b"c".to_vec())),
    ];
    for (name, change) in changes {
        let mut stated = found.clone();
        change(&mut stated);
        match stated.check(&found) {
            Err(Error::Mismatch { field, .. }) => assert_eq!(field, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    found.check(&found).unwrap();
}

#[test]
fn strange_trailers_are_refused() {
    let good = file(&["a=1"]);
    let line = good.split_inclusive(|b| *b == b'\n').next_back().unwrap();
    let line = std::str::from_utf8(line).unwrap();
    Trailer::parse(line.as_bytes()).unwrap();
    for (from, to) in [
        ("\"records\":1", "\"records\":1,\"records\":1"),
        ("\"records\":1", "\"records\":1,\"more\":1"),
        ("\"records\":1", "\"records\":-1"),
        ("\"records\":1", "\"records\":1.0"),
        ("\"records\":1", "\"records\":\"1\""),
        ("\"records\":1,", ""),
        (",\"last_key\":\"YQ==\"", ""),
        ("YQ==\"}", "YR==\"}"),
        ("YQ==\"}", "YQ\"}"),
        ("}}\n", "},\"x\":1}\n"),
        ("}}\n", "}}}\n"),
        ("}}\n", "}}\n\n"),
        ("}}\n", "}}\r"),
    ] {
        let changed = line.replacen(from, to, 1);
        assert_ne!(changed, line, "{from}");
        assert!(Trailer::parse(changed.as_bytes()).is_err(), "{changed}");
    }
    // Blanks and another order are a matter of taste.
    let spaced = line.replace(',', " ,\t").replace(':', ": ");
    assert_eq!(
        Trailer::parse(spaced.as_bytes()).unwrap(),
        Trailer::parse(line.as_bytes()).unwrap()
    );
}

#[test]
fn headers_come_back() {
    let mut header = header();
    header.since = Some(Position {
        epoch: 1,
        index: 2,
        hash: None,
    });
    header.prefix = Some(b"\xff\0".to_vec());
    header.from = Some(Vec::new());
    header.to = Some(b"z".to_vec());
    header.keyspace = Some("fr\u{fc}\n\"".to_owned());
    header.enc = Enc::Auto;
    let mut line = Vec::new();
    header.render(&mut line).unwrap();
    assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
    assert_eq!(Header::parse(&line).unwrap(), header);
    let text = String::from_utf8(line).unwrap();
    let other = text.replace("creel-jsonl/1", "creel-jsonl/2");
    let other = other.replace("\"enc\"", "\"news\":1,\"enc\"");
    assert!(
        matches!(Header::parse(other.as_bytes()), Err(Error::Unsupported { format }) if format == "creel-jsonl/2")
    );
    for (from, to) in [
        ("\"enc\"", "\"news\":1,\"enc\""),
        ("key-asc", "key-desc"),
        ("\"auto\"", "\"rot13\""),
        ("a5a5", "A5a5"),
    ] {
        let changed = text.replacen(from, to, 1);
        let error = Header::parse(changed.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "bad_header", "{changed}");
    }
}

#[test]
fn kinds_of_lines() {
    for line in ["{\"creel\":{", " {\t\"creel\" : 1", "{\"creel\""] {
        assert_eq!(kind(line.as_bytes()), Line::Header, "{line}");
    }
    assert_eq!(kind(b"{\"creel_end\":{}}"), Line::Trailer);
    for line in [
        "",
        "{",
        "{\"key\":\"creel\"}",
        "creel",
        "{\"creel_ends\":1}",
    ] {
        assert_eq!(kind(line.as_bytes()), Line::Other, "{line}");
    }
}

#[test]
fn positions_come_back() {
    for text in [
        "3:812",
        "0:0",
        "1:18446744073709551615:00ff0102030405060708090a0b0c0d0e",
    ] {
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "3",
        "3:",
        ":3",
        "3:+1",
        "-1:2",
        "1:2:",
        "1:2:00FF0102030405060708090a0b0c0d0e",
        "1:2:00ff",
        "1:2:00ff0102030405060708090a0b0c0d0e:1",
        "1:2:+0ff0102030405060708090a0b0c0d0e",
    ] {
        assert_eq!(text.parse::<Position>(), Err(NotAPosition), "{text}");
    }
}
