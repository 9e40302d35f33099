//! Memory that is handed to reads and writes of many pages.

use std::ops::{Deref, DerefMut};

/// Where memory begins that the kernel copies fastest to and from.
const ALIGN: usize = 4096;

/// Bytes that begin at a page of memory. Copying between them and pages in the kernel takes two
/// thirds of the time that it takes from anywhere else.
#[derive(Debug, Default)]
pub struct PageBuffer {
    /// What is before `start` only fills up.
    bytes: Vec<u8>,
    start: usize,
}

impl PageBuffer {
    /// Makes them so many; new ones are zero.
    pub fn resize(&mut self, len: usize) {
        self.reserve(len.saturating_sub(self.len()));
        self.bytes.resize(self.start + len, 0);
    }

    /// Adds bytes behind these.
    pub fn extend_from_slice(&mut self, more: &[u8]) {
        self.reserve(more.len());
        self.bytes.extend_from_slice(more);
    }

    /// Takes all bytes away, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.truncate(self.start);
    }

    /// Makes room without moving what is aligned.
    fn reserve(&mut self, more: usize) {
        if more <= self.bytes.capacity() - self.bytes.len() {
            return;
        }
        let len = self.len();
        let room = (len + more).max(2 * len);
        let mut moved: Vec<u8> = Vec::with_capacity(room + ALIGN);
        let start = moved.as_ptr().align_offset(ALIGN).min(ALIGN);
        moved.resize(start, 0);
        moved.extend_from_slice(self);
        (self.bytes, self.start) = (moved, start);
    }
}

impl Deref for PageBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl DerefMut for PageBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)] // a test may panic
mod tests {
    use super::*;

    fn is_aligned(bytes: &[u8]) -> bool {
        bytes.as_ptr().addr().is_multiple_of(ALIGN)
    }

    #[test]
    fn it_begins_at_a_page_however_it_grows() {
        let mut buffer = PageBuffer::default();
        let mut expected = Vec::new();
        assert!(buffer.is_empty());
        for i in 0..2000_usize {
            let piece = vec![i as u8; i * 7 % 100];
            buffer.extend_from_slice(&piece);
            expected.extend_from_slice(&piece);
            assert!(is_aligned(&buffer) || buffer.is_empty());
        }
        assert!(*buffer == expected);
        buffer.resize(10);
        buffer.resize(20);
        assert!(buffer[..10] == expected[..10] && buffer[10..] == [0; 10]);
        buffer.clear();
        assert!(buffer.is_empty());
        buffer.resize(3 << 20);
        assert!(is_aligned(&buffer) && buffer.iter().all(|b| *b == 0));
    }
}
