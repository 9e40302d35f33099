//! Being the only one who writes for longer than one commit.

use super::Db;
use super::handle::{Inner, lock};
use crate::error::Result;
use crate::store::locks::WRITER;

/// The writer lock, kept as long as this lives.
#[derive(Debug)]
#[must_use]
pub struct Alone<'d> {
    inner: &'d Inner,
    /// Else the handle keeps it anyway.
    is_own: bool,
}

impl Db {
    /// No other handle adds anything to the file from now on, until what this gives is dropped; this handle
    /// can. [`crate::Error::Busy`] where another one does not come to an end within the time for locks.
    pub fn write_alone(&self) -> Result<Alone<'_>> {
        let inner = &self.inner;
        let mut writer = lock(&inner.writer);
        let is_own = writer.is_none();
        if is_own {
            *writer = Some(inner.hold(WRITER)?);
        }
        Ok(Alone { inner, is_own })
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        if self.is_own {
            *lock(&self.inner.writer) = None;
        }
    }
}
