//! Bytes from one open file to another without copying them: shared extents where the file system
//! has them.

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
    fn a_shared_range_arrives_in_its_place_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let from = OsVfs.open(&dir.path().join("a"), Access::CreateNew);
        let to = OsVfs.open(&dir.path().join("b"), Access::CreateNew);
        let (from, to) = (from.unwrap(), to.unwrap());
        let bytes: Vec<u8> = (0..65536_u32).map(|i| (i / 7) as u8).collect();
        from.write_at(&bytes, 0).unwrap();
        let (offset, len) = (8192, 16384);
        let arrived = match share_range(from.as_ref(), to.as_ref(), offset, len) {
            Ok(()) => len,
            Err(e) => {
                assert_eq!(e.kind(), io::ErrorKind::Unsupported, "{e}");
                0
            }
        };
        let mut found = vec![0; arrived as usize];
        assert_eq!(to.read_at(&mut found, offset).unwrap() as u64, arrived);
        assert_eq!(found, bytes[offset as usize..][..arrived as usize]);
    }
}
