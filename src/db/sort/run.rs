//! One sorted run: blocks in memory, or a stretch of the scratch file.

use std::ops::Range;
use std::sync::Arc;

use super::record::{self, Record, head};
use crate::error::{Error, Result};
use crate::sys::File;

/// A sorted run that nobody reads yet.
#[derive(Debug)]
pub(super) struct Run {
    /// First and last full key.
    pub first: Vec<u8>,
    pub last: Vec<u8>,
    pub place: Place,
}

/// Where a run lies.
#[derive(Debug)]
pub(super) enum Place {
    /// Blocks one after the other.
    Memory(Vec<Vec<u8>>),
    /// Bytes of a scratch file.
    Disk(Arc<dyn File>, Range<u64>),
}

/// Reads a run from front to back.
#[derive(Debug)]
pub(super) struct Reader {
    ordinals: bool,
    buf: Vec<u8>,
    /// Where the next record begins.
    pos: usize,
    /// The present record; `None` at the end.
    present: Option<Record>,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Memory(std::vec::IntoIter<Vec<u8>>),
    Disk {
        file: Arc<dyn File>,
        left: Range<u64>,
        /// Bytes to read at a time.
        chunk: usize,
    },
}

impl Reader {
    /// At the first record.
    pub fn new(run: Run, chunk: usize, ordinals: bool) -> Result<Reader> {
        let rest = match run.place {
            Place::Memory(blocks) => Rest::Memory(blocks.into_iter()),
            Place::Disk(file, left) => Rest::Disk { file, left, chunk },
        };
        let mut reader = Reader {
            ordinals,
            buf: Vec::new(),
            pos: 0,
            present: None,
            rest,
        };
        reader.advance()?;
        Ok(reader)
    }

    /// Goes on to the next record.
    #[inline]
    pub fn advance(&mut self) -> Result<()> {
        self.present = record::at(&self.buf, self.pos, self.ordinals);
        if self.present.is_none() {
            self.refill()?;
        }
        if let Some(present) = &self.present {
            self.pos = present.value.end;
        }
        Ok(())
    }

    #[cold]
    fn refill(&mut self) -> Result<()> {
        match &mut self.rest {
            Rest::Memory(blocks) => {
                // Gives the memory of the block before back.
                self.buf = blocks.next().unwrap_or_default();
                self.pos = 0;
                self.present = record::at(&self.buf, 0, self.ordinals);
            }
            Rest::Disk { file, left, chunk } => {
                let mut want = *chunk;
                while self.present.is_none() && (!left.is_empty() || self.pos < self.buf.len()) {
                    if left.is_empty() {
                        return Err(cut_short());
                    }
                    self.buf.drain(..self.pos);
                    self.pos = 0;
                    read_more(file.as_ref(), left, &mut self.buf, want)?;
                    self.present = record::at(&self.buf, 0, self.ordinals);
                    want = want.saturating_mul(2); // a record larger than the buffer
                }
            }
        }
        Ok(())
    }

    /// True behind the last record.
    pub fn is_done(&self) -> bool {
        self.present.is_none()
    }

    /// The present full key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        let key = self.present.as_ref().map_or(0..0, |r| r.key.clone());
        self.buf.get(key).unwrap_or(&[])
    }

    /// The present value; `None` for a delete.
    #[inline]
    pub fn value(&self) -> Option<&[u8]> {
        let present = self.present.as_ref().filter(|r| !r.is_delete)?;
        self.buf.get(present.value.clone())
    }

    /// Number of the present record in the input.
    pub fn ordinal(&self) -> u64 {
        self.present.as_ref().map_or(0, |r| r.ordinal)
    }

    /// Eight bytes of the present key; the largest number at the end.
    #[inline]
    pub fn head(&self, skip: usize) -> u64 {
        match &self.present {
            Some(_) => head(self.key(), skip),
            None => u64::MAX,
        }
    }
}

fn read_more(file: &dyn File, left: &mut Range<u64>, buf: &mut Vec<u8>, want: usize) -> Result<()> {
    let have = buf.len();
    let more = (left.end - left.start).min(want as u64) as usize;
    buf.resize(have + more, 0);
    let room = buf.get_mut(have..).unwrap_or(&mut []);
    let got = file
        .read_at(room, left.start)
        .map_err(|e| Error::io("read the scratch file", e))?;
    if got < more {
        return Err(cut_short());
    }
    left.start += got as u64;
    Ok(())
}

fn cut_short() -> Error {
    let kind = std::io::ErrorKind::UnexpectedEof;
    Error::io("read the scratch file", kind.into())
}
