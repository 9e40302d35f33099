//! Bounded reads and writes of message bodies, little-endian. A count in a body never allocates.

use super::wire_error::WireError;
use crate::format::bytes::{id_at, u16_at, u32_at, u64_at};
use crate::format::entry::Point;

/// Longest text in any message.
pub const TEXT_MAX: usize = 1000;

/// Reads a body from the front; what is missing is an error, and so is what is left over.
pub struct Take<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Take<'a> {
    /// Over a whole body; `what` names the message in errors.
    pub fn new(body: &'a [u8], what: &'static str) -> Take<'a> {
        Take { rest: body, what }
    }

    fn bad(&self) -> WireError {
        WireError::Malformed { what: self.what }
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.bad())?;
        self.rest = rest;
        Ok(head)
    }

    /// A byte.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        let bytes = self.bytes(1)?;
        bytes.first().copied().ok_or_else(|| self.bad())
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        let bytes = self.bytes(2)?;
        u16_at(bytes, 0).ok_or_else(|| self.bad())
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        let bytes = self.bytes(4)?;
        u32_at(bytes, 0).ok_or_else(|| self.bad())
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        let bytes = self.bytes(8)?;
        u64_at(bytes, 0).ok_or_else(|| self.bad())
    }

    /// Sixteen raw bytes.
    pub fn id(&mut self) -> Result<[u8; 16], WireError> {
        let bytes = self.bytes(16)?;
        id_at(bytes, 0).ok_or_else(|| self.bad())
    }

    /// Thirty-two raw bytes.
    pub fn key(&mut self) -> Result<[u8; 32], WireError> {
        let bytes = self.bytes(32)?;
        bytes.first_chunk().copied().ok_or_else(|| self.bad())
    }

    /// A place in the log.
    pub fn point(&mut self) -> Result<Point, WireError> {
        Ok(Point {
            index: self.u64()?,
            epoch: self.u32()?,
            history: self.id()?,
        })
    }

    /// Text with a length of two bytes in front.
    pub fn text(&mut self) -> Result<String, WireError> {
        let len = usize::from(self.u16()?);
        if len > TEXT_MAX {
            return Err(self.bad());
        }
        let bytes = self.bytes(len)?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.bad())?;
        // It is shown to people: nothing in it may steer a terminal.
        if text.chars().any(char::is_control) {
            return Err(self.bad());
        }
        Ok(text.to_owned())
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.bad())
        }
    }
}

/// Appends a place in the log as [`Take::point`] reads it.
pub fn push_point(out: &mut Vec<u8>, point: &Point) {
    out.extend_from_slice(&point.index.to_le_bytes());
    out.extend_from_slice(&point.epoch.to_le_bytes());
    out.extend_from_slice(&point.history);
}

/// Appends text as [`Take::text`] reads it: cut where it is too long, control characters blank.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    let mut clean = String::with_capacity(text.len().min(TEXT_MAX));
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if clean.len() + c.len_utf8() > TEXT_MAX {
            break;
        }
        clean.push(c);
    }
    out.extend_from_slice(&(clean.len() as u16).to_le_bytes());
    out.extend_from_slice(clean.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_a_character_and_cleaned() {
        let mut out = Vec::new();
        let long = format!("a\n{}", "\u{e9}".repeat(TEXT_MAX));
        push_text(&mut out, &long);
        let mut take = Take::new(&out, "text");
        let text = take.text().unwrap();
        take.end().unwrap();
        assert!(text.starts_with("a \u{e9}"));
        assert!(text.len() <= TEXT_MAX && text.len() > TEXT_MAX - 2);
    }

    #[test]
    fn control_characters_are_refused() {
        let body = [3, 0, b'a', 0x1b, b'c'];
        assert!(Take::new(&body, "text").text().is_err());
    }

    #[test]
    fn short_and_long_bodies_are_refused() {
        assert!(Take::new(&[1, 2, 3], "x").u32().is_err());
        let mut take = Take::new(&[1, 2, 3], "x");
        assert_eq!(take.u16().unwrap(), 0x0201);
        assert!(take.end().is_err());
    }
}
