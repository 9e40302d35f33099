//! The log behind a moment, kept for a copy that is on its way.

use super::Db;
use crate::error::Result;
use crate::store::pins::Pin;

/// Log bytes up to which it is kept, whatever else was asked for.
pub(super) const KEPT_BYTES: u64 = 1 << 30;

/// Keeps the log from an entry on, for as long as it lives or its process does.
#[derive(Debug)]
pub struct KeptLog {
    _pin: Pin,
}

impl Db {
    /// What is committed from now on can be read with [`Db::log_reader`] while the answer lives, up to
    /// 1 GiB of it. Nothing is written to the file. Whoever makes a copy asks first, and then takes the
    /// moment: a checkpoint that had not heard of it has dropped nothing behind that moment.
    ///
    /// A file that keeps no old log (a standalone one) keeps none for this either.
    pub fn keep_log(&self) -> Result<KeptLog> {
        let index = self.position()?.index;
        let pin = self.inner.log_pins.pin(index)?;
        Ok(KeptLog { _pin: pin })
    }
}
