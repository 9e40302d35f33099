//! Byte-range locks that belong to an open file description, not to the process.
//!
//! Classic POSIX locks vanish when any descriptor of the file is closed in the process; these do
//! not, and they exclude two opens of one process from each other as well.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::LockMode;

#[cfg(any(target_os = "linux", target_os = "android"))]
const SET: libc::c_int = libc::F_OFD_SETLK;
#[cfg(any(target_os = "linux", target_os = "android"))]
const GET: libc::c_int = libc::F_OFD_GETLK;

/// XNU has these but does not publish them in its headers.
#[cfg(target_vendor = "apple")]
const SET: libc::c_int = 90;
#[cfg(target_vendor = "apple")]
const GET: libc::c_int = 92;

/// No such command: the kernel answers EINVAL and locking is refused, never faked.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const SET: libc::c_int = -1;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const GET: libc::c_int = -1;

/// Tries to take a lock; `false` when another description holds a conflicting one.
pub(super) fn try_lock(
    fd: BorrowedFd<'_>,
    start: u64,
    len: u64,
    mode: LockMode,
) -> io::Result<bool> {
    let kind = match mode {
        LockMode::Shared => libc::F_RDLCK,
        LockMode::Exclusive => libc::F_WRLCK,
    };
    let mut range = request(kind as libc::c_int, start, len)?;
    match control(fd, SET, &mut range) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Gives a range back.
pub(super) fn unlock(fd: BorrowedFd<'_>, start: u64, len: u64) -> io::Result<()> {
    control(
        fd,
        SET,
        &mut request(libc::F_UNLCK as libc::c_int, start, len)?,
    )
}

/// Some byte of the range that another description has locked.
pub(super) fn find_lock(fd: BorrowedFd<'_>, start: u64, len: u64) -> io::Result<Option<u64>> {
    let mut range = request(libc::F_WRLCK as libc::c_int, start, len)?;
    control(fd, GET, &mut range)?;
    if libc::c_int::from(range.l_type) == libc::F_UNLCK as libc::c_int {
        return Ok(None);
    }
    // The lock found may begin before the range that was asked for.
    let found = u64::try_from(range.l_start).unwrap_or(0);
    Ok(Some(found.max(start)))
}

fn request(kind: libc::c_int, start: u64, len: u64) -> io::Result<libc::flock> {
    // A length of zero would mean "to the end of all files".
    if len == 0 || start.checked_add(len).is_none() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: flock is plain data for which all-zero bytes are valid; some platforms have
    // further fields, and open-file-description locks require l_pid = 0.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = kind as _;
    range.l_whence = libc::SEEK_SET as _;
    range.l_start = start.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
    range.l_len = len.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(range)
}

fn control(fd: BorrowedFd<'_>, command: libc::c_int, range: &mut libc::flock) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor is open for as long as it is borrowed, and `range` is a valid
        // flock that the kernel reads and, for GET, writes during the call only.
        let rc = unsafe { libc::fcntl(fd.as_raw_fd(), command, std::ptr::from_mut(range)) };
        if rc != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
