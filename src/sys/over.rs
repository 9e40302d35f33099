//! Files and file systems on top of others: what is not written down goes to the one below.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Access, File, FileIdentity, FileMap, FileSystem, LockMode, Vfs, Watch};
use crate::error::Holder;

/// A [`File`] on top of another one.
pub trait FileOver: Send + Sync + Debug {
    /// The one below.
    fn under(&self) -> &dyn File;
    /// See [`File::read_at`].
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.under().read_at(buf, offset)
    }
    /// See [`File::write_at`].
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.under().write_at(buf, offset)
    }
    /// See [`File::write_durable_at`].
    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.under().write_durable_at(bufs, offset)
    }
    /// See [`File::sync`].
    fn sync(&self) -> io::Result<()> {
        self.under().sync()
    }
    /// See [`File::size`].
    fn size(&self) -> io::Result<u64> {
        self.under().size()
    }
    /// See [`File::set_size`].
    fn set_size(&self, size: u64) -> io::Result<()> {
        self.under().set_size(size)
    }
    /// See [`File::start_writeback`].
    fn start_writeback(&self, offset: u64, len: u64) {
        self.under().start_writeback(offset, len);
    }
    /// See [`File::drop_cache`].
    fn drop_cache(&self, offset: u64, len: u64) {
        self.under().drop_cache(offset, len);
    }
    /// See [`File::map`].
    fn map(&self, len: u64) -> io::Result<Option<FileMap>> {
        self.under().map(len)
    }
    /// See [`File::identity`].
    fn identity(&self) -> io::Result<FileIdentity> {
        self.under().identity()
    }
    /// See [`File::try_lock`].
    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        self.under().try_lock(start, len, mode)
    }
    /// See [`File::unlock`].
    fn unlock(&self, start: u64, len: u64) -> io::Result<()> {
        self.under().unlock(start, len)
    }
    /// See [`File::find_lock`].
    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        self.under().find_lock(start, len)
    }
    /// See [`File::descriptor`]. None unless it is said: calls on it go past this file.
    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

impl<T: FileOver> File for T {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileOver::read_at(self, buf, offset)
    }
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        FileOver::write_at(self, buf, offset)
    }
    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        FileOver::write_durable_at(self, bufs, offset)
    }
    fn sync(&self) -> io::Result<()> {
        FileOver::sync(self)
    }
    fn size(&self) -> io::Result<u64> {
        FileOver::size(self)
    }
    fn set_size(&self, size: u64) -> io::Result<()> {
        FileOver::set_size(self, size)
    }
    fn start_writeback(&self, offset: u64, len: u64) {
        FileOver::start_writeback(self, offset, len);
    }
    fn drop_cache(&self, offset: u64, len: u64) {
        FileOver::drop_cache(self, offset, len);
    }
    fn map(&self, len: u64) -> io::Result<Option<FileMap>> {
        FileOver::map(self, len)
    }
    fn identity(&self) -> io::Result<FileIdentity> {
        FileOver::identity(self)
    }
    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        FileOver::try_lock(self, start, len, mode)
    }
    fn unlock(&self, start: u64, len: u64) -> io::Result<()> {
        FileOver::unlock(self, start, len)
    }
    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        FileOver::find_lock(self, start, len)
    }
    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        FileOver::descriptor(self)
    }
}

/// A [`Vfs`] on top of another one. Scratch files, files without a name, watches and holders of locks
/// come from below only where that is said: they would go past this one.
pub trait VfsOver: Send + Sync + Debug {
    /// The one below.
    fn under(&self) -> &dyn Vfs;
    /// See [`Vfs::open`].
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>>;
    /// See [`Vfs::open_scratch`].
    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn File>> {
        self.under().open_scratch(near)
    }
    /// See [`Vfs::open_nameless`].
    fn open_nameless(&self, near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        let _ = near;
        None
    }
    /// See [`Vfs::link_nameless`].
    fn link_nameless(&self, path: &Path, to: &Path) -> io::Result<()> {
        self.under().link_nameless(path, to)
    }
    /// See [`Vfs::identity`].
    fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        self.under().identity(path)
    }
    /// See [`Vfs::may_replace`].
    fn may_replace(&self, path: &Path) -> io::Result<()> {
        self.under().may_replace(path)
    }
    /// See [`Vfs::rename`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.under().rename(from, to)
    }
    /// See [`Vfs::rename_new`].
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.under().rename_new(from, to)
    }
    /// See [`Vfs::remove`].
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.under().remove(path)
    }
    /// See [`Vfs::sync_dir_of`].
    fn sync_dir_of(&self, path: &Path) -> io::Result<()> {
        self.under().sync_dir_of(path)
    }
    /// See [`Vfs::file_system`].
    fn file_system(&self, path: &Path) -> io::Result<FileSystem> {
        self.under().file_system(path)
    }
    /// See [`Vfs::random`].
    fn random(&self, buf: &mut [u8]) -> io::Result<()> {
        self.under().random(buf)
    }
    /// See [`Vfs::now_us`].
    fn now_us(&self) -> u64 {
        self.under().now_us()
    }
    /// See [`Vfs::elapsed`].
    fn elapsed(&self) -> Duration {
        self.under().elapsed()
    }
    /// See [`Vfs::pause`].
    fn pause(&self, time: Duration) {
        self.under().pause(time);
    }
    /// See [`Vfs::watch`].
    fn watch(&self, path: &Path) -> io::Result<Option<Arc<dyn Watch>>> {
        let _ = path;
        Ok(None)
    }
    /// See [`Vfs::holder_of`].
    fn holder_of(&self, path: &Path, byte: u64) -> Option<Holder> {
        let _ = (path, byte);
        None
    }
}

impl<T: VfsOver> Vfs for T {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        VfsOver::open(self, path, access)
    }
    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn File>> {
        VfsOver::open_scratch(self, near)
    }
    fn open_nameless(&self, near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        VfsOver::open_nameless(self, near)
    }
    fn link_nameless(&self, path: &Path, to: &Path) -> io::Result<()> {
        VfsOver::link_nameless(self, path, to)
    }
    fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        VfsOver::identity(self, path)
    }
    fn may_replace(&self, path: &Path) -> io::Result<()> {
        VfsOver::may_replace(self, path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        VfsOver::rename(self, from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        VfsOver::rename_new(self, from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        VfsOver::remove(self, path)
    }
    fn sync_dir_of(&self, path: &Path) -> io::Result<()> {
        VfsOver::sync_dir_of(self, path)
    }
    fn file_system(&self, path: &Path) -> io::Result<FileSystem> {
        VfsOver::file_system(self, path)
    }
    fn random(&self, buf: &mut [u8]) -> io::Result<()> {
        VfsOver::random(self, buf)
    }
    fn now_us(&self) -> u64 {
        VfsOver::now_us(self)
    }
    fn elapsed(&self) -> Duration {
        VfsOver::elapsed(self)
    }
    fn pause(&self, time: Duration) {
        VfsOver::pause(self, time);
    }
    fn watch(&self, path: &Path) -> io::Result<Option<Arc<dyn Watch>>> {
        VfsOver::watch(self, path)
    }
    fn holder_of(&self, path: &Path, byte: u64) -> Option<Holder> {
        VfsOver::holder_of(self, path, byte)
    }
}
