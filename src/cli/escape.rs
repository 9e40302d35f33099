//! The escape codec: any bytes as one line of printable text, exactly reversible.
//!
//! Printable ASCII stands for itself; `\\ \n \t \r` and `\xNN` for the rest. On a UTF-8
//! terminal printable characters may stand for themselves too, but never control characters,
//! invisible ones or those that change the direction of text.

/// Which bytes may stand for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Printable ASCII only: the same text everywhere.
    Ascii,
    /// Printable UTF-8 too.
    Utf8,
}

/// Appends the escaped form of `bytes`.
pub fn encode(bytes: &[u8], plain: Plain, out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            encode_char(c, plain, out);
        }
        for byte in chunk.invalid() {
            hex_escape(*byte, out);
        }
    }
}

/// The escaped form of `bytes` as a string.
pub fn to_string(bytes: &[u8], plain: Plain) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    encode(bytes, plain, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn encode_char(c: char, plain: Plain, out: &mut Vec<u8>) {
    match c {
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\r' => out.extend_from_slice(b"\\r"),
        ' '..='~' => out.push(c as u8),
        _ => {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            if plain == Plain::Utf8 && !c.is_ascii() && is_visible(c) {
                out.extend_from_slice(bytes);
            } else {
                bytes.iter().for_each(|b| hex_escape(*b, out));
            }
        }
    }
}

/// False for control, format, direction, private-use and other characters that do not show.
fn is_visible(c: char) -> bool {
    !(c.is_control()
        || c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
            | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{8e2}' | '\u{890}'..='\u{891}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}'))
}

fn hex_escape(byte: u8, out: &mut Vec<u8>) {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
    out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
}

/// What is wrong with an escaped text, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub struct BadEscape {
    /// Offset of the backslash.
    pub at: usize,
}

impl std::fmt::Display for BadEscape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "byte {}: not an escape (known are \\\\ \\n \\t \\r \\xNN)",
            self.at
        )
    }
}

/// The bytes that an escaped text stands for. Bytes other than `\` stand for themselves.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, BadEscape> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, tail) = rest.split_at(at);
        out.extend_from_slice(before);
        let bad = BadEscape {
            at: text.len() - tail.len(),
        };
        let (byte, next) = match tail {
            [_, b'\\', next @ ..] => (b'\\', next),
            [_, b'n', next @ ..] => (b'\n', next),
            [_, b't', next @ ..] => (b'\t', next),
            [_, b'r', next @ ..] => (b'\r', next),
            [_, b'x', high, low, next @ ..] => {
                let high = (*high as char)
                    .to_digit(16)
                    .ok_or(BadEscape { at: bad.at })?;
                let low = (*low as char)
                    .to_digit(16)
                    .ok_or(BadEscape { at: bad.at })?;
                ((high * 16 + low) as u8, next)
            }
            _ => return Err(bad),
        };
        out.push(byte);
        rest = next;
    }
    out.extend_from_slice(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_bytes_comes_back() {
        for plain in [Plain::Ascii, Plain::Utf8] {
            for a in 0..=255_u8 {
                for b in 0..=255_u8 {
                    let mut text = Vec::new();
                    encode(&[a, b], plain, &mut text);
                    assert_eq!(decode(&text).unwrap(), [a, b]);
                    assert!(text.iter().all(|c| *c >= b' ' && *c != 127), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn every_character_comes_back_and_none_moves_the_cursor() {
        for c in '\0'..=char::MAX {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            let text = to_string(bytes, Plain::Utf8);
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes);
            assert!(!text.chars().any(char::is_control));
            assert!(to_string(bytes, Plain::Ascii).is_ascii());
        }
    }

    #[test]
    fn looks_as_documented() {
        assert_eq!(
            to_string(b"a b\\\n\t\r\0\xff", Plain::Ascii),
            "a b\\\\\\n\\t\\r\\x00\\xff"
        );
        assert_eq!(to_string("\u{e9}".as_bytes(), Plain::Ascii), "\\xc3\\xa9");
        assert_eq!(to_string("\u{e9}".as_bytes(), Plain::Utf8), "\u{e9}");
        assert_eq!(
            to_string("\u{202e}x\u{9b}".as_bytes(), Plain::Utf8),
            "\\xe2\\x80\\xaex\\xc2\\x9b"
        );
    }

    #[test]
    fn bad_escapes_name_their_byte() {
        for (text, at) in [
            ("ab\\", 2),
            ("\\q", 0),
            ("a\\x1", 1),
            ("\\xzz", 0),
            ("\\\\\\xfz", 2),
        ] {
            assert_eq!(decode(text.as_bytes()), Err(BadEscape { at }), "{text}");
        }
    }
}
