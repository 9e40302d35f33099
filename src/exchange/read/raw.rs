//! Lengths and bytes, for programs: `docs/exchange.md` has the layout. The end marker counts and
//! sums up what came before it.

use super::block::{Block, Op};
use super::decode::{Decode, Step, refuse};
use super::fault::{Fault, FaultCode, Flaw};
use super::framed::TrailerState;
use super::names::Names;
use super::options::ReadOptions;

const MAGIC: &[u8] = b"creel-raw/1\n";
/// The two lengths before a record.
const HEAD: usize = 8;
/// Two zero lengths, the number of records, the checksum.
const END: usize = HEAD + 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Records,
    Ended,
}

/// The decoder.
pub(super) struct Raw {
    names: Names,
    place: Place,
    records: u64,
    crc: u32,
    allow_truncated: bool,
}

/// What stands at the beginning of a text.
enum Item<'a> {
    Record {
        key: usize,
        body: &'a [u8],
    },
    End {
        records: u64,
        crc: u32,
    },
    /// A length that no record can have.
    Long,
    Unfinished,
}

impl Raw {
    pub fn new(options: &ReadOptions) -> Raw {
        Raw {
            names: Names::new(&options.keyspace),
            place: Place::Start,
            records: 0,
            crc: 0,
            allow_truncated: options.allow_truncated,
        }
    }

    /// Takes the first bytes, which say what this is.
    fn start(&mut self, text: &[u8], last: bool, block: &Block) -> Result<usize, Fault> {
        if text.starts_with(MAGIC) {
            self.place = Place::Records;
            return Ok(MAGIC.len());
        }
        if MAGIC.starts_with(text) && !last {
            return Ok(0);
        }
        let code = match MAGIC.starts_with(text) {
            true => FaultCode::CutInput,
            false => FaultCode::BadHeader,
        };
        Err(Flaw::new(code, 0).in_line(1, block.end.byte))
    }

    fn end(&mut self, stated: (u64, u32), found: u32) -> Result<(), Flaw> {
        let mismatch = |what: &str| Flaw::new(FaultCode::TrailerDiffers, 0).detail(what);
        if stated.0 != self.records {
            let what = format!("it states {} records, {} came", stated.0, self.records);
            return Err(mismatch(&what));
        }
        if stated.1 != found {
            return Err(mismatch("crc32c"));
        }
        self.place = Place::Ended;
        Ok(())
    }
}

fn item(text: &[u8], longest: usize) -> Item<'_> {
    let lengths = text.get(..HEAD).and_then(|head| {
        let (key, rest) = head.split_first_chunk::<4>()?;
        let value = rest.first_chunk::<4>()?;
        Some((u32::from_le_bytes(*key), u32::from_le_bytes(*value)))
    });
    let Some((key, value)) = lengths else {
        return Item::Unfinished;
    };
    if (key, value) == (0, 0) {
        let end = text.get(HEAD..END).and_then(|rest| {
            let (records, crc) = rest.split_first_chunk::<8>()?;
            Some((*records, *crc.first_chunk::<4>()?))
        });
        return match end {
            Some((records, crc)) => Item::End {
                records: u64::from_le_bytes(records),
                crc: u32::from_le_bytes(crc),
            },
            None => Item::Unfinished,
        };
    }
    let len = key as usize + value as usize;
    if len > longest {
        return Item::Long;
    }
    match text.get(HEAD..HEAD + len) {
        Some(body) => Item::Record {
            key: key as usize,
            body,
        },
        None => Item::Unfinished,
    }
}

/// Decodes one record that stands alone.
pub(super) fn alone(text: &[u8], keyspace: u16, block: &mut Block) -> Result<(), Flaw> {
    match item(text, text.len()) {
        Item::Record { key, body } if HEAD + body.len() == text.len() => {
            block.check(key, body.len() - key)?;
            block.copy(block.used(), body);
            block.push(Op::Put, keyspace, key, body.len() - key);
            Ok(())
        }
        _ => Err(Flaw::new(FaultCode::BadLine, 0)),
    }
}

impl Decode for Raw {
    fn decode(&mut self, text: &[u8], last: bool, block: &mut Block) -> Result<Step, Fault> {
        let mut used = 0;
        if self.place == Place::Start && !text.is_empty() {
            used = self.start(text, last, block)?;
            block.advance(0, used);
        }
        let keyspace = block.keyspace(self.names.default());
        block.context(None, self.names.default());
        while self.place != Place::Start && !block.is_full() {
            let rest = text.get(used..).unwrap_or(&[]);
            if rest.is_empty() {
                break;
            }
            let place = |flaw: Flaw| flaw.in_line(block.end.line + 1, block.end.byte);
            if self.place == Place::Ended {
                return Err(place(Flaw::new(FaultCode::AfterTrailer, 0)));
            }
            let len = match item(rest, block.limits.line) {
                Item::Long => return Err(place(Flaw::new(FaultCode::LongLine, 0))),
                Item::Unfinished => break,
                Item::End { records, crc } => {
                    // The marker's own first bytes count, up to the checksum.
                    let before = text.get(..used + END - 4).unwrap_or(&[]);
                    let found = crc32c::crc32c_append(self.crc, before);
                    self.end((records, crc), found).map_err(place)?;
                    END
                }
                Item::Record { key, body } => {
                    match block.check(key, body.len() - key) {
                        Ok(()) => {
                            block.copy(block.used(), body);
                            block.push(Op::Put, keyspace, key, body.len() - key);
                        }
                        Err(flaw) => {
                            let whole = rest.get(..HEAD + body.len()).unwrap_or(body);
                            refuse(block, flaw, whole)?;
                        }
                    }
                    self.records += 1;
                    HEAD + body.len()
                }
            };
            block.advance(1, len);
            used += len;
        }
        self.crc = crc32c::crc32c_append(self.crc, text.get(..used).unwrap_or(&[]));
        Ok(Step { used, event: None })
    }

    fn resume_at(&mut self, _: &[u8]) -> Option<usize> {
        None
    }

    fn may_end(&self, _: &[u8]) -> bool {
        true
    }

    fn finish(&mut self, block: &Block) -> Result<TrailerState, Fault> {
        match self.place {
            Place::Ended => return Ok(TrailerState::Matched),
            Place::Records if self.allow_truncated => return Ok(TrailerState::Missing),
            _ => {}
        }
        Err(Fault::new(
            FaultCode::CutInput,
            block.end.line + 1,
            block.end.byte,
        ))
    }
}
