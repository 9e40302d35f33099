//! Annotated dumps: one line for each field, `offset  hex  field = value  (remark)`.
//!
//! For `creel inspect` and for the golden files in `tests/format`. Bytes that make no sense are
//! shown as `malformed: ...` and the dump goes on; nothing here panics or gives up.

mod log;
mod page;
mod slot;

use std::fmt::{Display, Write};

use super::bytes::{all_zero, u16_at, u32_at, u64_at};

pub use log::{frame, region};
pub use page::page;
pub use slot::header_slot;

/// Bytes of a key or value that are shown; longer ones are cut and their length is told.
const SHOWN: usize = 48;
/// Bytes of a field whose hex is shown.
const HEX_SHOWN: usize = 16;

/// Text of raw bytes: printable ASCII in quotes, everything else as `\xNN`.
pub fn quoted(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let mut out = String::from("\"");
    for &byte in shown {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => out += &format!("\\x{byte:02x}"),
        }
    }
    out.push('"');
    if shown.len() < bytes.len() {
        out += &format!("... ({} bytes)", bytes.len());
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}"); // writing to a string cannot fail
        out
    })
}

/// The lines written so far and the bytes they are about.
struct Dump<'a> {
    bytes: &'a [u8],
    /// Added to every offset shown.
    base: u64,
    out: String,
}

impl<'a> Dump<'a> {
    fn new(bytes: &'a [u8], base: u64) -> Self {
        Dump {
            bytes,
            base,
            out: String::new(),
        }
    }

    /// A line about `len` bytes at `at`.
    fn line(&mut self, at: usize, len: usize, text: impl Display) {
        let rest = self.bytes.get(at..).unwrap_or(&[]);
        let bytes = rest.get(..len).unwrap_or(rest);
        let shown = bytes.get(..HEX_SHOWN).unwrap_or(bytes);
        let cut = if shown.len() < bytes.len() { ".." } else { "" };
        let offset = self.base.saturating_add(at as u64);
        let line = format!("{offset:>10}  {:<34}  {text}", hex(shown) + cut);
        self.out += line.trim_end();
        self.out.push('\n');
    }

    fn malformed(&mut self, at: usize, len: usize, what: impl Display) {
        self.line(at, len, format_args!("malformed: {what}"));
    }

    /// `name = value  (remark)`, the remark left out where empty.
    fn field(&mut self, at: usize, len: usize, name: &str, value: impl Display, remark: &str) {
        if self.bytes.len() < at.saturating_add(len) {
            self.malformed(at, len, format_args!("{name}: the bytes end here"));
        } else if remark.is_empty() {
            self.line(at, len, format_args!("{name} = {value}"));
        } else {
            self.line(at, len, format_args!("{name} = {value}  ({remark})"));
        }
    }

    /// An integer of 1, 2, 4 or 8 bytes, without a line. 0 where the bytes end before.
    fn int(&self, at: usize, len: usize) -> u64 {
        let value = match len {
            1 => self.bytes.get(at).map(|&b| u64::from(b)),
            2 => u16_at(self.bytes, at).map(u64::from),
            4 => u32_at(self.bytes, at).map(u64::from),
            _ => u64_at(self.bytes, at),
        };
        value.unwrap_or(0)
    }

    fn number(&mut self, at: usize, len: usize, name: &str, remark: &str) -> u64 {
        let value = self.int(at, len);
        self.field(at, len, name, value, remark);
        value
    }

    /// An integer shown in hex: checksums, feature bits, magic words.
    fn word(&mut self, at: usize, len: usize, name: &str, remark: &str) -> u64 {
        let value = self.int(at, len);
        let text = format!("{value:0width$x}", width = 2 * len);
        self.field(at, len, name, text, remark);
        value
    }

    /// Raw bytes shown in hex: ids and hashes.
    fn id(&mut self, at: usize, len: usize, name: &str) {
        let text = hex(self.range(at, len));
        self.field(at, len, name, text, "");
    }

    /// A checksum that is compared with the one computed from the bytes.
    fn checksum(&mut self, at: usize, name: &str, computed: u32) {
        let remark = if self.int(at, 4) == u64::from(computed) {
            "matches".to_owned()
        } else {
            format!("malformed: the bytes give {computed:08x}")
        };
        self.word(at, 4, name, &remark);
    }

    /// Bytes that must be zero.
    fn zero(&mut self, at: usize, len: usize) {
        if len == 0 {
            return;
        }
        let range = self.range(at, len);
        if range.len() < len {
            self.malformed(
                at,
                len,
                format_args!("{len} zero bytes: the bytes end here"),
            );
        } else if all_zero(range) {
            self.line(at, len, format_args!("zero = {len} bytes"));
        } else {
            let first = range.iter().position(|&b| b != 0).unwrap_or(0);
            let place = self.base.saturating_add((at + first) as u64);
            let what = format!("{len} bytes that must be zero are not, first at {place}");
            self.malformed(at, len, what);
        }
    }

    /// Bytes `at..at + len`, or as many of them as there are.
    fn range(&self, at: usize, len: usize) -> &'a [u8] {
        let rest = self.bytes.get(at..).unwrap_or(&[]);
        rest.get(..len).unwrap_or(rest)
    }

    /// The line at the end: what the decoder says.
    fn verdict(&mut self, problem: Option<&dyn Display>) {
        match problem {
            None => self.out += "check: ok\n",
            Some(problem) => self.out += &format!("check: {problem}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_escapes_and_cuts() {
        assert_eq!(quoted(b"a \"b\\\n\xff"), r#""a \"b\\\x0a\xff""#);
        assert_eq!(quoted(&[b'x'; 48]), format!("\"{}\"", "x".repeat(48)));
        let long = format!("\"{}\"... (49 bytes)", "x".repeat(48));
        assert_eq!(quoted(&[b'x'; 49]), long);
    }

    #[test]
    fn a_dump_of_nothing_says_so() {
        assert!(header_slot(b"", 0).contains("malformed"));
        assert!(region(b"", u64::MAX).contains("malformed"));
        assert!(frame(b"", None, u64::MAX).contains("malformed"));
        assert!(page(b"", u32::MAX, 4096).contains("malformed"));
    }
}
