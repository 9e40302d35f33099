//! The text on its way out: a buffer that is counted and written when it is full.

use std::io::Write;

use crate::exchange::error::Result;
use crate::exchange::frame::{Tally, Trailer};

/// The buffer is written out when it holds this much.
const FULL: usize = 192 * 1024;
/// So much of a long value is encoded at once: a multiple of 3, so that base64 can be joined.
const PIECE: usize = 48 * 1024;
/// The largest text of one piece that no reallocation is wanted for.
const PIECE_TEXT: usize = PIECE * 2;

/// Where encoders write to.
pub struct Sink<'a> {
    buffer: Vec<u8>,
    to: Box<dyn Write + 'a>,
    pub(super) tally: Tally,
}

impl<'a> Sink<'a> {
    /// A sink before this writer.
    pub fn new(to: Box<dyn Write + 'a>) -> Sink<'a> {
        Sink {
            buffer: Vec::with_capacity(FULL + PIECE_TEXT),
            to,
            tally: Tally::new(),
        }
    }

    /// The end of the text, for short pieces.
    #[inline]
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Appends bytes of any length by a codec that can be applied piece by piece.
    #[inline]
    pub fn encode(&mut self, bytes: &[u8], codec: impl Fn(&[u8], &mut Vec<u8>)) -> Result<()> {
        if bytes.len() <= PIECE {
            codec(bytes, &mut self.buffer);
            return Ok(());
        }
        for piece in bytes.chunks(PIECE) {
            codec(piece, &mut self.buffer);
            self.spill()?;
        }
        Ok(())
    }

    /// Ends a record: writes the text out when there is enough of it.
    #[inline]
    pub fn spill(&mut self) -> Result<()> {
        if self.buffer.len() >= FULL {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        self.tally.text(&self.buffer);
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes everything and what `end` makes of the trailer, which covers all before.
    pub(super) fn finish(
        mut self,
        end: impl FnOnce(&Trailer, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Trailer> {
        self.write()?;
        let trailer = std::mem::take(&mut self.tally).finish();
        end(&trailer, &mut self.buffer)?;
        self.to.write_all(&self.buffer)?;
        self.to.flush()?;
        Ok(trailer)
    }
}
