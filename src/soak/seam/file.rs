//! One file behind the seam.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::state::{Effect, Shared, Target};
use crate::sys::{File, FileOver};

/// A file whose calls are counted and may fail.
#[derive(Debug)]
pub(super) struct SeamFile {
    inner: Arc<dyn File>,
    shared: Arc<Shared>,
    path: PathBuf,
    /// Which handle it is.
    number: u64,
    /// Power cuts before it was opened; one that comes later ends it.
    life: u64,
}

impl SeamFile {
    pub fn new(inner: Arc<dyn File>, shared: Arc<Shared>, path: &Path) -> Self {
        let (life, number) = (shared.life(), shared.next_handle());
        SeamFile {
            inner,
            shared,
            path: path.to_owned(),
            number,
            life,
        }
    }

    /// Where nothing is to happen, calls go straight through.
    fn is_plain(&self) -> bool {
        !self.shared.active.load(Ordering::Acquire)
    }

    fn count(&self, bytes: usize) {
        self.shared
            .bytes_written
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A write as it is to happen now.
    fn write(&self, buf: &[u8], offset: u64, durable: bool) -> io::Result<()> {
        let mut state = self.shared.lock();
        let forged = state.instead_of(buf);
        let buf = forged.as_deref().unwrap_or(buf);
        match state.before_write(self.life, &self.inner, buf, offset, durable)? {
            Effect::Pass => {}
            Effect::Swallow => return Ok(()),
        }
        if durable {
            self.inner.write_durable_at(&[IoSlice::new(buf)], offset)
        } else {
            self.inner.write_at(buf, offset)
        }
    }
}

impl FileOver for SeamFile {
    fn under(&self) -> &dyn File {
        self.inner.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.is_plain() {
            return self.inner.read_at(buf, offset);
        }
        let state = self.shared.lock();
        state.check_alive(self.life)?;
        let count = self.inner.read_at(buf, offset)?;
        state.after_read(&self.path, self.number, buf, offset);
        Ok(count)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.count(buf.len());
        if self.is_plain() {
            return self.inner.write_at(buf, offset);
        }
        self.write(buf, offset, false)
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.count(bufs.iter().map(|buf| buf.len()).sum());
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        if self.is_plain() {
            return self.inner.write_durable_at(bufs, offset);
        }
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        self.write(&all, offset, true)
    }

    fn sync(&self) -> io::Result<()> {
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        if self.is_plain() {
            return self.inner.sync();
        }
        let mut state = self.shared.lock();
        match state.before_call(self.life, Target::Sync)? {
            Effect::Pass => self.inner.sync()?,
            Effect::Swallow => return Ok(()),
        }
        state.synced();
        Ok(())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        if !self.is_plain() {
            self.shared.lock().before_call(self.life, Target::Size)?;
        }
        self.inner.set_size(size)
    }

    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.inner.descriptor()
    }
}
