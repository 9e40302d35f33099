//! The stream between copies with other values in it, and with checksums that fit.

use super::forge;
use crate::stream::frame::{Deframer, ENTRIES_PREFIX, Frame, Framer, Kind};

/// Takes in what a server sends and gives out what its client is to get.
#[derive(Debug, Default)]
pub(super) struct Forger {
    frames: Deframer,
    framer: Framer,
    /// No frames: passed on as it is.
    strange: bool,
}

impl Forger {
    /// What goes on to the client: whole frames.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.strange {
            return bytes.to_vec();
        }
        self.frames.trust();
        let mut rest = bytes;
        let mut out = Vec::new();
        loop {
            match self.frames.next_frame(&mut rest) {
                Ok(Some(frame)) => {
                    let body = forged(&frame).unwrap_or(frame.body);
                    self.framer
                        .push(&mut out, frame.kind, frame.flags, &[&body]);
                }
                Ok(None) => return out,
                Err(_) => {
                    self.strange = true;
                    return out;
                }
            }
        }
    }
}

fn forged(frame: &Frame) -> Option<Vec<u8>> {
    if frame.kind != Kind::Entries {
        return None;
    }
    let (prefix, entries) = frame.body.split_at_checked(ENTRIES_PREFIX)?;
    Some([prefix, &forge::entries(entries)?].concat())
}
