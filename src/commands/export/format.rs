//! Formats and encodings as they are named on the command line.

use clap::ValueEnum;
use creel::Info;
use creel::exchange::Format;
use creel::exchange::write::Enc;

/// `--format`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OutputFormat {
    /// JSON lines between a header and a trailer
    Jsonl,
    /// What mdb_load reads
    Mdb,
    /// Comma-separated values
    Csv,
    /// Escaped lines, as `list` prints them
    Tsv,
    /// Lengths and bytes
    Raw,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Format {
        match format {
            OutputFormat::Jsonl => Format::Jsonl,
            OutputFormat::Mdb => Format::Mdb,
            OutputFormat::Csv => Format::Csv,
            OutputFormat::Tsv => Format::Tsv,
            OutputFormat::Raw => Format::Raw,
        }
    }
}

/// `--enc`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OutputEnc {
    /// Standard base64
    Base64,
    /// Text
    Utf8,
    /// Hexadecimal digits
    Hex,
    /// Text where that is possible, base64 elsewhere
    Auto,
    /// LMDB's form for printing
    Print,
}

impl From<OutputEnc> for Enc {
    fn from(enc: OutputEnc) -> Enc {
        match enc {
            OutputEnc::Base64 => Enc::Base64,
            OutputEnc::Utf8 => Enc::Utf8,
            OutputEnc::Hex => Enc::Hex,
            OutputEnc::Auto => Enc::Auto,
            OutputEnc::Print => Enc::Print,
        }
    }
}

/// What an LMDB environment needs for the entries, generously: it is address space, the file that
/// `mdb_load` makes grows with its data.
pub fn mapsize(info: &Info, entries: u64) -> u64 {
    const UNIT: u64 = 1 << 20;
    let regions: u64 = info.regions.iter().map(|r| r.bytes).sum();
    let stored = info.logical_bytes.saturating_add(regions);
    let need = stored
        .saturating_mul(4)
        .saturating_add(entries.saturating_mul(64));
    need.saturating_add(16 * UNIT)
        .div_ceil(UNIT)
        .saturating_mul(UNIT)
}
