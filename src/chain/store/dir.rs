//! A directory as a store. The directory may be shared as far as its `link` is atomic; the probe
//! finds out.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::{Created, Smallest, Store, StoreError, StoreErrorKind, check_name};
use crate::sys::{OsVfs, Vfs, create_folder, create_object, open_object};

/// How files begin that are being written. No object's name begins with a dot.
const TEMPORARY: &str = ".tmp-";
/// A temporary file older than this belongs to a process that was killed.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// How often a create starts again because somebody removed the empty directory it was about to use.
const FOLDER_TRIES: u32 = 16;

#[derive(Debug)]
struct Poisoned;

impl fmt::Display for Poisoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sync in this directory failed before, so what is durable there is not known")
    }
}

impl std::error::Error for Poisoned {}

#[derive(Debug)]
struct Elsewhere;

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the directory is not that of the store any more: its creel.json is gone or another one")
    }
}

impl std::error::Error for Elsewhere {}

/// What says which store it is.
const CHAIN: &str = "creel.json";
/// What is tried before there is one.
const PROBE: &str = "probe/";

/// Objects as files.
#[derive(Debug)]
pub struct DirStore {
    root: PathBuf,
    /// A sync of a folder has failed. The system says that once; a later sync that succeeds proves
    /// nothing of what came before, so nothing here counts as made any more.
    failed: AtomicBool,
    /// `creel.json` as it was first seen.
    chain: OnceLock<Vec<u8>>,
    sync: fn(&Path) -> io::Result<()>,
}

impl DirStore {
    /// Uses a directory, and makes it (not its parents) if `create` says so.
    pub fn open(root: &Path, create: bool) -> Result<DirStore, StoreError> {
        let shown = root.display().to_string();
        if create && !root.exists() {
            create_folder(root).map_err(|e| StoreError::io("make", &shown, &e))?;
            sync_folder(parent(root)).map_err(|e| StoreError::io("sync", &shown, &e))?;
        }
        match fs::metadata(root) {
            Ok(found) if found.is_dir() => Ok(DirStore {
                root: root.to_owned(),
                failed: AtomicBool::new(false),
                chain: OnceLock::new(),
                sync: sync_folder,
            }),
            Ok(_) => Err(StoreError::new(
                StoreErrorKind::NoStore,
                "open",
                &shown,
                "not a directory",
            )),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                Err(StoreError::new(StoreErrorKind::NoStore, "open", &shown, e))
            }
            Err(e) => Err(StoreError::io("open", &shown, &e)),
        }
    }

    /// Makes names in a folder durable. After a failure the outcome of what was done is not known to
    /// this process, and stays so: the next one reads what is there.
    fn sync(&self, folder: &Path) -> io::Result<()> {
        if self.failed.load(Ordering::SeqCst) {
            return Err(io::Error::other(Poisoned));
        }
        (self.sync)(folder).inspect_err(|_| self.failed.store(true, Ordering::SeqCst))
    }

    /// Another directory may have come in the place of the store: a device was unmounted, a folder moved. That it is
    /// empty says nothing of the log, and what is created there is in no store.
    fn check_place(&self, name: &str) -> io::Result<()> {
        let before = name == CHAIN || name.starts_with(PROBE);
        let Some(seen) = self.chain.get().filter(|_| !before) else {
            return Ok(());
        };
        let mut now = Vec::new();
        let read = open_object(&self.root.join(CHAIN));
        match read.and_then(|file| file.take(seen.len() as u64 + 1).read_to_end(&mut now)) {
            Ok(_) if now == *seen => Ok(()),
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Err(io::Error::other(Elsewhere)),
        }
    }

    fn failure(&self, doing: &'static str, name: &str, error: &io::Error) -> StoreError {
        match self.failed.load(Ordering::SeqCst) {
            true => StoreError::new(StoreErrorKind::Poisoned, doing, name, error),
            false => StoreError::io(doing, name, error),
        }
    }

    fn path(&self, doing: &'static str, name: &str) -> Result<PathBuf, StoreError> {
        check_name(doing, name)?;
        Ok(self.root.join(name))
    }

    /// Makes the directories above an object, from the root down.
    fn make_folders(&self, path: &Path) -> io::Result<()> {
        let Ok(inner) = parent(path).strip_prefix(&self.root) else {
            return Ok(());
        };
        let mut folder = self.root.clone();
        for part in inner {
            let above = folder.clone();
            folder.push(part);
            match fs::symlink_metadata(&folder) {
                Ok(found) if found.is_dir() => continue,
                Ok(_) => return Err(io::Error::new(ErrorKind::InvalidInput, "not a directory")),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
            create_folder(&folder)?;
            self.sync(&above)?;
        }
        Ok(())
    }

    /// Writes a temporary file beside `path` and makes it durable.
    fn stage(&self, path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let mut tries = 0;
        loop {
            self.make_folders(path)?;
            let mut random = [0; 16];
            OsVfs.random(&mut random)?;
            let name = format!("{TEMPORARY}{:032x}", u128::from_le_bytes(random));
            let temporary = parent(path).join(name);
            match create_object(&temporary) {
                Ok(file) => {
                    let written = write_synced(file, bytes);
                    if written.is_err() {
                        let _ = fs::remove_file(&temporary);
                    }
                    return written.map(|()| temporary);
                }
                Err(e) if e.kind() == ErrorKind::NotFound && tries < FOLDER_TRIES => tries += 1,
                Err(e) => return Err(e),
            }
        }
    }

    fn create_file(&self, path: &Path, bytes: &[u8]) -> io::Result<Created> {
        // Saves the write and its sync where the name is taken already.
        if fs::symlink_metadata(path).is_ok() {
            self.sync(parent(path))?;
            return Ok(Created::Exists);
        }
        let temporary = self.stage(path, bytes)?;
        let linked = fs::hard_link(&temporary, path);
        let made = match linked {
            Ok(()) => self.sync(parent(path)).map(|()| Created::Created),
            // Somebody will rely on that object now, so it has to be durable too.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                self.sync(parent(path)).map(|()| Created::Exists)
            }
            Err(e) => Err(e),
        };
        let _ = fs::remove_file(&temporary);
        made
    }

    fn put_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.stage(path, bytes)?;
        if let Err(e) = fs::rename(&temporary, path) {
            let _ = fs::remove_file(&temporary);
            return Err(e);
        }
        self.sync(parent(path))
    }

    /// Offers what is in `folder` under the name `inner`, to the given depth.
    fn collect(
        &self,
        inner: &str,
        depth: u32,
        wanted: &dyn Fn(&str) -> bool,
        into: &mut Smallest,
    ) -> io::Result<()> {
        let folder = if inner.is_empty() {
            self.root.clone()
        } else {
            self.root.join(inner)
        };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // The root is there as long as the store is.
            Err(e) if e.kind() == ErrorKind::NotFound && !inner.is_empty() => return Ok(()),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            let Some(base) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            if base.starts_with('.') {
                continue;
            }
            let name = match inner {
                "" => base,
                inner => format!("{inner}/{base}"),
            };
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            if kind.is_dir() && depth > 0 {
                self.collect(&name, depth - 1, wanted, into)?;
            } else if kind.is_file() && wanted(&name) {
                into.offer(&name);
            }
        }
        Ok(())
    }

    /// Removes what killed processes left half written. Gives the number of files.
    pub fn sweep(&self, now: SystemTime) -> Result<u64, StoreError> {
        let shown = self.root.display().to_string();
        let mut removed = 0;
        sweep_folder(&self.root, 2, now, &mut removed)
            .map_err(|e| StoreError::io("sweep", &shown, &e))?;
        Ok(removed)
    }
}

impl Store for DirStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        let path = self.path("create", name)?;
        let made = self.check_place(name);
        let made = made.and_then(|()| self.create_file(&path, bytes));
        let made = made.and_then(|made| self.check_place(name).map(|()| made));
        let made = made.map_err(|e| self.failure("create", name, &e))?;
        if name == CHAIN && made == Created::Created {
            self.chain.get_or_init(|| bytes.to_vec());
        }
        Ok(made)
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path("read", name)?;
        let read = |file: File| {
            let len = file.metadata()?.len();
            if len > limit {
                return Ok(Err(len));
            }
            let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
            // One byte more than allowed, so that a file that grows is noticed.
            (&file).take(limit + 1).read_to_end(&mut bytes)?;
            match bytes.len() as u64 {
                len if len > limit => Ok(Err(len)),
                _ => Ok(Ok(bytes)),
            }
        };
        match open_object(&path).and_then(read) {
            Ok(Ok(bytes)) => {
                if name == CHAIN {
                    self.chain.get_or_init(|| bytes.clone());
                }
                Ok(Some(bytes))
            }
            Ok(Err(len)) => Err(StoreError::new(
                StoreErrorKind::TooLarge,
                "read",
                name,
                format!("{len} bytes, at most {limit}"),
            )),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let there = self.check_place(name).map(|()| None);
                there.map_err(|e| StoreError::io("read", name, &e))
            }
            Err(e) => Err(StoreError::io("read", name, &e)),
        }
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path("read", name)?;
        let read = |mut file: File| {
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(len).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match open_object(&path).and_then(read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", name, &e)),
        }
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let path = self.path("look at", name)?;
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => Err(StoreError::new(
                StoreErrorKind::Invalid,
                "look at",
                name,
                "no plain file",
            )),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("look at", name, &e)),
        }
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut smallest = Smallest::new(limit);
        let wanted = |name: &str| {
            name.starts_with(prefix) && name > after && check_name("list", name).is_ok()
        };
        // Only the directory that the prefix names, where it names one.
        let inner = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !inner.is_empty() {
            check_name("list", inner)?;
        }
        let depth = 2u32.saturating_sub(prefix.matches('/').count() as u32);
        self.collect(inner, depth, &wanted, &mut smallest)
            .and_then(|()| self.check_place(prefix))
            .map_err(|e| StoreError::io("list", prefix, &e))?;
        Ok(smallest.into_vec())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path("write", name)?;
        self.check_place(name)
            .and_then(|()| self.put_file(&path, bytes))
            .map_err(|e| self.failure("write", name, &e))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path("remove", name)?;
        let removed = match fs::remove_file(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            removed => removed.and_then(|()| self.sync(parent(&path))),
        };
        // A folder of a snapshot goes with its last object; one with objects stays.
        if name.matches('/').count() == 2 && removed.is_ok() {
            let _ = fs::remove_dir(parent(&path));
        }
        removed.map_err(|e| self.failure("remove", name, &e))
    }

    fn address(&self) -> String {
        format!("dir:{}", self.root.display())
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_synced(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn sweep_folder(folder: &Path, depth: u32, now: SystemTime, removed: &mut u64) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(found) = entry.metadata() else {
            continue; // gone in the meantime
        };
        if found.is_dir() && depth > 0 {
            sweep_folder(&entry.path(), depth - 1, now, removed)?;
        }
        let is_temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        let age = now.duration_since(found.modified()?).unwrap_or_default();
        if found.is_file() && is_temporary && age > STALE {
            fs::remove_file(entry.path())?;
            *removed += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
