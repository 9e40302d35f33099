//! Carries the parts of a copy into a file or a stream, at the disk's pace or a slower one.

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::layout::{Part, What};
use super::{BackupOptions, Reflink};
use crate::db::handle::Inner;
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::progress::Progress;
use crate::sys::{File, PageBuffer, Vfs, allocate_zeroed, share_range};

/// Bytes that are copied at a time.
const STEP: u64 = 1 << 20;
/// Longest pause between two looks at whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// The work and how far it is.
pub(super) struct Copier<'a> {
    from: &'a Arc<dyn File>,
    /// What errors name.
    source: &'a Path,
    dest: Option<&'a Path>,
    vfs: &'a dyn Vfs,
    progress: &'a dyn Progress,
    reflink: Reflink,
    rate: Option<u64>,
    started: Duration,
    total: u64,
    done: u64,
    /// It has not failed yet.
    sharing: bool,
    buffer: PageBuffer,
    /// Bytes copied.
    pub copied: u64,
    /// Bytes that share their storage.
    pub shared: u64,
}

impl<'a> Copier<'a> {
    pub fn new(
        inner: &'a Inner,
        dest: Option<&'a Path>,
        options: &BackupOptions,
        progress: &'a dyn Progress,
        total: u64,
    ) -> Self {
        Copier {
            from: &inner.file,
            source: &inner.path,
            dest,
            vfs: inner.vfs(),
            progress,
            reflink: options.reflink,
            rate: options.rate,
            started: inner.vfs().elapsed(),
            total,
            done: 0,
            sharing: options.reflink != Reflink::Never,
            buffer: PageBuffer::default(),
            copied: 0,
            shared: 0,
        }
    }

    /// Writes all parts to a new file; the caller syncs it.
    pub fn fill(&mut self, parts: &[Part], to: &Arc<dyn File>) -> Result<()> {
        let dest = self.dest;
        let failed = |e| not_written(dest, e);
        to.set_size(self.total).map_err(failed)?;
        for part in parts {
            match &part.what {
                What::Nothing => self.pass(part.len)?,
                What::Pages => self.pages(part, to)?,
                What::Bytes(bytes) => {
                    let len = bytes.len() as u64;
                    to.write_at(bytes, part.at).map_err(failed)?;
                    allocate_zeroed(to.as_ref(), part.at + len, part.len - len).map_err(failed)?;
                    self.copied += part.len;
                    self.pass(part.len)?;
                }
            }
        }
        Ok(())
    }

    fn pages(&mut self, part: &Part, to: &Arc<dyn File>) -> Result<()> {
        if self.sharing {
            match share_range(self.from.as_ref(), to.as_ref(), part.at, part.len) {
                Ok(()) => {
                    self.shared += part.len;
                    return self.pass(part.len);
                }
                Err(e) if e.kind() == ErrorKind::Unsupported && self.reflink == Reflink::Auto => {
                    self.sharing = false;
                }
                Err(e) => {
                    return Err(Error::io_at(
                        "share storage with the database in",
                        self.dest.unwrap_or(self.source),
                        e,
                    ));
                }
            }
        }
        let end = part.at + part.len;
        let mut at = part.at;
        while at < end {
            // Pieces that end at multiples of their length are stored in larger parts.
            let whole = self.step();
            let step = (whole - at % whole).min(end - at);
            self.read(at, step)?;
            to.write_at(&self.buffer, at)
                .map_err(|e| not_written(self.dest, e))?;
            to.start_writeback(at, step);
            self.copied += step;
            at += step;
            self.pass(step)?;
        }
        Ok(())
    }

    /// Writes all parts one after the other.
    pub fn stream(&mut self, parts: &[Part], out: &mut dyn Write) -> Result<()> {
        for part in parts {
            let mut given: &[u8] = match &part.what {
                What::Bytes(bytes) => bytes,
                What::Pages | What::Nothing => &[],
            };
            let pages = matches!(part.what, What::Pages);
            let mut at = part.at;
            let end = part.at + part.len;
            while at < end {
                let step = self.step().min(end - at);
                if pages {
                    self.read(at, step)?;
                } else {
                    let (now, later) = given
                        .split_at_checked(step as usize)
                        .unwrap_or((given, &[]));
                    self.buffer.clear();
                    self.buffer.extend_from_slice(now);
                    self.buffer.resize(step as usize);
                    given = later;
                }
                out.write_all(&self.buffer)
                    .map_err(|e| not_written(self.dest, e))?;
                self.copied += step;
                at += step;
                self.pass(step)?;
            }
        }
        out.flush().map_err(|e| not_written(self.dest, e))
    }

    fn read(&mut self, at: u64, len: u64) -> Result<()> {
        self.buffer.resize(len as usize);
        let got = self
            .from
            .read_at(&mut self.buffer, at)
            .map_err(|e| Error::io_at("read pages of", self.source, e))?;
        if got < self.buffer.len() {
            let end = Corruption::new(Invariant::H7, "the file ends before its last page");
            return Err(end.at(at + got as u64).into());
        }
        Ok(())
    }

    /// Slow copies go in small steps, so that the pace is even.
    fn step(&self) -> u64 {
        self.rate.map_or(STEP, |rate| {
            (rate / 20).clamp(4096, STEP).next_multiple_of(4096)
        })
    }

    /// Counts bytes as done, reports, and waits where that was too fast.
    fn pass(&mut self, bytes: u64) -> Result<()> {
        self.done += bytes;
        self.progress.report(self.done, Some(self.total));
        loop {
            if self.progress.stopped() {
                return Err(Error::Interrupted);
            }
            let early = self.early();
            if early.is_zero() {
                return Ok(());
            }
            self.vfs.pause(early.min(NAP));
        }
    }

    /// How much earlier than the rate allows the copied bytes are there.
    fn early(&self) -> Duration {
        let Some(rate) = self.rate else {
            return Duration::ZERO;
        };
        let due = Duration::from_secs_f64(self.copied as f64 / rate.max(1) as f64);
        let elapsed = self.vfs.elapsed().saturating_sub(self.started);
        due.saturating_sub(elapsed)
    }
}

fn not_written(dest: Option<&Path>, error: io::Error) -> Error {
    match dest {
        Some(path) => Error::io_at("write", path, error),
        None => Error::io("write the backup", error),
    }
}
