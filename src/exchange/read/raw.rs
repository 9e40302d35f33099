//! Lengths and bytes, nothing else: for programs. A record is the length of the key and of the
//! value, four bytes each, little-endian, then key and value.

use super::block::{Block, Op};
use super::decode::{Decode, Step, refuse};
use super::fault::{Fault, FaultCode, Flaw};
use super::names::Names;
use super::options::ReadOptions;

const HEAD: usize = 8;

/// The decoder.
pub(super) struct Raw {
    names: Names,
}

impl Raw {
    pub fn new(options: &ReadOptions) -> Raw {
        Raw {
            names: Names::new(&options.keyspace),
        }
    }
}

/// The lengths at the beginning of a record.
fn head(text: &[u8]) -> Option<(usize, usize)> {
    let (key, rest) = text.split_first_chunk::<4>()?;
    let (value, _) = rest.split_first_chunk::<4>()?;
    Some((
        u32::from_le_bytes(*key) as usize,
        u32::from_le_bytes(*value) as usize,
    ))
}

impl Decode for Raw {
    fn decode(&mut self, text: &[u8], last: bool, block: &mut Block) -> Result<Step, Fault> {
        let mut used = 0;
        let keyspace = block.keyspace(self.names.default());
        while !block.is_full() {
            let rest = text.get(used..).unwrap_or(&[]);
            if rest.is_empty() {
                break;
            }
            let place = |code| Flaw::new(code, 0).in_line(block.end.line + 1, block.end.byte);
            let record = head(rest).map(|(key, value)| (key, value, HEAD + key + value));
            if let Some((_, _, len)) = record
                && len > block.limits.line
            {
                return Err(place(FaultCode::LongLine));
            }
            let whole = record.and_then(|(key, value, len)| {
                let body = rest.get(HEAD..len)?;
                Some((key, value, len, body))
            });
            let Some((key, value, len, body)) = whole else {
                if last {
                    return Err(place(FaultCode::CutInput));
                }
                break;
            };
            match block.check(key, value) {
                Ok(()) => {
                    block.copy(block.used(), body);
                    block.push(Op::Put, keyspace, key, value);
                }
                Err(flaw) => refuse(block, flaw, rest.get(..len).unwrap_or(&[]))?,
            }
            block.advance(1, len);
            used += len;
        }
        Ok(Step { used, event: None })
    }

    fn resume_at(&mut self, _: &[u8]) -> Option<usize> {
        None
    }

    fn may_end(&self, _: &[u8]) -> bool {
        true
    }
}
