//! One open file on the simulated disk.

use std::fmt;
use std::io::{self, IoSlice};
use std::sync::Arc;

use creel::sys::{File, FileIdentity, FileMap, LockMode};

use super::disk::Shared;
use super::{FaultKind, IoCall, IoKind};

/// An open file: the owner of its locks.
pub struct SimFile {
    disk: Arc<Shared>,
    number: u64,
    inode: u64,
    writable: bool,
}

impl SimFile {
    pub fn new(disk: Arc<Shared>, number: u64, inode: u64, writable: bool) -> Self {
        SimFile {
            disk,
            number,
            inode,
            writable,
        }
    }

    fn call(&self, kind: IoKind, offset: u64, len: u64) -> IoCall {
        IoCall {
            kind,
            inode: self.inode,
            offset,
            len,
        }
    }

    /// Brings bytes into the cache.
    fn write(&self, kind: IoKind, buf: &[u8], offset: u64) -> io::Result<()> {
        if !self.writable {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        let (mut inner, fault) = self.disk.begin(self.call(kind, offset, buf.len() as u64));
        let written = match fault {
            None => buf,
            Some(FaultKind::ShortWriteThenError(_)) => &buf[..buf.len() / 2],
            Some(_) => &[],
        };
        if !written.is_empty() {
            inner.state_mut().write(self.inode, written, offset);
        }
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    /// Brings the cache to the medium, all of it or a range.
    fn flush(&self, kind: IoKind, range: Option<(u64, u64)>) -> io::Result<()> {
        let (offset, len) = range.unwrap_or_default();
        let (mut inner, fault) = self.disk.begin(self.call(kind, offset, len));
        let owed = inner.owed_errors.remove(&self.number);
        let state = inner.state_mut();
        match (fault, range) {
            (None, None) => state.sync(self.inode),
            (None, Some((offset, len))) => state.sync_range(self.inode, offset, len),
            (Some(fault), range) => {
                if let Some(mode) = fault.failed_sync() {
                    state.fail_sync(self.inode, range, mode);
                    let others = inner
                        .open
                        .iter()
                        .filter(|(number, inode)| **inode == self.inode && **number != self.number);
                    let others: Vec<u64> = others.map(|(number, _)| *number).collect();
                    inner.owed_errors.extend(others);
                }
                return Err(fault.error());
            }
        }
        match owed {
            true => Err(io::Error::from_raw_os_error(libc::EIO)),
            false => Ok(()),
        }
    }

    fn check_lock_range(start: u64, len: u64) -> io::Result<(u64, u64)> {
        match start.checked_add(len) {
            Some(end) if len > 0 && end <= i64::MAX as u64 => Ok((start, len)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFile({}, inode {})", self.number, self.inode)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut inner = self.disk.lock();
        inner.locks.release(self.number);
        inner.open.remove(&self.number);
        inner.owed_errors.remove(&self.number);
        if inner.state.links(self.inode) == 0 {
            inner.forget_unreachable();
        }
    }
}

impl File for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let call = self.call(IoKind::Read, offset, buf.len() as u64);
        let (inner, fault) = self.disk.begin(call);
        match fault {
            Some(fault) => Err(fault.error()),
            None => Ok(inner.state.inode(self.inode).cache.read(buf, offset)),
        }
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.write(IoKind::Write, buf, offset)
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        if bytes.is_empty() {
            return Ok(());
        }
        self.write(IoKind::DurableWrite, &bytes, offset)?;
        self.flush(IoKind::DurableFlush, Some((offset, bytes.len() as u64)))
    }

    fn sync(&self) -> io::Result<()> {
        self.flush(IoKind::Sync, None)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.lock().state.inode(self.inode).cache.len())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        if !self.writable {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let (mut inner, fault) = self.disk.begin(self.call(IoKind::SetSize, 0, size));
        match fault {
            Some(fault) => Err(fault.error()),
            None => {
                inner.state_mut().set_size(self.inode, size);
                Ok(())
            }
        }
    }

    fn start_writeback(&self, _offset: u64, _len: u64) {}

    fn drop_cache(&self, offset: u64, len: u64) {
        self.disk
            .lock()
            .state_mut()
            .drop_cache(self.inode, offset, len);
    }

    fn map(&self, _len: u64) -> io::Result<Option<FileMap>> {
        Ok(None)
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        let links = self.disk.lock().state.links(self.inode);
        Ok(FileIdentity {
            device: 1,
            inode: self.inode,
            links,
        })
    }

    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        let range = Self::check_lock_range(start, len)?;
        if mode == LockMode::Exclusive && !self.writable {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        Ok(self
            .disk
            .lock()
            .locks
            .take(self.inode, self.number, range, mode))
    }

    fn unlock(&self, start: u64, len: u64) -> io::Result<()> {
        let range = Self::check_lock_range(start, len)?;
        self.disk
            .lock()
            .locks
            .give_back(self.inode, self.number, range);
        Ok(())
    }

    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        let range = Self::check_lock_range(start, len)?;
        Ok(self.disk.lock().locks.find(self.inode, self.number, range))
    }
}
