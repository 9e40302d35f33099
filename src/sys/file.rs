//! One open file of the operating system.

use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use memmap2::MmapOptions;

use super::{File, FileIdentity, FileMap, LockMode, lock, os};

/// The most buffers one call of the `pwritev` family takes (`UIO_MAXIOV`).
#[cfg(target_os = "linux")]
const MAX_BUFFERS: usize = 1024;

/// An open file.
#[derive(Debug)]
pub struct OsFile {
    file: fs::File,
    /// Set once a durable write of a range alone was found to be unsupported here.
    whole_file_sync: AtomicBool,
}

impl OsFile {
    pub(super) fn new(file: fs::File) -> Self {
        OsFile {
            file,
            whole_file_sync: AtomicBool::new(false),
        }
    }

    /// Writes and syncs the whole file: the fallback of [`File::write_durable_at`].
    fn write_then_sync(&self, bufs: &[IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        for buf in bufs {
            self.write_at(buf, offset)?;
            offset += buf.len() as u64;
        }
        self.sync()
    }
}

impl AsFd for OsFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl File for OsFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let wanted = buf.len();
        let mut rest = buf;
        let mut patience = Patience::default();
        while !rest.is_empty() {
            match self
                .file
                .read_at(rest, offset + (wanted - rest.len()) as u64)
            {
                Ok(0) => break,
                Ok(n) => rest = std::mem::take(&mut rest).get_mut(n..).unwrap_or_default(),
                Err(e) => patience.retry(e)?,
            }
        }
        Ok(wanted - rest.len())
    }

    fn write_at(&self, buf: &[u8], mut offset: u64) -> io::Result<()> {
        let mut rest = buf;
        let mut patience = Patience::default();
        while !rest.is_empty() {
            match self.file.write_at(rest, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    rest = rest.get(n..).unwrap_or_default();
                    offset += n as u64;
                }
                Err(e) => patience.retry(e)?,
            }
        }
        Ok(())
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if !self.whole_file_sync.load(Ordering::Relaxed) {
            match write_range_durably(self.as_fd(), bufs, offset) {
                Err(e)
                    if matches!(
                        e.raw_os_error(),
                        Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL)
                    ) => {}
                other => return other,
            }
        }
        self.write_then_sync(bufs, offset)?;
        // Only now: a call refused for its arguments fails here too and teaches nothing.
        self.whole_file_sync.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        self.file.metadata().map(|found| found.len())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    fn start_writeback(&self, offset: u64, len: u64) {
        #[cfg(target_os = "linux")]
        if let (Ok(offset), Ok(len)) = (offset.try_into(), len.try_into()) {
            let fd = self.file.as_raw_fd();
            // SAFETY: only numbers are passed; the descriptor is open. A hint: no error matters.
            unsafe { libc::sync_file_range(fd, offset, len, libc::SYNC_FILE_RANGE_WRITE) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (offset, len);
    }

    fn drop_cache(&self, offset: u64, len: u64) {
        #[cfg(target_os = "linux")]
        if let (Ok(offset), Ok(len)) = (offset.try_into(), len.try_into()) {
            let fd = self.file.as_raw_fd();
            // SAFETY: only numbers are passed; the descriptor is open. A hint: no error matters.
            unsafe { libc::posix_fadvise(fd, offset, len, libc::POSIX_FADV_DONTNEED) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (offset, len);
    }

    fn map(&self, len: u64) -> io::Result<Option<FileMap>> {
        let Ok(len) = usize::try_from(len) else {
            return Ok(None);
        };
        // SAFETY: the map is read-only, and `FileMap::bytes` tells its users to read only ranges
        // that no process writes any more; the format never changes bytes in place that a pinned
        // generation can reach, and never truncates below them.
        match unsafe { MmapOptions::new().len(len).map(&self.file) } {
            Ok(map) => Ok(Some(FileMap::new(map))),
            // No maps on this file system, or no address space left for one: read instead.
            Err(e)
                if matches!(
                    e.raw_os_error(),
                    Some(libc::ENODEV | libc::ENOMEM | libc::EOVERFLOW)
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.file.metadata().map(|found| os::identity_of(&found))
    }

    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        lock::try_lock(self.as_fd(), start, len, mode)
    }

    fn unlock(&self, start: u64, len: u64) -> io::Result<()> {
        lock::unlock(self.as_fd(), start, len)
    }

    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        lock::find_lock(self.as_fd(), start, len)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

/// How often a call that may not block is repeated before its answer is believed.
struct Patience(u32);

impl Default for Patience {
    fn default() -> Self {
        Patience(200)
    }
}

impl Patience {
    /// `Ok` when the call should be repeated.
    fn retry(&mut self, error: io::Error) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock if self.0 > 0 => {
                self.0 -= 1;
                std::thread::sleep(Duration::from_millis(1));
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// One `pwritev2(RWF_DSYNC)` in the common case; goes on with the rest after a short write.
#[cfg(target_os = "linux")]
pub(super) fn write_range_durably(
    fd: BorrowedFd<'_>,
    bufs: &[IoSlice<'_>],
    mut offset: u64,
) -> io::Result<()> {
    let mut patience = Patience::default();
    let mut rest = bufs.to_vec();
    let mut rest = rest.as_mut_slice();
    // Drops empty buffers, so that "nothing written" below is an error.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match write_some_durably(fd, rest.get(..MAX_BUFFERS).unwrap_or(rest), offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                IoSlice::advance_slices(&mut rest, n);
                offset += n as u64;
            }
            Err(e) => patience.retry(e)?,
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn write_some_durably(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    // By number, because not every libc has a wrapper. The offset goes in two halves; 64-bit
    // kernels take all of it from the first and ignore the second.
    // SAFETY: IoSlice is layout-compatible with iovec, the buffers live during the call, the
    // kernel only reads them.
    let written = unsafe {
        libc::syscall(
            libc::SYS_pwritev2,
            fd.as_raw_fd(),
            bufs.as_ptr(),
            bufs.len(),
            offset as libc::c_ulong,
            (offset >> 32) as libc::c_ulong,
            libc::RWF_DSYNC,
        )
    };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}
