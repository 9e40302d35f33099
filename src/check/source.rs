//! Reads the file under test: positioned reads only, counted, and stoppable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::sys::{File, PageBuffer};

/// Bytes read at a time where much is to be read.
pub(crate) const RUN: usize = 1 << 20;

/// The file, how far the check is, and who wants to know.
pub(crate) struct Source<'a> {
    pub file: Arc<dyn File>,
    pub page_size: usize,
    /// Length of the file when the check began.
    pub len: u64,
    /// Bytes that are expected to be read in all.
    pub total: u64,
    progress: &'a dyn Progress,
    bytes: AtomicU64,
    pages: AtomicU64,
}

/// Pages that were read, and those among them that could not be.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub bytes: PageBuffer,
    /// Page ids that the medium refused, with its reason.
    pub refused: Vec<(u32, String)>,
}

impl<'a> Source<'a> {
    pub fn new(file: Arc<dyn File>, len: u64, progress: &'a dyn Progress) -> Self {
        Source {
            file,
            page_size: 4096,
            len,
            total: len,
            progress,
            bytes: AtomicU64::new(0),
            pages: AtomicU64::new(0),
        }
    }

    /// Bytes and pages looked at so far.
    pub fn done(&self) -> (u64, u64) {
        (self.bytes.load(Relaxed), self.pages.load(Relaxed))
    }

    /// Starts counting anew.
    pub fn reset(&self) {
        self.bytes.store(0, Relaxed);
        self.pages.store(0, Relaxed);
    }

    /// Whole pages that the file has.
    pub fn file_pages(&self) -> u32 {
        u32::try_from(self.len / self.page_size as u64).unwrap_or(u32::MAX)
    }

    /// Counts bytes as looked at and gives the caller the chance to stop.
    pub fn advance(&self, bytes: u64) -> Result<()> {
        let done = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        self.progress.report(done, Some(self.total.max(done)));
        self.check_stop()
    }

    pub fn check_stop(&self) -> Result<()> {
        if self.progress.stopped() {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Counts pages as checked.
    pub fn count_pages(&self, pages: u64) {
        self.pages.fetch_add(pages, Relaxed);
    }

    /// Reads `count` pages. A page that the medium refuses is named in `refused` and zero.
    pub fn read_pages(&self, first: u32, count: u32, out: &mut Pages) -> Result<()> {
        let len = count as usize * self.page_size;
        out.refused.clear();
        out.bytes.resize(len);
        let at = u64::from(first) * self.page_size as u64;
        let got = self.file.read_at(&mut out.bytes, at);
        match got {
            Ok(n) if n == len => {}
            Ok(_) | Err(_) => self.read_singly(first, at, out),
        }
        self.advance(len as u64)
    }

    fn read_singly(&self, first: u32, at: u64, out: &mut Pages) {
        for (i, page) in out.bytes.chunks_mut(self.page_size).enumerate() {
            let offset = at + (i * self.page_size) as u64;
            let reason = match self.file.read_at(page, offset) {
                Ok(n) if n == page.len() => continue,
                Ok(_) => "the file ends before it".to_owned(),
                Err(e) => e.to_string(),
            };
            page.fill(0);
            out.refused.push((first + i as u32, reason));
        }
    }

    /// Reads bytes of which some may be missing, or refused by the medium: those are zero.
    pub fn read_what_is_there(&self, at: u64, len: usize, out: &mut Vec<u8>) -> Result<()> {
        const PIECE: usize = 4096;
        self.check_stop()?;
        out.clear();
        out.resize(len, 0);
        if self.file.read_at(out, at).is_ok() {
            return Ok(());
        }
        for (i, piece) in out.chunks_mut(PIECE).enumerate() {
            if self.file.read_at(piece, at + (i * PIECE) as u64).is_err() {
                piece.fill(0);
            }
        }
        Ok(())
    }

    /// Reads bytes that belong to no page (header zone, log); `None` where the file is shorter.
    pub fn read_bytes(&self, at: u64, len: usize, doing: &'static str) -> Result<Option<Vec<u8>>> {
        let mut bytes = vec![0u8; len];
        let got = self.file.read_at(&mut bytes, at);
        Ok((got.map_err(|e| Error::io(doing, e))? == len).then_some(bytes))
    }
}
