//! One stable state of a file that others may be writing to: the headers, pinned, and a look at
//! the log that agrees with them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::catalogue::Catalogue;
use super::findings::Findings;
use super::log::{self, LogView};
use super::replay::Known;
use super::report::VerifyOptions;
use super::slots::{Headers, choose};
use super::source::Source;
use crate::error::{Error, Result};
use crate::format::Depth;
use crate::store::locks::{CHECKPOINT, GATE, Held, WRITER, try_hold};
use crate::store::pages::Pages;
use crate::store::pins::{Pin, Pins};
use crate::store::slots::{self, Slots};
use crate::sys::{Access, File, LockMode, Vfs};

/// How often a file that changes is looked at again.
const ATTEMPTS: u32 = 8;

/// The headers that the check goes by, and what keeps their pages from being reused.
pub(super) struct Snapshot {
    pub headers: Headers,
    pub log: LogView,
    pub pinned: bool,
    _pins: Vec<Pin>,
}

/// A descriptor of its own for locks, where that can be had.
pub(crate) struct Locks {
    pins: Option<Arc<Pins>>,
    file: Option<Arc<dyn File>>,
}

impl Locks {
    /// `checked`: the file that is being checked, which the path may not name any more.
    pub fn open(vfs: &dyn Vfs, path: &Path, checked: &dyn File) -> Locks {
        let same = |file: &Arc<dyn File>| {
            let both = file.identity().ok().zip(checked.identity().ok());
            both.is_some_and(|(a, b)| a.same_file(&b))
        };
        let file = vfs.open(path, Access::Read).ok().filter(same);
        Locks {
            pins: file.clone().map(Pins::new),
            file,
        }
    }

    /// Pins the newest generation and the one before, which the older header needs.
    pub fn pin(&self, headers: &Headers) -> Option<Vec<Pin>> {
        let pins = self.pins.as_ref()?;
        let newest = headers.current.header.generation;
        let older = headers.older.as_ref().map(|o| o.header.generation);
        let all = older.into_iter().chain([newest]);
        all.map(|generation| pins.pin(generation).ok()).collect()
    }

    /// While this is held, a writer waits a moment before it switches regions.
    pub fn gate(&self) -> Option<Held> {
        let file = self.file.as_ref()?;
        try_hold(file, GATE, LockMode::Shared).ok().flatten()
    }

    /// Another process holds the lock for writing or the one for checkpoints.
    pub fn writer_active(&self) -> bool {
        let held = |byte| {
            let file = self.file.as_ref();
            file.is_some_and(|f| f.find_lock(byte, 1).is_ok_and(|found| found.is_some()))
        };
        held(WRITER) || held(CHECKPOINT)
    }
}

/// Both slots, read until two looks agree.
pub(crate) fn stable_slots(vfs: &dyn Vfs, file: &dyn File) -> Result<Slots> {
    let mut before = slots::read(file)?;
    for _ in 0..ATTEMPTS {
        let again = slots::read(file)?;
        if again.states == before.states {
            return Ok(again);
        }
        vfs.pause(Duration::from_millis(1));
        before = again;
    }
    Ok(before)
}

/// Takes a snapshot. What was found in the log of a file that changed meanwhile is looked at
/// again: a frame seen half-written is no damage. `None`: no usable header.
pub(super) fn take(
    options: &VerifyOptions,
    source: &mut Source<'_>,
    locks: &Locks,
) -> Result<Option<Snapshot>> {
    let mut last: Option<LogView> = None;
    for attempt in 1..=ATTEMPTS {
        source.check_stop()?;
        let file = Arc::clone(&source.file);
        let Some(headers) = choose(stable_slots(options.vfs.as_ref(), file.as_ref())?) else {
            return Ok(None);
        };
        let pins = locks.pin(&headers);
        // Only if the headers are still the newest is the pin seen by every later reuse.
        if choose(stable_slots(options.vfs.as_ref(), file.as_ref())?).as_ref() != Some(&headers) {
            last = None;
            continue;
        }
        source.page_size = headers.current.header.page_size();
        source.len = file.size().map_err(|e| Error::io("look at the file", e))?;
        source.reset();
        let gate = locks.gate();
        let catalogue = catalogue(options, source, &headers)?;
        let log = log::check(
            source,
            &headers,
            options.level,
            catalogue,
            options.max_findings,
        )?;
        drop(gate);
        let unchanged =
            choose(stable_slots(options.vfs.as_ref(), file.as_ref())?).as_ref() == Some(&headers);
        let quiet = log.findings.is_empty();
        let again = last.as_ref().is_some_and(|l| same(l, &log));
        if unchanged && (quiet || again) || attempt == ATTEMPTS {
            let mut log = log;
            if !unchanged || !(quiet || again) {
                let why = "the log kept changing while it was read";
                log.findings.discredit(why);
            }
            let pinned = pins.is_some();
            return Ok(Some(Snapshot {
                headers,
                log,
                pinned,
                _pins: pins.unwrap_or_default(),
            }));
        }
        last = unchanged.then_some(log);
        options.vfs.pause(Duration::from_millis(u64::from(attempt)));
    }
    Err(Error::io(
        "take a snapshot of",
        std::io::ErrorKind::ResourceBusy.into(),
    ))
}

/// Two looks that found the same in the same place.
fn same(a: &LogView, b: &LogView) -> bool {
    a.regions == b.regions && a.last_index == b.last_index && a.findings.same_as(&b.findings)
}

fn catalogue(options: &VerifyOptions, source: &Source<'_>, headers: &Headers) -> Result<Known> {
    if options.level == Depth::Quick {
        return Ok(Known::Unasked);
    }
    // Not through a map, and no larger than the file: its header may say anything.
    let mut header = headers.current.header.clone();
    header.page_count = header.page_count.min(source.file_pages());
    let pages = Pages::new(Arc::clone(&source.file), &header, false);
    match Catalogue::read(&pages, &header) {
        Ok(catalogue) => Ok(Known::All(catalogue)),
        Err(Error::Corrupt(_)) => Ok(Known::Damaged),
        Err(Error::Io { source, .. }) => Ok(Known::Refused(source.to_string())),
        Err(e) => Err(e),
    }
}

/// True where the headers are not the same any more.
pub(super) fn moved(
    options: &VerifyOptions,
    source: &Source<'_>,
    headers: &Headers,
) -> Result<bool> {
    let now = choose(stable_slots(options.vfs.as_ref(), source.file.as_ref())?);
    Ok(now.as_ref() != Some(headers))
}

/// Findings of a check that was not pinned while the file changed mean nothing.
pub(super) fn distrust(findings: &mut Findings) {
    findings.discredit("the file changed during the check and its pages could not be pinned");
}
