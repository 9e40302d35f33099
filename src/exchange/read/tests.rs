//! Inputs of all formats, whole and in pieces of every size.

use std::io::Read;

use super::*;
use crate::exchange::Format;

/// Hands out a few bytes at a time.
pub(super) struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    size: usize,
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = buf.len().min(self.size).min(self.bytes.len() - self.at);
        buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// What came out of an input.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Keyspace, operation, key, value, line, byte.
    #[allow(clippy::type_complexity)] // only compared
    pub records: Vec<(String, Op, Vec<u8>, Vec<u8>, u64, u64)>,
    /// Code, line, byte, exact byte, text.
    pub rejects: Vec<(FaultCode, u64, u64, u64, Vec<u8>)>,
    pub stop: Option<(FaultCode, u64, u64)>,
    pub trailer: TrailerState,
}

impl Found {
    pub fn pairs(&self) -> Vec<(&[u8], &[u8])> {
        let pairs = self.records.iter();
        pairs.map(|r| (r.2.as_slice(), r.3.as_slice())).collect()
    }

    pub fn codes(&self) -> Vec<FaultCode> {
        self.rejects.iter().map(|r| r.0).collect()
    }
}

pub(super) fn read_by(text: &[u8], options: &ReadOptions, size: usize) -> Found {
    let input = Pieces {
        bytes: text.to_vec(),
        at: 0,
        size,
    };
    let mut reader = Reader::new(Box::new(input), options.clone());
    let mut block = Block::new();
    let mut found = Found::default();
    loop {
        let more = match reader.fill(&mut block) {
            Ok(more) => more,
            Err(Stop::Fault(fault)) => {
                found.stop = Some((fault.code, fault.line, fault.byte));
                break;
            }
            Err(Stop::Io(e)) => panic!("{e}"),
        };
        for r in block.records() {
            let name = block.keyspaces()[usize::from(r.keyspace)].to_string();
            let (key, value) = (r.key.to_vec(), r.value.to_vec());
            found.records.push((name, r.op, key, value, r.line, r.byte));
        }
        for reject in block.rejects() {
            let f = &reject.fault;
            let raw = block.raw(reject).to_vec();
            found.rejects.push((f.code, f.line, f.byte, f.at, raw));
        }
        if !more {
            break;
        }
    }
    found.trailer = reader.trailer();
    if found.stop.is_none() {
        assert_eq!(reader.mark().byte, text.len() as u64);
        assert_eq!(reader.mark().crc, crc32c::crc32c(text));
    }
    found
}

/// Reads whole and in pieces: the same must come out.
pub(super) fn read(text: &[u8], options: &ReadOptions) -> Found {
    let whole = read_by(text, options, usize::MAX);
    for size in [1, 2, 3, 7, 64] {
        let mut found = read_by(text, options, size);
        if whole.stop.is_some() {
            // How much came out before that depends on where blocks end.
            found.records.clone_from(&whole.records);
            found.rejects.clone_from(&whole.rejects);
        }
        assert_eq!(found, whole, "in pieces of {size}");
    }
    whole
}

pub(super) fn of(format: Format) -> ReadOptions {
    ReadOptions {
        format,
        ..ReadOptions::default()
    }
}

#[test]
fn tsv() {
    let found = read(b"a\t1\r\n\nb\\t\t\\x00\nc\t", &of(Format::Tsv));
    let pairs: [(&[u8], &[u8]); 3] = [(b"a", b"1"), (b"b\t", b"\0"), (b"c", b"")];
    assert_eq!(found.pairs(), pairs);
    assert_eq!(found.records[1].4, 3);
    let found = read(b"a\nb\t1\t2\nc\\q\t\n\t1\nd\t4\n", &of(Format::Tsv));
    use FaultCode::*;
    assert_eq!(
        found.codes(),
        [ColumnCount, ColumnCount, BadEscape, EmptyKey]
    );
    let places: Vec<(u64, u64, u64)> = found.rejects.iter().map(|r| (r.1, r.2, r.3)).collect();
    assert_eq!(places[..3], [(1, 0, 1), (2, 2, 5), (3, 8, 9)]);
    assert_eq!(found.pairs(), [(&b"d"[..], &b"4"[..])]);
    let heading = ReadOptions {
        header_row: true,
        enc: Some(CellEnc::Hex),
        ..of(Format::Tsv)
    };
    let found = read(b"key\tvalue\n61\t00ff\n", &heading);
    assert_eq!(found.pairs(), [(&b"a"[..], &b"\0\xff"[..])]);
}

#[test]
fn csv() {
    let text = b"a,1\r\n\"b,\"\"\",\"two\nlines\"\n\nc,\n\"d\",\"\"";
    let found = read(text, &of(Format::Csv));
    let pairs: [(&[u8], &[u8]); 4] = [
        (b"a", b"1"),
        (b"b,\"", b"two\nlines"),
        (b"c", b""),
        (b"d", b""),
    ];
    assert_eq!(found.pairs(), pairs);
    let lines: Vec<u64> = found.records.iter().map(|r| r.4).collect();
    assert_eq!(lines, [1, 2, 5, 6]);
    use FaultCode::*;
    for (text, code, at) in [
        (&b"a\n"[..], ColumnCount, 1),
        (b"a,b,c\n", ColumnCount, 4),
        (b"\"a\"x,b\n", BadQuote, 3),
        (b"a,b\"c\"\n", BadQuote, 3),
        (b"a,\"b", OpenQuote, 4),
        (b",b\n", EmptyKey, 0),
    ] {
        let found = read(text, &of(Format::Csv));
        assert_eq!(found.codes(), [code], "{text:?}");
        assert_eq!(found.rejects[0].3, at, "{text:?}");
    }
}

const DUMP: &[u8] =
    b"VERSION=3\nformat=print\ntype=btree\nmapsize=1\nHEADER=END\n a\\\\\\00\n 1\nDATA=END\n\
    VERSION=3\nformat=bytevalue\ndatabase=fruit\ntype=btree\nHEADER=END\n 61ff\n \nDATA=END\n";

#[test]
fn mdb() {
    let found = read(DUMP, &of(Format::Mdb));
    assert_eq!(found.stop, None);
    let pairs: [(&[u8], &[u8]); 2] = [(b"a\\\0", b"1"), (b"a\xff", b"")];
    assert_eq!(found.pairs(), pairs);
    let names: Vec<&str> = found.records.iter().map(|r| r.0.as_str()).collect();
    assert_eq!(names, ["main", "fruit"]);
    use FaultCode::*;
    for (text, code) in [
        (&b" 61\n 62\n"[..], BadHeader),
        (b"VERSION=1\n", Unsupported),
        (b"VERSION=3\nHEADER=END\n", BadHeader),
        (b"VERSION=3\nformat=print\ntype=recno\n", Unsupported),
        (b"VERSION=3\nformat=print\nduplicates=1\n", Unsupported),
        (b"VERSION=3\nformat=print\nHEADER=END\n a\n 1\n", CutInput),
        (b"VERSION=3\nformat=print\n", CutInput),
    ] {
        let found = read(text, &of(Format::Mdb));
        assert_eq!(found.stop.map(|s| s.0), Some(code), "{text:?}");
    }
    let bad =
        b"VERSION=3\nformat=bytevalue\nHEADER=END\n 6x\n 00\n61\n 00\n 61\n 0\n 62\nDATA=END\n";
    let found = read(bad, &of(Format::Mdb));
    assert_eq!(found.codes(), [BadHex, BadLine, BadHex, MissingValue]);
    assert_eq!(found.rejects[0].3, found.rejects[0].2 + 2);
    assert_eq!(found.rejects[2].3, found.rejects[2].2 + 5);
}

/// A dump that ends anywhere but behind a section is refused.
#[test]
fn a_dump_cut_anywhere_is_refused() {
    let first = DUMP.windows(9).position(|w| w == b"DATA=END\n").unwrap() + 9;
    for cut in 1..DUMP.len() {
        let found = read_by(&DUMP[..cut], &of(Format::Mdb), usize::MAX);
        let whole = cut == first || cut == first - 1 || cut == DUMP.len() - 1;
        assert_eq!(found.stop.is_none(), whole, "cut at {cut}");
    }
}

fn raw_file(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut text = b"creel-raw/1\n".to_vec();
    for (key, value) in records {
        text.extend_from_slice(&(key.len() as u32).to_le_bytes());
        text.extend_from_slice(&(value.len() as u32).to_le_bytes());
        text.extend_from_slice(key);
        text.extend_from_slice(value);
    }
    text.extend_from_slice(&[0; 8]);
    text.extend_from_slice(&(records.len() as u64).to_le_bytes());
    text.extend_from_slice(&crc32c::crc32c(&text).to_le_bytes());
    text
}

#[test]
fn raw() {
    let records: [(&[u8], &[u8]); 2] = [(b"a", b"\n\0"), (b"b", b"")];
    let text = raw_file(&records);
    let found = read(&text, &of(Format::Raw));
    assert_eq!(found.stop, None);
    assert_eq!(found.pairs(), records);
    for cut in 0..text.len() {
        let found = read_by(&text[..cut], &of(Format::Raw), usize::MAX);
        assert!(found.stop.is_some(), "cut at {cut}");
    }
    for at in 0..text.len() * 8 {
        let mut changed = text.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let found = read_by(&changed, &of(Format::Raw), usize::MAX);
        assert!(
            found.stop.is_some() || !found.rejects.is_empty(),
            "bit {at}"
        );
    }
    let joined = [&text[..], &text].concat();
    let found = read(&joined, &of(Format::Raw));
    assert_eq!(found.stop.map(|s| s.0), Some(FaultCode::AfterTrailer));
    let hostile = [&b"creel-raw/1\n"[..], &[0xff; 16]].concat();
    let found = read(&hostile, &of(Format::Raw));
    assert_eq!(found.stop, Some((FaultCode::LongLine, 1, 12)));
}

#[test]
fn our_own_headings_of_csv_are_no_records() {
    let found = read(b"key,value\r\na,1\r\n", &of(Format::Csv));
    assert_eq!(found.pairs(), [(&b"a"[..], &b"1"[..])]);
    for quoted in [
        &b"\"key\",\"value\"\r\n\"a\",\"1\"\r\n"[..],
        b"key_hex,value_hex\r\n61,31\r\n",
        b"\"key_base64\",\"value_base64\"\nYQ==,MQ==\n",
    ] {
        let found = read(quoted, &of(Format::Csv));
        assert_eq!(found.pairs(), [(&b"a"[..], &b"1"[..])]);
    }
    let bare = ReadOptions {
        bare: true,
        ..of(Format::Csv)
    };
    let found = read(b"key,value\r\n", &bare);
    assert_eq!(found.pairs(), [(&b"key"[..], &b"value"[..])]);
    let other = ReadOptions {
        enc: Some(CellEnc::Base64),
        ..of(Format::Csv)
    };
    let found = read(b"key_hex,value_hex\r\n", &other);
    assert_eq!(found.stop.map(|s| s.0), Some(FaultCode::BadHeader));
}

#[test]
fn blocks_end_where_batches_end() {
    let text: String = (0..1000).map(|i| format!("k{i:04}\tv\n")).collect();
    let options = ReadOptions {
        cut: Some(Cut {
            records: 7,
            bytes: 1 << 20,
        }),
        ..of(Format::Tsv)
    };
    let input = Pieces {
        bytes: text.clone().into_bytes(),
        at: 0,
        size: 100,
    };
    let mut reader = Reader::new(Box::new(input), options);
    let (mut block, mut records, mut cuts) = (Block::new(), 0, Vec::new());
    while reader.fill(&mut block).unwrap() {
        records += block.len();
        assert_eq!(block.end().line, records as u64);
        let upto = &text.as_bytes()[..block.end().byte as usize];
        assert_eq!(block.end().crc, crc32c::crc32c(upto));
        if block.is_cut() {
            cuts.push(records);
        }
    }
    let expected: Vec<usize> = (7..=1000).step_by(7).collect();
    assert_eq!(cuts, expected);
}

#[test]
fn a_changed_beginning_is_noticed() {
    let text = b"a\t1\nb\t2\nc\t3\n";
    let run = |text: &[u8], known: Mark| {
        let input = Pieces {
            bytes: text.to_vec(),
            at: 0,
            size: 3,
        };
        let mut reader = Reader::new(Box::new(input), of(Format::Tsv));
        reader.expect(known);
        let mut block = Block::new();
        loop {
            match reader.fill(&mut block) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(Stop::Fault(fault)) => return Some(fault.code),
                Err(Stop::Io(e)) => panic!("{e}"),
            }
        }
    };
    let known = Mark {
        line: 2,
        byte: 8,
        crc: crc32c::crc32c(&text[..8]),
    };
    assert_eq!(run(text, known), None);
    assert_eq!(
        run(b"a\t1\nb\t3\nc\t3\n", known),
        Some(FaultCode::OtherInput)
    );
    assert_eq!(run(b"a\t1\nb\t2\nc\t4\n", known), None);
    assert_eq!(run(b"a\t1\n", known), Some(FaultCode::OtherInput));
    assert_eq!(run(&text[..8], known), None);
}
