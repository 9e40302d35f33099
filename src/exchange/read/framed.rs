//! Header, trailer and order: what an input promises, held against what it brings.

use super::block::{Block, Mark, Op, Record};
use super::fault::{Fault, FaultCode};
use super::options::ReadOptions;
use crate::defect::{Defect, planted};
use crate::exchange::Error;
use crate::exchange::frame::{Header, Tally, Trailer};

/// What is known about the end of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrailerState {
    /// Nothing in the input says where it has to end.
    #[default]
    None,
    /// The header promises a trailer that has not come yet.
    Awaited,
    /// The trailer came and matches.
    Matched,
    /// The trailer is missing, and that was allowed.
    Missing,
}

impl TrailerState {
    /// One word for reports.
    pub const fn name(self) -> &'static str {
        match self {
            TrailerState::None => "none",
            TrailerState::Awaited => "awaited",
            TrailerState::Matched => "matched",
            TrailerState::Missing => "missing",
        }
    }
}

/// Watches the records go by.
#[derive(Debug, Default)]
pub(super) struct Framed {
    pub header: Option<Header>,
    pub state: TrailerState,
    bare: bool,
    sorted: bool,
    tally: Tally,
    rejected: u64,
    /// Keyspace and key of the record before.
    keyspace: String,
    key: Vec<u8>,
    /// The keyspace has a key by now; before that, ranges may come.
    keyed: bool,
    begun: bool,
}

impl Framed {
    pub fn new(options: &ReadOptions) -> Framed {
        Framed {
            bare: options.bare,
            sorted: options.sorted,
            ..Framed::default()
        }
    }

    /// True when keys have to rise.
    pub fn promises_order(&self) -> bool {
        self.sorted || self.header.is_some()
    }

    /// Takes a header line, which stands here.
    pub fn begin(&mut self, line: &[u8], at: Mark, first: bool) -> Result<(), Fault> {
        let fault = |code| Fault::new(code, at.line + 1, at.byte);
        if self.state == TrailerState::Matched {
            let detail = "another export begins here: two files were joined";
            return Err(fault(FaultCode::AfterTrailer).detail(detail));
        }
        if self.bare {
            return Err(fault(FaultCode::FramedInBare));
        }
        if !first {
            return Err(fault(FaultCode::HeaderInside));
        }
        let header = Header::parse(line).map_err(|e| told(e, at))?;
        if line.last() != Some(&b'\n') {
            return Err(fault(FaultCode::NoTrailer));
        }
        self.header = Some(header);
        self.state = TrailerState::Awaited;
        Ok(())
    }

    /// Takes a trailer line, which stands here.
    pub fn end(&mut self, line: &[u8], at: Mark) -> Result<(), Fault> {
        let fault = |code| Fault::new(code, at.line + 1, at.byte);
        match self.state {
            TrailerState::Awaited => {}
            TrailerState::Matched => return Err(fault(FaultCode::AfterTrailer)),
            _ if self.bare => return Err(fault(FaultCode::FramedInBare)),
            _ => return Err(fault(FaultCode::LoneTrailer)),
        }
        let stated = Trailer::parse(line).map_err(|e| told(e, at))?;
        let mut found = std::mem::take(&mut self.tally).finish();
        found.bytes = at.byte;
        found.crc32c = at.crc;
        if self.rejected > 0 {
            // The digest of records that could not be read is not known; the checksum of the
            // text covers them.
            found.records += self.rejected;
            found.digest = stated.digest;
            found.first_key.clone_from(&stated.first_key);
            found.last_key.clone_from(&stated.last_key);
        }
        if !planted(Defect::DigestUnchecked) {
            stated.check(&found).map_err(|e| told(e, at))?;
        }
        self.state = TrailerState::Matched;
        Ok(())
    }

    /// Holds the records of a block, from the `from`-th on, against what is promised.
    pub fn records(&mut self, block: &Block, from: (usize, usize)) -> Result<(), Fault> {
        self.rejected += (block.rejects().len() - from.1) as u64;
        let framed = self.header.is_some();
        if !framed && !self.sorted {
            return Ok(());
        }
        let mut present = u16::MAX;
        for i in from.0..block.len() {
            let Some(record) = block.get(i) else { break };
            if record.keyspace != present {
                present = record.keyspace;
                let name = block.keyspaces().get(usize::from(present));
                self.enter(name.map_or("", |n| n), &record)?;
            }
            self.order(&record, framed)?;
            if framed {
                match record.op {
                    Op::Put => self.tally.entry(record.key, record.value),
                    Op::Delete => self.tally.delete(record.key),
                    Op::DeleteRange => self.tally.delete_range(record.key, Some(record.value)),
                    Op::DeleteFrom => self.tally.delete_range(record.key, None),
                    Op::Drop => self.tally.delete_range(b"", None),
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, name: &str, record: &Record<'_>) -> Result<(), Fault> {
        if self.begun && self.keyspace == name {
            return Ok(());
        }
        if self.begun && name < self.keyspace.as_str() {
            let fault = Fault::new(FaultCode::OutOfOrder, record.line, record.byte);
            return Err(fault.detail("keyspaces come in the order of their names"));
        }
        name.clone_into(&mut self.keyspace);
        self.tally.keyspace(name);
        self.begun = true;
        self.keyed = false;
        Ok(())
    }

    #[inline]
    fn order(&mut self, record: &Record<'_>, strictly: bool) -> Result<(), Fault> {
        if record.op.is_range() {
            return match self.keyed {
                true => Err(Fault::new(FaultCode::LateRange, record.line, record.byte)),
                false => Ok(()),
            };
        }
        if self.keyed {
            let before = self.key.as_slice().cmp(record.key);
            if before.is_gt() || (strictly && before.is_eq()) {
                let fault = Fault::new(FaultCode::OutOfOrder, record.line, record.byte);
                return Err(fault);
            }
        }
        self.keyed = true;
        self.key.clear();
        self.key.extend_from_slice(record.key);
        Ok(())
    }

    /// The input ends here. `format`: what the format itself says about that.
    pub fn finish(
        &mut self,
        at: Mark,
        format: TrailerState,
        allow_truncated: bool,
    ) -> Result<(), Fault> {
        if self.state == TrailerState::None {
            self.state = format;
        }
        if self.state != TrailerState::Awaited {
            return Ok(());
        }
        if !allow_truncated && !planted(Defect::TrailerUnchecked) {
            return Err(Fault::new(FaultCode::NoTrailer, at.line + 1, at.byte));
        }
        self.state = TrailerState::Missing;
        Ok(())
    }
}

/// An error of the frame as a fault.
fn told(error: Error, at: Mark) -> Fault {
    let code = match &error {
        Error::Header { .. } => FaultCode::BadHeader,
        Error::Unsupported { .. } => FaultCode::Unsupported,
        Error::Mismatch { .. } => FaultCode::TrailerDiffers,
        Error::Unterminated | Error::NoTrailer => FaultCode::NoTrailer,
        Error::AfterTrailer => FaultCode::AfterTrailer,
        Error::NoHeader => FaultCode::LoneTrailer,
        _ => FaultCode::BadTrailer,
    };
    Fault::new(code, at.line + 1, at.byte).detail(error.to_string())
}
