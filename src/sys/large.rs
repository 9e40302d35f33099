//! Memory that is read into once and kept.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Memory comes in pages of this size, where the system has them: one fault instead of 512, which
/// take longer than reading into them.
const HUGE: usize = 2 << 20;

/// Less is not worth such a page.
const LEAST: usize = HUGE / 4;

/// Bytes made for one read each.
#[derive(Debug, Default)]
pub struct LargeBuffer(Memory);

#[derive(Debug)]
enum Memory {
    Small(Vec<u8>),
    Huge {
        map: MmapMut,
        /// What is before only fills up: the system gives huge pages at multiples of their size.
        start: usize,
        len: usize,
    },
}

impl Default for Memory {
    fn default() -> Self {
        Memory::Small(Vec::new())
    }
}

impl LargeBuffer {
    /// Zeros, so many.
    pub fn zeroed(len: usize) -> Self {
        // Zeros that the system gives need not be written.
        LargeBuffer(huge(len).unwrap_or_else(|| Memory::Small(vec![0; len])))
    }

    /// Makes them so many, whatever they are then.
    pub fn resize(&mut self, len: usize) {
        match &mut self.0 {
            Memory::Small(bytes) if len <= bytes.capacity() => bytes.resize(len, 0),
            Memory::Huge {
                map,
                start,
                len: old,
            } if len <= map.len() - *start => *old = len,
            _ => *self = LargeBuffer::zeroed(len),
        }
    }
}

/// Addresses are taken for more than is asked for; memory only for what is written to.
fn huge(len: usize) -> Option<Memory> {
    if len < LEAST {
        return None;
    }
    let pages = len.checked_next_multiple_of(HUGE)?;
    let map = MmapMut::map_anon(pages.checked_add(HUGE)?).ok()?;
    let start = map.as_ptr().align_offset(HUGE);
    if start > HUGE {
        return None;
    }
    #[cfg(target_os = "linux")]
    let _ = map.advise_range(memmap2::Advice::HugePage, start, pages);
    Some(Memory::Huge { map, start, len })
}

impl Deref for LargeBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Small(bytes) => bytes,
            Memory::Huge { map, start, len } => map.get(*start..*start + *len).unwrap_or_default(),
        }
    }
}

impl DerefMut for LargeBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Small(bytes) => bytes,
            Memory::Huge { map, start, len } => {
                map.get_mut(*start..*start + *len).unwrap_or_default()
            }
        }
    }
}

impl AsRef<[u8]> for LargeBuffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn it_has_the_length_that_was_asked_for() {
        for len in [
            0,
            1,
            4096,
            LEAST - 1,
            LEAST,
            HUGE,
            HUGE + 1,
            2 * HUGE + 4097,
        ] {
            let mut buffer = LargeBuffer::zeroed(len);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|byte| *byte == 0));
            buffer.fill(7);
            assert!(buffer.iter().all(|byte| *byte == 7));
            for other in [len / 2, len + 1, 3 * HUGE, 10] {
                buffer.resize(other);
                assert_eq!(buffer.len(), other);
                buffer.fill(8);
                assert!(buffer.iter().all(|byte| *byte == 8));
            }
        }
    }
}
