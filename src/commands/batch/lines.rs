//! The lines of a batch, as text or JSON.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use crate::cli::text::{self, Enc};
use crate::cli::{Failure, codes, escape, signals};

/// The longest line: a value of 64 MiB with every byte escaped would be longer, but has no place
/// in a line.
const MAX_LINE: u64 = 128 << 20;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub enum Op {
    /// Store a value.
    Put {
        /// Keyspace, where the line names one.
        ks: Option<String>,
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// Remove a key.
    Delete {
        /// Keyspace, where the line names one.
        ks: Option<String>,
        /// The key.
        key: Vec<u8>,
    },
}

impl Op {
    /// The keyspace that the line names.
    pub fn keyspace(&self) -> Option<&str> {
        match self {
            Op::Put { ks, .. } | Op::Delete { ks, .. } => ks.as_deref(),
        }
    }
}

/// A source of operations that knows where it is.
pub struct Lines {
    source: BufReader<Box<dyn Read>>,
    json: bool,
    line: Vec<u8>,
    number: u64,
    offset: u64,
}

impl Lines {
    /// Lines of text, or of JSON.
    pub fn new(source: BufReader<Box<dyn Read>>, json: bool) -> Lines {
        Lines {
            source,
            json,
            line: Vec::new(),
            number: 0,
            offset: 0,
        }
    }

    /// Lines read so far; the first is 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next operation; empty lines are passed over.
    pub fn next_op(&mut self) -> Result<Option<Op>, Failure> {
        loop {
            let start = self.offset;
            self.line.clear();
            let mut limited = (&mut self.source).take(MAX_LINE + 1);
            let line = &mut self.line;
            let read = signals::while_waiting(|| limited.read_until(b'\n', line))
                .ok_or(creel::Error::Interrupted)?
                .map_err(|e| {
                    Failure::new(&codes::IO, format!("cannot read line {}", self.number + 1))
                        .cause(e.to_string())
                })?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.offset += read as u64;
            if read as u64 > MAX_LINE {
                return Err(self.bad(start, "the line is longer than 128 MiB".into()));
            }
            let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let op = if self.json { json(line) } else { tabbed(line) };
            return op.map(Some).map_err(|cause| self.bad(start, cause));
        }
    }

    fn bad(&self, start: u64, cause: String) -> Failure {
        let number = self.number;
        Failure::new(
            &codes::BAD_INPUT,
            format!("line {number} (at byte {start}) is malformed"),
        )
        .cause(cause)
        .hint("repair the line; creel batch --help shows the form of a line")
        .detail("line", number)
        .detail("offset", start)
    }
}

fn tabbed(line: &[u8]) -> Result<Op, String> {
    let field = |name: &str, text: &[u8]| escape::decode(text).map_err(|e| format!("{name}: {e}"));
    let fields: Vec<&[u8]> = line.splitn(4, |b| *b == b'\t').collect();
    let op = match fields.as_slice() {
        [b"put", key, value] => Op::Put {
            ks: None,
            key: field("key", key)?,
            value: field("value", value)?,
        },
        [b"del" | b"delete", key] => Op::Delete {
            ks: None,
            key: field("key", key)?,
        },
        [b"put", ..] => return Err("put takes a key and a value, separated by tabs".into()),
        [b"del" | b"delete", ..] => return Err("del takes one key, separated by a tab".into()),
        [other, ..] if other.starts_with(b"put ") || other.starts_with(b"del ") => {
            return Err("its parts are separated by spaces, and tabs are needed".into());
        }
        [other, ..] => {
            let word: String = escape::to_string(other, escape::Plain::Ascii);
            let word: String = word.chars().take(40).collect();
            return Err(format!("{word:?} is neither put nor del"));
        }
        [] => return Err("the line is empty".into()),
    };
    checked(op)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    op: String,
    ks: Option<String>,
    key: Option<String>,
    key_utf8: Option<String>,
    key_hex: Option<String>,
    value: Option<String>,
    value_utf8: Option<String>,
    value_hex: Option<String>,
}

fn json(line: &[u8]) -> Result<Op, String> {
    let r: Record = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let key = one("key", r.key, r.key_utf8, r.key_hex)?.ok_or("there is no key")?;
    let value = one("value", r.value, r.value_utf8, r.value_hex)?;
    checked(match (r.op.as_str(), value) {
        ("put", Some(value)) => Op::Put {
            ks: r.ks,
            key,
            value,
        },
        ("put", None) => return Err("put has no value".into()),
        ("del" | "delete", None) => Op::Delete { ks: r.ks, key },
        ("del" | "delete", Some(_)) => return Err("del has a value".into()),
        (other, _) => return Err(format!("op {other:?} is neither put nor del")),
    })
}

/// The one of three spellings that is given.
fn one(
    name: &str,
    base64: Option<String>,
    utf8: Option<String>,
    hex: Option<String>,
) -> Result<Option<Vec<u8>>, String> {
    let decode = |text: String, enc| {
        text::decode(text.as_bytes(), enc)
            .map(Some)
            .map_err(|e| format!("{name}: {e}"))
    };
    match (base64, utf8, hex) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => decode(text, Enc::Base64),
        (None, Some(text), None) => Ok(Some(text.into_bytes())),
        (None, None, Some(text)) => decode(text, Enc::Hex),
        _ => Err(format!("{name} is given more than once")),
    }
}

fn checked(op: Op) -> Result<Op, String> {
    match &op {
        Op::Put { key, .. } | Op::Delete { key, .. } if key.is_empty() => {
            Err("the key is empty".into())
        }
        _ => Ok(op),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static [u8], json: bool) -> Result<Vec<Op>, Failure> {
        let mut lines = Lines::new(BufReader::new(Box::new(text)), json);
        let mut ops = Vec::new();
        while let Some(op) = lines.next_op()? {
            ops.push(op);
        }
        Ok(ops)
    }

    fn put(key: &[u8], value: &[u8]) -> Op {
        Op::Put {
            ks: None,
            key: key.to_vec(),
            value: value.to_vec(),
        }
    }

    #[test]
    fn text_lines() {
        let ops = read(b"put\ta\\tb\t\\x00\r\n\ndel\tc\nput\td\t", false).unwrap();
        let deleted = Op::Delete {
            ks: None,
            key: b"c".to_vec(),
        };
        assert_eq!(ops, [put(b"a\tb", b"\0"), deleted, put(b"d", b"")]);
    }

    #[test]
    fn json_lines() {
        let ops = read(
            br#"{"op":"put","key":"YQ==","value_utf8":"\u00e9"}
{"op":"del","key_hex":"00ff","ks":"users"}
"#,
            true,
        )
        .unwrap();
        let deleted = Op::Delete {
            ks: Some("users".into()),
            key: vec![0, 255],
        };
        assert_eq!(ops, [put(b"a", "\u{e9}".as_bytes()), deleted]);
    }

    #[test]
    fn bad_lines_name_their_place() {
        for (text, json, line, offset) in [
            (&b"put\ta\tb\nput\tc\n"[..], false, 2, 8),
            (b"put\t\tv\n", false, 1, 0),
            (b"\n\nfrob\tx\n", false, 3, 2),
            (b"put\ta\tb\tc\n", false, 1, 0),
            (b"del\ta\\q\n", false, 1, 0),
            (b"{}\n", true, 1, 0),
            (b"{\"op\":\"put\",\"key\":\"YQ==\"}\n", true, 1, 0),
            (b"{\"op\":\"del\",\"key\":\"YQ==\",\"kee\":1}\n", true, 1, 0),
            (
                b"{\"op\":\"del\",\"key\":\"YQ==\",\"key_hex\":\"00\"}\n",
                true,
                1,
                0,
            ),
            (b"{\"op\":\"del\",\"key\":\"YQ==\"} x\n", true, 1, 0),
            (b"{\"op\":\"del\",\"key\":\"Y", true, 1, 0),
        ] {
            let failure = read(text, json).unwrap_err();
            assert_eq!(failure.exit().code(), 9);
            let detail = &failure.parts().detail;
            assert_eq!(detail["line"], line, "{text:?}");
            assert_eq!(detail["offset"], offset, "{text:?}");
        }
    }
}
