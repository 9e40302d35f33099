use super::*;
use crate::exchange::frame::{Header, Position};

fn header() -> Header {
    let position = Position {
        epoch: 1,
        index: 5,
        hash: Some([0x0f; 16]),
    };
    Header::new([0x5a; 16], position, crate::exchange::frame::Enc::Base64)
}

fn write(options: &Options, fill: impl FnOnce(&mut Export<'_>) -> Result<()>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut export = options.start(Box::new(&mut text))?;
    fill(&mut export)?;
    export.finish()?;
    Ok(text)
}

fn text(options: &Options, fill: impl FnOnce(&mut Export<'_>) -> Result<()>) -> String {
    String::from_utf8(write(options, fill).unwrap()).unwrap()
}

fn of(format: Format, enc: Option<Enc>) -> Options {
    Options {
        format,
        enc,
        mapsize: 4096,
        ..Options::default()
    }
}

/// Entries of two keyspaces with every kind of byte.
fn two(export: &mut Export<'_>) -> Result<()> {
    export.keyspace("fr\"\u{fc}it");
    export.entry(b"a", b"")?;
    export.keyspace("empty");
    export.keyspace("main");
    one(export)
}

fn one(export: &mut Export<'_>) -> Result<()> {
    export.entry(b"apple", b"red")?;
    export.entry("b\\,\t\"\u{e9}".as_bytes(), b"\x01\r\n ")
}

#[test]
fn jsonl_in_every_encoding() {
    assert_eq!(
        text(&of(Format::Jsonl, None), two),
        "{\"ks\":\"fr\\\"\u{fc}it\",\"key\":\"YQ==\",\"payload\":\"\"}\n\
         {\"key\":\"YXBwbGU=\",\"payload\":\"cmVk\"}\n\
         {\"key\":\"YlwsCSLDqQ==\",\"payload\":\"AQ0KIA==\"}\n"
    );
    assert_eq!(
        text(&of(Format::Jsonl, Some(Enc::Utf8)), one),
        "{\"key_utf8\":\"apple\",\"payload_utf8\":\"red\"}\n\
         {\"key_utf8\":\"b\\\\,\\t\\\"\u{e9}\",\"payload_utf8\":\"\\u0001\\r\\n \"}\n"
    );
    assert_eq!(
        text(&of(Format::Jsonl, Some(Enc::Hex)), one),
        "{\"key_hex\":\"6170706c65\",\"payload_hex\":\"726564\"}\n\
         {\"key_hex\":\"625c2c0922c3a9\",\"payload_hex\":\"010d0a20\"}\n"
    );
    let auto = text(&of(Format::Jsonl, Some(Enc::Auto)), |e| {
        one(e)?;
        e.entry("c\u{e9}".as_bytes(), b"\xff")?;
        e.entry("d\u{85}".as_bytes(), b"\x7f")
    });
    assert_eq!(
        auto,
        "{\"key_utf8\":\"apple\",\"payload_utf8\":\"red\"}\n\
         {\"key\":\"YlwsCSLDqQ==\",\"payload\":\"AQ0KIA==\"}\n\
         {\"key_utf8\":\"c\u{e9}\",\"payload\":\"/w==\"}\n\
         {\"key\":\"ZMKF\",\"payload\":\"fw==\"}\n"
    );
    assert!(matches!(
        write(&of(Format::Jsonl, Some(Enc::Utf8)), |e| e
            .entry(b"k", b"\xff")),
        Err(Error::NotHeld {
            format: "--enc utf8",
            ..
        })
    ));
}

#[test]
fn framed_jsonl_ends_with_what_came_before() {
    let options = Options {
        header: Some(header()),
        ..Options::default()
    };
    let text = text(&options, two);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(Header::parse(lines[0].as_bytes()).unwrap(), header());
    let trailer = Trailer::parse(lines[4].as_bytes()).unwrap();
    let before = text.len() - lines[4].len();
    assert_eq!((trailer.records, trailer.bytes), (3, before as u64));
    assert_eq!(trailer.crc32c, crc32c::crc32c(&text.as_bytes()[..before]));
    assert_eq!(trailer.first_key, Some(b"a".to_vec()));
    let mut digest = crate::digest::ContentDigest::new();
    digest.keyspace("fr\"\u{fc}it");
    digest.entry(b"a", b"");
    digest.keyspace("main");
    digest.entry(b"apple", b"red");
    digest.entry("b\\,\t\"\u{e9}".as_bytes(), b"\x01\r\n ");
    assert_eq!(trailer.digest, digest.finish());
}

#[test]
fn changes_are_written_as_operations() {
    let changes = |e: &mut Export<'_>| {
        e.keyspace("gone");
        e.drop_keyspace()?;
        e.keyspace("main");
        e.delete_range(b"a", Some(b"b"))?;
        e.delete_range(b"", None)?;
        e.delete(b"k")?;
        e.entry(b"x", b"y")?;
        e.keyspace("z");
        e.delete(b"k")
    };
    assert_eq!(
        text(&of(Format::Jsonl, None), changes),
        "{\"op\":\"drop\",\"ks\":\"gone\"}\n\
         {\"op\":\"del_range\",\"from\":\"YQ==\",\"to\":\"Yg==\"}\n\
         {\"op\":\"del_range\",\"from\":\"\"}\n\
         {\"op\":\"del\",\"key\":\"aw==\"}\n\
         {\"key\":\"eA==\",\"payload\":\"eQ==\"}\n\
         {\"op\":\"del\",\"ks\":\"z\",\"key\":\"aw==\"}\n"
    );
    assert_eq!(
        text(&of(Format::Jsonl, None), |e| e.drop_keyspace()),
        "{\"op\":\"drop\",\"ks\":\"main\"}\n"
    );
    for format in [Format::Mdb, Format::Csv, Format::Tsv, Format::Raw] {
        let result = write(&of(format, None), |e| e.delete(b"k"));
        assert!(matches!(result, Err(Error::NotHeld { .. })), "{format:?}");
    }
}

#[test]
fn mdb_in_both_forms() {
    let head = "VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=4096\nHEADER=END\n";
    assert_eq!(
        text(&of(Format::Mdb, None), |_| Ok(())),
        format!("{head}DATA=END\n")
    );
    assert_eq!(
        text(&of(Format::Mdb, None), two),
        "VERSION=3\nformat=bytevalue\ndatabase=fr\"\u{fc}it\ntype=btree\nmapsize=4096\n\
         HEADER=END\n 61\n \nDATA=END\n"
            .to_owned()
            + head
            + " 6170706c65\n 726564\n 625c2c0922c3a9\n 010d0a20\nDATA=END\n"
    );
    assert_eq!(
        text(&of(Format::Mdb, Some(Enc::Print)), one),
        head.replace("bytevalue", "print")
            + " apple\n red\n b\\5c,\\09\"\\c3\\a9\n \\01\\0d\\0a \nDATA=END\n"
    );
    let result = write(&of(Format::Mdb, None), |e| {
        e.keyspace("two\nlines");
        e.entry(b"k", b"v")
    });
    assert!(matches!(result, Err(Error::NotHeld { .. })));
}

#[test]
fn csv_quotes_what_needs_it() {
    assert_eq!(
        text(&of(Format::Csv, None), one),
        "key,value\r\napple,red\r\n\"b\\,\t\"\"\u{e9}\",\"\x01\r\n \"\r\n"
    );
    assert_eq!(
        text(&of(Format::Csv, Some(Enc::Hex)), one),
        "key_hex,value_hex\r\n6170706c65,726564\r\n625c2c0922c3a9,010d0a20\r\n"
    );
    let bare = Options {
        no_heading: true,
        ..of(Format::Csv, Some(Enc::Base64))
    };
    assert_eq!(
        text(&bare, one),
        "YXBwbGU=,cmVk\r\nYlwsCSLDqQ==,AQ0KIA==\r\n"
    );
    for value in [&b"\xff"[..], b"a\0b"] {
        let result = write(&of(Format::Csv, None), |e| e.entry(b"k", value));
        assert!(matches!(result, Err(Error::NotHeld { .. })));
    }
}

#[test]
fn tsv_escapes() {
    assert_eq!(
        text(&of(Format::Tsv, None), one),
        "apple\tred\nb\\\\,\\t\"\\xc3\\xa9\t\\x01\\r\\n \n"
    );
}

#[test]
fn raw_ends_with_count_and_checksum() {
    let bytes = write(&of(Format::Raw, None), one).unwrap();
    let mut expected = b"creel-raw/1\n".to_vec();
    let second: (&[u8], &[u8]) = ("b\\,\t\"\u{e9}".as_bytes(), b"\x01\r\n ");
    for (key, value) in [(&b"apple"[..], &b"red"[..]), second] {
        expected.extend_from_slice(&(key.len() as u32).to_le_bytes());
        expected.extend_from_slice(&(value.len() as u32).to_le_bytes());
        expected.extend_from_slice(key);
        expected.extend_from_slice(value);
    }
    expected.extend_from_slice(&[0; 8]);
    expected.extend_from_slice(&2_u64.to_le_bytes());
    expected.extend_from_slice(&crc32c::crc32c(&expected).to_le_bytes());
    assert_eq!(bytes, expected);
}

#[test]
fn formats_of_one_keyspace_refuse_a_second() {
    for format in Format::ALL {
        let result = write(&of(format, Some(Enc::Hex)).without_foreign_enc(), two);
        assert_eq!(result.is_ok(), format.holds_keyspaces(), "{format:?}");
    }
}

impl Options {
    fn without_foreign_enc(mut self) -> Options {
        if self.stated_enc().is_err() {
            self.enc = None;
        }
        self
    }
}

#[test]
fn encodings_that_a_format_does_not_have() {
    let known = |format, enc| of(format, Some(enc)).stated_enc().is_ok();
    let encs = [Enc::Base64, Enc::Utf8, Enc::Hex, Enc::Auto, Enc::Print];
    let table: Vec<Vec<bool>> = Format::ALL
        .iter()
        .map(|f| encs.iter().map(|e| known(*f, *e)).collect())
        .collect();
    assert_eq!(
        table,
        [
            [true, true, true, true, false],
            [false, false, true, false, true],
            [true, true, true, false, false],
            [false; 5],
            [false; 5],
        ]
    );
}

/// Remembers the longest piece that was written.
struct Longest<'a>(&'a mut usize, &'a mut Vec<u8>);

impl std::io::Write for Longest<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self.0 = bytes.len().max(*self.0);
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn long_values_are_written_piece_by_piece() {
    // Worst cases of every codec: everything has to be escaped.
    for byte in [b'"', b'\x01', b'a'] {
        let long = vec![byte; 1_000_000];
        for format in Format::ALL {
            for enc in [None, Some(Enc::Utf8), Some(Enc::Hex), Some(Enc::Print)] {
                let options = of(format, enc);
                if options.stated_enc().is_err() {
                    continue;
                }
                let (mut longest, mut text) = (0, Vec::new());
                let mut export = options
                    .start(Box::new(Longest(&mut longest, &mut text)))
                    .unwrap();
                export.entry(b"k", &long).unwrap();
                export.finish().unwrap();
                assert!(longest < 600_000, "{format:?} {enc:?}: {longest}");
                // The value stands there as if it had been encoded in one go.
                let inside = text.len() as f64 / 1e6;
                let short = write(&options, |e| e.entry(b"k", &long[..10_000])).unwrap();
                let each = (text.len() - short.len()) as f64 / 990_000.0;
                assert!((inside - each).abs() < 0.01, "{format:?} {enc:?}");
            }
        }
    }
}

#[test]
fn pieces_of_base64_join() {
    use base64::Engine as _;
    let long: Vec<u8> = (0..200_001_u32).map(|i| (i * 7 % 251) as u8).collect();
    for length in [48 * 1024, 48 * 1024 + 1, 100_000, 200_001] {
        let text = text(&of(Format::Jsonl, None), |e| e.entry(b"k", &long[..length]));
        let whole = base64::engine::general_purpose::STANDARD.encode(&long[..length]);
        assert_eq!(
            text,
            format!("{{\"key\":\"aw==\",\"payload\":\"{whole}\"}}\n")
        );
    }
}
