//! Writes new pages: consecutive ones together, with write-back started behind them so that the
//! final sync finds little left to do.

use std::sync::Arc;

use super::space::Space;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::sys::{File, PageBuffer};
use crate::tree::PageWrite;

/// Bytes gathered before they are written.
const RUN: usize = 1 << 20;

/// Allocates and writes the pages of one generation.
pub struct PageWriter<'a> {
    file: &'a Arc<dyn File>,
    /// Free space; new pages come from it.
    pub space: &'a mut Space,
    page_size: usize,
    generation: u64,
    run: PageBuffer,
    run_start: u64,
    written: u64,
    progress: Option<&'a dyn Progress>,
    /// Written since write-back was last started, and where; `None` where nobody starts it.
    behind: Option<Behind>,
}

/// Pages that the system has not been asked to write yet.
#[derive(Default)]
struct Behind {
    bytes: u64,
    from: u64,
    to: u64,
}

impl<'a> PageWriter<'a> {
    /// A writer for `generation`.
    pub fn new(
        file: &'a Arc<dyn File>,
        space: &'a mut Space,
        page_size: usize,
        generation: u64,
    ) -> Self {
        PageWriter {
            file,
            space,
            page_size,
            generation,
            run: PageBuffer::default(),
            run_start: 0,
            written: 0,
            progress: None,
            behind: Some(Behind::default()),
        }
    }

    /// Reports bytes written, and stops where asked to.
    pub fn watch(&mut self, progress: &'a dyn Progress) {
        self.progress = Some(progress);
    }

    /// No sync will follow: the system writes when it likes.
    pub fn leave_to_system(&mut self) {
        self.behind = None;
    }

    /// Starts write-back once enough has come together: where pages go into free space here and
    /// there, a call for each of them costs more than it brings.
    fn start_writeback(&mut self, at: u64, len: u64) {
        let Some(behind) = &mut self.behind else {
            return;
        };
        if behind.bytes == 0 {
            (behind.from, behind.to) = (at, at + len);
        }
        behind.from = behind.from.min(at);
        behind.to = behind.to.max(at + len);
        behind.bytes += len;
        if behind.bytes >= RUN as u64 {
            let len = behind.to - behind.from;
            self.file.start_writeback(behind.from, len);
            *behind = Behind::default();
        }
    }

    /// Writes what is gathered. Must be called before the sync that makes the pages durable.
    pub fn flush(&mut self) -> Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        let len = self.run.len() as u64;
        self.file
            .write_at(&self.run, self.run_start)
            .map_err(|e| Error::io("write pages", e))?;
        self.start_writeback(self.run_start, len);
        self.written += len;
        self.run.clear();
        if let Some(progress) = self.progress {
            progress.report(self.written, None);
            if progress.stopped() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written + self.run.len() as u64
    }
}

impl PageWrite for PageWriter<'_> {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn allocate(&mut self, pages: u32) -> Result<u32> {
        self.space.allocate(pages)
    }

    fn write(&mut self, first: u32, parts: &[&[u8]]) -> Result<()> {
        let at = u64::from(first) * self.page_size as u64;
        let end = self.run_start + self.run.len() as u64;
        // Writes that end at a multiple of their length are stored in larger pieces.
        let enough = end.is_multiple_of(RUN as u64) && !self.run.is_empty();
        if at != end || enough || self.run.len() >= 2 * RUN {
            self.flush()?;
            self.run_start = at;
        }
        for part in parts {
            self.run.extend_from_slice(part);
        }
        let whole = self.run.len().next_multiple_of(self.page_size);
        self.run.resize(whole);
        Ok(())
    }

    fn free(&mut self, first: u32, pages: u32) {
        self.space.free(first, pages, self.generation);
    }
}
