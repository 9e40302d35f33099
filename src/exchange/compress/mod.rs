//! Compression on the way in and out: zstd and gzip. Nothing is held but the window of the stream,
//! so a small file that unpacks to a huge one costs time, not memory.

mod input;
mod output;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

pub use input::Input;
pub use output::Output;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// zstd at this level, 1 to 19.
    Zstd(i32),
    /// gzip.
    Gzip,
}

/// The level of `zstd` without a number.
const ZSTD_LEVEL: i32 = 3;

impl Compression {
    /// What the name of a file asks for: `.zst`, `.gz`, or nothing.
    pub fn of_path(path: &Path) -> Compression {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match extension.to_ascii_lowercase().as_str() {
            "zst" | "zstd" => Compression::Zstd(ZSTD_LEVEL),
            "gz" | "gzip" => Compression::Gzip,
            _ => Compression::None,
        }
    }

    /// Its name, without the level.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Zstd(_) => "zstd",
            Compression::Gzip => "gzip",
        }
    }
}

/// A text that names no compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotACompression;

impl fmt::Display for NotACompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("known are none, gzip, zstd and zstd:1 to zstd:19")
    }
}

impl std::error::Error for NotACompression {}

impl FromStr for Compression {
    type Err = NotACompression;

    fn from_str(text: &str) -> Result<Self, NotACompression> {
        match text {
            "none" => Ok(Compression::None),
            "gzip" => Ok(Compression::Gzip),
            "zstd" => Ok(Compression::Zstd(ZSTD_LEVEL)),
            _ => {
                let level = text.strip_prefix("zstd:").and_then(|n| n.parse().ok());
                level
                    .filter(|n| (1..=19).contains(n))
                    .map(Compression::Zstd)
                    .ok_or(NotACompression)
            }
        }
    }
}
