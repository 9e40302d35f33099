//! Files named by `-o`: without a name until they are whole and synced. A failure leaves nothing.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use creel::sys::Nameless;

use super::codes;
use super::failure::Failure;
use super::signals;

/// Writes `bytes` to `path`; an existing file is replaced only with `force`.
pub fn write(path: &Path, force: bool, bytes: &[u8]) -> Result<(), Failure> {
    let out = OutFile::create(path, force)?;
    out.file()
        .write_all(bytes)
        .map_err(|e| Failure::file("write", path, &e))?;
    out.publish()
}

/// A file that is written bit by bit and gets its name at the end. A pipe or device is written to
/// as it is, never replaced.
pub struct OutFile {
    target: PathBuf,
    force: bool,
    file: Place,
}

enum Place {
    Temporary(Temporary),
    Device(File),
}

impl OutFile {
    /// Begins a file; an existing one is replaced only with `force`, and only at the end.
    pub fn create(path: &Path, force: bool) -> Result<OutFile, Failure> {
        refuse_dash(path)?;
        let file = if path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir()) {
            // A pipe waits for its reader.
            let device = signals::while_waiting(|| OpenOptions::new().write(true).open(path));
            let device = device.ok_or(creel::Error::Interrupted)?;
            Place::Device(device.map_err(|e| Failure::file("write", path, &e))?)
        } else if !force && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        } else {
            Place::Temporary(Temporary::new(path)?)
        };
        Ok(OutFile {
            target: path.to_owned(),
            force,
            file,
        })
    }

    /// Where the bytes go.
    pub fn file(&self) -> &File {
        match &self.file {
            Place::Temporary(temporary) => &temporary.file,
            Place::Device(file) => file,
        }
    }

    /// The name that it gets.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Whether it is a pipe or device, which may block.
    pub fn is_device(&self) -> bool {
        matches!(self.file, Place::Device(_))
    }

    /// All is written: makes it durable and gives it its name.
    pub fn publish(self) -> Result<(), Failure> {
        match self.file {
            Place::Device(_) => Ok(()),
            Place::Temporary(temporary) => {
                let synced = temporary.file.sync_all();
                synced.map_err(|e| Failure::file("write", &self.target, &e))?;
                temporary.publish(&self.target, self.force)
            }
        }
    }
}

/// Refuses `-` where standard output will not do.
pub fn refuse_dash(path: &Path) -> Result<(), Failure> {
    if path.as_os_str() != "-" {
        return Ok(());
    }
    let what = "- is standard output, and this needs a file of its own";
    Err(Failure::usage(what).hint("name a file; ./- is one"))
}

/// Refuses an output that would take the place of what the command works on: with `--force` it
/// would. `flag` names the output, `what` the other file.
pub fn refuse_same(flag: &str, out: &Path, other: &Path, what: &str) -> Result<(), Failure> {
    if !is_same(out, other) {
        return Ok(());
    }
    let failure = Failure::usage(format!("{flag} names {what} itself")).at(other);
    Err(failure.hint("choose another name"))
}

/// Whether both names are names of one file, which may not be there yet.
fn is_same(a: &Path, b: &Path) -> bool {
    let (Ok(first), Ok(second)) = (a.metadata(), b.metadata()) else {
        return is_same_name(a, b);
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (first.dev(), first.ino()) == (second.dev(), second.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (first, second);
        a.canonicalize().ok() == b.canonicalize().ok()
    }
}

/// Whether a file made under one name would be found under the other.
fn is_same_name(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(parent.join(path.file_name()?))
    };
    whole(a).is_some_and(|a| whole(b) == Some(a))
}

fn exists(path: &Path) -> Failure {
    Failure::new(&codes::EXISTS, format!("{} exists already", path.display()))
        .at(path)
        .hint("choose another name, or replace it with --force")
}

/// Has a name only where the file system cannot do without; removed when dropped, unless it was
/// published.
struct Temporary {
    /// Where it can be found.
    path: PathBuf,
    has_name: bool,
    file: File,
}

impl Temporary {
    fn new(target: &Path) -> Result<Temporary, Failure> {
        if target.file_name().is_none() {
            return Err(Failure::usage(format!(
                "{} names no file",
                target.display()
            )));
        }
        if let Some(Nameless { file, path }) = Nameless::create(target) {
            return Ok(Temporary {
                path,
                has_name: false,
                file,
            });
        }
        let path = hidden(target);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .map_err(|e| Failure::file("create", target, &e))?;
        Ok(Temporary {
            path,
            has_name: true,
            file,
        })
    }

    fn publish(mut self, target: &Path, force: bool) -> Result<(), Failure> {
        self.name(target, force)
            .map_err(|e| Failure::file("create", target, &e))?;
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        if cfg!(unix) {
            File::open(parent)
                .and_then(|directory| directory.sync_all())
                .map_err(|e| Failure::file("sync the directory", parent, &e))?;
        }
        Ok(())
    }

    /// A name for what has none. Only a file with a name can be made durable (btrfs).
    fn link(&self, to: &Path) -> io::Result<()> {
        Nameless::link(&self.path, to)?;
        let synced = self.file.sync_all();
        if synced.is_err() {
            let _ = fs::remove_file(to);
        }
        synced
    }

    fn name(&mut self, target: &Path, force: bool) -> io::Result<()> {
        if !self.has_name {
            match self.link(target) {
                // Only a file with another name can replace one.
                Err(e) if force && e.kind() == io::ErrorKind::AlreadyExists => {
                    let path = hidden(target);
                    self.link(&path)?;
                    (self.path, self.has_name) = (path, true);
                }
                other => return other,
            }
        }
        if !force {
            // A link never replaces a file that appeared in the meantime; not all file systems
            // have links.
            match fs::hard_link(&self.path, target) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(e),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
        fs::rename(&self.path, target)?;
        self.has_name = false;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.has_name {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A hidden name beside a file.
fn hidden(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".tmp-{}", std::process::id()));
    target.with_file_name(name)
}
