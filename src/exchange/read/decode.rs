//! What all formats have in common.

use super::block::Block;
use super::fault::{Fault, FaultCode, Flaw};
use super::framed::TrailerState;

/// How far a decoder came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes decoded; the block says the same.
    pub used: usize,
    /// What stands there, where it is no record.
    pub event: Option<Event>,
}

/// A line that frames the records; its length follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Header(usize),
    Trailer(usize),
}

/// Turns text into records.
pub(super) trait Decode: Send {
    /// Decodes whole records from the beginning of `text` until the block is full; `last`: nothing
    /// follows the text. What is left is shown again, with more behind it.
    fn decode(&mut self, text: &[u8], last: bool, block: &mut Block) -> Result<Step, Fault>;

    /// Bytes up to where reading can go on after a record that is too long; `None` where the
    /// format has no such place.
    fn resume_at(&mut self, text: &[u8]) -> Option<usize> {
        super::text::rest_of_line(text)
    }

    /// False where a record that has begun cannot end in `fresh`, which was read behind it.
    fn may_end(&self, fresh: &[u8]) -> bool {
        memchr::memchr(b'\n', fresh).is_some()
    }

    /// Called at the end of the input: what the format itself says about the end.
    fn finish(&mut self, block: &Block) -> Result<TrailerState, Fault> {
        let _ = block;
        Ok(TrailerState::None)
    }
}

/// Refuses a line that is longer than is allowed; true where it was.
#[inline]
pub(super) fn refuse_long(block: &mut Block, line: &[u8]) -> bool {
    let long = line.len() > block.limits.line;
    if long {
        block.reject(Flaw::new(FaultCode::LongLine, block.limits.line), line);
    }
    long
}

/// A flaw in the record at the end of the block: refused, unless nothing can follow it.
pub(super) fn refuse(block: &mut Block, flaw: Flaw, raw: &[u8]) -> Result<(), Fault> {
    let fault = flaw.clone().in_line(block.end.line + 1, block.end.byte);
    if fault.is_fatal() {
        return Err(fault);
    }
    block.reject(flaw, raw);
    Ok(())
}
