//! The frame of an export: a header line before the records and a trailer line after them, by
//! which a reader knows that it has all of it, unchanged.

mod header;
mod json;
mod position;
mod tally;
#[cfg(test)]
mod tests;
mod trailer;

pub use header::{Enc, FORMAT, Header, Order};
pub use position::{NotAPosition, Position};
pub use tally::Tally;
pub use trailer::Trailer;

/// What a line is, by its first field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// `{"creel":`
    Header,
    /// `{"creel_end":`
    Trailer,
    /// Anything else.
    Other,
}

/// Tells header and trailer from other lines without parsing them.
pub fn kind(line: &[u8]) -> Line {
    let rest = skip(line, b'{').and_then(|rest| skip(rest, b'"'));
    match rest {
        Some(rest) if rest.starts_with(b"creel\"") => Line::Header,
        Some(rest) if rest.starts_with(b"creel_end\"") => Line::Trailer,
        _ => Line::Other,
    }
}

/// What follows this byte, which stands at the start or behind blanks.
fn skip(text: &[u8], byte: u8) -> Option<&[u8]> {
    text.trim_ascii_start().strip_prefix(&[byte])
}
