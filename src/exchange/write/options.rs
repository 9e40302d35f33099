//! What is to be written, and how.

use std::io::Write;

use super::export::Export;
use super::{Encoder, csv, jsonl, mdb, raw, tsv};
use crate::exchange::error::{Error, Result};
use crate::exchange::format::Format;
use crate::exchange::frame::{self, Header};

/// How keys and values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enc {
    /// Standard base64.
    Base64,
    /// Text.
    Utf8,
    /// Hexadecimal digits.
    Hex,
    /// Text where that is possible, base64 elsewhere.
    Auto,
    /// LMDB's form for printing.
    Print,
}

/// What is to be written, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The format.
    pub format: Format,
    /// How keys and values are written; `None` is what the format is known for.
    pub enc: Option<Enc>,
    /// The header of a framed export; without one jsonl has no trailer either.
    pub header: Option<Header>,
    /// Csv: no line with the names of the columns.
    pub no_heading: bool,
    /// Mdb: bytes of address space that its reader should set aside.
    pub mapsize: u64,
}

impl Options {
    /// Begins an export.
    pub fn start<'a>(&self, to: Box<dyn Write + 'a>) -> Result<Export<'a>> {
        Export::start(self.encoder()?, to)
    }

    /// The encoding that a header states; an error where the format does not have it.
    pub fn stated_enc(&self) -> Result<frame::Enc> {
        self.encoder()?;
        Ok(match self.enc {
            None | Some(Enc::Base64 | Enc::Print) => frame::Enc::Base64,
            Some(Enc::Utf8) => frame::Enc::Utf8,
            Some(Enc::Hex) => frame::Enc::Hex,
            Some(Enc::Auto) => frame::Enc::Auto,
        })
    }

    fn encoder(&self) -> Result<Box<dyn Encoder>> {
        let other = || Error::NotHeld {
            format: self.format.name(),
            what: "this encoding",
        };
        Ok(match (self.format, self.enc) {
            (Format::Jsonl, Some(Enc::Print)) => return Err(other()),
            (Format::Jsonl, enc) => Box::new(jsonl::Jsonl::new(
                enc.unwrap_or(Enc::Base64),
                self.header.clone(),
            )),
            (Format::Csv, enc) => {
                let cells = match enc {
                    None | Some(Enc::Utf8) => csv::Cells::Text,
                    Some(Enc::Base64) => csv::Cells::Base64,
                    Some(Enc::Hex) => csv::Cells::Hex,
                    Some(Enc::Auto | Enc::Print) => return Err(other()),
                };
                Box::new(csv::Csv::new(cells, !self.no_heading))
            }
            (Format::Mdb, None | Some(Enc::Hex)) => Box::new(mdb::Mdb::new(false, self.mapsize)),
            (Format::Mdb, Some(Enc::Print)) => Box::new(mdb::Mdb::new(true, self.mapsize)),
            (Format::Tsv, None) => Box::new(tsv::Tsv),
            (Format::Raw, None) => Box::new(raw::Raw),
            _ => return Err(other()),
        })
    }
}
