//! The formats that data comes and goes in.

use std::path::Path;

use super::compress::Compression;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// What LMDB and Berkeley DB dump.
    Mdb,
    /// Comma-separated values, RFC 4180, two columns.
    Csv,
    /// Key, tab, value.
    Tsv,
    /// Lengths and bytes.
    Raw,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] = [
        Format::Jsonl,
        Format::Mdb,
        Format::Csv,
        Format::Tsv,
        Format::Raw,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Mdb => "mdb",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Raw => "raw",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.name() == name)
    }

    /// What the name of a file says, without the ending that names its compression.
    pub fn of_path(path: &Path) -> Option<Format> {
        let inner = match Compression::of_path(path) {
            Compression::None => path.to_owned(),
            _ => path.with_extension(""),
        };
        let extension = inner.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
            other => Format::from_name(other),
        }
    }

    /// What the first bytes of uncompressed data say, where they say it.
    pub fn of_start(start: &[u8]) -> Option<Format> {
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        if start.starts_with(b"creel-raw/") {
            Some(Format::Raw)
        } else if text.starts_with(b"VERSION=") {
            Some(Format::Mdb)
        } else if text.trim_ascii_start().starts_with(b"{") {
            Some(Format::Jsonl)
        } else {
            None
        }
    }

    /// Whether records of several keyspaces fit into one file.
    pub const fn holds_keyspaces(self) -> bool {
        matches!(self, Format::Jsonl | Format::Mdb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings() {
        for (path, format) in [
            ("a.jsonl", Some(Format::Jsonl)),
            ("a.csv.gz", Some(Format::Csv)),
            ("dir.csv/a.TSV.zst", Some(Format::Tsv)),
            ("a.raw", Some(Format::Raw)),
            ("a.db", None),
            ("a.zst", None),
            ("csv", None),
        ] {
            assert_eq!(Format::of_path(Path::new(path)), format, "{path}");
        }
        for (start, format) in [
            (&b"{\"creel\""[..], Some(Format::Jsonl)),
            (b"\xef\xbb\xbf \n{", Some(Format::Jsonl)),
            (b"VERSION=3\n", Some(Format::Mdb)),
            (b"creel-raw/1\n", Some(Format::Raw)),
            (b"key,value\r\n", None),
            (b"", None),
        ] {
            assert_eq!(Format::of_start(start), format);
        }
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
        }
    }
}
