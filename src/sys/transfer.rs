//! Bytes from one open file to another without a way through this program: shared extents where
//! the file system has them, else a copy inside the kernel.

use std::io;

use super::File;

/// Makes `len` bytes of `to` share the storage of `from`, both at `offset`. Copies nothing:
/// `Unsupported` where the file system (or the simulated disk) cannot.
pub fn share_range(from: &dyn File, to: &dyn File, offset: u64, len: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let (Some(from), Some(to)) = (from.descriptor(), to.descriptor()) {
        return linux::share(from, to, offset, len);
    }
    let _ = (from, to, offset, len);
    Err(io::ErrorKind::Unsupported.into())
}

/// Copies up to `len` bytes, both sides at `offset`, and gives how many; 0 at the end of `from`.
/// `Unsupported` where the kernel does not do it between these two files.
pub fn copy_range(from: &dyn File, to: &dyn File, offset: u64, len: u64) -> io::Result<u64> {
    #[cfg(target_os = "linux")]
    if let (Some(from), Some(to)) = (from.descriptor(), to.descriptor()) {
        return linux::copy(from, to, offset, len);
    }
    let _ = (from, to, offset, len);
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd};

    pub(super) fn share(
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        offset: u64,
        len: u64,
    ) -> io::Result<()> {
        let range = libc::file_clone_range {
            src_fd: i64::from(from.as_raw_fd()),
            src_offset: offset,
            src_length: len,
            dest_offset: offset,
        };
        loop {
            // SAFETY: both descriptors are open; the kernel only reads the struct.
            let rc = unsafe { libc::ioctl(to.as_raw_fd(), libc::FICLONERANGE, &raw const range) };
            if rc == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(unsupported(error));
            }
        }
    }

    pub(super) fn copy(
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        offset: u64,
        len: u64,
    ) -> io::Result<u64> {
        let at = libc::loff_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        loop {
            let (mut read_at, mut write_at) = (at, at);
            // SAFETY: both descriptors are open and both offsets live during the call. By
            // number, because not every libc has a wrapper.
            let got = unsafe {
                libc::syscall(
                    libc::SYS_copy_file_range,
                    from.as_raw_fd(),
                    &raw mut read_at,
                    to.as_raw_fd(),
                    &raw mut write_at,
                    len,
                    0,
                )
            };
            if let Ok(got) = u64::try_from(got) {
                return Ok(got);
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(unsupported(error));
            }
        }
    }

    /// What "not here" looks like: other file systems, no such call, no such feature, a block
    /// size that the range does not fit.
    fn unsupported(error: io::Error) -> io::Error {
        let not_here = [
            libc::EXDEV,
            libc::ENOSYS,
            libc::EOPNOTSUPP,
            libc::ENOTTY,
            libc::EINVAL,
            libc::ETXTBSY,
            libc::EPERM,
        ];
        match error.raw_os_error() {
            Some(code) if not_here.contains(&code) => {
                io::Error::new(io::ErrorKind::Unsupported, error)
            }
            _ => error,
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may panic
mod tests {
    use super::super::{Access, OsVfs, Vfs};
    use super::*;

    #[test]
    fn ranges_arrive_in_their_place_whichever_way_works_here() {
        let dir = tempfile::tempdir().unwrap();
        let from = OsVfs.open(&dir.path().join("a"), Access::CreateNew);
        let to = OsVfs.open(&dir.path().join("b"), Access::CreateNew);
        let (from, to) = (from.unwrap(), to.unwrap());
        let bytes: Vec<u8> = (0..65536_u32).map(|i| (i / 7) as u8).collect();
        from.write_at(&bytes, 0).unwrap();
        let (offset, len) = (8192, 16384);
        let by_sharing = match share_range(from.as_ref(), to.as_ref(), offset, len) {
            Ok(()) => len,
            Err(e) => {
                assert_eq!(e.kind(), io::ErrorKind::Unsupported, "{e}");
                0
            }
        };
        let by_copying = match copy_range(from.as_ref(), to.as_ref(), offset, len) {
            Ok(n) => n,
            Err(e) => {
                assert_eq!(e.kind(), io::ErrorKind::Unsupported, "{e}");
                0
            }
        };
        let arrived = by_sharing.max(by_copying);
        let mut found = vec![0; arrived as usize];
        assert_eq!(to.read_at(&mut found, offset).unwrap() as u64, arrived);
        assert_eq!(found, bytes[offset as usize..][..arrived as usize]);
        let beyond = copy_range(from.as_ref(), to.as_ref(), 65536, 4096);
        assert!(matches!(beyond, Ok(0)) || beyond.is_err());
    }
}
