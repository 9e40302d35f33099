//! The two header slots: read both, choose the newer, write the older.
//!
//! Invariants kept here: H2 (a header goes to the slot of its parity), H4 and H5 (the next
//! generation names the one before), H6 (nothing goes backwards).

use std::io::IoSlice;
use std::path::Path;

use crate::defect::{Defect, planted};
use crate::error::{Corruption, Error, Result};
use crate::format::header::{Header, MAGIC, SlotState, WRONG_MAGIC};
use crate::format::pair::pick;
use crate::format::{Invariant, MAX_COUNTER, SLOT_OFFSETS, SLOT_SIZE};
use crate::sys::File;

/// Both slots as they stand.
#[derive(Debug, Clone)]
pub struct Slots {
    /// Slot A and slot B.
    pub states: [SlotState; 2],
}

/// The header to go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Its fields.
    pub header: Header,
    /// Its checksum.
    pub crc: u32,
}

/// Reads both slots. A slot that looks damaged is read again: it may have been caught in the
/// middle of a write.
pub fn read(file: &dyn File) -> Result<Slots> {
    let mut states = [read_slot(file, 0)?, read_slot(file, 1)?];
    for (i, state) in states.iter_mut().enumerate() {
        for _ in 0..3 {
            if !matches!(state, SlotState::Damaged(_)) {
                break;
            }
            *state = read_slot(file, i)?;
        }
    }
    Ok(Slots { states })
}

fn read_slot(file: &dyn File, slot: usize) -> Result<SlotState> {
    let mut bytes = [0u8; SLOT_SIZE];
    let got = file
        .read_at(&mut bytes, pick(&SLOT_OFFSETS, slot))
        .map_err(|e| Error::io("read the header", e))?;
    if got < SLOT_SIZE {
        // A short text is no damaged database; only a header that was cut is.
        let ours = got >= MAGIC.len() && bytes.starts_with(&MAGIC);
        let what = if ours {
            "the file ends inside the header zone"
        } else {
            WRONG_MAGIC
        };
        let damage = Corruption::new(Invariant::H1, what).at(pick(&SLOT_OFFSETS, slot));
        return Ok(SlotState::Damaged(damage));
    }
    Ok(match Header::decode(&bytes, slot) {
        SlotState::Valid(h, _) if h.generation.max(h.checkpoint_index) >= MAX_COUNTER => {
            let text = "generation or checkpoint index is out of range";
            SlotState::Damaged(Corruption::new(Invariant::H1, text).at(h.slot_offset()))
        }
        state => state,
    })
}

impl Slots {
    /// The valid header with the larger generation.
    pub fn current(&self, path: &Path) -> Result<Current> {
        let mut best: Option<Current> = None;
        for state in &self.states {
            if let SlotState::Valid(header, crc) = state
                && best
                    .as_ref()
                    .is_none_or(|b| b.header.generation < header.generation)
            {
                best = Some(Current {
                    header: (**header).clone(),
                    crc: *crc,
                });
            }
        }
        match best {
            // An unknown format in the other slot must not be overruled by an older header.
            Some(current) if !self.has_unsupported() => Ok(current),
            _ => Err(self.refusal(path)),
        }
    }

    /// True when a slot holds something that is neither a header nor blank.
    pub fn has_damage(&self) -> bool {
        self.states
            .iter()
            .any(|s| matches!(s, SlotState::Damaged(_)))
    }

    fn has_unsupported(&self) -> bool {
        self.states
            .iter()
            .any(|s| matches!(s, SlotState::Unsupported(_)))
    }

    fn refusal(&self, path: &Path) -> Error {
        let not_a_db = |reason: String| Error::NotADatabase {
            path: path.to_owned(),
            reason,
        };
        let mut damage = None;
        for state in &self.states {
            match state {
                SlotState::Unsupported(what) => return not_a_db(what.clone()),
                SlotState::Damaged(c) => damage = damage.or(Some(c.clone())),
                SlotState::Blank | SlotState::Valid(..) => {}
            }
        }
        match damage {
            Some(c) if self.looks_like_creel() => Error::Corrupt(c),
            _ => not_a_db("no header found".into()),
        }
    }

    /// A damaged slot that fails for another reason than its magic was a creel header once.
    fn looks_like_creel(&self) -> bool {
        self.states
            .iter()
            .any(|s| matches!(s, SlotState::Damaged(c) if c.detail != WRONG_MAGIC))
    }
}

/// Writes `header` (the successor of `before`) into its slot, durably.
pub fn write(file: &dyn File, before: &Current, header: &Header) -> Result<Current> {
    debug_assert_eq!(header.generation, before.header.generation + 1, "H4");
    debug_assert_eq!(header.prev_header_crc, before.crc, "H5");
    debug_assert!(
        header.checkpoint_index >= before.header.checkpoint_index,
        "H6"
    );
    debug_assert!(header.epoch >= before.header.epoch, "H6");
    if planted(Defect::OneHeaderSlot) {
        let _ = file.write_at(&[0; SLOT_SIZE], before.header.slot_offset());
    }
    write_bytes(file, header)?;
    Ok(Current {
        header: header.clone(),
        crc: header.crc(),
    })
}

/// Writes the bytes of a header that stands there already once more, so that it is certainly on
/// the medium (its first write may have failed in another process after filling the cache), and
/// with it everything that it names (a process that does not sync may have written it).
pub fn rewrite(file: &dyn File, current: &Current) -> Result<()> {
    let bytes = current.header.encode();
    file.write_at(&bytes, current.header.slot_offset())
        .and_then(|()| file.sync())
        .map_err(|e| Error::io("write the header", e))
}

fn write_bytes(file: &dyn File, header: &Header) -> Result<()> {
    let bytes = header.encode();
    file.write_durable_at(&[IoSlice::new(&bytes)], header.slot_offset())
        .map_err(|e| Error::io("write the header", e))
}
