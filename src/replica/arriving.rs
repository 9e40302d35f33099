//! A new copy while it arrives: written beside the old one, and checked meanwhile. The check reads the
//! file as if it were all there, and waits where it is not yet. What the check reads first may come
//! ahead of its turn; when its turn comes, the same bytes must come again.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::beside::Beside;
use crate::check::{VerifyOptions, VerifyReport, verify_opened};
use crate::error::{Error, Result};
use crate::format::entry::Point;
use crate::progress::Progress;
use crate::sys::{Access, File, FileMap, FileOver, OsVfs, Vfs};

/// Bytes of a new copy that are handed to the device at a time.
const FLUSH_BYTES: u64 = 4 << 20;
/// The check begins once so large a part is there: it is faster than most wires.
const BEGUN: u64 = 8;
/// Stretches ahead of their turn that are remembered, of a few dozen bytes each.
const EARLY_MAX: usize = 1 << 19;

/// A new copy that is being written beside the old one.
pub(super) struct Arriving {
    pub beside: Beside,
    /// What was announced.
    pub position: Point,
    came: Arc<Came>,
    /// Bytes handed to the device.
    flushed: u64,
    check: Option<JoinHandle<Result<VerifyReport>>>,
}

impl Arriving {
    /// A copy of so many bytes of the file at `path`.
    pub fn begin(path: &Path, bytes: u64, position: &Point) -> io::Result<Arriving> {
        let beside = Beside::new(path, "seed")?;
        // Nobody else reads it before it has the rights of the old copy.
        let file = OsVfs.open(&beside.path, Access::CreateNew)?;
        file.set_size(bytes)?;
        let came = Arc::new(Came {
            file,
            bytes,
            parts: Mutex::default(),
            more: Condvar::new(),
            checked: AtomicU64::new(0),
        });
        Ok(Arriving {
            beside,
            position: *position,
            came,
            flushed: 0,
            check: None,
        })
    }

    /// Bytes that come again in their turn.
    pub fn early(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let end = at + bytes.len() as u64;
        {
            let parts = self.came.parts();
            if parts.ahead.len() >= EARLY_MAX {
                return Ok(());
            }
            if parts.touches(at, end) {
                return Err(twice(at));
            }
        }
        self.came.file.write_at(bytes, at)?;
        self.came.parts().add(at, end);
        self.came.more.notify_all();
        Ok(())
    }

    /// The next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let from = self.came.parts().upto;
        let end = from + bytes.len() as u64;
        self.check_again(from, bytes)?;
        self.came.file.write_at(bytes, from)?;
        self.came.parts().reach(end);
        self.came.more.notify_all();
        // The device works while more comes, so that the sync has little left to do.
        let waiting = end - self.flushed;
        if waiting >= FLUSH_BYTES {
            self.came.file.start_writeback(self.flushed, waiting);
            self.flushed = end;
        }
        // What a check keeps in memory grows with the file: with one that comes, not one that is announced.
        if self.check.is_none() && end >= self.came.bytes / BEGUN {
            let (place, came) = (self.beside.path.clone(), Arc::clone(&self.came));
            let thread = std::thread::Builder::new().name("check".to_owned());
            // Without a thread it is checked in the end.
            self.check = thread.spawn(move || check(&place, &came)).ok();
        }
        Ok(())
    }

    /// What was checked ahead of its turn is what comes now.
    fn check_again(&self, from: u64, bytes: &[u8]) -> io::Result<()> {
        let end = from + bytes.len() as u64;
        let known = self.came.parts().between(from, end);
        let mut before = Vec::new();
        for (start, stop) in known {
            before.resize((stop - start) as usize, 0);
            let count = self.came.file.read_at(&mut before, start)?;
            let again = bytes.get((start - from) as usize..(stop - from) as usize);
            if count != before.len() || again != Some(before.as_slice()) {
                return Err(twice(start));
            }
        }
        Ok(())
    }

    /// Makes it durable, and waits for what the check found.
    pub fn finish(&mut self) -> Result<VerifyReport> {
        if self.came.parts().upto < self.came.bytes {
            let short = io::ErrorKind::UnexpectedEof.into();
            return Err(Error::io_at("receive all of", &self.beside.path, short));
        }
        let synced = self.came.file.sync();
        let checked = match self.check.take() {
            Some(check) => check.join().unwrap_or(Err(Error::Poisoned)),
            None => check(&self.beside.path, &self.came),
        };
        synced.map_err(|e| Error::io_at("sync", &self.beside.path, e))?;
        checked
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.came.parts().gone = true;
        self.came.more.notify_all();
        if let Some(check) = self.check.take() {
            let _ = check.join(); // nobody asks for it any more
        }
    }
}

fn twice(at: u64) -> io::Error {
    let text = format!("the bytes at {at} came twice, and not the same");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn check(path: &Path, came: &Arc<Came>) -> Result<VerifyReport> {
    let file = Arc::clone(came) as Arc<dyn File>;
    verify_opened(path, file, &VerifyOptions::default(), came.as_ref())
}

/// The file, and what of it is there.
#[derive(Debug)]
struct Came {
    file: Arc<dyn File>,
    /// Its length in the end.
    bytes: u64,
    parts: Mutex<Parts>,
    more: Condvar,
    /// Bytes that the check has seen.
    checked: AtomicU64,
}

/// Everything up to a place, and stretches behind it: where they begin and end.
#[derive(Debug, Default)]
struct Parts {
    upto: u64,
    ahead: BTreeMap<u64, u64>,
    gone: bool,
}

impl Parts {
    /// The end of what is there from `at` on without a gap.
    fn end_from(&self, at: u64) -> u64 {
        let mut end = at.max(self.upto);
        while let Some((_, &stop)) = self.ahead.range(..=end).next_back()
            && stop > end
        {
            end = stop;
        }
        end
    }

    fn has(&self, from: u64, to: u64) -> bool {
        self.end_from(from) >= to
    }

    fn touches(&self, from: u64, to: u64) -> bool {
        from < self.upto || !self.between(from, to).is_empty()
    }

    /// What is there of these bytes ahead of its turn.
    fn between(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let before = self.ahead.range(..from).next_back();
        let within = before.into_iter().chain(self.ahead.range(from..to));
        let cut = within.map(|(&start, &stop)| (start.max(from), stop.min(to)));
        cut.filter(|(start, stop)| start < stop).collect()
    }

    fn add(&mut self, from: u64, to: u64) {
        if let Some(last) = self.ahead.range_mut(..=from).next_back()
            && *last.1 == from
        {
            *last.1 = to;
            return;
        }
        self.ahead.insert(from, to);
    }

    fn reach(&mut self, end: u64) {
        self.upto = end;
        while let Some(first) = self.ahead.first_entry()
            && *first.get() <= end
        {
            first.remove();
        }
    }
}

impl Came {
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until these bytes are there.
    fn wait_for(&self, from: u64, to: u64) -> io::Result<()> {
        let waiting = |parts: &mut Parts| !parts.gone && !parts.has(from, to);
        let parts = self.more.wait_while(self.parts(), waiting);
        let parts = parts.unwrap_or_else(PoisonError::into_inner);
        match parts.gone {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(()),
        }
    }
}

/// Ends the check of a copy that does not come to its end.
impl Progress for Came {
    fn report(&self, done: u64, _total: Option<u64>) {
        self.checked.store(done, Relaxed);
    }

    fn stopped(&self) -> bool {
        self.parts().gone
    }
}

/// As the check sees it: all there, and never written.
impl FileOver for Came {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = offset.saturating_add(buf.len() as u64).min(self.bytes);
        self.wait_for(offset.min(end), end)?;
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn write_durable_at(&self, _bufs: &[IoSlice<'_>], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn set_size(&self, _size: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn start_writeback(&self, _offset: u64, _len: u64) {}

    fn drop_cache(&self, _offset: u64, _len: u64) {}

    fn map(&self, _len: u64) -> io::Result<Option<FileMap>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
