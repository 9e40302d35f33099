//! Lines of JSON, good and bad; the strict parser against another one.

use super::super::tests::{Found, of, read, read_by};
use super::super::{FieldMap, Op, ReadOptions};
use super::*;
use crate::exchange::frame::{Enc, Header, Position, Tally};
use crate::exchange::read::TrailerState;

fn jsonl(text: &[u8]) -> Found {
    read(text, &of(Format::Jsonl))
}

#[test]
fn all_encodings() {
    let text = br#"{"key":"YQ==","payload":"MQ=="}
{ "payload_utf8" : "\u00e9\ud83d\ude00\"\/" , "key_hex" : "00fF" }
{"key_base64":"YQ==","payload_base64":""}
{"op":"put","key_utf8":"b","value_hex":""}
{"ks":"fruit","key":"YQ==","payload":"MQ=="}
{"k\u0065y":"Y\u0051==","value":"","ks":"fru\u0069t"}
{"schema":"creel.list/1","record":"entry","key_b64":"YQ==","value_b64":"MQ==","value_bytes":1}
{"schema":"creel.list/1","record":"end","entries":1,"more":false,"position":{"epoch":1,"index":5}}
"#;
    let found = jsonl(text);
    assert_eq!(found.rejects, []);
    let expected: [(&str, &[u8], &[u8]); 7] = [
        ("main", b"a", b"1"),
        ("main", b"\0\xff", "\u{e9}\u{1f600}\"/".as_bytes()),
        ("main", b"a", b""),
        ("main", b"b", b""),
        ("fruit", b"a", b"1"),
        ("fruit", b"a", b""),
        ("main", b"a", b"1"),
    ];
    let records = found.records.iter();
    let records: Vec<_> = records.map(|r| (&*r.0, &*r.2, &*r.3)).collect();
    assert_eq!(records, expected);
}

#[test]
fn operations() {
    let text = br#"{"op":"del_range","from":"YQ==","to":"Yg=="}
{"op":"del_range","from_utf8":"","ks":"x"}
{"op":"drop","ks":"x"}
{"op":"del","key":"YQ=="}
{"op":"delete","key_utf8":"b"}
"#;
    let found = jsonl(text);
    assert_eq!(found.rejects, []);
    let ops: Vec<Op> = found.records.iter().map(|r| r.1).collect();
    use Op::*;
    assert_eq!(ops, [DeleteRange, DeleteFrom, Drop, Delete, Delete]);
    assert_eq!(found.pairs()[0], (&b"a"[..], &b"b"[..]));
}

#[test]
fn marks_line_ends_and_blank_lines() {
    let line = br#"{"key":"YQ==","payload":"MQ=="}"#;
    let text = [b"\xef\xbb\xbf", &line[..], b"\r\n\n  \r\n", line].concat();
    let found = jsonl(&text);
    assert_eq!(found.rejects, []);
    let places: Vec<(u64, u64)> = found.records.iter().map(|r| (r.4, r.5)).collect();
    assert_eq!(places, [(1, 3), (4, 41)]);
}

/// Every verdict, with the byte of the line that it names.
#[test]
fn verdicts() {
    use FaultCode::*;
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(128), "]".repeat(128));
    let deep_at = 5 + 127;
    let table: &[(&[u8], FaultCode, usize)] = &[
        (br#"{"key":"YQ==","payload":"M-=="}"#, UrlBase64, 26),
        (br#"{"key":"YQ==","payload":"M!=="}"#, BadBase64, 26),
        (br#"{"key":"YQ==","payload":"MQ="}"#, BadBase64, 28),
        (br#"{"key":"YR==","payload":"MQ=="}"#, BadBase64, 9),
        (br#"{"key_hex":"0g","payload":""}"#, BadHex, 13),
        (b"{\"key_utf8\":\"\xff\",\"payload\":\"\"}", BadUtf8, 13),
        (br#"{"key_utf8":"\ud800","payload":""}"#, LoneSurrogate, 13),
        (br#"{"key_utf8":"\udc00x","payload":""}"#, LoneSurrogate, 13),
        (br#"{"key_utf8":"\x","payload":""}"#, BadEscape, 13),
        (b"{\"key_utf8\":\"\0\",\"payload\":\"\"}", NulByte, 13),
        (
            b"{\"key_utf8\":\"\x01\",\"payload\":\"\"}",
            ControlCharacter,
            13,
        ),
        (b"{\"key\":\"YQ==\",\"payload\":\"\"}\0", NulByte, 27),
        (b"\0", NulByte, 0),
        (
            br#"{"key":"YQ==","key":"YQ==","payload":""}"#,
            DuplicateField,
            15,
        ),
        (
            br#"{"key":"YQ==","key_hex":"61","payload":""}"#,
            TwoEncodings,
            15,
        ),
        (
            br#"{"key":"YQ==","payload":"","x":[1,{}]}"#,
            UnknownField,
            28,
        ),
        (br#"{"key":1,"payload":""}"#, WrongType, 2),
        (br#"{"key":"YQ==","payload":null}"#, WrongType, 15),
        (br#"{"key":"YQ==","payload":""} x"#, TrailingText, 28),
        (br#"{"key":"YQ==","payload":""}{}"#, TrailingText, 27),
        (br#"{"payload":""}"#, MissingKey, 0),
        (br#"{"key":"YQ=="}"#, MissingValue, 0),
        (br#"{"op":"put","key":"YQ=="}"#, MissingValue, 0),
        (
            br#"{"op":"del","key":"YQ==","payload":""}"#,
            UnexpectedField,
            36,
        ),
        (br#"{"op":"del"}"#, MissingKey, 0),
        (br#"{"op":"burn","key":"YQ=="}"#, BadOp, 7),
        (
            br#"{"op":"drop","ks":"x","key":"YQ=="}"#,
            UnexpectedField,
            29,
        ),
        (
            br#"{"op":"del_range","from":"Yg==","to":"YQ=="}"#,
            BadRange,
            38,
        ),
        (br#"{"key":"","payload":""}"#, EmptyKey, 8),
        (br#"{"ks":"","key":"YQ==","payload":""}"#, BadKeyspace, 7),
        (
            br#"{"key":"YQ==","value":"MQ==","value_bytes":2}"#,
            LengthDiffers,
            23,
        ),
        (br"[1]", NotAnObject, 0),
        (br"hello", BadJson, 0),
        (br#"{"key":"YQ==" "payload":""}"#, BadJson, 14),
        (br#"{"key":"YQ==","payload":"",}"#, BadJson, 27),
        (br#"{"key":"YQ==","payload":""#, BadJson, 25),
        (br#"{"x":01}"#, BadJson, 5),
        (deep.as_bytes(), TooDeep, deep_at),
    ];
    for (line, code, at) in table {
        // In the middle of a file, so that the places count from its beginning.
        let text = [b"{\"key\":\"YQ==\",\"payload\":\"\"}\n", *line, b"\n"].concat();
        let found = jsonl(&text);
        let shown = String::from_utf8_lossy(line);
        assert_eq!(found.stop, None, "{shown}");
        assert_eq!(found.records.len(), 1, "{shown}");
        let expected = (*code, 2, 28, 28 + *at as u64, line.to_vec());
        assert_eq!(found.rejects, [expected], "{shown}");
    }
    let whole = deep.replacen('[', "", 1).replacen(']', "", 1);
    assert_eq!(jsonl(whole.as_bytes()).codes(), [UnknownField]);
}

#[test]
fn a_last_line_cut_anywhere_is_refused() {
    for line in [
        &br#"{"key":"YQ==","payload":"MTIz"}"#[..],
        br#"{"payload_utf8":"\u00e9","key":"YQ=="}"#,
    ] {
        for cut in 1..line.len() {
            let found = jsonl(&line[..cut]);
            assert_eq!(found.codes(), [FaultCode::CutLine], "{cut}");
            assert_eq!(found.records, []);
        }
    }
}

#[test]
fn limits() {
    let options = ReadOptions {
        max_key: 4,
        max_value: 5,
        max_line: 60,
        ..of(Format::Jsonl)
    };
    let line = |key: usize, value: usize| {
        let (key, value) = ("k".repeat(key), "v".repeat(value));
        format!("{{\"key_utf8\":\"{key}\",\"payload_utf8\":\"{value}\"}}\n")
    };
    let text = [line(4, 5), line(5, 5), line(4, 6), line(40, 5), line(1, 1)].concat();
    let found = read(text.as_bytes(), &options);
    use FaultCode::*;
    assert_eq!(found.codes(), [LongKey, LongValue, LongLine]);
    assert_eq!(found.records.len(), 2);
}

/// However long a line is, the reader keeps no more than it may, and goes on behind it.
#[test]
fn an_endless_line_takes_no_more_than_its_bound() {
    let options = ReadOptions {
        max_line: 1 << 20,
        reject_bytes: 10,
        ..of(Format::Jsonl)
    };
    let mut text = vec![b'x'; 5 << 20];
    text.extend_from_slice(b"\n{\"key\":\"YQ==\",\"payload\":\"\"}\n");
    for size in [usize::MAX, 70_001] {
        let found = read_by(&text, &options, size);
        let reject = (FaultCode::LongLine, 1, 0, 1 << 20, vec![b'x'; 10]);
        assert_eq!(found.rejects, [reject]);
        assert_eq!(found.records.len(), 1);
        assert_eq!(found.records[0].4, 2);
    }
}

#[test]
fn foreign_objects() {
    let with = |key: &str, payload: Option<&str>| ReadOptions {
        field_map: Some(FieldMap {
            key: key.into(),
            payload: payload.map(str::to_owned),
        }),
        ..of(Format::Jsonl)
    };
    let text = br#" {"id": 7.50e1, "name":"x\ty", "creel":{}, "tags":[1,{"a":null}]}
{"id":"\u00e9","name":null}
{"id":null,"name":""}
{"name":""}
{"id":"1","id":"2","name":""}
{"id":true}
"#;
    let found = read(text, &with("id", None));
    let object = &text[1..memchr::memchr(b'\n', text).unwrap()];
    assert_eq!(found.pairs()[0], (&b"7.50e1"[..], object));
    assert_eq!(found.pairs()[1].0, "\u{e9}".as_bytes());
    use FaultCode::*;
    let codes = [WrongType, MissingKey, DuplicateField, WrongType];
    assert_eq!(found.codes(), codes);
    let found = read(text, &with("name", Some("tags")));
    assert_eq!(found.pairs()[0], (&b"x\ty"[..], &br#"[1,{"a":null}]"#[..]));
    assert_eq!(found.codes()[..2], [WrongType, MissingValue]);
}

#[test]
fn rejects_are_imported_again() {
    let text = br#"{"creel_reject":{"file":"a","line":3,"byte":5,"code":"bad_base64","message":"m","raw":"{\"key\":\"YQ==\",\"payload\":\"\"}"}}
{"creel_reject":{"raw_b64":"eyJrZXkiOiJZZz09IiwicGF5bG9hZCI6IiJ9"}}
{"creel_reject":{"raw":"{\"key\":\"!\"}"}}
{"creel_reject":{"raw":"x","cut":true}}
{"creel_reject":{"raw":"{\"creel_reject\":{\"raw\":\"{}\"}}"}}
{"creel_reject":{}}
{"creel_reject":{"raw":"a\t1","format":"tsv"}}
{"creel_reject":{"raw":"62,\"31\"","format":"csv","enc":"hex","ks":"x"}}
{"creel_reject":{"raw":" c\\00\n 1","format":"mdb","enc":"print"}}
{"creel_reject":{"raw_b64":"AQAAAAEAAABkMQ==","format":"raw"}}
{"creel_reject":{"raw":"a","format":"xml"}}
"#;
    let found = jsonl(text);
    let pairs: [(&[u8], &[u8]); 6] = [
        (b"a", b""),
        (b"b", b""),
        (b"a", b"1"),
        (b"b", b"1"),
        (b"c\0", b"1"),
        (b"d", b"1"),
    ];
    assert_eq!(found.pairs(), pairs);
    assert_eq!(found.records[3].0, "x");
    use FaultCode::*;
    let codes = [
        MissingValue,
        CutReject,
        UnknownField,
        MissingValue,
        WrongType,
    ];
    assert_eq!(found.codes(), codes);
}

fn framed(records: &[(&str, &str)]) -> Vec<u8> {
    let position = Position {
        epoch: 1,
        index: 2,
        hash: None,
    };
    let mut text = Vec::new();
    let mut tally = Tally::new();
    Header::new([7; 16], position, Enc::Base64)
        .render(&mut text)
        .unwrap();
    for (key, value) in records {
        let line = format!("{{\"key_utf8\":\"{key}\",\"payload_utf8\":\"{value}\"}}\n");
        text.extend_from_slice(line.as_bytes());
        tally.entry(key.as_bytes(), value.as_bytes());
    }
    tally.text(&text);
    tally.finish().render(&mut text).unwrap();
    text
}

#[test]
fn framed_inputs() {
    let text = framed(&[("a", "1"), ("b", "2")]);
    let found = jsonl(&text);
    assert_eq!((found.stop, found.trailer), (None, TrailerState::Matched));
    assert_eq!(found.records.len(), 2);
    use FaultCode::*;
    let joined = [&text[..], &text].concat();
    assert_eq!(
        jsonl(&joined).stop.map(|s| (s.0, s.1)),
        Some((AfterTrailer, 5))
    );
    let more = [&text[..], b"\n"].concat();
    assert_eq!(jsonl(&more).stop.map(|s| s.0), Some(AfterTrailer));
    let late = [b"{\"key\":\"YQ==\",\"payload\":\"\"}\n", &text[..]].concat();
    assert_eq!(jsonl(&late).stop.map(|s| s.0), Some(HeaderInside));
    let second = memchr::memchr(b'\n', &text).unwrap() + 1;
    assert_eq!(jsonl(&text[second..]).stop.map(|s| s.0), Some(LoneTrailer));
    let unordered = framed(&[("b", "1"), ("a", "2")]);
    assert_eq!(
        jsonl(&unordered).stop.map(|s| (s.0, s.1)),
        Some((OutOfOrder, 3))
    );
    let bare = ReadOptions {
        bare: true,
        ..of(Format::Jsonl)
    };
    assert_eq!(read(&text, &bare).stop.map(|s| s.0), Some(FramedInBare));
}

#[test]
fn a_framed_input_cut_or_changed_anywhere_is_refused() {
    let text = framed(&[("a", "1"), ("b", "2"), ("c", "")]);
    for cut in 1..text.len() {
        let found = read_by(&text[..cut], &of(Format::Jsonl), usize::MAX);
        assert!(
            found.stop.is_some() || !found.rejects.is_empty(),
            "cut at {cut}"
        );
    }
    let allowed = ReadOptions {
        allow_truncated: true,
        ..of(Format::Jsonl)
    };
    let trailer = text[..text.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap()
        + 1;
    let found = read_by(&text[..trailer], &allowed, usize::MAX);
    assert_eq!((found.stop, found.trailer), (None, TrailerState::Missing));
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.clone();
            changed[at] ^= 1 << bit;
            for options in [&of(Format::Jsonl), &allowed] {
                let found = read_by(&changed, options, usize::MAX);
                let refused = found.stop.is_some() || !found.rejects.is_empty();
                assert!(refused, "byte {at}, bit {bit}");
            }
        }
    }
}

/// The same lines are JSON for this parser and for serde's.
#[test]
fn it_agrees_with_another_parser() {
    let seeds: [&[u8]; 6] = [
        br#"{"a":[1,-2.5e+3,{"b":null,"c":[]}],"d":"\u00e9\n\\","e":true}"#,
        br#"{ "x" : { "y" : [ [ ] , { } , 0 , 1.0 , "" ] } , "z" : false }"#,
        br#"{"key":"YQ==","payload":"MQ=="}"#,
        br#"{"a":"\ud83d\ude00","b":1e5}"#,
        br#"{}"#,
        br#"{"a":"\"","b":[[[[1]]],2]}"#,
    ];
    let other = |line: &[u8]| {
        serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|v| v.is_object())
    };
    let mine = |line: &[u8]| {
        let Ok(mut scan) = scan::Scan::object(line) else {
            return false;
        };
        loop {
            match scan.field() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    };
    let bytes = b"{}[]\",:\\ue0123 \x00\x1f\xff+-.tn\n";
    let mut state = 1_u64;
    let mut random = |n: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let mut good = 0;
    for round in 0..60_000 {
        let mut line = seeds[round % seeds.len()].to_vec();
        for _ in 0..random(3) {
            let at = random(line.len().max(1)).min(line.len().saturating_sub(1));
            match random(3) {
                0 if !line.is_empty() => drop(line.remove(at)),
                1 => line.insert(at, bytes[random(bytes.len())]),
                _ if !line.is_empty() => line[at] = bytes[random(bytes.len())],
                _ => {}
            }
        }
        let expected = other(&line);
        good += usize::from(expected);
        assert_eq!(
            mine(&line),
            expected,
            "{:?}",
            String::from_utf8_lossy(&line)
        );
    }
    assert!(good > 10_000, "{good}");
}
