//! New files that get their name when they are whole. Until then they have none, so that a process
//! that is killed leaves nothing behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file without a name.
#[derive(Debug)]
pub struct Nameless {
    /// Open for reading and writing, mode 0600.
    pub file: File,
    /// A path by which this process can open it, for as long as `file` is open.
    pub path: PathBuf,
}

impl Nameless {
    /// A file in the directory of `near`, to be linked there; `None` where the file system (or a
    /// missing /proc) does not allow it.
    pub fn create(near: &Path) -> Option<Nameless> {
        #[cfg(target_os = "linux")]
        return linux::create(near);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = near;
            None
        }
    }

    /// Gives a file the name `to`, which must not exist. `path`: as in [`Nameless`]. It has to be
    /// synced after that, whatever was done before: on btrfs a sync without a name does nothing.
    pub fn link(path: &Path, to: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return linux::link(path, to);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (path, to);
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, OpenOptions};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};

    use super::super::os;
    use super::Nameless;

    pub(super) fn create(near: &Path) -> Option<Nameless> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .mode(os::PRIVATE)
            .custom_flags(libc::O_TMPFILE)
            .open(os::directory_of(near));
        // Whatever is wrong, a file with a name will say so.
        let file = file.and_then(os::made_private).ok()?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let same = fs::metadata(&path).ok()?;
        let this = file.metadata().ok()?;
        os::identity_of(&same)
            .same_file(&os::identity_of(&this))
            .then_some(Nameless { file, path })
    }

    pub(super) fn link(path: &Path, to: &Path) -> io::Result<()> {
        let (old, new) = (os::c_path(path)?, os::c_path(to)?);
        // SAFETY: both paths are C strings that outlive the call.
        let rc = unsafe {
            libc::linkat(
                libc::AT_FDCWD,
                old.as_ptr(),
                libc::AT_FDCWD,
                new.as_ptr(),
                libc::AT_SYMLINK_FOLLOW,
            )
        };
        if rc == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::fs;
    use std::io::{ErrorKind, Write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_has_no_name_until_it_gets_one() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("whole");
        let Some(mut made) = Nameless::create(&to) else {
            return; // this file system cannot do that
        };
        made.file.write_all(b"text").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(fs::read(&made.path).unwrap(), b"text");
        Nameless::link(&made.path, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"text");
        assert_eq!(to.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let again = Nameless::link(&made.path, &to).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    }
}
