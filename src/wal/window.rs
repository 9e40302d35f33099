//! Reading a region in chunks.

use std::sync::Arc;

use super::Extent;
use super::scan::{Payload, Placed};
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::frame::FRAME_HEADER_SIZE;
use crate::sys::{File, LargeBuffer};

/// Bytes read at first, and at most, at a time: most looks at a log are short.
const FIRST_CHUNK: usize = 4 << 10;
const LAST_CHUNK: usize = 64 << 10;

/// The most where what was read is kept: the system gives memory of this size at once.
const LAST_KEPT: usize = 2 << 20;

/// A sliding view of a region that reads ahead in chunks.
pub(super) struct Window<'f> {
    file: &'f dyn File,
    pub extent: Extent,
    /// Whoever visits may keep it; then the next chunk gets memory of its own.
    buf: Arc<LargeBuffer>,
    start: u64,
    /// Bytes read last time.
    chunk: usize,
}

impl<'f> Window<'f> {
    pub fn new(file: &'f dyn File, extent: Extent) -> Self {
        Window {
            file,
            extent,
            buf: Arc::default(),
            start: 0,
            chunk: 0,
        }
    }

    /// Bytes `at..at + len` of the region; `None` where the region ends before.
    pub fn get(&mut self, at: u64, len: u64) -> Result<Option<&[u8]>> {
        if at.checked_add(len).is_none_or(|end| end > self.extent.len) {
            return Ok(None);
        }
        let inside = at >= self.start && at + len <= self.start + self.buf.len() as u64;
        if !inside {
            self.fill(at, len)?;
        }
        let from = (at - self.start) as usize;
        Ok(self.buf.get(from..from + len as usize))
    }

    /// The payload of a frame that [`Self::get`] just gave.
    pub fn payload(&self, placed: &Placed) -> Payload<'_> {
        let at = (placed.offset - self.start) as usize + FRAME_HEADER_SIZE;
        let end = at + placed.header.entry.payload_len as usize;
        Payload {
            bytes: self.buf.get(at..end).unwrap_or(&[]),
            buffer: &self.buf,
            at,
        }
    }

    /// What is in memory from `at` on, read if need be; `None` at the end of the region.
    pub fn chunk(&mut self, at: u64) -> Result<Option<&[u8]>> {
        if at + 8 > self.extent.len {
            return Ok(None);
        }
        self.get(at, 8)?;
        let from = (at - self.start) as usize;
        Ok(self.buf.get(from..))
    }

    fn fill(&mut self, at: u64, len: u64) -> Result<()> {
        // Keep reads aligned so that a region is read in whole pages.
        let start = at & !4095;
        // `None` where somebody keeps it.
        let own = Arc::get_mut(&mut self.buf).map(std::mem::take);
        self.chunk = match own {
            None if self.chunk > LAST_CHUNK => LAST_KEPT,
            None => self.chunk * 4,
            Some(_) => (self.chunk * 4).clamp(FIRST_CHUNK, LAST_CHUNK),
        };
        let want = (at + len - start)
            .max(self.chunk as u64)
            .min(self.extent.len - start) as usize;
        let mut fresh = match own {
            None => LargeBuffer::zeroed(want),
            Some(mut buf) => {
                buf.resize(want);
                buf
            }
        };
        let got = self
            .file
            .read_at(&mut fresh, self.extent.start + start)
            .map_err(|e| Error::io("read the log", e))?;
        if got < want {
            let end = Corruption::new(Invariant::H7, "the file ends inside the log");
            return Err(end.at(self.extent.start + start + got as u64).into());
        }
        self.start = start;
        match Arc::get_mut(&mut self.buf) {
            Some(buf) => *buf = fresh,
            None => self.buf = Arc::new(fresh),
        }
        Ok(())
    }
}
