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
use crate::chain::name::{Name, prefix, snapshot_id};
use crate::sys::{Folder, Kind, Odd, OsVfs, Vfs};

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
    sync: fn(&Folder) -> io::Result<()>,
}

impl DirStore {
    /// Uses a directory, and makes it (not its parents) if `create` says so.
    pub fn open(root: &Path, create: bool) -> Result<DirStore, StoreError> {
        let shown = root.display().to_string();
        if create && !root.exists() {
            make_root(root).map_err(|e| StoreError::io("make", &shown, &e))?;
        }
        match fs::metadata(root) {
            Ok(found) if found.is_dir() => Ok(DirStore {
                root: root.to_owned(),
                failed: AtomicBool::new(false),
                chain: OnceLock::new(),
                sync: Folder::sync,
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
    fn sync(&self, folder: &Folder) -> io::Result<()> {
        if self.failed.load(Ordering::SeqCst) {
            return Err(io::Error::other(Poisoned));
        }
        (self.sync)(folder).inspect_err(|_| self.failed.store(true, Ordering::SeqCst))
    }

    fn root(&self) -> io::Result<Folder> {
        Folder::open(&self.root)
    }

    /// The folder of an object, and its name there.
    fn place<'n>(&self, name: &'n str) -> io::Result<(Folder, &'n str)> {
        let (inner, base) = name.rsplit_once('/').unwrap_or(("", name));
        Ok((self.folder(inner)?, base))
    }

    fn folder(&self, inner: &str) -> io::Result<Folder> {
        let mut folder = self.root()?;
        for part in inner.split('/').filter(|part| !part.is_empty()) {
            folder = folder.folder(part)?;
        }
        Ok(folder)
    }

    /// Another directory may have come in the place of the store: a device was unmounted, a folder moved. That it is
    /// empty says nothing of the log, and what is created there is in no store.
    fn check_place(&self, name: &str) -> io::Result<()> {
        let before = name == CHAIN || name.starts_with(PROBE);
        let Some(seen) = self.chain.get().filter(|_| !before) else {
            return Ok(());
        };
        let mut now = Vec::new();
        let read = self.root().and_then(|root| root.read(CHAIN));
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

    fn open_file(&self, name: &str) -> io::Result<File> {
        let (folder, base) = self.place(name)?;
        folder.read(base)
    }

    /// Makes the folders above an object, from the root down.
    fn make_folders(&self, inner: &str) -> io::Result<Folder> {
        let mut folder = self.root()?;
        for part in inner.split('/').filter(|part| !part.is_empty()) {
            folder = match folder.folder(part) {
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    folder.make(part)?;
                    self.sync(&folder)?;
                    folder.folder(part)?
                }
                found => found?,
            };
        }
        Ok(folder)
    }

    /// Writes a temporary file beside an object and makes it durable. Gives their folder and its name.
    fn stage(&self, inner: &str, bytes: &[u8]) -> io::Result<(Folder, String)> {
        let mut tries = 0;
        loop {
            let mut random = [0; 16];
            OsVfs.random(&mut random)?;
            let temporary = format!("{TEMPORARY}{:032x}", u128::from_le_bytes(random));
            let made = self.make_folders(inner);
            match made.and_then(|folder| folder.create(&temporary).map(|file| (folder, file))) {
                Ok((folder, file)) => {
                    let written = write_synced(file, bytes);
                    if written.is_err() {
                        let _ = folder.remove(&temporary);
                    }
                    return written.map(|()| (folder, temporary));
                }
                Err(e) if e.kind() == ErrorKind::NotFound && tries < FOLDER_TRIES => tries += 1,
                Err(e) => return Err(e),
            }
        }
    }

    fn create_file(&self, name: &str, bytes: &[u8]) -> io::Result<Created> {
        // Saves the write and its sync where the name is taken already.
        if let Ok((folder, base)) = self.place(name)
            && folder.look(base).is_ok()
        {
            self.sync(&folder)?;
            return Ok(Created::Exists);
        }
        let (inner, base) = name.rsplit_once('/').unwrap_or(("", name));
        let (folder, temporary) = self.stage(inner, bytes)?;
        let made = match folder.link(&temporary, base) {
            Ok(()) => self.sync(&folder).map(|()| Created::Created),
            // Somebody will rely on that object now, so it has to be durable too.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                self.sync(&folder).map(|()| Created::Exists)
            }
            Err(e) => Err(e),
        };
        let _ = folder.remove(&temporary);
        made
    }

    fn put_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (inner, base) = name.rsplit_once('/').unwrap_or(("", name));
        let (folder, temporary) = self.stage(inner, bytes)?;
        if let Err(e) = folder.rename(&temporary, base) {
            let _ = folder.remove(&temporary);
            return Err(e);
        }
        self.sync(&folder)
    }

    /// Offers what is in `folder`, which has the name `inner`, to the given depth.
    fn collect(
        folder: &Folder,
        inner: &str,
        depth: u32,
        wanted: &dyn Fn(&str) -> bool,
        into: &mut Smallest,
    ) -> io::Result<()> {
        folder.each(&mut |base, kind| {
            if base.starts_with('.') {
                return Ok(());
            }
            let name = match inner {
                "" => base.to_owned(),
                inner => format!("{inner}/{base}"),
            };
            // Whatever it is: the name is taken, and reading it says what stands there.
            if kind == Kind::File || name.parse::<Name>().is_ok() {
                if wanted(&name) {
                    into.offer(&name);
                }
                return Ok(());
            }
            match kind {
                Kind::Folder if depth > 0 => match folder.folder(base) {
                    Ok(below) => return DirStore::collect(&below, &name, depth - 1, wanted, into),
                    Err(e) if e.kind() == ErrorKind::NotFound => {}
                    Err(e) => return Err(e),
                },
                Kind::Other if is_folder(&name) => return Err(Odd::error(kind)),
                _ => {}
            }
            Ok(())
        })
    }

    /// Removes what killed processes left half written. Gives the number of files.
    pub fn sweep(&self, now: SystemTime) -> Result<u64, StoreError> {
        let shown = self.root.display().to_string();
        let mut removed = 0;
        self.root()
            .and_then(|root| sweep_folder(&root, 2, now, &mut removed))
            .map_err(|e| StoreError::io("sweep", &shown, &e))?;
        Ok(removed)
    }
}

impl Store for DirStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        check_name("create", name)?;
        let made = self.check_place(name);
        let made = made.and_then(|()| self.create_file(name, bytes));
        let made = made.and_then(|made| self.check_place(name).map(|()| made));
        let made = made.map_err(|e| self.failure("create", name, &e))?;
        if name == CHAIN && made == Created::Created {
            self.chain.get_or_init(|| bytes.to_vec());
        }
        Ok(made)
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        check_name("read", name)?;
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
        match self.open_file(name).and_then(read) {
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
        check_name("read", name)?;
        let read = |mut file: File| {
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(len).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match self.open_file(name).and_then(read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", name, &e)),
        }
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        check_name("look at", name)?;
        let found = self
            .place(name)
            .and_then(|(folder, base)| folder.look(base));
        match found {
            Ok((Kind::File, len, _)) => Ok(Some(len)),
            Ok((kind, ..)) => Err(StoreError::io("look at", name, &Odd::error(kind))),
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
        let listed = match self.folder(inner) {
            Ok(folder) => DirStore::collect(&folder, inner, depth, &wanted, &mut smallest),
            // The root is there as long as the store is.
            Err(e) if e.kind() == ErrorKind::NotFound && !inner.is_empty() => Ok(()),
            Err(e) => Err(e),
        };
        listed
            .and_then(|()| self.check_place(prefix))
            .map_err(|e| StoreError::io("list", prefix, &e))?;
        Ok(smallest.into_vec())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check_name("write", name)?;
        self.check_place(name)
            .and_then(|()| self.put_file(name, bytes))
            .map_err(|e| self.failure("write", name, &e))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        check_name("remove", name)?;
        let removed = self.place(name).and_then(|(folder, base)| {
            folder.remove(base)?;
            self.sync(&folder)
        });
        match removed {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(|e| self.failure("remove", name, &e))?,
        }
        // A folder of a snapshot goes with its last object; one with objects stays.
        if let Some((inner, _)) = name.rsplit_once('/')
            && inner.contains('/')
            && let Ok((above, base)) = self.place(inner)
        {
            let _ = above.remove_folder(base);
        }
        Ok(())
    }

    fn address(&self) -> String {
        format!("dir:{}", self.root.display())
    }
}

/// Makes the directory, and its name durable.
fn make_root(root: &Path) -> io::Result<()> {
    let above = match root.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let above = Folder::open(above)?;
    match root.file_name().and_then(|name| name.to_str()) {
        Some(name) => above.make(name)?,
        None => fs::create_dir(root)?,
    }
    above.sync()
}

fn write_synced(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// Where the store has a folder.
fn is_folder(name: &str) -> bool {
    match name.split_once('/') {
        None => prefix::ALL
            .iter()
            .any(|one| one.strip_suffix('/') == Some(name)),
        Some(("snap", id)) => snapshot_id(id).is_some(),
        Some(_) => false,
    }
}

fn sweep_folder(folder: &Folder, depth: u32, now: SystemTime, removed: &mut u64) -> io::Result<()> {
    folder.each(&mut |name, kind| {
        if kind == Kind::Folder && depth > 0 {
            return match folder.folder(name) {
                Ok(below) => sweep_folder(&below, depth - 1, now, removed),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
                Err(e) => Err(e),
            };
        }
        if kind != Kind::File || !name.starts_with(TEMPORARY) {
            return Ok(());
        }
        let Ok((Kind::File, _, changed)) = folder.look(name) else {
            return Ok(()); // gone in the meantime
        };
        if now.duration_since(changed).unwrap_or_default() > STALE {
            folder.remove(name)?;
            *removed += 1;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
