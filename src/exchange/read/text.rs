//! The window of input text that is being decoded.

use std::io::{self, ErrorKind, Read};

/// Text read at a time.
const CHUNK: usize = 256 << 10;

/// What has been read and not decoded yet.
#[derive(Debug)]
pub(super) struct Window {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    max: usize,
}

impl Window {
    /// An empty window that grows to hold one record of at most `max` bytes.
    pub fn new(max: usize) -> Window {
        Window {
            buf: Vec::new(),
            start: 0,
            end: 0,
            ended: false,
            max: max.saturating_add(2).max(CHUNK),
        }
    }

    /// The text.
    #[inline]
    pub fn text(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or(&[])
    }

    /// True when nothing follows the text.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Nothing more is to be read.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// True when the text is as long as a record may be.
    pub fn is_full(&self) -> bool {
        self.end - self.start >= self.max
    }

    /// Steps over text.
    pub fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads more behind the text; returns how much.
    pub fn read(&mut self, input: &mut dyn Read) -> io::Result<usize> {
        self.make_room();
        let room = self.buf.get_mut(self.end..).unwrap_or(&mut []);
        let got = loop {
            match input.read(room) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.ended = got == 0;
        self.end += got;
        Ok(got)
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buf.len() > 8 * CHUNK && self.end <= CHUNK {
            // A long line has passed.
            self.buf.truncate(CHUNK);
            self.buf.shrink_to_fit();
        }
        if self.end == self.buf.len() {
            let len = (2 * self.buf.len()).clamp(CHUNK, self.max);
            self.buf.resize(len.max(self.end + 1), 0);
        }
    }
}

/// One line of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Without its end.
    pub body: &'a [u8],
    /// Bytes with its end.
    pub len: usize,
    /// False for a last line that has no end.
    pub ended: bool,
}

/// The first line of `text`; `None` where its end is not there and more may follow.
#[inline]
pub(super) fn line(text: &[u8], last: bool) -> Option<Line<'_>> {
    let (body, len, ended) = match memchr::memchr(b'\n', text) {
        Some(n) => (text.get(..n)?, n + 1, true),
        None if last && !text.is_empty() => (text, text.len(), false),
        None => return None,
    };
    Some(Line {
        body: body.strip_suffix(b"\r").unwrap_or(body),
        len,
        ended,
    })
}

/// Bytes up to and with the end of the line.
pub(super) fn rest_of_line(text: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', text).map(|n| n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let first = line(b"a\r\nb", false).unwrap();
        assert_eq!((first.body, first.len, first.ended), (&b"a"[..], 3, true));
        assert!(line(b"b", false).is_none());
        let last = line(b"b", true).unwrap();
        assert_eq!((last.body, last.len, last.ended), (&b"b"[..], 1, false));
        assert!(line(b"", true).is_none());
    }

    #[test]
    fn the_window_moves_and_grows_up_to_its_bound() {
        let mut window = Window::new(CHUNK * 3);
        let mut input = io::repeat(b'x').take(10 << 20);
        while !window.is_full() {
            window.read(&mut input).unwrap();
        }
        assert_eq!(window.text().len(), CHUNK * 3 + 2);
        let len = window.text().len();
        window.consume(len - 1);
        assert_eq!(window.text(), b"x");
        while !window.ended() {
            let len = window.text().len();
            window.consume(len);
            window.read(&mut input).unwrap();
        }
        assert_eq!(window.text(), b"");
    }
}
