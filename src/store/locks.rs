//! Byte-range locks far beyond any file: who may write, checkpoint, or reuse pages.
//!
//! Order in which they may be taken: checkpoint, writer, gate, pin.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::sys::{File, LockMode, Vfs};

const BASE: u64 = 1 << 62;
/// Held while appending to the log.
pub const WRITER: u64 = BASE;
/// Shared while a reader copies the log; exclusive for the instant of a region switch.
pub const GATE: u64 = BASE + 1;
/// Held while checkpointing, compacting or writing a header.
pub const CHECKPOINT: u64 = BASE + 2;
/// First byte of the generation pins: a reader of generation `g` holds `PINS + g` shared.
pub const PINS: u64 = BASE + (1 << 32);
/// First byte of the pins of the log: who needs what comes behind entry `i` holds `LOG_PINS + i` shared.
pub const LOG_PINS: u64 = BASE + (1 << 61);
/// Number of generations, and of entries, that can be pinned.
pub const PIN_COUNT: u64 = 1 << 60;

/// How long a checkpoint waits for readers that copy the log.
const GATE_WAIT: Duration = Duration::from_millis(50);

/// A held lock; given back when dropped.
#[derive(Debug)]
pub struct Held {
    file: Arc<dyn File>,
    byte: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Nothing useful can be done where unlocking fails: the lock ends with the descriptor.
        let _ = self.file.unlock(self.byte, 1);
    }
}

/// Tries a lock once.
pub fn try_hold(file: &Arc<dyn File>, byte: u64, mode: LockMode) -> Result<Option<Held>> {
    if planted(Defect::WriterLockIgnored) && byte == WRITER {
        file.try_lock(byte, 1, mode).ok();
        let file = Arc::clone(file);
        return Ok(Some(Held { file, byte }));
    }
    let got = file
        .try_lock(byte, 1, mode)
        .map_err(|e| Error::io("lock the database", e))?;
    Ok(got.then(|| Held {
        file: Arc::clone(file),
        byte,
    }))
}

/// Waits up to `timeout` for an exclusive lock; `Busy` names the holder.
pub fn hold(
    vfs: &dyn Vfs,
    file: &Arc<dyn File>,
    path: &Path,
    byte: u64,
    timeout: Duration,
) -> Result<Held> {
    let start = vfs.elapsed();
    if let Some(held) = wait(vfs, file, byte, timeout)? {
        return Ok(held);
    }
    let waited = vfs.elapsed().saturating_sub(start);
    let lock = if byte == WRITER {
        "writer"
    } else {
        "checkpoint"
    };
    Err(Error::Busy {
        lock,
        holder: vfs.holder_of(path, byte),
        waited,
    })
}

/// Waits up to `timeout` for an exclusive lock.
pub fn wait(
    vfs: &dyn Vfs,
    file: &Arc<dyn File>,
    byte: u64,
    timeout: Duration,
) -> Result<Option<Held>> {
    if let Some(held) = try_hold(file, byte, LockMode::Exclusive)? {
        return Ok(Some(held));
    }
    let start = vfs.elapsed();
    let mut pause = Duration::from_micros(50);
    loop {
        let waited = vfs.elapsed().saturating_sub(start);
        if waited >= timeout {
            return Ok(None);
        }
        vfs.pause(pause.min(timeout.saturating_sub(waited)));
        pause = (pause * 2).min(Duration::from_millis(5));
        if let Some(held) = try_hold(file, byte, LockMode::Exclusive)? {
            return Ok(Some(held));
        }
    }
}

/// Closes the gate for the instant of a region switch. Readers that copy the log are waited for,
/// but not for long: they notice the switch and start over.
pub fn close_gate(vfs: &dyn Vfs, file: &Arc<dyn File>) -> Result<Option<Held>> {
    let start = vfs.elapsed();
    loop {
        if let Some(held) = try_hold(file, GATE, LockMode::Exclusive)? {
            return Ok(Some(held));
        }
        if vfs.elapsed().saturating_sub(start) >= GATE_WAIT {
            return Ok(None);
        }
        vfs.pause(Duration::from_micros(200));
    }
}
