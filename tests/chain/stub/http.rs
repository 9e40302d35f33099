//! As much of HTTP/1.1 as both sides need.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// A request or an answer.
#[derive(Debug, Default)]
pub struct Message {
    /// The first line.
    pub line: String,
    /// Names are in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Reads one message; [`None`] where the connection ended before it. `bodiless` answers a HEAD.
pub fn read(from: &mut impl BufRead, bodiless: bool) -> io::Result<Option<Message>> {
    let mut message = Message::default();
    if from.read_line(&mut message.line)? == 0 {
        return Ok(None);
    }
    message.line = message.line.trim_end().to_owned();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        let name = name.trim().to_ascii_lowercase();
        message.headers.insert(name, value.trim().to_owned());
    }
    if !bodiless {
        let len = message
            .headers
            .get("content-length")
            .map(|len| len.parse().unwrap());
        from.take(len.unwrap_or(0)).read_to_end(&mut message.body)?;
    }
    Ok(Some(message))
}

/// Undoes `%2F` and its like in a path, where a plus is a plus.
pub fn decode_path(text: &str) -> String {
    decode(&text.replace('+', "%2B"))
}

/// Undoes `%2F` and its like.
pub fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' && rest.len() >= 2 {
            let hex = std::str::from_utf8(&rest[..2]).unwrap();
            out.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &rest[2..];
        } else if byte == b'+' {
            out.push(b' ');
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}
