//! Generation pins: a reader keeps the pages of its generation from being reused. Entries of the log
//! are pinned in the same way, by those who are going to read what comes behind.
//!
//! A pin is a shared lock on one byte per number, so a killed reader leaves nothing behind.
//! The kernel does not show a descriptor its own locks, hence the counts beside it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::locks::{LOG_PINS, PIN_COUNT, PINS};
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::sys::{File, LockMode};
use crate::threads::Mutex;

/// The pins of one handle.
#[derive(Debug)]
pub struct Pins {
    file: Arc<dyn File>,
    /// The byte of number 0.
    first: u64,
    counts: Mutex<BTreeMap<u64, usize>>,
}

/// One pinned number; released when dropped.
#[derive(Debug)]
pub struct Pin {
    pins: Arc<Pins>,
    number: u64,
}

impl Pins {
    /// Pins generations through this descriptor, which must not be mapped.
    pub fn new(file: Arc<dyn File>) -> Arc<Pins> {
        Self::from(file, PINS)
    }

    /// The same for entries of the log.
    pub fn of_log(file: Arc<dyn File>) -> Arc<Pins> {
        Self::from(file, LOG_PINS)
    }

    fn from(file: Arc<dyn File>, first: u64) -> Arc<Pins> {
        Arc::new(Pins {
            file,
            first,
            counts: Mutex::new(BTreeMap::new()),
        })
    }

    /// Pins a number. Who pins a generation must look at the header again afterwards: only if it
    /// still shows this generation is the pin certain to be seen by every later reuse.
    pub fn pin(self: &Arc<Self>, number: u64) -> Result<Pin> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.contains_key(&number) {
            let got = self.file.try_lock(self.first + number, 1, LockMode::Shared);
            // Nobody takes pin bytes exclusively; a refusal can only be a hostile process.
            if !got.map_err(|e| Error::io("pin the snapshot", e))? {
                let kind = std::io::ErrorKind::WouldBlock;
                return Err(Error::io("pin the snapshot", kind.into()));
            }
        }
        *counts.entry(number).or_insert(0) += 1;
        Ok(Pin {
            pins: Arc::clone(self),
            number,
        })
    }

    /// The lowest number that any process has pinned, if any is.
    pub fn oldest(&self) -> Result<Option<u64>> {
        if planted(Defect::PinIgnored) {
            return Ok(None);
        }
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oldest = counts.keys().next().copied();
        let mut below = oldest.unwrap_or(PIN_COUNT);
        // The kernel names some conflict, not the lowest: narrow until there is none.
        while below > 0 {
            let found = self.file.find_lock(self.first, below);
            match found.map_err(|e| Error::io("look for pinned snapshots", e))? {
                Some(byte) => {
                    below = byte.saturating_sub(self.first).min(below - 1);
                    oldest = Some(below);
                }
                None => break,
            }
        }
        Ok(oldest)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut counts = self
            .pins
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let others = counts.remove(&self.number).unwrap_or(1) - 1;
        if others > 0 {
            counts.insert(self.number, others);
        } else {
            let _ = self.pins.file.unlock(self.pins.first + self.number, 1);
        }
    }
}
