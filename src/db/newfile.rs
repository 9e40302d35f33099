//! A file that gets its name when everything in it is durable. Until then it has none where the file
//! system can do that, and a hidden temporary one elsewhere.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::handle::Inner;
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::sys::{Access, File, Vfs};

/// A file under construction. Dropped without [`NewFile::publish`], it is gone.
#[derive(Debug)]
pub(crate) struct NewFile {
    vfs: Arc<dyn Vfs>,
    dest: PathBuf,
    file: Arc<dyn File>,
    /// Where it can be opened, and whether that is a name that somebody has to remove.
    path: PathBuf,
    has_name: bool,
}

impl NewFile {
    /// Begins a file that is to be called `dest`.
    pub fn create(dest: &Path, vfs: &Arc<dyn Vfs>) -> Result<NewFile> {
        let new = |file, path, has_name| NewFile {
            vfs: Arc::clone(vfs),
            dest: dest.to_owned(),
            file,
            path,
            has_name,
        };
        if let Some((file, path)) = vfs.open_nameless(dest) {
            return Ok(new(file, path, false));
        }
        let path = temporary_name(dest, vfs.as_ref())?;
        let file = vfs.open(&path, Access::CreateNew);
        let file = file.map_err(|e| Error::io_at("create", dest, e))?;
        Ok(new(file, path, true))
    }

    /// The file.
    pub fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// Where it can be opened by now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name and makes that durable; the caller has synced what is in it. A file that
    /// has the name is replaced only where that is said.
    pub fn publish(mut self, replace: bool) -> Result<()> {
        let named = match (self.has_name, replace) {
            (true, true) => self.vfs.rename(&self.path, &self.dest),
            (true, false) => self.vfs.rename_new(&self.path, &self.dest),
            (false, _) => match self.link(&self.dest) {
                Err(e) if replace && e.kind() == ErrorKind::AlreadyExists => self.take_over()?,
                other => other,
            },
        };
        named.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => Error::Exists {
                path: self.dest.clone(),
            },
            _ => Error::io_at("give the new file the name", &self.dest, e),
        })?;
        self.has_name = false;
        if planted(Defect::DirectoryUnsynced) {
            return Ok(());
        }
        self.vfs
            .sync_dir_of(&self.dest)
            .map_err(|e| Error::io_at("sync the directory of", &self.dest, e))
    }
}

impl Inner {
    /// A copy over the database itself would take back the commits that came meanwhile.
    pub(super) fn check_destination(&self, dest: &Path, replace: bool) -> Result<()> {
        let Ok(found) = self.vfs().identity(dest) else {
            return Ok(());
        };
        if found.same_file(&self.identity) {
            let reason = "the copy would replace the database itself".into();
            return Err(Error::Invalid { reason });
        }
        match replace {
            true => self
                .vfs()
                .may_replace(dest)
                .map_err(|e| Error::io_at("replace", dest, e)),
            false => Err(Error::Exists {
                path: dest.to_owned(),
            }),
        }
    }
}

impl NewFile {
    /// A name for what has none. Only a file with a name can be made durable (btrfs).
    fn link(&self, to: &Path) -> std::io::Result<()> {
        self.vfs.link_nameless(&self.path, to)?;
        if planted(Defect::NamedUnsynced) {
            return Ok(());
        }
        let synced = self.file.sync();
        if synced.is_err() {
            let _ = self.vfs.remove(to);
        }
        synced
    }

    /// Nothing replaces a file but a file with another name: for a moment there are two.
    fn take_over(&mut self) -> Result<std::io::Result<()>> {
        let temporary = temporary_name(&self.dest, self.vfs.as_ref())?;
        Ok(self.link(&temporary).and_then(|()| {
            (self.path, self.has_name) = (temporary, true);
            self.vfs.rename(&self.path, &self.dest)
        }))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.has_name {
            let _ = self.vfs.remove(&self.path);
        }
    }
}

fn temporary_name(path: &Path, vfs: &dyn Vfs) -> Result<PathBuf> {
    let mut random = [0u8; 4];
    vfs.random(&mut random)
        .map_err(|e| Error::io("get random bytes", e))?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:08x}.tmp", u32::from_le_bytes(random)));
    Ok(path.with_file_name(name))
}
