//! Folders of a store and the plain files in them: never through a symbolic link, whichever part of a path it stands
//! for. Each folder is opened below the one above it, so nothing can be put between a look and a use.

use std::fmt;
use std::io;

#[cfg(not(unix))]
pub use elsewhere::Folder;
#[cfg(unix)]
pub use unix::Folder;

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A link, a pipe, a device.
    Other,
}

impl Kind {
    fn found_instead(self) -> Odd {
        Odd(match self {
            Kind::File => "a plain file stands there",
            Kind::Folder => "a folder stands there",
            Kind::Other => "a link, a pipe or a device stands there",
        })
    }
}

/// Something else stands where a plain file or a folder should be. Inside of an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd(&'static str);

impl Odd {
    /// True where an error says that.
    pub fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Odd>())
    }

    /// The error that says that this stands in the wrong place.
    pub fn error(kind: Kind) -> io::Error {
        io::Error::other(kind.found_instead())
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Odd {}

#[cfg(unix)]
mod unix {
    use std::ffi::{CStr, CString, c_int};
    use std::fs::{File, OpenOptions};
    use std::io::{self, ErrorKind};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::{Kind, Odd};

    /// What only the owner may read, or enter.
    const PRIVATE_FILE: libc::c_uint = 0o600;
    const PRIVATE_FOLDER: libc::mode_t = 0o700;

    /// An open folder. Names given to it are single parts of a path.
    #[derive(Debug)]
    pub struct Folder(File);

    impl Folder {
        /// The folder that somebody named: a link may lead to it.
        pub fn open(path: &Path) -> io::Result<Folder> {
            let mut options = OpenOptions::new();
            options.read(true).custom_flags(libc::O_DIRECTORY);
            Ok(Folder(options.open(path)?))
        }

        /// A folder in it.
        pub fn folder(&self, name: &str) -> io::Result<Folder> {
            match self.open_at(name, libc::O_RDONLY | libc::O_DIRECTORY) {
                Ok(file) => Ok(Folder(file)),
                Err(e) => Err(self.explain(name, e)),
            }
        }

        /// Makes a folder that only its owner may enter; one that is there already will do.
        pub fn make(&self, name: &str) -> io::Result<()> {
            let name = c_name(name)?;
            // SAFETY: the folder is open and the name a C string that outlives the call.
            match done(|| unsafe { libc::mkdirat(self.fd(), name.as_ptr(), PRIVATE_FOLDER) }) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
                made => made.map(drop),
            }
        }

        /// Opens a plain file for reading.
        pub fn read(&self, name: &str) -> io::Result<File> {
            // Without O_NONBLOCK, opening a pipe that somebody put there would wait for its writer.
            let file = self.open_at(name, libc::O_RDONLY | libc::O_NONBLOCK);
            let file = file.map_err(|e| self.explain(name, e))?;
            match file.metadata()? {
                found if found.is_file() => Ok(file),
                found if found.is_dir() => Err(Odd::error(Kind::Folder)),
                _ => Err(Odd::error(Kind::Other)),
            }
        }

        /// Makes a file that only its owner may read; it must not exist.
        pub fn create(&self, name: &str) -> io::Result<File> {
            self.open_at(name, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)
        }

        /// Gives a file a further name, which must not exist.
        pub fn link(&self, from: &str, to: &str) -> io::Result<()> {
            let (from, to) = (c_name(from)?, c_name(to)?);
            // SAFETY: the folder is open and both names are C strings that outlive the call.
            done(|| unsafe { libc::linkat(self.fd(), from.as_ptr(), self.fd(), to.as_ptr(), 0) })
                .map(drop)
        }

        /// Renames a file, over one that is there.
        pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            let (from, to) = (c_name(from)?, c_name(to)?);
            // SAFETY: as above.
            done(|| unsafe { libc::renameat(self.fd(), from.as_ptr(), self.fd(), to.as_ptr()) })
                .map(drop)
        }

        /// Removes a file.
        pub fn remove(&self, name: &str) -> io::Result<()> {
            self.unlink(name, 0)
        }

        /// Removes a folder that is empty.
        pub fn remove_folder(&self, name: &str) -> io::Result<()> {
            self.unlink(name, libc::AT_REMOVEDIR)
        }

        fn unlink(&self, name: &str, flags: c_int) -> io::Result<()> {
            let name = c_name(name)?;
            // SAFETY: as above.
            done(|| unsafe { libc::unlinkat(self.fd(), name.as_ptr(), flags) }).map(drop)
        }

        /// What stands under a name, its length, and when it was changed.
        pub fn look(&self, name: &str) -> io::Result<(Kind, u64, SystemTime)> {
            let name = c_name(name)?;
            let mut found = MaybeUninit::<libc::stat>::zeroed();
            done(|| {
                // SAFETY: as above; the call fills `found`, which is large enough.
                unsafe {
                    libc::fstatat(
                        self.fd(),
                        name.as_ptr(),
                        found.as_mut_ptr(),
                        libc::AT_SYMLINK_NOFOLLOW,
                    )
                }
            })?;
            // SAFETY: the call succeeded; before it, all was zero.
            let found = unsafe { found.assume_init() };
            let kind = match found.st_mode & libc::S_IFMT {
                libc::S_IFREG => Kind::File,
                libc::S_IFDIR => Kind::Folder,
                _ => Kind::Other,
            };
            let changed = Duration::from_secs(u64::try_from(found.st_mtime).unwrap_or(0));
            let len = u64::try_from(found.st_size).unwrap_or(0);
            Ok((kind, len, UNIX_EPOCH + changed))
        }

        /// Tells of everything that is in it.
        pub fn each(&self, tell: &mut dyn FnMut(&str, Kind) -> io::Result<()>) -> io::Result<()> {
            let mut names = Names::of(self)?;
            while let Some((name, kind)) = names.next()? {
                // What is no text is no name of an object.
                let Ok(name) = name.to_str() else { continue };
                if name == "." || name == ".." {
                    continue;
                }
                let kind = match kind {
                    Some(kind) => kind,
                    None => match self.look(name) {
                        Ok((kind, ..)) => kind,
                        Err(e) if e.kind() == ErrorKind::NotFound => continue,
                        Err(e) => return Err(e),
                    },
                };
                tell(name, kind)?;
            }
            Ok(())
        }

        /// Makes the names in it durable.
        pub fn sync(&self) -> io::Result<()> {
            self.0.sync_all()
        }

        fn fd(&self) -> c_int {
            self.0.as_raw_fd()
        }

        fn open_at(&self, name: &str, flags: c_int) -> io::Result<File> {
            let name = c_name(name)?;
            let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
            // SAFETY: the folder is open and the name a C string that outlives the call.
            let opened =
                done(|| unsafe { libc::openat(self.fd(), name.as_ptr(), flags, PRIVATE_FILE) })?;
            // SAFETY: the descriptor is new, nobody else owns it.
            Ok(unsafe { File::from_raw_fd(opened) })
        }

        /// Where opening failed for what stands there, says so.
        fn explain(&self, name: &str, error: io::Error) -> io::Error {
            let number = error.raw_os_error();
            let odd = [libc::ELOOP, libc::EMLINK, libc::ENOTDIR, libc::ENXIO];
            match self.look(name) {
                Ok((kind, ..)) if number.is_some_and(|n| odd.contains(&n)) => Odd::error(kind),
                _ => error,
            }
        }
    }

    /// An open listing.
    struct Names(*mut libc::DIR);

    impl Names {
        fn of(folder: &Folder) -> io::Result<Names> {
            // A descriptor of its own: a copy would share the place in the listing.
            let own = folder.open_at(".", libc::O_RDONLY | libc::O_DIRECTORY)?;
            let own = OwnedFd::from(own).into_raw_fd();
            // SAFETY: the descriptor is open and handed over.
            let listing = unsafe { libc::fdopendir(own) };
            if listing.is_null() {
                let error = io::Error::last_os_error();
                // SAFETY: it was not taken, so it is still ours alone.
                drop(unsafe { OwnedFd::from_raw_fd(own) });
                return Err(error);
            }
            Ok(Names(listing))
        }

        /// The next name, and what it is where the listing says that. Valid until the next call.
        fn next(&mut self) -> io::Result<Option<(&CStr, Option<Kind>)>> {
            clear_error();
            // SAFETY: the listing is open, and used by this thread alone.
            let found = unsafe { libc::readdir(self.0) };
            if found.is_null() {
                let error = io::Error::last_os_error();
                return match error.raw_os_error() {
                    Some(0) | None => Ok(None),
                    Some(_) => Err(error),
                };
            }
            // SAFETY: what was given stands until the next call, which needs `self` alone; the name ends with
            // a zero. No reference to the whole record is made: it may be shorter than its type.
            let (name, kind) = unsafe {
                (
                    CStr::from_ptr((&raw const (*found).d_name).cast()),
                    (&raw const (*found).d_type).read(),
                )
            };
            let kind = match kind {
                libc::DT_REG => Some(Kind::File),
                libc::DT_DIR => Some(Kind::Folder),
                libc::DT_UNKNOWN => None,
                _ => Some(Kind::Other),
            };
            Ok(Some((name, kind)))
        }
    }

    impl Drop for Names {
        fn drop(&mut self) {
            // SAFETY: it is open, and not used after this.
            unsafe { libc::closedir(self.0) };
        }
    }

    /// Only so the end of a listing is told from an error.
    fn clear_error() {
        // SAFETY: the place belongs to this thread.
        #[cfg(any(target_os = "linux", target_os = "emscripten"))]
        unsafe {
            *libc::__errno_location() = 0;
        }
        // SAFETY: as above.
        #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
        unsafe {
            *libc::__error() = 0;
        }
        #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
        // SAFETY: as above.
        unsafe {
            *libc::__errno() = 0;
        }
    }

    fn c_name(name: &str) -> io::Result<CString> {
        if name.contains('/') {
            return Err(ErrorKind::InvalidInput.into());
        }
        CString::new(name).map_err(|_| ErrorKind::InvalidInput.into())
    }

    /// Calls again where a signal came in between.
    fn done(mut call: impl FnMut() -> c_int) -> io::Result<c_int> {
        loop {
            let answer = call();
            if answer >= 0 {
                return Ok(answer);
            }
            let error = io::Error::last_os_error();
            if error.kind() != ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::time::SystemTime;

    use super::Kind;

    /// Nothing is opened here: links could not be told from folders.
    #[derive(Debug)]
    pub enum Folder {}

    fn refuse<T>() -> io::Result<T> {
        let text = "directories as stores do not work on this system yet";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    #[allow(missing_docs)]
    impl Folder {
        pub fn open(_path: &Path) -> io::Result<Folder> {
            refuse()
        }
        pub fn folder(&self, _name: &str) -> io::Result<Folder> {
            refuse()
        }
        pub fn make(&self, _name: &str) -> io::Result<()> {
            refuse()
        }
        pub fn read(&self, _name: &str) -> io::Result<File> {
            refuse()
        }
        pub fn create(&self, _name: &str) -> io::Result<File> {
            refuse()
        }
        pub fn link(&self, _from: &str, _to: &str) -> io::Result<()> {
            refuse()
        }
        pub fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
            refuse()
        }
        pub fn remove(&self, _name: &str) -> io::Result<()> {
            refuse()
        }
        pub fn remove_folder(&self, _name: &str) -> io::Result<()> {
            refuse()
        }
        pub fn look(&self, _name: &str) -> io::Result<(Kind, u64, SystemTime)> {
            refuse()
        }
        pub fn each(&self, _tell: &mut dyn FnMut(&str, Kind) -> io::Result<()>) -> io::Result<()> {
            refuse()
        }
        pub fn sync(&self) -> io::Result<()> {
            refuse()
        }
    }
}
