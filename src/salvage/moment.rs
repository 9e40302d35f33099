//! The file as it is read: opened for reading only, its headers chosen, their pages pinned.

use std::path::Path;
use std::sync::Arc;

use super::report::SalvageOptions;
use crate::check::slots::{Headers, choose};
use crate::check::snapshot::{Locks, stable_slots};
use crate::check::source::Source;
use crate::error::{Corruption, Error, Result};
use crate::format::header::{Header, SlotState};
use crate::format::page::check_page;
use crate::format::pair::pick;
use crate::format::{Invariant, MAX_COUNTER, SLOT_OFFSETS, SLOT_SIZE};
use crate::progress::Progress;
use crate::store::pins::Pin;
use crate::store::slots::Slots;
use crate::sys::{Access, File, Vfs};

/// How often a file that changes is looked at again.
const ATTEMPTS: u32 = 8;

/// The file and what its header zone says.
pub(super) struct Moment<'a> {
    pub source: Source<'a>,
    pub slots: Slots,
    /// `None`: neither header can be used.
    pub headers: Option<Headers>,
    pub locks: Locks,
    pub pinned: bool,
    pub writer_active: bool,
    /// Both headers are whole and belong to different files.
    pub mixed: bool,
    /// Kept as long as pages are read.
    _pins: Vec<Pin>,
}

impl<'a> Moment<'a> {
    /// Opens the file and pins what its headers name.
    pub fn take(
        path: &Path,
        options: &SalvageOptions,
        progress: &'a dyn Progress,
    ) -> Result<Moment<'a>> {
        let vfs = options.vfs.as_ref();
        let file = vfs
            .open(path, Access::Read)
            .map_err(|e| Error::on_open(path, e))?;
        let len = file.size().map_err(|e| Error::io_at("look at", path, e))?;
        let locks = Locks::open(vfs, path, file.as_ref());
        let source = Source::new(Arc::clone(&file), len, progress);
        let mut moment = Moment {
            slots: slots_of(vfs, file.as_ref())?,
            source,
            headers: None,
            writer_active: locks.writer_active(),
            locks,
            pinned: false,
            mixed: false,
            _pins: Vec::new(),
        };
        for _ in 0..ATTEMPTS {
            let slots = slots_of(vfs, file.as_ref())?;
            refuse_newer_format(&slots, path)?;
            let headers = choose(slots.clone());
            let older = |h: &Headers| h.older.clone();
            let different =
                |h: &Headers| older(h).is_some_and(|o| !is_same_file(&h.current.header, &o.header));
            moment.mixed = headers.as_ref().is_some_and(different);
            moment.headers = headers.map(|h| prefer_own(h, &moment));
            moment.slots = slots;
            let Some(headers) = &moment.headers else {
                return Ok(moment);
            };
            let pins = moment.locks.pin(headers);
            // Only if the headers are still the newest is the pin seen by every later reuse.
            let again = slots_of(vfs, file.as_ref())?;
            if again.states == moment.slots.states {
                moment.source.page_size = headers.current.header.page_size();
                moment.source.len = file.size().map_err(|e| Error::io_at("look at", path, e))?;
                moment.pinned = pins.is_some();
                moment._pins = pins.unwrap_or_default();
                return Ok(moment);
            }
        }
        Err(Error::io_at(
            "take a snapshot of",
            path,
            std::io::ErrorKind::ResourceBusy.into(),
        ))
    }

    /// A slot holds neither a header nor nothing: it may have been the newest header.
    pub fn has_lost_slot(&self) -> bool {
        self.slots.has_damage()
    }
}

/// Both slots; one that the medium refuses to read counts as damaged.
fn slots_of(vfs: &dyn Vfs, file: &dyn File) -> Result<Slots> {
    match stable_slots(vfs, file) {
        Err(Error::Io { .. }) => Ok(Slots {
            states: [slot_of(file, 0), slot_of(file, 1)],
        }),
        other => other,
    }
}

fn slot_of(file: &dyn File, slot: usize) -> SlotState {
    let mut bytes = [0u8; SLOT_SIZE];
    let at = pick(&SLOT_OFFSETS, slot);
    let bad = |what: String| SlotState::Damaged(Corruption::new(Invariant::H1, what).at(at));
    match file.read_at(&mut bytes, at) {
        Err(e) => bad(format!("the header cannot be read: {e}")),
        Ok(_) => match Header::decode(&bytes, slot) {
            SlotState::Valid(h, _) if h.generation.max(h.checkpoint_index) >= MAX_COUNTER => {
                bad("generation or checkpoint index is out of range".into())
            }
            state => state,
        },
    }
}

/// A header of a later format says that this program cannot know what it would do.
fn refuse_newer_format(slots: &Slots, path: &Path) -> Result<()> {
    let unsupported = slots.states.iter().find_map(|state| match state {
        SlotState::Unsupported(what) => Some(what.clone()),
        _ => None,
    });
    match unsupported {
        Some(reason) => Err(Error::NotADatabase {
            path: path.to_owned(),
            reason,
        }),
        None => Ok(()),
    }
}

/// Two whole headers of different files: the one whose root and log regions are here is right.
fn prefer_own(mut headers: Headers, moment: &Moment<'_>) -> Headers {
    let Some(older) = headers.older.take() else {
        return headers;
    };
    if is_same_file(&headers.current.header, &older.header) {
        headers.older = Some(older);
        return headers;
    }
    let file = moment.source.file.as_ref();
    let fits = |header: &Header| {
        let regions = crate::wal::tail::read_regions(file, header);
        let mut page = vec![0; header.page_size()];
        let at = u64::from(header.root_page) * page.len() as u64;
        let read = file
            .read_at(&mut page, at)
            .is_ok_and(|got| got == page.len());
        let root = check_page(&page, header.root_page).ok().filter(|_| read);
        let has_root = root.is_some_and(|root| root.crc == header.root_crc);
        regions.map_or(0, |regions| regions.iter().flatten().count()) + 2 * usize::from(has_root)
    };
    if fits(&older.header) > fits(&headers.current.header) {
        headers.current = older;
    }
    headers
}

/// H3.
fn is_same_file(a: &Header, b: &Header) -> bool {
    (a.page_shift, a.lineage_id, a.file_id) == (b.page_shift, b.lineage_id, b.file_id)
}
