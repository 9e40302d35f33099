//! The real operating system.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Access, File, FileIdentity, FileSystem, Nameless, OsFile, Vfs, Watch, fsinfo};

/// Reading and writing for the owner, nothing for anybody else.
pub(super) const PRIVATE: u32 = 0o600;

/// Files, clock and randomness of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsVfs;

impl Vfs for OsVfs {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = match access {
            Access::Read => open_existing(path, false)?,
            Access::Write => open_existing(path, true)?,
            Access::CreateNew => create_private(path)?,
        };
        Ok(Arc::new(OsFile::new(file)))
    }

    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn File>> {
        let directory = directory_of(near);
        #[cfg(target_os = "linux")]
        match open_nameless(directory) {
            Ok(file) => return Ok(Arc::new(OsFile::new(file))),
            // The file system (or a kernel before 3.11, which answers EISDIR) lacks O_TMPFILE.
            Err(e)
                if matches!(
                    e.raw_os_error(),
                    Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL)
                ) => {}
            Err(e) => return Err(e),
        }
        let file = create_unlinked(self, directory)?;
        Ok(Arc::new(OsFile::new(file)))
    }

    fn open_nameless(&self, near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        let Nameless { file, path } = Nameless::create(near)?;
        Some((Arc::new(OsFile::new(file)), path))
    }

    fn link_nameless(&self, path: &Path, to: &Path) -> io::Result<()> {
        Nameless::link(path, to)
    }

    fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        fs::metadata(path).map(|found| identity_of(&found))
    }

    fn may_replace(&self, path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is there already, and no regular file",
            )),
            _ => Ok(()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may_replace(to)?;
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        match rename_no_replace(from, to) {
            Err(e) if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) => {}
            other => return other,
        }
        link_and_unlink(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir_of(&self, path: &Path) -> io::Result<()> {
        match fs::File::open(directory_of(path))?.sync_all() {
            // This file system has no way to sync a directory.
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            other => other,
        }
    }

    fn file_system(&self, path: &Path) -> io::Result<FileSystem> {
        fsinfo::file_system(path)
    }

    fn random(&self, buf: &mut [u8]) -> io::Result<()> {
        fill_random(buf)
    }

    fn watch(&self, path: &Path) -> io::Result<Option<Arc<dyn Watch>>> {
        #[cfg(target_os = "linux")]
        return Ok(Some(Arc::new(super::watch::InotifyWatch::new(path)?)));
        #[cfg(not(target_os = "linux"))]
        {
            let _ = path;
            Ok(None)
        }
    }

    fn holder_of(&self, path: &Path, byte: u64) -> Option<crate::Holder> {
        super::holder::holder_of(path, byte)
    }

    fn now_us(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// The directory that holds the entry named by `path`.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

pub(super) fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

pub(super) fn identity_of(found: &fs::Metadata) -> FileIdentity {
    FileIdentity {
        device: found.dev(),
        inode: found.ino(),
        links: found.nlink(),
    }
}

/// Opens a regular file; anything else is refused without blocking (a FIFO would wait for its
/// other end) and without side effects.
fn open_existing(path: &Path, write: bool) -> io::Result<fs::File> {
    let open = |flags| {
        OpenOptions::new()
            .read(true)
            .write(write)
            .custom_flags(flags)
            .open(path)
    };
    let file = match open(libc::O_NONBLOCK | libc::O_NOCTTY) {
        // A lease (Samba) is being broken: now waiting is right, and only regular files have any.
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => open(libc::O_NOCTTY),
        other => other,
    }?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    above_stdio(file)
}

/// Creates a file that did not exist, with exactly the mode 0600 whatever the umask.
fn create_private(path: &Path) -> io::Result<fs::File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(PRIVATE)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    made_private(file)
}

/// The mode 0600 whatever the umask, and a descriptor above those of the standard streams.
pub(super) fn made_private(file: fs::File) -> io::Result<fs::File> {
    if file.metadata()?.permissions().mode() & 0o7777 != PRIVATE {
        match file.set_permissions(fs::Permissions::from_mode(PRIVATE)) {
            // File systems without modes (vfat); nothing was granted that could be taken back.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
            other => other?,
        }
    }
    above_stdio(file)
}

/// Moves a descriptor that took the place of a closed stdin, stdout or stderr: a message printed
/// there would end up in the database.
fn above_stdio(file: fs::File) -> io::Result<fs::File> {
    const FIRST: libc::c_int = 3;
    if file.as_raw_fd() >= FIRST {
        return Ok(file);
    }
    // SAFETY: `file` is open; the call only makes a further descriptor.
    let moved = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST) };
    if moved < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `moved` is a new descriptor that nobody else owns.
    Ok(unsafe { fs::File::from_raw_fd(moved) })
}

#[cfg(target_os = "linux")]
fn open_nameless(directory: &Path) -> io::Result<fs::File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .mode(PRIVATE)
        // O_EXCL: nobody can give it a name later.
        .custom_flags(libc::O_TMPFILE | libc::O_EXCL)
        .open(directory)?;
    above_stdio(file)
}

fn create_unlinked(vfs: &OsVfs, directory: &Path) -> io::Result<fs::File> {
    let mut attempts = 0;
    loop {
        let mut tag = [0; 8];
        vfs.random(&mut tag)?;
        let path: PathBuf =
            directory.join(format!(".creel-scratch-{:016x}", u64::from_le_bytes(tag)));
        match create_private(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempts < 8 => attempts += 1,
            Err(e) => return Err(e),
        }
    }
}

#[cfg(target_os = "linux")]
fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (c_path(from)?, c_path(to)?);
    // SAFETY: both paths are C strings that outlive the call. By number, because not every libc
    // has a wrapper.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    if rc == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// `link` refuses to replace, as `rename` does not.
fn link_and_unlink(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from).inspect_err(|_| {
        // Two names would look like a hard link made by the user; keep the old one.
        let _ = fs::remove_file(to);
    })
}

#[cfg(target_os = "linux")]
fn fill_random(buf: &mut [u8]) -> io::Result<()> {
    let mut rest = buf;
    while !rest.is_empty() {
        // SAFETY: the kernel writes at most `rest.len()` bytes into `rest`.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        if let Ok(got) = usize::try_from(got) {
            rest = std::mem::take(&mut rest).get_mut(got..).unwrap_or_default();
            continue;
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::ENOSYS) => return read_urandom(rest),
            _ => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn fill_random(buf: &mut [u8]) -> io::Result<()> {
    read_urandom(buf)
}

fn read_urandom(buf: &mut [u8]) -> io::Result<()> {
    io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, buf)
}
