//! Text outside of JSON that stands for bytes.

use super::block::Block;
use super::fault::Flaw;
use super::options::CellEnc;
use super::{base64, escape};

/// Decodes a cell into the block's room at `at`; returns the length.
pub(super) fn put(enc: CellEnc, text: &[u8], block: &mut Block, at: usize) -> Result<usize, Flaw> {
    match enc {
        CellEnc::Raw => Ok(block.copy(at, text) - at),
        CellEnc::Hex => escape::hex(text, block.room(at, text.len() / 2)),
        CellEnc::Escape => escape::escaped(text, block.room(at, text.len())),
        CellEnc::Print => escape::printed(text, block.room(at, text.len())),
        CellEnc::Base64 => {
            let room = block.room(at, base64::room_for(text.len()));
            base64::decode(text, room).ok_or_else(|| base64::flaw(text))
        }
    }
}
