//! Reading a region in chunks.

use super::Extent;
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::sys::File;

/// Bytes read at first, and at most, at a time: most looks at a log are short.
const FIRST_CHUNK: usize = 4 << 10;
const LAST_CHUNK: usize = 64 << 10;

/// A sliding view of a region that reads ahead in chunks.
pub(super) struct Window<'f> {
    file: &'f dyn File,
    pub extent: Extent,
    buf: Vec<u8>,
    start: u64,
    chunk: usize,
}

impl<'f> Window<'f> {
    pub fn new(file: &'f dyn File, extent: Extent) -> Self {
        Window {
            file,
            extent,
            buf: Vec::new(),
            start: 0,
            chunk: FIRST_CHUNK,
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
        let want = (at + len - start)
            .max(self.chunk as u64)
            .min(self.extent.len - start) as usize;
        self.chunk = (self.chunk * 4).min(LAST_CHUNK);
        self.buf.resize(want, 0);
        self.start = start;
        let got = self
            .file
            .read_at(&mut self.buf, self.extent.start + start)
            .map_err(|e| Error::io("read the log", e))?;
        if got < want {
            let end = Corruption::new(Invariant::H7, "the file ends inside the log");
            return Err(end.at(self.extent.start + start + got as u64).into());
        }
        Ok(())
    }
}
