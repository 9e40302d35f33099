//! Facts about the machine and the file system that only `creel doctor` asks for.

use std::io;
use std::path::Path;

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of the whole file system.
    pub total: u64,
    /// Bytes that this user may still write.
    pub available: u64,
    /// Files that may still be made; `None` where the file system does not count them.
    pub files: Option<u64>,
    /// Whether it is mounted for reading only.
    pub read_only: bool,
}

/// Room on the file system that holds `path`.
pub fn room(path: &Path) -> io::Result<Room> {
    imp::room(path)
}

/// Name and release of the kernel.
pub fn kernel() -> io::Result<String> {
    imp::kernel()
}

/// Bytes in a page of memory.
pub fn memory_page() -> io::Result<u64> {
    imp::memory_page()
}

/// What is in this process's memory from now on goes into no core file, and other processes of the user
/// cannot read it. Where the system cannot do that, nothing happens.
pub fn hide_memory() {
    imp::hide_memory();
}

/// Time since the machine was started, sleep included where the system counts it.
pub fn since_boot() -> std::time::Duration {
    imp::since_boot()
}

/// The largest file that this process may write; `None` where there is no limit.
pub fn file_size_limit() -> io::Result<Option<u64>> {
    imp::file_size_limit()
}

/// Claims room for the first `len` bytes of a file without changing its length, so that quota and
/// full disks show. `Unsupported` where the file system cannot.
pub fn reserve(file: &std::fs::File, len: u64) -> io::Result<()> {
    imp::reserve(file, len)
}

/// Writes at the beginning of a file and syncs exactly that range, in one call. An error where
/// the kernel or the file system cannot; commits then sync the whole file.
pub fn write_and_sync_range(file: &std::fs::File, bytes: &[u8]) -> io::Result<()> {
    imp::write_and_sync_range(file, bytes)
}

#[cfg(unix)]
mod imp {
    use std::ffi::CStr;
    use std::io;
    use std::mem::MaybeUninit;
    use std::path::Path;
    use std::time::Duration;

    use super::super::{OsVfs, Vfs};
    use super::Room;

    pub(super) fn room(path: &Path) -> io::Result<Room> {
        let path = super::super::os::c_path(path)?;
        let mut stats = MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: `path` is a C string and `stats` has room for the answer.
        if unsafe { libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so all of it is filled in.
        let stats = unsafe { stats.assume_init() };
        // The types differ between platforms.
        #[allow(clippy::unnecessary_cast)]
        let (unit, blocks, available, files, free_files) = (
            stats.f_frsize as u64,
            stats.f_blocks as u64,
            stats.f_bavail as u64,
            stats.f_files as u64,
            stats.f_favail as u64,
        );
        Ok(Room {
            total: unit.saturating_mul(blocks),
            available: unit.saturating_mul(available),
            files: (files > 0).then_some(free_files),
            read_only: stats.f_flag & libc::ST_RDONLY != 0,
        })
    }

    pub(super) fn kernel() -> io::Result<String> {
        let mut name = MaybeUninit::<libc::utsname>::uninit();
        // SAFETY: `name` has room for the answer.
        if unsafe { libc::uname(name.as_mut_ptr()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so all of it is filled in.
        let name = unsafe { name.assume_init() };
        let text = |field: &[libc::c_char]| {
            // SAFETY: uname ends each field with a zero byte.
            let text = unsafe { CStr::from_ptr(field.as_ptr()) };
            text.to_string_lossy().into_owned()
        };
        Ok(format!("{} {}", text(&name.sysname), text(&name.release)))
    }

    pub(super) fn memory_page() -> io::Result<u64> {
        // SAFETY: only a number is passed.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        u64::try_from(bytes).map_err(|_| io::Error::last_os_error())
    }

    pub(super) fn hide_memory() {
        // SAFETY: only numbers are passed.
        #[cfg(target_os = "linux")]
        let _ = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0 as libc::c_ulong) };
    }

    #[cfg(target_os = "linux")]
    pub(super) fn since_boot() -> Duration {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: `time` has room for the answer.
        if unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, time.as_mut_ptr()) } != 0 {
            return OsVfs.elapsed();
        }
        // SAFETY: the call has succeeded, so it is filled in.
        let time = unsafe { time.assume_init() };
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn since_boot() -> Duration {
        OsVfs.elapsed()
    }

    pub(super) fn file_size_limit() -> io::Result<Option<u64>> {
        let mut limit = MaybeUninit::<libc::rlimit>::uninit();
        // SAFETY: `limit` has room for the answer.
        if unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, limit.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so all of it is filled in.
        let limit = unsafe { limit.assume_init() };
        Ok((limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur))
    }

    #[cfg(target_os = "linux")]
    pub(super) fn reserve(file: &std::fs::File, len: u64) -> io::Result<()> {
        use std::os::fd::AsRawFd;

        let len = len.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
        loop {
            let fd = file.as_raw_fd();
            // SAFETY: the descriptor is open; only numbers are passed.
            if unsafe { libc::fallocate(fd, libc::FALLOC_FL_KEEP_SIZE, 0, len) } == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EOPNOTSUPP | libc::ENOSYS) => {
                    return Err(io::Error::new(io::ErrorKind::Unsupported, error));
                }
                _ => return Err(error),
            }
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn write_and_sync_range(file: &std::fs::File, bytes: &[u8]) -> io::Result<()> {
        use std::os::fd::AsFd;

        super::super::file::write_range_durably(file.as_fd(), &[io::IoSlice::new(bytes)], 0)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn write_and_sync_range(_file: &std::fs::File, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn reserve(_file: &std::fs::File, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io;
    use std::path::Path;

    use super::Room;

    pub(super) fn room(_path: &Path) -> io::Result<Room> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn kernel() -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn memory_page() -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn hide_memory() {}

    pub(super) fn since_boot() -> std::time::Duration {
        use super::super::{OsVfs, Vfs};
        OsVfs.elapsed()
    }

    pub(super) fn file_size_limit() -> io::Result<Option<u64>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn reserve(_file: &std::fs::File, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn write_and_sync_range(_file: &std::fs::File, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn the_answers_make_sense() {
        let dir = tempfile::tempdir().unwrap();
        let here = room(dir.path()).unwrap();
        assert!(here.total > 0 && here.available <= here.total && !here.read_only);
        assert!(room(&dir.path().join("nothing")).is_err());
        assert!(kernel().unwrap().starts_with("Linux "));
        assert!(memory_page().unwrap().is_power_of_two());
        assert_ne!(file_size_limit().unwrap(), Some(0));
        let file = std::fs::File::create(dir.path().join("a")).unwrap();
        match reserve(&file, 4096) {
            Ok(()) => assert_eq!(file.metadata().unwrap().len(), 0),
            Err(e) => assert_eq!(e.kind(), io::ErrorKind::Unsupported),
        }
        assert!(reserve(&file, u64::MAX).is_err());
    }
}
